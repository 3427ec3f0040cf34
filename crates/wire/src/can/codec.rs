//! Events to bytes and back.

use std::time::Duration;

use types::{Expression, Health, MonoTime, MoodState, Reason};

use super::frame::MAX_DATA;
use super::layout::{Field, MODEL_ID_MAX, Message, Source};
use crate::event::Event;
use crate::gate::Released;
use crate::policy::Purpose;
use crate::signals::{Group, STATES};

/// Events come every 100 ms at least: where none came for three times that, whoever makes them is
/// gone, and the last one no longer stands for the present.
pub const STALE: Duration = Duration::from_millis(300);

/// What a field says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// A value in the field's unit, or a word's code.
    Value(f64),
    /// There is none at present.
    NotAvailable,
    /// What should tell it does not work.
    Error,
}

/// What is told at a moment.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The newest event; `None` before the first.
    pub event: Option<&'a Released>,
    /// The present time.
    pub now: MonoTime,
}

/// A message's bytes, without its end-to-end header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload {
    bytes: [u8; MAX_DATA],
    len: usize,
}

impl Payload {
    /// All bits 1: nothing is available.
    fn nothing(message: &Message) -> Self {
        Self { bytes: [0xFF; MAX_DATA], len: usize::from(message.bytes).min(MAX_DATA) }
    }

    /// The bytes, to be protected and sent.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// The bytes of a message at this moment. The header's bits are 1, to be written over by
/// [`super::Protector`].
#[must_use]
pub fn encode(message: &Message, moment: Moment<'_>) -> Payload {
    let mut payload = Payload::nothing(message);
    for field in message.fields {
        insert(payload.bytes_mut(), field, code(field, moment.read(field.source)));
    }
    payload
}

/// What a received message says: each field with its reading. Missing bytes are not available.
pub fn decode<'a>(message: &'a Message, data: &'a [u8]) -> impl Iterator<Item = (&'a Field, Reading)> {
    message.fields.iter().map(|field| (field, extract(data, field)))
}

/// The codes of the fields that are worth a frame of their own when they change.
#[must_use]
pub fn words_of(message: &Message, payload: &Payload) -> u64 {
    let told = message.fields.iter().filter(|field| !field.source.words().is_empty());
    told.fold(0, |all, field| (all << field.bits) | u64::from(raw(payload.bytes(), field).unwrap_or(0)))
}

fn code(field: &Field, reading: Reading) -> u32 {
    match reading {
        Reading::NotAvailable => field.not_available(),
        Reading::Value(value) if value.is_finite() => {
            let (min, max) = field.range();
            // Within the range a code has 24 bits at most.
            ((value.clamp(min, max) - field.offset) / field.factor).round() as u32
        }
        Reading::Value(_) | Reading::Error => field.error(),
    }
}

fn insert(bytes: &mut [u8], field: &Field, code: u32) {
    for bit in 0..u16::from(field.bits) {
        let place = field.start_bit + bit;
        let mask = 1 << (place % 8);
        if let Some(byte) = bytes.get_mut(usize::from(place / 8)) {
            *byte = if code >> bit & 1 == 1 { *byte | mask } else { *byte & !mask };
        }
    }
}

fn raw(bytes: &[u8], field: &Field) -> Option<u32> {
    (0..u16::from(field.bits)).try_fold(0, |code, bit| {
        let place = field.start_bit + bit;
        let byte = bytes.get(usize::from(place / 8))?;
        Some(code | u32::from(byte >> (place % 8) & 1) << bit)
    })
}

fn extract(bytes: &[u8], field: &Field) -> Reading {
    match raw(bytes, field) {
        None => Reading::NotAvailable,
        Some(code) if code <= field.largest() => {
            Reading::Value(field.offset + f64::from(code) * field.factor)
        }
        Some(code) if code >= field.least_not_available() => Reading::NotAvailable,
        Some(_) => Reading::Error,
    }
}

/// Where words stand in the lists of the table.
fn expression(code: Expression) -> Reading {
    Expression::ALL
        .iter()
        .position(|e| *e == code)
        .map_or(Reading::Error, |place| Reading::Value(place as f64))
}

fn percent(fraction: f32) -> Reading {
    Reading::Value(f64::from(fraction) * 100.0)
}

fn given<T>(value: Option<T>, read: impl FnOnce(T) -> Reading) -> Reading {
    value.map_or(Reading::NotAvailable, read)
}

