//! The search for the landmarks of a known face: where the first try does not look right, others
//! are made, and the one whose crop looks most like an aligned face is kept.

use std::mem;

use frame::{AlignedFace, Grey};
use types::FaceBox;

use crate::check::FitCheck;
use crate::crop::CropSearch;
use crate::landmarks::{Fit, Fitter};
use crate::shape_predictor::ShapePredictor;
use crate::warp::Warper;

/// Log-odds of the fit check from which no better fit is looked for: 95 % of the crops cut at true
/// eyes lie above.
const SURE: f32 = 1.0;
/// In a sequence a turned head stays turned, and what was the best of all tries in the last frame is
/// enough in this one; less than that by this much is not.
const SLACK: f32 = 1.0;
/// How fast what is enough follows the frames: about a third of a second at 30 frames a second.
const FOLLOW: f32 = 0.1;
/// The trees were grown on heads held almost upright: a head that leans further than this from the
/// box they started in is fitted again in a box that leans with it.
const UPRIGHT_RAD: f32 = 0.17;
/// A box that differs by less than this in size (its logarithm) and place (in widths) is the same to
/// the trees.
const SETTLED: f32 = 0.1;
/// The boxes that are tried where the first one fails: shifted in parts of the width, since the box
/// of a turned face lies to one side of it, or leaning.
const TRIES: [(f32, f32); 5] = [(0.0, 0.0), (-0.15, 0.0), (0.15, 0.0), (0.0, -0.52), (0.0, 0.52)];
/// Places of a tight crop that are looked at, best first.
const PLACES: usize = 4;

/// Standard deviations of a face's size (of its natural logarithm) and place (in widths) about the
/// box that it was expected in: that far detectors and data sets differ.
const SIZE_SIGMA: f32 = 0.3;
const PLACE_SIGMA: f32 = 0.25;

/// Landmarks, and how much the crop cut by them looks like an aligned face.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    pub fit: Fit,
    /// Log-odds of the fit check, less what speaks against so small, large or distant a face:
    /// nostrils over an open mouth look very much like eyes.
    pub margin: f32,
    /// Log-odds that nothing is before the mouth.
    pub mouth_free: f32,
    /// What the detector made of the face.
    pub score: f32,
    /// The box that the trees started in.
    pub started: FaceBox,
    /// Its lean.
    pub started_rad: f32,
}

/// How the last frame's face lay in the box that it was expected in, and how good that was: where
/// the next frame's search starts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habit {
    /// From the expected box to the one that the trees started in: to the right and down in widths,
    /// and how much larger.
    shift: (f32, f32),
    growth: f32,
    lean_rad: f32,
    /// What the fit check said.
    margin: f32,
}

impl Default for Habit {
    /// Nothing is known.
    fn default() -> Self {
        Self { shift: (0.0, 0.0), growth: 1.0, lean_rad: 0.0, margin: f32::INFINITY }
    }
}

impl Habit {
    /// What a frame teaches for the next.
    pub fn after(self, found: &Found, expected: &FaceBox) -> Self {
        let (to, from) = (found.started.center(), expected.center());
        let growth = found.started.w / expected.w;
        let shift = ((to.x - from.x) / expected.w, (to.y - from.y) / expected.w);
        let margin = if self.is_enough(found.margin) {
            self.margin.min(SURE + SLACK) * (1.0 - FOLLOW) + found.margin.min(SURE + SLACK) * FOLLOW
        } else {
            found.margin
        };
        Self { shift, growth, lean_rad: found.started_rad, margin }
    }

    fn start(&self, expected: &FaceBox) -> FaceBox {
        let (center, side) = (expected.center(), expected.w * self.growth);
        FaceBox {
            x: center.x + self.shift.0 * expected.w - side / 2.0,
            y: center.y + self.shift.1 * expected.w - side / 2.0,
            w: side,
            h: side,
            score: expected.score,
        }
    }

    fn is_enough(&self, margin: f32) -> bool {
        margin >= (self.margin - SLACK).min(SURE)
    }
}

/// Finds landmarks and cuts crops, keeping its buffers.
pub(crate) struct Seeker {
    fitter: Fitter,
    crops: CropSearch,
    warper: Warper,
    check: FitCheck,
    trial: AlignedFace,
}

impl Seeker {
    pub fn new(model: ShapePredictor) -> Self {
        Self {
            fitter: Fitter::new(model),
            crops: CropSearch::default(),
            warper: Warper::default(),
            check: FitCheck::default(),
            trial: AlignedFace::black(),
        }
    }

