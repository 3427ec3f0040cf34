//! Events against the table of signals, and the committed documents against what it generates.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use types::{
    Expression, FaceBox, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress, Quality,
    Reason, Stamped, UtcTime, Verdict,
};
use wire::{Event, GAP_SIGNALS, Gap, Header, Kind, Line, SIGNALS, Signal, WireError};

fn line_of(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    event.write_json_line(&mut line);
    line
}

fn expression() -> impl Strategy<Value = Expression> {
    (0..Expression::COUNT).prop_map(|place| Expression::ALL[place])
}

fn reason() -> impl Strategy<Value = Reason> {
    (0..Reason::ALL.len()).prop_map(|place| Reason::ALL[place])
}

/// Numbers as they come, and as they must not come.
fn number() -> impl Strategy<Value = f32> {
    prop_oneof![8 => -2.0f32..2.0, 2 => -1e6f32..1e6, 1 => proptest::num::f32::ANY]
}

fn state() -> impl Strategy<Value = MoodState> {
    prop_oneof![
        expression().prop_map(MoodState::Steady),
        (expression(), expression(), number()).prop_map(|(from, to, p)| MoodState::Transition {
            from,
            to,
            progress: Progress::new(p)
        }),
        reason().prop_map(MoodState::Unknown),
    ]
}

fn mood() -> impl Strategy<Value = Mood> {
    (state(), number(), proptest::option::of(number())).prop_map(|(state, confidence, intensity)| Mood {
        state,
        confidence,
        intensity,
        posterior: Probabilities::UNIFORM,
    })
}

fn observation() -> impl Strategy<Value = Observation> {
    let face = proptest::array::uniform5(number()).prop_map(|[x, y, w, h, score]| FaceBox {
        x: x * 300.0,
        y: y * 300.0,
        w: w * 300.0,
        h: h * 300.0,
        score,
    });
    let pose = proptest::array::uniform3(number()).prop_map(|[yaw, pitch, roll]| Pose {
        yaw_deg: yaw * 60.0,
        pitch_deg: pitch * 60.0,
        roll_deg: roll * 60.0,
    });
    let probabilities = proptest::array::uniform7(0.0f32..1.0).prop_map(Probabilities::from_weights);
    (proptest::option::of(face), proptest::option::of(pose), number(), probabilities).prop_map(
        |(face, pose, quality, probabilities)| Observation {
            face,
            pose,
            quality: Quality::new(quality),
            verdict: Verdict::Accepted,
            probabilities,
            ..Observation::nothing(Reason::Starting)
        },
    )
}

prop_compose! {
    fn event()(
        mood in mood(),
        seen in proptest::option::of((any::<u64>(), observation())),
        seq in any::<u64>(),
        at in any::<u64>(),
        delay in proptest::option::of(any::<u64>()),
    ) -> Event {
        let header = Header { boot_id: "boot \"1\"".into(), model: "m\n".into(), ..Header::default() };
        let captured_at = MonoTime::from_ns(at);
        let mut event = match seen {
            Some((seq_of_frame, value)) => {
                let frame = Stamped { seq: seq_of_frame, captured_at, value };
                Event::new(&header, seq, &frame, &mood, UtcTime(at))
            }
            None => Event::new(&header, seq, captured_at, &mood, UtcTime(at)),
        };
        if let Some(ns) = delay {
            event.published(MonoTime::from_ns(at.saturating_add(ns)));
        }
        event
    }
}

/// Holds a JSON object against the table: the same names in the same order, and each value of its
/// kind, in its range, on its step.
fn assert_matches_table(object: &Value, table: &[Signal]) {
    let object = object.as_object().expect("an object");
    let names: Vec<_> = object.keys().map(String::as_str).collect();
    assert_eq!(names, table.iter().map(|s| s.name).collect::<Vec<_>>());
    for signal in table {
        let value = &object[signal.name];
        match signal.kind {
            _ if value.is_null() => assert!(signal.nullable, "{} is null", signal.name),
            Kind::Constant(word) => assert_eq!(value, word),
            Kind::Integer(_) => assert!(value.is_u64(), "{}: {value}", signal.name),
            Kind::Flag => assert!(value.is_boolean(), "{}: {value}", signal.name),
            Kind::Text => assert!(value.is_string(), "{}: {value}", signal.name),
            Kind::Words(words) => assert!(words.iter().any(|w| value == w.name), "{}: {value}", signal.name),
            Kind::Object(parts) => assert_matches_table(value, parts),
            Kind::Number(scale) => {
                let number = value.as_f64().expect("a number");
                assert!((scale.min..=scale.max).contains(&number), "{}: {number}", signal.name);
                let steps = number / scale.resolution;
                assert!(
                    (steps - steps.round()).abs() < 1e-6 * steps.abs().max(1.0),
                    "{}: {number}",
                    signal.name
                );
            }
        }
    }
}

