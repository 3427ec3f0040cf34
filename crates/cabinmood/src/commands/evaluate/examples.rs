//! The pictures that a report shows, chosen while they pass by: the surest, never by chance.

use std::path::Path;

use classify::Classifier;
use frame::AlignedFace;
use types::Expression;

use super::worker::{Judged, Moved};
use crate::draw::report::{MapRow, MapTile, Mistake, Person, Shown};
use crate::failure::{Exit, Failure, OrExit as _};
use crate::score::Answer;
use crate::tools::walk::Sample;
use crate::tools::{occlusion, pictures};

/// Mistakes on the report's contact sheet.
const MISTAKES: usize = 60;
/// People on the contact sheet of tricks.
const PEOPLE: usize = 6;
/// A face that sunglasses moved less than this, in distances of the eyes, was not moved: crops this
/// far off are what the gate is trained to tell (`align.min_fit`).
const MOVED: f32 = 0.15;

/// A judged crop.
struct Example {
    sample: Sample,
    said: Expression,
    confidence: f32,
    face: AlignedFace,
}

/// A face before and after sunglasses were drawn on it.
struct MovedExample {
    clean: Example,
    with: Moved,
}

/// What was kept so far.
#[derive(Default)]
pub struct Examples {
    mistakes: Vec<Example>,
    /// By label.
    right: [Option<Example>; Expression::COUNT],
    wrong: [Option<Example>; Expression::COUNT],
    people: Vec<Person>,
    moved: Option<MovedExample>,
}

impl Examples {
    /// Keeps what is worth it of a picture. Of equally sure ones the first is kept.
    pub fn offer(&mut self, sample: &Sample, judged: Judged) {
        let (Some((said, confidence)), Some(face)) = (judged.case.answer.said(), judged.face) else { return };
        let example = |face| Example { sample: sample.clone(), said, confidence, face };
        if let Some(mut tricked) = judged.tricked {
            if !tricked.tiles.is_empty() {
                let tiles = std::mem::take(&mut tricked.tiles);
                self.people.push(Person { label: sample.label, tiles });
            }
            let with = tricked.sunglasses.filter(|with| with.shift >= MOVED);
            let rank = |label: Expression, clean_right: bool, with: &Moved| {
                (with.answer.said().is_some(), clean_right && !with.answer.is(label), with.shift)
            };
            let kept = self.moved.as_ref();
            let kept = kept.map(|kept| rank(kept.clean.sample.label, kept.clean.is_right(), &kept.with));
            if let Some(with) = with
                && kept.is_none_or(|kept| rank(sample.label, said == sample.label, &with) > kept)
            {
                self.moved = Some(MovedExample { clean: example(face.clone()), with });
            }
        }
        let right = said == sample.label;
        let places = if right { &mut self.right } else { &mut self.wrong };
        let best = &mut places[sample.label.index()];
        if best.as_ref().is_none_or(|best| best.confidence < confidence) {
            *best = Some(example(face.clone()));
        }
        let place = self.mistakes.partition_point(|kept| kept.confidence >= confidence);
        if !right && place < MISTAKES {
            self.mistakes.insert(place, example(face));
            self.mistakes.truncate(MISTAKES);
        }
    }

    /// What the report shows of them; `net` tells what it looks at.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the net or a picture fails.
    pub fn shown(&mut self, dataset: &Path, net: &mut Classifier) -> Result<Shown, Failure> {
        let this = std::mem::take(self);
        let mistakes = this.mistakes.iter().map(|example| example.mistake(dataset));
        let mistakes = mistakes
            .collect::<std::io::Result<_>>()
            .or_exit(Exit::Internal, || "the contact sheet".into())?;
        let mut maps = Vec::new();
        for (title, examples) in [
            ("The surest right answer of each class", this.right),
            ("The surest mistake of each class", this.wrong),
        ] {
            let tiles = examples.into_iter().flatten().map(|example| example.mapped(dataset, net));
            maps.push(MapRow { title: title.into(), tiles: tiles.collect::<Result<_, Failure>>()? });
        }
        maps.extend(this.moved.map(|moved| moved.mapped(dataset, net)).transpose()?);
        maps.retain(|row| !row.tiles.is_empty());
        // Evenly over the classes, in whose order they came.
        let count = this.people.len();
        let chosen = |i: usize| (0..PEOPLE.min(count)).any(|n| n * count / PEOPLE.min(count) == i);
        let people =
            this.people.into_iter().enumerate().filter(|(i, _)| chosen(*i)).map(|(_, person)| person);
        Ok(Shown { mistakes, maps, people: people.collect() })
    }
}

impl Example {
    fn is_right(&self) -> bool {
        self.said == self.sample.label
    }

    fn file(&self, dataset: &Path) -> String {
        self.sample.path.strip_prefix(dataset).unwrap_or(&self.sample.path).to_string_lossy().into_owned()
    }

    fn mistake(&self, dataset: &Path) -> std::io::Result<Mistake> {
        let mut png = Vec::new();
        pictures::write_png(&mut png, &self.face)?;
        let (label, said, confidence) = (self.sample.label, self.said, self.confidence);
        Ok(Mistake { file: self.file(dataset), label, said, confidence, png })
    }

    fn mapped(self, dataset: &Path, net: &mut Classifier) -> Result<MapTile, Failure> {
        let said = format!("{} {:.0} %", self.said, 100.0 * self.confidence);
        tile(self.face, self.sample.label, said, self.sample.path.strip_prefix(dataset).ok(), net)
    }
}

impl MovedExample {
    fn mapped(self, dataset: &Path, net: &mut Classifier) -> Result<MapRow, Failure> {
        let (label, with) = (self.clean.sample.label, self.with);
        let said = match with.answer {
            Answer::Rejected(reason) => format!("rejected: {}", reason.name().replace('_', " ")),
            _ => with.answer.said().map_or_else(String::new, |(e, p)| format!("{e} {:.0} %", 100.0 * p)),
        };
        let title = format!(
            "Sunglasses moved the eyes of this face by {:.0} % of their distance: without and with them",
            100.0 * with.shift
        );
        let clean = self.clean.mapped(dataset, net)?;
        Ok(MapRow { title, tiles: vec![clean, tile(with.crop, label, said, None, net)?] })
    }
}

fn tile(
    face: AlignedFace,
    label: Expression,
    said: String,
    file: Option<&Path>,
    net: &mut Classifier,
) -> Result<MapTile, Failure> {
    let map = occlusion::map(&face, label, net).or_exit(Exit::Internal, || "what the net looks at".into())?;
    let file = file.map_or_else(String::new, |file| file.to_string_lossy().into_owned());
    Ok(MapTile { face, map, label, said, file })
}
