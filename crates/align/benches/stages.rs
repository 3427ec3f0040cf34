//! What each part of alignment costs on one thread: `cargo bench -p align`. The picture is a frame of
//! a clip with one face at 640x480, as cabin cameras have it.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run stops")]

use std::hint::black_box;
use std::path::{Path, PathBuf};

use align::{
    AlignModels, AlignOptions, Aligner, Detector, Gamma, Hog, Picture, SearchArea, ShapePredictor, Start,
    Warper, Workspace,
};
use criterion::{Criterion, criterion_group, criterion_main};
use frame::{AlignedFace, Grey};
use opencv::core::{Mat, Point as Corner, Rect, Size, Vector};
use opencv::imgproc::{COLOR_BGR2GRAY, INTER_AREA, cvt_color, resize};
use opencv::objdetect::HOGDescriptor;
use opencv::prelude::*;
use opencv::videoio::{CAP_ANY, VideoCapture};
use types::{FaceBox, MonoTime, Point};

const WIDTH: i32 = 640;
const HEIGHT: i32 = 480;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The clip's first frame, its sides cut off to 4:3.
fn picture() -> Grey {
    let clip = root().join("third_party/footage/single_face.mp4");
    let mut video = VideoCapture::from_file(clip.to_str().unwrap(), CAP_ANY).unwrap();
    let (mut colour, mut grey, mut scaled) = (Mat::default(), Mat::default(), Mat::default());
    assert!(video.read(&mut colour).unwrap(), "{} is not there; run `make setup`", clip.display());
    cvt_color(&colour, &mut grey, COLOR_BGR2GRAY, 0).unwrap();
    let width = grey.rows() * WIDTH / HEIGHT;
    let middle = grey.roi(Rect::new((grey.cols() - width) / 2, 0, width, grey.rows())).unwrap();
    resize(&middle, &mut scaled, Size::new(WIDTH, HEIGHT), 0.0, 0.0, INTER_AREA).unwrap();
    let bytes = scaled.data_bytes().unwrap().to_vec();
    Grey::new(WIDTH as u32, HEIGHT as u32, bytes.into()).unwrap()
}

fn models() -> AlignModels {
    let manifest = |name: &str| root().join("models").join(name);
    AlignModels { detector: manifest("face-hog.toml"), landmarks: manifest("landmarks-68.toml") }
}

fn detector() -> Detector {
    Detector::load(&models().detector, AlignOptions::default().smallest_face).unwrap()
}

/// The same features of the same picture, by this project's code and by OpenCV's.
fn hog_features(criterion: &mut Criterion) {
    let grey = picture();
    let mat = Mat::new_rows_cols_with_data(HEIGHT, WIDTH, grey.bytes()).unwrap();
    let mut group = criterion.benchmark_group("HOG features, 640x480");
    let mut ours = Hog::new(Gamma::Root);
    group.bench_function("ours", |bencher| {
        bencher.iter(|| ours.describe(black_box(Picture { width: WIDTH as usize, bytes: grey.bytes() }), 0));
    });
    let (mut peer, mut features) = (HOGDescriptor::default().unwrap(), Vector::<f32>::new());
    peer.set_win_size(Size::new(WIDTH, HEIGHT));
    let corner = Vector::from_slice(&[Corner::default()]);
    group.bench_function("OpenCV", |bencher| {
        let (stride, padding) = (Size::new(8, 8), Size::default());
        bencher.iter(|| peer.compute(black_box(&mat), &mut features, stride, padding, &corner).unwrap());
    });
}

fn hog_search(criterion: &mut Criterion) {
    let (grey, mut found) = (picture(), Vec::new());
    let mut detector = detector();
    detector.search(&grey, SearchArea::Full, &mut found).unwrap();
    let face = found[0];
    let mut group = criterion.benchmark_group("HOG search");
    for (name, area) in
        [("full", SearchArea::Full), ("around", SearchArea::Around(face)), ("at", SearchArea::At(face))]
    {
        group.bench_function(name, |bencher| {
            bencher.iter(|| detector.search(black_box(&grey), area, &mut found).unwrap());
        });
    }
}

fn trees(criterion: &mut Criterion) {
    let grey = picture();
    let (face, model) = (face(&grey), ShapePredictor::parse(&model_bytes()).unwrap());
    let mut group = criterion.benchmark_group("ERT, 68 points");
    let (mut one, mut five) = (Workspace::<1>::default(), Workspace::<5>::default());
    group.bench_function("one start", |bencher| {
        bencher.iter(|| model.fit(black_box(&grey), &[Start::from(face)], &mut one));
    });
    group.bench_function("five starts at once", |bencher| {
        bencher.iter(|| model.fit(black_box(&grey), &[Start::from(face); 5], &mut five));
    });
}

fn model_bytes() -> Vec<u8> {
    std::fs::read(root().join("models/landmarks-68.bin")).unwrap()
}

fn face(grey: &Grey) -> FaceBox {
    let mut found = Vec::new();
    detector().search(grey, SearchArea::Full, &mut found).unwrap();
    found[0]
}

fn warp(criterion: &mut Criterion) {
    let (grey, mut crop, mut warper) = (picture(), AlignedFace::black(), Warper::default());
    let (face, mut group) = (face(&grey), criterion.benchmark_group("warp"));
    let eye = |across: f32| Point::new(face.x + across * face.w, face.y + 0.35 * face.h);
    group.bench_function("one face", |bencher| {
        bencher.iter(|| warper.warp(black_box(&grey), eye(0.3), eye(0.7), &mut crop).unwrap());
    });
}

fn stage(criterion: &mut Criterion) {
    let (grey, mut crop) = (picture(), AlignedFace::black());
    let mut aligner = Aligner::new(&models(), AlignOptions::default()).unwrap();
    let mut group = criterion.benchmark_group("stage");
    let mut at = 0;
    group.bench_function("a followed face", |bencher| {
        bencher.iter(|| {
            at += 1_000_000;
            aligner.step(black_box(&grey), MonoTime::from_ns(at), &mut crop).unwrap()
        });
    });
    group.bench_function("a full search", |bencher| {
        bencher.iter(|| aligner.step_still(black_box(&grey), &mut crop).unwrap());
    });
}

criterion_group!(benches, hog_features, hog_search, trees, warp, stage);
criterion_main!(benches);
