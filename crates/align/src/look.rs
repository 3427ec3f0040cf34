//! What a crop looks like as a photograph: its light and its sharpness.

use std::ops::Range;

use frame::AlignedFace;
use types::Point;

const SIDE: usize = AlignedFace::SIDE;
/// The part of the crop that is face in every face: brows to chin, cheek to cheek.
const ROWS: Range<usize> = 24..100;
const COLUMNS: Range<usize> = 24..88;
/// Values from here on are burnt out: sensors and codecs seldom reach 255 itself.
const BURNT_OUT: u8 = 250;
/// The widest step that sharpness is measured over, in pixels of the crop: beyond it the face was
/// too small to tell.
const MAX_STEP: usize = 4;

/// An eye's surroundings, from its middle, in pixels of the crop.
const EYE_HALF_WIDTH: usize = 10;
const EYE_HALF_HEIGHT: usize = 6;
/// Where the mouth is, open or shut, from the nostrils down.
const MOUTH_ROWS: Range<usize> = 74..96;
const MOUTH_COLUMNS: Range<usize> = 40..72;
/// Differences up to this come from rounding to whole values.
const ROUNDING: i32 = 2;

/// Measures of a crop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Look {
    /// 95 % of the face is darker than this, 0 to 255.
    pub bright: u8,
    /// 95 % of the face is brighter than this.
    pub dark: u8,
    /// The part of the face that is burnt out, 0 to 1.
    pub burnt_out: f32,
    /// Curvature over slope of the brightness, at the resolution of the source: about 1 for a
    /// sharp face, towards 0 the more it is blurred.
    pub sharpness: f32,
}

impl Look {
    /// Measures a crop that was cut from a face whose eyes were this far apart, in pixels of the
    /// source. An enlarged face is measured in steps of its own pixels, so that a small one does
    /// not count as blurred for being small.
    pub fn of(crop: &AlignedFace, inter_ocular_px: f32) -> Self {
        let mut histogram = [0_u32; 256];
        for row in ROWS {
            for &value in &crop.pixels()[row * SIDE..][COLUMNS] {
                histogram[usize::from(value)] += 1;
            }
        }
        let total = (ROWS.len() * COLUMNS.len()) as u32;
        let burnt_out: u32 = histogram[usize::from(BURNT_OUT)..].iter().sum();
        let eyes_px = AlignedFace::LEFT_EYE.distance(AlignedFace::RIGHT_EYE);
        let step = ((eyes_px / inter_ocular_px).round() as usize).clamp(1, MAX_STEP);
        Self {
            bright: quantile(&histogram, total - total / 20),
            dark: quantile(&histogram, total / 20),
            burnt_out: burnt_out as f32 / total as f32,
            sharpness: sharpness(crop.pixels(), step),
        }
    }
}

impl Look {
    /// The lesser contrast of the two eyes' surroundings, over that of the whole face.
    pub fn eye_contrast(&self, crop: &AlignedFace) -> f32 {
        let around = |eye: Point| {
            let (x, y) = (eye.x as usize, eye.y as usize);
            let rows = y - EYE_HALF_HEIGHT..y + EYE_HALF_HEIGHT;
            self.contrast(crop, rows, x - EYE_HALF_WIDTH..x + EYE_HALF_WIDTH)
        };
        around(AlignedFace::LEFT_EYE).min(around(AlignedFace::RIGHT_EYE))
    }

    /// The contrast of mouth and chin, over that of the whole face.
    pub fn mouth_contrast(&self, crop: &AlignedFace) -> f32 {
        self.contrast(crop, MOUTH_ROWS, MOUTH_COLUMNS)
    }

    /// The contrast of a part of the crop, over that of the whole face; each leaves out a
    /// twentieth at both ends.
    fn contrast(&self, crop: &AlignedFace, rows: Range<usize>, columns: Range<usize>) -> f32 {
        let mut histogram = [0; 256];
        let total = (rows.len() * columns.len()) as u32;
        for row in rows {
            for &value in &crop.pixels()[row * SIDE..][columns.clone()] {
                histogram[usize::from(value)] += 1;
            }
        }
        let part = quantile(&histogram, total - total / 20) - quantile(&histogram, total / 20);
        f32::from(part) / f32::from((self.bright - self.dark).max(1))
    }
}

