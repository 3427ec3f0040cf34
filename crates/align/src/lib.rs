//! Where the driver's face is, how it is turned, and whether a crop of it can be trusted.

mod aligner;
mod check;
mod crop;
mod denoise;
mod detect;
mod error;
mod gate;
mod hog;
mod landmarks;
mod look;
mod options;
mod pose;
mod seek;
mod shape_predictor;
mod track;
mod warp;

pub use aligner::{AlignModels, Aligner};
pub use detect::{DetectError, Detector, SearchArea};
pub use error::AlignError;
pub use hog::{Gamma, Hog, Picture};
pub use options::{AlignOptions, OptionError, OptionKey};
pub use shape_predictor::{FormatError, ShapePredictor, Start, Workspace};
pub use warp::Warper;
