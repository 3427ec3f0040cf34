//! The contact sheet of tricks: a row a trick, each face as it was drawn and as it was cut.

use std::io::{Error, Result};

use super::canvas::{Align, Area, Canvas, Photo, Style};
use super::palette::{GREEN, INK, INK_SOFT, RULE, Rgb, VERMILION, WHITE};
use crate::draw::report::Person;
use crate::score::Answer;
use crate::tricks::Trick;
use types::Expression;

const LEFT: f32 = 128.0;
const TOP: f32 = 34.0;
const TILE: f32 = 104.0;
const GAP: f32 = 3.0;
const PAIR_W: f32 = 2.0 * TILE + GAP + 16.0;
const ROW_H: f32 = TILE + 34.0;
const RIGHT: Rgb = GREEN;
const WRONG: Rgb = VERMILION;
const SILENT: Rgb = Rgb(160, 166, 178);

/// Draws the clean faces and below them each trick on the same ones.
///
/// # Errors
/// Where there is no room for the picture.
pub fn draw(people: &[Person]) -> Result<Canvas> {
    let rows = 1 + Trick::ALL.len();
    let (width, height) = (LEFT + people.len() as f32 * PAIR_W + 12.0, TOP + rows as f32 * ROW_H);
    let mut canvas = Canvas::new(width as u32, height as u32, WHITE)?;
    legend(&mut canvas);
    let names = std::iter::once("no trick".to_owned()).chain(Trick::ALL.iter().map(Trick::to_string));
    for (row, name) in names.enumerate() {
        let y = TOP + row as f32 * ROW_H;
        canvas.text(&name, 20.0, y + TILE / 2.0 + 5.0, Style::new(14.5, INK).medium());
        for (column, person) in people.iter().enumerate() {
            let Some(tile) = person.tiles.get(row) else { continue };
            let x = LEFT + column as f32 * PAIR_W;
            let (left, right) = (Area::new(x, y, TILE, TILE), Area::new(x + TILE + GAP, y, TILE, TILE));
            canvas.photo(left, Photo::Grey(&tile.portrait)).map_err(Error::other)?;
            match &tile.crop {
                Some(crop) => canvas.photo(right, Photo::Face(crop)).map_err(Error::other)?,
                None => canvas.hatch(right, RULE),
            }
            let (color, text) = told(&tile.answer, person.label);
            canvas.fill(Area::new(x, y + TILE + 2.0, 2.0 * TILE + GAP, 4.0), 1.0, color, 1.0);
            canvas.text(&text, x, y + TILE + 20.0, Style::new(12.0, INK_SOFT));
        }
    }
    Ok(canvas)
}

fn told(answer: &Answer, label: Expression) -> (Rgb, String) {
    match answer {
        Answer::Judged(probabilities) | Answer::Unaligned(probabilities, _) => {
            let (said, confidence) = probabilities.top();
            let right = said == label;
            let text = format!("{said} {:.0} %", 100.0 * confidence);
            let text = match answer {
                Answer::Unaligned(..) => format!("unaligned: {text}"),
                _ if right => text,
                _ => format!("{text}, label {label}"),
            };
            (if right { RIGHT } else { WRONG }, text)
        }
        Answer::Rejected(reason) => (SILENT, format!("rejected: {}", reason.name().replace('_', " "))),
        Answer::Unreadable => (SILENT, "no picture".into()),
    }
}

fn legend(canvas: &mut Canvas) {
    let mut x = LEFT;
    for (color, text) in [(RIGHT, "right"), (WRONG, "wrong"), (SILENT, "rejected")] {
        canvas.fill(Area::new(x, 14.0, 18.0, 4.0), 1.0, color, 1.0);
        x += 24.0;
        x += canvas.text(text, x, 20.0, Style::new(12.5, INK_SOFT)) + 18.0;
    }
    let more = "left: the picture with the trick, right: the crop that alignment cut from it";
    canvas.text(more, x, 20.0, Style::new(12.5, INK_SOFT).align(Align::Left));
}
