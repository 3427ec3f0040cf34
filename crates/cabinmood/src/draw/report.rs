//! What `evaluate --report` leaves: pictures, and one page that holds everything.

mod html;

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use frame::AlignedFace;
use types::Expression;

use super::canvas::Canvas;
use super::whiskers::{self, Chart, Row, Section};
use super::{confusion, contact, maps, reliability};
use crate::score::{GroupScore, Grouping, Interval, Score, TrickScores};
use crate::tools::occlusion::Map;
use crate::tools::whole;
use crate::tricks::{Tile, Trick};

/// Groups of one property in a picture; a customer may bring a column with more. `--json` has all.
const MOST_GROUPS: usize = 24;

/// A picture that was called by another name than its label's.
pub struct Mistake {
    /// The file.
    pub file: String,
    /// Its label.
    pub label: Expression,
    /// What it was called.
    pub said: Expression,
    /// How surely, 0 to 1.
    pub confidence: f32,
    /// The aligned crop, as PNG.
    pub png: Vec<u8>,
}

/// A face, and what the net looks at in it.
pub struct MapTile {
    /// The aligned crop.
    pub face: AlignedFace,
    /// How much each part speaks for the label.
    pub map: Map,
    /// The label.
    pub label: Expression,
    /// What the chain said.
    pub said: String,
    /// The file; may be empty.
    pub file: String,
}

/// Faces that are shown for one reason.
pub struct MapRow {
    /// Which.
    pub title: String,
    /// The faces.
    pub tiles: Vec<MapTile>,
}

/// One face, clean and with every trick.
pub struct Person {
    /// Its label.
    pub label: Expression,
    /// The clean picture first, then each trick.
    pub tiles: Vec<Tile>,
}

/// The pictures of a report.
#[derive(Default)]
pub struct Shown {
    /// The surest mistakes.
    pub mistakes: Vec<Mistake>,
    /// What the net looks at.
    pub maps: Vec<MapRow>,
    /// Tricks.
    pub people: Vec<Person>,
}

/// What a report is about.
pub struct Subject<'a> {
    /// The data set's name.
    pub dataset: &'a str,
    /// The expression model's.
    pub model: &'a str,
    /// The figures.
    pub score: &'a Score,
    /// The pictures.
    pub shown: &'a Shown,
}

/// Writes the pictures and report.html, which needs no other file, into a folder that is made where
/// it is missing. What an earlier report left there goes away.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path, subject: &Subject<'_>) -> Result<()> {
    let named = |path: &Path, e: Error| Error::new(e.kind(), format!("{}: {e}", path.display()));
    fs::create_dir_all(folder).map_err(|e| named(folder, e))?;
    let mut pictures = Vec::new();
    for (name, canvas) in drawn(subject)? {
        let path = folder.join(name).with_extension("png");
        let png = match canvas {
            Some(canvas) => canvas.save(&path).and_then(|()| fs::read(&path)).map(Some),
            None => remove(&path).map(|()| None),
        };
        pictures.extend(png.map_err(|e| named(&path, e))?.map(|png| (name, png)));
    }
    let page = html::page(subject, &pictures);
    let path = folder.join("report.html");
    whole::write(&path, |to| to.write_all(page.as_bytes())).map_err(|e| named(&path, e))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Every picture that a report may have; `None` for one that this has nothing for.
fn drawn(subject: &Subject<'_>) -> Result<[(&'static str, Option<Canvas>); 7]> {
    let Subject { dataset, score, shown, .. } = subject;
    let tricks = score.tricks.as_ref().map(tricks).transpose()?;
    let sheet = (!shown.people.is_empty()).then(|| contact::draw(&shown.people)).transpose()?;
    let maps = (!shown.maps.is_empty()).then(|| maps::draw(&shown.maps)).transpose()?;
    Ok([
        ("confusion", Some(confusion::draw(dataset, score)?)),
        ("classes", Some(classes(score)?)),
        ("reliability", Some(reliability::draw(score)?)),
        ("groups", Some(groups(score)?)),
        ("tricks", tricks),
        ("tricks-sheet", sheet),
        ("maps", maps),
    ])
}

fn classes(score: &Score) -> Result<Canvas> {
    let row = |e: Expression, images: u64, value: Option<f64>, interval: Option<Interval>| {
        let value = value.map(|v| interval.map_or((v, v, v), |Interval(low, high)| (v, low, high)));
        Row { name: e.name().into(), images, value, second: None }
    };
    let recall = Expression::ALL.map(|e| {
        let (class, intervals) = (&score.per_class[e.index()], &score.intervals.per_class[e.index()]);
        row(e, class.images, class.recall, intervals.recall)
    });
    let precision = Expression::ALL.map(|e| {
        let called = score.confusion.iter().map(|row| row[e.index()]).sum();
        let (class, intervals) = (&score.per_class[e.index()], &score.intervals.per_class[e.index()]);
        row(e, called, class.precision, intervals.precision)
    });
    let sections = [
        Section { title: "Recall: of the pictures of a class".into(), rows: recall.to_vec() },
        Section { title: "Precision: of those called so".into(), rows: precision.to_vec() },
    ];
    whiskers::draw(&Chart {
        title: "How well is each class found?",
        legend: ("share and 95 % interval", None),
        reference: (score.macro_recall, "macro recall"),
        sections: &sections,
    })
}

fn groups(score: &Score) -> Result<Canvas> {
    let row = |group: &GroupScore| Row {
        name: group.group.clone(),
        images: group.images,
        value: Some((group.accuracy, group.low, group.high)),
        second: group.accuracy_judged,
    };
    let section = |grouping: &Grouping| {
        let (mut groups, all) = (grouping.groups.iter().collect::<Vec<_>>(), grouping.groups.len());
        let mut title = grouping.title.clone();
        if all > MOST_GROUPS {
            // The largest, in the order that they had.
            let mut sizes: Vec<u64> = groups.iter().map(|group| group.images).collect();
            sizes.sort_unstable_by(|a, b| b.cmp(a));
            groups.retain(|group| group.images >= sizes[MOST_GROUPS - 1]);
            groups.truncate(MOST_GROUPS);
            title = format!("{title}: the largest {} of {all}", groups.len());
        }
        Section { title, rows: groups.into_iter().map(row).collect() }
    };
    whiskers::draw(&Chart {
        title: "For which pictures is it worse?",
        legend: ("accuracy and 95 % interval, rejected = wrong", Some("accuracy of the judged")),
        reference: (score.accuracy, "all pictures"),
        sections: &score.groups.0.iter().map(section).collect::<Vec<_>>(),
    })
}

fn tricks(tricks: &TrickScores) -> Result<Canvas> {
    let rows = Trick::ALL.iter().zip(&tricks.scores).map(|(trick, score)| Row {
        name: trick.to_string(),
        images: score.images,
        value: Some((score.accuracy, score.low, score.high)),
        second: score.accuracy_accepted,
    });
    whiskers::draw(&Chart {
        title: "What do tricks cost?",
        legend: ("accuracy and 95 % interval", Some("accuracy of the crops that the gate accepts")),
        reference: (tricks.clean_accuracy, "the same pictures without tricks"),
        sections: &[Section { title: String::new(), rows: rows.collect() }],
    })
}
