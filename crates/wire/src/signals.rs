//! The table of signals: every value that an event carries, with its meaning, unit and range.

use types::{Expression, Health, Reason};

use crate::policy::Purpose;

/// What `schema` says in an event line.
pub const EVENT_SCHEMA: &str = "cabinmood.event/1";
/// What `schema` says in a gap line.
pub const GAP_SCHEMA: &str = "cabinmood.gap/1";

/// One signal of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// The key in the JSON object.
    pub name: &'static str,
    /// What it means, in one or two sentences.
    pub doc: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Whether it may be `null`.
    pub nullable: bool,
    /// What it tells about, so that a purpose can allow or withhold it.
    pub group: Group,
}

/// Which values a signal takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Always this word.
    Constant(&'static str),
    /// A whole number from 0 to 2^64 - 1.
    Integer(Unit),
    /// A decimal number.
    Number(Scale),
    /// Yes or no.
    Flag,
    /// Any text.
    Text,
    /// One of these words; a word's place in the list is its code in binary formats.
    Words(&'static [Word]),
    /// An object of these signals, none of which is null, all of one group.
    Object(&'static [Signal]),
}

/// A word that a signal can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
}

/// The range of a number and the step in which it is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// What it is measured in.
    pub unit: Unit,
    /// The least value; smaller ones are told as this.
    pub min: f64,
    /// The greatest value; larger ones are told as this.
    pub max: f64,
    /// The step: 1 divided by a whole number, so that rounding gives short decimals.
    pub resolution: f64,
}

/// What a number is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A plain count or number.
    One,
    /// Nanoseconds.
    Nanoseconds,
    /// Milliseconds.
    Milliseconds,
    /// Pixels of the upright frame.
    Pixels,
    /// Degrees.
    Degrees,
}

/// What a signal tells about. A purpose allows some groups and withholds the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The expression seen.
    Expression,
    /// Where the face is, how the head is turned, how far the eyes are open.
    Attention,
    /// Whether a driver is seen, and how well.
    Presence,
    /// Whether the daemon works, and what it is.
    Health,
}

impl Unit {
    /// The unit's symbol; empty for a plain number.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::One => "",
            Self::Nanoseconds => "ns",
            Self::Milliseconds => "ms",
            Self::Pixels => "px",
            Self::Degrees => "deg",
        }
    }
}

impl Group {
    /// All groups.
    pub const ALL: [Self; 4] = [Self::Expression, Self::Attention, Self::Presence, Self::Health];

    /// The group's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Attention => "attention",
            Self::Presence => "presence",
            Self::Health => "health",
        }
    }
}

impl Scale {
    const fn new(unit: Unit, min: f64, max: f64, resolution: f64) -> Self {
        Self { unit, min, max, resolution }
    }

    /// The value as it is told: within the range, on the step. `None` where it is not finite.
    #[must_use]
    pub fn fit(&self, value: f64) -> Option<f32> {
        let steps_per_unit = (1.0 / self.resolution).round();
        // Adding 0.0 turns -0.0 into 0.0.
        let on_step = (value.clamp(self.min, self.max) * steps_per_unit).round() / steps_per_unit + 0.0;
        value.is_finite().then_some(on_step as f32)
    }
}

/// Probabilities, shares and strengths.
pub(crate) const FRACTION: Scale = Scale::new(Unit::One, 0.0, 1.0, 1e-4);
/// A box may reach beyond the frame's edge, hence the negative half.
pub(crate) const POSITION: Scale = Scale::new(Unit::Pixels, -16_384.0, 16_384.0, 0.1);
/// Width and height.
pub(crate) const EXTENT: Scale = Scale::new(Unit::Pixels, 0.0, 16_384.0, 0.1);
/// Decision values of linear SVMs stay far below this.
pub(crate) const SCORE: Scale = Scale::new(Unit::One, -100.0, 100.0, 1e-3);
/// Yaw and pitch: beyond a quarter turn there is no face to see.
pub(crate) const TURN: Scale = Scale::new(Unit::Degrees, -90.0, 90.0, 0.1);
/// Roll: a face may hang upside down.
pub(crate) const TILT: Scale = Scale::new(Unit::Degrees, -180.0, 180.0, 0.1);
/// More than a minute is told as a minute: long before that the event is stale.
pub(crate) const LATENCY: Scale = Scale::new(Unit::Milliseconds, 0.0, 60_000.0, 0.01);

