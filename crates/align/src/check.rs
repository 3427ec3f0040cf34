//! The fit check: does this crop look like a face whose eyes lie where every crop has them?
//!
//! The landmark trees find a shape in any picture. Whether it is the face's is asked of the crop
//! that was cut by it: a logistic regression over HOG features (Dalal and Triggs, CVPR 2005),
//! trained by `models/training/fit_check` to tell crops cut at true eyes from crops cut beside
//! them, with and without sunglasses and covered mouths.

use frame::AlignedFace;
use opencv::core::{Mat, MatTraitConstManual, Size};
use opencv::imgproc::{self, INTER_AREA};

use crate::hog::{Gamma, Hog, Picture};

/// The crop is reduced to this many pixels a side, the detector's window.
const HOG_SIDE: i32 = 64;
/// Blocks of 2x2 cells at 7x7 places, 9 bins a cell.
const FEATURES: usize = 7 * 7 * 4 * 9;
/// Little-endian floats: a weight for each feature, and the bias.
const WEIGHTS: &[u8; 4 * (FEATURES + 1)] = include_bytes!("check/weights.f32");

/// Judges crops by their look, keeping its buffers.
pub(crate) struct FitCheck {
    hog: Hog,
    weights: [f32; FEATURES],
    bias: f32,
    small: Mat,
}

impl Default for FitCheck {
    fn default() -> Self {
        let (floats, _) = WEIGHTS.as_chunks::<4>();
        Self {
            hog: Hog::new(Gamma::None),
            weights: std::array::from_fn(|i| f32::from_le_bytes(floats[i])),
            bias: f32::from_le_bytes(floats[FEATURES]),
            small: Mat::default(),
        }
    }
}

impl FitCheck {
    /// The log-odds that the crop is cut at the true eyes: above 0 rather yes than no.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn margin(&mut self, crop: &AlignedFace) -> opencv::Result<f32> {
        let side = AlignedFace::SIDE as i32;
        let crop = Mat::new_rows_cols_with_bytes::<u8>(side, side, crop.pixels())?;
        imgproc::resize(&crop, &mut self.small, Size::new(HOG_SIDE, HOG_SIDE), 0.0, 0.0, INTER_AREA)?;
        self.hog.describe(Picture { width: HOG_SIDE as usize, bytes: self.small.data_bytes()? }, 0);
        let products =
            self.hog.features().iter().zip(&self.weights).map(|(feature, weight)| feature * weight);
        Ok(self.bias + products.sum::<f32>())
    }
}
