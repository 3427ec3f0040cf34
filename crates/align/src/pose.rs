//! How the head is turned, roughly, from the landmarks: a generic face in three dimensions is laid
//! over them by least squares under scaled orthographic projection, as POS does (DeMenthon and
//! Davis, IJCV 1995). No camera data is needed.
//!
//! POS itself solves for the projection as any 2x3 matrix and makes a rotation of it afterwards;
//! with five points that lie almost in a plane, a nose that is turned aside then comes out as a
//! sheared face. Here the four unknowns of a turned and scaled face are solved for directly.
//!
//! OpenCV's solvePnP on the same landmarks and the same generic face is further off on all but few
//! of the cabin clips' frames (`python -m landmarks.judge`: 95th percentile of the yaw between 20 and
//! 45 degrees 4.1, 2.4 and 4.3 degrees here, 10.8, 3.9 and 3.3 there), and it needs a focal length.
//!
//! A head is not the generic one, and a near camera is not orthographic. Against solvePnP over
//! twelve annotated points of Helen's photographs, the median error from five points is 2.4 degrees
//! in yaw, 6 in pitch and 1 in roll (95th percentile 10, 23 and 4).

use types::{Landmarks, Point, Pose};

/// A point of the generic face in millimetres: x to the picture's right, y down, z away from the
/// camera; the origin is midway between the eyes. After adult mean measures (Farkas 1994).
type Model = [(usize, [f64; 3])];

/// dlib's five points: outer and inner corner of the eye on the right of the picture, then of the
/// other, and the base of the nose.
const FIVE: [(usize, [f64; 3]); 5] = [
    (0, [45.0, 0.0, 13.0]),
    (1, [16.5, 1.0, 4.0]),
    (2, [-45.0, 0.0, 13.0]),
    (3, [-16.5, 1.0, 4.0]),
    (4, [0.0, 47.0, -9.0]),
];
/// Of iBUG's 68 those that no expression moves far.
const SIXTY_EIGHT: [(usize, [f64; 3]); 9] = [
    (45, [45.0, 0.0, 13.0]),
    (42, [16.5, 1.0, 4.0]),
    (36, [-45.0, 0.0, 13.0]),
    (39, [-16.5, 1.0, 4.0]),
    (27, [0.0, -3.0, -7.0]),
    (30, [0.0, 36.0, -25.0]),
    (31, [-14.0, 45.0, -5.0]),
    (33, [0.0, 47.0, -9.0]),
    (35, [14.0, 45.0, -5.0]),
];

/// Faces and landmarks differ from the generic face by about 5 mm, and heads turn by about half a
/// radian: a yaw costs as much as a point that is off by this many millimetres a radian.
const YAW_MM: f64 = 10.0;
/// Five points tell pitch so badly that the full cost would halve it; this keeps it from running
/// away.
const PITCH_MM: f64 = 3.0;
/// Steps of the solver; the fourth moves nothing any more.
const ITERATIONS: usize = 5;
/// The step that slopes are taken over, in radians or parts of the scale.
const SMALL: f64 = 1e-5;

/// The pose of a face whose landmarks are known; `None` for a model of another layout or points
/// that no turned face has.
pub(crate) fn pose(landmarks: &Landmarks) -> Option<Pose> {
    match landmarks.points().len() {
        5 => fit(&FIVE, landmarks.points()),
        68 => fit(&SIXTY_EIGHT, landmarks.points()),
        _ => None,
    }
}

/// Least squares by Gauss and Newton, from a frontal face that leans as the eyes do.
fn fit(model: &Model, points: &[Point]) -> Option<Pose> {
    let n = model.len() as f64;
    let pairs =
        model.iter().map(|(i, p)| [p[0], p[1], p[2], f64::from(points[*i].x), f64::from(points[*i].y)]);
    let mean = pairs.clone().fold([0.0; 5], |m, v| std::array::from_fn(|k| m[k] + v[k] / n));
    let pairs = pairs.map(|v| std::array::from_fn(|k| v[k] - mean[k]));
    let mut turn = start(model, points)?;
    for _ in 0..ITERATIONS {
        let mut normal = [[0.0; 4]; 4];
        let mut right = [0.0; 4];
        for pair in pairs.clone() {
            add(&mut normal, &mut right, |turn| residual(turn, &pair), &turn);
        }
        add(&mut normal, &mut right, |turn| [YAW_MM * turn[0], PITCH_MM * turn[1]], &turn);
        let step = solve(normal, right)?;
        turn = std::array::from_fn(|k| turn[k] - step[k]);
    }
    let [yaw_deg, pitch_deg, roll_deg] = [turn[0], turn[1], turn[2]].map(|a| a.to_degrees() as f32);
    let believable = [yaw_deg, pitch_deg, roll_deg].iter().all(|angle| angle.abs() <= 180.0);
    (believable && turn[3] > 0.0).then_some(Pose { yaw_deg, pitch_deg, roll_deg })
}

/// Yaw, pitch and roll in radians and pixels a millimetre of the frontal face that leans as the
/// line through the outer corners of the eyes; these come first and third in both models.
fn start(model: &Model, points: &[Point]) -> Option<[f64; 4]> {
    let ((right, p), (left, q)) = (model[0], model[2]);
    let (right, left) = (points[right], points[left]);
    let scale = f64::from(right.distance(left)) / (p[0] - q[0]);
    (scale > 1e-6).then(|| [0.0, 0.0, f64::from(left.y - right.y).atan2(f64::from(right.x - left.x)), scale])
}

