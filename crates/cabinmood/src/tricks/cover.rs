//! What grows on, lies on and shades a face.

use fastrand::Rng;
use frame::Grey;
use tiny_skia::{Path, PathBuilder};
use types::Point;

use super::face::Face;
use super::sketch::{Sketch, blob, blob_around, curve};
use super::{between, side};

/// Hairs of a beard that are drawn one by one, for each of the three shades.
const HAIRS: usize = 140;

/// A full beard and a moustache, the lips free: a dark ground and single hairs.
pub fn beard(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let mut sheet = Sketch::new(picture, face)?;
    let (jaw, lips, nose) = (face.jaw(), face.lips(), face.nose_base());
    let (mouth, half) = face.mouth();
    let mut outline: Vec<Point> = (2..=14).map(|i| Point::new(jaw[i].x * 1.03, jaw[i].y * 1.03)).collect();
    // Back over the cheeks and under the nose.
    let cheek = |side: f32| Point::new(mouth.x + side * (half + 0.28), mouth.y - 0.08);
    let lip = |side: f32| Point::new(nose.x + side * 0.24, nose.y + 0.1);
    outline.extend([cheek(1.0), lip(1.0), lip(-1.0), cheek(-1.0)]);
    // The outlines of lips lie on their edge; a beard keeps a little away.
    let free: Vec<Point> = lips.iter().map(|p| about(*p, mouth, 1.12)).collect();
    let (shade, dense) = (between(rng, 15.0, 75.0), between(rng, 0.45, 0.75));
    sheet.fill(blob_around(&outline, &free), shade, dense);
    sheet.soften(0.05)?;
    for lighter in [-15.0, 10.0, 45.0] {
        sheet.line(hairs(rng, &outline, &free), 0.028, shade + lighter, 0.75);
    }
    sheet.onto(picture)
}

fn about(point: Point, middle: Point, scale: f32) -> Point {
    Point::new(middle.x + (point.x - middle.x) * scale, middle.y + (point.y - middle.y) * scale)
}

/// Short lines that hang down and outwards, in one path.
fn hairs(rng: &mut Rng, outline: &[Point], free: &[Point]) -> Option<Path> {
    let mut path = PathBuilder::new();
    for _ in 0..HAIRS {
        let root = Point::new(between(rng, -1.3, 1.3), between(rng, 0.3, 2.2));
        if is_within(root, outline) && !is_within(root, free) {
            let length = between(rng, 0.06, 0.16);
            let lean = 0.5 * root.x + between(rng, -0.4, 0.4);
            path.move_to(root.x, root.y);
            path.line_to(root.x + length * lean.sin(), root.y + length * lean.cos());
        }
    }
    path.finish()
}

/// Whether a ray to the right crosses the outline an odd number of times.
fn is_within(point: Point, outline: &[Point]) -> bool {
    let next = outline.iter().skip(1).chain(outline.first());
    let crossed = outline.iter().zip(next).filter(|(a, b)| {
        (a.y > point.y) != (b.y > point.y) && point.x < a.x + (b.x - a.x) * (point.y - a.y) / (b.y - a.y)
    });
    crossed.count() % 2 == 1
}

/// The head rests on a hand: its fingers lie before the mouth, the thumb along the cheek.
pub fn hand(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let mut sheet = Sketch::new(picture, face)?;
    let skin = cheeks(picture, face) * between(rng, 0.85, 1.1);
    let (side, lean) = (side(rng), between(rng, 0.35, 0.75));
    let (mouth, _) = face.mouth();
    // The tip of the middle finger, and the way from there to the knuckles.
    let tip = Point::new(mouth.x - side * between(rng, 0.1, 0.4), mouth.y - between(rng, 0.0, 0.35));
    let (down, outward) = (lean.cos(), side * lean.sin());
    let along = |p: Point, way: f32, aside: f32| {
        Point::new(p.x + way * outward + aside * down, p.y + way * down - aside * outward)
    };
    let palm = along(tip, 1.45, 0.1 * side);
    let back = [(-0.2, -0.62), (-0.25, 0.62), (0.6, 0.7), (1.6, 0.5), (1.6, -0.5), (0.6, -0.7)];
    let back = back.map(|(way, aside)| along(palm, way, aside));
    sheet.fill(blob(&back), skin * 0.92, 1.0);
    let thumb =
        [along(palm, 0.5, 0.6 * side), along(palm, -0.1, 0.95 * side), along(palm, -0.75, 0.95 * side)];
    finger(&mut sheet, &thumb, 0.3, skin);
    for (place, short) in [(-1.5, 0.3), (1.5, 0.22), (-0.5, 0.06), (0.5, 0.0)] {
        let aside = place * 0.27;
        let bone = [
            along(tip, 1.5, aside * 0.9),
            along(tip, 0.8, aside * 1.05),
            along(tip, short + between(rng, 0.0, 0.08), aside),
        ];
        finger(&mut sheet, &bone, 0.27, skin);
    }
    sheet.onto(picture)
}

