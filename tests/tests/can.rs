//! The bus as others read it: cantools, autosar-e2e, vss-tools, and the C receiver of docs/can.md.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use cabinmood_tests::{cabinmood, root};
use serde_json::{Map, Value, json};
use types::{
    Expression, FaceBox, Health, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress,
    Quality, Reason, StageHealth, Stamped, UtcTime, Verdict,
};
use wire::can::{Format, Moment, Network, NetworkOptions, Outgoing, Profile, Reading, decode, encode};
use wire::{Event, Groups, Header, Policy, Reach};

const NOW: MonoTime = MonoTime::from_ms(5_020);

fn event(state: MoodState, health: Health) -> Event {
    let header = Header { model_id: "481f1".into(), software_version: "1.22.3".into(), ..Header::default() };
    let value = Observation {
        face: Some(FaceBox::default()),
        pose: Some(Pose { yaw_deg: -31.25, pitch_deg: 4.5, roll_deg: 12.0 }),
        quality: Quality::new(0.75),
        verdict: Verdict::Accepted,
        probabilities: Probabilities::from_weights([0.1, 0.0, 0.0, 0.6, 0.0, 0.05, 0.25]),
        ..Observation::nothing(Reason::NoFace)
    };
    let mood = Mood { state, confidence: 0.83, intensity: Some(0.4), posterior: Probabilities::UNIFORM };
    let captured_at = MonoTime::from_ms(5_000);
    let frame = Stamped { seq: 1, captured_at, value };
    let mut event = Event::new(&header, 1, &frame, &mood, UtcTime(0));
    event.health = StageHealth {
        capture: health,
        align: Health::Ok,
        classify: Health::Ok,
        bus: Health::Ok,
        telematics: Health::Off,
    };
    event.published(captured_at + Duration::from_millis(14));
    event
}

/// Moments of every kind: nothing yet, each state and reason, a fault, and staleness.
fn events() -> Vec<(Option<Event>, MonoTime)> {
    let steady = Expression::ALL.map(MoodState::Steady);
    let transition = MoodState::Transition {
        from: Expression::Neutral,
        to: Expression::Angry,
        progress: Progress::new(0.3),
    };
    let states = steady.into_iter().chain([transition]).chain(Reason::ALL.map(MoodState::Unknown));
    let mut all: Vec<_> = states.map(|state| (Some(event(state, Health::Ok)), NOW)).collect();
    let mut blind = event(MoodState::Unknown(Reason::CameraLost), Health::Failed);
    (blind.frame_seq, blind.face, blind.pose, blind.probabilities) = (None, None, None, None);
    all.push((Some(blind), NOW));
    all.push((Some(event(MoodState::Steady(Expression::Happy), Health::Ok)), MonoTime::from_ms(9_000)));
    all.push((None, NOW));
    all
}

