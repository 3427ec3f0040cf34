//! Tricks: what drivers wear and how cameras see them, drawn on pictures of faces to learn how much
//! the whole chain loses by each. They are drawn on the picture itself, before alignment, so that a
//! face that is cut wrongly because of one counts. None is drawn as training's own augmentation
//! draws (`models/training/expression/augment.py`): a net is not asked what it was taught.

mod camera;
mod cover;
mod face;
mod light;
mod portrait;
mod sketch;
mod wear;

use std::fmt;

use clap::ValueEnum;
use clap::builder::PossibleValue;
use fastrand::Rng;
use frame::{Buffer, Grey};
use opencv::core::{Mat, StsUnmatchedSizes};
use types::Landmarks;

use face::Face;
pub use portrait::{Tile, portrait};

/// The kinds of trick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// Dark lenses.
    Sunglasses,
    /// Clear lenses with a reflection.
    Glasses,
    /// A respirator over mouth and nose.
    Mask,
    /// A full beard; the lips stay free.
    Beard,
    /// A hand that holds the chin, its fingers before the mouth.
    Hand,
    /// A cap and the shadow of its brim.
    HatShadow,
    /// Light from one side alone.
    SideLight,
    /// Little light, much amplified.
    NightNoise,
    /// A camera with its own infrared lamp.
    InfraredTones,
    /// A head that moved while the shutter was open.
    MotionBlur,
    /// A head, or a camera, that leans.
    Rotation,
    /// A face of few pixels, enlarged.
    LowResolution,
}

impl Trick {
    /// All tricks, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Sunglasses,
        Self::Glasses,
        Self::Mask,
        Self::Beard,
        Self::Hand,
        Self::HatShadow,
        Self::SideLight,
        Self::NightNoise,
        Self::InfraredTones,
        Self::MotionBlur,
        Self::Rotation,
        Self::LowResolution,
    ];

    /// The key in `evaluate --json`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sunglasses => "sunglasses",
            Self::Glasses => "glasses",
            Self::Mask => "mask",
            Self::Beard => "beard",
            Self::Hand => "hand",
            Self::HatShadow => "hat_shadow",
            Self::SideLight => "side_light",
            Self::NightNoise => "night_noise",
            Self::InfraredTones => "infrared_tones",
            Self::MotionBlur => "motion_blur",
            Self::Rotation => "rotation",
            Self::LowResolution => "low_resolution",
        }
    }

    /// The picture with the trick played on the face with these landmarks; `None` where they are no
    /// face's. The same name of a file gives the same drawing, whatever folder it lies in.
    ///
    /// # Errors
    /// Where OpenCV fails (no memory).
    pub fn play(
        self,
        picture: &Grey,
        landmarks: &Landmarks,
        file_name: &str,
    ) -> opencv::Result<Option<Grey>> {
        let Some(face) = Face::of(landmarks) else { return Ok(None) };
        let mut rng = self.rng(file_name);
        let rng = &mut rng;
        let drawn = match self {
            Self::Sunglasses => wear::sunglasses(picture, &face, rng),
            Self::Glasses => wear::glasses(picture, &face, rng),
            Self::Mask => wear::mask(picture, &face, rng),
            Self::Beard => cover::beard(picture, &face, rng),
            Self::Hand => cover::hand(picture, &face, rng),
            Self::HatShadow => cover::hat_shadow(picture, &face, rng),
            Self::SideLight => light::side_light(picture, &face, rng),
            Self::NightNoise => light::night_noise(picture, rng),
            Self::InfraredTones => light::infrared_tones(picture, &face, rng),
            Self::MotionBlur => camera::motion_blur(picture, &face, rng),
            Self::Rotation => camera::rotation(picture, &face, rng),
            Self::LowResolution => camera::low_resolution(picture, &face, rng),
        };
        drawn.map(Some)
    }

    /// A CRC rather than the standard library's hash, which may change between its releases.
    fn rng(self, file_name: &str) -> Rng {
        let mut hash = crc32fast::Hasher::new();
        hash.update(self.name().as_bytes());
        hash.update(file_name.as_bytes());
        Rng::with_seed(u64::from(hash.finalize()))
    }
}

/// On the command line, too, a trick has the name that results give it.
impl ValueEnum for Trick {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

impl fmt::Display for Trick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name().replace('_', " "))
    }
}

/// An even draw between two values.
fn between(rng: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.f32()
}

/// 1 or -1.
fn side(rng: &mut Rng) -> f32 {
    if rng.bool() { 1.0 } else { -1.0 }
}

/// A picture of the same size with these pixels.
fn like(picture: &Grey, bytes: impl Into<Buffer>) -> opencv::Result<Grey> {
    grey(picture.width(), picture.height(), bytes)
}

fn grey(width: u32, height: u32, bytes: impl Into<Buffer>) -> opencv::Result<Grey> {
    Grey::new(width, height, bytes.into()).map_err(|e| opencv::Error::new(StsUnmatchedSizes, e.to_string()))
}

/// OpenCV's view of a picture; nothing is copied.
fn as_mat(picture: &Grey) -> opencv::Result<opencv::boxed_ref::BoxedRef<'_, Mat>> {
    Mat::new_rows_cols_with_bytes::<u8>(picture.height() as i32, picture.width() as i32, picture.bytes())
}

#[cfg(test)]
mod tests;
