//! HOG features (Dalal and Triggs, CVPR 2005) as OpenCV's `HOGDescriptor` defines them: cells of
//! 8 pixels, blocks of 2x2 cells at every cell, nine directions, L2Hys. Models trained on OpenCV's
//! features work on these; `cargo bench -p align` has both side by side.
//!
//! OpenCV visits every pixel once for each of the four blocks that it lies in, and four cells of
//! each. But its weights are products of one across and one down, so that here each tile of 8x8
//! pixels is summed once, by the few weights that a pixel can have across ([`Weights`]) and then
//! down, and blocks are put together from the sums of four tiles.

/// Side of a cell, and the step from one block to the next, in pixels.
pub(crate) const CELL_PX: usize = 8;
/// Directions, modulo half a turn.
const BINS: usize = 9;
/// Values of one block: four cells, down and then across, of nine directions.
pub(crate) const BLOCK_VALUES: usize = 4 * BINS;
/// The directions with one more at each end, into which interpolation may reach; they belong to
/// the other end.
const SLOTS: usize = BINS + 2;
/// A tile lies in the first or the second cell of a block, and adds to the first or the second.
const PARTS: usize = 4;
/// Standard deviation of a block's weights, in pixels: a quarter of its side.
const SIGMA_PX: f32 = 4.0;
/// No value of a block is larger after its first normalisation.
const CLIP: f32 = 0.2;
/// What OpenCV adds to the lengths that it divides by.
const FIRST_FLOOR: f32 = 0.1 * BLOCK_VALUES as f32;
const SECOND_FLOOR: f32 = 1e-3;

/// Gradients that are calculated together.
const LANES: usize = 8;
/// Adding this to a small number leaves the nearest whole number in its low bits (2^23).
const ROUND: f32 = 8_388_608.0;

/// A tile's sums: for each part down, for each direction, each part across.
type Tile = [[[f32; PARTS]; SLOTS]; PARTS];

/// Whether brightness is replaced by its square root, as OpenCV's `gammaCorrection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gamma {
    /// As it is.
    None,
    /// Its square root.
    Root,
}

/// Describes pictures, keeping its buffers.
#[derive(Debug)]
pub struct Hog {
    brightness: [f32; 256],
    weights: Weights,
    /// The row that is looked at, the one above and the one below, each with a pixel more on both
    /// sides.
    lines: [Vec<f32>; 3],
    slopes: Slopes,
    /// The row of tiles that is being summed, and the one above.
    tiles: [Vec<Tile>; 2],
    features: Vec<f32>,
    columns: usize,
    rows: usize,
}

/// How much of a pixel goes where along one axis, for each of the eight places in its tile: from
/// the first cell of a block to the first, to the second, and from the second to these.
type Weights = [[f32; PARTS]; CELL_PX];

/// The gradients of a row of pixels: how much of each has which direction.
#[derive(Debug, Default)]
struct Slopes {
    /// The lower of the two slots that it lies between.
    slot: Vec<u32>,
    /// How much of it goes to that one,
    lower: Vec<f32>,
    /// and to the next.
    upper: Vec<f32>,
}

/// A grey picture without gaps between its rows.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Pixels of a row.
    pub width: usize,
    /// Row by row.
    pub bytes: &'a [u8],
}

impl Hog {
    /// With empty buffers.
    #[must_use]
    pub fn new(gamma: Gamma) -> Self {
        let brightness = |value: usize| match gamma {
            Gamma::None => value as f32,
            Gamma::Root => (value as f32).sqrt(),
        };
        Self {
            brightness: std::array::from_fn(brightness),
            weights: weights(),
            lines: Default::default(),
            slopes: Slopes::default(),
            tiles: Default::default(),
            features: Vec::new(),
            columns: 0,
            rows: 0,
        }
    }

