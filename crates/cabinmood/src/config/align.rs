//! [align]: finding the face and judging its alignment. The thresholds, their ranges and reasons are
//! the stage's own.

use ::align::{AlignModels, AlignOptions};

use super::Section;
use crate::failure::{Exit, Failure};
use crate::paths;

/// Finding the face and judging its alignment.
#[derive(Debug, Clone)]
pub struct Align {
    /// The face detector's name or its manifest's path.
    pub detector: String,
    /// The landmark model's name or its manifest's path.
    pub landmarks: String,
    /// The quality gate's thresholds.
    pub options: AlignOptions,
}

impl Align {
    /// Where the models are.
    ///
    /// # Errors
    /// [`Exit::Config`] where one is not found.
    pub fn models(&self) -> Result<AlignModels, Failure> {
        let find =
            |model: &str| paths::manifest(model).map_err(|error| Failure { exit: Exit::Config, error });
        Ok(AlignModels { detector: find(&self.detector)?, landmarks: find(&self.landmarks)? })
    }

    pub(super) fn read(keys: &mut Section<'_>) -> Self {
        let detector = keys.text(
            "detector",
            "face-hog",
            "a model's name or the path of its manifest",
            "The face detector. A name is looked for as NAME.toml where models are installed.",
        );
        let landmarks = keys.text(
            "landmarks",
            "landmarks-68",
            "a model's name or the path of its manifest",
            "The landmark model: this project's 68 points, or dlib's 5 (landmarks-5), which tell neither how far the eyes nor how far the mouth is open.",
        );
        let mut options = AlignOptions::default();
        for key in AlignOptions::KEYS {
            let field = (key.field)(&mut options);
            *field = keys.number(key.name, *field, key.min..=key.max, key.unit, key.why);
        }
        Self { detector, landmarks, options }
    }
}
