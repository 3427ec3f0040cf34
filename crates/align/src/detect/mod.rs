//! Finds faces: HOG features once per pyramid level, every SVM of a mixture scored on them.

mod hog;
mod model;
mod score;
mod suppress;

use std::path::{Path, PathBuf};

use frame::Grey;
use manifest::ManifestError;
use opencv::core::{Mat, MatTraitConst, Rect, Size};
use thiserror::Error;
use types::FaceBox;

use hog::{CELL_PX, Level, WINDOW_PX};
use model::Model;

/// The smallest face that a full search finds, as a share of the picture's shorter side: 80 px of
/// 480. The first level is scaled to it, so the cost of a search does not grow with the picture.
const SMALLEST_FACE: f32 = 1.0 / 6.0;
/// A small picture is enlarged no more than this: there is nothing to be seen beyond.
const LARGEST_UPSCALE: f32 = 2.0;
/// From one level of the pyramid to the next. The SVMs are trained on faces ±7 % of their size.
const SCALE_STEP: f32 = 1.15;
/// How far a window may reach beyond the picture, in pixels of a level: a quarter of its side.
const PADDING_PX: i32 = 2 * CELL_PX;
/// Sizes that a search around a known face tries, relative to that face.
const NEARBY_SIZES: [f32; 3] = [1.0 / SCALE_STEP, 1.0, SCALE_STEP];
/// How far around a known face is searched, in pixels of a level on each side.
const NEARBY_MARGIN_PX: i32 = 3 * CELL_PX;

/// Why the face detector could not be loaded or used.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The manifest or the model file it names.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The model file's content is not a face detector.
    #[error("{path}: {message}; train it again or restore the file")]
    Invalid {
        /// The model file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// OpenCV refused a picture or ran out of memory.
    #[error("face detection: {0}")]
    OpenCv(#[from] opencv::Error),
}

/// Where to look for faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum SearchArea {
    /// The whole picture at every scale.
    Full,
    /// Near a known box and at about its size.
    Around(FaceBox),
}

/// A mixture of linear SVMs over HOG features, with its buffers.
pub(crate) struct Detector {
    model: Model,
    level: Level,
}

impl Detector {
    /// Opens the detector that a manifest describes.
    ///
    /// # Errors
    /// [`DetectError`]: manifest, hash or content of the model file.
    pub(crate) fn load(manifest: &Path) -> Result<Self, DetectError> {
        Ok(Self { model: Model::load(manifest)?, level: Level::new()? })
    }

    /// What a face must score before anyone believes in it. One that is already followed needs
    /// only be above 0.
    pub(crate) fn start_score(&self) -> f32 {
        self.model.start_score
    }

    /// All faces in `area` that score above 0, best first, one box a face; `out` is cleared first.
    /// Boxes follow the convention of dlib's face rectangles, which its landmark models start from.
    ///
    /// # Errors
    /// [`DetectError::OpenCv`].
    pub(crate) fn search(
        &mut self,
        grey: &Grey,
        area: SearchArea,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        out.clear();
        let (width, height) = (grey.width().cast_signed(), grey.height().cast_signed());
        let picture = Mat::new_rows_cols_with_data(height, width, grey.bytes())?;
        match area {
            SearchArea::Full => self.search_pyramid(&picture, out)?,
            SearchArea::Around(face) => self.search_around(&picture, face, out)?,
        }
        suppress::suppress(out);
        Ok(())
    }

    fn search_pyramid(
        &mut self,
        picture: &impl MatTraitConst,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        let all = Rect::new(0, 0, picture.cols(), picture.rows());
        let shorter = all.width.min(all.height) as f32;
        let first = self.model.smallest_box_px() / (SMALLEST_FACE * shorter);
        let mut scale = first.min(LARGEST_UPSCALE);
        while scale * shorter >= (WINDOW_PX - 2 * PADDING_PX) as f32 {
            self.score_region(picture, all, scale, PADDING_PX, out)?;
            scale /= SCALE_STEP;
        }
        Ok(())
    }

    fn search_around(
        &mut self,
        picture: &impl MatTraitConst,
        face: FaceBox,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        let bounds = Rect::new(0, 0, picture.cols(), picture.rows());
        let center = face.center();
        for size in NEARBY_SIZES {
            let scale = self.model.smallest_box_px() / (face.w * size);
            let half = (WINDOW_PX / 2 + NEARBY_MARGIN_PX) as f32 / scale;
            let corner = |center: f32| (center + 0.5 - half).round() as i32;
            let side = (2.0 * half).round() as i32;
            let wanted = Rect::new(corner(center.x), corner(center.y), side, side);
            let region = wanted & bounds;
            let smallest = ((WINDOW_PX - 2 * PADDING_PX) as f32 / scale).ceil() as i32;
            if region.width < smallest || region.height < smallest {
                continue;
            }
            let padding = if region == wanted { 0 } else { PADDING_PX };
            self.score_region(picture, region, scale, padding, out)?;
        }
        Ok(())
    }

    /// Scores all windows of a region at one scale and adds the boxes of those above 0.
    fn score_region(
        &mut self,
        picture: &impl MatTraitConst,
        region: Rect,
        scale: f32,
        padding_px: i32,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        let scaled = |side: i32| ((side as f32 * scale).round() as i32).max(CELL_PX);
        let size = Size::new(scaled(region.width), scaled(region.height));
        self.level.describe(picture, region, size, padding_px)?;
        let (columns, rows) = self.level.windows();
        for column in 0..columns {
            for row in 0..rows {
                for expert in &self.model.experts {
                    let score = expert.svm.score(&self.level, column, row);
                    if score > 0.0 {
                        out.push(expert.face(self.level.window_in_picture(column, row), score));
                    }
                }
            }
        }
        Ok(())
    }
}
