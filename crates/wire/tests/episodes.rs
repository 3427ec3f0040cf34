//! Episodes from a script of events: "0s neutral / 4s -> happy / 5s happy / 9s gone".
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may panic as the tests do")]

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use types::{
    Expression, FaceBox, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Progress, Quality,
    Reason, Stamped, UtcTime, Verdict,
};
use wire::episode::{EPISODE_SIGNALS, Episode, EpisodeHeader, EpisodeLimits, Episodes};
use wire::{Event, Header, Kind, WireError};

/// 10 events a second.
const STEP_MS: u64 = 100;

fn event(at_ms: u64, state: MoodState, confidence: f32, intensity: Option<f32>) -> Event {
    let mood = Mood { state, confidence, intensity, posterior: Probabilities::UNIFORM };
    event_of(at_ms, attentive(), mood)
}

/// An accepted observation.
fn attentive() -> Observation {
    Observation {
        face: Some(FaceBox { x: 11.5, y: 12.5, w: 13.5, h: 14.5, score: 1.5 }),
        pose: Some(Pose { yaw_deg: 21.5, pitch_deg: 22.5, roll_deg: 23.5 }),
        eye_openness: Some(0.31),
        ..faceless()
    }
}

/// The same without anything of the face, the pose and the eyes.
fn faceless() -> Observation {
    Observation {
        quality: Quality::new(0.8),
        verdict: Verdict::Accepted,
        ..Observation::nothing(Reason::Starting)
    }
}

fn event_of(at_ms: u64, observation: Observation, mood: Mood) -> Event {
    let frame = Stamped { seq: at_ms, captured_at: MonoTime::from_ms(at_ms), value: observation };
    let header = Header {
        boot_id: "boot".into(),
        model: "net".into(),
        model_id: "0a1b2".into(),
        software_version: "1.2.3".into(),
    };
    let mut event = Event::new(&header, at_ms, &frame, &mood, UtcTime(1_000_000_000 + at_ms * 1_000_000));
    event.published(MonoTime::from_ms(at_ms + 30 + at_ms % 7));
    event
}

fn builder(shortest_ms: u64, longest_s: u64) -> Episodes {
    let header =
        EpisodeHeader { vehicle_id: "truck-7".into(), purpose: "safety".into(), run: "boot-5".into() };
    let limits = EpisodeLimits {
        shortest: Duration::from_millis(shortest_ms),
        longest: Duration::from_secs(longest_s),
    };
    Episodes::new(header, limits)
}

fn state(words: &str) -> MoodState {
    match words.split_once("->") {
        Some((from, to)) => MoodState::Transition {
            from: from.trim().parse().unwrap(),
            to: to.trim().parse().unwrap(),
            progress: Progress::new(0.5),
        },
        None if words == "gone" => MoodState::Unknown(Reason::NoFace),
        None => MoodState::Steady(words.parse().unwrap()),
    }
}

/// Plays "SECONDSs STATE / …" and gives each episode as "from > state > to START+DURATION".
fn play(builder: &mut Episodes, script: &str) -> Vec<String> {
    let parts: Vec<(u64, MoodState)> = script
        .split(" / ")
        .map(|part| part.split_once("s ").unwrap())
        .map(|(at, words)| ((at.parse::<f64>().unwrap() * 1e3) as u64, state(words.trim())))
        .collect();
    let mut episodes = Vec::new();
    for (place, (start, state)) in parts.iter().enumerate() {
        let end = parts.get(place + 1).map_or(start + STEP_MS, |(next, _)| *next);
        for at in (*start..end).step_by(STEP_MS as usize) {
            episodes.extend(builder.push(&event(at, *state, 0.9, None), false, || true));
        }
    }
    episodes.extend(builder.end(|| true));
    episodes.iter().map(words).collect()
}

fn words(episode: &Episode) -> String {
    let name = |expression: Option<Expression>| expression.map_or("?", Expression::name);
    let start = episode.start_mono_ns.as_ns() as f64 / 1e9;
    let (state, duration) = (episode.state, episode.duration_ms as f64 / 1e3);
    format!("{} > {state} > {} {start}+{duration}", name(episode.from), name(episode.to))
}

#[test]
fn an_episode_is_a_time_of_one_expression_and_knows_its_neighbours() {
    let script =
        "0s gone / 1s neutral / 4s neutral -> happy / 5s happy / 9s sad / 12s gone / 14s sad / 16s gone";
    assert_eq!(
        play(&mut builder(1000, 60), script),
        [
            "? > neutral > happy 1+2.9",
            "neutral > happy > sad 5+3.9",
            "happy > sad > ? 9+2.9",
            "? > sad > ? 14+1.9"
        ]
    );
}

#[test]
fn a_transition_that_leads_back_is_part_of_the_episode() {
    let script = "0s happy / 2s happy -> sad / 3s happy / 5s happy -> sad / 6s gone";
    assert_eq!(play(&mut builder(1000, 60), script), ["? > happy > ? 0+4.9"]);
}

#[test]
fn what_is_too_short_is_left_out_and_counted() {
    let mut episodes = builder(1000, 60);
    let script = "0s happy / 2s sad / 2.5s angry / 4s gone";
    assert_eq!(play(&mut episodes, script), ["? > happy > sad 0+1.9", "sad > angry > ? 2.5+1.4"]);
    assert_eq!(episodes.too_short(), 1);
}

