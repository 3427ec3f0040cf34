//! Where a databroker is, and what that means for what it may be told.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use thiserror::Error;
use tonic::transport::Uri;
use wire::Reach;

use crate::socket::MAX_PATH_BYTES;

/// Where the databroker is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KuksaAddress {
    text: String,
    reach: Reach,
    is_tls: bool,
}

/// A text that is no address of a databroker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no address of a databroker")]
pub struct BadAddress;

impl KuksaAddress {
    /// How far values go there: a Unix socket and a loopback address are in this computer. A name is
    /// not taken for one, since it may be resolved to anything.
    #[must_use]
    pub const fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// As tonic reads it.
    pub(super) fn uri(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for KuksaAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for KuksaAddress {
    type Err = BadAddress;

    /// Without TLS only within this computer: a token and what a face shows pass no network readable.
    fn from_str(text: &str) -> Result<Self, BadAddress> {
        if let Some(path) = text.strip_prefix("unix:") {
            let fits = path.starts_with('/') && !path.starts_with("//") && path.len() <= MAX_PATH_BYTES;
            return fits
                .then(|| Self { text: text.to_owned(), reach: Reach::Vehicle, is_tls: false })
                .ok_or(BadAddress);
        }
        let uri: Uri = text.parse().map_err(|_| BadAddress)?;
        let host = uri.host().ok_or(BadAddress)?;
        let is_whole = uri.port_u16().is_some_and(|port| port > 0);
        let has_more = uri.path_and_query().is_some_and(|rest| rest.as_str() != "/");
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let reach = if ip.is_ok_and(|ip| ip.is_loopback()) { Reach::Vehicle } else { Reach::Beyond };
        let is_tls = match (uri.scheme_str(), reach) {
            (Some("https"), _) => true,
            (Some("http"), Reach::Vehicle) => false,
            _ => return Err(BadAddress),
        };
        let is_good = is_whole && !has_more && !has_user;
        is_good.then(|| Self { text: text.to_owned(), reach, is_tls }).ok_or(BadAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_computer_is_within_the_vehicle() {
        for (text, reach, is_tls) in [
            ("http://127.0.0.1:55555", Reach::Vehicle, false),
            ("http://[::1]:55555", Reach::Vehicle, false),
            ("http://127.8.9.1:1", Reach::Vehicle, false),
            ("https://127.0.0.1:55555", Reach::Vehicle, true),
            ("unix:/run/kuksa/broker.sock", Reach::Vehicle, false),
            ("https://localhost:55555", Reach::Beyond, true),
            ("https://broker.example:55556", Reach::Beyond, true),
            ("https://192.168.0.7:55555", Reach::Beyond, true),
        ] {
            let address: KuksaAddress = text.parse().unwrap();
            assert_eq!((address.reach(), address.is_tls()), (reach, is_tls), "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn what_is_none_or_goes_readable_over_a_network_is_refused() {
        for text in [
            "",
            "127.0.0.1:55555",
            "http://localhost:55555",
            "http://192.168.0.7:55555",
            "http://127.0.0.1",
            "http://127.0.0.1:0",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:55555/val",
            "https://user:word@broker.example:55555",
            "ftp://127.0.0.1:21",
            "unix:broker.sock",
            "unix://broker.sock",
            "unix:",
        ] {
            assert_eq!(text.parse::<KuksaAddress>(), Err(BadAddress), "{text}");
        }
        assert!(format!("unix:/{}", "a".repeat(MAX_PATH_BYTES)).parse::<KuksaAddress>().is_err());
    }
}
