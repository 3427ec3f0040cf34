//! The result on standard output.

use std::fmt::Write as _;
use std::io::Write as _;

use types::Expression;

use crate::cli::EvaluateArgs;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::score::{Grouping, Groupings, Interval, Score, TrickScores, Unaligned, counted, told};
use crate::tricks::Trick;

/// Prints the result as JSON or as tables.
///
/// # Errors
/// [`Exit::Unavailable`] where nobody takes it.
pub fn print(score: &Score, args: &EvaluateArgs) -> Result<(), Failure> {
    let text = if args.json {
        serde_json::to_string(score).or_exit(Exit::Internal, || "the result".into())? + "\n"
    } else {
        tables(score)
    };
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())
}

// Writing to a string cannot fail.
fn tables(score: &Score) -> String {
    let mut text = facts(score);
    classes(score, &mut text);
    score.tricks.iter().for_each(|tricks| trick_table(tricks, &mut text));
    // The measured ones are many; the report and --json have them.
    let brought = score.groups.0.iter().filter(|grouping| !Groupings::has_measured(&grouping.by));
    brought.for_each(|grouping| group_table(grouping, &mut text));
    text
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn percents(interval: Option<Interval>) -> String {
    interval
        .map_or_else(String::new, |Interval(low, high)| format!("[{:.1}, {:.1}]", 100.0 * low, 100.0 * high))
}

fn shares(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |Interval(low, high)| format!("[{low:.3}, {high:.3}]"))
}

fn facts(score: &Score) -> String {
    let (mut text, i) = (String::new(), &score.intervals);
    let facts = [
        ("pictures", score.images.to_string()),
        ("judged", score.judged.to_string()),
        ("unaligned", unaligned(score)),
        ("rejected", format!("{}  {}", score.rejected, counted(&score.rejected_for))),
        ("accuracy", format!("{}  {}  rejected = wrong", percent(score.accuracy), percents(i.accuracy))),
        ("accuracy judged", format!("{}  {}", percent(score.accuracy_judged), percents(i.accuracy_judged))),
        (
            "macro recall",
            format!(
                "{:.3}  {}  of the classes that have pictures",
                score.macro_recall,
                shares(i.macro_recall)
            ),
        ),
        ("macro F1", format!("{:.3}  {}", score.macro_f1, shares(i.macro_f1))),
        ("ECE", format!("{:.3}  {}", score.ece, shares(i.ece))),
    ];
    for (name, value) in facts {
        let _ = writeln!(text, "{name:<16} {}", value.trim_end());
    }
    text
}

/// What `--crops` judges although the gate rejects its alignment, and what it would be without.
fn unaligned(score: &Score) -> String {
    let Unaligned { images, correct, rejected_for } = &score.unaligned;
    if *images == 0 {
        return "0".into();
    }
    let gated = percent(score.accuracy_gated);
    format!(
        "{images}  {}; judged as they came, {correct} right; accuracy without {gated}",
        counted(rejected_for)
    )
}

fn classes(score: &Score, text: &mut String) {
    let _ = write!(
        text,
        "\n{:<10}{:>8}{:>8}{:>8}{:>11}{:>8} |",
        "label", "images", "judged", "recall", "precision", "F1"
    );
    score.labels.iter().for_each(|label| _ = write!(text, "{label:>9}"));
    for (e, row) in Expression::ALL.iter().zip(&score.confusion) {
        let c = &score.per_class[e.index()];
        let _ = write!(
            text,
            "\n{e:<10}{:>8}{:>8}{:>8}{:>11}{:>8} |",
            c.images,
            c.judged,
            told(c.recall),
            told(c.precision),
            told(c.f1)
        );
        row.iter().for_each(|count| _ = write!(text, "{count:>9}"));
    }
    text.push('\n');
}

fn trick_table(tricks: &TrickScores, text: &mut String) {
    let images = tricks.scores.first().map_or(0, |score| score.images);
    let _ = writeln!(
        text,
        "\n{:<16}{:>10}{:>16}{:>10}{:>10}{:>8}   of {images} pictures accepted without; {} left out",
        "trick", "accuracy", "95 %", "accepted", "rejected", "gap", tricks.left_out
    );
    let _ = writeln!(text, "{:<16}{:>10}", "none", percent(tricks.clean_accuracy));
    for (trick, score) in Trick::ALL.iter().zip(&tricks.scores) {
        let _ = writeln!(
            text,
            "{trick:<16}{:>10}{:>16}{:>10}{:>10}{:>8.3}",
            percent(score.accuracy),
            percents(Some(Interval(score.low, score.high))),
            score.accuracy_accepted.map_or_else(|| "–".into(), percent),
            percent(score.rejected_share),
            score.gap
        );
    }
    if let Some(worst) = tricks.worst {
        let gap = shares(tricks.mean_gap_interval);
        let _ = writeln!(text, "mean gap {:.3}  {gap}; worst: {worst}", tricks.mean_gap);
    }
}

fn group_table(grouping: &Grouping, text: &mut String) {
    let widest = grouping.groups.iter().map(|group| group.group.chars().count()).max().unwrap_or(0);
    let width = widest.max(grouping.by.chars().count()).max(14) + 2;
    let _ = writeln!(
        text,
        "\n{:<width$}{:>8}{:>10}{:>10}{:>16}{:>10}",
        grouping.by, "images", "rejected", "accuracy", "95 %", "judged"
    );
    for group in &grouping.groups {
        let _ = writeln!(
            text,
            "{:<width$}{:>8}{:>10}{:>10}{:>16}{:>10}",
            group.group,
            group.images,
            group.rejected,
            percent(group.accuracy),
            percents(Some(Interval(group.low, group.high))),
            group.accuracy_judged.map_or_else(|| "–".into(), percent)
        );
    }
}
