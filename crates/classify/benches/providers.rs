//! What each provider needs for a face, and how far its answers are from the CPU's:
//! `cargo bench -p classify --bench providers -- [--runtime LIBRARY] [--threads N] [--require PROVIDER]
//! MANIFEST…`. A provider that cannot be used is told with its reason. Ends with 1 where one that is
//! used fails or answers otherwise than the CPU, or where the required one is not used.
//! `tests/device/cuda.sh` takes it to a machine with a GPU.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark measures time and fails loudly"
)]

#[allow(dead_code, reason = "the tests share more than is needed here")]
#[path = "../tests/common/mod.rs"]
mod common;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use classify::{Classifier, ClassifyError, ClassifyOptions, Provider};
use frame::AlignedFace;
use types::Probabilities;

const FACES: usize = 100;
const WARM_UP: usize = 50;
const TIMED: usize = 500;
/// Between two probabilities. TF32 and 16-bit arithmetic differ from the CPU's by a few thousandths,
/// wrong code by much more.
const LARGEST_DIFFERENCE: f32 = 0.02;

struct Options {
    runtime: PathBuf,
    threads: usize,
    required: Option<Provider>,
    manifests: Vec<PathBuf>,
}

/// What a provider answered to each face, and how long it took.
struct Run {
    opened: Duration,
    times: Vec<Duration>,
    answers: Vec<Probabilities>,
}

fn options() -> Options {
    let (mut runtime, mut threads, mut required, mut manifests) = (None, 1, None, vec![]);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        match word.as_str() {
            // Cargo's own.
            "--bench" => {}
            "--runtime" => runtime = Some(value().into()),
            "--threads" => threads = value().parse().unwrap(),
            "--require" => required = Some(value().parse().unwrap()),
            _ if word.starts_with('-') => panic!("{word} is not known"),
            _ => manifests.push(word.into()),
        }
    }
    assert!(!manifests.is_empty(), "name the manifests of the models to run");
    Options { runtime: runtime.unwrap_or_else(common::runtime), threads, required, manifests }
}

/// Numbers from 0 to 1, the same in each run (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.next()
    }
}

/// Drawn faces, so unlike each other that a net's answers differ: light from a side, a skin, eyes,
/// brows that slant and a mouth that bends, under noise.
fn faces() -> Vec<AlignedFace> {
    let mut chance = Chance(0x9E37_79B9_7F4A_7C15);
    (0..FACES).map(|_| drawn(&mut chance)).collect()
}

fn drawn(chance: &mut Chance) -> AlignedFace {
    let (light, slope) = (chance.between(90.0, 200.0), chance.between(-0.8, 0.8));
    let (slant, brow) = (chance.between(-0.4, 0.4), chance.between(20.0, 32.0));
    let (bend, open, wide) =
        (chance.between(-0.02, 0.02), chance.between(1.0, 9.0), chance.between(12.0, 24.0));
    let (dark, eye, noise) =
        (chance.between(30.0, 90.0), chance.between(3.0, 8.0), chance.between(2.0, 25.0));
    let mut face = AlignedFace::black();
    for (place, pixel) in face.pixels_mut().iter_mut().enumerate() {
        let (x, y) = ((place % AlignedFace::SIDE) as f32, (place / AlignedFace::SIDE) as f32);
        // From the face's middle line, and from the nearer eye's centre.
        let across = x - 56.0;
        let (aside, below) = (across.abs() - 21.0, y - 40.0);
        let mut grey = light + slope * across;
        if (across / 44.0).powi(2) + ((y - 58.0) / 58.0).powi(2) > 1.0 {
            grey *= 0.4;
        }
        let in_eye = (aside / 9.0).powi(2) + (below / eye).powi(2) < 1.0;
        let in_brow = aside.abs() < 12.0 && (y - brow - slant * aside).abs() < 2.5;
        let in_mouth = across.abs() < wide && (y - 86.0 + bend * across * across).abs() < open;
        if in_eye || in_brow || in_mouth {
            grey -= dark;
        }
        *pixel = (grey + noise * chance.between(-1.0, 1.0)) as u8;
    }
    face
}

