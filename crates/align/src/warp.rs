//! Turns and scales a face until its eyes lie where every crop has them.

use frame::{AlignedFace, Grey};
use opencv::core::{BORDER_REPLICATE, Mat, Scalar, Size};
use opencv::imgproc::{self, INTER_AREA, INTER_CUBIC, INTER_LINEAR, WARP_INVERSE_MAP};
use types::Point;

const SIDE: i32 = AlignedFace::SIDE as i32;
/// Bilinear sampling sees neighbouring pixels only: with steps longer than this it skips some, and
/// fine patterns turn into false ones. The face is then sampled finer and averaged.
const LONGEST_STEP_PX: f32 = 1.5;
/// Samples a crop pixel along each axis at most: a face 18 times the crop's size.
const MAX_SAMPLES: i32 = 12;

/// Cuts aligned faces, keeping its buffers.
#[derive(Debug, Default)]
pub struct Warper {
    fine: Mat,
}

impl Warper {
    /// Writes the face whose eyes are at these places of the picture. What lies beyond the
    /// picture's edge repeats the edge.
    ///
    /// # Errors
    /// Where OpenCV cannot warp (no memory).
    pub fn warp(
        &mut self,
        grey: &Grey,
        left_eye: Point,
        right_eye: Point,
        crop: &mut AlignedFace,
    ) -> opencv::Result<()> {
        let source = as_mat(grey)?;
        let step_px = left_eye.distance(right_eye) / AlignedFace::LEFT_EYE.distance(AlignedFace::RIGHT_EYE);
        let samples = ((step_px / LONGEST_STEP_PX).ceil() as i32).clamp(1, MAX_SAMPLES);
        let map = sampling(left_eye, right_eye, samples);
        let map = Mat::new_rows_cols_with_data(2, 3, &map)?;
        // A face smaller than the crop is enlarged: a cubic keeps the edges that a line would wash out.
        let flags = WARP_INVERSE_MAP | if step_px < 1.0 { INTER_CUBIC } else { INTER_LINEAR };
        let mut target = Mat::new_rows_cols_with_data_mut(SIDE, SIDE, crop.pixels_mut().as_mut_slice())?;
        let size = Size::new(SIDE * samples, SIDE * samples);
        if samples == 1 {
            return imgproc::warp_affine(
                &source,
                &mut target,
                &map,
                size,
                flags,
                BORDER_REPLICATE,
                Scalar::default(),
            );
        }
        imgproc::warp_affine(
            &source,
            &mut self.fine,
            &map,
            size,
            flags,
            BORDER_REPLICATE,
            Scalar::default(),
        )?;
        imgproc::resize(&self.fine, &mut target, Size::new(SIDE, SIDE), 0.0, 0.0, INTER_AREA)
    }
}

/// An OpenCV header over the picture's bytes; nothing is copied.
pub(crate) fn as_mat(grey: &Grey) -> opencv::Result<opencv::boxed_ref::BoxedRef<'_, Mat>> {
    Mat::new_rows_cols_with_bytes::<u8>(grey.height() as i32, grey.width() as i32, grey.bytes())
}

/// The 2x3 matrix from a sample of the crop, `samples` of them a pixel along each axis, to the
/// picture.
fn sampling(left_eye: Point, right_eye: Point, samples: i32) -> [f64; 6] {
    let (to_left, to_right) = (AlignedFace::LEFT_EYE, AlignedFace::RIGHT_EYE);
    let wide = f64::from(to_right.x - to_left.x);
    let (dx, dy) = (f64::from(right_eye.x - left_eye.x) / wide, f64::from(right_eye.y - left_eye.y) / wide);
    let n = f64::from(samples);
    // Pixel centres are whole numbers: sample s lies at (s + 1/2) / n - 1/2 in crop pixels.
    let offset = 0.5 / n - 0.5;
    let (ox, oy) = (offset - f64::from(to_left.x), offset - f64::from(to_left.y));
    [
        dx / n,
        -dy / n,
        f64::from(left_eye.x) + dx * ox - dy * oy,
        dy / n,
        dx / n,
        f64::from(left_eye.y) + dy * ox + dx * oy,
    ]
}

#[cfg(test)]
mod tests {
    use frame::Buffer;

    use super::*;

    fn picture(width: u32, height: u32, value: impl Fn(f32, f32) -> f32) -> Grey {
        let pixels = (0..width * height).map(|i| value((i % width) as f32, (i / width) as f32) as u8);
        Grey::new(width, height, Buffer::from(pixels.collect::<Vec<_>>())).unwrap()
    }

    /// The centre of brightness near a place.
    fn bright_spot(crop: &AlignedFace, near: Point) -> Point {
        let mut sums = [0.0; 3];
        for y in near.y as usize - 8..=near.y as usize + 8 {
            for x in near.x as usize - 8..=near.x as usize + 8 {
                let v = f32::from(crop.pixels()[y * AlignedFace::SIDE + x]);
                sums = [sums[0] + v * x as f32, sums[1] + v * y as f32, sums[2] + v];
            }
        }
        Point::new(sums[0] / sums[2], sums[1] / sums[2])
    }

    #[test]
    fn the_eyes_land_where_every_crop_has_them() {
        for (distance, lean) in [(20.0_f32, 0.0_f32), (42.0, 0.5), (60.0, -0.4), (200.0, 0.2), (500.0, -0.1)]
        {
            let center = Point::new(400.3, 380.7);
            let (dx, dy) = (distance / 2.0 * lean.cos(), distance / 2.0 * lean.sin());
            let (left, right) =
                (Point::new(center.x - dx, center.y - dy), Point::new(center.x + dx, center.y + dy));
            let width = distance / 25.0;
            let spot =
                |x, y, eye: Point| 250.0 * (-(eye.distance(Point::new(x, y)) / width).powi(2) / 2.0).exp();
            let grey = picture(800, 760, |x, y| spot(x, y, left) + spot(x, y, right));
            let mut crop = AlignedFace::black();
            Warper::default().warp(&grey, left, right, &mut crop).unwrap();
            for eye in [AlignedFace::LEFT_EYE, AlignedFace::RIGHT_EYE] {
                let found = bright_spot(&crop, eye);
                assert!(found.distance(eye) < 0.1, "{distance} px, {lean} rad: {found:?} for {eye:?}");
            }
        }
    }

    #[test]
    fn a_pattern_finer_than_the_crop_turns_grey() {
        let grey = picture(900, 900, |x, y| if ((x + y) as u32).is_multiple_of(2) { 0.0 } else { 200.0 });
        let mut crop = AlignedFace::black();
        Warper::default().warp(&grey, Point::new(300.2, 300.0), Point::new(590.0, 310.0), &mut crop).unwrap();
        let (min, max) = (crop.pixels().iter().min().unwrap(), crop.pixels().iter().max().unwrap());
        assert!(*min > 80 && *max < 120, "{min} to {max}");
    }

    #[test]
    fn beyond_the_edge_the_edge_goes_on() {
        let grey = picture(60, 60, |_, _| 77.0);
        let mut crop = AlignedFace::black();
        Warper::default().warp(&grey, Point::new(5.0, 5.0), Point::new(50.0, 5.0), &mut crop).unwrap();
        assert!(crop.pixels().iter().all(|&v| v == 77));
    }
}
