//! A video file, decoded by OpenCV's FFmpeg back end as fast as the caller asks for frames.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use frame::{Frame, Pool};
use opencv::core::{self, Mat, MatTraitConst};
use opencv::videoio::{self, VideoCapture, VideoCaptureTrait, VideoCaptureTraitConst};
use types::{MonoTime, Stamped};

use crate::transform::Transform;
use crate::{CaptureError, FrameSource, Rotation, SourceOptions, pictures};

/// The time between frames where the file does not tell: 25 a second.
const DEFAULT_INTERVAL: Duration = Duration::from_millis(40);
/// A container's frame count is an estimate for some formats; a file that ends earlier than by
/// this part of it, and by more than [`COUNT_SLACK_FRAMES`], is taken to have broken off.
const COUNT_SLACK: f64 = 0.05;
/// See [`COUNT_SLACK`].
const COUNT_SLACK_FRAMES: u64 = 5;

/// A video file.
pub(crate) struct VideoSource {
    path: PathBuf,
    capture: VideoCapture,
    /// The decoded picture, reused from frame to frame; holds a frame not yet handed out where
    /// `pending`.
    picture: Mat,
    pending: bool,
    ended: bool,
    timeline: Timeline,
    frames: Option<u64>,
    interval: Option<Duration>,
    seq: u64,
    faults: u64,
    transform: Transform,
    keep_color: bool,
    pool: Pool,
}

impl VideoSource {
    /// Opens a file and decodes its first frame, so that a file which is no video fails here.
    /// The file's own rotation mark is followed, and then the rotation of the options.
    ///
    /// # Errors
    /// [`CaptureError::Unreadable`] or [`CaptureError::BadVideo`].
    pub(crate) fn open(path: &Path, options: &SourceOptions, pool: &Pool) -> Result<Self, CaptureError> {
        // OpenCV gives the same silence for a missing file and one that is no video.
        File::open(path).map_err(|reason| CaptureError::Unreadable { path: path.to_owned(), reason })?;
        let bad = || CaptureError::BadVideo { path: path.to_owned() };
        let mut capture = VideoCapture::from_file(path, videoio::CAP_FFMPEG).map_err(|_| bad())?;
        let mut picture = Mat::default();
        let transform = Transform::new(options).after(take_over_rotation(&mut capture));
        if !capture.read(&mut picture).map_err(|_| bad())? {
            return Err(bad());
        }
        let rate = capture.get(videoio::CAP_PROP_FPS).unwrap_or(0.0);
        let interval = (rate.is_finite() && rate > 0.0).then(|| Duration::from_secs_f64(1.0 / rate));
        let count = capture.get(videoio::CAP_PROP_FRAME_COUNT).unwrap_or(0.0);
        Ok(Self {
            path: path.to_owned(),
            capture,
            picture,
            pending: true,
            ended: false,
            timeline: Timeline::new(interval.unwrap_or(DEFAULT_INTERVAL)),
            frames: (count >= 1.0).then_some(count as u64),
            interval,
            seq: 0,
            faults: 0,
            transform,
            keep_color: options.keep_color,
            pool: pool.clone(),
        })
    }

    /// Decodes the next picture; false at the end, before which an early end is an error once.
    fn advance(&mut self) -> Result<bool, CaptureError> {
        if std::mem::take(&mut self.pending) {
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        self.ended = !self.capture.read(&mut self.picture).unwrap_or(false);
        if self.ended && broke_off(self.seq, self.frames) {
            self.faults += 1;
            return Err(CaptureError::BrokeOff { path: self.path.clone(), frames: self.seq });
        }
        Ok(!self.ended)
    }

    fn convert(&self) -> Result<Frame, CaptureError> {
        let internal = |e| CaptureError::internal(self.path.display(), e);
        let grey = pictures::luma_of(&self.picture, &self.pool).map_err(internal)?;
        let color = if self.keep_color {
            Some(pictures::color_of(&self.picture, &self.pool).map_err(internal)?)
        } else {
            None
        };
        let frame = Frame { grey, color };
        self.transform.apply(frame, &self.pool).map_err(|e| CaptureError::internal(self.path.display(), e))
    }
}

impl FrameSource for VideoSource {
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        if !self.advance()? {
            return Ok(None);
        }
        let position_ms = self.capture.get(videoio::CAP_PROP_POS_MSEC).unwrap_or(0.0);
        let captured_at = self.timeline.stamp(position_ms);
        let seq = self.seq;
        self.seq += 1;
        Ok(Some(Stamped { seq, captured_at, value: self.convert()? }))
    }

