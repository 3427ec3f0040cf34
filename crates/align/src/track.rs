//! The search plan: the whole picture until a face is sure, then only around it.

use std::time::Duration;

use frame::Grey;
use types::{FaceBox, MonoTime};

use crate::detect::{DetectError, Detector, SearchArea};

/// A face that is searched for again must overlap the place where it was by this much.
const SAME_FACE_IOU: f32 = 0.25;
/// For this long after the driver was lost nobody else may take the place: a passenger's face
/// further away is not the driver's. Longer than a look over the shoulder takes to begin.
const KEEP_PLACE: Duration = Duration::from_millis(700);
/// How far a lost face may have moved meanwhile, in widths of its box.
const LOST_REACH: f32 = 1.0;
/// How often the whole picture is searched although a face is followed.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);
/// Landmarks that do not fit a face this often in a row make a track doubtful.
const DOUBTFUL_FITS: u32 = 5;
/// Among sure faces the driver's is the largest; another must score this share of the best at least.
const WORTHY_SCORE: f32 = 0.5;

/// Follows the driver's face from frame to frame.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    found: Vec<FaceBox>,
    track: Option<Track>,
}

#[derive(Debug, Clone, Copy)]
struct Track {
    /// The face as it was last seen.
    face: FaceBox,
    /// Where the next search starts.
    start: FaceBox,
    seen_at: MonoTime,
    /// When the track was last proved to be a face that would have started one.
    proved_at: MonoTime,
    misfits: u32,
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
        at: MonoTime,
    ) -> Result<Option<FaceBox>, DetectError> {
        let seen = match self.track {
            Some(track) if track.seen_at <= at => self.follow(detector, grey, track, at)?,
            _ => None,
        };
        let face = match seen {
            Some(face) => Some(face),
            None => self.search_whole(detector, grey, at)?,
        };
        if let Some(face) = face {
            let proved = face.score >= detector.start_score();
            let before = self.track;
            self.track = Some(Track {
                face,
                start: face,
                seen_at: at,
                proved_at: before.filter(|_| !proved).map_or(at, |track| track.proved_at),
                misfits: before.map_or(0, |track| track.misfits),
            });
        }
        Ok(face)
    }

    /// What the landmarks say of the box that [`Self::step`] gave: whether they look like a face,
    /// and the box that fits them (in dlib's convention), from which the next search starts.
    pub(crate) fn confirm(&mut self, landmarks_ok: bool, refined: Option<FaceBox>) {
        let Some(track) = &mut self.track else { return };
        track.misfits = if landmarks_ok { 0 } else { track.misfits + 1 };
        if let Some(refined) = refined.filter(|refined| refined.iou(&track.face) > SAME_FACE_IOU) {
            track.start = refined;
        }
    }

    /// The driver's face in an unrelated picture: a full search, no track used or kept.
    ///
    /// # Errors
    /// [`DetectError`] from the search.
    pub(crate) fn search_still(
        &mut self,
        detector: &mut Detector,
        grey: &Grey,
    ) -> Result<Option<FaceBox>, DetectError> {
        detector.search(grey, SearchArea::Full, &mut self.found)?;
        Ok(self.driver(detector.start_score()))
    }

    /// Forgets the track.
    pub(crate) fn reset(&mut self) {
        self.track = None;
    }

    /// Searches around the followed face. `None` also where the track is doubtful: then the whole
    /// picture decides.
    fn follow(
        &mut self,
        detector: &mut Detector,
        grey: &Grey,
        track: Track,
        at: MonoTime,
    ) -> Result<Option<FaceBox>, DetectError> {
        let doubtful = track.misfits >= DOUBTFUL_FITS || at.since(track.proved_at) > CHECK_INTERVAL;
        if doubtful {
            return Ok(None);
        }
        detector.search(grey, SearchArea::Around(track.start), &mut self.found)?;
        Ok(self.nearest_of(&track.start, SAME_FACE_IOU))
    }

    /// Searches the whole picture. A lost or doubtful face keeps its place for a while: only a box
    /// near it continues the track meanwhile.
    fn search_whole(
        &mut self,
        detector: &mut Detector,
        grey: &Grey,
        at: MonoTime,
    ) -> Result<Option<FaceBox>, DetectError> {
        detector.search(grey, SearchArea::Full, &mut self.found)?;
        let start_score = detector.start_score();
        let Some(track) = self.track else { return Ok(self.driver(start_score)) };
        if at.since(track.seen_at) > KEEP_PLACE || at < track.seen_at {
            self.track = None;
            return Ok(self.driver(start_score));
        }
        self.found.retain(|found| {
            found.score >= start_score
                && found.center().distance(track.face.center()) < LOST_REACH * track.face.w
        });
        Ok(self.found.first().copied())
    }

    /// The driver among the faces of a full search: the largest of those that are sure.
    fn driver(&self, start_score: f32) -> Option<FaceBox> {
        let best = self.found.first()?.score;
        let worthy = start_score.max(best * WORTHY_SCORE);
        let sure = self.found.iter().filter(|found| found.score >= worthy);
        sure.max_by(|a, b| a.w.total_cmp(&b.w)).copied()
    }

    /// The best of the boxes that overlap `near`.
    fn nearest_of(&self, near: &FaceBox, iou: f32) -> Option<FaceBox> {
        self.found.iter().find(|found| found.iou(near) > iou).copied()
    }
}
