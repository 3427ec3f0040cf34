//! Finds faces in two looks: small linear SVMs over HOG features everywhere, then larger ones, at
//! twice the resolution, where those saw something.

mod level;
mod model;
mod score;
mod suppress;

use std::path::{Path, PathBuf};

use frame::Grey;
use manifest::ManifestError;
use opencv::boxed_ref::BoxedRef;
use opencv::core::{Mat, MatTraitConst, Rect, Size};
use thiserror::Error;
use types::FaceBox;

use crate::hog::CELL_PX;
use level::{Area, Level, scale_fast, scale_to};
use model::Model;
use score::{Stage, Window};

/// A small picture is enlarged no more than this: there is nothing to be seen beyond.
const LARGEST_UPSCALE: f32 = 2.0;
/// From one level of the pyramid to the next. The SVMs are trained on faces ±8 % of their size.
const SCALE_STEP: f32 = 1.2;
/// What a known face must score where it is expected: a cloth before the mouth takes away a part of the
/// evidence, and nothing else scores as much in a place chosen beforehand. Its crop is not trusted below 0.
const LEAST_KNOWN_SCORE: f32 = -0.3;
/// A full search looks again at so many places at most.
const MOST_PROPOSALS: usize = 8;
/// A search around a known face looks again at so many places at most.
const MOST_NEARBY: usize = 2;
/// Sizes that a search around a known face tries, relative to that face.
const NEARBY_SIZES: [f32; 3] = [1.0 / SCALE_STEP, 1.0, SCALE_STEP];
/// How far around a known face is searched, in pixels of a level on each side.
const NEARBY_MARGIN_PX: i32 = 3 * CELL_PX as i32;
/// How far the second look moves its window to each side, in its own pixels: half of what the
/// first look's windows are apart.
const FINE_MARGIN_PX: i32 = CELL_PX as i32;

/// Why the face detector could not be loaded or used.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The manifest or the model file it names.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The manifest's table or the model file's content is not a face detector's.
    #[error("{path}: {message}; train it again or restore the file")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// OpenCV refused a picture or ran out of memory.
    #[error("face detection: {0}")]
    OpenCv(#[from] opencv::Error),
}

/// Where to look for faces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SearchArea {
    /// The whole picture at every scale.
    Full,
    /// Near a known box and at about its size.
    Around(FaceBox),
    /// Where a known box is, give or take a twelfth of it: one closer look.
    At(FaceBox),
}

/// A mixture of linear SVMs over HOG features in two stages, with its buffers.
pub struct Detector {
    model: Model,
    /// The smallest face that a full search finds, as a share of the picture's shorter side. The first level is
    /// scaled to it, so the cost of a search does not grow with the picture.
    smallest_face: f32,
    level: Level,
    scaled: Mat,
    octave: Mat,
    scores: Vec<f32>,
    proposals: Vec<FaceBox>,
}

impl Detector {
    /// Opens the detector that a manifest describes; a full search finds faces down to `smallest_face`, a
    /// share of the picture's shorter side.
    ///
    /// # Errors
    /// [`DetectError`]: manifest, hash or content of the model file.
    pub fn load(manifest: &Path, smallest_face: f32) -> Result<Self, DetectError> {
        let (model, level) = (Model::load(manifest)?, Level::new());
        Ok(Self {
            model,
            smallest_face,
            level,
            scaled: Mat::default(),
            octave: Mat::default(),
            scores: Vec::new(),
            proposals: Vec::new(),
        })
    }

    /// What a face must score before anyone believes in it. One that is already followed needs less.
    #[must_use]
    pub fn start_score(&self) -> f32 {
        self.model.start_score
    }

