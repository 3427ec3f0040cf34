//! Playing a file at its own pace.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use frame::Frame;
use types::{Clock, MonoTime, Stamped};

use crate::{CaptureError, FrameSource};

/// When a file's frames are handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pacing {
    /// Each at its media time after the first, as if a camera had sent it; stamped on the clock's
    /// line, so that its latency means something. A caller that is slower gets them late, never
    /// fewer.
    MediaTime,
    /// As fast as they are asked for, stamped with their media time.
    Unpaced,
}

/// How the caller lets time pass: returns after so long, or earlier and with true once it is told to
/// stop. What it waits on is its own affair.
pub type Wait = Box<dyn FnMut(Duration) -> bool + Send>;

/// A source of files that keeps a pace, and ends when it is told to stop.
pub struct Paced<S> {
    source: S,
    clock: Arc<dyn Clock>,
    wait: Wait,
    pacing: Pacing,
    /// When the first frame was handed out, and its media time.
    start: Option<(MonoTime, MonoTime)>,
    stopped: bool,
}

impl<S: FrameSource> Paced<S> {
    /// Plays `source`, and ends it at the next frame once `wait` says so, which is asked before each.
    pub fn new(source: S, clock: Arc<dyn Clock>, wait: Wait, pacing: Pacing) -> Self {
        Self { source, clock, wait, pacing, start: None, stopped: false }
    }

    /// Waits until the clock shows `due`; true where it was told to stop instead.
    fn stopped_before(&mut self, due: MonoTime) -> bool {
        loop {
            if (self.wait)(due.since(self.clock.now())) {
                return true;
            }
            // The clock and the system's timer need not agree to the nanosecond.
            if self.clock.now() >= due {
                return false;
            }
        }
    }
}

impl<S: FrameSource> FrameSource for Paced<S> {
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        if self.stopped {
            return Ok(None);
        }
        let Some(frame) = self.source.next()? else { return Ok(None) };
        let (due, captured_at) = match self.pacing {
            Pacing::Unpaced => (MonoTime::ZERO, frame.captured_at),
            Pacing::MediaTime => {
                let (start, first) = *self.start.get_or_insert((self.clock.now(), frame.captured_at));
                let due = start + frame.captured_at.since(first);
                (due, due)
            }
        };
        self.stopped = self.stopped_before(due);
        if self.stopped {
            return Ok(None);
        }
        Ok(Some(Stamped { captured_at, ..frame }))
    }

    fn describe(&self) -> String {
        self.source.describe()
    }

    fn file(&self) -> Option<&Path> {
        self.source.file()
    }

    fn frames_hint(&self) -> Option<u64> {
        self.source.frames_hint()
    }

    fn interval_hint(&self) -> Option<Duration> {
        self.source.interval_hint()
    }

    fn decode_faults(&self) -> u64 {
        self.source.decode_faults()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use crossbeam_channel::{Receiver, RecvTimeoutError, never};
    use frame::Grey;
    use types::UtcTime;

    use super::*;
    use crate::{ScriptedSource, Step};

    /// Each look at it moves it on by a tenth of a millisecond.
    struct Ticking(AtomicU64);

    impl Clock for Ticking {
        fn now(&self) -> MonoTime {
            MonoTime::from_ns(self.0.fetch_add(100_000, Ordering::Relaxed))
        }

        fn utc(&self) -> UtcTime {
            UtcTime::default()
        }
    }

    /// Waits on a channel, as the daemon does.
    fn on(stop: Receiver<()>) -> Wait {
        Box::new(move |time| stop.recv_timeout(time) != Err(RecvTimeoutError::Timeout))
    }

    fn clip(times_ms: &[u64]) -> ScriptedSource {
        ScriptedSource::new(times_ms.iter().zip(0..).map(|(&ms, seq)| {
            let value = Frame { grey: Grey::new(1, 1, vec![0].into()).unwrap(), color: None };
            Step::Frame(Stamped { seq, captured_at: MonoTime::from_ms(ms), value })
        }))
    }

    fn clock() -> Arc<Ticking> {
        Arc::new(Ticking(AtomicU64::new(5_000_000_000)))
    }

    #[test]
    fn frames_come_at_their_times_on_the_clocks_line() {
        let clock = clock();
        let mut paced = Paced::new(clip(&[40, 42, 45]), clock.clone(), on(never()), Pacing::MediaTime);
        let mut starts = Vec::new();
        while let Some(frame) = paced.next().unwrap() {
            assert!(clock.now() >= frame.captured_at);
            starts.push(frame.captured_at.as_ns());
        }
        assert_eq!(starts, [5_000_000_000, 5_002_000_000, 5_005_000_000]);
    }

    #[test]
    fn unpaced_frames_keep_their_media_time() {
        let mut paced = Paced::new(clip(&[0, 90_000]), clock(), on(never()), Pacing::Unpaced);
        paced.next().unwrap();
        assert_eq!(paced.next().unwrap().unwrap().captured_at, MonoTime::from_ms(90_000));
        assert!(paced.next().unwrap().is_none());
    }

    #[test]
    fn a_stop_ends_a_wait_of_an_hour() {
        let (stop, stopped) = crossbeam_channel::bounded(1);
        let mut paced = Paced::new(clip(&[0, 3_600_000, 3_600_000]), clock(), on(stopped), Pacing::MediaTime);
        assert!(paced.next().unwrap().is_some());
        stop.send(()).unwrap();
        assert!(paced.next().unwrap().is_none());
        assert!(paced.next().unwrap().is_none(), "one word is enough");
    }

    #[test]
    fn losing_the_one_who_could_stop_it_stops_it() {
        let (stop, stopped) = crossbeam_channel::bounded::<()>(1);
        drop(stop);
        let mut paced = Paced::new(clip(&[0]), clock(), on(stopped), Pacing::Unpaced);
        assert!(paced.next().unwrap().is_none());
    }
}
