//! The store on a disk that fails in every way there is, and on a real one.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may stop at what they do not expect"
)]

mod faulty;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use faulty::Faulty;
use publish::telematics::{Record, Recovery, Store, StoreError, StoreOptions};

const SMALL: StoreOptions = StoreOptions { max_bytes: 64 << 20, segment_bytes: 8 << 10 };

fn open(disk: &Faulty, options: StoreOptions) -> (Store, Recovery) {
    Store::open(Box::new(disk.clone()), options).unwrap()
}

/// A record that says which one it is.
fn payload(id: u64, length: usize) -> Vec<u8> {
    let mut bytes = format!("{id}:").into_bytes();
    bytes.resize(bytes.len() + length, b'a' + (id % 26) as u8);
    bytes
}

/// Which one it is; it must be whole.
fn id_of(record: &Record) -> u64 {
    let text = std::str::from_utf8(&record.payload).unwrap();
    let (id, padding) = text.split_once(':').unwrap();
    let id: u64 = id.parse().unwrap();
    assert_eq!(record.payload, payload(id, padding.len()));
    id
}

fn read_all(store: &mut Store) -> Vec<Record> {
    let mut all: Vec<Record> = Vec::new();
    loop {
        let after = all.last().map_or(0, |record| record.seq);
        let more = store.read(after, 3000).unwrap();
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

fn ids(store: &mut Store) -> Vec<u64> {
    read_all(store).iter().map(id_of).collect()
}

/// What the outside world knows while disks fail: what was reported as stored, and what arrived.
#[derive(Default)]
struct World {
    next: u64,
    /// Records of this life that are not reported as stored: number in the store, id.
    open: Vec<(u64, u64)>,
    stored: BTreeSet<u64>,
    arrived: BTreeSet<u64>,
}

impl World {
    fn append(&mut self, store: &mut Store, rng: &mut Rng) {
        self.next += 1;
        let payload = payload(self.next, rng.usize(0..900));
        // An error only says that it waits.
        let _ = if rng.u8(0..4) == 0 { store.put_off(payload) } else { store.append(payload) };
        self.open.push((store.last(), self.next));
    }

    fn note_stored(&mut self, store: &Store) {
        let stored = store.stored();
        self.stored.extend(self.open.iter().filter(|(seq, _)| *seq <= stored).map(|(_, id)| *id));
        self.open.retain(|(seq, _)| *seq > stored);
    }

    /// Takes some records in, and acknowledges some of those.
    fn deliver(&mut self, store: &mut Store, rng: &mut Rng) {
        let Ok(records) = store.read(0, rng.usize(1..5000)) else { return };
        self.take(&records);
        if !records.is_empty() {
            store.acknowledge(records[rng.usize(0..records.len())].seq);
        }
    }

    /// Nothing arrives for the first time behind something later, nothing that was stored is passed over.
    fn take(&mut self, records: &[Record]) {
        for id in records.iter().map(id_of) {
            if self.arrived.insert(id) {
                assert_eq!(self.arrived.last(), Some(&id), "{id} is late");
                let passed = self.stored.range(..id).find(|stored| !self.arrived.contains(stored));
                assert_eq!(passed, None, "passed over on the way to {id}");
            }
        }
    }
}

/// One life of a store, until the power is cut.
fn live(disk: &Faulty, world: &mut World, rng: &mut Rng) {
    let Ok((mut store, _)) = Store::open(Box::new(disk.clone()), SMALL) else { return };
    while disk.state().calls_left != Some(0) {
        match rng.u8(0..40) {
            0 => disk.state().failing_syncs = rng.u32(1..3),
            1 => {
                let room = disk.state().files.values().map(|content| content.now.len()).sum::<usize>();
                disk.state().room = Some(room + rng.usize(0..2000));
            }
            2..5 => disk.state().room = None,
            5 => disk.state().is_read_only = true,
            6..10 => disk.state().is_read_only = false,
            10..16 => {
                let _ = store.sync();
            }
            16..22 => world.deliver(&mut store, rng),
            _ => world.append(&mut store, rng),
        }
        assert_eq!(store.take_dropped(), 0);
        world.note_stored(&store);
    }
    world.open.clear();
}

#[test]
fn a_power_cut_at_any_point_loses_nothing_that_was_stored() {
    let seeds = std::env::var("CABINMOOD_POWER_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let (mut cuts, mut stored) = (0, 0);
    for seed in 0..seeds {
        let mut rng = Rng::with_seed(seed);
        let (disk, mut world) = (Faulty::default(), World::default());
        for _ in 0..8 {
            disk.state().calls_left = Some(rng.u32(1..400));
            live(&disk, &mut world, &mut rng);
            disk.cut_power(&mut rng);
            cuts += 1;
        }
        let (mut store, _) = open(&disk, SMALL);
        world.take(&read_all(&mut store));
        let lost: Vec<_> = world.stored.difference(&world.arrived).collect();
        assert!(lost.is_empty(), "seed {seed}: lost {lost:?}");
        assert!(world.arrived.iter().all(|id| *id <= world.next), "seed {seed}: invented");
        stored += world.stored.len();
    }
    println!("{cuts} power cuts, {stored} records reported as stored, none lost");
    assert!(stored > 10 * cuts, "the test hardly stores anything: {stored}");
}

#[test]
fn what_was_delivered_is_not_delivered_again_and_its_segments_go() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=100 {
        store.append(payload(id, 500)).unwrap();
    }
    let stored = store.stored();
    assert!(stored < 100 && ids(&mut store).last() == Some(&stored), "handed out before it was stored");
    store.sync().unwrap();
    assert_eq!(ids(&mut store), (1..=100).collect::<Vec<_>>());
    let segments = disk.state().files.len();
    store.acknowledge(60);
    store.sync().unwrap();
    assert!(disk.state().files.len() < segments - 2);
    assert_eq!(store.holding().undelivered, 40);
    drop(store);
    let (mut store, recovery) = open(&disk, SMALL);
    assert_eq!((recovery.undelivered, recovery.damage), (40, vec![]));
    assert_eq!(ids(&mut store), (61..=100).collect::<Vec<_>>());
    store.acknowledge(100);
    store.sync().unwrap();
    drop(store);
    // The mark and the numbers outlive all that was delivered.
    let (mut store, recovery) = open(&disk, SMALL);
    assert_eq!((recovery.undelivered, store.last()), (0, 100));
    store.append(payload(101, 10)).unwrap();
    store.sync().unwrap();
    assert_eq!(ids(&mut store), [101]);
}

#[test]
fn at_its_size_the_oldest_segment_goes_and_is_counted() {
    let disk = Faulty::default();
    let options = StoreOptions { max_bytes: 64 << 10, segment_bytes: 8 << 10 };
    let (mut store, _) = open(&disk, options);
    let mut dropped = 0;
    for id in 1..=1000 {
        store.append(payload(id, 500)).unwrap();
        store.sync().unwrap();
        dropped += store.take_dropped();
        assert!(store.holding().bytes <= options.max_bytes, "{:?}", store.holding());
    }
    let left = ids(&mut store);
    assert_eq!(left, (dropped + 1..=1000).collect::<Vec<_>>());
    assert!(left.len() > 80, "{} of 64 KiB", left.len());
    assert_eq!(store.holding().undelivered, left.len() as u64);
}

#[test]
fn a_full_disk_and_a_read_only_one_are_survived() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=20 {
        store.append(payload(id, 300)).unwrap();
    }
    store.sync().unwrap();
    for is_read_only in [false, true] {
        let first = store.last() + 1;
        disk.state().is_read_only = is_read_only;
        disk.state().room = Some(0);
        for id in first..first + 2000 {
            let fault = store.append(payload(id, 300)).unwrap_err().to_string();
            let why = if is_read_only { "Read-only file system" } else { "No space left on device" };
            assert!(fault.contains("/faulty") && fault.contains(why), "{fault}");
        }
        assert!(store.sync().is_err());
        assert_eq!(store.stored(), first - 1, "reported as stored");
        assert_eq!(ids(&mut store).len(), if is_read_only { 0 } else { 20 });
        store.acknowledge(first - 1);
        // The newest 1024 wait in memory.
        assert_eq!((store.take_dropped(), store.holding().waiting), (2000 - 1024, 1024));
        disk.state().is_read_only = false;
        disk.state().room = None;
        let before = store.records_stored();
        store.sync().unwrap();
        assert_eq!(store.records_stored() - before, 1024);
        assert_eq!(ids(&mut store), (first + 976..first + 2000).collect::<Vec<_>>());
        store.acknowledge(store.stored());
    }
}

#[test]
fn what_is_put_off_leaves_the_disk_alone_until_it_is_tried_again() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=5 {
        store.append(payload(id, 100)).unwrap();
    }
    // Without a call left the disk would fail.
    disk.state().calls_left = Some(0);
    for id in 6..=1100 {
        store.put_off(payload(id, 100)).unwrap();
    }
    assert_eq!((store.take_dropped(), store.holding().waiting, store.stored()), (76, 1024, 0));
    disk.state().calls_left = None;
    store.sync().unwrap();
    assert_eq!(ids(&mut store), (1..=5).chain(82..=1100).collect::<Vec<_>>());
    assert!(matches!(store.put_off(vec![0; 65_537]), Err(StoreError::TooLong { .. })));
}

