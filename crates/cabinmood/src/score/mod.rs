//! How well the chain does on a labelled data set, and how far each figure can be trusted.

mod counts;
mod groups;
mod resample;
mod selective;
mod tricks;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use types::{Expression, Probabilities, Reason};

pub use counts::{BINS, Bin, ClassScore};
use counts::{Counts, share};
pub use groups::{Column, GroupScore, Grouping, Groupings};
pub use resample::{Bootstrap, Interval};
pub use selective::Point as CurvePoint;
pub use tricks::{TrickScores, TrickTally};

const N: usize = Expression::COUNT;

/// What the chain said of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The crop was accepted and classified.
    Judged(Probabilities),
    /// The gate rejected the alignment of a tight crop, and the picture was classified as it came.
    Unaligned(Probabilities, Reason),
    /// The gate rejected it.
    Rejected(Reason),
    /// The file is no picture.
    Unreadable,
}

impl Answer {
    /// What the picture was called and how surely, where it was judged.
    #[must_use]
    pub fn said(&self) -> Option<(Expression, f32)> {
        match self {
            Self::Judged(probabilities) | Self::Unaligned(probabilities, _) => Some(probabilities.top()),
            Self::Rejected(_) | Self::Unreadable => None,
        }
    }

    /// Whether the gate accepted the crop.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self, Self::Judged(_))
    }

    /// Whether it was called by this name.
    #[must_use]
    pub fn is(&self, label: Expression) -> bool {
        self.said().is_some_and(|(said, _)| said == label)
    }
}

/// What alignment measured on a picture; none of it where no landmarks were found.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measures {
    /// How far the alignment can be trusted, 0 to 1.
    pub quality: Option<f32>,
    /// How far the head is turned to its left.
    pub yaw_deg: Option<f32>,
    /// The brightness of the cheeks, 0 to 255: skin and light together.
    pub skin_brightness: Option<f32>,
    /// Edges across the bridge of the nose and below both eyes, over the contrast of the face: as of the frame
    /// of glasses.
    pub frame_edges: Option<f32>,
    /// The distance between the eyes.
    pub eyes_px: Option<f32>,
}

/// One picture of a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// What it is said to show.
    pub label: Expression,
    /// What the chain made of it.
    pub answer: Answer,
    /// What was measured on it.
    pub measures: Measures,
}

/// The result, as `evaluate --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Pictures in the data set.
    pub images: u64,
    /// Those that got an answer.
    pub judged: u64,
    /// Those that the gate rejected, and files that are no pictures.
    pub rejected: u64,
    /// Right answers over all pictures: a rejected one counts as wrong.
    pub accuracy: f64,
    /// The same where all that the gate rejects counts as wrong, as if `unaligned` had not been judged.
    pub accuracy_gated: f64,
    /// Of the judged pictures, the tight crops whose alignment the gate rejected.
    pub unaligned: Unaligned,
    /// Right answers over judged pictures.
    pub accuracy_judged: f64,
    /// Mean recall of the classes that have pictures.
    pub macro_recall: f64,
    /// Mean F1 of the classes that have pictures.
    pub macro_f1: f64,
    /// Expected calibration error of the judged pictures: the mean distance between confidence and
    /// accuracy over 15 bins of the top probability, each weighted by its pictures.
    pub ece: f64,
    /// By class, those without pictures as well.
    #[serde(serialize_with = "by_label")]
    pub per_class: [ClassScore; N],
    /// Judged pictures: a row for each label, a column for each answer, in the order of `labels`.
    pub confusion: [[u64; N]; N],
    /// The order of rows and columns.
    pub labels: [&'static str; N],
    /// Rejected pictures by reason.
    pub rejected_for: BTreeMap<&'static str, u64>,
    /// Where 95 % of the figures of resampled data sets lie.
    pub intervals: Intervals,
    /// The bins of `ece` that have pictures.
    pub reliability: Vec<Bin>,
    /// How accurate the answers are when only the surest are given.
    pub selective: Selective,
    /// Accuracy by group.
    pub groups: Groupings,
    /// What tricks cost, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tricks: Option<TrickScores>,
}

/// Tight crops that were judged as they came, since their alignment was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unaligned {
    /// How many.
    pub images: u64,
    /// Those that were called by their label.
    pub correct: u64,
    /// How many by reason.
    pub rejected_for: BTreeMap<&'static str, u64>,
}

impl Unaligned {
    fn of(cases: &[Case]) -> Self {
        let mut all = Self { images: 0, correct: 0, rejected_for: BTreeMap::new() };
        for case in cases {
            let Answer::Unaligned(_, reason) = case.answer else { continue };
            all.images += 1;
            all.correct += u64::from(case.answer.is(case.label));
            *all.rejected_for.entry(reason.name()).or_default() += 1;
        }
        all
    }
}

