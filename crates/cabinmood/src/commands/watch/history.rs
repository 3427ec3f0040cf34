//! What `watch` remembers of the events it has seen.

use std::collections::VecDeque;
use std::time::Duration;

use types::{Expression, MonoTime, MoodState};
use wire::{Event, Gap, Line, WireError};

use crate::failure::{Exit, Failure};

/// How far back the timeline reaches.
pub const WINDOW: Duration = Duration::from_secs(60);

/// A state is believed to last until the next event, but no longer than this: events come ten times
/// a second at least, so a longer silence says nothing of the mood.
pub const LONGEST_HOLD: Duration = Duration::from_secs(1);

/// The frame rate is taken over this long.
const RATE_WINDOW: Duration = Duration::from_secs(2);

/// The states that time is counted for: seven expressions, transition, unknown, withheld.
const KINDS: usize = Expression::COUNT + 3;

/// A time in which one state held.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    begin: MonoTime,
    end: MonoTime,
    /// `None` where it is withheld.
    state: Option<MoodState>,
}

/// What a line was.
#[derive(Debug, PartialEq)]
pub enum Seen {
    /// An event with another state than the one before it.
    Change,
    /// An event with the same state.
    Same,
    /// So many events were left out.
    Missed(u64),
    /// A line of a kind that this version does not know.
    Unreadable,
}

/// The newest event and what led up to it.
#[derive(Debug, Default)]
pub struct History {
    latest: Option<Event>,
    began_at: Option<MonoTime>,
    spans: VecDeque<Span>,
    totals: [Duration; KINDS],
    frames: VecDeque<MonoTime>,
    /// Events seen.
    pub events: u64,
    /// Events left out because this reader was slow.
    pub missed: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
}

impl History {
    /// Takes in a line from the socket.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where the daemon says that it takes no more subscribers.
    pub fn read(&mut self, line: &[u8]) -> Result<Seen, Failure> {
        match Line::parse(line) {
            Ok(Line::Event(event)) => Ok(if self.add(*event) { Seen::Change } else { Seen::Same }),
            Ok(Line::Gap(Gap { missed })) => {
                self.missed += missed;
                Ok(Seen::Missed(missed))
            }
            Err(WireError::Schema(schema)) if schema == publish::REFUSED_SCHEMA => {
                let message = "the daemon has as many subscribers as socket.max_subscribers allows";
                Err(Failure::message(Exit::Unavailable, message))
            }
            Err(_) => {
                self.unreadable += 1;
                Ok(Seen::Unreadable)
            }
        }
    }

    /// Takes in an event; returns whether its state differs from the one before.
    pub fn add(&mut self, event: Event) -> bool {
        let at = time_of(&event);
        self.events += 1;
        self.began_at.get_or_insert(at);
        let changed = !self.latest.as_ref().is_some_and(|last| is_same(last.state, event.state));
        self.extend(at, event.state, changed);
        if event.frame_seq.is_some() {
            self.frames.push_back(event.captured_at);
            while self.frames.front().is_some_and(|&first| event.captured_at.since(first) > RATE_WINDOW) {
                self.frames.pop_front();
            }
        }
        self.latest = Some(event);
        changed
    }

    fn extend(&mut self, at: MonoTime, state: Option<MoodState>, changed: bool) {
        let mut joined = false;
        if let Some(last) = self.spans.back_mut() {
            let end = at.min(last.end + LONGEST_HOLD).max(last.end);
            self.totals[kind(last.state)] += end.since(last.end);
            last.end = end;
            joined = !changed && end == at;
        }
        if !joined {
            self.spans.push_back(Span { begin: at, end: at, state });
        }
        while self.spans.front().is_some_and(|first| at.since(first.end) > WINDOW) {
            self.spans.pop_front();
        }
    }

    /// The newest event.
    pub const fn latest(&self) -> Option<&Event> {
        self.latest.as_ref()
    }

    /// How long the newest state has held.
    pub fn held(&self) -> Duration {
        self.spans.back().map_or(Duration::ZERO, |span| span.end.since(span.begin))
    }

    /// From the first event to the newest.
    pub fn elapsed(&self) -> Duration {
        match (self.began_at, &self.latest) {
            (Some(first), Some(latest)) => time_of(latest).since(first),
            _ => Duration::ZERO,
        }
    }

    /// Frames per second over the last two seconds; `None` without frames.
    pub fn frames_per_second(&self) -> Option<f64> {
        let span = self.frames.back()?.since(*self.frames.front()?);
        (!span.is_zero()).then(|| (self.frames.len() - 1) as f64 / span.as_secs_f64())
    }

