//! The annotated video of a run and the timeline picture beside it.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use frame::{AlignedFace, Frame};
use opencv::core::{Mat, Size, Vec4b};
use opencv::imgproc;
use opencv::videoio::{
    self, VideoCapture, VideoCaptureTraitConst as _, VideoWriter, VideoWriterTrait as _,
    VideoWriterTraitConst as _,
};
use types::{MonoTime, Mood, Observation};

use super::canvas::Canvas;
use super::scene::{Scene, Seen};
use super::timeline::Timeline;

/// A frame that lasts longer than this is not shown for longer.
const LONGEST_STILL_S: f64 = 1.0;

/// Writes `annotated.mp4` (or `.avi`, where OpenCV has no MPEG-4 encoder) and `timeline.png` into
/// a folder.
pub struct Annotator {
    folder: PathBuf,
    fps: f64,
    timeline: Timeline,
    film: Option<Film>,
}

/// What there is once the first frame has told its size.
struct Film {
    path: PathBuf,
    scene: Scene,
    writer: VideoWriter,
    start: MonoTime,
    /// Until which frame of the video's own rate it has come.
    reached: u64,
    /// How many frames were given to the writer: fewer, where a gap was too long to fill.
    written: u64,
    bgr: Mat,
}

impl Annotator {
    /// Makes the folder where it is missing. `title` stands above the timeline; the video gets
    /// `fps` frames a second whatever the times of the frames.
    ///
    /// # Errors
    /// Where the folder cannot be made.
    pub fn new(folder: &Path, title: &str, fps: f64) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|e| named(folder, &e))?;
        Ok(Self { folder: folder.to_owned(), fps, timeline: Timeline::new(title), film: None })
    }

    /// Where it draws.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds one frame, in the order of time; `face` is the crop where landmarks were found.
    ///
    /// # Errors
    /// Where the video cannot be written.
    pub fn frame(
        &mut self,
        at: MonoTime,
        frame: &Frame,
        observation: &Observation,
        mood: &Mood,
        face: Option<&AlignedFace>,
    ) -> Result<()> {
        self.timeline.push(at, observation, mood, face);
        if self.film.is_none() {
            self.film = Some(Film::open(&self.folder, Scene::new(frame, true), self.fps, at)?);
        }
        let Some(film) = &mut self.film else { return Ok(()) };
        let canvas = film.scene.draw(&Seen { at, frame, observation, mood: Some(mood), face })?;
        film.show(&canvas, at, self.fps).map_err(|e| named(&self.folder, &e))
    }

    /// Ends the video and draws the timeline.
    ///
    /// # Errors
    /// Where one of them cannot be written.
    pub fn finish(mut self) -> Result<()> {
        let filmed = self.film.as_mut().map_or(Ok(()), Film::finish);
        let path = self.folder.join("timeline.png");
        let drawn = self.timeline.save(&path).map_err(|e| named(&path, &e));
        filmed.and(drawn)
    }
}

impl Film {
    fn open(folder: &Path, scene: Scene, fps: f64, start: MonoTime) -> Result<Self> {
        let (width, height) = scene.size();
        let size = Size::new(width as i32, height as i32);
        for (name, code) in [("annotated.mp4", *b"mp4v"), ("annotated.avi", *b"MJPG")] {
            let [a, b, c, d] = code.map(char::from);
            let path = folder.join(name);
            let writer = VideoWriter::fourcc(a, b, c, d)
                .and_then(|code| VideoWriter::new(&path, code, fps, size, true))
                .map_err(|e| named(&path, &e))?;
            if writer.is_opened().map_err(|e| named(&path, &e))? {
                return Ok(Self { path, scene, writer, start, reached: 0, written: 0, bgr: Mat::default() });
            }
        }
        Err(named(folder, &"OpenCV opens neither an MPEG-4 nor a Motion JPEG video for writing here"))
    }

    /// Writes the frame as often as the video's own rate needs it to keep time.
    fn show(&mut self, canvas: &Canvas, at: MonoTime, fps: f64) -> opencv::Result<()> {
        let due = (at.since(self.start).as_secs_f64() * fps).round() as u64 + 1;
        let most = (LONGEST_STILL_S * fps).ceil() as u64;
        let times = due.saturating_sub(self.reached).min(most);
        let rgba = Mat::new_rows_cols_with_bytes::<Vec4b>(
            canvas.height() as i32,
            canvas.width() as i32,
            canvas.rgba(),
        )?;
        imgproc::cvt_color_def(&rgba, &mut self.bgr, imgproc::COLOR_RGBA2BGR)?;
        (0..times).try_for_each(|_| self.writer.write(&self.bgr))?;
        // After a gap longer than a still may last, the video simply goes on.
        self.reached = due.max(self.reached);
        self.written += times;
        Ok(())
    }

    /// Ends the video, and reads back how long it is: OpenCV's writer says nothing of a full disk.
    fn finish(&mut self) -> Result<()> {
        self.writer.release().map_err(|e| named(&self.path, &e))?;
        let film = VideoCapture::from_file(&self.path, videoio::CAP_FFMPEG);
        let kept = film.and_then(|film| film.get(videoio::CAP_PROP_FRAME_COUNT)).unwrap_or(0.0);
        if kept < self.written as f64 {
            let told = format!("the video has {kept} of its {} frames; is the disk full?", self.written);
            return Err(named(&self.path, &told));
        }
        Ok(())
    }
}

/// Draws one picture that stands alone, as a PNG.
///
/// # Errors
/// Where the file cannot be written.
pub fn still(
    path: &Path,
    frame: &Frame,
    observation: &Observation,
    face: Option<&AlignedFace>,
) -> Result<()> {
    let seen = Seen { at: MonoTime::ZERO, frame, observation, mood: None, face };
    Scene::new(frame, false).draw(&seen)?.save(path).map_err(|e| named(path, &e))
}

/// An error that names what could not be written.
fn named(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::other(format!("{}: {error}", path.display()))
}
