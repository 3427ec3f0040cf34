//! Linear SVMs: the decision value of a window.

use super::level::Level;
use crate::hog::{BLOCK_VALUES, CELL_PX};

/// Values that are added up side by side: sums that do not wait for each other are what the
/// compiler turns into vector instructions.
const LANES: usize = 8;

/// The SVMs of one stage of the detector; all see the same window.
#[derive(Debug, PartialEq)]
pub(super) struct Stage {
    window: Window,
    svms: Vec<Svm>,
}

/// The square that an SVM looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Its side in pixels of a level, a multiple of a cell.
    pub(super) side_px: i32,
    /// How many cells it may reach beyond the picture, which is mirrored there.
    pub(super) padding: usize,
}

impl Window {
    /// Blocks along its side: 2x2 cells each, overlapping by one.
    pub(super) const fn blocks(self) -> usize {
        self.side_px as usize / CELL_PX - 1
    }

    /// The side of the smallest picture that it lies in, with as much beyond its edges as may be.
    pub(super) const fn least_px(self) -> i32 {
        self.side_px - 2 * (self.padding * CELL_PX) as i32
    }

    /// Values that describe it.
    pub(super) const fn values(self) -> usize {
        self.blocks() * self.blocks() * BLOCK_VALUES
    }
}

#[derive(Debug, PartialEq)]
struct Svm {
    weights: Box<[f32]>,
    bias: f32,
}

impl Stage {
    /// From the weights and, last, the bias of each SVM. Values that fill no SVM are left out.
    pub(super) fn from_values(window: Window, values: &[f32]) -> Self {
        let svms = values.chunks_exact(window.values() + 1).filter_map(|values| {
            let (&bias, weights) = values.split_last()?;
            Some(Svm { weights: weights.into(), bias })
        });
        Self { window, svms: svms.collect() }
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    /// The highest decision value that any SVM gives each window of a column of a level, from the
    /// top down; `best` is cleared first.
    pub(super) fn score(&self, level: &Level, column: usize, best: &mut Vec<f32>) {
        best.clear();
        best.resize(level.windows(self.window.blocks()).1, f32::NEG_INFINITY);
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            // SAFETY: this processor has AVX2 and FMA, as was just asked.
            return unsafe { self.score_fma(level, column, best) };
        }
        self.score_by(level, column, best, |a, b, sum| a * b + sum);
    }

    /// The same on wider vectors, without rounding between product and sum.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn score_fma(&self, level: &Level, column: usize, best: &mut [f32]) {
        self.score_by(level, column, best, f32::mul_add);
    }

    /// What a full search waits for here are features and weights: two windows and four SVMs are
    /// taken together, so that six loads serve eight products.
    #[inline(always)]
    fn score_by(&self, level: &Level, column: usize, best: &mut [f32], add: impl Add) {
        let (fours, rest) = self.svms.as_chunks::<4>();
        for row in (0..best.len()).step_by(2) {
            // Where there is no second window, the first one is scored twice.
            let rows = [row, (row + 1).min(best.len() - 1)];
            let mut raise = |scores: &[[f32; 2]]| {
                for (row, score) in scores.iter().flat_map(|&scores| rows.into_iter().zip(scores)) {
                    best[row] = best[row].max(score);
                }
            };
            for svms in fours {
                raise(&self.together(level, column, rows, &svms.each_ref(), add));
            }
            match rest {
                [] => {}
                [one] => raise(&self.together(level, column, rows, &[one], add)),
                [one, two] => raise(&self.together(level, column, rows, &[one, two], add)),
                [one, two, three, ..] => raise(&self.together(level, column, rows, &[one, two, three], add)),
            }
        }
    }

    /// The decision values of a few SVMs for two windows of a column.
    #[inline(always)]
    fn together<const SVMS: usize>(
        &self,
        level: &Level,
        column: usize,
        rows: [usize; 2],
        svms: &[&Svm; SVMS],
        add: impl Add,
    ) -> [[f32; 2]; SVMS] {
        let side = self.window.blocks();
        let length = side * BLOCK_VALUES;
        let mut sums = [[[0.0; LANES]; 2]; SVMS];
        for at in 0..side {
            let features = rows.map(|row| level.blocks_below(column + at, row, side));
            let weights = svms.map(|svm| &svm.weights[at * length..][..length]);
            let ends = add_products(&mut sums, features, weights, add);
            // What fills no vector.
            for place in ends..length {
                for (sums, weights) in sums.iter_mut().zip(weights) {
                    for (sums, features) in sums.iter_mut().zip(features) {
                        sums[place - ends] = add(features[place], weights[place], sums[place - ends]);
                    }
                }
            }
        }
        std::array::from_fn(|svm| sums[svm].map(|sums| sums.iter().sum::<f32>() + svms[svm].bias))
    }
}

/// a * b + c.
trait Add: Fn(f32, f32, f32) -> f32 + Copy {}

impl<F: Fn(f32, f32, f32) -> f32 + Copy> Add for F {}

/// Adds the products that fill whole vectors, and tells where they end.
#[inline(always)]
fn add_products<const SVMS: usize>(
    sums: &mut [[[f32; LANES]; 2]; SVMS],
    features: [&[f32]; 2],
    weights: [&[f32]; SVMS],
    add: impl Add,
) -> usize {
    let [first, second] = features.map(|features| features.as_chunks::<LANES>().0);
    let weights = weights.map(|weights| weights.as_chunks::<LANES>().0);
    let mut own = *sums;
    for (at, (first, second)) in first.iter().zip(second).enumerate() {
        for svm in 0..SVMS {
            let weights = &weights[svm][at];
            for lane in 0..LANES {
                own[svm][0][lane] = add(first[lane], weights[lane], own[svm][0][lane]);
            }
            for lane in 0..LANES {
                own[svm][1][lane] = add(second[lane], weights[lane], own[svm][1][lane]);
            }
        }
    }
    *sums = own;
    first.len() * LANES
}
