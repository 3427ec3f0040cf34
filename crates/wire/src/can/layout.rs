//! Which signals of the table go out in which message, and at which bits. Meaning, words and
//! ranges are the table's; here are only places and encodings.
//!
//! All formats share one layout and J1939's encodings: of every field's values the highest are kept
//! for "error" and "not available", in 2 bits 2 and 3, in 4 bits 14 and 15, and in wider fields
//! those whose highest byte is 0xFE and 0xFF. The first three bytes are the end-to-end header's,
//! little-endian fields follow, and bits without a use are 1.

use types::Expression;

use crate::signals::{Group, Kind, SIGNALS, Signal, Word};

/// A message, as it is defined before ids are chosen.
#[derive(Debug, Clone, Copy)]
pub struct Message {
    /// Its name in the DBC file, after the sender's.
    pub name: &'static str,
    /// What its key in the configuration is called, after `id_` and `pgn_`.
    pub key: &'static str,
    /// What it tells.
    pub doc: &'static str,
    /// The default 11-bit identifier.
    pub default_id: u16,
    /// The default parameter group number for J1939, of the proprietary B range.
    pub default_pgn: u16,
    /// Bytes of data.
    pub bytes: u8,
    /// How often it is sent.
    pub cycle: Cycle,
    /// Whether it is also sent as soon as one of its fields with words changes.
    pub on_change: bool,
    /// Whether it needs the FD format.
    pub fd_only: bool,
    /// Its fields, the end-to-end header's aside.
    pub fields: &'static [Field],
}

/// How often a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cycle {
    /// With the configured period.
    Configured,
    /// Once a second: what hardly changes.
    Slow,
}

/// The period of [`Cycle::Slow`], in milliseconds.
pub const SLOW_MS: u64 = 1000;

/// A signal's place in a message.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in the DBC file.
    pub name: &'static str,
    /// The signal of the table that it tells.
    pub source: Source,
    /// The lowest of its bits; bit 0 is the lowest of byte 0.
    pub start_bit: u16,
    /// How many bits.
    pub bits: u8,
    /// The step between two codes, in the field's unit.
    pub factor: f64,
    /// What code 0 stands for, in the field's unit.
    pub offset: f64,
    /// The field's unit.
    pub unit: &'static str,
}

/// Where a field's value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The state.
    State,
    /// Where a transition comes from.
    From,
    /// Where it goes.
    To,
    /// How far it has come.
    Progress,
    /// Why the state is unknown.
    Reason,
    /// How sure the filter is.
    Confidence,
    /// How strong the expression is.
    Intensity,
    /// How far the alignment can be trusted.
    Quality,
    /// Whether a face is seen.
    FacePresent,
    /// How far the eyes are open.
    EyeOpenness,
    /// The age of the frame when this was sent.
    FrameAge,
    /// From capture to publication.
    Latency,
    /// The head's yaw.
    Yaw,
    /// Its pitch.
    Pitch,
    /// Its roll.
    Roll,
    /// Health of capture.
    Capture,
    /// Health of alignment.
    Align,
    /// Health of classification.
    Classify,
    /// Health of the bus.
    Bus,
    /// Which model.
    ModelId,
    /// What all of it may be used for.
    Purpose,
    /// A part of the software's version: 0 major, 1 minor, 2 patch.
    Version(u8),
    /// The probability of one expression, unsmoothed.
    Probability(Expression),
}

const YES_NO: [Word; 2] = [
    Word { name: "no", doc: "No face is seen." },
    Word { name: "yes", doc: "A face is seen, also where it is not good enough to judge." },
];

