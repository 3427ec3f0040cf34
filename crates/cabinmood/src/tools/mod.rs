//! What the offline commands (analyze, align, evaluate) share.

pub mod chain;
pub mod gallery;
pub mod lines;
pub mod open;
pub mod ordered;
pub mod pictures;
pub mod progress;
pub mod record;
pub mod score;
pub mod stages;
pub mod stop;
pub mod walk;
pub mod whole;
