//! Landmarks in a picture that is nothing but a face. Every detector cuts such crops in its own
//! way, so where the face's box lies is searched by its outcome: many starts are tried, and the
//! place where most of them end is taken.

use frame::{Grey, Pool};
use opencv::core::{Mat, Size};
use opencv::imgproc::{self, INTER_CUBIC};
use types::{FaceBox, Landmarks, Point};

use crate::landmarks::{Fit, Fitter, STARTS};
use crate::shape_predictor::Start;
use crate::warp::as_mat;

/// The trees were grown on faces of this size and more: smaller pictures are enlarged to it.
const MIN_SIDE_PX: u32 = 192;
/// Starts: the box's side and the place of its middle, in parts of the picture's shorter side and
/// of its size. They span what dlib's detector finds on FER2013's Training crops (1st to 99th
/// percentile; the largest boxes are reached from smaller ones).
const SIDES: [f32; 4] = [0.66, 0.78, 0.90, 1.02];
const ACROSS: [f32; 3] = [0.44, 0.50, 0.56];
const DOWN: [f32; 4] = [0.46, 0.52, 0.58, 0.64];
const CANDIDATES: usize = SIDES.len() * ACROSS.len() * DOWN.len();
const _: () = assert!(CANDIDATES.is_multiple_of(STARTS));
/// Where the box lies in the middle crop of that set, and how far from there it may well lie (twice
/// the standard deviation): side, across, down, in parts of the picture.
const USUAL: [f32; 3] = [0.93, 0.50, 0.547];
const LATITUDE: [f32; 3] = [0.24, 0.12, 0.12];
/// Outcomes nearer than about this, over the inter-ocular distance, have found the same face.
const SAME_FACE: f32 = 0.08;
/// Fits from the box that the last one ended in, until it stays where it is.
const REFINEMENTS: usize = 2;

/// Finds the face in crops, keeping its buffers.
#[derive(Debug, Default)]
pub(crate) struct CropSearch {
    pool: Pool,
    outcomes: Vec<Fit>,
}

impl CropSearch {
    /// The landmarks of the face that fills a picture, in its pixels.
    ///
    /// # Errors
    /// Where OpenCV cannot enlarge the picture (no memory).
    pub fn fit(&mut self, picture: &Grey, fitter: &mut Fitter) -> opencv::Result<Option<Fit>> {
        let side = picture.width().min(picture.height());
        if side >= MIN_SIDE_PX {
            return Ok(self.search(picture, fitter));
        }
        let factor = MIN_SIDE_PX as f32 / side as f32;
        let large = self.enlarged(picture, factor)?;
        Ok(self.search(&large, fitter).and_then(|fit| fit.reduced(factor)))
    }

    fn enlarged(&self, picture: &Grey, factor: f32) -> opencv::Result<Grey> {
        let scaled = |length: u32| (length as f32 * factor).round() as u32;
        let (width, height) = (scaled(picture.width()), scaled(picture.height()));
        let mut bytes = self.pool.take(width as usize * height as usize);
        let mut target = Mat::new_rows_cols_with_bytes_mut::<u8>(height as i32, width as i32, &mut bytes)?;
        let size = Size::new(width as i32, height as i32);
        imgproc::resize(&as_mat(picture)?, &mut target, size, 0.0, 0.0, INTER_CUBIC)?;
        drop(target);
        Grey::new(width, height, bytes)
            .map_err(|e| opencv::Error::new(opencv::core::StsUnmatchedSizes, e.to_string()))
    }

    fn search(&mut self, picture: &Grey, fitter: &mut Fitter) -> Option<Fit> {
        self.outcomes.clear();
        let starts = starts(picture.width() as f32, picture.height() as f32);
        for starts in starts.as_chunks::<STARTS>().0 {
            fitter.fit_each(picture, starts, &mut self.outcomes);
        }
        let size = (picture.width() as f32, picture.height() as f32);
        let weight = |fit: &Fit| self.company(fit);
        let mut fit = *self.outcomes.iter().max_by(|a, b| weight(a).total_cmp(&weight(b)))?;
        for _ in 0..REFINEMENTS {
            fit = fitter.fit(picture, fit.refined)?;
        }
        Some(fit)
    }

    /// How many outcomes lie where this one does; a distant one counts less and less.
    fn company(&self, one: &Fit) -> f32 {
        let scale = one.inter_ocular_px() * SAME_FACE;
        let apart = |other: &Fit| {
            let points = one.landmarks.points().iter().zip(other.landmarks.points());
            points.map(|(a, b)| a.distance(*b)).sum::<f32>() / one.landmarks.points().len() as f32 / scale
        };
        self.outcomes.iter().map(|other| 1.0 / (1.0 + apart(other).powi(2))).sum()
    }
}

/// How usual it is for the face's box to lie here in a crop of this size, 0 to 1.
fn usualness(face: &FaceBox, (width, height): (f32, f32)) -> f32 {
    let center = face.center();
    let place = [face.w / width.min(height), center.x / width, center.y / height];
    let distance: f32 = (0..3).map(|i| ((place[i] - USUAL[i]) / LATITUDE[i]).powi(2)).sum();
    1.0 / (1.0 + distance)
}

fn starts(width: f32, height: f32) -> [Start; CANDIDATES] {
    std::array::from_fn(|i| {
        let side = SIDES[i % SIDES.len()] * width.min(height);
        let x = ACROSS[i / SIDES.len() % ACROSS.len()] * width;
        let y = DOWN[i / SIDES.len() / ACROSS.len()] * height;
        FaceBox { x: x - side / 2.0, y: y - side / 2.0, w: side, h: side, score: 0.0 }.into()
    })
}

impl Fit {
    /// The same fit in a picture that is smaller by this factor.
    fn reduced(&self, factor: f32) -> Option<Self> {
        // Pixel centres are whole numbers: resizing keeps the corners, not the centres, in place.
        let map = |v: f32| (v + 0.5) / factor - 0.5;
        let mut points = [Point::default(); types::MAX_LANDMARKS];
        for (to, from) in points.iter_mut().zip(self.landmarks.points()) {
            *to = Point::new(map(from.x), map(from.y));
        }
        let landmarks = Landmarks::from_slice(&points[..self.landmarks.points().len()])?;
        let (left_eye, right_eye) = landmarks.eyes()?;
        let b = self.refined;
        let refined =
            FaceBox { x: map(b.x), y: map(b.y), w: b.w / factor, h: b.h / factor, score: b.score };
        Some(Self { landmarks, left_eye, right_eye, spread: self.spread, refined })
    }
}
