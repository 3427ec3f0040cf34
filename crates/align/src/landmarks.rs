//! Steady landmarks: the trees are run from several boxes around the one that was found, and the
//! median of the outcomes is taken. How far they lie apart says how well they fit, for on a real
//! and visible face they all run to the same place.

use frame::Grey;
use types::{FaceBox, Landmarks, MAX_LANDMARKS, Point};

use crate::shape_predictor::{ShapePredictor, Start, Workspace};

/// Boxes that are tried at a time.
pub(crate) const STARTS: usize = 5;
/// The boxes: shift to the right, shift down and growth, in parts of the width. They cover the
/// error of a detector whose scales lie 10 % apart.
const PERTURBATIONS: [(f32, f32, f32); STARTS] =
    [(0.0, 0.0, 0.0), (0.05, 0.03, 0.0), (-0.05, 0.03, 0.0), (0.0, -0.05, 0.06), (0.0, 0.0, -0.06)];

/// Eyes nearer than this have no crop between them.
const MIN_INTER_OCULAR_PX: f32 = 1.0;
/// The landmarks of one face.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fit {
    /// In pixels of the picture.
    pub landmarks: Landmarks,
    /// The centre of the eye on the left of an upright picture.
    pub left_eye: Point,
    /// The centre of the other eye.
    pub right_eye: Point,
    /// Mean distance of the single outcomes from their median, over the inter-ocular distance.
    pub spread: f32,
    /// The box that these landmarks would be at rest in: where the next search may start.
    pub refined: FaceBox,
}

impl Fit {
    /// Distance between the eyes, in pixels.
    pub fn inter_ocular_px(&self) -> f32 {
        self.left_eye.distance(self.right_eye)
    }

    /// How the line through the eyes leans, clockwise as one looks at the picture.
    pub fn lean_rad(&self) -> f32 {
        (self.right_eye.y - self.left_eye.y).atan2(self.right_eye.x - self.left_eye.x)
    }
}

/// A landmark model with its buffers.
#[derive(Debug)]
pub(crate) struct Fitter {
    model: ShapePredictor,
    work: Workspace<STARTS>,
}

impl Fitter {
    pub fn new(model: ShapePredictor) -> Self {
        Self { work: Workspace::default(), model }
    }

    /// The landmarks of the face in a box that leans (clockwise as one looks at the picture is
    /// positive); `None` where they make no face at all (both eyes in one place, or a model whose
    /// points have no known meaning).
    pub fn fit(&mut self, grey: &Grey, face: FaceBox, lean_rad: f32) -> Option<Fit> {
        let starts = PERTURBATIONS
            .map(|(right, down, growth)| Start::turned(shifted(face, right, down, growth), lean_rad));
        self.model.fit(grey, &starts, &mut self.work);
        let n = self.model.mean().len();
        let mut points = [Point::default(); MAX_LANDMARKS];
        let mut distance = 0.0;
        for (i, point) in points.iter_mut().enumerate().take(n) {
            let outcomes: [Point; STARTS] = std::array::from_fn(|lane| self.work.shape(lane)[i]);
            *point = Point::new(median(outcomes.map(|p| p.x)), median(outcomes.map(|p| p.y)));
            distance += outcomes.iter().map(|p| p.distance(*point)).sum::<f32>();
        }
        self.outcome(&points[..n], distance / (n * STARTS) as f32, face.score)
    }

    /// The landmarks from each of these boxes by itself, appended to `to`.
    pub fn fit_each(&mut self, grey: &Grey, starts: &[Start; STARTS], to: &mut Vec<Fit>) {
        self.model.fit(grey, starts, &mut self.work);
        let n = self.model.mean().len();
        to.extend((0..STARTS).filter_map(|lane| self.outcome(&self.work.shape(lane)[..n], 0.0, 0.0)));
    }

    /// What is known of a face whose points have these places and this mean distance from them.
    fn outcome(&self, points: &[Point], distance: f32, score: f32) -> Option<Fit> {
        let landmarks = Landmarks::from_slice(points)?;
        let (left_eye, right_eye) = landmarks.eyes()?;
        let between = left_eye.distance(right_eye);
        let refined = self.box_of(points, score);
        let fit = Fit { landmarks, left_eye, right_eye, spread: distance / between, refined };
        (between >= MIN_INTER_OCULAR_PX).then_some(fit)
    }

    /// The upright box in which the mean shape, turned and scaled, comes nearest to these points.
    fn box_of(&self, points: &[Point], score: f32) -> FaceBox {
        let [a, b] = self.model.turn(points);
        let n = points.len() as f32;
        let sum = |points: &[Point]| points.iter().fold([0.0; 2], |s, p| [s[0] + p.x, s[1] + p.y]);
        let ([x, y], [mx, my]) = (sum(points).map(|s| s / n), sum(self.model.mean()).map(|s| s / n));
        // From the mean of the points to the middle of the unit square, as the face is turned.
        let (dx, dy) = (0.5 - mx, 0.5 - my);
        let side = a.hypot(b);
        let center = Point::new(x + a * dx - b * dy, y + b * dx + a * dy);
        FaceBox { x: center.x - side / 2.0, y: center.y - side / 2.0, w: side, h: side, score }
    }
}

/// A box moved and grown about its centre, in parts of its size.
fn shifted(face: FaceBox, right: f32, down: f32, growth: f32) -> FaceBox {
    FaceBox {
        x: face.x + face.w * (right - growth / 2.0),
        y: face.y + face.h * (down - growth / 2.0),
        w: face.w * (1.0 + growth),
        h: face.h * (1.0 + growth),
        score: face.score,
    }
}

/// The middle value.
fn median(mut values: [f32; STARTS]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    values[STARTS / 2]
}
