//! [log]: diagnostics on standard error.

use std::time::Duration;

use super::Section;

/// Diagnostics on standard error.
#[derive(Debug, Clone)]
pub struct Log {
    /// The least important kind of message that is written.
    pub level: &'static str,
    /// Time between two lines of figures.
    pub interval: Duration,
}

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

impl Log {
    pub(super) fn read(keys: &mut Section<'_>) -> Self {
        Self {
            level: keys.word(
                "level",
                ("info", "info"),
                "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
                "The least important message that is written to standard error; the variable RUST_LOG goes before it. trace writes how long each stage took for each frame.",
                |text| LEVELS.into_iter().find(|level| *level == text),
            ),
            interval: Duration::from_secs(keys.integer(
                "interval_s",
                60,
                1..=86_400,
                "seconds",
                "Time between two lines with counts of frames, drops and faults and the stages' median times.",
            )),
        }
    }
}
