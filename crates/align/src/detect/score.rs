//! Linear SVMs: the decision value of a window.

use super::hog::{BLOCK_VALUES, Level, WINDOW_BLOCKS, WINDOW_VALUES};

/// One linear SVM over the features of a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Svm {
    weights: Box<[f32]>,
    bias: f32,
}

impl Svm {
    /// From its weights and, last, its bias; `None` where their number is not that of a window.
    pub(super) fn from_values(values: &[f32]) -> Option<Self> {
        let (&bias, weights) = values.split_last()?;
        (weights.len() == WINDOW_VALUES).then(|| Self { weights: weights.into(), bias })
    }

    /// The decision value of one window of a level.
    pub(super) fn score(&self, level: &Level, column: usize, row: usize) -> f32 {
        let columns = self.weights.chunks_exact(WINDOW_BLOCKS * BLOCK_VALUES);
        let mut sums = [0.0; BLOCK_VALUES];
        for (features, weights) in level.window(column, row).zip(columns) {
            add_products(&mut sums, features, weights);
        }
        sums.iter().sum::<f32>() + self.bias
    }
}

/// Adds the products of a block column. One sum per value of a block: sums that do not wait for
/// each other are what the compiler turns into vector instructions.
fn add_products(sums: &mut [f32; BLOCK_VALUES], features: &[f32], weights: &[f32]) {
    let blocks = features.as_chunks::<BLOCK_VALUES>().0.iter();
    for (features, weights) in blocks.zip(weights.as_chunks::<BLOCK_VALUES>().0) {
        for ((sum, feature), weight) in sums.iter_mut().zip(features).zip(weights) {
            *sum += feature * weight;
        }
    }
}
