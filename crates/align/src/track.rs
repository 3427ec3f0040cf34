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
/// A face that is sure where it is expected is looked for around that place only so often: to
/// correct a size that crept away.
const AROUND_INTERVAL: Duration = Duration::from_millis(150);
/// A track that was not sure for so long is doubtful: it is not a face that would have started one.
const DOUBT_INTERVAL: Duration = Duration::from_secs(2);
/// Landmarks that do not fit a face this often in a row make a track doubtful; at once where the detector is
/// against it, too.
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
    /// Not seen in the last frame: only a sure face brings it back.
    lost: bool,
    /// When the face was last looked for in its surroundings.
    searched_at: MonoTime,
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
        let start_score = detector.start_score();
        let before = self.track.take().filter(|track| track.seen_at <= at);
        let mut searched_at = at;
        let mut face = None;
        if let Some(track) = before.filter(|track| !track.lost && !track.is_doubtful(at)) {
            if at.since(track.searched_at) < AROUND_INTERVAL {
                let there = self.overlapping(detector, grey, SearchArea::At(track.start), track.start)?;
                face = there.filter(|face| face.score >= start_score);
                searched_at = face.map_or(at, |_| track.searched_at);
            }
            if face.is_none() {
                let around = SearchArea::Around(track.start);
                face = self.overlapping(detector, grey, around, track.start)?;
            }
        }
        if face.is_none() {
            detector.search(grey, SearchArea::Full, &mut self.found)?;
            face = match before.filter(|track| at.since(track.seen_at) <= KEEP_PLACE) {
                Some(track) => self.returned(track.face, start_score),
                None => self.driver(start_score),
            };
        }
        let lost = before.map(|track| Track { lost: true, ..track });
        self.track = face.map_or(lost, |face| {
            let unproved = before.filter(|_| face.score < start_score);
            Some(Track {
                face,
                start: face,
                seen_at: at,
                lost: false,
                searched_at,
                proved_at: unproved.map_or(at, |track| track.proved_at),
                misfits: before.map_or(0, |track| track.misfits),
            })
        });
        Ok(face)
    }

    /// What the landmarks say of the box that [`Self::step`] gave: whether they look like a face,
    /// and the box that fits them (in dlib's convention), from which the next search starts.
    pub(crate) fn confirm(&mut self, landmarks_ok: bool, refined: Option<FaceBox>) {
        let Some(track) = &mut self.track else { return };
        let weight = if track.face.score < 0.0 { DOUBTFUL_FITS } else { 1 };
        track.misfits = if landmarks_ok { 0 } else { track.misfits + weight };
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

    /// The best face in an area that overlaps `near`.
    fn overlapping(
        &mut self,
        detector: &mut impl Search,
        grey: &Grey,
        area: SearchArea,
        near: FaceBox,
    ) -> Result<Option<FaceBox>, DetectError> {
        detector.search(grey, area, &mut self.found)?;
        Ok(self.found.iter().find(|found| found.iou(&near) > SAME_FACE_IOU).copied())
    }

    /// The face of a full search that may be the one that was lost or doubtful a moment ago: sure,
    /// and not further away than it can have moved.
    fn returned(&self, lost: FaceBox, start_score: f32) -> Option<FaceBox> {
        let reach = LOST_REACH * lost.w;
        let near = |found: &&FaceBox| found.center().distance(lost.center()) < reach;
        self.found.iter().filter(|found| found.score >= start_score).find(near).copied()
    }

    /// The driver among the faces of a full search: the largest of those that are sure.
    fn driver(&self, start_score: f32) -> Option<FaceBox> {
        let best = self.found.first()?.score;
        let worthy = start_score.max(best * WORTHY_SCORE);
        let sure = self.found.iter().filter(|found| found.score >= worthy);
        sure.max_by(|a, b| a.w.total_cmp(&b.w)).copied()
    }
}

impl Track {
    /// Whether the whole picture is to decide if this is a face.
    fn is_doubtful(&self, at: MonoTime) -> bool {
        self.misfits >= DOUBTFUL_FITS || at.since(self.proved_at) > DOUBT_INTERVAL
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
                SearchArea::At(near) => near.iou(face) > 0.7,
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
    fn what_neither_the_detector_nor_the_landmarks_take_for_a_face_is_dropped() {
        let covered = FaceBox { score: -0.2, ..DRIVER };
        let timeline = |last| [(0, vec![DRIVER], Some(DRIVER)), (33, vec![covered], Some(covered)), last];
        for (fits, last) in [(true, Some(covered)), (false, None)] {
            let frames = timeline((66, vec![covered], last));
            let frames: Vec<_> =
                frames.iter().map(|(ms, seen, said)| (*ms, seen.as_slice(), *said)).collect();
            check(&frames, fits);
        }
    }

    #[test]
    fn a_doubtful_face_does_not_bring_a_lost_track_back() {
        check(
            &[
                (0, &[DRIVER], Some(DRIVER)),
                (33, &[], None),
                (66, &[DOUBTFUL], None),
                (100, &[DRIVER], Some(DRIVER)),
            ],
            true,
        );
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
