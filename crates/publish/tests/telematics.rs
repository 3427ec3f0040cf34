//! Telematics against a real broker that dies, hangs and refuses.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests may stop at what they do not expect"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use cabinmood_tests::broker::{Site, VEHICLE, event, sink};
use cabinmood_tests::clock::RealTime;
use cabinmood_tests::inbox::Inbox;
use common::{Publisher, count, open_gate};
use fastrand::Rng;
use nix::sys::signal::Signal;
use publish::telematics::{
    Store, StoreError, StoreOptions, TelematicsError, TelematicsSink, is_segment, look_at_telematics,
};
use publish::{Counters, Gated};
use types::{FaceBox, Pose};
use wire::{Deployment, Event, Gate, Groups, Policy, Purpose, Reach};

/// A publisher with the sink, and a subscriber of its socket, which keeps the pace.
struct Setting {
    publisher: Publisher,
    pace: common::Subscriber,
    next: u64,
}

impl Setting {
    fn new(options: publish::telematics::TelematicsOptions) -> Self {
        let clock = RealTime::shared();
        let publisher = Publisher::start_at(Arc::clone(&clock), |_| {}, vec![sink(options, &clock)]);
        let pace = publisher.subscribe();
        Self { publisher, pace, next: 0 }
    }

    fn counters(&self) -> &Arc<Counters> {
        &self.publisher.counters
    }

    /// Sends an event, and gives the health of telematics that it was published with.
    fn send(&mut self) -> String {
        self.publisher.send(event(self.next));
        self.next += 1;
        self.pace.line()["health"]["telematics"].as_str().unwrap().to_owned()
    }

    /// Sends events until so many more episodes are stored.
    fn store(&mut self, more: u64) {
        let telematics = Arc::clone(self.counters());
        let stored = || count(&telematics.telematics.episodes_stored_total);
        let wanted = stored() + more;
        while stored() < wanted {
            self.send();
            // Not faster than the disk: what no disk could keep up with is dropped.
            while count(&telematics.telematics.episodes_total) > stored() + 100 {
                std::thread::yield_now();
            }
        }
    }

    /// Waits until telematics is so, and events say so.
    fn until_health(&mut self, health: &str) {
        while self.counters().telematics.health().name() != health {
            std::thread::yield_now();
        }
        assert_eq!(self.send(), health);
    }
}

#[test]
fn episodes_arrive_in_order_on_the_vehicles_topic() {
    let Some(site) = Site::new() else { return };
    // As docs/fleet.md has it: a vehicle may write to its own topic and no other.
    fs::write(site.path("acl"), "pattern write cabinmood/%u/mood\nuser consumer\ntopic read cabinmood/#\n")
        .unwrap();
    let broker = site.broker(&format!("acl_file {}", site.path("acl").display()));
    let consumer = site.consumer(&broker);
    let mut setting = Setting::new(site.options());
    setting.store(50);
    let mut inbox = Inbox::default();
    let first = inbox.take(consumer.message());
    assert_eq!((&*first.vehicle_id, &*first.purpose, &*first.event_id), (VEHICLE, "safety", "run-1"));
    assert!(first.clock_synchronised && first.worst_latency_ms.is_some(), "{first:?}");
    inbox.until(&consumer, "run-50");
    assert_eq!(setting.send(), "ok");
    let sent = setting.next;
    setting.publisher.end();
    // The last one ended with the daemon; it is stored, and the next start delivers it.
    let last = format!("run-{sent}");
    let mut again = site.options();
    again.header.run = "run2".into();
    let mut next = Setting::new(again);
    inbox.until(&consumer, &last);
    assert_eq!(inbox.seen.len() as u64, sent);
    next.publisher.end();
}

