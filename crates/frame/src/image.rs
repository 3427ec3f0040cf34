//! Pictures in memory: grey for the pipeline, colour beside it where a person will look at it.

use std::fmt;

use crate::pool::Buffer;

/// A buffer whose length does not fit the size it is said to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeError {
    /// Bytes that the size needs.
    pub expected: usize,
    /// Bytes that are there.
    pub found: usize,
}

impl fmt::Display for SizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a picture of this size has {} bytes, the buffer {}", self.expected, self.found)
    }
}

impl std::error::Error for SizeError {}

macro_rules! picture {
    ($(#[$doc:meta])* $name:ident, $channels:literal) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            width: u32,
            height: u32,
            bytes: Buffer,
        }

        impl $name {
            /// Bytes per pixel.
            pub const CHANNELS: usize = $channels;

            /// Rows of `width` pixels, `height` of them, without gaps.
            ///
            /// # Errors
            /// Where the buffer's length is not width x height x channels, or the picture is empty.
            pub fn new(width: u32, height: u32, bytes: Buffer) -> Result<Self, SizeError> {
                let expected = width as usize * height as usize * Self::CHANNELS;
                if bytes.len() != expected || expected == 0 {
                    return Err(SizeError { expected, found: bytes.len() });
                }
                Ok(Self { width, height, bytes })
            }

            /// Pixels in a row.
            #[must_use]
            pub const fn width(&self) -> u32 {
                self.width
            }

            /// Rows.
            #[must_use]
            pub const fn height(&self) -> u32 {
                self.height
            }

            /// All pixels, row by row.
            #[must_use]
            pub fn bytes(&self) -> &[u8] {
                &self.bytes
            }

            /// All pixels, row by row.
            #[must_use]
            pub fn bytes_mut(&mut self) -> &mut [u8] {
                &mut self.bytes
            }
        }
    };
}

picture!(
    /// A grey picture, one byte a pixel, 0 black.
    Grey,
    1
);
picture!(
    /// A colour picture, three bytes a pixel in the order blue, green, red.
    Bgr,
    3
);

/// One frame of a source. The pipeline works on `grey`; `color` is kept only where pictures for
/// people were asked for.
#[derive(Debug)]
pub struct Frame {
    /// What is analysed.
    pub grey: Grey,
    /// The same picture for people to look at; none for a grey camera.
    pub color: Option<Bgr>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_of_the_wrong_length_is_refused() {
        let error = Grey::new(4, 3, Buffer::from(vec![0; 11])).unwrap_err();
        assert_eq!(error, SizeError { expected: 12, found: 11 });
        assert!(Bgr::new(0, 3, Buffer::from(vec![])).is_err());
        assert!(Bgr::new(2, 2, Buffer::from(vec![0; 12])).is_ok());
    }
}
