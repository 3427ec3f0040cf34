//! Whether a crop can be trusted: a quality from 0 to 1, and a verdict with a reason.

use frame::AlignedFace;
use types::{Pose, Quality, Reason, Verdict};

use crate::error::AlignError;
use crate::look::Look;
use crate::options::AlignOptions;
use crate::seek::Found;

/// The log-odds that the eyes lie within 15 % of their distance and the eye line within 8 degrees
/// of the truth: a logistic regression over turned and drawn-upon photographs and drivers, by
/// `python -m fit_check.calibrate`.
const FIT_BIAS: f32 = 1.90;
const MARGIN_WEIGHT: f32 = 0.387;
const SPREAD_WEIGHT: f32 = -39.1;
const SCORE_WEIGHT: f32 = 1.41;
/// Margins and scores above these say nothing more.
const MOST_MARGIN: f32 = 4.0;
const MOST_SCORE: f32 = 2.0;
/// Landmarks less likely than this are no face's: the track is told. Below any sensible threshold
/// for a crop, for a driver who yawns with a hand before the mouth must not lose the track.
const FACE_FIT: f32 = 0.01;
/// Yaw at which a frame weighs half as much as a frontal one, as a part of the largest allowed.
const HALF_POSE: f32 = 0.7;
/// Where the eyes' region has less contrast than this, over the whole face's, something is before
/// it: sunglasses are flat.
const COVERED_CONTRAST: f32 = 0.3;
/// Log-odds of a free mouth below which it is covered: of free ones 1 in 200 have less, of covered
/// ones six in ten (`python -m fit_check.mouth`).
const COVERED_MOUTH: f32 = -2.6;
/// A mouth with less contrast than this, over the whole face's, is covered, too: of uncovered ones
/// 99 in 100 have more than 0.37 (`python -m landmarks.tricks`). What is smooth has no gradients
/// that the log-odds could tell from a blurred mouth's.
const SMOOTH_MOUTH: f32 = 0.27;
/// A measure this many times its threshold no longer lowers the quality.
const AMPLE: f32 = 3.0;

/// Judges crops.
#[derive(Debug)]
pub(crate) struct Gate {
    options: AlignOptions,
}

impl Gate {
    /// # Errors
    /// [`AlignError::Options`] where an option is out of its range; all of them are named.
    pub fn new(options: AlignOptions) -> Result<Self, AlignError> {
        let problems = options.problems();
        if problems.is_empty() { Ok(Self { options }) } else { Err(AlignError::Options(problems)) }
    }

    /// Whether these are a face's landmarks at all.
    pub fn is_face(&self, found: &Found) -> bool {
        fit(found) >= FACE_FIT && found.fit.spread <= self.options.max_spread
    }

    /// The quality and the verdict on a crop.
    pub fn judge(&self, found: &Found, pose: Option<&Pose>, crop: &AlignedFace) -> (Quality, Verdict) {
        let eyes_px = found.fit.inter_ocular_px();
        let look = Look::of(crop, eyes_px);
        let quality = fit(found) * self.pose_quality(pose) * self.light_quality(&look);
        let reason = self.bad_picture(&look, eyes_px).or_else(|| self.bad_face(found, pose, crop, &look));
        (Quality::new(quality), reason.map_or(Verdict::Accepted, Verdict::Rejected))
    }

    /// What is wrong with the picture, whatever it shows.
    fn bad_picture(&self, look: &Look, eyes_px: f32) -> Option<Reason> {
        let o = &self.options;
        if f32::from(look.bright) < o.min_brightness {
            Some(Reason::Dark)
        } else if look.burnt_out > o.max_burnt_out {
            Some(Reason::Overexposed)
        } else if look.sharpness < o.min_sharpness || eyes_px < o.min_eyes_px {
            Some(Reason::Blurred)
        } else {
            None
        }
    }

    /// What is wrong with the face in a good picture.
    fn bad_face(
        &self,
        found: &Found,
        pose: Option<&Pose>,
        crop: &AlignedFace,
        look: &Look,
    ) -> Option<Reason> {
        let o = &self.options;
        let turned =
            pose.is_none_or(|p| p.yaw_deg.abs() > o.max_yaw_deg || p.pitch_deg.abs() > o.max_pitch_deg);
        let fits = fit(found) >= o.min_fit && found.fit.spread <= o.max_spread;
        if turned {
            Some(Reason::Pose)
        } else if found.score < 0.0 {
            // Only its track still knows this for a face: what the detector misses is hidden.
            Some(Reason::Occluded)
        } else if found.mouth_free < COVERED_MOUTH || look.mouth_contrast(crop) < SMOOTH_MOUTH {
            // However well the eyes are found: half of the expression cannot be seen.
            Some(Reason::Occluded)
        } else if fits {
            None
        } else if look.eye_contrast(crop) < COVERED_CONTRAST {
            Some(Reason::Occluded)
        } else {
            Some(Reason::Misaligned)
        }
    }

    fn pose_quality(&self, pose: Option<&Pose>) -> f32 {
        pose.map_or(0.0, |p| {
            let turn = (p.yaw_deg / self.options.max_yaw_deg).hypot(p.pitch_deg / self.options.max_pitch_deg);
            1.0 / (1.0 + (turn / HALF_POSE).powi(4))
        })
    }

