//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::format::{MAX_PAYLOAD, VERSION};

/// Why the store cannot do what it was asked to. Each message names the folder or file.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has the store open.
    #[error("telematics.store {folder}: another process uses it; stop it or choose another folder")]
    InUse {
        /// The store's folder.
        folder: PathBuf,
    },
    /// A newer version of this program wrote it. It is left as it is.
    #[error(
        "telematics.store {file}: has format {version}, this version reads up to {VERSION}; update Cabinmood, \
         or choose another folder (`cabinmood purge` would delete what was not delivered)"
    )]
    Newer {
        /// The segment.
        file: PathBuf,
        /// Its format.
        version: u32,
    },
    /// A payload that no entry can hold.
    #[error("an episode of {bytes} bytes is longer than the {MAX_PAYLOAD} that the store takes")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The disk did not do something: it is full, read-only, or failing. Nothing that was stored is
    /// lost; what was not waits in memory.
    #[error("telematics.store {folder}: cannot {action}: {source}")]
    Disk {
        /// The store's folder.
        folder: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
}
