//! Carries events outward: the publish stage and its sinks.
//!
//! The rest of the daemon is synchronous; asynchronous code lives here and nowhere else, in
//! [`serve`], on one thread that the binary makes. The edge into it is [`channel`]: any thread
//! sends, no sender ever waits. Every [`Sink`] runs beside the others on a [`Feed`] of its own, so
//! that none can delay another, and what a slow one misses is counted and told, never hidden.
//!
//! ```text
//! smooth ──channel──> serve ──Feed──> SocketSink ──Feed──> subscriber
//!                       (stamps,  \                   \──> subscriber …
//!                        one line) \──Feed──> CanSink <──> bus
//! ```

mod can;
mod counters;
mod edge;
mod error;
mod feed;
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
pub use feed::{Delivery, Feed, Missed, Published};
pub use serve::{Sink, SinkFuture, serve};
pub use socket::{REFUSED_SCHEMA, SocketOptions, SocketSink};
