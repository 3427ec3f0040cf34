//! What can go wrong before anything is published.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::kuksa::KuksaError;
use crate::socket::MAX_PATH_BYTES;
use crate::telematics::TelematicsError;

/// Why publishing cannot start. Each message names the key or path and what to do.
#[derive(Debug, Error)]
pub enum PublishError {
    /// The folder that the socket shall be made in is missing. It is not created: under systemd
    /// `RuntimeDirectory=` makes it, with the right owner.
    #[error("{section}.path {path}: its folder does not exist; create it or choose another path")]
    NoFolder {
        /// The section of the configuration that the path is from.
        section: &'static str,
        /// The socket's path.
        path: PathBuf,
    },
    /// A process listens at the path already.
    #[error("{section}.path {path}: another daemon is running there; stop it or choose another path")]
    InUse {
        /// The section of the configuration that the path is from.
        section: &'static str,
        /// The socket's path.
        path: PathBuf,
    },
    /// Something that is no socket is at the path. It is left as it is.
    #[error("{section}.path {path}: exists and is not a socket; move it away or choose another path")]
    NotASocket {
        /// The section of the configuration that the path is from.
        section: &'static str,
        /// The socket's path.
        path: PathBuf,
    },
    /// The path does not fit into a socket address.
    #[error("{section}.path {path}: longer than the {MAX_PATH_BYTES} bytes that a socket's path may have")]
    PathTooLong {
        /// The section of the configuration that the path is from.
        section: &'static str,
        /// The socket's path.
        path: PathBuf,
    },
    /// The socket's group does not exist on this system.
    #[error(
        "{section}.group {group:?}: no such group; create it (groupadd --system {group}) or name another"
    )]
    NoSuchGroup {
        /// The section of the configuration that the group is from.
        section: &'static str,
        /// The group's name.
        group: String,
    },
    /// The socket's mode has other bits than the nine permissions.
    #[error("{section}.mode {mode:o}: only permissions are allowed, 0 to 777 (octal), as in 660")]
    BadMode {
        /// The section of the configuration that the mode is from.
        section: &'static str,
        /// The mode.
        mode: u32,
    },
    /// The system refused a step of making the socket.
    #[error("{section}.path {path}: cannot {action}: {source}")]
    Socket {
        /// The section of the configuration that the path is from.
        section: &'static str,
        /// The socket's path.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The metrics' port cannot be had.
    #[error("metrics.port {port}: {source}; choose another port, or 0 for the socket at metrics.path")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The kernel has no CAN.
    #[error(
        "can.interface {interface}: this kernel has no CAN ({source}); load the modules can and can_raw, or \
         set can.enabled = false"
    )]
    NoCan {
        /// The interface that was asked for.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// The interface is not one of CAN.
    #[error("can.interface {interface}: is no CAN interface; `cabinmood devices` lists those")]
    NotCan {
        /// The interface.
        interface: String,
    },
    /// The interface is not there.
    #[error("can.interface {interface}: is missing; `cabinmood devices` lists those that are there")]
    NoInterface {
        /// The interface.
        interface: String,
    },
    /// The interface cannot be used now.
    #[error("can.interface {interface}: {source}; `ip link set {interface} up` brings it up")]
    Can {
        /// The interface.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// Certificates or key of telematics are wrong.
    #[error(transparent)]
    Telematics(#[from] TelematicsError),
    /// Certificates or token for the databroker are wrong.
    #[error(transparent)]
    Kuksa(#[from] KuksaError),
    /// The publisher's own runtime cannot be made.
    #[error("cannot start the publisher: {0}")]
    Runtime(#[source] io::Error),
}

/// A fault and its causes, those aside that a message before them has told already.
pub(crate) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut cause = fault.source();
    while let Some(next) = cause {
        let told = next.to_string();
        if !text.contains(&told) {
            text += &format!(": {told}");
        }
        cause = next.source();
    }
    text
}
