//! ONNX Runtime itself: a library that a process loads once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::error::{ClassifyError, one_line};

/// The variable that keeps ONNX Runtime from sending telemetry and from leaving files in the user's
/// home, and its value. 1.32 begins with both while the environment is made, whatever
/// `with_telemetry` says afterwards, so a program sets this before anything else.
pub const NO_TELEMETRY: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// The library in use. `ort` allows one environment in a process's life, even once it is dropped,
/// so it is kept here for all classifiers.
static LOADED: Mutex<Option<(PathBuf, Environment)>> = Mutex::new(None);

/// Loads ONNX Runtime from a library file, or gives the environment that was loaded from it before.
///
/// # Errors
/// [`ClassifyError::Runtime`] where the file is missing, no ONNX Runtime or too old;
/// [`ClassifyError::OtherRuntime`] where the process runs on another file.
pub fn load(path: &Path) -> Result<Environment, ClassifyError> {
    let broken = |message: String| ClassifyError::Runtime { path: path.to_owned(), message };
    // ort would look for a relative path beside the program first; the user means the file as given.
    let library = path.canonicalize().map_err(|e| broken(e.to_string()))?;
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((from, environment)) = &*loaded {
        if *from == library {
            return Ok(environment.clone());
        }
        return Err(ClassifyError::OtherRuntime { path: library, loaded: from.clone() });
    }
    let builder = ort::init_from(&library).map_err(|e| broken(one_line(e)))?;
    let environment =
        builder.with_name("cabinmood").with_telemetry(false).build().map_err(|e| broken(one_line(e)))?;
    // The environment is made with the most talkative level and would format hundreds of lines a start.
    environment.set_log_level(LogLevel::Warning);
    *loaded = Some((library, environment.clone()));
    Ok(environment)
}
