//! Shares with their intervals, one below the other: classes, groups, tricks.

use std::io::Result;

use super::canvas::{Align, Area, Canvas, Style};
use super::palette::{BLUE, INK, INK_SOFT, PAPER, RULE, VERMILION, WHITE};

const PLOT_X: f32 = 236.0;
const PLOT_W: f32 = 480.0;
const WIDTH: f32 = 960.0;
const TOP: f32 = 84.0;
const ROW_H: f32 = 25.0;
const HEADING_H: f32 = 38.0;
/// The interval of a share of fewer pictures says little, and that of one picture nothing.
const FEW: u64 = 10;

/// A share and its interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Of what.
    pub name: String,
    /// Out of how many pictures.
    pub images: u64,
    /// 0 to 1, with its interval; none where there is nothing to divide by.
    pub value: Option<(f64, f64, f64)>,
    /// Another share, drawn as a ring.
    pub second: Option<f64>,
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What they have in common; may be empty.
    pub title: String,
    /// One below the other.
    pub rows: Vec<Row>,
}

/// What is drawn.
pub struct Chart<'a> {
    /// Above everything.
    pub title: &'a str,
    /// What the dots, and the rings where there are any, stand for.
    pub legend: (&'a str, Option<&'a str>),
    /// A line across all rows, and what it stands for.
    pub reference: (f64, &'a str),
    /// The rows.
    pub sections: &'a [Section],
}

/// Draws a chart.
///
/// # Errors
/// Where there is no room for the picture.
pub fn draw(chart: &Chart<'_>) -> Result<Canvas> {
    let rows_h = |section: &Section| {
        section.rows.len() as f32 * ROW_H + if section.title.is_empty() { 6.0 } else { HEADING_H }
    };
    let inner: f32 = chart.sections.iter().map(rows_h).sum();
    let mut canvas = Canvas::new(WIDTH as u32, (TOP + inner + 52.0) as u32, WHITE)?;
    canvas.text(chart.title, 28.0, 36.0, Style::new(19.0, INK).medium());
    legend(&mut canvas, chart);
    let room = Area::new(PLOT_X, TOP, PLOT_W, inner);
    axis(&mut canvas, room);
    let (x, _) = at(chart.reference.0, 0.0);
    canvas.line(&[(x, room.y), (x, room.bottom())], 1.4, VERMILION, 0.8);
    let mut y = TOP + 6.0;
    for section in chart.sections {
        if !section.title.is_empty() {
            canvas.text(&section.title, 28.0, y + 20.0, Style::new(13.5, INK).medium());
            y += HEADING_H - 6.0;
        }
        for row in &section.rows {
            draw_row(&mut canvas, row, y);
            y += ROW_H;
        }
        y += if section.title.is_empty() { 0.0 } else { 6.0 };
    }
    Ok(canvas)
}

fn at(share: f64, y: f32) -> (f32, f32) {
    (PLOT_X + PLOT_W * share.clamp(0.0, 1.0) as f32, y)
}

fn legend(canvas: &mut Canvas, chart: &Chart<'_>) {
    let (y, style) = (60.0, Style::new(12.5, INK_SOFT));
    let mut x = 28.0;
    dot(canvas, (x + 10.0, y - 4.0), Some((x, x + 20.0)));
    x += 28.0;
    x += canvas.text(chart.legend.0, x, y, style) + 24.0;
    if let Some(second) = chart.legend.1 {
        ring(canvas, (x + 6.0, y - 4.0));
        x += 18.0;
        x += canvas.text(second, x, y, style) + 24.0;
    }
    canvas.line(&[(x, y - 4.0), (x + 18.0, y - 4.0)], 1.6, VERMILION, 0.9);
    x += 26.0;
    canvas.text(chart.reference.1, x, y, style);
}

