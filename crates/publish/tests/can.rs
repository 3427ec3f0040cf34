//! The CAN sink on a pair of sockets that carries the kernel's frames: what it sends, what it
//! hears, and what it survives.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at what they do not expect"
)]

mod common;

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use cabinmood_tests::clock::RealTime;
use common::{Publisher, count, event, open_gate};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};
use publish::{CanListener, CanOptions, CanPort, CanSink, Hear};
use socketcan::{
    CanDataFrame, CanErrorFrame, CanFdSocket, EmbeddedFrame as _, ExtendedId, Socket as _, StandardId,
};
use types::Expression::{Happy, Neutral, Sad};
use types::{Health, MoodState, Reason};
use wire::can::j1939::Name;
use wire::can::{
    CanId, Conditions, Database, Format, Frame, Network, NetworkOptions, Reading, Switch, VehicleOptions,
    Verdict, decode,
};
use wire::{Deployment, Gate, Group, Groups, Policy, Purpose, Reach};

/// A guard against hanging for ever where a test fails; no test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Opens pairs of sockets and hands the far ends to the test, after these faults.
struct Pairs {
    far_ends: mpsc::Sender<OwnedFd>,
    faults: Mutex<VecDeque<nix::errno::Errno>>,
}

impl CanPort for Pairs {
    fn name(&self) -> &str {
        "pair"
    }

    fn open(&self, _hear: &[Hear]) -> io::Result<OwnedFd> {
        if let Some(fault) = self.faults.lock().unwrap().pop_front() {
            return Err(fault.into());
        }
        let (near, far) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::empty())?;
        self.far_ends.send(far).map_err(io::Error::other)?;
        Ok(near)
    }
}

struct Setting {
    publisher: Publisher,
    network: Network,
    far_ends: mpsc::Receiver<OwnedFd>,
}

/// The bus from the other side.
struct Ecu {
    listener: CanListener,
    socket: CanFdSocket,
}

impl Setting {
    fn start(
        change: impl FnOnce(&mut NetworkOptions, &mut CanOptions),
        faults: &[nix::errno::Errno],
    ) -> Self {
        Self::start_gated(open_gate(), change, faults)
    }

    fn start_gated(
        gate: Gate,
        change: impl FnOnce(&mut NetworkOptions, &mut CanOptions),
        faults: &[nix::errno::Errno],
    ) -> Self {
        let mut options = NetworkOptions::default();
        let network = Network::new(options.clone()).unwrap();
        let mut can = CanOptions { network, claim: None, vehicle: None };
        change(&mut options, &mut can);
        can.network = Network::new(options).unwrap();
        let network = can.network.clone();
        let (out, far_ends) = mpsc::channel();
        let port = Pairs { far_ends: out, faults: Mutex::new(faults.iter().copied().collect()) };
        let clock = RealTime::shared();
        let sink = CanSink::new(Box::new(port), can, Arc::clone(&clock));
        let publisher = Publisher::start_gated(gate, clock, |_| {}, vec![Box::new(sink)]);
        Self { publisher, network, far_ends }
    }

    fn ecu(&self) -> Ecu {
        let far = self.far_ends.recv_timeout(PATIENCE).unwrap();
        Ecu { listener: CanListener::on(far.try_clone().unwrap()), socket: far.into() }
    }

    /// The value of a field in the next message that has it.
    fn read(&self, ecu: &Ecu, name: &str) -> Reading {
        let messages = self.network.messages();
        loop {
            let frame = ecu.frame();
            let found = self.network.find(&messages, frame.id).unwrap_or_else(|| panic!("unknown {frame}"));
            if let Some((_, reading)) =
                decode(found.message, frame.data()).find(|(field, _)| field.name == name)
            {
                return reading;
            }
        }
    }

    /// Reads until the field has this value.
    fn until(&self, ecu: &Ecu, name: &str, value: f64) {
        while self.read(ecu, name) != Reading::Value(value) {}
    }
}

impl Ecu {
    fn frame(&self) -> Frame {
        loop {
            if let Some(frame) = self.listener.next(PATIENCE).unwrap() {
                return frame;
            }
        }
    }

    fn send(&self, id: u16, data: &[u8]) {
        let frame = CanDataFrame::new(StandardId::new(id).unwrap(), data).unwrap();
        self.socket.write_frame(&frame).unwrap();
    }
}

