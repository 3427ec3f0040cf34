//! [kuksa]: a VSS databroker.

use std::path::PathBuf;
use std::time::Duration;

use publish::kuksa::{KuksaAddress, KuksaOptions};
use wire::{Gate, Policy, Reach};

use super::{Section, purpose};

const ADDRESS: &str = "http://127.0.0.1:55555";

/// A VSS databroker.
#[derive(Debug, Clone)]
pub struct Kuksa {
    /// Where it is and how it is spoken with.
    pub options: KuksaOptions,
    /// What it is told.
    pub gate: Gate,
}

impl Kuksa {
    /// `None` where it is switched off.
    pub(super) fn read(keys: &mut Section<'_>, policy: Policy) -> Option<Self> {
        let enabled = keys.flag(
            "enabled",
            false,
            "Whether to tell an Eclipse Kuksa databroker (kuksa.val.v2) the signals of the VSS overlay. docs/kuksa.md says what it needs.",
        );
        let address = keys.word(
            "address",
            (ADDRESS.parse::<KuksaAddress>().ok(), ADDRESS),
            "http://ADDRESS:PORT with a loopback address as 127.0.0.1 is, https://NAME:PORT, or unix:/PATH",
            "Where the broker is. It is told of the driver's attention only on a loopback address or a Unix socket, since anywhere else may be outside of the vehicle; \"localhost\" is a name as any other is.",
            |text| text.parse().ok().map(Some),
        );
        let mut file = |name, why| {
            let read = |text: &str| Some((!text.is_empty()).then(|| PathBuf::from(text)));
            keys.word(name, (None, ""), "the path of a file, or nothing", why, read)
        };
        let ca = file(
            "ca",
            "The authorities that may have signed the broker's certificate, as a PEM file; needed for https. The system's own are not asked.",
        );
        let token = file(
            "token",
            "A file with the token (JWT) that the broker wants, if it wants one; read anew for each connection.",
        );
        let period_ms = keys.integer(
            "period_ms",
            100_u64,
            10..=1000,
            "milliseconds",
            "How often all values are sent. Where a word among them changes, the state say, they are sent at once.",
        );
        let reach = address.as_ref().map_or(Reach::Beyond, KuksaAddress::reach);
        let gate = purpose::gate(keys, policy, reach, enabled);
        let needs_ca = address.as_ref().is_some_and(KuksaAddress::is_tls) && ca.is_none();
        if enabled && needs_ca {
            keys.refuse("ca", "must be set where kuksa.address is https");
        }
        let options = KuksaOptions {
            address: address.filter(|_| enabled)?,
            ca,
            token,
            period: Duration::from_millis(period_ms),
            retry: KuksaOptions::RETRY,
        };
        Some(Self { options, gate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_an_address_within_the_vehicle() {
        assert_eq!(ADDRESS.parse::<KuksaAddress>().unwrap().reach(), Reach::Vehicle);
    }
}
