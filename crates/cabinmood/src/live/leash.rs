//! What the supervisor knows of a capture thread, and has in hand: whether it is inside the
//! driver, and since when. A stalled camera blocks its driver call for ever, so only somebody
//! outside can tell, and break it off.

use std::io;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::pthread::pthread_kill;
use nix::sys::signal::Signal;
use types::{Clock, MonoTime};

/// Nothing is done at this signal; but a thread that waits in the kernel is woken by it, and its
/// call ends with `EINTR`.
const TUG: Signal = Signal::SIGUSR1;

/// Not inside the driver.
const OUTSIDE: u64 = 0;

/// Readies the process for [`Leash::tug`], which would otherwise end it.
///
/// # Errors
/// Where the system lets the signal not be handled.
pub fn heed_tugs() -> io::Result<()> {
    signal_hook::flag::register(TUG as i32, Arc::default()).map(drop)
}

/// Shared by one capture thread and the supervisor.
#[derive(Debug, Default)]
pub struct Leash {
    inside_since_ns: AtomicU64,
    tugged: AtomicBool,
    cut: AtomicBool,
}

impl Leash {
    /// Makes a call into the driver, seen from outside.
    pub fn inside<T>(&self, clock: &dyn Clock, call: impl FnOnce() -> T) -> T {
        self.inside_since_ns.store(clock.now().as_ns().max(1), Ordering::Relaxed);
        self.tugged.store(false, Ordering::Relaxed);
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

    /// Breaks off the call that the thread is in: most drivers wait in a way that a signal ends.
    ///
    /// # Errors
    /// Where the system sends no signal.
    pub fn tug(&self, thread: &JoinHandle<()>) -> io::Result<()> {
        self.tugged.store(true, Ordering::Relaxed);
        Ok(pthread_kill(thread.as_pthread_t(), TUG)?)
    }

    /// Whether the call that is being made was to be broken off.
    pub fn is_tugged(&self) -> bool {
        self.tugged.load(Ordering::Relaxed)
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
