//! The mood thread's work: classifies what was sighted, smooths it, tells silence, and makes events.

use std::sync::Arc;

use classify::Classifier;
use frame::AlignedFace;
use smooth::Smoother;
use tracing::{error, info, trace_span};
use types::{Clock, MonoTime, Mood, MoodState, Observation, Reason, Stamped, UtcTime, Verdict};
use wire::can::Conditions;
use wire::{Event, Header};

use super::checkup::Checkup;
use super::metrics::Metrics;
use super::orders::Orders;
use super::vigil::{SourceState, Vigil};

/// So many digits of a model's hash tell it from all others that one fleet has, and fit into a CAN
/// signal.
const MODEL_ID_DIGITS: usize = 5;

/// From sightings to events: one for each frame, and `unknown` where none comes.
pub struct Judge {
    /// None until it is loaded, before which no frame comes, and where the purpose wants none.
    classifier: Option<Classifier>,
    smoother: Smoother,
    vigil: Vigil,
    source: Arc<SourceState>,
    orders: Arc<Orders>,
    /// The driver that the learned neutral belongs to.
    driver: u32,
    checkup: Checkup,
    header: Header,
    next_seq: u64,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Judge {
    /// A judge that has seen nothing yet.
    pub fn new(
        smoother: Smoother,
        vigil: Vigil,
        source: Arc<SourceState>,
        orders: Arc<Orders>,
        header: Header,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            classifier: None,
            smoother,
            vigil,
            source,
            driver: orders.get().driver,
            orders,
            checkup: Checkup::default(),
            header,
            next_seq: 0,
            metrics,
            clock,
        }
    }

    /// The models are loaded; without an expression model none is recognised.
    pub fn equip(&mut self, classifier: Option<Classifier>) {
        if let Some(classifier) = &classifier {
            self.header.model = classifier.model_name().into();
            self.header.model_id =
                classifier.model_sha256().chars().take(MODEL_ID_DIGITS).collect::<String>().into();
        }
        self.checkup.equipped(classifier.is_some());
        self.classifier = classifier;
    }

    /// How long to wait for the next sighting before [`Self::silence`].
    pub fn patience(&self) -> std::time::Duration {
        self.vigil.patience(self.clock.now())
    }

    /// A frame was looked at.
    pub fn sighting(&mut self, sighting: &mut Stamped<Observation>, crop: &AlignedFace) -> (Mood, Event) {
        let wanted = self.obey();
        if !wanted {
            return self.not_watching(sighting.captured_at);
        }
        if sighting.value.verdict.is_accepted() {
            self.classify(sighting, crop);
        }
        let _span = trace_span!("smooth", seq = sighting.seq).entered();
        let captured_at = sighting.captured_at;
        let now = self.clock.now();
        let mood = match sighting.value.verdict {
            // These say that there is no look at the driver at all, however short: at once unknown.
            Verdict::Rejected(reason @ (Reason::Frozen | Reason::Stale)) => {
                self.smoother.silence(captured_at, reason)
            }
            _ if self.vigil.is_stale(captured_at, now) => {
                self.metrics.frames_stale_total.one();
                self.smoother.silence(captured_at, Reason::Stale)
            }
            // No expression is wanted, so that there is never enough to name one.
            Verdict::Accepted if self.classifier.is_none() => {
                self.smoother.silence(captured_at, Reason::Starting)
            }
            _ => self.smoother.step(sighting),
        };
        self.metrics.smooth_time.add(self.clock.now().since(now));
        self.vigil.saw(captured_at);
        let why = if let MoodState::Unknown(reason) = mood.state { Some(reason) } else { None };
        self.checkup.frame(why, self.metrics.align_faults_total.get());
        self.metrics.reaction_time.add(now.since(captured_at));
        let utc = utc_of(captured_at, now, self.clock.utc());
        let seq = self.number();
        let event = Event::new(&self.header, seq, &*sighting, &mood, utc);
        (mood, Event { health: self.checkup.health(), ..event })
    }

    /// Media goes on playing while nothing shall be watched: its frames tell nothing.
    fn not_watching(&mut self, captured_at: MonoTime) -> (Mood, Event) {
        self.vigil.saw(captured_at);
        let mood = self.smoother.silence(captured_at, Reason::Disabled);
        self.checkup.silence(Reason::Disabled);
        let event = self.tell_silence(captured_at, &mood);
        (mood, event)
    }

    /// Does what the vehicle wants; whether that is to watch.
    fn obey(&mut self) -> bool {
        let Conditions { watch, learn, driver } = self.orders.get();
        if self.driver != driver {
            self.driver = driver;
            info!(driver, "another driver: the learned neutral is forgotten");
            self.smoother.reset_neutral();
        }
        self.smoother.learn_neutral(learn);
        watch
    }

    fn tell_silence(&mut self, at: MonoTime, mood: &Mood) -> Event {
        let seq = self.number();
        let event = Event::new(&self.header, seq, at, mood, utc_of(at, self.clock.now(), self.clock.utc()));
        Event { health: self.checkup.health(), ..event }
    }

    /// No frame came in time.
    pub fn silence(&mut self) -> Event {
        let now = self.clock.now();
        let told = self.vigil.tell(now, &self.source);
        let reason = if self.obey() { told } else { Reason::Disabled };
        let mood = self.smoother.silence(now, reason);
        self.checkup.silence(reason);
        self.tell_silence(now, &mood)
    }

    /// Adds the probabilities; without them the frame says nothing of the present.
    fn classify(&mut self, sighting: &mut Stamped<Observation>, crop: &AlignedFace) {
        let _span = trace_span!("classify", seq = sighting.seq).entered();
        let Some(classifier) = &mut self.classifier else { return };
        let start = self.clock.now();
        match classifier.step(crop) {
            Ok(probabilities) => {
                self.checkup.classified(true);
                sighting.value.probabilities = Some(probabilities);
            }
            Err(fault) => {
                self.checkup.classified(false);
                self.metrics.classify_faults_total.one();
                error!(%fault, seq = sighting.seq, "classification failed");
                sighting.value.verdict = Verdict::Rejected(Reason::Stale);
            }
        }
        self.metrics.classify_time.add(self.clock.now().since(start));
    }

    fn number(&mut self) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        seq
    }
}

/// The wall-clock time of a moment in the past.
fn utc_of(moment: MonoTime, now: MonoTime, utc_now: UtcTime) -> UtcTime {
    let age = u64::try_from(now.since(moment).as_nanos()).unwrap_or(u64::MAX);
    UtcTime(utc_now.0.saturating_sub(age))
}
