//! Opening a camera's device, and everything that nokhwa must be shielded from.

use std::borrow::Cow;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use nokhwa::Camera;
use nokhwa::utils::{CameraFormat, CameraIndex, RequestedFormat, RequestedFormatType, Resolution};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::Feed;
use crate::choice::{Choice, choose};
use crate::decode::panic_message;
use crate::{CaptureError, SourceOptions, devices};

/// nokhwa's camera, stopped with care.
pub(crate) struct NokhwaFeed(Option<Camera>);

impl Feed for NokhwaFeed {
    fn next(&mut self) -> Result<Cow<'_, [u8]>, String> {
        let camera = self.0.as_mut().ok_or("the camera is closed")?;
        camera.frame_raw().map_err(|e| e.to_string())
    }
}

impl Drop for NokhwaFeed {
    fn drop(&mut self) {
        let camera = self.0.take();
        // The v4l crate panics where a stream cannot be stopped, unless its device is gone.
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| drop(camera))) {
            tracing::warn!(reason = panic_message(&*payload), "the camera's stream could not be stopped");
        }
    }
}

impl NokhwaFeed {
    /// Opens a camera in the format nearest to the options and readies its stream.
    ///
    /// # Errors
    /// [`CaptureError::NoCamera`], [`CaptureError::Camera`] or [`CaptureError::UnusableCamera`].
    pub(crate) fn open(
        index: u32,
        path: &Path,
        options: &SourceOptions,
    ) -> Result<(Self, Choice), CaptureError> {
        let path = path.to_owned();
        if !path.exists() {
            return Err(CaptureError::NoCamera { index, path });
        }
        let failed = |message: String| CaptureError::Camera { index, path: path.clone(), message };
        let unusable = |message: String| CaptureError::UnusableCamera { index, path: path.clone(), message };
        let choice = {
            let device = Device::with_path(&path).map_err(|e| failed(advice(&e)))?;
            let offered = devices::formats(&device).map_err(|e| failed(advice(&e)))?;
            if offered.is_empty() {
                // A virtual camera before anything feeds it; a format may come.
                return Err(failed("it offers no picture format; does something feed it?".to_owned()));
            }
            let wanted = choose(&offered, options).ok_or_else(|| unusable(needs(&offered)))?;
            set(&device, wanted).map_err(|e| failed(advice(&e)))?
        };
        Ok((Self(Some(start(index, choice).map_err(failed)?)), choice))
    }
}

/// Sets format and rate before nokhwa looks at the camera: it refuses one that happens to stand at
/// a format it does not know or at a rate like 30000/1001. The driver may choose another size.
fn set(device: &Device, wanted: Choice) -> io::Result<Choice> {
    let mut fourcc = [0; 4];
    fourcc.copy_from_slice(wanted.format.fourcc().as_bytes());
    let format = device.set_format(&Format::new(wanted.width, wanted.height, FourCC::new(&fourcc)))?;
    let interval = device.set_params(&Parameters::with_fps(wanted.fps))?.interval;
    if format.fourcc.repr != fourcc {
        return Err(io::Error::other(format!("it refuses {}", wanted.format.fourcc())));
    }
    if interval.numerator != 1 || interval.denominator == 0 {
        return Err(io::Error::other(format!(
            "it runs at {}/{} frames a second, only whole rates can be read",
            interval.denominator, interval.numerator
        )));
    }
    Ok(Choice { width: format.width, height: format.height, fps: interval.denominator, ..wanted })
}

/// Opens nokhwa's camera in exactly this format and starts the stream.
fn start(index: u32, choice: Choice) -> Result<Camera, String> {
    let format = choice.format.nokhwa();
    let exact = CameraFormat::new(Resolution::new(choice.width, choice.height), format, choice.fps);
    let formats = [format];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(exact), &formats);
    let mut camera = Camera::new(CameraIndex::Index(index), request).map_err(|e| e.to_string())?;
    camera.open_stream().map_err(|e| e.to_string())?;
    Ok(camera)
}

/// What the system said, and what to do about it.
fn advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            format!("{error}; let the user who runs this read it (group video)")
        }
        io::ErrorKind::ResourceBusy => format!("{error}; another program uses it"),
        _ => error.to_string(),
    }
}

/// Why none of a camera's formats will do.
fn needs(offered: &[devices::CameraFormat]) -> String {
    let mut offers: Vec<&str> = offered.iter().map(|format| format.fourcc.as_str()).collect();
    offers.dedup();
    let offers = offers.join(", ");
    format!("it offers {offers}, but YUYV, NV12, BGR3, RGB3 or MJPG at a whole frame rate is needed")
}
