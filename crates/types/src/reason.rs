//! Why the mood is not known.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why no mood can be told. The list is complete: consumers may match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No face in view.
    NoFace,
    /// A face is there, but its landmarks do not fit well enough to cut a crop from.
    Misaligned,
    /// A part of the face that the alignment needs is covered.
    Occluded,
    /// The face is turned too far away.
    Pose,
    /// The face is too dark.
    Dark,
    /// The face is washed out by light.
    Overexposed,
    /// The face is out of focus or moved too fast.
    Blurred,
    /// The camera sends the same picture again and again.
    Frozen,
    /// The camera is gone or sends nothing.
    CameraLost,
    /// The newest result is too old to stand for the present.
    Stale,
    /// The daemon has not seen enough to name an expression: just started, or what it sees fits none
    /// (speech, an ambiguity that lasts).
    Starting,
    /// The daemon was told not to watch.
    Disabled,
    /// The driver's own neutral is still being learned.
    Calibrating,
}

impl Reason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 13] = [
        Self::NoFace,
        Self::Misaligned,
        Self::Occluded,
        Self::Pose,
        Self::Dark,
        Self::Overexposed,
        Self::Blurred,
        Self::Frozen,
        Self::CameraLost,
        Self::Stale,
        Self::Starting,
        Self::Disabled,
        Self::Calibrating,
    ];

    /// The word used in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::Misaligned => "misaligned",
            Self::Occluded => "occluded",
            Self::Pose => "pose",
            Self::Dark => "dark",
            Self::Overexposed => "overexposed",
            Self::Blurred => "blurred",
            Self::Frozen => "frozen",
            Self::CameraLost => "camera_lost",
            Self::Stale => "stale",
            Self::Starting => "starting",
            Self::Disabled => "disabled",
            Self::Calibrating => "calibrating",
        }
    }

    /// Whether it speaks against where the face was cut rather than against the picture.
    #[must_use]
    pub const fn is_of_alignment(self) -> bool {
        matches!(self, Self::Misaligned | Self::Occluded | Self::Pose)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
