//! The Bayes filter: how likely each expression is, given everything seen so far.

use types::{Expression, Probabilities};

use crate::options::SmoothOptions;

/// The hidden states: the seven expressions, and that the face shows none of them in particular or
/// is not seen.
const STATES: usize = Expression::COUNT + 1;
const UNKNOWN: usize = Expression::COUNT;

/// How often what a watched face shows next is none of the seven in particular: speech, chewing, a
/// yawn. Small, so that clear evidence is never held up by it; not zero, so that a net that wavers
/// between expressions leads to unknown and not to whichever it named last.
const UNCLEAR_SHARE: f64 = 0.1;

/// The share of looks in which the net is taken to be plainly wrong, however sure it is (a hand before
/// the mouth, a face unlike any it was trained on). It bounds what one look can prove.
const BLUNDER: f64 = 0.02;

/// A distribution over the hidden states; sums to one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Belief {
    p: [f64; STATES],
}

/// How a face changes while time passes, as a Markov process: at a constant rate an expression ends
/// and the next one is drawn. With Q = (1 nᵀ - I) / duration, n the distribution of the next,
/// exp(Q t) has a closed form, so that one long step equals many short ones and the frame rate
/// does not matter.
#[derive(Debug, Clone)]
pub(crate) struct Dynamics {
    duration_s: f64,
    next: [f64; STATES],
}

impl Dynamics {
    pub(crate) fn new(options: &SmoothOptions) -> Self {
        let neutral = f64::from(options.neutral_share);
        let other = (1.0 - neutral - UNCLEAR_SHARE) / (Expression::COUNT - 1) as f64;
        let mut next = [other; STATES];
        next[Expression::Neutral.index()] = neutral;
        next[UNKNOWN] = UNCLEAR_SHARE;
        Self { duration_s: f64::from(options.duration_s), next }
    }
}

impl Belief {
    /// Nothing was seen yet.
    pub(crate) const NOTHING: Self = {
        let mut p = [0.0; STATES];
        p[UNKNOWN] = 1.0;
        Self { p }
    };

    /// Lets `dt_s` pass. `watched`, 0 to 1, is how well the face was seen meanwhile: of an expression
    /// that ends unseen nobody knows what came next.
    pub(crate) fn pass(&mut self, dynamics: &Dynamics, dt_s: f64, watched: f64) {
        let ended = -(-dt_s / dynamics.duration_s).exp_m1();
        for (state, (p, next)) in self.p.iter_mut().zip(dynamics.next).enumerate() {
            let unseen = if state == UNKNOWN { 1.0 } else { 0.0 };
            let next = watched * next + (1.0 - watched) * unseen;
            *p += ended * (next - *p);
        }
        self.normalize();
    }

    /// Takes in what the net says of one frame, as `views` of a look that is independent of all
    /// before it (0: nothing new, 1: wholly new): the likelihood is raised to that power. The net's
    /// classes are taken to have been equally likely in its training; a face that shows none of
    /// them in particular would give each the same probability.
    pub(crate) fn see(&mut self, seen: &Probabilities, views: f64) {
        for (p, seen) in self.p.iter_mut().zip(seen.as_array()) {
            let ratio = (1.0 - BLUNDER) * f64::from(*seen) * Expression::COUNT as f64 + BLUNDER;
            *p *= ratio.powf(views);
        }
        self.normalize();
    }

    fn normalize(&mut self) {
        let sum: f64 = self.p.iter().sum();
        self.p.iter_mut().for_each(|p| *p /= sum);
    }

    /// How likely the face shows `expression`.
    pub(crate) fn of(&self, expression: Expression) -> f64 {
        self.p[expression.index()]
    }

    /// How likely it shows none in particular, or was not seen.
    pub(crate) fn unknown(&self) -> f64 {
        self.p[UNKNOWN]
    }

    /// The most likely expression; the earlier one of a tie.
    pub(crate) fn top(&self) -> Expression {
        self.best_of(|_| true)
    }

    /// The most likely expression but for one.
    pub(crate) fn top_but(&self, not: Expression) -> Expression {
        self.best_of(|e| e != not)
    }

