//! The daemon with what may be wrong with its certificates, its broker and its store: it goes on, says
//! what is wrong, and loses nothing that it had stored.

use std::fs;
use std::path::{Path, PathBuf};

use cabinmood_tests::broker::{Consumer, Site};
use cabinmood_tests::inbox::Inbox;
use cabinmood_tests::pictures::{HASTY, come_and_go};
use cabinmood_tests::scrape::counter;
use cabinmood_tests::{Daemon, cabinmood, expression_in};
use serde_json::Value;

/// Five minutes: longer than any of the lives.
const PICTURES: usize = 9000;

struct Vehicle {
    args: Vec<String>,
    metrics: PathBuf,
    store: PathBuf,
}

impl Vehicle {
    fn new(site: &Site) -> Self {
        let pictures = site.path("pictures");
        fs::create_dir(&pictures).unwrap();
        come_and_go(&pictures, PICTURES);
        let metrics = site.path("metrics.sock");
        let settings = site.settings().into_iter().chain(HASTY.map(str::to_owned));
        let settings = settings
            .chain(["metrics.enabled=true".to_owned(), format!("metrics.path={}", metrics.display())]);
        let mut args = vec![pictures.display().to_string()];
        args.extend(settings.flat_map(|setting| ["--set".to_owned(), setting]));
        Self { args, metrics, store: site.path("store") }
    }

    /// With some settings more, which go before the others.
    fn start(&self, more: &[String]) -> Daemon {
        let more = more.iter().flat_map(|setting| ["--set", setting]);
        let daemon = Daemon::launch(None, self.args.iter().map(String::as_str).chain(more));
        daemon.wait_for("metrics are served");
        daemon
    }

    fn count(&self, name: &str) -> u64 {
        counter(&self.metrics, &format!("cabinmood_{name}_total"))
    }

    /// Drives until so many episodes are stored, or delivered: how many are.
    fn until(&self, daemon: &Daemon, name: &str, wanted: u64) -> u64 {
        let mut count = 0;
        daemon.subscribe().until("late enough", |_| {
            count = self.count(name);
            count >= wanted
        });
        count
    }

    /// The newest segment with something in it.
    fn segment(&self) -> PathBuf {
        let mut files: Vec<PathBuf> =
            fs::read_dir(&self.store).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.pop().unwrap()
    }
}

fn finish(daemon: Daemon) {
    daemon.terminate();
    assert_eq!(daemon.end(), Some(0));
}

fn is_degraded(event: &Value) -> bool {
    event["health"]["telematics"] == "degraded"
}

/// Reads so many different episodes.
fn receive(consumer: &Consumer, count: u64) -> Inbox {
    let mut inbox = Inbox::default();
    while (inbox.seen.len() as u64) < count {
        inbox.take(consumer.message());
    }
    inbox
}

#[test]
fn wrong_certificates_and_brokers_are_named_and_cost_nothing() {
    let Some(site) = Site::new() else { return };
    let vehicle = Vehicle::new(&site);
    let mut broker = site.broker("");
    let consumer = site.consumer(&broker);
    let file = |key: &str, name: &str| format!("telematics.{key}={}", site.path(name).display());
    let mut stored = 0;
    for (what, set, words) in [
        (
            "an expired one",
            &[file("cert", "expired.pem"), file("key", "expired.key")][..],
            "CertificateExpired",
        ),
        ("a wrong authority", &[file("ca", "other.pem")], "UnknownIssuer"),
        ("a stranger's", &[file("cert", "stranger.pem"), file("key", "stranger.key")], "UnknownCA"),
        ("another name", &["telematics.host=127.0.0.2".to_owned()], "refused"),
    ] {
        let daemon = vehicle.start(set);
        let told = daemon.wait_for("no way to the broker");
        assert!(told.contains(words) && told.contains("port="), "{what}: {told}");
        daemon.subscribe().until("degraded", is_degraded);
        stored += vehicle.until(&daemon, "episodes_stored", 1);
        finish(daemon);
    }
    // The broker's own has expired.
    fs::copy(site.path("broker.pem"), site.path("good.pem")).unwrap();
    fs::copy(site.path("broker.key"), site.path("good.key")).unwrap();
    broker.end();
    fs::copy(site.path("expired-broker.pem"), site.path("broker.pem")).unwrap();
    fs::copy(site.path("expired-broker.key"), site.path("broker.key")).unwrap();
    broker = site.broker("");
    let daemon = vehicle.start(&[]);
    let told = daemon.wait_for("no way to the broker");
    assert!(told.contains("certificate expired"), "{told}");
    broker.end();
    // It is renewed while the daemon runs.
    fs::copy(site.path("good.pem"), site.path("broker.pem")).unwrap();
    fs::copy(site.path("good.key"), site.path("broker.key")).unwrap();
    broker = site.broker("");
    daemon.subscribe().until("ok", |event| event["health"]["telematics"] == "ok");
    stored += vehicle.until(&daemon, "episodes_stored", 1);
    receive(&consumer, stored);
    finish(daemon);
    drop(broker);
}

