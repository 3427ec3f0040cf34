//! The pictures that `analyze --annotate` leaves: for each video an annotated one with its
//! timeline, for each picture an annotated one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use frame::AlignedFace;
use smooth::{SmoothOptions, Smoother};
use types::{Observation, Stamped};

use super::chain::{Aligned, Clip};
use super::walk::Kind;
use crate::draw::{self, Annotator};
use crate::failure::{Exit, Failure, OrExit as _, writing};

/// For a video that does not say how fast it is.
const DEFAULT_FPS: f64 = 25.0;

/// Draws what is analysed.
pub struct Gallery {
    folder: PathBuf,
    /// Only one file is drawn: its pictures go into the folder itself.
    single: bool,
    smoothing: SmoothOptions,
    taken: HashSet<PathBuf>,
    current: Option<Current>,
}

enum Current {
    Video { annotator: Box<Annotator>, smoother: Box<Smoother> },
    Picture { path: PathBuf },
}

impl Gallery {
    /// A gallery in `folder`, for one file or for several.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where the folder cannot be made.
    pub fn new(folder: &Path, single: bool, smoothing: SmoothOptions) -> Result<Self, Failure> {
        std::fs::create_dir_all(folder).or_exit(Exit::Unavailable, writing("--annotate", folder))?;
        Ok(Self { folder: folder.to_owned(), single, smoothing, taken: HashSet::new(), current: None })
    }

    /// A file begins: what was drawn of the last one is finished.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where it cannot be written.
    pub fn begin(&mut self, clip: &Arc<Clip>) -> Result<(), Failure> {
        self.finish()?;
        let title = clip.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.current = Some(match clip.kind {
            Kind::Picture => Current::Picture { path: self.free(&clip.path, "png") },
            Kind::Video => {
                let folder = if self.single { self.folder.clone() } else { self.free(&clip.path, "") };
                let fps = clip.interval.map_or(DEFAULT_FPS, |step| 1.0 / step.as_secs_f64());
                let annotator = Annotator::new(&folder, &title, fps)
                    .or_exit(Exit::Unavailable, writing("--annotate", &folder))?;
                let smoother = Smoother::new(self.smoothing.clone())?;
                Current::Video { annotator: Box::new(annotator), smoother: Box::new(smoother) }
            }
        });
        Ok(())
    }

    /// Draws a frame of the file that began last; `seen` has its probabilities.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where it cannot be written.
    pub fn frame(&mut self, aligned: &Aligned, seen: &Stamped<Observation>) -> Result<(), Failure> {
        let face: Option<&AlignedFace> = seen.value.landmarks.map(|_| &aligned.face);
        let frame = &aligned.frame.value;
        let drawn = match &mut self.current {
            None => Ok(()),
            Some(Current::Picture { path }) => draw::still(path, frame, &seen.value, face),
            Some(Current::Video { annotator, smoother }) => {
                let mood = smoother.step(seen);
                annotator.frame(seen.captured_at, frame, &seen.value, &mood, face)
            }
        };
        drawn.or_exit(Exit::Unavailable, writing("--annotate", &self.folder))
    }

    /// Finishes what was drawn last.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where it cannot be written.
    pub fn finish(&mut self) -> Result<(), Failure> {
        match self.current.take() {
            Some(Current::Video { annotator, .. }) => {
                annotator.finish().or_exit(Exit::Unavailable, writing("--annotate", &self.folder))
            }
            _ => Ok(()),
        }
    }

    /// A path in the gallery named after the file that no other file has.
    fn free(&mut self, file: &Path, ending: &str) -> PathBuf {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut number = 1;
        loop {
            let name = if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
            let path = self.folder.join(if ending.is_empty() { name } else { format!("{name}.{ending}") });
            if self.taken.insert(path.clone()) {
                return path;
            }
            number += 1;
        }
    }
}
