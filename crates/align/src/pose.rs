//! How the head is turned, roughly, from the landmarks: a generic face in three dimensions is
//! fitted under scaled orthographic projection ("POS", DeMenthon and Davis, IJCV 1995). It is
//! closed-form and needs no camera data. A head is not the generic one, and a near camera is not
//! orthographic: expect errors of 5 to 10 degrees in yaw and more in pitch.

use types::{Landmarks, Point, Pose};

/// A point of the generic face in millimetres: x to the picture's right, y down, z away from the
/// camera; the origin is midway between the eyes. After adult mean measures (Farkas 1994).
type Model = [(usize, [f32; 3])];

/// dlib's five points: outer and inner corner of the eye on the right of the picture, then of the
/// other, and the base of the nose.
const FIVE: [(usize, [f32; 3]); 5] = [
    (0, [45.0, 0.0, 13.0]),
    (1, [16.5, 1.0, 4.0]),
    (2, [-45.0, 0.0, 13.0]),
    (3, [-16.5, 1.0, 4.0]),
    (4, [0.0, 47.0, -9.0]),
];
/// Of iBUG's 68 those that no expression moves far.
const SIXTY_EIGHT: [(usize, [f32; 3]); 9] = [
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

/// The pose of a face whose landmarks are known; `None` for a model of another layout or points
/// that no turned face has.
pub(crate) fn pose(landmarks: &Landmarks) -> Option<Pose> {
    match landmarks.points().len() {
        5 => fit(&FIVE, landmarks.points()),
        68 => fit(&SIXTY_EIGHT, landmarks.points()),
        _ => None,
    }
}

fn fit(model: &Model, points: &[Point]) -> Option<Pose> {
    let n = model.len() as f32;
    let mut center = [0.0; 5];
    for (i, p) in model {
        let all = [p[0], p[1], p[2], points[*i].x, points[*i].y];
        center = std::array::from_fn(|k| center[k] + all[k] / n);
    }
    // Normal equations of x = i·p and y = j·p: the rows i and j of the scaled rotation.
    let mut normal = [[0.0; 3]; 3];
    let (mut right, mut down) = ([0.0; 3], [0.0; 3]);
    for (i, p) in model {
        let p: [f32; 3] = std::array::from_fn(|k| p[k] - center[k]);
        for row in 0..3 {
            for column in 0..3 {
                normal[row][column] += p[row] * p[column];
            }
            right[row] += p[row] * (points[*i].x - center[3]);
            down[row] += p[row] * (points[*i].y - center[4]);
        }
    }
    let (i, j) = (solve(&normal, right)?, solve(&normal, down)?);
    let (i, j) = (unit(i)?, unit(j)?);
    // What the face's own shape adds to the angle between the rows is shared out between them.
    let skew = dot(i, j) / 2.0;
    let straight = |a: [f32; 3], b: [f32; 3]| unit(std::array::from_fn(|k| a[k] - skew * b[k]));
    angles(straight(i, j)?, straight(j, i)?)
}

/// Yaw and pitch from where the nose points, roll from how the line through the eyes lies; `i`,
/// `j` and `k` are the rows of the rotation from the generic face to the camera.
fn angles(i: [f32; 3], j: [f32; 3]) -> Option<Pose> {
    let k = cross(i, j);
    let pose = Pose {
        yaw_deg: (-i[2]).atan2(k[2]).to_degrees(),
        pitch_deg: j[2].clamp(-1.0, 1.0).asin().to_degrees(),
        roll_deg: (-j[0]).atan2(i[0]).to_degrees(),
    };
    let finite = pose.yaw_deg.is_finite() && pose.pitch_deg.is_finite() && pose.roll_deg.is_finite();
    finite.then_some(pose)
}

fn cross(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f32; 3], b: [f32; 3]) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f32; 3]) -> Option<[f32; 3]> {
    let length = dot(a, a).sqrt();
    (length > 1e-9).then(|| a.map(|v| v / length))
}

/// Solves a symmetric 3x3 system by Cramer's rule.
fn solve(m: &[[f32; 3]; 3], right: [f32; 3]) -> Option<[f32; 3]> {
    let determinant = dot(m[0], cross(m[1], m[2]));
    (determinant.abs() > 1e-3).then(|| {
        [
            dot(right, cross(m[1], m[2])) / determinant,
            dot(m[0], cross(right, m[2])) / determinant,
            dot(m[0], cross(m[1], right)) / determinant,
        ]
    })
}
