//! All threads and channels of `run`, in the order of a frame's way. Nothing else in the daemon
//! makes a thread.
//!
//! ```text
//!  capture ──newest wins──> align ──blocks──> mood ──never waits──> publish ──> subscribers
//!     ^                       ^                │ ^└─drops, counted──> annotate (with --annotate)
//!     │                       └─── crops ──────┘ │                     │    └──> CAN bus
//!     └────────── orders: the newest ────────────┴───────────────────<─┘  <── vehicle's signals
//!  all ──notes──> the supervisor, on the main thread
//! ```
//!
//! The end of media runs down the same way: a thread that ends closes its channel, the next one
//! drains it and ends. A stop closes the `stop` channel, which every thread but publish waits on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use ::align::Aligner;
use ::smooth::Smoother;
use classify::Classifier;
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use frame::{AlignedFace, Frame};
use publish::{Counters, EventReceiver, EventSender, Gated};
use types::{Clock, Mood, Observation, Stamped};
use wire::Header;

use crate::draw::Annotator;
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::live::edge::{NewestSender, newest_wins};
use crate::live::intake::{Captured, Intake, Ledger, Nature, Opener};
use crate::live::judge::Judge;
use crate::live::leash::{Leash, heed_tugs};
use crate::live::metrics::Metrics;
use crate::live::orders::Orders;
use crate::live::sight::{Sight, Sighted};
use crate::live::vigil::{SourceState, Vigil};

/// Crops in flight: one being written, one on the edge, one being classified.
const CROPS: usize = 3;
/// Events that may wait for publish: a second's worth at 60 frames a second.
const EVENTS: usize = 64;
/// Pictures that may wait for the video encoder, which stutters at key frames.
const PICTURES: usize = 8;

/// Loads the models, the expression model only where the purpose lets it be used.
pub type Loader = Box<dyn FnOnce() -> Result<(Aligner, Option<Classifier>), Failure> + Send>;

/// What a thread tells the supervisor.
#[derive(Debug)]
pub enum Note {
    /// The models are loaded and warm: frames may come.
    ModelsReady,
    /// A thread ended.
    Ended(Part, Result<(), Failure>),
}

/// A thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The capture thread with this number; there is a new one after one was given up.
    Capture(u32),
    /// Face, landmarks, crop.
    Align,
    /// Expression, mood, silence.
    Mood,
    /// The sinks.
    Publish,
    /// The annotated video.
    Annotate,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Capture(_) => "capture",
            Self::Align => "align",
            Self::Mood => "mood",
            Self::Publish => "publish",
            Self::Annotate => "annotate",
        }
    }
}

/// What the graph is made of: everything that may fail before a thread runs is done.
pub struct Plan {
    /// Makes the source.
    pub open: Opener,
    /// What is expected of it.
    pub nature: Nature,
    /// Loads the models, on the align thread, while `unknown: starting` goes out already.
    pub load: Loader,
    /// The filter.
    pub smoother: Smoother,
    /// The watch over the age of what is known.
    pub vigil: Vigil,
    /// What the vehicle wants.
    pub orders: Arc<Orders>,
    /// What all events share.
    pub header: Header,
    /// The ways outward, each behind its gate.
    pub sinks: Vec<Gated>,
    /// Draws the pictures that the operator asked for.
    pub annotate: Option<Annotator>,
    /// The counts, which a sink may serve.
    pub metrics: Arc<Metrics>,
    /// Publish's own.
    pub published: Arc<Counters>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Closed when the daemon ends; the supervisor has the other end.
    pub stop: Receiver<()>,
}

/// The running graph, as the supervisor sees it.
pub struct Graph {
    /// What the threads tell.
    pub notes: Receiver<Note>,
    /// What the newest capture thread is doing.
    pub leash: Arc<Leash>,
    /// The counts.
    pub metrics: Arc<Metrics>,
    /// Publish's own counts.
    pub published: Arc<Counters>,
    /// Threads that have not ended, those that were given up aside.
    pub running: usize,
    captures: u32,
    /// The newest capture thread.
    captor: Option<JoinHandle<()>>,
    frames: Option<NewestSender<Captured>>,
    notes_out: Sender<Note>,
    source: Source,
}

/// What a capture thread is made from, kept to make another.
struct Source {
    open: Opener,
    nature: Nature,
    state: Arc<SourceState>,
    orders: Arc<Orders>,
    ledger: Arc<Ledger>,
    stop: Receiver<()>,
    clock: Arc<dyn Clock>,
}