impl Source {
    /// The signal's name in the table, with its parent's where it is part of an object.
    #[must_use]
    pub const fn path(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::State => ("state", None),
            Self::From => ("from", None),
            Self::To => ("to", None),
            Self::Progress => ("progress", None),
            Self::Reason => ("reason", None),
            Self::Confidence => ("confidence", None),
            Self::Intensity => ("intensity", None),
            Self::Quality => ("quality", None),
            Self::FacePresent => ("face_present", None),
            Self::EyeOpenness => ("eye_openness", None),
            Self::FrameAge => ("captured_at_ns", None),
            Self::Latency => ("latency_ms", None),
            Self::Yaw => ("pose", Some("yaw_deg")),
            Self::Pitch => ("pose", Some("pitch_deg")),
            Self::Roll => ("pose", Some("roll_deg")),
            Self::Capture => ("health", Some("capture")),
            Self::Align => ("health", Some("align")),
            Self::Classify => ("health", Some("classify")),
            Self::Bus => ("health", Some("bus")),
            Self::ModelId => ("model_id", None),
            Self::Purpose => ("purpose", None),
            Self::Version(_) => ("software_version", None),
            Self::Probability(expression) => ("probabilities", Some(expression.name())),
        }
    }

    /// The signal in the table. `None` would be a mistake in this file; a test says so.
    #[must_use]
    pub fn signal(self) -> Option<&'static Signal> {
        let (name, part) = self.path();
        let signal = SIGNALS.iter().find(|s| s.name == name)?;
        match (part, signal.kind) {
            (Some(part), Kind::Object(parts)) => parts.iter().find(|s| s.name == part),
            (Some(_), _) => None,
            (None, _) => Some(signal),
        }
    }

    /// What it tells: the table's words, or its own where it tells the signal in another way.
    #[must_use]
    pub fn doc(self) -> &'static str {
        match self {
            Self::FacePresent => "Whether a face is seen.",
            Self::FrameAge => {
                "How old the frame is that this tells of, at the moment of sending. 1000 ms and more are \
                 told as 1000. Not available where there was no frame."
            }
            Self::Version(0) => "The daemon's version, first number.",
            Self::Version(1) => "The daemon's version, second number.",
            Self::Version(_) => "The daemon's version, third number.",
            other => other.signal().map_or("", |signal| signal.doc),
        }
    }

    /// The words of its codes, for a field that tells words.
    #[must_use]
    pub fn words(self) -> &'static [Word] {
        match (self, self.signal().map(|signal| signal.kind)) {
            (Self::FacePresent, _) => &YES_NO,
            (_, Some(Kind::Words(words))) => words,
            _ => &[],
        }
    }

    /// What it tells about.
    #[must_use]
    pub fn group(self) -> Group {
        self.signal().map_or(Group::Health, |signal| signal.group)
    }
}

const fn field(name: &'static str, source: Source, start_bit: u16, bits: u8) -> Field {
    Field { name, source, start_bit, bits, factor: 1.0, offset: 0.0, unit: "" }
}

const fn scaled(mut field: Field, factor: f64, offset: f64, unit: &'static str) -> Field {
    field.factor = factor;
    field.offset = offset;
    field.unit = unit;
    field
}

/// 0 to 100 % in one byte: J1939's 0.4 % a bit.
const fn percent(name: &'static str, source: Source, start_bit: u16) -> Field {
    scaled(field(name, source, start_bit, 8), 0.4, 0.0, "%")
}

const STATE: [Field; 7] = [
    field("MoodState", Source::State, 24, 4),
    field("MoodTo", Source::To, 28, 4),
    field("MoodFrom", Source::From, 32, 4),
    field("FacePresent", Source::FacePresent, 36, 2),
    field("MoodReason", Source::Reason, 40, 8),
    percent("MoodConfidence", Source::Confidence, 48),
    percent("MoodProgress", Source::Progress, 56),
];

const DETAIL: [Field; 5] = [
    percent("MoodIntensity", Source::Intensity, 24),
    percent("AlignmentQuality", Source::Quality, 32),
    percent("EyeOpenness", Source::EyeOpenness, 40),
    scaled(field("FrameAge", Source::FrameAge, 48, 8), 4.0, 0.0, "ms"),
    scaled(field("Latency", Source::Latency, 56, 8), 2.0, 0.0, "ms"),
];

