//! A face with its surroundings, at a size for contact sheets.

use frame::{AlignedFace, Grey};
use opencv::core::{BORDER_REPLICATE, Mat, Scalar, Size};
use opencv::imgproc::{self, INTER_AREA, INTER_CUBIC, INTER_LINEAR};
use types::{Landmarks, Point};

use super::as_mat;
use super::face::Face;
use crate::score::Answer;

/// Pixels in a row and rows of a portrait.
const SIDE: i32 = 160;
/// From the middle of a portrait to its edge, in distances of the eyes; hats and hands lie within.
const HALF: f32 = 2.2;
/// The middle of a portrait lies so far below the eyes.
const DOWN: f32 = 0.45;
/// Samples a pixel along each axis at most.
const MOST_SAMPLES: f32 = 6.0;

/// A face with its surroundings, and what the chain made of it.
pub struct Tile {
    /// The surroundings, with the trick.
    pub portrait: Grey,
    /// What alignment cut out; `None` where no landmarks were found.
    pub crop: Option<AlignedFace>,
    /// What was said.
    pub answer: Answer,
}

/// Cuts the square about a face, not turned and never beyond the picture. `None` where the landmarks
/// are no face's.
///
/// # Errors
/// Where OpenCV fails (no memory).
pub fn portrait(picture: &Grey, landmarks: &Landmarks) -> opencv::Result<Option<Grey>> {
    let Some(face) = Face::of(landmarks) else { return Ok(None) };
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let half = (HALF * face.eyes_px()).min(width.min(height) / 2.0);
    // Whole numbers are middles of pixels: the picture reaches from -0.5.
    let within = |at: f32, length: f32| at.clamp(half - 0.5, (length - half - 0.5).max(half - 0.5));
    let wanted = face.pixel(Point::new(0.0, DOWN));
    let middle = Point::new(within(wanted.x, width), within(wanted.y, height));
    let step = 2.0 * half / SIDE as f32;
    // A large face is sampled finer and averaged: bilinear sampling sees neighbours only.
    let samples = step.ceil().clamp(1.0, MOST_SAMPLES);
    let (side, step) = ((SIDE as f32 * samples) as i32, f64::from(step / samples));
    let first = |at: f32| f64::from(at - half) + step / 2.0;
    let map = [step, 0.0, first(middle.x), 0.0, step, first(middle.y)];
    let map = Mat::new_rows_cols_with_data(2, 3, &map)?;
    let how = imgproc::WARP_INVERSE_MAP | if step < 1.0 { INTER_CUBIC } else { INTER_LINEAR };
    let (mut fine, size) = (Mat::default(), Size::new(side, side));
    imgproc::warp_affine(&as_mat(picture)?, &mut fine, &map, size, how, BORDER_REPLICATE, Scalar::default())?;
    let mut bytes = vec![0_u8; (SIDE * SIDE) as usize];
    let mut to = Mat::new_rows_cols_with_bytes_mut::<u8>(SIDE, SIDE, &mut bytes)?;
    imgproc::resize(&fine, &mut to, Size::new(SIDE, SIDE), 0.0, 0.0, INTER_AREA)?;
    drop(to);
    super::grey(SIDE as u32, SIDE as u32, bytes).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landmarks(eyes_px: f32) -> Landmarks {
        let five = [(0.65, 0.0), (0.35, 0.0), (-0.65, 0.0), (-0.35, 0.0), (0.0, 0.7)];
        let points = five.map(|(x, y)| Point::new(100.0 + x * eyes_px, 80.0 + y * eyes_px));
        Landmarks::from_slice(&points).unwrap()
    }

    /// A bright spot at (100, 89) in a dark picture.
    fn picture() -> Grey {
        let spot = |i: u32| {
            250.0 * (-(((i % 240) as f32 - 100.0).powi(2) + ((i / 240) as f32 - 89.0).powi(2)) / 8.0).exp()
        };
        super::super::grey(240, 200, (0..240 * 200).map(|i| spot(i) as u8).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_face_is_in_the_middle_at_every_size_while_the_picture_has_room() {
        let portrait = portrait(&picture(), &landmarks(20.0)).unwrap().unwrap();
        let side = portrait.width() as usize;
        let brightest = (0..side * side).max_by_key(|i| portrait.bytes()[*i]).unwrap();
        assert!((brightest % side).abs_diff(side / 2) <= 2 && (brightest / side).abs_diff(side / 2) <= 2);
    }

    #[test]
    fn a_face_as_large_as_the_picture_shows_all_of_it() {
        // The square is as high as the picture, from its left edge on: the spot keeps its share.
        let portrait = portrait(&picture(), &landmarks(90.0)).unwrap().unwrap();
        let side = portrait.width() as usize;
        let brightest = (0..side * side).max_by_key(|i| portrait.bytes()[*i]).unwrap();
        assert!((brightest / side).abs_diff(89 * side / 200) <= 2, "{}", brightest / side);
    }
}
