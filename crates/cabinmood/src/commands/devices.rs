//! `cabinmood devices`: the cameras of this computer.

use std::fmt::Write as _;
use std::io::Write as _;

use capture::CameraInfo;

use crate::failure::{Exit, Failure, OrExit as _};

/// Prints every camera with what it offers. None at all is no failure.
///
/// # Errors
/// Where the device nodes cannot be listed.
pub fn run() -> Result<(), Failure> {
    let text = describe(&capture::devices()?);
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())
}

fn describe(cameras: &[CameraInfo]) -> String {
    if cameras.is_empty() {
        return "no camera on this computer (there is no /dev/videoN)\n".to_owned();
    }
    cameras.iter().fold(String::new(), |mut text, camera| {
        // Writing into memory cannot fail.
        let _ = writeln!(text, "camera:{}  {}  {}", camera.index, camera.name, camera.path.display());
        for format in &camera.formats {
            let _ = writeln!(text, "    {format}");
        }
        if let Some(problem) = &camera.problem {
            let _ = writeln!(text, "    {problem}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use capture::{CameraFormat, Rate};

    #[test]
    fn cameras_are_listed_as_they_are_named_on_the_command_line() {
        let rates = vec![Rate { frames: 30, seconds: 1 }];
        let camera = CameraInfo {
            index: 2,
            name: "Cabin".into(),
            path: "/dev/video2".into(),
            formats: vec![CameraFormat { fourcc: "GREY".into(), width: 640, height: 480, rates }],
            problem: None,
        };
        let busy = CameraInfo { index: 3, problem: Some("busy".into()), formats: vec![], ..camera.clone() };
        let text = describe(&[camera, busy]);
        assert_eq!(
            text,
            "camera:2  Cabin  /dev/video2\n    GREY 640x480 at 30\ncamera:3  Cabin  /dev/video2\n    busy\n"
        );
        assert!(describe(&[]).starts_with("no camera"));
    }
}
