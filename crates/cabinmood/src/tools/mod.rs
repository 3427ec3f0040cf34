//! What the offline commands (analyze, align, evaluate) share.

pub mod ordered;
pub mod progress;
pub mod stages;
pub mod stop;
pub mod walk;
