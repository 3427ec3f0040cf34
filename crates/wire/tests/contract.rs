//! Events against the table of signals, and the committed documents against what it generates.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

mod random;

use std::collections::BTreeSet;

use proptest::prelude::*;
use random::{event, line_of};
use serde_json::Value;
use types::{Expression, MonoTime, Mood, MoodState, Probabilities, Reason, UtcTime};
use wire::{Event, GAP_SIGNALS, Gap, Header, Kind, Line, SIGNALS, Signal, WireError};

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
        ("state", Value::Null),
        ("purpose", Value::from("fun")),
        ("face_present", Value::from(1)),
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
