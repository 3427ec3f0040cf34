//! A picture to draw on: anti-aliased shapes, text and photographs.

use std::path::Path as FilePath;

use opencv::core::MatTraitConstManual as _;
use tiny_skia::{
    FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, PathBuilder, Pixmap, Point as SkPoint,
    Rect, Shader, SpreadMode, Stroke, Transform,
};

use super::font::{self, Weight};
use super::palette::Rgb;
pub use super::photo::Photo;
use crate::tools::whole;

/// A rectangle in pixels; edges may lie between pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Area {
    /// The rectangle at (x, y) of this size.
    #[must_use]
    pub const fn new(x: f32, y: f32, w: f32, h: f32) -> Self {
        Self { x, y, w, h }
    }

    /// Right edge.
    #[must_use]
    pub const fn right(&self) -> f32 {
        self.x + self.w
    }

    /// Lower edge.
    #[must_use]
    pub const fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// The centre.
    #[must_use]
    pub const fn center(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }
}

/// Which point of a text lies at the x that is given for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Its start.
    Left,
    /// Its middle.
    Center,
    /// Its end.
    Right,
}

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// Font size in pixels.
    pub size: f32,
    /// How heavy.
    pub weight: Weight,
    /// In which colour.
    pub color: Rgb,
    /// Where its x is.
    pub align: Align,
}

impl Style {
    /// Regular text that starts at its x.
    #[must_use]
    pub const fn new(size: f32, color: Rgb) -> Self {
        Self { size, weight: Weight::Regular, color, align: Align::Left }
    }

    /// The same, heavier.
    #[must_use]
    pub const fn medium(self) -> Self {
        Self { weight: Weight::Medium, ..self }
    }

    /// The same, centred on or ending at its x.
    #[must_use]
    pub const fn align(self, align: Align) -> Self {
        Self { align, ..self }
    }
}

/// A picture to draw on. What lies outside it is cut off.
pub struct Canvas {
    pixels: Pixmap,
}

impl Canvas {
    /// A canvas of one colour.
    ///
    /// # Errors
    /// Where a side is zero or beyond what a picture can have.
    pub fn new(width: u32, height: u32, ground: Rgb) -> std::io::Result<Self> {
        let mut pixels = Pixmap::new(width, height)
            .ok_or_else(|| std::io::Error::other(format!("no picture can be {width}x{height} pixels")))?;
        pixels.fill(opaque(ground));
        Ok(Self { pixels })
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.pixels.width()
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.pixels.height()
    }

    /// All pixels, row by row, four bytes each: red, green, blue, 255.
    #[must_use]
    pub fn rgba(&self) -> &[u8] {
        self.pixels.data()
    }

    /// Fills a rectangle with rounded corners; `opacity` from 0 to 1.
    pub fn fill(&mut self, area: Area, radius: f32, color: Rgb, opacity: f32) {
        let Some(path) = rounded(area, radius) else { return };
        self.pixels.fill_path(&path, &paint(color, opacity), FillRule::Winding, Transform::identity(), None);
    }

    /// Fills a rectangle with a run from one colour to another, from left to right.
    pub fn gradient(&mut self, area: Area, from: Rgb, to: Rgb) {
        let stops = vec![GradientStop::new(0.0, opaque(from)), GradientStop::new(1.0, opaque(to))];
        let (start, end) = (SkPoint::from_xy(area.x, 0.0), SkPoint::from_xy(area.right(), 0.0));
        let run = LinearGradient::new(start, end, stops, SpreadMode::Pad, Transform::identity());
        match (run, Rect::from_xywh(area.x, area.y, area.w, area.h)) {
            (Some(shader), Some(rect)) => {
                let paint = Paint { shader, ..Paint::default() };
                self.pixels.fill_rect(rect, &paint, Transform::identity(), None);
            }
            // Too narrow for a run.
            _ => self.fill(area, 0.0, to, 1.0),
        }
    }

