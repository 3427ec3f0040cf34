//! When a message is due: by its period, or because its words changed, and never sooner after its
//! last frame than the inhibit time. Pure: time comes in as data.

use std::time::Duration;

use types::MonoTime;
use wire::can::{Outgoing, Protector};

/// One message's times and protection.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) outgoing: Outgoing,
    pub(super) protector: Protector,
    inhibit: Duration,
    next_cycle: MonoTime,
    tried_at: Option<MonoTime>,
    /// The words of the last frame that was taken; a change is told until one with it was.
    told: Option<u64>,
}

impl Slot {
    pub(super) const fn new(outgoing: Outgoing, inhibit: Duration, start: MonoTime) -> Self {
        let protector = outgoing.protector();
        Self { outgoing, protector, inhibit, next_cycle: start, tried_at: None, told: None }
    }

    /// When it is due, if what it has to say are these words: a time that has passed means now.
    pub(super) fn due(&self, words: u64) -> MonoTime {
        let is_changed = self.outgoing.message.on_change && self.told != Some(words);
        let wanted = if is_changed { MonoTime::ZERO } else { self.next_cycle };
        self.tried_at.map_or(wanted, |at| wanted.max(at + self.inhibit))
    }

    /// A frame with these words was tried; whether it was taken.
    pub(super) fn tried(&mut self, now: MonoTime, words: u64, taken: bool) {
        self.tried_at = Some(now);
        if taken {
            self.told = Some(words);
        }
        if now >= self.next_cycle {
            // The grid is kept, so that the period does not drift; what is long past is left out.
            let next = self.next_cycle + self.outgoing.period;
            self.next_cycle = if next > now { next } else { now + self.outgoing.period };
        }
    }
}

#[cfg(test)]
mod tests {
    use wire::can::{Network, NetworkOptions};

    use super::*;

    const fn ms(ms: u64) -> MonoTime {
        MonoTime::from_ms(ms)
    }

    /// The slot of a message with a period of 100 ms and an inhibit time of 20 ms.
    fn slot(key: &str) -> Slot {
        let messages = Network::new(NetworkOptions::default()).unwrap().messages();
        let outgoing = messages.into_iter().find(|one| one.message.key == key).unwrap();
        Slot::new(outgoing, Duration::from_millis(20), ms(1000))
    }

    #[test]
    fn a_period_does_not_drift_and_what_was_missed_is_not_made_up_for() {
        let mut slot = slot("head");
        assert_eq!(slot.due(0), ms(1000));
        slot.tried(ms(1007), 0, true);
        assert_eq!(slot.due(0), ms(1100));
        slot.tried(ms(1450), 0, true);
        assert_eq!(slot.due(0), ms(1550));
    }

    #[test]
    fn a_change_is_told_at_once_but_not_within_the_inhibit_time() {
        let mut slot = slot("state");
        slot.tried(ms(1000), 1, true);
        assert_eq!(slot.due(1), ms(1100));
        assert_eq!(slot.due(2), ms(1020));
        slot.tried(ms(1050), 2, true);
        assert_eq!(slot.due(2), ms(1100), "the cycle goes on");
        assert_eq!(slot.due(3), ms(1070));
    }

    #[test]
    fn a_change_that_was_not_taken_is_tried_again() {
        let mut slot = slot("state");
        slot.tried(ms(1000), 1, true);
        slot.tried(ms(1050), 2, false);
        assert_eq!(slot.due(2), ms(1070));
        slot.tried(ms(1070), 2, true);
        assert_eq!(slot.due(2), ms(1100));
    }

    #[test]
    fn what_has_no_words_to_change_is_only_cyclic() {
        let mut slot = slot("detail");
        slot.tried(ms(1000), 1, true);
        assert_eq!(slot.due(2), ms(1100));
    }
}
