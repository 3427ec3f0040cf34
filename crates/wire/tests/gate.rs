//! That a group which a sink may not carry cannot reach its bytes: two events that differ in nothing
//! but what is withheld give the same bytes, on the socket, in every frame of the bus and for a databroker.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

mod random;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use random::event;
use serde_json::Value;
use types::{Expression, MonoTime, MoodState, Progress, Reason};
use wire::can::{MESSAGES, Moment, Reading, decode, encode};
use wire::{
    Deployment, Event, Forbidden, Gate, Group, Groups, Kind, Policy, Purpose, Reach, Released, SIGNALS,
    vss_signals,
};

fn json(event: &Released) -> Value {
    let mut line = Vec::new();
    event.write_json_line(&mut line);
    serde_json::from_slice(&line).unwrap()
}

/// All that leaves for an event: its line, and every message's bytes and every value for a databroker, at
/// once and when it is stale.
fn bytes(event: &Released) -> Vec<u8> {
    let mut all = Vec::new();
    event.write_json_line(&mut all);
    let sent = event.published_at.unwrap_or(event.captured_at);
    for now in [sent, MonoTime::from_ns(u64::MAX)] {
        let moment = Moment { event: Some(event), now };
        MESSAGES.iter().for_each(|message| all.extend(encode(message, moment).bytes()));
        for signal in vss_signals(event.gate()) {
            all.extend(format!("{} {:?}\n", signal.path(), signal.value(moment)).bytes());
        }
    }
    all
}

fn groups() -> impl Strategy<Value = Groups> {
    proptest::sample::subsequence(Group::ALL.to_vec(), 0..=4).prop_map(|groups| groups.into_iter().collect())
}

prop_compose! {
    fn gate()(
        deployment in proptest::sample::select(Deployment::ALL.to_vec()),
        purpose in proptest::sample::select(Purpose::ALL.to_vec()),
        reach in proptest::sample::select(vec![Reach::Vehicle, Reach::Beyond]),
        wanted in groups(),
    ) -> Gate {
        Policy { deployment, purpose }.gate(reach, wanted)
    }
}

/// What a state tells of, said once more and otherwise than the gate says it.
fn group_of(event: &Event) -> Group {
    let Some(MoodState::Unknown(reason)) = event.state else { return Group::Expression };
    match reason.name() {
        "pose" => Group::Attention,
        "no_face" | "misaligned" | "occluded" | "dark" | "overexposed" | "blurred" => Group::Presence,
        "starting" | "calibrating" if event.frame_seq.is_some() => Group::Expression,
        _ => Group::Health,
    }
}

