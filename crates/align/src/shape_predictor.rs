//! Landmarks by an ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), as dlib's
//! `shape_predictor` evaluates it: each stage looks at a few hundred pixels placed relative to the
//! present shape, and each of its trees adds a small step to the shape.
//!
//! Several starts are followed at once, tree by tree, so that each tree is fetched from memory
//! once: the trees, not the arithmetic, are what an evaluation waits for.

mod compact;
mod dlib;
mod format;

use frame::Grey;
use types::{FaceBox, MAX_LANDMARKS, Point};

pub use format::FormatError;

/// Pixels that one stage may look at; dlib's models have 400 to 800. A power of two: an index
/// masked by it needs no check.
const MAX_PIXELS: usize = 1024;
/// Trees of one stage; dlib's models have 500.
const MAX_TREES: usize = 1024;
/// Codes of a leaf; the faces of 68 points differ in no more than about 40 ways.
const MAX_CODES: usize = 64;
/// Adding this to a double leaves the nearest whole number in its low bits (1.5 · 2^52).
const ROUND: f64 = 6_755_399_441_055_744.0;
/// That sum rounds halves to even, dlib rounds them up: this little decides for up. Halves do
/// occur, for some pixels lie in the very middle of the box.
const HALF_UP: f64 = 1.0 / (1_u64 << 30) as f64;

/// A loaded model. Immutable, so that threads may share it.
#[derive(Debug, Clone)]
pub struct ShapePredictor {
    /// Where the points lie on average, in units of the face box (0 to 1).
    mean: Vec<Point>,
    /// Leaves of every tree, a power of two.
    leaves: usize,
    stages: Vec<Stage>,
}

/// One stage, its trees end to end in flat arrays.
#[derive(Debug, Clone, Default)]
struct Stage {
    /// As many as leaves for each tree, in heap order from 1; the first is never asked.
    splits: Vec<Split>,
    steps: Steps,
    /// The pixels, sorted by the point that they hang on: where those of each point end.
    ends: Vec<u16>,
    /// The pixels' offsets from their points in the mean shape, in units of the face box; x and y
    /// apart, which the compiler turns into vector instructions.
    right: Vec<f32>,
    down: Vec<f32>,
}

/// The steps of each tree's leaves.
#[derive(Debug, Clone)]
enum Steps {
    /// As they are, each one of all points.
    Whole(Vec<Point>),
    /// As whole numbers of a few directions: `codes` of a leaf, times `directions`. The sum over all
    /// trees is taken of the codes, which are a tenth as much to fetch from memory.
    Coded {
        /// For each tree and leaf one number for each direction.
        codes: Vec<i8>,
        /// One after the other, each of all points, in units of the face box.
        directions: Vec<Point>,
    },
}

impl Default for Steps {
    fn default() -> Self {
        Self::Whole(Vec::new())
    }
}

/// "Is the first pixel brighter than the second by more than the threshold?"
#[derive(Debug, Clone, Copy)]
struct Split {
    first: u16,
    second: u16,
    threshold: i16,
}

/// Where a fit starts: the square or oblong that the mean shape is laid into, upright or turned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Start {
    /// The corner that (0, 0) of the mean shape goes to, in pixels of the picture.
    origin: Point,
    /// From there to the corner for (1, 0).
    across: Point,
    /// From there to the corner for (0, 1).
    down: Point,
}

impl From<FaceBox> for Start {
    fn from(face: FaceBox) -> Self {
        Self {
            origin: Point::new(face.x, face.y),
            across: Point::new(face.w, 0.0),
            down: Point::new(0.0, face.h),
        }
    }
}

impl Start {
    /// The box turned about its middle; clockwise as one looks at the picture is positive.
    #[must_use]
    pub fn turned(face: FaceBox, radians: f32) -> Self {
        let (sin, cos) = radians.sin_cos();
        let (center, across, down) =
            (face.center(), Point::new(cos * face.w, sin * face.w), Point::new(-sin * face.h, cos * face.h));
        let origin = Point::new(center.x - (across.x + down.x) / 2.0, center.y - (across.y + down.y) / 2.0);
        Self { origin, across, down }
    }

    fn place(&self, p: Point) -> Point {
        Point::new(
            self.origin.x + self.across.x * p.x + self.down.x * p.y,
            self.origin.y + self.across.y * p.x + self.down.y * p.y,
        )
    }
}

/// What a fit writes into, kept between frames so that no fit allocates. `N` starts at a time.
#[derive(Debug, Clone)]
pub struct Workspace<const N: usize> {
    pixels: Box<[[i16; MAX_PIXELS]; N]>,
    /// The leaf that each tree of a stage ended in.
    leaves: Box<[[u8; N]; MAX_TREES]>,
    shapes: [[Point; MAX_LANDMARKS]; N],
}

