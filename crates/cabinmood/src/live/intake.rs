//! The capture thread's work: keeps a source open, hands its frames to the live edge, and opens a
//! camera that was lost, hung or frozen again after a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use capture::{CaptureError, FrameSource, FreezeDetector, Remedy};
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use frame::Frame;
use tracing::{info, trace_span, warn};
use types::{Clock, MonoTime, Stamped};

use super::edge::NewestSender;
use super::leash::Leash;
use super::metrics::Metrics;
use super::orders::Orders;
use super::vigil::SourceState;
use crate::failure::{Exit, Failure};

/// The first pause before a camera is opened again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A camera that is frozen for this long is opened again: many recover with a new stream.
const FROZEN_LIMIT: Duration = Duration::from_secs(2);
/// How often a closed camera asks whether it shall be opened again.
const ORDER_ROUND: Duration = Duration::from_millis(50);

/// A frame on its way to alignment.
#[derive(Debug)]
pub struct Captured {
    /// The frame.
    pub frame: Stamped<Frame>,
    /// Whether the source repeats itself.
    pub frozen: bool,
    /// Which opening of the source it is from: a face is not followed from one into the next.
    pub opening: u64,
}

/// What is expected of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// Media that is played once; every fault of it is final.
    Media,
    /// A camera, which may come and go.
    Camera {
        /// Whether the very first opening may fail.
        wait: bool,
        /// The longest pause between two attempts to open it.
        longest_pause: Duration,
    },
}

/// What survives when the capture thread is replaced.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The number that the next frame gets.
    next_seq: AtomicU64,
    /// How often the source was opened.
    openings: AtomicU64,
}

/// Makes the source. Called again whenever it must be opened anew.
pub type Opener = Arc<dyn Fn() -> Result<Box<dyn FrameSource>, CaptureError> + Send + Sync>;

/// One capture thread's work.
pub struct Intake {
    /// Makes the source.
    pub open: Opener,
    /// What is expected of it.
    pub nature: Nature,
    /// Where frames go.
    pub frames: NewestSender<Captured>,
    /// Closed when the daemon ends.
    pub stop: Receiver<()>,
    /// What the supervisor sees of this thread.
    pub leash: Arc<Leash>,
    /// Whether to watch at all.
    pub orders: Arc<Orders>,
    /// What the vigil sees of the source.
    pub state: Arc<SourceState>,
    /// Numbers that go on from thread to thread.
    pub ledger: Arc<Ledger>,
    /// The counts.
    pub metrics: Arc<Metrics>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

/// Why frames stopped coming from an open source.
enum End {
    /// Played to its end, or told to stop.
    Over,
    /// Lost; to be opened again.
    Lost(String),
    /// Closed, since the vehicle wants no watching.
    Closed,
}

impl Intake {
    /// Returns when the media is at its end, the daemon stops, or this thread was given up.
    ///
    /// # Errors
    /// Where media is bad or missing, or a camera that was not to be waited for is not there.
    pub fn run(self) -> Result<(), Failure> {
        let mut pause = FIRST_PAUSE;
        loop {
            let frames_before = self.ledger.next_seq.load(Ordering::Relaxed);
            let ended = match self.leash.inside(&*self.clock, || (self.open)()) {
                _ if self.shall_close() => End::Closed,
                Ok(source) => self.hand_on(source)?,
                Err(fault) if self.survives(&fault) => End::Lost(fault.to_string()),
                Err(fault) => return Err(fault.into()),
            };
            if self.leash.is_cut() {
                return Ok(());
            }
            let why = match ended {
                End::Over => return Ok(()),
                End::Lost(why) => why,
                End::Closed if self.is_wanted_again() => continue,
                End::Closed => return Ok(()),
            };
            self.state.lost();
            self.metrics.source_faults_total.one();
            if self.ledger.next_seq.load(Ordering::Relaxed) > frames_before {
                pause = FIRST_PAUSE;
            }
            warn!(why, again_in_ms = pause.as_millis(), "camera lost");
            if self.stop.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                return Ok(());
            }
            pause = self.longer(pause);
        }
    }

