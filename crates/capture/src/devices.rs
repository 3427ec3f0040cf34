//! The cameras of this machine and what they offer.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::{Device, FourCC};

use crate::CaptureError;

/// Where the system keeps its device nodes.
const NODES: &str = "/dev";
/// Sizes that are tried on a camera which offers every size in a range.
const USUAL_SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];
/// Rates that are tried on a camera which offers every rate in a range.
const USUAL_RATES: [u32; 6] = [10, 15, 20, 25, 30, 60];

/// A camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// The number by which `camera:N` names it.
    pub index: u32,
    /// The name that its driver gives it.
    pub name: String,
    /// Its device node.
    pub path: PathBuf,
    /// What it offers; empty where it could not be asked.
    pub formats: Vec<CameraFormat>,
    /// Why it could not be asked, in one line.
    pub problem: Option<String>,
}

/// A pixel format in one size, and its rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraFormat {
    /// V4L2's four letters, such as YUYV.
    pub fourcc: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The rates offered in this size; empty where the driver lists none.
    pub rates: Vec<Rate>,
}

/// So many frames in so many seconds: 30/1, or 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Frames.
    pub frames: u32,
    /// Seconds.
    pub seconds: u32,
}

impl Rate {
    /// Frames per second, where that is a whole number written as one.
    pub(crate) const fn whole(self) -> Option<u32> {
        if self.seconds == 1 && self.frames > 0 { Some(self.frames) } else { None }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fps = f64::from(self.frames) / f64::from(self.seconds.max(1));
        write!(f, "{}", (fps * 100.0).round() / 100.0)
    }
}

impl fmt::Display for CameraFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", self.fourcc, self.width, self.height)?;
        for (place, rate) in self.rates.iter().enumerate() {
            write!(f, "{}{rate}", if place == 0 { " at " } else { ", " })?;
        }
        Ok(())
    }
}

/// All cameras, by number. Nodes that only carry metadata or encode video are left out; a camera
/// that is busy or not permitted is listed with its problem. No camera is no error.
///
/// # Errors
/// [`CaptureError::Unreadable`] where the device nodes cannot be listed.
pub fn devices() -> Result<Vec<CameraInfo>, CaptureError> {
    let unreadable = |reason| CaptureError::Unreadable { path: NODES.into(), reason };
    let mut cameras = Vec::new();
    for entry in fs::read_dir(NODES).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if let Some(index) = entry.file_name().to_str().and_then(node_index) {
            cameras.extend(ask(index));
        }
    }
    cameras.sort_by_key(|camera| camera.index);
    Ok(cameras)
}

/// The device node of a camera's number.
pub(crate) fn node(index: u32) -> PathBuf {
    Path::new(NODES).join(format!("video{index}"))
}

