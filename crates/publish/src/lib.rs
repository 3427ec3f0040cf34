//! Carries events outward: the publish stage and its sinks.
//!
//! The rest of the daemon is synchronous; asynchronous code lives here and nowhere else, in
//! [`serve`], on one thread that the binary makes. The edge into it is [`channel`]: any thread
//! sends, no sender ever waits. Every [`Sink`] runs beside the others on a [`Feed`] of its own, so
//! that none can delay another, and what a slow one misses is counted and told, never hidden. Between
//! the edge and every feed stands a [`wire::Gate`]: a sink gets what its purpose lets it have and
//! nothing else, so that no sink needs to think of it.
//!
//! ```text
//! smooth ──channel──> serve ──Gate, Feed──> SocketSink ──Feed──> subscriber
//!                     (stamps)  \    (one line a gate)      \──> subscriber …
//!                                \──Gate, Feed──> CanSink <──> bus
//! ```

mod can;
mod counters;
mod edge;
mod error;
mod feed;
pub mod kuksa;
mod metrics;
mod serve;
mod socket;
pub mod telematics;

pub use can::{
    CanInterface, CanInterfacePort, CanListener, CanOptions, CanPort, CanSink, Hear, MAX_INTERFACE_NAME,
    OnConditions, can_interfaces, look_at_can,
};
pub use counters::Counters;
pub use edge::{EventReceiver, EventSender, PublisherGone, channel};
pub use error::PublishError;
pub use feed::{Delivery, Feed, Missed, Published, SinkFigures, Tap};
pub use metrics::{Figure, Label, Latency, Metric, MetricsPage, MetricsPlace, MetricsSink, Octaves};
pub use serve::{Gated, Sink, SinkFuture, serve};
pub use socket::{REFUSED_SCHEMA, SocketOptions, SocketSink};
