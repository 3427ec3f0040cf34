//! `cabinmood evaluate`: how well the whole chain, its quality gate included, does on a labelled
//! data set.

use std::io::Write as _;
use std::path::Path;

use align::Aligner;
use capture::{ErrorKind, SourceOptions};
use classify::Classifier;
use frame::{AlignedFace, Pool};
use types::{Expression, Verdict};

use crate::cli::EvaluateArgs;
use crate::config::Config;
use crate::draw::report::{self, Mistake};
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::tools::score::{Answer, Score, Tally, told};
use crate::tools::stop::Stop;
use crate::tools::walk::Sample;
use crate::tools::{open, ordered, pictures, progress, walk};

/// Mistakes on the report's contact sheet.
const SHEET: usize = 60;

/// Judges the pictures of DATASET and prints the result.
///
/// # Errors
/// [`Exit::Data`] where DATASET is no folder of class folders or, after the result, where a file
/// in it is no picture.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    if args.tricks {
        return Err(Failure::message(Exit::Usage, "--tricks is not in this version"));
    }
    let stop = Stop::on_signals()?;
    let config = Config::load(&args.config)?;
    let samples = walk::samples(&args.dataset)?;
    let workers = (0..ordered::threads().min(samples.len()))
        .map(|_| Worker::open(&config, args))
        .collect::<Result<Vec<_>, Failure>>()?;
    let model = workers.first().map_or_else(String::new, |worker| worker.classifier.model_name().to_owned());
    let bar = progress::bar(Some(samples.len() as u64), "pictures");
    let (mut tally, mut mistakes, mut unreadable) = (Tally::default(), Mistakes::default(), 0);
    ordered::for_each_in_order(&samples, workers, &stop, Worker::judge, |sample, judged| {
        bar.inc(1);
        let Judged { answer, face } = judged.or_else(|fault| match fault {
            Fault::Picture(message) => {
                unreadable += 1;
                progress::say(&bar, &message);
                Ok(Judged { answer: Answer::Unreadable, face: None })
            }
            Fault::Chain(failure) => Err(failure),
        })?;
        if let (Some((said, confidence)), Some(face)) = (tally.add(sample.label, &answer), face) {
            mistakes.offer(sample, said, confidence, face);
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if stop.is_set() {
        return Err(Failure::message(Exit::Unavailable, "interrupted; a part of a data set gives no result"));
    }
    let score = tally.score();
    print(&score, args.json)?;
    if let Some(folder) = &args.report {
        let mistakes = mistakes.into_sheet(&args.dataset)?;
        let name = args.dataset.file_name().unwrap_or(args.dataset.as_os_str()).to_string_lossy();
        report::write(folder, &name, &model, &score, &mistakes)
            .or_exit(Exit::Unavailable, writing("--report", folder))?;
    }
    match unreadable {
        0 => Ok(()),
        n => Err(Failure::message(
            Exit::Data,
            format!("{n} of {} files are no pictures and count as wrong", score.images),
        )),
    }
}

/// One thread's own stages.
struct Worker {
    aligner: Aligner,
    classifier: Classifier,
    crops: bool,
    pool: Pool,
    face: AlignedFace,
}

struct Judged {
    answer: Answer,
    /// The crop of a wrong answer.
    face: Option<AlignedFace>,
}

/// Why a picture has no answer.
enum Fault {
    /// The file is no picture.
    Picture(String),
    /// A stage failed.
    Chain(Failure),
}

impl Worker {
    fn open(config: &Config, args: &EvaluateArgs) -> Result<Self, Failure> {
        Ok(Self {
            aligner: open::aligner(config)?,
            classifier: open::classifier(config, args.model.as_deref())?,
            crops: args.crops,
            pool: Pool::new(),
            face: AlignedFace::black(),
        })
    }

    fn judge(&mut self, sample: &Sample) -> Result<Judged, Fault> {
        let frame =
            pictures::read(&sample.path, &SourceOptions::default(), &self.pool).map_err(|e| {
                match e.kind() {
                    ErrorKind::Internal => Fault::Chain(Failure::new(Exit::Internal, e)),
                    _ => Fault::Picture(e.to_string()),
                }
            })?;
        let internal = || sample.path.display().to_string();
        let seen = match self.crops {
            true => self.aligner.step_crop(&frame.grey, &mut self.face),
            false => self.aligner.step_still(&frame.grey, &mut self.face),
        };
        let seen = seen.or_exit(Exit::Internal, internal).map_err(Fault::Chain)?;
        if let Verdict::Rejected(reason) = seen.verdict {
            return Ok(Judged { answer: Answer::Rejected(reason), face: None });
        }
        let probabilities =
            self.classifier.step(&self.face).or_exit(Exit::Internal, internal).map_err(Fault::Chain)?;
        let wrong = probabilities.top().0 != sample.label;
        Ok(Judged { answer: Answer::Judged(probabilities), face: wrong.then(|| self.face.clone()) })
    }
}

/// The surest mistakes so far.
#[derive(Default)]
struct Mistakes {
    kept: Vec<(Sample, Expression, f32, AlignedFace)>,
}

impl Mistakes {
    fn offer(&mut self, sample: &Sample, said: Expression, confidence: f32, face: AlignedFace) {
        let place = self.kept.partition_point(|(_, _, kept, _)| *kept >= confidence);
        if place < SHEET {
            self.kept.insert(place, (sample.clone(), said, confidence, face));
            self.kept.truncate(SHEET);
        }
    }

    fn into_sheet(self, dataset: &Path) -> Result<Vec<Mistake>, Failure> {
        let sheet = self.kept.into_iter().map(|(sample, said, confidence, face)| {
            let mut png = Vec::new();
            pictures::write_png(&mut png, &face)?;
            let file =
                sample.path.strip_prefix(dataset).unwrap_or(&sample.path).to_string_lossy().into_owned();
            Ok(Mistake { file, label: sample.label, said, confidence, png })
        });
        sheet.collect::<std::io::Result<_>>().or_exit(Exit::Internal, || "the contact sheet".into())
    }
}

fn print(score: &Score, json: bool) -> Result<(), Failure> {
    let text = if json {
        serde_json::to_string(score).or_exit(Exit::Internal, || "the result".into())? + "\n"
    } else {
        table(score)
    };
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())
}

/// The result for people.
fn table(score: &Score) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let percent = |share: f64| format!("{:.2} %", 100.0 * share);
    let reasons: Vec<String> = score.rejected_for.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
    let facts = [
        ("pictures", score.images.to_string()),
        ("judged", score.judged.to_string()),
        ("rejected", format!("{}  {}", score.rejected, reasons.join(", "))),
        ("accuracy", format!("{}  rejected = wrong", percent(score.accuracy))),
        ("accuracy judged", percent(score.accuracy_judged)),
        ("macro recall", format!("{:.3}  of the classes that have pictures", score.macro_recall)),
        ("macro F1", format!("{:.3}", score.macro_f1)),
        ("ECE", format!("{:.3}", score.ece)),
    ];
    for (name, value) in facts {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16} {}", value.trim_end());
    }
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
    text + "\n"
}