    fn light_quality(&self, look: &Look) -> f32 {
        let o = &self.options;
        let ample = |value: f32, least: f32| (value / (AMPLE * least)).min(1.0);
        let light = ample(f32::from(look.bright), o.min_brightness) * (1.0 - look.burnt_out);
        light * ample(look.sharpness, o.min_sharpness)
    }
}

/// The probability that the eyes lie where the crop has them.
fn fit(found: &Found) -> f32 {
    let (margin, score) = (found.margin.min(MOST_MARGIN), found.score.min(MOST_SCORE));
    let odds = FIT_BIAS + MARGIN_WEIGHT * margin + SPREAD_WEIGHT * found.fit.spread + SCORE_WEIGHT * score;
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use types::{FaceBox, Landmarks, Point};

    use super::*;
    use crate::landmarks::Fit;

    const SIDE: usize = AlignedFace::SIDE;

    fn found(eyes_px: f32, spread: f32, margin: f32) -> Found {
        let eye = |x: f32| Point::new(100.0 + x * eyes_px, 100.0);
        let points = [eye(1.3), eye(0.7), eye(-0.3), eye(0.3), Point::new(100.0 + eyes_px / 2.0, 160.0)];
        let fit = Fit {
            landmarks: Landmarks::from_slice(&points).unwrap(),
            left_eye: eye(0.0),
            right_eye: eye(1.0),
            spread,
            refined: FaceBox::default(),
        };
        Found { fit, margin, mouth_free: 3.0, score: 1.8, started: FaceBox::default(), started_rad: 0.0 }
    }

    /// A crop of stripes between two values.
    fn striped(dark: u8, light: u8) -> AlignedFace {
        let mut crop = AlignedFace::black();
        for (i, pixel) in crop.pixels_mut().iter_mut().enumerate() {
            *pixel = if ((i / SIDE + i % SIDE) / 4).is_multiple_of(2) { dark } else { light };
        }
        crop
    }

    fn judge(found: &Found, pose: Pose, crop: &AlignedFace) -> (f32, Option<Reason>) {
        let (quality, verdict) = Gate::new(AlignOptions::default()).unwrap().judge(found, Some(&pose), crop);
        (quality.value(), verdict.reason())
    }

    #[test]
    fn a_clean_frontal_face_is_accepted_with_a_high_quality() {
        let (quality, reason) = judge(&found(80.0, 0.005, 5.0), Pose::default(), &striped(60, 180));
        assert!(reason.is_none() && quality > 0.9, "{quality} {reason:?}");
    }

    #[test]
    fn each_fault_has_its_reason() {
        let (good, frontal, clean) = (found(80.0, 0.005, 5.0), Pose::default(), striped(60, 180));
        let check = |expected, found: &Found, pose, crop: &AlignedFace| {
            assert_eq!(judge(found, pose, crop).1, Some(expected));
        };
        check(Reason::Dark, &good, frontal, &striped(0, 20));
        check(Reason::Overexposed, &good, frontal, &striped(60, 255));
        check(Reason::Pose, &good, Pose { yaw_deg: -70.0, ..frontal }, &clean);
        check(Reason::Pose, &good, Pose { pitch_deg: 55.0, ..frontal }, &clean);
        check(Reason::Blurred, &found(5.0, 0.005, 5.0), frontal, &clean);
        check(Reason::Misaligned, &found(80.0, 0.1, -4.0), frontal, &clean);
        check(Reason::Misaligned, &found(80.0, 0.3, 9.0), frontal, &clean);
        let mut ramp = AlignedFace::black();
        for (i, pixel) in ramp.pixels_mut().iter_mut().enumerate() {
            *pixel = (i % SIDE * 2) as u8;
        }
        check(Reason::Blurred, &good, frontal, &ramp);
        let mut covered = clean.clone();
        for row in 30..50 {
            covered.pixels_mut()[row * SIDE + 20..row * SIDE + 50].fill(60);
        }
        check(Reason::Occluded, &found(80.0, 0.1, -4.0), frontal, &covered);
        assert_eq!(judge(&good, frontal, &covered).1, None, "what fits well may wear sunglasses");
        let masked = Found { mouth_free: -5.0, ..good };
        check(Reason::Occluded, &masked, frontal, &clean);
        check(Reason::Occluded, &Found { score: -0.1, ..good }, frontal, &clean);
        let mut smooth = clean;
        for row in 70..SIDE {
            smooth.pixels_mut()[row * SIDE + 24..row * SIDE + 88].fill(150);
        }
        check(Reason::Occluded, &good, frontal, &smooth);
    }

    #[test]
    fn roll_is_no_fault_and_yaw_lowers_the_quality() {
        let good = found(80.0, 0.005, 5.0);
        let quality = |pose| judge(&good, pose, &striped(60, 180)).0;
        let frontal = quality(Pose::default());
        assert_eq!(quality(Pose { roll_deg: 40.0, ..Pose::default() }), frontal);
        let turned = quality(Pose { yaw_deg: 35.0, ..Pose::default() });
        assert!((0.4 * frontal..0.6 * frontal).contains(&turned), "{turned}");
    }

    #[test]
    fn a_doubtful_face_keeps_its_track_longer_than_its_crop() {
        let doubtful = found(80.0, 0.1, -6.0);
        let gate = Gate::new(AlignOptions::default()).unwrap();
        assert!(gate.is_face(&doubtful) && !gate.is_face(&found(80.0, 0.19, -12.0)));
        assert_eq!(judge(&doubtful, Pose::default(), &striped(60, 180)).1, Some(Reason::Misaligned));
    }
}