#[test]
fn a_broker_that_dies_hangs_or_refuses_costs_nothing() {
    let Some(site) = Site::new() else { return };
    let mut broker = site.broker("");
    let consumer = site.consumer(&broker);
    let mut setting = Setting::new(site.options());
    let mut inbox = Inbox::default();
    // Else the broker may be gone before the vehicle has ever met it.
    setting.store(1);
    setting.until_health("ok");
    for round in 0..4 {
        setting.store(30);
        if round % 2 == 0 {
            broker.end();
        } else {
            // Mosquitto acknowledges before it saves: what it has then is its own to lose. So it is
            // killed once it has passed everything on.
            let stored = count(&setting.counters().telematics.episodes_total);
            inbox.until(&consumer, &format!("run-{stored}"));
            broker.kill();
        }
        setting.until_health("degraded");
        setting.store(30);
        if round == 1 {
            // It trusts only others' certificates: it refuses ours.
            let ca = site.path("ca.pem").display().to_string();
            fs::copy(site.path("ca.pem"), site.path("ca.keep")).unwrap();
            fs::copy(site.path("other.pem"), &ca).unwrap();
            let refusing = site.broker("");
            refusing.wait_for("error");
            refusing.end();
            fs::copy(site.path("ca.keep"), &ca).unwrap();
        }
        if round == 2 {
            fs::write(site.path("acl"), "user consumer\ntopic read cabinmood/#\n").unwrap();
            let refusing = site.broker(&format!("acl_file {}", site.path("acl").display()));
            refusing.wait_for(&format!("u'{VEHICLE}'"));
            // What it has for the consumer is still the consumer's: only the vehicle is refused.
            setting.store(5);
            refusing.end();
        }
        broker = site.broker("");
        setting.until_health("ok");
        broker.signal(Signal::SIGSTOP);
        setting.store(30);
        broker.signal(Signal::SIGCONT);
    }
    setting.store(10);
    let last = count(&setting.counters().telematics.episodes_stored_total);
    inbox.until(&consumer, &format!("run-{last}"));
    let telematics = &setting.counters().telematics;
    let lost: Vec<u64> = (1..=last).filter(|seq| !inbox.seen.contains_key(&format!("run-{seq}"))).collect();
    assert!(lost.is_empty(), "lost {lost:?}; {telematics:?}");
    let (faults, connections) =
        (count(&telematics.connection_faults_total), count(&telematics.connections_total));
    assert!(faults >= 4 && connections >= 5, "{faults} faults, {connections} connections");
    assert_eq!(count(&telematics.episodes_dropped_total), 0);
    println!("{last} episodes stored and delivered, {} of them again", inbox.duplicates);
    setting.publisher.end();
}

#[test]
fn a_store_that_cannot_be_opened_is_told_and_tried_again() {
    let Some(site) = Site::new() else { return };
    let broker = site.broker("");
    let consumer = site.consumer(&broker);
    fs::write(site.path("store"), "in the way").unwrap();
    let mut setting = Setting::new(site.options());
    setting.send();
    setting.until_health("failed");
    for _ in 0..20 {
        setting.send();
    }
    fs::remove_file(site.path("store")).unwrap();
    setting.until_health("ok");
    let mut inbox = Inbox::default();
    inbox.until(&consumer, "run-20");
    assert!(inbox.seen.contains_key("run-1"), "what waited in memory is lost");
    assert!(count(&setting.counters().telematics.store_faults_total) > 0);
    setting.publisher.end();
    let mut files = fs::read_dir(site.path("store")).unwrap();
    assert!(files.all(|file| is_segment(file.unwrap().file_name().to_str().unwrap())));
}

#[test]
fn what_is_wrong_with_certificates_and_keys_is_said() {
    let Some(site) = Site::new() else { return };
    let broker = site.broker("");
    let clock = RealTime::shared();
    let look = |change: &dyn Fn(&mut publish::telematics::TelematicsOptions)| {
        let mut options = site.options();
        change(&mut options);
        look_at_telematics(&options, clock.utc()).map_err(|fault| fault.to_string())
    };
    assert!(look(&|_| {}).unwrap().contains("4096"), "rcgen's certificates end in that year");
    fs::write(site.path("text"), "nothing").unwrap();
    let told = |change: &dyn Fn(&mut publish::telematics::TelematicsOptions)| look(change).unwrap_err();
    for (fault, words) in [
        (told(&|o| o.tls.ca = "/no/such.pem".into()), &["telematics.ca /no/such.pem", "No such file"][..]),
        (told(&|o| o.tls.cert = site.path("text")), &["telematics.cert", "text: holds no certificate"]),
        (told(&|o| o.tls.key = site.path("ca.pem")), &["telematics.key", "ca.pem: holds no private key"]),
        (told(&|o| o.tls.key = site.path("broker.key")), &["telematics.key", "broker.key: does not go with"]),
        (told(&|o| o.tls = site.tls("expired")), &["telematics.cert", "expired.pem: is valid from", "2020"]),
        (told(&|o| o.tls.ca = site.path("other.pem")), &["telematics.host 127.0.0.1", "UnknownIssuer"]),
        (told(&|o| o.tls = site.tls("stranger")), &["telematics.host 127.0.0.1", "UnknownCA"]),
        (told(&|o| o.host = "127.0.0.2".into()), &["telematics.host 127.0.0.2", "refused"]),
    ] {
        assert!(words.iter().all(|word| fault.contains(word)), "{words:?} not in {fault:?}");
        assert_eq!(fault.lines().count(), 1, "{fault}");
    }
    let mut options = site.options();
    options.tls.key = "/no/such.key".into();
    let refused = TelematicsSink::new(options, Arc::clone(&clock)).err().unwrap();
    assert!(matches!(refused, TelematicsError::Unreadable { name: "key", .. }), "{refused}");
    // At run time an expired certificate is survived: the clock may be wrong.
    let mut options = site.options();
    options.tls = site.tls("expired");
    let mut setting = Setting::new(options);
    setting.store(5);
    setting.until_health("degraded");
    setting.publisher.end();
    drop(broker);
}

