//! A VSS databroker (Eclipse Kuksa) over gRPC, interface kuksa.val.v2.
//!
//! ```text
//! Feed ──events──> Speaker ──values by id──> broker
//!                     ^ errors by id, and nothing where all is well ──┘
//! ```
//!
//! Which signals there are and what an event tells of them is decided in `wire`, in the table that the
//! overlay is made from. Ids are the broker's own and change when it restarts, so that each connection
//! begins with asking for them. docs/kuksa.md is for users.

mod address;
mod broker;
mod counters;
mod options;
mod sink;

/// The interface, made from proto/ by build.rs.
#[allow(
    dead_code,
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated"
)]
mod proto {
    include!(concat!(env!("OUT_DIR"), "/client/kuksa.val.v2.rs"));
}

pub use address::{BadAddress, KuksaAddress};
pub use counters::KuksaCounters;
pub use options::{KuksaError, KuksaOptions};
pub use sink::{KuksaSink, look_at_kuksa};
