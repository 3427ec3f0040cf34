//! The `[expression]` table of a manifest.

use std::path::Path;

use frame::AlignedFace;
use serde::Deserialize;
use types::Expression;

use crate::error::ClassifyError;

/// The input's shape: one grey crop as `align` cuts it.
pub const INPUT_SHAPE: [i64; 4] = [1, 1, AlignedFace::SIDE as i64, AlignedFace::SIDE as i64];
/// The output's shape: a logit for each expression.
pub const OUTPUT_SHAPE: [i64; 2] = [1, Expression::COUNT as i64];

/// The `[expression]` table: how to feed the net and how to read its answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Details {
    /// The input's shape; [`INPUT_SHAPE`] is the only one that is supported.
    pub input: Vec<i64>,
    /// The input's name in the graph.
    pub input_name: String,
    /// The output's name in the graph.
    pub output_name: String,
    /// Grey level that becomes 0.
    pub mean: f32,
    /// Grey levels that become a distance of 1.
    pub std: f32,
    /// What each logit stands for.
    pub labels: Vec<String>,
    /// The logits are divided by it before the softmax, which makes the probabilities honest.
    pub temperature: f32,
}

impl Details {
    /// Checks every value against what this stage can work with.
    ///
    /// # Errors
    /// [`ClassifyError::Details`] with the first key that is out of range.
    pub fn check(&self, path: &Path) -> Result<(), ClassifyError> {
        let must = |right: bool, key, expected: String, found: String| {
            if right {
                Ok(())
            } else {
                Err(ClassifyError::Details { path: path.to_owned(), key, expected, found })
            }
        };
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let names = Expression::ALL.map(Expression::name);
        let in_order = self.labels.iter().map(String::as_str).eq(names);
        must(self.input == INPUT_SHAPE, "input", format!("{INPUT_SHAPE:?}"), format!("{:?}", self.input))?;
        must(in_order, "labels", format!("{names:?}"), format!("{:?}", self.labels))?;
        must(self.mean.is_finite(), "mean", "a finite number".into(), self.mean.to_string())?;
        must(positive(self.std), "std", "above 0".into(), self.std.to_string())?;
        must(positive(self.temperature), "temperature", "above 0".into(), self.temperature.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Details {
        Details {
            input: INPUT_SHAPE.to_vec(),
            input_name: "crop".into(),
            output_name: "logits".into(),
            mean: 127.5,
            std: 63.75,
            labels: Expression::ALL.map(|e| e.name().to_owned()).to_vec(),
            temperature: 1.0,
        }
    }

    #[test]
    fn each_value_out_of_range_is_named() {
        assert!(details().check(Path::new("m.toml")).is_ok());
        let expect = |change: fn(&mut Details), words: [&str; 2]| {
            let mut wrong = details();
            change(&mut wrong);
            let message = wrong.check(Path::new("m.toml")).unwrap_err().to_string();
            assert!(message.starts_with("m.toml") && words.iter().all(|w| message.contains(w)), "{message}");
        };
        expect(|d| d.input[2] = 64, ["input", "[1, 1, 64, 112]"]);
        expect(|d| d.labels.swap(0, 6), ["labels", "\"neutral\", \"disgust\""]);
        expect(|d| d.mean = f32::NAN, ["mean", "NaN"]);
        expect(|d| d.std = 0.0, ["std", "above 0"]);
        expect(|d| d.temperature = -1.0, ["temperature", "-1"]);
    }
}
