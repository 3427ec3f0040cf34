//! Faces found on real clips, and gone when they are gone.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests say what is wrong by failing")]

mod common;

use std::path::Path;

use common::{aligner, data, present};
use frame::{AlignedFace, Grey, Pool};
use opencv::core::Mat;
use opencv::imgproc::{COLOR_BGR2GRAY, cvt_color};
use opencv::prelude::*;
use opencv::videoio::{CAP_FFMPEG, VideoCapture};
use types::MonoTime;

/// Calls `each` with every frame of a clip in grey, until it says false.
fn play(clip: &Path, mut each: impl FnMut(Grey) -> bool) {
    let mut video = VideoCapture::from_file(clip.to_str().unwrap(), CAP_FFMPEG).unwrap();
    let (mut colour, mut grey, pool) = (Mat::default(), Mat::default(), Pool::new());
    while video.read(&mut colour).unwrap() {
        cvt_color(&colour, &mut grey, COLOR_BGR2GRAY, 0).unwrap();
        let mut bytes = pool.take(grey.total());
        bytes.copy_from_slice(grey.data_bytes().unwrap());
        if !each(Grey::new(grey.cols() as u32, grey.rows() as u32, bytes).unwrap()) {
            break;
        }
    }
}

/// Whether a face was seen in each frame of a clip at 30 frames a second.
fn seen(clip: &Path) -> Vec<bool> {
    let mut aligner = aligner();
    let (mut crop, mut seen) = (AlignedFace::black(), Vec::new());
    play(clip, |grey| {
        let at = MonoTime::from_ms(seen.len() as u64 * 33);
        seen.push(aligner.step(&grey, at, &mut crop).unwrap().face.is_some());
        true
    });
    seen
}

fn share(seen: &[bool]) -> f64 {
    seen.iter().filter(|&&seen| seen).count() as f64 / seen.len() as f64
}

#[test]
fn drivers_who_yawn_and_look_aside_stay_found() {
    for (clip, frames) in [("driver-1", 429), ("driver-2", 470), ("driver-3", 570)] {
        let Some(path) = data(&format!("cabin/{clip}.avi")) else { return };
        let seen = seen(&path);
        assert_eq!(seen.len(), frames);
        assert!(share(&seen) >= 0.98, "{clip}: {:.3} of the frames", share(&seen));
    }
}

#[test]
fn one_face_in_view_is_found_in_every_frame() {
    for clip in ["single_face.mp4", "WolfgangLanger_Pexels.mp4"] {
        let Some(path) = present(&format!("third_party/footage/{clip}")) else { return };
        let seen = seen(&path);
        assert!(share(&seen) >= 0.99, "{clip}: {:.3} of the frames", share(&seen));
    }
}

#[test]
fn a_face_that_leaves_is_lost_once_and_one_that_comes_is_found_once() {
    for (clip, first) in [("face_noface.mov", true), ("noface_face.mov", false)] {
        let Some(path) = present(&format!("third_party/footage/{clip}")) else { return };
        let seen = seen(&path);
        // The face is in the picture for 72 of 169 frames, partly hidden at its edge before and after.
        let (begin, end) = (&seen[..60], &seen[seen.len() - 60..]);
        let (with, without) = if first { (begin, end) } else { (end, begin) };
        assert!(share(with) >= 0.95, "{clip}: {with:?}");
        assert_eq!(share(without), 0.0, "{clip}: {without:?}");
    }
}

#[test]
fn a_face_is_gone_within_three_frames_and_back_at_once() {
    // The second clip shows nobody in its first 96 frames.
    let (Some(face), Some(empty)) =
        (present("third_party/footage/single_face.mp4"), present("third_party/footage/noface_face.mov"))
    else {
        return;
    };
    let mut aligner = aligner();
    let (mut crop, mut at) = (AlignedFace::black(), MonoTime::ZERO);
    let mut show = |clip: &Path, count: usize| {
        let mut seen = Vec::new();
        play(clip, |grey| {
            at = MonoTime::from_ns(at.as_ns() + 33_000_000);
            seen.push(aligner.step(&grey, at, &mut crop).unwrap().face.is_some());
            seen.len() < count
        });
        seen
    };
    assert_eq!(show(&face, 20), [true; 20]);
    assert_eq!(show(&empty, 30)[2..], [false; 28]);
    assert_eq!(show(&face, 20), [true; 20]);
}