fn protected(one: &Outgoing, counter: u8, event: Option<&Event>, now: MonoTime) -> Vec<u8> {
    let gate = Policy::default().gate(Reach::Vehicle, Groups::ALL);
    let event = event.map(|event| gate.release(event.clone()));
    let mut payload = encode(one.message, Moment { event: event.as_ref(), now });
    one.profile.protect(one.data_id, counter, payload.bytes_mut());
    payload.bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A frame as check_bus.py reads it.
fn told(one: &Outgoing, data: &[u8]) -> Value {
    let signals = decode(one.message, data).map(|(field, reading)| {
        let value = match reading {
            Reading::NotAvailable => json!("not_available"),
            Reading::Error => json!("error"),
            Reading::Value(value) => {
                field.source.words().get(value as usize).map_or(json!(value), |word| json!(word.name))
            }
        };
        (field.name.to_owned(), value)
    });
    json!({
        "id": one.id.number(),
        "data": hex(data),
        "data_id": one.data_id,
        "profile": one.profile.name(),
        "signals": signals.collect::<Map<_, _>>(),
    })
}

/// A tool of `make python`. `None`, and a line that says so, where it is not there.
fn tool(name: &str) -> Option<PathBuf> {
    let path = root().join(".venv/bin").join(name);
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: .venv/bin/{name} is not there; run `make python`");
    None
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{told}");
}

#[test]
fn cantools_and_autosar_e2e_read_every_message_as_it_was_meant() {
    let Some(python) = tool("python") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (format, profile) in [
        (Format::Classic, Profile::P11),
        (Format::Classic, Profile::P05),
        (Format::Fd, Profile::P11),
        (Format::Fd, Profile::P05),
        (Format::J1939, Profile::P11),
        (Format::J1939, Profile::P05),
    ] {
        let network = Network::new(NetworkOptions { format, profile, ..NetworkOptions::default() }).unwrap();
        let (dbc, frames) = (folder.path().join("c.dbc"), folder.path().join("frames"));
        let set = [format!("can.format={}", format.name()), format!("can.e2e={}", profile.name())];
        let printed = cabinmood(["schema", "dbc", "--set", &set[0], "--set", &set[1]]);
        assert!(printed.status.success());
        fs::write(&dbc, printed.stdout).unwrap();
        let mut lines = String::new();
        for (counter, (event, now)) in events().iter().enumerate() {
            for one in network.messages() {
                let counter = counter as u16 % profile.counter_values();
                let data = protected(&one, counter as u8, event.as_ref(), *now);
                writeln!(lines, "{}", told(&one, &data)).unwrap();
            }
        }
        fs::write(&frames, lines).unwrap();
        run(Command::new(&python).arg(root().join("tests/can/check_bus.py")).args([&dbc, &frames]));
    }
}

#[test]
fn vss_tools_accept_the_overlay_and_every_signal_is_in_it() {
    let Some(vspec) = tool("vspec") else { return };
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("vss.json");
    let here = root().join("tests/can");
    run(Command::new(vspec)
        .args(["export", "json", "--strict", "--vspec"])
        .arg(here.join("vss_root.vspec"))
        .arg("--overlays")
        .arg(root().join("docs/cabinmood.vspec"))
        .arg("--units")
        .arg(here.join("vss_units.yaml"))
        .arg("--quantities")
        .arg(here.join("vss_quantities.yaml"))
        .arg("--output")
        .arg(&made));
    let tree: Value = serde_json::from_slice(&fs::read(made).unwrap()).unwrap();
    let expression = &tree["Vehicle"]["children"]["Driver"]["children"]["Expression"]["children"];
    assert_eq!(expression["State"]["allowed"].as_array().unwrap().len(), Expression::COUNT + 2);
    assert_eq!(expression["Reason"]["allowed"].as_array().unwrap().len(), Reason::ALL.len());
    assert_eq!(expression["Probability"]["children"].as_object().unwrap().len(), Expression::COUNT);
}

/// The C text of the page.
fn c_text() -> String {
    let page = fs::read_to_string(root().join("docs/can.md")).unwrap();
    let (_, rest) = page.split_once("```c\n").expect("a block of C");
    rest.split_once("```").unwrap().0.to_owned()
}

/// Reads `time data` lines and prints what the receiver makes of each.
const C_MAIN: &str = r#"
#include <stdio.h>
int main(void)
{
    static cabinmood_receiver rx;
    unsigned now, bytes[8];
    while (scanf("%u", &now) == 1) {
        uint8_t data[8];
        for (int i = 0; i < 8; i++) {
            if (scanf("%2x", &bytes[i]) != 1) return 1;
            data[i] = (uint8_t)bytes[i];
        }
        int result = cabinmood_receive(&rx, data, now);
        printf("%d %d %d %d %u %d %d\n", result, rx.state.state, rx.state.reason, rx.state.confidence_pct,
               rx.lost, cabinmood_is_usable(&rx, now), cabinmood_is_usable(&rx, now + 301));
    }
    return 0;
}
"#;

/// Compiles the page's receiver with warnings as errors, and feeds it.
fn receive_in_c(folder: &Path, input: &str) -> Vec<Vec<i64>> {
    let (source, program) = (folder.join("receiver.c"), folder.join("receiver"));
    fs::write(&source, c_text() + C_MAIN).unwrap();
    let flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-o"];
    run(Command::new("gcc").args(flags).args([&program, &source]));
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split(' ').map(|word| word.parse().unwrap()).collect()).collect()
}

#[test]
fn the_c_receiver_of_the_page_reads_what_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let state = Network::standard().messages()[0];
    let happy = event(MoodState::Steady(Expression::Happy), Health::Ok);
    let dark = event(MoodState::Unknown(Reason::Dark), Health::Ok);
    let frame = |counter, event: Option<&Event>| protected(&state, counter, event, NOW);
    let mut damaged = frame(7, Some(&happy));
    damaged[6] ^= 1;
    // result, state, reason, confidence, lost, usable now and 301 ms later
    let steps = [
        (frame(0, None), [0, 15, 255, 255, 0, 0, 0]),
        (frame(1, Some(&happy)), [0, 3, 255, 83, 0, 1, 0]),
        (frame(1, Some(&happy)), [2, 3, 255, 83, 0, 1, 0]),
        (damaged, [1, 3, 255, 83, 0, 1, 0]),
        (frame(5, Some(&dark)), [0, 8, 4, 0, 3, 0, 0]),
        (frame(14, Some(&happy)), [0, 3, 255, 83, 11, 1, 0]),
        (frame(0, Some(&happy)), [0, 3, 255, 83, 11, 1, 0]),
    ];
    let mut input = String::new();
    for (data, _) in &steps {
        writeln!(input, "1000 {}", hex(data)).unwrap();
    }
    let told = receive_in_c(folder.path(), &input);
    assert_eq!(told, steps.map(|(_, expected)| expected.to_vec()));
}

#[test]
fn can_dump_reads_a_log_and_checks_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.log");
    let state = Network::standard().messages()[0];
    let happy = event(MoodState::Steady(Expression::Happy), Health::Ok);
    let mut log = String::new();
    for (time, counter) in [("0.000000", 0), ("0.100000", 1), ("0.200000", 4), ("0.900000", 5)] {
        let data = protected(&state, counter, Some(&happy), NOW);
        writeln!(log, "({time}) can0 7FF#00\n({time}) can0 510#{}", hex(&data)).unwrap();
    }
    fs::write(&path, log).unwrap();
    let output = cabinmood(["can-dump".as_ref(), "--log".as_ref(), path.as_os_str()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    for words in ["first     MoodState=happy", "MoodConfidence=82.8%", "LOST 2", "TIMEOUT   none for 300 ms"]
    {
        assert!(told.contains(words), "{words:?} is not in\n{told}");
    }
}
