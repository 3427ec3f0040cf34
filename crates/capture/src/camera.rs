//! A camera, read through nokhwa.
//!
//! nokhwa gives neither the kernel's time stamp on the monotonic line nor its sequence number, so
//! a frame is stamped and counted when it arrives. It waits for ever for a camera that stalls:
//! whoever calls [`FrameSource::next`] does so on a thread that something else watches.

mod device;

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use frame::{Frame, Pool};
use types::{Clock, Stamped};

use crate::choice::Choice;
use crate::decode::Decoder;
use crate::transform::Transform;
use crate::{CaptureError, FrameSource, SourceOptions, devices};
use device::NokhwaFeed;

/// So many bad frames one after the other are a fault of the camera, not of a frame: a third of a
/// second at 30 frames a second.
const MAX_BAD_IN_A_ROW: u32 = 10;

/// Gives a camera's raw buffers.
pub(crate) trait Feed: Send {
    /// Waits for the next buffer. The error says what the system said.
    fn next(&mut self) -> Result<Cow<'_, [u8]>, String>;
}

/// A camera.
pub(crate) struct CameraSource<F = NokhwaFeed> {
    index: u32,
    path: PathBuf,
    choice: Choice,
    feed: F,
    decoder: Decoder,
    clock: Arc<dyn Clock>,
    seq: u64,
    faults: u64,
    transform: Transform,
    pool: Pool,
}

impl CameraSource {
    /// Opens a camera in the format nearest to the options.
    ///
    /// # Errors
    /// [`CaptureError::NoCamera`], [`CaptureError::Camera`] or [`CaptureError::UnusableCamera`].
    pub(crate) fn open(
        index: u32,
        options: &SourceOptions,
        clock: Arc<dyn Clock>,
        pool: &Pool,
    ) -> Result<Self, CaptureError> {
        let (feed, choice) = NokhwaFeed::open(index, &devices::node(index), options)?;
        Ok(Self::new(index, choice, feed, options, clock, pool))
    }
}

impl<F: Feed> CameraSource<F> {
    fn new(
        index: u32,
        choice: Choice,
        feed: F,
        options: &SourceOptions,
        clock: Arc<dyn Clock>,
        pool: &Pool,
    ) -> Self {
        Self {
            index,
            path: devices::node(index),
            choice,
            feed,
            decoder: Decoder::new(choice.format, (choice.width, choice.height), options.keep_color, pool),
            clock,
            seq: 0,
            faults: 0,
            transform: Transform::new(options),
            pool: pool.clone(),
        }
    }

    fn failed(&self, message: String) -> CaptureError {
        CaptureError::Camera { index: self.index, path: self.path.clone(), message }
    }
}

