//! The seven expressions and a probability for each.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What a face shows: Ekman's six and neutral. It is the *expression seen*, not a feeling
/// (Barrett et al. 2019: people scowl in only about a third of their anger).
///
/// The order is the order of every vector of seven in this project: model outputs,
/// confusion matrices, events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expression {
    /// Brows lowered, lips pressed or bared.
    Angry,
    /// Nose wrinkled, upper lip raised.
    Disgust,
    /// Brows raised and drawn together, eyes wide.
    Fear,
    /// Lip corners up, cheeks raised.
    Happy,
    /// Inner brows raised, lip corners down.
    Sad,
    /// Brows raised, jaw dropped.
    Surprise,
    /// None of these.
    Neutral,
}

/// A word that names none of the seven expressions.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not an expression (angry, disgust, fear, happy, sad, surprise, neutral)")]
pub struct ParseExpressionError(pub String);

impl Expression {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in the project's order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Angry, Self::Disgust, Self::Fear, Self::Happy, Self::Sad, Self::Surprise, Self::Neutral];

    /// The place in a vector of seven.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The word used in events, folders and manifests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Angry => "angry",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Happy => "happy",
            Self::Sad => "sad",
            Self::Surprise => "surprise",
            Self::Neutral => "neutral",
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Expression {
    type Err = ParseExpressionError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|e| e.name() == word).ok_or_else(|| ParseExpressionError(word.to_owned()))
    }
}

/// A probability for each expression, in the order of [`Expression::ALL`]; finite, not negative,
/// summing to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probabilities([f32; Expression::COUNT]);

impl Probabilities {
    /// Every expression as likely as any other: what is known when nothing is known.
    pub const UNIFORM: Self = Self([1.0 / Expression::COUNT as f32; Expression::COUNT]);

    /// Scales weights to sum to one. `None` where a weight is negative or not finite, or all are zero.
    #[must_use]
    pub fn from_weights(weights: [f32; Expression::COUNT]) -> Option<Self> {
        let sum: f32 = weights.iter().sum();
        let usable = weights.iter().all(|w| w.is_finite() && *w >= 0.0) && sum.is_finite() && sum > 0.0;
        usable.then(|| Self(weights.map(|w| w / sum)))
    }

    /// The softmax of logits divided by a temperature (Guo et al. 2017, "On Calibration of Modern
    /// Neural Networks"). `None` where a logit is not finite or the temperature is not positive.
    #[must_use]
    pub fn from_logits(logits: [f32; Expression::COUNT], temperature: f32) -> Option<Self> {
        if !(temperature > 0.0 && temperature.is_finite() && logits.iter().all(|l| l.is_finite())) {
            return None;
        }
        let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self::from_weights(logits.map(|l| ((l - max) / temperature).exp()))
    }

    /// The probability of one expression.
    #[must_use]
    pub const fn of(&self, expression: Expression) -> f32 {
        self.0[expression.index()]
    }

    /// All seven in order.
    #[must_use]
    pub const fn as_array(&self) -> &[f32; Expression::COUNT] {
        &self.0
    }

    /// The most probable expression and its probability; the earlier one of a tie.
    #[must_use]
    pub fn top(&self) -> (Expression, f32) {
        Expression::ALL
            .into_iter()
            .map(|e| (e, self.of(e)))
            .fold((Expression::Angry, -1.0), |best, next| if next.1 > best.1 { next } else { best })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_in_order() {
        for (place, e) in Expression::ALL.into_iter().enumerate() {
            assert_eq!(e.index(), place);
            assert_eq!(e.name().parse(), Ok(e));
        }
        assert_eq!("bored".parse::<Expression>(), Err(ParseExpressionError("bored".into())));
    }

    #[test]
    fn bad_weights_are_refused() {
        assert!(Probabilities::from_weights([0.0; 7]).is_none());
        assert!(Probabilities::from_weights([f32::NAN, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).is_none());
        assert!(Probabilities::from_weights([-1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]).is_none());
        assert!(Probabilities::from_logits([0.0; 7], 0.0).is_none());
    }

    #[test]
    fn large_logits_do_not_overflow_and_temperature_softens() {
        let logits = [900.0, 899.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let sharp = Probabilities::from_logits(logits, 1.0).unwrap();
        let soft = Probabilities::from_logits(logits, 2.0).unwrap();
        assert_eq!(sharp.top().0, Expression::Angry);
        assert!(soft.top().1 < sharp.top().1);
    }
}
