//! A source that plays a script: how tests make frames, faults and stalls without a camera.

use std::collections::VecDeque;

use frame::Frame;
use types::Stamped;

use crate::{CaptureError, FrameSource};

/// What a scripted source does at one call.
pub enum Step {
    /// It gives this frame.
    Frame(Stamped<Frame>),
    /// It fails.
    Fault(CaptureError),
    /// It blocks for as long as this does; then it goes on with the next step.
    Stall(Box<dyn FnOnce() + Send>),
}

/// A source whose every step is written down; after the last one the media is at its end.
pub struct ScriptedSource {
    steps: VecDeque<Step>,
    faults: u64,
}

impl ScriptedSource {
    /// A source that does these steps in order.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), faults: 0 }
    }
}

impl FrameSource for ScriptedSource {
    fn next(&mut self) -> Result<Option<Stamped<Frame>>, CaptureError> {
        loop {
            match self.steps.pop_front() {
                None => return Ok(None),
                Some(Step::Frame(frame)) => return Ok(Some(frame)),
                Some(Step::Fault(error)) => {
                    self.faults += 1;
                    return Err(error);
                }
                Some(Step::Stall(until)) => until(),
            }
        }
    }

    fn describe(&self) -> String {
        format!("a script of {} steps", self.steps.len())
    }

    fn decode_faults(&self) -> u64 {
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use frame::Grey;

    use super::*;

    #[test]
    fn a_script_is_played_in_order_and_a_stall_lasts_until_it_is_ended() {
        let (go, stalled) = crossbeam_channel::bounded(1);
        let frame = Frame { grey: Grey::new(1, 1, vec![9].into()).unwrap(), color: None };
        let mut source = ScriptedSource::new([
            Step::Fault(CaptureError::NoCamera { index: 0, path: "/dev/video0".into() }),
            Step::Stall(Box::new(move || stalled.recv().unwrap())),
            Step::Frame(Stamped { seq: 4, captured_at: Default::default(), value: frame }),
        ]);
        assert!(source.next().is_err());
        go.send(()).unwrap();
        assert_eq!(source.next().unwrap().unwrap().seq, 4);
        assert!(source.next().unwrap().is_none());
        assert_eq!(source.decode_faults(), 1);
    }
}
