//! Telling a camera that sends the same picture again and again from one that sees a still scene.

use std::time::Duration;

use frame::Grey;
use types::{MonoTime, Stamped};

/// A real sensor's noise makes every picture different, so equal pictures for this long mean that
/// it hangs. It leaves 100 ms of the 300 ms in which a fault must show to the stages after it.
const FROZEN_AFTER: Duration = Duration::from_millis(200);
/// One repeat alone is a driver that handed out a buffer twice, or a slow video.
const MIN_REPEATS: u32 = 2;

/// Notices pictures that repeat byte for byte.
#[derive(Debug, Default)]
pub struct FreezeDetector {
    last: Vec<u8>,
    /// When the picture in `last` was first seen; `None` before the first one.
    since: Option<MonoTime>,
    repeats: u32,
}

impl FreezeDetector {
    /// A detector that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next picture; true while the source is frozen: from the moment when equal
    /// pictures span at least 200 ms and two repeats, until one differs.
    pub fn step(&mut self, frame: &Stamped<&Grey>) -> bool {
        let bytes = frame.value.bytes();
        match self.since {
            Some(since) if self.last == bytes => {
                self.repeats = self.repeats.saturating_add(1);
                self.repeats >= MIN_REPEATS && frame.captured_at.since(since) >= FROZEN_AFTER
            }
            _ => {
                self.last.clear();
                self.last.extend_from_slice(bytes);
                self.since = Some(frame.captured_at);
                self.repeats = 0;
                false
            }
        }
    }

    /// Forgets what it saw: the source was opened anew.
    pub fn reset(&mut self) {
        self.since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(detector: &mut FreezeDetector, ms: u64, shade: u8) -> bool {
        let grey = Grey::new(4, 2, vec![shade; 8].into()).unwrap();
        detector.step(&Stamped { seq: 0, captured_at: MonoTime::from_ms(ms), value: &grey })
    }

    #[test]
    fn equal_pictures_for_200_ms_are_frozen_until_one_differs() {
        let mut detector = FreezeDetector::new();
        for ms in (0..200).step_by(33) {
            assert!(!step(&mut detector, ms, 7), "{ms} ms");
        }
        assert!(step(&mut detector, 200, 7));
        assert!(step(&mut detector, 233, 7));
        assert!(!step(&mut detector, 266, 8));
        assert!(!step(&mut detector, 299, 7));
    }

    #[test]
    fn a_slow_source_may_repeat_once() {
        let mut detector = FreezeDetector::new();
        assert!(!step(&mut detector, 0, 7));
        assert!(!step(&mut detector, 500, 7));
        assert!(step(&mut detector, 1000, 7));
    }

    #[test]
    fn one_pixel_is_a_difference_and_a_reset_forgets() {
        let mut detector = FreezeDetector::new();
        step(&mut detector, 0, 7);
        let mut bytes = vec![7; 8];
        bytes[7] = 6;
        let grey = Grey::new(4, 2, bytes.into()).unwrap();
        detector.step(&Stamped { seq: 0, captured_at: MonoTime::from_ms(150), value: &grey });
        assert!(!detector.step(&Stamped { seq: 0, captured_at: MonoTime::from_ms(250), value: &grey }));
        detector.reset();
        for ms in [300, 400] {
            assert!(!detector.step(&Stamped { seq: 0, captured_at: MonoTime::from_ms(ms), value: &grey }));
        }
    }
}
