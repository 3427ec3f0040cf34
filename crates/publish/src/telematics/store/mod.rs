//! The store: records in the order in which they came, on a disk that may fill up, fail or lose its
//! power. docs/telematics.md has the format and the promises.
//!
//! Segments are only ever appended to. A record is *stored* once an fsync that covers it returned,
//! and only stored records are handed out for delivery, so that the mark of what was delivered never
//! runs ahead of what is on the disk. That mark is an entry in the segments too: it costs no fsync
//! of its own, and losing the last one only means to deliver some records again. A segment that was
//! found on opening is never written to; the next record begins a new one.
//!
//! Nothing here waits, reads a clock or makes a thread: the keeper does.

mod disk;
mod error;
mod format;
mod recover;
mod segments;

use std::collections::VecDeque;
use std::io;
use std::path::Path;

pub use disk::{Disk, DiskFile};
use disk::{Folder, FolderFault};
pub use error::StoreError;
pub use format::MAX_PAYLOAD;
use format::{Item, OVERHEAD, PRELUDE, Scan};
pub use recover::{Damage, Recovery};
use segments::{Active, Segments};

/// Records that wait for the disk, at most: at one a second some quarter of an hour, in about half a
/// megabyte of memory.
const WAITING_MAX: usize = 1024;

/// How large the store and its files may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Bytes on the disk at most; then the oldest segment goes.
    pub max_bytes: u64,
    /// Bytes of a segment, at most: what is dropped at once, and held in memory to be read.
    pub segment_bytes: u64,
}

impl StoreOptions {
    /// The least `max_bytes`.
    pub const LEAST_BYTES: u64 = 1 << 20;

    /// Sixteen segments at least, of a mebibyte at most.
    #[must_use]
    pub const fn new(max_bytes: u64) -> Self {
        let max_bytes = if max_bytes < Self::LEAST_BYTES { Self::LEAST_BYTES } else { max_bytes };
        let sixteenth = max_bytes / 16;
        Self { max_bytes, segment_bytes: if sixteenth > 1 << 20 { 1 << 20 } else { sixteenth } }
    }
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number: later records have greater ones. Some may be missing.
    pub seq: u64,
    /// Its content.
    pub payload: Vec<u8>,
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Bytes on the disk, in whole blocks.
    pub bytes: u64,
    /// Stored records that are not delivered. Exact unless a segment that is partly delivered has gaps.
    pub undelivered: u64,
    /// Records that wait for the disk.
    pub waiting: u64,
}

/// The store.
pub struct Store {
    disk: Box<dyn Disk>,
    options: StoreOptions,
    segments: Segments,
    /// The number of the next record.
    next: u64,
    /// The last record that is written, and the last that is stored.
    written: u64,
    stored: u64,
    /// Up to where all is delivered, and what the disk says of that.
    acknowledged: u64,
    acknowledged_stored: u64,
    /// Records that are not stored, kept until they are: a disk that fails to sync forgets them.
    waiting: VecDeque<Record>,
    /// Where the last reading ended: segment, byte, record.
    read_to: Option<(u64, u64, u64)>,
    /// Undelivered records that went with the oldest segments, since the last look.
    dropped: u64,
    /// Undelivered records that could not be read any more, since the last look.
    damaged: u64,
    /// Records stored and bytes written since the store was opened.
    records_stored: u64,
    bytes_written: u64,
}

impl Store {
    /// Opens the store in a folder, and makes the folder where it is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::Newer`], and [`StoreError::Disk`] where the folder cannot
    /// be made or read.
    pub fn open_folder(folder: &Path, options: StoreOptions) -> Result<(Self, Recovery), StoreError> {
        Self::open(Box::new(open_folder(folder)?), options)
    }

