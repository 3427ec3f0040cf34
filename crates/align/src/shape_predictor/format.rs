//! What both kinds of model file have in common.

use thiserror::Error;
use types::Point;

use super::Stage;

/// dlib's own models have 15 stages; more than this is a damaged count.
pub(super) const MAX_STAGES: usize = 64;
/// Offsets and steps are in units of the face box: a larger one than this is damage.
pub(super) const MAX_OFFSET: f32 = 16.0;

/// Why the bytes are no shape predictor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormatError {
    /// The file ends before the model does.
    #[error("it ends after {0} bytes, in the middle of the model")]
    Truncated(usize),
    /// What stands at a place cannot stand there.
    #[error("byte {at}: {what}")]
    Invalid {
        /// Offset in the file.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
}

/// A model file, read from its start to its end. Nothing in it is trusted: every count has a limit,
/// and memory grows only with bytes that were really read.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) const fn invalid(&self, what: &'static str) -> FormatError {
        FormatError::Invalid { at: self.at, what }
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], FormatError> {
        let end = self.at.saturating_add(len);
        let taken = self.bytes.get(self.at..end).ok_or(FormatError::Truncated(self.bytes.len()))?;
        self.at = end;
        Ok(taken)
    }

    /// Nothing may follow the model.
    pub(super) fn end(&self) -> Result<(), FormatError> {
        if self.at == self.bytes.len() {
            Ok(())
        } else {
            Err(self.invalid("bytes follow the end of the model"))
        }
    }
}

impl Stage {
    /// Takes the pixels, sorted by their points, and renumbers the splits accordingly; false where
    /// a split asks for a pixel that is not there.
    pub(super) fn set_pixels(&mut self, points: usize, anchors: &[usize], deltas: &[Point]) -> bool {
        let mut order: Vec<usize> = (0..anchors.len()).collect();
        order.sort_by_key(|&pixel| anchors[pixel]);
        let mut place = vec![0; order.len()];
        for (to, &pixel) in order.iter().enumerate() {
            place[pixel] = to as u16;
        }
        self.right = order.iter().map(|&pixel| deltas[pixel].x).collect();
        self.down = order.iter().map(|&pixel| deltas[pixel].y).collect();
        self.ends = (0..points).map(|point| anchors.iter().filter(|&&a| a <= point).count() as u16).collect();
        let asked = self.splits.iter_mut().flat_map(|split| [&mut split.first, &mut split.second]);
        for pixel in asked {
            let Some(&to) = place.get(usize::from(*pixel)) else { return false };
            *pixel = to;
        }
        true
    }
}
