//! [metrics]: figures for Prometheus.

use std::path::PathBuf;

use publish::{MetricsPlace, SocketOptions};

use super::Section;

/// Where the socket is unless the operator says otherwise.
const PATH: &str = "/run/cabinmood/metrics.sock";

/// Where the metrics are served; `None` where they are switched off. They tell health and nothing
/// else, so that there is no `carries` here.
pub(super) fn read(keys: &mut Section<'_>) -> Option<MetricsPlace> {
    let enabled = keys.flag(
        "enabled",
        false,
        "Whether to serve metrics for Prometheus (docs/metrics.md lists them), over HTTP at /metrics. They tell how the daemon is, never an expression.",
    );
    let port = keys.integer(
        "port",
        0_u16,
        0..=u16::MAX,
        "",
        "The port of 127.0.0.1 to serve them on, which every process on this computer may read; no other address is possible. 0: the socket at path instead.",
    );
    let path = keys.word(
        "path",
        (PathBuf::from(PATH), PATH),
        "a path of at most 107 bytes, in a folder that exists",
        "The Unix socket to serve them on, while port is 0: curl --unix-socket PATH http://localhost/metrics.",
        |text| (!text.is_empty()).then(|| text.into()),
    );
    let group = keys.text(
        "group",
        "",
        "a group's name, or nothing",
        "The group that may connect to the socket; nothing leaves the daemon's own.",
    );
    let mode = keys.word(
        "mode",
        (SocketOptions::DEFAULT_MODE, "660"),
        "octal permissions from \"0\" to \"777\"",
        "Permissions of the socket.",
        |text| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777),
    );
    let group = (!group.is_empty()).then_some(group);
    let place = if port == 0 { MetricsPlace::Socket { path, group, mode } } else { MetricsPlace::Port(port) };
    enabled.then_some(place)
}
