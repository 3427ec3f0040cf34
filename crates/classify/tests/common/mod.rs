//! What the tests of this crate share.

use std::path::{Path, PathBuf};

use classify::{ClassifyOptions, Provider};

/// A tiny model of tests/data, written by models/training/expression/tiny_models.py.
pub fn tiny(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name).with_extension("toml")
}

/// ONNX Runtime as `make setup` unpacks it. Without it there is nothing to test, so it is an error.
pub fn runtime() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../third_party/onnxruntime");
    std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so"))
        })
        .unwrap_or_else(|| panic!("{}: no libonnxruntime.so there; run `make setup`", folder.display()))
}

/// On the CPU, one thread.
pub fn on_cpu(manifest: PathBuf) -> ClassifyOptions {
    ClassifyOptions {
        manifest,
        runtime: runtime(),
        providers: vec![Provider::Cpu],
        threads: 1,
        engine_cache: None,
    }
}
