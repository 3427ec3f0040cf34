//! The sink: the newest event, as values for the broker, for as long as there is one.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use prost_types::Timestamp;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info, warn};
use types::{Clock, UtcTime};
use wire::can::{Moment, STALE};
use wire::{Gate, Reach, VssValue, vss_signals};

use super::broker::{Fault, Handed, Link, Refusal, ask};
use super::options::{Access, KuksaError, KuksaOptions};
use crate::counters::{count, count_many};
use crate::telematics::pace::Backoff;
use crate::{Counters, Feed, PublishError, Published, Sink, SinkFuture};

/// Connecting, asking and opening together; a broker that needs longer hangs.
const OPEN_LIMIT: Duration = Duration::from_secs(10);
/// A connection that held for so long worked: the pauses begin anew after it.
const PROVEN: Duration = Duration::from_secs(10);

/// Tells a VSS databroker the newest event.
pub struct KuksaSink {
    options: Arc<KuksaOptions>,
    clock: Arc<dyn Clock>,
}

/// What the sink remembers from one connection to the next, and none of it is an id.
struct Memory {
    newest: Arc<Published>,
    /// Whether no broker has been told of it yet.
    is_new: bool,
    /// Paths that were logged as unknown or refused.
    logged: BTreeSet<String>,
    /// The last fault that was logged.
    fault: Option<String>,
}

impl KuksaSink {
    /// Reads the files. Nothing is connected before it runs: a broker may come later and go.
    ///
    /// # Errors
    /// [`KuksaError`].
    pub fn new(options: KuksaOptions, clock: Arc<dyn Clock>) -> Result<Self, KuksaError> {
        Access::read(&options)?;
        Ok(Self { options: Arc::new(options), clock })
    }

    async fn go(self, mut feed: Feed, counters: Arc<Counters>) -> Result<(), PublishError> {
        let Some(first) = feed.next().await else { return Ok(()) };
        let gate = first.published.event.gate();
        let mut memory =
            Memory { newest: first.published, is_new: true, logged: BTreeSet::new(), fault: None };
        let mut backoff = Backoff::new(self.options.retry, &self.options.address.to_string());
        loop {
            let opened = tokio::select! {
                biased;
                () = memory.read_on(&mut feed) => return Ok(()),
                opened = timeout(OPEN_LIMIT, Link::open(&self.options, vss_signals(gate))) => opened,
            };
            let fault = match opened {
                Err(_) => Fault::Silent(OPEN_LIMIT.as_secs()),
                Ok(Err(fault)) => fault,
                Ok(Ok(link)) => {
                    let since = self.clock.now();
                    let Err(fault) = self.speak(link, &mut memory, &mut feed, &counters).await else {
                        return Ok(());
                    };
                    if self.clock.now().since(since) >= PROVEN {
                        backoff.reset();
                    }
                    fault
                }
            };
            count(&counters.kuksa.connection_faults_total);
            self.log_fault(&fault, &mut memory);
            let pause = backoff.next();
            debug!(pause_ms = pause.as_millis(), "pause before the next attempt");
            tokio::select! {
                biased;
                () = memory.read_on(&mut feed) => return Ok(()),
                () = sleep(pause) => {}
            }
        }
    }

    /// Tells the broker what is new until something fails, or, without a fault, until the daemon ends.
    async fn speak(
        &self,
        mut link: Link,
        memory: &mut Memory,
        feed: &mut Feed,
        counters: &Counters,
    ) -> Result<(), Fault> {
        count(&counters.kuksa.connections_total);
        counters.kuksa.unknown_signals.store(link.knowledge.unknown.len() as u64, Ordering::Relaxed);
        self.log_connection(&link, memory);
        let mut told = Vec::new();
        // The first tick comes at once.
        let mut ticks = interval(self.options.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_due = tokio::select! {
                biased;
                delivery = feed.next() => match delivery {
                    Some(delivery) => {
                        memory.newest = delivery.published;
                        memory.is_new = true;
                        false
                    }
                    None => {
                        link.take_leave(timestamp(self.clock.utc())).await;
                        return Ok(());
                    }
                },
                refused = link.refused() => {
                    memory.log_refusals(refused?, counters);
                    continue;
                }
                _ = ticks.tick() => true,
            };
            let values = self.values(&link, &memory.newest);
            if !is_due && words(&values).eq(words(&told)) {
                continue;
            }
            match link.send(values.clone(), self.stamp(&memory.newest))? {
                Handed::TooSoon => count(&counters.kuksa.updates_dropped_total),
                Handed::Over => {
                    count(&counters.kuksa.updates_sent_total);
                    told = values;
                    if std::mem::take(&mut memory.is_new) {
                        feed.handed_on(&memory.newest);
                    }
                }
            }
        }
    }

