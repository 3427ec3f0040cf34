//! The filter, the state machine and the intensity together.

use std::time::Duration;

use types::{Expression, MonoTime, Mood, MoodState, Observation, Probabilities, Reason, Stamped, Verdict};

use crate::belief::{Belief, Dynamics};
use crate::machine::Machine;
use crate::neutral::{Neutral, is_well_seen};
use crate::options::{OptionError, SmoothOptions};

/// Silence bears the time at which it was noted, a frame the earlier time at which it was taken, so
/// that a frame may seem to come from before the silence. By more than this it comes from a source
/// that started anew.
const OVERLAP: Duration = Duration::from_secs(1);

/// Turns observations into moods. Its steps depend on nothing but the observations and their
/// times, and allocate nothing.
#[derive(Debug, Clone)]
pub struct Smoother {
    options: SmoothOptions,
    dynamics: Dynamics,
    belief: Belief,
    machine: Machine,
    neutral: Neutral,
    /// The latest time heard of.
    now: Option<MonoTime>,
    /// When the last frame was taken that told something of the face.
    last_look: Option<MonoTime>,
    /// Whether the driver's own neutral may be learned now.
    learns: bool,
}

impl Smoother {
    /// A smoother that has seen nothing.
    ///
    /// # Errors
    /// The first of [`SmoothOptions::problems`].
    pub fn new(options: SmoothOptions) -> Result<Self, OptionError> {
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(problem);
        }
        Ok(Self {
            dynamics: Dynamics::new(&options),
            belief: Belief::NOTHING,
            machine: Machine::default(),
            neutral: Neutral::NOTHING,
            now: None,
            last_look: None,
            learns: true,
            options,
        })
    }

    /// The options in use.
    #[must_use]
    pub const fn options(&self) -> &SmoothOptions {
        &self.options
    }

    /// The mood after one more observation. A frame that was rejected is `unknown` at once, with
    /// the gate's reason; what was known before fades, and is taken up again as far as it has not.
    pub fn step(&mut self, observation: &Stamped<Observation>) -> Mood {
        let seen = &observation.value;
        match (seen.verdict, &seen.probabilities) {
            (Verdict::Accepted, Some(probabilities)) => {
                self.look(observation.captured_at, seen, probabilities)
            }
            // A face that no net has judged: the newest judgement is older than the frame.
            (Verdict::Accepted, None) => self.silence(observation.captured_at, Reason::Stale),
            (Verdict::Rejected(reason), _) => self.silence(observation.captured_at, reason),
        }
    }

    /// The mood at a time at which there is nothing to see.
    pub fn silence(&mut self, at: MonoTime, reason: Reason) -> Mood {
        let dt_s = self.advance(at);
        if reason == Reason::Disabled {
            // Told not to watch: nothing of what was seen before may colour what is seen after.
            self.forget();
        }
        self.miss(dt_s);
        Mood {
            state: MoodState::Unknown(reason),
            confidence: 0.0,
            intensity: None,
            posterior: self.belief.given_known(),
        }
    }

    /// Forgets the driver's own neutral, as for another driver.
    pub fn reset_neutral(&mut self) {
        self.neutral.forget();
    }

    /// Allows or forbids learning the driver's own neutral, as where the vehicle stands still. What
    /// was learned stays.
    pub const fn learn_neutral(&mut self, may: bool) {
        self.learns = may;
    }

    fn look(&mut self, at: MonoTime, seen: &Observation, probabilities: &Probabilities) -> Mood {
        let dt_s = self.advance(at);
        let quality = f64::from(seen.quality.value());
        let watched_s = dt_s.min(f64::from(self.options.unwatched_s));
        let views = self.views(at) * quality;
        self.miss(dt_s - watched_s);
        self.belief.pass(&self.dynamics, watched_s, quality);
        self.belief.see(probabilities, views);
        self.neutral.see(probabilities, views);
        let state = self.machine.decide(watched_s, &self.belief, &self.options);
        let is_calm = state == MoodState::Steady(Expression::Neutral)
            && self.belief.of(Expression::Neutral) >= f64::from(self.options.neutral_confidence);
        if self.learns && is_calm && is_well_seen(seen, &self.options) {
            self.neutral.learn(watched_s, &self.options);
        }
        self.tell(state)
    }

    /// Lets time pass in which the driver was not seen.
    fn miss(&mut self, dt_s: f64) {
        self.belief.pass(&self.dynamics, dt_s, 0.0);
        self.machine.wait(dt_s, &self.belief);
    }

    /// How much of an independent look a frame taken at `at` is, 0 to 1.
    fn views(&mut self, at: MonoTime) -> f64 {
        let since_last = self.last_look.map(|last| at.since(last).as_secs_f64());
        self.last_look = self.last_look.max(Some(at));
        since_last.map_or(1.0, |s| (s / f64::from(self.options.correlation_s)).min(1.0))
    }

    fn tell(&self, state: MoodState) -> Mood {
        let of = |expression| self.belief.of(expression) as f32;
        let (confidence, intensity) = match state {
            MoodState::Steady(e) | MoodState::Transition { to: e, .. } => {
                (of(e), self.neutral.intensity(&self.options))
            }
            MoodState::Unknown(_) => (0.0, None),
        };
        Mood { state, confidence, intensity, posterior: self.belief.given_known() }
    }

    /// Moves on to `at`; the seconds that have passed.
    fn advance(&mut self, at: MonoTime) -> f64 {
        let now = self.now.unwrap_or(at);
        if now.since(at) > OVERLAP {
            self.forget();
            self.now = Some(at);
            return 0.0;
        }
        self.now = Some(now.max(at));
        at.since(now).as_secs_f64()
    }

    /// Back to having seen nothing, but for the driver's own neutral.
    fn forget(&mut self) {
        self.belief = Belief::NOTHING;
        self.machine = Machine::default();
        self.last_look = None;
    }
}