    /// All faces in `area` that score above 0, and near a known face those that score a little less, best
    /// first, one box a face; `out` is cleared first.
    /// Boxes follow the convention of dlib's face rectangles, which its landmark models start from.
    ///
    /// # Errors
    /// [`DetectError::OpenCv`].
    pub fn search(
        &mut self,
        grey: &Grey,
        area: SearchArea,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        let (width, height) = (grey.width().cast_signed(), grey.height().cast_signed());
        let picture = Mat::new_rows_cols_with_data(height, width, grey.bytes())?;
        self.proposals.clear();
        match area {
            SearchArea::Full => {
                self.propose_anywhere(&picture)?;
                suppress::suppress(&mut self.proposals);
                self.proposals.truncate(MOST_PROPOSALS);
            }
            SearchArea::Around(face) => {
                self.propose_near(&picture, face)?;
                suppress::suppress(&mut self.proposals);
                self.proposals.truncate(MOST_NEARBY);
                // The face may be where it was although the first stage does not see it.
                self.proposals.push(face);
            }
            SearchArea::At(face) => self.proposals.push(face),
        }
        out.clear();
        let least = if area == SearchArea::Full { 0.0 } else { LEAST_KNOWN_SCORE };
        for at in 0..self.proposals.len() {
            self.look_again(&picture, self.proposals[at], least, out)?;
        }
        suppress::suppress(out);
        Ok(())
    }

    /// The first stage on the whole picture. A level is scaled down from the one that began its
    /// octave: scaling a camera's frame anew for every level costs as much as describing it.
    fn propose_anywhere(&mut self, picture: &BoxedRef<'_, Mat>) -> Result<(), DetectError> {
        let (width, height) = (picture.cols() as f32, picture.rows() as f32);
        let all = Area { x: 0.0, y: 0.0, w: width, h: height };
        let window = self.model.coarse.window();
        let shorter = width.min(height);
        let first = self.model.box_share * window.side_px as f32 / (self.smallest_face * shorter);
        let mut scale = first.min(LARGEST_UPSCALE);
        let mut octave_scale = None;
        while scale * shorter >= window.least_px() as f32 {
            let size = Size::new((width * scale).round() as i32, (height * scale).round() as i32);
            match octave_scale {
                None => scale_fast(picture, scale, size, &mut self.scaled)?,
                Some(octave) => scale_fast(&self.octave, scale / octave, size, &mut self.scaled)?,
            }
            self.level.describe(&self.scaled, all, window.padding)?;
            collect(
                &self.model.coarse,
                &self.level,
                self.model.box_share,
                0.0,
                &mut self.scores,
                &mut self.proposals,
            );
            if octave_scale.is_none_or(|octave| scale <= octave / 2.0) {
                std::mem::swap(&mut self.octave, &mut self.scaled);
                octave_scale = Some(scale);
            }
            scale /= SCALE_STEP;
        }
        Ok(())
    }

    /// The first stage around a known face.
    fn propose_near(&mut self, picture: &BoxedRef<'_, Mat>, face: FaceBox) -> Result<(), DetectError> {
        for size in NEARBY_SIZES {
            if self.describe_around(picture, self.model.coarse.window(), face, size, NEARBY_MARGIN_PX)? {
                collect(
                    &self.model.coarse,
                    &self.level,
                    self.model.box_share,
                    0.0,
                    &mut self.scores,
                    &mut self.proposals,
                );
            }
        }
        Ok(())
    }

    /// The second stage on one proposal.
    fn look_again(
        &mut self,
        picture: &BoxedRef<'_, Mat>,
        at: FaceBox,
        least: f32,
        out: &mut Vec<FaceBox>,
    ) -> Result<(), DetectError> {
        if self.describe_around(picture, self.model.fine.window(), at, 1.0, FINE_MARGIN_PX)? {
            collect(&self.model.fine, &self.level, self.model.box_share, least, &mut self.scores, out);
        }
        Ok(())
    }

