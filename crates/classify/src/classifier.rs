//! The classification stage.

use std::fmt;
use std::path::Path;

use frame::AlignedFace;
use manifest::Manifest;
use ort::environment::Environment;
use ort::memory::Allocator;
use ort::session::builder::GraphOptimizationLevel;
use ort::session::{HasSelectedOutputs, OutputSelector, RunOptions, Session};
use ort::value::{Outlet, Tensor, TensorElementType};
use types::{Expression, Probabilities};

use crate::details::{Details, INPUT_SHAPE, OUTPUT_SHAPE};
use crate::error::{ClassifyError, one_line};
use crate::options::ClassifyOptions;
use crate::provider::{Provider, ProviderReport};
use crate::runtime;

/// The classification stage: an opened expression model. Sessions are not shared: a thread that
/// classifies owns one.
pub struct Classifier {
    manifest: Manifest<Details>,
    session: Session,
    /// The normalised crop, written anew for each face.
    input: Tensor<f32>,
    /// Names the output's tensor, which is reused as well.
    run: RunOptions<HasSelectedOutputs>,
    reports: Vec<ProviderReport>,
    provider: Provider,
}

impl Classifier {
    /// Opens a model: loads ONNX Runtime, proves the model's hash, takes the first provider that can
    /// run all of it, compares names and shapes with the manifest and classifies one black face.
    ///
    /// # Errors
    /// [`ClassifyError`], which names the file at fault.
    pub fn open(options: &ClassifyOptions) -> Result<Self, ClassifyError> {
        let manifest = Manifest::<Details>::load(&options.manifest, "expression")?;
        manifest.details.check(&options.manifest)?;
        let model = manifest.read_model()?;
        let environment = runtime::load(&options.runtime)?;
        let (session, provider, reports) = choose(&environment, &model, &manifest.file, options)?;
        check_shapes(&session, &manifest)?;
        let failed = |e: ort::Error| run_error(&manifest.file, e);
        let memory = Allocator::default();
        let output = Tensor::<f32>::new(&memory, OUTPUT_SHAPE).map_err(failed)?;
        let selected = OutputSelector::no_default()
            .with(&manifest.details.output_name)
            .preallocate(&manifest.details.output_name, output);
        let run = RunOptions::new().map_err(failed)?.with_outputs(selected);
        let input = Tensor::<f32>::new(&memory, INPUT_SHAPE).map_err(failed)?;
        let mut classifier = Self { manifest, session, input, run, reports, provider };
        classifier.step(&AlignedFace::black())?;
        Ok(classifier)
    }

    /// The probability of each expression on a face. Allocates nothing on Rust's heap; what ONNX
    /// Runtime allocates inside comes from its arena.
    ///
    /// # Errors
    /// [`ClassifyError::Run`] where the device fails, [`ClassifyError::NotFinite`] where the net's
    /// answer is no number.
    pub fn step(&mut self, face: &AlignedFace) -> Result<Probabilities, ClassifyError> {
        let Details { mean, std, temperature, .. } = self.manifest.details;
        let file = &self.manifest.file;
        let (_, normalised) = self.input.extract_tensor_mut();
        for (value, &grey) in normalised.iter_mut().zip(face.pixels()) {
            *value = (f32::from(grey) - mean) / std;
        }
        let outputs = self
            .session
            .run_with_options([(&self.input).into()], &self.run)
            .map_err(|e| run_error(file, e))?;
        let (_, answer) = outputs[0].try_extract_tensor::<f32>().map_err(|e| run_error(file, e))?;
        let mut logits = [0.0; Expression::COUNT];
        logits.copy_from_slice(answer);
        Probabilities::from_logits(logits, temperature)
            .ok_or_else(|| ClassifyError::NotFinite { path: file.clone() })
    }

    /// What became of each configured provider, in the configured order.
    #[must_use]
    pub fn providers(&self) -> &[ProviderReport] {
        &self.reports
    }

