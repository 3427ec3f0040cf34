//! A sheet of glass before a face: shapes are drawn on it in the face's own measure, and it is then
//! laid onto the picture.

use frame::Grey;
use opencv::core::{BORDER_CONSTANT, Mat, Size, StsNoMem, Vec4b};
use opencv::imgproc;
use tiny_skia::{
    Color, FillRule, GradientStop, LineCap, LineJoin, LinearGradient, Paint, Path, PathBuilder, Pixmap,
    Point as SkPoint, Shader, SpreadMode, Stroke, Transform,
};
use types::Point;

use super::face::Face;
use super::like;

/// How far the sheet reaches from the middle of the eyes, in the distance between them: hats and hands
/// end within it. The sheet of a large photograph is not larger than its face.
const REACH: f32 = 3.5;

/// Shapes to be laid onto a picture.
pub struct Sketch {
    pixels: Pixmap,
    /// The picture's pixel under the first one of the sheet.
    first: (u32, u32),
    to_sheet: Transform,
    eyes_px: f32,
}

impl Sketch {
    /// An empty sheet.
    ///
    /// # Errors
    /// Where there is no memory.
    pub fn new(picture: &Grey, face: &Face) -> opencv::Result<Self> {
        let (middle, reach) = (face.middle(), REACH * face.eyes_px());
        // A face beyond the edge leaves a sheet of a pixel or a row, on which nothing will be drawn.
        let span = |at: f32, length: u32| {
            let from = (at - reach).floor().clamp(0.0, (length - 1) as f32) as u32;
            let to = (at + reach).ceil().clamp((from + 1) as f32, length as f32) as u32;
            (from, to - from)
        };
        let ((x, w), (y, h)) = (span(middle.x, picture.width()), span(middle.y, picture.height()));
        let pixels = Pixmap::new(w, h)
            .ok_or_else(|| opencv::Error::new(StsNoMem, format!("no sheet can be {w}x{h} pixels")))?;
        let first = (x, y);
        Ok(Self { pixels, first, to_sheet: face.onto(first), eyes_px: face.eyes_px() })
    }

    /// Fills a shape with one grey.
    pub fn fill(&mut self, shape: Option<Path>, shade: f32, opacity: f32) {
        self.fill_with(shape, flat(shade, opacity));
    }

    /// Fills a shape with a run between two greys.
    pub fn fill_run(&mut self, shape: Option<Path>, from: (Point, f32), to: (Point, f32), opacity: f32) {
        let stops =
            vec![GradientStop::new(0.0, grey(from.1, opacity)), GradientStop::new(1.0, grey(to.1, opacity))];
        let ends = [from.0, to.0].map(|p| SkPoint::from_xy(p.x, p.y));
        let run = LinearGradient::new(ends[0], ends[1], stops, SpreadMode::Pad, Transform::identity());
        self.fill_with(
            shape,
            run.map_or_else(|| flat(to.1, opacity), |shader| Paint { shader, ..Paint::default() }),
        );
    }

    fn fill_with(&mut self, shape: Option<Path>, paint: Paint<'_>) {
        if let Some(shape) = shape {
            // Shapes with holes have the hole as a second outline.
            self.pixels.fill_path(&shape, &paint, FillRule::EvenOdd, self.to_sheet, None);
        }
    }

    /// Draws a line of this width.
    pub fn line(&mut self, shape: Option<Path>, width: f32, shade: f32, opacity: f32) {
        if let Some(shape) = shape {
            let stroke =
                Stroke { width, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
            self.pixels.stroke_path(&shape, &flat(shade, opacity), &stroke, self.to_sheet, None);
        }
    }

    /// Blurs what was drawn so far; `sigma` in the distance between the eyes.
    ///
    /// # Errors
    /// Where OpenCV has no memory.
    pub fn soften(&mut self, sigma: f32) -> opencv::Result<()> {
        let (w, h) = (self.pixels.width() as i32, self.pixels.height() as i32);
        let mut soft = vec![0_u8; self.pixels.data().len()];
        {
            let from = Mat::new_rows_cols_with_bytes::<Vec4b>(h, w, self.pixels.data())?;
            let mut to = Mat::new_rows_cols_with_bytes_mut::<Vec4b>(h, w, &mut soft)?;
            let sigma = f64::from(sigma * self.eyes_px);
            imgproc::gaussian_blur(&from, &mut to, Size::default(), sigma, sigma, BORDER_CONSTANT)?;
        }
        self.pixels.data_mut().copy_from_slice(&soft);
        Ok(())
    }

    /// The picture behind the sheet.
    ///
    /// # Errors
    /// None in practice: the picture keeps its size.
    pub fn onto(&self, picture: &Grey) -> opencv::Result<Grey> {
        let mut bytes = picture.bytes().to_vec();
        let (width, sheet_width) = (picture.width() as usize, self.pixels.width() as usize);
        let (x, y) = (self.first.0 as usize, self.first.1 as usize);
        for (row, drawn) in self.pixels.data().chunks_exact(4 * sheet_width).enumerate() {
            let under = &mut bytes[(y + row) * width + x..][..sheet_width];
            for (pixel, drawn) in under.iter_mut().zip(drawn.as_chunks::<4>().0) {
                // Colours come multiplied by their opacity already.
                let seen_through = u16::from(*pixel) * u16::from(255 - drawn[3]);
                *pixel = drawn[0].saturating_add(((seen_through + 127) / 255) as u8);
            }
        }
        like(picture, bytes)
    }
}

fn grey(shade: f32, opacity: f32) -> Color {
    let shade = shade.clamp(0.0, 255.0) as u8;
    let mut color = Color::from_rgba8(shade, shade, shade, 255);
    color.set_alpha(opacity.clamp(0.0, 1.0));
    color
}

fn flat(shade: f32, opacity: f32) -> Paint<'static> {
    Paint { shader: Shader::SolidColor(grey(shade, opacity)), ..Paint::default() }
}

/// A closed outline that bends smoothly, near these corners.
pub fn blob(corners: &[Point]) -> Option<Path> {
    let mut path = PathBuilder::new();
    add_blob(&mut path, corners);
    path.finish()
}

/// The same with a hole in it.
pub fn blob_around(corners: &[Point], hole: &[Point]) -> Option<Path> {
    let mut path = PathBuilder::new();
    add_blob(&mut path, corners);
    add_blob(&mut path, hole);
    path.finish()
}

fn add_blob(path: &mut PathBuilder, corners: &[Point]) {
    let [.., last] = corners else { return };
    let start = last.midpoint(corners[0]);
    path.move_to(start.x, start.y);
    for (i, corner) in corners.iter().enumerate() {
        let to = corner.midpoint(corners[(i + 1) % corners.len()]);
        path.quad_to(corner.x, corner.y, to.x, to.y);
    }
    path.close();
}

/// A line through the first and last of these points that bends towards those between.
pub fn curve(points: &[Point]) -> Option<Path> {
    let [first, rest @ ..] = points else { return None };
    let mut path = PathBuilder::new();
    path.move_to(first.x, first.y);
    for (i, point) in rest.iter().enumerate() {
        match rest.get(i + 1) {
            Some(next) if i + 2 < rest.len() => {
                let to = point.midpoint(*next);
                path.quad_to(point.x, point.y, to.x, to.y);
            }
            Some(next) => {
                path.quad_to(point.x, point.y, next.x, next.y);
                break;
            }
            None => path.line_to(point.x, point.y),
        }
    }
    path.finish()
}
