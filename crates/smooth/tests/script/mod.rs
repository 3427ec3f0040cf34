//! The language of the timeline tests: what the camera sees when, and which mood is expected when.
//!
//! A script is a list of entries, separated by ` / ` or line ends, each in force until the next:
//!
//! ```text
//! 0s neutral 0.9                    the net says so; what is left is spread over the others
//! 4s happy 0.5 neutral 0.3          ... of several expressions
//! 5s happy 0.6, quality 0.3, yaw 40 ... of a poor crop of a turned face
//! 6s neutral 0.9 .. happy 0.9       slides from the one to the other until the next entry
//! 8s dark | happy 0.9 each 0.2s     changes between the two, each for so long
//! 9s gone                           no face; any other reason's word: a face that is rejected
//! 10s silence camera_lost           no frame; the silence is noted every 100 ms
//! 11s nothing                       no frame, and nobody notes it
//! 12s end
//! ```
//!
//! Expectations name a moment or a span and a state: `3s neutral / 4.2s neutral>happy / 5s-8s happy
//! / 9.1s no_face / 1s-9s not sad`.

use std::fmt::Write;

use smooth::{SmoothOptions, Smoother};
use types::{
    Expression, FaceBox, MonoTime, Mood, MoodState, Observation, Pose, Probabilities, Quality, Reason,
    Stamped, Verdict,
};

/// The frame rates at which every script is played: the states must not depend on them.
pub const RATES_FPS: [u32; 3] = [10, 30, 60];
/// How often a silence is noted.
const SILENCE_FPS: u32 = 10;

/// What the camera sees.
#[derive(Debug, Clone)]
enum Scene {
    Shows { weights: [f32; 7], quality: f32, yaw_deg: f32 },
    Slides(Box<Scene>, Box<Scene>),
    Changes(Box<Scene>, Box<Scene>, f64),
    Rejected(Reason),
    Silence(Reason),
    Nothing,
}

/// A moment of a played script.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Seconds since the start.
    pub at_s: f64,
    /// The mood then.
    pub mood: Mood,
}

/// Plays a script at every rate and holds the moods against the expectations.
pub fn check(script: &str, expectations: &str) {
    for fps in RATES_FPS {
        let moments = play(&mut Smoother::new(SmoothOptions::default()).unwrap(), script, fps);
        for expectation in entries(expectations) {
            if let Err(fault) = holds(&moments, expectation) {
                panic!("{expectation:?} at {fps} fps: {fault}; it went\n{}", summary(&moments));
            }
        }
    }
}

/// The moods of a script at a frame rate.
pub fn play(smoother: &mut Smoother, script: &str, fps: u32) -> Vec<Moment> {
    let scenes = parse(script);
    let mut moments = Vec::new();
    for (place, (start_s, scene)) in scenes.iter().enumerate() {
        let Some((end_s, _)) = scenes.get(place + 1) else { break };
        let rate = f64::from(if matches!(scene, Scene::Silence(_)) { SILENCE_FPS } else { fps });
        let (first, last) = ((start_s * rate - 1e-6).ceil() as u64, (end_s * rate - 1e-6).ceil() as u64);
        for seq in first..last {
            let at_s = seq as f64 / rate;
            let mood = scene.step(smoother, seq, at_s, (*start_s, *end_s));
            moments.extend(mood.map(|mood| Moment { at_s, mood }));
        }
    }
    moments
}

/// The states in order, a line for each change.
pub fn summary(moments: &[Moment]) -> String {
    let mut text = String::new();
    let mut last = String::new();
    for moment in moments {
        let state = name(moment.mood.state);
        if state != last {
            let _ = writeln!(text, "{:7.3}s {state} ({:.2})", moment.at_s, moment.mood.confidence);
            last = state;
        }
    }
    text
}

/// A state as expectations write it.
pub fn name(state: MoodState) -> String {
    match state {
        MoodState::Steady(expression) => expression.to_string(),
        MoodState::Transition { from, to, .. } => format!("{from}>{to}"),
        MoodState::Unknown(reason) => reason.to_string(),
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\n', '/']).map(str::trim).filter(|entry| !entry.is_empty())
}

fn seconds(word: &str) -> f64 {
    word.strip_suffix('s').and_then(|s| s.parse().ok()).unwrap_or_else(|| panic!("{word:?} is no time"))
}

fn holds(moments: &[Moment], expectation: &str) -> Result<(), String> {
    let (when, what) = expectation.split_once(' ').ok_or("no state")?;
    let (wanted, state) = match what.strip_prefix("not ") {
        Some(state) => (false, state),
        None => (true, what),
    };
    let fault = |m: &Moment| {
        let told = name(m.mood.state);
        ((told == state) != wanted).then(|| format!("{told} at {:.3}s", m.at_s))
    };
    let found = match when.split_once('-') {
        Some((start, end)) => {
            let span = seconds(start)..=seconds(end);
            moments.iter().filter(|m| span.contains(&m.at_s)).find_map(fault)
        }
        None => moments.iter().rfind(|m| m.at_s <= seconds(when) + 1e-6).and_then(fault),
    };
    found.map_or(Ok(()), Err)
}

fn parse(script: &str) -> Vec<(f64, Scene)> {
    let entry = |entry: &str| {
        let (when, what) = entry.split_once(' ').unwrap_or_else(|| panic!("{entry:?} has no scene"));
        (seconds(when), Scene::parse(what.trim()))
    };
    entries(script).map(entry).collect()
}

fn number<'a>(words: &mut impl Iterator<Item = &'a str>) -> f32 {
    words.next().and_then(|w| w.parse().ok()).unwrap_or_else(|| panic!("a number is missing"))
}