#[test]
fn what_was_delivered_makes_room_on_a_full_disk() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=60 {
        store.append(payload(id, 500)).unwrap();
    }
    store.sync().unwrap();
    disk.state().room = Some(0);
    store.acknowledge(50);
    assert!(store.sync().is_err() && store.append(payload(61, 500)).is_err());
    let used = disk.state().files.values().map(|content| content.now.len()).sum::<usize>();
    disk.state().room = Some(used + 8000);
    store.sync().unwrap();
    assert_eq!(ids(&mut store), (51..=61).collect::<Vec<_>>());
}

#[test]
fn after_a_sync_that_failed_everything_is_written_anew() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=9 {
        store.append(payload(id, 100)).unwrap();
        if id == 3 {
            store.sync().unwrap();
        }
        if id == 6 {
            disk.state().failing_syncs = 1;
            assert!(store.sync().is_err());
            assert_eq!(store.stored(), 3);
        }
    }
    store.sync().unwrap();
    assert_eq!(store.stored(), 9);
    drop(store);
    disk.cut_power(&mut Rng::with_seed(1));
    assert_eq!(ids(&mut open(&disk, SMALL).0), (1..=9).collect::<Vec<_>>());
}

#[test]
fn damage_costs_what_is_damaged_and_is_told() {
    for seed in 0..200 {
        let mut rng = Rng::with_seed(seed);
        let disk = Faulty::default();
        let (mut store, _) = open(&disk, SMALL);
        for id in 1..=60 {
            store.append(payload(id, 300)).unwrap();
        }
        store.sync().unwrap();
        drop(store);
        let name = disk.state().files.keys().nth(1).unwrap().clone();
        let mut state = disk.state();
        let bytes = &mut state.files.get_mut(&name).unwrap().now;
        let place = rng.usize(36..bytes.len());
        let is_cut = rng.bool();
        if is_cut {
            bytes.truncate(place);
        } else {
            bytes[place] ^= 1 << rng.u8(0..8);
        }
        drop(state);
        let (mut store, recovery) = open(&disk, SMALL);
        let left = ids(&mut store);
        if !is_cut {
            let [damage] = &recovery.damage[..] else { panic!("{:?}", recovery.damage) };
            assert_eq!((&damage.file, left.len()), (&Path::new("/faulty").join(&name), 59));
            assert!((322..325).contains(&damage.bytes) && damage.from <= place as u64);
        }
        assert_eq!(recovery.undelivered, left.len() as u64);
        assert!(left.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(left.contains(&1) && left.contains(&60), "damage spread: {left:?}");
    }
}

#[test]
fn a_segment_that_spoils_while_the_store_is_open_is_counted() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    for id in 1..=60 {
        store.append(payload(id, 300)).unwrap();
    }
    store.sync().unwrap();
    disk.state().files.values_mut().next().unwrap().now.fill(0);
    let left = ids(&mut store);
    assert_eq!(store.take_damaged() + left.len() as u64, 60);
    assert!(left.contains(&60) && !left.contains(&1));
}

