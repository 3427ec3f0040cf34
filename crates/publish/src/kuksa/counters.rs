//! What the databroker's sink counts.

use std::sync::atomic::AtomicU64;

/// Counts since the start, shared with whoever reports them. Those that end in `_total` never go
/// down; the other is how it is now.
#[derive(Debug, Default)]
pub struct KuksaCounters {
    /// Connections on which the broker told its ids and opened a stream.
    pub connections_total: AtomicU64,
    /// Attempts to connect that failed, and connections that were lost; each is tried again.
    pub connection_faults_total: AtomicU64,
    /// Updates handed to a connection, each with a value or "not known" for every signal.
    pub updates_sent_total: AtomicU64,
    /// Updates that were due and not sent, because the broker was slow to take those before.
    pub updates_dropped_total: AtomicU64,
    /// Values that the broker refused, for their range, their words or for want of a permission.
    pub values_refused_total: AtomicU64,
    /// Signals that the broker of the newest connection does not know, or knows with another type.
    pub unknown_signals: AtomicU64,
}