#[test]
fn messages_are_cyclic_protected_and_tell_the_newest_state() {
    let setting = Setting::start(|_, _| {}, &[]);
    let ecu = setting.ecu();
    let messages = setting.network.messages();
    let mut checkers: Vec<_> = messages.iter().map(|one| one.checker()).collect();
    let mut seen = vec![0; messages.len()];
    assert_eq!(setting.read(&ecu, "MoodState"), Reading::NotAvailable, "before the first event");
    setting.publisher.send(event(0, Happy));
    while seen[..3].iter().any(|frames| *frames < 5) {
        let frame = ecu.frame();
        let place = messages.iter().position(|one| one.id == frame.id).unwrap();
        let verdict = checkers[place].check(frame.data());
        assert_eq!(verdict, if seen[place] == 0 { Verdict::First } else { Verdict::Next }, "{frame}");
        seen[place] += 1;
    }
    assert!(seen[3] > 0 && seen[4] > 0, "status and version: {seen:?}");
    setting.publisher.send(event(1, Happy));
    setting.until(&ecu, "MoodState", 3.0);
}

#[test]
fn what_the_purpose_withholds_is_not_available_and_changes_no_frame() {
    let policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Comfort };
    let gate = policy.gate(Reach::Vehicle, Groups::ALL);
    let setting = Setting::start_gated(gate, |options, _| options.format = Format::Fd, &[]);
    let ecu = setting.ecu();
    let messages = setting.network.messages();
    for (seq, expression) in [(0, Happy), (1, Sad), (2, Neutral)] {
        setting.publisher.send(event(seq, expression));
    }
    setting.until(&ecu, "Purpose", 0.0);
    // Of every message at least one more frame, with the newest event in it.
    let mut wanted: Vec<_> = messages.iter().map(|one| one.id).collect();
    while !wanted.is_empty() {
        let frame = ecu.frame();
        wanted.retain(|id| *id != frame.id);
        let found = setting.network.find(&messages, frame.id).unwrap();
        for (field, reading) in decode(found.message, frame.data()) {
            // Events come no more here, so that the state may be stale by now, which is health.
            let is_stale = field.name == "MoodState" && reading == Reading::Value(8.0);
            if field.source.group() == Group::Expression && !is_stale {
                assert_eq!(reading, Reading::NotAvailable, "{}", field.name);
            }
        }
    }
    let mut unknown = event(3, Happy);
    unknown.state = Some(MoodState::Unknown(Reason::CameraLost));
    setting.publisher.send(unknown);
    setting.until(&ecu, "MoodState", 8.0);
    setting.until(&ecu, "MoodReason", 8.0);
}

#[test]
fn a_change_is_sent_at_once() {
    // Periods so long that only a change can bring the next frame.
    let setting = Setting::start(|options, _| options.period = Duration::from_secs(3600), &[]);
    let ecu = setting.ecu();
    for (seq, expression, code) in [(0, Happy, 3.0), (1, Sad, 4.0), (2, Neutral, 6.0)] {
        setting.publisher.send(event(seq, expression));
        setting.until(&ecu, "MoodState", code);
    }
}

#[test]
fn a_bus_that_comes_late_goes_and_comes_back_is_found_and_the_counter_shows_the_gap() {
    use nix::errno::Errno::{ENETDOWN, ENODEV};
    let mut setting = Setting::start(|_, _| {}, &[ENODEV, ENETDOWN, ENODEV]);
    let mut subscriber = setting.publisher.subscribe();
    let first = setting.ecu();
    let state = setting.network.messages()[0];
    let mut checker = state.checker();
    setting.publisher.send(event(0, Happy));
    let next = |ecu: &Ecu| loop {
        let frame = ecu.frame();
        if frame.id == state.id {
            return frame;
        }
    };
    checker.check(next(&first).data());
    drop(first);
    let second = setting.ecu();
    let verdict = checker.check(next(&second).data());
    assert!(matches!(verdict, Verdict::Next | Verdict::Lost(_)), "{verdict:?}");
    let counters = Arc::clone(&setting.publisher.counters);
    let mut seq = 1;
    while subscriber.line()["health"]["bus"] != "ok" {
        setting.publisher.send(event(seq, Happy));
        seq += 1;
    }
    setting.publisher.end();
    assert!(count(&counters.can_faults_total) >= 4 && count(&counters.can_frames_lost_total) > 0);
    assert_eq!(count(&counters.can_opens_total), 2);
}

