//! AUTOSAR end-to-end protection, profiles 11 (data id mode "both", called 11A) and 05: a checksum
//! over data and a data id that is not sent, and a counter. It tells a receiver that a frame was
//! damaged, repeated, lost or is another one's.

/// As many bytes as the largest header has. Every message keeps them free whatever the profile, so
/// that its signals lie at the same place in both.
pub const HEADER_BYTES: usize = 3;

/// Which protection a frame bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// 8-bit checksum in byte 0, 4-bit counter (0 to 14) in the low half of byte 1.
    #[default]
    P11,
    /// 16-bit checksum in bytes 0 and 1, low byte first, 8-bit counter in byte 2.
    P05,
}

impl Profile {
    /// The word in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P11 => "P11",
            Self::P05 => "P05",
        }
    }

    /// How many values the counter takes before it starts again at 0.
    #[must_use]
    pub const fn counter_values(self) -> u16 {
        match self {
            // 15 means "invalid" to AUTOSAR and is never sent.
            Self::P11 => 15,
            Self::P05 => 256,
        }
    }

    /// Writes counter and checksum into a frame of at least [`HEADER_BYTES`] bytes; a shorter one
    /// is left as it is.
    pub fn protect(self, data_id: u16, counter: u8, data: &mut [u8]) {
        if data.len() < HEADER_BYTES {
            return;
        }
        match self {
            Self::P11 => {
                data[1] = (data[1] & 0xF0) | (counter & 0x0F);
                data[0] = p11_crc(data_id, data);
            }
            Self::P05 => {
                data[2] = counter;
                let crc = p05_crc(data_id, data);
                data[..2].copy_from_slice(&crc.to_le_bytes());
            }
        }
    }

    /// The counter of an intact frame; `None` where the checksum or the counter is wrong, or the
    /// frame too short.
    #[must_use]
    pub fn verify(self, data_id: u16, data: &[u8]) -> Option<u8> {
        if data.len() < HEADER_BYTES {
            return None;
        }
        match self {
            Self::P11 => {
                let counter = data[1] & 0x0F;
                (counter != 0x0F && data[0] == p11_crc(data_id, data)).then_some(counter)
            }
            Self::P05 => {
                let found = u16::from_le_bytes([data[0], data[1]]);
                (found == p05_crc(data_id, data)).then_some(data[2])
            }
        }
    }
}

fn p11_crc(data_id: u16, data: &[u8]) -> u8 {
    // AUTOSAR calls its CRC library with a start value that cancels that library's own inversion:
    // in plain words the register starts at 0 and is not inverted at the end.
    let [low, high] = data_id.to_le_bytes();
    [low, high].iter().chain(&data[1..]).fold(0, |crc, byte| crc8(crc ^ byte))
}

fn p05_crc(data_id: u16, data: &[u8]) -> u16 {
    let [low, high] = data_id.to_le_bytes();
    data[2..].iter().chain(&[low, high]).fold(0xFFFF, |crc, byte| crc16(crc ^ (u16::from(*byte) << 8)))
}

/// Eight steps of the polynomial x^8 + x^4 + x^3 + x^2 + 1 (SAE J1850).
const fn crc8(mut register: u8) -> u8 {
    let mut step = 0;
    while step < 8 {
        register = (register << 1) ^ if register & 0x80 == 0 { 0 } else { 0x1D };
        step += 1;
    }
    register
}

/// Eight steps of the polynomial x^16 + x^12 + x^5 + 1 (CCITT).
const fn crc16(mut register: u16) -> u16 {
    let mut step = 0;
    while step < 8 {
        register = (register << 1) ^ if register & 0x8000 == 0 { 0 } else { 0x1021 };
        step += 1;
    }
    register
}

/// The sender's side of one message.
#[derive(Debug, Clone)]
pub struct Protector {
    profile: Profile,
    data_id: u16,
    next: u16,
}

impl Protector {
    /// A message that was never sent; its first counter is 0.
    #[must_use]
    pub const fn new(profile: Profile, data_id: u16) -> Self {
        Self { profile, data_id, next: 0 }
    }