    /// Describes what surrounds a face of `size` times the width of `face`, such that a window lies
    /// on it and `margin_px` remain on each side. False where too little of that is in the picture.
    fn describe_around(
        &mut self,
        picture: &BoxedRef<'_, Mat>,
        window: Window,
        face: FaceBox,
        size: f32,
        margin_px: i32,
    ) -> Result<bool, DetectError> {
        let level_px = (window.side_px + 2 * margin_px) as f32;
        let box_px = self.model.box_share * window.side_px as f32;
        let side = (level_px * face.w * size / box_px).round();
        let scale = level_px / side;
        let corner = |center: f32| (center + 0.5 - side / 2.0).round() as i32;
        let center = face.center();
        let wanted = Rect::new(corner(center.x), corner(center.y), side as i32, side as i32);
        let region = wanted & Rect::new(0, 0, picture.cols(), picture.rows());
        let (padding, least_px) =
            if region == wanted { (0, window.side_px) } else { (window.padding, window.least_px()) };
        let smallest = least_px as f32 / scale;
        if (region.width.min(region.height) as f32) < smallest {
            return Ok(false);
        }
        let scaled = |side: i32| (side as f32 * scale).round() as i32;
        let size = Size::new(scaled(region.width), scaled(region.height));
        scale_to(&picture.roi(region)?, scale, size, &mut self.scaled)?;
        let [x, y, w, h] = [region.x, region.y, region.width, region.height].map(|value| value as f32);
        self.level.describe(&self.scaled, Area { x, y, w, h }, padding)?;
        Ok(true)
    }
}

/// Adds the face boxes of all windows of a level that a stage gives more than `least`.
fn collect(
    stage: &Stage,
    level: &Level,
    box_share: f32,
    least: f32,
    scores: &mut Vec<f32>,
    out: &mut Vec<FaceBox>,
) {
    let window = stage.window();
    for column in 0..level.windows(window.blocks()).0 {
        stage.score(level, column, scores);
        for (row, &score) in scores.iter().enumerate().filter(|&(_, &score)| score > least) {
            out.push(face_in(level.window_area(window.side_px, column, row), box_share, score));
        }
    }
}