    /// Fills a rectangle with slanted lines on a lighter ground: nothing is known here.
    pub fn hatch(&mut self, area: Area, color: Rgb) {
        const STEP_PX: f32 = 7.0;
        self.fill(area, 0.0, color, 0.18);
        // Lines keep their places whatever the rectangle, so that neighbours join.
        let first = ((area.x - area.h) / STEP_PX).floor() as i32;
        let last = ((area.right() + area.h) / STEP_PX).ceil() as i32;
        let mut lines = PathBuilder::new();
        for place in first..=last {
            let foot = place as f32 * STEP_PX;
            // The line rises from (foot, bottom) to (foot + h, top); only what is inside is drawn.
            let (left, right) = (foot.max(area.x), (foot + area.h).min(area.right()));
            if right > left {
                lines.move_to(left, area.bottom() - (left - foot));
                lines.line_to(right, area.bottom() - (right - foot));
            }
        }
        if let Some(path) = lines.finish() {
            // Round ends would stick out of the rectangle.
            let stroke = Stroke { width: 1.2, line_cap: LineCap::Butt, ..Stroke::default() };
            self.pixels.stroke_path(&path, &paint(color, 0.75), &stroke, Transform::identity(), None);
        }
    }

    /// Draws a line through points, each (x, y).
    pub fn line(&mut self, points: &[(f32, f32)], width: f32, color: Rgb, opacity: f32) {
        if let Some(path) = polygon(points, false) {
            self.stroke(&path, width, color, opacity);
        }
    }

