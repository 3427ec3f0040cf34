//! Where the tests find models, footage and data, none of which the repository holds.

#![allow(dead_code, reason = "each test uses a part of this")]

use std::path::{Path, PathBuf};

use align::{AlignModels, AlignOptions, Aligner};

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A path below the root; `None`, and a line that says so, where it is absent.
pub fn present(path: &str) -> Option<PathBuf> {
    found(root().join(path), "run `make setup`")
}

/// A file of the data sets, in $CABINMOOD_DATA or beside the project.
pub fn data(path: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("CABINMOOD_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    found(folder.join(path), "set CABINMOOD_DATA to the folder of the data sets")
}

fn found(path: PathBuf, remedy: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    println!("SKIPPED: {} is not there; {remedy}", path.display());
    None
}

/// An aligner with the shipped models.
pub fn aligner() -> Aligner {
    let models = AlignModels {
        detector: root().join("models/face-hog.toml"),
        landmarks: root().join("models/landmarks-68.toml"),
    };
    Aligner::new(&models, AlignOptions::default()).unwrap()
}
