//! What a classifier is opened with.

use std::path::PathBuf;

use crate::provider::Provider;

/// What a classifier is opened with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassifyOptions {
    /// The expression model's manifest.
    pub manifest: PathBuf,
    /// ONNX Runtime's shared library, 1.24 or later.
    pub runtime: PathBuf,
    /// What to run the model on, the best first. Where none of them works opening fails: the CPU is
    /// fallen back to only if it is listed.
    pub providers: Vec<Provider>,
    /// Threads of the CPU that one face may use; 0 leaves it to ONNX Runtime.
    pub threads: usize,
    /// A folder where TensorRT keeps the engines that it built, so that only the first start takes
    /// minutes.
    pub engine_cache: Option<PathBuf>,
}
