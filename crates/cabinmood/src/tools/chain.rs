//! The chain as the offline commands run it: decoding, alignment and the caller's own work each on
//! a thread, one frame apart, with channels between them that block. Nothing is dropped.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use align::Aligner;
use capture::{CaptureError, Remedy, SourceOptions, SourceSpec};
use crossbeam_channel::{Receiver, Sender, bounded};
use frame::{AlignedFace, Frame, Pool};
use types::{Clock as _, Observation, Stamped};

use super::stop::Stop;
use super::walk::{Kind, Medium};
use crate::clock::SystemClock;
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

/// Plays all media in order through `aligner` and gives every message to `sink` on the calling
/// thread. Ends early, after what is under way, once `stop` is set.
///
/// # Errors
/// The first error of `sink`, or of the alignment stage.
pub fn play(
    media: &[Medium],
    options: &SourceOptions,
    mut aligner: Aligner,
    stop: &Stop,
    mut sink: impl FnMut(Message<Aligned>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let pool = Pool::new();
    let (decoded_out, decoded) = bounded(AHEAD);
    let (aligned_out, aligned) = bounded(AHEAD);
    thread::scope(|scope| {
        // A thread whose receiver has gone has nothing left to do: the reason is told elsewhere.
        scope.spawn(move || {
            media.iter().try_for_each(|medium| capture_file(medium, options, &pool, stop, &decoded_out))
        });
        scope.spawn(move || align_all(&mut aligner, &decoded, &aligned_out));
        for message in aligned {
            match message {
                Message::Failed(failure) => return Err(failure),
                other => sink(other)?,
            }
        }
        Ok(())
    })
}

/// `None` once nobody receives any more.
type Sent = Option<()>;

fn capture_file(
    medium: &Medium,
    options: &SourceOptions,
    pool: &Pool,
    stop: &Stop,
    out: &Sender<Message<Decoded>>,
) -> Sent {
    if stop.is_set() {
        return Some(());
    }
    let path = &medium.path;
    let spec = match medium.kind {
        Kind::Picture => SourceSpec::Images(path.clone()),
        Kind::Video => SourceSpec::Video(path.clone()),
    };
    let mut source = match capture::open(&spec, options, Arc::new(SystemClock), pool) {
        Ok(source) => source,
        Err(error) => return out.send(Message::Fault(medium.clone(), error)).ok(),
    };
    out.send(Message::Begin(Arc::new(Clip {
        path: path.clone(),
        name: path.to_string_lossy().into_owned(),
        kind: medium.kind,
        frames: source.frames_hint(),
        interval: source.interval_hint(),
    })))
    .ok()?;
    while !stop.is_set() {
        let (taken, capture) = timed(|| source.next());
        match taken {
            Ok(Some(frame)) => out.send(Message::Frame(Decoded { frame, capture })).ok()?,
            Ok(None) => return Some(()),
            Err(error) => {
                let goes_on = error.remedy() == Remedy::Skip;
                out.send(Message::Fault(medium.clone(), error)).ok()?;
                if !goes_on {
                    return Some(());
                }
            }
        }
    }
    Some(())
}

fn align_all(
    aligner: &mut Aligner,
    decoded: &Receiver<Message<Decoded>>,
    out: &Sender<Message<Aligned>>,
) -> Sent {
    let mut kind = Kind::Video;
    for message in decoded {
        out.send(match message {
            Message::Begin(clip) => {
                aligner.reset();
                kind = clip.kind;
                Message::Begin(clip)
            }
            Message::Frame(decoded) => align_frame(aligner, decoded, kind),
            Message::Fault(medium, error) => Message::Fault(medium, error),
            Message::Failed(failure) => Message::Failed(failure),
        })
        .ok()?;
    }
    Some(())
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
