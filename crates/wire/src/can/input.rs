//! Signals of the vehicle, found by name in the customer's own DBC file.

use can_dbc::{
    ByteOrder, Dbc, Message, MessageId, MultiplexIndicator, NumericValue, Signal, SignalExtendedValueType,
    ValueType,
};
use thiserror::Error;

use super::frame::{CanId, MAX_DATA};
use super::j1939;

/// Why a signal cannot be taken from a DBC file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InputError {
    /// The text is no DBC file.
    #[error("not a DBC file: {0}")]
    Dbc(String),
    /// The name is not `MESSAGE.SIGNAL`.
    #[error("must be MESSAGE.SIGNAL, as they are called in the DBC file")]
    Name,
    /// There is no such message.
    #[error("the DBC file has no message {0:?}")]
    NoMessage(String),
    /// The message has no such signal.
    #[error("message {message:?} of the DBC file has no signal {signal:?}; it has {there}")]
    NoSignal {
        /// The message.
        message: String,
        /// The signal that was asked for.
        signal: String,
        /// Those that it has.
        there: String,
    },
    /// The signal, as the DBC file has it, is not of the kind that is needed, or contradicts itself.
    #[error("the DBC file's signal is of the wrong type: {0}")]
    Type(String),
}

/// A parsed DBC file.
#[derive(Debug, Clone)]
pub struct Database(Dbc);

impl Database {
    /// Reads a DBC file's bytes. Those are UTF-8 or, from older tools, one character a byte.
    ///
    /// # Errors
    /// [`InputError::Dbc`].
    pub fn parse(bytes: &[u8]) -> Result<Self, InputError> {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().copied().map(char::from).collect(),
        };
        let in_one_line = |fault: can_dbc::DbcError| {
            let text = fault.to_string();
            let words: Vec<&str> =
                text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('|')).collect();
            InputError::Dbc(words.join(" "))
        };
        Dbc::try_from(text.as_str()).map(Self).map_err(in_one_line)
    }

    /// Finds `MESSAGE.SIGNAL`.
    ///
    /// # Errors
    /// [`InputError`] where it is not there or contradicts itself.
    pub fn find(&self, name: &str) -> Result<Input, InputError> {
        let (message, signal) = name.split_once('.').ok_or(InputError::Name)?;
        let no_message = || InputError::NoMessage(message.to_owned());
        let message = self.0.messages.iter().find(|m| m.name == message).ok_or_else(no_message)?;
        let no_signal = || InputError::NoSignal {
            message: message.name.clone(),
            signal: signal.to_owned(),
            there: message.signals.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "),
        };
        let found = message.signals.iter().find(|s| s.name == signal).ok_or_else(no_signal)?;
        Ok(Input {
            id: identifier(message.id)?,
            value: self.place(message, found)?,
            multiplexed: self.multiplexed(message, found)?,
            unit: found.unit.clone(),
        })
    }

    /// The selector and its value, for a signal that is in the message only at times.
    fn multiplexed(&self, message: &Message, signal: &Signal) -> Result<Option<(Place, u64)>, InputError> {
        let wanted = match signal.multiplexer_indicator {
            MultiplexIndicator::Plain | MultiplexIndicator::Multiplexor => return Ok(None),
            MultiplexIndicator::MultiplexedSignal(wanted) => wanted,
            MultiplexIndicator::MultiplexorAndMultiplexedSignal(_) => {
                return Err(InputError::Type("extended multiplexing is not supported".into()));
            }
        };
        let mut selectors =
            message.signals.iter().filter(|s| s.multiplexer_indicator == MultiplexIndicator::Multiplexor);
        match (selectors.next(), selectors.next()) {
            (Some(selector), None) => Ok(Some((self.place(message, selector)?, wanted))),
            _ => Err(InputError::Type("it is multiplexed, but its message has not one selector".into())),
        }
    }

    fn place(&self, message: &Message, signal: &Signal) -> Result<Place, InputError> {
        let wrong = |why: &str| Err(InputError::Type(format!("{} {why}", signal.name)));
        let real = self.0.signal_extended_value_type_list.iter().find_map(|entry| {
            let is_it = entry.message_id == message.id && entry.signal_name == signal.name;
            is_it.then_some(entry.signal_extended_value_type)
        });
        let kind = match (real, signal.value_type) {
            (Some(SignalExtendedValueType::IEEEfloat32Bit), _) => Number::Float,
            (Some(SignalExtendedValueType::IEEEdouble64bit), _) => Number::Double,
            (_, ValueType::Signed) => Number::Signed,
            (_, ValueType::Unsigned) => Number::Unsigned,
        };
        let bits_fit = match kind {
            Number::Float => signal.size == 32,
            Number::Double => signal.size == 64,
            Number::Signed | Number::Unsigned => (1..=64).contains(&signal.size),
        };
        if !bits_fit {
            return wrong(&format!("has {} bits", signal.size));
        }
        if !signal.factor.is_finite() || !signal.offset.is_finite() || signal.factor == 0.0 {
            return wrong("has no usable factor and offset");
        }
        let number = |value| match value {
            NumericValue::Uint(value) => value as f64,
            NumericValue::Int(value) => value as f64,
            NumericValue::Double(value) => value,
        };
        let (min, max) = (number(signal.min), number(signal.max));
        let place = Place {
            start_bit: signal.start_bit,
            bits: signal.size as u32,
            big_endian: signal.byte_order == ByteOrder::BigEndian,
            kind,
            factor: signal.factor,
            offset: signal.offset,
            // [0|0] is how a DBC file says that it does not know.
            range: (min < max).then_some((min, max)),
        };
        let bytes = message.size.min(MAX_DATA as u64) as usize;
        if place.raw(&[0; MAX_DATA][..bytes]).is_none() {
            return wrong("does not lie within its message");
        }
        Ok(place)
    }
}

