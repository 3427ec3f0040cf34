//! [classify]: the expression model and what runs it.

use std::path::PathBuf;

use ::classify::{ClassifyOptions, Provider};

use super::Section;
use crate::failure::{Exit, Failure};
use crate::paths;

/// The expression model and what runs it.
#[derive(Debug, Clone)]
pub struct Classify {
    /// The model's name or its manifest's path.
    pub model: String,
    /// ONNX Runtime's library; empty where it is to be found.
    pub runtime: String,
    /// What to run the model on, the best first.
    pub providers: Vec<Provider>,
    /// Threads for the CPU.
    pub threads: usize,
    /// Where TensorRT keeps what it built.
    pub engine_cache: Option<PathBuf>,
}

impl Classify {
    /// What the classifier is opened with; `model` goes before the configured one.
    ///
    /// # Errors
    /// [`Exit::Config`] where the model or ONNX Runtime is not found.
    pub fn options(&self, model: Option<&str>) -> Result<ClassifyOptions, Failure> {
        let config = |error| Failure { exit: Exit::Config, error };
        Ok(ClassifyOptions {
            manifest: paths::manifest(model.unwrap_or(&self.model)).map_err(config)?,
            runtime: paths::runtime(&self.runtime).map_err(config)?,
            providers: self.providers.clone(),
            threads: self.threads,
            engine_cache: self.engine_cache.clone(),
        })
    }

    pub(super) fn read(keys: &mut Section<'_>) -> Self {
        Self {
            model: keys.text(
                "model",
                "expression",
                "a model's name or the path of its manifest",
                "The expression model. A name is looked for as NAME.toml where models are installed.",
            ),
            runtime: keys.text(
                "runtime",
                "",
                "the path of libonnxruntime.so, or nothing",
                "ONNX Runtime. Without it the library is looked for beside the program and in the system.",
            ),
            providers: keys.words(
                "providers",
                vec![Provider::TensorRt, Provider::Cuda, Provider::Cpu],
                "a list of \"tensorrt\", \"cuda\", \"cpu\", each at most once",
                "What to run the model on; the first that works is taken, and why the others could not be is logged and told by `cabinmood check`.",
            ),
            threads: keys.integer(
                "threads",
                1_u8,
                1..=16,
                "threads",
                "Threads for the CPU provider. The shipped net takes about a millisecond; a second thread costs more than it saves.",
            )
            .into(),
            engine_cache: Some(keys.text(
                "engine_cache",
                "",
                "a folder, or nothing",
                "Where TensorRT keeps the engine it built, which takes minutes on an embedded board; the folder must be writable.",
            ))
            .filter(|folder| !folder.is_empty())
            .map(PathBuf::from),
        }
    }
}
