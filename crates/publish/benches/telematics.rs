//! What telematics costs: `make bench-telematics`. Bytes written per byte of payload, the time to open
//! a store of 100 MB, and the time to upload a day's backlog over TLS to a Mosquitto on this computer.
//! Prints one JSON object a line. The store is in `$CABINMOOD_BENCH_FOLDER`, or in the build folder:
//! a disk must be under it for the figures to mean something.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark measures time and fails loudly"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cabinmood_tests::broker::{Site, event, sink};
use cabinmood_tests::clock::RealTime;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use publish::telematics::{Store, StoreOptions, SyncPolicy};
use publish::{Counters, Gated};
use wire::episode::{EpisodeHeader, EpisodeLimits, Episodes};
use wire::{Groups, Policy, Reach};

/// A day at one episode a second.
const DAY: u64 = 86_400;
const HOUR: u64 = 3600;
/// The default of telematics.sync_s: so many episodes between two syncs at one a second.
const SYNC_EVERY: u64 = 10;

/// Episodes as a vehicle sends them.
fn payloads(count: u64) -> Vec<Vec<u8>> {
    let header = EpisodeHeader {
        vehicle_id: "WDB9634031L123456".into(),
        purpose: "safety".into(),
        run: "3f1c9f3e-6d4a-4c0e-9d0a-52d1f0a1b2c3-1a2b3c4d5e6f".into(),
    };
    let limits = EpisodeLimits { shortest: Duration::ZERO, longest: Duration::from_secs(300) };
    let mut episodes = Episodes::new(header, limits);
    let mut next = |seq| {
        let mut event = event(seq);
        event.boot_id = "3f1c9f3e-6d4a-4c0e-9d0a-52d1f0a1b2c3".into();
        (event.model, event.model_id) = ("expression".into(), "0a1b2".into());
        event.software_version = "0.1.0".into();
        event.published(event.captured_at + Duration::from_millis(31));
        episodes.push(&event, false, || true)
    };
    (0..=count).filter_map(&mut next).map(|episode| episode.to_json()).collect()
}

/// Bytes that this process caused to be sent to the disk.
fn to_disk() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// An hour at one episode a second, all of them delivered soon after.
fn wear(folder: &Path) {
    let payloads = payloads(HOUR);
    let payload: usize = payloads.iter().map(Vec::len).sum();
    let (mut store, _) = Store::open_folder(folder, StoreOptions::new(64 << 20)).unwrap();
    let (before, mut syncs) = (to_disk(), 0);
    for (place, bytes) in payloads.into_iter().enumerate() {
        store.append(bytes).unwrap();
        if (place as u64 + 1).is_multiple_of(SYNC_EVERY) {
            let delivered = store.stored();
            store.acknowledge(delivered);
            store.sync().unwrap();
            syncs += 1;
        }
    }
    let per_byte = |bytes: u64| bytes as f64 / payload as f64;
    println!(
        "{{\"what\":\"wear\",\"episodes\":{HOUR},\"payload_bytes_each\":{},\"written_per_payload\":{:.3},\
         \"to_disk_per_payload\":{:.3},\"syncs\":{syncs}}}",
        payload as u64 / HOUR,
        per_byte(store.bytes_written()),
        per_byte(to_disk() - before)
    );
}

fn forget_cached(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let file = File::open(entry.unwrap().path()).unwrap();
        posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED).unwrap();
    }
}

/// Opens a store of 100 MB that was left without a word, from memory and from the disk.
fn recovery(folder: &Path) {
    let options = StoreOptions::new(200 << 20);
    let payloads = payloads(DAY);
    let (mut store, _) = Store::open_folder(folder, options).unwrap();
    let mut place = 0;
    while store.bytes_written() < 100_000_000 {
        store.append(payloads[place % payloads.len()].clone()).unwrap();
        place += 1;
    }
    store.sync().unwrap();
    drop(store);
    for cached in [true, false] {
        if !cached {
            forget_cached(folder);
        }
        let start = Instant::now();
        let (_, found) = Store::open_folder(folder, options).unwrap();
        println!(
            "{{\"what\":\"recovery\",\"bytes\":{},\"records\":{},\"cached\":{cached},\"ms\":{:.1}}}",
            found.bytes,
            found.records,
            start.elapsed().as_secs_f64() * 1e3
        );
    }
}

/// Uploads a day's backlog.
fn upload(folder: PathBuf) {
    let Some(site) = Site::new() else { return };
    let broker = site.forgetful_broker("");
    let mut options = site.options();
    options.store = folder;
    options.store_options = StoreOptions::new(200 << 20);
    options.sync = SyncPolicy { interval: Duration::from_secs(SYNC_EVERY), records: 256 };
    let (mut store, _) = Store::open_folder(&options.store, options.store_options).unwrap();
    let mut bytes = 0;
    for payload in payloads(DAY) {
        bytes += payload.len();
        store.append(payload).unwrap();
    }
    store.sync().unwrap();
    drop(store);
    let consumer = site.consumer(&broker);
    let clock = RealTime::shared();
    let (sender, receiver) = publish::channel(64);
    let counters = Arc::new(Counters::default());
    let gate = Policy::default().gate(Reach::Beyond, Groups::ALL);
    let (shared, sinks) = (Arc::clone(&counters), vec![Gated::new(sink(options, &clock), gate)]);
    let start = Instant::now();
    let thread = std::thread::spawn(move || publish::serve(sinks, receiver, clock, shared));
    for _ in 0..DAY {
        consumer.message();
    }
    while counters.telematics.episodes_delivered_total.load(Ordering::Relaxed) < DAY {
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "{{\"what\":\"upload\",\"episodes\":{DAY},\"bytes\":{bytes},\"s\":{took:.2},\"episodes_per_s\":{:.0}}}",
        DAY as f64 / took
    );
    drop(sender);
    thread.join().unwrap().unwrap();
}

fn main() {
    let root = std::env::var_os("CABINMOOD_BENCH_FOLDER").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")));
    let folder = tempfile::tempdir_in(root).unwrap();
    wear(&folder.path().join("wear"));
    recovery(&folder.path().join("recovery"));
    upload(folder.path().join("upload"));
}
