//! How long it takes from handing an event to the publisher to having its frame at the far end of
//! the bus, beside a bare sender that only writes a frame: `make bench-can`, on a pair of sockets;
//! `make bench-can INTERFACE=vcan0`, on a real interface. Prints one JSON object a line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark measures time and fails loudly"
)]

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cabinmood_tests::clock::RealTime;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use publish::{CanInterfacePort, CanListener, CanOptions, CanPort, CanSink, Counters, Gated, Hear};
use socketcan::{CanDataFrame, CanFdSocket, EmbeddedFrame as _, Socket as _, StandardId};
use types::{Expression, Mood, MoodState, Probabilities, UtcTime};
use wire::can::{Network, NetworkOptions, Reading, decode};
use wire::{Event, Groups, Header, Policy, Reach};

/// Enough that the 99th percentile rests on a hundred events.
const EVENTS: u32 = 10_000;
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives the near end of a pair once.
struct Pair(Mutex<Option<OwnedFd>>);

impl CanPort for Pair {
    fn name(&self) -> &str {
        "pair"
    }

    fn open(&self, _hear: &[Hear]) -> io::Result<OwnedFd> {
        self.0.lock().unwrap().take().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty()).unwrap()
}

fn report(what: &str, place: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let us = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1e3;
    println!(
        "{{\"what\":\"{what}\",\"on\":\"{place}\",\"events\":{},\"median_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1}}}",
        times.len(),
        us(0.5),
        us(0.99),
        us(1.0)
    );
}

/// The time from writing a frame to reading it at the far end.
fn bare(socket: &CanFdSocket, far: &CanListener) -> Vec<Duration> {
    let once = |number: u32| {
        let data = [number.to_le_bytes(), [0; 4]].concat();
        let frame = CanDataFrame::new(StandardId::new(0x7F0).unwrap(), &data).unwrap();
        let start = Instant::now();
        socket.write_frame(&frame).unwrap();
        loop {
            let got = far.next(PATIENCE).unwrap().expect("a frame");
            if got.data() == data {
                return start.elapsed();
            }
        }
    };
    (0..EVENTS).map(once).collect()
}

/// The time from handing over an event with another state to reading that state at the far end.
fn sink(port: Box<dyn CanPort>, far: &CanListener) -> Vec<Duration> {
    // Without an inhibit time every event's change is sent at once; the period hardly disturbs.
    let options = NetworkOptions {
        inhibit: Duration::ZERO,
        period: Duration::from_secs(1),
        ..NetworkOptions::default()
    };
    let network = Network::new(options).unwrap();
    let state = network.messages()[0];
    let clock = RealTime::shared();
    let can = CanSink::new(port, CanOptions { network, claim: None, vehicle: None }, Arc::clone(&clock));
    let (sender, receiver) = publish::channel(64);
    let their_clock = Arc::clone(&clock);
    let thread = std::thread::spawn(move || {
        let gate = Policy::default().gate(Reach::Vehicle, Groups::ALL);
        let sinks = vec![Gated::new(Box::new(can), gate)];
        publish::serve(sinks, receiver, their_clock, Arc::new(Counters::default()))
    });
    let once = |number: u32| {
        let code = number as usize % Expression::COUNT;
        let mood = Mood {
            state: MoodState::Steady(Expression::ALL[code]),
            confidence: 0.9,
            intensity: None,
            posterior: Probabilities::UNIFORM,
        };
        let event = Event::new(&Header::default(), number.into(), clock.now(), &mood, UtcTime(0));
        let start = Instant::now();
        sender.send(event).unwrap();
        loop {
            let got = far.next(PATIENCE).unwrap().expect("a frame");
            let told = (got.id == state.id).then(|| decode(state.message, got.data()).next()).flatten();
            if told.is_some_and(|(_, reading)| reading == Reading::Value(code as f64)) {
                return start.elapsed();
            }
        }
    };
    let times = (0..EVENTS).map(once).collect();
    drop(sender);
    thread.join().unwrap().unwrap();
    times
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let interface = args.iter().position(|arg| arg == "--interface").map(|place| args[place + 1].clone());
    match interface {
        Some(name) => {
            let far = CanListener::open(&name).unwrap_or_else(|fault| panic!("{fault}"));
            let port = CanInterfacePort::new(&name).unwrap();
            let near = CanFdSocket::from(port.open(&[]).unwrap());
            report("bare sender", &name, bare(&near, &far));
            report("sink", &name, sink(Box::new(port), &far));
        }
        None => {
            let (near, far) = pair();
            let near = CanFdSocket::from(near.as_fd().try_clone_to_owned().unwrap());
            report("bare sender", "a pair of sockets", bare(&near, &CanListener::on(far)));
            let (near, far) = pair();
            report(
                "sink",
                "a pair of sockets",
                sink(Box::new(Pair(Mutex::new(Some(near)))), &CanListener::on(far)),
            );
        }
    }
}
