//! The vocabulary that all stages share.
//!
//! There are no pixels here, no input or output, and nothing reads a clock: time arrives as data
//! in [`Stamped`], and the one trait that can tell the present time, [`Clock`], is implemented by
//! the binary and by tests only.

mod expression;
mod face;
mod health;
mod mood;
mod observation;
mod reason;
mod time;

pub use expression::{Expression, ParseExpressionError, Probabilities};
pub use face::{FaceBox, Landmarks, MAX_LANDMARKS, Point, Pose};
pub use health::{Health, StageHealth};
pub use mood::{Mood, MoodState, Progress};
pub use observation::{Evidence, Observation, Quality, Verdict};
pub use reason::Reason;
pub use time::{Clock, MonoTime, Stamped, UtcTime};
