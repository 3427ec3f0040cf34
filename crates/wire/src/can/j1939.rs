//! What J1939 adds: identifiers made of priority, group and address, and the claim of an address.

use std::ops::RangeInclusive;
use std::time::Duration;

use types::MonoTime;

use super::frame::{CanId, Frame};

/// The groups that manufacturers may use as they like, sent to everybody.
pub const PROPRIETARY_B: RangeInclusive<u32> = 0xFF00..=0xFFFF;
/// The priority of what is neither control nor diagnosis.
pub const PRIORITY: u8 = 6;
/// From here on addresses are free to be claimed by devices that can change theirs.
pub const DEFAULT_ADDRESS: u8 = 0x80;
/// The last such address.
pub const LAST_ADDRESS: u8 = 247;
/// The sender of a device that has no address.
const NO_ADDRESS: u8 = 254;
/// Everybody.
const GLOBAL: u8 = 255;
/// The group of a request.
const REQUEST: u32 = 0xEA00;
/// The group of an address claim.
const ADDRESS_CLAIMED: u32 = 0xEE00;
/// J1939-81: a device waits this long for another's objection before it uses an address.
const CLAIM_WAIT: Duration = Duration::from_millis(250);

/// The identifier of a message to everybody.
#[must_use]
pub const fn broadcast(priority: u8, pgn: u32, address: u8) -> CanId {
    CanId::Extended((priority as u32 & 7) << 26 | (pgn & 0x3_FFFF) << 8 | address as u32)
}

/// The group of an identifier. Groups below 0xF000 are sent to one device, whose address is then in
/// the identifier and no part of the group.
#[must_use]
pub const fn group_of(id: u32) -> u32 {
    let group = id >> 8 & 0x3_FFFF;
    if group >> 8 & 0xFF < 0xF0 { group & 0x3_FF00 } else { group }
}

/// The bits of an identifier that tell its group, for a filter.
#[must_use]
pub const fn group_mask(id: u32) -> u32 {
    if id >> 16 & 0xFF < 0xF0 { 0x03FF_0000 } else { 0x03FF_FF00 }
}

const fn address_of(id: u32) -> u8 {
    (id & 0xFF) as u8
}

/// A device's name, which is unique on a bus and decides whose an address is: the smaller wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(u64);

impl Name {
    /// The largest identity number: 21 bits.
    pub const IDENTITY_MAX: u32 = 0x1F_FFFF;
    /// The largest manufacturer code: 11 bits.
    pub const MANUFACTURER_MAX: u16 = 0x7FF;

    /// The name of a device of no particular industry and function that can change its address.
    /// Numbers that are too large are cut.
    #[must_use]
    pub const fn new(manufacturer: u16, identity: u32) -> Self {
        const ARBITRARY_ADDRESS: u64 = 1 << 63;
        /// "Not available", for a function that J1939's list does not have.
        const FUNCTION: u64 = 0xFF << 40;
        let manufacturer = (manufacturer & Self::MANUFACTURER_MAX) as u64;
        let identity = (identity & Self::IDENTITY_MAX) as u64;
        Self(ARBITRARY_ADDRESS | FUNCTION | manufacturer << 21 | identity)
    }
}

/// Claims an address and defends it. Pure: frames and times come in, frames go out.
#[derive(Debug, Clone)]
pub struct AddressClaim {
    name: Name,
    address: Option<u8>,
    since: MonoTime,
    /// Addresses that others with a smaller name were heard to have.
    taken: [bool; 256],
}

impl AddressClaim {
    /// A claim of this address; the frame is to be sent.
    #[must_use]
    pub fn new(name: Name, preferred: u8, now: MonoTime) -> (Self, Option<Frame>) {
        let claim = Self { name, address: Some(preferred), since: now, taken: [false; 256] };
        let frame = claim.frame();
        (claim, frame)
    }

    /// The address to send from; `None` while the claim is young, and where all were lost.
    #[must_use]
    pub fn address(&self, now: MonoTime) -> Option<u8> {
        self.address.filter(|_| now.since(self.since) >= CLAIM_WAIT)
    }

    /// Whether no address was left.
    #[must_use]
    pub const fn is_lost(&self) -> bool {
        self.address.is_none()
    }

    /// When [`Self::address`] may next change by itself.
    #[must_use]
    pub fn settles_at(&self) -> MonoTime {
        self.since + CLAIM_WAIT
    }

    /// Takes in a frame; the answer is to be sent.
    pub fn receive(&mut self, frame: &Frame, now: MonoTime) -> Option<Frame> {
        let CanId::Extended(id) = frame.id else { return None };
        match group_of(id) {
            REQUEST => self.requested(id, frame.data()),
            ADDRESS_CLAIMED => self.claimed(address_of(id), frame.data(), now),
            _ => None,
        }
    }

