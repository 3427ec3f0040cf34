//! When silence must be told, and why there is silence. Pure: time comes in as data.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use types::{MonoTime, Reason};

/// Where no frame comes, `unknown` is told this often.
const SILENCE: Duration = Duration::from_millis(100);

/// What capture tells the rest about the source, without a channel: only the newest word counts.
#[derive(Debug, Default)]
pub struct SourceState {
    lost: AtomicBool,
    captured_at_ns: AtomicU64,
}

impl SourceState {
    /// A frame came.
    pub fn captured(&self, at: MonoTime) {
        self.captured_at_ns.store(at.as_ns(), Ordering::Relaxed);
        self.lost.store(false, Ordering::Relaxed);
    }

    /// The source is gone or cannot be opened.
    pub fn lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    /// The source was closed on purpose: the next opening starts anew.
    pub fn closed(&self) {
        self.captured_at_ns.store(0, Ordering::Relaxed);
        self.lost.store(false, Ordering::Relaxed);
    }

    fn captured_at(&self) -> Option<MonoTime> {
        Some(self.captured_at_ns.load(Ordering::Relaxed)).filter(|ns| *ns > 0).map(MonoTime::from_ns)
    }
}

/// Watches over the age of what is known.
#[derive(Debug)]
pub struct Vigil {
    stall: Duration,
    newest: Option<MonoTime>,
    told: Option<MonoTime>,
}

impl Vigil {
    /// A vigil that lets nothing older than `stall` stand for the present.
    #[must_use]
    pub fn new(stall: Duration) -> Self {
        Self { stall, newest: None, told: None }
    }

    /// Whether something captured then is too old to stand for the present.
    #[must_use]
    pub fn is_stale(&self, captured_at: MonoTime, now: MonoTime) -> bool {
        now.since(captured_at) > self.stall
    }

    /// A frame captured at that time was told.
    pub fn saw(&mut self, captured_at: MonoTime) {
        self.newest = Some(captured_at);
    }

    /// How long to wait for a frame before silence must be told (again).
    #[must_use]
    pub fn patience(&self, now: MonoTime) -> Duration {
        let after_frame = self.newest.map(|at| at + self.stall);
        let after_silence = self.told.map(|at| at + SILENCE);
        after_frame.max(after_silence).map_or(Duration::ZERO, |due| due.since(now))
    }

    /// Silence is told at `now`; says why there is silence.
    pub fn tell(&mut self, now: MonoTime, source: &SourceState) -> Reason {
        self.told = Some(now);
        if source.lost.load(Ordering::Relaxed) {
            return Reason::CameraLost;
        }
        match source.captured_at() {
            None => Reason::Starting,
            // Frames come, but what they show does not: the stages after capture are behind.
            Some(at) if !self.is_stale(at, now) => Reason::Stale,
            Some(_) => Reason::CameraLost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    fn vigil() -> Vigil {
        Vigil::new(Duration::from_millis(250))
    }

    #[test]
    fn before_the_first_frame_starting_is_told_at_once_and_every_100_ms() {
        let (mut vigil, source) = (vigil(), SourceState::default());
        assert_eq!(vigil.patience(ms(1000)), Duration::ZERO);
        assert_eq!(vigil.tell(ms(1000), &source), Reason::Starting);
        assert_eq!(vigil.patience(ms(1030)), Duration::from_millis(70));
    }

    #[test]
    fn a_stalled_camera_is_told_within_300_ms_of_its_last_frame() {
        let (mut vigil, source) = (vigil(), SourceState::default());
        source.captured(ms(1000));
        vigil.saw(ms(1000));
        assert_eq!(vigil.patience(ms(1020)), Duration::from_millis(230));
        assert_eq!(vigil.tell(ms(1251), &source), Reason::CameraLost);
        assert_eq!(vigil.patience(ms(1251)), Duration::from_millis(100));
    }

    #[test]
    fn frames_that_nobody_has_looked_at_are_stale_not_lost() {
        let (mut vigil, source) = (vigil(), SourceState::default());
        vigil.saw(ms(1000));
        source.captured(ms(1240));
        assert_eq!(vigil.tell(ms(1260), &source), Reason::Stale);
        assert!(vigil.is_stale(ms(1000), ms(1251)) && !vigil.is_stale(ms(1000), ms(1250)));
    }

    #[test]
    fn a_lost_camera_is_lost_until_its_next_frame() {
        let (mut vigil, source) = (vigil(), SourceState::default());
        source.lost();
        assert_eq!(vigil.tell(ms(1000), &source), Reason::CameraLost);
        source.captured(ms(1100));
        assert_eq!(vigil.tell(ms(1150), &source), Reason::Stale);
        source.closed();
        assert_eq!(vigil.tell(ms(5000), &source), Reason::Starting, "closed on purpose");
    }
}
