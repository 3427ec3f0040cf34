//! The chain as the offline commands run it. Of a video, decoding, alignment and the caller's own work
//! each have a thread, one frame apart, with channels between them that block. Pictures have nothing
//! to do with one another: each is decoded and aligned by whichever thread is free. Nothing is dropped,
//! and all comes in order.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use align::Aligner;
use capture::{CaptureError, Remedy, SourceOptions, SourceSpec};
use crossbeam_channel::bounded;
use frame::{AlignedFace, Frame, Pool};
use types::{Clock as _, Observation, Stamped};

use super::open;
use super::ordered::{for_each_in_order, workers};
use super::stop::Stop;
use super::walk::{Kind, Medium};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};

/// Frames between two threads: enough to ride out a slow one, few enough to stay in the cache.
const AHEAD: usize = 4;

/// A file that is being played.
#[derive(Debug, PartialEq, Eq)]
pub struct Clip {
    /// Where it is.
    pub path: PathBuf,
    /// The path as it is written into results.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// How many frames it says it has.
    pub frames: Option<u64>,
    /// The time between two of them.
    pub interval: Option<Duration>,
}

/// A frame that comes out of a file.
pub struct Decoded {
    /// The frame, with its media time.
    pub frame: Stamped<Frame>,
    /// What decoding took.
    pub capture: Duration,
}

/// A frame after alignment.
pub struct Aligned {
    /// The frame, with its media time.
    pub frame: Stamped<Frame>,
    /// What was seen on it, without probabilities.
    pub seen: Observation,
    /// Its crop, valid where landmarks were found.
    pub face: AlignedFace,
    /// What decoding took.
    pub capture: Duration,
    /// What detection, tracking, landmarks, pose, quality and warp took together.
    pub align: Duration,
}

/// What goes from thread to thread.
pub enum Message<T> {
    /// A file was opened; what follows is from it.
    Begin(Arc<Clip>),
    /// Its next frame.
    Frame(T),
    /// Something about a file is wrong; where it goes on, its next frame follows.
    Fault(Medium, CaptureError),
    /// A stage failed; nothing follows.
    Failed(Failure),
}

/// The alignment stages that work on these media at once: one on a video, on pictures as many as the
/// machine runs threads.
///
/// # Errors
/// The first one that cannot be opened.
pub fn aligners(media: &[Medium], config: &Config) -> Result<Vec<Aligner>, Failure> {
    let pictures = media.iter().filter(|medium| medium.kind == Kind::Picture).count();
    workers(pictures.max(1), || open::aligner(config))
}

/// Plays all media in order through `aligners`, of which there must be one at least, and gives every
/// message to `sink` on the calling thread. Ends early, after what is under way, once `stop` is set.
///
/// # Errors
/// The first error of `sink`, or of the alignment stage.
pub fn play(
    media: &[Medium],
    options: &SourceOptions,
    mut aligners: Vec<Aligner>,
    stop: &Stop,
    mut sink: impl FnMut(Message<Aligned>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let input = Input { options, pool: Pool::new(), stop };
    let mut take = |message| match message {
        Message::Failed(failure) => Err(failure),
        other => sink(other),
    };
    for alike in media.chunk_by(|one, next| one.kind == next.kind) {
        match alike[0].kind {
            Kind::Picture => play_pictures(alike, &input, &mut aligners, &mut take)?,
            Kind::Video => play_videos(alike, &input, &mut aligners[0], &mut take)?,
        }
    }
    Ok(())
}

/// What reading files takes.
struct Input<'a> {
    options: &'a SourceOptions,
    pool: Pool,
    stop: &'a Stop,
}

