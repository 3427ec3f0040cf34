//! Landmarks by an ensemble of regression trees (Kazemi and Sullivan, CVPR 2014), as dlib's
//! `shape_predictor` evaluates it: each stage looks at a few hundred pixels placed relative to the
//! present shape, and each of its trees adds a small step to the shape.
//!
//! Several starts are followed at once, tree by tree, so that each tree is fetched from memory
//! once: the trees, not the arithmetic, are what an evaluation waits for.

mod format;

use frame::Grey;
use types::{FaceBox, MAX_LANDMARKS, Point};

pub use format::FormatError;

/// A loaded model. Immutable, so that threads may share it.
#[derive(Debug, Clone)]
pub struct ShapePredictor {
    /// Where the points lie on average, in units of the face box (0 to 1).
    mean: Vec<Point>,
    /// Levels of splits in every tree.
    depth: u32,
    stages: Vec<Stage>,
}

/// One stage, its trees end to end in flat arrays.
#[derive(Debug, Clone, Default)]
struct Stage {
    /// 2^depth - 1 a tree, in heap order.
    splits: Vec<Split>,
    /// 2^depth steps a tree, each of all points.
    leaves: Vec<Point>,
    /// The point that each pixel hangs on.
    anchors: Vec<u16>,
    /// Its offset from there in the mean shape, in units of the face box.
    deltas: Vec<Point>,
}

/// "Is the first pixel brighter than the second by more than the threshold?"
#[derive(Debug, Clone, Copy)]
struct Split {
    first: u16,
    second: u16,
    threshold: i16,
}

/// What a fit writes into, kept between frames so that no fit allocates. `N` starts at a time.
#[derive(Debug, Clone)]
pub struct Workspace<const N: usize> {
    pixels: Vec<[i16; N]>,
    shapes: [[Point; MAX_LANDMARKS]; N],
}

impl ShapePredictor {
    /// Reads the bytes of dlib's shape-predictor file.
    ///
    /// # Errors
    /// [`FormatError`] where they are truncated or damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        format::parse(bytes)
    }

    /// The mean shape in units of the face box.
    #[must_use]
    pub fn mean(&self) -> &[Point] {
        &self.mean
    }

    /// A workspace for `N` starts that fits this model.
    #[must_use]
    pub fn workspace<const N: usize>(&self) -> Workspace<N> {
        let pixels = self.stages.iter().map(|stage| stage.deltas.len()).max().unwrap_or(0);
        Workspace { pixels: vec![[0; N]; pixels], shapes: [[Point::default(); MAX_LANDMARKS]; N] }
    }

    /// Fits the shape from each of `N` boxes; the outcomes are read with [`Workspace::shape`].
    /// Pixels outside the picture count as black, as in dlib.
    pub fn fit<const N: usize>(
        &self,
        picture: &Grey,
        boxes: &[FaceBox; N],
        work: &mut Workspace<N>,
    ) {
        for shape in &mut work.shapes {
            shape[..self.mean.len()].copy_from_slice(&self.mean);
        }
        for stage in &self.stages {
            for (lane, face) in boxes.iter().enumerate() {
                self.look(stage, picture, face, lane, work);
            }
            self.step(stage, work);
        }
        for (shape, face) in work.shapes.iter_mut().zip(boxes) {
            for point in &mut shape[..self.mean.len()] {
                *point = Point::new(face.x + face.w * point.x, face.y + face.h * point.y);
            }
        }
    }

    /// Reads the pixels of a stage around the present shape of one start.
    fn look<const N: usize>(
        &self,
        stage: &Stage,
        picture: &Grey,
        face: &FaceBox,
        lane: usize,
        work: &mut Workspace<N>,
    ) {
        let shape = &work.shapes[lane];
        let [a, b] = self.turn(shape);
        // Half a pixel is added here once, so that cutting off the fraction below rounds.
        let (x0, y0) = (face.x + 0.5, face.y + 0.5);
        let (bytes, row) = (picture.bytes(), picture.width() as usize);
        let (width, height) = (picture.width() as f32, picture.height() as f32);
        for ((values, &anchor), delta) in work.pixels.iter_mut().zip(&stage.anchors).zip(&stage.deltas) {
            let anchor = shape[usize::from(anchor)];
            let x = x0 + face.w * (a * delta.x - b * delta.y + anchor.x);
            let y = y0 + face.h * (b * delta.x + a * delta.y + anchor.y);
            let inside = x >= 0.0 && y >= 0.0 && x < width && y < height;
            values[lane] =
                if inside { i16::from(bytes[y as usize * row + x as usize]) } else { 0 };
        }
    }

    /// Lets every tree of a stage add its step to every start.
    fn step<const N: usize>(&self, stage: &Stage, work: &mut Workspace<N>) {
        let (splits, leaves) = ((1 << self.depth) - 1, 1 << self.depth);
        let len = self.mean.len();
        let trees = stage.splits.chunks_exact(splits).zip(stage.leaves.chunks_exact(leaves * len));
        for (splits, leaves) in trees {
            let mut nodes = [0; N];
            for _ in 0..self.depth {
                for (lane, node) in nodes.iter_mut().enumerate() {
                    let split = splits[*node];
                    let difference =
                        work.pixels[usize::from(split.first)][lane] - work.pixels[usize::from(split.second)][lane];
                    *node = 2 * *node + 1 + usize::from(difference <= split.threshold);
                }
            }
            for (shape, node) in work.shapes.iter_mut().zip(nodes) {
                let leaf = &leaves[(node - splits.len()) * len..][..len];
                for (point, step) in shape.iter_mut().zip(leaf) {
                    *point = Point::new(point.x + step.x, point.y + step.y);
                }
            }
        }
    }

    /// The similarity transform from the mean shape to another, without its shift: (a, b) of the
    /// matrix (a -b; b a). In two dimensions Umeyama's least-squares solution, which dlib takes by
    /// way of a singular value decomposition, is this quotient.
    pub(crate) fn turn(&self, shape: &[Point]) -> [f32; 2] {
        let n = self.mean.len() as f32;
        let pairs = || self.mean.iter().zip(shape);
        let sums = pairs().fold([0.0; 4], |m, (p, s)| [m[0] + p.x, m[1] + p.y, m[2] + s.x, m[3] + s.y]);
        let [mx, my, sx, sy] = sums.map(|sum| sum / n);
        let mut sums = [0.0; 3];
        for (p, s) in pairs() {
            let (px, py, qx, qy) = (p.x - mx, p.y - my, s.x - sx, s.y - sy);
            sums[0] += px * qx + py * qy;
            sums[1] += px * qy - py * qx;
            sums[2] += px * px + py * py;
        }
        if sums[2] > 0.0 { [sums[0] / sums[2], sums[1] / sums[2]] } else { [1.0, 0.0] }
    }
}

impl<const N: usize> Workspace<N> {
    /// The outcome of one start, in pixels of the picture; the model's points come first.
    #[must_use]
    pub const fn shape(&self, lane: usize) -> &[Point] {
        &self.shapes[lane]
    }
}
