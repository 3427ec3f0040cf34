//! A vehicle's choice: format, identifiers, protection, times.

use std::time::Duration;

use super::e2e::{Checker, Profile, Protector};
use super::frame::CanId;
use super::j1939;
use super::layout::{Cycle, MESSAGE_COUNT, MESSAGES, Message, SLOW_MS};

/// The kind of bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Frames of up to 8 bytes.
    #[default]
    Classic,
    /// The same, and the probabilities in one CAN FD frame.
    Fd,
    /// J1939 on frames of 8 bytes: 29-bit identifiers with priority, group and source address.
    J1939,
}

impl Format {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Fd => "fd",
            Self::J1939 => "j1939",
        }
    }
}

/// What a vehicle's engineers decide about the messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkOptions {
    /// The kind of bus.
    pub format: Format,
    /// Whether identifiers have 29 bits where the format leaves that open.
    pub extended: bool,
    /// The identifiers, in the order of [`MESSAGES`]; for other formats than J1939.
    pub ids: [u32; MESSAGE_COUNT],
    /// The parameter groups, in the same order; for J1939.
    pub pgns: [u32; MESSAGE_COUNT],
    /// The source address; for J1939.
    pub source_address: u8,
    /// The end-to-end protection.
    pub profile: Profile,
    /// The data id of the first message; the next ones count up.
    pub data_id: u16,
    /// The period of cyclic messages.
    pub period: Duration,
    /// The least time between two frames of one message.
    pub inhibit: Duration,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            format: Format::Classic,
            extended: false,
            ids: MESSAGES.map(|message| message.default_id.into()),
            pgns: MESSAGES.map(|message| message.default_pgn.into()),
            source_address: j1939::DEFAULT_ADDRESS,
            profile: Profile::P11,
            data_id: 0x0CB0,
            period: Duration::from_millis(100),
            inhibit: Duration::from_millis(20),
        }
    }
}

/// Something that is wrong with [`NetworkOptions`].
#[derive(Debug, Clone)]
pub struct NetworkProblem {
    /// The message whose identifier it is.
    pub message: &'static Message,
    /// What is wrong, and what to do.
    pub why: String,
}

/// Options that go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    options: NetworkOptions,
}

impl Network {
    /// Checks the identifiers of all messages that the format has.
    ///
    /// # Errors
    /// Every identifier that is too large or outside its range, or another message's too.
    pub fn new(options: NetworkOptions) -> Result<Self, Vec<NetworkProblem>> {
        let network = Self { options };
        let mut problems = Vec::new();
        for (place, message) in network.places() {
            if let Err(why) = network.check(place) {
                problems.push(NetworkProblem { message, why });
            }
            let number = network.number(place);
            if let Some((_, other)) =
                network.places().find(|(p, _)| *p < place && network.number(*p) == number)
            {
                let why =
                    format!("0x{number:X} is the {} message's already; each needs one of its own", other.key);
                problems.push(NetworkProblem { message, why });
            }
        }
        if problems.is_empty() { Ok(network) } else { Err(problems) }
    }

    /// The defaults, which go together (a test says so).
    #[must_use]
    pub fn standard() -> Self {
        Self { options: NetworkOptions::default() }
    }

    fn check(&self, place: usize) -> Result<(), String> {
        let number = self.number(place);
        match (self.options.format, self.options.extended) {
            (Format::J1939, _) if !j1939::PROPRIETARY_B.contains(&number) => {
                Err(format!("0x{number:X} is no proprietary B group, which are 0xFF00 to 0xFFFF"))
            }
            (Format::Classic | Format::Fd, extended) if CanId::new(number, extended).is_none() => {
                Err(format!(
                    "0x{number:X} has more than {} bits{}",
                    if extended { 29 } else { 11 },
                    if extended { "" } else { "; at most 0x7FF, or set can.extended_ids = true" },
                ))
            }
            _ => Ok(()),
        }
    }

    /// The identifier or group as it was configured.
    fn number(&self, place: usize) -> u32 {
        let numbers =
            if self.options.format == Format::J1939 { &self.options.pgns } else { &self.options.ids };
        numbers[place]
    }

    fn places(&self) -> impl Iterator<Item = (usize, &'static Message)> + use<> {
        let fd = self.options.format == Format::Fd;
        MESSAGES.iter().enumerate().filter(move |(_, message)| fd || !message.fd_only)
    }

    /// The options.
    #[must_use]
    pub const fn options(&self) -> &NetworkOptions {
        &self.options
    }

