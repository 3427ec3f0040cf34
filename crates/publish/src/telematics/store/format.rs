//! The bytes of a segment, described in docs/telematics.md. Pure.
//!
//! ```text
//! segment  prelude, entry, entry, …
//! prelude  "CABINMST"  version u32  CRC-32C of these twelve bytes u32         16 bytes
//! entry    FF CB FE  kind u8  CRC-32C u32  length u32  seq u64  payload       20 bytes + payload
//! ```
//!
//! Numbers are little-endian. An entry's checksum covers all of it but the mark and itself. The mark
//! begins with a byte that no UTF-8 text has, so that behind damage the next entry can be found.

use std::ops::Range;

/// The version that this program writes, and the newest that it reads.
pub(crate) const VERSION: u32 = 1;
/// The longest payload. An episode has some 600 bytes; what is longer is damage.
pub const MAX_PAYLOAD: usize = 64 * 1024;
/// Bytes of the prelude. In every version it stays as it is.
pub(crate) const PRELUDE: usize = 16;
/// Bytes of an entry beside its payload.
pub(crate) const OVERHEAD: usize = 20;

const MAGIC: &[u8; 8] = b"CABINMST";
const MARK: [u8; 3] = [0xFF, 0xCB, 0xFE];
/// Where the checksum is, and where what it covers goes on behind it.
const CRC: Range<usize> = 4..8;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Kind {
    /// A record to be delivered.
    Record = 0,
    /// All records up to `seq` are delivered.
    Acknowledged = 1,
}

/// What a segment's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Prelude {
    /// A version that can be read.
    Known,
    /// A version that only a newer program reads.
    Newer(u32),
    /// Nothing that makes sense.
    Damaged,
}

/// One thing found in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A record.
    Record {
        /// Its number.
        seq: u64,
        /// Its content.
        payload: &'a [u8],
    },
    /// All records up to this one are delivered.
    Acknowledged(u64),
    /// So many bytes make no entry.
    Damage(usize),
}

pub(crate) fn prelude() -> [u8; PRELUDE] {
    let mut bytes = [0; PRELUDE];
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

pub(crate) fn read_prelude(bytes: &[u8]) -> Prelude {
    let whole = bytes.get(..PRELUDE).filter(|bytes| {
        bytes.starts_with(MAGIC) && read_u32(bytes, 12) == Some(crc32c::crc32c(&bytes[..12]))
    });
    match whole.and_then(|bytes| read_u32(bytes, 8)) {
        Some(1..=VERSION) => Prelude::Known,
        Some(version) if version > VERSION => Prelude::Newer(version),
        _ => Prelude::Damaged,
    }
}

pub(crate) fn push_record(bytes: &mut Vec<u8>, seq: u64, payload: &[u8]) {
    push(bytes, Kind::Record, seq, payload);
}

pub(crate) fn push_acknowledged(bytes: &mut Vec<u8>, seq: u64) {
    push(bytes, Kind::Acknowledged, seq, &[]);
}

fn push(bytes: &mut Vec<u8>, kind: Kind, seq: u64, payload: &[u8]) {
    let start = bytes.len();
    bytes.extend_from_slice(&MARK);
    bytes.push(kind as u8);
    bytes.extend_from_slice(&[0; 4]);
    // The store refuses longer payloads than MAX_PAYLOAD before they come here.
    bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(payload);
    let crc = checksum(&bytes[start..]);
    bytes[start + CRC.start..start + CRC.end].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(entry: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&entry[3..CRC.start]), &entry[CRC.end..])
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The entry that these bytes begin with, and its length.
fn entry(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    if !bytes.starts_with(&MARK) {
        return None;
    }
    let length = read_u32(bytes, 8)? as usize;
    if length > MAX_PAYLOAD {
        return None;
    }
    let whole = bytes.get(..OVERHEAD + length)?;
    if read_u32(whole, CRC.start)? != checksum(whole) {
        return None;
    }
    let seq = u64::from_le_bytes(whole[12..OVERHEAD].try_into().ok()?);
    let item = match whole[3] {
        kind if kind == Kind::Record as u8 => Item::Record { seq, payload: &whole[OVERHEAD..] },
        kind if kind == Kind::Acknowledged as u8 => Item::Acknowledged(seq),
        _ => return None,
    };
    Some((item, whole.len()))
}

/// Goes through what follows a prelude.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// Starts at the beginning of these bytes.
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were gone through.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        if let Some((item, length)) = entry(rest) {
            self.at += length;
            return Some(item);
        }
        let is_next = |place: &usize| rest[*place] == MARK[0] && entry(&rest[*place..]).is_some();
        let damaged = (1..rest.len()).find(is_next).unwrap_or(rest.len());
        self.at += damaged;
        Some(Item::Damage(damaged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        push_record(&mut bytes, 1, b"one");
        push_acknowledged(&mut bytes, 1);
        push_record(&mut bytes, 2, b"two");
        bytes
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = three();
        let items: Vec<Item<'_>> = Scan::new(&bytes).collect();
        let record = |seq, payload: &'static [u8]| Item::Record { seq, payload };
        assert_eq!(items, [record(1, b"one"), Item::Acknowledged(1), record(2, b"two")]);
        assert_eq!(bytes.len(), 3 * OVERHEAD + 6);
        assert_eq!(read_prelude(&prelude()), Prelude::Known);
    }

    #[test]
    fn every_flipped_bit_costs_its_own_entry_only() {
        let good = three();
        for place in 0..good.len() * 8 {
            let mut bytes = good.clone();
            bytes[place / 8] ^= 1 << (place % 8);
            let damaged: usize =
                Scan::new(&bytes).map(|item| if let Item::Damage(n) = item { n } else { 0 }).sum();
            let struck = match place / 8 {
                0..23 => 23,
                23..43 => 20,
                _ => 23,
            };
            assert_eq!(damaged, struck, "bit {place}");
        }
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = prelude();
        bytes[8] = 9;
        assert_eq!(read_prelude(&bytes), Prelude::Damaged);
        let crc = crc32c::crc32c(&bytes[..12]);
        bytes[12..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_prelude(&bytes), Prelude::Newer(9));
        assert_eq!(read_prelude(&bytes[..10]), Prelude::Damaged);
    }
}
