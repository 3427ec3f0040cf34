//! Where a face is and how it is turned.

use serde::Serialize;

/// A point in a picture, in pixels; x to the right, y down, (0, 0) the centre of the first pixel.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The point (x, y).
    #[must_use]
    pub const fn new(x: f32, y: f32) -> Self {
        Self { x, y }
    }

    /// Distance to another point, in pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f32 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The point half-way to another.
    #[must_use]
    pub fn midpoint(self, other: Self) -> Self {
        Self::new(f32::midpoint(self.x, other.x), f32::midpoint(self.y, other.y))
    }
}

/// A found face: the square that the landmark model starts from, in pixels of the frame. It may
/// reach beyond the frame's edge.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct FaceBox {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
    /// The detector's decision value: above 0 is a face, larger is surer. Not a probability.
    pub score: f32,
}

impl FaceBox {
    /// The centre of the box.
    #[must_use]
    pub fn center(&self) -> Point {
        Point::new(self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Intersection over union with another box, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let both = w * h;
        both / (self.w * self.h + other.w * other.h - both)
    }
}

/// As many landmarks as any supported model has (iBUG's 68).
pub const MAX_LANDMARKS: usize = 68;

/// In iBUG's order: where the six points of the driver's right eye begin (its outer corner, upper
/// lid, inner corner, lower lid), and those of the left eye (its inner corner first).
const RIGHT_EYE: usize = 36;
const LEFT_EYE: usize = 42;
/// The middle of the upper and of the lower inner lip.
const INNER_LIPS: (usize, usize) = (62, 66);

/// The landmarks of one face, in pixels of the frame: 5 (dlib's order: the outer and inner corner
/// of the eye on the picture's right side, the outer and inner corner of the eye on its left side,
/// the base of the nose) or 68 (iBUG's order). Held in place, so that a frame allocates nothing.
#[derive(Clone, Copy, PartialEq)]
pub struct Landmarks {
    points: [Point; MAX_LANDMARKS],
    len: usize,
}

impl Landmarks {
    /// From a slice of at most [`MAX_LANDMARKS`] points; `None` where there are more.
    #[must_use]
    pub fn from_slice(points: &[Point]) -> Option<Self> {
        let mut all = [Point::default(); MAX_LANDMARKS];
        all.get_mut(..points.len())?.copy_from_slice(points);
        Some(Self { points: all, len: points.len() })
    }

    /// The points in the model's order.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points[..self.len]
    }

    /// The centres of the two eyes, the one further left in an upright picture first; `None` for
    /// a model whose layout is not known.
    #[must_use]
    pub fn eyes(&self) -> Option<(Point, Point)> {
        let p = self.points();
        let mean = |range: std::ops::Range<usize>| {
            let n = range.len() as f32;
            let sum = p[range].iter().fold(Point::default(), |a, b| Point::new(a.x + b.x, a.y + b.y));
            Point::new(sum.x / n, sum.y / n)
        };
        match self.len {
            5 => Some((p[2].midpoint(p[3]), p[0].midpoint(p[1]))),
            68 => Some((mean(RIGHT_EYE..RIGHT_EYE + 6), mean(LEFT_EYE..LEFT_EYE + 6))),
            _ => None,
        }
    }

    /// How far the eyes are open: the eye aspect ratio (Soukupova and Cech 2016), the distance of the
    /// lids over that of the corners, mean of both eyes. About 0.3 for open eyes and 0.1 or less for
    /// shut ones; a driver's own open eyes are the measure for PERCLOS. `None` without lids (5 points).
    #[must_use]
    pub fn eye_openness(&self) -> Option<f32> {
        let p = self.points();
        let ratio = |eye: usize| {
            let across = p[eye].distance(p[eye + 3]);
            let open = p[eye + 1].distance(p[eye + 5]) + p[eye + 2].distance(p[eye + 4]);
            (across > 0.0).then(|| open / (2.0 * across))
        };
        (self.len == 68).then_some(())?;
        Some(f32::midpoint(ratio(RIGHT_EYE)?, ratio(LEFT_EYE)?))
    }

    /// How far the mouth is open: the distance of the inner lips over that of the eye centres. About 0
    /// for a shut mouth, 0.5 and more for a yawn. `None` without lips (5 points).
    #[must_use]
    pub fn mouth_opening(&self) -> Option<f32> {
        let p = self.points();
        (self.len == 68).then_some(())?;
        let between = self.inter_ocular_distance_px().filter(|px| *px > 0.0)?;
        Some(p[INNER_LIPS.0].distance(p[INNER_LIPS.1]) / between)
    }

    /// Distance between the eye centres, in pixels.
    #[must_use]
    pub fn inter_ocular_distance_px(&self) -> Option<f32> {
        self.eyes().map(|(left, right)| left.distance(right))
    }
}

impl std::fmt::Debug for Landmarks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.points()).finish()
    }
}

/// How the head is turned, in degrees, from the driver's view (COVESA VSS: yaw positive to the
/// driver's left, pitch positive up, roll positive to the driver's right shoulder).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Pose {
    /// Turned to the left (positive) or right.
    pub yaw_deg: f32,
    /// Turned up (positive) or down.
    pub pitch_deg: f32,
    /// Tilted towards the right shoulder (positive) or the left.
    pub roll_deg: f32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_equal_half_and_apart() {
        let a = FaceBox { x: 0.0, y: 0.0, w: 10.0, h: 10.0, score: 0.0 };
        let half = FaceBox { x: 5.0, ..a };
        let apart = FaceBox { x: 20.0, ..a };
        assert_eq!(a.iou(&a), 1.0);
        assert!((a.iou(&half) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&apart), 0.0);
    }

    #[test]
    fn eyes_of_five_points_come_left_first() {
        let p = [(80., 40.), (60., 40.), (20., 40.), (40., 40.), (50., 60.)].map(|(x, y)| Point::new(x, y));
        let marks = Landmarks::from_slice(&p).unwrap();
        assert_eq!(marks.eyes(), Some((Point::new(30.0, 40.0), Point::new(70.0, 40.0))));
        assert_eq!(marks.inter_ocular_distance_px(), Some(40.0));
    }

    #[test]
    fn eyes_and_mouth_are_as_open_as_lids_and_lips_are_apart() {
        let mut p = [Point::default(); 68];
        for (corner, x) in [(RIGHT_EYE, 0.0), (LEFT_EYE, 60.0)] {
            let eye = [(0., 0.), (10., -4.), (20., -4.), (30., 0.), (20., 2.), (10., 2.)];
            for (point, (dx, dy)) in p[corner..].iter_mut().zip(eye) {
                *point = Point::new(x + dx, dy);
            }
        }
        (p[INNER_LIPS.0], p[INNER_LIPS.1]) = (Point::new(45.0, 80.0), Point::new(45.0, 110.0));
        let marks = Landmarks::from_slice(&p).unwrap();
        assert_eq!((marks.eye_openness(), marks.mouth_opening()), (Some(0.2), Some(0.5)));
        let five = Landmarks::from_slice(&p[..5]).unwrap();
        assert_eq!((five.eye_openness(), five.mouth_opening()), (None, None));
        let nowhere = Landmarks::from_slice(&[Point::default(); 68]).unwrap();
        assert_eq!((nowhere.eye_openness(), nowhere.mouth_opening()), (None, None));
    }

    #[test]
    fn too_many_landmarks_are_refused() {
        assert!(Landmarks::from_slice(&[Point::default(); 69]).is_none());
    }
}
