//! Photographs on a canvas: other pixels, another size.

use frame::{AlignedFace, Bgr, Grey};
use opencv::core::{Mat, MatTraitConst as _, Size, Vec3b};
use opencv::imgproc;

/// A photograph's pixels, row by row.
#[derive(Clone, Copy)]
pub enum Photo<'a> {
    /// A colour picture.
    Color(&'a Bgr),
    /// A grey one.
    Grey(&'a Grey),
    /// An aligned crop.
    Face(&'a AlignedFace),
}

impl Photo<'_> {
    /// The photograph at another size, four bytes a pixel as the canvas has them.
    ///
    /// # Errors
    /// Where OpenCV has no memory.
    pub fn scaled(&self, width: i32, height: i32) -> opencv::Result<Mat> {
        const SIDE: i32 = AlignedFace::SIDE as i32;
        let (source, to_rgba) = match self {
            Self::Color(p) => (
                Mat::new_rows_cols_with_bytes::<Vec3b>(p.height() as i32, p.width() as i32, p.bytes())?,
                imgproc::COLOR_BGR2RGBA,
            ),
            Self::Grey(p) => (
                Mat::new_rows_cols_with_bytes::<u8>(p.height() as i32, p.width() as i32, p.bytes())?,
                imgproc::COLOR_GRAY2RGBA,
            ),
            Self::Face(face) => {
                (Mat::new_rows_cols_with_bytes::<u8>(SIDE, SIDE, face.pixels())?, imgproc::COLOR_GRAY2RGBA)
            }
        };
        // Averages when shrinking, so that nothing flickers; smooth when growing.
        let shrinks = source.cols() > width;
        let how = if shrinks { imgproc::INTER_AREA } else { imgproc::INTER_CUBIC };
        let (mut scaled, mut rgba) = (Mat::default(), Mat::default());
        imgproc::resize(&source, &mut scaled, Size::new(width, height), 0.0, 0.0, how)?;
        imgproc::cvt_color_def(&scaled, &mut rgba, to_rgba)?;
        Ok(rgba)
    }
}
