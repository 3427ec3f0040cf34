//! What `evaluate --report` leaves: two pictures, and one page that holds everything.

use std::fmt::Write as _;
use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use types::Expression;

use super::palette::{self, Rgb};
use super::{confusion, reliability};
use crate::tools::score::{Score, told};
use crate::tools::whole;

const PAGE: &str = include_str!("report.html");

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

/// Writes confusion.png, reliability.png and report.html, which needs no other file, into a folder
/// that is made where it is missing.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path, dataset: &str, model: &str, score: &Score, mistakes: &[Mistake]) -> Result<()> {
    let named = |path: &Path, e: Error| Error::new(e.kind(), format!("{}: {e}", path.display()));
    fs::create_dir_all(folder).map_err(|e| named(folder, e))?;
    let mut pictures = Vec::new();
    for (name, canvas) in
        [("confusion.png", confusion::draw(dataset, score)?), ("reliability.png", reliability::draw(score)?)]
    {
        let path = folder.join(name);
        canvas
            .save(&path)
            .and_then(|()| fs::read(&path))
            .map(|png| pictures.push(png))
            .map_err(|e| named(&path, e))?;
    }
    let about = format!(
        "{} pictures, expression model {}, judged by cabinmood {}",
        score.images,
        escaped(model),
        env!("CARGO_PKG_VERSION")
    );
    let page = PAGE
        .replace("{{about}}", &about)
        .replace("{{figures}}", &figures(score))
        .replace("{{classes}}", &classes(score))
        .replace("{{rejected}}", &rejected(score))
        .replace("{{title}}", &escaped(dataset))
        .replace("{{confusion}}", &BASE64.encode(&pictures[0]))
        .replace("{{reliability}}", &BASE64.encode(&pictures[1]))
        .replace("{{sheet}}", &sheet(mistakes));
    let path = folder.join("report.html");
    whole::write(&path, |to| to.write_all(page.as_bytes())).map_err(|e| named(&path, e))
}

fn figures(score: &Score) -> String {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let all = [
        (percent(score.accuracy), "accuracy, rejected = wrong"),
        (percent(score.accuracy_judged), "accuracy of the judged"),
        (format!("{:.3}", score.macro_recall), "macro recall"),
        (format!("{:.3}", score.macro_f1), "macro F1"),
        (format!("{:.3}", score.ece), "calibration error"),
        (score.rejected.to_string(), "rejected"),
    ];
    all.iter().fold(String::new(), |mut text, (value, name)| {
        // Writing to a string cannot fail.
        let _ = write!(text, "<div><b>{value}</b><span>{name}</span></div>");
        text
    })
}

fn classes(score: &Score) -> String {
    Expression::ALL.iter().fold(String::new(), |mut text, e| {
        let c = &score.per_class[e.index()];
        let _ = writeln!(
            text,
            "<tr><td>{}{e}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            dot(palette::expression(*e)),
            c.images,
            c.judged,
            c.correct,
            told(c.recall),
            told(c.precision),
            told(c.f1)
        );
        text
    })
}

fn rejected(score: &Score) -> String {
    let reasons: Vec<String> =
        score.rejected_for.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    if reasons.is_empty() {
        "No picture was rejected.".into()
    } else {
        format!("Rejected: {}.", reasons.join(", "))
    }
}

fn sheet(mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(String::new(), |mut text, m| {
        let _ = writeln!(
            text,
            r#"<figure><img alt="" src="data:image/png;base64,{}"><figcaption><span class="said">{}{} {:.0} %</span><br>label {}{}<br>{}</figcaption></figure>"#,
            BASE64.encode(&m.png), dot(palette::expression(m.said)), m.said, 100.0 * m.confidence,
            dot(palette::expression(m.label)), m.label, escaped(&m.file)
        );
        text
    })
}

fn dot(Rgb(r, g, b): Rgb) -> String {
    format!(r#"<i class="dot" style="background:rgb({r},{g},{b})"></i>"#)
}

/// File names may hold anything.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
