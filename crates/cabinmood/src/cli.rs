//! The command line. What the flags mean is said here once; `--help` is made from it.

use std::path::PathBuf;

use capture::SourceSpec;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::tricks::Trick;

/// Watches the driver through a camera and publishes a steady, honest mood.
#[derive(Debug, Parser)]
#[command(name = "cabinmood", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands, the daemon itself first.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: camera in, mood events out on the socket
    Run(RunArgs),
    /// Show a running daemon's mood in the terminal
    Watch(WatchArgs),
    /// Say what is seen on every frame of videos and pictures, as fast as it goes
    Analyze(AnalyzeArgs),
    /// Cut the aligned faces out of a folder of pictures, as the daemon would
    Align(AlignArgs),
    /// Judge the chain on a data set of class folders; means are of the classes that have pictures
    Evaluate(EvaluateArgs),
    /// Print a description of what is published
    Schema(SchemaArgs),
    /// Show what is on a CAN bus, decoded and checked
    CanDump(CanDumpArgs),
    /// Say what works here and what does not, and why
    Check(CheckArgs),
    /// List the cameras and CAN interfaces
    Devices,
    /// Delete what the daemon keeps on disk; it must not run
    Purge(PurgeArgs),
}

/// Where the configuration comes from; the same for every command that has one.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Configuration file [default: /etc/cabinmood/cabinmood.toml where it exists, else built in]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Override one key, as in socket.path=/tmp/mood.sock; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `cabinmood run`
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// camera:0, a video, a picture or a folder of pictures [default: camera.source]
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceSpec>,

    /// The same as --source, for a file that is played once
    #[arg(value_name = "FILE", conflicts_with = "source")]
    pub file: Option<SourceSpec>,

    /// Also write an annotated video and a timeline picture into this folder (pixels to disk!)
    #[arg(long, value_name = "DIR")]
    pub annotate: Option<PathBuf>,
}

/// `cabinmood watch`
#[derive(Debug, Args)]
pub struct WatchArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// The daemon's socket [default: socket.path]
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,

    /// Print the events as they come, one JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// How `analyze` writes a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineFormat {
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

/// `cabinmood analyze`
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// Videos, pictures and folders of pictures
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,

    /// Expression model [default: classify.model]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,

    /// How to write a line
    #[arg(long, value_enum, default_value = "ndjson")]
    pub format: LineFormat,

    /// Write the lines here instead of to standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write counts, availability and time per stage here, as JSON
    #[arg(long, value_name = "FILE")]
    pub summary: Option<PathBuf>,

    /// Also write annotated videos and timeline pictures into this folder
    #[arg(long, value_name = "DIR")]
    pub annotate: Option<PathBuf>,
}

/// `cabinmood align`
#[derive(Debug, Args)]
pub struct AlignArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// A picture or a folder of pictures
    #[arg(value_name = "INPUT")]
    pub input: PathBuf,

    /// The folder to write the 112x112 grey PNGs and index.csv into
    #[arg(value_name = "OUTPUT")]
    pub output: PathBuf,

    /// The pictures are tight face crops: take the whole picture as the face
    #[arg(long)]
    pub crops: bool,

    /// Draw this on every accepted face first, as `evaluate --tricks` does, and cut what is found then
    #[arg(long, value_name = "NAME", value_enum)]
    pub trick: Option<Trick>,
}

/// `cabinmood evaluate`
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// A folder of class folders: angry, disgust, fear, happy, sad, surprise, neutral
    #[arg(value_name = "DATASET")]
    pub dataset: PathBuf,

    /// Expression model [default: classify.model]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,

    /// The pictures are tight face crops: take the whole picture as the face
    #[arg(long)]
    pub crops: bool,

    /// Judge again with sunglasses, masks, hands, bad light and more drawn on the pictures
    #[arg(long)]
    pub tricks: bool,

    /// Judge groups as well: a CSV file with a column "file" (path below DATASET) and others
    #[arg(long, value_name = "FILE")]
    pub groups: Option<PathBuf>,

    /// Data sets that are drawn anew for the 95 % intervals
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(100..=100_000))]
    pub resamples: u32,

    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,

    /// Write a report into this folder: figures, plots and examples (pixels to disk!)
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
}

/// What `schema` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaKind {
    /// DBC file of the CAN messages, as configured.
    Dbc,
    /// COVESA VSS overlay.
    Vspec,
    /// JSON Schema of an event.
    Json,
    /// The events for people to read.
    Md,
    /// The CAN messages for people to read, as configured.
    Can,
    /// JSON Schema of a mood episode.
    Episode,
    /// A mood episode for people to read.
    EpisodeMd,
}

/// `cabinmood schema`
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// In which language
    #[arg(value_enum)]
    pub kind: SchemaKind,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,
}

/// `cabinmood can-dump`
#[derive(Debug, Args)]
pub struct CanDumpArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// The CAN interface [default: can.interface]
    #[arg(value_name = "IFACE")]
    pub interface: Option<String>,

    /// Read a log that `candump -L` wrote instead of an interface
    #[arg(long, value_name = "FILE", conflicts_with = "interface")]
    pub log: Option<PathBuf>,

    /// End after so many of the daemon's frames
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// `cabinmood purge`
#[derive(Debug, Args)]
pub struct PurgeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `cabinmood check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the command's own help")]
    pub config: ConfigArgs,

    /// Print one JSON object instead of a list
    #[arg(long)]
    pub json: bool,
}
