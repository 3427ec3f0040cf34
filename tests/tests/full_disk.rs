//! The daemon on a disk that is really full, and on one that is really read-only.

use std::fs;
use std::path::PathBuf;

use cabinmood_tests::broker::{Broker, Consumer, Site};
use cabinmood_tests::inbox::{Inbox, run_of};
use cabinmood_tests::mounts::Mounts;
use cabinmood_tests::pictures::{HASTY, come_and_go};
use cabinmood_tests::scrape::counter;
use cabinmood_tests::{Daemon, Subscriber};
use serde_json::Value;

/// Smaller than the smallest store, so that the disk is full first.
const DISK_BYTES: u64 = 512 << 10;
/// Five minutes: longer than any of the lives.
const PICTURES: usize = 9000;
/// Nothing that is waited for takes so many events.
const PATIENCE: usize = 9000;

/// A vehicle with a store on a disk of its own.
struct Vehicle {
    disk: Mounts,
    args: Vec<String>,
    metrics: PathBuf,
}

impl Vehicle {
    fn new(site: &Site) -> Option<Self> {
        let point = site.path("disk");
        fs::create_dir(&point).unwrap();
        let disk = Mounts::new(&point, DISK_BYTES)?;
        let pictures = site.path("pictures");
        fs::create_dir(&pictures).unwrap();
        come_and_go(&pictures, PICTURES);
        let metrics = site.path("metrics.sock");
        let settings = site.settings().into_iter().chain(HASTY.map(str::to_owned)).chain([
            format!("telematics.store={}", point.join("store").display()),
            "metrics.enabled=true".to_owned(),
            format!("metrics.path={}", metrics.display()),
        ]);
        let mut args = vec![pictures.display().to_string()];
        args.extend(settings.flat_map(|setting| ["--set".to_owned(), setting]));
        Some(Self { disk, args, metrics })
    }

    fn start(&self) -> (Daemon, Subscriber) {
        let daemon = Daemon::launch(Some(&self.disk), &self.args);
        daemon.wait_for("metrics are served");
        let events = daemon.subscribe();
        (daemon, events)
    }

    fn count(&self, name: &str) -> u64 {
        counter(&self.metrics, &format!("cabinmood_{name}_total"))
    }

    /// Drives on until so many episodes are stored: how many are.
    fn until_stored(&self, events: &mut Subscriber, wanted: u64) -> u64 {
        for _ in events.take(PATIENCE) {
            let stored = self.count("episodes_stored");
            if stored >= wanted {
                return stored;
            }
        }
        panic!("{wanted} episodes are not stored");
    }
}

fn health(event: &Value) -> &str {
    event["health"]["telematics"].as_str().unwrap_or_default()
}

/// The store takes nothing, and says so and why; all else goes on.
fn assert_goes_on(daemon: &Daemon, events: &mut Subscriber, why: &str) {
    let told = daemon.wait_for("the store does not work");
    assert!(told.contains("telematics.store") && told.contains(why), "{told}");
    let is_driving = |event: &Value| health(event) == "failed" && event["frame_seq"].is_u64();
    let first = events.until("of a failed store", is_driving);
    let later = events.until("of frames further on", |event| {
        event["frame_seq"].as_u64() >= first["frame_seq"].as_u64().map(|seq| seq + 60)
    });
    assert_eq!((health(&later), &later["health"]["align"]), ("failed", &"ok".into()), "{later}");
}

/// Waits for everything up to this number of the newest run; all of that run must be there.
fn receive_all(inbox: &mut Inbox, consumer: &Consumer, before: &[String], last: u64) -> String {
    let run = loop {
        let id = inbox.take(consumer.message()).event_id;
        if !before.iter().any(|run| run == run_of(&id)) {
            break run_of(&id).to_owned();
        }
    };
    inbox.until(consumer, &format!("{run}-{last}"));
    let lost: Vec<u64> = (1..=last).filter(|seq| !inbox.seen.contains_key(&format!("{run}-{seq}"))).collect();
    assert!(lost.is_empty(), "lost {lost:?} of {run}");
    run
}

/// What comes now is stored and arrives, nothing was dropped, and the daemon ends in order.
fn assert_ends_whole(
    vehicle: &Vehicle,
    daemon: Daemon,
    events: &mut Subscriber,
    inbox: &mut Inbox,
    consumer: &Consumer,
    before: &[String],
) {
    let stored = vehicle.until_stored(events, 1);
    receive_all(inbox, consumer, before, stored);
    assert_eq!(vehicle.count("episodes_dropped"), 0);
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
}

/// A consumer with a session, and a broker that is away.
fn consumer(site: &Site) -> Consumer {
    let broker: Broker = site.broker("");
    let consumer = site.consumer(&broker);
    broker.end();
    consumer
}

#[test]
fn on_a_full_disk_nothing_stored_is_lost_and_it_is_used_again_once_there_is_room() {
    let Some(site) = Site::new() else { return };
    let Some(vehicle) = Vehicle::new(&site) else { return };
    let consumer = consumer(&site);
    let (daemon, mut events) = vehicle.start();
    vehicle.until_stored(&mut events, 3);
    let ballast = vehicle.disk.fill();
    assert_goes_on(&daemon, &mut events, "No space left on device");
    let stored = vehicle.count("episodes_stored");
    assert_eq!(vehicle.count("episodes_dropped"), 0);
    daemon.kill();

    // A start on the full disk: what is stored is sent all the same, what is new waits.
    let (daemon, mut events) = vehicle.start();
    assert_goes_on(&daemon, &mut events, "No space left on device");
    let broker = site.broker("");
    let mut inbox = Inbox::default();
    let first = receive_all(&mut inbox, &consumer, &[], stored);
    fs::remove_file(ballast).unwrap();
    daemon.wait_for("the store works again");
    events.until("of a store that works", |event| health(event) == "ok");
    assert_ends_whole(&vehicle, daemon, &mut events, &mut inbox, &consumer, &[first]);
    drop(broker);
}

#[test]
fn on_a_read_only_disk_nothing_stored_is_lost_and_it_is_used_again_once_it_can_be_written() {
    let Some(site) = Site::new() else { return };
    let Some(vehicle) = Vehicle::new(&site) else { return };
    let consumer = consumer(&site);
    let (daemon, mut events) = vehicle.start();
    let stored = vehicle.until_stored(&mut events, 3);
    daemon.kill();

    vehicle.disk.remount("ro");
    let (daemon, mut events) = vehicle.start();
    assert_goes_on(&daemon, &mut events, "Read-only file system");
    let broker = site.broker("");
    let mut inbox = Inbox::default();
    let first = receive_all(&mut inbox, &consumer, &[], stored);
    vehicle.disk.remount("rw");
    daemon.wait_for("the store works again");
    events.until("of a store that works", |event| health(event) == "ok");
    assert_ends_whole(&vehicle, daemon, &mut events, &mut inbox, &consumer, &[first]);
    drop(broker);
}

#[test]
fn a_store_that_cannot_be_made_on_a_read_only_disk_is_made_later() {
    let Some(site) = Site::new() else { return };
    let Some(vehicle) = Vehicle::new(&site) else { return };
    let consumer = consumer(&site);
    let broker = site.broker("");
    vehicle.disk.remount("ro");
    let (daemon, mut events) = vehicle.start();
    assert_goes_on(&daemon, &mut events, "cannot open the folder: Read-only file system");
    vehicle.disk.remount("rw");
    daemon.wait_for("the store works again");
    let stored = vehicle.until_stored(&mut events, 1);
    receive_all(&mut Inbox::default(), &consumer, &[], stored);
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
    drop(broker);
}
