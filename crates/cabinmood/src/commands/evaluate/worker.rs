//! One thread's work: a picture through the whole chain, and again with every trick.

use align::Aligner;
use capture::{ErrorKind, SourceOptions};
use classify::Classifier;
use frame::{AlignedFace, Grey, Pool};
use types::{Expression, Landmarks, Observation, Probabilities, Verdict};

use crate::cli::EvaluateArgs;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};
use crate::score::{Answer, Case};
use crate::tools::walk::Sample;
use crate::tools::{open, pictures};
use crate::tricks::{Tile, Trick, portrait};

use super::measures::measure;

/// Pictures of each class of which portraits with all tricks are kept, spread evenly over the class: a
/// few times as many as the contact sheet shows, since some of them will be rejected.
const SHOWN: usize = 4;

/// A picture to judge.
pub struct Task {
    pub sample: Sample,
    /// Whether its tricks may be looked at.
    shown: bool,
}

impl Task {
    pub fn all(samples: Vec<Sample>, args: &EvaluateArgs) -> Vec<Self> {
        let wanted = args.tricks && args.report.is_some();
        let mut sizes = [0_usize; Expression::COUNT];
        samples.iter().for_each(|sample| sizes[sample.label.index()] += 1);
        let mut places = [0_usize; Expression::COUNT];
        let of = |sample: Sample| {
            let class = sample.label.index();
            let (place, step) = (places[class], sizes[class].div_ceil(SHOWN));
            places[class] += 1;
            Self { sample, shown: wanted && place % step == step / 2 }
        };
        samples.into_iter().map(of).collect()
    }
}

/// A picture's result.
pub struct Judged {
    pub case: Case,
    /// The crop of an accepted face, where examples are wanted.
    pub face: Option<AlignedFace>,
    /// `None` where no tricks were asked for, or the clean face was not accepted.
    pub tricked: Option<Box<Tricked>>,
}

/// A picture's results with tricks.
pub struct Tricked {
    pub answers: [Answer; Trick::ALL.len()],
    /// The clean picture and each trick, for the contact sheet.
    pub tiles: Vec<Tile>,
    /// What sunglasses did to the alignment.
    pub sunglasses: Option<Moved>,
}

/// A face that was cut elsewhere than without the trick.
pub struct Moved {
    /// How far the eye that moved most did, over the distance of the eyes.
    pub shift: f32,
    pub crop: AlignedFace,
    pub answer: Answer,
}

/// Why a picture has no answer.
pub enum Fault {
    /// The file is no picture.
    Picture(String),
    /// A stage failed.
    Chain(Failure),
}

/// One thread's own stages.
pub struct Worker {
    aligner: Aligner,
    classifier: Classifier,
    crops: bool,
    tricks: bool,
    /// Whether there will be a report that shows crops.
    examples: bool,
    pool: Pool,
    face: AlignedFace,
}

impl Worker {
    pub fn open(config: &Config, args: &EvaluateArgs) -> Result<Self, Failure> {
        Ok(Self {
            aligner: open::aligner(config)?,
            classifier: open::classifier(config, args.model.as_deref())?,
            crops: args.crops,
            tricks: args.tricks,
            examples: args.report.is_some(),
            pool: Pool::new(),
            face: AlignedFace::black(),
        })
    }

    pub fn model(&self) -> String {
        self.classifier.model_name().to_owned()
    }

    pub fn judge(&mut self, task: &Task) -> Result<Judged, Fault> {
        let path = &task.sample.path;
        let frame =
            pictures::read(path, &SourceOptions::default(), &self.pool).map_err(|e| match e.kind() {
                ErrorKind::Internal => Fault::Chain(Failure::new(Exit::Internal, e)),
                _ => Fault::Picture(e.to_string()),
            })?;
        let named = |failure: Failure| {
            let error = failure.error.context(path.display().to_string());
            Fault::Chain(Failure { error, ..failure })
        };
        let (seen, answer) = self.look(&frame.grey).map_err(named)?;
        let measures = measure(&seen, &self.face);
        let accepted = seen.verdict.is_accepted();
        let face = (self.examples && answer.said().is_some()).then(|| self.face.clone());
        let tricked = match seen.landmarks.filter(|_| self.tricks && accepted) {
            Some(landmarks) => {
                let clean = Clean { picture: &frame.grey, landmarks, answer };
                Some(Box::new(self.trick(&clean, task).map_err(named)?))
            }
            None => None,
        };
        Ok(Judged { case: Case { label: task.sample.label, answer, measures }, face, tricked })
    }

