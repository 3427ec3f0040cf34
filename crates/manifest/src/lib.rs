//! Model manifests: one TOML file beside each model file says what it is, under which terms it may
//! be used and what its bytes hash to. Align and classify open their models through this crate, so
//! a wrong or damaged file stops the daemon before it starts.
//!
//! ```toml
//! name = "landmarks-5"
//! kind = "landmarks"
//! file = "landmarks-5.dat"       # beside the manifest
//! sha256 = "c4b1…"
//! licence = "CC0-1.0"
//! card = "landmarks-5.md"
//!
//! [landmarks]                    # the table named after `kind`: that stage's own keys
//! points = 5
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Why a model cannot be used. Every message names the file and what to do.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// The manifest or the model file cannot be read.
    #[error("{path}: {source}; run `make setup` or correct the path")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The manifest is not what a manifest must be.
    #[error("{path}: {message}")]
    Invalid {
        /// The manifest.
        path: PathBuf,
        /// Which key is wrong, and how.
        message: String,
    },
    /// The manifest describes a model of another kind.
    #[error("{path}: a model of kind {found:?}, but {expected:?} is needed here")]
    Kind {
        /// The manifest.
        path: PathBuf,
        /// The kind that the caller needs.
        expected: &'static str,
        /// The kind that it is.
        found: String,
    },
    /// The model file's bytes are not those that the manifest was written for.
    #[error("{path}: SHA-256 is {found}, the manifest says {expected}; fetch the model again")]
    Hash {
        /// The model file.
        path: PathBuf,
        /// As the manifest says.
        expected: String,
        /// As the file is.
        found: String,
    },
}

/// A manifest whose file part has been read; `details` is the table named after the kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest<T> {
    /// The model's name, as events and summaries give it.
    pub name: String,
    /// The model file, beside the manifest.
    pub file: PathBuf,
    /// Lower-case hexadecimal SHA-256 of the model file.
    pub sha256: String,
    /// SPDX expression or a sentence: under which terms the model may be used.
    pub licence: String,
    /// The model card, beside the manifest.
    pub card: PathBuf,
    /// The keys that only this kind of model has.
    pub details: T,
}

#[derive(Deserialize)]
struct Raw {
    name: String,
    kind: String,
    file: PathBuf,
    sha256: String,
    licence: String,
    card: PathBuf,
    #[serde(flatten)]
    rest: toml::Table,
}

impl<T: DeserializeOwned> Manifest<T> {
    /// Reads a manifest of one kind. Does not open the model file.
    ///
    /// # Errors
    /// [`ManifestError`]: unreadable, not TOML, a key missing, unknown or of the wrong type, or
    /// another kind of model.
    pub fn load(path: &Path, kind: &'static str) -> Result<Self, ManifestError> {
        let invalid = |message: String| ManifestError::Invalid { path: path.to_owned(), message };
        let text = fs::read_to_string(path)
            .map_err(|source| ManifestError::Read { path: path.to_owned(), source })?;
        // In two steps: what is no TOML is told with its place, a key that is missing has none.
        let table: toml::Table =
            toml::from_str(&text).map_err(|e| invalid(e.to_string().replace('\n', " ")))?;
        let raw: Raw = table.try_into().map_err(|e: toml::de::Error| invalid(in_our_words(&e)))?;
        if raw.kind != kind {
            return Err(ManifestError::Kind { path: path.to_owned(), expected: kind, found: raw.kind });
        }
        if raw.sha256.len() != 64 || !raw.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(invalid("sha256 must be 64 lower-case hexadecimal digits".into()));
        }
        let mut rest = raw.rest;
        let table = rest.remove(kind).ok_or_else(|| invalid(format!("the table [{kind}] is missing")))?;
        if let Some(unknown) = rest.keys().next() {
            return Err(invalid(format!("unknown key {unknown:?}")));
        }
        let details = table
            .try_into()
            .map_err(|e: toml::de::Error| invalid(format!("[{kind}]: {}", in_our_words(&e))))?;
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        Ok(Self {
            name: raw.name,
            file: folder.join(raw.file),
            sha256: raw.sha256,
            licence: raw.licence,
            card: folder.join(raw.card),
            details,
        })
    }
}

