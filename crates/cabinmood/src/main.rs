//! The daemon and its tools: reads the command line, runs one command, turns its failure into a
//! line on standard error and an exit code.

mod cli;
mod clock;
mod commands;
mod config;
mod draw;
mod failure;
mod graph;
mod kept;
mod libraries;
mod live;
mod logging;
mod paths;
mod score;
mod signals;
mod tools;
mod tricks;

use std::io::Write as _;

use clap::Parser as _;
use signal_hook::low_level;

use cli::{Cli, Command};
use failure::{Exit, Failure};

fn main() {
    // SAFETY: nothing before this line makes a thread.
    unsafe { libraries::tell() };
    let code = match Cli::try_parse() {
        Ok(cli) => dispatch(&cli.command).map_or_else(|failure| say(&failure), |()| 0),
        Err(error) => say_usage(&error),
    };
    // Nothing is left to do where standard output is closed.
    let _ = std::io::stdout().flush();
    // Without what the libraries registered for the end: a thread that was left behind while it loads
    // a model would use what they take away.
    low_level::exit(code);
}

fn dispatch(command: &Command) -> Result<(), Failure> {
    // The daemon logs as its configuration says; the tools print results and only warn.
    if !matches!(command, Command::Run(_)) {
        logging::start(logging::TOOLS);
    }
    match command {
        Command::Run(args) => commands::run::run(args),
        Command::Watch(args) => commands::watch::run(args),
        Command::Analyze(args) => commands::analyze::run(args),
        Command::Align(args) => commands::align::run(args),
        Command::Evaluate(args) => commands::evaluate::run(args),
        Command::Schema(args) => commands::schema::run(args),
        Command::CanDump(args) => commands::can_dump::run(args),
        Command::Check(args) => commands::check::run(args),
        Command::Devices => commands::devices::run(),
        Command::Purge(args) => commands::purge::run(args),
    }
}

/// Prints what is wrong, a line a problem; gives the exit code.
fn say(failure: &Failure) -> i32 {
    // Nothing is left to do where even standard error is closed.
    for line in failure.to_string().lines() {
        let _ = writeln!(std::io::stderr(), "cabinmood: {line}");
    }
    failure.exit.code().into()
}

/// Prints clap's own message; gives the exit code: help and version are no failure, everything else
/// is wrong usage.
fn say_usage(error: &clap::Error) -> i32 {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.code().into() } else { 0 }
}