/// The store that was closed just now. Another test may be starting a process, which holds this one's locks
/// until its program runs.
fn reopened(folder: &Path) -> Store {
    const MOST_TRIES: usize = 100_000;
    for _ in 0..MOST_TRIES {
        match Store::open_folder(folder, StoreOptions::new(64 << 20)) {
            Err(StoreError::InUse { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap().0,
        }
    }
    panic!("{} is still in use", folder.display());
}

/// What the store has after so many different expressions behind this gate.
fn stored_behind(site: &Site, gate: Gate) -> Vec<String> {
    let clock = RealTime::shared();
    let sinks = vec![Gated::new(sink(site.options(), &clock), gate)];
    let (sender, receiver) = publish::channel(64);
    for seq in 0..8 {
        let event = event(seq);
        let pose = Some(Pose { yaw_deg: 33.25, pitch_deg: 33.25, roll_deg: 33.25 });
        let seen = Event { face_present: Some(true), face: Some(FaceBox::default()), pose, ..event };
        sender.send(Event { eye_openness: Some(0.3325), ..seen }).unwrap();
    }
    drop(sender);
    publish::serve(sinks, receiver, clock, Arc::default()).unwrap();
    let records = reopened(&site.path("store")).read(0, usize::MAX).unwrap();
    records.into_iter().map(|record| String::from_utf8(record.payload).unwrap()).collect()
}

#[test]
fn what_the_purpose_withholds_reaches_not_even_the_store() {
    let Some(site) = Site::new() else { return };
    let mut policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Research };
    assert_eq!(stored_behind(&site, policy.gate(Reach::Beyond, Groups::ALL)), [""; 0]);
    policy.purpose = Purpose::Safety;
    // The second gate is a mistake in the wiring: it was made for a sink within the vehicle.
    for reach in [Reach::Beyond, Reach::Vehicle] {
        let stored = stored_behind(&site, policy.gate(reach, Groups::ALL));
        assert!(stored.len() >= 8, "{stored:?}");
        for episode in &stored {
            assert!(episode.contains("\"purpose\":\"safety\""), "{episode}");
            assert!(
                !["33.25", "0.3325", "\"pose", "\"face", "\"eye"].iter().any(|word| episode.contains(word)),
                "{episode}"
            );
        }
    }
}

/// The example of a consumer, in the environment that has what it needs.
fn python_consumer(site: &Site, database: &Path) -> Option<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = root.join(".venv/bin/python");
    let found = Command::new(&python).args(["-c", "import paho.mqtt"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        println!("SKIPPED: paho-mqtt is not in .venv; run `make python`");
        return None;
    }
    let mut command = Command::new(python);
    command.arg(root.join("docs/examples/fleet_consumer.py"));
    command.args(["--host", "127.0.0.1", "--port", &site.port.to_string(), "--ca"]).arg(site.path("ca.pem"));
    command.arg("--cert").arg(site.path("consumer.pem")).arg("--key").arg(site.path("consumer.key"));
    command.arg("--db").arg(database).stdout(Stdio::piped());
    Some(command)
}

#[test]
fn the_example_of_a_consumer_has_each_episode_once_also_when_it_is_killed() {
    let Some(site) = Site::new() else { return };
    let broker = site.broker("");
    let database = site.path("mood.sqlite");
    let Some(mut command) = python_consumer(&site, &database) else { return };
    let mut setting = Setting::new(site.options());
    let start = |command: &mut Command| {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        (child, lines)
    };
    let (mut child, mut lines) = start(&mut command);
    broker.wait_for("fleet-consumer 1 cabinmood/+/mood");
    for _ in 0..5 {
        setting.store(30);
        lines.nth(10).expect("the consumer ended");
        child.kill().unwrap();
        child.wait().unwrap();
        (child, lines) = start(&mut command);
    }
    let sent = setting.next;
    setting.publisher.end();
    // The rest, the last one included, is delivered by the next start.
    let mut again = site.options();
    again.header.run = "run2".into();
    let mut setting = Setting::new(again);
    let count_rows = || {
        let select = "import sqlite3,sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*), \
                      count(distinct event_id) from episode').fetchone())";
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut python = Command::new(root.join(".venv/bin/python"));
        String::from_utf8(python.args(["-c", select]).arg(&database).output().unwrap().stdout).unwrap()
    };
    let wanted = format!("({sent}, {sent})");
    let mut told = lines.inspect(|line| assert!(line.ends_with("cabinmood/truck-7/mood"), "{line}"));
    while count_rows().trim() != wanted {
        told.next().expect("the consumer ended");
    }
    setting.publisher.end();
    child.kill().unwrap();
    child.wait().unwrap();
}

const CHILD_FOLDER: &str = "CABINMOOD_TEST_CHILD_FOLDER";
const CHILD_RUN: &str = "CABINMOOD_TEST_CHILD_RUN";
const CHILD_PORT: &str = "CABINMOOD_TEST_CHILD_PORT";

/// The process that the test below kills: it sends events and tells how many of its episodes it
/// counts as stored.
#[test]
#[ignore = "is started by the test that kills it"]
fn child() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let mut options = Site::new().unwrap().options();
    let path = |name: &str| Path::new(&folder).join(name);
    options.port = std::env::var(CHILD_PORT).unwrap().parse().unwrap();
    options.tls.ca = path("ca.pem");
    (options.tls.cert, options.tls.key) = (path("truck-7.pem"), path("truck-7.key"));
    options.store = path("store");
    // Small, so that segments begin and go all the time.
    options.store_options = StoreOptions { max_bytes: 64 << 20, segment_bytes: 16 << 10 };
    options.header.run = std::env::var(CHILD_RUN).unwrap().into();
    let clock = RealTime::shared();
    let sinks = vec![Gated::new(sink(options, &clock), open_gate())];
    let (sender, receiver) = publish::channel(64);
    let counters = Arc::new(Counters::default());
    let shared = Arc::clone(&counters);
    std::thread::spawn(move || publish::serve(sinks, receiver, clock, shared));
    for seq in 0.. {
        sender.send(event(seq)).unwrap();
        // The first event ends none.
        while count(&counters.telematics.episodes_total) < seq {
            std::thread::yield_now();
        }
        // Not faster than the disk: what no disk could keep up with is dropped, and would count here as lost.
        while seq > count(&counters.telematics.episodes_stored_total) + 200 {
            std::thread::yield_now();
        }
        let mut out = std::io::stdout().lock();
        assert_eq!(count(&counters.telematics.episodes_dropped_total), 0);
        writeln!(out, "stored {}", count(&counters.telematics.episodes_stored_total)).unwrap();
        out.flush().unwrap();
    }
}