fn identifier(id: MessageId) -> Result<CanId, InputError> {
    let (number, extended) = match id {
        MessageId::Standard(number) => (number.into(), false),
        MessageId::Extended(number) => (number, true),
    };
    CanId::new(number, extended)
        .ok_or_else(|| InputError::Type(format!("its message's identifier {number} has more than 11 bits")))
}

/// Where a signal lies and how its bits are read.
#[derive(Debug, Clone, PartialEq)]
struct Place {
    start_bit: u64,
    bits: u32,
    big_endian: bool,
    kind: Number,
    factor: f64,
    offset: f64,
    range: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    Unsigned,
    Signed,
    Float,
    Double,
}

impl Place {
    /// The bits; `None` where the data are too short.
    fn raw(&self, data: &[u8]) -> Option<u64> {
        let mut raw = 0_u64;
        let mut place = self.start_bit;
        for step in 0..self.bits {
            let byte = *data.get(usize::try_from(place / 8).ok()?)?;
            let bit = u64::from(byte >> (place % 8) & 1);
            if self.big_endian {
                // The start is the highest bit; from bit 0 of a byte it goes on at bit 7 of the next.
                raw = raw << 1 | bit;
                place = if place.is_multiple_of(8) { place + 15 } else { place - 1 };
            } else {
                raw |= bit << step;
                place += 1;
            }
        }
        Some(raw)
    }

    /// The value in the DBC file's unit; `None` where the data are too short, or the value is none
    /// or outside the range that the DBC file states (error, not available).
    fn value(&self, data: &[u8]) -> Option<f64> {
        let raw = self.raw(data)?;
        let number = match self.kind {
            Number::Unsigned => raw as f64,
            Number::Signed => {
                let unused = 64 - self.bits;
                ((raw << unused) as i64 >> unused) as f64
            }
            // Exactly 32 and 64 bits, as was checked.
            Number::Float => f32::from_bits(raw as u32).into(),
            Number::Double => f64::from_bits(raw),
        };
        let value = number * self.factor + self.offset;
        // A factor's rounding shall not put the last code outside.
        let slack = self.factor.abs() / 2.0;
        let fits = self.range.is_none_or(|(min, max)| (min - slack..=max + slack).contains(&value));
        (value.is_finite() && fits).then_some(value)
    }
}

/// A signal of the vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    id: CanId,
    value: Place,
    multiplexed: Option<(Place, u64)>,
    unit: String,
}

impl Input {
    /// Its message's identifier.
    #[must_use]
    pub const fn id(&self) -> CanId {
        self.id
    }