const HEAD: [Field; 3] = [
    // J1939's angles: 1/128 degree a bit from -200.
    scaled(field("HeadYaw", Source::Yaw, 24, 16), 0.007_812_5, -200.0, "deg"),
    scaled(field("HeadPitch", Source::Pitch, 40, 16), 0.007_812_5, -200.0, "deg"),
    // What is left of eight bytes: a byte holds a whole turn in steps of 1.5 degrees.
    scaled(field("HeadRoll", Source::Roll, 56, 8), 1.5, -187.5, "deg"),
];

const STATUS: [Field; 5] = [
    field("HealthCapture", Source::Capture, 24, 4),
    field("HealthAlign", Source::Align, 28, 4),
    field("HealthClassify", Source::Classify, 32, 4),
    field("HealthBus", Source::Bus, 36, 4),
    field("ModelId", Source::ModelId, 40, 24),
];

const VERSION: [Field; 4] = [
    field("VersionMajor", Source::Version(0), 24, 8),
    field("VersionMinor", Source::Version(1), 32, 8),
    field("VersionPatch", Source::Version(2), 40, 8),
    // Here, since the state's message is full, and within a run the purpose does not change.
    field("Purpose", Source::Purpose, 48, 4),
];

/// The field names of the probabilities, in the order of [`Expression::ALL`].
const PROBABILITY_NAMES: [&str; Expression::COUNT] =
    ["ProbAngry", "ProbDisgust", "ProbFear", "ProbHappy", "ProbSad", "ProbSurprise", "ProbNeutral"];

const PROBABILITIES: [Field; Expression::COUNT] = {
    let mut all = [field("", Source::State, 0, 16); Expression::COUNT];
    let mut code = 0;
    while code < Expression::COUNT {
        let source = Source::Probability(Expression::ALL[code]);
        let place = field(PROBABILITY_NAMES[code], source, 24 + 16 * code as u16, 16);
        all[code] = scaled(place, 0.0025, 0.0, "%");
        code += 1;
    }
    all
};

/// How many messages there are.
pub const MESSAGE_COUNT: usize = 6;

/// All messages, the most important first.
pub const MESSAGES: [Message; MESSAGE_COUNT] = [
    Message {
        name: "State",
        key: "state",
        doc: "The smoothed state to act on, with how sure it is and, where it is unknown, why.",
        default_id: 0x510,
        default_pgn: 0xFF50,
        bytes: 8,
        cycle: Cycle::Configured,
        on_change: true,
        fd_only: false,
        fields: &STATE,
    },
    Message {
        name: "Detail",
        key: "detail",
        doc: "How strong, how well seen, how old.",
        default_id: 0x511,
        default_pgn: 0xFF51,
        bytes: 8,
        cycle: Cycle::Configured,
        on_change: false,
        fd_only: false,
        fields: &DETAIL,
    },
    Message {
        name: "Head",
        key: "head",
        doc: "How the head is turned, from the driver's view.",
        default_id: 0x512,
        default_pgn: 0xFF52,
        bytes: 8,
        cycle: Cycle::Configured,
        on_change: false,
        fd_only: false,
        fields: &HEAD,
    },
    Message {
        name: "Status",
        key: "status",
        doc: "Whether each stage works, and which model judges.",
        default_id: 0x513,
        default_pgn: 0xFF53,
        bytes: 8,
        cycle: Cycle::Slow,
        on_change: true,
        fd_only: false,
        fields: &STATUS,
    },
    Message {
        name: "Version",
        key: "version",
        doc: "The daemon's version, and what all its messages may be used for.",
        default_id: 0x514,
        default_pgn: 0xFF54,
        bytes: 8,
        cycle: Cycle::Slow,
        on_change: false,
        fd_only: false,
        fields: &VERSION,
    },
    Message {
        name: "Probabilities",
        key: "probabilities",
        doc: "What the net says of the newest frame alone, calibrated, not smoothed.",
        default_id: 0x515,
        // FD frames do not go with J1939, so that this is never sent.
        default_pgn: 0xFF55,
        bytes: 20,
        cycle: Cycle::Configured,
        on_change: false,
        fd_only: true,
        fields: &PROBABILITIES,
    },
];

