//! One scale of a picture, described: its HOG features, each block computed once, and where their
//! windows lie in the picture.

use opencv::core::{Mat, MatTraitConst, MatTraitConstManual, Size, ToInputArray};
use opencv::imgproc::{INTER_AREA, INTER_LINEAR, resize};

use super::DetectError;
use crate::hog::{BLOCK_VALUES, CELL_PX, Gamma, Hog, Picture};

/// Where a picture shrinks to no less than this, a pixel made of the four nearest leaves hardly one
/// out.
const LEAST_LINEAR: f32 = 0.45;

/// A rectangle in a picture, in pixels, edge to edge: the first pixel reaches from 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Area {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) w: f32,
    pub(super) h: f32,
}

/// A region of a picture at one scale, described.
pub(super) struct Level {
    hog: Hog,
    /// Where the first block's first pixel lies in the picture, and a pixel's size there.
    origin: (f32, f32),
    step: (f32, f32),
}

impl Level {
    pub(super) fn new() -> Self {
        Self { hog: Hog::new(Gamma::Root), origin: (0.0, 0.0), step: (1.0, 1.0) }
    }

    /// Describes `scaled`, which shows `area` of a picture. Windows may reach `padding` cells beyond
    /// it; it is mirrored there.
    pub(super) fn describe(&mut self, scaled: &Mat, area: Area, padding: usize) -> Result<(), DetectError> {
        let width = usize::try_from(scaled.cols()).unwrap_or(0);
        self.hog.describe(Picture { width, bytes: scaled.data_bytes()? }, padding);
        self.step = (area.w / scaled.cols() as f32, area.h / scaled.rows() as f32);
        let padding_px = (padding * CELL_PX) as f32;
        self.origin = (area.x - padding_px * self.step.0, area.y - padding_px * self.step.1);
        Ok(())
    }

    /// Columns and rows of windows with `side` blocks along a side.
    pub(super) fn windows(&self, side: usize) -> (usize, usize) {
        let (columns, rows) = self.hog.blocks();
        ((columns + 1).saturating_sub(side), (rows + 1).saturating_sub(side))
    }

    /// The features of `count` blocks of a column from `row` downwards: the part that one column
    /// of blocks has in a window's descriptor.
    #[inline(always)]
    pub(super) fn blocks_below(&self, column: usize, row: usize, count: usize) -> &[f32] {
        let start = (column * self.hog.blocks().1 + row) * BLOCK_VALUES;
        &self.hog.features()[start..start + count * BLOCK_VALUES]
    }

    /// Where a window of `side_px` pixels lies in the picture.
    pub(super) fn window_area(&self, side_px: i32, column: usize, row: usize) -> Area {
        let (side, cell) = (side_px as f32, CELL_PX as f32);
        Area {
            x: self.origin.0 + column as f32 * cell * self.step.0,
            y: self.origin.1 + row as f32 * cell * self.step.1,
            w: side * self.step.0,
            h: side * self.step.1,
        }
    }
}

/// Scales a picture by about this factor to this size: the mean of what a pixel covers where it
/// shrinks, linear where it grows.
pub(super) fn scale_to(
    source: &impl ToInputArray,
    factor: f32,
    size: Size,
    out: &mut Mat,
) -> Result<(), DetectError> {
    let method = if factor < 1.0 { INTER_AREA } else { INTER_LINEAR };
    Ok(resize(source, out, size, 0.0, 0.0, method)?)
}

/// The same, in a tenth of the time for what shrinks to no less than [`LEAST_LINEAR`]: good enough
/// for a first look.
pub(super) fn scale_fast(
    source: &impl ToInputArray,
    factor: f32,
    size: Size,
    out: &mut Mat,
) -> Result<(), DetectError> {
    scale_to(source, if factor < LEAST_LINEAR { factor } else { 1.0 }, size, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::{CV_8U, MatExprTraitConst};

    #[test]
    fn windows_are_placed_in_the_picture_that_the_level_was_made_from() {
        let mut level = Level::new();
        let area = Area { x: 40.0, y: 20.0, w: 256.0, h: 160.0 };
        level.describe(&Mat::zeros(80, 128, CV_8U).unwrap().to_mat().unwrap(), area, 2).unwrap();
        assert_eq!(level.windows(7), (13, 7));
        assert_eq!(level.window_area(64, 0, 0), Area { x: 8.0, y: -12.0, w: 128.0, h: 128.0 });
        assert_eq!(level.window_area(64, 2, 3), Area { x: 40.0, y: 36.0, w: 128.0, h: 128.0 });
    }
}
