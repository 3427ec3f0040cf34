//! What an operator can decide about the search and the quality gate, with its reasons and ranges.

use thiserror::Error;

/// Where a search begins, and the thresholds of the quality gate. [`Self::KEYS`] documents each of them.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignOptions {
    /// The smallest face that a full search finds, as a share of the picture's shorter side.
    pub smallest_face: f32,
    /// The least probability that the eyes lie where the crop has them.
    pub min_fit: f32,
    /// The largest spread of the landmarks, over the inter-ocular distance.
    pub max_spread: f32,
    /// The largest yaw to either side, in degrees.
    pub max_yaw_deg: f32,
    /// The largest pitch up or down, in degrees.
    pub max_pitch_deg: f32,
    /// The least distance between the eyes, in pixels of the frame.
    pub min_eyes_px: f32,
    /// The least brightness of the face's lightest parts, 0 to 255.
    pub min_brightness: f32,
    /// The largest part of the face that may be burnt out, 0 to 1.
    pub max_burnt_out: f32,
    /// The least sharpness.
    pub min_sharpness: f32,
}

impl Default for AlignOptions {
    fn default() -> Self {
        Self {
            smallest_face: 0.2,
            min_fit: 0.35,
            max_spread: 0.2,
            max_yaw_deg: 50.0,
            max_pitch_deg: 40.0,
            min_eyes_px: 7.0,
            min_brightness: 40.0,
            max_burnt_out: 0.4,
            min_sharpness: 0.015,
        }
    }
}

/// A value that the gate cannot work with.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("align.{key} = {value}: must be {allowed}")]
pub struct OptionError {
    /// The key, as in the section `align` of the configuration.
    pub key: &'static str,
    /// The value that was given.
    pub value: f32,
    /// What is allowed.
    pub allowed: String,
}

/// One option: its key, what it may be, and why it is what it is.
#[derive(Debug, Clone, Copy)]
pub struct OptionKey {
    /// The key, as in the section `align` of the configuration.
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
    pub field: fn(&mut AlignOptions) -> &mut f32,
}

impl AlignOptions {
    /// All options, in the order of the documentation.
    pub const KEYS: [OptionKey; 9] = [
        OptionKey {
            name: "smallest_face",
            unit: "of the shorter side",
            min: 0.08,
            max: 0.5,
            why: "The smallest face that a full search finds, brow to chin, over the shorter side of the picture \
                  (of its region, where capture cuts one out). It decides what such a search costs: at 0.2, 96 of \
                  480 pixels, two thirds of what it costs at 0.167. A face that is followed may be smaller. Where \
                  a wide lens shows the driver smaller than this, cut a region out (`capture`) or lower it.",
            field: |o| &mut o.smallest_face,
        },
        OptionKey {
            name: "min_fit",
            unit: "",
            min: 0.0,
            max: 0.95,
            why: "The least probability that the eyes lie where the crop has them. Rather low, since a doubtful \
                  frame weighs little anyway (the quality is this probability times those of pose, light and \
                  sharpness): at the default 85 % of the rejected frames of a driver who looks over the shoulder \
                  have wrong eyes, and one in fifty of FER2013's PublicTest crops is rejected.",
            field: |o| &mut o.min_fit,
        },
        OptionKey {
            name: "max_spread",
            unit: "of the distance between the eyes",
            min: 0.02,
            max: 1.0,
            why: "Landmarks found from slightly shifted boxes may differ by so much; more means that there is \
                  nothing that they fit.",
            field: |o| &mut o.max_spread,
        },
        OptionKey {
            name: "max_yaw_deg",
            unit: "deg",
            min: 10.0,
            max: 90.0,
            why: "Beyond this yaw the far half of the face is out of sight. Drivers look 30 to 40 degrees away \
                  from a camera at the mirror as a matter of course.",
            field: |o| &mut o.max_yaw_deg,
        },
        OptionKey {
            name: "max_pitch_deg",
            unit: "deg",
            min: 10.0,
            max: 90.0,
            why: "Beyond this pitch brows and mouth are foreshortened past reading. Landmarks tell it to \
                  about 10 degrees only.",
            field: |o| &mut o.max_pitch_deg,
        },
        OptionKey {
            name: "min_eyes_px",
            unit: "px",
            min: 4.0,
            max: 200.0,
            why: "With fewer pixels between the eyes the mouth is two pixels high. FER2013's crops have 18 in \
                  the median, the smallest that people can still name 8.",
            field: |o| &mut o.min_eyes_px,
        },
        OptionKey {
            name: "min_brightness",
            unit: "of 255",
            min: 1.0,
            max: 200.0,
            why: "Where nineteen of twenty pixels of the face are darker than this, a sensor's noise and a \
                  codec's steps are as large as the features. No crop of FER2013 is below 60.",
            field: |o| &mut o.min_brightness,
        },
        OptionKey {
            name: "max_burnt_out",
            unit: "",
            min: 0.01,
            max: 1.0,
            why: "The part of the face that may be burnt out: with more, half of the features are gone. Of \
                  FER2013's crops 99.7 % are below a half of it, a driver in the sun below a quarter.",
            field: |o| &mut o.max_burnt_out,
        },
        OptionKey {
            name: "min_sharpness",
            unit: "",
            min: 0.0,
            max: 1.0,
            why: "Curvature over slope of the brightness, at the resolution of the source. A face blurred by \
                  7 % of the distance between its eyes (a Gaussian's sigma) is at the default; sharp ones, small \
                  ones too, are above 0.2.",
            field: |o| &mut o.min_sharpness,
        },
    ];

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &OptionKey) -> f32 {
        *(key.field)(&mut self.clone())
    }

    /// Everything that is wrong with these options; empty where the gate can work with them.
    #[must_use]
    pub fn problems(&self) -> Vec<OptionError> {
        let out_of_range = |key: &OptionKey| {
            let value = self.get(key);
            let allowed = format!("from {} to {} {}", key.min, key.max, key.unit).trim_end().to_owned();
            // A NaN is in no range.
            (!(key.min..=key.max).contains(&value)).then_some(OptionError { key: key.name, value, allowed })
        };
        Self::KEYS.iter().filter_map(out_of_range).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_sound() {
        assert_eq!(AlignOptions::default().problems(), []);
    }

    #[test]
    fn every_key_is_held_to_its_range_and_named() {
        for key in AlignOptions::KEYS {
            for bad in [key.min - 0.01, key.max * 1.01, f32::NAN, f32::INFINITY] {
                let mut options = AlignOptions::default();
                *(key.field)(&mut options) = bad;
                let problems = options.problems();
                assert!(
                    problems.len() == 1 && problems[0].key == key.name,
                    "{} = {bad}: {problems:?}",
                    key.name
                );
            }
        }
    }
}