proptest! {
    #[test]
    fn every_event_matches_the_table_and_the_schema(event in event()) {
        thread_local! {
            static VALIDATOR: jsonschema::Validator = jsonschema::validator_for(&wire::json_schema()).unwrap();
        }
        let line = line_of(&event);
        prop_assert_eq!(line.iter().filter(|b| **b == b'\n').count(), 1);
        prop_assert!(line.len() < 1000, "{} bytes", line.len());
        let json: Value = serde_json::from_slice(&line).unwrap();
        assert_matches_table(&json, SIGNALS);
        let faults: Vec<_> = VALIDATOR.with(|v| v.iter_errors(&json).map(|e| e.to_string()).collect());
        prop_assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn an_event_read_back_is_told_alike(event in event()) {
        let line = line_of(&event);
        let Line::Event(read) = Line::parse(&line).unwrap() else { panic!("not an event") };
        // Rounded probabilities need not sum to one; reading them scales by that little.
        let probabilities = read.probabilities;
        let again = line_of(&Event { probabilities: event.probabilities, ..*read });
        prop_assert_eq!(String::from_utf8(line).unwrap(), String::from_utf8(again).unwrap());
        let (told, kept) = (event.probabilities, probabilities);
        prop_assert_eq!(told.is_some(), kept.is_some());
        if let (Some(told), Some(kept)) = (told, kept) {
            for e in Expression::ALL {
                prop_assert!((told.of(e) - kept.of(e)).abs() < 5e-4);
            }
        }
    }

    #[test]
    fn bytes_that_are_no_line_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Line::parse(&bytes).is_err());
    }
}

#[test]
fn the_schema_refuses_what_the_table_forbids() {
    let validator = jsonschema::validator_for(&wire::json_schema()).unwrap();
    let mood = Mood {
        state: MoodState::Steady(Expression::Happy),
        confidence: 0.9,
        intensity: None,
        posterior: Probabilities::UNIFORM,
    };
    let header = Header { boot_id: "b".into(), model: "m".into(), ..Header::default() };
    let good = Event::new(&header, 1, MonoTime::from_ms(5), &mood, UtcTime(0));
    let good: Value = serde_json::from_slice(&line_of(&good)).unwrap();
    assert!(validator.is_valid(&good));
    for (field, value) in [
        ("schema", Value::from("cabinmood.event/2")),
        ("seq", Value::from(-1)),
        ("state", Value::from("bored")),
        ("state", Value::from("unknown")),
        ("reason", Value::from("dark")),
        ("progress", Value::from(0.5)),
        ("confidence", Value::from(1.2)),
        ("confidence", Value::Null),
        ("face", Value::from(3)),
    ] {
        let mut bad = good.clone();
        bad[field] = value.clone();
        assert!(!validator.is_valid(&bad), "{field} = {value} was let through");
    }
    for signal in SIGNALS {
        let mut bad = good.clone();
        bad.as_object_mut().unwrap().remove(signal.name);
        assert!(!validator.is_valid(&bad), "{} may be left out", signal.name);
    }
}

#[test]
fn gaps_are_told_and_read() {
    let mut line = Vec::new();
    Gap { missed: 7 }.write_json_line(&mut line);
    assert_eq!(line, b"{\"schema\":\"cabinmood.gap/1\",\"missed\":7}\n");
    let json: Value = serde_json::from_slice(&line).unwrap();
    assert_matches_table(&json, GAP_SIGNALS);
    assert!(jsonschema::is_valid(&wire::json_schema(), &json));
    assert_eq!(Line::parse(&line).unwrap(), Line::Gap(Gap { missed: 7 }));
}

#[test]
fn readers_pass_over_new_fields_and_refuse_new_versions() {
    let line = br#"{"schema":"cabinmood.gap/1","missed":1,"since":"noon"}"#;
    assert!(Line::parse(line).is_ok());
    let error = Line::parse(br#"{"schema":"cabinmood.event/9"}"#).unwrap_err();
    assert!(matches!(&error, WireError::Schema(s) if s == "cabinmood.event/9"), "{error}");
}

#[test]
fn words_that_contradict_each_other_are_refused() {
    let header = Header { boot_id: "b".into(), model: "m".into(), ..Header::default() };
    let mood = Mood {
        state: MoodState::Unknown(Reason::Dark),
        confidence: 0.0,
        intensity: None,
        posterior: Probabilities::UNIFORM,
    };
    let line = line_of(&Event::new(&header, 1, MonoTime::ZERO, &mood, UtcTime(0)));
    let text = String::from_utf8(line).unwrap();
    let error = Line::parse(text.replace("unknown", "happy").as_bytes()).unwrap_err().to_string();
    assert!(error.contains("happy"), "{error}");
}

#[test]
fn every_group_has_a_signal() {
    let groups: BTreeSet<_> = SIGNALS.iter().map(|s| s.group.name()).collect();
    assert_eq!(groups, BTreeSet::from(["attention", "expression", "health", "presence"]));
}
