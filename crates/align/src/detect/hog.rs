//! HOG features of a whole picture at one scale, by OpenCV, each block computed once.

use opencv::core::{Mat, MatTraitConst, Point, Size, Vector};
use opencv::imgproc::{INTER_AREA, INTER_LINEAR, resize};
use opencv::objdetect::{HOGDescriptor, HOGDescriptorTrait, HOGDescriptorTraitConst};

use super::DetectError;

/// Side of a cell, and the step from one block to the next, in pixels.
pub(super) const CELL_PX: i32 = 8;
/// Values of one block: four cells of nine directions.
pub(super) const BLOCK_VALUES: usize = 36;

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
    hog: HOGDescriptor,
    features: Vector<f32>,
    corner: Vector<Point>,
    columns: usize,
    rows: usize,
    /// Where the first block's first pixel lies in the picture, and a pixel's size there.
    origin: (f32, f32),
    step: (f32, f32),
}

impl Level {
    pub(super) fn new() -> Result<Self, DetectError> {
        Ok(Self {
            hog: HOGDescriptor::default()?,
            features: Vector::new(),
            corner: Vector::from_slice(&[Point::default()]),
            columns: 0,
            rows: 0,
            origin: (0.0, 0.0),
            step: (1.0, 1.0),
        })
    }

    /// Describes `scaled`, which shows `area` of a picture. Windows may reach `padding_px` (whole
    /// cells) beyond it; it is mirrored there.
    ///
    /// `HOGDescriptor` describes one window, and windows that overlap share most of their blocks.
    /// One window as large as the level gives every block, and each once: what
    /// `detectMultiScale` computes again for each SVM.
    pub(super) fn describe(&mut self, scaled: &Mat, area: Area, padding_px: i32) -> Result<(), DetectError> {
        let whole_cells = |side: i32| side / CELL_PX * CELL_PX + 2 * padding_px;
        let window = Size::new(whole_cells(scaled.cols()), whole_cells(scaled.rows()));
        self.hog.set_win_size(window);
        self.corner.set(0, Point::new(-padding_px, -padding_px))?;
        let stride = Size::new(CELL_PX, CELL_PX);
        let padding = Size::new(padding_px, padding_px);
        self.hog.compute(scaled, &mut self.features, stride, padding, &self.corner)?;

        let blocks = |side: i32| usize::try_from(side / CELL_PX - 1).unwrap_or(0);
        (self.columns, self.rows) = (blocks(window.width), blocks(window.height));
        self.step = (area.w / scaled.cols() as f32, area.h / scaled.rows() as f32);
        let padding = padding_px as f32;
        self.origin = (area.x - padding * self.step.0, area.y - padding * self.step.1);
        Ok(())
    }

    /// Columns and rows of windows with `side` blocks along a side.
    pub(super) fn windows(&self, side: usize) -> (usize, usize) {
        ((self.columns + 1).saturating_sub(side), (self.rows + 1).saturating_sub(side))
    }

    /// The features of `count` blocks of a column from `row` downwards: the part that one column
    /// of blocks has in a window's descriptor.
    #[inline(always)]
    pub(super) fn blocks_below(&self, column: usize, row: usize, count: usize) -> &[f32] {
        let start = (column * self.rows + row) * BLOCK_VALUES;
        &self.features.as_slice()[start..start + count * BLOCK_VALUES]
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

/// Scales a picture: the mean of what a pixel covers where it shrinks, linear where it grows.
pub(super) fn scale_to(
    source: &impl opencv::core::ToInputArray,
    shrinks: bool,
    size: Size,
    out: &mut Mat,
) -> Result<(), DetectError> {
    let method = if shrinks { INTER_AREA } else { INTER_LINEAR };
    Ok(resize(source, out, size, 0.0, 0.0, method)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A smooth picture without any symmetry, so that no two windows are alike.
    fn texture(width: i32, height: i32) -> Mat {
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)))
            .map(|(x, y)| 128.0 + 60.0 * (0.11 * x + 0.003 * x * y).sin() + 50.0 * (0.17 * y).cos())
            .map(|value| value as u8)
            .collect();
        Mat::new_rows_cols_with_data(height, width, &pixels).unwrap().try_clone().unwrap()
    }

    #[test]
    fn every_window_is_what_opencv_computes_for_it() {
        let picture = texture(131, 117);
        let mut level = Level::new().unwrap();
        level.describe(&picture, Area { x: 0.0, y: 0.0, w: 131.0, h: 117.0 }, 0).unwrap();
        assert_eq!(level.windows(7), (9, 7));
        let mut single = HOGDescriptor::default().unwrap();
        single.set_win_size(Size::new(64, 64));
        for (column, row) in [(0, 0), (3, 2), (8, 6)] {
            let at = Point::new(column as i32 * CELL_PX, row as i32 * CELL_PX);
            let mut expected = Vector::<f32>::new();
            let stride = Size::new(CELL_PX, CELL_PX);
            let places = Vector::from_slice(&[at]);
            single.compute(&picture, &mut expected, stride, Size::default(), &places).unwrap();
            let found: Vec<f32> =
                (0..7).flat_map(|at| level.blocks_below(column + at, row, 7)).copied().collect();
            assert_eq!(found, expected.as_slice(), "window {column}, {row}");
        }
    }

    #[test]
    fn windows_are_placed_in_the_picture_that_the_level_was_made_from() {
        let mut level = Level::new().unwrap();
        let area = Area { x: 40.0, y: 20.0, w: 256.0, h: 160.0 };
        level.describe(&texture(128, 80), area, 16).unwrap();
        assert_eq!(level.windows(7), (13, 7));
        assert_eq!(level.window_area(64, 0, 0), Area { x: 8.0, y: -12.0, w: 128.0, h: 128.0 });
        assert_eq!(level.window_area(64, 2, 3), Area { x: 40.0, y: 36.0, w: 128.0, h: 128.0 });
    }
}