const fn word(name: &'static str, doc: &'static str) -> Word {
    Word { name, doc }
}

/// The seven expressions in the order of [`Expression::ALL`]; codes 0 to 6.
pub(crate) const EXPRESSIONS: [Word; Expression::COUNT] = [
    word(Expression::Angry.name(), "Brows lowered, lips pressed or bared."),
    word(Expression::Disgust.name(), "Nose wrinkled, upper lip raised."),
    word(Expression::Fear.name(), "Brows raised and drawn together, eyes wide."),
    word(Expression::Happy.name(), "Lip corners up, cheeks raised."),
    word(Expression::Sad.name(), "Inner brows raised, lip corners down."),
    word(Expression::Surprise.name(), "Brows raised, jaw dropped."),
    word(Expression::Neutral.name(), "None of these."),
];

pub(crate) const TRANSITION: &str = "transition";
pub(crate) const UNKNOWN: &str = "unknown";

/// The states: the expressions, then 7 and 8.
pub(crate) const STATES: [Word; Expression::COUNT + 2] = {
    let mut all = [word("", ""); Expression::COUNT + 2];
    let mut code = 0;
    while code < Expression::COUNT {
        all[code] = EXPRESSIONS[code];
        code += 1;
    }
    all[Expression::COUNT] =
        word(TRANSITION, "On the way from one expression to another: see `from`, `to` and `progress`.");
    all[Expression::COUNT + 1] =
        word(UNKNOWN, "Not known now, for `reason`. Not a mood: act as without a sensor.");
    all
};

/// The reasons in the order of [`Reason::ALL`].
pub(crate) const REASONS: [Word; Reason::ALL.len()] = [
    word(Reason::NoFace.name(), "No face in view."),
    word(Reason::Misaligned.name(), "A face, but its landmarks do not fit well enough to cut a crop from."),
    word(Reason::Occluded.name(), "A part of the face that the alignment needs is covered."),
    word(Reason::Pose.name(), "The face is turned too far away."),
    word(Reason::Dark.name(), "The face is too dark."),
    word(Reason::Overexposed.name(), "The face is washed out by light."),
    word(Reason::Blurred.name(), "The face is out of focus or moved too fast."),
    word(Reason::Frozen.name(), "The camera sends the same picture again and again."),
    word(Reason::CameraLost.name(), "The camera is gone or sends nothing."),
    word(Reason::Stale.name(), "The newest result is too old to stand for the present."),
    word(
        Reason::Starting.name(),
        "Not enough has been seen: at the start, after a loss, or while the face shows nothing clear.",
    ),
    word(Reason::Disabled.name(), "The daemon was told not to watch."),
    word(Reason::Calibrating.name(), "The driver's own neutral is still being learned."),
];

/// The purposes, in the order of [`Purpose::ALL`].
pub(crate) const PURPOSES: [Word; Purpose::ALL.len()] = [
    word(Purpose::Comfort.name(), "To make the drive pleasant."),
    word(Purpose::Safety.name(), "To prevent harm."),
    word(Purpose::Medical.name(), "To treat or watch over an illness."),
    word(Purpose::Research.name(), "To learn something."),
];

/// The health of a stage, in the order of [`Health::ALL`].
pub(crate) const HEALTH: [Word; Health::ALL.len()] = [
    word(
        Health::Starting.name(),
        "Has not worked yet: it is loading, opening or waiting for its first frame.",
    ),
    word(Health::Ok.name(), "Works."),
    word(Health::Degraded.name(), "Works in part: what it tells may be missing or late."),
    word(Health::Failed.name(), "Does not work."),
    word(Health::Off.name(), "Switched off."),
];

pub(crate) const fn signal(name: &'static str, group: Group, kind: Kind, doc: &'static str) -> Signal {
    Signal { name, doc, kind, nullable: false, group }
}

pub(crate) const fn nullable(name: &'static str, group: Group, kind: Kind, doc: &'static str) -> Signal {
    Signal { name, doc, kind, nullable: true, group }
}

const PROBABILITIES: [Signal; Expression::COUNT] = {
    let mut all = [signal("", Group::Expression, Kind::Number(FRACTION), ""); Expression::COUNT];
    let mut code = 0;
    while code < Expression::COUNT {
        all[code].name = EXPRESSIONS[code].name;
        all[code].doc = EXPRESSIONS[code].doc;
        code += 1;
    }
    all
};

