//! From observations to a mood: pure, deterministic, without a clock and without the heap.
//!
//! - `belief`: a causal Bayes filter over the seven expressions and unknown;
//! - `machine`: the states that consumers act on, with thresholds to enter and to leave;
//! - `neutral`: how strong an expression is, measured from the driver's own neutral;
//! - `smoother`: the three together, driven by the times that observations bear.

mod belief;
mod machine;
mod neutral;
mod options;
mod smoother;

pub use options::{OptionError, OptionKey, SmoothOptions};
pub use smoother::Smoother;