    /// Protects the next frame of the message. The counter goes up whether or not the frame then
    /// reaches the bus: a receiver sees what was lost.
    pub fn protect(&mut self, data: &mut [u8]) {
        self.profile.protect(self.data_id, self.next as u8, data);
        self.next = (self.next + 1) % self.profile.counter_values();
    }
}

/// What a frame's protection says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The first one: intact, but nothing to compare its counter with.
    First,
    /// Intact, and the one after the last.
    Next,
    /// Intact, but so many before it are missing (as far as the counter can tell).
    Lost(u8),
    /// The same counter as the last one's.
    Repeated,
    /// Damaged, or of another sender or length.
    Damaged,
}

/// The receiver's side of one message.
#[derive(Debug, Clone)]
pub struct Checker {
    profile: Profile,
    data_id: u16,
    last: Option<u8>,
}

impl Checker {
    /// A message that was never received.
    #[must_use]
    pub const fn new(profile: Profile, data_id: u16) -> Self {
        Self { profile, data_id, last: None }
    }

    /// Checks the next frame of the message.
    pub fn check(&mut self, data: &[u8]) -> Verdict {
        let Some(counter) = self.profile.verify(self.data_id, data) else { return Verdict::Damaged };
        let values = self.profile.counter_values();
        let Some(last) = self.last.replace(counter) else { return Verdict::First };
        match (u16::from(counter) + values - u16::from(last)) % values {
            0 => Verdict::Repeated,
            1 => Verdict::Next,
            step => Verdict::Lost((step - 1) as u8),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of eight zero bytes, as the AUTOSAR specification's tables and the independent
    /// package autosar-e2e give them.
    #[test]
    fn the_published_vectors() {
        for (counter, crc) in [(0, 0xCC), (1, 0x91), (2, 0x76)] {
            let mut data = [0; 8];
            Profile::P11.protect(0x123, counter, &mut data);
            assert_eq!(data, [crc, counter, 0, 0, 0, 0, 0, 0]);
            assert_eq!(Profile::P11.verify(0x123, &data), Some(counter));
        }
        for (counter, crc) in [(0, [0x1C, 0xCA]), (1, [0xCF, 0x8D])] {
            let mut data = [0; 8];
            Profile::P05.protect(0x1234, counter, &mut data);
            assert_eq!(data, [crc[0], crc[1], counter, 0, 0, 0, 0, 0]);
            assert_eq!(Profile::P05.verify(0x1234, &data), Some(counter));
        }
    }

    #[test]
    fn every_single_bit_that_flips_is_seen_and_another_id_too() {
        for profile in [Profile::P11, Profile::P05] {
            let mut good = [0x5A; 20];
            profile.protect(0xCB0, 7, &mut good);
            for bit in 0..good.len() * 8 {
                let mut bad = good;
                bad[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(profile.verify(0xCB0, &bad), None, "{profile:?}, bit {bit}");
            }
            assert_eq!(profile.verify(0xCB1, &good), None);
            assert_eq!(profile.verify(0xCB0, &good[..2]), None);
        }
    }

    #[test]
    fn the_counter_goes_round_and_tells_what_is_missing() {
        for profile in [Profile::P11, Profile::P05] {
            let (mut sender, mut receiver) = (Protector::new(profile, 9), Checker::new(profile, 9));
            let mut send = |receiver: &mut Checker, lost: usize| {
                let mut data = [0; 8];
                (0..=lost).for_each(|_| sender.protect(&mut data));
                (receiver.check(&data), data)
            };
            assert_eq!(send(&mut receiver, 0).0, Verdict::First);
            for _ in 0..300 {
                assert_eq!(send(&mut receiver, 0).0, Verdict::Next);
            }
            let (verdict, mut data) = send(&mut receiver, 3);
            assert_eq!(verdict, Verdict::Lost(3));
            assert_eq!(receiver.check(&data), Verdict::Repeated);
            data[5] ^= 1;
            assert_eq!(receiver.check(&data), Verdict::Damaged);
            assert_eq!(send(&mut receiver, 0).0, Verdict::Next);
        }
    }
}
