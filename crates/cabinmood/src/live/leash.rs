//! What the supervisor knows of a capture thread: whether it is inside the driver, and since when.
//! A stalled camera blocks its driver call for ever, so only somebody outside can tell.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use types::{Clock, MonoTime};

/// Not inside the driver.
const OUTSIDE: u64 = 0;

/// Shared by one capture thread and the supervisor.
#[derive(Debug, Default)]
pub struct Leash {
    inside_since_ns: AtomicU64,
    cut: AtomicBool,
}

impl Leash {
    /// Makes a call into the driver, seen from outside.
    pub fn inside<T>(&self, clock: &dyn Clock, call: impl FnOnce() -> T) -> T {
        self.inside_since_ns.store(clock.now().as_ns().max(1), Ordering::Relaxed);
        let result = call();
        self.inside_since_ns.store(OUTSIDE, Ordering::Relaxed);
        result
    }

    /// How long the call that is being made has lasted.
    pub fn stuck_for(&self, now: MonoTime) -> Duration {
        match self.inside_since_ns.load(Ordering::Relaxed) {
            OUTSIDE => Duration::ZERO,
            since => now.since(MonoTime::from_ns(since)),
        }
    }

    /// Gives the thread up: should its call ever return, it ends without a word.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Relaxed);
    }

    /// Whether the thread was given up.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }
}
