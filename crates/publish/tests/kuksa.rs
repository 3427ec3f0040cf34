//! The databroker's sink against a server made from the same public definition (tests/databroker): one
//! that restarts, is away, refuses, knows less, or is outside of the vehicle.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests may stop at what they do not expect"
)]

mod common;
mod databroker;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{Publisher, count, event, open_gate};
use databroker::proto::DataType;
use databroker::{Databroker, Manner, Place, TypedValue, Update, free_port};
use publish::kuksa::{KuksaCounters, KuksaOptions, KuksaSink, look_at_kuksa};
use publish::telematics::Retry;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use types::{Clock, Expression, MonoTime, MoodState, Pose, Probabilities, Reason, UtcTime};
use wire::{Deployment, Event, Gate, Group, Groups, Policy, Purpose, Reach};

const STATE: &str = "Vehicle.Driver.Expression.State";
const REASON: &str = "Vehicle.Driver.Expression.Reason";
const EYES: &str = "Vehicle.Driver.EyeOpenness";
const YAW: &str = "Vehicle.Occupant.Row1.DriverSide.HeadPosition.Yaw";
const HAPPY: &str = "Vehicle.Driver.Expression.Probability.Happy";
const SIGNALS: usize = 26;

/// Stands still until it is moved.
#[derive(Default)]
struct Stopped(AtomicU64);

impl Clock for Stopped {
    fn now(&self) -> MonoTime {
        MonoTime::from_ms(self.0.load(Ordering::Relaxed))
    }

    fn utc(&self) -> UtcTime {
        UtcTime(0)
    }
}

/// A publisher with the sink.
struct Setting {
    publisher: Publisher,
    clock: Arc<Stopped>,
    next: u64,
}

impl Setting {
    fn new(options: KuksaOptions) -> Self {
        Self::gated(options, open_gate())
    }

    fn gated(options: KuksaOptions, gate: Gate) -> Self {
        let clock = Arc::new(Stopped::default());
        let sink = KuksaSink::new(options, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
        let publisher =
            Publisher::start_gated(gate, Arc::clone(&clock) as Arc<dyn Clock>, |_| {}, vec![Box::new(sink)]);
        Self { publisher, clock, next: 0 }
    }

    fn send(&mut self, expression: Expression) {
        self.send_so(|event| event, expression);
    }

    fn send_so(&mut self, change: impl FnOnce(Event) -> Event, expression: Expression) {
        let mut probabilities = [0.0; Expression::COUNT];
        probabilities[Expression::ALL.iter().position(|e| *e == expression).unwrap()] = 1.0;
        self.publisher.send(change(Event {
            frame_seq: Some(self.next),
            probabilities: Probabilities::from_weights(probabilities),
            face_present: Some(true),
            pose: Some(Pose { yaw_deg: 30.0, pitch_deg: 0.0, roll_deg: 0.0 }),
            eye_openness: Some(0.25),
            ..event(self.next, expression)
        }));
        self.next += 1;
    }

    fn kuksa(&self) -> &KuksaCounters {
        &self.publisher.counters.kuksa
    }

    /// Waits until a counter is at least so high.
    fn until(&self, counter: impl Fn(&KuksaCounters) -> &AtomicU64, least: u64) {
        while count(counter(self.kuksa())) < least {
            std::thread::yield_now();
        }
    }
}

fn options(address: &str) -> KuksaOptions {
    KuksaOptions {
        address: address.parse().unwrap(),
        ca: None,
        token: None,
        period: Duration::from_millis(10),
        retry: Retry { first: Duration::from_millis(5), longest: Duration::from_millis(50) },
    }
}

fn at(port: SocketAddr) -> KuksaOptions {
    options(&format!("http://{port}"))
}

fn text(word: &str) -> Option<TypedValue> {
    Some(TypedValue::String(word.to_owned()))
}

fn number(value: f32) -> Option<TypedValue> {
    Some(TypedValue::Float(value))
}

fn says(expression: Expression) -> impl Fn(&Update) -> bool {
    move |update| update[STATE] == text(expression.name())
}

#[test]
fn values_arrive_at_their_paths_and_what_is_unknown_has_none() {
    let port = free_port();
    let broker = Databroker::start(Place::Port(port), Manner::usual());
    let mut setting = Setting::new(at(port));
    setting.send(Expression::Happy);
    let update = broker.update();
    assert_eq!(update.len(), SIGNALS, "{update:?}");
    assert_eq!((&update[STATE], &update[REASON]), (&text("happy"), &None));
    assert_eq!((&update[EYES], &update[YAW]), (&number(25.0), &number(30.0)));
    assert_eq!(
        (&update[HAPPY], &update["Vehicle.Driver.Expression.Confidence"]),
        (&number(100.0), &number(90.0))
    );
    assert_eq!(update["Vehicle.Driver.Expression.Intensity"], None);
    assert_eq!(update["Vehicle.Driver.Expression.Purpose"], text("comfort"));
    assert_eq!(update["Vehicle.Driver.Expression.Health.Bus"], text("off"));
    let dark = Some(MoodState::Unknown(Reason::Dark));
    let unknown = |event| Event { state: dark, probabilities: None, pose: None, eye_openness: None, ..event };
    setting.send_so(unknown, Expression::Happy);
    let update = broker.until(|update| update[STATE] == text("unknown"));
    assert_eq!(update[REASON], text("dark"));
    assert!([EYES, YAW, HAPPY].iter().all(|path| update[*path].is_none()), "{update:?}");
    assert_eq!(count(&setting.kuksa().values_refused_total), 0);
    setting.publisher.end();
}

#[test]
fn silence_becomes_stale_and_the_end_takes_everything_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broker.sock");
    let broker = Databroker::start(Place::Socket(path.clone()), Manner::usual());
    let mut setting = Setting::new(options(&format!("unix:{}", path.display())));
    setting.send(Expression::Sad);
    broker.until(says(Expression::Sad));
    setting.clock.0.store(10_000, Ordering::Relaxed);
    let update = broker.until(|update| update[REASON] == text("stale"));
    assert_eq!((&update[STATE], &update[YAW], &update[HAPPY]), (&text("unknown"), &None, &None));
    setting.send(Expression::Happy);
    broker.until(says(Expression::Happy));
    setting.publisher.end();
    let last = broker.rest().pop().unwrap();
    assert!(last.len() == SIGNALS && last.values().all(Option::is_none), "{last:?}");
}

