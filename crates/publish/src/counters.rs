//! What publishing counts.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use types::Health;

use crate::telematics::TelematicsCounters;

/// Counts since the start, shared with whoever reports them. None ever goes down.
#[derive(Debug, Default)]
pub struct Counters {
    /// Events stamped and handed to the sinks. Where this stands still, nothing goes out: the
    /// watchdog may be fed on its progress.
    pub events_published_total: AtomicU64,
    /// Events overwritten on the edge into this stage because it was behind; consumers see them
    /// as a gap.
    pub events_lost_total: AtomicU64,
    /// Sinks that ended on an error; the others go on.
    pub sinks_failed_total: AtomicU64,
    /// Connections taken on as subscribers.
    pub subscribers_accepted_total: AtomicU64,
    /// Connections refused because the limit was reached.
    pub subscribers_refused_total: AtomicU64,
    /// Subscribers that are gone again; accepted less gone is how many there are.
    pub subscribers_gone_total: AtomicU64,
    /// Connections that the system could not hand over (out of file descriptors, say).
    pub accept_failures_total: AtomicU64,
    /// Event lines written to subscribers.
    pub lines_sent_total: AtomicU64,
    /// Event lines that slow subscribers missed, all together.
    pub lines_missed_total: AtomicU64,
    /// State changes among the missed lines.
    pub state_changes_missed_total: AtomicU64,
    /// CAN frames that the kernel took.
    pub can_frames_sent_total: AtomicU64,
    /// CAN frames that were due and could not be sent: receivers see them as a gap of the counter.
    pub can_frames_lost_total: AtomicU64,
    /// CAN frames received that bore something for the daemon.
    pub can_frames_received_total: AtomicU64,
    /// Sockets opened on the bus.
    pub can_opens_total: AtomicU64,
    /// Times that the bus was lost or could not be opened.
    pub can_faults_total: AtomicU64,
    /// Times that the controller went off the bus.
    pub can_bus_off_total: AtomicU64,
    /// Other faults on the bus that the controller reported.
    pub can_errors_total: AtomicU64,
    /// Frames of those lost that the kernel refused because its queue was full.
    pub can_queue_full_total: AtomicU64,
    /// What telematics counts.
    pub telematics: TelematicsCounters,
    /// How the bus is, as a place in [`Health::ALL`].
    bus: Bus,
}

/// The health of the bus. Off until a sink for it runs.
#[derive(Debug)]
struct Bus(AtomicU8);

impl Default for Bus {
    fn default() -> Self {
        Self(AtomicU8::new(Health::Off as u8))
    }
}

impl Counters {
    /// How many subscribers there are at present.
    #[must_use]
    pub fn subscribers(&self) -> u64 {
        read(&self.subscribers_accepted_total).saturating_sub(read(&self.subscribers_gone_total))
    }

    /// How the CAN bus is.
    #[must_use]
    pub fn bus(&self) -> Health {
        Health::ALL.get(usize::from(self.bus.0.load(Ordering::Relaxed))).copied().unwrap_or_default()
    }

    /// Notes how the CAN bus is.
    pub(crate) fn note_bus(&self, health: Health) {
        self.bus.0.store(health as u8, Ordering::Relaxed);
    }
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    count_many(counter, 1);
}

/// Counts `many` more.
pub(crate) fn count_many(counter: &AtomicU64, many: u64) {
    counter.fetch_add(many, Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
