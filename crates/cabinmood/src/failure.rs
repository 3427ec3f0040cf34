//! What a command that fails leaves behind: one message and an exit code after sysexits(3).

use std::fmt;
use std::path::Path;

use align::AlignError;
use capture::{CaptureError, ErrorKind};
use classify::ClassifyError;
use publish::PublishError;
use publish::telematics::StoreError;
use smooth::OptionError;

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

/// Why a command ends early. Printed once, by `main`.
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

impl fmt::Display for Failure {
    /// The error and its causes, those aside that a message before them has told already.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = String::new();
        for cause in self.error.chain() {
            let cause = cause.to_string();
            if !told.contains(&cause) {
                told += if told.is_empty() { "" } else { ": " };
                told += &cause;
            }
        }
        f.write_str(&told)
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

/// What was being done where an output could not be written, for [`OrExit::or_exit`]: `which` is its
/// flag, or what it is, and its path.
pub fn writing(which: &str, path: &Path) -> impl FnOnce() -> String {
    let told = format!(
        "{which} {} cannot be written (its folder must exist, you must be allowed to, and there must be room)",
        path.display()
    );
    || told
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        let exit = match error.kind() {
            ErrorKind::NoInput => Exit::NoInput,
            ErrorKind::BadData => Exit::Data,
            ErrorKind::Unavailable => Exit::Unavailable,
            ErrorKind::Internal => Exit::Internal,
        };
        Self::new(exit, error)
    }
}

impl From<AlignError> for Failure {
    /// Models and thresholds are configuration; only OpenCV itself can fail beyond them.
    fn from(error: AlignError) -> Self {
        let exit = if matches!(error, AlignError::OpenCv(_)) { Exit::Internal } else { Exit::Config };
        Self::new(exit, error)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let exit = match error {
            PublishError::InUse { .. }
            | PublishError::NoCan { .. }
            | PublishError::NoInterface { .. }
            | PublishError::Port { .. }
            | PublishError::Can { .. } => Exit::Unavailable,
            PublishError::Runtime(_) => Exit::Internal,
            PublishError::NoFolder { .. }
            | PublishError::NotASocket { .. }
            | PublishError::PathTooLong { .. }
            | PublishError::NoSuchGroup { .. }
            | PublishError::BadMode { .. }
            | PublishError::NotCan { .. }
            | PublishError::Telematics(_)
            | PublishError::Kuksa(_)
            | PublishError::Socket { .. } => Exit::Config,
        };
        Self::new(exit, error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::InUse { .. } | StoreError::Disk { .. } => Exit::Unavailable,
            StoreError::Newer { .. } => Exit::Config,
            StoreError::TooLong { .. } => Exit::Internal,
        };
        Self::new(exit, error)
    }
}

impl From<ClassifyError> for Failure {
    fn from(error: ClassifyError) -> Self {
        let exit = match error {
            ClassifyError::NoProvider { .. } => Exit::Unavailable,
            ClassifyError::Run { .. } | ClassifyError::NotFinite { .. } => Exit::Internal,
            ClassifyError::Manifest(_)
            | ClassifyError::Details { .. }
            | ClassifyError::Runtime { .. }
            | ClassifyError::OtherRuntime { .. }
            | ClassifyError::BadModel { .. }
            | ClassifyError::Shape { .. } => Exit::Config,
        };
        Self::new(exit, error)
    }
}

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        Self::new(Exit::Config, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let fault = std::io::Error::other("no such file");
        let failure = Failure::new(Exit::NoInput, fault);
        assert_eq!(failure.to_string(), "no such file");
        let told: Result<(), _> = Err(failure.error);
        let failure = told.or_exit(Exit::NoInput, || "a.mp4".into()).unwrap_err();
        assert_eq!(failure.to_string(), "a.mp4: no such file");
        let fault: Result<(), _> = Err(std::io::Error::other("denied"));
        let failure =
            fault.or_exit(Exit::NoInput, || "b.mp4: denied; change its permissions".into()).unwrap_err();
        assert_eq!(failure.to_string(), "b.mp4: denied; change its permissions");
    }
}
