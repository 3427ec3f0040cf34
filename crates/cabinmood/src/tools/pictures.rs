//! Reading one picture file, and writing one crop.

use std::path::Path;
use std::sync::Arc;

use capture::{CaptureError, SourceOptions, SourceSpec};
use frame::{AlignedFace, Frame, Pool};

use super::whole;
use crate::clock::SystemClock;

/// The picture in a file.
///
/// # Errors
/// [`CaptureError`] where it is missing, unreadable or no picture.
pub fn read(path: &Path, options: &SourceOptions, pool: &Pool) -> Result<Frame, CaptureError> {
    let spec = SourceSpec::Images(path.to_owned());
    let picture = capture::open(&spec, options, Arc::new(SystemClock), pool)?.next()?;
    picture.map(|stamped| stamped.value).ok_or_else(|| CaptureError::EmptyFolder { path: path.to_owned() })
}

/// Writes a crop as a grey PNG.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_crop(path: &Path, face: &AlignedFace) -> std::io::Result<()> {
    whole::write(path, |to| write_png(to, face))
}

/// A crop as a grey PNG of 112x112.
///
/// # Errors
/// Where `to` takes no more.
pub fn write_png(to: impl std::io::Write, face: &AlignedFace) -> std::io::Result<()> {
    let side = AlignedFace::SIDE as u32;
    let mut encoder = png::Encoder::new(to, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(face.pixels())?;
    Ok(writer.finish()?)
}
