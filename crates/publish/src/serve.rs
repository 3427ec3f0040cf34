//! The publish stage itself: stamps events and hands them to the sinks.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{error, trace_span, warn};
use types::Clock;
use wire::{Gate, Reach};

use crate::counters::{count, count_many};
use crate::edge::Arrival;
use crate::feed::Outlet;
use crate::{Counters, EventReceiver, Feed, PublishError};

/// How long the sinks may take for their last words. The daemon ends within a second, and this is
/// not its only duty then.
const FLUSH_LIMIT: Duration = Duration::from_millis(400);

/// A sink's whole life.
pub type SinkFuture = Pin<Box<dyn Future<Output = Result<(), PublishError>> + Send>>;

/// Carries events outward in one way.
pub trait Sink: Send {
    /// What logs call it.
    fn name(&self) -> &'static str;

    /// How far its bytes go. Beyond the vehicle less may pass, whatever the configuration says.
    fn reach(&self) -> Reach;

    /// Reads the feed until it ends, flushes and returns. It is dropped where flushing takes more
    /// than 400 ms. Other sinks share the thread: it must not block.
    ///
    /// # Errors
    /// What keeps it from going on for good; what may come back (a bus, a broker) is survived.
    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture;
}

/// A sink behind its gate: what the gate does not carry, the sink never gets.
pub struct Gated {
    sink: Box<dyn Sink>,
    gate: Gate,
}

impl Gated {
    /// Puts a sink behind a gate, which is narrowed to the sink's reach.
    #[must_use]
    pub fn new(sink: Box<dyn Sink>, gate: Gate) -> Self {
        let gate = gate.reaching(sink.reach());
        Self { sink, gate }
    }
}

/// Publishes until the last [`crate::EventSender`] is dropped, then flushes and returns, at most
/// half a second later. Blocks: it owns the thread it is called on. A sink that fails is logged and
/// counted, and the others go on.
///
/// # Errors
/// [`PublishError::Runtime`], before anything is published.
pub fn serve(
    sinks: Vec<Gated>,
    events: EventReceiver,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
) -> Result<(), PublishError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(PublishError::Runtime)?;
    runtime.block_on(async {
        let mut outlets = Vec::new();
        let mut running = JoinSet::new();
        for Gated { sink, gate } in sinks {
            let name = sink.name();
            let feed = outlet(&mut outlets, gate).feed(counters.sink(name), Arc::clone(&clock));
            let work = sink.run(feed, Arc::clone(&counters));
            let counters = Arc::clone(&counters);
            running.spawn(async move {
                if let Err(fault) = work.await {
                    count(&counters.sinks_failed_total);
                    error!(sink = name, %fault, "sink failed");
                }
            });
        }
        forward(events, outlets, &*clock, &counters).await;
        let flushed = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(FLUSH_LIMIT, flushed).await.is_err() {
            warn!(limit_ms = FLUSH_LIMIT.as_millis(), "a reader did not take its last events in time");
        }
    });
    Ok(())
}

/// The outlet of this gate. Sinks with equal gates share the work.
fn outlet(outlets: &mut Vec<Outlet>, gate: Gate) -> &Outlet {
    let place = outlets.iter().position(|outlet| outlet.gate() == gate).unwrap_or_else(|| {
        outlets.push(Outlet::new(gate));
        outlets.len() - 1
    });
    &outlets[place]
}

/// Stamps every event and hands it on through the gates, until all senders are gone; dropping the
/// outlets then tells the sinks.
async fn forward(
    mut events: EventReceiver,
    mut outlets: Vec<Outlet>,
    clock: &dyn Clock,
    counters: &Counters,
) {
    loop {
        match events.receive().await {
            Arrival::Event(mut event) => {
                let _span = trace_span!("publish", seq = event.seq).entered();
                let now = clock.now();
                event.published(now);
                event.health.bus = counters.bus();
                event.health.telematics = counters.telematics.health();
                counters.note_stages(event.health);
                if event.frame_seq.is_some() {
                    counters.published_age.add(now.since(event.captured_at));
                }
                outlets.iter_mut().for_each(|outlet| outlet.publish(event.clone()));
                counters.publish_time.add(clock.now().since(now));
                let unread = outlets.iter().map(Outlet::unread).max().unwrap_or(0);
                counters.unread_events.store(unread as u64, Ordering::Relaxed);
                counters.waiting_events.store(events.waiting() as u64, Ordering::Relaxed);
                count(&counters.events_published_total);
            }
            Arrival::Lost(lost) => {
                count_many(&counters.events_lost_total, lost);
                warn!(lost, "the publisher fell behind");
                outlets.iter_mut().for_each(|outlet| outlet.skip(lost));
            }
            Arrival::Ended => return,
        }
    }
}
