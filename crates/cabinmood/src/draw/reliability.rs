//! How far the net's confidence can be trusted, as a picture.

use std::io::Result;

use super::canvas::{Align, Area, Canvas, Style};
use super::palette::{BLUE, GREEN, INK, INK_SOFT, PAPER, RULE, VERMILION, WHITE};
use crate::score::{BINS, Interval, Score};

const LEFT: Area = Area::new(72.0, 100.0, 380.0, 320.0);
const RIGHT: Area = Area::new(548.0, 100.0, 380.0, 320.0);

/// At the left, accuracy over confidence: bars on the diagonal are honest. At the right, the
/// accuracy that is left when only the surest pictures are answered.
///
/// # Errors
/// Where there is no room for the picture.
pub fn draw(score: &Score) -> Result<Canvas> {
    let mut canvas = Canvas::new(960, 486, WHITE)?;
    canvas.text("Is it as sure as it should be?", LEFT.x - 44.0, 40.0, Style::new(19.0, INK).medium());
    let facts = format!("expected calibration error {:.3}, {BINS} bins", score.ece);
    canvas.text(&facts, LEFT.x - 44.0, 62.0, Style::new(13.5, INK_SOFT));
    axes(&mut canvas, LEFT, "confidence of the answer", "accuracy");
    bins(&mut canvas, score);
    canvas.text("Does it know when to be silent?", RIGHT.x - 44.0, 40.0, Style::new(19.0, INK).medium());
    let facts = "accuracy when only the surest are answered";
    canvas.text(facts, RIGHT.x - 44.0, 62.0, Style::new(13.5, INK_SOFT));
    axes(&mut canvas, RIGHT, "share of all pictures answered", "accuracy");
    coverage(&mut canvas, score);
    Ok(canvas)
}

fn place(room: Area, x: f32, y: f32) -> (f32, f32) {
    (room.x + room.w * x, room.bottom() - room.h * y)
}

fn axes(canvas: &mut Canvas, room: Area, below: &str, beside: &str) {
    canvas.fill(room, 0.0, PAPER, 1.0);
    for tick in 0..=4_u8 {
        let share = f32::from(tick) / 4.0;
        let (x, y) = place(room, share, share);
        canvas.line(&[(room.x, y), (room.right(), y)], 1.0, RULE, 1.0);
        canvas.line(&[(x, room.y), (x, room.bottom())], 1.0, RULE, 1.0);
        let text = format!("{share}");
        canvas.text(&text, room.x - 8.0, y + 4.0, Style::new(12.0, INK_SOFT).align(Align::Right));
        canvas.text(&text, x, room.bottom() + 18.0, Style::new(12.0, INK_SOFT).align(Align::Center));
    }
    let style = Style::new(13.0, INK_SOFT);
    canvas.text(below, room.center().0, room.bottom() + 42.0, style.align(Align::Center));
    canvas.text(beside, room.x - 4.0, room.y - 9.0, style);
}

fn bins(canvas: &mut Canvas, score: &Score) {
    let most = score.reliability.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let width = LEFT.w / BINS as f32;
    for bin in &score.reliability {
        let (x, top) = place(LEFT, bin.from as f32, bin.accuracy as f32);
        let bar = Area::new(x + 1.5, top, width - 3.0, LEFT.bottom() - top);
        // A bin of few pictures is pale: it proves little.
        let weight = 0.25 + 0.75 * (bin.count as f32 / most as f32).sqrt();
        canvas.fill(bar, 2.0, PAPER.towards(BLUE, weight), 1.0);
        if let Some(Interval(low, high)) = bin.interval {
            let middle = bar.center().0;
            let [low, high] = [low, high].map(|share| place(LEFT, 0.0, share as f32).1);
            canvas.line(&[(middle, low), (middle, high)], 1.4, INK, 0.7);
        }
        let (_, wanted) = place(LEFT, 0.0, bin.confidence as f32);
        canvas.line(&[(bar.x + 1.0, wanted), (bar.right() - 1.0, wanted)], 2.4, VERMILION, 1.0);
    }
    canvas.line(&[place(LEFT, 0.0, 0.0), place(LEFT, 1.0, 1.0)], 1.2, INK, 0.5);
    let (x, y) = (LEFT.x + 14.0, LEFT.y + 24.0);
    canvas.line(&[(x, y - 4.0), (x + 20.0, y - 4.0)], 2.4, VERMILION, 1.0);
    canvas.text("where the bar should end", x + 28.0, y, Style::new(12.5, INK));
    canvas.line(&[(x + 10.0, y + 6.0), (x + 10.0, y + 22.0)], 1.4, INK, 0.7);
    canvas.text("95 % interval", x + 28.0, y + 19.0, Style::new(12.5, INK));
}

fn coverage(canvas: &mut Canvas, score: &Score) {
    let curves = [
        (&score.selective.by_quality, GREEN, "the best aligned first"),
        (&score.selective.by_confidence, BLUE, "the most confident first"),
    ];
    for (number, (curve, color, name)) in curves.into_iter().enumerate() {
        let Some(last) = curve.last() else { continue };
        let at = |coverage: f64, accuracy: f64| place(RIGHT, coverage as f32, accuracy as f32);
        let ends = curve.iter().filter_map(|p| Some((p.coverage, p.interval?)));
        let mut band: Vec<(f32, f32)> = ends.clone().map(|(x, Interval(low, _))| at(x, low)).collect();
        band.extend(ends.rev().map(|(x, Interval(_, high))| at(x, high)));
        canvas.polygon(&band, color, 0.16);
        let points: Vec<(f32, f32)> = curve.iter().map(|p| at(p.coverage, p.accuracy)).collect();
        canvas.line(&points, 2.4, color, 1.0);
        canvas.disc(at(last.coverage, last.accuracy), 4.5, color);
        let y = RIGHT.bottom() - 42.0 + 20.0 * number as f32;
        canvas.line(&[(RIGHT.x + 14.0, y - 4.0), (RIGHT.x + 34.0, y - 4.0)], 2.4, color, 1.0);
        canvas.text(name, RIGHT.x + 42.0, y, Style::new(12.5, INK));
    }
    let (accuracy, judged) = (100.0 * score.accuracy_judged, 100.0 - 100.0 * share_rejected(score));
    let text = format!("{accuracy:.1} % of the {judged:.1} % that are judged");
    let style = Style::new(12.5, INK).align(Align::Right);
    // On the side of the lines that has room.
    let (_, end) = place(RIGHT, 1.0, score.accuracy_judged as f32);
    canvas.text(&text, RIGHT.right() - 8.0, if accuracy > 45.0 { end + 40.0 } else { RIGHT.y + 20.0 }, style);
}

fn share_rejected(score: &Score) -> f64 {
    if score.images == 0 { 1.0 } else { score.rejected as f64 / score.images as f64 }
}