impl<const N: usize> Default for Workspace<N> {
    fn default() -> Self {
        Self {
            pixels: Box::new([[0; MAX_PIXELS]; N]),
            leaves: Box::new([[0; N]; MAX_TREES]),
            shapes: [[Point::default(); MAX_LANDMARKS]; N],
        }
    }
}

impl<const N: usize> Workspace<N> {
    /// The outcome of one start, in pixels of the picture; the model's points come first.
    #[must_use]
    pub const fn shape(&self, lane: usize) -> &[Point] {
        &self.shapes[lane]
    }
}

impl ShapePredictor {
    /// Reads the bytes of a model: this project's own file, or else dlib's.
    ///
    /// # Errors
    /// [`FormatError`] where they are truncated or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        if compact::is_compact(bytes) { compact::parse(bytes) } else { dlib::parse(bytes) }
    }

    /// The mean shape in units of the face box.
    #[must_use]
    pub fn mean(&self) -> &[Point] {
        &self.mean
    }

    /// Fits the shape from each of `N` starts; the outcomes are read with [`Workspace::shape`].
    /// Pixels outside the picture count as black, as in dlib.
    pub fn fit<const N: usize>(&self, picture: &Grey, starts: &[Start; N], work: &mut Workspace<N>) {
        for shape in &mut work.shapes {
            shape[..self.mean.len()].copy_from_slice(&self.mean);
        }
        for stage in &self.stages {
            for (lane, start) in starts.iter().enumerate() {
                self.look(stage, picture, start, &work.shapes[lane], &mut work.pixels[lane]);
            }
            match self.leaves {
                2 => self.step::<2, N>(stage, work),
                4 => self.step::<4, N>(stage, work),
                8 => self.step::<8, N>(stage, work),
                16 => self.step::<16, N>(stage, work),
                32 => self.step::<32, N>(stage, work),
                _ => self.step::<64, N>(stage, work),
            }
        }
        for (shape, start) in work.shapes.iter_mut().zip(starts) {
            for point in &mut shape[..self.mean.len()] {
                *point = start.place(*point);
            }
        }
    }

    /// Reads the pixels of a stage around the present shape. Single and double precision are used
    /// where dlib uses them: a pixel on the other side of a rounding would end in another leaf.
    fn look(
        &self,
        stage: &Stage,
        picture: &Grey,
        start: &Start,
        shape: &[Point; MAX_LANDMARKS],
        values: &mut [i16; MAX_PIXELS],
    ) {
        let [a, b] = self.turn(shape);
        let (bytes, width, height) = (picture.bytes(), picture.width(), picture.height());
        let [ox, ax, dx] = [start.origin.x, start.across.x, start.down.x].map(f64::from);
        let [oy, ay, dy] = [start.origin.y, start.across.y, start.down.y].map(f64::from);
        let mut places = [0; MAX_PIXELS];
        let mut from = 0;
        for (&end, anchor) in stage.ends.iter().zip(shape) {
            let pixels = from..usize::from(end);
            from = pixels.end;
            let offsets = stage.right[pixels.clone()].iter().zip(&stage.down[pixels.clone()]);
            for (place, (right, down)) in places[pixels].iter_mut().zip(offsets) {
                let x = f64::from(a * right - b * down + anchor.x);
                let y = f64::from(b * right + a * down + anchor.y);
                // What lies left or above comes out as a huge number, and is outside as well.
                let column = (ox + HALF_UP + ax * x + dx * y + ROUND).to_bits() as u32;
                let row = (oy + HALF_UP + ay * x + dy * y + ROUND).to_bits() as u32;
                let inside = (column < width) & (row < height);
                *place = if inside { row.wrapping_mul(width).wrapping_add(column) } else { u32::MAX };
            }
        }
        for (value, &place) in values.iter_mut().zip(&places[..from]) {
            *value = bytes.get(place as usize).map_or(0, |&byte| i16::from(byte));
        }
    }

    /// Lets every tree of a stage add its step to every start. `L` is the leaves of a tree.
    fn step<const L: usize, const N: usize>(&self, stage: &Stage, work: &mut Workspace<N>) {
        for (splits, leaves) in stage.splits.as_chunks::<L>().0.iter().zip(work.leaves.iter_mut()) {
            let mut nodes = [1; N];
            for _ in 0..L.trailing_zeros() {
                for (node, pixels) in nodes.iter_mut().zip(work.pixels.iter()) {
                    let split = splits[*node % L];
                    let value = |index: u16| pixels[usize::from(index) % MAX_PIXELS];
                    let brighter = value(split.first) - value(split.second) > split.threshold;
                    *node = 2 * *node + usize::from(!brighter);
                }
            }
            *leaves = nodes.map(|node| (node - L) as u8);
        }
        // Apart from the questions, so that many steps are on their way from memory at once.
        let len = self.mean.len();
        match &stage.steps {
            Steps::Whole(steps) => add_whole::<L, N>(steps, len, work),
            Steps::Coded { codes, directions } => add_coded::<L, N>(codes, directions, len, work),
        }
    }

    /// The similarity transform from the mean shape to another, without its shift: (a, b) of the
    /// matrix (a -b; b a). In two dimensions Umeyama's least-squares solution, which dlib takes by
    /// way of a singular value decomposition, is this quotient.
    pub(crate) fn turn(&self, shape: &[Point]) -> [f32; 2] {
        let n = self.mean.len() as f64;
        let pairs = || self.mean.iter().zip(shape).map(|(p, s)| [p.x, p.y, s.x, s.y].map(f64::from));
        let mean = pairs().fold([0.0; 4], |m, v| std::array::from_fn(|k| m[k] + v[k] / n));
        let mut sums = [0.0; 3];
        for v in pairs() {
            let [px, py, qx, qy] = std::array::from_fn(|k| v[k] - mean[k]);
            sums[0] += px * qx + py * qy;
            sums[1] += px * qy - py * qx;
            sums[2] += px * px + py * py;
        }
        if sums[2] > 0.0 { [(sums[0] / sums[2]) as f32, (sums[1] / sums[2]) as f32] } else { [1.0, 0.0] }
    }
}

