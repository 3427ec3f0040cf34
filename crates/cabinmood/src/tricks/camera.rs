//! What a camera makes of a head that moves, leans or is far away.

use fastrand::Rng;
use frame::Grey;
use opencv::core::{BORDER_REPLICATE, Mat, Scalar, Size};
use opencv::imgproc::{self, INTER_AREA, INTER_LINEAR};

use super::face::Face;
use super::{as_mat, between, like, side};

/// Moments of an exposure that are averaged.
const MOMENTS: u16 = 13;

/// Turns by degrees about the face and shifts by pixels.
fn moved(picture: &Grey, face: &Face, degrees: f32, shift: (f32, f32)) -> opencv::Result<Vec<u8>> {
    let middle = face.middle();
    let (sin, cos) = degrees.to_radians().sin_cos();
    let map = [
        [cos, -sin, middle.x - cos * middle.x + sin * middle.y + shift.0],
        [sin, cos, middle.y - sin * middle.x - cos * middle.y + shift.1],
    ];
    let map = map.map(|row| row.map(f64::from));
    let map = Mat::new_rows_cols_with_data(2, 3, map.as_flattened())?;
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let mut bytes = vec![0_u8; picture.bytes().len()];
    let mut to = Mat::new_rows_cols_with_bytes_mut::<u8>(height, width, &mut bytes)?;
    imgproc::warp_affine(
        &as_mat(picture)?,
        &mut to,
        &map,
        Size::new(width, height),
        INTER_LINEAR,
        BORDER_REPLICATE,
        Scalar::default(),
    )?;
    drop(to);
    Ok(bytes)
}

/// A head that is shaken or nods while the shutter is open: it moves along an arc, fastest in between.
pub fn motion_blur(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let length = face.eyes_px() * between(rng, 0.1, 0.24);
    let way = between(rng, 0.0, std::f32::consts::TAU);
    let turn = between(rng, -5.0, 5.0);
    let mut sums = vec![0_u16; picture.bytes().len()];
    for moment in 0..MOMENTS {
        let phase = f32::from(moment) / f32::from(MOMENTS - 1) * std::f32::consts::PI;
        let along = -0.5 * phase.cos();
        // It bows aside by a fifth of its way.
        let (x, y) = (length * along, 0.2 * length * (1.0 - 4.0 * along * along));
        let shift = (x * way.cos() - y * way.sin(), x * way.sin() + y * way.cos());
        for (sum, pixel) in sums.iter_mut().zip(moved(picture, face, turn * along, shift)?) {
            *sum += u16::from(pixel);
        }
    }
    let mean = |sum: u16| ((sum + MOMENTS / 2) / MOMENTS) as u8;
    like(picture, sums.into_iter().map(mean).collect::<Vec<_>>())
}

/// A lean of 18 to 38 degrees: further than training turns crops, and alignment must undo it.
pub fn rotation(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let degrees = side(rng) * between(rng, 18.0, 38.0);
    like(picture, moved(picture, face, degrees, (0.0, 0.0))?)
}

/// A face whose eyes are 8 to 11 pixels apart, enlarged to the size it had; one that is as small
/// already is halved.
pub fn low_resolution(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let scale = (between(rng, 8.0, 11.0) / face.eyes_px()).min(0.5);
    let (width, height) = (picture.width() as i32, picture.height() as i32);
    let least = |length: i32| ((length as f32 * scale).round() as i32).max(1);
    let (full, mut small) = (as_mat(picture)?, Mat::default());
    imgproc::resize(&full, &mut small, Size::new(least(width), least(height)), 0.0, 0.0, INTER_AREA)?;
    let mut bytes = vec![0_u8; picture.bytes().len()];
    let mut to = Mat::new_rows_cols_with_bytes_mut::<u8>(height, width, &mut bytes)?;
    imgproc::resize(&small, &mut to, Size::new(width, height), 0.0, 0.0, INTER_LINEAR)?;
    drop(to);
    like(picture, bytes)
}
