//! What telematics counts.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use types::Health;

/// Counts since the start, shared with whoever reports them. Those that end in `_total` never go
/// down; the others are how it is now.
#[derive(Debug)]
pub struct TelematicsCounters {
    /// Episodes built.
    pub episodes_total: AtomicU64,
    /// Expressions that held for less than the shortest episode, and are told nowhere.
    pub episodes_too_short_total: AtomicU64,
    /// Episodes that are on the disk for certain: an fsync that covers them returned.
    pub episodes_stored_total: AtomicU64,
    /// Episodes that the broker has taken (PUBACK).
    pub episodes_delivered_total: AtomicU64,
    /// Episodes of those that the broker took though nobody subscribes to them: it keeps none of them.
    pub episodes_without_subscriber_total: AtomicU64,
    /// Undelivered episodes dropped, oldest first, because the store was full, or because the disk took
    /// nothing and memory was full.
    pub episodes_dropped_total: AtomicU64,
    /// Stored episodes that could not be read any more: damage on the disk.
    pub episodes_damaged_total: AtomicU64,
    /// Episodes that were too long to be sent, or whose format the broker refuses: they are not sent again.
    pub episodes_refused_total: AtomicU64,
    /// State changes that this sink missed because it was behind: they are in no episode.
    pub state_changes_missed_total: AtomicU64,
    /// Bytes of the store that were found damaged on opening it.
    pub store_damaged_bytes_total: AtomicU64,
    /// Bytes written to the store.
    pub store_written_bytes_total: AtomicU64,
    /// Times that the store could not be opened, written or synced.
    pub store_faults_total: AtomicU64,
    /// Fsyncs that returned.
    pub store_syncs_total: AtomicU64,
    /// Bytes that the store has on the disk.
    pub store_bytes: AtomicU64,
    /// Stored episodes that are not delivered.
    pub store_undelivered: AtomicU64,
    /// Episodes that wait for the disk.
    pub store_waiting: AtomicU64,
    /// Connections that the broker accepted.
    pub connections_total: AtomicU64,
    /// Attempts to connect that failed, and connections that were lost.
    pub connection_faults_total: AtomicU64,
    store: AtomicU8,
    link: AtomicU8,
}

impl Default for TelematicsCounters {
    /// Nothing counted, and off.
    fn default() -> Self {
        let off = || AtomicU8::new(Health::Off as u8);
        let zero = AtomicU64::default;
        Self {
            episodes_total: zero(),
            episodes_too_short_total: zero(),
            episodes_stored_total: zero(),
            episodes_delivered_total: zero(),
            episodes_without_subscriber_total: zero(),
            episodes_dropped_total: zero(),
            episodes_damaged_total: zero(),
            episodes_refused_total: zero(),
            state_changes_missed_total: zero(),
            store_damaged_bytes_total: zero(),
            store_written_bytes_total: zero(),
            store_faults_total: zero(),
            store_syncs_total: zero(),
            store_bytes: zero(),
            store_undelivered: zero(),
            store_waiting: zero(),
            connections_total: zero(),
            connection_faults_total: zero(),
            store: off(),
            link: off(),
        }
    }
}

impl TelematicsCounters {
    /// How telematics is. `failed`: the store takes nothing, so that episodes are lost if that lasts.
    /// `degraded`: they are stored, but there is no way to the broker. `starting`: the store is not
    /// open yet, or there was nothing to send so far.
    #[must_use]
    pub fn health(&self) -> Health {
        let read = |health: &AtomicU8| Health::ALL.get(usize::from(health.load(Ordering::Relaxed))).copied();
        match read(&self.store).unwrap_or_default() {
            Health::Ok => read(&self.link).unwrap_or_default(),
            other => other,
        }
    }

    pub(super) fn note_store(&self, health: Health) {
        self.store.store(health as u8, Ordering::Relaxed);
    }

    pub(super) fn note_link(&self, health: Health) {
        self.link.store(health as u8, Ordering::Relaxed);
    }
}
