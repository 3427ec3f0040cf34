//! What publishing counts.

use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl Counters {
    /// How many subscribers there are at present.
    #[must_use]
    pub fn subscribers(&self) -> u64 {
        read(&self.subscribers_accepted_total).saturating_sub(read(&self.subscribers_gone_total))
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
