//! Random events, with numbers as they come and as they must not come.
#![allow(dead_code, reason = "shared by tests that each use a part of it")]

use proptest::prelude::*;
use types::{
    Expression, FaceBox, Health, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress,
    Quality, Reason, StageHealth, Stamped, UtcTime, Verdict,
};
use wire::{Event, Gate, Groups, Header, Policy, Reach};

/// A gate that carries everything.
pub fn open_gate() -> Gate {
    Policy::default().gate(Reach::Vehicle, Groups::ALL)
}

/// The event's line, through a gate that carries everything.
pub fn line_of(event: &Event) -> Vec<u8> {
    let mut line = Vec::new();
    open_gate().release(event.clone()).write_json_line(&mut line);
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
    let eyes = proptest::option::of(number());
    (proptest::option::of(face), proptest::option::of(pose), eyes, number(), probabilities).prop_map(
        |(face, pose, eye_openness, quality, probabilities)| Observation {
            face,
            pose,
            eye_openness,
            quality: Quality::new(quality),
            verdict: Verdict::Accepted,
            probabilities,
            ..Observation::nothing(Reason::Starting)
        },
    )
}

prop_compose! {
    pub fn event()(
        mood in mood(),
        seen in proptest::option::of((any::<u64>(), observation())),
        seq in any::<u64>(),
        at in any::<u64>(),
        delay in proptest::option::of(any::<u64>()),
        health in proptest::array::uniform5(0..Health::ALL.len()),
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
        let [capture, align, classify, bus, telematics] = health.map(|place| Health::ALL[place]);
        event.health = StageHealth { capture, align, classify, bus, telematics };
        if let Some(ns) = delay {
            event.published(MonoTime::from_ns(at.saturating_add(ns)));
        }
        event
    }
}
