//! What the offline commands (analyze, align, evaluate) share.

pub mod chain;
pub mod gallery;
pub mod group_file;
pub mod lines;
pub mod occlusion;
pub mod open;
pub mod ordered;
pub mod pictures;
pub mod progress;
pub mod record;
pub mod stages;
pub mod stop;
pub mod walk;
pub mod whole;
