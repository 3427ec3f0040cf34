//! The align thread's work on one frame: from a captured frame to an observation and a crop.

use std::sync::Arc;

use align::Aligner;
use frame::{AlignedFace, Frame};
use tracing::{error, trace_span};
use types::{Clock, Observation, Reason, Stamped};

use super::intake::Captured;
use super::metrics::Metrics;

/// What alignment makes of a frame, on its way to the expression model.
#[derive(Debug)]
pub struct Sighted {
    /// What was seen, without probabilities yet.
    pub observation: Stamped<Observation>,
    /// The crop, to be classified only where the observation is accepted.
    pub crop: AlignedFace,
    /// The frame itself, for pictures that an operator asked for.
    pub frame: Frame,
}

/// Alignment in the daemon: survives what goes wrong on a single frame.
pub struct Sight {
    aligner: Aligner,
    opening: u64,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
}

impl Sight {
    /// Alignment that counts into `metrics`.
    pub fn new(aligner: Aligner, metrics: Arc<Metrics>, clock: Arc<dyn Clock>) -> Self {
        Self { aligner, opening: 0, metrics, clock }
    }

    /// Looks at a frame and writes the crop.
    pub fn step(&mut self, captured: Captured, mut crop: AlignedFace) -> Sighted {
        let Captured { frame, frozen, opening } = captured;
        if self.opening != opening {
            self.opening = opening;
            self.aligner.reset();
        }
        let seen = if frozen {
            Observation::nothing(Reason::Frozen)
        } else {
            let _span = trace_span!("align", seq = frame.seq).entered();
            let start = self.clock.now();
            self.metrics.taken_age.add(start.since(frame.captured_at));
            let seen = self.aligner.step(&frame.value.grey, frame.captured_at, &mut crop);
            self.metrics.align_time.add(self.clock.now().since(start));
            seen.unwrap_or_else(|fault| {
                self.metrics.align_faults_total.one();
                error!(%fault, seq = frame.seq, "alignment failed");
                Observation::nothing(Reason::Misaligned)
            })
        };
        self.metrics.frames_processed_total.one();
        self.metrics.frames_accepted_total.add(seen.verdict.is_accepted().into());
        Sighted { observation: frame.with(seen), crop, frame: frame.value }
    }
}
