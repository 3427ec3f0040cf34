//! The system's own time, for what waits for real: Clippy keeps it from everything else.

use std::sync::Arc;

use rustix::time::{ClockId, clock_gettime};
use types::{Clock, MonoTime, UtcTime};

/// `CLOCK_MONOTONIC` from its making on, and the wall clock.
pub struct RealTime {
    start_ns: u64,
}

impl RealTime {
    /// A clock that begins now.
    #[must_use]
    pub fn shared() -> Arc<dyn Clock> {
        Arc::new(Self { start_ns: monotonic_ns() })
    }
}

impl Clock for RealTime {
    fn now(&self) -> MonoTime {
        MonoTime::from_ns(monotonic_ns() - self.start_ns)
    }

    fn utc(&self) -> UtcTime {
        UtcTime(nanoseconds(ClockId::Realtime))
    }
}

/// `CLOCK_MONOTONIC` as the daemon reads it.
#[must_use]
pub fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

fn nanoseconds(id: ClockId) -> u64 {
    let time = clock_gettime(id);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
