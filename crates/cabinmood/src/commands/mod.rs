//! One file a command, each with `run(args) -> Result<(), Failure>`.

pub mod align;
pub mod analyze;
pub mod can_dump;
pub mod check;
pub mod devices;
pub mod evaluate;
pub mod purge;
pub mod run;
pub mod schema;
pub mod watch;
