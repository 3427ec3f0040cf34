//! Opening the stages as the configuration says, for the commands that chain them offline.

use align::Aligner;
use classify::{Classifier, ClassifyOptions};

use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::paths;

/// The alignment stage, with the same models and thresholds as `run`.
///
/// # Errors
/// [`Exit::Config`] where a model is missing, altered or of the wrong kind.
pub fn aligner(config: &Config) -> Result<Aligner, Failure> {
    Ok(Aligner::new(&config.align.models()?, config.align.options.clone())?)
}

/// The expression net: the configured one, or `model`.
///
/// # Errors
/// [`Exit::Config`] where the model is missing, altered or of another shape; [`Exit::Unavailable`]
/// without ONNX Runtime.
pub fn classifier(config: &Config, model: Option<&str>) -> Result<Classifier, Failure> {
    let classify = &config.classify;
    let manifest = paths::manifest(model.unwrap_or(&classify.model))
        .map_err(|error| Failure { exit: Exit::Config, error })?;
    let runtime =
        paths::runtime(&classify.runtime).map_err(|error| Failure { exit: Exit::Unavailable, error })?;
    let options = ClassifyOptions {
        manifest,
        runtime,
        providers: classify.providers.clone(),
        threads: classify.threads,
        engine_cache: classify.engine_cache.clone(),
    };
    Ok(Classifier::open(&options)?)
}
