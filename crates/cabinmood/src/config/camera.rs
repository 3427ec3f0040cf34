//! [camera]: where frames come from and how they are turned upright.

use std::time::Duration;

use capture::{Region, Rotation, SourceOptions, SourceSpec};

use super::Section;

/// The camera and how it is watched over.
#[derive(Debug, Clone)]
pub struct Camera {
    /// What to open, unless the command line names another source.
    pub source: SourceSpec,
    /// How it is opened and its frames are turned.
    pub options: SourceOptions,
    /// Whether to start without the camera and wait for it.
    pub wait: bool,
    /// So old may the newest frame be before the mood is unknown.
    pub stall: Duration,
    /// The longest pause between two attempts to open the camera again.
    pub retry: Duration,
}

impl Camera {
    pub(super) fn read(keys: &mut Section<'_>) -> Self {
        let options = SourceOptions::default();
        let source = keys.word(
            "source",
            (SourceSpec::Camera(0), "camera:0"),
            "camera:NUMBER (see `cabinmood devices`), or a video, a picture or a folder of pictures",
            "Where frames come from; `run --source` goes before it.",
            |text| text.parse().ok(),
        );
        let width = keys.integer(
            "width",
            options.width,
            160..=1920,
            "pixels",
            "Asked of the camera; it gives the nearest it has. A driver's face at arm's length is about a quarter of 640 wide, which is enough.",
        );
        let height =
            keys.integer("height", options.height, 120..=1080, "pixels", "Asked of the camera, with width.");
        let fps = keys.integer(
            "fps",
            options.fps,
            1..=120,
            "frames a second",
            "Asked of the camera. An expression takes 0.5 s and longer; 30 gives several looks at it.",
        );
        let mirror = keys.flag(
            "mirror",
            options.mirror,
            "Swap left and right, after rotation: for cameras that look into a mirror.",
        );
        let rotation = keys.integer_as(
            "rotation",
            (options.rotation, 0),
            "0, 90, 180 or 270 degrees clockwise",
            "Turn the picture upright: cameras hang upside down or on their side.",
            |degrees| u32::try_from(degrees).ok().and_then(Rotation::from_degrees),
        );
        let region = keys.four(
            "region",
            (options.region, [0.0, 0.0, 1.0, 1.0]),
            "[x, y, width, height], each from 0 to 1, inside the picture",
            "The driver's part of the upright picture; the rest of the cabin is cut off before anything looks at it. Right-hand drive: [0.0, 0.0, 0.6, 1.0] or so, as the camera hangs.",
            region,
        );
        let wait = keys.flag(
            "wait",
            false,
            "Start without the camera and wait for it, instead of ending with code 69. Once it was there it may come and go either way.",
        );
        let stall_ms = keys.integer(
            "stall_ms",
            250,
            100..=300,
            "milliseconds",
            "So old may the newest result be; then the mood is unknown. At most 300, since a driver's state of a moment ago is not the present one.",
        );
        let retry_max_s = keys.integer(
            "retry_max_s",
            5,
            1..=60,
            "seconds",
            "The longest pause between two attempts to open a lost camera again; the first is 0.2 s and each is twice the one before.",
        );
        Self {
            source,
            options: SourceOptions { width, height, fps, mirror, rotation, region, ..options },
            wait,
            stall: Duration::from_millis(stall_ms),
            retry: Duration::from_secs(retry_max_s),
        }
    }
}

/// A region inside the picture; the whole picture is no region at all.
fn region([x, y, w, h]: [f32; 4]) -> Option<Option<Region>> {
    let region = Region { x, y, w, h };
    let whole = [x, y, w, h] == [0.0, 0.0, 1.0, 1.0];
    region.is_valid().then_some((!whole).then_some(region))
}
