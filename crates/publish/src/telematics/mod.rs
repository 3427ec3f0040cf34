//! Telematics: mood episodes to a fleet's back end, through a store on disk.

mod store;

pub use store::{
    Damage, Disk, DiskFile, Holding, MAX_PAYLOAD, Purged, Record, Recovery, Store, StoreError, StoreOptions,
    purge_store,
};