#[test]
fn what_is_too_long_is_told_in_pieces_that_meet() {
    assert_eq!(
        play(&mut builder(1000, 10), "0s neutral / 24s gone"),
        ["? > neutral > neutral 0+10", "neutral > neutral > neutral 10+10", "neutral > neutral > ? 20+3.9"]
    );
}

#[test]
fn what_was_not_seen_is_not_told() {
    let mut episodes = builder(0, 60);
    let happy = MoodState::Steady(Expression::Happy);
    for at in (0..2000).step_by(100) {
        assert_eq!(episodes.push(&event(at, happy, 0.9, None), false, || true), None);
    }
    // Changes were missed: it is not known that it was the same all the time.
    let ended = episodes.push(&event(9000, happy, 0.9, None), true, || true).unwrap();
    assert_eq!(words(&ended), "? > happy > ? 0+1.9");
    // The time jumped back: another run of a clip.
    let ended = episodes.push(&event(0, happy, 0.9, None), false, || true).unwrap();
    assert_eq!(words(&ended), "? > happy > ? 9+0");
}

#[test]
fn means_are_over_time_and_ids_are_never_the_same() {
    let mut episodes = builder(0, 60);
    let happy = MoodState::Steady(Expression::Happy);
    // 0.9 for one second in one step, 0.3 for one second in ten.
    episodes.push(&event(0, happy, 0.9, Some(0.5)), false, || true);
    for at in (1000..=2000).step_by(100) {
        episodes.push(&event(at, happy, 0.3, None), false, || true);
    }
    let first = episodes.push(&event(2100, state("sad"), 0.8, None), false, || false).unwrap();
    assert!((first.confidence - 0.6).abs() < 1e-6 && first.intensity == Some(0.5), "{first:?}");
    assert_eq!((first.quality, first.worst_latency_ms, first.clock_synchronised), (0.8, Some(36.0), false));
    let second = episodes.end(|| true).unwrap();
    assert_eq!([&*first.event_id, &*second.event_id], ["boot-5-1", "boot-5-2"]);
}

/// Holds an episode's JSON against the table and the schema.
fn assert_told_right(episode: &Episode) {
    thread_local! {
        static VALIDATOR: jsonschema::Validator = jsonschema::validator_for(&wire::episode_schema()).unwrap();
    }
    let bytes = episode.to_json();
    let json: Value = serde_json::from_slice(&bytes).unwrap();
    let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, EPISODE_SIGNALS.iter().map(|signal| signal.name).collect::<Vec<_>>());
    VALIDATOR.with(|validator| assert!(validator.is_valid(&json), "{json}"));
    for signal in EPISODE_SIGNALS {
        if let (Kind::Number(scale), Some(number)) = (signal.kind, json[signal.name].as_f64()) {
            assert_eq!(scale.fit(number).map(f64::from), Some(f64::from(number as f32)), "{}", signal.name);
        }
    }
    assert_eq!(Episode::parse(&bytes).unwrap().to_json(), bytes);
}

/// The episodes of steps: the place of a state, the time since the step before, the confidence and intensity,
/// and whether changes were missed.
fn tell(steps: &[(usize, u64, f32, bool)], observation: Observation) -> Vec<Episode> {
    let (mut episodes, mut at, mut told) = (builder(0, 5), 0, Vec::new());
    for (code, step, value, missed) in steps.iter().copied() {
        at += step;
        let state = match code {
            0..7 => MoodState::Steady(Expression::ALL[code]),
            7 => state("happy -> sad"),
            _ => state("gone"),
        };
        let mood =
            Mood { state, confidence: value, intensity: Some(value), posterior: Probabilities::UNIFORM };
        told.extend(episodes.push(&event_of(at, observation, mood), missed, || missed));
    }
    told.extend(episodes.end(|| true));
    told
}

proptest! {
    #[test]
    fn every_episode_matches_the_table_and_holds_no_attention(
        steps in proptest::collection::vec((0..9usize, 0..3000u64, -2.0f32..2.0, any::<bool>()), 1..40)
    ) {
        let told = tell(&steps, attentive());
        // Neither the face nor the pose nor the eyes change a byte of what is told.
        let json = |episodes: &[Episode]| episodes.iter().map(Episode::to_json).collect::<Vec<_>>();
        prop_assert_eq!(json(&told), json(&tell(&steps, faceless())));
        told.iter().for_each(assert_told_right);
        prop_assert!(told.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq));
        for pair in told.windows(2) {
            let end = pair[0].start_mono_ns + Duration::from_millis(pair[0].duration_ms);
            prop_assert!(end <= pair[1].start_mono_ns, "{pair:?}");
        }
    }
}

#[test]
fn another_schema_and_what_is_no_episode_are_refused() {
    let other = br#"{"schema":"cabinmood.episode/2"}"#;
    assert!(matches!(Episode::parse(other), Err(WireError::Schema(s)) if s == "cabinmood.episode/2"));
    assert!(matches!(Episode::parse(b"{}"), Err(WireError::Json(_))));
    assert!(matches!(Episode::parse(br#"{"schema":"cabinmood.episode/1"}"#), Err(WireError::Json(_))));
}
