//! The stage itself: from a frame to an observation and a crop.

use std::path::PathBuf;

use frame::{AlignedFace, Grey};
use manifest::Manifest;
use serde::Deserialize;
use types::{Evidence, FaceBox, MonoTime, Observation, Reason};

use crate::denoise::Denoiser;
use crate::detect::Detector;
use crate::error::AlignError;
use crate::gate::Gate;
use crate::options::AlignOptions;
use crate::pose::pose;
use crate::seek::{Found, Habit, Seeker};
use crate::shape_predictor::ShapePredictor;
use crate::track::Tracker;

/// The manifests of the models that alignment needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlignModels {
    /// Of the face detector.
    pub detector: PathBuf,
    /// Of the landmark model.
    pub landmarks: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LandmarkDetails {
    points: usize,
}

/// Finds the driver's face, its landmarks and pose, cuts it out with level eyes, and judges
/// whether the crop can be trusted.
///
/// In the steady state a step makes no Rust heap allocation.
pub struct Aligner {
    denoiser: Denoiser,
    detector: Detector,
    tracker: Tracker,
    seeker: Seeker,
    gate: Gate,
    /// How the followed face lay in its box.
    habit: Habit,
}

impl Aligner {
    /// Opens the models.
    ///
    /// # Errors
    /// [`AlignError`]: a manifest or model file that is missing, altered or of the wrong kind; an
    /// option out of its range.
    pub fn new(models: &AlignModels, options: AlignOptions) -> Result<Self, AlignError> {
        let smallest_face = options.smallest_face;
        let gate = Gate::new(options)?;
        let seeker = Seeker::new(load_landmarks(models)?);
        let detector = Detector::load(&models.detector, smallest_face)?;
        let denoiser = Denoiser::default();
        Ok(Self { denoiser, detector, tracker: Tracker::new(), seeker, gate, habit: Habit::default() })
    }

    /// The next frame of a sequence: the face is followed from frame to frame. The crop is written
    /// whenever landmarks were found; it may be classified only where the verdict is accepted.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn step(
        &mut self,
        frame: &Grey,
        captured_at: MonoTime,
        crop: &mut AlignedFace,
    ) -> Result<Observation, AlignError> {
        let smoothed = self.denoiser.smoothed(frame)?;
        let frame = smoothed.as_ref().unwrap_or(frame);
        let Some(face) = self.tracker.step(&mut self.detector, frame, captured_at)? else {
            self.habit = Habit::default();
            return Ok(Observation::nothing(Reason::NoFace));
        };
        let found = self.seeker.seek(frame, face, &self.habit, crop)?;
        let plausible = found.filter(|found| self.gate.is_face(found));
        self.habit = plausible.map_or_else(Habit::default, |found| self.habit.after(&found, &face));
        self.tracker.confirm(plausible.is_some(), plausible.map(|found| found.fit.refined));
        Ok(self.observe(face, found.as_ref(), crop))
    }

    /// A picture that has nothing to do with the last one: a full search, and no track is used or
    /// kept.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn step_still(&mut self, frame: &Grey, crop: &mut AlignedFace) -> Result<Observation, AlignError> {
        let smoothed = self.denoiser.smoothed(frame)?;
        let frame = smoothed.as_ref().unwrap_or(frame);
        let Some(face) = self.tracker.search_still(&mut self.detector, frame)? else {
            return Ok(Observation::nothing(Reason::NoFace));
        };
        let found = self.seeker.seek(frame, face, &Habit::default(), crop)?;
        Ok(self.observe(face, found.as_ref(), crop))
    }

    /// A picture that is a tight crop of a face, as data sets have them: nothing is detected, the
    /// whole picture is the face. Where the verdict is against the alignment
    /// ([`Reason::is_of_alignment`]), the crop is the picture as it came, upright.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn step_crop(&mut self, picture: &Grey, crop: &mut AlignedFace) -> Result<Observation, AlignError> {
        let found = self.seeker.seek_in_crop(picture, crop)?;
        let whole =
            FaceBox { x: -0.5, y: -0.5, w: picture.width() as f32, h: picture.height() as f32, score: 0.0 };
        let seen = self.observe(whole, found.as_ref(), crop);
        if seen.verdict.reason().is_some_and(Reason::is_of_alignment) {
            self.seeker.take_whole(picture, crop)?;
        }
        Ok(seen)
    }

    /// Forgets the face that was followed, as after a change of the source.
    pub fn reset(&mut self) {
        self.tracker.reset();
        self.habit = Habit::default();
    }

    /// Judges a face and its crop.
    fn observe(&self, face: FaceBox, found: Option<&Found>, crop: &AlignedFace) -> Observation {
        let Some(found) = found else {
            return Observation { face: Some(face), ..Observation::nothing(Reason::Misaligned) };
        };
        let pose = pose(&found.fit.landmarks);
        let (quality, verdict) = self.gate.judge(found, pose.as_ref(), crop);
        Observation {
            face: Some(face),
            landmarks: Some(found.fit.landmarks),
            pose,
            eye_openness: found.fit.landmarks.eye_openness(),
            mouth_opening: found.fit.landmarks.mouth_opening(),
            evidence: Some(Evidence { margin: found.margin, spread: found.fit.spread }),
            quality,
            verdict,
            probabilities: None,
        }
    }
}

fn load_landmarks(models: &AlignModels) -> Result<ShapePredictor, AlignError> {
    let manifest = Manifest::<LandmarkDetails>::load(&models.landmarks, "landmarks")?;
    let model = ShapePredictor::parse(&manifest.read_model()?)
        .map_err(|source| AlignError::Landmarks { path: manifest.file.clone(), source })?;
    let (found, said) = (model.mean().len(), manifest.details.points);
    if found != said || !matches!(found, 5 | 68) {
        return Err(AlignError::Points { path: manifest.file, found, said });
    }
    Ok(model)
}
