//! Events on the bus: what a receiver reads from the frames is what the event says.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

use std::time::Duration;

use types::{
    Expression, FaceBox, Health, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress,
    Quality, Reason, StageHealth, Stamped, UtcTime, Verdict,
};
use wire::can::{MESSAGES, Moment, Reading, decode, encode, words_of};
use wire::{Event, Groups, Header, Policy, Purpose, Reach, Released};

const AT: MonoTime = MonoTime::from_ms(1_000);
const WORKING: StageHealth = StageHealth {
    capture: Health::Ok,
    align: Health::Ok,
    classify: Health::Ok,
    bus: Health::Ok,
    telematics: Health::Off,
};

fn event(state: MoodState) -> Event {
    let header =
        Header { model_id: "481f1".into(), software_version: "0.12.3-rc.1".into(), ..Header::default() };
    let value = Observation {
        face: Some(FaceBox::default()),
        pose: Some(Pose { yaw_deg: -31.25, pitch_deg: 4.5, roll_deg: 181.0 }),
        eye_openness: Some(0.2),
        quality: Quality::new(0.5),
        verdict: Verdict::Accepted,
        probabilities: Probabilities::from_weights([0.0, 0.0, 0.0, 0.75, 0.0, 0.0, 0.25]),
        ..Observation::nothing(Reason::NoFace)
    };
    let mood = Mood { state, confidence: 0.8, intensity: Some(1.5), posterior: Probabilities::UNIFORM };
    let mut event = Event::new(&header, 1, &Stamped { seq: 1, captured_at: AT, value }, &mood, UtcTime(0));
    event.health = WORKING;
    event.published(AT + Duration::from_millis(12));
    event
}

/// The event as the bus gets it where nothing is withheld.
fn released(event: &Event) -> Released {
    let policy = Policy { purpose: Purpose::Medical, ..Policy::default() };
    policy.gate(Reach::Vehicle, Groups::ALL).release(event.clone())
}

/// What a receiver reads as `name` from frames of this moment.
fn read(event: Option<&Event>, now_ms: u64, name: &str) -> Reading {
    let event = event.map(released);
    let moment = Moment { event: event.as_ref(), now: MonoTime::from_ms(now_ms) };
    let found = MESSAGES.iter().find_map(|message| {
        let payload = encode(message, moment);
        decode(message, payload.bytes()).find(|(field, _)| field.name == name).map(|(_, reading)| reading)
    });
    found.unwrap_or_else(|| panic!("no field {name}"))
}