    /// Waits, with the camera closed, until it shall be opened; `false` where the daemon ends.
    fn is_wanted_again(&self) -> bool {
        info!("camera closed: the vehicle wants no watching");
        self.state.closed();
        while !self.orders.get().watch {
            if self.leash.is_cut() || self.stop.recv_timeout(ORDER_ROUND) != Err(RecvTimeoutError::Timeout) {
                return false;
            }
        }
        info!("the vehicle wants watching: opening the camera");
        true
    }

    /// Media goes on: it is no camera that could look at anybody.
    fn shall_close(&self) -> bool {
        self.nature != Nature::Media && !self.orders.get().watch
    }

    /// A camera that was there once is always waited for.
    fn survives(&self, fault: &CaptureError) -> bool {
        match self.nature {
            Nature::Media => false,
            Nature::Camera { wait, .. } => {
                self.ledger.openings.load(Ordering::Relaxed) > 0 || (wait && !fault.is_final())
            }
        }
    }

    fn longer(&self, pause: Duration) -> Duration {
        match self.nature {
            Nature::Media => pause,
            Nature::Camera { longest_pause, .. } => (2 * pause).min(longest_pause),
        }
    }

    /// Hands frames on until there are no more.
    fn hand_on(&self, mut source: Box<dyn FrameSource>) -> Result<End, Failure> {
        let opening = 1 + self.ledger.openings.fetch_add(1, Ordering::Relaxed);
        let first_seq = self.ledger.next_seq.load(Ordering::Relaxed);
        info!(source = source.describe(), opening, "source open");
        let mut freeze = Freeze::default();
        let mut faults = source.decode_faults();
        let mut skipped = Skipped::default();
        while self.stop.try_recv() == Err(TryRecvError::Empty) {
            if self.shall_close() {
                return Ok(End::Closed);
            }
            let next = {
                let _span = trace_span!("capture").entered();
                self.leash.inside(&*self.clock, || source.next())
            };
            if self.leash.is_cut() {
                return Ok(End::Over);
            }
            let faults_now = source.decode_faults();
            self.metrics.decode_faults_total.add(faults_now.saturating_sub(faults));
            faults = faults_now;
            let mut frame = match (next, self.nature) {
                (Ok(Some(frame)), _) => frame,
                (Ok(None), Nature::Camera { .. }) => {
                    return Ok(End::Lost("the camera ended its stream".into()));
                }
                (Ok(None), Nature::Media) => return skipped.told(),
                (Err(fault), _) if fault.remedy() == Remedy::Skip => {
                    warn!(%fault, "bad media");
                    skipped.add(fault);
                    continue;
                }
                (Err(fault), Nature::Camera { .. }) => return Ok(End::Lost(fault.to_string())),
                (Err(fault), Nature::Media) => return Err(fault.into()),
            };
            frame.seq += first_seq;
            let frozen = freeze.step(&frame);
            self.deliver(Captured { frame, frozen, opening });
            if freeze.lasted() > FROZEN_LIMIT && self.nature != Nature::Media {
                return Ok(End::Lost("the camera repeats the same picture".into()));
            }
        }
        Ok(End::Over)
    }

    fn deliver(&self, captured: Captured) {
        self.ledger.next_seq.store(captured.frame.seq + 1, Ordering::Relaxed);
        self.state.captured(captured.frame.captured_at);
        self.metrics.frames_captured_total.one();
        self.metrics.frames_frozen_total.add(captured.frozen.into());
        self.metrics.frames_dropped_total.add(self.frames.offer(captured));
    }
}

/// What media held that could not be played.
#[derive(Default)]
struct Skipped {
    first: Option<CaptureError>,
    count: u64,
}

impl Skipped {
    fn add(&mut self, fault: CaptureError) {
        self.first.get_or_insert(fault);
        self.count += 1;
    }