    /// Describes all blocks of the picture, whose edges are mirrored `padding` cells beyond them.
    /// What is no whole cell on the right and at the bottom is left out. A picture of less than
    /// two pixels a side has no blocks.
    pub fn describe(&mut self, picture: Picture<'_>, padding: usize) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: this processor has AVX2, as was just asked.
            return unsafe { self.describe_avx2(picture, padding) };
        }
        self.describe_portable(picture, padding);
    }

    /// The same on wider vectors.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn describe_avx2(&mut self, picture: Picture<'_>, padding: usize) {
        self.describe_portable(picture, padding);
    }

    #[inline(always)]
    fn describe_portable(&mut self, picture: Picture<'_>, padding: usize) {
        let (width, height) = (picture.width, picture.bytes.len() / picture.width.max(1));
        let tiles = |side: usize| if side < 2 { 0 } else { side / CELL_PX + 2 * padding };
        let (across, down) = (tiles(width), tiles(height));
        (self.columns, self.rows) = (across.saturating_sub(1), down.saturating_sub(1));
        self.features.clear();
        self.features.resize(self.columns * self.rows * BLOCK_VALUES, 0.0);
        if self.features.is_empty() {
            return;
        }
        self.slopes.resize(across * CELL_PX);
        for line in &mut self.lines {
            line.resize(across * CELL_PX + 2, 0.0);
        }
        for tiles in &mut self.tiles {
            tiles.resize(across, [[[0.0; PARTS]; SLOTS]; PARTS]);
        }
        let shift = (padding * CELL_PX).cast_signed();
        for y in 0..2 {
            self.read(picture, mirrored(y - 1 - shift, height), shift, (y as usize) % 3);
        }
        for row in 0..down {
            self.tiles.swap(0, 1);
            self.tiles[0].fill([[[0.0; PARTS]; SLOTS]; PARTS]);
            for y in row * CELL_PX..(row + 1) * CELL_PX {
                self.read(picture, mirrored(y.cast_signed() + 1 - shift, height), shift, (y + 2) % 3);
                self.slope(y);
                self.sum(y % CELL_PX);
            }
            for tile in &mut self.tiles[0] {
                wrap(tile);
            }
            if row > 0 {
                self.assemble(row - 1);
            }
        }
    }

    /// One row of the picture, mirrored beyond its ends.
    #[inline(always)]
    fn read(&mut self, picture: Picture<'_>, row: usize, shift: isize, line: usize) {
        let bytes = &picture.bytes[row * picture.width..][..picture.width];
        let line = &mut self.lines[line][..];
        let first = (shift + 1).cast_unsigned();
        let (before, rest) = line.split_at_mut(first.min(line.len()));
        let (inside, after) = rest.split_at_mut(picture.width.min(rest.len()));
        for (to, &byte) in inside.iter_mut().zip(bytes) {
            *to = self.brightness[usize::from(byte)];
        }
        for (at, to) in before.iter_mut().enumerate() {
            let from = mirrored(at.cast_signed() - first.cast_signed(), picture.width);
            *to = self.brightness[usize::from(bytes[from])];
        }
        for (at, to) in after.iter_mut().enumerate() {
            let from = mirrored((picture.width + at).cast_signed(), picture.width);
            *to = self.brightness[usize::from(bytes[from])];
        }
    }

    /// The gradients of the row that line `(y + 1) % 3` holds.
    #[inline(always)]
    fn slope(&mut self, y: usize) {
        let [above, here, below] = [y, y + 1, y + 2].map(|line| &self.lines[line % 3][..]);
        self.slopes.fill(&here[..here.len() - 2], &here[2..], &above[1..], &below[1..]);
    }

    /// Adds the row of gradients that lies at `y` in its row of tiles.
    #[inline(always)]
    fn sum(&mut self, y: usize) {
        let down = self.weights[y];
        let Slopes { slot, lower, upper } = &self.slopes;
        let slopes = slot.as_chunks::<CELL_PX>().0.iter();
        let slopes = slopes.zip(lower.as_chunks::<CELL_PX>().0).zip(upper.as_chunks::<CELL_PX>().0);
        for (tile, ((slot, lower), upper)) in self.tiles[0].iter_mut().zip(slopes) {
            // Two sums, so that an addition seldom waits for the one before.
            let (mut lowers, mut uppers) = ([[0.0; PARTS]; SLOTS], [[0.0; PARTS]; SLOTS]);
            for (at, across) in self.weights.iter().enumerate() {
                // The slot is below this; the compiler does not know it.
                let slot = (slot[at] as usize).min(SLOTS - 2);
                lowers[slot] = plus(lowers[slot], lower[at], across);
                uppers[slot + 1] = plus(uppers[slot + 1], upper[at], across);
            }
            let (lowers, uppers) = (lowers.as_flattened(), uppers.as_flattened());
            for (part, &weight) in tile.iter_mut().zip(&down).filter(|(_, weight)| **weight > 0.0) {
                let values = part.as_flattened_mut().iter_mut();
                for ((value, lower), upper) in values.zip(lowers).zip(uppers) {
                    *value += weight * (lower + upper);
                }
            }
        }
    }

    /// Puts the blocks of a row together from the row of tiles above and the one just summed.
    #[inline(always)]
    fn assemble(&mut self, row: usize) {
        let [below, above] = &self.tiles;
        for column in 0..self.columns {
            let tiles = [[&above[column], &above[column + 1]], [&below[column], &below[column + 1]]];
            let mut block = [0.0_f32; BLOCK_VALUES];
            for (cell, values) in block.as_chunks_mut::<BINS>().0.iter_mut().enumerate() {
                let (across, down) = (cell / 2, cell % 2);
                for (bin, value) in values.iter_mut().enumerate() {
                    let part = |y: usize, x: usize| tiles[y][x][2 * y + down][bin + 1][2 * x + across];
                    *value = part(0, 0) + part(0, 1) + part(1, 0) + part(1, 1);
                }
            }
            let at = (column * self.rows + row) * BLOCK_VALUES;
            self.features[at..at + BLOCK_VALUES].copy_from_slice(&normalised(block));
        }
    }

    /// Columns and rows of blocks.
    #[must_use]
    pub const fn blocks(&self) -> (usize, usize) {
        (self.columns, self.rows)
    }

    /// The features of all blocks, column by column.
    #[must_use]
    pub fn features(&self) -> &[f32] {
        &self.features
    }
}

