//! How a source's frames are to be turned, cut and sized.

/// How far the picture must be turned to stand upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// It is upright.
    #[default]
    None,
    /// A quarter turn clockwise.
    Cw90,
    /// Half a turn: the camera hangs upside down.
    Half,
    /// A quarter turn counter-clockwise.
    Ccw90,
}

impl Rotation {
    /// The rotation of so many degrees clockwise; `None` for all but 0, 90, 180 and 270.
    #[must_use]
    pub const fn from_degrees(degrees: u32) -> Option<Self> {
        match degrees {
            0 => Some(Self::None),
            90 => Some(Self::Cw90),
            180 => Some(Self::Half),
            270 => Some(Self::Ccw90),
            _ => None,
        }
    }

    /// Quarter turns clockwise, 0 to 3.
    pub(crate) const fn quarters(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Cw90 => 1,
            Self::Half => 2,
            Self::Ccw90 => 3,
        }
    }

    /// The turn back.
    pub(crate) const fn inverse(self) -> Self {
        match self {
            Self::Cw90 => Self::Ccw90,
            Self::Ccw90 => Self::Cw90,
            Self::None | Self::Half => self,
        }
    }

    /// This turn and then another.
    pub(crate) fn then(self, next: Self) -> Self {
        Self::from_degrees((self.quarters() + next.quarters()) % 4 * 90).unwrap_or_default()
    }
}

/// The part of the upright, mirrored frame that holds the driver's seat, in fractions of the
/// frame's width and height. What lies outside is cut off before any other stage sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Region {
    /// Left edge, 0 to 1.
    pub x: f32,
    /// Upper edge, 0 to 1.
    pub y: f32,
    /// Width, above 0; `x + w` is at most 1.
    pub w: f32,
    /// Height, above 0; `y + h` is at most 1.
    pub h: f32,
}

impl Region {
    /// Whether the region lies within the frame and is not empty. A region that does not is
    /// clamped to the frame when it is used.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        // Decimal fractions such as 0.7 + 0.3 may sum to a little more than one.
        const SLACK: f32 = 1e-5;
        let side = |start: f32, length: f32| start >= 0.0 && length > 0.0 && start + length <= 1.0 + SLACK;
        side(self.x, self.w) && side(self.y, self.h)
    }
}

/// What to do with a source's frames. The order is: rotate, mirror, cut out the region.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceOptions {
    /// Swap left and right, for a camera that delivers a mirror image.
    pub mirror: bool,
    /// Turn the picture upright.
    pub rotation: Rotation,
    /// Cut out the driver's seat; all of the frame where there is none.
    pub region: Option<Region>,
    /// Keep the colour picture beside the grey one, for pictures that people look at.
    pub keep_color: bool,
    /// Width to ask a camera for, in pixels; files keep their own.
    pub width: u32,
    /// Height to ask a camera for, in pixels; files keep their own.
    pub height: u32,
    /// Frames per second to ask a camera for; files keep their own.
    pub fps: u32,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            mirror: false,
            rotation: Rotation::None,
            region: None,
            keep_color: false,
            width: 640,
            height: 480,
            fps: 30,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_lies_within_the_frame() {
        let region = |x, y, w, h| Region { x, y, w, h }.is_valid();
        assert!(region(0.0, 0.0, 1.0, 1.0) && region(0.7, 0.1, 0.3, 0.9));
        assert!(!region(0.5, 0.0, 0.6, 1.0) && !region(-0.1, 0.0, 0.5, 1.0));
        assert!(!region(0.0, 0.0, 0.0, 1.0) && !region(0.0, f32::NAN, 1.0, 1.0));
    }

    #[test]
    fn only_quarter_turns_are_rotations() {
        assert_eq!(Rotation::from_degrees(270), Some(Rotation::Ccw90));
        assert_eq!(Rotation::from_degrees(45), None);
    }

    #[test]
    fn turns_add_up() {
        assert_eq!(Rotation::Cw90.then(Rotation::Half), Rotation::Ccw90);
        for degrees in [0, 90, 180, 270] {
            let turn = Rotation::from_degrees(degrees).unwrap();
            assert_eq!(turn.quarters() * 90, degrees);
            assert_eq!(turn.then(turn.inverse()), Rotation::None);
        }
    }
}
