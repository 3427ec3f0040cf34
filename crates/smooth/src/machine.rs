//! The state machine on the belief: what consumers act on changes seldom, and never back and forth
//! at the rate of frames.

use types::{Expression, MoodState, Progress, Reason};

use crate::belief::Belief;
use crate::options::SmoothOptions;

/// What is more likely than this is more likely than all else together.
const MAJORITY: f64 = 0.5;

/// The state and for how long it has been it. Durations, not times: a source whose time jumps
/// cannot leave a state that never ends.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    state: State,
    for_s: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Unknown,
    Steady(Expression),
    Transition {
        from: Expression,
        to: Expression,
    },
}

impl Machine {
    /// Lets time pass in which the driver was not seen: once that has left nothing likely, the state
    /// is over, however short it was.
    pub(crate) fn wait(&mut self, dt_s: f64, belief: &Belief) {
        self.for_s += dt_s;
        if dt_s > 0.0 && belief.unknown() > MAJORITY {
            self.enter(State::Unknown);
        }
    }

    /// Decides on the state after a usable frame, `dt_s` after the time that was last told of.
    pub(crate) fn decide(&mut self, dt_s: f64, belief: &Belief, options: &SmoothOptions) -> MoodState {
        self.for_s += dt_s;
        self.enter(self.next(belief, options));
        match self.state {
            State::Unknown => MoodState::Unknown(Reason::Starting),
            State::Steady(expression) => MoodState::Steady(expression),
            State::Transition { from, to } => {
                MoodState::Transition { from, to, progress: progress(belief, from, to, options) }
            }
        }
    }

    fn enter(&mut self, next: State) {
        let goes_on = match (self.state, next) {
            // A transition that changes its target is still the same transition.
            (State::Transition { from, .. }, State::Transition { from: still, .. }) => from == still,
            (before, after) => before == after,
        };
        if !goes_on {
            self.for_s = 0.0;
        }
        self.state = next;
    }

    fn next(&self, belief: &Belief, options: &SmoothOptions) -> State {
        let exit = f64::from(options.exit);
        let top = belief.top();
        let has_entered = belief.of(top) >= f64::from(options.enter);
        match self.state {
            State::Steady(_) if self.for_s < f64::from(options.dwell_s) => self.state,
            State::Steady(now) if belief.of(now) >= exit => self.state,
            // None in particular is more likely than the seven together.
            _ if belief.unknown() > MAJORITY => State::Unknown,
            _ if has_entered => State::Steady(top),
            State::Unknown => State::Unknown,
            State::Steady(from) => State::Transition { from, to: belief.top_but(from) },
            State::Transition { .. } if self.for_s >= f64::from(options.transition_s) => State::Unknown,
            State::Transition { from, to } => {
                let best = belief.top_but(from);
                // The target, too, is left only for a clear reason, or it would flicker between rivals:
                // one leads it by as much as what is entered must lead what is left.
                let lead = f64::from(options.enter) - exit;
                let to = if belief.of(best) >= belief.of(to) + lead { best } else { to };
                State::Transition { from, to }
            }
        }
    }
}

/// How far the belief has shifted: 0 where `from` loses its hold, 1 where `to` would get one. What is
/// left of `from` alone does not tell: where both have become unlikely, `to` is still far from its own.
fn progress(belief: &Belief, from: Expression, to: Expression, options: &SmoothOptions) -> Progress {
    let share = belief.of(to) / (belief.of(from) + belief.of(to));
    let (start, end) = (1.0 - f64::from(options.exit), f64::from(options.enter));
    let shifted = (share - start) / (end - start);
    Progress::new(shifted.min(belief.of(to) / end) as f32)
}
