//! Whether a crop can be trusted.

use frame::AlignedFace;
use types::{FaceBox, Pose, Quality, Reason, Verdict};

use crate::error::AlignError;
use crate::landmarks::Fit;

/// When a crop is rejected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlignOptions {
    /// Largest spread of the landmarks over the inter-ocular distance.
    pub max_spread: f32,
}

impl Default for AlignOptions {
    fn default() -> Self {
        Self { max_spread: 0.2 }
    }
}

/// Judges crops.
#[derive(Debug)]
pub(crate) struct Gate {
    options: AlignOptions,
}

impl Gate {
    pub fn new(options: AlignOptions) -> Result<Self, AlignError> {
        Ok(Self { options })
    }

    pub fn is_face(&self, fit: &Fit, _face: &FaceBox) -> bool {
        fit.spread <= self.options.max_spread
    }

    pub fn judge(&self, fit: &Fit, _pose: Option<Pose>, _crop: &AlignedFace) -> (Quality, Verdict) {
        let quality = Quality::new(1.0 - fit.spread / self.options.max_spread);
        let verdict =
            if fit.spread > self.options.max_spread { Verdict::Rejected(Reason::Misaligned) } else { Verdict::Accepted };
        (quality, verdict)
    }
}
