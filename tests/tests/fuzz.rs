//! Every decoder with inputs that nobody would send: bytes at random, and good ones with a few
//! changes. No panic may come of any. `make fuzz` tries ten million each; the seed makes a run
//! repeatable.

#[path = "../../crates/publish/tests/faulty/mod.rs"]
mod faulty;

use std::time::Duration;

use fastrand::Rng;
use faulty::{Content, Faulty};
use publish::telematics::{Store, StoreOptions};
use types::{Expression, MonoTime, Mood, MoodState, Probabilities, UtcTime};
use wire::can::j1939::{AddressClaim, Name};
use wire::can::{
    CanId, Checker, Database, Driver, Format, Frame, LogLine, Moment, Network, NetworkOptions, Profile,
    Reading, Speed, Switch, Vehicle, VehicleOptions, decode, encode,
};
use wire::episode::{Episode, EpisodeHeader, EpisodeLimits, Episodes};
use wire::{Event, Gate, Group, Groups, Header, Line, Policy, Reach};

/// Inputs a decoder where no other number is asked for: some seconds for all of them.
const USUAL_INPUTS: u64 = 20_000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// Gives `decoder` that many inputs, each from a generator of its own, so that one can be repeated.
fn fuzz(name: &str, mut decoder: impl FnMut(&mut Rng)) {
    let inputs = number("CABINMOOD_FUZZ_INPUTS").unwrap_or(USUAL_INPUTS);
    let seed = number("CABINMOOD_FUZZ_SEED").unwrap_or(1);
    for input in 0..inputs {
        let mut rng = Rng::with_seed(seed.wrapping_add(input));
        let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decoder(&mut rng)));
        assert!(
            tried.is_ok(),
            "{name}: CABINMOOD_FUZZ_INPUTS=1 CABINMOOD_FUZZ_SEED={}",
            seed.wrapping_add(input)
        );
    }
    println!("{name}: {inputs} inputs from seed {seed}, no panic");
}

