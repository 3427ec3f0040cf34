//! What a frame costs before the pipeline sees it: `cargo bench -p capture`.
//! The clip is cabin/driver-3.avi of the data set (640x480), or single_face.mp4 (640x360).

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark fails and skips loudly"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use capture::{FreezeDetector, Rotation, SourceOptions, SourceSpec, open};
use criterion::{Criterion, criterion_group, criterion_main};
use frame::Pool;
use types::{Clock, MonoTime, UtcTime};

struct NoClock;

impl Clock for NoClock {
    fn now(&self) -> MonoTime {
        MonoTime::ZERO
    }

    fn utc(&self) -> UtcTime {
        UtcTime::default()
    }
}

fn clip() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data = std::env::var_os("CABINMOOD_DATA").map_or_else(|| root.join("../shared/data"), PathBuf::from);
    let clips = [data.join("cabin/driver-3.avi"), root.join("third_party/footage/single_face.mp4")];
    clips.into_iter().find(|path| path.is_file())
}

fn video(criterion: &mut Criterion) {
    let Some(path) = clip() else {
        println!("SKIPPED: no clip to decode (run `make setup`, or set CABINMOOD_DATA)");
        return;
    };
    let spec = SourceSpec::Video(path);
    let grey = SourceOptions::default();
    let cases = [
        ("grey", grey),
        ("grey and colour", SourceOptions { keep_color: true, ..grey }),
        ("grey, turned by 180", SourceOptions { rotation: Rotation::Half, ..grey }),
        ("grey, turned by 90", SourceOptions { rotation: Rotation::Cw90, ..grey }),
    ];
    let pool = Pool::new();
    for (name, options) in cases {
        let opened = || open(&spec, &options, Arc::new(NoClock), &pool).unwrap();
        let mut source = opened();
        criterion.bench_function(&format!("a video's frame: {name}"), |bencher| {
            bencher.iter(|| match source.next().unwrap() {
                Some(frame) => drop(black_box(frame)),
                None => source = opened(),
            });
        });
    }
    let mut source = open(&spec, &grey, Arc::new(NoClock), &pool).unwrap();
    let frames = [source.next().unwrap().unwrap(), source.next().unwrap().unwrap()];
    let mut freeze = FreezeDetector::new();
    let mut turn = frames.iter().cycle();
    criterion.bench_function("a look whether the source is frozen", |bencher| {
        bencher.iter(|| turn.next().map(|frame| freeze.step(&frame.with(&frame.value.grey))));
    });
}

criterion_group!(benches, video);
criterion_main!(benches);