#[test]
fn a_broker_that_restarts_with_other_ids_is_asked_anew() {
    let port = free_port();
    let mut manner = Manner::usual();
    let mut broker = Databroker::start(Place::Port(port), manner.clone());
    let mut setting = Setting::new(at(port));
    for round in 1..4 {
        setting.send(Expression::Happy);
        assert_eq!(broker.until(says(Expression::Happy)).len(), SIGNALS);
        drop(broker);
        setting.send(Expression::Sad);
        manner.first_id += 7;
        manner.tree.reverse();
        broker = Databroker::start(Place::Port(port), manner.clone());
        let update = broker.until(says(Expression::Sad));
        assert_eq!((update.len(), &update[YAW]), (SIGNALS, &number(30.0)), "{update:?}");
        setting.until(|kuksa| &kuksa.connections_total, round + 1);
    }
    assert_eq!(count(&setting.kuksa().values_refused_total), 0);
    assert!(count(&setting.kuksa().connection_faults_total) >= 3);
    setting.publisher.end();
}

#[test]
fn a_broker_that_is_away_or_refuses_delays_nobody_and_is_told_once_it_will_hear() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let token = folder.path().join("token");
    fs::write(&token, "wrong.token\n").unwrap();
    let mut setting = Setting::new(KuksaOptions { token: Some(token.clone()), ..at(port) });
    let mut subscriber = setting.publisher.subscribe();
    setting.send(Expression::Happy);
    setting.until(|kuksa| &kuksa.connection_faults_total, 3);
    setting.send(Expression::Sad);
    assert_eq!((subscriber.seq(), subscriber.seq()), (0, 1), "the others go on");
    let manner = Manner { token: Some("right.token".to_owned()), ..Manner::usual() };
    let broker = Databroker::start(Place::Port(port), manner);
    let faults = count(&setting.kuksa().connection_faults_total);
    setting.until(|kuksa| &kuksa.connection_faults_total, faults + 3);
    assert_eq!(count(&setting.kuksa().connections_total), 0);
    let refused = look_at_kuksa(&KuksaOptions { token: Some(token.clone()), ..at(port) }, open_gate());
    assert!(refused.unwrap_err().contains("no token, or a wrong one"));
    fs::write(&token, "right.token\n").unwrap();
    broker.until(says(Expression::Sad));
    setting.publisher.end();
}

