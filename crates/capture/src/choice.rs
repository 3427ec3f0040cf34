//! Which of a camera's formats to use.

use nokhwa::utils::FrameFormat;

use crate::{CameraFormat, SourceOptions};

/// The pixel formats that can be read, the cheapest to read first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PixelFormat {
    /// 4:2:2, luma in every other byte.
    Yuyv,
    /// 4:2:0, all luma first.
    Nv12,
    /// Blue, green, red.
    Bgr,
    /// Red, green, blue.
    Rgb,
    /// A JPEG for each frame.
    Mjpeg,
}

impl PixelFormat {
    const ALL: [Self; 5] = [Self::Yuyv, Self::Nv12, Self::Bgr, Self::Rgb, Self::Mjpeg];

    /// V4L2's name of it.
    pub(crate) const fn fourcc(self) -> &'static str {
        match self {
            Self::Yuyv => "YUYV",
            Self::Nv12 => "NV12",
            Self::Bgr => "BGR3",
            Self::Rgb => "RGB3",
            Self::Mjpeg => "MJPG",
        }
    }

    /// nokhwa's name of it.
    pub(crate) const fn nokhwa(self) -> FrameFormat {
        match self {
            Self::Yuyv => FrameFormat::YUYV,
            Self::Nv12 => FrameFormat::NV12,
            Self::Bgr => FrameFormat::RAWBGR,
            Self::Rgb => FrameFormat::RAWRGB,
            Self::Mjpeg => FrameFormat::MJPEG,
        }
    }

    fn by_fourcc(fourcc: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.fourcc() == fourcc)
    }
}

/// A format, a size and a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) format: PixelFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) fps: u32,
}

/// The nearest to what is wanted of what a camera offers: first by size, then by rate, then the
/// format that costs least to read. nokhwa refuses rates such as 30000/1001, so only whole ones
/// count; a camera that lists no rates may have the wanted one. `None` where nothing can be read.
pub(crate) fn choose(offered: &[CameraFormat], wanted: &SourceOptions) -> Option<Choice> {
    let candidates = offered.iter().filter_map(|offer| {
        let format = PixelFormat::by_fourcc(&offer.fourcc)?;
        let fps = if offer.rates.is_empty() {
            wanted.fps
        } else {
            let whole = offer.rates.iter().filter_map(|rate| rate.whole());
            whole.min_by_key(|fps| fps.abs_diff(wanted.fps))?
        };
        Some(Choice { format, width: offer.width, height: offer.height, fps })
    });
    candidates.min_by_key(|choice| {
        let size = choice.width.abs_diff(wanted.width) + choice.height.abs_diff(wanted.height);
        (size, choice.fps.abs_diff(wanted.fps), choice.format)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rate;

    fn offer(fourcc: &str, width: u32, height: u32, rates: &[(u32, u32)]) -> CameraFormat {
        let rates = rates.iter().map(|&(frames, seconds)| Rate { frames, seconds }).collect();
        CameraFormat { fourcc: fourcc.into(), width, height, rates }
    }

    fn expect(offered: &[CameraFormat], (width, height, fps): (u32, u32, u32), choice: Option<&str>) {
        let chosen = choose(offered, &SourceOptions { width, height, fps, ..SourceOptions::default() });
        let words = chosen.map(|c| format!("{} {}x{} {}", c.format.fourcc(), c.width, c.height, c.fps));
        assert_eq!(words.as_deref(), choice);
    }

    #[test]
    fn the_nearest_size_then_the_nearest_rate_then_the_cheapest_format() {
        let camera = [
            offer("MJPG", 640, 480, &[(30, 1), (15, 1)]),
            offer("YUYV", 640, 480, &[(30, 1), (15, 1)]),
            offer("YUYV", 1280, 720, &[(10, 1), (5, 1)]),
            offer("MJPG", 1280, 720, &[(30, 1)]),
        ];
        expect(&camera, (640, 480, 30), Some("YUYV 640x480 30"));
        expect(&camera, (640, 480, 18), Some("YUYV 640x480 15"));
        expect(&camera, (1280, 800, 30), Some("MJPG 1280x720 30"));
        expect(&camera, (1, 1, 1), Some("YUYV 640x480 15"));
    }

    #[test]
    fn formats_and_rates_that_cannot_be_read_are_passed_over() {
        expect(&[offer("GREY", 640, 480, &[(30, 1)])], (640, 480, 30), None);
        expect(&[offer("YUYV", 640, 480, &[(30_000, 1001)])], (640, 480, 30), None);
        let ntsc = [offer("YUYV", 640, 480, &[(30_000, 1001), (24, 1)])];
        expect(&ntsc, (640, 480, 30), Some("YUYV 640x480 24"));
        expect(&[], (640, 480, 30), None);
    }

    #[test]
    fn a_camera_that_lists_no_rates_is_asked_for_the_wanted_one() {
        expect(&[offer("NV12", 800, 600, &[])], (640, 480, 25), Some("NV12 800x600 25"));
    }
}