/// `event` with all that `gate` withholds exchanged for that of `other`.
fn disguised(event: &Event, other: &Event, gate: &Gate) -> Event {
    let mut mixed = event.clone();
    if !gate.carries(Group::Expression) {
        mixed.confidence = other.confidence;
        mixed.intensity = other.intensity;
        mixed.probabilities = other.probabilities;
    }
    if !gate.carries(Group::Attention) {
        mixed.face = other.face;
        mixed.pose = other.pose;
        mixed.eye_openness = other.eye_openness;
    }
    if !gate.carries(Group::Presence) {
        mixed.face_present = other.face_present;
    }
    if !gate.carries(group_of(event)) {
        let otherwise = Event { state: other.state, ..mixed.clone() };
        if !gate.carries(group_of(&otherwise)) {
            mixed.state = other.state;
        }
    }
    mixed
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_withheld_changes_no_byte(event in event(), other in event(), gate in gate()) {
        let mixed = disguised(&event, &other, &gate);
        prop_assert_eq!(bytes(&gate.release(event)), bytes(&gate.release(mixed)));
    }

    #[test]
    fn what_is_withheld_is_null_and_valid(event in event(), gate in gate()) {
        thread_local! {
            static VALIDATOR: jsonschema::Validator = jsonschema::validator_for(&wire::json_schema()).unwrap();
        }
        let told_state = event.state.filter(|_| gate.carries(group_of(&event)));
        let released = gate.release(event);
        let line = json(&released);
        let faults: Vec<_> = VALIDATOR.with(|v| v.iter_errors(&line).map(|e| e.to_string()).collect());
        prop_assert!(faults.is_empty(), "{faults:?}");
        for signal in SIGNALS.iter().filter(|signal| !gate.carries(signal.group)) {
            let value = &line[signal.name];
            match signal.name {
                // Told where the reason is; an unknown has no confidence.
                "state" if told_state.is_some() => prop_assert_eq!(value, "unknown"),
                "confidence" if told_state.is_some() => prop_assert_eq!(value, &Value::from(0.0)),
                name => prop_assert!(value.is_null(), "{}: {}", name, value),
            }
        }
        prop_assert_eq!(line["state"].is_null(), told_state.is_none());
        prop_assert_eq!(&line["purpose"], gate.policy().purpose.name());
        prop_assert_eq!(wire::Line::parse(line.to_string().as_bytes()).is_ok(), true);
    }

    #[test]
    fn what_is_withheld_is_not_available_on_the_bus(event in event(), gate in gate()) {
        let released = gate.release(event);
        let sent = released.published_at.unwrap_or(released.captured_at);
        let moment = Moment { event: Some(&released), now: sent };
        for message in &MESSAGES {
            for (field, reading) in decode(message, encode(message, moment).bytes()) {
                if field.name == "MoodState" {
                    prop_assert_eq!(reading == Reading::NotAvailable, released.state.is_none());
                } else if !gate.carries(field.source.group()) {
                    prop_assert_eq!(reading, Reading::NotAvailable, "{}", field.name);
                }
            }
        }
    }

    #[test]
    fn no_expression_is_named_at_work_for_comfort(event in event(), wanted in groups()) {
        let policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Comfort };
        let text = json(&policy.gate(Reach::Vehicle, wanted).release(event)).to_string();
        for expression in Expression::ALL {
            prop_assert!(!text.contains(expression.name()), "{text}");
        }
    }

    #[test]
    fn nothing_of_attention_passes_beyond_the_vehicle(event in event(), gate in gate()) {
        let released = gate.reaching(Reach::Beyond).release(event);
        prop_assert!(released.face.is_none() && released.pose.is_none() && released.eye_openness.is_none());
        prop_assert!(released.state != Some(MoodState::Unknown(Reason::Pose)));
    }
}

#[test]
fn what_may_be_carried_is_carried() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let event = event().new_tree(&mut runner).unwrap().current();
    let everything = random::open_gate().release(event.clone());
    assert_eq!(*everything, event, "an open gate takes nothing away");

    let policy = Policy { deployment: Deployment::Workplace, purpose: Purpose::Comfort };
    let gate = policy.gate(Reach::Vehicle, Groups::ALL);
    let known = [
        MoodState::Steady(Expression::Happy),
        MoodState::Transition { from: Expression::Sad, to: Expression::Fear, progress: Progress::new(0.5) },
    ];
    for state in known {
        assert_eq!(gate.release(Event { state: Some(state), ..event.clone() }).state, None);
    }
    let unknown = Some(MoodState::Unknown(Reason::NoFace));
    assert_eq!(gate.release(Event { state: unknown, ..event.clone() }).state, unknown);
}

#[test]
fn every_refusal_says_which_law() {
    for (why, law) in [(Forbidden::Expression, "Article 5(1)(f)"), (Forbidden::Attention, "2019/2144")] {
        assert!(why.to_string().contains(law), "{why}");
    }
}

#[test]
fn a_signal_that_can_be_withheld_can_be_null() {
    for signal in SIGNALS.iter().filter(|signal| signal.group != Group::Health) {
        assert!(signal.nullable || matches!(signal.kind, Kind::Constant(_)), "{}", signal.name);
    }
}
