//! The invariants that are absences: who may depend on whom, read from Cargo's own dependency tree.

use std::collections::BTreeSet;
use std::process::Command;

/// The names of all crates that `package` is built with, itself included.
fn dependencies(package: &str) -> BTreeSet<String> {
    tree(package, &[])
}

fn tree(package: &str, more: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
        .args(["--package", package])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert!(names.contains(package), "cargo tree printed no {package}");
    names
}

/// The names of the crates that `package` itself asks for: what a library of others uses inside (for
/// channels, say) is its own affair.
fn declared(package: &str) -> BTreeSet<String> {
    tree(package, &["--depth", "1"])
}

fn assert_absent(package: &str, absent: &[&str]) {
    let names = dependencies(package);
    for name in absent {
        assert!(!names.contains(*name), "{package} must not depend on {name}, directly or not");
    }
}

#[test]
fn no_pixel_can_leave_the_process() {
    for outward in ["publish", "wire"] {
        assert_absent(outward, &["frame", "capture", "align", "classify", "opencv", "nokhwa", "png"]);
    }
}

#[test]
fn one_crate_owns_each_boundary() {
    let crates = ["types", "frame", "manifest", "capture", "align", "classify", "smooth", "wire", "publish"];
    for (dependency, owner) in [
        ("ort", "classify"),
        ("nokhwa", "capture"),
        ("tokio", "publish"),
        ("hyper", "publish"),
        ("prometheus-client", "publish"),
    ] {
        for name in crates {
            assert_eq!(dependencies(name).contains(dependency), name == owner, "{name} and {dependency}");
        }
    }
}

#[test]
fn the_pure_crates_stay_pure() {
    for pure in ["types", "smooth", "wire"] {
        assert_absent(
            pure,
            &["frame", "opencv", "ort", "nokhwa", "tokio", "crossbeam-channel", "nix", "rustix", "tracing"],
        );
    }
}

/// Invariant 1: only the daemon makes channels and threads; publish has those of its runtime.
#[test]
fn no_stage_knows_a_channel() {
    for stage in ["capture", "align", "classify", "smooth"] {
        assert!(!declared(stage).contains("crossbeam-channel"), "{stage} names crossbeam-channel");
        assert_absent(stage, &["tokio"]);
    }
}

#[test]
fn no_stage_knows_another() {
    let stages = ["capture", "align", "classify", "smooth", "publish"];
    for stage in stages {
        let others: Vec<&str> = stages.into_iter().filter(|other| *other != stage).collect();
        assert_absent(stage, &others);
    }
}