impl Slopes {
    fn resize(&mut self, width: usize) {
        self.slot.resize(width, 0);
        self.lower.resize(width, 0.0);
        self.upper.resize(width, 0.0);
    }

    /// From the rows of pixels to the left, to the right, above and below.
    #[inline(always)]
    fn fill(&mut self, left: &[f32], right: &[f32], above: &[f32], below: &[f32]) {
        let gradients = left.as_chunks::<LANES>().0.iter().zip(right.as_chunks::<LANES>().0);
        let gradients = gradients.zip(above.as_chunks::<LANES>().0).zip(below.as_chunks::<LANES>().0);
        let slots = self.slot.as_chunks_mut::<LANES>().0.iter_mut();
        let slots = slots.zip(self.lower.as_chunks_mut::<LANES>().0);
        let slots = slots.zip(self.upper.as_chunks_mut::<LANES>().0);
        for (((slot, lower), upper), (((left, right), above), below)) in slots.zip(gradients) {
            let mut all = [(0, 0.0, 0.0); LANES];
            for at in 0..LANES {
                all[at] = slope(right[at] - left[at], below[at] - above[at]);
            }
            *slot = all.map(|one| one.0);
            *lower = all.map(|one| one.1);
            *upper = all.map(|one| one.2);
        }
    }
}

/// A gradient, interpolated between the two nearest directions: the lower one's slot, and how much
/// goes to that and to the next.
#[inline(always)]
fn slope(dx: f32, dy: f32) -> (u32, f32, f32) {
    /// The arc tangent of x from 0 to 1 over x, as a polynomial in x²; off by 2.5e-7 at most (least squares
    /// reweighted towards the largest error).
    const ATAN: [f32; 7] =
        [0.999_996_1, -0.333_173_7, 0.198_078_16, -0.132_333_42, 0.079_623_67, -0.033_604_22, 0.006_811_793];
    let (ax, ay) = (dx.abs(), dy.abs());
    let (less, more) = if ax < ay { (ax, ay) } else { (ay, ax) };
    let x = less / (more + f32::MIN_POSITIVE);
    let square = x * x;
    let mut angle = ATAN[6];
    for factor in ATAN[..6].iter().rev() {
        angle = angle * square + factor;
    }
    angle *= x * (BINS as f32 / std::f32::consts::PI);
    let quarter = BINS as f32 / 2.0;
    let upright = if ax < ay { quarter - angle } else { angle };
    let full = if dx * dy < 0.0 { BINS as f32 - upright } else { upright };
    // The middle of the first direction lies half a direction up, and its slot is the second: the
    // lower slot is the nearest whole number.
    let rounded = full + ROUND;
    let length = (dx * dx + dy * dy).sqrt();
    let upper = length * (full + 0.5 - (rounded - ROUND));
    (rounded.to_bits() & 0xF, length - upper, upper)
}

/// A sum, and so much of these parts.
#[inline(always)]
fn plus(sum: [f32; PARTS], much: f32, parts: &[f32; PARTS]) -> [f32; PARTS] {
    std::array::from_fn(|part| sum[part] + much * parts[part])
}

/// Adds what interpolation laid beyond the ends to the directions at the other end.
fn wrap(tile: &mut Tile) {
    for part in tile {
        part[BINS] = plus(part[BINS], 1.0, &part[0]);
        part[1] = plus(part[1], 1.0, &part[BINS + 1]);
    }
}

/// Lowe's normalisation: to the length 1, clipped, and again to the length 1.
#[inline(always)]
fn normalised(mut block: [f32; BLOCK_VALUES]) -> [f32; BLOCK_VALUES] {
    let length = |block: &[f32; BLOCK_VALUES]| {
        let mut sums = [0.0_f32; PARTS];
        for values in block.as_chunks::<PARTS>().0 {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value * value;
            }
        }
        sums.iter().sum::<f32>().sqrt()
    };
    let scale = 1.0 / (length(&block) + FIRST_FLOOR);
    for value in &mut block {
        let scaled = *value * scale;
        *value = if scaled < CLIP { scaled } else { CLIP };
    }
    let scale = 1.0 / (length(&block) + SECOND_FLOOR);
    block.map(|value| value * scale)
}