    /// Its unit, as the DBC file has it.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// How many bits it has.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        self.value.bits
    }

    /// Whether its values are whole numbers as they are, without a scale.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let is_integer = matches!(self.value.kind, Number::Unsigned | Number::Signed);
        is_integer && self.value.factor == 1.0 && self.value.offset == 0.0
    }

    /// Whether a frame with this identifier bears it. On J1939 the group decides, whoever sends it.
    #[must_use]
    pub fn is_in(&self, id: CanId, j1939: bool) -> bool {
        match (self.id, id) {
            (CanId::Extended(ours), CanId::Extended(theirs)) if j1939 => {
                j1939::group_of(ours) == j1939::group_of(theirs)
            }
            _ => self.id == id,
        }
    }

    /// Its value in a frame's data, in its unit; `None` where the frame does not bear it, or bears
    /// it as an error or as not available.
    #[must_use]
    pub fn read(&self, data: &[u8]) -> Option<f64> {
        if let Some((selector, wanted)) = &self.multiplexed
            && selector.raw(data) != Some(*wanted)
        {
            return None;
        }
        self.value.value(data)
    }

    /// Whether the frame bears it at all, whatever the value.
    #[must_use]
    pub fn is_selected(&self, data: &[u8]) -> bool {
        self.multiplexed.as_ref().is_none_or(|(selector, wanted)| selector.raw(data) == Some(*wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DBC: &str = r#"VERSION ""
NS_ :
BS_:
BU_: Gateway
BO_ 291 Body: 8 Gateway
 SG_ Ignition : 0|2@1+ (1,0) [0|2] "" Vector__XXX
 SG_ Speed : 15|16@0+ (0.01,0) [0|300] "km/h" Vector__XXX
 SG_ Temperature : 24|8@1- (0.5,-10) [0|0] "degC" Vector__XXX
 SG_ Page M : 32|4@1+ (1,0) [0|15] "" Vector__XXX
 SG_ Driver m3 : 40|8@1+ (1,0) [0|250] "" Vector__XXX
BO_ 2566844926 CCVS: 8 Gateway
 SG_ WheelSpeed : 8|16@1+ (0.00390625,0) [0|250.996] "km/h" Vector__XXX
BO_ 300 Real: 8 Gateway
 SG_ F : 0|32@1- (1,0) [0|0] "m/s" Vector__XXX
SIG_VALTYPE_ 300 F : 1;
"#;

    fn database() -> Database {
        Database::parse(DBC.as_bytes()).unwrap()
    }

    #[test]
    fn values_are_read_in_both_byte_orders_with_sign_and_scale() {
        let body = [0x02, 0x27, 0x10, 0xF0, 0x03, 0x2A, 0, 0];
        let read = |name: &str| database().find(name).unwrap().read(&body);
        assert_eq!(read("Body.Ignition"), Some(2.0));
        assert_eq!(read("Body.Speed"), Some(100.0));
        assert_eq!(read("Body.Temperature"), Some(-18.0));
        assert_eq!(read("Body.Driver"), Some(42.0));
        let float = database().find("Real.F").unwrap();
        assert_eq!(float.read(&1.5_f32.to_le_bytes()), Some(1.5));
        assert_eq!(float.read(&f32::NAN.to_le_bytes()), None);
    }

    #[test]
    fn what_is_not_there_or_not_available_is_none() {
        let find = |name: &str| database().find(name).unwrap();
        assert_eq!(find("Body.Ignition").read(&[3, 0, 0, 0, 0, 0, 0, 0]), None, "outside its range");
        assert_eq!(find("Body.Driver").read(&[0, 0, 0, 0, 2, 42, 0, 0]), None, "another page");
        assert_eq!(find("Body.Speed").read(&[0, 1]), None, "too short");
        assert_eq!(find("CCVS.WheelSpeed").read(&[0, 0xFF, 0xFF, 0, 0, 0, 0, 0]), None, "not available");
    }

    #[test]
    fn on_j1939_the_group_decides() {
        let speed = database().find("CCVS.WheelSpeed").unwrap();
        assert_eq!(speed.id(), CanId::Extended(0x18FE_F1FE));
        assert!(speed.is_in(CanId::Extended(0x0CFE_F121), true));
        assert!(!speed.is_in(CanId::Extended(0x0CFE_F121), false));
        assert!(!speed.is_in(CanId::Extended(0x0CFE_F221), true));
    }

    #[test]
    fn what_a_file_lacks_is_named() {
        let refused = |name: &str| database().find(name).unwrap_err().to_string();
        assert!(refused("Ignition").contains("MESSAGE.SIGNAL"));
        assert!(refused("Bodi.Ignition").contains("\"Bodi\""));
        let told = refused("Body.Ignitoin");
        assert!(told.contains("\"Ignitoin\"") && told.contains("Ignition, Speed"), "{told}");
        let told = Database::parse(b"not a dbc").unwrap_err().to_string();
        assert!(told.starts_with("not a DBC file") && !told.contains('\n'), "{told}");
        let long = DBC.replace("0|2@1+", "62|4@1+");
        let told = Database::parse(long.as_bytes()).unwrap().find("Body.Ignition").unwrap_err().to_string();
        assert!(told.contains("wrong type") && told.contains("within its message"), "{told}");
    }
}