#[test]
fn a_newer_store_and_one_in_use_are_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let (mut store, _) = Store::open_folder(&path, SMALL).unwrap();
    store.append(payload(1, 10)).unwrap();
    store.sync().unwrap();
    let told = Store::open_folder(&path, SMALL).err().unwrap().to_string();
    assert!(told.contains("telematics.store") && told.contains("another process"), "{told}");
    drop(store);
    let file = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
    let mut bytes = fs::read(&file).unwrap();
    bytes[8] = 2;
    let crc = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&file, &bytes).unwrap();
    let told = Store::open_folder(&path, SMALL).err().unwrap().to_string();
    assert!(told.contains(".seg: has format 2, this version reads up to 1"), "{told}");
    assert_eq!(fs::read(&file).unwrap(), bytes);
    let told = Store::open_folder(&file, SMALL).err().unwrap().to_string();
    assert!(told.contains("telematics.store") && told.contains("Not a directory"), "{told}");
}

#[test]
fn a_payload_that_fits_no_entry_is_refused() {
    let disk = Faulty::default();
    let (mut store, _) = open(&disk, SMALL);
    assert!(matches!(store.append(vec![0; 65_537]), Err(StoreError::TooLong { bytes: 65_537 })));
    store.append(vec![0; 65_536]).unwrap();
    store.sync().unwrap();
    assert_eq!(store.read(0, 1).unwrap()[0].payload.len(), 65_536);
}
