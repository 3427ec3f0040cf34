//! A disk in memory that fills up, fails, and forgets at a power cut what was not synced: whole files
//! whose folder was not, the ends of others, and sectors in the middle of those ends.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests that each use a part of it, and may stop at what they do not expect"
)]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use fastrand::Rng;
use publish::telematics::{Disk, DiskFile};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
pub struct Content {
    /// What a process sees.
    pub now: Vec<u8>,
    /// What the disk is sure to have.
    durable: Vec<u8>,
    /// Whether the folder is sure to list it.
    listed: bool,
    /// A sync failed: the kernel takes for clean what never reached the disk.
    is_deaf: bool,
}

#[derive(Debug, Default)]
pub struct State {
    pub files: BTreeMap<String, Content>,
    /// Removed, but the folder may list them again.
    removed: BTreeMap<String, Content>,
    /// Bytes that it takes in all.
    pub room: Option<usize>,
    pub is_read_only: bool,
    /// The next so many syncs fail.
    pub failing_syncs: u32,
    /// So many calls until the power is cut.
    pub calls_left: Option<u32>,
    pub syncs: u64,
    pub rng: Option<Rng>,
}

/// The disk; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faulty(Arc<Mutex<State>>);

struct OpenFile {
    disk: Faulty,
    name: String,
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

impl State {
    /// Counts a call. Behind the power cut all fail.
    fn call(&mut self) -> io::Result<()> {
        match &mut self.calls_left {
            None => Ok(()),
            Some(0) => Err(errno(EIO)),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn change(&mut self) -> io::Result<()> {
        self.call()?;
        if self.is_read_only { Err(errno(EROFS)) } else { Ok(()) }
    }

    fn used(&self) -> usize {
        self.files.values().map(|content| content.now.len()).sum()
    }
}

impl Faulty {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Cuts the power and switches it on again.
    pub fn cut_power(&self, rng: &mut Rng) {
        let mut state = self.state();
        let removed = std::mem::take(&mut state.removed);
        let back: Vec<_> = removed.into_iter().filter(|(_, content)| content.listed && rng.bool()).collect();
        state.files.extend(back);
        state.files.retain(|_, content| content.listed || rng.bool());
        for content in state.files.values_mut() {
            content.durable = what_is_left(content, rng);
            content.now = content.durable.clone();
            (content.listed, content.is_deaf) = (true, false);
        }
        (state.calls_left, state.failing_syncs, state.is_read_only, state.room) = (None, 0, false, None);
    }
}

fn what_is_left(content: &Content, rng: &mut Rng) -> Vec<u8> {
    let Content { now, durable, .. } = content;
    if now.len() <= durable.len() {
        // It was cut off: that may have come to the disk or not.
        return if rng.bool() { now.clone() } else { durable.clone() };
    }
    let mut left = durable.clone();
    left.extend_from_slice(&now[durable.len()..rng.usize(durable.len()..=now.len())]);
    for start in (durable.len()..left.len()).step_by(SECTOR) {
        let end = (start + SECTOR).min(left.len());
        match rng.u8(0..8) {
            0 => left[start..end].fill(0),
            1 => left[start..end].iter_mut().for_each(|byte| *byte = rng.u8(..)),
            _ => {}
        }
    }
    left
}

impl Disk for Faulty {
    fn folder(&self) -> &Path {
        Path::new("/faulty")
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut state = self.state();
        state.call()?;
        Ok(state.files.iter().map(|(name, content)| (name.clone(), content.now.len() as u64)).collect())
    }

    fn create(&mut self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.change()?;
        assert!(!state.files.contains_key(name), "{name} is there already");
        state.files.insert(name.to_owned(), Content::default());
        Ok(Box::new(OpenFile { disk: self.clone(), name: name.to_owned() }))
    }

    fn read(&self, name: &str, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.call()?;
        let bytes = &state.files.get(name).ok_or(io::ErrorKind::NotFound)?.now;
        let end = (to as usize).min(bytes.len());
        Ok(bytes[(from as usize).min(end)..end].to_vec())
    }

    fn sync_file(&mut self, name: &str) -> io::Result<()> {
        OpenFile { disk: self.clone(), name: name.to_owned() }.sync()
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        state.removed.clear();
        state.files.values_mut().for_each(|content| content.listed = true);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.change()?;
        let content = state.files.remove(name).ok_or(io::ErrorKind::NotFound)?;
        state.removed.insert(name.to_owned(), content);
        Ok(())
    }
}

impl DiskFile for OpenFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let called = state.change();
        let room = state.room.map_or(usize::MAX, |room| room.saturating_sub(state.used()));
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        if called.is_err() || room < bytes.len() {
            // A part of it is written all the same.
            content.now.extend_from_slice(&bytes[..room.min(bytes.len() / 2)]);
            return called.and(Err(errno(ENOSPC)));
        }
        content.now.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        state.syncs += 1;
        let fails = state.failing_syncs > 0;
        state.failing_syncs = state.failing_syncs.saturating_sub(1);
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        if fails {
            content.is_deaf = true;
            return Err(errno(EIO));
        }
        if !content.is_deaf {
            content.durable = content.now.clone();
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.change()?;
        let content = state.files.get_mut(&self.name).ok_or(io::ErrorKind::NotFound)?;
        content.now.truncate(length as usize);
        Ok(())
    }
}