impl Graph {
    /// Starts all threads but capture, which [`Self::capture`] starts once the models are ready.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where the system has no thread or no signal left.
    pub fn start(plan: Plan) -> Result<Self, Failure> {
        let Plan { open, nature, load, smoother, vigil, orders, header, sinks, annotate, .. } = plan;
        let Plan { metrics, published, clock, stop, .. } = plan;
        heed_tugs().or_exit(Exit::Unavailable, || "SIGUSR1 cannot be handled".into())?;
        let (notes_out, notes) = unbounded();
        let (frames, frames_in) = newest_wins();
        let state = Arc::new(SourceState::default());
        let source = Source { open, nature, state, orders, ledger: Arc::default(), stop, clock };
        let mut graph = Self {
            notes,
            leash: Arc::default(),
            metrics,
            published,
            running: 0,
            captures: 0,
            captor: None,
            frames: Some(frames),
            notes_out,
            source,
        };
        let (events, events_in) = publish::channel(EVENTS);
        graph.publish(sinks, events_in)?;
        let pictures = annotate.map(|annotator| graph.annotate(annotator)).transpose()?;
        graph.judge(load, smoother, vigil, header, frames_in, events, pictures)?;
        Ok(graph)
    }

    /// Starts a capture thread; where there is one already, it is given up.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where the system has no thread left.
    pub fn capture(&mut self) -> Result<(), Failure> {
        // Media is played once, and its end must close the edge: no other sender may remain.
        let frames = match self.source.nature {
            Nature::Media => self.frames.take(),
            Nature::Camera { .. } => self.frames.clone(),
        };
        let Some(frames) = frames else { return Ok(()) };
        if self.captures > 0 {
            self.leash.cut();
            self.metrics.captures_abandoned_total.one();
            self.running -= 1;
        }
        self.captures += 1;
        self.leash = Arc::default();
        let intake = Intake {
            open: Arc::clone(&self.source.open),
            nature: self.source.nature,
            frames,
            stop: self.source.stop.clone(),
            leash: Arc::clone(&self.leash),
            orders: Arc::clone(&self.source.orders),
            state: Arc::clone(&self.source.state),
            ledger: Arc::clone(&self.source.ledger),
            metrics: Arc::clone(&self.metrics),
            clock: Arc::clone(&self.source.clock),
        };
        self.captor = Some(self.spawn(Part::Capture(self.captures), move || intake.run())?);
        Ok(())
    }

    /// Breaks off the driver call that the capture thread is in.
    ///
    /// # Errors
    /// [`Exit::Unavailable`] where the system sends no signal.
    pub fn break_off(&self) -> Result<(), Failure> {
        let tug = self.captor.as_ref().map_or(Ok(()), |thread| self.leash.tug(thread));
        tug.or_exit(Exit::Unavailable, || "the capture thread cannot be signalled".into())
    }

    /// Whether the source may come and go, and hang.
    pub fn is_camera(&self) -> bool {
        self.source.nature != Nature::Media
    }

    /// Whether a note is from a capture thread that was given up.
    pub fn is_given_up(&self, part: Part) -> bool {
        matches!(part, Part::Capture(number) if number != self.captures)
    }

    /// Align and mood, and the two channels between them: sightings there, used crops back.
    #[expect(clippy::too_many_arguments, reason = "each is one end of a channel or a stage")]
    fn judge(
        &mut self,
        load: Loader,
        smoother: Smoother,
        vigil: Vigil,
        header: Header,
        frames: Receiver<Captured>,
        events: EventSender,
        pictures: Option<Sender<Picture>>,
    ) -> Result<(), Failure> {
        let (sightings, sightings_in) = bounded(1);
        let (crops_back, crops) = bounded(CROPS);
        for _ in 0..CROPS {
            // There is room for all of them.
            let _ = crops_back.send(AlignedFace::black());
        }
        let (models, models_in) = bounded(1);
        let clock = Arc::clone(&self.source.clock);
        let metrics = Arc::clone(&self.metrics);
        let (state, orders) = (Arc::clone(&self.source.state), Arc::clone(&self.source.orders));
        let judge = Judge::new(smoother, vigil, state, orders, header, metrics, clock);
        let mood = Mooding {
            judge,
            models: models_in,
            sightings: sightings_in,
            crops: crops_back,
            events,
            pictures,
        };
        let stop = self.source.stop.clone();
        let metrics = Arc::clone(&self.metrics);
        self.spawn(Part::Mood, move || mood.run(&stop, &metrics))?;

        let (clock, metrics) = (Arc::clone(&self.source.clock), Arc::clone(&self.metrics));
        let (stop, notes) = (self.source.stop.clone(), self.notes_out.clone());
        self.spawn(Part::Align, move || {
            let (aligner, classifier) = load()?;
            // A receiver that is gone is a daemon that ends: the loop below finds out.
            let _ = models.send(classifier);
            let _ = notes.send(Note::ModelsReady);
            align(Sight::new(aligner, metrics, clock), &frames, &crops, &sightings, &stop);
            Ok(())
        })?;
        Ok(())
    }