    /// The end of the media, which was bad input where something of it is missing.
    fn told(self) -> Result<End, Failure> {
        match (self.first, self.count) {
            (None, _) => Ok(End::Over),
            (Some(only), 1) => Err(only.into()),
            (Some(first), count) => Err(Failure::message(
                Exit::Data,
                format!("{count} of the pictures cannot be read; the first: {first}"),
            )),
        }
    }
}

/// Frozen, and since when.
#[derive(Default)]
struct Freeze {
    detector: FreezeDetector,
    since: Option<(MonoTime, MonoTime)>,
}

impl Freeze {
    fn step(&mut self, frame: &Stamped<Frame>) -> bool {
        let now = frame.captured_at;
        let frozen =
            self.detector.step(&Stamped { seq: frame.seq, captured_at: now, value: &frame.value.grey });
        self.since = frozen.then(|| (self.since.map_or(now, |(start, _)| start), now));
        frozen
    }

    fn lasted(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |(start, now)| now.since(start))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;
    use std::thread;

    use capture::{ScriptedSource, Step};
    use crossbeam_channel::{bounded, never};
    use frame::Grey;
    use wire::can::Conditions;

    use super::*;
    use crate::clock::SystemClock;
    use crate::live::edge::newest_wins;

    const CAMERA: Nature = Nature::Camera { wait: false, longest_pause: FIRST_PAUSE };

    fn shot(seq: u64, ms: u64, shade: u8) -> Step {
        let value = Frame { grey: Grey::new(2, 1, vec![shade; 2].into()).unwrap(), color: None };
        Step::Frame(Stamped { seq, captured_at: MonoTime::from_ms(ms), value })
    }

    /// Blocks until there is a message, or nobody left who could send one.
    fn stalled(until: Receiver<()>) -> Step {
        Step::Stall(Box::new(move || {
            let _ = until.recv();
        }))
    }

    fn gone() -> CaptureError {
        CaptureError::NoCamera { index: 0, path: "/dev/video0".into() }
    }

    /// An intake that opens these one after the other and then nothing more.
    fn intake(
        nature: Nature,
        openings: Vec<Result<Vec<Step>, CaptureError>>,
        stop: Receiver<()>,
    ) -> (Intake, Receiver<Captured>) {
        let (frames, frames_in) = newest_wins();
        let openings = Mutex::new(VecDeque::from(openings));
        let open: Opener = Arc::new(move || {
            let next = openings.lock().unwrap().pop_front().unwrap_or_else(|| Err(gone()));
            next.map(|steps| Box::new(ScriptedSource::new(steps)) as Box<dyn FrameSource>)
        });
        let intake = Intake {
            open,
            nature,
            frames,
            stop,
            leash: Arc::default(),
            orders: Arc::default(),
            state: Arc::default(),
            ledger: Arc::default(),
            metrics: Arc::default(),
            clock: Arc::new(SystemClock),
        };
        (intake, frames_in)
    }

    #[test]
    fn a_camera_that_was_lost_is_opened_again_and_its_frames_are_numbered_on() {
        let ((go, stall), (stop, stopped)) = (bounded(1), bounded(0));
        let first = vec![shot(0, 0, 1), stalled(stall), shot(1, 33, 2), Step::Fault(gone())];
        let second = vec![shot(0, 700, 3), stalled(never())];
        let (intake, frames) = intake(CAMERA, vec![Ok(first), Err(gone()), Ok(second)], stopped);
        let metrics = Arc::clone(&intake.metrics);
        thread::spawn(|| intake.run());
        let mut seen = Vec::new();
        for _ in 0..3 {
            let captured = frames.recv().unwrap();
            seen.push((captured.frame.seq, captured.opening));
            let _ = go.try_send(());
        }
        assert_eq!(seen, [(0, 1), (1, 1), (2, 2)]);
        assert_eq!(metrics.source_faults_total.get(), 2);
        drop(stop);
    }

