//! One event: what was seen, what smoothing made of it, and where both come from.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use types::{
    Expression, FaceBox, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress, Quality,
    Reason, StageHealth, Stamped, UtcTime,
};

use crate::line::{WireError, push_json_line};
use crate::policy::Purpose;
use crate::signals::{
    EVENT_SCHEMA, EXTENT, FRACTION, LATENCY, POSITION, SCORE, Scale, TILT, TRANSITION, TURN, UNKNOWN,
};

/// What stays the same in all events of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// The boot that the monotonic times belong to (the kernel's boot id).
    pub boot_id: Arc<str>,
    /// The expression model's name.
    pub model: Arc<str>,
    /// The first five hexadecimal digits of the SHA-256 of its file; empty until it is loaded.
    pub model_id: Arc<str>,
    /// The daemon's version.
    pub software_version: Arc<str>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy)]
pub enum Sight<'a> {
    /// A frame that was looked at.
    Frame(&'a Stamped<Observation>),
    /// That no frame came, noted at this time.
    Silence(MonoTime),
}

impl<'a> From<&'a Stamped<Observation>> for Sight<'a> {
    fn from(frame: &'a Stamped<Observation>) -> Self {
        Self::Frame(frame)
    }
}

impl From<MonoTime> for Sight<'_> {
    fn from(noted_at: MonoTime) -> Self {
        Self::Silence(noted_at)
    }
}

/// One event. Numbers keep their full precision here; the JSON line tells them in the range and
/// step of [`crate::SIGNALS`]. It can be read, but not written: a [`crate::Gate`] releases it first.
/// Cloning allocates nothing.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Record")]
pub struct Event {
    /// Number of the event since the daemon started.
    pub seq: u64,
    /// Number of the frame; `None` where there was none.
    pub frame_seq: Option<u64>,
    /// The boot that the monotonic times belong to.
    pub boot_id: Arc<str>,
    /// When the frame was taken, or its absence noted.
    pub captured_at: MonoTime,
    /// The same moment as wall-clock time.
    pub utc: UtcTime,
    /// When the event was handed to the outside; `None` before.
    pub published_at: Option<MonoTime>,
    /// What it may be used for; the gate's word.
    pub purpose: Purpose,
    /// The smoothed state; `None` where a gate withheld it.
    pub state: Option<MoodState>,
    /// The posterior probability of the state's expression, 0 to 1.
    pub confidence: f32,
    /// Distance from the driver's own neutral, 0 to 1.
    pub intensity: Option<f32>,
    /// The net's calibrated word on this frame alone.
    pub probabilities: Option<Probabilities>,
    /// Whether a face is seen; `None` without a frame.
    pub face_present: Option<bool>,
    /// The driver's face.
    pub face: Option<FaceBox>,
    /// How the head is turned.
    pub pose: Option<Pose>,
    /// How far the eyes are open: the eye aspect ratio; `None` where it cannot be told.
    pub eye_openness: Option<f32>,
    /// How far the alignment can be trusted.
    pub quality: Quality,
    /// How the stages are; whoever makes the event and whoever publishes it know.
    pub health: StageHealth,
    /// The expression model's name.
    pub model: Arc<str>,
    /// The first five hexadecimal digits of the SHA-256 of its file; empty until it is loaded.
    pub model_id: Arc<str>,
    /// The daemon's version.
    pub software_version: Arc<str>,
}