/// The value that this many pixels do not exceed.
fn quantile(histogram: &[u32; 256], pixels: u32) -> u8 {
    let mut below = 0;
    let found = (0..=u8::MAX).find(|&value| {
        below += histogram[usize::from(value)];
        below >= pixels
    });
    found.unwrap_or(u8::MAX)
}

/// Sum of second differences over the sum of first differences, both over `step` pixels: a
/// blurred edge is long and straight, a sharp one short and bent at both ends. The less sharp of
/// the two directions counts, since a fast movement blurs only one.
fn sharpness(pixels: &[u8], step: usize) -> f32 {
    let along = |distance: usize| {
        let (mut bend, mut slope) = (0, 0);
        for row in ROWS {
            for column in COLUMNS {
                let at = row * SIDE + column;
                let [before, here, after] = [at - distance, at, at + distance].map(|i| i32::from(pixels[i]));
                bend += ((before + after - 2 * here).abs() - ROUNDING).max(0);
                slope += ((after - before).abs() - ROUNDING).max(0);
            }
        }
        bend as f32 / slope.max(1) as f32
    };
    along(step).min(along(step * SIDE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pattern of stripes and blobs, blurred by a box of this radius.
    fn crop(period: f32, blur: i32, light: impl Fn(f32) -> f32) -> AlignedFace {
        let at = |x: i32, y: i32| {
            let (x, y) = (x as f32 / period, y as f32 / period);
            let value: f32 = if (x.sin() + (0.7 * y + 0.3 * x).cos()) > 0.2 { 180.0 } else { 60.0 };
            value
        };
        let mut crop = AlignedFace::black();
        let cells = (2 * blur + 1).pow(2) as f32;
        for (i, pixel) in crop.pixels_mut().iter_mut().enumerate() {
            let (x, y) = ((i % SIDE) as i32, (i / SIDE) as i32);
            let window = (-blur..=blur).flat_map(|dy| (-blur..=blur).map(move |dx| (dx, dy)));
            *pixel = light(window.map(|(dx, dy)| at(x + dx, y + dy)).sum::<f32>() / cells) as u8;
        }
        crop
    }

    #[test]
    fn blur_lowers_sharpness_step_by_step() {
        let sharpness = |blur| Look::of(&crop(5.0, blur, |v| v), 60.0).sharpness;
        assert!(sharpness(0) > 0.6 && sharpness(0) > 1.5 * sharpness(2) && sharpness(2) > 1.5 * sharpness(5));
    }

    #[test]
    fn a_small_face_is_not_blurred_for_being_small() {
        // Enlarged threefold, a sharp picture is as smooth as a blurred large one.
        let enlarged = crop(9.0, 1, |v| v);
        let (as_small, as_large) = (Look::of(&enlarged, 14.0).sharpness, Look::of(&enlarged, 60.0).sharpness);
        assert!(as_small > 1.5 * as_large, "{as_small} and {as_large}");
    }

    #[test]
    fn light_is_measured_at_its_ends() {
        let dark = Look::of(&crop(5.0, 0, |v| v / 6.0), 60.0);
        assert_eq!((dark.bright, dark.dark, dark.burnt_out), (30, 10, 0.0));
        let washed_out = Look::of(&crop(5.0, 0, |v| 2.0 * v + 100.0), 60.0);
        assert!(washed_out.bright == 255 && washed_out.burnt_out > 0.3);
    }

    #[test]
    fn covered_eyes_have_no_contrast() {
        let free = crop(5.0, 0, |v| v);
        assert!(Look::of(&free, 60.0).eye_contrast(&free) > 0.9);
        let mut covered = free;
        for row in 30..50 {
            covered.pixels_mut()[row * SIDE + 20..row * SIDE + 50].fill(20);
        }
        assert!(Look::of(&covered, 60.0).eye_contrast(&covered) < 0.1);
    }

    #[test]
    fn a_covered_mouth_has_no_contrast() {
        let free = crop(5.0, 0, |v| v);
        assert!(Look::of(&free, 60.0).mouth_contrast(&free) > 0.9);
        let mut covered = free;
        for row in 70..SIDE {
            covered.pixels_mut()[row * SIDE + 24..row * SIDE + 88].fill(150);
        }
        assert!(Look::of(&covered, 60.0).mouth_contrast(&covered) < 0.1);
    }
}
