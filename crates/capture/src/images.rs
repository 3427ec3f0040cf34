//! One picture, or all pictures in a folder and below it, by name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use frame::{Frame, Pool};
use opencv::core::{Mat, MatTraitConst};
use opencv::imgcodecs;
use types::{MonoTime, Stamped};

use crate::transform::Transform;
use crate::whole::is_whole;
use crate::{CaptureError, FrameSource, SourceOptions, pictures};

/// File name endings of pictures, in lower case.
const ENDINGS: [&str; 9] = ["png", "jpg", "jpeg", "bmp", "pgm", "ppm", "tif", "tiff", "webp"];
/// Pictures have no time of their own: number n is taken to be at n / 30 s.
const INTERVAL: Duration = Duration::from_nanos(33_333_333);

/// Whether a file is a picture, by its name.
pub(crate) fn is_picture(path: &Path) -> bool {
    path.extension()
        .and_then(|ending| ending.to_str())
        .is_some_and(|ending| ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// Pictures from disk. They may be of different sizes; grey, colour, alpha and 16 bits are all read
/// as 8-bit grey, and a JPEG's own rotation mark is followed.
pub(crate) struct ImageSource {
    origin: PathBuf,
    files: Vec<PathBuf>,
    /// Files that have been asked for; the last of them is `files[taken - 1]`.
    taken: usize,
    faults: u64,
    transform: Transform,
    keep_color: bool,
    pool: Pool,
}

impl ImageSource {
    /// Lists the pictures; none is opened yet.
    ///
    /// # Errors
    /// [`CaptureError::Unreadable`] or [`CaptureError::EmptyFolder`].
    pub(crate) fn open(path: &Path, options: &SourceOptions, pool: &Pool) -> Result<Self, CaptureError> {
        let metadata = fs::metadata(path).map_err(|e| unreadable(path, e))?;
        let mut files = Vec::new();
        if metadata.is_dir() {
            collect(path, &mut files)?;
            if files.is_empty() {
                return Err(CaptureError::EmptyFolder { path: path.to_owned() });
            }
            files.sort();
        } else {
            files.push(path.to_owned());
        }
        Ok(Self {
            origin: path.to_owned(),
            files,
            taken: 0,
            faults: 0,
            transform: Transform::new(options),
            keep_color: options.keep_color,
            pool: pool.clone(),
        })
    }
}

impl FrameSource for ImageSource {
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        let Some(path) = self.files.get(self.taken) else { return Ok(None) };
        let seq = self.taken as u64;
        self.taken += 1;
        let frame = decode(path, self.keep_color, &self.pool).inspect_err(|_| self.faults += 1)?;
        let frame =
            self.transform.apply(frame, &self.pool).map_err(|e| CaptureError::internal(path.display(), e))?;
        let captured_at = MonoTime::from_ns(INTERVAL.as_nanos() as u64 * seq);
        Ok(Some(Stamped { seq, captured_at, value: frame }))
    }

    fn describe(&self) -> String {
        match self.files.len() {
            1 => format!("picture {}", self.files[0].display()),
            n => format!("{n} pictures in {}", self.origin.display()),
        }
    }

    fn file(&self) -> Option<&Path> {
        Some(self.files.get(self.taken.checked_sub(1)?)?)
    }

    fn frames_hint(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn interval_hint(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn decode_faults(&self) -> u64 {
        self.faults
    }
}

fn unreadable(path: &Path, reason: std::io::Error) -> CaptureError {
    CaptureError::Unreadable { path: path.to_owned(), reason }
}

/// Gathers pictures; hidden files are passed over, and links to folders are not followed (they may
/// lead in a circle).
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), CaptureError> {
    for entry in fs::read_dir(folder).map_err(|e| unreadable(folder, e))? {
        let entry = entry.map_err(|e| unreadable(folder, e))?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if entry.file_type().map_err(|e| unreadable(&path, e))?.is_dir() {
            collect(&path, files)?;
        } else if is_picture(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Grey is decoded by itself also where colour is kept: a JPEG holds its luma as it is, and what
/// the pipeline sees must not depend on whether somebody will look at the colour picture.
fn decode(path: &Path, keep_color: bool, pool: &Pool) -> Result<Frame, CaptureError> {
    let bad = |message: String| CaptureError::BadImage { path: path.to_owned(), message };
    let bytes = fs::read(path).map_err(|e| bad(e.to_string()))?;
    if !is_whole(&bytes) {
        return Err(bad("a part of the picture is missing or damaged".into()));
    }
    let read = |flags| decoded(&bytes, flags).ok_or_else(|| bad("not a picture that can be decoded".into()));
    let internal = |e| CaptureError::internal(path.display(), e);
    let grey = pictures::grey_of(&read(imgcodecs::IMREAD_GRAYSCALE)?, pool).map_err(internal)?;
    let color = if keep_color {
        Some(pictures::color_of(&read(imgcodecs::IMREAD_COLOR)?, pool).map_err(internal)?)
    } else {
        None
    };
    Ok(Frame { grey, color })
}

/// OpenCV answers to what is no picture with an error or with an empty matrix.
fn decoded(bytes: &[u8], flags: i32) -> Option<Mat> {
    let bytes = Mat::from_slice(bytes).ok()?;
    imgcodecs::imdecode(&bytes, flags).ok().filter(|mat| !mat.empty())
}