#[test]
fn a_damaged_store_loses_what_is_damaged_and_one_of_a_newer_version_is_left_alone() {
    let Some(site) = Site::new() else { return };
    let vehicle = Vehicle::new(&site);
    let broker = site.broker("");
    let consumer = site.consumer(&broker);
    broker.end();
    let daemon = vehicle.start(&[]);
    vehicle.until(&daemon, "episodes_stored", 3);
    finish(daemon);
    let segment = vehicle.segment();
    let name = segment.display().to_string();
    let good = fs::read(&segment).unwrap();

    let mut newer = good.clone();
    newer[8] = 2;
    let crc = crc32c::crc32c(&newer[..12]);
    newer[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&segment, &newer).unwrap();
    let daemon = vehicle.start(&[]);
    let told = daemon.wait_for("the store does not work");
    assert!(told.contains(&name) && told.contains("has format 2, this version reads up to 1"), "{told}");
    daemon.subscribe().until("failed", |event| {
        event["health"]["telematics"] == "failed" && event["frame_seq"].as_u64() > Some(30)
    });
    finish(daemon);
    assert_eq!((fs::read(&segment).unwrap(), fs::read_dir(&vehicle.store).unwrap().count()), (newer, 1));
    let more = vehicle.args.iter().skip(1);
    let checked = cabinmood(["check", "--json"].into_iter().map(String::from).chain(more.cloned()));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("has format 2"), "check says nothing of it");

    // The second of its entries has its middle flipped: that one is lost, and no other.
    let episodes = |bytes: &[u8]| bytes.windows(3).filter(|mark| mark == b"\xFF\xCB\xFE").count() as u64 - 1;
    let mut damaged = good.clone();
    let place = good.windows(11).rposition(|text| text == b"\"event_id\":").unwrap();
    damaged[place] ^= 1;
    fs::write(&segment, &damaged).unwrap();
    let broker = site.broker("");
    let daemon = vehicle.start(&[]);
    let told = daemon.wait_for("a damaged part of the store is left out");
    assert!(told.contains(&name) && told.contains("from=") && told.contains("bytes="), "{told}");
    // One more than there were, less the lost one: in order, so that all before it are there.
    let inbox = receive(&consumer, episodes(&good));
    let of_first = inbox.seen.keys().filter(|id| cabinmood_tests::inbox::run_of(id) == first_run(&good));
    assert_eq!(of_first.count() as u64, episodes(&good) - 1);
    assert!(vehicle.count("store_damaged_bytes") > 100);
    finish(daemon);
    drop(broker);
}

/// The run of a segment's first episode.
fn first_run(segment: &[u8]) -> String {
    let text = String::from_utf8_lossy(segment).into_owned();
    let id = text.split("\"event_id\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    cabinmood_tests::inbox::run_of(&id).to_owned()
}

#[test]
fn the_log_names_no_expression_either_when_episodes_are_sent() {
    let Some(site) = Site::new() else { return };
    let vehicle = Vehicle::new(&site);
    let broker = site.broker("");
    let consumer = site.consumer(&broker);
    let daemon = vehicle.start(&["log.level=trace".to_owned()]);
    vehicle.until(&daemon, "episodes_delivered", 3);
    daemon.terminate();
    let log: Vec<String> = std::iter::from_fn(|| daemon.line()).collect();
    assert_eq!(daemon.end(), Some(0));
    assert!(log.iter().any(|line| line.contains("TRACE")), "not everything is in this log");
    assert_eq!(log.iter().find(|line| expression_in(line).is_some()), None);
    // What was delivered does name one.
    assert!(expression_in(&consumer.message()).is_some());
    assert!(Path::new(&vehicle.store).exists());
    drop(broker);
}
