//! The detector's manifest and model file.

use std::path::Path;

use manifest::Manifest;
use serde::Deserialize;
use types::FaceBox;

use super::DetectError;
use super::hog::{WINDOW_PX, WINDOW_VALUES};
use super::score::Svm;

/// The keys of the manifest's table `[detector]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    start_score: f32,
    svms: Vec<Component>,
}

/// One entry of `[[detector.svms]]`: how the face box lies in the window of this SVM.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "the name is for people")]
struct Component {
    name: String,
    box_share: f32,
    box_dx: f32,
    box_dy: f32,
}

/// An SVM and how the face box lies in its window, in shares of the window's side.
pub(super) struct Expert {
    pub(super) svm: Svm,
    box_share: f32,
    box_offset: (f32, f32),
}

impl Expert {
    /// The face box in a window (left, upper edge, width, height: edge to edge, in pixels), with
    /// pixel centres at whole numbers as everywhere outside the detector.
    pub(super) fn face(&self, (x, y, w, h): (f32, f32, f32, f32), score: f32) -> FaceBox {
        let center = (x + w * (0.5 + self.box_offset.0), y + h * (0.5 + self.box_offset.1));
        let (w, h) = (w * self.box_share, h * self.box_share);
        FaceBox { x: center.0 - w / 2.0 - 0.5, y: center.1 - h / 2.0 - 0.5, w, h, score }
    }
}

/// The mixture.
pub(super) struct Model {
    pub(super) experts: Vec<Expert>,
    /// What a face must score before anyone believes in it; one that is followed needs 0.
    pub(super) start_score: f32,
}

/// First bytes of the model file.
const MAGIC: &[u8; 8] = b"CMFHOG1\n";

impl Model {
    /// Reads manifest and model file: [`MAGIC`], then for each SVM its 1,764 weights in the order
    /// of OpenCV's HOG descriptor and its bias, all little-endian `f32`.
    pub(super) fn load(path: &Path) -> Result<Self, DetectError> {
        let manifest = Manifest::<Details>::load(path, "detector")?;
        let invalid = |message: String| DetectError::Invalid { path: manifest.file.clone(), message };
        let bytes = manifest.read_model()?;
        let values = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| invalid("not a face detector: it does not begin with CMFHOG1".into()))?;
        let Details { start_score, svms } = &manifest.details;
        let expected = svms.len() * (WINDOW_VALUES + 1) * size_of::<f32>();
        if svms.is_empty() || values.len() != expected {
            let message = format!(
                "{} bytes of weights, but the {} SVMs of the manifest need {expected}",
                values.len(),
                svms.len()
            );
            return Err(invalid(message));
        }
        let values: Vec<f32> = values.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(invalid(format!("weight {at} is not a number")));
        }
        let experts = values
            .chunks_exact(WINDOW_VALUES + 1)
            .zip(svms)
            .filter_map(|(values, component)| {
                Some(Expert {
                    svm: Svm::from_values(values)?,
                    box_share: component.box_share,
                    box_offset: (component.box_dx, component.box_dy),
                })
            })
            .collect();
        Ok(Self { experts, start_score: *start_score })
    }

    /// Side of the smallest face box that a window sees, in pixels of a level.
    pub(super) fn smallest_box_px(&self) -> f32 {
        self.experts.iter().map(|expert| expert.box_share).fold(1.0, f32::min) * WINDOW_PX as f32
    }
}
