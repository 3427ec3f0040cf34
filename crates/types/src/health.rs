//! Whether each stage works.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It has not worked yet: loading, opening, waiting for the first frame.
    #[default]
    Starting,
    /// It works.
    Ok,
    /// It works in part: what it tells may be missing or late.
    Degraded,
    /// It does not work.
    Failed,
    /// It was switched off.
    Off,
}

impl Health {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Starting, Self::Ok, Self::Degraded, Self::Failed, Self::Off];

    /// The word used in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
            Self::Off => "off",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How the stages are that can fail by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StageHealth {
    /// The camera, or the media that is played.
    pub capture: Health,
    /// Face, landmarks, crop.
    pub align: Health,
    /// The expression model.
    pub classify: Health,
    /// The CAN bus.
    pub bus: Health,
    /// Telematics: the store on disk, and the way to the broker.
    #[serde(default)]
    pub telematics: Health,
}
