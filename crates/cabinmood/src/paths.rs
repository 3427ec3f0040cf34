//! Where the models and ONNX Runtime lie, so that the program runs by itself: from a build tree,
//! from a prefix that it was installed into, and as a distribution packages it.

use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

/// The configuration that is read where no other is named.
pub const DEFAULT_CONFIG: &str = "/etc/cabinmood/cabinmood.toml";

/// Folders of model manifests, seen from the folder of the executable: the build tree
/// (target/release and target/TRIPLE/release), a prefix, the distribution's.
const MODEL_FOLDERS: [&str; 5] = [
    "../../models",
    "../../../models",
    "../share/cabinmood/models",
    "/usr/share/cabinmood/models",
    "/usr/lib/cabinmood/models",
];

/// Folders that may hold ONNX Runtime, seen from the folder of the executable.
const RUNTIME_FOLDERS: [&str; 6] = [
    "../../third_party/onnxruntime",
    "../../../third_party/onnxruntime",
    "../lib/cabinmood",
    "/usr/lib/cabinmood",
    "/usr/local/lib",
    "/usr/lib",
];

const RUNTIME: &str = "libonnxruntime.so";

/// The manifest of a model: `model` is its path (it has a slash or ends in .toml) or its name,
/// which is looked for in the model folders.
///
/// # Errors
/// Where there is none; the message lists the places that were looked at.
pub fn manifest(model: &str) -> Result<PathBuf> {
    if model.contains('/') || model.ends_with(".toml") {
        return Ok(PathBuf::from(model));
    }
    let file = format!("{model}.toml");
    let folders = from_executable(&MODEL_FOLDERS);
    folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file()).ok_or_else(|| {
        anyhow!("no model {model:?}: no {file} in {}; give the manifest's path instead", list(&folders))
    })
}

/// ONNX Runtime's library: `configured`, or where that is empty, the first one found.
///
/// # Errors
/// Where there is none; the message lists the places that were looked at.
pub fn runtime(configured: &str) -> Result<PathBuf> {
    if !configured.is_empty() {
        return Ok(PathBuf::from(configured));
    }
    let folders = from_executable(&RUNTIME_FOLDERS);
    folders.iter().find_map(|folder| runtime_in(folder)).ok_or_else(|| {
        anyhow!("no {RUNTIME} in {}; run `make setup` or set classify.runtime to its path", list(&folders))
    })
}

/// The library in one folder: the plain name, which a package links to the version it wants, or
/// the newest versioned file.
fn runtime_in(folder: &Path) -> Option<PathBuf> {
    let plain = folder.join(RUNTIME);
    if plain.is_file() {
        return Some(plain);
    }
    let versioned = format!("{RUNTIME}.");
    let entries = std::fs::read_dir(folder).ok()?;
    let names = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(&versioned));
    names.map(|entry| entry.path()).max()
}

/// The folders that exist, without `..`, so that messages read well.
fn from_executable(folders: &[&str]) -> Vec<PathBuf> {
    let executable = std::env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let base = executable.parent().unwrap_or_else(|| Path::new("/"));
    folders.iter().filter_map(|folder| base.join(folder).canonicalize().ok()).collect()
}

fn list(folders: &[PathBuf]) -> String {
    match folders {
        [] => "any of the usual folders".to_owned(),
        _ => folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_is_and_a_name_is_looked_for() {
        assert_eq!(manifest("/some/where/m.toml").unwrap(), PathBuf::from("/some/where/m.toml"));
        assert_eq!(manifest("m.toml").unwrap(), PathBuf::from("m.toml"));
        assert!(manifest("no-such-model").unwrap_err().to_string().contains("no-such-model.toml"));
    }

    #[test]
    fn the_plain_library_name_goes_before_a_versioned_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(runtime_in(folder.path()), None);
        std::fs::write(folder.path().join("libonnxruntime.so.1.9.0"), "").unwrap();
        std::fs::write(folder.path().join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert_eq!(runtime_in(folder.path()), Some(folder.path().join("libonnxruntime.so.1.9.0")));
        std::fs::write(folder.path().join("libonnxruntime.so"), "").unwrap();
        assert_eq!(runtime_in(folder.path()), Some(folder.path().join("libonnxruntime.so")));
    }
}