/// How far a point of the turned and scaled face lies from its landmark, in millimetres of the
/// face.
fn residual(turn: &[f64; 4], &[x, y, z, u, v]: &[f64; 5]) -> [f64; 2] {
    let ((sin_yaw, cos_yaw), (sin_pitch, cos_pitch)) = (turn[0].sin_cos(), turn[1].sin_cos());
    let (sin_roll, cos_roll) = turn[2].sin_cos();
    let (y, z) = (cos_pitch * y + sin_pitch * z, cos_pitch * z - sin_pitch * y);
    let x = cos_yaw * x - sin_yaw * z;
    let (x, y) = (cos_roll * x + sin_roll * y, cos_roll * y - sin_roll * x);
    [x - u / turn[3], y - v / turn[3]]
}

/// Adds two residuals and their slopes to the normal equations.
fn add(
    normal: &mut [[f64; 4]; 4],
    right: &mut [f64; 4],
    residual: impl Fn(&[f64; 4]) -> [f64; 2],
    turn: &[f64; 4],
) {
    let here = residual(turn);
    let slopes: [[f64; 2]; 4] = std::array::from_fn(|k| {
        let mut beside = *turn;
        let step = if k == 3 { turn[3] * SMALL } else { SMALL };
        beside[k] += step;
        let there = residual(&beside);
        [(there[0] - here[0]) / step, (there[1] - here[1]) / step]
    });
    for i in 0..4 {
        for j in 0..4 {
            normal[i][j] += slopes[i][0] * slopes[j][0] + slopes[i][1] * slopes[j][1];
        }
        right[i] += slopes[i][0] * here[0] + slopes[i][1] * here[1];
    }
}

/// Solves a symmetric positive definite system by elimination; `None` where it is not.
fn solve(mut m: [[f64; 4]; 4], mut right: [f64; 4]) -> Option<[f64; 4]> {
    for i in 0..4 {
        if !(m[i][i] > 1e-12 && m[i][i].is_finite()) {
            return None;
        }
        for row in i + 1..4 {
            let factor = m[row][i] / m[i][i];
            let pivot = m[i];
            for (value, above) in m[row].iter_mut().zip(pivot) {
                *value -= factor * above;
            }
            right[row] -= factor * right[i];
        }
    }
    for i in (0..4).rev() {
        let known: f64 = (i + 1..4).map(|j| m[i][j] * right[j]).sum();
        right[i] = (right[i] - known) / m[i][i];
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generic face, turned and drawn.
    fn drawn(model: &Model, len: usize, pose: Pose) -> Landmarks {
        let turn = [pose.yaw_deg, pose.pitch_deg, pose.roll_deg].map(|a| f64::from(a).to_radians());
        let mut points = vec![Point::default(); len];
        for (i, [x, y, z]) in model {
            let [u, v] = residual(&[turn[0], turn[1], turn[2], 1.0], &[*x, *y, *z, 0.0, 0.0]);
            points[*i] = Point::new(300.0 + 1.7 * u as f32, 200.0 + 1.7 * v as f32);
        }
        Landmarks::from_slice(&points).unwrap()
    }

    fn check(expected: Pose) {
        for (model, len) in [(&FIVE[..], 5), (&SIXTY_EIGHT[..], 68)] {
            let found = pose(&drawn(model, len, expected)).unwrap();
            let off = (found.yaw_deg - expected.yaw_deg)
                .abs()
                .max((found.pitch_deg - expected.pitch_deg).abs())
                .max((found.roll_deg - expected.roll_deg).abs());
            // The leaning towards frontal takes a part of the angle.
            assert!(off < 5.0, "{expected:?} came out as {found:?} with {len} points");
        }
    }

    #[test]
    fn a_turned_generic_face_comes_out_as_it_went_in() {
        check(Pose::default());
        check(Pose { yaw_deg: 30.0, ..Pose::default() });
        check(Pose { pitch_deg: -20.0, ..Pose::default() });
        check(Pose { roll_deg: 25.0, ..Pose::default() });
    }

    #[test]
    fn signs_are_the_drivers() {
        let face = |nose_x: f32, left_eye_y: f32| {
            let eyes = [(160.0, 100.0), (130.0, 100.0), (40.0, left_eye_y), (70.0, left_eye_y)];
            let p = eyes.map(|(x, y)| Point::new(x, y));
            pose(&Landmarks::from_slice(&[p[0], p[1], p[2], p[3], Point::new(nose_x, 165.0)]).unwrap())
                .unwrap()
        };
        assert_eq!(face(100.0, 100.0).yaw_deg.round(), 0.0);
        assert!(
            face(115.0, 100.0).yaw_deg > 5.0,
            "the nose to the picture's right: turned to the driver's left"
        );
        assert!(
            face(100.0, 130.0).roll_deg > 5.0,
            "the eye on the picture's left lower: towards the right shoulder"
        );
    }

    #[test]
    fn points_in_one_place_have_no_pose() {
        assert_eq!(pose(&Landmarks::from_slice(&[Point::new(5.0, 5.0); 5]).unwrap()), None);
        assert_eq!(pose(&Landmarks::from_slice(&[Point::default(); 7]).unwrap()), None);
    }
}
