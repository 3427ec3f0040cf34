//! The steady state allocates nothing on Rust's heap.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::path::{Path, PathBuf};

use cabinmood_tests::allocations::{Counting, allocations};
use classify::Classifier;
use common::{on_cpu, tiny};
use frame::AlignedFace;

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
    let count = allocations(|| {
        for level in 0..faces {
            face.pixels_mut().fill((level % 256) as u8);
            classifier.step(&face).unwrap();
        }
    });
    assert_eq!(count, 0);
}
