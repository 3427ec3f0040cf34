//! What publishing counts.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use types::{Health, StageHealth};

use crate::{Latency, SinkFigures};

use crate::kuksa::KuksaCounters;
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
    /// Scrapes of the metrics that were answered.
    pub scrapes_total: AtomicU64,
    /// Connections for the metrics that were refused because of too many at once.
    pub scrapes_refused_total: AtomicU64,
    /// Scrapers that did not read their answer in time.
    pub scrapes_broken_off_total: AtomicU64,
    /// From capture to an event being stamped as published.
    pub published_age: Latency,
    /// What publishing an event took: its gates, and handing it to the feeds.
    pub publish_time: Latency,
    /// Events that waited in the edge when the last one was taken from it; goes up and down.
    pub waiting_events: AtomicU64,
    /// Events that the slowest reader had still to take when the last one was published; goes up and
    /// down, and at 32 that reader is moved on.
    pub unread_events: AtomicU64,
    /// What telematics counts.
    pub telematics: TelematicsCounters,
    /// What the databroker's sink counts.
    pub kuksa: KuksaCounters,
    /// How the bus is, as a place in [`Health::ALL`].
    bus: Bus,
    /// How the stages are, as places in [`Health::ALL`]: capture, align, classify, bus, telematics.
    stages: [AtomicU8; 5],
    sinks: Mutex<Vec<Arc<SinkFigures>>>,
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

    /// How the stages were with the last event: capture, align, classify, bus, telematics.
    #[must_use]
    pub fn stages(&self) -> [Health; 5] {
        let of = |code: &AtomicU8| Health::ALL.get(usize::from(code.load(Ordering::Relaxed))).copied();
        self.stages.each_ref().map(|code| of(code).unwrap_or_default())
    }

    pub(crate) fn note_stages(&self, health: StageHealth) {
        let StageHealth { capture, align, classify, bus, telematics } = health;
        for (code, health) in self.stages.iter().zip([capture, align, classify, bus, telematics]) {
            code.store(health as u8, Ordering::Relaxed);
        }
    }

    /// The figures of each sink that runs.
    #[must_use]
    pub fn sinks(&self) -> Vec<Arc<SinkFigures>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Figures for a sink of this name.
    pub(crate) fn sink(&self, name: &'static str) -> Arc<SinkFigures> {
        let figures = Arc::new(SinkFigures::new(name));
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&figures));
        figures
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