/// The N of a node named `videoN`.
fn node_index(file_name: &str) -> Option<u32> {
    let digits = file_name.strip_prefix("video")?;
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// `None` where the node is no camera.
fn ask(index: u32) -> Option<CameraInfo> {
    let path = node(index);
    let answer = Device::with_path(&path).and_then(|device| {
        let is_camera = device.query_caps()?.capabilities.contains(Flags::VIDEO_CAPTURE);
        Ok(if is_camera { Some(formats(&device)?) } else { None })
    });
    let (formats, problem) = match answer {
        Ok(None) => return None,
        Ok(Some(formats)) => (formats, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    Some(CameraInfo { index, name: name(index), path, formats, problem })
}

/// The driver's name for a camera, or the node's where the system does not tell.
pub(crate) fn name(index: u32) -> String {
    fs::read_to_string(format!("/sys/class/video4linux/video{index}/name"))
        .map_or_else(|_| format!("video{index}"), |name| name.trim().to_owned())
}

/// What an open camera offers.
pub(crate) fn formats(device: &Device) -> io::Result<Vec<CameraFormat>> {
    let mut formats = Vec::new();
    for description in device.enum_formats()? {
        // Not every driver lists sizes and rates; what is missing is left to the driver's choice.
        for size in device.enum_framesizes(description.fourcc).unwrap_or_default() {
            for (width, height) in sizes(&size.size) {
                formats.push(CameraFormat {
                    fourcc: String::from_utf8_lossy(&description.fourcc.repr).into_owned(),
                    width,
                    height,
                    rates: rates(device, description.fourcc, width, height),
                });
            }
        }
    }
    Ok(formats)
}

fn sizes(size: &FrameSizeEnum) -> Vec<(u32, u32)> {
    match size {
        FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
        FrameSizeEnum::Stepwise(range) => {
            let fits = |value: u32, min: u32, max: u32, step: u32| {
                (min..=max).contains(&value) && (value - min).is_multiple_of(step.max(1))
            };
            let mut sizes: Vec<_> = USUAL_SIZES
                .into_iter()
                .filter(|&(w, h)| {
                    fits(w, range.min_width, range.max_width, range.step_width)
                        && fits(h, range.min_height, range.max_height, range.step_height)
                })
                .collect();
            if sizes.is_empty() {
                sizes.push((range.max_width, range.max_height));
            }
            sizes
        }
    }
}

fn rates(device: &Device, fourcc: FourCC, width: u32, height: u32) -> Vec<Rate> {
    let intervals = device.enum_frameintervals(fourcc, width, height).unwrap_or_default();
    intervals.iter().flat_map(|interval| rates_of(&interval.interval)).collect()
}

/// An interval of n/d seconds is a rate of d/n.
fn rates_of(interval: &FrameIntervalEnum) -> Vec<Rate> {
    match interval {
        FrameIntervalEnum::Discrete(interval) => {
            vec![Rate { frames: interval.denominator, seconds: interval.numerator }]
        }
        FrameIntervalEnum::Stepwise(range) => {
            let seconds = |f: &v4l::Fraction| f64::from(f.numerator) / f64::from(f.denominator.max(1));
            let range = seconds(&range.min)..=seconds(&range.max);
            let usual = USUAL_RATES.into_iter().filter(|&fps| range.contains(&(1.0 / f64::from(fps))));
            usual.map(|frames| Rate { frames, seconds: 1 }).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use v4l::Fraction;

    #[test]
    fn only_numbered_video_nodes_are_cameras() {
        assert_eq!(node_index("video12"), Some(12));
        for other in ["video", "videodev", "video0-old", "vbi0", "xvideo0", "video99999999999"] {
            assert_eq!(node_index(other), None, "{other}");
        }
    }

    #[test]
    fn formats_are_written_for_people() {
        let rates = vec![Rate { frames: 30, seconds: 1 }, Rate { frames: 30_000, seconds: 1001 }];
        let mut format = CameraFormat { fourcc: "YUYV".into(), width: 640, height: 480, rates };
        assert_eq!(format.to_string(), "YUYV 640x480 at 30, 29.97");
        format.rates.clear();
        assert_eq!(format.to_string(), "YUYV 640x480");
    }

    #[test]
    fn ranges_become_the_usual_sizes_and_rates_in_them() {
        let range = |max_width, max_height| {
            FrameSizeEnum::Stepwise(v4l::framesize::Stepwise {
                min_width: 48,
                max_width,
                step_width: 16,
                min_height: 32,
                max_height,
                step_height: 16,
            })
        };
        assert_eq!(sizes(&range(1280, 720)), [(640, 480), (1280, 720)]);
        assert_eq!(sizes(&range(320, 240)), [(320, 240)]);
        let rates = rates_of(&FrameIntervalEnum::Stepwise(v4l::frameinterval::Stepwise {
            min: Fraction::new(1, 30),
            max: Fraction::new(1, 15),
            step: Fraction::new(1, 1),
        }));
        assert_eq!(rates.iter().filter_map(|r| r.whole()).collect::<Vec<_>>(), [15, 20, 25, 30]);
    }

    #[test]
    fn a_machine_may_have_no_camera() {
        let cameras = devices().unwrap();
        assert!(cameras.is_sorted_by_key(|camera| camera.index));
    }
}