/// Some bytes changed, put in, taken out or doubled.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..8) {
        let place = rng.usize(0..=bytes.len());
        match rng.u8(0..5) {
            0 => bytes.insert(place, rng.u8(..)),
            1 => bytes.truncate(place),
            2 if place < bytes.len() => drop(bytes.remove(place)),
            3 if place < bytes.len() => bytes[place] ^= 1 << rng.u8(0..8),
            _ => {
                let end = (place + rng.usize(0..12)).min(bytes.len());
                let piece = bytes[place..end].to_vec();
                let to = rng.usize(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn noise(rng: &mut Rng, most: usize) -> Vec<u8> {
    (0..rng.usize(0..=most)).map(|_| rng.u8(..)).collect()
}

fn frame(rng: &mut Rng) -> Frame {
    let (extended, fd) = (rng.bool(), rng.bool());
    let id =
        CanId::new(rng.u32(..) & if extended { CanId::EXTENDED_MAX } else { CanId::STANDARD_MAX }, extended);
    Frame::new(id.unwrap(), fd, &noise(rng, if fd { 64 } else { 8 })).unwrap()
}

/// A gate that lets some groups pass.
fn gate(rng: &mut Rng) -> Gate {
    let groups: Groups = Group::ALL.into_iter().filter(|_| rng.bool()).collect();
    Policy::default().gate(Reach::Vehicle, groups)
}

fn event() -> Event {
    let state = MoodState::Steady(Expression::Happy);
    let mood = Mood { state, confidence: 0.9, intensity: Some(0.5), posterior: Probabilities::UNIFORM };
    Event::new(&Header::default(), 1, MonoTime::from_ms(5), &mood, UtcTime(7))
}

#[test]
fn lines_of_events() {
    let mut good = Vec::new();
    Policy::default().gate(Reach::Vehicle, Groups::ALL).release(event()).write_json_line(&mut good);
    fuzz("event lines", |rng| {
        let mut line = good.clone();
        if rng.u8(..) == 0 {
            line = noise(rng, 300);
        } else {
            mutate(rng, &mut line);
        }
        if let Ok(Line::Event(event)) = Line::parse(&line) {
            // What was read can be written, and told on the bus.
            let event = gate(rng).release(*event);
            event.write_json_line(&mut Vec::new());
            for message in &wire::can::MESSAGES {
                let _ = encode(message, Moment { event: Some(&event), now: MonoTime::from_ns(rng.u64(..)) });
            }
        }
    });
}

#[test]
fn frames_of_the_daemon() {
    let networks = [Format::Classic, Format::Fd, Format::J1939]
        .map(|format| Network::new(NetworkOptions { format, ..NetworkOptions::default() }).unwrap());
    let messages: Vec<_> = networks.iter().flat_map(Network::messages).collect();
    let mut checkers = [Profile::P11, Profile::P05].map(|profile| Checker::new(profile, 0xCB0));
    fuzz("CAN frames", |rng| {
        let one = &messages[rng.usize(0..messages.len())];
        let frame = frame(rng);
        for (field, reading) in decode(one.message, frame.data()) {
            let greatest = field.offset + f64::from(field.largest()) * field.factor;
            if let Reading::Value(value) = reading {
                assert!((field.offset..=greatest).contains(&value), "{} is {value}", field.name);
            }
        }
        for checker in &mut checkers {
            checker.check(frame.data());
        }
        for network in &networks {
            let _ = network.find(&messages, frame.id);
        }
    });
}

#[test]
fn lines_of_logs() {
    fuzz("log lines", |rng| {
        let mut line = format!("(1436509052.249713) vcan0 {}", frame(rng)).into_bytes();
        mutate(rng, &mut line);
        let _ = LogLine::parse(&String::from_utf8_lossy(&line));
    });
}

#[test]
fn address_claims() {
    fuzz("address claims", |rng| {
        let (mut claim, _) =
            AddressClaim::new(Name::new(rng.u16(..), rng.u32(..)), rng.u8(..), MonoTime::ZERO);
        for step in 0..8 {
            let group = [0xEA00, 0xEE00, rng.u32(0..0x4_0000)][rng.usize(0..3)];
            let id = CanId::Extended((group << 8 | rng.u32(0..0x1_0000)) & CanId::EXTENDED_MAX);
            let mut data = noise(rng, 8);
            if rng.bool() {
                data = vec![0; 8];
            }
            claim.receive(&Frame::new(id, false, &data).unwrap(), MonoTime::from_ms(step * 100));
            let _ = claim.address(MonoTime::from_ms(step * 100 + rng.u64(0..500)));
        }
    });
}

const DBC: &str = r#"VERSION ""
NS_ :
BS_:
BU_: G
BO_ 291 Body: 8 G
 SG_ Ignition : 0|2@1+ (1,0) [0|2] "" X
 SG_ Speed : 15|16@0+ (0.01,0) [0|300] "km/h" X
 SG_ Page M : 32|4@1+ (1,0) [0|15] "" X
 SG_ Driver m3 : 40|8@1- (1,0) [0|250] "" X
VAL_ 291 Ignition 0 "off" 1 "on" ;
SIG_VALTYPE_ 291 Speed : 0;
"#;

/// What a configuration would make of this file.
fn vehicle(database: &Database) -> Vehicle {
    let find = |name: &str| database.find(name).ok();
    let switch = find("Body.Ignition").and_then(|input| Switch::new(input, &[1], &[0], true).ok());
    Vehicle::new(VehicleOptions {
        ignition: switch.clone(),
        seat: switch,
        driver: find("Body.Driver").and_then(|input| Driver::new(input).ok()),
        speed: find("Body.Speed").and_then(|input| Speed::new(input, 0.0).ok()),
        timeout: Duration::from_millis(1000),
        ..VehicleOptions::default()
    })
}

#[test]
fn dbc_files_and_what_is_read_by_them() {
    fuzz("DBC files", |rng| {
        let mut text = DBC.as_bytes().to_vec();
        mutate(rng, &mut text);
        let Ok(database) = Database::parse(&text) else { return };
        let mut vehicle = vehicle(&database);
        for id in [CanId::Standard(291), frame(rng).id] {
            let frame = Frame::new(id, false, &noise(rng, 8)).unwrap();
            vehicle.receive(&frame, MonoTime::from_ms(1));
            vehicle.conditions(MonoTime::from_ms(rng.u64(0..3000)));
        }
    });
}

fn episode() -> Vec<u8> {
    let header = EpisodeHeader { vehicle_id: "v".into(), purpose: "safety".into(), run: "r".into() };
    let limits = EpisodeLimits { shortest: Duration::ZERO, longest: Duration::from_secs(9) };
    let mut episodes = Episodes::new(header, limits);
    assert_eq!(episodes.push(&event(), false, || true), None);
    episodes.end(|| true).unwrap().to_json()
}

#[test]
fn episodes() {
    let good = episode();
    fuzz("episodes", |rng| {
        let mut bytes = good.clone();
        mutate(rng, &mut bytes);
        if let Ok(episode) = Episode::parse(&bytes) {
            let told = episode.to_json();
            assert_eq!(Episode::parse(&told).unwrap().to_json(), told);
        }
    });
}

const TINY: StoreOptions = StoreOptions { max_bytes: 1 << 20, segment_bytes: 256 };

/// Segments as a store leaves them.
fn segments() -> Vec<(String, Vec<u8>)> {
    let disk = Faulty::default();
    let (mut store, _) = Store::open(Box::new(disk.clone()), TINY).unwrap();
    for record in 0..6_u8 {
        store.append(vec![record; 30]).unwrap();
    }
    store.sync().unwrap();
    store.acknowledge(2);
    store.sync().unwrap();
    let state = disk.state();
    state.files.iter().map(|(name, content)| (name.clone(), content.now.clone())).collect()
}

#[test]
fn stores() {
    let good = segments();
    assert!(good.len() > 1);
    fuzz("stores", |rng| {
        let disk = Faulty::default();
        for (name, bytes) in &good {
            let mut content = Content::default();
            content.now.clone_from(bytes);
            if rng.bool() {
                mutate(rng, &mut content.now);
            }
            disk.state().files.insert(name.clone(), content);
        }
        let Ok((mut store, found)) = Store::open(Box::new(disk.clone()), TINY) else { return };
        // What is there can be read, in order, and more can be added.
        let mut last = 0;
        while let Some(records) = Some(store.read(last, 50).unwrap()).filter(|records| !records.is_empty()) {
            assert!(records.iter().all(|record| std::mem::replace(&mut last, record.seq) < record.seq));
        }
        assert!(found.records <= 6 && found.undelivered <= found.records, "{found:?}");
        store.append(b"more".to_vec()).unwrap();
        store.sync().unwrap();
        assert_eq!(store.read(last, 50).unwrap()[0].payload, b"more");
    });
}
