//! Whether a crop can be trusted.

use frame::AlignedFace;
use types::{Pose, Quality, Reason, Verdict};

use crate::error::AlignError;
use crate::seek::Found;

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

    pub fn is_face(&self, found: &Found) -> bool {
        found.margin > -2.0
    }

    pub fn judge(&self, found: &Found, _pose: Option<&Pose>, _crop: &AlignedFace) -> (Quality, Verdict) {
        let quality = Quality::new(1.0 / (1.0 + (-found.margin).exp()));
        let verdict = if found.margin > -2.5 { Verdict::Accepted } else { Verdict::Rejected(Reason::Misaligned) };
        (quality, verdict)
    }
}
