//! Where the driver's face is, how it is turned, and whether a crop of it can be trusted.

mod aligner;
mod crop;
mod detect;
mod error;
mod gate;
mod landmarks;
mod pose;
mod shape_predictor;
mod track;
mod warp;

pub use aligner::{AlignModels, Aligner};
pub use detect::DetectError;
pub use error::AlignError;
pub use gate::AlignOptions;
pub use shape_predictor::{FormatError, ShapePredictor, Start, Workspace};
