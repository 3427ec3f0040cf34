//! `cabinmood devices`: the cameras and CAN interfaces of this computer.

use std::fmt::Write as _;
use std::io::Write as _;

use capture::CameraInfo;
use publish::CanInterface;

use crate::failure::{Exit, Failure, OrExit as _};

/// Prints every camera and CAN interface with what it offers. None at all is no failure.
///
/// # Errors
/// Where they cannot be listed.
pub fn run() -> Result<(), Failure> {
    let interfaces = publish::can_interfaces().or_exit(Exit::Unavailable, || "network interfaces".into())?;
    let text = describe(&capture::devices()?) + &describe_can(&interfaces);
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

fn describe_can(interfaces: &[CanInterface]) -> String {
    if interfaces.is_empty() {
        return "no CAN interface on this computer\n".to_owned();
    }
    let line = |one: &CanInterface| {
        let state = if one.up { "up" } else { "down" };
        format!("can.interface = \"{}\"  {state}{}\n", one.name, if one.fd { ", CAN FD" } else { "" })
    };
    interfaces.iter().map(line).collect()
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

    #[test]
    fn can_interfaces_are_listed_with_their_state() {
        let up = CanInterface { name: "vcan0".into(), up: true, fd: true };
        let down = CanInterface { name: "can0".into(), up: false, fd: false };
        assert_eq!(
            describe_can(&[down, up]),
            "can.interface = \"can0\"  down\ncan.interface = \"vcan0\"  up, CAN FD\n"
        );
        assert!(describe_can(&[]).starts_with("no CAN interface"));
    }
}