impl Moment<'_> {
    /// What the event tells of this now: nothing that its gate withheld, and nothing stale as if it were
    /// fresh.
    pub(crate) fn read(&self, source: Source) -> Reading {
        let Some(event) = self.event else { return Reading::NotAvailable };
        // An unknown state is told by the group of its reason, as the gate has decided.
        if source != Source::State && !event.carries(source.group()) {
            return Reading::NotAvailable;
        }
        let is_stale = self.now.since(event.published_at.unwrap_or(event.captured_at)) > STALE;
        if is_stale {
            return match source {
                Source::State => state(MoodState::Unknown(Reason::Stale)),
                Source::Reason => reason(Reason::Stale),
                Source::FrameAge => self.frame_age(event),
                Source::ModelId | Source::Version(_) | Source::Purpose => self.read_fresh(source, event),
                _ => Reading::NotAvailable,
            };
        }
        match self.read_fresh(source, event) {
            Reading::NotAvailable if has_failed(source, event) => Reading::Error,
            reading => reading,
        }
    }

    fn read_fresh(&self, source: Source, event: &Event) -> Reading {
        let known = matches!(event.state, Some(MoodState::Steady(_) | MoodState::Transition { .. }));
        match source {
            Source::State => given(event.state, state),
            Source::From | Source::To | Source::Progress => transition(source, event.state),
            Source::Reason => match event.state {
                Some(MoodState::Unknown(why)) => reason(why),
                _ => Reading::NotAvailable,
            },
            Source::Confidence => given(event.state, |_| percent(if known { event.confidence } else { 0.0 })),
            Source::Intensity => given(event.intensity.filter(|_| known), percent),
            Source::Quality => given(event.frame_seq, |_| percent(event.quality.value())),
            Source::FacePresent => given(event.face_present, |is| Reading::Value(is.into())),
            Source::EyeOpenness => given(event.eye_openness, percent),
            Source::FrameAge => self.frame_age(event),
            Source::Latency => given(event.latency_ms(), Reading::Value),
            Source::Yaw => given(event.pose, |pose| Reading::Value(pose.yaw_deg.into())),
            Source::Pitch => given(event.pose, |pose| Reading::Value(pose.pitch_deg.into())),
            Source::Roll => given(event.pose, |pose| Reading::Value(pose.roll_deg.into())),
            Source::Capture => health(event.health.capture),
            Source::Align => health(event.health.align),
            Source::Classify => health(event.health.classify),
            Source::Bus => health(event.health.bus),
            Source::ModelId => given(model_id(&event.model_id), |id| Reading::Value(id.into())),
            Source::Purpose => purpose(event.purpose),
            Source::Version(part) => {
                given(version(&event.software_version, part), |n| Reading::Value(n.into()))
            }
            Source::Probability(expression) => given(event.probabilities, |p| percent(p.of(expression))),
        }
    }

    fn frame_age(&self, event: &Event) -> Reading {
        given(event.frame_seq, |_| Reading::Value(self.now.since(event.captured_at).as_secs_f64() * 1e3))
    }
}

/// Whether a signal is missing because what should tell it has failed.
fn has_failed(source: Source, event: &Event) -> bool {
    let of = event.health;
    let sees = of.capture == Health::Failed || of.align == Health::Failed;
    match (source, source.group()) {
        // What goes only with some states is missing as a matter of course.
        (Source::State | Source::From | Source::To | Source::Progress | Source::Reason, _) => false,
        (_, Group::Expression) => sees || of.classify == Health::Failed,
        (_, Group::Attention | Group::Presence) => sees,
        (Source::Quality | Source::FrameAge, Group::Health) => sees,
        (_, Group::Health) => false,
    }
}

fn state(state: MoodState) -> Reading {
    match state {
        MoodState::Steady(steady) => expression(steady),
        MoodState::Transition { .. } => Reading::Value(Expression::COUNT as f64),
        MoodState::Unknown(_) => Reading::Value((STATES.len() - 1) as f64),
    }
}

fn transition(source: Source, state: Option<MoodState>) -> Reading {
    match (source, state) {
        (Source::From, Some(MoodState::Transition { from, .. })) => expression(from),
        (Source::To, Some(MoodState::Transition { to, .. })) => expression(to),
        (Source::Progress, Some(MoodState::Transition { progress, .. })) => percent(progress.value()),
        _ => Reading::NotAvailable,
    }
}

fn reason(why: Reason) -> Reading {
    Reason::ALL.iter().position(|r| *r == why).map_or(Reading::Error, |place| Reading::Value(place as f64))
}

fn purpose(purpose: Purpose) -> Reading {
    let place = Purpose::ALL.iter().position(|p| *p == purpose);
    place.map_or(Reading::Error, |place| Reading::Value(place as f64))
}

fn health(health: Health) -> Reading {
    Health::ALL.iter().position(|h| *h == health).map_or(Reading::Error, |place| Reading::Value(place as f64))
}

fn model_id(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok().filter(|id| *id <= MODEL_ID_MAX)
}

fn version(text: &str, part: u8) -> Option<u8> {
    // A pre-release's suffix says nothing here.
    let number = text.split('.').nth(part.into())?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