/// Along one axis: a Gaussian about the middle of the block, times the nearness to the middle of
/// each cell.
fn weights() -> Weights {
    let cell_px = CELL_PX as f32;
    std::array::from_fn(|place| {
        std::array::from_fn(|part| {
            let (from, to) = (part / 2, part % 2);
            let at = (from * CELL_PX + place) as f32;
            let gauss = (-((at - cell_px) / SIGMA_PX).powi(2) / 2.0).exp();
            let cells = (at + 0.5) / cell_px - 0.5;
            gauss * (1.0 - (cells - to as f32).abs()).clamp(0.0, 1.0)
        })
    })
}

/// A place in a row of pixels that is mirrored about its first and last one.
fn mirrored(at: isize, length: usize) -> usize {
    let last = length.cast_signed() - 1;
    let period = at.rem_euclid(2 * last);
    period.min(2 * last - period).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::core::{Mat, MatTraitConst, Point, Size, Vector};
    use opencv::objdetect::{HOGDescriptor, HOGDescriptorTrait, HOGDescriptorTraitConst};

    /// Without any symmetry, with edges of every direction, flat parts and pixels that are black and white.
    fn texture(width: usize, height: usize) -> Vec<u8> {
        let value = |x: f32, y: f32| {
            let waves = 128.0 + 90.0 * (0.11 * x + 0.003 * x * y).sin() + 70.0 * (0.17 * y).cos();
            if (x - 40.0).hypot(y - 30.0) < 15.0 { 17.0 } else { waves }
        };
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x as f32, y as f32)));
        places.map(|(x, y)| value(x, y) as u8).collect()
    }

    /// OpenCV's features of one window as large as the picture, and the padding.
    fn peer(bytes: &[u8], width: usize, padding: usize, gamma: bool) -> Vec<f32> {
        let height = bytes.len() / width;
        let picture = Mat::new_rows_cols_with_data(height as i32, width as i32, bytes).unwrap();
        let mut hog = HOGDescriptor::default().unwrap();
        hog.set_gamma_correction(gamma);
        let padding = (padding * CELL_PX) as i32;
        let whole = |side: usize| (side / CELL_PX * CELL_PX) as i32 + 2 * padding;
        hog.set_win_size(Size::new(whole(width), whole(height)));
        let (mut features, cell) = (Vector::new(), Size::new(CELL_PX as i32, CELL_PX as i32));
        let corner = Vector::from_slice(&[Point::new(-padding, -padding)]);
        let mirrored = Size::new(padding, padding);
        hog.compute(&picture.try_clone().unwrap(), &mut features, cell, mirrored, &corner).unwrap();
        features.as_slice().to_vec()
    }

    #[test]
    fn features_are_those_of_opencv() {
        for (width, height, padding) in [(64, 64, 0), (131, 117, 2), (24, 90, 4), (16, 16, 0), (9, 8, 2)] {
            for (gamma, rooted) in [(Gamma::None, false), (Gamma::Root, true)] {
                let (bytes, mut hog) = (texture(width, height), Hog::new(gamma));
                // A second picture must not see what the first one left behind.
                hog.describe(Picture { width: 40, bytes: &texture(40, 80) }, 1);
                hog.describe(Picture { width, bytes: &bytes }, padding);
                let expected = peer(&bytes, width, padding, rooted);
                assert_eq!(hog.features().len(), expected.len(), "{width}x{height}");
                // OpenCV's own angles are off by up to a third of a degree.
                let off =
                    hog.features().iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                println!("{width}x{height} {gamma:?}: {off}");
                assert!(off < 0.01, "{width}x{height}, {padding} cells around it, {gamma:?}: {off}");
            }
        }
    }

    #[test]
    fn a_picture_without_a_whole_block_has_no_features() {
        let mut hog = Hog::new(Gamma::Root);
        for (width, height) in [(0, 0), (1, 50), (15, 64), (64, 15)] {
            hog.describe(Picture { width, bytes: &vec![9; width * height] }, 0);
            assert!(hog.features().is_empty(), "{width}x{height}");
        }
    }

    #[test]
    fn a_flat_picture_has_no_direction() {
        let mut hog = Hog::new(Gamma::Root);
        hog.describe(Picture { width: 32, bytes: &[200; 32 * 32] }, 1);
        assert!(hog.features().iter().all(|&value| value == 0.0));
    }
}
