//! Pixels: a camera's [`Frame`], the [`AlignedFace`] cut from it, and the [`Pool`] that their
//! buffers come from and go back to.
//!
//! No crate that talks outward may depend on this one: that is how the project shows that no
//! pixel leaves the process.

mod aligned;
mod image;
mod pool;

pub use aligned::AlignedFace;
pub use image::{Bgr, Frame, Grey, SizeError};
pub use pool::{Buffer, Pool};
