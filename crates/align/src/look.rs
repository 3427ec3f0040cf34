//! What a crop looks like as a photograph: its light and its sharpness.

use frame::AlignedFace;

const SIDE: usize = AlignedFace::SIDE;
/// The part of the crop that is face in every face: brows to chin, cheek to cheek.
const ROWS: std::ops::Range<usize> = 24..100;
const COLUMNS: std::ops::Range<usize> = 24..88;
/// Values from here on are burnt out: sensors and codecs seldom reach 255 itself.
const BURNT_OUT: u8 = 250;
/// The widest step that sharpness is measured over, in pixels of the crop: beyond it the face was
/// too small to tell.
const MAX_STEP: usize = 4;

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
/// blurred edge is long and straight, a sharp one short and bent at both ends.
fn sharpness(pixels: &[u8], step: usize) -> f32 {
    let (mut bend, mut slope) = (0_u32, 0_u32);
    for row in ROWS {
        for column in COLUMNS {
            let at = row * SIDE + column;
            for distance in [step, step * SIDE] {
                let [before, here, after] = [at - distance, at, at + distance].map(|i| i32::from(pixels[i]));
                bend += (before + after - 2 * here).unsigned_abs();
                slope += (after - before).unsigned_abs();
            }
        }
    }
    bend as f32 / slope.max(1) as f32
}
