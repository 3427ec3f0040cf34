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
const SIDES: [f32; 5] = [0.62, 0.72, 0.82, 0.92, 1.02];
const ACROSS: [f32; 3] = [0.44, 0.50, 0.56];
const DOWN: [f32; 4] = [0.46, 0.52, 0.58, 0.64];
const CANDIDATES: usize = SIDES.len() * ACROSS.len() * DOWN.len();
const _: () = assert!(CANDIDATES.is_multiple_of(STARTS));
/// Where the box lies in the middle crop of that set.
const USUAL: (f32, f32, f32) = (0.93, 0.50, 0.547);
/// How far apart the eyes are, in parts of the shorter side, and how far down: a tenth closer together
/// than in the middle crops of FER2013 (0.37) and web-expressions (0.41), since faces that cannot be
/// aligned are mostly turned.
const USUAL_EYES: (f32, f32) = (0.35, 0.38);
/// A picture that is nothing but a face is as sure as the detector in the middle case.
const SCORE: f32 = 1.8;
/// Outcomes nearer than about this, over the inter-ocular distance, have found the same face.
const SAME_FACE: f32 = 0.08;
/// Finds the face in crops, keeping its buffers.
#[derive(Debug, Default)]
pub(crate) struct CropSearch {
    pool: Pool,
    outcomes: Vec<Fit>,
}

impl CropSearch {
    /// A small picture enlarged, and by how much; `None` where it is large enough.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn enlarged(&self, picture: &Grey) -> opencv::Result<Option<(Grey, f32)>> {
        let side = picture.width().min(picture.height());
        if side >= MIN_SIDE_PX {
            return Ok(None);
        }
        let factor = MIN_SIDE_PX as f32 / side as f32;
        let scaled = |length: u32| (length as f32 * factor).round() as u32;
        let (width, height) = (scaled(picture.width()), scaled(picture.height()));
        let mut bytes = self.pool.take(width as usize * height as usize);
        let size = Size::new(width as i32, height as i32);
        let mut target = Mat::new_rows_cols_with_bytes_mut::<u8>(size.height, size.width, &mut bytes)?;
        imgproc::resize(&as_mat(picture)?, &mut target, size, 0.0, 0.0, INTER_CUBIC)?;
        drop(target);
        let grey = Grey::new(width, height, bytes)
            .map_err(|e| opencv::Error::new(opencv::core::StsUnmatchedSizes, e.to_string()))?;
        Ok(Some((grey, factor)))
    }

    /// The box of a face in a crop that is cut as most are.
    pub fn usual(picture: &Grey) -> FaceBox {
        let (side, across, down) = USUAL;
        FaceBox { score: SCORE, ..square(picture, side, across, down) }
    }

    /// The eyes in a crop that is cut as most are, the one on the picture's left first.
    pub fn usual_eyes(picture: &Grey) -> (Point, Point) {
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        let half = USUAL_EYES.0 / 2.0 * width.min(height);
        let (across, down) = (width / 2.0, USUAL_EYES.1 * height);
        (Point::new(across - half, down), Point::new(across + half, down))
    }

    /// Follows the trees from every start.
    pub fn look(&mut self, picture: &Grey, fitter: &mut Fitter) {
        self.outcomes.clear();
        let starts: [Start; CANDIDATES] = std::array::from_fn(|i| {
            let (side, rest) = (SIDES[i % SIDES.len()], i / SIDES.len());
            square(picture, side, ACROSS[rest % ACROSS.len()], DOWN[rest / ACROSS.len()]).into()
        });
        for starts in starts.as_chunks::<STARTS>().0 {
            fitter.fit_each(picture, starts, &mut self.outcomes);
        }
    }

    /// The place where most of the outcomes lie that no earlier place has taken.
    pub fn next_place(&mut self) -> Option<Fit> {
        let best = *self.outcomes.iter().max_by(|a, b| self.company(a).total_cmp(&self.company(b)))?;
        self.outcomes.retain(|other| distance(&best, other) > 2.0 * SAME_FACE);
        Some(best)
    }

    /// How many outcomes lie where this one does; a distant one counts less and less.
    fn company(&self, one: &Fit) -> f32 {
        self.outcomes.iter().map(|other| 1.0 / (1.0 + (distance(one, other) / SAME_FACE).powi(2))).sum()
    }
}

/// Mean distance of the landmarks, over the first one's inter-ocular distance.
fn distance(one: &Fit, other: &Fit) -> f32 {
    let (points, others) = (one.landmarks.points(), other.landmarks.points());
    let sum: f32 = points.iter().zip(others).map(|(a, b)| a.distance(*b)).sum();
    sum / points.len() as f32 / one.inter_ocular_px()
}

/// A square of this side about this place, in parts of the picture.
fn square(picture: &Grey, side: f32, across: f32, down: f32) -> FaceBox {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let side = side * width.min(height);
    FaceBox { x: across * width - side / 2.0, y: down * height - side / 2.0, w: side, h: side, score: 0.0 }
}

impl Fit {
    /// The same fit in a picture that is smaller by this factor.
    pub fn reduced(&self, factor: f32) -> Option<Self> {
        // Pixel centres are whole numbers: resizing keeps the corners, not the centres, in place.
        let map = |v: f32| (v + 0.5) / factor - 0.5;
        let mut points = [Point::default(); types::MAX_LANDMARKS];
        for (to, from) in points.iter_mut().zip(self.landmarks.points()) {
            *to = Point::new(map(from.x), map(from.y));
        }
        let landmarks = Landmarks::from_slice(&points[..self.landmarks.points().len()])?;
        let (left_eye, right_eye) = landmarks.eyes()?;
        let b = self.refined;
        let refined = FaceBox { x: map(b.x), y: map(b.y), w: b.w / factor, h: b.h / factor, score: b.score };
        Some(Self { landmarks, left_eye, right_eye, spread: self.spread, refined })
    }
}
