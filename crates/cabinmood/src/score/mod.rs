//! How well the chain does on a labelled data set.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use types::{Expression, Probabilities, Reason};

/// Bins of the top probability, of equal width from 0 to 1 (Guo et al. 2017).
pub const BINS: usize = 15;

const N: usize = Expression::COUNT;

/// What the chain said of one picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Answer {
    /// The crop was accepted and classified.
    Judged(Probabilities),
    /// The gate rejected it.
    Rejected(Reason),
    /// The file is no picture.
    Unreadable,
}

/// Gathers answers.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    confusion: [[u64; N]; N],
    images: [u64; N],
    rejected: BTreeMap<&'static str, u64>,
    /// Top probability and whether it was right, of each judged picture.
    sure: Vec<(f32, bool)>,
}

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

/// The result, as `evaluate --json` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// Pictures in the data set.
    pub images: u64,
    /// Those that the gate let through.
    pub judged: u64,
    /// Those that it rejected, and files that are no pictures.
    pub rejected: u64,
    /// Right answers over all pictures: a rejected one counts as wrong.
    pub accuracy: f64,
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
    /// The bins of `ece`.
    #[serde(skip)]
    pub bins: [Bin; BINS],
    /// How accuracy falls as more pictures are answered, the surest first: (share of all pictures,
    /// accuracy so far).
    #[serde(skip)]
    pub coverage: Vec<(f32, f32)>,
}

/// The judged pictures whose top probability lies in one bin.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Bin {
    /// How many.
    pub count: u64,
    /// Their mean top probability.
    pub confidence: f64,
    /// How many of them were right, as a share.
    pub accuracy: f64,
}

impl Tally {
    /// Adds a picture's answer; gives back what it was called, where that is wrong, and how surely.
    pub fn add(&mut self, label: Expression, answer: &Answer) -> Option<(Expression, f32)> {
        self.images[label.index()] += 1;
        let probabilities = match answer {
            Answer::Judged(probabilities) => probabilities,
            Answer::Rejected(reason) => {
                *self.rejected.entry(reason.name()).or_default() += 1;
                return None;
            }
            Answer::Unreadable => {
                *self.rejected.entry("unreadable").or_default() += 1;
                return None;
            }
        };
        let (said, confidence) = probabilities.top();
        self.confusion[label.index()][said.index()] += 1;
        self.sure.push((confidence, said == label));
        (said != label).then_some((said, confidence))
    }

    /// The result so far.
    #[must_use]
    pub fn score(mut self) -> Score {
        self.sure.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let images: u64 = self.images.iter().sum();
        let judged = self.sure.len() as u64;
        let correct: u64 = (0..N).map(|i| self.confusion[i][i]).sum();
        let classes = Expression::ALL.map(|e| self.class(e));
        let present = classes.iter().filter(|c| c.images > 0).count() as u64;
        let mean = |of: fn(&ClassScore) -> Option<f64>| {
            let sum: f64 = classes.iter().filter_map(of).sum();
            if present == 0 { 0.0 } else { sum / present as f64 }
        };
        let bins = self.bins();
        Score {
            images,
            judged,
            rejected: images - judged,
            accuracy: share(correct, images),
            accuracy_judged: share(correct, judged),
            macro_recall: mean(|c| c.recall),
            macro_f1: mean(|c| c.f1),
            ece: bins.iter().map(|b| share(b.count, judged) * (b.confidence - b.accuracy).abs()).sum(),
            per_class: classes,
            confusion: self.confusion,
            labels: Expression::ALL.map(Expression::name),
            bins,
            coverage: self.coverage(images),
            rejected_for: self.rejected,
        }
    }

    fn class(&self, e: Expression) -> ClassScore {
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
    }

    fn bins(&self) -> [Bin; BINS] {
        let mut sums = [(0_u64, 0.0_f64, 0_u64); BINS];
        for (confidence, right) in &self.sure {
            // (0, 1/15], (1/15, 2/15] … as the definition has it.
            let place = ((confidence * BINS as f32).ceil() as usize).clamp(1, BINS) - 1;
            let (count, sum, correct) = &mut sums[place];
            *count += 1;
            *sum += f64::from(*confidence);
            *correct += u64::from(*right);
        }
        sums.map(|(count, sum, correct)| match count {
            0 => Bin::default(),
            n => Bin { count, confidence: sum / n as f64, accuracy: share(correct, n) },
        })
    }

