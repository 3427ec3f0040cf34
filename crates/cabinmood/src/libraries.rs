//! What the native libraries are told before they are loaded. They read it from the environment
//! only, and the environment may be changed only while there is a single thread.

/// Name and value of each variable, unless the operator has set it.
const TOLD: [(&str, &str); 2] = [
    // AV_LOG_QUIET: a damaged file is told by this program, in one line, and not by FFmpeg in several.
    ("OPENCV_FFMPEG_LOGLEVEL", "-8"),
    // OpenCV's own warnings are of the back ends it has tried; what fails it returns as an error.
    ("OPENCV_LOG_LEVEL", "OFF"),
];

/// Switches off the telemetry of ONNX Runtime for good, and the libraries' own lines on standard
/// error unless the operator asked for them.
///
/// # Safety
/// The process has no other thread yet.
pub unsafe fn tell() {
    let (name, value) = classify::NO_TELEMETRY;
    // SAFETY: the caller promises that no other thread can read or write the environment.
    unsafe { std::env::set_var(name, value) };
    for (name, value) in TOLD {
        if std::env::var_os(name).is_none() {
            // SAFETY: as above.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
