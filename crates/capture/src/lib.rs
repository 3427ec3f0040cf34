//! Where frames come from: a camera, a video or a folder of pictures behind one trait,
//! [`FrameSource`]. The only crate that opens cameras and media.
//!
//! A source hands out grey pictures (and colour beside them where people will look at them) that
//! are already turned, mirrored and cut to the driver's region: nothing after this crate ever sees
//! the rest of the cabin. Every frame carries its time: arrival on the given clock for a camera,
//! media time for files. A source knows no channel and makes no thread; a camera that stops
//! sending blocks its [`FrameSource::next`], so the caller watches it from another thread.

mod camera;
mod choice;
mod decode;
mod devices;
mod error;
mod freeze;
mod images;
mod options;
mod paced;
mod pictures;
mod scripted;
mod source;
mod spec;
mod transform;
mod video;
mod whole;

pub use devices::{CameraFormat, CameraInfo, Rate, devices};
pub use error::{CaptureError, ErrorKind, Remedy};
pub use freeze::FreezeDetector;
pub use options::{Region, Rotation, SourceOptions};
pub use paced::{Paced, Pacing, Wait};
pub use scripted::{ScriptedSource, Step};
pub use source::{FrameSource, open};
pub use spec::{ParseSourceError, SourceSpec};
