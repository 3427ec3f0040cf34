//! `cabinmood align`: the faces of a folder of pictures, cut out as the daemon cuts them, so that
//! a net learns from exactly what it will be shown.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use align::Aligner;
use capture::{ErrorKind, SourceOptions};
use frame::{AlignedFace, Grey, Pool};
use types::{Observation, Reason};

use crate::cli::AlignArgs;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::tools::stop::Stop;
use crate::tools::{open, ordered, pictures, progress, record, walk};

/// The reason that index.csv gives for a file that is no picture.
const UNREADABLE: &str = "unreadable";

/// A picture, and where its crop goes.
struct Job {
    source: PathBuf,
    crop: PathBuf,
}

/// What was seen on a picture, its crop written where it was accepted; or why it could not be read.
type Outcome = Result<Observation, String>;

/// Mirrors the pictures of INPUT as aligned crops under OUTPUT, the accepted ones only, and lists
/// all of them in OUTPUT/index.csv, in the order of their paths. Of tight crops those that cannot
/// be aligned are written as they came: not accepted, but as `evaluate` judges them. With a trick, all
/// this is of the picture with the trick; where the clean face is not accepted, that is listed and
/// nothing is written, since `evaluate` draws no trick there.
///
/// # Errors
/// [`Exit::NoInput`] without pictures, [`Exit::Usage`] where OUTPUT lies in INPUT, [`Exit::Data`]
/// after all the others are done where a file is no picture.
pub fn run(args: &AlignArgs) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let config = Config::load(&args.config)?;
    let root =
        if args.input.is_dir() { args.input.as_path() } else { args.input.parent().unwrap_or(Path::new("")) };
    let jobs = jobs(&walk::pictures(&args.input)?, root, &args.output)?;
    refuse_inside(&args.output, &args.input)?;
    let workers = ordered::workers(jobs.len(), || Ok((open::aligner(&config)?, AlignedFace::black())))?;
    let mut index = Index::create(&args.output)?;
    let (pool, bar) = (Pool::new(), progress::bar(Some(jobs.len() as u64), "pictures"));
    let work =
        |(aligner, face): &mut (Aligner, AlignedFace), job: &Job| align_one(aligner, face, job, args, &pool);
    ordered::for_each_in_order(&jobs, workers, &stop, work, |job, outcome| {
        bar.inc(1);
        let outcome = outcome?;
        if let Err(message) = &outcome {
            progress::say(&bar, message);
        }
        index.add(job.source.strip_prefix(root).unwrap_or(&job.source), &outcome)
    })?;
    bar.finish_and_clear();
    index.finish(&stop)
}

/// Where each crop goes: the picture's path under `root`, under `output`, as PNG.
fn jobs(pictures: &[PathBuf], root: &Path, output: &Path) -> Result<Vec<Job>, Failure> {
    let mut taken = HashMap::new();
    let mut jobs = Vec::with_capacity(pictures.len());
    for source in pictures {
        let crop = output.join(source.strip_prefix(root).unwrap_or(source)).with_extension("png");
        if let Some(other) = taken.insert(crop.clone(), source) {
            let message = format!(
                "{} and {} would both become {}; rename one",
                other.display(),
                source.display(),
                crop.display()
            );
            return Err(Failure::message(Exit::Data, message));
        }
        jobs.push(Job { source: source.clone(), crop });
    }
    Ok(jobs)
}

/// Crops among the pictures would be pictures the next time.
fn refuse_inside(output: &Path, input: &Path) -> Result<(), Failure> {
    let absolute =
        |path: &Path| std::path::absolute(path).or_exit(Exit::NoInput, || path.display().to_string());
    let (output_path, input) = (absolute(output)?, absolute(input)?);
    // What is not there yet cannot be resolved; the folder that it will be made in can.
    let there = output_path.ancestors().find_map(|path| path.canonicalize().ok()).unwrap_or(output_path);
    let input = input.canonicalize().or_exit(Exit::NoInput, || input.display().to_string())?;
    if there.starts_with(&input) {
        let message = format!("{}: the output may not lie in the input", output.display());
        return Err(Failure::message(Exit::Usage, message));
    }
    Ok(())
}

