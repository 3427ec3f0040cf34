//! `cabinmood schema`: what is published, described for machines and people.

use std::io::Write as _;

use crate::cli::{SchemaArgs, SchemaKind};
use crate::config::Config;
use crate::failure::{Exit, Failure, OrExit as _};

/// Prints one description. Those of the CAN messages are as the configuration has them.
///
/// # Errors
/// A wrong configuration ([`Exit::Config`]).
pub fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let network = Config::load(&args.config)?.can.network;
    let text = match args.kind {
        SchemaKind::Json => format!("{:#}\n", wire::json_schema()),
        SchemaKind::Md => wire::events_markdown(),
        SchemaKind::Dbc => wire::can::dbc(&network),
        SchemaKind::Can => wire::can::messages_markdown(&network),
        SchemaKind::Episode => format!("{:#}\n", wire::episode_schema()),
        SchemaKind::EpisodeMd => wire::episode_markdown(),
        SchemaKind::Vspec => wire::vss_overlay(),
    };
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())
}
