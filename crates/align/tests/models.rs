//! Models that cannot be used stop the start, and the message names the file.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests say what is wrong by failing"
)]

mod common;

use std::fs;
use std::path::Path;

use align::{AlignModels, AlignOptions, Aligner};
use common::{present, root};

/// The message of an aligner whose landmark manifest is changed by `edit` and whose model file is
/// changed by `damage`.
fn message(edit: impl FnOnce(String) -> String, damage: impl FnOnce(&mut Vec<u8>)) -> Option<String> {
    let file = present("models/shape_predictor_5_face_landmarks.dat")?;
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("landmarks-5.toml");
    fs::write(&manifest, edit(fs::read_to_string(root().join("models/landmarks-5.toml")).unwrap())).unwrap();
    let mut bytes = fs::read(&file).unwrap();
    damage(&mut bytes);
    fs::write(folder.path().join(file.file_name().unwrap()), bytes).unwrap();
    let models = AlignModels { detector: root().join("models/face-hog.toml"), landmarks: manifest };
    Some(Aligner::new(&models, AlignOptions::default()).err()?.to_string())
}

fn expect(message: Option<String>, words: &[&str]) {
    let Some(message) = message else { return };
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
    assert!(!message.contains('\n'), "{message:?}");
}

#[test]
fn a_truncated_landmark_file_is_told_by_its_hash() {
    let truncated = message(|text| text, |bytes| bytes.truncate(1_000_000));
    expect(truncated, &["shape_predictor_5_face_landmarks.dat", "SHA-256", "fetch the model again"]);
}

#[test]
fn another_number_of_points_is_refused() {
    let text = |text: String| text.replace("points = 5", "points = 68");
    expect(message(text, |_| ()), &["shape_predictor_5_face_landmarks.dat", "5 points", "68"]);
}

#[test]
fn a_file_that_is_no_landmark_model_is_refused() {
    // The hash of the four bytes "none".
    let hash = "140bedbf9c3f6d56a9846d2ba7088798683f4da0c248231336e6a05679e4fdfe";
    let text = |text: String| {
        let old = text.split('"').find(|word| word.len() == 64).unwrap().to_owned();
        text.replace(&old, hash)
    };
    expect(message(text, |bytes| *bytes = b"none".to_vec()), &[".dat", "not a dlib shape predictor"]);
}

#[test]
fn a_missing_manifest_is_named() {
    let models = AlignModels {
        detector: root().join("models/face-hog.toml"),
        landmarks: Path::new("/no/such/landmarks.toml").to_owned(),
    };
    let error = Aligner::new(&models, AlignOptions::default()).err().unwrap();
    assert!(error.to_string().contains("/no/such/landmarks.toml"), "{error}");
}

#[test]
fn all_bad_options_are_named_at_once() {
    let models = AlignModels { detector: "none".into(), landmarks: "none".into() };
    let options = AlignOptions { min_fit: 2.0, max_yaw_deg: -1.0, ..AlignOptions::default() };
    let error = Aligner::new(&models, options).err().unwrap().to_string();
    assert!(error.contains("align.min_fit = 2") && error.contains("align.max_yaw_deg = -1"), "{error}");
}
