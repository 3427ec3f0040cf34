//! Episodes out of events. Pure: all times come with the events.

use std::sync::Arc;
use std::time::Duration;

use types::{Expression, MonoTime, MoodState, UtcTime};

use super::{EPISODE_SCHEMA, Episode};
use crate::event::Event;

/// What stays the same in all episodes of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeHeader {
    /// The vehicle, as its operator calls it.
    pub vehicle_id: Arc<str>,
    /// What the operator declared that episodes are used for.
    pub purpose: Arc<str>,
    /// What no other run of any daemon has: the boot, and when in it this run began.
    pub run: Arc<str>,
}

/// Which times become an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpisodeLimits {
    /// Shorter ones are left out.
    pub shortest: Duration,
    /// Longer ones are told in pieces, so that an end that never comes costs one piece at most.
    pub longest: Duration,
}

/// Builds episodes.
#[derive(Debug)]
pub struct Episodes {
    header: EpisodeHeader,
    limits: EpisodeLimits,
    seq: u64,
    too_short: u64,
    draft: Option<Draft>,
}

/// A mean over time: each value holds until the next one.
#[derive(Debug, Default)]
struct Mean {
    last: Option<f32>,
    sum: f64,
    seconds: f64,
}

impl Mean {
    fn step(&mut self, time: Duration, next: Option<f32>) {
        if let Some(last) = self.last {
            self.sum += f64::from(last) * time.as_secs_f64();
            self.seconds += time.as_secs_f64();
        }
        self.last = next.filter(|value| value.is_finite());
    }

    fn value(&self) -> Option<f32> {
        if self.seconds > 0.0 { Some((self.sum / self.seconds) as f32) } else { self.last }
    }
}

/// An episode that has not ended.
#[derive(Debug)]
struct Draft {
    state: Expression,
    from: Option<Expression>,
    start: MonoTime,
    start_utc: UtcTime,
    /// The newest event in this state.
    last: MonoTime,
    confidence: Mean,
    intensity: Mean,
    quality: Mean,
    worst_latency_ms: Option<f64>,
    boot_id: Arc<str>,
    model: Arc<str>,
    model_id: Arc<str>,
    software_version: Arc<str>,
}

impl Draft {
    fn new(event: &Event, state: Expression, from: Option<Expression>) -> Self {
        let mut draft = Self {
            state,
            from,
            start: event.captured_at,
            start_utc: event.utc,
            last: event.captured_at,
            confidence: Mean::default(),
            intensity: Mean::default(),
            quality: Mean::default(),
            worst_latency_ms: None,
            boot_id: Arc::clone(&event.boot_id),
            model: Arc::clone(&event.model),
            model_id: Arc::clone(&event.model_id),
            software_version: Arc::clone(&event.software_version),
        };
        draft.add(event);
        draft
    }

    fn add(&mut self, event: &Event) {
        let step = event.captured_at.since(self.last);
        self.last = event.captured_at;
        self.confidence.step(step, Some(event.confidence));
        self.intensity.step(step, event.intensity);
        self.quality.step(step, Some(event.quality.value()));
        self.worst_latency_ms = match (self.worst_latency_ms, event.latency_ms()) {
            (Some(worst), Some(latency)) => Some(worst.max(latency)),
            (worst, latency) => worst.or(latency),
        };
    }

    fn duration(&self) -> Duration {
        self.last.since(self.start)
    }
}

impl Episodes {
    /// Starts without an episode.
    #[must_use]
    pub const fn new(header: EpisodeHeader, limits: EpisodeLimits) -> Self {
        Self { header, limits, seq: 0, too_short: 0, draft: None }
    }

    /// How many were left out because they were too short.
    #[must_use]
    pub const fn too_short(&self) -> u64 {
        self.too_short
    }

    /// Takes the next event; the episode that it ends, if any. `missed` says that states between the
    /// last event and this one are not known. Where one ends, `is_synchronised` is asked how the system's
    /// clock is.
    ///
    /// A transition neither ends an episode nor counts as a part of it until it is known where it leads.
    pub fn push(
        &mut self,
        event: &Event,
        missed: bool,
        is_synchronised: impl Fn() -> bool,
    ) -> Option<Episode> {
        let is_broken = self.draft.as_ref().is_some_and(|draft| missed || event.captured_at < draft.last);
        if is_broken {
            let ended = self.end(is_synchronised);
            if let Some(MoodState::Steady(state)) = event.state {
                self.draft = Some(Draft::new(event, state, None));
            }
            return ended;
        }
        match (event.state, &mut self.draft) {
            (Some(MoodState::Transition { .. }), _) => None,
            // What is withheld is as good as unknown.
            (Some(MoodState::Unknown(_)) | None, _) => self.end(is_synchronised),
            (Some(MoodState::Steady(state)), None) => {
                self.draft = Some(Draft::new(event, state, None));
                None
            }
            (Some(MoodState::Steady(state)), Some(draft)) if draft.state == state => {
                draft.add(event);
                (draft.duration() >= self.limits.longest)
                    .then(|| self.go_over(event, state, is_synchronised))
                    .flatten()
            }
            (Some(MoodState::Steady(state)), Some(_)) => self.go_over(event, state, is_synchronised),
        }
    }

    /// Ends the present episode, as the end of watching does.
    pub fn end(&mut self, is_synchronised: impl Fn() -> bool) -> Option<Episode> {
        let draft = self.draft.take()?;
        self.finish(draft, None, is_synchronised)
    }

    fn go_over(
        &mut self,
        event: &Event,
        state: Expression,
        is_synchronised: impl Fn() -> bool,
    ) -> Option<Episode> {
        let from = self.draft.as_ref().map(|draft| draft.state);
        let draft = self.draft.replace(Draft::new(event, state, from))?;
        self.finish(draft, Some(state), is_synchronised)
    }

    fn finish(
        &mut self,
        draft: Draft,
        to: Option<Expression>,
        is_synchronised: impl Fn() -> bool,
    ) -> Option<Episode> {
        if draft.duration() < self.limits.shortest {
            self.too_short += 1;
            return None;
        }
        self.seq += 1;
        let EpisodeHeader { vehicle_id, purpose, run } = &self.header;
        Some(Episode {
            schema: EPISODE_SCHEMA.into(),
            event_id: format!("{run}-{}", self.seq),
            seq: self.seq,
            vehicle_id: Arc::clone(vehicle_id),
            purpose: Arc::clone(purpose),
            state: draft.state,
            from: draft.from,
            to,
            start_utc_ns: draft.start_utc,
            start_mono_ns: draft.start,
            boot_id: draft.boot_id,
            duration_ms: u64::try_from(draft.last.since(draft.start).as_millis()).unwrap_or(u64::MAX),
            confidence: draft.confidence.value().unwrap_or_default(),
            intensity: draft.intensity.value(),
            quality: draft.quality.value().unwrap_or_default(),
            worst_latency_ms: draft.worst_latency_ms.map(|ms| ms as f32),
            clock_synchronised: is_synchronised(),
            model: draft.model,
            model_id: draft.model_id,
            software_version: draft.software_version,
        })
    }
}