/// Adds the steps of all trees of a stage.
fn add_whole<const L: usize, const N: usize>(steps: &[Point], len: usize, work: &mut Workspace<N>) {
    for (steps, leaves) in steps.chunks_exact(L * len).zip(work.leaves.iter()) {
        for (shape, &leaf) in work.shapes.iter_mut().zip(leaves) {
            let step = &steps[usize::from(leaf) % L * len..][..len];
            for (point, step) in shape.iter_mut().zip(step) {
                *point = Point::new(point.x + step.x, point.y + step.y);
            }
        }
    }
}

/// The same where the steps are coded: the codes are summed, and their sum is decoded once.
fn add_coded<const L: usize, const N: usize>(
    codes: &[i8],
    directions: &[Point],
    len: usize,
    work: &mut Workspace<N>,
) {
    let count = directions.len() / len;
    let mut sums = [[0_i32; MAX_CODES]; N];
    sum_codes::<L, N>(codes, count, &work.leaves, &mut sums);
    for (shape, sums) in work.shapes.iter_mut().zip(&sums) {
        for (direction, &sum) in directions.chunks_exact(len).zip(sums) {
            let sum = sum as f32;
            for (point, along) in shape.iter_mut().zip(direction) {
                *point = Point::new(point.x + sum * along.x, point.y + sum * along.y);
            }
        }
    }
}

/// Sums the codes of the leaf that each tree ended in, for every start.
fn sum_codes<const L: usize, const N: usize>(
    codes: &[i8],
    count: usize,
    leaves: &[[u8; N]; MAX_TREES],
    sums: &mut [[i32; MAX_CODES]; N],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has AVX2, as was just asked.
        return unsafe { sum_codes_avx2::<L, N>(codes, count, leaves, sums) };
    }
    sum_codes_portable::<L, N>(codes, count, leaves, sums);
}

/// The same additions on wider vectors.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn sum_codes_avx2<const L: usize, const N: usize>(
    codes: &[i8],
    count: usize,
    leaves: &[[u8; N]; MAX_TREES],
    sums: &mut [[i32; MAX_CODES]; N],
) {
    sum_codes_portable::<L, N>(codes, count, leaves, sums);
}

#[inline(always)]
fn sum_codes_portable<const L: usize, const N: usize>(
    codes: &[i8],
    count: usize,
    leaves: &[[u8; N]; MAX_TREES],
    sums: &mut [[i32; MAX_CODES]; N],
) {
    for (codes, leaves) in codes.chunks_exact(L * count).zip(leaves) {
        for (sums, &leaf) in sums.iter_mut().zip(leaves) {
            let leaf = &codes[usize::from(leaf) % L * count..][..count];
            for (sum, &code) in sums.iter_mut().zip(leaf) {
                *sum += i32::from(code);
            }
        }
    }
}
