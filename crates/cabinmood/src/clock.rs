//! The one clock of the daemon. Tests have their own.

use nix::libc;
use rustix::time::{ClockId, clock_gettime};
use types::{Clock, MonoTime, UtcTime};

/// The system's own time: `CLOCK_MONOTONIC`, which cameras stamp their frames with, and
/// `CLOCK_REALTIME` for people.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> MonoTime {
        MonoTime::from_ns(nanoseconds(ClockId::Monotonic))
    }

    fn utc(&self) -> UtcTime {
        UtcTime(nanoseconds(ClockId::Realtime))
    }
}

/// Whether the kernel counts the wall clock as synchronised: somebody (NTP, PTP, a GPS receiver) sets it.
/// Where it may not be asked, no.
pub fn is_synchronised() -> bool {
    // SAFETY: all fields are numbers, for which zero is a value; `modes` 0 asks and changes nothing.
    let mut answer: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: `answer` is a valid structure of its own that outlives the call.
    let state = unsafe { libc::adjtimex(&raw mut answer) };
    state >= 0 && state != libc::TIME_ERROR && answer.status & libc::STA_UNSYNC == 0
}

/// A clock that stands before its own epoch reads as the epoch.
fn nanoseconds(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
