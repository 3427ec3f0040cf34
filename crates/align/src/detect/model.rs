//! The detector's manifest and model file.

use std::path::Path;

use manifest::Manifest;
use serde::Deserialize;

use super::DetectError;
use super::score::{Stage, Window};

/// First bytes of the model file.
const MAGIC: &[u8; 8] = b"CMFHOG1\n";
/// Looks everywhere.
const COARSE: Window = Window { side_px: 64, padding: 2 };
/// Looks again, at twice the resolution, where the first stage saw something.
const FINE: Window = Window { side_px: 128, padding: 4 };
/// More SVMs in a stage than this are a mistake in the manifest.
const MOST_SVMS: usize = 64;

/// The keys of the manifest's table `[detector]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Details {
    coarse: usize,
    fine: usize,
    box_share: f32,
    start_score: f32,
}

/// The two stages, and what their answers mean.
pub(super) struct Model {
    pub(super) coarse: Stage,
    pub(super) fine: Stage,
    /// Side of the face box over the side of a window.
    pub(super) box_share: f32,
    /// What a face must score before anyone believes in it; one that is followed needs 0.
    pub(super) start_score: f32,
}

impl Model {
    /// Reads manifest and model file: [`MAGIC`], then for each SVM, the coarse ones first, its
    /// weights in the order of OpenCV's HOG descriptor and its bias, all little-endian `f32`.
    pub(super) fn load(path: &Path) -> Result<Self, DetectError> {
        let manifest = Manifest::<Details>::load(path, "detector")?;
        let invalid = |file: &Path, message: String| DetectError::Invalid { path: file.to_owned(), message };
        let Details { coarse, fine, box_share, start_score } = manifest.details;
        let ranges = [
            ("coarse", coarse as f32, 1.0, MOST_SVMS as f32),
            ("fine", fine as f32, 1.0, MOST_SVMS as f32),
            ("box_share", box_share, 0.3, 1.0),
            ("start_score", start_score, 0.0, 100.0),
        ];
        if let Some((key, value, least, most)) =
            ranges.into_iter().find(|&(_, value, least, most)| !(least..=most).contains(&value))
        {
            return Err(invalid(path, format!("[detector] {key} = {value} is not in {least}..={most}")));
        }

        let bytes = manifest.read_model()?;
        let values = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            invalid(&manifest.file, "not a face detector: it does not begin with CMFHOG1".into())
        })?;
        let coarse_values = coarse * (COARSE.values() + 1);
        let expected = (coarse_values + fine * (FINE.values() + 1)) * size_of::<f32>();
        if values.len() != expected {
            let message = format!(
                "{} bytes of weights, but {coarse} coarse and {fine} fine SVMs need {expected}",
                values.len()
            );
            return Err(invalid(&manifest.file, message));
        }
        let values: Vec<f32> = values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(invalid(&manifest.file, format!("weight {at} is not a number")));
        }
        let (coarse, fine) = values.split_at(coarse_values);
        Ok(Self {
            coarse: Stage::from_values(COARSE, coarse),
            fine: Stage::from_values(FINE, fine),
            box_share,
            start_score,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use sha2::{Digest, Sha256};

    /// Writes a model of one SVM a stage whose bytes `change` may spoil, and loads it.
    fn load(keys: &str, change: impl FnOnce(&mut Vec<u8>)) -> Result<Model, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = MAGIC.to_vec();
        bytes.resize(MAGIC.len() + 4 * (COARSE.values() + 1 + FINE.values() + 1), 0);
        change(&mut bytes);
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(folder.path().join("m.bin"), bytes).unwrap();
        let manifest = folder.path().join("m.toml");
        let head = "name = 'm'\nkind = 'detector'\nfile = 'm.bin'\nlicence = 'CC0-1.0'\ncard = 'm.md'";
        fs::write(&manifest, format!("{head}\nsha256 = '{hash}'\n[detector]\n{keys}")).unwrap();
        Model::load(&manifest).map_err(|error| error.to_string())
    }

    const KEYS: &str = "coarse = 1\nfine = 1\nbox_share = 0.8\nstart_score = 0.5";

    #[test]
    fn a_model_is_read_as_it_was_written() {
        let bias = 2.5_f32.to_le_bytes();
        let model = load(KEYS, |bytes| {
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&bias);
        });
        let model = model.unwrap();
        let mut values = vec![0.0; FINE.values()];
        values.push(2.5);
        assert_eq!(model.fine, Stage::from_values(FINE, &values));
        assert_eq!((model.start_score, model.box_share), (0.5, 0.8));
    }

    #[test]
    fn faults_name_the_file_and_what_is_wrong() {
        let expect = |loaded: Result<Model, String>, words: [&str; 2]| {
            let message = loaded.err().unwrap();
            assert!(words.iter().all(|word| message.contains(word)), "{message}");
            assert_eq!(message.lines().count(), 1, "{message}");
        };
        expect(load(KEYS, |bytes| bytes[0] = b'X'), ["m.bin", "CMFHOG1"]);
        expect(load(KEYS, |bytes| bytes.truncate(1000)), ["m.bin", "992 bytes"]);
        let nan = |bytes: &mut Vec<u8>| bytes[8..12].copy_from_slice(&f32::NAN.to_le_bytes());
        expect(load(KEYS, nan), ["m.bin", "weight 0 is not a number"]);
        expect(load(&KEYS.replace("= 0.8", "= 1.5"), |_| ()), ["m.toml", "box_share"]);
        expect(load(&KEYS.replace("fine = 1", "fine = 0"), |_| ()), ["m.toml", "fine"]);
        expect(load(&format!("{KEYS}\nhue = 1"), |_| ()), ["m.toml", "hue"]);
    }
}