    /// Fills the polygon with these corners.
    pub fn polygon(&mut self, corners: &[(f32, f32)], color: Rgb, opacity: f32) {
        if let Some(path) = polygon(corners, true) {
            let paint = paint(color, opacity);
            self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Fills a circle.
    pub fn disc(&mut self, center: (f32, f32), radius: f32, color: Rgb) {
        if let Some(path) = PathBuilder::from_circle(center.0, center.1, radius) {
            self.pixels.fill_path(&path, &paint(color, 1.0), FillRule::Winding, Transform::identity(), None);
        }
    }

    /// Writes a text on the base line `y`; gives back its width in pixels.
    pub fn text(&mut self, text: &str, x: f32, y: f32, style: Style) -> f32 {
        let width = font::width(text, style.weight, style.size);
        let start = match style.align {
            Align::Left => x,
            Align::Center => x - width / 2.0,
            Align::Right => x - width,
        };
        if let Some(path) = font::outline(text, style.weight, style.size, start, y) {
            let paint = paint(style.color, 1.0);
            self.pixels.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
        width
    }

    /// Draws a picture into a rectangle, scaled to fill it and laid on whole pixels. What lies
    /// outside the canvas is cut off.
    ///
    /// # Errors
    /// Where OpenCV cannot scale it.
    pub fn photo(&mut self, area: Area, photo: Photo<'_>) -> opencv::Result<()> {
        let (w, h) = (area.w.round().max(1.0) as usize, area.h.round().max(1.0) as usize);
        let (x, y) = (area.x.round().max(0.0) as usize, area.y.round().max(0.0) as usize);
        let rgba = photo.scaled(w as i32, h as i32)?;
        let (stride, height) = (self.width() as usize * 4, self.height() as usize);
        let wide = (w * 4).min(stride.saturating_sub(x * 4));
        let rows = self.pixels.data_mut().chunks_exact_mut(stride).take(height).skip(y);
        for (to, from) in rows.zip(rgba.data_bytes()?.chunks_exact(w * 4)) {
            to[x * 4..][..wide].copy_from_slice(&from[..wide]);
        }
        Ok(())
    }

    /// Writes the canvas as a PNG.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn save(&self, path: &FilePath) -> std::io::Result<()> {
        whole::write(path, |to| {
            let mut encoder = png::Encoder::new(to, self.width(), self.height());
            encoder.set_color(png::ColorType::Rgba);
            encoder.set_depth(png::BitDepth::Eight);
            let mut writer = encoder.write_header()?;
            writer.write_image_data(self.rgba())?;
            Ok(writer.finish()?)
        })
    }

    fn stroke(&mut self, path: &tiny_skia::Path, width: f32, color: Rgb, opacity: f32) {
        let stroke =
            Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        self.pixels.stroke_path(path, &paint(color, opacity), &stroke, Transform::identity(), None);
    }
}

fn opaque(color: Rgb) -> tiny_skia::Color {
    tiny_skia::Color::from_rgba8(color.0, color.1, color.2, 255)
}

fn paint(color: Rgb, opacity: f32) -> Paint<'static> {
    let mut solid = opaque(color);
    solid.apply_opacity(opacity);
    Paint { shader: Shader::SolidColor(solid), ..Paint::default() }
}

fn polygon(points: &[(f32, f32)], closed: bool) -> Option<tiny_skia::Path> {
    let (first, rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(first.0, first.1);
    rest.iter().for_each(|(x, y)| path.line_to(*x, *y));
    if closed {
        path.close();
    }
    path.finish()
}

fn rounded(area: Area, radius: f32) -> Option<tiny_skia::Path> {
    /// How far a cubic's handles reach to come closest to a quarter circle.
    const HANDLE: f32 = 0.5523;
    let rect = Rect::from_xywh(area.x, area.y, area.w, area.h)?;
    let r = radius.min(area.w / 2.0).min(area.h / 2.0);
    if r <= 0.0 {
        return Some(PathBuilder::from_rect(rect));
    }
    let (x0, y0, x1, y1, k) = (area.x, area.y, area.right(), area.bottom(), r * (1.0 - HANDLE));
    let mut p = PathBuilder::new();
    p.move_to(x0 + r, y0);
    p.line_to(x1 - r, y0);
    p.cubic_to(x1 - k, y0, x1, y0 + k, x1, y0 + r);
    p.line_to(x1, y1 - r);
    p.cubic_to(x1, y1 - k, x1 - k, y1, x1 - r, y1);
    p.line_to(x0 + r, y1);
    p.cubic_to(x0 + k, y1, x0, y1 - k, x0, y1 - r);
    p.line_to(x0, y0 + r);
    p.cubic_to(x0, y0 + k, x0 + k, y0, x0 + r, y0);
    p.close();
    p.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::palette::{INK, WHITE};
    use frame::{Bgr, Grey};

    fn pixel(canvas: &Canvas, x: u32, y: u32) -> Rgb {
        let at = (y * canvas.width() + x) as usize * 4;
        Rgb(canvas.rgba()[at], canvas.rgba()[at + 1], canvas.rgba()[at + 2])
    }

    #[test]
    fn a_photo_fills_its_rectangle_with_its_own_colours() {
        let mut canvas = Canvas::new(8, 4, WHITE).unwrap();
        let color = Bgr::new(1, 1, vec![10, 20, 30].into()).unwrap();
        canvas.photo(Area::new(4.0, 0.0, 4.0, 4.0), Photo::Color(&color)).unwrap();
        assert_eq!(pixel(&canvas, 6, 2), Rgb(30, 20, 10));
        assert_eq!(pixel(&canvas, 1, 2), WHITE);
        let grey = Grey::new(1, 1, vec![7].into()).unwrap();
        canvas.photo(Area::new(6.0, 2.0, 4.0, 4.0), Photo::Grey(&grey)).unwrap();
        assert_eq!((pixel(&canvas, 7, 3), pixel(&canvas, 5, 3)), (Rgb(7, 7, 7), Rgb(30, 20, 10)));
    }

    #[test]
    fn a_gradient_runs_from_left_to_right() {
        let mut canvas = Canvas::new(100, 2, WHITE).unwrap();
        canvas.gradient(Area::new(0.0, 0.0, 100.0, 2.0), Rgb(0, 0, 0), Rgb(200, 0, 0));
        assert!(pixel(&canvas, 2, 1).0 < 10 && pixel(&canvas, 97, 1).0 > 190);
    }

    #[test]
    fn a_saved_canvas_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let mut canvas = Canvas::new(30, 20, WHITE).unwrap();
        canvas.text("x", 5.0, 15.0, Style::new(16.0, INK));
        canvas.save(&path).unwrap();
        let reader = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()))
            .read_info()
            .unwrap();
        assert_eq!((reader.info().width, reader.info().height), (30, 20));
    }
}
