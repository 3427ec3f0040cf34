//! What tricks cost.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use super::counts::share;
use super::groups::share_right;
use super::{Answer, Bootstrap, Interval};
use crate::tricks::Trick;
use types::Expression;

const TRICKS: usize = Trick::ALL.len();

/// Gathers what the chain said of pictures with tricks.
#[derive(Debug, Clone, Default)]
pub struct TrickTally {
    /// Whether the clean pictures were called by their label.
    clean: Vec<bool>,
    right: [Vec<bool>; TRICKS],
    rejected: [u64; TRICKS],
    /// Right answers on accepted crops.
    accepted_right: [u64; TRICKS],
    left_out: u64,
}

/// One trick.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TrickScore {
    /// Pictures that it was drawn on.
    pub images: u64,
    /// Those that the gate rejected.
    pub rejected: u64,
    /// The same as a share.
    pub rejected_share: f64,
    /// Right answers over all: a rejected one counts as wrong, unless it was judged as it came.
    pub accuracy: f64,
    /// Right answers over the pictures that the gate accepted; null where it accepted none.
    pub accuracy_accepted: Option<f64>,
    /// The interval of `accuracy`, its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// How much lower `accuracy` is than on the same pictures without the trick.
    pub gap: f64,
    /// The interval of `gap`, over draws of pairs.
    pub gap_interval: Option<Interval>,
}

/// All tricks.
#[derive(Debug, Clone, PartialEq)]
pub struct TrickScores {
    /// In the order of [`Trick::ALL`].
    pub scores: [TrickScore; TRICKS],
    /// Right answers over the same pictures without tricks.
    pub clean_accuracy: f64,
    /// Pictures that no trick was drawn on, since the clean face was not accepted.
    pub left_out: u64,
    /// The mean of the gaps.
    pub mean_gap: f64,
    /// Its interval.
    pub mean_gap_interval: Option<Interval>,
    /// The trick with the lowest accuracy; `None` where no picture had one.
    pub worst: Option<Trick>,
}

impl Serialize for TrickScores {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (trick, score) in Trick::ALL.iter().zip(&self.scores) {
            map.serialize_entry(trick.name(), score)?;
        }
        map.serialize_entry("mean_gap", &self.mean_gap)?;
        map.serialize_entry("mean_gap_interval", &self.mean_gap_interval)?;
        map.serialize_entry("worst", &self.worst.map(Trick::name))?;
        map.serialize_entry("clean_accuracy", &self.clean_accuracy)?;
        map.serialize_entry("left_out", &self.left_out)?;
        map.end()
    }
}

impl TrickTally {
    /// A picture that no trick could be drawn on.
    pub fn leave_out(&mut self) {
        self.left_out += 1;
    }

    /// A picture's answers, clean and with each trick.
    pub fn add(&mut self, label: Expression, clean: &Answer, tricked: &[Answer; TRICKS]) {
        self.clean.push(clean.is(label));
        for (i, answer) in tricked.iter().enumerate() {
            self.right[i].push(answer.is(label));
            self.rejected[i] += u64::from(!answer.is_accepted());
            self.accepted_right[i] += u64::from(answer.is_accepted() && answer.is(label));
        }
    }

    /// The result.
    #[must_use]
    pub fn score(&self, bootstrap: Bootstrap) -> TrickScores {
        let images = self.clean.len() as u64;
        let once = vec![1; self.clean.len()];
        let clean_accuracy = share_right(&self.clean, &once);
        let figures = |times: &[u32]| {
            let clean = share_right(&self.clean, times);
            let each: Vec<f64> = self.right.iter().map(|right| share_right(right, times)).collect();
            let gaps: Vec<f64> = each.iter().map(|accuracy| clean - accuracy).collect();
            let mean = gaps.iter().sum::<f64>() / TRICKS as f64;
            each.into_iter().chain(gaps).chain([mean]).map(Some).collect()
        };
        let intervals = bootstrap.intervals(self.clean.len(), figures);
        let scores: [TrickScore; TRICKS] = std::array::from_fn(|i| {
            let (rejected, accuracy) = (self.rejected[i], share_right(&self.right[i], &once));
            let Interval(low, high) = intervals[i].unwrap_or(Interval(accuracy, accuracy));
            TrickScore {
                images,
                rejected,
                rejected_share: share(rejected, images),
                accuracy,
                accuracy_accepted: (images > rejected)
                    .then(|| share(self.accepted_right[i], images - rejected)),
                low,
                high,
                gap: clean_accuracy - accuracy,
                gap_interval: intervals[TRICKS + i],
            }
        });
        let worst = Trick::ALL.into_iter().zip(&scores).min_by(|a, b| a.1.accuracy.total_cmp(&b.1.accuracy));
        TrickScores {
            clean_accuracy,
            left_out: self.left_out,
            mean_gap: scores.iter().map(|s| s.gap).sum::<f64>() / TRICKS as f64,
            mean_gap_interval: intervals[2 * TRICKS],
            worst: worst.filter(|_| images > 0).map(|(trick, _)| trick),
            scores,
        }
    }
}