/// A fault without its place in the text, which a missing key does not have.
fn in_our_words(fault: &toml::de::Error) -> String {
    match fault.message().strip_prefix("missing field ") {
        Some(key) => format!("the key {} is missing", key.trim_matches('`')),
        None => fault.to_string().trim_end().replace('\n', " "),
    }
}

impl<T> Manifest<T> {
    /// The model file's bytes, once their hash is proved right.
    ///
    /// # Errors
    /// [`ManifestError::Read`] or [`ManifestError::Hash`].
    pub fn read_model(&self) -> Result<Vec<u8>, ManifestError> {
        let bytes =
            fs::read(&self.file).map_err(|source| ManifestError::Read { path: self.file.clone(), source })?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != self.sha256 {
            return Err(ManifestError::Hash {
                path: self.file.clone(),
                expected: self.sha256.clone(),
                found,
            });
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Points {
        points: usize,
    }

    const HASH_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn load(text: &str) -> (tempfile::TempDir, Result<Manifest<Points>, ManifestError>) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("m.bin"), "abc").unwrap();
        fs::write(folder.path().join("m.toml"), text).unwrap();
        let manifest = Manifest::load(&folder.path().join("m.toml"), "landmarks");
        (folder, manifest)
    }

    fn text(sha256: &str, rest: &str) -> String {
        format!(
            "name = 'm'\nkind = 'landmarks'\nfile = 'm.bin'\nsha256 = '{sha256}'\nlicence = 'CC0-1.0'\ncard = 'm.md'\n{rest}"
        )
    }

    #[test]
    fn the_right_file_is_read() {
        let (_folder, manifest) = load(&text(HASH_OF_ABC, "[landmarks]\npoints = 5"));
        let manifest = manifest.unwrap();
        assert_eq!(manifest.details, Points { points: 5 });
        assert_eq!(manifest.read_model().unwrap(), b"abc");
    }

    #[test]
    fn another_file_is_refused_with_both_hashes() {
        let wrong = "0".repeat(64);
        let (_folder, manifest) = load(&text(&wrong, "[landmarks]\npoints = 5"));
        let message = manifest.unwrap().read_model().unwrap_err().to_string();
        assert!(message.contains(&wrong) && message.contains(HASH_OF_ABC), "{message}");
    }

    #[test]
    fn faults_name_the_key() {
        let expect = |text: String, word: &str| {
            let message = load(&text).1.unwrap_err().to_string();
            assert!(message.contains("m.toml") && message.contains(word), "{message}");
        };
        expect(text(HASH_OF_ABC, ""), "[landmarks] is missing");
        for key in ["name", "kind", "file", "sha256", "licence", "card"] {
            let whole = format!("# What it is.\n{}", text(HASH_OF_ABC, "[landmarks]\npoints = 5"));
            let lines = whole.lines().filter(|line| !line.starts_with(key));
            let lines = lines.collect::<Vec<_>>().join("\n");
            expect(lines, &format!("m.toml: the key {key} is missing"));
        }
        expect(text(HASH_OF_ABC, "[landmarks]"), "m.toml: [landmarks]: the key points is missing");
        expect(text(HASH_OF_ABC, "[landmarks]\npoints = 5").replace("'m'", "3"), "in `name`");
        expect(text(HASH_OF_ABC, "[landmarks]\npoints = 5\ncolour = 1"), "colour");
        expect(text(HASH_OF_ABC, "[landmarks]\npoints = 5\n[more]"), "more");
        expect(text("12", "[landmarks]\npoints = 5"), "sha256");
        expect(text(HASH_OF_ABC, "[landmarks]\npoints = 5").replace("'landmarks'", "'detector'"), "detector");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Manifest::<Points>::load(Path::new("/no/such.toml"), "landmarks").unwrap_err();
        assert!(error.to_string().contains("/no/such.toml"));
    }
}