/// The intervals of a score's figures.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Intervals {
    /// The part of the resampled figures that lies within.
    pub level: f64,
    /// How many data sets were drawn.
    pub resamples: usize,
    /// Of [`Score::accuracy`].
    pub accuracy: Option<Interval>,
    /// Of [`Score::accuracy_judged`].
    pub accuracy_judged: Option<Interval>,
    /// Of [`Score::macro_recall`].
    pub macro_recall: Option<Interval>,
    /// Of [`Score::macro_f1`].
    pub macro_f1: Option<Interval>,
    /// Of [`Score::ece`]. Drawing anew adds chance to each bin, so that it lies a little high.
    pub ece: Option<Interval>,
    /// Of the classes.
    #[serde(serialize_with = "by_label")]
    pub per_class: [ClassIntervals; N],
}

/// The intervals of a class.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassIntervals {
    /// Of [`ClassScore::recall`].
    pub recall: Option<Interval>,
    /// Of [`ClassScore::precision`].
    pub precision: Option<Interval>,
    /// Of [`ClassScore::f1`].
    pub f1: Option<Interval>,
}

/// Accuracy over coverage, in two orders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Selective {
    /// The most confident answers first.
    pub by_confidence: Vec<CurvePoint>,
    /// The best aligned faces first.
    pub by_quality: Vec<CurvePoint>,
}

impl Score {
    /// The result of these pictures; `columns` are a customer's groups, a value for each picture.
    #[must_use]
    pub fn of(cases: &[Case], columns: &[Column], bootstrap: Bootstrap) -> Self {
        let counts = Counts::of(cases, None);
        let judged = counts.judged();
        let mut rejected_for = BTreeMap::new();
        for case in cases {
            let reason = match case.answer {
                Answer::Judged(_) | Answer::Unaligned(..) => continue,
                Answer::Rejected(reason) => reason.name(),
                Answer::Unreadable => "unreadable",
            };
            *rejected_for.entry(reason).or_default() += 1;
        }
        let selective = Selective {
            by_confidence: selective::curve(cases, |_, (_, confidence)| confidence, bootstrap),
            by_quality: selective::curve(cases, |case, _| case.measures.quality.unwrap_or(0.0), bootstrap),
        };
        let classes = counts.classes();
        let (macro_recall, macro_f1) = counts::means(&classes);
        let unaligned = Unaligned::of(cases);
        let (intervals, within_bins) = intervals(cases, bootstrap);
        Self {
            images: counts.pictures(),
            judged,
            rejected: counts.pictures() - judged,
            accuracy: share(counts.correct(), counts.pictures()),
            accuracy_gated: share(counts.correct() - unaligned.correct, counts.pictures()),
            unaligned,
            accuracy_judged: share(counts.correct(), judged),
            macro_recall,
            macro_f1,
            ece: counts.ece(),
            per_class: classes,
            confusion: counts.confusion,
            labels: Expression::ALL.map(Expression::name),
            rejected_for,
            intervals,
            reliability: counts.bins().zip(within_bins).filter_map(|(bin, i)| Some(bin?.within(i))).collect(),
            selective,
            groups: groups::measured(cases, bootstrap).with(columns, cases, bootstrap),
            tricks: None,
        }
    }
}

/// The intervals of all figures, and of the accuracy in each bin, from the same resamples.
fn intervals(cases: &[Case], bootstrap: Bootstrap) -> (Intervals, Vec<Option<Interval>>) {
    let all = bootstrap.intervals(cases.len(), |times| {
        let counts = Counts::of(cases, Some(times));
        let classes = counts.classes();
        let (recall, f1) = counts::means(&classes);
        let judged = (counts.judged() > 0).then(|| share(counts.correct(), counts.judged()));
        let mut figures = vec![Some(share(counts.correct(), counts.pictures())), judged];
        figures.extend([Some(recall), Some(f1), judged.map(|_| counts.ece())]);
        figures.extend(classes.iter().flat_map(|c| [c.recall, c.precision, c.f1]));
        figures.extend(counts.bins().map(|bin| bin.map(|bin| bin.accuracy)));
        figures
    });
    let class = |i: usize| {
        let at = 5 + 3 * i;
        ClassIntervals { recall: all[at], precision: all[at + 1], f1: all[at + 2] }
    };
    let intervals = Intervals {
        level: resample::LEVEL,
        resamples: bootstrap.resamples(),
        accuracy: all[0],
        accuracy_judged: all[1],
        macro_recall: all[2],
        macro_f1: all[3],
        ece: all[4],
        per_class: std::array::from_fn(class),
    };
    (intervals, all[5 + 3 * N..].to_vec())
}

fn by_label<T: Serialize, S: Serializer>(classes: &[T; N], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Expression::ALL.map(Expression::name).iter().zip(classes))
}

/// A share as people read it; a dash where there is none.
#[must_use]
pub fn told(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"))
}

/// Reasons and how often each was given, as people read them.
#[must_use]
pub fn counted(reasons: &BTreeMap<&'static str, u64>) -> String {
    reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
pub(crate) mod tests;
