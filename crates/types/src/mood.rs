//! What smoothing makes of many observations.

use crate::{Expression, Probabilities, Reason};

/// How far a transition has come, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Progress(f32);

impl Progress {
    /// Clamped to 0..=1; what is not a number is 0.
    #[must_use]
    pub fn new(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    /// The value, 0 to 1.
    #[must_use]
    pub const fn value(self) -> f32 {
        self.0
    }
}

/// The state that consumers act on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MoodState {
    /// One expression holds.
    Steady(Expression),
    /// On the way from one expression to another.
    Transition {
        /// Where it comes from.
        from: Expression,
        /// Where it seems to go.
        to: Expression,
        /// How far it has come.
        progress: Progress,
    },
    /// Not known, and why. Never replaced by the last good state.
    Unknown(Reason),
}

/// The smoothed mood at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mood {
    /// The state.
    pub state: MoodState,
    /// The posterior probability of that state's expression (a transition's target), 0 to 1;
    /// 0 where the state is unknown.
    pub confidence: f32,
    /// How strong the expression is: distance from the driver's own neutral, 0 to 1. `None` until
    /// that neutral is learned, and where the state is unknown.
    pub intensity: Option<f32>,
    /// The filter's posterior over the seven expressions, given that it is one of them.
    pub posterior: Probabilities,
}