    /// The number of the last record that was appended.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.next - 1
    }

    /// All records up to this one are stored, those that were dropped aside.
    #[must_use]
    pub const fn stored(&self) -> u64 {
        self.stored
    }

    /// All records up to this one are delivered.
    #[must_use]
    pub const fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many records became stored since the store was opened.
    #[must_use]
    pub const fn records_stored(&self) -> u64 {
        self.records_stored
    }

    /// Bytes handed to the disk since the store was opened.
    #[must_use]
    pub const fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Whether a sync would change what is on the disk.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        !self.waiting.is_empty() || self.acknowledged > self.acknowledged_stored
    }

    /// What the store holds.
    #[must_use]
    pub fn holding(&self) -> Holding {
        Holding {
            bytes: self.segments.bytes(),
            undelivered: self.segments.undelivered(self.acknowledged).saturating_sub(self.unsynced()),
            waiting: self.waiting.len() as u64,
        }
    }

    /// How many undelivered records were dropped since this was last asked.
    pub fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// How many stored records turned out to be damaged since this was last asked, those that the
    /// opening told aside.
    pub fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }

    /// Takes a record; it is stored only after a [`Self::sync`].
    ///
    /// # Errors
    /// [`StoreError::TooLong`]: the record is not taken. [`StoreError::Disk`]: it waits in memory,
    /// as do at most 1024; beyond that the oldest is dropped ([`Self::take_dropped`]).
    pub fn append(&mut self, payload: Vec<u8>) -> Result<(), StoreError> {
        fits(&payload)?;
        if self.waiting.len() >= WAITING_MAX && self.sync().is_err() && self.waiting.len() >= WAITING_MAX {
            // What was written is synced by now, or given up to be written anew: the first is not written.
            self.waiting.pop_front();
            self.dropped += 1;
        }
        self.queue(payload);
        self.write_waiting()
    }

    /// Takes a record and leaves the disk alone, which has just refused something. The next
    /// [`Self::append`] or [`Self::sync`] writes it; at most 1024 wait, as there.
    ///
    /// # Errors
    /// [`StoreError::TooLong`]: the record is not taken.
    pub fn put_off(&mut self, payload: Vec<u8>) -> Result<(), StoreError> {
        fits(&payload)?;
        if self.waiting.len() >= WAITING_MAX {
            // Those before it are on their way: what is written only wants its sync.
            let first_unwritten = self.waiting.partition_point(|record| record.seq <= self.written);
            if self.waiting.remove(first_unwritten).is_none() {
                return self.append(payload);
            }
            self.dropped += 1;
        }
        self.queue(payload);
        Ok(())
    }

    fn queue(&mut self, payload: Vec<u8>) {
        self.waiting.push_back(Record { seq: self.next, payload });
        self.next += 1;
    }

    /// Makes everything that was appended and acknowledged durable.
    ///
    /// # Errors
    /// [`StoreError::Disk`]: what was not stored before still waits in memory, and the next call
    /// tries again.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        let written = self.write_waiting();
        let marked = self.write_acknowledged();
        // What was written is made durable even where there is no room for the rest.
        if self.segments.active.as_ref().is_some_and(|active| active.length > active.synced) {
            self.sync_active()?;
        }
        if written.is_err() || marked.is_err() {
            self.make_room_on_full_disk();
        }
        self.tidy();
        written.and(marked)
    }

    /// Notes that all records up to `seq` are delivered. The next sync makes that durable, and removes
    /// segments that hold nothing else.
    pub fn acknowledge(&mut self, seq: u64) {
        self.acknowledged = self.acknowledged.max(seq.min(self.stored));
    }

    /// Stored records behind `after` and behind what is acknowledged, in order: of one segment, and
    /// so many that their payloads have `max_bytes` together, but one at least. Empty where there are none.
    ///
    /// # Errors
    /// [`StoreError::Disk`] where a segment cannot be read.
    pub fn read(&mut self, after: u64, max_bytes: usize) -> Result<Vec<Record>, StoreError> {
        let after = after.max(self.acknowledged);
        loop {
            let Some((number, name, end, last)) = self.segments.holding_after(after, self.stored) else {
                return Ok(Vec::new());
            };
            let start = match self.read_to {
                Some((segment, at, record)) if segment == number && record <= after => at,
                _ => PRELUDE as u64,
            };
            let read = self.disk.read(&name, start, end);
            let bytes = read.map_err(|source| self.fault("read a segment", source))?;
            let (records, at) = records_of(&bytes, after, last, max_bytes);
            if let Some(last) = records.last() {
                self.read_to = Some((number, start + at as u64, last.seq));
                return Ok(records);
            }
            // What was there is damaged now: on with the next segment.
            self.damaged += self.segments.exhausted(number, after);
        }
    }

    /// Written records that are not stored.
    fn unsynced(&self) -> u64 {
        self.waiting.iter().filter(|record| record.seq <= self.written).count() as u64
    }

    fn fault(&self, action: &'static str, source: io::Error) -> StoreError {
        StoreError::Disk { folder: self.disk.folder().to_owned(), action, source }
    }

    /// The first record that is not written.
    fn unwritten(&self) -> Option<&Record> {
        // They are in order, and mostly it is the last.
        self.waiting.get(self.waiting.partition_point(|record| record.seq <= self.written))
    }

    /// Writes what waits and is not written yet.
    fn write_waiting(&mut self) -> Result<(), StoreError> {
        while let Some(length) = self.unwritten().map(|record| OVERHEAD + record.payload.len()) {
            // This may sync, and take those before it off the list.
            self.make_room(length)?;
            let Some(Record { seq, payload }) = self.unwritten() else { break };
            let (seq, mut entry) = (*seq, Vec::with_capacity(length));
            format::push_record(&mut entry, seq, payload);
            self.write(&entry)?;
            self.written = seq;
            self.segments.note_written(seq);
        }
        Ok(())
    }

    fn write_acknowledged(&mut self) -> Result<(), StoreError> {
        if self.acknowledged > self.acknowledged_stored {
            self.make_room(OVERHEAD)?;
            if self.segments.active_says(self.acknowledged) {
                return Ok(());
            }
            let mut entry = Vec::with_capacity(OVERHEAD);
            format::push_acknowledged(&mut entry, self.acknowledged);
            self.write(&entry)?;
            self.segments.note_acknowledged(self.acknowledged);
        }
        Ok(())
    }

    /// Appends to the active segment, or leaves it as it was.
    fn write(&mut self, entry: &[u8]) -> Result<(), StoreError> {
        let Some(active) = &mut self.segments.active else { return Ok(()) };
        let length = active.length;
        match active.file.append(entry) {
            Ok(()) => {
                active.length += entry.len() as u64;
                self.bytes_written += entry.len() as u64;
                Ok(())
            }
            Err(source) => {
                // Half an entry must not be followed by another: it would count as damage.
                if active.file.cut(length).is_err() {
                    self.abandon();
                }
                Err(self.fault("write", source))
            }
        }
    }

    /// Sees to it that there is an active segment with room for so many bytes.
    fn make_room(&mut self, bytes: usize) -> Result<(), StoreError> {
        let is_full = |active: &Active| active.length + bytes as u64 > self.options.segment_bytes;
        if self.segments.active.as_ref().is_some_and(is_full) {
            self.sync_active()?;
            self.segments.seal();
        }
        let needed = if self.segments.active.is_some() { bytes } else { bytes + PRELUDE + OVERHEAD };
        while self.segments.bytes_with(needed as u64) > self.options.max_bytes {
            let Some(oldest) = self.segments.sealed(0) else { break };
            let removed = self.disk.remove(&oldest.name);
            removed.map_err(|source| self.fault("remove the oldest segment", source))?;
            self.dropped += self.segments.remove(0, self.acknowledged);
        }
        if self.segments.active.is_none() { self.begin_segment() } else { Ok(()) }
    }

    fn begin_segment(&mut self) -> Result<(), StoreError> {
        let (number, name) = self.segments.new_name();
        let mut first = format::prelude().to_vec();
        format::push_acknowledged(&mut first, self.acknowledged);
        let created = self.disk.create(&name).and_then(|mut file| file.append(&first).map(|()| file));
        match created {
            Ok(file) => {
                self.bytes_written += first.len() as u64;
                self.segments.begin(number, name, file, first.len() as u64, self.acknowledged);
                Ok(())
            }
            Err(source) => {
                // Where it was not made, or cannot be removed either, its number is not used again.
                let _ = self.disk.remove(&name);
                Err(self.fault("begin a segment", source))
            }
        }
    }

    fn sync_active(&mut self) -> Result<(), StoreError> {
        let Some(active) = &mut self.segments.active else { return Ok(()) };
        let mut synced = active.file.sync();
        if synced.is_ok() && active.synced == 0 {
            synced = self.disk.sync_folder();
        }
        match synced {
            Ok(()) => {
                active.synced = active.length;
                self.acknowledged_stored = active.acknowledged;
                self.stored = self.stored.max(self.written);
                let before = self.waiting.len();
                self.waiting.retain(|record| record.seq > self.written);
                self.records_stored += (before - self.waiting.len()) as u64;
                Ok(())
            }
            Err(source) => {
                // After a failed fsync the kernel may count as clean what never reached the disk: what
                // is not stored is written anew, elsewhere.
                self.abandon();
                Err(self.fault("sync", source))
            }
        }
    }

    /// Gives the active segment up: what it holds beyond the last sync is written anew.
    fn abandon(&mut self) {
        let Some(mut active) = self.segments.active.take() else { return };
        self.written = self.stored;
        let name = active.segment.name.clone();
        if active.synced == 0 {
            let left = active.segment.emptied(active.length);
            drop(active.file);
            if self.disk.remove(&name).is_err() {
                self.segments.leave(left);
            }
        } else {
            // Entries that stay behind the cut are the same ones again: reading passes them over.
            let _ = active.file.cut(active.synced);
            self.segments.seal_cut(active, self.stored);
        }
    }

    /// Removes segments of which all is delivered, once the disk says so too: an earlier one that
    /// holds a part of the same records, from a sync that failed, would speak for them otherwise. One
    /// that cannot be removed is tried again later. The last one stays for its mark.
    fn tidy(&mut self) {
        while self.remove_delivered(self.acknowledged_stored).is_some() {}
    }

    /// As [`Self::tidy`] where there is no room for the mark: one after the other instead, surely.
    fn make_room_on_full_disk(&mut self) {
        while self.remove_delivered(self.acknowledged).is_some() && self.disk.sync_folder().is_ok() {}
    }

    /// Removes the first segment of which all is delivered, where there is one and it can be removed.
    fn remove_delivered(&mut self, delivered: u64) -> Option<()> {
        let place = self.segments.delivered(delivered)?;
        self.disk.remove(&self.segments.sealed(place)?.name).ok()?;
        self.segments.remove(place, self.acknowledged);
        Some(())
    }
}

