//! [can]: the vehicle's bus. The messages, their default identifiers and what goes together are the
//! wire crate's own.

use std::time::Duration;

use publish::MAX_INTERFACE_NAME;
use wire::can::j1939::{DEFAULT_ADDRESS, Name, PROPRIETARY_B};
use wire::can::{CanId, Format, MESSAGE_COUNT, MESSAGES, Network, NetworkOptions, Profile};
use wire::{Gate, Policy, Reach};

use super::{Section, purpose};

/// The keys of a message's identifier and J1939 group, in the order of [`MESSAGES`].
const KEYS: [(&str, &str); MESSAGE_COUNT] = [
    ("id_state", "pgn_state"),
    ("id_detail", "pgn_detail"),
    ("id_head", "pgn_head"),
    ("id_status", "pgn_status"),
    ("id_version", "pgn_version"),
    ("id_probabilities", "pgn_probabilities"),
];

/// The CAN bus.
#[derive(Debug, Clone)]
pub struct Can {
    /// Whether it is used.
    pub enabled: bool,
    /// The interface.
    pub interface: String,
    /// The messages.
    pub network: Network,
    /// The J1939 name to claim an address with; none where the address is fixed.
    pub claim: Option<Name>,
    /// What goes out on it.
    pub gate: Gate,
}

impl Can {
    pub(super) fn read(keys: &mut Section<'_>, policy: Policy) -> Self {
        let enabled = keys.flag(
            "enabled",
            false,
            "Whether to send events on a CAN bus, and to listen for the vehicle's signals.",
        );
        let interface = keys.word(
            "interface",
            ("can0".to_owned(), "can0"),
            "an interface's name of at most 15 bytes; `cabinmood devices` lists those that are there",
            "The interface. Its bit rate is not set here: systemd/README.md says how. It may come later than the daemon, and go.",
            |name| is_interface_name(name).then(|| name.to_owned()),
        );
        let mut options = NetworkOptions::default();
        read_format(keys, &mut options);
        read_identifiers(keys, &mut options);
        let claim = read_j1939(keys, &mut options);
        read_times(keys, &mut options);
        let gate = purpose::gate(keys, policy, Reach::Vehicle, enabled);
        let network = Network::new(options.clone()).unwrap_or_else(|problems| {
            for problem in problems {
                let place = MESSAGES.iter().position(|message| message.key == problem.message.key);
                let (id, pgn) = KEYS[place.unwrap_or(0)];
                keys.refuse(if options.format == Format::J1939 { pgn } else { id }, &problem.why);
            }
            // Not used: a configuration with a problem is not run.
            Network::standard()
        });
        Self { enabled, interface, network, claim, gate }
    }
}

fn is_interface_name(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_graphic() && byte != b'/' && byte != b':';
    (1..=MAX_INTERFACE_NAME).contains(&name.len()) && name.bytes().all(is_fine) && name != "." && name != ".."
}

fn read_format(keys: &mut Section<'_>, options: &mut NetworkOptions) {
    options.format = keys.word(
        "format",
        (options.format, options.format.name()),
        "\"classic\", \"fd\" or \"j1939\"",
        "The kind of bus. classic: frames of 8 bytes. fd: the same, and the seven probabilities in one CAN FD frame. j1939: trucks.",
        |text| [Format::Classic, Format::Fd, Format::J1939].into_iter().find(|format| format.name() == text),
    );
    options.profile = keys.word(
        "e2e",
        (options.profile, options.profile.name()),
        "\"P11\" or \"P05\"",
        "AUTOSAR's end-to-end protection of every message: profile 11A or 05.",
        |text| [Profile::P11, Profile::P05].into_iter().find(|profile| profile.name() == text),
    );
    let data_id = keys.hexadecimal(
        "e2e_data_id",
        options.data_id.into(),
        0..=0xFFFF - MESSAGE_COUNT as u32,
        "The data id of the first message (state), which the checksum covers but no frame carries; the next messages have the next ids.",
    );
    options.data_id = data_id as u16;
}

fn read_identifiers(keys: &mut Section<'_>, options: &mut NetworkOptions) {
    options.extended = keys.flag(
        "extended_ids",
        options.extended,
        "Whether identifiers have 29 bits instead of 11; J1939's always have.",
    );
    for (place, message) in MESSAGES.iter().enumerate() {
        let id = &mut options.ids[place];
        *id = keys.hexadecimal(KEYS[place].0, *id, 0..=CanId::EXTENDED_MAX, message.doc);
    }
    for (place, message) in MESSAGES.iter().enumerate().filter(|(_, message)| !message.fd_only) {
        let pgn = &mut options.pgns[place];
        *pgn = keys.hexadecimal(KEYS[place].1, *pgn, PROPRIETARY_B, message.doc);
    }
}

fn read_j1939(keys: &mut Section<'_>, options: &mut NetworkOptions) -> Option<Name> {
    let address = keys.hexadecimal(
        "source_address",
        DEFAULT_ADDRESS.into(),
        0..=0xFD,
        "J1939: the address to send from, or the first one to claim.",
    );
    options.source_address = address as u8;
    let claims = keys.flag(
        "address_claim",
        true,
        "J1939: whether to claim the address and give it up to a device with a smaller name, as J1939-81 has it; otherwise it is used as it is.",
    );
    let manufacturer = keys.integer(
        "j1939_manufacturer",
        0_u16,
        0..=Name::MANUFACTURER_MAX,
        "(SAE's code)",
        "J1939: the manufacturer in the device's name. 0 is nobody's: set yours.",
    );
    let identity = keys.integer(
        "j1939_identity",
        1_u32,
        0..=Name::IDENTITY_MAX,
        "(a serial number)",
        "J1939: the identity number in the device's name; two daemons on one bus need different ones.",
    );
    claims.then(|| Name::new(manufacturer, identity))
}

fn read_times(keys: &mut Section<'_>, options: &mut NetworkOptions) {
    let period_ms = keys.integer(
        "period_ms",
        options.period.as_millis() as u64,
        10..=1000,
        "milliseconds",
        "The period of cyclic messages; status and version are sent once a second.",
    );
    let inhibit_ms = keys.integer(
        "inhibit_ms",
        options.inhibit.as_millis() as u64,
        1..=1000,
        "milliseconds",
        "The least time between two frames of one message. A change of state is sent at once, but not sooner after the last frame.",
    );
    if inhibit_ms > period_ms {
        keys.refuse("inhibit_ms", "must be at most can.period_ms");
    }
    options.period = Duration::from_millis(period_ms);
    options.inhibit = Duration::from_millis(inhibit_ms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_has_its_keys() {
        for (message, (id, pgn)) in MESSAGES.iter().zip(KEYS) {
            assert_eq!((id, pgn), (&*format!("id_{}", message.key), &*format!("pgn_{}", message.key)));
        }
    }

    #[test]
    fn names_are_those_that_an_interface_can_have() {
        for (name, fits) in [
            ("can0", true),
            ("vcan-1.2", true),
            ("", false),
            ("a/b", false),
            ("..", false),
            ("abcdefghijklmnop", false),
        ] {
            assert_eq!(is_interface_name(name), fits, "{name}");
        }
    }
}