impl Scene {
    fn parse(text: &str) -> Self {
        if let Some((a, b)) = text.split_once(" .. ") {
            return Self::Slides(Box::new(Self::parse(a)), Box::new(Self::parse(b)));
        }
        if let Some((scenes, period)) = text.split_once(" each ") {
            let (a, b) = scenes.split_once(" | ").unwrap_or_else(|| panic!("{text:?} has no |"));
            return Self::Changes(Box::new(Self::parse(a)), Box::new(Self::parse(b)), seconds(period));
        }
        let reason = |word: &str| Reason::ALL.into_iter().find(|r| r.name() == word);
        match text {
            "nothing" | "end" => Self::Nothing,
            "gone" => Self::Rejected(Reason::NoFace),
            _ => match text.strip_prefix("silence ") {
                Some(word) => Self::Silence(reason(word).unwrap_or_else(|| panic!("{word:?} is no reason"))),
                None => reason(text).map_or_else(|| Self::parse_face(text), Self::Rejected),
            },
        }
    }

    fn parse_face(text: &str) -> Self {
        let (mut weights, mut quality, mut yaw_deg) = ([f32::NAN; 7], 0.9, 0.0);
        let mut words = text.split([' ', ',']).filter(|w| !w.is_empty());
        while let Some(word) = words.next() {
            match (word, word.parse::<Expression>()) {
                ("quality", _) => quality = number(&mut words),
                ("yaw", _) => yaw_deg = number(&mut words),
                (_, Ok(expression)) => weights[expression.index()] = number(&mut words),
                (_, Err(error)) => panic!("{error}"),
            }
        }
        let (said, unsaid): (Vec<f32>, Vec<f32>) = weights.iter().partition(|w| w.is_finite());
        let rest = (1.0 - said.iter().sum::<f32>()).max(0.0) / unsaid.len().max(1) as f32;
        Self::Shows { weights: weights.map(|w| if w.is_nan() { rest } else { w }), quality, yaw_deg }
    }

    /// What is to be seen at `at_s` of a scene that lasts over `span_s`: no more slides or changes.
    fn at(&self, at_s: f64, span_s: (f64, f64)) -> Self {
        match self {
            Self::Slides(a, b) => {
                let (Self::Shows { weights: a, quality, yaw_deg }, Self::Shows { weights: b, .. }) =
                    (&**a, &**b)
                else {
                    panic!("only faces slide")
                };
                let share = ((at_s - span_s.0) / (span_s.1 - span_s.0)) as f32;
                let weights = std::array::from_fn(|e| a[e] + share * (b[e] - a[e]));
                Self::Shows { weights, quality: *quality, yaw_deg: *yaw_deg }
            }
            Self::Changes(a, b, period_s) => {
                let turn = ((at_s - span_s.0) / period_s + 1e-6) as u64;
                if turn.is_multiple_of(2) { *a.clone() } else { *b.clone() }
            }
            scene => scene.clone(),
        }
    }

    fn step(&self, smoother: &mut Smoother, seq: u64, at_s: f64, span_s: (f64, f64)) -> Option<Mood> {
        let captured_at = MonoTime::from_ns((at_s * 1e9).round() as u64);
        let face = Some(FaceBox { x: 200.0, y: 100.0, w: 160.0, h: 160.0, score: 1.0 });
        let value = match self.at(at_s, span_s) {
            Self::Nothing => return None,
            Self::Silence(reason) => return Some(smoother.silence(captured_at, reason)),
            Self::Rejected(Reason::NoFace) => Observation::nothing(Reason::NoFace),
            Self::Rejected(reason) => Observation { face, ..Observation::nothing(reason) },
            Self::Shows { weights, quality, yaw_deg } => Observation {
                face,
                pose: Some(Pose { yaw_deg, ..Pose::default() }),
                quality: Quality::new(quality),
                verdict: Verdict::Accepted,
                probabilities: Probabilities::from_weights(weights),
                ..Observation::nothing(Reason::Starting)
            },
            Self::Slides(..) | Self::Changes(..) => return None,
        };
        Some(smoother.step(&Stamped { seq, captured_at, value }))
    }
}
