//! Why a face cannot be classified.

use std::path::PathBuf;

use manifest::ManifestError;
use thiserror::Error;

/// Why a face cannot be classified. All but [`ClassifyError::Run`] and [`ClassifyError::NotFinite`]
/// come from opening and name the file to correct.
#[derive(Debug, Error)]
pub enum ClassifyError {
    /// The manifest or the model's bytes are not right.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A value in the manifest is out of range.
    #[error("{path}: [expression] {key} is {found}, but must be {expected}")]
    Details {
        /// The manifest.
        path: PathBuf,
        /// The key.
        key: &'static str,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// ONNX Runtime cannot be loaded.
    #[error("{path}: not a usable ONNX Runtime: {message}; run `make setup` or correct classify.runtime")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// This process already runs on another library.
    #[error("{path}: ONNX Runtime was already loaded from {loaded}, and a process can load only one")]
    OtherRuntime {
        /// The library asked for.
        path: PathBuf,
        /// The library in use.
        loaded: PathBuf,
    },
    /// An input or output of the model is not what the manifest says.
    #[error("{path}: {part} is {found}, the manifest says {expected}; export the model again")]
    Shape {
        /// The model file.
        path: PathBuf,
        /// Which input or output.
        part: &'static str,
        /// As the manifest says.
        expected: String,
        /// As the model is.
        found: String,
    },
    /// ONNX Runtime cannot load the model even on the CPU, which can run any: it is the model.
    #[error("{path}: not a model that ONNX Runtime can load: {message}; fetch or export it again")]
    BadModel {
        /// The model file.
        path: PathBuf,
        /// What the runtime said.
        message: String,
    },
    /// No configured provider can run the model.
    #[error("{path}: no provider can run it: {reasons}")]
    NoProvider {
        /// The model file.
        path: PathBuf,
        /// Each provider and why it cannot.
        reasons: String,
    },
    /// The session failed on a face; the driver or the device may be gone.
    #[error("{path}: running it failed: {message}")]
    Run {
        /// The model file.
        path: PathBuf,
        /// What the runtime said.
        message: String,
    },
    /// The net answered with numbers that are none.
    #[error("{path}: the net's answer is not finite; export the model again")]
    NotFinite {
        /// The model file.
        path: PathBuf,
    },
}

/// A message of the runtime on one line.
pub fn one_line(message: impl ToString) -> String {
    message.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