    /// The last minute in `columns` equal parts, oldest first: the state that held longest in each,
    /// `None` where nothing is known or told.
    pub fn timeline(&self, columns: usize) -> Vec<Option<MoodState>> {
        let end = self.spans.back().map_or(MonoTime::ZERO, |last| last.end).as_ns();
        let width = u64::try_from(WINDOW.as_nanos()).unwrap_or(u64::MAX) / columns.max(1) as u64;
        let column = |place: usize| {
            let right = end.saturating_sub(width * (columns - 1 - place) as u64);
            let (left, right) = (MonoTime::from_ns(right.saturating_sub(width)), MonoTime::from_ns(right));
            let inside = |span: &Span| span.end.min(right).since(span.begin.max(left));
            let longest = self.spans.iter().max_by_key(|span| inside(span));
            longest.filter(|span| !inside(span).is_zero()).and_then(|span| span.state)
        };
        (0..columns).map(column).collect()
    }

    /// How long each state held, longest first, and the counts, in one line.
    pub fn summary(&self) -> String {
        let names =
            Expression::ALL.into_iter().map(Expression::name).chain(["transition", "unknown", "withheld"]);
        let mut held: Vec<_> = names.zip(self.totals).filter(|(_, time)| !time.is_zero()).collect();
        held.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let mut parts: Vec<String> =
            held.iter().map(|(name, time)| format!("{name} {:.1} s", time.as_secs_f64())).collect();
        parts.push(format!("{} events", self.events));
        parts.push(format!("{} missed", self.missed));
        if self.unreadable > 0 {
            parts.push(format!("{} lines of another version", self.unreadable));
        }
        parts.join(", ")
    }
}

/// The time at which an event stands for the present.
fn time_of(event: &Event) -> MonoTime {
    event.published_at.unwrap_or(event.captured_at)
}

/// A transition that comes further, and one that does not, are the same state.
fn is_same(a: Option<MoodState>, b: Option<MoodState>) -> bool {
    match (a, b) {
        (
            Some(MoodState::Transition { from: f, to: t, .. }),
            Some(MoodState::Transition { from, to, .. }),
        ) => (f, t) == (from, to),
        _ => a == b,
    }
}

const fn kind(state: Option<MoodState>) -> usize {
    match state {
        Some(MoodState::Steady(expression)) => expression.index(),
        Some(MoodState::Transition { .. }) => Expression::COUNT,
        Some(MoodState::Unknown(_)) => Expression::COUNT + 1,
        None => Expression::COUNT + 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::event;
    use super::*;
    use types::Expression::{Happy, Neutral};
    use types::MoodState::{Steady, Unknown};
    use types::Reason;

    #[test]
    fn time_is_counted_for_the_state_that_held() {
        let mut history = History::default();
        for step in 0..100 {
            let state = if step < 60 { Steady(Neutral) } else { Steady(Happy) };
            assert_eq!(history.add(event(step * 100, state)), step == 0 || step == 60);
        }
        assert_eq!(history.summary(), "neutral 6.0 s, happy 3.9 s, 100 events, 0 missed");
        assert_eq!(history.held(), Duration::from_millis(3_900));
        assert_eq!(history.elapsed(), Duration::from_millis(9_900));
        assert!((history.frames_per_second().unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn a_state_that_is_withheld_is_none_of_the_others() {
        let mut history = History::default();
        for step in 0..=10 {
            history.add(Event { state: None, ..event(step * 100, Steady(Happy)) });
        }
        assert_eq!(history.summary(), "withheld 1.0 s, 11 events, 0 missed");
        assert!(history.timeline(60).iter().all(Option::is_none));
    }

    #[test]
    fn a_silence_is_no_mood() {
        let mut history = History::default();
        history.add(event(0, Steady(Happy)));
        history.add(event(20_000, Steady(Happy)));
        assert!(history.summary().starts_with("happy 1.0 s"), "{}", history.summary());
        let line = history.timeline(60);
        assert_eq!(line.iter().filter(|state| state.is_some()).count(), 1);
    }

    #[test]
    fn the_timeline_shows_the_last_minute_oldest_first() {
        let mut history = History::default();
        for second in 0..=90 {
            let state = if second < 60 { Steady(Neutral) } else { Unknown(Reason::NoFace) };
            history.add(event(second * 1_000, state));
        }
        let line = history.timeline(60);
        assert!(line[..30].iter().all(|state| *state == Some(Steady(Neutral))));
        assert!(line[30..].iter().all(|state| *state == Some(Unknown(Reason::NoFace))));
        assert!(history.timeline(0).is_empty());
    }

    #[test]
    fn lines_that_are_no_events_are_counted() {
        let mut history = History::default();
        let gap = history.read(br#"{"schema":"cabinmood.gap/1","missed":7}"#).unwrap();
        assert_eq!(gap, Seen::Missed(7));
        assert_eq!(history.read(b"what?").unwrap(), Seen::Unreadable);
        assert_eq!(history.summary(), "0 events, 7 missed, 1 lines of another version");
        let refused = history.read(br#"{"schema":"cabinmood.refused/1","reason":"full"}"#).unwrap_err();
        assert_eq!(refused.exit, Exit::Unavailable);
    }
}
