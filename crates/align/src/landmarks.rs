//! Steady landmarks: the trees are run from several boxes around the one that was found, and the
//! median of the outcomes is taken. How far they lie apart says how well they fit, for on a real
//! and visible face they all run to the same place.

use frame::Grey;
use types::{FaceBox, Landmarks, MAX_LANDMARKS, Point};

use crate::shape_predictor::{ShapePredictor, Start, Workspace};

/// Boxes that are tried at a time.
pub(crate) const STARTS: usize = 6;
/// The boxes: shift to the right, shift down and growth, in parts of the width. They cover the
/// error of a detector whose scales lie 10 % apart.
const PERTURBATIONS: [(f32, f32, f32); STARTS] = [
    (0.0, 0.0, 0.0),
    (0.05, 0.02, 0.0),
    (-0.05, 0.02, 0.0),
    (0.0, -0.05, 0.0),
    (0.02, 0.02, 0.07),
    (-0.02, 0.0, -0.07),
];

/// Eyes nearer than this have no crop between them.
const MIN_INTER_OCULAR_PX: f32 = 1.0;
/// Outcomes that lie further apart than this, over the inter-ocular distance, are in doubt: on
/// Helen's faces 98 % of the fits with less error than 15 % are below it, and none with more.
const DOUBTFUL_SPREAD: f32 = 0.03;
/// The trees were grown on heads held almost upright: beyond this they are run in a box that leans
/// as the head does.
const UPRIGHT_RAD: f32 = 0.17;
/// What is tried where an upright box fails.
const LEAN_RAD: f32 = 0.52;

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

    /// The landmarks of the face in a box; `None` where they make no face at all (both eyes in one
    /// place, or a model whose points have no known meaning). One run of the trees for an upright
    /// face, two for one that leans, up to four where in doubt.
    pub fn fit(&mut self, grey: &Grey, face: FaceBox) -> Option<Fit> {
        let upright = self.fit_leaning(grey, face, 0.0);
        let better = |a: Option<Fit>, b: Option<Fit>| match (a, b) {
            (Some(a), Some(b)) => Some(if b.spread < a.spread { b } else { a }),
            (a, b) => a.or(b),
        };
        let mut best = upright;
        if best.is_none_or(|fit| fit.spread > DOUBTFUL_SPREAD) {
            for lean in [-LEAN_RAD, LEAN_RAD] {
                best = better(best, self.fit_leaning(grey, face, lean));
            }
        }
        let lean = best?.lean_rad();
        if lean.abs() > UPRIGHT_RAD {
            best = better(best, self.fit_leaning(grey, best?.refined, lean));
        }
        best
    }

    /// The median of the outcomes from boxes that lean.
    fn fit_leaning(&mut self, grey: &Grey, face: FaceBox, lean_rad: f32) -> Option<Fit> {
        let starts = PERTURBATIONS.map(|(right, down, growth)| {
            Start::turned(shifted(face, right, down, growth), lean_rad)
        });
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

/// The mean of the two middle values.
fn median(mut values: [f32; STARTS]) -> f32 {
    values.sort_unstable_by(f32::total_cmp);
    f32::midpoint(values[STARTS / 2 - 1], values[STARTS / 2])
}
