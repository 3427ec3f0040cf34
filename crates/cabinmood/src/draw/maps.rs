//! What the net looks at, as a picture: crops, and below them the same with what matters tinted.

use std::io::{Error, Result};

use super::canvas::{Area, Canvas, Photo, Style};
use super::palette::{self, BLUE, INK, INK_SOFT, Rgb, VERMILION, WHITE};
use super::report::{MapRow, MapTile};
use crate::tools::occlusion::PLACES;

const TILE: f32 = 126.0;
const GAP: f32 = 4.0;
const PITCH_W: f32 = TILE + 20.0;
const LEFT: f32 = 28.0;
const HEADING_H: f32 = 34.0;
const ROW_H: f32 = HEADING_H + 2.0 * TILE + GAP + 76.0;
const SPEAKS_FOR: Rgb = VERMILION;
const SPEAKS_AGAINST: Rgb = BLUE;
/// The largest change of a map has the full tint, so that the maps of very sure answers can be read;
/// smaller ones than this are the net's own rounding.
const LEAST_CHANGE: f32 = 0.01;
const MOST_TINT: f32 = 0.75;

/// Draws rows of faces with their maps.
///
/// # Errors
/// Where there is no room for the picture.
pub fn draw(rows: &[MapRow]) -> Result<Canvas> {
    let widest = rows.iter().map(|row| row.tiles.len()).max().unwrap_or(1).max(5);
    let (width, height) = (2.0 * LEFT + widest as f32 * PITCH_W, 40.0 + rows.len() as f32 * ROW_H);
    let mut canvas = Canvas::new(width as u32, height as u32, WHITE)?;
    legend(&mut canvas);
    for (place, row) in rows.iter().enumerate() {
        let y = 40.0 + place as f32 * ROW_H;
        canvas.text(&row.title, LEFT, y + 20.0, Style::new(15.0, INK).medium());
        for (column, tile) in row.tiles.iter().enumerate() {
            draw_tile(&mut canvas, tile, LEFT + column as f32 * PITCH_W, y + HEADING_H)?;
        }
    }
    Ok(canvas)
}

fn legend(canvas: &mut Canvas) {
    let style = Style::new(12.5, INK_SOFT);
    let mut x = LEFT;
    for (color, text) in [
        (SPEAKS_FOR, "covered, the label is less likely: the net sees it here"),
        (SPEAKS_AGAINST, "covered, the label is more likely: this speaks against it"),
    ] {
        canvas.fill(Area::new(x, 13.0, 14.0, 14.0), 3.0, color, MOST_TINT);
        x += 20.0;
        x += canvas.text(text, x, 24.0, style) + 24.0;
    }
}

fn draw_tile(canvas: &mut Canvas, tile: &MapTile, x: f32, y: f32) -> Result<()> {
    let area = Area::new(x, y, TILE, TILE);
    let below = Area::new(x, y + TILE + GAP, TILE, TILE);
    for area in [area, below] {
        canvas.photo(area, Photo::Face(&tile.face)).map_err(Error::other)?;
    }
    tint(canvas, tile, below);
    let y = below.bottom();
    let dot = Area::new(x, y + 8.0, 9.0, 9.0);
    canvas.fill(dot, 3.0, palette::expression(tile.label), 1.0);
    let label = format!("label {} {:.0} %", tile.label, 100.0 * tile.map.uncovered);
    canvas.text(&label, x + 14.0, y + 17.0, Style::new(12.5, INK).medium());
    canvas.text(&format!("said {}", tile.said), x, y + 33.0, Style::new(12.0, INK_SOFT));
    let change = format!("covered: by up to {:.1} %", 100.0 * tile.map.largest_change());
    canvas.text(&change, x, y + 48.0, Style::new(12.0, INK_SOFT));
    canvas.text(&end_of(&tile.file), x, y + 62.0, Style::new(10.5, INK_SOFT));
    Ok(())
}

/// One small rectangle for each pixel, between the places of the map.
fn tint(canvas: &mut Canvas, tile: &MapTile, area: Area) {
    let step = area.w / PLACES as f32;
    let full = tile.map.largest_change().max(LEAST_CHANGE);
    let value = |x: usize, y: usize| tile.map.drop[y.min(PLACES - 1)][x.min(PLACES - 1)];
    for row in 0..area.h as usize {
        for column in 0..area.w as usize {
            // Between the middles of the four nearest places.
            let (x, y) = ((column as f32 / step - 0.5).max(0.0), (row as f32 / step - 0.5).max(0.0));
            let ((left, top), (right, low)) = ((x as usize, y as usize), (x.fract(), y.fract()));
            let above = value(left, top) * (1.0 - right) + value(left + 1, top) * right;
            let under = value(left, top + 1) * (1.0 - right) + value(left + 1, top + 1) * right;
            let drop = above * (1.0 - low) + under * low;
            let color = if drop > 0.0 { SPEAKS_FOR } else { SPEAKS_AGAINST };
            let opacity = MOST_TINT * (drop.abs() / full).min(1.0);
            let pixel = Area::new(area.x.round() + column as f32, area.y.round() + row as f32, 1.0, 1.0);
            canvas.fill(pixel, 0.0, color, opacity);
        }
    }
}

/// The end of a path tells more than its beginning.
fn end_of(file: &str) -> String {
    const MOST: usize = 24;
    let count = file.chars().count();
    if count <= MOST {
        return file.to_owned();
    }
    std::iter::once('…').chain(file.chars().skip(count - MOST + 1)).collect()
}
