//! Opening a model and asking it, and everything that may be wrong with one.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::fs;
use std::path::Path;

use classify::{Classifier, ClassifyError, Provider};
use common::{on_cpu, tiny};
use frame::AlignedFace;
use types::{Expression, Probabilities};

fn grey(level: u8) -> AlignedFace {
    let mut face = AlignedFace::black();
    face.pixels_mut().fill(level);
    face
}

/// Opening fails with a message that names the file and holds each of the words.
#[track_caller]
fn fails(manifest: &Path, words: &[&str]) {
    let message = Classifier::open(&on_cpu(manifest.to_owned())).unwrap_err().to_string();
    assert!(!message.contains('\n'), "one line: {message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

/// A copy of the right model whose manifest or bytes are then changed.
fn copy(change: impl FnOnce(&Path)) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for extension in ["toml", "onnx"] {
        let from = tiny("right").with_extension(extension);
        fs::copy(from, folder.path().join("right").with_extension(extension)).unwrap();
    }
    change(folder.path());
    let manifest = folder.path().join("right.toml");
    (folder, manifest)
}

fn edit(folder: &Path, from: &str, to: &str) {
    let path = folder.join("right.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn the_answer_is_the_softmax_of_the_logits_of_the_normalised_crop() {
    let mut classifier = Classifier::open(&on_cpu(tiny("right"))).unwrap();
    for level in [255, 0, 140] {
        let mean = (f32::from(level) - 127.5) / 63.75;
        let logits = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, -1.0].map(|weight| weight * mean);
        let expected = Probabilities::from_logits(logits, 1.0).unwrap();
        let answer = classifier.step(&grey(level)).unwrap();
        for e in Expression::ALL {
            assert!((answer.of(e) - expected.of(e)).abs() < 1e-5, "{e} at {level}");
        }
    }
    assert_eq!(classifier.model_name(), "right");
    assert_eq!(classifier.model_sha256().len(), 64);
}

#[test]
fn the_temperature_softens_the_answer() {
    let (_folder, manifest) = copy(|folder| edit(folder, "temperature = 1.0", "temperature = 4.0"));
    let soft = Classifier::open(&on_cpu(manifest)).unwrap().step(&grey(255)).unwrap();
    let sharp = Classifier::open(&on_cpu(tiny("right"))).unwrap().step(&grey(255)).unwrap();
    assert_eq!(soft.top().0, sharp.top().0);
    assert!(soft.top().1 < sharp.top().1);
}

#[test]
fn a_gpu_that_is_not_there_leaves_a_reason_and_the_cpu_takes_over() {
    let mut options = on_cpu(tiny("right"));
    options.providers = vec![Provider::TensorRt, Provider::Cuda, Provider::Cpu];
    let classifier = Classifier::open(&options).unwrap();
    let reports = classifier.providers();
    assert_eq!(reports.iter().map(|r| r.provider).collect::<Vec<_>>(), options.providers);
    assert_eq!(reports.iter().filter(|r| r.used).count(), 1);
    for report in reports {
        assert_eq!(report.used, report.provider == classifier.provider());
        assert_eq!(report.used, report.reason.is_none(), "{report:?}");
        assert!(report.reason.as_ref().is_none_or(|r| r.len() > 10 && !r.contains('\n')), "{report:?}");
    }
}

#[test]
fn the_first_provider_that_works_is_taken() {
    let mut options = on_cpu(tiny("right"));
    options.providers = vec![Provider::Cpu, Provider::Cuda];
    let classifier = Classifier::open(&options).unwrap();
    assert_eq!(classifier.provider(), Provider::Cpu);
    assert_eq!(classifier.providers()[1].reason.as_deref(), Some("cpu is in use"));
}

#[test]
fn the_cpu_is_not_fallen_back_to_unless_it_is_listed() {
    let mut options = on_cpu(tiny("right"));
    options.providers = vec![];
    let message = Classifier::open(&options).unwrap_err().to_string();
    assert!(message.contains("classify.providers is empty"), "{message}");
    options.providers = vec![Provider::Cuda];
    match Classifier::open(&options) {
        Ok(on_a_gpu) => assert_eq!(on_a_gpu.provider(), Provider::Cuda),
        Err(error) => assert!(error.to_string().contains("cuda: "), "{error}"),
    }
}

#[test]
fn a_model_of_another_shape_is_refused_with_both_shapes() {
    fails(
        &tiny("small-input"),
        &["small-input.onnx", "crop: f32 [1, 1, 64, 64]", "crop: f32 [1, 1, 112, 112]"],
    );
    fails(&tiny("eight-outputs"), &["eight-outputs.onnx", "logits: f32 [1, 8]", "logits: f32 [1, 7]"]);
    fails(&tiny("doubles"), &["doubles.onnx", "f64", "crop: f32 [1, 1, 112, 112]"]);
}

#[test]
fn a_name_that_the_graph_does_not_have_is_refused() {
    let (_folder, manifest) = copy(|folder| edit(folder, "\"logits\"", "\"answer\""));
    fails(&manifest, &["right.onnx", "logits: f32 [1, 7]", "answer: f32 [1, 7]"]);
}

#[test]
fn an_answer_that_is_no_number_stops_the_warm_up() {
    fails(&tiny("not-finite"), &["not-finite.onnx", "not finite"]);
}

#[test]
fn a_model_that_is_not_the_manifests_is_refused() {
    let (_folder, manifest) = copy(|folder| fs::write(folder.join("right.onnx"), "other bytes").unwrap());
    fails(&manifest, &["right.onnx", "SHA-256"]);
    let (_folder, manifest) = copy(|folder| fs::remove_file(folder.join("right.onnx")).unwrap());
    fails(&manifest, &["right.onnx", "No such file"]);
    let (_folder, manifest) = copy(|folder| edit(folder, "kind = \"expression\"", "kind = \"detector\""));
    fails(&manifest, &["right.toml", "detector"]);
    let (_folder, manifest) = copy(|folder| edit(folder, "temperature", "warmth"));
    fails(&manifest, &["right.toml", "warmth"]);
    let (_folder, manifest) = copy(|folder| edit(folder, "\"angry\", \"disgust\"", "\"disgust\", \"angry\""));
    fails(&manifest, &["right.toml", "labels"]);
}

#[test]
fn bytes_that_are_no_graph_are_refused() {
    // The hash is that of the empty file.
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let (_folder, manifest) = copy(|folder| {
        fs::write(folder.join("right.onnx"), "").unwrap();
        let text = fs::read_to_string(folder.join("right.toml")).unwrap();
        let hash = text.split("sha256 = \"").nth(1).unwrap()[..64].to_owned();
        edit(folder, &hash, empty);
    });
    fails(&manifest, &["right.onnx", "not a model that ONNX Runtime can load"]);
    // Whatever else is tried before: the CPU can run any model.
    let mut options = on_cpu(manifest);
    options.providers = vec![Provider::Cuda, Provider::Cpu];
    assert!(matches!(Classifier::open(&options), Err(ClassifyError::BadModel { .. })));
}

#[test]
fn a_library_that_is_missing_or_another_is_refused() {
    let mut options = on_cpu(tiny("right"));
    options.runtime = "/no/such/libonnxruntime.so".into();
    let message = Classifier::open(&options).unwrap_err().to_string();
    assert!(
        message.contains("/no/such/libonnxruntime.so") && message.contains("classify.runtime"),
        "{message}"
    );

    Classifier::open(&on_cpu(tiny("right"))).unwrap();
    options.runtime = tiny("right");
    let error = Classifier::open(&options).unwrap_err();
    assert!(matches!(error, ClassifyError::OtherRuntime { .. }), "{error}");
}

#[test]
fn a_classifier_can_be_moved_to_its_thread() {
    let mut classifier = Classifier::open(&on_cpu(tiny("right"))).unwrap();
    let here = classifier.step(&grey(200)).unwrap();
    let there = std::thread::spawn(move || classifier.step(&grey(200)).unwrap()).join().unwrap();
    assert_eq!(here, there);
}

#[test]
fn the_model_that_ships_opens_and_answers_each_face_by_itself() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/expression.toml");
    let mut classifier = Classifier::open(&on_cpu(manifest)).unwrap();
    let first = classifier.step(&AlignedFace::black()).unwrap();
    classifier.step(&grey(128)).unwrap();
    assert_eq!(first, classifier.step(&AlignedFace::black()).unwrap(), "no face leaves a trace in the next");
}
