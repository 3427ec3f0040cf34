//! The stage on real clips: what it finds, and that the steady state does not allocate.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "tests say what is wrong by failing"
)]

mod common;

use align::Aligner;
use cabinmood_tests::allocations::{Counting, allocations};
use common::{aligner, present};
use frame::{AlignedFace, Grey, Pool};
use opencv::core::Mat;
use opencv::imgproc::{COLOR_BGR2GRAY, cvt_color};
use opencv::prelude::*;
use opencv::videoio::{CAP_FFMPEG, VideoCapture};
use types::{MonoTime, Observation, Reason, Verdict};

#[global_allocator]
static GLOBAL: Counting = Counting;

/// Every `every`th frame of a clip in grey, with its time.
fn frames(clip: &str, every: usize) -> Option<Vec<(MonoTime, Grey)>> {
    let path = present(&format!("third_party/footage/{clip}"))?;
    let mut video = VideoCapture::from_file(path.to_str().unwrap(), CAP_FFMPEG).unwrap();
    let (mut colour, mut grey, pool) = (Mat::default(), Mat::default(), Pool::new());
    let mut frames = Vec::new();
    for number in 0.. {
        if !video.read(&mut colour).unwrap() {
            break;
        }
        if number % every == 0 {
            cvt_color(&colour, &mut grey, COLOR_BGR2GRAY, 0).unwrap();
            let mut bytes = pool.take(grey.total());
            bytes.copy_from_slice(grey.data_bytes().unwrap());
            let at = MonoTime::from_ms(number as u64 * 33);
            frames.push((at, Grey::new(grey.cols() as u32, grey.rows() as u32, bytes).unwrap()));
        }
    }
    Some(frames)
}

fn track(aligner: &mut Aligner, frames: &[(MonoTime, Grey)]) -> Vec<Observation> {
    let mut crop = AlignedFace::black();
    frames.iter().map(|(at, grey)| aligner.step(grey, *at, &mut crop).unwrap()).collect()
}

#[test]
fn a_driver_in_view_is_accepted() {
    let (mut aligner, Some(frames)) = (aligner(), frames("single_face.mp4", 2)) else { return };
    let seen = track(&mut aligner, &frames);
    let accepted = seen.iter().filter(|o| o.verdict.is_accepted()).count();
    assert!(accepted * 100 >= seen.len() * 95, "{accepted} of {} frames", seen.len());
    let good = seen.iter().filter(|o| o.quality.value() > 0.7).count();
    assert!(good * 100 >= seen.len() * 90, "{good} of {} frames of good quality", seen.len());
}

#[test]
fn nobody_in_view_is_nobody() {
    let (mut aligner, Some(frames)) = (aligner(), frames("noface_face.mov", 3)) else { return };
    // Somebody comes in after 96 frames.
    let seen = track(&mut aligner, &frames[..30]);
    let accepted = seen.iter().filter(|o| o.verdict.is_accepted()).count();
    assert_eq!(accepted, 0, "of {} frames without a face", seen.len());
}

#[test]
fn tracking_stills_and_crops_agree() {
    let (mut aligner, Some(frames)) = (aligner(), frames("single_face.mp4", 12)) else { return };
    let mut crop = AlignedFace::black();
    for (at, grey) in &frames {
        let tracked = aligner.step(grey, *at, &mut crop).unwrap();
        let still = aligner.step_still(grey, &mut crop).unwrap();
        let (Some(a), Some(b)) = (tracked.landmarks, still.landmarks) else { panic!("no face in {at:?}") };
        let eyes = a.inter_ocular_distance_px().unwrap();
        let ((l, r), (m, s)) = (a.eyes().unwrap(), b.eyes().unwrap());
        assert!(l.distance(m) < 0.05 * eyes && r.distance(s) < 0.05 * eyes, "{at:?}");
        // A crop twice as wide as the eyes are apart, as data sets cut them.
        let found = cut(grey, l.midpoint(r), eyes, |crop_of_face| {
            aligner.step_crop(crop_of_face, &mut crop).unwrap()
        });
        let (cl, cr) = found.landmarks.unwrap().eyes().unwrap();
        assert!((cl.distance(cr) / eyes - 1.0).abs() < 0.06, "{} for {eyes}", cl.distance(cr));
    }
}

