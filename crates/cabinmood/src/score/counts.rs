//! Counting answers.

use serde::Serialize;
use types::Expression;

use super::{Case, Interval, N};

/// Bins of the top probability, of equal width from 0 to 1 (Guo et al. 2017).
pub const BINS: usize = 15;

/// One class. A share of nothing is null: all three of a class without pictures, and the precision of
/// one that no picture was called by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ClassScore {
    /// Pictures with this label.
    pub images: u64,
    /// Those that the gate let through.
    pub judged: u64,
    /// Those that were called by their label.
    pub correct: u64,
    /// correct / images: a rejected picture is missed.
    pub recall: Option<f64>,
    /// correct / pictures called so.
    pub precision: Option<f64>,
    /// Harmonic mean of precision and recall.
    pub f1: Option<f64>,
}

/// The judged pictures whose top probability lies in one bin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bin {
    /// Where the bin begins; it ends 1/15 above.
    pub from: f64,
    /// How many.
    pub count: u64,
    /// Their mean top probability.
    pub confidence: f64,
    /// How many of them were right, as a share.
    pub accuracy: f64,
    /// The interval of `accuracy`.
    pub interval: Option<Interval>,
}

impl Bin {
    /// The same with the interval of its accuracy.
    pub(super) fn within(self, interval: Option<Interval>) -> Self {
        Self { interval, ..self }
    }
}

/// How often each label got each answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    pub confusion: [[u64; N]; N],
    images: [u64; N],
    /// Count, sum of the top probabilities and right answers of each bin.
    bins: [(u64, f64, u64); BINS],
}

impl Counts {
    /// Counts each picture once, or as often as `times` says.
    pub fn of(cases: &[Case], times: Option<&[u32]>) -> Self {
        let mut counts = Self::default();
        for (i, case) in cases.iter().enumerate() {
            let times = times.map_or(1, |times| u64::from(times[i]));
            if times == 0 {
                continue;
            }
            counts.images[case.label.index()] += times;
            let Some((said, confidence)) = case.answer.said() else { continue };
            counts.confusion[case.label.index()][said.index()] += times;
            // (0, 1/15], (1/15, 2/15] … as the definition has it.
            let place = ((confidence * BINS as f32).ceil() as usize).clamp(1, BINS) - 1;
            let (count, sum, correct) = &mut counts.bins[place];
            *count += times;
            *sum += times as f64 * f64::from(confidence);
            *correct += if said == case.label { times } else { 0 };
        }
        counts
    }

    pub fn pictures(&self) -> u64 {
        self.images.iter().sum()
    }

    pub fn judged(&self) -> u64 {
        self.confusion.as_flattened().iter().sum()
    }

    pub fn correct(&self) -> u64 {
        (0..N).map(|i| self.confusion[i][i]).sum()
    }

    pub fn classes(&self) -> [ClassScore; N] {
        Expression::ALL.map(|e| {
            let i = e.index();
            let (images, judged) = (self.images[i], self.confusion[i].iter().sum());
            let (correct, called) = (self.confusion[i][i], self.confusion.iter().map(|row| row[i]).sum());
            // F1 = 2 correct / (pictures with the label + pictures called so).
            ClassScore {
                images,
                judged,
                correct,
                recall: (images > 0).then(|| share(correct, images)),
                precision: (images > 0 && called > 0).then(|| share(correct, called)),
                f1: (images > 0).then(|| share(2 * correct, images + called)),
            }
        })
    }

    /// The bins in order; `None` for one without pictures.
    pub fn bins(&self) -> impl Iterator<Item = Option<Bin>> {
        self.bins.iter().enumerate().map(|(place, (count, sum, correct))| {
            (*count > 0).then(|| Bin {
                from: place as f64 / BINS as f64,
                count: *count,
                confidence: sum / *count as f64,
                accuracy: share(*correct, *count),
                interval: None,
            })
        })
    }

    pub fn ece(&self) -> f64 {
        let judged = self.judged();
        self.bins().flatten().map(|b| share(b.count, judged) * (b.confidence - b.accuracy).abs()).sum()
    }
}

/// Mean recall and mean F1 of the classes that have pictures.
pub(super) fn means(classes: &[ClassScore; N]) -> (f64, f64) {
    let present = classes.iter().filter(|c| c.images > 0).count() as u64;
    let mean = |of: fn(&ClassScore) -> Option<f64>| {
        let sum: f64 = classes.iter().filter_map(of).sum();
        if present == 0 { 0.0 } else { sum / present as f64 }
    };
    (mean(|c| c.recall), mean(|c| c.f1))
}

pub(super) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
