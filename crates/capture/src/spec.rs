//! Naming a source: `camera:0`, `v4l2:/dev/…`, a video, a picture or a folder of pictures.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use crate::images;

/// A source of frames, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SourceSpec {
    /// `camera:N`: the camera whose device node is `/dev/videoN`.
    Camera(u32),
    /// `v4l2:PATH`: a camera by its device node, read without nokhwa.
    V4l2(PathBuf),
    /// A video file.
    Video(PathBuf),
    /// A picture, or a folder of pictures.
    Images(PathBuf),
}

/// Words that name no source.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ParseSourceError {
    /// Nothing at all.
    #[error("a source is camera:N, v4l2:/dev/…, a video, a picture or a folder, not nothing")]
    Empty,
    /// `camera:` without a number.
    #[error("{0:?}: a camera has a number, as in camera:0 (run `cabinmood devices`)")]
    Camera(String),
    /// `v4l2:` without an absolute path.
    #[error("{0:?}: a V4L2 source has an absolute path, as in v4l2:/dev/v4l/by-id/…")]
    V4l2(String),
}

impl From<&Path> for SourceSpec {
    /// A folder and a file with a picture's ending are pictures; every other file is taken for a
    /// video, and opening it tells.
    fn from(path: &Path) -> Self {
        if path.is_dir() || images::is_picture(path) {
            Self::Images(path.to_owned())
        } else {
            Self::Video(path.to_owned())
        }
    }
}

impl FromStr for SourceSpec {
    type Err = ParseSourceError;

    /// Looks at the file system only to tell a folder from a file; a path that does not exist is
    /// found out when it is opened.
    fn from_str(word: &str) -> Result<Self, Self::Err> {
        if let Some(number) = word.strip_prefix("camera:") {
            return number.parse().map(Self::Camera).map_err(|_| ParseSourceError::Camera(word.to_owned()));
        }
        if let Some(path) = word.strip_prefix("v4l2:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::V4l2(path))
            } else {
                Err(ParseSourceError::V4l2(word.to_owned()))
            };
        }
        if word.is_empty() {
            return Err(ParseSourceError::Empty);
        }
        Ok(Path::new(word).into())
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Camera(index) => write!(f, "camera:{index}"),
            Self::V4l2(path) => write!(f, "v4l2:{}", path.display()),
            Self::Video(path) | Self::Images(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let expect = |word: &str, spec: SourceSpec| {
            assert_eq!(word.parse(), Ok(spec.clone()));
            assert_eq!(spec.to_string(), word);
        };
        expect("camera:3", SourceSpec::Camera(3));
        expect("v4l2:/dev/v4l/by-id/a", SourceSpec::V4l2("/dev/v4l/by-id/a".into()));
        expect("clips/a.mp4", SourceSpec::Video("clips/a.mp4".into()));
        expect("faces/a.PNG", SourceSpec::Images("faces/a.PNG".into()));
        expect(folder.path().to_str().unwrap(), SourceSpec::Images(folder.path().into()));
    }

    #[test]
    fn half_a_name_is_refused() {
        let parse = str::parse::<SourceSpec>;
        assert_eq!(parse("camera:front"), Err(ParseSourceError::Camera("camera:front".into())));
        assert_eq!(parse("camera:-1"), Err(ParseSourceError::Camera("camera:-1".into())));
        assert_eq!(parse("v4l2:video0"), Err(ParseSourceError::V4l2("v4l2:video0".into())));
        assert_eq!(parse(""), Err(ParseSourceError::Empty));
    }
}