    /// The chain on one picture; the crop is left in `self.face`.
    fn look(&mut self, picture: &Grey) -> Result<(Observation, Answer), Failure> {
        let seen = match self.crops {
            true => self.aligner.step_crop(picture, &mut self.face),
            false => self.aligner.step_still(picture, &mut self.face),
        };
        let seen = seen.or_exit(Exit::Internal, || "alignment".into())?;
        let answer = match seen.verdict {
            Verdict::Accepted => Answer::Judged(self.classify()?),
            // Whoever says that the picture is a face gets an answer: alignment left it as it came.
            Verdict::Rejected(reason) if self.crops && reason.is_of_alignment() => {
                Answer::Unaligned(self.classify()?, reason)
            }
            Verdict::Rejected(reason) => Answer::Rejected(reason),
        };
        Ok((seen, answer))
    }

    fn classify(&mut self) -> Result<Probabilities, Failure> {
        self.classifier.step(&self.face).or_exit(Exit::Internal, || "classification".into())
    }

    /// The chain on the picture with every trick.
    fn trick(&mut self, clean: &Clean<'_>, task: &Task) -> Result<Tricked, Failure> {
        let name = task.sample.path.file_name().unwrap_or_default().to_string_lossy();
        let mut tricked =
            Tricked { answers: [clean.answer; Trick::ALL.len()], tiles: Vec::new(), sunglasses: None };
        if task.shown {
            tricked.tiles.extend(self.tile(clean.picture, clean, true, clean.answer)?);
        }
        for (trick, answer) in Trick::ALL.into_iter().zip(&mut tricked.answers) {
            let drawn = trick.play(clean.picture, &clean.landmarks, &name);
            let drawn = drawn.or_exit(Exit::Internal, || trick.name().into())?;
            // What has no face's landmarks has not been accepted.
            let Some(drawn) = drawn else { continue };
            let (seen, said) = self.look(&drawn)?;
            *answer = said;
            if task.shown {
                tricked.tiles.extend(self.tile(&drawn, clean, seen.landmarks.is_some(), said)?);
            }
            if trick == Trick::Sunglasses && self.examples {
                let shift = seen.landmarks.and_then(|found| shift(&clean.landmarks, &found));
                tricked.sunglasses =
                    shift.map(|shift| Moved { shift, crop: self.face.clone(), answer: said });
            }
        }
        Ok(tricked)
    }

    /// The picture about the clean face, beside the last crop if there was one.
    fn tile(
        &self,
        picture: &Grey,
        clean: &Clean<'_>,
        cut: bool,
        answer: Answer,
    ) -> Result<Option<Tile>, Failure> {
        let drawn = portrait(picture, &clean.landmarks).or_exit(Exit::Internal, || "a portrait".into())?;
        Ok(drawn.map(|portrait| Tile { portrait, crop: cut.then(|| self.face.clone()), answer }))
    }
}

/// A picture without tricks, and what the chain made of it.
struct Clean<'a> {
    picture: &'a Grey,
    landmarks: Landmarks,
    answer: Answer,
}

/// How far the eye that moved most did, over the distance of the eyes before.
fn shift(before: &Landmarks, after: &Landmarks) -> Option<f32> {
    let ((left, right), (new_left, new_right)) = (before.eyes()?, after.eyes()?);
    Some(left.distance(new_left).max(right.distance(new_right)) / left.distance(right))
}

#[cfg(test)]
mod tests {
    use types::Point;

    use super::*;

    #[test]
    fn a_shift_is_told_in_distances_of_the_eyes() {
        let at = |dx: f32| {
            let points = [(80., 40.), (60., 40.), (20., 40.), (40., 40.), (50., 60.)];
            Landmarks::from_slice(&points.map(|(x, y)| Point::new(x + dx, y))).unwrap()
        };
        assert_eq!(shift(&at(0.0), &at(0.0)), Some(0.0));
        assert_eq!(shift(&at(0.0), &at(10.0)), Some(0.25));
    }
}