    /// The provider that the net runs on.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.provider
    }

    /// The model's name, as its manifest gives it.
    #[must_use]
    pub fn model_name(&self) -> &str {
        &self.manifest.name
    }

    /// Lower-case hexadecimal SHA-256 of the model file, proved when it was opened.
    #[must_use]
    pub fn model_sha256(&self) -> &str {
        &self.manifest.sha256
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("model", &self.manifest.name)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// Opens a session on the first provider that can run the model.
fn choose(
    environment: &Environment,
    model: &[u8],
    path: &Path,
    options: &ClassifyOptions,
) -> Result<(Session, Provider, Vec<ProviderReport>), ClassifyError> {
    let mut chosen: Option<(Session, Provider)> = None;
    let mut reports = Vec::with_capacity(options.providers.len());
    for &provider in &options.providers {
        let reason = match &chosen {
            Some((_, better)) => Some(format!("{better} is in use")),
            None => match session(environment, model, provider, options) {
                Ok(session) => {
                    chosen = Some((session, provider));
                    None
                }
                Err(reason) => {
                    tracing::info!(%provider, reason, "this provider cannot be used");
                    Some(reason)
                }
            },
        };
        reports.push(ProviderReport { provider, used: reason.is_none(), reason });
    }
    let Some((session, provider)) = chosen else {
        let on_cpu = reports.iter().find(|report| report.provider == Provider::Cpu);
        if let Some(message) = on_cpu.and_then(|report| report.reason.clone()) {
            return Err(ClassifyError::BadModel { path: path.to_owned(), message });
        }
        return Err(ClassifyError::NoProvider { path: path.to_owned(), reasons: told(&reports) });
    };
    tracing::info!(%provider, model = %path.display(), "expression model opened");
    Ok((session, provider, reports))
}

/// Why each provider cannot be used, on one line.
fn told(reports: &[ProviderReport]) -> String {
    if reports.is_empty() {
        return "classify.providers is empty".to_owned();
    }
    let reason = |r: &ProviderReport| format!("{}: {}", r.provider, r.reason.as_deref().unwrap_or_default());
    reports.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// A session on one provider, or why there can be none.
fn session(
    environment: &Environment,
    model: &[u8],
    provider: Provider,
    options: &ClassifyOptions,
) -> Result<Session, String> {
    let builder = Session::builder(environment)
        .map_err(one_line)?
        .with_optimization_level(GraphOptimizationLevel::All)
        .map_err(one_line)?
        .with_intra_threads(options.threads)
        .map_err(one_line)?
        // Between two frames a spinning thread would burn the time that the other stages need.
        .with_intra_op_spinning(false)
        .map_err(one_line)?;
    let mut builder = provider.register(builder, options.engine_cache.as_deref())?;
    builder.commit_from_memory(model).map_err(one_line)
}

/// Compares the graph's input and output with the manifest.
fn check_shapes(session: &Session, manifest: &Manifest<Details>) -> Result<(), ClassifyError> {
    let details = &manifest.details;
    let parts = [
        ("the input", session.inputs(), tensor_of(&details.input_name, &INPUT_SHAPE)),
        ("the output", session.outputs(), tensor_of(&details.output_name, &OUTPUT_SHAPE)),
    ];
    for (part, outlets, expected) in parts {
        let found = outlets.iter().map(described).collect::<Vec<_>>().join(", ");
        if found != expected {
            return Err(ClassifyError::Shape { path: manifest.file.clone(), part, expected, found });
        }
    }
    Ok(())
}

/// An input or output as people read it: `crop: f32 [1, 1, 112, 112]`.
fn described(outlet: &Outlet) -> String {
    let dtype = outlet.dtype();
    match (dtype.tensor_type(), dtype.tensor_shape()) {
        (Some(TensorElementType::Float32), Some(shape)) => tensor_of(outlet.name(), shape),
        _ => format!("{}: {dtype}", outlet.name()),
    }
}

fn tensor_of(name: &str, shape: &[i64]) -> String {
    format!("{name}: f32 {shape:?}")
}

fn run_error(path: &Path, error: ort::Error) -> ClassifyError {
    ClassifyError::Run { path: path.to_owned(), message: one_line(error) }
}
