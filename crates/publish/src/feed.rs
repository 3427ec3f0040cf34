//! What every sink reads from: the newest events, and an honest count of those it missed.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use types::{Clock, MoodState};
use wire::{Event, Gate, Released};

use crate::Latency;
use crate::counters::count_many;

/// Events a reader may be behind before it is moved on to the newest: about one second at 30
/// frames a second. All readers share them, so a slow one costs no memory of its own.
const HELD_EVENTS: usize = 32;
/// What the line of an event with a face takes, rounded up.
const USUAL_LINE_BYTES: usize = 1024;

/// An event as it goes out: stamped with its time of publication.
#[derive(Debug)]
pub struct Published {
    /// The event, as the sink's gate let it pass.
    pub event: Released,
    line: OnceLock<Vec<u8>>,
    /// Which event this is, lost ones included; the first is 1.
    count: u64,
    /// How many state changes there were up to this event.
    changes: u64,
    /// Whether this event is one of them.
    is_change: bool,
}

impl Published {
    /// The event as one line of JSON, with its line feed: written when the first reader wants it, and
    /// the same for all.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        self.line.get_or_init(|| {
            let mut line = Vec::with_capacity(USUAL_LINE_BYTES);
            self.event.write_json_line(&mut line);
            line
        })
    }
}

/// How much a reader missed since its last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// Events.
    pub events: u64,
    /// State changes among them.
    pub state_changes: u64,
}

/// What is counted of one sink, all its readers together.
#[derive(Debug)]
pub struct SinkFigures {
    /// The sink's name.
    pub name: &'static str,
    /// From capture to the sink having handed a frame's event on.
    pub age: Latency,
    /// Events that its readers missed because they were behind.
    pub missed_total: AtomicU64,
}

impl SinkFigures {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, age: Latency::default(), missed_total: AtomicU64::new(0) }
    }
}

/// The next event for a reader.
#[derive(Debug)]
pub struct Delivery {
    /// What it missed just before this event, if anything.
    pub missed: Option<Missed>,
    /// The event, shared with all other readers.
    pub published: Arc<Published>,
}

/// The writing end. Dropping it ends all feeds once they have read what it holds.
pub(crate) struct Outlet {
    events: broadcast::Sender<Arc<Published>>,
    current: watch::Sender<Option<Arc<Published>>>,
    count: u64,
    changes: u64,
    gate: Gate,
}

impl Outlet {
    pub(crate) fn new(gate: Gate) -> Self {
        let (events, _) = broadcast::channel(HELD_EVENTS);
        let (current, _) = watch::channel(None);
        Self { gate, events, current, count: 0, changes: 0 }
    }

    /// What passes here.
    pub(crate) const fn gate(&self) -> Gate {
        self.gate
    }

    /// A feed that starts with the current event.
    pub(crate) fn feed(&self, figures: Arc<SinkFigures>, clock: Arc<dyn Clock>) -> Feed {
        let tap = Tap { events: self.events.downgrade(), current: self.current.subscribe(), figures, clock };
        tap.feed()
    }

    /// How many events the slowest reader has still to take.
    pub(crate) fn unread(&self) -> usize {
        self.events.len()
    }

    /// Notes events that were lost before they came here, so that every reader learns of them.
    pub(crate) fn skip(&mut self, lost: u64) {
        self.count += lost;
    }

    /// Hands what the gate lets pass of an event to all feeds. Never waits.
    pub(crate) fn publish(&mut self, event: Event) {
        let event = self.gate.release(event);
        let is_change = match &*self.current.borrow() {
            Some(last) => !is_same_state(event.state, last.event.state),
            None => true,
        };
        self.count += 1;
        self.changes += u64::from(is_change);
        let published = Arc::new(Published {
            event,
            line: OnceLock::new(),
            count: self.count,
            changes: self.changes,
            is_change,
        });
        // The current event first: a feed that starts in between reads this one twice and skips it,
        // the other way round it would miss it.
        self.current.send_replace(Some(Arc::clone(&published)));
        // An error only says that nobody reads at present.
        let _unread = self.events.send(published);
    }
}

