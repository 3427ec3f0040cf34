//! Two questions to a crop's look: is this a face whose eyes lie where every crop has them, and is
//! its mouth free?
//!
//! The landmark trees find a shape in any picture. Whether it is the face's is asked of the crop
//! that was cut by it: a logistic regression over HOG features (Dalal and Triggs, CVPR 2005),
//! trained by `models/training/fit_check` to tell crops cut at true eyes from crops cut beside
//! them, with and without sunglasses and covered mouths. A second one over the same features,
//! trained by `models/training/fit_check/mouth.py`, tells free mouths of every expression from
//! mouths behind cloth, things and hands.

use frame::AlignedFace;
use opencv::core::{Mat, MatTraitConstManual, Size};
use opencv::imgproc::{self, INTER_AREA};

use crate::hog::{Gamma, Hog, Picture};

/// The crop is reduced to this many pixels a side, the detector's window.
const HOG_SIDE: i32 = 64;
/// Blocks of 2x2 cells at 7x7 places, 9 bins a cell.
const FEATURES: usize = 7 * 7 * 4 * 9;
/// Little-endian floats: a weight for each feature, and the bias.
type Stored = [u8; 4 * (FEATURES + 1)];
const ALIGNED: &Stored = include_bytes!("check/weights.f32");
const MOUTH_FREE: &Stored = include_bytes!("check/mouth.f32");

/// What a crop looks like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Likeness {
    /// Log-odds that the crop is cut at the true eyes: above 0 rather yes than no.
    pub aligned: f32,
    /// Log-odds that nothing is before the mouth, for a crop that is aligned.
    pub mouth_free: f32,
}

/// Judges crops by their look, keeping its buffers.
pub(crate) struct FitCheck {
    hog: Hog,
    aligned: Regression,
    mouth_free: Regression,
    small: Mat,
}

/// A logistic regression.
struct Regression {
    weights: [f32; FEATURES],
    bias: f32,
}

impl Regression {
    fn new(stored: &Stored) -> Self {
        let (floats, _) = stored.as_chunks::<4>();
        Self {
            weights: std::array::from_fn(|i| f32::from_le_bytes(floats[i])),
            bias: f32::from_le_bytes(floats[FEATURES]),
        }
    }

    fn log_odds(&self, features: &[f32]) -> f32 {
        let products = features.iter().zip(&self.weights).map(|(feature, weight)| feature * weight);
        self.bias + products.sum::<f32>()
    }
}

impl Default for FitCheck {
    fn default() -> Self {
        Self {
            hog: Hog::new(Gamma::None),
            aligned: Regression::new(ALIGNED),
            mouth_free: Regression::new(MOUTH_FREE),
            small: Mat::default(),
        }
    }
}

impl FitCheck {
    /// What a crop looks like.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn judge(&mut self, crop: &AlignedFace) -> opencv::Result<Likeness> {
        let side = AlignedFace::SIDE as i32;
        let crop = Mat::new_rows_cols_with_bytes::<u8>(side, side, crop.pixels())?;
        imgproc::resize(&crop, &mut self.small, Size::new(HOG_SIDE, HOG_SIDE), 0.0, 0.0, INTER_AREA)?;
        self.hog.describe(Picture { width: HOG_SIDE as usize, bytes: self.small.data_bytes()? }, 0);
        let features = self.hog.features();
        Ok(Likeness {
            aligned: self.aligned.log_odds(features),
            mouth_free: self.mouth_free.log_odds(features),
        })
    }
}
