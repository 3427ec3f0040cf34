//! How strong an expression is: its distance from the driver's own neutral.
//!
//! Faces at rest differ, so the zero of the scale is learned for each driver, from frames in which
//! the filter is sure of neutral. The distance is Hellinger's, between what the net says of the
//! face now and what it says of this driver at rest: 0 for the same, 1 for nothing in common. It
//! is bounded, and small probabilities, which are mostly noise, count little in it. What it cannot
//! do: where a net is wholly sure of a faint smile, a broad one is no further away.

use types::{Expression, Observation, Probabilities};

use crate::options::SmoothOptions;

type Seven = [f64; Expression::COUNT];

/// What the driver's face shows now and what it shows at rest.
#[derive(Debug, Clone)]
pub(crate) struct Neutral {
    /// What is shown now, averaged over the time in which frames share their errors.
    now: Seven,
    /// The average at rest.
    rest: Seven,
    /// The average distance from it, at rest: the zero of the scale.
    spread: f64,
    /// How much rest was seen.
    learned_s: f64,
}

impl Neutral {
    /// Nothing seen, nothing learned.
    pub(crate) const NOTHING: Self = {
        let even = [1.0 / Expression::COUNT as f64; Expression::COUNT];
        Self { now: even, rest: even, spread: 0.0, learned_s: 0.0 }
    };

    /// Takes in what the net says of a frame that is `views` of an independent look.
    pub(crate) fn see(&mut self, seen: &Probabilities, views: f64) {
        for (now, seen) in self.now.iter_mut().zip(seen.as_array()) {
            *now += (1.0 - (-views).exp()) * (f64::from(*seen) - *now);
        }
    }

    /// Takes what is shown now for the driver at rest, for `dt_s`.
    pub(crate) fn learn(&mut self, dt_s: f64, options: &SmoothOptions) {
        self.learned_s += dt_s;
        if self.learned_s <= 0.0 {
            return;
        }
        let gain = (dt_s / self.learned_s.min(f64::from(options.neutral_memory_s))).min(1.0);
        for (rest, now) in self.rest.iter_mut().zip(self.now) {
            *rest += gain * (now - *rest);
        }
        self.spread += gain * (distance(&self.now, &self.rest) - self.spread);
    }

    /// The intensity, 0 to 1; `None` until enough rest was seen.
    pub(crate) fn intensity(&self, options: &SmoothOptions) -> Option<f32> {
        let whole_scale = (1.0 - self.spread).max(f64::EPSILON);
        let beyond_spread = (distance(&self.now, &self.rest) - self.spread) / whole_scale;
        (self.learned_s >= f64::from(options.neutral_learning_s))
            .then(|| beyond_spread.clamp(0.0, 1.0) as f32)
    }

    /// Forgets what the driver looks like at rest.
    pub(crate) fn forget(&mut self) {
        *self = Self { now: self.now, ..Self::NOTHING };
    }
}

/// Whether the face is seen well enough to learn from: frontal and well aligned.
pub(crate) fn is_well_seen(seen: &Observation, options: &SmoothOptions) -> bool {
    let is_frontal = |turn: f32| turn.abs() <= options.neutral_turn_deg;
    seen.quality.value() >= options.neutral_quality
        && seen.pose.is_some_and(|pose| is_frontal(pose.yaw_deg) && is_frontal(pose.pitch_deg))
}

/// Hellinger's distance, 0 to 1.
fn distance(a: &Seven, b: &Seven) -> f64 {
    let squares: f64 = a.iter().zip(b).map(|(a, b)| (a.sqrt() - b.sqrt()).powi(2)).sum();
    (squares / 2.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_is_zero_to_itself_and_one_to_something_wholly_different() {
        let (a, b) = ([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(distance(&a, &a), 0.0);
        assert!((distance(&a, &b) - 1.0).abs() < 1e-12);
    }
}