/// Whether two states are one and the same; a transition that only comes further is the same still.
fn is_same_state(a: Option<MoodState>, b: Option<MoodState>) -> bool {
    match (a, b) {
        (
            Some(MoodState::Transition { from: f, to: t, .. }),
            Some(MoodState::Transition { from, to, .. }),
        ) => (f, t) == (from, to),
        _ => a == b,
    }
}

/// Where feeds are taken from, for a sink that has many readers, or none: it reads nothing itself.
#[derive(Clone)]
pub struct Tap {
    events: broadcast::WeakSender<Arc<Published>>,
    current: watch::Receiver<Option<Arc<Published>>>,
    figures: Arc<SinkFigures>,
    clock: Arc<dyn Clock>,
}

impl Tap {
    /// A feed that starts with the current event.
    #[must_use]
    pub fn feed(&self) -> Feed {
        let mut tap = self.clone();
        // Where the daemon ends there is nothing more to come.
        let events =
            self.events.upgrade().map_or_else(|| broadcast::channel(1).1, |events| events.subscribe());
        let first = tap.current.borrow_and_update().clone();
        let seen = first.as_ref().map_or((0, 0), |p| (p.count - 1, p.changes - u64::from(p.is_change)));
        Feed { tap, events, first, seen }
    }

    /// Returns when the daemon ends, whether everything was read or not.
    pub async fn ended(&mut self) {
        while self.current.changed().await.is_ok() {}
    }
}

/// One reader's view of the events, in order. A reader that falls behind by more than a second's
/// worth is moved on to the newest event and told how many it missed.
pub struct Feed {
    tap: Tap,
    events: broadcast::Receiver<Arc<Published>>,
    /// The event to start with.
    first: Option<Arc<Published>>,
    /// `count` and `changes` of the last event that was read.
    seen: (u64, u64),
}

impl Feed {
    /// Reads no more itself, so that others can.
    #[must_use]
    pub fn into_tap(self) -> Tap {
        self.tap
    }

    /// The next event; `None` once the daemon ends and everything was read. May be dropped and
    /// called again (in a `select!`) without losing one.
    pub async fn next(&mut self) -> Option<Delivery> {
        if let Some(first) = self.first.take() {
            return Some(self.deliver(first));
        }
        loop {
            match self.events.recv().await {
                Ok(published) if published.count <= self.seen.0 => {}
                Ok(published) => return Some(self.deliver(published)),
                Err(RecvError::Lagged(_)) => {
                    self.events = self.events.resubscribe();
                    let newest = self.tap.current.borrow_and_update().clone();
                    if let Some(newest) = newest.filter(|p| p.count > self.seen.0) {
                        return Some(self.deliver(newest));
                    }
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Notes that the sink has handed the event on, for its histogram of ages.
    pub fn handed_on(&self, published: &Published) {
        // Silence has no age.
        if published.event.frame_seq.is_some() {
            self.tap.figures.age.add(self.tap.clock.now().since(published.event.captured_at));
        }
    }

    fn deliver(&mut self, published: Arc<Published>) -> Delivery {
        let missed = Missed {
            events: published.count - self.seen.0 - 1,
            state_changes: published.changes - u64::from(published.is_change) - self.seen.1,
        };
        self.seen = (published.count, published.changes);
        count_many(&self.tap.figures.missed_total, missed.events);
        Delivery { missed: (missed.events > 0).then_some(missed), published }
    }
}

#[cfg(test)]
mod tests {
    use types::Expression::{Happy, Neutral, Sad};
    use types::MoodState::{Steady, Transition, Unknown};
    use types::{MonoTime, Mood, Probabilities, Progress, Reason, UtcTime};
    use wire::{Groups, Header, Policy, Reach};

    use super::*;

    fn outlet() -> Outlet {
        Outlet::new(Policy::default().gate(Reach::Vehicle, Groups::ALL))
    }

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> MonoTime {
            MonoTime::ZERO
        }

        fn utc(&self) -> UtcTime {
            UtcTime(0)
        }
    }

    fn feed(outlet: &Outlet) -> Feed {
        outlet.feed(Arc::new(SinkFigures::new("test")), Arc::new(Stopped))
    }

    fn event(seq: u64, state: MoodState) -> Event {
        let header = Header { boot_id: "b".into(), model: "m".into(), ..Header::default() };
        let mood = Mood { state, confidence: 0.5, intensity: None, posterior: Probabilities::UNIFORM };
        Event::new(&header, seq, MonoTime::ZERO, &mood, UtcTime(0))
    }

    /// What the feed has to give without waiting: each event's `seq` and what was missed before it.
    fn read(feed: &mut Feed) -> Vec<(u64, Option<Missed>)> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut all = Vec::new();
            loop {
                tokio::select! {
                    biased;
                    delivery = feed.next() => match delivery {
                        Some(next) => all.push((next.published.event.seq, next.missed)),
                        None => return all,
                    },
                    () = std::future::ready(()) => return all,
                }
            }
        })
    }

