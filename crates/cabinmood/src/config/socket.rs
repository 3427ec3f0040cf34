//! [socket]: events for programs on this computer.

use std::path::PathBuf;

use publish::SocketOptions;

use wire::{Gate, Policy, Reach};

use super::{Section, purpose};

/// Where the socket is unless the operator says otherwise.
const PATH: &str = "/run/cabinmood/mood.sock";

/// The Unix socket that events go out on.
#[derive(Debug, Clone)]
pub struct Socket {
    /// Where it is and who may connect.
    pub options: SocketOptions,
    /// What goes out on it.
    pub gate: Gate,
}

impl Socket {
    /// `None` where it is switched off.
    pub(super) fn read(keys: &mut Section<'_>, policy: Policy) -> Option<Self> {
        let enabled = keys.flag("enabled", true, "Whether to publish events on a Unix socket.");
        let path = keys.word(
            "path",
            (PathBuf::from(PATH), PATH),
            "a path of at most 107 bytes, in a folder that exists",
            "The socket. Under systemd its folder is made by RuntimeDirectory=.",
            // Whether the rest is true, binding it tells, with what is wrong.
            |text| (!text.is_empty()).then(|| text.into()),
        );
        let group = keys.text(
            "group",
            "",
            "a group's name, or nothing",
            "The group that may connect; nothing leaves the daemon's own.",
        );
        let mode = keys.word(
            "mode",
            (SocketOptions::DEFAULT_MODE, "660"),
            "octal permissions from \"0\" to \"777\"",
            "Permissions of the socket; who may write may connect. Expressions are not for every process on the computer.",
            |text| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777),
        );
        let max_subscribers = keys.integer(
            "max_subscribers",
            SocketOptions::DEFAULT_MAX_SUBSCRIBERS as u16,
            1..=1024,
            "subscribers",
            "Further ones are refused; a leak in one program shall not take all file descriptors.",
        );
        let gate = purpose::gate(keys, policy, Reach::Vehicle, enabled);
        enabled.then(|| Self {
            options: SocketOptions {
                path,
                group: (!group.is_empty()).then_some(group),
                mode,
                max_subscribers: max_subscribers.into(),
            },
            gate,
        })
    }
}
