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

/// Log-odds of the fit check from which no better fit is looked for in a single picture: 95 % of
/// the crops cut at true eyes lie above.
pub(crate) const SURE: f32 = 1.0;
/// The same for a frame of a sequence, where time is short and a turned head stays turned.
pub(crate) const ENOUGH: f32 = -1.5;
/// The trees were grown on heads held almost upright: a head that leans further than this from the
/// box they started in is fitted again in a box that leans with it.
const UPRIGHT_RAD: f32 = 0.17;
/// The leaning boxes that are tried where an upright one fails.
const LEANS_RAD: [f32; 3] = [0.0, -0.52, 0.52];
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
    /// The lean of the box that the trees started in.
    pub started_rad: f32,
}

impl Found {
    /// The lean that the next frame's search may start with: none for a head held about upright.
    pub fn lean_rad(&self) -> f32 {
        leaning(&self.fit)
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
    /// # Errors
    /// Where OpenCV has no memory.
    pub fn new(model: ShapePredictor) -> opencv::Result<Self> {
        Ok(Self {
            fitter: Fitter::new(model),
            crops: CropSearch::default(),
            warper: Warper::default(),
            check: FitCheck::new()?,
            trial: AlignedFace::black(),
        })
    }

    /// The landmarks of the face in a box, and its crop. `lean_rad` is how the head leaned when it
    /// was last seen, clockwise as one looks at the picture; other leans are tried until the fit
    /// check says `enough`. One run of the trees where all is well, two where the lean has changed,
    /// up to five where in doubt.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn seek(
        &mut self,
        grey: &Grey,
        face: FaceBox,
        lean_rad: f32,
        enough: f32,
        crop: &mut AlignedFace,
    ) -> opencv::Result<Option<Found>> {
        let mut best = None;
        self.attempt(grey, &face, face, lean_rad, &mut best, crop)?;
        self.attempt_leans(grey, &face, enough, &mut best, crop)?;
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
        self.attempt_leans(grey, &usual, SURE, &mut best, crop)?;
        self.settle(grey, &usual, &mut best, crop)?;
        let (Some(mut found), Some((_, factor))) = (best, large.as_ref()) else { return Ok(best) };
        let Some(fit) = found.fit.reduced(*factor) else { return Ok(None) };
        found.fit = fit;
        self.warper.warp(picture, fit.left_eye, fit.right_eye, crop)?;
        Ok(Some(found))
    }

    /// Tries the other leans while no fit looks right.
    fn attempt_leans(
        &mut self,
        grey: &Grey,
        expected: &FaceBox,
        enough: f32,
        best: &mut Option<Found>,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        for lean in LEANS_RAD {
            let tried = best.is_some_and(|found| found.margin >= enough || found.started_rad == lean);
            if !tried {
                self.attempt(grey, expected, *expected, lean, best, crop)?;
            }
        }
        Ok(())
    }

    /// Starts again from where the best fit ended, where that leans otherwise than it began.
    fn settle(
        &mut self,
        grey: &Grey,
        expected: &FaceBox,
        best: &mut Option<Found>,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        let Some(Found { fit, started_rad, .. }) = *best else { return Ok(()) };
        if (fit.lean_rad() - started_rad).abs() > UPRIGHT_RAD {
            self.attempt(grey, expected, fit.refined, fit.lean_rad(), best, crop)?;
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
        let margin = self.check.margin(&self.trial)? - oddness(&fit.refined, expected);
        if best.is_none_or(|found| margin > found.margin) {
            mem::swap(crop, &mut self.trial);
            *best = Some(Found { fit, margin, started_rad: lean_rad });
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
    let size = (found.w / expected.w).ln() / SIZE_SIGMA;
    let place = found.center().distance(expected.center()) / expected.w / PLACE_SIGMA;
    (size * size + place * place) / 2.0
}