#[test]
fn what_the_broker_does_not_know_or_want_is_left_out_and_the_rest_is_told() {
    let port = free_port();
    let mut manner = Manner::usual();
    manner.tree.retain(|(path, _)| path != EYES);
    let types = manner.tree.iter_mut().map(|(path, kind)| (&**path, kind));
    for (path, kind) in types.filter(|(path, _)| [YAW, HAPPY].contains(path)) {
        *kind = if path == YAW { DataType::Boolean } else { DataType::Double };
    }
    manner.refuses = vec![REASON.to_owned()];
    let broker = Databroker::start(Place::Port(port), manner);
    let told = look_at_kuksa(&at(port), open_gate()).unwrap();
    assert!(told.contains(&format!("knows 24 of 26 signals, not {EYES}, {YAW}")), "{told}");
    let mut setting = Setting::new(at(port));
    setting.send(Expression::Happy);
    let update = broker.update();
    assert_eq!(update.len(), SIGNALS - 3, "{update:?}");
    assert_eq!((&update[STATE], &update[HAPPY]), (&text("happy"), &Some(TypedValue::Double(100.0))));
    setting.until(|kuksa| &kuksa.values_refused_total, 2);
    assert_eq!(count(&setting.kuksa().unknown_signals), 2);
    assert_eq!(count(&setting.kuksa().connections_total), 1);
    setting.publisher.end();
    let nothing = Manner { tree: Vec::new(), ..Manner::usual() };
    drop(broker);
    let _broker = Databroker::start(Place::Port(port), nothing);
    assert!(look_at_kuksa(&at(port), open_gate()).unwrap_err().contains("cabinmood schema vspec"));
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A place with a certificate of this authority, valid up to that year.
fn with_tls(
    port: SocketAddr,
    authority: &CertifiedIssuer<'static, KeyPair>,
    last_year: Option<i32>,
) -> Place {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    if let Some(year) = last_year {
        params.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    Place::Tls(port, certificate.pem(), key.serialize_pem())
}

/// Options for a broker beyond the vehicle, of which only this authority is trusted.
fn far(port: SocketAddr, folder: &Path, authority: &CertifiedIssuer<'static, KeyPair>) -> KuksaOptions {
    let ca = folder.join("ca.pem");
    fs::write(&ca, authority.pem()).unwrap();
    KuksaOptions { ca: Some(ca), ..options(&format!("https://localhost:{}", port.port())) }
}

#[test]
fn a_broker_with_an_expired_certificate_or_of_another_authority_is_named_and_told_nothing() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let (ours, other) = (authority("fleet"), authority("other"));
    for (place, why) in [
        (with_tls(port, &ours, Some(2020)), "certificate expired"),
        (with_tls(port, &other, None), "UnknownIssuer"),
    ] {
        let broker = Databroker::start(place, Manner::usual());
        let far = far(port, folder.path(), &ours);
        let told = look_at_kuksa(&far, open_gate()).unwrap_err();
        let named = format!("kuksa.address https://localhost:{}", port.port());
        assert!(told.contains(&named) && told.contains(why) && told.lines().count() == 1, "{told}");
        let mut setting = Setting::new(far);
        setting.send(Expression::Happy);
        setting.until(|kuksa| &kuksa.connection_faults_total, 2);
        setting.publisher.end();
        assert!(broker.rest().is_empty());
    }
}

#[test]
fn beyond_the_vehicle_no_attention_is_told_whatever_the_gate_was_made_for() {
    let (port, folder) = (free_port(), tempfile::tempdir().unwrap());
    let authority = authority("fleet");
    let broker = Databroker::start(with_tls(port, &authority, None), Manner::usual());
    let far = far(port, folder.path(), &authority);
    let mut setting = Setting::gated(far, open_gate());
    setting.send(Expression::Happy);
    let looks_away = |event| Event { state: Some(MoodState::Unknown(Reason::Pose)), ..event };
    setting.send_so(looks_away, Expression::Happy);
    setting.send(Expression::Sad);
    let first = broker.update();
    broker.until(says(Expression::Sad));
    setting.publisher.end();
    for update in broker.rest().into_iter().chain([first]) {
        assert_eq!(update.len(), SIGNALS - 4, "{update:?}");
        assert!(update.keys().all(|path| path != EYES && !path.contains("HeadPosition")), "{update:?}");
        assert!(update[REASON] != text("pose"));
    }
}

#[test]
fn at_work_for_comfort_no_expression_is_told() {
    let port = free_port();
    let broker = Databroker::start(Place::Port(port), Manner::usual());
    let policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Comfort };
    let mut setting = Setting::gated(at(port), policy.gate(Reach::Vehicle, Groups::ALL));
    setting.send(Expression::Happy);
    let withheld = broker.update();
    assert!(withheld[STATE].is_none() && !withheld.contains_key(HAPPY), "{withheld:?}");
    let disabled = |event| Event { state: Some(MoodState::Unknown(Reason::Disabled)), ..event };
    setting.send_so(disabled, Expression::Happy);
    let update = broker.until(|update| update[REASON] == text("disabled"));
    assert_eq!((&update[STATE], &update[YAW]), (&text("unknown"), &number(30.0)));
    setting.publisher.end();
    assert!(!policy.gate(Reach::Vehicle, Groups::ALL).carries(Group::Expression));
}

#[test]
fn what_is_wrong_with_files_is_said_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        Some(path)
    };
    let tls = || options("https://broker.example:55556");
    let missing = Some("/no/such.pem".into());
    for (options, words) in [
        (tls(), &["kuksa.ca", "https://broker.example:55556"][..]),
        (KuksaOptions { ca: missing.clone(), ..tls() }, &["kuksa.ca /no/such.pem", "No such file"]),
        (KuksaOptions { ca: file("empty.pem", "nothing"), ..tls() }, &["kuksa.ca", "holds no certificate"]),
        (KuksaOptions { token: missing, ..at(free_port()) }, &["kuksa.token /no/such.pem"]),
        (
            KuksaOptions { token: file("token", "two\nlines"), ..at(free_port()) },
            &["kuksa.token", "holds no token"],
        ),
    ] {
        let fault = KuksaSink::new(options, Arc::new(Stopped::default())).err().unwrap().to_string();
        assert!(words.iter().all(|word| fault.contains(word)), "{fault}");
        assert_eq!(fault.lines().count(), 1, "{fault}");
    }
}
