//! What an operator can decide about smoothing, with its reasons and ranges.

use thiserror::Error;

/// The thresholds and times of smoothing. [`Self::KEYS`] documents each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SmoothOptions {
    /// Frames nearer than this to each other share their errors, in seconds.
    pub correlation_s: f32,
    /// How long an expression lasts on average, in seconds.
    pub duration_s: f32,
    /// How likely the next expression is neutral.
    pub neutral_share: f32,
    /// The time between two frames beyond which the driver was not watched, in seconds.
    pub unwatched_s: f32,
    /// The probability from which an expression becomes the state.
    pub enter: f32,
    /// The probability below which it no longer is.
    pub exit: f32,
    /// The least time that an expression is the state, in seconds.
    pub dwell_s: f32,
    /// The longest time that a transition may take, in seconds.
    pub transition_s: f32,
    /// How much neutral must be seen before intensity is told, in seconds.
    pub neutral_learning_s: f32,
    /// Over how much neutral the driver's own is averaged, in seconds.
    pub neutral_memory_s: f32,
    /// The least probability of neutral at which the driver's own is learned.
    pub neutral_confidence: f32,
    /// The least quality at which it is learned.
    pub neutral_quality: f32,
    /// The largest yaw or pitch at which it is learned, in degrees.
    pub neutral_turn_deg: f32,
}

impl Default for SmoothOptions {
    fn default() -> Self {
        Self {
            correlation_s: 0.25,
            duration_s: 2.0,
            neutral_share: 0.4,
            unwatched_s: 0.3,
            enter: 0.7,
            exit: 0.5,
            dwell_s: 0.5,
            transition_s: 4.0,
            neutral_learning_s: 10.0,
            neutral_memory_s: 360.0,
            neutral_confidence: 0.8,
            neutral_quality: 0.6,
            neutral_turn_deg: 15.0,
        }
    }
}

/// A value that smoothing cannot work with.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("smooth.{key} = {value}: must be {allowed}")]
pub struct OptionError {
    /// The key, as in the section `smooth` of the configuration.
    pub key: &'static str,
    /// The value that was given.
    pub value: f32,
    /// What is allowed.
    pub allowed: String,
}

/// One option: its key, what it may be, and why it is what it is.
#[derive(Debug, Clone, Copy)]
pub struct OptionKey {
    /// The key, as in the section `smooth` of the configuration.
    pub name: &'static str,
    /// What it is measured in; empty for a share or a probability.
    pub unit: &'static str,
    /// The least value.
    pub min: f32,
    /// The greatest value.
    pub max: f32,
    /// What it does, and the reason for its default.
    pub why: &'static str,
    /// Where it is kept.
    pub field: fn(&mut SmoothOptions) -> &mut f32,
}