fn axis(canvas: &mut Canvas, room: Area) {
    canvas.fill(room, 0.0, PAPER, 1.0);
    for tick in 0..=5_u8 {
        let share = f64::from(tick) / 5.0;
        let (x, below) = at(share, room.bottom());
        canvas.line(&[(x, room.y), (x, below)], 1.0, RULE, 1.0);
        let text = format!("{:.0} %", 100.0 * share);
        canvas.text(&text, x, below + 18.0, Style::new(12.0, INK_SOFT).align(Align::Center));
    }
}

fn draw_row(canvas: &mut Canvas, row: &Row, y: f32) {
    let middle = y + ROW_H / 2.0;
    let name = Style::new(13.0, INK).align(Align::Right);
    canvas.text(&short(&row.name), PLOT_X - 14.0, middle + 4.5, name);
    let right = PLOT_X + PLOT_W + 14.0;
    let Some((value, low, high)) = row.value else {
        canvas.text(&format!("–   of {}", row.images), right, middle + 4.5, Style::new(12.5, INK_SOFT));
        return;
    };
    // A ring and the dot may fall together: the dot is drawn last.
    if let Some(second) = row.second {
        ring(canvas, at(second, middle));
    }
    let ((low_x, _), (high_x, _)) = (at(low, 0.0), at(high, 0.0));
    dot(canvas, at(value, middle), Some((low_x, high_x)));
    let text = format!("{:.1} %", 100.0 * value);
    let wide = canvas.text(&text, right, middle + 4.5, Style::new(12.5, INK).medium());
    let more = match row.images {
        images if images < FEW => format!("of {images}: too few to tell"),
        images => format!("{:.1} to {:.1}, of {images}", 100.0 * low, 100.0 * high),
    };
    canvas.text(&more, right + wide + 10.0, middle + 4.5, Style::new(12.0, INK_SOFT));
}

/// Names of groups may be as long as a customer likes.
fn short(name: &str) -> String {
    const MOST: usize = 30;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

fn dot(canvas: &mut Canvas, center: (f32, f32), whisker: Option<(f32, f32)>) {
    if let Some((low, high)) = whisker {
        canvas.line(&[(low, center.1), (high, center.1)], 2.0, BLUE, 0.75);
        for x in [low, high] {
            canvas.line(&[(x, center.1 - 4.0), (x, center.1 + 4.0)], 1.6, BLUE, 0.75);
        }
    }
    canvas.disc(center, 4.5, BLUE);
}

fn ring(canvas: &mut Canvas, center: (f32, f32)) {
    canvas.disc(center, 5.0, BLUE);
    canvas.disc(center, 3.4, WHITE);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::Rgb;

    fn pixel(canvas: &Canvas, x: f32, y: f32) -> Rgb {
        let at = (y as usize * canvas.width() as usize + x as usize) * 4;
        Rgb(canvas.rgba()[at], canvas.rgba()[at + 1], canvas.rgba()[at + 2])
    }

    #[test]
    fn a_share_lies_at_its_place_between_its_whiskers() {
        let row = |value| Row { name: "x".into(), images: 9, value, second: Some(0.9) };
        let rows = vec![row(Some((0.3, 0.2, 0.5))), row(None)];
        let sections = [Section { title: String::new(), rows }];
        let chart = Chart { title: "t", legend: ("a", None), reference: (0.75, "b"), sections: &sections };
        let canvas = draw(&chart).unwrap();
        let middle = TOP + 6.0 + ROW_H / 2.0;
        let seen = |share: f64| pixel(&canvas, at(share, 0.0).0, middle);
        assert_eq!((seen(0.3), seen(0.9)), (BLUE, WHITE), "a dot and a ring");
        assert!(seen(0.25) != PAPER && seen(0.45) != PAPER && seen(0.1) == PAPER && seen(0.6) != BLUE);
        assert_ne!(seen(0.75), PAPER, "the reference");
        let empty = pixel(&canvas, at(0.3, 0.0).0, middle + ROW_H);
        assert_eq!(empty, PAPER, "nothing is drawn where there is no share");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(short("short"), "short");
        assert!(short(&"ä".repeat(40)).chars().count() == 30 && short(&"ä".repeat(40)).ends_with('…'));
    }
}
