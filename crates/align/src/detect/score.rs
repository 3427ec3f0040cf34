//! Linear SVMs: the decision value of a window.

use super::hog::{BLOCK_VALUES, CELL_PX, Level};

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
    /// How far it may reach beyond the picture, which is mirrored there.
    pub(super) padding_px: i32,
}

impl Window {
    /// Blocks along its side: 2x2 cells each, overlapping by one.
    pub(super) const fn blocks(self) -> usize {
        (self.side_px / CELL_PX - 1) as usize
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

    /// The highest decision value that any SVM gives a window of a level.
    pub(super) fn score(&self, level: &Level, column: usize, row: usize) -> f32 {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: this processor has AVX2, as was just asked.
            return unsafe { self.score_avx2(level, column, row) };
        }
        self.score_portable(level, column, row)
    }

    /// The same sums in the same order on wider vectors: a full search spends a third of its time
    /// here otherwise.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn score_avx2(&self, level: &Level, column: usize, row: usize) -> f32 {
        self.score_portable(level, column, row)
    }

    #[inline(always)]
    fn score_portable(&self, level: &Level, column: usize, row: usize) -> f32 {
        let mut best = f32::NEG_INFINITY;
        for svm in &self.svms {
            // One sum per value of a block: sums that do not wait for each other are what the
            // compiler turns into vector instructions.
            let mut sums = [0.0; BLOCK_VALUES];
            let side = self.window.blocks();
            for (at, weights) in svm.weights.chunks_exact(side * BLOCK_VALUES).enumerate() {
                add_products(&mut sums, level.blocks_below(column + at, row, side), weights);
            }
            best = best.max(sums.iter().sum::<f32>() + svm.bias);
        }
        best
    }
}

#[inline(always)]
fn add_products(sums: &mut [f32; BLOCK_VALUES], features: &[f32], weights: &[f32]) {
    let blocks = features.as_chunks::<BLOCK_VALUES>().0.iter();
    for (features, weights) in blocks.zip(weights.as_chunks::<BLOCK_VALUES>().0) {
        for at in 0..BLOCK_VALUES {
            sums[at] += features[at] * weights[at];
        }
    }
}
