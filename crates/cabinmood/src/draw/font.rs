//! Letters as outlines, from the two fonts that the binary carries with it.

use std::sync::LazyLock;

use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, OutlineBuilder};

/// How heavy the letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For titles and values.
    Medium,
}

type Font = Option<Face<'static>>;

static REGULAR: LazyLock<Font> =
    LazyLock::new(|| Face::parse(include_bytes!("../../assets/fonts/Roboto-Regular.ttf"), 0).ok());
static MEDIUM: LazyLock<Font> =
    LazyLock::new(|| Face::parse(include_bytes!("../../assets/fonts/Roboto-Medium.ttf"), 0).ok());

fn face(weight: Weight) -> Option<&'static Face<'static>> {
    match weight {
        Weight::Regular => REGULAR.as_ref(),
        Weight::Medium => MEDIUM.as_ref(),
    }
}

/// How wide a text is, in pixels, at a font size in pixels.
#[must_use]
pub fn width(text: &str, weight: Weight, size: f32) -> f32 {
    let Some(face) = face(weight) else { return 0.0 };
    let units: u32 = text.chars().map(|c| u32::from(advance(face, c))).sum();
    units as f32 * size / f32::from(face.units_per_em())
}

/// The outline of a text whose base line starts at (x, y); `None` where nothing would be seen.
#[must_use]
pub fn outline(text: &str, weight: Weight, size: f32, x: f32, y: f32) -> Option<Path> {
    let face = face(weight)?;
    let scale = size / f32::from(face.units_per_em());
    let mut pen = Pen { path: PathBuilder::new(), scale, x, y };
    for letter in text.chars() {
        if let Some(glyph) = face.glyph_index(letter) {
            face.outline_glyph(glyph, &mut pen);
        }
        pen.x += f32::from(advance(face, letter)) * scale;
    }
    pen.path.finish()
}

/// A letter that the font lacks is a gap of half an em.
fn advance(face: &Face<'_>, letter: char) -> u16 {
    let known = face.glyph_index(letter).and_then(|glyph| face.glyph_hor_advance(glyph));
    known.unwrap_or(face.units_per_em() / 2)
}

/// Fonts have y upwards from the base line, pictures downwards.
struct Pen {
    path: PathBuilder,
    scale: f32,
    x: f32,
    y: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_fonts_hold_every_letter_that_the_pictures_use() {
        let used = "0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ %.,:()/-–·°…";
        for weight in [Weight::Regular, Weight::Medium] {
            let face = face(weight).unwrap();
            for letter in used.chars() {
                assert!(face.glyph_index(letter).is_some(), "{letter:?} is missing in {weight:?}");
            }
            assert!(width("wide", weight, 20.0) > width("i", weight, 20.0));
            assert!(outline("a", weight, 20.0, 0.0, 0.0).is_some());
        }
        assert!(outline(" ", Weight::Regular, 20.0, 0.0, 0.0).is_none());
    }
}