impl Event {
    /// The event that tells `mood`, made of `sight` (a frame's observation, or the time at which
    /// the lack of one was noted). `utc` is the wall-clock time of that same moment.
    #[must_use]
    pub fn new<'a>(
        header: &Header,
        seq: u64,
        sight: impl Into<Sight<'a>>,
        mood: &Mood,
        utc: UtcTime,
    ) -> Self {
        let (frame_seq, captured_at, seen) = match sight.into() {
            Sight::Frame(frame) => (Some(frame.seq), frame.captured_at, Some(&frame.value)),
            Sight::Silence(noted_at) => (None, noted_at, None),
        };
        Self {
            seq,
            frame_seq,
            boot_id: Arc::clone(&header.boot_id),
            captured_at,
            utc,
            published_at: None,
            purpose: Purpose::default(),
            state: Some(mood.state),
            confidence: mood.confidence,
            intensity: mood.intensity,
            probabilities: seen.and_then(|s| s.probabilities),
            face_present: seen.map(|s| s.face.is_some()),
            face: seen.and_then(|s| s.face),
            pose: seen.and_then(|s| s.pose),
            eye_openness: seen.and_then(|s| s.eye_openness),
            quality: seen.map(|s| s.quality).unwrap_or_default(),
            health: StageHealth::default(),
            model: Arc::clone(&header.model),
            model_id: Arc::clone(&header.model_id),
            software_version: Arc::clone(&header.software_version),
        }
    }

    /// Notes that the event is handed to the outside at `at`.
    pub fn published(&mut self, at: MonoTime) {
        self.published_at = Some(at);
    }

    /// From capture to publication, in milliseconds; `None` before publication.
    #[must_use]
    pub fn latency_ms(&self) -> Option<f64> {
        self.published_at.map(|at| at.since(self.captured_at).as_secs_f64() * 1e3)
    }

    /// Appends the event as a line. [`crate::Released`] offers it to others.
    pub(crate) fn push_json_line(&self, line: &mut Vec<u8>) {
        push_json_line(line, &Record::from(self));
    }
}

/// The flat shape of the JSON line.
#[derive(Serialize, Deserialize)]
struct Record {
    schema: Cow<'static, str>,
    seq: u64,
    frame_seq: Option<u64>,
    boot_id: Arc<str>,
    captured_at_ns: MonoTime,
    utc_ns: UtcTime,
    published_at_ns: Option<MonoTime>,
    latency_ms: Option<f32>,
    #[serde(default)]
    purpose: Purpose,
    state: Option<Cow<'static, str>>,
    reason: Option<Reason>,
    from: Option<Expression>,
    to: Option<Expression>,
    progress: Option<f32>,
    confidence: Option<f32>,
    intensity: Option<f32>,
    probabilities: Option<Seven>,
    #[serde(default)]
    face_present: Option<bool>,
    face: Option<Face>,
    pose: Option<Turned>,
    eye_openness: Option<f32>,
    quality: f32,
    #[serde(default)]
    health: StageHealth,
    model: Arc<str>,
    #[serde(default)]
    model_id: Arc<str>,
    software_version: Arc<str>,
}

/// The seven probabilities by name.
#[derive(Serialize, Deserialize)]
struct Seven {
    angry: f32,
    disgust: f32,
    fear: f32,
    happy: f32,
    sad: f32,
    surprise: f32,
    neutral: f32,
}

#[derive(Serialize, Deserialize)]
struct Face {
    x: f32,
    y: f32,
    w: f32,
    h: f32,
    score: f32,
}

#[derive(Serialize, Deserialize)]
struct Turned {
    yaw_deg: f32,
    pitch_deg: f32,
    roll_deg: f32,
}

fn fit(scale: &Scale, value: f32) -> Option<f32> {
    scale.fit(f64::from(value))
}

/// A fraction that must be told: what is not a number is told as the least.
fn fraction(value: f32) -> f32 {
    fit(&FRACTION, value).unwrap_or_default()
}