impl Field {
    /// The code that says "not available".
    #[must_use]
    pub const fn not_available(&self) -> u32 {
        ((1_u64 << self.bits) - 1) as u32
    }

    /// The least of the codes that say "not available".
    #[must_use]
    pub const fn least_not_available(&self) -> u32 {
        match self.bits {
            0..8 => self.not_available(),
            bits => 0xFF << (bits - 8),
        }
    }

    /// The code that says "error".
    #[must_use]
    pub const fn error(&self) -> u32 {
        match self.bits {
            0..8 => self.not_available() - 1,
            bits => 0xFE << (bits - 8),
        }
    }

    /// The largest code that is a value.
    #[must_use]
    pub const fn largest(&self) -> u32 {
        match self.bits {
            0..8 => self.not_available() - 2,
            // 0xFB to 0xFD are reserved in J1939.
            bits => (0xFB << (bits - 8)) - 1,
        }
    }

    /// The least and the greatest value that it can tell, in its unit.
    #[must_use]
    pub fn range(&self) -> (f64, f64) {
        let possible = (self.offset, self.offset + f64::from(self.largest()) * self.factor);
        let words = self.source.words().len();
        match (words, self.source.signal().map(|s| s.kind)) {
            (1.., _) => (0.0, (words - 1) as f64),
            // Fractions are told in percent.
            (_, Some(Kind::Number(scale))) if self.unit == "%" => (scale.min * 100.0, scale.max * 100.0),
            (_, Some(Kind::Number(scale))) => (scale.min.max(possible.0), scale.max.min(possible.1)),
            (_, _) if self.source == Source::ModelId => (0.0, f64::from(MODEL_ID_MAX)),
            _ => possible,
        }
    }
}

/// Five hexadecimal digits.
pub(crate) const MODEL_ID_MAX: u32 = 0xF_FFFF;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::can::e2e::HEADER_BYTES;

    #[test]
    fn every_field_tells_a_signal_of_the_table_and_has_a_sentence() {
        for message in MESSAGES {
            for field in message.fields {
                assert!(field.source.signal().is_some(), "{}", field.name);
                assert!(field.source.doc().ends_with('.'), "{}", field.name);
            }
        }
    }

    #[test]
    fn fields_lie_within_their_message_and_apart() {
        for message in MESSAGES {
            let mut taken = vec![false; usize::from(message.bytes) * 8];
            taken[..HEADER_BYTES * 8].fill(true);
            for field in message.fields {
                for bit in field.start_bit..field.start_bit + u16::from(field.bits) {
                    let place = &mut taken[usize::from(bit)];
                    assert!(!*place, "{} overlaps at bit {bit}", field.name);
                    *place = true;
                }
            }
        }
    }

    #[test]
    fn words_and_ranges_leave_room_for_error_and_not_available() {
        for field in MESSAGES.iter().flat_map(|message| message.fields) {
            let (least, greatest) = field.range();
            let code = |value: f64| ((value - field.offset) / field.factor).round();
            assert!(code(least) >= 0.0 && code(greatest) <= f64::from(field.largest()), "{}", field.name);
            assert!(field.largest() < field.error() && field.error() < field.not_available());
        }
    }

    #[test]
    fn the_encodings_are_those_of_j1939() {
        let codes = |bits| {
            let f = field("", Source::State, 0, bits);
            (f.largest(), f.error(), f.not_available())
        };
        assert_eq!(codes(2), (1, 2, 3));
        assert_eq!(codes(4), (13, 14, 15));
        assert_eq!(codes(8), (0xFA, 0xFE, 0xFF));
        assert_eq!(codes(16), (0xFAFF, 0xFE00, 0xFFFF));
        assert_eq!(codes(24), (0xFA_FFFF, 0xFE_0000, 0xFF_FFFF));
    }
}
