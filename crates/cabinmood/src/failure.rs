//! What a command that fails leaves behind: one message and an exit code after sysexits(3).

use std::process::ExitCode;

/// The documented exit codes, after BSD's sysexits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The command line is wrong.
    Usage = 64,
    /// The input is there, but it is not what it must be.
    Data = 65,
    /// The input is not there or cannot be read.
    NoInput = 66,
    /// A device or a service is not there.
    Unavailable = 69,
    /// The program itself is at fault.
    Internal = 70,
    /// The configuration or a model is wrong.
    Config = 78,
}

impl Exit {
    /// The number that the process ends with.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a command ends early. Printed once, by `main`, as `cabinmood: {error:#}`.
#[derive(Debug)]
pub struct Failure {
    /// The code that the process ends with.
    pub exit: Exit,
    /// What to tell the user: what is wrong, where, and what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    /// A failure of which only a message is known.
    pub fn message(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, error: anyhow::Error::msg(message.into()) }
    }
}

/// Gives an error its exit code where the type alone does not tell it.
pub trait OrExit<T> {
    /// The value, or a failure with this exit code and with what was being done.
    ///
    /// # Errors
    /// Where `self` is one.
    fn or_exit(self, exit: Exit, doing: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit, doing: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure { exit, error: error.into().context(doing()) })
    }
}