const FACE: [Signal; 5] = [
    signal("x", Group::Attention, Kind::Number(POSITION), "Left edge; may lie outside the frame."),
    signal("y", Group::Attention, Kind::Number(POSITION), "Upper edge; may lie outside the frame."),
    signal("w", Group::Attention, Kind::Number(EXTENT), "Width."),
    signal("h", Group::Attention, Kind::Number(EXTENT), "Height."),
    signal(
        "score",
        Group::Attention,
        Kind::Number(SCORE),
        "The detector's decision value: larger is surer. Not a probability.",
    ),
];

const POSE: [Signal; 3] = [
    signal(
        "yaw_deg",
        Group::Attention,
        Kind::Number(TURN),
        "Turned to the driver's left (positive) or right.",
    ),
    signal("pitch_deg", Group::Attention, Kind::Number(TURN), "Turned up (positive) or down."),
    signal(
        "roll_deg",
        Group::Attention,
        Kind::Number(TILT),
        "Tilted to the driver's right shoulder (positive) or left.",
    ),
];

const STAGES: [Signal; 5] = [
    signal("capture", Group::Health, Kind::Words(&HEALTH), "The camera, or the media that is played."),
    signal("align", Group::Health, Kind::Words(&HEALTH), "Face, landmarks and crop."),
    signal("classify", Group::Health, Kind::Words(&HEALTH), "The expression model."),
    signal("bus", Group::Health, Kind::Words(&HEALTH), "The CAN bus; `off` where none is configured."),
    signal(
        "telematics",
        Group::Health,
        Kind::Words(&HEALTH),
        "Telematics: `degraded` where there is no way to the broker and episodes are stored, `failed` where \
         they cannot be stored, `off` where it is not configured.",
    ),
];

/// Every signal of an event, in the order of the JSON line.
pub const SIGNALS: &[Signal] = &[
    signal("schema", Group::Health, Kind::Constant(EVENT_SCHEMA), "What this line is, and its version."),
    signal(
        "seq",
        Group::Health,
        Kind::Integer(Unit::One),
        "Number of the event since the daemon started. A step above 1 is events that this reader missed.",
    ),
    nullable(
        "frame_seq",
        Group::Health,
        Kind::Integer(Unit::One),
        "Number of the frame since the source was opened; a step above 1 is frames that were dropped. \
         `null` where there was no frame.",
    ),
    signal("boot_id", Group::Health, Kind::Text, "The boot that the monotonic times belong to."),
    signal(
        "captured_at_ns",
        Group::Health,
        Kind::Integer(Unit::Nanoseconds),
        "When the sensor took the frame, on CLOCK_MONOTONIC; where there was no frame, when that was noted.",
    ),
    signal(
        "utc_ns",
        Group::Health,
        Kind::Integer(Unit::Nanoseconds),
        "The same moment as wall-clock time since 1970-01-01T00:00:00Z. May jump: compare ages by \
         `captured_at_ns`.",
    ),
    nullable(
        "published_at_ns",
        Group::Health,
        Kind::Integer(Unit::Nanoseconds),
        "When the event was handed to the outside, on CLOCK_MONOTONIC. `null` only in an event that was \
         never published.",
    ),
    nullable(
        "latency_ms",
        Group::Health,
        Kind::Number(LATENCY),
        "From capture to publication. `null` like `published_at_ns`.",
    ),
    signal(
        "purpose",
        Group::Health,
        Kind::Words(&PURPOSES),
        "What this may be used for, as the operator declared it. Pass it on with what you pass on.",
    ),
    nullable(
        "state",
        Group::Expression,
        Kind::Words(&STATES),
        "The smoothed state: the one to act on. `null` where this reader may not have it, which says \
         nothing of the driver.",
    ),
    nullable("reason", Group::Health, Kind::Words(&REASONS), "Why the state is `unknown`; `null` otherwise."),
    nullable("from", Group::Expression, Kind::Words(&EXPRESSIONS), "Where a `transition` comes from."),
    nullable("to", Group::Expression, Kind::Words(&EXPRESSIONS), "Where a `transition` seems to go."),
    nullable("progress", Group::Expression, Kind::Number(FRACTION), "How far a `transition` has come."),
    nullable(
        "confidence",
        Group::Expression,
        Kind::Number(FRACTION),
        "The filter's posterior probability of the state's expression (of a transition's `to`); 0 where \
         the state is `unknown`, `null` where it is withheld.",
    ),
    nullable(
        "intensity",
        Group::Expression,
        Kind::Number(FRACTION),
        "How far the face is from this driver's own neutral: how strong, not how sure. `null` until that \
         neutral is learned, and where the state is `unknown`.",
    ),
    nullable(
        "probabilities",
        Group::Expression,
        Kind::Object(&PROBABILITIES),
        "What the net says of this frame alone, calibrated, not smoothed. `null` where the frame was \
         rejected or there was none.",
    ),
    nullable(
        "face_present",
        Group::Presence,
        Kind::Flag,
        "Whether a face is seen, also where the quality gate rejects it. `null` where there was no frame.",
    ),
    nullable(
        "face",
        Group::Attention,
        Kind::Object(&FACE),
        "The driver's face in the frame, also where the quality gate rejects it.",
    ),
    nullable(
        "pose",
        Group::Attention,
        Kind::Object(&POSE),
        "How the head is turned, from the driver's view.",
    ),
    nullable(
        "eye_openness",
        Group::Attention,
        Kind::Number(FRACTION),
        "How far the eyes are open: the distance of the lids over that of the corners, mean of both eyes. \
         About 0.3 for open eyes, 0.1 and less for shut ones; compare with the driver's own. `null` without \
         a face, and with landmarks that do not outline the eyes.",
    ),
    signal(
        "quality",
        Group::Health,
        Kind::Number(FRACTION),
        "How far the alignment of this frame can be trusted.",
    ),
    signal("health", Group::Health, Kind::Object(&STAGES), "How each stage is that can fail by itself."),
    signal("model", Group::Health, Kind::Text, "The expression model's name."),
    signal(
        "model_id",
        Group::Health,
        Kind::Text,
        "The first five hexadecimal digits of the SHA-256 of the expression model's file; empty until it is \
         loaded.",
    ),
    signal("software_version", Group::Health, Kind::Text, "The daemon's version."),
];

