//! CAN frames as plain values, and the lines of a candump log.

use std::fmt;

use thiserror::Error;

/// As many bytes as a CAN FD frame carries.
pub const MAX_DATA: usize = 64;
/// As many as a classic frame carries.
pub const CLASSIC_DATA: usize = 8;

/// A frame's identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CanId {
    /// 11 bits.
    Standard(u16),
    /// 29 bits.
    Extended(u32),
}

impl CanId {
    /// The largest 11-bit identifier.
    pub const STANDARD_MAX: u32 = 0x7FF;
    /// The largest 29-bit identifier.
    pub const EXTENDED_MAX: u32 = 0x1FFF_FFFF;

    /// An identifier of 29 bits or of 11; `None` where the number has more.
    #[must_use]
    pub fn new(number: u32, extended: bool) -> Option<Self> {
        match extended {
            true => (number <= Self::EXTENDED_MAX).then_some(Self::Extended(number)),
            false => {
                u16::try_from(number).ok().filter(|n| u32::from(*n) <= Self::STANDARD_MAX).map(Self::Standard)
            }
        }
    }

    /// The number alone.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Standard(number) => number.into(),
            Self::Extended(number) => number,
        }
    }

    /// Whether it has 29 bits.
    #[must_use]
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::Extended(_))
    }
}

impl fmt::Display for CanId {
    /// As candump writes it: three or eight hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(number) => write!(f, "{number:03X}"),
            Self::Extended(number) => write!(f, "{number:08X}"),
        }
    }
}

/// A data frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its identifier.
    pub id: CanId,
    /// Whether it goes out in the FD format.
    pub fd: bool,
    data: [u8; MAX_DATA],
    len: u8,
}

impl Frame {
    /// A frame with these bytes; `None` where there are more than its format carries.
    #[must_use]
    pub fn new(id: CanId, fd: bool, bytes: &[u8]) -> Option<Self> {
        if bytes.len() > if fd { MAX_DATA } else { CLASSIC_DATA } {
            return None;
        }
        let mut data = [0; MAX_DATA];
        data[..bytes.len()].copy_from_slice(bytes);
        Some(Self { id, fd, data, len: bytes.len() as u8 })
    }

    /// The bytes.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data[..usize::from(self.len)]
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Frame {
    /// As candump's log has it: `510#1122334455667788`, or `515##1…` for an FD frame with the
    /// faster rate.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.id, if self.fd { "##1" } else { "#" })?;
        self.data().iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// One line of a log that `candump -L` wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Microseconds on the log's own time line.
    pub at_us: u64,
    /// The interface.
    pub interface: String,
    /// The frame; `None` for remote and error frames, which carry nothing here.
    pub frame: Option<Frame>,
}

/// Why a line of a log cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a line of `candump -L`, as in \"(1700000000.000000) can0 510#1122334455667788\"")]
pub struct LogError;

impl LogLine {
    /// Reads a line.
    ///
    /// # Errors
    /// [`LogError`] where it is no line of `candump -L`.
    pub fn parse(line: &str) -> Result<Self, LogError> {
        let mut words = line.split_ascii_whitespace();
        let mut word = || words.next().ok_or(LogError);
        let (time, interface, frame) = (word()?, word()?, word()?);
        let time = time.strip_prefix('(').and_then(|t| t.strip_suffix(')')).ok_or(LogError)?;
        let at_us = microseconds(time).ok_or(LogError)?;
        Ok(Self { at_us, interface: interface.to_owned(), frame: frame_of(frame)? })
    }
}

fn microseconds(time: &str) -> Option<u64> {
    let (seconds, fraction) = time.split_once('.')?;
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros = format!("{fraction:0<6}").get(..6)?.parse::<u64>().ok()?;
    seconds.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(micros)
}

fn frame_of(text: &str) -> Result<Option<Frame>, LogError> {
    /// The kernel's mark of an error frame in the identifier.
    const ERROR_FLAG: u32 = 0x2000_0000;
    let (id, rest) = text.split_once('#').ok_or(LogError)?;
    let number = u32::from_str_radix(id, 16).map_err(|_| LogError)?;
    let extended = id.len() == 8;
    if rest.starts_with('R') || (extended && number & ERROR_FLAG != 0) {
        return Ok(None);
    }
    let id = CanId::new(number, extended).ok_or(LogError)?;
    let (fd, digits) = match rest.strip_prefix('#') {
        // The digit after the second # holds the FD flags.
        Some(rest) => (true, rest.get(1..).ok_or(LogError)?),
        None => (false, rest),
    };
    let bytes = hex_bytes(digits).ok_or(LogError)?;
    Frame::new(id, fd, &bytes).map(Some).ok_or(LogError)
}

fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_fit_their_format() {
        assert_eq!(CanId::new(0x7FF, false), Some(CanId::Standard(0x7FF)));
        assert_eq!(CanId::new(0x800, false), None);
        assert_eq!(CanId::new(0x1FFF_FFFF, true), Some(CanId::Extended(0x1FFF_FFFF)));
        assert_eq!(CanId::new(0x2000_0000, true), None);
    }

    #[test]
    fn a_log_is_read_as_it_is_written() {
        for (id, fd, len) in [(CanId::Standard(0x51), false, 8), (CanId::Extended(0x18FF_5080), true, 20)] {
            let frame = Frame::new(id, fd, &(0..len).collect::<Vec<u8>>()).unwrap();
            let line = LogLine::parse(&format!("(12.000340) vcan0 {frame}\n")).unwrap();
            assert_eq!(line, LogLine { at_us: 12_000_340, interface: "vcan0".into(), frame: Some(frame) });
        }
        assert_eq!(LogLine::parse("(1.5) can0 123#R").unwrap().frame, None);
        assert_eq!(LogLine::parse("(1.5) can0 20000040#0000000000000000").unwrap().frame, None);
    }

    #[test]
    fn what_is_no_line_is_an_error() {
        for line in [
            "",
            "1.5 can0 1#00",
            "(1) can0 1#00",
            "(1.0) can0 1#0",
            "(1.0) can0 FFF#00",
            "(1.0) can0 1#112233445566778899",
            "(1.0) can0 1##",
            "(1.x) can0 1#00",
            "(1.0) can0 é#00",
        ] {
            assert_eq!(LogLine::parse(line), Err(LogError), "{line}");
        }
    }
}
