//! The daemon's moving parts. Each is a plain struct that knows its channel ends at most; which
//! thread runs it and who is at the other end is decided in `graph.rs` alone.

pub mod checkup;
pub mod edge;
pub mod intake;
pub mod judge;
pub mod leash;
pub mod metrics;
pub mod metrics_table;
pub mod orders;
#[cfg(test)]
mod replay;
pub mod sight;
pub mod supervise;
pub mod vigil;
