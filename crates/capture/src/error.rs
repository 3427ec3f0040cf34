//! What can go wrong with a source, and what the caller can do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why a source gives no frame. Every message is one line that names the file or the device.
#[derive(Debug, Error)]
pub enum CaptureError {
    /// A file or folder that is not there or may not be read.
    #[error("{path}: {reason}; correct the path or its permissions")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// A folder without a single picture in it.
    #[error("{path}: no pictures in this folder; it should hold png, jpg, bmp, pgm, tif or webp files")]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
    /// A file that is no video, or breaks off before its first frame.
    #[error("{path}: not a video that can be decoded; check that it is complete and plays elsewhere")]
    BadVideo {
        /// The file.
        path: PathBuf,
    },
    /// A video whose last frames are missing. All that are there were given; the next call finds the
    /// end.
    #[error("{path}: the video breaks off after {frames} frames; check that it was copied whole")]
    BrokeOff {
        /// The file.
        path: PathBuf,
        /// How many frames there are.
        frames: u64,
    },
    /// A file that is no picture, or may not be read. The next call goes on with the next file.
    #[error("{path}: {message}")]
    BadImage {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A camera that is not there.
    #[error("no camera {index}: {} does not exist; run `cabinmood devices`", path.display())]
    NoCamera {
        /// The number it was asked for by.
        index: u32,
        /// The device node that it would have.
        path: PathBuf,
    },
    /// A camera that is there but cannot be used now: busy, not permitted, unplugged.
    #[error("camera {index} ({}): {message}", path.display())]
    Camera {
        /// The camera's number.
        index: u32,
        /// Its device node.
        path: PathBuf,
        /// What is wrong, and what to do where that is known.
        message: String,
    },
    /// A camera that offers no format which can be read here.
    #[error("camera {index} ({}): {message}", path.display())]
    UnusableCamera {
        /// The camera's number.
        index: u32,
        /// Its device node.
        path: PathBuf,
        /// What it offers, and what is needed.
        message: String,
    },
    /// A kind of source that this build does not have.
    #[error("{spec}: direct V4L2 sources are not built in; use camera:N (run `cabinmood devices`)")]
    NotBuiltIn {
        /// The source as it was asked for.
        spec: String,
    },
    /// A conversion failed that should always work.
    #[error("{origin}: a frame could not be converted: {message}")]
    Internal {
        /// The file or device the frame came from.
        origin: String,
        /// What the failing part said, in one line.
        message: String,
    },
}

/// What an error is about; the binary's exit codes follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The input is missing or empty.
    NoInput,
    /// The input is there but is not what it should be.
    BadData,
    /// A device is missing or cannot be used.
    Unavailable,
    /// A fault of the program or of a library under it.
    Internal,
}

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Ask the same source for the next frame.
    Skip,
    /// Drop the source and open it again after a while: a camera may come back.
    Reopen,
    /// Give up; trying again gives the same error.
    Stop,
}

impl CaptureError {
    /// What the error is about.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Unreadable { .. } | Self::EmptyFolder { .. } => ErrorKind::NoInput,
            Self::BadVideo { .. } | Self::BrokeOff { .. } | Self::BadImage { .. } => ErrorKind::BadData,
            Self::NoCamera { .. }
            | Self::Camera { .. }
            | Self::UnusableCamera { .. }
            | Self::NotBuiltIn { .. } => ErrorKind::Unavailable,
            Self::Internal { .. } => ErrorKind::Internal,
        }
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn remedy(&self) -> Remedy {
        match self {
            Self::BrokeOff { .. } | Self::BadImage { .. } => Remedy::Skip,
            Self::NoCamera { .. } | Self::Camera { .. } => Remedy::Reopen,
            Self::Unreadable { .. }
            | Self::EmptyFolder { .. }
            | Self::BadVideo { .. }
            | Self::UnusableCamera { .. }
            | Self::NotBuiltIn { .. }
            | Self::Internal { .. } => Remedy::Stop,
        }
    }

    /// Whether trying again is pointless.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.remedy(), Remedy::Stop)
    }

    /// A conversion's failure; OpenCV's messages span lines, an error is one line.
    pub(crate) fn internal(origin: impl fmt::Display, error: impl fmt::Display) -> Self {
        let message = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Internal { origin: origin.to_string(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_may_come_back_and_a_missing_file_does_not() {
        let path = PathBuf::from("/dev/video7");
        let gone = CaptureError::NoCamera { index: 7, path };
        assert_eq!(gone.to_string(), "no camera 7: /dev/video7 does not exist; run `cabinmood devices`");
        assert_eq!((gone.kind(), gone.is_final()), (ErrorKind::Unavailable, false));
        let missing =
            CaptureError::Unreadable { path: "a.mp4".into(), reason: io::ErrorKind::NotFound.into() };
        assert_eq!((missing.kind(), missing.is_final()), (ErrorKind::NoInput, true));
        let picture = CaptureError::BadImage { path: "a.png".into(), message: "cut short".into() };
        assert_eq!((picture.kind(), picture.remedy()), (ErrorKind::BadData, Remedy::Skip));
    }

    #[test]
    fn a_message_of_many_lines_becomes_one() {
        let error = CaptureError::internal("x", "first\n  second\n").to_string();
        assert_eq!(error, "x: a frame could not be converted: first second");
    }
}
