//! Pictures for people: annotated video, timelines, confusion matrices and reports. Only what an
//! operator asks for by a flag is ever drawn.

mod annotator;
mod canvas;
mod confusion;
mod contact;
mod font;
mod maps;
pub mod palette;
mod photo;
mod reliability;
pub mod report;
mod scene;
mod sheet;
mod timeline;
mod whiskers;

pub use annotator::{Annotator, still};
