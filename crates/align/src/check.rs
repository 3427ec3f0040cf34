//! The fit check: does this crop look like a face whose eyes lie where every crop has them?
//!
//! The landmark trees find a shape in any picture. Whether it is the face's is asked of the crop
//! that was cut by it: a logistic regression over HOG features (Dalal and Triggs, CVPR 2005),
//! trained by `models/training/fit_check` to tell crops cut at true eyes from crops cut beside
//! them, with and without sunglasses and covered mouths.

use frame::AlignedFace;
use opencv::core::{Mat, Point, Size, Vector};
use opencv::imgproc::{self, INTER_AREA};
use opencv::objdetect::{HOGDescriptor, HOGDescriptor_HistogramNormType};
use opencv::prelude::*;

/// The crop is reduced to this many pixels a side, the detector's window.
const HOG_SIDE: i32 = 64;
/// Blocks of 2x2 cells at 7x7 places, 9 bins a cell.
const FEATURES: usize = 7 * 7 * 4 * 9;
/// Little-endian floats: a weight for each feature, and the bias.
const WEIGHTS: &[u8; 4 * (FEATURES + 1)] = include_bytes!("check/weights.f32");

/// Judges crops by their look, keeping its buffers.
pub(crate) struct FitCheck {
    hog: HOGDescriptor,
    weights: [f32; FEATURES],
    bias: f32,
    small: Mat,
    features: Vector<f32>,
    everywhere: Vector<Point>,
}

impl FitCheck {
    /// # Errors
    /// Where OpenCV has no memory.
    pub fn new() -> opencv::Result<Self> {
        let square = |side| Size::new(side, side);
        let hog = HOGDescriptor::new(
            square(HOG_SIDE),
            square(16),
            square(8),
            square(8),
            9,
            1,
            -1.0,
            HOGDescriptor_HistogramNormType::L2Hys,
            0.2,
            false,
            1,
            false,
        )?;
        let (floats, _) = WEIGHTS.as_chunks::<4>();
        Ok(Self {
            hog,
            weights: std::array::from_fn(|i| f32::from_le_bytes(floats[i])),
            bias: f32::from_le_bytes(floats[FEATURES]),
            small: Mat::default(),
            features: Vector::new(),
            everywhere: Vector::new(),
        })
    }

    /// The log-odds that the crop is cut at the true eyes: above 0 rather yes than no.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn margin(&mut self, crop: &AlignedFace) -> opencv::Result<f32> {
        let side = AlignedFace::SIDE as i32;
        let crop = Mat::new_rows_cols_with_bytes::<u8>(side, side, crop.pixels())?;
        imgproc::resize(&crop, &mut self.small, Size::new(HOG_SIDE, HOG_SIDE), 0.0, 0.0, INTER_AREA)?;
        let (stride, padding) = (Size::new(8, 8), Size::new(0, 0));
        self.hog.compute(&self.small, &mut self.features, stride, padding, &self.everywhere)?;
        let products =
            self.features.as_slice().iter().zip(&self.weights).map(|(feature, weight)| feature * weight);
        Ok(self.bias + products.sum::<f32>())
    }
}
