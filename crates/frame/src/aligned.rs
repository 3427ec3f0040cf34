//! The crop that a classifier sees.

use types::Point;

/// A face turned until its eyes are level, scaled to a fixed distance between them and cut out:
/// 112x112 grey. Training and the daemon cut faces with the same code and these same constants.
#[derive(Clone)]
pub struct AlignedFace {
    pixels: Box<[u8; Self::SIDE * Self::SIDE]>,
}

impl AlignedFace {
    /// Pixels in a row and rows.
    pub const SIDE: usize = 112;
    /// Where the centre of the eye on the picture's left goes. The distance between the eyes, 42 px,
    /// leaves the brows above and the chin below in an adult's face (chin to eye line is about 1.7
    /// of that distance), and no more background than that.
    pub const LEFT_EYE: Point = Point::new(35.0, 40.0);
    /// Where the centre of the eye on the picture's right goes.
    pub const RIGHT_EYE: Point = Point::new(77.0, 40.0);

    /// A black crop, to be written into. Allocates once; the pipeline reuses it.
    #[must_use]
    pub fn black() -> Self {
        Self { pixels: Box::new([0; Self::SIDE * Self::SIDE]) }
    }

    /// All pixels, row by row.
    #[must_use]
    pub fn pixels(&self) -> &[u8; Self::SIDE * Self::SIDE] {
        &self.pixels
    }

    /// All pixels, row by row.
    #[must_use]
    pub fn pixels_mut(&mut self) -> &mut [u8; Self::SIDE * Self::SIDE] {
        &mut self.pixels
    }
}

impl std::fmt::Debug for AlignedFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlignedFace").finish_non_exhaustive()
    }
}