    fn best_of(&self, allowed: impl Fn(Expression) -> bool) -> Expression {
        let better = |best: Option<Expression>, next| match best {
            Some(best) if self.of(best) >= self.of(next) => Some(best),
            _ => Some(next),
        };
        Expression::ALL.into_iter().filter(|e| allowed(*e)).fold(None, better).unwrap_or(Expression::Neutral)
    }

    /// The distribution over the seven, given that it is one of them.
    pub(crate) fn given_known(&self) -> Probabilities {
        let weights = Expression::ALL.map(|e| self.of(e) as f32);
        Probabilities::from_weights(weights).unwrap_or(Probabilities::UNIFORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dynamics() -> Dynamics {
        Dynamics::new(&SmoothOptions::default())
    }

    fn assert_near(a: &Belief, b: &Belief, tolerance: f64) {
        for (a, b) in a.p.iter().zip(b.p) {
            assert!((a - b).abs() < tolerance, "{a} and {b}");
        }
    }

    /// A belief in which all states differ.
    fn mixed() -> Belief {
        let mut belief = Belief { p: [0.05, 0.1, 0.02, 0.3, 0.07, 0.16, 0.18, 0.12] };
        belief.normalize();
        belief
    }

    /// pᵀ exp(Q t) by the power series of the matrix itself.
    fn by_series(belief: &Belief, d: &Dynamics, t: f64, watched: f64) -> Belief {
        let mut next = d.next.map(|n| n * watched);
        next[UNKNOWN] += 1.0 - watched;
        let mut term = belief.p;
        let mut sum = term;
        for n in 1..60 {
            let total: f64 = term.iter().sum();
            for (state, value) in term.iter_mut().enumerate() {
                *value = (total * next[state] - *value) / d.duration_s * t / f64::from(n);
            }
            sum.iter_mut().zip(term).for_each(|(s, t)| *s += t);
        }
        Belief { p: sum }
    }

    #[test]
    fn the_closed_form_is_the_matrix_exponential() {
        for (t, watched) in [(0.033, 1.0), (0.7, 0.6), (3.0, 0.0)] {
            let mut belief = mixed();
            belief.pass(&dynamics(), t, watched);
            assert_near(&belief, &by_series(&mixed(), &dynamics(), t, watched), 1e-12);
        }
    }

    #[test]
    fn many_short_steps_equal_one_long_one() {
        let (mut many, mut one) = (mixed(), mixed());
        (0..60).for_each(|_| many.pass(&dynamics(), 1.0 / 60.0, 1.0));
        one.pass(&dynamics(), 1.0, 1.0);
        assert_near(&many, &one, 1e-12);
    }

    #[test]
    fn views_add_up() {
        let seen = Probabilities::from_weights([0.1, 0.0, 0.1, 0.5, 0.1, 0.0, 0.2]).unwrap();
        let (mut parts, mut whole) = (mixed(), mixed());
        (0..10).for_each(|_| parts.see(&seen, 0.1));
        whole.see(&seen, 1.0);
        assert_near(&parts, &whole, 1e-12);
    }

    #[test]
    fn unwatched_time_leads_to_unknown_and_watched_time_to_the_prior() {
        let (mut unseen, mut seen) = (mixed(), mixed());
        unseen.pass(&dynamics(), 100.0, 0.0);
        assert!(unseen.unknown() > 0.999_999);
        seen.pass(&dynamics(), 100.0, 1.0);
        assert_near(&seen, &Belief { p: dynamics().next }, 1e-12);
    }

    #[test]
    fn an_even_look_changes_nothing_and_a_sure_one_cannot_prove_everything() {
        let mut belief = mixed();
        belief.see(&Probabilities::UNIFORM, 1.0);
        assert_near(&belief, &mixed(), 1e-6);
        let sure = Probabilities::from_weights([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]).unwrap();
        belief.see(&sure, 1.0);
        assert!(belief.of(Expression::Happy) < 0.999 && belief.of(Expression::Sad) > 0.0);
    }

    #[test]
    fn nothing_given_that_it_is_something_is_anything() {
        assert_eq!(Belief::NOTHING.given_known(), Probabilities::UNIFORM);
        assert_eq!(mixed().top(), Expression::Happy);
        assert_eq!(mixed().top_but(Expression::Happy), Expression::Neutral);
    }
}