/// Asks one provider, or tells why it cannot be used.
fn run(options: ClassifyOptions, faces: &[AlignedFace]) -> Result<Result<Run, String>, ClassifyError> {
    let start = Instant::now();
    let mut classifier = Classifier::open(&options)?;
    let opened = start.elapsed();
    let first = &classifier.providers()[0];
    if !first.used {
        return Ok(Err(first.reason.clone().unwrap_or_default()));
    }
    for face in faces.iter().cycle().take(WARM_UP) {
        classifier.step(face)?;
    }
    let mut times = Vec::with_capacity(TIMED);
    for face in faces.iter().cycle().take(TIMED) {
        let start = Instant::now();
        classifier.step(face)?;
        times.push(start.elapsed());
    }
    let answers = faces.iter().map(|face| classifier.step(face)).collect::<Result<_, _>>()?;
    Ok(Ok(Run { opened, times, answers }))
}

/// The largest difference of a probability, and to how many faces both say the same expression.
fn compared(answers: &[Probabilities], expected: &[Probabilities]) -> (f32, usize) {
    let pairs = || answers.iter().zip(expected);
    let apart = |(a, b): (&Probabilities, &Probabilities)| {
        a.as_array().iter().zip(b.as_array()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    (pairs().map(apart).fold(0.0, f32::max), pairs().filter(|(a, b)| a.top().0 == b.top().0).count())
}

/// Tells what a provider did; whether that is as it should be.
fn told(provider: Provider, run: Run, expected: &[Probabilities]) -> bool {
    let Run { opened, mut times, answers } = run;
    times.sort_unstable();
    let ms = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let (apart, same) = compared(&answers, expected);
    println!(
        "  {provider:8} used: opened in {:.2} s; median {:.3} ms, 99th percentile {:.3} ms a face; \
         at most {apart:.5} from the CPU, same expression for {same} of {FACES}",
        opened.as_secs_f64(),
        ms(0.5),
        ms(0.99),
    );
    if apart > LARGEST_DIFFERENCE {
        println!("  {provider:8} WRONG: {LARGEST_DIFFERENCE} is allowed");
    }
    apart <= LARGEST_DIFFERENCE
}

/// Runs a model on every provider; whether all is as it should be.
fn judged(manifest: PathBuf, options: &Options, faces: &[AlignedFace]) -> Result<bool, ClassifyError> {
    let on = |providers: Vec<Provider>| ClassifyOptions {
        manifest: manifest.clone(),
        runtime: options.runtime.clone(),
        providers,
        threads: options.threads,
        engine_cache: None,
    };
    let cpu = run(on(vec![Provider::Cpu]), faces)?.unwrap_or_else(|reason| panic!("{reason}"));
    let said = |answers: &[Probabilities]| {
        let mut said = answers.iter().map(|answer| answer.top().0.name()).collect::<Vec<_>>();
        said.sort_unstable();
        said.dedup();
        said.join(", ")
    };
    println!(
        "{}: {TIMED} faces, {} thread(s) on the CPU, which says: {}",
        manifest.display(),
        options.threads,
        said(&cpu.answers)
    );
    let expected = cpu.answers.clone();
    let mut right = true;
    for provider in [Provider::TensorRt, Provider::Cuda] {
        match run(on(vec![provider, Provider::Cpu]), faces) {
            Ok(Ok(run)) => right &= told(provider, run, &expected),
            Ok(Err(reason)) => {
                println!("  {provider:8} not used: {reason}");
                right &= options.required != Some(provider);
            }
            Err(fault) => {
                println!("  {provider:8} FAILED: {fault}");
                right = false;
            }
        }
    }
    Ok(told(Provider::Cpu, cpu, &expected) && right)
}

fn main() -> ExitCode {
    let options = options();
    let faces = faces();
    println!("ONNX Runtime: {}", options.runtime.display());
    let mut right = true;
    for manifest in &options.manifests {
        right &= judged(manifest.clone(), &options, &faces).unwrap_or_else(|fault| {
            eprintln!("{fault}");
            false
        });
    }
    println!("{}", if right { "all is as it should be" } else { "something is WRONG, see above" });
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
