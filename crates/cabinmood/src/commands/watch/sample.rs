//! Events for the tests of `watch`.

use types::{
    FaceBox, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Quality, Reason, Stamped, UtcTime,
    Verdict,
};
use wire::{Event, Header};

/// The event of a good frame, published at this time; its `seq` counts tenths of a second.
pub fn event(at_ms: u64, state: MoodState) -> Event {
    let header = Header {
        boot_id: "boot".into(),
        model: "net-1".into(),
        software_version: "0.1.0".into(),
        ..Header::default()
    };
    let known = !matches!(state, MoodState::Unknown(_));
    let weights = [0.02, 0.0, 0.05, 0.75, 0.03, 0.1, 0.05];
    let value = Observation {
        face: Some(FaceBox { x: 120.0, y: 80.0, w: 164.0, h: 164.0, score: 1.5 }),
        pose: Some(Pose { yaw_deg: -12.4, pitch_deg: 3.0, roll_deg: 0.4 }),
        quality: Quality::new(0.91),
        verdict: Verdict::Accepted,
        probabilities: Probabilities::from_weights(weights).filter(|_| known),
        ..Observation::nothing(Reason::Starting)
    };
    let mood =
        Mood { state, confidence: 0.87, intensity: known.then_some(0.34), posterior: Probabilities::UNIFORM };
    let captured_at = MonoTime::from_ms(at_ms);
    let frame = Stamped { seq: at_ms / 100, captured_at, value };
    let mut event = Event::new(&header, at_ms / 100, &frame, &mood, UtcTime(0));
    event.published(captured_at);
    event
}