    /// `sure` is sorted, the surest first.
    fn coverage(&self, images: u64) -> Vec<(f32, f32)> {
        let mut right = 0_u64;
        let points = self.sure.iter().zip(1_u64..).map(|((_, correct), answered)| {
            right += u64::from(*correct);
            (share(answered, images) as f32, share(right, answered) as f32)
        });
        points.collect()
    }
}

fn by_label<S: Serializer>(classes: &[ClassScore; N], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(Expression::ALL.map(Expression::name).iter().zip(classes))
}

/// A share as people read it; a dash where there is none.
#[must_use]
pub fn told(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{share:.3}"))
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surely(e: Expression, p: f32) -> Answer {
        let mut weights = [(1.0 - p) / 6.0; N];
        weights[e.index()] = p;
        Answer::Judged(Probabilities::from_weights(weights).unwrap())
    }

    fn score() -> Score {
        use Expression::{Angry, Happy, Sad};
        let mut tally = Tally::default();
        assert_eq!(tally.add(Happy, &surely(Happy, 0.9)), None);
        assert_eq!(tally.add(Happy, &surely(Happy, 0.9)), None);
        assert_eq!(tally.add(Happy, &surely(Sad, 0.9)).map(|(e, _)| e), Some(Sad));
        assert_eq!(tally.add(Happy, &Answer::Rejected(Reason::Pose)), None);
        assert_eq!(tally.add(Sad, &surely(Sad, 0.5)), None);
        assert_eq!(tally.add(Angry, &Answer::Unreadable), None);
        tally.score()
    }

    #[test]
    fn a_rejected_picture_counts_as_wrong() {
        let score = score();
        assert_eq!((score.images, score.judged, score.rejected), (6, 4, 2));
        assert_eq!((score.accuracy, score.accuracy_judged), (3.0 / 6.0, 3.0 / 4.0));
        assert_eq!(score.rejected_for, BTreeMap::from([("pose", 1), ("unreadable", 1)]));
        let happy = score.per_class[Expression::Happy.index()];
        assert_eq!(
            (happy.images, happy.judged, happy.correct, happy.recall, happy.precision),
            (4, 3, 2, Some(0.5), Some(1.0))
        );
        assert!((happy.f1.unwrap() - 2.0 / 3.0).abs() < 1e-12);
        let angry = score.per_class[Expression::Angry.index()];
        assert_eq!(
            (angry.recall, angry.precision, angry.f1),
            (Some(0.0), None, Some(0.0)),
            "never called so"
        );
        let fear = score.per_class[Expression::Fear.index()];
        assert_eq!((fear.recall, fear.precision, fear.f1), (None, None, None), "no pictures");
        assert!((score.macro_recall - (0.5 + 1.0 + 0.0) / 3.0).abs() < 1e-12, "absent classes do not count");
        assert_eq!(score.confusion.as_flattened().iter().sum::<u64>(), score.judged);
        assert_eq!(score.confusion[Expression::Happy.index()][Expression::Sad.index()], 1);
    }

    #[test]
    fn calibration_is_the_weighted_gap_between_confidence_and_accuracy() {
        // Three at 0.9 of which two are right, one at 0.5 that is right.
        let expected = 0.75 * (0.9 - 2.0 / 3.0) + 0.25 * 0.5;
        assert!((score().ece - expected).abs() < 1e-6, "{} is not {expected}", score().ece);
    }

    #[test]
    fn coverage_answers_the_surest_first_and_ends_at_all_judged() {
        let coverage = score().coverage;
        assert_eq!(coverage.len(), 4);
        let (share, accuracy) = coverage[3];
        assert!((share - 4.0 / 6.0).abs() < 1e-6 && (accuracy - 0.75).abs() < 1e-6);
    }

    #[test]
    fn nothing_at_all_is_no_number_that_is_none() {
        let score = Tally::default().score();
        assert_eq!(
            (score.accuracy, score.accuracy_judged, score.macro_recall, score.ece),
            (0.0, 0.0, 0.0, 0.0)
        );
    }
}
