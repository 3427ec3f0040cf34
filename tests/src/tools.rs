//! What the tests of the offline tools begin with.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{cabinmood, root};

/// A folder that is gone with the test.
pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// One of the three fixtures: `a`, `b` or `c`.
pub fn face(name: &str) -> PathBuf {
    root().join("tests/fixtures/faces").join(name).with_extension("jpg")
}

/// Copies a file, its folder made where it is not there.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// Runs the binary, expects this exit code and gives back what it printed.
pub fn run(code: i32, args: &[&str]) -> String {
    let output = cabinmood(args);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {told}");
    String::from_utf8(output.stdout).unwrap()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Width and height in a PNG's header.
pub fn png_size(path: &Path) -> (u32, u32) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(&bytes[1..4], b"PNG");
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}
