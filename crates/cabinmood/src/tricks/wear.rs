//! What drivers wear before their eyes and mouths.

use fastrand::Rng;
use frame::Grey;
use types::Point;

use super::between;
use super::face::Face;
use super::sketch::{Sketch, blob, curve};

const SIDES: [f32; 2] = [-1.0, 1.0];

/// Points given for the picture's right half, on this side.
fn mirrored(points: &[(f32, f32)], side: f32, scale: f32) -> Vec<Point> {
    points.iter().map(|(x, y)| Point::new(side * x * scale, y * scale)).collect()
}

/// The outer end of a frame to the ear.
fn temples(sheet: &mut Sketch, face: &Face, from: Point, width: f32, shade: f32) {
    let jaw = face.jaw();
    for (side, ear) in [(-1.0, jaw[0]), (1.0, jaw[16])] {
        let start = Point::new(side * from.x, from.y);
        // The ear of the cheek that is turned away may lie nearer than the lens.
        let end = Point::new(side * ear.x.abs().max(from.x + 0.1), ear.y.min(0.0) - 0.06);
        sheet.line(curve(&[start, end]), width, shade, 1.0);
    }
}

/// An aviator's: lenses like drops, darker at their upper edge, in a thin frame.
pub fn sunglasses(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    const LENS: [(f32, f32); 8] = [
        (0.13, -0.2),
        (0.46, -0.31),
        (0.84, -0.27),
        (0.95, -0.04),
        (0.84, 0.27),
        (0.56, 0.43),
        (0.3, 0.33),
        (0.13, 0.04),
    ];
    let mut sheet = Sketch::new(picture, face)?;
    let (scale, dark) = (between(rng, 0.95, 1.12), between(rng, 4.0, 30.0));
    let (fade, opacity) = (between(rng, 10.0, 55.0), between(rng, 0.92, 1.0));
    let rim = between(rng, 10.0, 150.0);
    temples(&mut sheet, face, Point::new(0.88 * scale, -0.2), 0.05, rim);
    for side in SIDES {
        let lens = mirrored(&LENS, side, scale);
        let (top, bottom) = (Point::new(0.0, -0.3), Point::new(0.0, 0.4));
        sheet.fill_run(blob(&lens), (top, dark), (bottom, dark + fade), opacity);
        // What stands before the car, in one corner.
        let glint = mirrored(&[(0.6, -0.22), (0.8, -0.2), (0.72, 0.0), (0.6, -0.06)], side, scale);
        sheet.fill(blob(&glint), 235.0, between(rng, 0.05, 0.3));
        let mut outline = lens;
        outline.push(outline[0]);
        sheet.line(blob(&outline), 0.035, rim, 1.0);
    }
    for (y, sag) in [(-0.26, -0.3), (-0.1, -0.16)] {
        let bridge = [(-0.17, y), (0.0, sag), (0.17, y)].map(|(x, y)| Point::new(x * scale, y * scale));
        sheet.line(curve(&bridge), 0.035, rim, 1.0);
    }
    sheet.onto(picture)
}

/// Clear glasses: rims from thin metal to thick horn, and a window mirrored in each lens.
pub fn glasses(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    const LENS: [(f32, f32); 8] = [
        (0.14, -0.16),
        (0.24, -0.27),
        (0.78, -0.28),
        (0.92, -0.18),
        (0.88, 0.16),
        (0.74, 0.28),
        (0.32, 0.28),
        (0.17, 0.14),
    ];
    let mut sheet = Sketch::new(picture, face)?;
    let (scale, width) = (between(rng, 0.92, 1.15), between(rng, 0.03, 0.1));
    let rim = if rng.f32() < 0.75 { between(rng, 5.0, 60.0) } else { between(rng, 150.0, 220.0) };
    let (mirror, lean) = (between(rng, 0.1, 0.55), between(rng, -0.15, 0.15));
    temples(&mut sheet, face, Point::new(0.9 * scale, -0.18), width, rim);
    for side in SIDES {
        let lens = mirrored(&LENS, side, scale);
        sheet.fill(blob(&lens), 200.0, 0.06);
        // Both lenses mirror the same window, so it is not mirrored from one to the other.
        let window = [(-0.1, -0.2), (0.16, -0.2), (0.08, 0.16), (-0.18, 0.16)];
        let window = window.map(|(x, y)| Point::new((side * 0.52 + x + lean * y) * scale, y * scale));
        sheet.fill(blob(&window), 250.0, mirror);
        sheet.line(blob(&lens), width, rim, 1.0);
    }
    let bridge = [(-0.16, -0.1), (0.0, -0.2), (0.16, -0.1)].map(|(x, y)| Point::new(x * scale, y * scale));
    sheet.line(curve(&bridge), width, rim, 1.0);
    sheet.onto(picture)
}

/// A respirator: a cup with a seam down its middle, a clip on the nose and two bands.
pub fn mask(picture: &Grey, face: &Face, rng: &mut Rng) -> opencv::Result<Grey> {
    let mut sheet = Sketch::new(picture, face)?;
    let (jaw, ridge) = (face.jaw(), face.nose_ridge());
    let shade = between(rng, 150.0, 245.0);
    let (chin, ridge) = (Point::new(jaw[8].x, jaw[8].y + 0.1), Point::new(ridge.x, ridge.y + 0.02));
    for (ear, cheek) in [(jaw[0], jaw[4]), (jaw[16], jaw[12])] {
        for (start, end) in [(ridge.midpoint(cheek), ear), (cheek, ear.midpoint(jaw[8]))] {
            let beyond = Point::new(end.x * 1.1, end.y.min(start.y) - 0.05);
            sheet.line(curve(&[start, beyond]), 0.06, shade - 25.0, 1.0);
        }
    }
    let outline = [
        Point::new(ridge.x - 0.22, ridge.y),
        Point::new(ridge.x + 0.22, ridge.y),
        Point::new(jaw[13].x * 0.86, jaw[13].y * 0.85),
        jaw[12],
        jaw[10],
        Point::new(chin.x + 0.25, chin.y),
        Point::new(chin.x - 0.25, chin.y),
        jaw[6],
        jaw[4],
        Point::new(jaw[3].x * 0.86, jaw[3].y * 0.85),
    ];
    // One side lies in the light.
    let (left, right) = (Point::new(-1.0, 1.0), Point::new(1.0, 1.0));
    let lit = between(rng, -35.0, 35.0);
    sheet.fill_run(blob(&outline), (left, shade - lit), (right, shade + lit), 1.0);
    let seam = [ridge, Point::new(ridge.midpoint(chin).x + 0.05, ridge.midpoint(chin).y), chin];
    sheet.line(curve(&seam), 0.04, shade - 60.0, 0.8);
    sheet.line(blob(&outline), 0.03, shade - 50.0, 0.7);
    let clip = [(-0.24, 0.13), (0.0, 0.03), (0.24, 0.13)].map(|(x, y)| Point::new(ridge.x + x, ridge.y + y));
    sheet.line(curve(&clip), 0.07, shade - 40.0, 0.8);
    sheet.onto(picture)
}
