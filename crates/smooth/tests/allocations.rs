//! A smoother allocates nothing on Rust's heap, not even in its first step.
#![allow(clippy::unwrap_used)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use smooth::{SmoothOptions, Smoother};
use types::{Expression, MonoTime, Observation, Pose, Probabilities, Quality, Reason, Stamped, Verdict};

thread_local! {
    /// Of this thread; the test harness allocates on others.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged; counting touches no memory of its own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are the system's.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Looks that go through all states: steady, in transition, unknown, with intensity and without.
#[test]
fn looks_and_silences_allocate_nothing() {
    let mut smoother = Smoother::new(SmoothOptions::default()).unwrap();
    let mut at = MonoTime::ZERO;
    let before = ALLOCATIONS.get();
    assert!(before > 0, "the counter counts");
    for seq in 0..3000 {
        at = at + Duration::from_millis(33);
        let shown = Expression::ALL[(seq / 500 % 7) as usize];
        let mut weights = [0.1; Expression::COUNT];
        weights[shown.index()] = 3.0;
        let value = match seq % 100 {
            98 => Observation::nothing(Reason::Pose),
            99 => {
                smoother.silence(at, Reason::CameraLost);
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
        smoother.step(&Stamped { seq, captured_at: at, value });
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