/// A rounded finger: darker at its edges, lighter along its back, with a nail's end.
fn finger(sheet: &mut Sketch, bone: &[Point], width: f32, skin: f32) {
    sheet.line(curve(bone), width, skin * 0.62, 1.0);
    sheet.line(curve(bone), width * 0.84, skin, 1.0);
    sheet.line(curve(bone), width * 0.35, skin * 1.08, 0.6);
}

/// The brightness of the cheeks.
fn cheeks(picture: &Grey, face: &Face) -> f32 {
    let mut seen = Vec::new();
    for step in 0..36_u8 {
        let (across, down) = (0.45 + 0.05 * f32::from(step % 6), 0.4 + 0.05 * f32::from(step / 6));
        for x in [-across, across] {
            let p = face.pixel(Point::new(x, down));
            let (x, y) = (p.x.round(), p.y.round());
            if x >= 0.0 && y >= 0.0 && x < picture.width() as f32 && y < picture.height() as f32 {
                seen.push(picture.bytes()[y as usize * picture.width() as usize + x as usize]);
            }
        }
    }
    seen.sort_unstable();
    seen.get(seen.len() / 2).map_or(128.0, |value| f32::from(*value))
}

/// A cap drawn down to the brows, and below its brim a shadow that ends softly.
pub fn hat_shadow(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let mut sheet = Sketch::new(picture, face)?;
    let brim = between(rng, -0.75, -0.55);
    let (reach, slant) = (between(rng, 0.15, 0.75), between(rng, -0.2, 0.2));
    let edge = |y: f32, sag: f32| {
        [(-1.6, y - 0.12), (-0.8, y + 0.5 * sag), (0.0, y + sag), (0.8, y + 0.5 * sag), (1.6, y - 0.12)]
    };
    // As wide as the head: what lies beside it is lit from elsewhere.
    let mut shadow: Vec<Point> = edge(brim - 0.2, 0.0).iter().map(|(x, y)| Point::new(0.8 * x, *y)).collect();
    let lower = edge(reach, 0.18);
    shadow.extend(lower.iter().rev().map(|(x, y)| Point::new(0.8 * x, y + slant * x)));
    sheet.fill(blob(&shadow), 0.0, between(rng, 0.5, 0.8));
    sheet.soften(between(rng, 0.04, 0.1))?;
    let shade = between(rng, 15.0, 130.0);
    let mut cap: Vec<Point> = edge(brim, 0.22).iter().map(|(x, y)| Point::new(0.87 * x, *y)).collect();
    cap.extend([(1.3, -1.3), (0.9, -2.0), (-0.9, -2.0), (-1.3, -1.3)].map(|(x, y)| Point::new(x, y)));
    let (top, bottom) = (Point::new(0.0, -1.9), Point::new(0.0, brim));
    sheet.fill_run(blob(&cap), (top, shade + 25.0), (bottom, shade - 10.0), 1.0);
    let visor: Vec<Point> = edge(brim + 0.02, 0.2).iter().map(|(x, y)| Point::new(0.8 * x, *y)).collect();
    sheet.line(curve(&visor), 0.13, shade * 0.6, 1.0);
    sheet.onto(picture)
}
