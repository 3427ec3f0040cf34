//! Opening a store: what an earlier process left, power cut or not.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::format::{Item, PRELUDE, Prelude, Scan, read_prelude};
use super::segments::{Segment, Segments, number_of};
use super::{Disk, Store, StoreError, StoreOptions};

/// What was found on opening.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovery {
    /// Segments.
    pub segments: usize,
    /// Records, delivered ones included.
    pub records: u64,
    /// Records that are not delivered.
    pub undelivered: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// What was lost. After a power cut the last entry of the newest segment is torn as a rule.
    pub damage: Vec<Damage>,
}

/// Bytes that cannot be read. All else of the segment is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub file: PathBuf,
    /// Where in it they begin.
    pub from: u64,
    /// How many they are.
    pub bytes: u64,
}

/// What one segment says.
struct Content {
    segment: Segment,
    acknowledged: u64,
    damage: Vec<Damage>,
}

impl Store {
    /// Opens the store on a disk.
    ///
    /// # Errors
    /// [`StoreError::Newer`], and [`StoreError::Disk`] where the folder cannot be listed.
    pub fn open(disk: Box<dyn Disk>, options: StoreOptions) -> Result<(Self, Recovery), StoreError> {
        let fault = |action, source| StoreError::Disk { folder: disk.folder().to_owned(), action, source };
        let files = disk.list().map_err(|source| fault("list the segments", source))?;
        let mut files: Vec<(u64, String, u64)> =
            files.into_iter().filter_map(|(name, length)| Some((number_of(&name)?, name, length))).collect();
        files.sort_unstable();
        // Newest first: what a later segment has was written anew, since syncing the earlier one failed.
        files.reverse();
        let (mut sealed, mut recovery) = (VecDeque::with_capacity(files.len()), Recovery::default());
        let (mut below, mut last, mut acknowledged) = (u64::MAX, 0, 0);
        let mut newest_mark = None;
        for (number, name, length) in files {
            let content = content(&*disk, Segment { number, name, ..Segment::default() }, length, below)?;
            if let Some((first, newest)) = content.segment.records {
                (below, last) = (first, newest.max(last));
            }
            acknowledged = acknowledged.max(content.acknowledged);
            newest_mark.get_or_insert(content.acknowledged);
            recovery.records += content.segment.count;
            recovery.bytes += length;
            recovery.damage.splice(0..0, content.damage);
            sealed.push_front(content.segment);
        }
        recovery.segments = sealed.len();
        let mut disk = disk;
        if let Some(newest) = sealed.back() {
            // The process before may have ended before its fsync. On a read-only disk it must do without.
            let _ = disk.sync_file(&newest.name);
        }
        let segments = Segments::found(sealed);
        recovery.undelivered = segments.undelivered(acknowledged);
        // Greater than any mark of delivery: else new records would count as delivered.
        let stored = last.max(acknowledged);
        let mut store = Self {
            disk,
            options,
            segments,
            next: stored + 1,
            written: stored,
            stored,
            acknowledged,
            // A mark in an older segment would go with it: it is written anew.
            acknowledged_stored: newest_mark.unwrap_or(0),
            waiting: VecDeque::new(),
            read_to: None,
            dropped: 0,
            damaged: 0,
            records_stored: 0,
            bytes_written: 0,
        };
        store.tidy();
        Ok((store, recovery))
    }
}

/// Reads a segment of which the records before `below` count.
fn content(disk: &dyn Disk, mut segment: Segment, length: u64, below: u64) -> Result<Content, StoreError> {
    let file = disk.folder().join(&segment.name);
    segment.bytes = length;
    let damaged = |from, bytes: u64| Damage { file: file.clone(), from, bytes };
    let Ok(bytes) = disk.read(&segment.name, 0, length) else {
        // A failing disk: the other segments are used, this one is left for the next start.
        segment.unreadable = true;
        return Ok(Content { segment, acknowledged: 0, damage: vec![damaged(0, length)] });
    };
    let mut damage = Vec::new();
    match read_prelude(&bytes) {
        Prelude::Newer(version) => return Err(StoreError::Newer { file, version }),
        Prelude::Known => {}
        Prelude::Damaged => damage.push(damaged(0, length.min(PRELUDE as u64))),
    }
    let (mut newest, mut acknowledged) = (0, 0);
    let mut scan = Scan::new(bytes.get(PRELUDE..).unwrap_or_default());
    while let Some(item) = scan.next() {
        match item {
            Item::Record { seq, .. } if seq > newest && seq < below => {
                newest = seq;
                segment.note(seq);
            }
            Item::Record { .. } => {}
            Item::Acknowledged(seq) => acknowledged = acknowledged.max(seq),
            Item::Damage(bytes) => {
                damage.push(damaged((PRELUDE + scan.at() - bytes) as u64, bytes as u64));
            }
        }
    }
    segment.unreadable = segment.records.is_none() && !damage.is_empty() && length > PRELUDE as u64;
    Ok(Content { segment, acknowledged, damage })
}