    fn requested(&self, id: u32, data: &[u8]) -> Option<Frame> {
        let to = (id >> 8 & 0xFF) as u8;
        let asks = data.get(..3)? == &ADDRESS_CLAIMED.to_le_bytes()[..3];
        let is_ours = to == GLOBAL || Some(to) == self.address;
        (asks && is_ours).then(|| self.frame()).flatten()
    }

    fn claimed(&mut self, address: u8, data: &[u8], now: MonoTime) -> Option<Frame> {
        let other = Name(u64::from_le_bytes(data.try_into().ok()?));
        if other >= self.name {
            return (self.address == Some(address)).then(|| self.frame()).flatten();
        }
        self.taken[usize::from(address)] = true;
        if self.address != Some(address) {
            return None;
        }
        self.address = (DEFAULT_ADDRESS..=LAST_ADDRESS).find(|free| !self.taken[usize::from(*free)]);
        self.since = now;
        self.frame()
    }

    /// The claim; from nobody's address where all are lost.
    fn frame(&self) -> Option<Frame> {
        let from = self.address.unwrap_or(NO_ADDRESS);
        let id = broadcast(PRIORITY, ADDRESS_CLAIMED | u32::from(GLOBAL), from);
        Frame::new(id, false, &self.name.0.to_le_bytes())
    }
}

/// The identifiers that a claim must hear, each with its mask.
pub const CLAIM_FILTERS: [(u32, u32); 2] =
    [(REQUEST << 8, group_mask(REQUEST << 8)), (ADDRESS_CLAIMED << 8, group_mask(ADDRESS_CLAIMED << 8))];

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    fn claim_of(name: Name, address: u8) -> Frame {
        AddressClaim::new(name, address, ms(0)).1.unwrap()
    }

    const US: Name = Name::new(100, 5);

    #[test]
    fn identifiers_are_put_together_and_taken_apart() {
        assert_eq!(broadcast(6, 0xFF50, 0x80), CanId::Extended(0x18FF_5080));
        assert_eq!(group_of(0x18FF_5080), 0xFF50);
        assert_eq!(group_of(0x18EA_FF21), 0xEA00, "the address of a destination is no part of the group");
        assert_eq!(0x18EA_FF21 & CLAIM_FILTERS[0].1, CLAIM_FILTERS[0].0);
    }

    #[test]
    fn an_address_is_used_a_quarter_of_a_second_after_its_claim() {
        let (claim, frame) = AddressClaim::new(US, 0x80, ms(1000));
        assert_eq!(frame.unwrap().to_string(), "18EEFF80#0500800C00FF0080");
        assert_eq!(claim.address(ms(1249)), None);
        assert_eq!(claim.address(ms(1250)), Some(0x80));
    }

    #[test]
    fn a_smaller_name_takes_the_address_and_a_larger_one_is_told_off() {
        let (mut claim, _) = AddressClaim::new(US, 0x80, ms(0));
        let defence = claim.receive(&claim_of(Name::new(101, 5), 0x80), ms(300)).unwrap();
        assert_eq!(defence, claim_of(US, 0x80));
        assert_eq!(claim.address(ms(300)), Some(0x80));

        let next = claim.receive(&claim_of(Name::new(99, 5), 0x80), ms(400)).unwrap();
        assert_eq!(next, claim_of(US, 0x81));
        assert_eq!((claim.address(ms(400)), claim.address(ms(650))), (None, Some(0x81)));
        assert_eq!(claim.receive(&claim_of(Name::new(1, 5), 0x99), ms(700)), None, "not our address");
    }

    #[test]
    fn a_request_is_answered() {
        let (mut claim, frame) = AddressClaim::new(US, 0x80, ms(0));
        for (id, answered) in [(0x18EA_FF21, true), (0x18EA_8021, true), (0x18EA_8121, false)] {
            let request = Frame::new(CanId::Extended(id), false, &[0, 0xEE, 0]).unwrap();
            assert_eq!(claim.receive(&request, ms(9)), frame.filter(|_| answered), "{id:08X}");
        }
        let other = Frame::new(CanId::Extended(0x18EA_FF21), false, &[0, 0xEB, 0]).unwrap();
        assert_eq!(claim.receive(&other, ms(9)), None);
    }

    #[test]
    fn where_all_addresses_are_lost_that_is_said_once_and_nothing_is_sent() {
        let (mut claim, _) = AddressClaim::new(US, 0x80, ms(0));
        let mut last = None;
        for address in DEFAULT_ADDRESS..=LAST_ADDRESS {
            last = claim.receive(&claim_of(Name::new(1, u32::from(address)), address), ms(1));
        }
        assert!(claim.is_lost());
        assert_eq!(claim.address(ms(1000)), None);
        assert!(last.unwrap().to_string().starts_with("18EEFFFE#"));
    }
}