    #[test]
    fn a_reader_that_keeps_up_misses_nothing() {
        let mut outlet = outlet();
        let mut feed = feed(&outlet);
        (0..HELD_EVENTS as u64).for_each(|seq| outlet.publish(event(seq, Steady(Happy))));
        let read = read(&mut feed);
        assert_eq!(read.len(), HELD_EVENTS);
        assert!(read.iter().all(|(_, missed)| missed.is_none()));
    }

    #[test]
    fn a_reader_that_is_behind_gets_the_newest_and_both_counts() {
        let mut outlet = outlet();
        let mut feed = feed(&outlet);
        outlet.publish(event(0, Steady(Neutral)));
        assert_eq!(read(&mut feed), [(0, None)]);
        let progress = Progress::new;
        // Three changes are missed: to the transition (coming further is none), happy, unknown.
        let begins = (1..21).map(|_| Transition { from: Neutral, to: Happy, progress: progress(0.1) });
        let goes_on = (21..41).map(|_| Transition { from: Neutral, to: Happy, progress: progress(0.6) });
        let ends = [Steady(Happy), Unknown(Reason::NoFace), Steady(Sad)];
        for (seq, state) in (1..).zip(begins.chain(goes_on).chain(ends)) {
            outlet.publish(event(seq, state));
        }
        let missed = Missed { events: 42, state_changes: 3 };
        assert_eq!(read(&mut feed), [(43, Some(missed))]);
    }

    #[test]
    fn one_that_joins_starts_with_the_current_event() {
        let mut outlet = outlet();
        let mut early = feed(&outlet);
        assert_eq!(read(&mut early), []);
        outlet.publish(event(0, Steady(Happy)));
        outlet.publish(event(1, Steady(Sad)));
        let tap = feed(&outlet).into_tap();
        let mut late = tap.feed();
        outlet.publish(event(2, Steady(Sad)));
        assert_eq!(read(&mut late), [(1, None), (2, None)]);
        drop(outlet);
        assert_eq!(read(&mut early), [(0, None), (1, None), (2, None)]);
        assert_eq!(read(&mut late), []);
        assert_eq!(read(&mut tap.feed()), [(2, None)], "the last word, and no more");
    }

    #[test]
    fn only_readers_count_as_behind() {
        let mut outlet = outlet();
        let tap = feed(&outlet).into_tap();
        outlet.publish(event(0, Steady(Happy)));
        assert_eq!(outlet.unread(), 0, "nobody reads");
        let mut slow = tap.feed();
        (1..4).for_each(|seq| outlet.publish(event(seq, Steady(Sad))));
        assert_eq!(outlet.unread(), 3);
        read(&mut slow);
        assert_eq!(outlet.unread(), 0);
    }

    #[test]
    fn the_newest_is_not_lost_when_the_end_comes_before_it_is_read() {
        let mut outlet = outlet();
        let mut feed = feed(&outlet);
        (0..100).for_each(|seq| outlet.publish(event(seq, Steady(Happy))));
        drop(outlet);
        assert_eq!(read(&mut feed), [(99, Some(Missed { events: 99, state_changes: 1 }))]);
    }
}