    /// The messages that go out in this format, the most important first, each with what is needed
    /// to send it.
    #[must_use]
    pub fn messages(&self) -> Vec<Outgoing> {
        let outgoing = |(place, message): (usize, &'static Message)| Outgoing {
            message,
            id: self.id(place, self.options.source_address),
            data_id: self.options.data_id.wrapping_add(place as u16),
            profile: self.options.profile,
            period: match message.cycle {
                Cycle::Configured => self.options.period,
                Cycle::Slow => self.options.period.max(Duration::from_millis(SLOW_MS)),
            },
            fd: message.fd_only,
            place,
        };
        self.places().map(outgoing).collect()
    }

    /// A message's identifier when sent from this address (which matters only to J1939).
    fn id(&self, place: usize, address: u8) -> CanId {
        let number = self.number(place);
        match (self.options.format, self.options.extended) {
            (Format::J1939, _) => j1939::broadcast(j1939::PRIORITY, number, address),
            // The numbers were checked: nothing is cut off.
            (_, true) => CanId::Extended(number),
            (_, false) => CanId::Standard(number as u16),
        }
    }

    /// The identifier that a message has when it is sent from another address than the configured.
    #[must_use]
    pub fn id_from(&self, outgoing: &Outgoing, address: u8) -> CanId {
        self.id(outgoing.place, address)
    }

    /// The message that a frame with this identifier bears. J1939 frames are known by their group,
    /// whatever their address and priority.
    #[must_use]
    pub fn find<'a>(&self, outgoing: &'a [Outgoing], id: CanId) -> Option<&'a Outgoing> {
        outgoing.iter().find(|one| match self.options.format {
            Format::J1939 => {
                id.is_extended() && j1939::group_of(id.number()) == j1939::group_of(one.id.number())
            }
            Format::Classic | Format::Fd => one.id == id,
        })
    }
}

/// A message as a network sends it.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing {
    /// Its definition.
    pub message: &'static Message,
    /// Its identifier.
    pub id: CanId,
    /// Its end-to-end data id.
    pub data_id: u16,
    /// Its end-to-end protection.
    pub profile: Profile,
    /// Its period.
    pub period: Duration,
    /// Whether it goes out as an FD frame.
    pub fd: bool,
    place: usize,
}

impl Outgoing {
    /// The sender's side of its protection.
    #[must_use]
    pub const fn protector(&self) -> Protector {
        Protector::new(self.profile, self.data_id)
    }

    /// The receiver's side of its protection.
    #[must_use]
    pub const fn checker(&self) -> Checker {
        Checker::new(self.profile, self.data_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut NetworkOptions)) -> Vec<(&'static str, String)> {
        let mut options = NetworkOptions::default();
        change(&mut options);
        Network::new(options).unwrap_err().into_iter().map(|p| (p.message.key, p.why)).collect()
    }

    #[test]
    fn the_defaults_go_together_in_every_format() {
        assert_eq!(Network::new(NetworkOptions::default()).unwrap(), Network::standard());
        for format in [Format::Classic, Format::Fd, Format::J1939] {
            let network = Network::new(NetworkOptions { format, ..NetworkOptions::default() }).unwrap();
            let messages = network.messages();
            assert_eq!(messages.len(), if format == Format::Fd { 6 } else { 5 });
            for one in &messages {
                assert_eq!(network.find(&messages, one.id).unwrap().message.key, one.message.key);
            }
        }
    }

    #[test]
    fn identifiers_that_are_too_large_or_taken_are_refused() {
        let problems = refused(|o| o.ids[1] = 0x800);
        assert!(
            matches!(&problems[..], [("detail", why)] if why.contains("0x800") && why.contains("11 bits"))
        );
        let problems = refused(|o| o.ids[2] = o.ids[0]);
        assert!(matches!(&problems[..], [("head", why)] if why.contains("0x510") && why.contains("state")));
        let problems = refused(|o| (o.format, o.pgns[0]) = (Format::J1939, 0xFEF1));
        assert!(matches!(&problems[..], [("state", why)] if why.contains("0xFEF1")));
        let problems = refused(|o| (o.extended, o.ids[0]) = (true, 0x2000_0000));
        assert!(matches!(&problems[..], [("state", why)] if why.contains("29 bits")));
    }

    #[test]
    fn j1939_frames_are_known_by_their_group() {
        let options = NetworkOptions { format: Format::J1939, ..NetworkOptions::default() };
        let network = Network::new(options).unwrap();
        let messages = network.messages();
        assert_eq!(messages[0].id, CanId::Extended(0x18FF_5080));
        assert_eq!(network.id_from(&messages[0], 0x91), CanId::Extended(0x18FF_5091));
        assert!(network.find(&messages, CanId::Extended(0x0CFF_5012)).is_some());
        assert!(network.find(&messages, CanId::Standard(0x510)).is_none());
    }
}
