//! The detector's manifest and model file.

use std::path::Path;

use manifest::Manifest;
use serde::Deserialize;

use super::DetectError;
use super::score::{Stage, Window};

/// First bytes of the model file.
const MAGIC: &[u8; 8] = b"CMFHOG1\n";
/// Looks everywhere.
const COARSE: Window = Window { side_px: 64, padding_px: 16 };
/// Looks again, at twice the resolution, where the first stage saw something.
const FINE: Window = Window { side_px: 128, padding_px: 32 };
/// More SVMs in a stage than this are a mistake in the manifest.
const MOST_SVMS: usize = 64;

/// The keys of the manifest's table `[detector]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    coarse: usize,
    fine: usize,
    box_share: f32,
    start_score: f32,
}

/// The two stages, and what their answers mean.
pub(super) struct Model {
    pub(super) coarse: Stage,
    pub(super) fine: Stage,
    /// Side of the face box over the side of a window.
    pub(super) box_share: f32,
    /// What a face must score before anyone believes in it; one that is followed needs 0.
    pub(super) start_score: f32,
}

impl Model {
    /// Reads manifest and model file: [`MAGIC`], then for each SVM, the coarse ones first, its
    /// weights in the order of OpenCV's HOG descriptor and its bias, all little-endian `f32`.
    pub(super) fn load(path: &Path) -> Result<Self, DetectError> {
        let manifest = Manifest::<Details>::load(path, "detector")?;
        let invalid = |file: &Path, message: String| DetectError::Invalid { path: file.to_owned(), message };
        let Details { coarse, fine, box_share, start_score } = manifest.details;
        let ranges = [
            ("coarse", coarse as f32, 1.0, MOST_SVMS as f32),
            ("fine", fine as f32, 1.0, MOST_SVMS as f32),
            ("box_share", box_share, 0.3, 1.0),
            ("start_score", start_score, 0.0, 100.0),
        ];
        if let Some((key, value, least, most)) =
            ranges.into_iter().find(|&(_, value, least, most)| !(least..=most).contains(&value))
        {
            return Err(invalid(path, format!("[detector] {key} = {value} is not in {least}..={most}")));
        }

        let bytes = manifest.read_model()?;
        let values = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            invalid(&manifest.file, "not a face detector: it does not begin with CMFHOG1".into())
        })?;
        let coarse_values = coarse * (COARSE.values() + 1);
        let expected = (coarse_values + fine * (FINE.values() + 1)) * size_of::<f32>();
        if values.len() != expected {
            let message = format!(
                "{} bytes of weights, but {coarse} coarse and {fine} fine SVMs need {expected}",
                values.len()
            );
            return Err(invalid(&manifest.file, message));
        }
        let values: Vec<f32> = values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(invalid(&manifest.file, format!("weight {at} is not a number")));
        }
        let (coarse, fine) = values.split_at(coarse_values);
        Ok(Self {
            coarse: Stage::from_values(COARSE, coarse),
            fine: Stage::from_values(FINE, fine),
            box_share,
            start_score,
        })
    }
}
