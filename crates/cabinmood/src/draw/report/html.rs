//! The page of a report.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use types::Expression;

use super::{Mistake, Subject};
use crate::draw::palette::{self, Rgb};
use crate::score::{Interval, Score, TrickScores, Unaligned, counted, told};
use crate::tricks::Trick;

const PAGE: &str = include_str!("../report.html");

/// The page with everything in it; `pictures` are PNG files by name.
pub fn page(subject: &Subject<'_>, pictures: &[(&str, Vec<u8>)]) -> String {
    let score = subject.score;
    let about = format!(
        "{} pictures, expression model {}, judged by cabinmood {}. Brackets and whiskers: where 95 % of {} resampled data sets lie (bootstrap).",
        score.images,
        escaped(subject.model),
        env!("CARGO_PKG_VERSION"),
        score.intervals.resamples
    );
    let picture = |name: &str, alt: &str| {
        let png = pictures.iter().find(|(known, _)| *known == name);
        png.map_or_else(String::new, |(_, png)| {
            format!(r#"<img class="wide" alt="{alt}" src="data:image/png;base64,{}">"#, BASE64.encode(png))
        })
    };
    PAGE.replace("{{about}}", &about)
        .replace("{{figures}}", &figures(score))
        .replace("{{classes}}", &classes(score))
        .replace("{{rejected}}", &rejected(score))
        .replace("{{title}}", &escaped(subject.dataset))
        .replace("{{confusion}}", &picture("confusion", "Confusion matrix"))
        .replace("{{recall}}", &picture("classes", "Recall and precision of the classes"))
        .replace("{{reliability}}", &picture("reliability", "Reliability and coverage"))
        .replace("{{groups}}", &picture("groups", "Accuracy by group"))
        .replace(
            "{{tricks}}",
            &score.tricks.as_ref().map_or_else(String::new, |tricks| {
                let plots = [
                    picture("tricks", "Accuracy by trick"),
                    picture("tricks-sheet", "Contact sheet of tricks"),
                ];
                trick_section(tricks, &plots)
            }),
        )
        .replace("{{maps}}", &picture("maps", "Occlusion maps"))
        .replace("{{sheet}}", &sheet(&subject.shown.mistakes))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

fn range(interval: Option<Interval>, scale: f64, digits: usize) -> String {
    interval.map_or_else(String::new, |Interval(low, high)| {
        format!("[{:.digits$}, {:.digits$}]", scale * low, scale * high)
    })
}

fn figures(score: &Score) -> String {
    let i = &score.intervals;
    let all = [
        (percent(score.accuracy), range(i.accuracy, 100.0, 1), "accuracy, rejected = wrong"),
        (percent(score.accuracy_judged), range(i.accuracy_judged, 100.0, 1), "accuracy of the judged"),
        (format!("{:.3}", score.macro_recall), range(i.macro_recall, 1.0, 3), "macro recall"),
        (format!("{:.3}", score.macro_f1), range(i.macro_f1, 1.0, 3), "macro F1"),
        (format!("{:.3}", score.ece), range(i.ece, 1.0, 3), "calibration error"),
        (score.rejected.to_string(), String::new(), "rejected"),
    ];
    all.iter().fold(String::new(), |mut text, (value, range, name)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "<div><b>{value}</b><span>{range}</span><span>{name}</span></div>");
        text
    })
}

fn classes(score: &Score) -> String {
    Expression::ALL.iter().fold(String::new(), |mut text, e| {
        let (c, i) = (&score.per_class[e.index()], &score.intervals.per_class[e.index()]);
        let cell = |share: Option<f64>, interval| {
            format!("<td>{} <span class=\"soft\">{}</span></td>", told(share), range(interval, 1.0, 2))
        };
        let _ = writeln!(
            text,
            "<tr><td>{}{e}</td><td>{}</td><td>{}</td><td>{}</td>{}{}{}</tr>",
            dot(palette::expression(*e)),
            c.images,
            c.judged,
            c.correct,
            cell(c.recall, i.recall),
            cell(c.precision, i.precision),
            cell(c.f1, i.f1)
        );
        text
    })
}

fn rejected(score: &Score) -> String {
    let mut text = match counted(&score.rejected_for) {
        none if none.is_empty() => "No picture was rejected.".to_owned(),
        reasons => format!("Rejected: {reasons}."),
    };
    let Unaligned { images, correct, rejected_for } = &score.unaligned;
    if *images > 0 {
        let (reasons, without) = (counted(rejected_for), percent(score.accuracy_gated));
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            " {images} crops could not be aligned ({reasons}) and were judged as they came, {correct} of them rightly; with these counted as wrong, as a gate that rejects them would have it, the accuracy is {without}."
        );
    }
    text
}

fn trick_section(tricks: &TrickScores, [chart, sheet]: &[String; 2]) -> String {
    let mut rows = String::new();
    for (trick, s) in Trick::ALL.iter().zip(&tricks.scores) {
        let _ = writeln!(
            rows,
            "<tr><td>{trick}</td><td>{} <span class=\"soft\">{}</span></td><td>{}</td><td>{}</td><td>{:.3} <span class=\"soft\">{}</span></td></tr>",
            percent(s.accuracy),
            range(Some(Interval(s.low, s.high)), 100.0, 1),
            s.accuracy_accepted.map_or_else(|| "–".into(), percent),
            percent(s.rejected_share),
            s.gap,
            range(s.gap_interval, 1.0, 3)
        );
    }
    let images = tricks.scores.first().map_or(0, |score| score.images);
    let worst = tricks.worst.map_or_else(String::new, |worst| format!(" Worst: {worst}."));
    format!(
        "<h2>Tricks</h2>\n<p class=\"soft\">Drawn on {images} pictures whose clean face was accepted ({} were not and are left out); the whole chain ran again on each. Without a trick {} of them are right. Mean gap {:.3} {}.{worst}</p>\n{chart}\n<table>\n<tr><th>trick</th><th>accuracy</th><th>of the accepted</th><th>rejected by the gate</th><th>gap</th></tr>\n{rows}</table>\n{sheet}\n",
        tricks.left_out,
        percent(tricks.clean_accuracy),
        tricks.mean_gap,
        range(tricks.mean_gap_interval, 1.0, 3)
    )
}

fn sheet(mistakes: &[Mistake]) -> String {
    if mistakes.is_empty() {
        return "<p>None: every judged picture was called by its label.</p>".into();
    }
    mistakes.iter().fold(String::new(), |mut text, m| {
        let _ = writeln!(
            text,
            r#"<figure><img alt="" src="data:image/png;base64,{}"><figcaption><span class="said">{}{} {:.0} %</span><br>label {}{}<br>{}</figcaption></figure>"#,
            BASE64.encode(&m.png), dot(palette::expression(m.said)), m.said, 100.0 * m.confidence,
            dot(palette::expression(m.label)), m.label, escaped(&m.file)
        );
        text
    })
}

fn dot(Rgb(r, g, b): Rgb) -> String {
    format!(r#"<i class="dot" style="background:rgb({r},{g},{b})"></i>"#)
}

/// File names may hold anything.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
