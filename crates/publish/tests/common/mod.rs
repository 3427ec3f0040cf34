//! A publisher on a thread of its own, and subscribers that read lines from it.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "shared by tests that each use a part of it, and may stop at what they do not expect"
)]

use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use publish::{Counters, EventSender, Gated, PublishError, Sink, SocketOptions, SocketSink};
use serde_json::Value;
use types::{Clock, Expression, MonoTime, Mood, MoodState, Probabilities, UtcTime};
use wire::{Event, Gate, Groups, Header, Policy, Reach};

/// A guard against hanging for ever where a test fails; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Lets everything pass.
pub fn open_gate() -> Gate {
    Policy::default().gate(Reach::Vehicle, Groups::ALL)
}

/// Each look at it is a millisecond later than the one before.
#[derive(Default)]
pub struct Ticking(AtomicU64);

impl Clock for Ticking {
    fn now(&self) -> MonoTime {
        MonoTime::from_ms(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn utc(&self) -> UtcTime {
        UtcTime(0)
    }
}

pub struct Publisher {
    sender: Option<EventSender>,
    thread: Option<JoinHandle<Result<(), PublishError>>>,
    pub counters: Arc<Counters>,
    pub path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Publisher {
    pub fn start() -> Self {
        Self::start_with(|_| {}, vec![])
    }

    pub fn start_with(change: impl FnOnce(&mut SocketOptions), others: Vec<Box<dyn Sink>>) -> Self {
        Self::start_at(Arc::new(Ticking::default()), change, others)
    }

    pub fn start_at(
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut SocketOptions),
        others: Vec<Box<dyn Sink>>,
    ) -> Self {
        Self::start_gated(open_gate(), clock, change, others)
    }

    /// All sinks behind this gate.
    pub fn start_gated(
        gate: Gate,
        clock: Arc<dyn Clock>,
        change: impl FnOnce(&mut SocketOptions),
        mut others: Vec<Box<dyn Sink>>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mood.sock");
        let mut options = SocketOptions::new(&path);
        change(&mut options);
        others.push(Box::new(SocketSink::bind(&options).unwrap()));
        let others = others.into_iter().map(|sink| Gated::new(sink, gate)).collect();
        let (sender, receiver) = publish::channel(64);
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let thread = std::thread::spawn(move || publish::serve(others, receiver, clock, shared));
        Self { sender: Some(sender), thread: Some(thread), counters, path, _folder: folder }
    }

    pub fn send(&self, event: Event) {
        self.sender.as_ref().unwrap().send(event).unwrap();
    }

    pub fn subscribe(&self) -> Subscriber {
        Subscriber::connect(&self.path)
    }

    /// Ends the stream of events and waits for the publisher to return.
    pub fn end(&mut self) {
        self.sender = None;
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

pub struct Subscriber(pub BufReader<UnixStream>);

impl Subscriber {
    pub fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    pub fn line(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the stream ended with {line:?}");
        serde_json::from_str(&line).unwrap()
    }

    /// The `seq` of the next line, which must be an event.
    pub fn seq(&mut self) -> u64 {
        let line = self.line();
        line["seq"].as_u64().unwrap_or_else(|| panic!("not an event: {line}"))
    }

    pub fn rest(&mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).unwrap();
        rest
    }
}

pub fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// An event of which only `seq` and the state matter.
pub fn event(seq: u64, expression: Expression) -> Event {
    let header = Header { boot_id: "boot".into(), model: "net".into(), ..Header::default() };
    let mood = Mood {
        state: MoodState::Steady(expression),
        confidence: 0.9,
        intensity: None,
        posterior: Probabilities::UNIFORM,
    };
    Event::new(&header, seq, MonoTime::ZERO, &mood, UtcTime(0))
}
