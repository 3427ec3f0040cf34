//! A face's own measure: the origin is midway between its eyes, x runs along the eye line to the
//! right of the picture, y down the face, and the eyes are one unit apart.

use tiny_skia::Transform;
use types::{Landmarks, Point};

/// The middle of the mouth and the chin of most adults, in a face's own measure: where five landmarks
/// leave them open.
const MOUTH: Point = Point::new(0.0, 1.05);
const CHIN_DOWN: f32 = 1.8;
/// Half the breadth of a face at the ears.
const HALF_BREADTH: f32 = 1.18;
const JAW: usize = 17;

/// Where the parts of a face are.
#[derive(Debug, Clone)]
pub struct Face {
    middle: Point,
    across: Point,
    /// iBUG's 68 points in the face's own measure, where there are as many.
    points: Option<Vec<Point>>,
}

impl Face {
    /// `None` where the eyes lie in one place, or the landmarks are of an unknown layout.
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let (left, right) = landmarks.eyes()?;
        let across = Point::new(right.x - left.x, right.y - left.y);
        let eyes_px = across.x.hypot(across.y);
        if eyes_px < 1.0 || !eyes_px.is_finite() {
            return None;
        }
        let mut face = Self { middle: left.midpoint(right), across, points: None };
        if landmarks.points().len() == 68 {
            face.points = Some(landmarks.points().iter().map(|p| face.own(*p)).collect());
        }
        Some(face)
    }

    /// The distance between the eyes, in pixels: one unit.
    pub fn eyes_px(&self) -> f32 {
        self.across.x.hypot(self.across.y)
    }

    /// Midway between the eyes, in the picture.
    pub const fn middle(&self) -> Point {
        self.middle
    }

    /// A pixel in the face's own measure.
    pub fn own(&self, pixel: Point) -> Point {
        let (x, y) = (pixel.x - self.middle.x, pixel.y - self.middle.y);
        let square = self.across.x * self.across.x + self.across.y * self.across.y;
        Point::new(
            (x * self.across.x + y * self.across.y) / square,
            (y * self.across.x - x * self.across.y) / square,
        )
    }

    /// A place of the face in the picture.
    pub fn pixel(&self, own: Point) -> Point {
        Point::new(
            self.middle.x + own.x * self.across.x - own.y * self.across.y,
            self.middle.y + own.x * self.across.y + own.y * self.across.x,
        )
    }

    /// From the face's own measure to a drawing whose first pixel is this one of the picture, and whose
    /// whole numbers are the pixels' corners.
    pub fn onto(&self, first: (u32, u32)) -> Transform {
        let (ax, ay) = (self.across.x, self.across.y);
        let (x, y) = (self.middle.x - first.0 as f32 + 0.5, self.middle.y - first.1 as f32 + 0.5);
        Transform::from_row(ax, ay, -ay, ax, x, y)
    }

    /// The middle of the mouth, and half its width.
    pub fn mouth(&self) -> (Point, f32) {
        let Some(p) = &self.points else { return (MOUTH, 0.4) };
        let corners = (p[48], p[54]);
        (corners.0.midpoint(corners.1).midpoint(p[51].midpoint(p[57])), corners.0.distance(corners.1) / 2.0)
    }

    /// The outline of the lips.
    pub fn lips(&self) -> Vec<Point> {
        if let Some(p) = &self.points {
            return p[48..60].to_vec();
        }
        let (middle, half) = self.mouth();
        let around = (0..12).map(|i| (i as f32 * std::f32::consts::TAU / 12.0).sin_cos());
        around.map(|(sin, cos)| Point::new(middle.x - half * cos, middle.y - 0.16 * sin)).collect()
    }

    /// The base of the nose.
    pub fn nose_base(&self) -> Point {
        self.points.as_ref().map_or(Point::new(0.0, 0.74), |p| p[33])
    }

    /// A point of the nose's ridge, a third of its length below the eyes.
    pub fn nose_ridge(&self) -> Point {
        self.points.as_ref().map_or(Point::new(0.0, 0.28), |p| p[28])
    }

    /// The outline from ear to ear by the chin, from the left of the picture, 17 points.
    pub fn jaw(&self) -> Vec<Point> {
        if let Some(p) = &self.points {
            return p[..JAW].to_vec();
        }
        let along = (0..JAW).map(|i| (i as f32 * std::f32::consts::PI / (JAW - 1) as f32).sin_cos());
        along.map(|(sin, cos)| Point::new(-HALF_BREADTH * cos, CHIN_DOWN * sin.max(0.0).powf(0.9))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaning_face_has_upright_measures() {
        // The eyes 50 px apart on a slope of 3 to 4.
        let eye = |x: f32, y: f32| Point::new(100.0 + x, 80.0 + y);
        let points = [eye(24., 32.), eye(16., 24.), eye(-24., -32.), eye(-16., -24.), eye(-12., 12.)];
        let face = Face::of(&Landmarks::from_slice(&points).unwrap()).unwrap();
        let right = face.own(Point::new(120.0, 108.0));
        assert!((face.eyes_px() - 68.82).abs() < 0.01 && (right.x - 0.5).abs() < 1e-3, "{face:?} {right:?}");
        for own in [Point::new(0.0, 0.0), Point::new(-0.5, 1.7)] {
            let there = face.pixel(own);
            assert!(face.own(there).distance(own) < 1e-5);
            let mut drawn = [tiny_skia::Point::from_xy(own.x, own.y)];
            face.onto((90, 70)).map_points(&mut drawn);
            let corner = Point::new(drawn[0].x + 90.0 - 0.5, drawn[0].y + 70.0 - 0.5);
            assert!(corner.distance(there) < 1e-3, "{corner:?} {there:?}");
        }
    }

    #[test]
    fn eyes_in_one_place_are_no_face() {
        assert!(Face::of(&Landmarks::from_slice(&[Point::default(); 68]).unwrap()).is_none());
        assert!(Face::of(&Landmarks::from_slice(&[Point::default(); 3]).unwrap()).is_none());
    }
}
