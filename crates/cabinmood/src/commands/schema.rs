//! `cabinmood schema`: what is published, described for machines and people.

use std::io::Write as _;

use crate::cli::{SchemaArgs, SchemaKind};
use crate::failure::{Exit, Failure, OrExit as _};

/// Prints one description.
///
/// # Errors
/// [`Exit::Usage`] for those that this version does not have.
pub fn run(args: &SchemaArgs) -> Result<(), Failure> {
    let text = match args.kind {
        SchemaKind::Json => format!("{:#}\n", wire::json_schema()),
        SchemaKind::Md => wire::events_markdown(),
        SchemaKind::Dbc => return Err(absent("dbc", "CAN")),
        SchemaKind::Vspec => return Err(absent("vspec", "VSS")),
    };
    std::io::stdout().write_all(text.as_bytes()).or_exit(Exit::Unavailable, || "standard output".into())
}

fn absent(kind: &str, what: &str) -> Failure {
    Failure::message(
        Exit::Usage,
        format!("schema {kind}: {what} is not in this version; there are json and md"),
    )
}
