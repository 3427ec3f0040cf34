//! The classification stage: an aligned face in, a probability for each expression out.
//!
//! A [`Classifier`] is one ONNX Runtime session with tensors of its own. Opening it proves that the
//! model is the one its manifest describes (hash, names, shapes, labels), registers the execution
//! providers one by one in the configured order, keeps the reason for each that cannot be used, and
//! runs the net once, so that the first face does not wait.
//!
//! No other crate names `ort`. Its messages and the runtime's go to `tracing` under the targets
//! `ort` and `ort::logging`; the runtime itself is told to send warnings and worse only.

mod classifier;
mod details;
mod error;
mod options;
mod provider;
mod runtime;

pub use classifier::Classifier;
pub use error::ClassifyError;
pub use options::ClassifyOptions;
pub use provider::{ParseProviderError, Provider, ProviderReport};
pub use runtime::NO_TELEMETRY;
