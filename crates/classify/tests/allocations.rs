//! The steady state allocates nothing on Rust's heap.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::{Path, PathBuf};

use classify::Classifier;
use common::{on_cpu, tiny};
use frame::AlignedFace;

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

#[test]
fn a_thousand_faces_allocate_nothing() {
    allocate_nothing(tiny("right"), 1000);
}

#[test]
fn nor_do_they_in_the_model_that_ships() {
    allocate_nothing(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/expression.toml"), 20);
}

fn allocate_nothing(manifest: PathBuf, faces: u32) {
    let mut classifier = Classifier::open(&on_cpu(manifest)).unwrap();
    let mut face = AlignedFace::black();
    let before = ALLOCATIONS.get();
    assert!(before > 0, "the counter counts");
    for level in 0..faces {
        face.pixels_mut().fill((level % 256) as u8);
        classifier.step(&face).unwrap();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
