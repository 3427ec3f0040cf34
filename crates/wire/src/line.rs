//! The lines of the socket: events, and how many of them a slow reader missed.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::Event;
use crate::signals::{EVENT_SCHEMA, GAP_SCHEMA};

/// Why a line cannot be read.
#[derive(Debug, Error)]
pub enum WireError {
    /// Not JSON, or a field is missing or of the wrong type.
    #[error("not a line of Cabinmood: {0}")]
    Json(#[from] serde_json::Error),
    /// Another kind of line, or a later version.
    #[error("schema {0:?} is not known here ({EVENT_SCHEMA}, {GAP_SCHEMA}); update this reader")]
    Schema(String),
    /// A state that does not exist, or one whose reason, from, to or progress do not go with it.
    #[error("state {0:?} does not go with its reason, from, to and progress")]
    State(String),
    /// Probabilities that are negative or all zero.
    #[error("the probabilities are negative or all zero")]
    Probabilities,
}

/// Tells a reader that events were left out, because it did not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// How many events it missed.
    pub missed: u64,
}

#[derive(Serialize)]
struct GapRecord {
    schema: &'static str,
    missed: u64,
}

impl Gap {
    /// Appends the gap as one line of JSON with its line feed.
    pub fn write_json_line(&self, line: &mut Vec<u8>) {
        push_json_line(line, &GapRecord { schema: GAP_SCHEMA, missed: self.missed });
    }
}

/// One line as a reader meets it.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// An event.
    Event(Box<Event>),
    /// Events that were left out.
    Gap(Gap),
}

impl Line {
    /// Reads one line, with or without its line feed. Fields that are not known are passed over.
    ///
    /// # Errors
    /// [`WireError`]: not JSON, a schema that is not known, or fields that contradict each other.
    pub fn parse(line: &[u8]) -> Result<Self, WireError> {
        #[derive(Deserialize)]
        struct Any {
            schema: String,
        }
        #[derive(Deserialize)]
        struct Missed {
            missed: u64,
        }
        let Any { schema } = serde_json::from_slice(line)?;
        match schema.as_str() {
            EVENT_SCHEMA => Ok(Self::Event(serde_json::from_slice(line)?)),
            GAP_SCHEMA => {
                let Missed { missed } = serde_json::from_slice(line)?;
                Ok(Self::Gap(Gap { missed }))
            }
            _ => Err(WireError::Schema(schema)),
        }
    }
}

/// Appends a value as a line of JSON. Writing to memory cannot fail, and no value here has a key
/// that is not text; should it fail all the same, nothing is appended rather than half a line.
pub(crate) fn push_json_line(line: &mut Vec<u8>, value: &impl Serialize) {
    let start = line.len();
    match serde_json::to_writer(&mut *line, value) {
        Ok(()) => line.push(b'\n'),
        Err(_) => line.truncate(start),
    }
}