fn assert_value(event: &Event, name: &str, expected: f64, step: f64) {
    match read(Some(event), 1_020, name) {
        Reading::Value(value) => assert!((value - expected).abs() <= step / 2.0 + 1e-9, "{name}: {value}"),
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn a_receiver_reads_what_the_event_says() {
    let transition = MoodState::Transition {
        from: Expression::Neutral,
        to: Expression::Happy,
        progress: Progress::new(0.6),
    };
    let event = event(transition);
    for (name, expected, step) in [
        ("MoodState", 7.0, 0.0),
        ("MoodFrom", 6.0, 0.0),
        ("MoodTo", 3.0, 0.0),
        ("MoodProgress", 60.0, 0.4),
        ("MoodConfidence", 80.0, 0.4),
        ("FacePresent", 1.0, 0.0),
        ("MoodIntensity", 100.0, 0.4),
        ("AlignmentQuality", 50.0, 0.4),
        ("EyeOpenness", 20.0, 0.4),
        ("FrameAge", 20.0, 4.0),
        ("Latency", 12.0, 2.0),
        ("HeadYaw", -31.25, 0.0),
        ("HeadPitch", 4.5, 0.0),
        ("HeadRoll", 180.0, 1.5),
        ("HealthCapture", 1.0, 0.0),
        ("ModelId", f64::from(0x481F1), 0.0),
        ("VersionMajor", 0.0, 0.0),
        ("VersionMinor", 12.0, 0.0),
        ("VersionPatch", 3.0, 0.0),
        ("Purpose", 2.0, 0.0),
        ("ProbHappy", 75.0, 0.0025),
        ("ProbAngry", 0.0, 0.0),
    ] {
        assert_value(&event, name, expected, step);
    }
    assert_eq!(read(Some(&event), 1_020, "MoodReason"), Reading::NotAvailable);
}

#[test]
fn every_state_and_reason_has_its_code() {
    for (code, expression) in Expression::ALL.into_iter().enumerate() {
        assert_value(&event(MoodState::Steady(expression)), "MoodState", code as f64, 0.0);
    }
    for (code, reason) in Reason::ALL.into_iter().enumerate() {
        let event = event(MoodState::Unknown(reason));
        assert_value(&event, "MoodState", 8.0, 0.0);
        assert_value(&event, "MoodReason", code as f64, 0.0);
        assert_value(&event, "MoodConfidence", 0.0, 0.0);
        assert_eq!(read(Some(&event), 1_020, "MoodIntensity"), Reading::NotAvailable);
    }
}

#[test]
fn before_the_first_event_nothing_is_available() {
    for field in MESSAGES.iter().flat_map(|message| message.fields) {
        assert_eq!(read(None, 0, field.name), Reading::NotAvailable, "{}", field.name);
    }
}

#[test]
fn an_old_event_is_never_told_as_if_it_were_fresh() {
    let event = event(MoodState::Steady(Expression::Happy));
    assert_eq!(read(Some(&event), 1_312, "MoodState"), Reading::Value(3.0));
    assert_eq!(read(Some(&event), 1_313, "MoodState"), Reading::Value(8.0));
    assert_eq!(read(Some(&event), 1_313, "MoodReason"), Reading::Value(9.0), "stale");
    for name in ["MoodConfidence", "FacePresent", "HeadYaw", "EyeOpenness", "HealthAlign", "ProbHappy"] {
        assert_eq!(read(Some(&event), 1_313, name), Reading::NotAvailable, "{name}");
    }
    assert_eq!(read(Some(&event), 1_313, "FrameAge"), Reading::Value(312.0));
    assert_eq!(read(Some(&event), 60_000, "FrameAge"), Reading::Value(1000.0), "and more");
}

#[test]
fn what_failed_is_an_error_and_what_is_merely_absent_is_not() {
    let mut silent = event(MoodState::Unknown(Reason::CameraLost));
    (silent.frame_seq, silent.face, silent.pose, silent.probabilities) = (None, None, None, None);
    (silent.eye_openness, silent.face_present) = (None, None);
    for name in ["HeadYaw", "FacePresent", "EyeOpenness", "ProbHappy", "FrameAge"] {
        assert_eq!(read(Some(&silent), 1_020, name), Reading::NotAvailable, "{name}");
        let mut failed = silent.clone();
        failed.health.capture = Health::Failed;
        assert_eq!(read(Some(&failed), 1_020, name), Reading::Error, "{name}");
    }
    let mut failed = silent.clone();
    failed.health.classify = Health::Failed;
    assert_eq!(read(Some(&failed), 1_020, "ProbHappy"), Reading::Error);
    assert_eq!(read(Some(&failed), 1_020, "HeadYaw"), Reading::NotAvailable);
    let mut wild = event(MoodState::Steady(Expression::Sad));
    wild.pose = Some(Pose { yaw_deg: f32::NAN, pitch_deg: f32::INFINITY, roll_deg: -1e9 });
    assert_eq!(read(Some(&wild), 1_020, "HeadYaw"), Reading::Error);
    assert_eq!(read(Some(&wild), 1_020, "HeadPitch"), Reading::Error);
    assert_eq!(read(Some(&wild), 1_020, "HeadRoll"), Reading::Value(-180.0));
}

#[test]
fn only_words_are_worth_a_frame_of_their_own() {
    let state = &MESSAGES[0];
    let words = |event: &Event| {
        let event = released(event);
        words_of(state, &encode(state, Moment { event: Some(&event), now: AT + Duration::from_millis(20) }))
    };
    let happy = event(MoodState::Steady(Expression::Happy));
    let surer = Event { confidence: 0.9, ..happy.clone() };
    assert_eq!(words(&happy), words(&surer));
    for other in [MoodState::Steady(Expression::Sad), MoodState::Unknown(Reason::Dark)] {
        assert_ne!(words(&happy), words(&event(other)));
    }
    let unseen = MoodState::Unknown(Reason::NoFace);
    assert_ne!(words(&event(unseen)), words(&event(MoodState::Unknown(Reason::Dark))));
}
