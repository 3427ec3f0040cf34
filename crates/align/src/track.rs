//! The search plan: the whole picture until a face is sure, then only around it.

use std::time::Duration;

use frame::Grey;
use types::{FaceBox, MonoTime};

use crate::detect::{DetectError, Detector, SearchArea};

/// What the tracker needs of a detector.
pub(crate) trait Search {
    /// All faces in an area, best first.
    fn search(&mut self, grey: &Grey, area: SearchArea, out: &mut Vec<FaceBox>) -> Result<(), DetectError>;
    /// What a face must score to be believed without a past.
    fn start_score(&self) -> f32;
}

impl Search for Detector {
    fn search(&mut self, grey: &Grey, area: SearchArea, out: &mut Vec<FaceBox>) -> Result<(), DetectError> {
        Self::search(self, grey, area, out)
    }

    fn start_score(&self) -> f32 {
        Self::start_score(self)
    }
}

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
        detector: &mut impl Search,
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
        detector: &mut impl Search,
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
        detector: &mut impl Search,
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
        detector: &mut impl Search,
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

#[cfg(test)]
mod tests {
    use super::*;
    use frame::Pool;

    /// A detector that sees what the script says, above 0 and where the search looks.
    struct Script {
        faces: Vec<FaceBox>,
        full_searches: u32,
    }

    impl Search for Script {
        fn search(&mut self, _: &Grey, area: SearchArea, out: &mut Vec<FaceBox>) -> Result<(), DetectError> {
            out.clear();
            out.extend(self.faces.iter().filter(|face| match area {
                SearchArea::Full => true,
                SearchArea::Around(near) => near.iou(face) > 0.1,
            }));
            out.sort_by(|a, b| b.score.total_cmp(&a.score));
            self.full_searches += u32::from(area == SearchArea::Full);
            Ok(())
        }

        fn start_score(&self) -> f32 {
            0.5
        }
    }

    const DRIVER: FaceBox = FaceBox { x: 300.0, y: 100.0, w: 150.0, h: 150.0, score: 1.0 };
    const PASSENGER: FaceBox = FaceBox { x: 20.0, y: 120.0, w: 90.0, h: 90.0, score: 2.0 };

    const DOUBTFUL: FaceBox = FaceBox { score: 0.2, ..DRIVER };

    /// Runs a timeline of (milliseconds, faces in view, expected face) and returns the number of
    /// searches of the whole picture.
    fn check(timeline: &[(u64, &[FaceBox], Option<FaceBox>)], fits: bool) -> u32 {
        let grey = Grey::new(1, 1, Pool::new().take(1)).unwrap();
        let (mut tracker, mut script) = (Tracker::new(), Script { faces: vec![], full_searches: 0 });
        for &(ms, faces, expected) in timeline {
            script.faces = faces.to_vec();
            let found = tracker.step(&mut script, &grey, MonoTime::from_ms(ms)).unwrap();
            assert_eq!(found, expected, "at {ms} ms");
            tracker.confirm(fits, None);
        }
        script.full_searches
    }

    #[test]
    fn a_doubtful_face_starts_no_track_but_continues_one() {
        check(
            &[
                (0, &[DOUBTFUL], None),
                (33, &[DRIVER], Some(DRIVER)),
                (66, &[DOUBTFUL], Some(DOUBTFUL)),
                (100, &[DOUBTFUL], Some(DOUBTFUL)),
            ],
            true,
        );
    }

    #[test]
    fn a_followed_face_needs_no_search_of_the_whole_picture() {
        let frames: Vec<_> = (0..30).map(|n| (33 * n, &[DRIVER] as &[_], Some(DRIVER))).collect();
        assert_eq!(check(&frames, true), 1);
    }

    #[test]
    fn the_larger_of_two_sure_faces_is_the_driver() {
        check(&[(0, &[PASSENGER, DRIVER], Some(DRIVER)), (33, &[PASSENGER, DRIVER], Some(DRIVER))], true);
    }

    #[test]
    fn a_gone_face_is_gone_at_once_and_nobody_takes_the_place() {
        check(
            &[
                (0, &[DRIVER, PASSENGER], Some(DRIVER)),
                (33, &[PASSENGER], None),
                (66, &[PASSENGER], None),
                (100, &[PASSENGER, DRIVER], Some(DRIVER)),
                (133, &[PASSENGER], None),
                (1000, &[PASSENGER], Some(PASSENGER)),
            ],
            true,
        );
    }

    #[test]
    fn a_track_that_is_never_sure_again_ends() {
        check(
            &[
                (0, &[DRIVER], Some(DRIVER)),
                (1000, &[DOUBTFUL], Some(DOUBTFUL)),
                (2500, &[DOUBTFUL], None),
                (2600, &[DRIVER], Some(DRIVER)),
            ],
            true,
        );
    }

    #[test]
    fn landmarks_that_fit_no_face_make_the_whole_picture_decide() {
        let sure: Vec<_> = (0..12).map(|n| (33 * n, &[DRIVER] as &[_], Some(DRIVER))).collect();
        assert!(check(&sure, false) > 1);
        let mut doubtful: Vec<_> = (0..5).map(|n| (33 * n, &[DOUBTFUL] as &[_], Some(DOUBTFUL))).collect();
        doubtful[0] = (0, &[DRIVER], Some(DRIVER));
        doubtful.push((165, &[DOUBTFUL], None));
        check(&doubtful, false);
    }

    #[test]
    fn time_that_jumps_back_starts_anew() {
        check(&[(5000, &[DRIVER], Some(DRIVER)), (0, &[PASSENGER], Some(PASSENGER))], true);
    }

    #[test]
    fn the_next_search_starts_where_the_landmarks_put_the_face() {
        let grey = Grey::new(1, 1, Pool::new().take(1)).unwrap();
        let (mut tracker, mut script) = (Tracker::new(), Script { faces: vec![DRIVER], full_searches: 0 });
        tracker.step(&mut script, &grey, MonoTime::from_ms(0)).unwrap();
        let refined = FaceBox { x: 330.0, ..DRIVER };
        tracker.confirm(true, Some(refined));
        assert_eq!(tracker.track.map(|track| track.start), Some(refined));
        tracker.confirm(true, Some(FaceBox { x: 0.0, ..DRIVER }));
        assert_eq!(tracker.track.map(|track| track.start), Some(refined), "a far box is no refinement");
    }
}
