//! `cabinmood analyze`: what every frame of videos and pictures says, as fast as the machine goes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capture::{CaptureError, SourceOptions};
use classify::Classifier;
use indicatif::ProgressBar;
use serde::Serialize;

use crate::cli::AnalyzeArgs;
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::tools::chain::{self, Aligned, Clip, Message};
use crate::tools::gallery::Gallery;
use crate::tools::lines::{Lines, Reader};
use crate::tools::record::Record;
use crate::tools::stages::{StageTimes, Stages};
use crate::tools::stop::Stop;
use crate::tools::walk::Medium;
use crate::tools::{open, progress, walk, whole};

/// Writes one line for every frame and picture, in order; none is dropped.
///
/// # Errors
/// [`Exit::NoInput`] where an input is missing or empty, [`Exit::Data`] where a file is damaged or is
/// no picture; the first one tells the code, after all the others are done.
pub fn run(args: &AnalyzeArgs) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let config = Config::load(&args.config)?;
    let media = walk::media(&args.inputs);
    let aligners = chain::aligners(&media, &config)?;
    let classifier = open::classifier(&config, args.model.as_deref())?;
    let options = SourceOptions { keep_color: args.annotate.is_some(), ..config.camera.options };
    let gallery = |folder: &PathBuf| Gallery::new(folder, media.len() == 1, config.smooth.clone());
    let mut analysis = Analysis {
        classifier,
        lines: Lines::create(args.output.as_deref(), args.format)?,
        gallery: args.annotate.as_ref().map(gallery).transpose()?,
        bar: progress::bar(Some(0), "frames"),
        stop: stop.clone(),
        files: media.len(),
        clip: String::new(),
        counts: Counts::default(),
        times: Times::default(),
        faults: Vec::new(),
    };
    let (played, wall) =
        chain::timed(|| chain::play(&media, &options, aligners, &stop, |message| analysis.take(message)));
    analysis.finish(args.summary.as_deref(), wall, played)
}

/// Everything that `--summary` counts.
#[derive(Debug, Default)]
struct Counts {
    frames: u64,
    faces: u64,
    accepted: u64,
    unreadable: u64,
}

#[derive(Default)]
struct Times {
    capture: StageTimes,
    align: StageTimes,
    classify: StageTimes,
    draw: StageTimes,
}

/// The summary, as written.
#[derive(Serialize)]
struct Summary<'a> {
    frames: u64,
    faces: u64,
    accepted: u64,
    /// Files that could not be read; each counts as a frame without a face.
    unreadable: u64,
    availability: f64,
    acceptance: f64,
    wall_s: f64,
    frames_per_s: f64,
    interrupted: bool,
    stages: Stages,
    model: &'a str,
    provider: String,
}

struct Analysis {
    classifier: Classifier,
    lines: Lines,
    gallery: Option<Gallery>,
    bar: ProgressBar,
    stop: Stop,
    files: usize,
    clip: String,
    counts: Counts,
    times: Times,
    faults: Vec<Failure>,
}

impl Analysis {
    fn take(&mut self, message: Message<Aligned>) -> Result<(), Failure> {
        match message {
            Message::Begin(clip) => self.begin(&clip),
            Message::Frame(aligned) => self.frame(&aligned),
            // Its frames have their lines.
            Message::Fault(_, error @ CaptureError::BrokeOff { .. }) => {
                self.fault(error.into());
                Ok(())
            }
            Message::Fault(medium, error) => self.unreadable(&medium, error.into()),
            Message::Failed(failure) => Err(failure),
        }
    }

    fn begin(&mut self, clip: &Arc<Clip>) -> Result<(), Failure> {
        self.bar.inc_length(clip.frames.unwrap_or(0));
        self.clip.clone_from(&clip.name);
        self.gallery.as_mut().map_or(Ok(()), |gallery| gallery.begin(clip))
    }

