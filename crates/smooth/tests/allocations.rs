//! A smoother allocates nothing on Rust's heap, not even in its first step.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use cabinmood_tests::allocations::{Counting, allocations};
use smooth::{SmoothOptions, Smoother};
use types::{Expression, MonoTime, Observation, Pose, Probabilities, Quality, Reason, Stamped, Verdict};

#[global_allocator]
static COUNTING: Counting = Counting;

/// Looks that go through all states: steady, in transition, unknown, with intensity and without.
#[test]
fn looks_and_silences_allocate_nothing() {
    let mut smoother = Smoother::new(SmoothOptions::default()).unwrap();
    let mut at = MonoTime::ZERO;
    let count = allocations(|| walk(&mut smoother, &mut at));
    assert_eq!(count, 0);
}

fn walk(smoother: &mut Smoother, at: &mut MonoTime) {
    for seq in 0..3000 {
        *at = *at + Duration::from_millis(33);
        let shown = Expression::ALL[(seq / 500 % 7) as usize];
        let mut weights = [0.1; Expression::COUNT];
        weights[shown.index()] = 3.0;
        let value = match seq % 100 {
            98 => Observation::nothing(Reason::Pose),
            99 => {
                smoother.silence(*at, Reason::CameraLost);
                continue;
            }
            _ => Observation {
                pose: Some(Pose::default()),
                quality: Quality::new(0.9),
                verdict: Verdict::Accepted,
                probabilities: Probabilities::from_weights(weights),
                ..Observation::nothing(Reason::Starting)
            },
        };
        smoother.step(&Stamped { seq, captured_at: *at, value });
    }
}
