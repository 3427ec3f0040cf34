//! A confusion matrix as a picture.

use std::io::Result;

use types::Expression;

use super::canvas::{Align, Area, Canvas, Style};
use super::palette::{self, BLUE, INK, INK_SOFT, PAPER, Rgb, VERMILION, WHITE};
use crate::score::Score;

const LEFT: f32 = 128.0;
const TOP: f32 = 132.0;
const CELL_W: f32 = 92.0;
const CELL_H: f32 = 66.0;
const GAP: f32 = 3.0;
/// Between the answers and the column of what was not answered.
const APART: f32 = 16.0;
/// The right answers, and the wrong ones.
const RIGHT: Rgb = BLUE;
const WRONG: Rgb = VERMILION;

/// Rows are labels, columns answers; each cell has its share of the row, rejected pictures
/// included, and its count.
///
/// # Errors
/// Where there is no room for the picture.
pub fn draw(title: &str, score: &Score) -> Result<Canvas> {
    let columns = Expression::COUNT as f32;
    let width = LEFT + columns * CELL_W + APART + CELL_W + 32.0;
    let height = TOP + columns * CELL_H + 56.0;
    let mut canvas = Canvas::new(width as u32, height as u32, WHITE)?;
    canvas.text(title, 28.0, 42.0, Style::new(24.0, INK).medium());
    let facts = format!(
        "{} pictures  ·  accuracy {:.1} %  ·  {:.1} % of the judged  ·  macro recall {:.3}  ·  ECE {:.3}",
        score.images,
        100.0 * score.accuracy,
        100.0 * score.accuracy_judged,
        score.macro_recall,
        score.ece
    );
    canvas.text(&facts, 28.0, 66.0, Style::new(14.5, INK_SOFT));
    let rejected_x = LEFT + columns * CELL_W + APART;
    for e in Expression::ALL {
        let x = LEFT + e.index() as f32 * CELL_W;
        heading(&mut canvas, e.name(), x, Some(palette::expression(e)));
        row(&mut canvas, e, score);
    }
    heading(&mut canvas, "rejected", rejected_x, None);
    let below = TOP + columns * CELL_H + 26.0;
    let middle = LEFT + columns * CELL_W / 2.0;
    canvas.text("what the chain said", middle, below, Style::new(13.5, INK_SOFT).align(Align::Center));
    canvas.text("label", 28.0, TOP - 18.0, Style::new(13.5, INK_SOFT));
    Ok(canvas)
}

fn heading(canvas: &mut Canvas, name: &str, x: f32, color: Option<Rgb>) {
    let middle = x + (CELL_W - GAP) / 2.0;
    canvas.text(name, middle, TOP - 18.0, Style::new(14.5, INK).medium().align(Align::Center));
    if let Some(color) = color {
        canvas.fill(Area::new(x, TOP - 9.0, CELL_W - GAP, 4.0), 2.0, color, 1.0);
    }
}

fn row(canvas: &mut Canvas, label: Expression, score: &Score) {
    let class = &score.per_class[label.index()];
    let y = TOP + label.index() as f32 * CELL_H;
    canvas.fill(Area::new(28.0, y + CELL_H / 2.0 - 8.0, 5.0, 14.0), 2.0, palette::expression(label), 1.0);
    canvas.text(label.name(), 41.0, y + CELL_H / 2.0 - 2.0, Style::new(14.5, INK).medium());
    canvas.text(&format!("{}", class.images), 41.0, y + CELL_H / 2.0 + 14.0, Style::new(11.5, INK_SOFT));
    for said in Expression::ALL {
        let x = LEFT + said.index() as f32 * CELL_W;
        let hue = if said == label { RIGHT } else { WRONG };
        cell(canvas, x, y, score.confusion[label.index()][said.index()], class.images, hue);
    }
    let x = LEFT + Expression::COUNT as f32 * CELL_W + APART;
    cell(canvas, x, y, class.images - class.judged, class.images, INK_SOFT);
}

fn cell(canvas: &mut Canvas, x: f32, y: f32, count: u64, of: u64, hue: Rgb) {
    let share = if of == 0 { 0.0 } else { count as f32 / of as f32 };
    // A square root lets small confusions show.
    let ground = PAPER.towards(hue, share.sqrt());
    let area = Area::new(x, y, CELL_W - GAP, CELL_H - GAP);
    canvas.fill(area, 5.0, ground, 1.0);
    let (middle, center) = area.center();
    let ink = if count == 0 { INK_SOFT.towards(WHITE, 0.45) } else { ground.ink() };
    let style = Style::new(17.0, ink).medium().align(Align::Center);
    if of == 0 {
        canvas.text("–", middle, center + 5.0, style);
        return;
    }
    canvas.text(&format!("{:.0} %", 100.0 * share), middle, center + 2.0, style);
    canvas.text(&count.to_string(), middle, center + 19.0, Style::new(11.5, ink).align(Align::Center));
}