    /// The landmarks of the face in a box, and its crop. Where the first try does not look as good
    /// as the habit promises, others follow: one run of the trees where all is well, at most seven.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn seek(
        &mut self,
        grey: &Grey,
        face: FaceBox,
        habit: &Habit,
        crop: &mut AlignedFace,
    ) -> opencv::Result<Option<Found>> {
        let mut best = None;
        self.attempt(grey, &face, habit.start(&face), habit.lean_rad, &mut best, crop)?;
        self.try_others(grey, &face, habit, &mut best, crop)?;
        self.settle(grey, &face, &mut best, crop)?;
        Ok(best)
    }

    /// The landmarks of the face that fills a picture, and its crop.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn seek_in_crop(&mut self, picture: &Grey, crop: &mut AlignedFace) -> opencv::Result<Option<Found>> {
        let large = self.crops.enlarged(picture)?;
        let grey = large.as_ref().map_or(picture, |(grey, _)| grey);
        let usual = CropSearch::usual(grey);
        self.crops.look(grey, &mut self.fitter);
        let mut best: Option<Found> = None;
        for _ in 0..PLACES {
            let Some(place) = self.crops.next_place() else { break };
            self.attempt(grey, &usual, place.refined, leaning(&place), &mut best, crop)?;
            if best.is_some_and(|found| found.margin >= SURE) {
                break;
            }
        }
        self.try_others(grey, &usual, &Habit::default(), &mut best, crop)?;
        self.settle(grey, &usual, &mut best, crop)?;
        let (Some(mut found), Some((_, factor))) = (best, large.as_ref()) else { return Ok(best) };
        let Some(fit) = found.fit.reduced(*factor) else { return Ok(None) };
        found.fit = fit;
        self.warper.warp(picture, fit.left_eye, fit.right_eye, crop)?;
        Ok(Some(found))
    }

    /// Cuts a tight crop without knowing where its eyes are: where they usually are.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn take_whole(&mut self, picture: &Grey, crop: &mut AlignedFace) -> opencv::Result<()> {
        let (left, right) = CropSearch::usual_eyes(picture);
        self.warper.warp(picture, left, right, crop)
    }

    /// Tries other boxes until one is enough.
    fn try_others(
        &mut self,
        grey: &Grey,
        expected: &FaceBox,
        habit: &Habit,
        best: &mut Option<Found>,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        for (right, lean) in TRIES {
            let face = FaceBox { x: expected.x + right * expected.w, ..*expected };
            let tried = |found: &Found| found.started == face && found.started_rad == lean;
            if best.is_some_and(|found| habit.is_enough(found.margin)) {
                break;
            }
            if !best.as_ref().is_some_and(tried) {
                self.attempt(grey, expected, face, lean, best, crop)?;
            }
        }
        Ok(())
    }

    /// Starts again from where the best fit ended, where that is not where it began: the trees do
    /// best in a box that fits.
    fn settle(
        &mut self,
        grey: &Grey,
        expected: &FaceBox,
        best: &mut Option<Found>,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        let Some(Found { fit, started, started_rad, .. }) = *best else { return Ok(()) };
        let (size, place) = difference(&fit.refined, &started);
        if size.abs() > SETTLED || place > SETTLED || (fit.lean_rad() - started_rad).abs() > UPRIGHT_RAD {
            self.attempt(grey, expected, fit.refined, leaning(&fit), best, crop)?;
        }
        Ok(())
    }

    /// One run of the trees from a box; kept, with its crop, where it looks better than the best so
    /// far.
    fn attempt(
        &mut self,
        grey: &Grey,
        expected: &FaceBox,
        face: FaceBox,
        lean_rad: f32,
        best: &mut Option<Found>,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        let Some(fit) = self.fitter.fit(grey, face, lean_rad) else { return Ok(()) };
        self.warper.warp(grey, fit.left_eye, fit.right_eye, &mut self.trial)?;
        let likeness = self.check.judge(&self.trial)?;
        let margin = likeness.aligned - oddness(&fit.refined, expected);
        if best.is_none_or(|found| margin > found.margin) {
            mem::swap(crop, &mut self.trial);
            let (mouth_free, score) = (likeness.mouth_free, expected.score);
            *best = Some(Found { fit, margin, mouth_free, score, started: face, started_rad: lean_rad });
        }
        Ok(())
    }
}

/// The lean to start with where a fit ended: none for a head held about upright.
fn leaning(fit: &Fit) -> f32 {
    if fit.lean_rad().abs() > UPRIGHT_RAD { fit.lean_rad() } else { 0.0 }
}

/// Minus the logarithm of how usual it is for a face that was expected in one box to be in another.
fn oddness(found: &FaceBox, expected: &FaceBox) -> f32 {
    let (size, place) = difference(found, expected);
    ((size / SIZE_SIGMA).powi(2) + (place / PLACE_SIGMA).powi(2)) / 2.0
}

/// The logarithm of how much larger a box is than another, and how far away in widths of that.
fn difference(found: &FaceBox, other: &FaceBox) -> (f32, f32) {
    ((found.w / other.w).ln(), found.center().distance(other.center()) / other.w)
}