fn play_pictures(
    pictures: &[Medium],
    input: &Input<'_>,
    aligners: &mut [Aligner],
    sink: &mut impl FnMut(Message<Aligned>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let work = |aligner: &mut &mut Aligner, picture: &Medium| {
        let mut messages = Vec::new();
        input.read(picture, |message| {
            messages.push(align(aligner, message, Kind::Picture));
            Some(())
        });
        messages
    };
    let workers = aligners.iter_mut().collect();
    for_each_in_order(pictures, workers, input.stop, work, |_, messages: Vec<_>| {
        messages.into_iter().try_for_each(&mut *sink)
    })
}

fn play_videos(
    videos: &[Medium],
    input: &Input<'_>,
    aligner: &mut Aligner,
    sink: &mut impl FnMut(Message<Aligned>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (decoded_out, decoded) = bounded(AHEAD);
    let (aligned_out, aligned) = bounded(AHEAD);
    thread::scope(|scope| {
        // A thread whose receiver has gone has nothing left to do: the reason is told elsewhere.
        scope.spawn(move || {
            videos.iter().try_for_each(|video| input.read(video, |message| decoded_out.send(message).ok()))
        });
        scope.spawn(move || {
            decoded.iter().try_for_each(|message| aligned_out.send(align(aligner, message, Kind::Video)).ok())
        });
        // Taken in: where `sink` fails, the threads shall notice that nobody receives any more.
        aligned.into_iter().try_for_each(sink)
    })
}

/// `None` once nobody receives any more.
type Sent = Option<()>;

impl Input<'_> {
    /// Reads a file to its end.
    fn read(&self, medium: &Medium, mut out: impl FnMut(Message<Decoded>) -> Sent) -> Sent {
        if self.stop.is_set() {
            return Some(());
        }
        let path = &medium.path;
        let spec = match medium.kind {
            Kind::Picture => SourceSpec::Images(path.clone()),
            Kind::Video => SourceSpec::Video(path.clone()),
        };
        let mut source = match capture::open(&spec, self.options, Arc::new(SystemClock), &self.pool) {
            Ok(source) => source,
            Err(error) => return out(Message::Fault(medium.clone(), error)),
        };
        out(Message::Begin(Arc::new(Clip {
            path: path.clone(),
            name: path.to_string_lossy().into_owned(),
            kind: medium.kind,
            frames: source.frames_hint(),
            interval: source.interval_hint(),
        })))?;
        while !self.stop.is_set() {
            let (taken, capture) = timed(|| source.next());
            match taken {
                Ok(Some(frame)) => out(Message::Frame(Decoded { frame, capture }))?,
                Ok(None) => return Some(()),
                Err(error) => {
                    let goes_on = error.remedy() == Remedy::Skip;
                    out(Message::Fault(medium.clone(), error))?;
                    if !goes_on {
                        return Some(());
                    }
                }
            }
        }
        Some(())
    }
}

/// Passes a message on, a frame aligned.
fn align(aligner: &mut Aligner, message: Message<Decoded>, kind: Kind) -> Message<Aligned> {
    match message {
        Message::Begin(clip) => {
            aligner.reset();
            Message::Begin(clip)
        }
        Message::Frame(decoded) => align_frame(aligner, decoded, kind),
        Message::Fault(medium, error) => Message::Fault(medium, error),
        Message::Failed(failure) => Message::Failed(failure),
    }
}

fn align_frame(aligner: &mut Aligner, decoded: Decoded, kind: Kind) -> Message<Aligned> {
    let Decoded { frame, capture } = decoded;
    let mut face = AlignedFace::black();
    let (seen, align) = timed(|| match kind {
        Kind::Video => aligner.step(&frame.value.grey, frame.captured_at, &mut face),
        Kind::Picture => aligner.step_still(&frame.value.grey, &mut face),
    });
    match seen.or_exit(Exit::Internal, || "alignment failed".into()) {
        Ok(seen) => Message::Frame(Aligned { frame, seen, face, capture, align }),
        Err(failure) => Message::Failed(failure),
    }
}

/// What `work` gives, and how long it took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = SystemClock.now();
    let result = work();
    (result, SystemClock.now().since(start))
}