    fn values(&self, link: &Link, newest: &Published) -> Vec<Option<VssValue>> {
        let moment = Moment { event: Some(&newest.event), now: self.clock.now() };
        link.knowledge.known.iter().map(|known| known.signal.value(moment)).collect()
    }

    /// When what is told was so: at the frame, or now where all that is told is that nothing new came.
    fn stamp(&self, newest: &Published) -> Timestamp {
        let event = &newest.event;
        let age = self.clock.now().since(event.published_at.unwrap_or(event.captured_at));
        timestamp(if age > STALE { self.clock.utc() } else { event.utc })
    }

    fn log_connection(&self, link: &Link, memory: &mut Memory) {
        memory.fault = None;
        let (address, signals) = (&self.options.address, link.knowledge.known.len());
        info!(%address, signals, "connected with the databroker");
        let mut unknown = link.knowledge.unknown.clone();
        unknown.retain(|path| memory.logged.insert(path.clone()));
        if !unknown.is_empty() {
            warn!(
                %address,
                ?unknown,
                "signals that the databroker does not know, or with another type, are left out; load the \
                 overlay of `cabinmood schema vspec` into it"
            );
        }
    }

    fn log_fault(&self, fault: &Fault, memory: &mut Memory) {
        let text = fault.to_string();
        if memory.fault.as_ref() != Some(&text) {
            warn!(address = %self.options.address, fault = text, "no way to the databroker; it is tried again");
            memory.fault = Some(text);
        }
    }
}

impl Memory {
    /// Keeps the newest event while there is nobody to tell; returns when the daemon ends.
    async fn read_on(&mut self, feed: &mut Feed) {
        while let Some(delivery) = feed.next().await {
            self.newest = delivery.published;
            self.is_new = true;
        }
    }

    fn log_refusals(&mut self, refusals: Vec<Refusal>, counters: &Counters) {
        count_many(&counters.kuksa.values_refused_total, refusals.len() as u64);
        for Refusal { path, why } in refusals {
            if self.logged.insert(path.clone()) {
                warn!(path, why, "the databroker refuses a value");
            }
        }
    }
}

/// The words among the values: a change of one is not made to wait.
fn words(values: &[Option<VssValue>]) -> impl Iterator<Item = Option<&str>> {
    values.iter().map(|value| match value {
        Some(VssValue::Text(text)) => Some(&**text),
        Some(VssValue::Float(_)) | None => None,
    })
}

fn timestamp(time: UtcTime) -> Timestamp {
    const NS_PER_S: u64 = 1_000_000_000;
    Timestamp { seconds: (time.0 / NS_PER_S) as i64, nanos: (time.0 % NS_PER_S) as i32 }
}

impl Sink for KuksaSink {
    fn name(&self) -> &'static str {
        "kuksa"
    }

    fn reach(&self) -> Reach {
        self.options.address.reach()
    }

    fn run(self: Box<Self>, feed: Feed, counters: Arc<Counters>) -> SinkFuture {
        Box::pin(self.go(feed, counters))
    }
}

/// Connects and asks which signals the broker knows; tells it nothing. Blocks for up to 10 seconds.
///
/// # Errors
/// A line that says why the broker could not be told anything.
pub fn look_at_kuksa(options: &KuksaOptions, gate: Gate) -> Result<String, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    let runtime = runtime.map_err(|fault| fault.to_string())?;
    let wanted = vss_signals(gate);
    let (address, all) = (&options.address, wanted.len());
    let about = |why: &dyn std::fmt::Display| format!("kuksa.address {address}: {why}");
    let asked = runtime.block_on(async {
        let options = Arc::new(options.clone());
        timeout(OPEN_LIMIT, ask(&options, wanted)).await.unwrap_or(Err(Fault::Silent(OPEN_LIMIT.as_secs())))
    });
    let (_, _, knowledge) = asked.map_err(|fault| about(&fault))?;
    match knowledge.known.len() {
        0 => Err(about(&Fault::KnowsNothing)),
        known if known == all => Ok(format!("{address}: knows all {all} signals")),
        known => {
            Ok(format!("{address}: knows {known} of {all} signals, not {}", knowledge.unknown.join(", ")))
        }
    }
}