    #[test]
    fn a_camera_that_was_never_there_is_an_error_unless_it_is_waited_for() {
        let (missing, _frames) = intake(CAMERA, vec![], never());
        assert_eq!(missing.run().unwrap_err().exit, Exit::Unavailable);

        let (stop, stopped) = bounded::<()>(0);
        drop(stop);
        let waited_for = Nature::Camera { wait: true, longest_pause: FIRST_PAUSE };
        let (missing, _frames) = intake(waited_for, vec![], stopped);
        assert!(missing.run().is_ok());
    }

    #[test]
    fn a_camera_that_stays_frozen_is_opened_again() {
        let (_stop, stopped) = bounded::<()>(0);
        let (go, stall) = bounded(0);
        let same = (0..12).map(|n| shot(n, 300 * n, 7)).chain([stalled(never())]).collect();
        let (intake, frames) =
            intake(CAMERA, vec![Ok(same), Ok(vec![stalled(stall), shot(0, 9000, 8)])], stopped);
        let metrics = Arc::clone(&intake.metrics);
        thread::spawn(|| intake.run());
        // The stall ends only in the second opening.
        go.send(()).unwrap();
        let reopened = frames.iter().find(|captured| captured.opening == 2).unwrap();
        assert!(!reopened.frozen);
        // Frozen from the third picture, at 600 ms, to the one that is more than 2 s later.
        assert_eq!(metrics.frames_frozen_total.get(), 8);
    }

    #[test]
    fn bad_media_is_played_as_far_as_it_goes_and_told_at_its_end() {
        let bad = || Step::Fault(CaptureError::BadImage { path: "a.png".into(), message: "torn".into() });
        let (intake, frames) =
            intake(Nature::Media, vec![Ok(vec![bad(), shot(1, 33, 0), bad(), shot(3, 99, 0)])], never());
        let failure = intake.run().unwrap_err();
        assert_eq!(failure.exit, Exit::Data);
        assert_eq!(failure.to_string(), "2 of the pictures cannot be read; the first: a.png: torn");
        assert_eq!(frames.recv().unwrap().frame.seq, 3, "what came after was played");
    }

    #[test]
    fn a_camera_is_closed_while_the_vehicle_wants_no_watching_and_opened_again() {
        let (_stop, stopped) = bounded::<()>(0);
        let (inside, held) = bounded(0);
        let first = vec![shot(0, 0, 1), stalled(held.clone()), shot(1, 33, 2), stalled(held)];
        let second = vec![shot(0, 5000, 4), stalled(never())];
        let (intake, frames) = intake(CAMERA, vec![Ok(first), Ok(second)], stopped);
        let (orders, metrics) = (Arc::clone(&intake.orders), Arc::clone(&intake.metrics));
        thread::spawn(|| intake.run());
        assert_eq!(frames.recv().unwrap().opening, 1);
        orders.set(Conditions { watch: false, ..Conditions::default() });
        // A frame that the driver was waiting for may still come; then the source is dropped, and
        // with it the other end of this channel.
        while inside.send(()).is_ok() {}
        orders.set(Conditions::default());
        let reopened = frames.iter().find(|captured| captured.opening == 2).unwrap();
        assert!(reopened.frame.seq > 0, "numbered on");
        assert_eq!(metrics.source_faults_total.get(), 0, "that is no fault of the camera");
    }

    #[test]
    fn a_thread_that_was_given_up_ends_without_a_word() {
        let (go, stall) = bounded(0);
        let (intake, frames) = intake(CAMERA, vec![Ok(vec![stalled(stall), shot(0, 0, 0)])], never());
        let leash = Arc::clone(&intake.leash);
        let thread = thread::spawn(|| intake.run());
        leash.cut();
        go.send(()).unwrap();
        assert!(thread.join().unwrap().is_ok());
        assert!(frames.try_recv().is_err());
    }
}