impl<F: Feed> FrameSource for CameraSource<F> {
    /// The next frame that can be decoded. A bad one is counted and passed over; too many in a row
    /// are an error.
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        for bad_in_a_row in 1..=MAX_BAD_IN_A_ROW {
            let (captured_at, decoded) = match self.feed.next() {
                Ok(raw) => (self.clock.now(), self.decoder.step(&raw)),
                Err(reason) => return Err(self.failed(format!("{reason}; is it still plugged in?"))),
            };
            let seq = self.seq;
            self.seq += 1;
            match decoded {
                Ok(frame) => {
                    let frame = self.transform.apply(frame, &self.pool);
                    let value = frame.map_err(|e| CaptureError::internal(self.path.display(), e))?;
                    return Ok(Some(Stamped { seq, captured_at, value }));
                }
                Err(reason) => {
                    self.faults += 1;
                    tracing::debug!(camera = self.index, seq, bad_in_a_row, %reason, "bad frame");
                }
            }
        }
        Err(self
            .failed(format!("{MAX_BAD_IN_A_ROW} frames in a row could not be decoded; is its cable good?")))
    }

    fn describe(&self) -> String {
        let Choice { format, width, height, fps } = self.choice;
        let format = format.fourcc();
        format!(
            "camera {} ({}, {}), {format} {width}x{height} at {fps} frames a second",
            self.index,
            devices::name(self.index),
            self.path.display()
        )
    }

    fn interval_hint(&self) -> Option<Duration> {
        (self.choice.fps > 0).then(|| Duration::from_secs(1) / self.choice.fps)
    }

    fn decode_faults(&self) -> u64 {
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use types::{MonoTime, UtcTime};

    use super::*;
    use crate::choice::PixelFormat;
    use crate::{ErrorKind, Region};

    /// Every frame arrives at this moment.
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> MonoTime {
            MonoTime::from_ms(12)
        }

        fn utc(&self) -> UtcTime {
            UtcTime::default()
        }
    }

    impl Feed for VecDeque<Vec<u8>> {
        fn next(&mut self) -> Result<Cow<'_, [u8]>, String> {
            self.pop_front().map(Cow::Owned).ok_or_else(|| "No such device (os error 19)".to_owned())
        }
    }

    const GOOD: [u8; 8] = [16, 128, 235, 128, 235, 128, 16, 128];

    /// A camera of 4x1 YUYV frames that sends these buffers and is then unplugged.
    fn camera(buffers: &[&[u8]], options: &SourceOptions) -> CameraSource<VecDeque<Vec<u8>>> {
        let choice = Choice { format: PixelFormat::Yuyv, width: 4, height: 1, fps: 30 };
        let feed = buffers.iter().map(|b| b.to_vec()).collect();
        CameraSource::new(9, choice, feed, options, Arc::new(Noon), &Pool::new())
    }

    #[test]
    fn frames_are_numbered_stamped_and_transformed() {
        let region = Some(Region { x: 0.0, y: 0.0, w: 0.5, h: 1.0 });
        let options = SourceOptions { mirror: true, region, ..SourceOptions::default() };
        let mut camera = camera(&[&[0; 8], &GOOD[..]], &options);
        camera.next().unwrap();
        let frame = camera.next().unwrap().unwrap();
        assert_eq!((frame.seq, frame.captured_at), (1, MonoTime::from_ms(12)));
        assert_eq!(frame.value.grey.bytes(), [0, 255]);
    }

    #[test]
    fn a_bad_frame_is_passed_over_and_counted() {
        let mut camera = camera(&[&GOOD[..], b"short", &GOOD[..]], &SourceOptions::default());
        let seqs: Vec<u64> = (0..2).map(|_| camera.next().unwrap().unwrap().seq).collect();
        assert_eq!(seqs, [0, 2]);
        assert_eq!(camera.decode_faults(), 1);
    }

    #[test]
    fn bad_frames_are_not_passed_over_for_ever() {
        let mut camera = camera(&[&b"short"[..]; 25], &SourceOptions::default());
        let error = camera.next().unwrap_err();
        assert_eq!((error.kind(), error.is_final()), (ErrorKind::Unavailable, false));
        assert!(error.to_string().starts_with("camera 9 (/dev/video9): 10 frames in a row"), "{error}");
        assert_eq!(camera.decode_faults(), 10);
    }

    #[test]
    fn an_unplugged_camera_may_come_back() {
        let error = camera(&[], &SourceOptions::default()).next().unwrap_err();
        assert!(error.to_string().contains("/dev/video9") && !error.is_final(), "{error}");
    }

    #[test]
    fn a_camera_that_is_not_there_is_told_by_its_node() {
        let opened = CameraSource::open(4_000_000, &SourceOptions::default(), Arc::new(Noon), &Pool::new());
        let error = opened.err().unwrap();
        assert_eq!(
            error.to_string(),
            "no camera 4000000: /dev/video4000000 does not exist; run `cabinmood devices`"
        );
    }

    #[test]
    fn a_node_that_is_no_camera_is_an_error() {
        let opened = NokhwaFeed::open(0, "/dev/null".as_ref(), &SourceOptions::default());
        let error = opened.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}
