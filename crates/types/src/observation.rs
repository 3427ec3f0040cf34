//! What one frame says of the driver, before smoothing.

use crate::{FaceBox, Landmarks, Pose, Probabilities, Reason};

/// How far an alignment can be trusted, 0 (not at all) to 1 (a clean frontal face).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Quality(f32);

impl Quality {
    /// Clamped to 0..=1; what is not a number is 0.
    #[must_use]
    pub fn new(value: f32) -> Self {
        Self(if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) })
    }

    /// The value, 0 to 1.
    #[must_use]
    pub const fn value(self) -> f32 {
        self.0
    }
}

/// What speaks for and against landmarks, besides the face's own score: what a quality is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Log-odds that the crop is cut at the eyes, by its look.
    pub margin: f32,
    /// How far the landmarks from several starts lie apart, over the inter-ocular distance.
    pub spread: f32,
}

/// The quality gate's word on a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The crop is good enough to classify.
    Accepted,
    /// It is not, for this reason.
    Rejected(Reason),
}

impl Verdict {
    /// Whether the crop may be classified.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted)
    }

    /// Why not, where it may not.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Accepted => None,
            Self::Rejected(reason) => Some(reason),
        }
    }
}

/// What one frame says of the driver. Align fills all but `probabilities`; classify adds those
/// to an accepted frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation {
    /// The driver's face, also where the gate rejects it.
    pub face: Option<FaceBox>,
    /// The landmarks found in it.
    pub landmarks: Option<Landmarks>,
    /// How the head is turned.
    pub pose: Option<Pose>,
    /// How far the eyes are open ([`Landmarks::eye_openness`]).
    pub eye_openness: Option<f32>,
    /// How far the mouth is open ([`Landmarks::mouth_opening`]).
    pub mouth_opening: Option<f32>,
    /// What speaks for and against the landmarks.
    pub evidence: Option<Evidence>,
    /// How far the alignment can be trusted.
    pub quality: Quality,
    /// Whether the crop was good enough, or why not.
    pub verdict: Verdict,
    /// The calibrated probabilities of an accepted frame.
    pub probabilities: Option<Probabilities>,
}

impl Observation {
    /// An observation that saw nothing, for this reason.
    #[must_use]
    pub const fn nothing(reason: Reason) -> Self {
        Self {
            face: None,
            landmarks: None,
            pose: None,
            eye_openness: None,
            mouth_opening: None,
            evidence: None,
            quality: Quality(0.0),
            verdict: Verdict::Rejected(reason),
            probabilities: None,
        }
    }
}
