//! The landmarks are dlib's own: the same model file, the same box, the same picture.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests say what is wrong by failing"
)]

mod common;

use std::fs;
use std::process::Command;

use align::{ShapePredictor, Workspace};
use common::{data, present, root};
use frame::{Buffer, Grey};
use types::FaceBox;

/// Reads what OpenCV writes for a grey picture.
fn read_pgm(path: &str) -> Grey {
    let bytes = fs::read(path).unwrap();
    let mut words = bytes.split(u8::is_ascii_whitespace);
    assert_eq!(words.next(), Some(b"P5".as_slice()));
    let mut number = || std::str::from_utf8(words.next().unwrap()).unwrap().parse::<u32>().unwrap();
    let (width, height) = (number(), number());
    let pixels = bytes[bytes.len() - (width * height) as usize..].to_vec();
    Grey::new(width, height, Buffer::from(pixels)).unwrap()
}

/// Compares all points of up to `count` faces of each source; dlib gives whole pixels.
fn check(model: &str, count: usize) {
    let Some(file) = present(model) else { return };
    let Some(python) = present(".venv/bin/python") else { return };
    let footage = ["WolfgangLanger_Pexels.mp4", "single_face.mp4"];
    let footage = footage.iter().filter_map(|name| present(&format!("third_party/footage/{name}")));
    let sources: Vec<_> = data("landmarks68/images.tar").into_iter().chain(footage).collect();
    let folder = tempfile::tempdir().unwrap();
    let script = root().join("crates/align/tests/dlib_points.py");
    let output = Command::new(python)
        .arg(script)
        .args([&file, folder.path()])
        .arg(count.to_string())
        .args(&sources)
        .output()
        .unwrap();
    if !output.status.success() {
        println!("SKIPPED: dlib cannot run: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let model = ShapePredictor::parse(&fs::read(&file).unwrap()).unwrap();
    let mut work = Workspace::<1>::default();
    let (mut faces, mut distances) = (0, Vec::new());
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (path, numbers) = line.split_once(' ').unwrap();
        let numbers: Vec<f32> = numbers.split(' ').map(|n| n.parse().unwrap()).collect();
        // dlib's rectangles include their last row and column, and its unit square ends there.
        let [left, top, right, bottom] = [numbers[0], numbers[1], numbers[2], numbers[3]];
        let face = FaceBox { x: left, y: top, w: right - left, h: bottom - top, score: 0.0 };
        model.fit(&read_pgm(path), &[face.into()], &mut work);
        let theirs = numbers[4..].as_chunks::<2>().0;
        assert_eq!(theirs.len(), model.mean().len());
        let ours = work.shape(0).iter().zip(theirs);
        distances.extend(ours.flat_map(|(p, [x, y])| [(p.x - x).abs(), (p.y - y).abs()]));
        faces += 1;
    }
    if faces == 0 {
        println!("SKIPPED: neither data nor footage to compare on");
        return;
    }
    distances.sort_unstable_by(f32::total_cmp);
    let (median, max) = (distances[distances.len() / 2], distances[distances.len() - 1]);
    let within = distances.partition_point(|&d| d <= 0.502) as f32 / distances.len() as f32;
    println!(
        "{faces} faces: median {median:.3} px, largest {max:.3} px, {:.2} % within half a pixel",
        100.0 * within
    );
    // Half a pixel is dlib's own rounding; the rest allows for single precision.
    assert!(max < 0.502, "{max} px, {within} within half a pixel");
}

#[test]
fn five_points_are_dlibs_own() {
    check("models/shape_predictor_5_face_landmarks.dat", 150);
}

#[test]
fn sixty_eight_points_are_dlibs_own() {
    check("third_party/dlib/shape_predictor_68_face_landmarks.dat", 60);
}
