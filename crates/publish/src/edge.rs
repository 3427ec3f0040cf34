//! The edge between the stages' threads and this crate's runtime.

use thiserror::Error;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use wire::Event;

/// The publisher has ended: nobody receives any more.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("the publisher has ended")]
pub struct PublisherGone;

/// The end that stages send events into, from any thread.
#[derive(Debug, Clone)]
pub struct EventSender(broadcast::Sender<Event>);

/// The end that [`crate::serve`] takes.
#[derive(Debug)]
pub struct EventReceiver(broadcast::Receiver<Event>);

/// A bounded edge. It holds `capacity` events at least; where the publisher falls behind further
/// than that, the oldest are overwritten, so that the newest state always arrives, and counted in
/// [`crate::Counters::events_lost_total`].
#[must_use]
pub fn channel(capacity: usize) -> (EventSender, EventReceiver) {
    let (sender, receiver) = broadcast::channel(capacity.max(1));
    (EventSender(sender), EventReceiver(receiver))
}

impl EventSender {
    /// Hands an event over. Never waits. The publisher ends, after flushing, when the last sender
    /// is dropped.
    ///
    /// # Errors
    /// [`PublisherGone`] where the receiver was dropped.
    pub fn send(&self, event: Event) -> Result<(), PublisherGone> {
        self.0.send(event).map(drop).map_err(|_| PublisherGone)
    }
}

/// What comes out of the edge.
#[expect(
    clippy::large_enum_variant,
    reason = "it is matched on at once; a box would be one more allocation an event"
)]
pub(crate) enum Arrival {
    /// The next event.
    Event(Event),
    /// So many were overwritten before the next one.
    Lost(u64),
    /// All senders are gone and everything they sent was received.
    Ended,
}

impl EventReceiver {
    /// How many events wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.len()
    }

    pub(crate) async fn receive(&mut self) -> Arrival {
        match self.0.recv().await {
            Ok(event) => Arrival::Event(event),
            Err(RecvError::Lagged(count)) => Arrival::Lost(count),
            Err(RecvError::Closed) => Arrival::Ended,
        }
    }
}
