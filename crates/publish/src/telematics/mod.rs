//! Telematics: mood episodes to a fleet's back end.
//!
//! ```text
//! Feed ──events──> Episodes ──JSON──> keeper's thread ──stored records──> Uploader ──MQTT 5, TLS──> broker
//!                  (wire, pure)       (store on disk) <────delivered up to─────┘
//! ```
//!
//! The store decides everything: only what an fsync has made durable is sent, and only what the broker
//! has acknowledged is deleted. Connections keep nothing from one to the next. docs/telematics.md
//! says what that guarantees.

mod counters;
mod keeper;
mod options;
pub(crate) mod pace;
mod sink;
mod store;
mod tls;
mod upload;

pub use counters::TelematicsCounters;
pub use options::{
    IsSynchronised, MAX_TOPIC, Retry, SyncPolicy, TelematicsOptions, UploadRate, VEHICLE, is_topic,
    is_vehicle_id,
};
pub use sink::{TelematicsSink, look_at_telematics};
pub use store::{
    Damage, Disk, DiskFile, Holding, MAX_PAYLOAD, Record, Recovery, Store, StoreError, StoreOptions,
    is_segment,
};
pub use tls::{TelematicsError, TlsFiles};
