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
/// People on the contact sheet of tricks: one of each class, or more of few classes.
const PEOPLE: usize = Expression::COUNT;
/// A face that sunglasses moved less than this, in distances of the eyes, was not moved: crops this
/// far off are what the gate is trained to tell (`align.min_fit`).
const MOVED: f32 = 0.15;
/// A crop of less quality without sunglasses may have been cut wrongly already.
const SOUND: f32 = 0.7;

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
            let sound = judged.case.measures.quality.is_some_and(|quality| quality >= SOUND);
            let with = tricked.sunglasses.filter(|with| sound && with.shift >= MOVED);
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
        Ok(Shown { mistakes, maps, people: of_every_class(this.people) })
    }
}

/// As many people as the sheet has room for: the first of each class, then the second, …
fn of_every_class(people: Vec<Person>) -> Vec<Person> {
    let mut met = [0_usize; Expression::COUNT];
    let rank = |person: Person| {
        let met = &mut met[person.label.index()];
        *met += 1;
        (*met, person)
    };
    let mut ranked: Vec<(usize, Person)> = people.into_iter().map(rank).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.truncate(PEOPLE);
    ranked.sort_by_key(|(_, person)| person.label);
    ranked.into_iter().map(|(_, person)| person).collect()
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

#[cfg(test)]
mod tests {
    use types::{Probabilities, Reason};

    use super::super::worker::Tricked;
    use super::*;
    use crate::score::{Case, Measures};
    use crate::tricks::Trick;

    const SAID: Expression = Expression::Sad;

    fn judged(label: Expression, certainty: f32, sunglasses: Option<Moved>) -> Judged {
        let mut weights = [(1.0 - certainty) / 6.0; Expression::COUNT];
        weights[SAID.index()] = certainty;
        let answer = Answer::Judged(Probabilities::from_weights(weights).unwrap());
        let measures = Measures { quality: Some(0.9), ..Measures::default() };
        let tricked = Tricked { answers: [answer; Trick::ALL.len()], tiles: Vec::new(), sunglasses };
        Judged {
            case: Case { label, answer, measures },
            face: Some(AlignedFace::black()),
            tricked: Some(Box::new(tricked)),
        }
    }

    fn sample(name: &str, label: Expression) -> Sample {
        Sample { path: name.into(), label }
    }

    #[test]
    fn the_surest_of_each_class_are_kept_and_the_first_of_equals() {
        let mut examples = Examples::default();
        for (name, label, certainty) in [
            ("a", Expression::Sad, 0.6),
            ("b", Expression::Sad, 0.8),
            ("c", Expression::Sad, 0.8),
            ("d", Expression::Happy, 0.5),
            ("e", Expression::Happy, 0.9),
            ("f", Expression::Fear, 0.7),
        ] {
            examples.offer(&sample(name, label), judged(label, certainty, None));
        }
        let name = |example: &Option<Example>| example.as_ref().map(|e| e.sample.path.display().to_string());
        assert_eq!(examples.right.iter().filter_map(name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(examples.wrong.iter().filter_map(name).collect::<Vec<_>>(), ["f", "e"]);
        let surest: Vec<_> = examples.mistakes.iter().map(|e| e.sample.path.display().to_string()).collect();
        assert_eq!(surest, ["e", "f", "d"]);
    }

    #[test]
    fn of_the_moved_faces_one_that_was_judged_wrongly_for_it_is_kept() {
        let moved = |shift: f32, said: Option<Expression>| {
            let answer = match said {
                Some(said) => {
                    let mut weights = [0.05; Expression::COUNT];
                    weights[said.index()] = 0.7;
                    Answer::Judged(Probabilities::from_weights(weights).unwrap())
                }
                None => Answer::Rejected(Reason::Misaligned),
            };
            Some(Moved { shift, crop: AlignedFace::black(), answer })
        };
        let mut examples = Examples::default();
        for (name, sunglasses) in [
            ("stays", moved(0.1, Some(Expression::Angry))),
            ("rejected", moved(2.0, None)),
            ("still right", moved(0.9, Some(SAID))),
            ("wrong", moved(0.3, Some(Expression::Angry))),
            ("wrong, less", moved(0.2, Some(Expression::Angry))),
        ] {
            examples.offer(&sample(name, SAID), judged(SAID, 0.9, sunglasses));
        }
        let kept = examples.moved.unwrap();
        assert_eq!((kept.clean.sample.path.to_str(), kept.with.shift), (Some("wrong"), 0.3));
    }

    #[test]
    fn the_sheet_has_someone_of_every_class_before_a_second_one() {
        use Expression::{Angry, Neutral, Sad};
        let person = |label| Person { label, tiles: Vec::new() };
        let many = [Angry; 9].into_iter().chain([Sad; 2]).chain([Neutral]);
        let labels: Vec<_> = of_every_class(many.map(person).collect()).iter().map(|p| p.label).collect();
        assert_eq!(labels, [Angry, Angry, Angry, Angry, Sad, Sad, Neutral]);
    }
}