/// The words of a state: the state's own, then reason, from, to and progress. A state that is
/// withheld has none.
type StateWords = (Option<&'static str>, Option<Reason>, Option<Expression>, Option<Expression>, Option<f32>);

const fn words_of(state: Option<MoodState>) -> StateWords {
    match state {
        None => (None, None, None, None, None),
        Some(MoodState::Steady(expression)) => (Some(expression.name()), None, None, None, None),
        Some(MoodState::Transition { from, to, progress }) => {
            (Some(TRANSITION), None, Some(from), Some(to), Some(progress.value()))
        }
        Some(MoodState::Unknown(reason)) => (Some(UNKNOWN), Some(reason), None, None, None),
    }
}

impl From<Probabilities> for Seven {
    fn from(p: Probabilities) -> Self {
        let [angry, disgust, fear, happy, sad, surprise, neutral] = p.as_array().map(fraction);
        Self { angry, disgust, fear, happy, sad, surprise, neutral }
    }
}

impl From<&Event> for Record {
    fn from(event: &Event) -> Self {
        let (state, reason, from, to, progress) = words_of(event.state);
        let is_known = matches!(event.state, Some(MoodState::Steady(_) | MoodState::Transition { .. }));
        // A box or pose with a number that is none says nothing: it is told as absent.
        let face = event.face.and_then(|f| {
            Some(Face {
                x: fit(&POSITION, f.x)?,
                y: fit(&POSITION, f.y)?,
                w: fit(&EXTENT, f.w)?,
                h: fit(&EXTENT, f.h)?,
                score: fit(&SCORE, f.score)?,
            })
        });
        let pose = event.pose.and_then(|p| {
            Some(Turned {
                yaw_deg: fit(&TURN, p.yaw_deg)?,
                pitch_deg: fit(&TURN, p.pitch_deg)?,
                roll_deg: fit(&TILT, p.roll_deg)?,
            })
        });
        Self {
            schema: EVENT_SCHEMA.into(),
            seq: event.seq,
            frame_seq: event.frame_seq,
            captured_at_ns: event.captured_at,
            utc_ns: event.utc,
            published_at_ns: event.published_at,
            latency_ms: event.latency_ms().and_then(|ms| LATENCY.fit(ms)),
            purpose: event.purpose,
            state: state.map(Cow::from),
            reason,
            from,
            to,
            progress: progress.map(fraction),
            // An unknown state is never told with a confidence, whatever the event holds.
            confidence: event.state.map(|_| if is_known { fraction(event.confidence) } else { 0.0 }),
            intensity: event.intensity.filter(|_| is_known).and_then(|i| fit(&FRACTION, i)),
            probabilities: event.probabilities.map(Seven::from),
            face_present: event.face_present,
            face,
            pose,
            eye_openness: event.eye_openness.and_then(|e| fit(&FRACTION, e)),
            quality: fraction(event.quality.value()),
            health: event.health,
            model_id: Arc::clone(&event.model_id),
            boot_id: Arc::clone(&event.boot_id),
            model: Arc::clone(&event.model),
            software_version: Arc::clone(&event.software_version),
        }
    }
}

impl Record {
    fn mood_state(&self) -> Result<Option<MoodState>, WireError> {
        let refused = || WireError::State(self.state.as_deref().unwrap_or("null").to_owned());
        match (self.state.as_deref(), self.reason, self.from, self.to, self.progress) {
            (None, None, None, None, None) => Ok(None),
            (Some(UNKNOWN), Some(reason), None, None, None) => Ok(Some(MoodState::Unknown(reason))),
            (Some(TRANSITION), None, Some(from), Some(to), Some(progress)) => {
                Ok(Some(MoodState::Transition { from, to, progress: Progress::new(progress) }))
            }
            (Some(word), None, None, None, None) => {
                word.parse().map(|expression| Some(MoodState::Steady(expression))).map_err(|_| refused())
            }
            _ => Err(refused()),
        }
    }
}

impl TryFrom<Record> for Event {
    type Error = WireError;

    fn try_from(record: Record) -> Result<Self, WireError> {
        if record.schema != EVENT_SCHEMA {
            return Err(WireError::Schema(record.schema.into_owned()));
        }
        let probabilities = record
            .probabilities
            .as_ref()
            .map(|p| {
                let weights = [p.angry, p.disgust, p.fear, p.happy, p.sad, p.surprise, p.neutral];
                Probabilities::from_weights(weights).ok_or(WireError::Probabilities)
            })
            .transpose()?;
        Ok(Self {
            seq: record.seq,
            frame_seq: record.frame_seq,
            captured_at: record.captured_at_ns,
            utc: record.utc_ns,
            published_at: record.published_at_ns,
            purpose: record.purpose,
            state: record.mood_state()?,
            confidence: record.confidence.unwrap_or_default(),
            intensity: record.intensity,
            probabilities,
            face_present: record.face_present,
            face: record.face.map(|Face { x, y, w, h, score }| FaceBox { x, y, w, h, score }),
            pose: record.pose.map(|Turned { yaw_deg, pitch_deg, roll_deg }| Pose {
                yaw_deg,
                pitch_deg,
                roll_deg,
            }),
            eye_openness: record.eye_openness,
            quality: Quality::new(record.quality),
            health: record.health,
            model_id: record.model_id,
            boot_id: record.boot_id,
            model: record.model,
            software_version: record.software_version,
        })
    }
}