/// The face box in the middle of a window, with the centres of pixels at whole numbers.
fn face_in(window: Area, box_share: f32, score: f32) -> FaceBox {
    let margin = (1.0 - box_share) / 2.0;
    FaceBox {
        x: window.x + margin * window.w - 0.5,
        y: window.y + margin * window.h - 0.5,
        w: window.w * box_share,
        h: window.h * box_share,
        score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencv::imgproc::{COLOR_BGR2GRAY, cvt_color};
    use opencv::prelude::*;
    use opencv::videoio::{CAP_ANY, VideoCapture};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    fn detector() -> Detector {
        Detector::load(&root().join("models/face-hog.toml"), 1.0 / 6.0).unwrap()
    }

    /// The first frame of a clip with one face, scaled; `None` where the footage was not fetched.
    fn first_frame(scale: f64) -> Option<Mat> {
        let clip = root().join("third_party/footage/single_face.mp4");
        if !clip.exists() {
            println!("SKIPPED: {} is not there; run `make setup`", clip.display());
            return None;
        }
        let mut video = VideoCapture::from_file(clip.to_str().unwrap(), CAP_ANY).unwrap();
        let (mut colour, mut grey, mut scaled) = (Mat::default(), Mat::default(), Mat::default());
        assert!(video.read(&mut colour).unwrap());
        cvt_color(&colour, &mut grey, COLOR_BGR2GRAY, 0).unwrap();
        let size = |side: i32| (f64::from(side) * scale).round() as i32;
        let size = Size::new(size(grey.cols()), size(grey.rows()));
        scale_to(&grey, scale as f32, size, &mut scaled).unwrap();
        Some(scaled)
    }

    fn picture(of: &impl MatTraitConst) -> Grey {
        let own = of.try_clone().unwrap();
        let bytes = own.data_bytes().unwrap().to_vec();
        Grey::new(own.cols() as u32, own.rows() as u32, bytes.into()).unwrap()
    }

    fn search(detector: &mut Detector, grey: &Grey, area: SearchArea) -> Vec<FaceBox> {
        let mut found = Vec::new();
        detector.search(grey, area, &mut found).unwrap();
        found
    }

    #[test]
    fn a_face_is_found_at_any_size_of_the_picture() {
        let Some(frame) = first_frame(1.0) else { return };
        let mut detector = detector();
        let whole = search(&mut detector, &picture(&frame), SearchArea::Full)[0];
        assert!(whole.score > detector.start_score());
        for scale in [0.4, 0.7, 1.6] {
            let scaled = picture(&first_frame(f64::from(scale)).unwrap());
            let found = search(&mut detector, &scaled, SearchArea::Full)[0];
            let back = FaceBox {
                x: found.x / scale,
                y: found.y / scale,
                w: found.w / scale,
                h: found.h / scale,
                ..found
            };
            assert!(back.iou(&whole) > 0.75, "{scale}: {back:?} for {whole:?}");
        }
    }

    #[test]
    fn searches_near_a_face_find_the_face_of_the_full_search() {
        let Some(frame) = first_frame(1.0) else { return };
        let (mut detector, grey) = (detector(), picture(&frame));
        let whole = search(&mut detector, &grey, SearchArea::Full)[0];
        let beside = FaceBox { x: whole.x + 0.3 * whole.w, w: 1.1 * whole.w, h: 1.1 * whole.h, ..whole };
        for area in [SearchArea::At(whole), SearchArea::Around(whole), SearchArea::Around(beside)] {
            let found = search(&mut detector, &grey, area)[0];
            assert!(found.iou(&whole) > 0.75, "{area:?}: {found:?} for {whole:?}");
        }
        let far = FaceBox { x: -3.0 * whole.w, ..whole };
        for area in [SearchArea::At(far), SearchArea::Around(far)] {
            assert_eq!(search(&mut detector, &grey, area), [], "{area:?}");
        }
    }

    #[test]
    fn a_known_face_is_seen_longer_while_a_cloth_covers_it() {
        let Some(frame) = first_frame(1.0) else { return };
        let mut detector = detector();
        let whole = search(&mut detector, &picture(&frame), SearchArea::Full)[0];
        // A plain cloth that is drawn up from the chin in steps of a hundredth of the face.
        let cloth = |step: i32| {
            let mut covered = frame.clone();
            let height = (whole.h * step as f32 / 100.0) as i32;
            let bottom = (whole.y + whole.h) as i32;
            let place = Rect::new(whole.x as i32, bottom - height, whole.w as i32, height);
            covered.roi_mut(place).unwrap().set_to_def(&150.0).unwrap();
            picture(&covered)
        };
        let steps = |area, detector: &mut Detector| {
            let seen = |step: &i32| search(detector, &cloth(*step), area).iter().any(|f| f.iou(&whole) > 0.5);
            (1..=95).take_while(seen).count()
        };
        let (full, known) =
            (steps(SearchArea::Full, &mut detector), steps(SearchArea::At(whole), &mut detector));
        assert!(full < known && known < 95, "{full} steps anywhere, {known} where it is known");
    }

    #[test]
    fn a_face_at_the_edge_of_the_picture_is_found() {
        let Some(frame) = first_frame(1.0) else { return };
        let mut detector = detector();
        let whole = search(&mut detector, &picture(&frame), SearchArea::Full)[0];
        let left = whole.x.round() as i32;
        let rest = Rect::new(left, 0, frame.cols() - left, frame.rows());
        let cut = picture(&frame.roi(rest).unwrap());
        let expected = FaceBox { x: whole.x - left as f32, ..whole };
        for area in [SearchArea::Full, SearchArea::Around(expected), SearchArea::At(expected)] {
            let found = search(&mut detector, &cut, area)[0];
            assert!(found.iou(&expected) > 0.7, "{area:?}: {found:?} for {expected:?}");
        }
    }
}