/// Starts the child, reads so many lines of it, kills it, and gives what it last said was stored.
fn run_and_kill(site: &Site, run: &str, lines: usize) -> u64 {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--ignored", "--nocapture"]);
    command.env(CHILD_FOLDER, site.folder.path()).env(CHILD_RUN, run).env(CHILD_PORT, site.port.to_string());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut stored = 0;
    let mut note = |line: &str| {
        stored = line.strip_prefix("stored ").and_then(|text| text.parse().ok()).unwrap_or(stored);
    };
    for _ in 0..lines {
        note(&output.next().expect("the child ended by itself"));
    }
    child.kill().unwrap();
    // What it had said before it died counts, too. The last line may be cut off.
    let rest: Vec<String> = output.collect();
    let whole = rest.len().saturating_sub(1);
    rest[..whole].iter().for_each(|line| note(line));
    child.wait().unwrap();
    stored
}

#[test]
fn killed_at_two_hundred_random_points_it_loses_nothing_that_it_called_stored() {
    let Some(site) = Site::new() else { return };
    let kills = std::env::var("CABINMOOD_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let broker = site.forgetful_broker("");
    let consumer = site.consumer(&broker);
    let mut rng = Rng::with_seed(7);
    let mut stored = Vec::new();
    for kill in 0..kills {
        let run = format!("{kill:04}");
        // Some lines are the test harness's own.
        stored.push((run.clone(), run_and_kill(&site, &run, rng.usize(0..1000))));
    }
    let mut options = site.options();
    options.header.run = "last".into();
    let mut setting = Setting::new(options);
    setting.store(1);
    let mut inbox = Inbox::default();
    inbox.until(&consumer, "last-1");
    let mut total = 0;
    for (run, stored) in stored {
        let lost = (1..=stored).find(|seq| !inbox.seen.contains_key(&format!("{run}-{seq}")));
        assert_eq!(lost, None, "run {run} called {stored} stored");
        total += stored;
    }
    let (arrived, again) = (inbox.seen.len(), inbox.duplicates);
    println!("{kills} kills: {total} called stored, {arrived} arrived, {again} of them again, none lost");
    assert!(total > kills, "hardly anything was stored");
    setting.publisher.end();
    let (store, recovery) = Store::open_folder(&site.path("store"), StoreOptions::new(64 << 20)).unwrap();
    assert!(recovery.damage.is_empty() || store.stored() > 0, "{recovery:?}");
}
