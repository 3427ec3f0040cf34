//! `cabinmood evaluate`: how well the whole chain, its quality gate included, does on a labelled
//! data set.

mod examples;
mod measures;
mod print;
mod worker;

use crate::cli::EvaluateArgs;
use crate::config::Config;
use crate::draw::report::{self, Subject};
use crate::failure::{Exit, Failure, OrExit as _, writing};
use crate::score::{Answer, Bootstrap, Case, Column, Measures, Score, TrickTally};
use crate::tools::stop::Stop;
use crate::tools::walk::Sample;
use crate::tools::{group_file, open, ordered, progress, walk};
use examples::Examples;
use worker::{Fault, Judged, Task, Worker};

/// Judges the pictures of DATASET and prints the result.
///
/// # Errors
/// [`Exit::Data`] where DATASET is no folder of class folders or, after the result, where a file
/// in it is no picture.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let stop = Stop::on_signals()?;
    let config = Config::load(&args.config)?;
    let samples = walk::samples(&args.dataset)?;
    let columns = match &args.groups {
        Some(path) => group_file::read(path, &args.dataset, &samples)?,
        None => Vec::new(),
    };
    let mut gathered = gather(args, &config, samples, &stop)?;
    let score = gathered.score(&columns, Bootstrap::new(args.resamples as usize));
    print::print(&score, args)?;
    if let Some(folder) = &args.report {
        let name = args.dataset.file_name().unwrap_or(args.dataset.as_os_str()).to_string_lossy();
        let mut classifier = open::classifier(&config, args.model.as_deref())?;
        let shown = gathered.examples.shown(&args.dataset, &mut classifier)?;
        let subject = Subject { dataset: &name, model: &gathered.model, score: &score, shown: &shown };
        report::write(folder, &subject).or_exit(Exit::Unavailable, writing("--report", folder))?;
    }
    match gathered.unreadable {
        0 => Ok(()),
        n => Err(Failure::message(
            Exit::Data,
            format!("{n} of {} files are no pictures and count as wrong", score.images),
        )),
    }
}

/// What is known once all pictures were judged.
#[derive(Default)]
struct Gathered {
    model: String,
    cases: Vec<Case>,
    tricks: Option<TrickTally>,
    examples: Examples,
    unreadable: usize,
}

/// Judges all pictures.
fn gather(
    args: &EvaluateArgs,
    config: &Config,
    samples: Vec<Sample>,
    stop: &Stop,
) -> Result<Gathered, Failure> {
    let tasks = Task::all(samples, args);
    let workers = ordered::workers(tasks.len(), || Worker::open(config, args))?;
    let model = workers.first().map_or_else(String::new, Worker::model);
    let tricks = args.tricks.then(TrickTally::default);
    let mut gathered = Gathered { model, tricks, ..Gathered::default() };
    let bar = progress::bar(Some(tasks.len() as u64), "pictures");
    ordered::for_each_in_order(&tasks, workers, stop, Worker::judge, |task, judged| {
        bar.inc(1);
        match judged {
            Ok(judged) => gathered.add(&task.sample, judged),
            Err(Fault::Picture(message)) => {
                progress::say(&bar, &message);
                gathered.add_unreadable(&task.sample);
            }
            Err(Fault::Chain(failure)) => return Err(failure),
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    if stop.is_set() {
        return Err(Failure::message(Exit::Unavailable, "interrupted; a part of a data set gives no result"));
    }
    Ok(gathered)
}

impl Gathered {
    fn add(&mut self, sample: &Sample, judged: Judged) {
        if let Some(tally) = &mut self.tricks {
            match &judged.tricked {
                Some(tricked) => tally.add(sample.label, &judged.case.answer, &tricked.answers),
                None => tally.leave_out(),
            }
        }
        self.cases.push(judged.case);
        self.examples.offer(sample, judged);
    }

    fn add_unreadable(&mut self, sample: &Sample) {
        self.unreadable += 1;
        if let Some(tally) = &mut self.tricks {
            tally.leave_out();
        }
        let measures = Measures::default();
        self.cases.push(Case { label: sample.label, answer: Answer::Unreadable, measures });
    }

    fn score(&self, columns: &[Column], bootstrap: Bootstrap) -> Score {
        let mut score = Score::of(&self.cases, columns, bootstrap);
        score.tricks = self.tricks.as_ref().map(|tally| tally.score(bootstrap));
        score
    }
}
