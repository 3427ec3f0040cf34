//! Mood episodes: what telematics sends instead of frames. An episode is a time in which one
//! expression was the state. Where the driver looked, how far the eyes were open and where the face
//! was are not in it, and there is no field that they could be put in.

mod build;
mod signals;

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use types::{Expression, MonoTime, UtcTime};

use crate::line::WireError;
use crate::signals::{FRACTION, LATENCY};
pub use build::{EpisodeHeader, EpisodeLimits, Episodes};
pub use signals::{EPISODE_SCHEMA, EPISODE_SIGNALS};

/// One episode. Numbers are in the range and step of [`EPISODE_SIGNALS`] once they are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    schema: Cow<'static, str>,
    /// Different in all episodes of all vehicles: who gets one twice knows it by this.
    pub event_id: String,
    /// Number of the episode since the daemon started.
    pub seq: u64,
    /// The vehicle, as its operator calls it.
    pub vehicle_id: Arc<str>,
    /// What the operator declared that the episode is used for.
    pub purpose: Arc<str>,
    /// The expression that was the state.
    pub state: Expression,
    /// The one before it; `None` where that is not known.
    pub from: Option<Expression>,
    /// The one after it; the same one where the episode only became too long, `None` where it is not
    /// known.
    pub to: Option<Expression>,
    /// When it began, as wall-clock time.
    pub start_utc_ns: UtcTime,
    /// The same moment on the monotonic clock.
    pub start_mono_ns: MonoTime,
    /// The boot that the monotonic time belongs to.
    pub boot_id: Arc<str>,
    /// How long it was.
    pub duration_ms: u64,
    /// Mean confidence over time, 0 to 1.
    pub confidence: f32,
    /// Mean intensity over the time in which it was known, 0 to 1.
    pub intensity: Option<f32>,
    /// Mean quality of the alignment over time, 0 to 1.
    pub quality: f32,
    /// The longest time from a frame to its event, in milliseconds.
    pub worst_latency_ms: Option<f32>,
    /// Whether the system clock was synchronised when the episode ended.
    pub clock_synchronised: bool,
    /// The expression model's name.
    pub model: Arc<str>,
    /// The first five hexadecimal digits of the SHA-256 of its file.
    pub model_id: Arc<str>,
    /// The daemon's version.
    pub software_version: Arc<str>,
}

impl Episode {
    /// The episode as one JSON object, without a line feed.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let fraction = |value: f32| FRACTION.fit(value.into()).unwrap_or_default();
        let told = Self {
            confidence: fraction(self.confidence),
            intensity: self.intensity.and_then(|value| FRACTION.fit(value.into())),
            quality: fraction(self.quality),
            worst_latency_ms: self.worst_latency_ms.and_then(|value| LATENCY.fit(value.into())),
            ..self.clone()
        };
        // No key is anything but text, and memory takes all bytes.
        serde_json::to_vec(&told).unwrap_or_default()
    }

    /// Reads an episode. Fields that are not known are passed over.
    ///
    /// # Errors
    /// [`WireError`]: not JSON, a field that is missing or of the wrong type, another schema.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct Any {
            schema: String,
        }
        let Any { schema } = serde_json::from_slice(bytes)?;
        if schema != EPISODE_SCHEMA {
            return Err(WireError::Schema(schema));
        }
        Ok(serde_json::from_slice(bytes)?)
    }
}
