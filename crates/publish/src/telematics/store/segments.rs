//! Which segments there are, in memory.

use std::collections::VecDeque;

use super::DiskFile;

/// What a file system takes for a byte: a store of many small files is larger than their bytes.
const BLOCK: u64 = 4096;
const SUFFIX: &str = ".seg";

/// A segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) name: String,
    /// Bytes up to which it is read.
    pub(super) bytes: u64,
    /// First and last record; none where it has none that can be read.
    pub(super) records: Option<(u64, u64)>,
    /// How many records.
    pub(super) count: u64,
    /// Nothing in it can be read: it stays until its room is needed, for somebody to look at.
    pub(super) unreadable: bool,
}

/// The segment that is being written.
pub(super) struct Active {
    pub(super) segment: Segment,
    pub(super) file: Box<dyn DiskFile>,
    /// Bytes written, and bytes of them synced; none before the first sync.
    pub(super) length: u64,
    pub(super) synced: u64,
    /// What it says of what is delivered.
    pub(super) acknowledged: u64,
}

/// All segments, oldest first.
#[derive(Default)]
pub(super) struct Segments {
    sealed: VecDeque<Segment>,
    pub(super) active: Option<Active>,
    /// The greatest number that was ever tried.
    last_number: u64,
}

/// The number in a segment's name; none where the file is no segment.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok()).flatten()
}

const fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK) * BLOCK
}

impl Segment {
    pub(super) fn note(&mut self, seq: u64) {
        let first = self.records.map_or(seq, |(first, _)| first);
        self.records = Some((first, seq));
        self.count += 1;
    }

    /// A segment of so many bytes of which nothing counts.
    pub(super) fn emptied(&self, bytes: u64) -> Self {
        Self { number: self.number, name: self.name.clone(), bytes, ..Self::default() }
    }

    /// Records behind `after`: those of a segment that is partly behind are taken to have no gaps.
    fn after(&self, after: u64) -> u64 {
        match self.records {
            Some((first, _)) if after < first => self.count,
            Some((_, last)) => last.saturating_sub(after).min(self.count),
            None => 0,
        }
    }
}

impl Segments {
    /// With those that were found, in order.
    pub(super) fn found(sealed: VecDeque<Segment>) -> Self {
        let last_number = sealed.back().map_or(0, |segment| segment.number);
        Self { sealed, active: None, last_number }
    }

    pub(super) fn new_name(&mut self) -> (u64, String) {
        self.last_number += 1;
        (self.last_number, format!("{:016x}{SUFFIX}", self.last_number))
    }

    pub(super) fn begin(
        &mut self,
        number: u64,
        name: String,
        file: Box<dyn DiskFile>,
        length: u64,
        acknowledged: u64,
    ) {
        let segment = Segment { number, name, ..Segment::default() };
        self.active = Some(Active { segment, file, length, synced: 0, acknowledged });
    }

    pub(super) fn note_written(&mut self, seq: u64) {
        if let Some(active) = &mut self.active {
            active.segment.note(seq);
        }
    }

    pub(super) fn note_acknowledged(&mut self, seq: u64) {
        if let Some(active) = &mut self.active {
            active.acknowledged = seq;
        }
    }

    pub(super) fn active_says(&self, seq: u64) -> bool {
        self.active.as_ref().is_some_and(|active| active.acknowledged >= seq)
    }

    /// The active segment takes no more.
    pub(super) fn seal(&mut self) {
        if let Some(active) = self.active.take() {
            self.sealed.push_back(Segment { bytes: active.length, ..active.segment });
        }
    }

    /// A segment that is to go stays until it can be removed.
    pub(super) fn leave(&mut self, segment: Segment) {
        self.sealed.push_back(segment);
    }

    /// Seals a segment of which only what was synced counts, up to this record.
    pub(super) fn seal_cut(&mut self, active: Active, stored: u64) {
        let mut segment = Segment { bytes: active.synced, ..active.segment };
        segment.records = segment.records.filter(|(first, _)| *first <= stored);
        segment.records = segment.records.map(|(first, last)| (first, last.min(stored)));
        // Without gaps, since records are numbered in the order in which they are written.
        segment.count = segment.records.map_or(0, |(first, last)| segment.count.min(last - first + 1));
        self.sealed.push_back(segment);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes_with(0)
    }

    /// Bytes on the disk once the active segment has so many more.
    pub(super) fn bytes_with(&self, more: u64) -> u64 {
        let active = self.active.as_ref().map_or(0, |active| active.length);
        let sealed: u64 = self.sealed.iter().map(|segment| blocks(segment.bytes)).sum();
        sealed + blocks(active + more)
    }

    pub(super) fn undelivered(&self, acknowledged: u64) -> u64 {
        let active = self.active.iter().map(|active| &active.segment);
        self.sealed.iter().chain(active).map(|segment| segment.after(acknowledged)).sum()
    }

    /// A segment that is not being written; the first is the oldest.
    pub(super) fn sealed(&self, place: usize) -> Option<&Segment> {
        self.sealed.get(place)
    }

    /// Takes a sealed segment off the list: how many undelivered records it had.
    pub(super) fn remove(&mut self, place: usize, acknowledged: u64) -> u64 {
        self.sealed.remove(place).map_or(0, |segment| segment.after(acknowledged))
    }

    /// The place of the first sealed segment of which all is delivered, where another one keeps the mark.
    pub(super) fn delivered(&self, acknowledged: u64) -> Option<usize> {
        let keeps_mark = self.active.as_ref().is_some_and(|active| active.synced > 0);
        let others = self.sealed.len() - usize::from(!keeps_mark && !self.sealed.is_empty());
        let is_delivered = |segment: &Segment| {
            !segment.unreadable && segment.records.is_none_or(|(_, last)| last <= acknowledged)
        };
        self.sealed.iter().take(others).position(is_delivered)
    }

    /// The first segment with a record behind `after` and up to `stored`: number, name, up to where it
    /// may be read, and up to which record.
    pub(super) fn holding_after(&self, after: u64, stored: u64) -> Option<(u64, String, u64, u64)> {
        let last_of = |segment: &Segment| {
            let (first, last) = segment.records?;
            (last > after && first <= stored && stored > after).then_some(last.min(stored))
        };
        let sealed = self.sealed.iter().find_map(|segment| {
            Some((segment.number, segment.name.clone(), segment.bytes, last_of(segment)?))
        });
        sealed.or_else(|| {
            let Active { segment, synced, .. } = self.active.as_ref()?;
            Some((segment.number, segment.name.clone(), *synced, last_of(segment)?))
        })
    }

    /// A segment has nothing more behind `after`, whatever was known of it: how many records that are.
    pub(super) fn exhausted(&mut self, number: u64, after: u64) -> u64 {
        let active = self.active.iter_mut().map(|active| &mut active.segment);
        let Some(segment) = self.sealed.iter_mut().chain(active).find(|segment| segment.number == number)
        else {
            return 0;
        };
        let lost = segment.after(after);
        segment.count -= lost;
        segment.records = segment.records.map(|(first, last)| (first.min(after), last.min(after)));
        lost
    }
}