#[test]
fn a_full_queue_blocks_nobody() {
    let mut setting = Setting::start(|options, _| options.inhibit = Duration::ZERO, &[]);
    let ecu = setting.ecu();
    let mut subscriber = setting.publisher.subscribe();
    // Nobody reads the bus: its queue is full after some hundred frames.
    let mut seq = 0;
    while count(&setting.publisher.counters.can_queue_full_total) == 0 {
        setting.publisher.send(event(seq, if seq % 2 == 0 { Happy } else { Sad }));
        assert_eq!(subscriber.seq(), seq);
        seq += 1;
    }
    assert_eq!(setting.publisher.counters.bus(), Health::Degraded);
    setting.publisher.end();
    drop(ecu);
}

#[test]
fn the_controllers_errors_are_told() {
    let setting = Setting::start(|_, _| {}, &[]);
    let ecu = setting.ecu();
    let mut subscriber = setting.publisher.subscribe();
    let mut seq = 0;
    let mut until = |health: &str| loop {
        setting.publisher.send(event(seq, Happy));
        seq += 1;
        if subscriber.line()["health"]["bus"] == health {
            return;
        }
    };
    until("ok");
    let send =
        |class: u32| ecu.socket.write_frame(&CanErrorFrame::new_error(class, &[0; 8]).unwrap()).unwrap();
    send(0x40);
    until("failed");
    setting.until(&ecu, "HealthBus", 3.0);
    send(0x100);
    until("ok");
    send(0x20);
    until("ok");
    assert_eq!(count(&setting.publisher.counters.can_bus_off_total), 1);
}

const DBC: &str =
    "VERSION \"\"\nNS_ :\nBS_:\nBU_: Body\nBO_ 291 Body: 8 Body\n SG_ Ignition : 0|2@1+ (1,0) [0|3] \"\" X\n";

#[test]
fn the_vehicle_is_heard_and_its_wishes_are_passed_on() {
    let (out, told) = mpsc::channel();
    let input = Database::parse(DBC.as_bytes()).unwrap().find("Body.Ignition").unwrap();
    let ignition = Some(Switch::new(input, &[1], &[0], true).unwrap());
    let timeout = Duration::from_millis(200);
    let options = VehicleOptions { ignition, timeout, ..VehicleOptions::default() };
    let vehicle = (
        options,
        Arc::new(move |c: Conditions| out.send(c.watch).unwrap_or_default()) as publish::OnConditions,
    );
    let setting = Setting::start(|_, can| can.vehicle = Some(vehicle), &[]);
    let ecu = setting.ecu();
    let next = || told.recv_timeout(PATIENCE).unwrap();
    assert!(next(), "the default");
    ecu.send(291, &[0; 8]);
    assert!(!next());
    // Then nothing more is heard: after the timeout the default stands again.
    assert!(next());
    assert_eq!(count(&setting.publisher.counters.can_frames_received_total), 1);
}

#[test]
fn an_address_is_claimed_before_anything_is_sent_from_it_and_given_up_to_a_smaller_name() {
    let j1939 = |options: &mut NetworkOptions, can: &mut CanOptions| {
        options.format = Format::J1939;
        can.claim = Some(Name::new(100, 5));
    };
    let setting = Setting::start(j1939, &[]);
    let ecu = setting.ecu();
    assert_eq!(ecu.frame().to_string(), "18EEFF80#0500800C00FF0080");
    let frame = ecu.frame();
    assert_eq!(frame.id, CanId::Extended(0x18FF_5080), "{frame}");

    let rival = CanDataFrame::new(ExtendedId::new(0x18EE_FF80).unwrap(), &[0; 8]).unwrap();
    ecu.socket.write_frame(&rival).unwrap();
    let address = |frame: Frame| frame.id.number() & 0xFF;
    while address(ecu.frame()) == 0x80 {}
    let frame = ecu.frame();
    assert_eq!((frame.id.number() >> 8 & 0xFF00, address(frame)), (0xFF00, 0x81), "{frame}");
}

#[test]
fn fd_carries_the_probabilities() {
    let setting = Setting::start(|options, _| options.format = Format::Fd, &[]);
    let ecu = setting.ecu();
    let probabilities = setting.network.messages()[5];
    let frame = loop {
        let frame = ecu.frame();
        if frame.id == probabilities.id {
            break frame;
        }
    };
    assert!(frame.fd && frame.data().len() == 20, "{frame}");
    assert_eq!(probabilities.checker().check(frame.data()), Verdict::First);
}