/// Every signal of a gap line.
pub const GAP_SIGNALS: &[Signal] = &[
    signal("schema", Group::Health, Kind::Constant(GAP_SCHEMA), "What this line is, and its version."),
    signal(
        "missed",
        Group::Health,
        Kind::Integer(Unit::One),
        "How many events this reader was too slow for.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::episode::EPISODE_SIGNALS;

    #[test]
    fn words_are_those_of_the_vocabulary_in_its_order() {
        assert_eq!(EXPRESSIONS.map(|w| w.name), Expression::ALL.map(Expression::name));
        assert_eq!(REASONS.map(|w| w.name), Reason::ALL.map(Reason::name));
        assert_eq!(HEALTH.map(|w| w.name), Health::ALL.map(Health::name));
        assert_eq!(PURPOSES.map(|w| w.name), Purpose::ALL.map(Purpose::name));
    }

    #[test]
    fn told_numbers_are_short_and_in_range() {
        assert_eq!(FRACTION.fit(0.123_456), Some(0.1235));
        assert_eq!(FRACTION.fit(1.5), Some(1.0));
        assert_eq!(FRACTION.fit(f64::NAN), None);
        assert_eq!(LATENCY.fit(f64::INFINITY), None);
        let zero = TURN.fit(-0.01);
        assert!(zero.is_some_and(|z| z == 0.0 && z.is_sign_positive()));
        assert_eq!(serde_json::to_string(&LATENCY.fit(59_999.987)).unwrap(), "59999.99");
    }

    #[test]
    fn every_signal_is_documented_once() {
        for table in [SIGNALS, GAP_SIGNALS, EPISODE_SIGNALS, &PROBABILITIES, &FACE, &POSE, &STAGES] {
            for (place, signal) in table.iter().enumerate() {
                assert!(signal.doc.ends_with('.'), "{} has no sentence", signal.name);
                assert!(table[..place].iter().all(|s| s.name != signal.name), "{} twice", signal.name);
                if let Kind::Object(parts) = signal.kind {
                    assert!(parts.iter().all(|part| part.group == signal.group), "{}", signal.name);
                }
            }
        }
    }
}