impl SmoothOptions {
    /// All options, in the order of the documentation.
    pub const KEYS: [OptionKey; 13] = [
        OptionKey {
            name: "correlation_s",
            unit: "s",
            min: 0.02,
            max: 5.0,
            why: "Frames nearer than this to each other share their errors, so that together they count as one. \
                  openpilot filters its driver monitoring with the same time; a quick expression's onset takes \
                  about as long (Yan et al. 2013).",
            field: |o| &mut o.correlation_s,
        },
        OptionKey {
            name: "duration_s",
            unit: "s",
            min: 0.1,
            max: 60.0,
            why: "How long an expression lasts on average: most take 0.5 to 4 s (Ekman 2003). Also how soon the \
                  last look is forgotten when no usable frame comes, and what keeps a slight but lasting \
                  preference of the net from becoming certainty.",
            field: |o| &mut o.duration_s,
        },
        OptionKey {
            name: "neutral_share",
            unit: "",
            min: 0.1,
            max: 0.8,
            why: "How likely the next expression is neutral; the others share the rest evenly. Ways from one \
                  expression to another mostly lead through neutral, and drivers mostly show it.",
            field: |o| &mut o.neutral_share,
        },
        OptionKey {
            name: "unwatched_s",
            unit: "s",
            min: 0.05,
            max: 5.0,
            why: "Where two frames are further apart, the rest of that time counts as not watched. The time \
                  after which a stalled camera is reported.",
            field: |o| &mut o.unwatched_s,
        },
        OptionKey {
            name: "enter",
            unit: "",
            min: 0.51,
            max: 0.99,
            why: "The probability from which an expression becomes the state. Above a half, so that only one \
                  can; above `exit`, so that the state does not flicker.",
            field: |o| &mut o.enter,
        },
        OptionKey {
            name: "exit",
            unit: "",
            min: 0.2,
            max: 0.95,
            why: "The probability below which an expression is no longer the state: at a half, when all else \
                  together has become more likely.",
            field: |o| &mut o.exit,
        },
        OptionKey {
            name: "dwell_s",
            unit: "s",
            min: 0.0,
            max: 10.0,
            why: "The least time that an expression stays the state while the driver is seen. What is shorter \
                  than half a second is a micro-expression (Matsumoto & Hwang 2011), or a misjudged frame.",
            field: |o| &mut o.dwell_s,
        },
        OptionKey {
            name: "transition_s",
            unit: "s",
            min: 0.1,
            max: 60.0,
            why: "A transition that takes longer is none: the state becomes unknown. Expressions themselves \
                  seldom last longer (Ekman 2003).",
            field: |o| &mut o.transition_s,
        },
        OptionKey {
            name: "neutral_learning_s",
            unit: "s",
            min: 0.5,
            max: 600.0,
            why: "How much of the driver's own neutral must be seen before intensity is told: about 40 looks \
                  that do not share their errors.",
            field: |o| &mut o.neutral_learning_s,
        },
        OptionKey {
            name: "neutral_memory_s",
            unit: "s",
            min: 1.0,
            max: 36_000.0,
            why: "Over how much of it the driver's own neutral is averaged; later looks slowly displace earlier \
                  ones. openpilot averages the driver's pose over as long.",
            field: |o| &mut o.neutral_memory_s,
        },
        OptionKey {
            name: "neutral_confidence",
            unit: "",
            min: 0.5,
            max: 0.99,
            why: "The driver's own neutral is learned only while the filter is at least so sure of neutral.",
            field: |o| &mut o.neutral_confidence,
        },
        OptionKey {
            name: "neutral_quality",
            unit: "",
            min: 0.0,
            max: 1.0,
            why: "... and the alignment is at least this good.",
            field: |o| &mut o.neutral_quality,
        },
        OptionKey {
            name: "neutral_turn_deg",
            unit: "deg",
            min: 1.0,
            max: 60.0,
            why: "... and yaw and pitch are at most this: a turned face looks less neutral than it is.",
            field: |o| &mut o.neutral_turn_deg,
        },
    ];

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &OptionKey) -> f32 {
        *(key.field)(&mut self.clone())
    }

    /// Everything that is wrong with these options; empty where smoothing can work with them.
    #[must_use]
    pub fn problems(&self) -> Vec<OptionError> {
        let out_of_range = |key: &OptionKey| {
            let value = self.get(key);
            let allowed = format!("from {} to {} {}", key.min, key.max, key.unit).trim_end().to_owned();
            // A NaN is in no range.
            (!(key.min..=key.max).contains(&value)).then_some(OptionError { key: key.name, value, allowed })
        };
        let mut problems: Vec<_> = Self::KEYS.iter().filter_map(out_of_range).collect();
        if self.exit >= self.enter {
            let allowed = format!("below smooth.enter, which is {}", self.enter);
            problems.push(OptionError { key: "exit", value: self.exit, allowed });
        }
        if self.exit + self.enter <= 1.0 {
            // What one expression loses another would have won already: no transition could be seen.
            let allowed = format!("above 1 - smooth.enter, which is {}", 1.0 - self.enter);
            problems.push(OptionError { key: "exit", value: self.exit, allowed });
        }
        if self.neutral_learning_s > self.neutral_memory_s {
            let allowed = format!("at most smooth.neutral_memory_s, which is {}", self.neutral_memory_s);
            problems.push(OptionError { key: "neutral_learning_s", value: self.neutral_learning_s, allowed });
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(SmoothOptions::default().problems(), []);
    }

    #[test]
    fn every_key_is_held_to_its_range_and_named() {
        for key in SmoothOptions::KEYS {
            for bad in [key.min - 0.01, key.max * 1.01, f32::NAN, f32::INFINITY] {
                let mut options = SmoothOptions::default();
                *(key.field)(&mut options) = bad;
                let problems = options.problems();
                assert!(problems.iter().any(|p| p.key == key.name), "{} = {bad} was let through", key.name);
            }
        }
    }

    #[test]
    fn keys_that_contradict_each_other_are_named() {
        let expect = |options: SmoothOptions, told: &str| {
            let problems: Vec<_> = options.problems().iter().map(ToString::to_string).collect();
            assert_eq!(problems, [told]);
        };
        let sound = SmoothOptions::default;
        expect(
            SmoothOptions { enter: 0.75, exit: 0.25, ..sound() },
            "smooth.exit = 0.25: must be above 1 - smooth.enter, which is 0.25",
        );
        expect(
            SmoothOptions { neutral_learning_s: 400.0, ..sound() },
            "smooth.neutral_learning_s = 400: must be at most smooth.neutral_memory_s, which is 360",
        );
    }

    #[test]
    fn all_problems_are_told_with_key_value_and_range() {
        let options = SmoothOptions { dwell_s: -1.0, exit: 0.8, ..SmoothOptions::default() };
        let told: Vec<_> = options.problems().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "smooth.dwell_s = -1: must be from 0 to 10 s",
                "smooth.exit = 0.8: must be below smooth.enter, which is 0.7",
            ]
        );
    }
}