/// A square of 2.4 eye distances, the eyes at two fifths of its height.
fn cut(
    grey: &Grey,
    eyes: types::Point,
    distance: f32,
    then: impl FnOnce(&Grey) -> Observation,
) -> Observation {
    let side = (2.4 * distance) as usize;
    let (x, y) = (eyes.x as usize - side / 2, eyes.y as usize - side * 2 / 5);
    let row = grey.width() as usize;
    let pixels = (y..y + side).flat_map(|line| grey.bytes()[line * row + x..][..side].iter().copied());
    then(&Grey::new(side as u32, side as u32, pixels.collect::<Vec<_>>().into()).unwrap())
}

#[test]
fn the_steady_state_does_not_allocate() {
    let (mut aligner, Some(frames)) = (aligner(), frames("single_face.mp4", 1)) else { return };
    let mut crop = AlignedFace::black();
    let (warm_up, steady) = frames.split_at(frames.len() / 3);
    let mut run = |frames: &[(MonoTime, Grey)]| {
        for (at, grey) in frames {
            aligner.step(grey, *at, &mut crop).unwrap();
        }
    };
    run(warm_up);
    assert_eq!(allocations(|| run(steady)), 0, "in {} frames", steady.len());
}

#[test]
fn a_blank_picture_shows_no_face() {
    let mut aligner = aligner();
    let mut crop = AlignedFace::black();
    let blank = Grey::new(320, 240, vec![128; 320 * 240].into()).unwrap();
    let nothing = Observation::nothing(Reason::NoFace);
    assert_eq!(aligner.step(&blank, MonoTime::ZERO, &mut crop).unwrap(), nothing);
    assert_eq!(aligner.step_still(&blank, &mut crop).unwrap(), nothing);
    let as_crop = aligner.step_crop(&blank, &mut crop).unwrap();
    assert!(matches!(as_crop.verdict, Verdict::Rejected(_)), "{:?}", as_crop.verdict);
}

#[test]
fn a_crop_that_cannot_be_aligned_stays_as_it_came() {
    let mut aligner = aligner();
    let (mut crop, side) = (AlignedFace::black(), 120_u32);
    // Sharp and well lit, but a fence, lighter on the left.
    let row = (0..side).map(|x| if x / 10 % 2 == 0 { 220 - x as u8 } else { 180 - x as u8 });
    let fence: Vec<u8> = row.clone().cycle().take((side * side) as usize).collect();
    let seen = aligner.step_crop(&Grey::new(side, side, fence.into()).unwrap(), &mut crop).unwrap();
    let reason = seen.verdict.reason().unwrap();
    assert!(reason.is_of_alignment(), "{reason}");
    // Upright: all rows are the same. Unmirrored and nearly whole: its lightness falls as the picture's.
    let rows: Vec<&[u8]> = crop.pixels().chunks_exact(AlignedFace::SIDE).collect();
    assert!(rows.iter().all(|row| *row == rows[0]));
    assert!(rows[0][0] > rows[0][AlignedFace::SIDE - 1] + 80);
}

#[test]
fn pictures_of_any_size_are_safe() {
    let mut aligner = aligner();
    let mut crop = AlignedFace::black();
    for (width, height) in [(1, 1), (2, 300), (300, 2), (47, 48), (64, 63)] {
        let grey = Grey::new(width, height, vec![9; (width * height) as usize].into()).unwrap();
        aligner.step(&grey, MonoTime::ZERO, &mut crop).unwrap();
        aligner.step_crop(&grey, &mut crop).unwrap();
    }
}