fn fits(payload: &[u8]) -> Result<(), StoreError> {
    if payload.len() > MAX_PAYLOAD { Err(StoreError::TooLong { bytes: payload.len() }) } else { Ok(()) }
}

/// Whether a file of this name is a segment of a store.
#[must_use]
pub fn is_segment(name: &str) -> bool {
    segments::number_of(name).is_some()
}

fn open_folder(folder: &Path) -> Result<Folder, StoreError> {
    Folder::open(folder).map_err(|fault| match fault {
        FolderFault::InUse => StoreError::InUse { folder: folder.to_owned() },
        FolderFault::Io(source) => {
            StoreError::Disk { folder: folder.to_owned(), action: "open the folder", source }
        }
    })
}

/// The records in these bytes behind `after`, up to `last`, and where the last of them ends.
fn records_of(bytes: &[u8], after: u64, last: u64, max_bytes: usize) -> (Vec<Record>, usize) {
    let mut scan = Scan::new(bytes);
    let (mut records, mut end, mut size): (Vec<Record>, _, _) = (Vec::new(), 0, 0);
    while let Some(item) = scan.next() {
        let Item::Record { seq, payload } = item else { continue };
        let newest = records.last().map_or(after, |record| record.seq);
        if seq > newest && seq <= last {
            size += payload.len();
            if size > max_bytes && !records.is_empty() {
                break;
            }
            records.push(Record { seq, payload: payload.to_vec() });
            end = scan.at();
        }
    }
    (records, end)
}