    fn publish(&mut self, sinks: Vec<Gated>, events: EventReceiver) -> Result<(), Failure> {
        let (clock, counters) = (Arc::clone(&self.source.clock), Arc::clone(&self.published));
        self.spawn(Part::Publish, move || Ok(publish::serve(sinks, events, clock, counters)?))?;
        Ok(())
    }

    fn annotate(&mut self, annotator: Annotator) -> Result<Sender<Picture>, Failure> {
        let (pictures_out, pictures) = bounded(PICTURES);
        self.spawn(Part::Annotate, move || {
            let folder = annotator.folder().to_owned();
            annotate(annotator, &pictures).or_exit(Exit::Unavailable, writing("--annotate", &folder))
        })?;
        Ok(pictures_out)
    }

    /// Starts a thread that notes its own end, however it ends.
    fn spawn(
        &mut self,
        part: Part,
        work: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    ) -> Result<JoinHandle<()>, Failure> {
        let notes = self.notes_out.clone();
        let guarded = move || {
            // Nothing of a thread that panicked is used again: the daemon ends.
            let result =
                catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(part, &*panic)));
            let _ = notes.send(Note::Ended(part, result));
        };
        let spawned = thread::Builder::new().name(part.name().to_owned()).spawn(guarded);
        self.running += 1;
        spawned.map_err(|fault| Failure::new(Exit::Unavailable, fault))
    }
}

fn panicked(part: Part, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    Failure::message(Exit::Internal, format!("the {} thread failed: {text}; please report this", part.name()))
}

/// A frame with what was made of it, for the annotated video.
struct Picture {
    frame: Stamped<Frame>,
    observation: Observation,
    face: AlignedFace,
    mood: Mood,
}

/// The annotate thread.
fn annotate(mut annotator: Annotator, pictures: &Receiver<Picture>) -> std::io::Result<()> {
    for Picture { frame, observation, face, mood } in pictures {
        let face = observation.landmarks.is_some().then_some(&face);
        annotator.frame(frame.captured_at, &frame.value, &observation, &mood, face)?;
    }
    annotator.finish()
}

/// The align thread.
fn align(
    mut sight: Sight,
    frames: &Receiver<Captured>,
    crops: &Receiver<AlignedFace>,
    sightings: &Sender<Sighted>,
    stop: &Receiver<()>,
) {
    loop {
        let captured = select! {
            recv(stop) -> _ => return,
            recv(frames) -> captured => captured,
        };
        // Without a crop or a reader the mood thread is gone.
        let (Ok(captured), Ok(crop)) = (captured, crops.recv()) else { return };
        if sightings.send(sight.step(captured, crop)).is_err() {
            return;
        }
    }
}

/// The mood thread.
struct Mooding {
    judge: Judge,
    models: Receiver<Option<Classifier>>,
    sightings: Receiver<Sighted>,
    crops: Sender<AlignedFace>,
    events: EventSender,
    pictures: Option<Sender<Picture>>,
}

impl Mooding {
    fn run(mut self, stop: &Receiver<()>, metrics: &Metrics) -> Result<(), Failure> {
        loop {
            let event = select! {
                recv(stop) -> _ => return Ok(()),
                recv(self.sightings) -> sighted => match sighted {
                    Ok(sighted) => self.sighting(sighted, metrics),
                    Err(_) => return Ok(()),
                },
                default(self.judge.patience()) => self.judge.silence(),
            };
            let gone = |fault| Failure::new(Exit::Internal, fault);
            self.events.send(event).map_err(gone)?;
        }
    }

    fn sighting(&mut self, sighted: Sighted, metrics: &Metrics) -> wire::Event {
        let Sighted { mut observation, crop, frame } = sighted;
        // It was sent before the first frame was asked for.
        self.models.try_iter().for_each(|model| self.judge.equip(model));
        let (mood, event) = self.judge.sighting(&mut observation, &crop);
        if let Some(pictures) = &self.pictures {
            let face = crop.clone();
            let picture =
                Picture { frame: observation.with(frame), observation: observation.value, face, mood };
            metrics.pictures_dropped_total.add(pictures.try_send(picture).is_err().into());
        }
        // The align thread may be gone, and with it the need for crops.
        let _ = self.crops.send(crop);
        event
    }
}
