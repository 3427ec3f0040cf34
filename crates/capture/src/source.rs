//! The trait that all sources share, and the one way to open them.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frame::{Frame, Pool};
use types::{Clock, Stamped};

use crate::camera::CameraSource;
use crate::images::ImageSource;
use crate::video::VideoSource;
use crate::{CaptureError, SourceOptions, SourceSpec};

/// Something that gives frames, one after the other.
pub trait FrameSource: Send {
    /// The next frame; `None` at the end of the media. Blocks until there is one: a camera that
    /// stalls blocks for ever.
    ///
    /// # Errors
    /// [`CaptureError::remedy`] says whether to ask again, to open the source anew or to give up.
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError>;

    /// What it is, in one line for a log.
    fn describe(&self) -> String;

    /// The picture file that the last frame, or the last [`CaptureError::BadImage`], came from.
    fn file(&self) -> Option<&Path> {
        None
    }

    /// How many frames there will be in all, where that is known. A container's word may be a few
    /// frames off.
    fn frames_hint(&self) -> Option<u64> {
        None
    }

    /// The time from one frame to the next, where that is known.
    fn interval_hint(&self) -> Option<Duration> {
        None
    }

    /// Frames that came but could not be decoded, and media that broke off, since it was opened.
    fn decode_faults(&self) -> u64 {
        0
    }
}

impl<S: FrameSource + ?Sized> FrameSource for Box<S> {
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        (**self).next()
    }

    fn describe(&self) -> String {
        (**self).describe()
    }

    fn file(&self) -> Option<&Path> {
        (**self).file()
    }

    fn frames_hint(&self) -> Option<u64> {
        (**self).frames_hint()
    }

    fn interval_hint(&self) -> Option<Duration> {
        (**self).interval_hint()
    }

    fn decode_faults(&self) -> u64 {
        (**self).decode_faults()
    }
}

/// Opens a source. A camera's frames are stamped with `clock`, those of files with their media
/// time from zero; their buffers come from `pool`. For the pace of a file see [`crate::Paced`].
///
/// # Errors
/// [`CaptureError`] where it is missing, empty, not what it seems, or in use. A folder of pictures
/// opens as long as it names one; a bad picture is an error of [`FrameSource::next`].
pub fn open(
    spec: &SourceSpec,
    options: &SourceOptions,
    clock: Arc<dyn Clock>,
    pool: &Pool,
) -> Result<Box<dyn FrameSource>, CaptureError> {
    if let SourceSpec::Video(path) | SourceSpec::Images(path) = spec {
        refuse_what_is_no_file(path)?;
    }
    Ok(match spec {
        SourceSpec::Camera(index) => Box::new(CameraSource::open(*index, options, clock, pool)?),
        SourceSpec::V4l2(_) => return Err(CaptureError::NotBuiltIn { spec: spec.to_string() }),
        SourceSpec::Video(path) => Box::new(VideoSource::open(path, options, pool)?),
        SourceSpec::Images(path) => Box::new(ImageSource::open(path, options, pool)?),
    })
}

/// Only a file has an end, and can be read without waiting for somebody who writes: a pipe or a
/// device would block a call that no signal reaches.
fn refuse_what_is_no_file(path: &Path) -> Result<(), CaptureError> {
    let unreadable = |reason| CaptureError::Unreadable { path: path.to_owned(), reason };
    let metadata = path.metadata().map_err(unreadable)?;
    if metadata.is_file() || metadata.is_dir() {
        return Ok(());
    }
    let kind = "neither a file nor a folder (a camera is named camera:N)";
    Err(unreadable(io::Error::new(io::ErrorKind::InvalidInput, kind)))
}
