//! How a face is lit.

use fastrand::Rng;
use frame::Grey;
use opencv::core::{BORDER_REPLICATE, Mat, Size};
use opencv::imgproc;
use types::Point;

use super::face::Face;
use super::{as_mat, between, like, side};

/// The head as an ellipsoid, in the face's own measure: its middle and half axes.
const HEAD_DOWN: f32 = 0.45;
const HEAD_HALF: (f32, f32) = (1.3, 1.8);
/// Half the breadth of the nose, and how steep its sides are.
const NOSE_HALF: f32 = 0.17;
const NOSE_STEEP: f32 = 1.1;

/// Each pixel by its place in the face's own measure.
fn each(picture: &Grey, face: &Face, mut shine: impl FnMut(Point, f32) -> f32) -> opencv::Result<Grey> {
    let width = picture.width() as usize;
    let pixels = picture.bytes().iter().enumerate().map(|(i, value)| {
        let at = face.own(Point::new((i % width) as f32, (i / width) as f32));
        shine(at, f32::from(*value)).clamp(0.0, 255.0) as u8
    });
    like(picture, pixels.collect::<Vec<_>>())
}

/// The sun through a side window: a head's shape, nose included, under one lamp and little else.
pub fn side_light(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let (turn, rise) = (side(rng) * between(rng, 0.95, 1.45), between(rng, -0.15, 0.55));
    let lamp = [turn.sin() * rise.cos(), -rise.sin(), turn.cos() * rise.cos()];
    let (ambient, power) = (between(rng, 0.1, 0.25), between(rng, 1.2, 1.7));
    each(picture, face, |at, value| {
        let [x, y, z] = normal(at);
        let lit = (x * lamp[0] + y * lamp[1] + z * lamp[2]).max(0.0);
        value * (ambient + power * (1.0 - ambient) * lit)
    })
}

/// Which way the head's surface looks; beyond its outline as at the outline.
fn normal(at: Point) -> [f32; 3] {
    let (mut x, mut y) = (at.x / HEAD_HALF.0, (at.y - HEAD_DOWN) / HEAD_HALF.1);
    let from_middle = x.hypot(y);
    if from_middle > 0.98 {
        (x, y) = (0.98 * x / from_middle, 0.98 * y / from_middle);
    }
    let z = (1.0 - x * x - y * y).max(0.0).sqrt();
    // The nose rises from between the eyes to its base, and is gone a little below.
    let height = (at.y / 0.6).clamp(0.0, 1.0) * ((0.85 - at.y) / 0.15).clamp(0.0, 1.0);
    let across = at.x / NOSE_HALF;
    x += NOSE_STEEP * height * across * (-across * across).exp();
    let length = (x * x + y * y + z * z).sqrt();
    [x / length, y / length, z / length]
}

/// A few hundred electrons for white at most, a sensor that reads them with an error, rows that differ, and an
/// amplifier that makes a picture of it.
pub fn night_noise(picture: &Grey, rng: &mut Rng) -> opencv::Result<Grey> {
    const GAMMA: f32 = 2.2;
    let (white, read, rows) = (between(rng, 80.0, 250.0), between(rng, 1.5, 4.0), between(rng, 0.0, 1.5));
    let light = between(rng, 0.45, 0.8);
    let width = picture.width() as usize;
    let mut bytes = Vec::with_capacity(picture.bytes().len());
    for row in picture.bytes().chunks_exact(width) {
        let offset = rows * gaussian(rng);
        bytes.extend(row.iter().map(|value| {
            let electrons = white * (f32::from(*value) / 255.0).powf(GAMMA);
            let error = (electrons + read * read).sqrt() * gaussian(rng) + offset;
            let seen = ((electrons + error).max(0.0) / white).powf(1.0 / GAMMA);
            (255.0 * light * seen).clamp(0.0, 255.0) as u8
        }));
    }
    like(picture, bytes)
}

/// A draw from the normal distribution, by Box and Muller.
fn gaussian(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f32()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.f32()).cos()
}

/// An infrared camera at night: its lamp lights what is near, skin is pale and smooth, lips hardly
/// differ from it, and the lamp glints in the eyes.
pub fn infrared_tones(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let smooth = smoothed(picture, 0.12 * face.eyes_px())?;
    let (reach, center) =
        (between(rng, 1.6, 2.4), Point::new(between(rng, -0.4, 0.4), between(rng, 0.2, 0.9)));
    let (mouth, half) = face.mouth();
    let (pale, glint) = (between(rng, 0.5, 0.7), between(rng, 0.025, 0.045));
    let lamp = Point::new(between(rng, -0.05, 0.05), between(rng, -0.05, 0.05));
    let mut place = 0;
    each(picture, face, |at, value| {
        let on_lips = (-((at.x - mouth.x) / half).powi(2) - ((at.y - mouth.y) / 0.25).powi(2)).exp();
        let skin = f32::from(smooth[place]);
        place += 1;
        let toned = value + (0.35 + 0.3 * on_lips) * (skin - value);
        let toned = 255.0 * (toned / 255.0).powf(pale);
        // The camera's exposure keeps the face from burning out.
        let lit = 0.95 / (1.0 + (at.distance(center) / reach).powi(4));
        let from_glint = [-0.5, 0.5].map(|eye| at.distance(Point::new(eye + lamp.x, lamp.y)) / glint);
        let glint = from_glint.into_iter().map(|d| 220.0 * (-d * d).exp()).sum::<f32>();
        toned * lit + glint + 2.5 * gaussian(rng)
    })
}

fn smoothed(picture: &Grey, sigma_px: f32) -> opencv::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; picture.bytes().len()];
    let (from, sigma) = (as_mat(picture)?, f64::from(sigma_px));
    let mut to =
        Mat::new_rows_cols_with_bytes_mut::<u8>(picture.height() as i32, picture.width() as i32, &mut bytes)?;
    imgproc::gaussian_blur(&from, &mut to, Size::default(), sigma, sigma, BORDER_REPLICATE)?;
    drop(to);
    Ok(bytes)
}