    fn frame(&mut self, aligned: &Aligned) -> Result<(), Failure> {
        let mut seen = aligned.frame.with(aligned.seen);
        if aligned.seen.verdict.is_accepted() {
            let (probabilities, time) = chain::timed(|| self.classifier.step(&aligned.face));
            seen.value.probabilities = Some(probabilities.or_exit(Exit::Internal, || self.clip.clone())?);
            self.times.classify.add(time);
            self.counts.accepted += 1;
        }
        self.times.capture.add(aligned.capture);
        self.times.align.add(aligned.align);
        self.counts.frames += 1;
        self.counts.faces += u64::from(seen.value.face.is_some());
        if let Some(gallery) = &mut self.gallery {
            let (drawn, time) = chain::timed(|| gallery.frame(aligned, &seen));
            self.times.draw.add(time);
            drawn?;
        }
        self.bar.inc(1);
        let record = Record::new(&self.clip, seen.seq, seen.captured_at.as_ns(), &seen.value);
        let reader = self.lines.write(&record)?;
        self.heed(reader);
        Ok(())
    }

    /// A file that cannot be read still has its line, so that none of the files is passed over in
    /// what is written.
    fn unreadable(&mut self, medium: &Medium, failure: Failure) -> Result<(), Failure> {
        self.counts.unreadable += 1;
        self.counts.frames += 1;
        self.bar.inc(1);
        let (name, error) = (medium.path.to_string_lossy(), failure.to_string());
        let reader = self.lines.write(&Record::unreadable(&name, &error))?;
        self.heed(reader);
        self.fault(failure);
        Ok(())
    }

    fn heed(&self, reader: Reader) {
        if reader == Reader::Left {
            self.stop.set();
        }
    }

    /// Notes what is wrong with a file; the other files go on.
    fn fault(&mut self, failure: Failure) {
        if self.files > 1 {
            progress::say(&self.bar, &failure.to_string());
        }
        self.faults.push(failure);
    }

    /// Hands over what there is, also where the work ended early or failed.
    fn finish(
        mut self,
        summary: Option<&Path>,
        wall: Duration,
        played: Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let flushed = self.lines.flush();
        let drawn = self.gallery.as_mut().map_or(Ok(()), Gallery::finish);
        let summed = summary.map_or(Ok(()), |path| self.write_summary(path, wall));
        played.and(flushed.map(drop)).and(drawn).and(summed)?;
        let count = self.faults.len();
        match self.faults.into_iter().next() {
            None => Ok(()),
            Some(only) if self.files == 1 => Err(only),
            Some(first) => Err(Failure::message(
                first.exit,
                format!("{count} of the {} files are damaged or cannot be read", self.files),
            )),
        }
    }

    fn write_summary(&mut self, path: &Path, wall: Duration) -> Result<(), Failure> {
        let Counts { frames, faces, accepted, unreadable } = self.counts;
        let share = |part: u64| if frames == 0 { 0.0 } else { part as f64 / frames as f64 };
        let rounded = |value: f64| (value * 1e3).round() / 1e3;
        let Times { capture, align, classify, draw } = std::mem::take(&mut self.times);
        let summary = Summary {
            frames,
            faces,
            accepted,
            unreadable,
            availability: share(faces),
            acceptance: share(accepted),
            wall_s: rounded(wall.as_secs_f64()),
            frames_per_s: rounded(frames as f64 / wall.as_secs_f64()),
            interrupted: self.stop.is_set(),
            stages: Stages::of([
                ("capture", capture),
                ("align", align),
                ("classify", classify),
                ("draw", draw),
            ]),
            model: self.classifier.model_name(),
            provider: self.classifier.provider().to_string(),
        };
        let text = serde_json::to_string_pretty(&summary).or_exit(Exit::Internal, || "summary".into())?;
        whole::write(path, |to| writeln!(to, "{text}")).or_exit(Exit::Unavailable, writing("--summary", path))
    }
}