fn align_one(
    aligner: &mut Aligner,
    face: &mut AlignedFace,
    job: &Job,
    args: &AlignArgs,
    pool: &Pool,
) -> Result<Outcome, Failure> {
    let frame = match pictures::read(&job.source, &SourceOptions::default(), pool) {
        Ok(frame) => frame,
        Err(e) if e.kind() == ErrorKind::Internal => return Err(Failure::new(Exit::Internal, e)),
        Err(e) => return Ok(Err(e.to_string())),
    };
    let named = || job.source.display().to_string();
    let mut look = |picture: &Grey| {
        let seen =
            if args.crops { aligner.step_crop(picture, face) } else { aligner.step_still(picture, face) };
        seen.or_exit(Exit::Internal, named)
    };
    let clean = look(&frame.grey)?;
    let drawn = match (args.trick, clean.landmarks) {
        (Some(trick), Some(landmarks)) if clean.verdict.is_accepted() => {
            let name = job.source.file_name().unwrap_or_default().to_string_lossy();
            trick.play(&frame.grey, &landmarks, &name).or_exit(Exit::Internal, named)?
        }
        _ => None,
    };
    let played = args.trick.is_none() || clean.verdict.is_accepted();
    let seen = drawn.map_or(Ok(clean), |drawn| look(&drawn))?;
    let as_it_came = args.crops && played && seen.verdict.reason().is_some_and(Reason::is_of_alignment);
    let written = if seen.verdict.is_accepted() || as_it_came {
        let folder = job.crop.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).and_then(|()| pictures::write_crop(&job.crop, face))
    } else if job.crop.exists() {
        // An earlier run accepted it; nobody may learn from it any more.
        fs::remove_file(&job.crop)
    } else {
        Ok(())
    };
    written.or_exit(Exit::Unavailable, writing("OUTPUT", &job.crop))?;
    Ok(Ok(seen))
}

/// index.csv and what it counts.
struct Index {
    path: PathBuf,
    csv: csv::Writer<fs::File>,
    listed: usize,
    accepted: usize,
    unreadable: usize,
}

impl Index {
    fn create(output: &Path) -> Result<Self, Failure> {
        let path = output.join("index.csv");
        let begun = || -> std::io::Result<_> {
            fs::create_dir_all(output)?;
            let mut csv = csv::Writer::from_writer(fs::File::create(&path)?);
            csv.write_record(["source", "accepted", "reason", "quality", "landmarks"])?;
            Ok(csv)
        };
        let csv = begun().or_exit(Exit::Unavailable, writing("OUTPUT", &path))?;
        Ok(Self { path, csv, listed: 0, accepted: 0, unreadable: 0 })
    }

    fn add(&mut self, source: &Path, outcome: &Outcome) -> Result<(), Failure> {
        let source = source.to_string_lossy();
        self.listed += 1;
        let written = match outcome {
            Ok(seen) => {
                self.accepted += usize::from(seen.verdict.is_accepted());
                let accepted = if seen.verdict.is_accepted() { "true" } else { "false" };
                let reason = seen.verdict.reason().map_or("", |reason| reason.name());
                let quality = format!("{:.3}", seen.quality.value());
                let landmarks =
                    seen.landmarks.map_or_else(String::new, |l| record::in_words(&record::points(&l)));
                self.csv.write_record([&*source, accepted, reason, &quality, &landmarks])
            }
            Err(_) => {
                self.unreadable += 1;
                self.csv.write_record([&*source, "false", UNREADABLE, "0.000", ""])
            }
        };
        // Row by row: wherever the work ends, the rows are those of the pictures that are there.
        let written = written.and_then(|()| Ok(self.csv.flush()?));
        written.or_exit(Exit::Unavailable, writing("OUTPUT", &self.path))
    }

    fn finish(self, stop: &Stop) -> Result<(), Failure> {
        let ended = if stop.is_set() { " (interrupted)" } else { "" };
        let line =
            format!("{} of {} pictures accepted{ended}; {}", self.accepted, self.listed, self.path.display());
        // A closed standard output takes nothing away from what was done.
        let _ = writeln!(std::io::stdout(), "{line}");
        match self.unreadable {
            0 => Ok(()),
            n => Err(Failure::message(
                Exit::Data,
                format!("{n} of {} files are no pictures; index.csv names them", self.listed),
            )),
        }
    }
}
