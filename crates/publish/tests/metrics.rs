//! The metrics' endpoint as a scraper meets it, and what one that does not read can do.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests may stop at what they do not expect")]

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{Publisher, count, event};
use publish::{Figure, Metric, MetricsPage, MetricsPlace, MetricsSink, PublishError};
use types::Expression::Happy;

/// A guard against hanging for ever where a test fails; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections that are answered at once.
const MOST: u64 = 8;

const METRICS: &[Metric<Arc<AtomicU64>>] = &[
    Metric {
        name: "steps",
        doc: "Steps taken",
        figure: Figure::Counts(|steps| vec![(None, steps.load(Ordering::Relaxed))]),
    },
    Metric {
        name: "depth_events",
        doc: "How deep",
        figure: Figure::Levels(|_| vec![(Some(("queue", "a")), 2.0), (Some(("queue", "b")), 0.5)]),
    },
];

struct Setting {
    publisher: Publisher,
    steps: Arc<AtomicU64>,
    folder: tempfile::TempDir,
}

impl Setting {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let page = Arc::new(MetricsPage::new(METRICS, Arc::clone(&steps)));
        let path = folder.path().join("m");
        let sink = MetricsSink::bind(&MetricsPlace::Socket { path, group: None, mode: 0o600 }, page).unwrap();
        let publisher = Publisher::start_with(|_| {}, vec![Box::new(sink)]);
        Self { publisher, steps, folder }
    }

    fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(self.folder.path().join("m")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The whole answer to a request.
    fn ask(&self, request: &str) -> String {
        asked(self.connect(), request)
    }
}

fn asked(mut stream: impl Read + Write, request: &str) -> String {
    stream.write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_scrape_tells_what_is_now() {
    let setting = Setting::start();
    for steps in [0, 7] {
        setting.steps.store(steps, Ordering::Relaxed);
        let answer = setting.ask("GET /metrics");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let (head, text) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
        assert_eq!(
            text,
            format!(
                "# HELP cabinmood_steps Steps taken\n# TYPE cabinmood_steps counter\n\
                 cabinmood_steps_total {steps}\n\
                 # HELP cabinmood_depth_events How deep\n# TYPE cabinmood_depth_events gauge\n\
                 cabinmood_depth_events{{queue=\"a\"}} 2.0\ncabinmood_depth_events{{queue=\"b\"}} 0.5\n# EOF\n"
            )
        );
    }
    assert_eq!(count(&setting.publisher.counters.scrapes_total), 2);
}

#[test]
fn what_is_no_scrape_is_answered_and_changes_nothing() {
    let setting = Setting::start();
    assert!(setting.ask("GET /").starts_with("HTTP/1.1 404 "));
    let refused = setting.ask("POST /metrics");
    assert!(refused.starts_with("HTTP/1.1 405 ") && refused.contains("allow: GET, HEAD"), "{refused}");
    let head = setting.ask("HEAD /metrics");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
    let mut noise = setting.connect();
    noise.write_all(&[0xFF; 4096]).unwrap();
    let mut answer = Vec::new();
    // Closed or refused, whichever the library does; what matters is that others are answered.
    let _ = noise.read_to_end(&mut answer);
    assert!(setting.ask("GET /metrics").starts_with("HTTP/1.1 200 "));
}

#[test]
fn scrapers_that_do_not_read_hold_up_neither_events_nor_the_end() {
    let mut setting = Setting::start();
    let mut stuck: Vec<UnixStream> = (0..MOST).map(|_| setting.connect()).collect();
    stuck.iter_mut().for_each(|stream| stream.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap());
    let mut subscriber = setting.publisher.subscribe();
    for seq in 0..100 {
        setting.publisher.send(event(seq, Happy));
        assert_eq!(subscriber.seq(), seq);
    }
    // All places are taken: a further one is closed without an answer.
    let mut answer = Vec::new();
    let read = setting.connect().read_to_end(&mut answer);
    assert!(answer.is_empty(), "{read:?}");
    assert_eq!(count(&setting.publisher.counters.scrapes_refused_total), 1);
    // The others can still finish their request.
    stuck[0].write_all(b"Host: x\r\n\r\n").unwrap();
    stuck[0].set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    stuck[0].read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    setting.publisher.end();
    assert!(!setting.folder.path().join("m").exists(), "the socket is left behind");
}

#[test]
fn a_port_is_served_on_this_computer_alone_and_a_taken_one_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let page = Arc::new(MetricsPage::new(METRICS, Arc::default()));
    let fault = MetricsSink::bind(&MetricsPlace::Port(port), Arc::clone(&page)).unwrap_err();
    assert!(matches!(fault, PublishError::Port { .. }));
    assert!(fault.to_string().contains(&format!("metrics.port {port}: ")), "{fault}");
    drop(taken);
    let sink = MetricsSink::bind(&MetricsPlace::Port(port), page).unwrap();
    let publisher = Publisher::start_with(|_| {}, vec![Box::new(sink)]);
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(asked(stream, "GET /metrics").contains("cabinmood_steps_total 0\n"));
    // Another address of this computer: only a socket on all addresses would answer there.
    assert!(TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).is_err());
    drop(publisher);
}
