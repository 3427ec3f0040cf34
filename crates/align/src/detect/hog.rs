//! HOG features of a whole picture at one scale, by OpenCV, each block computed once.

use opencv::core::{Mat, MatTraitConst, Point, Rect, Size, Vector};
use opencv::imgproc::{INTER_AREA, INTER_LINEAR, resize};
use opencv::objdetect::{HOGDescriptor, HOGDescriptorTrait, HOGDescriptorTraitConst};

use super::DetectError;

/// Side of a cell, and the step from one block to the next, in pixels.
pub(super) const CELL_PX: i32 = 8;
/// Side of the window that an SVM scores, in pixels of a level.
pub(super) const WINDOW_PX: i32 = 64;
/// Blocks along a side of the window: 2x2 cells each, overlapping by one.
pub(super) const WINDOW_BLOCKS: usize = 7;
/// Values of one block: four cells of nine directions.
pub(super) const BLOCK_VALUES: usize = 36;
/// Values of a window.
pub(super) const WINDOW_VALUES: usize = WINDOW_BLOCKS * WINDOW_BLOCKS * BLOCK_VALUES;

/// A region of a picture at one scale, described.
pub(super) struct Level {
    hog: HOGDescriptor,
    scaled: Mat,
    features: Vector<f32>,
    corner: Vector<Point>,
    columns: usize,
    rows: usize,
    place: Place,
}

/// Where a level's pixels come from: picture = origin + level x step, edge to edge.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    origin: (f32, f32),
    step: (f32, f32),
}

impl Level {
    pub(super) fn new() -> Result<Self, DetectError> {
        Ok(Self {
            hog: HOGDescriptor::default()?,
            scaled: Mat::default(),
            features: Vector::new(),
            corner: Vector::from_slice(&[Point::default()]),
            columns: 0,
            rows: 0,
            place: Place::default(),
        })
    }

    /// Describes `region` of `picture` scaled to `size`. Windows may reach `padding_px` (whole
    /// cells) beyond the region, which is mirrored there.
    ///
    /// `HOGDescriptor` describes one window, and windows that overlap share most of their blocks.
    /// One window as large as the level gives every block, and each once: what
    /// `detectMultiScale` computes again for each SVM.
    pub(super) fn describe(
        &mut self,
        picture: &impl MatTraitConst,
        region: Rect,
        size: Size,
        padding_px: i32,
    ) -> Result<(), DetectError> {
        let source = picture.roi(region)?;
        let shrinks = size.width < region.width || size.height < region.height;
        let method = if shrinks { INTER_AREA } else { INTER_LINEAR };
        resize(&source, &mut self.scaled, size, 0.0, 0.0, method)?;

        let whole_cells = |side: i32| side / CELL_PX * CELL_PX + 2 * padding_px;
        let window = Size::new(whole_cells(size.width), whole_cells(size.height));
        self.hog.set_win_size(window);
        self.corner.set(0, Point::new(-padding_px, -padding_px))?;
        let stride = Size::new(CELL_PX, CELL_PX);
        let padding = Size::new(padding_px, padding_px);
        self.hog.compute(&self.scaled, &mut self.features, stride, padding, &self.corner)?;

        let blocks = |side: i32| usize::try_from(side / CELL_PX - 1).unwrap_or(0);
        (self.columns, self.rows) = (blocks(window.width), blocks(window.height));
        let step = (region.width as f32 / size.width as f32, region.height as f32 / size.height as f32);
        let pad = padding_px as f32;
        self.place = Place { origin: (region.x as f32 - pad * step.0, region.y as f32 - pad * step.1), step };
        Ok(())
    }

    /// Columns and rows of windows.
    pub(super) fn windows(&self) -> (usize, usize) {
        let windows = |blocks: usize| (blocks + 1).saturating_sub(WINDOW_BLOCKS);
        (windows(self.columns), windows(self.rows))
    }

    /// The features of a window's seven block columns, each of them 7 blocks from top to bottom.
    pub(super) fn window(&self, column: usize, row: usize) -> impl Iterator<Item = &[f32]> {
        let features = self.features.as_slice();
        (column..column + WINDOW_BLOCKS).map(move |column| {
            let start = (column * self.rows + row) * BLOCK_VALUES;
            &features[start..start + WINDOW_BLOCKS * BLOCK_VALUES]
        })
    }

    /// The window's upper left corner and size in the picture, in pixels, edge to edge.
    pub(super) fn window_in_picture(&self, column: usize, row: usize) -> (f32, f32, f32, f32) {
        let Place { origin, step } = self.place;
        let cell = CELL_PX as f32;
        (
            origin.0 + column as f32 * cell * step.0,
            origin.1 + row as f32 * cell * step.1,
            WINDOW_PX as f32 * step.0,
            WINDOW_PX as f32 * step.1,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::CV_8UC1;

    /// A smooth picture without any symmetry, so that no two windows are alike.
    fn texture(width: i32, height: i32) -> Mat {
        let pixels: Vec<u8> = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)))
            .map(|(x, y)| 128.0 + 60.0 * (0.11 * x + 0.003 * x * y).sin() + 50.0 * (0.17 * y).cos())
            .map(|value| value as u8)
            .collect();
        let flat = Mat::from_slice(&pixels).unwrap();
        let shaped = flat.reshape(1, height).unwrap();
        let mut own = Mat::default();
        shaped.copy_to(&mut own).unwrap();
        assert_eq!((own.cols(), own.rows(), own.typ()), (width, height, CV_8UC1));
        own
    }

    #[test]
    fn every_window_is_what_opencv_computes_for_it() {
        let picture = texture(131, 117);
        let mut level = Level::new().unwrap();
        level.describe(&picture, Rect::new(0, 0, 131, 117), Size::new(131, 117), 0).unwrap();
        assert_eq!(level.windows(), (9, 7));
        let single = HOGDescriptor::default().unwrap();
        let mut single_window = HOGDescriptor::default().unwrap();
        single_window.set_win_size(Size::new(WINDOW_PX, WINDOW_PX));
        assert_eq!(single.get_block_stride().width, CELL_PX);
        for (column, row) in [(0, 0), (3, 2), (8, 6)] {
            let at = Point::new(column as i32 * CELL_PX, row as i32 * CELL_PX);
            let mut expected = Vector::<f32>::new();
            let (stride, padding) = (Size::new(CELL_PX, CELL_PX), Size::default());
            single_window
                .compute(&picture, &mut expected, stride, padding, &Vector::from_slice(&[at]))
                .unwrap();
            let found: Vec<f32> = level.window(column, row).flatten().copied().collect();
            assert_eq!(found.len(), WINDOW_VALUES);
            assert_eq!(found, expected.to_vec(), "window {column}, {row}");
        }
    }

    #[test]
    fn windows_are_placed_in_the_picture_that_the_level_was_made_from() {
        let picture = texture(320, 240);
        let mut level = Level::new().unwrap();
        level.describe(&picture, Rect::new(40, 20, 256, 160), Size::new(128, 80), 16).unwrap();
        assert_eq!(level.windows(), (13, 7));
        assert_eq!(level.window_in_picture(0, 0), (40.0 - 32.0, 20.0 - 32.0, 128.0, 128.0));
        assert_eq!(level.window_in_picture(2, 3), (40.0, 20.0 + 16.0, 128.0, 128.0));
    }
}
