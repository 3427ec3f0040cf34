//! The one clock of the daemon. Tests have their own.

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

/// A clock that stands before its own epoch reads as the epoch.
fn nanoseconds(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}
