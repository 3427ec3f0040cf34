//! Why faces cannot be aligned.

use std::path::PathBuf;

use manifest::ManifestError;
use thiserror::Error;

use crate::detect::DetectError;
use crate::options::OptionError;
use crate::shape_predictor::FormatError;

/// Why an aligner cannot start or go on. Every message names the file and what to do.
#[derive(Debug, Error)]
pub enum AlignError {
    /// The landmark model's manifest, or the file it names.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The face detector.
    #[error(transparent)]
    Detect(#[from] DetectError),
    /// The landmark model's file is damaged.
    #[error("{path}: not a dlib shape predictor: {source}; fetch the model again")]
    Landmarks {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        source: FormatError,
    },
    /// The landmark model has points that this project cannot read a face from.
    #[error(
        "{path}: the model has {found} points and its manifest says {said}; 5 (dlib) and 68 (iBUG) are known"
    )]
    Points {
        /// The model file.
        path: PathBuf,
        /// Points in the file.
        found: usize,
        /// Points that the manifest promises.
        said: usize,
    },
    /// Thresholds out of their ranges: all of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Options(Vec<OptionError>),
    /// OpenCV refused a picture or ran out of memory.
    #[error("alignment: {0}")]
    OpenCv(#[from] opencv::Error),
}
