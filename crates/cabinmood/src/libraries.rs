//! What the native libraries are told before they are used. Some of it they read from the
//! environment only, which may be changed only while there is a single thread.

use std::env;

use opencv::core::{LogLevel, set_log_level};

/// A damaged file is told by this program, in one line, and not by FFmpeg in several. -8 is
/// `AV_LOG_QUIET`; OpenCV hands it on.
const FFMPEG: (&str, &str) = ("OPENCV_FFMPEG_LOGLEVEL", "-8");

/// OpenCV reads this before `main`; here it only tells whether the operator wants its lines.
const OPENCV: &str = "OPENCV_LOG_LEVEL";

/// Switches off the telemetry of ONNX Runtime for good, and the lines that OpenCV and FFmpeg write
/// on standard error unless the operator asked for them. What fails they return as an error.
///
/// # Safety
/// The process has no other thread yet.
pub unsafe fn tell() {
    let ffmpeg = env::var_os(FFMPEG.0).is_none().then_some(FFMPEG);
    for (name, value) in [classify::NO_TELEMETRY].into_iter().chain(ffmpeg) {
        // SAFETY: the caller promises that no other thread can read or write the environment.
        unsafe { env::set_var(name, value) };
    }
    if env::var_os(OPENCV).is_none() {
        // Where it fails there are more lines than needed, and nothing else is lost.
        let _ = set_log_level(LogLevel::LOG_LEVEL_SILENT);
    }
}
