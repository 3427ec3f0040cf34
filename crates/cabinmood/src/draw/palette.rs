//! The colours of the project, in one place: pictures, videos and the terminal show the same mood
//! in the same colour.

use types::{Expression, MoodState};

/// A colour, 0 to 255 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// The colour `share` (0 to 1) of the way to another.
    #[must_use]
    pub fn towards(self, other: Self, share: f32) -> Self {
        let mix = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * share).round() as u8;
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// Relative luminance, 0 (black) to 1 (white), after WCAG 2.
    #[must_use]
    pub fn luminance(self) -> f32 {
        let linear = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// White or near black, whichever reads better on this colour.
    #[must_use]
    pub fn ink(self) -> Self {
        if self.luminance() > 0.28 { INK } else { WHITE }
    }
}

/// Of Okabe and Ito's colours, which all eyes tell apart, those that plots use beside the expressions'.
pub const BLUE: Rgb = Rgb(0, 114, 178);
/// The same.
pub const VERMILION: Rgb = Rgb(213, 94, 0);
/// The same.
pub const GREEN: Rgb = Rgb(0, 158, 115);
/// White.
pub const WHITE: Rgb = Rgb(255, 255, 255);
/// Text on light ground.
pub const INK: Rgb = Rgb(24, 28, 36);
/// Secondary text on light ground.
pub const INK_SOFT: Rgb = Rgb(96, 104, 118);
/// Grid lines and frames on light ground.
pub const RULE: Rgb = Rgb(226, 229, 235);
/// A panel on light ground.
pub const PAPER: Rgb = Rgb(247, 248, 250);
/// The ground of the annotated video.
pub const NIGHT: Rgb = Rgb(17, 20, 27);
/// A panel on dark ground.
pub const NIGHT_PANEL: Rgb = Rgb(31, 36, 46);
/// Secondary text on dark ground.
pub const NIGHT_SOFT: Rgb = Rgb(148, 158, 176);
/// An unknown mood, whatever the reason.
pub const UNKNOWN: Rgb = Rgb(160, 166, 178);

/// The colour of an expression: the hues of Okabe and Ito ("Color Universal Design", 2008), which
/// stay apart under the common colour vision deficiencies; neutral is a calm slate between them.
#[must_use]
pub const fn expression(expression: Expression) -> Rgb {
    match expression {
        Expression::Angry => VERMILION,
        Expression::Disgust => GREEN,
        Expression::Fear => Rgb(204, 121, 167),
        Expression::Happy => Rgb(240, 196, 25),
        Expression::Sad => BLUE,
        Expression::Surprise => Rgb(86, 180, 233),
        Expression::Neutral => Rgb(112, 122, 142),
    }
}

/// The colour of a state; a transition's lies between its two ends.
#[must_use]
pub fn state(state: MoodState) -> Rgb {
    match state {
        MoodState::Steady(e) => expression(e),
        MoodState::Transition { from, to, progress } => {
            expression(from).towards(expression(to), progress.value())
        }
        MoodState::Unknown(_) => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_can_be_told_from_every_other_and_written_on() {
        for a in Expression::ALL {
            let (low, high) = {
                let (x, y) = (expression(a).luminance(), expression(a).ink().luminance());
                (x.min(y), x.max(y))
            };
            assert!((high + 0.05) / (low + 0.05) >= 3.0, "{a}: WCAG 2 wants 3:1 for large text");
            for b in Expression::ALL.into_iter().filter(|b| *b != a) {
                let (p, q) = (expression(a), expression(b));
                let distance: u32 =
                    [(p.0, q.0), (p.1, q.1), (p.2, q.2)].map(|(x, y)| u32::from(x.abs_diff(y))).iter().sum();
                assert!(distance > 80, "{a} and {b} are too close");
            }
        }
    }
}