    fn describe(&self) -> String {
        let (width, height) = (self.picture.cols(), self.picture.rows());
        let mut words = format!("video {}, {width}x{height}", self.path.display());
        if let Some(interval) = self.interval {
            words += &format!(", {:.2} frames a second", 1.0 / interval.as_secs_f64());
        }
        if let Some(frames) = self.frames {
            words += &format!(", {frames} frames");
        }
        words
    }

    fn frames_hint(&self) -> Option<u64> {
        self.frames
    }

    fn interval_hint(&self) -> Option<Duration> {
        self.interval
    }

    fn decode_faults(&self) -> u64 {
        self.faults
    }
}

/// Tells OpenCV to leave the pictures as they lie in the file, and says how the file wants them
/// turned. 4.6.0, which Debian 12 has, turns them the wrong way (opencv/opencv#22088).
fn take_over_rotation(capture: &mut VideoCapture) -> Rotation {
    if !capture.set(videoio::CAP_PROP_ORIENTATION_AUTO, 0.0).unwrap_or(false) {
        return Rotation::None;
    }
    let degrees = capture.get(videoio::CAP_PROP_ORIENTATION_META).unwrap_or(0.0).rem_euclid(360.0);
    let mark = Rotation::from_degrees(degrees as u32).unwrap_or_default();
    match [core::get_version_major(), core::get_version_minor(), core::get_version_revision()] {
        [4, 6, 0] => mark.inverse(),
        _ => mark,
    }
}

/// Whether a file that ended after so many frames ended too early.
fn broke_off(read: u64, expected: Option<u64>) -> bool {
    expected.is_some_and(|expected| {
        let slack = ((expected as f64 * COUNT_SLACK) as u64).max(COUNT_SLACK_FRAMES);
        read + slack < expected
    })
}

/// Makes strictly rising media times of what a container says.
#[derive(Debug)]
struct Timeline {
    interval: Duration,
    last: Option<MonoTime>,
}

impl Timeline {
    /// Less than any camera's frame interval, so that a repeated stamp does not push those after
    /// it off their own places.
    const NUDGE: Duration = Duration::from_millis(1);

    fn new(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    /// The time of the next frame, of which the container says that it is at `position_ms`.
    /// Zero after the first frame, and what is no time at all, means that it does not say: then
    /// the frame comes one interval after the last.
    fn stamp(&mut self, position_ms: f64) -> MonoTime {
        let told = (position_ms.is_finite() && position_ms > 0.0)
            .then(|| MonoTime::from_ns((position_ms * 1e6).round() as u64));
        let time = match (self.last, told) {
            (None, told) => told.unwrap_or(MonoTime::ZERO),
            (Some(last), None) => last + self.interval,
            (Some(last), Some(told)) => told.max(last + Self::NUDGE),
        };
        self.last = Some(time);
        time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamps_ms(positions: &[f64]) -> Vec<u64> {
        let mut timeline = Timeline::new(Duration::from_millis(33));
        positions.iter().map(|&p| timeline.stamp(p).as_ns() / 1_000_000).collect()
    }

    #[test]
    fn told_times_are_kept() {
        assert_eq!(stamps_ms(&[0.0, 33.0, 100.0, 133.0]), [0, 33, 100, 133]);
        assert_eq!(stamps_ms(&[500.0, 533.0]), [500, 533]);
    }

    #[test]
    fn times_that_are_not_told_follow_the_frame_rate() {
        assert_eq!(stamps_ms(&[0.0, 0.0, f64::NAN, -5.0]), [0, 33, 66, 99]);
    }

    #[test]
    fn a_repeated_time_does_not_shift_those_after_it() {
        assert_eq!(stamps_ms(&[0.0, 33.0, 33.0, 20.0, 66.0, 100.0]), [0, 33, 34, 35, 66, 100]);
    }

    #[test]
    fn a_container_may_miscount_by_a_little() {
        assert!(!broke_off(0, None));
        assert!(!broke_off(95, Some(98)));
        assert!(broke_off(92, Some(98)));
        assert!(!broke_off(950, Some(1000)));
        assert!(broke_off(949, Some(1000)));
    }
}
