//! Pictures, PNG and JPEG, one by one and in folders of classes. Needs the feature `image`.
//!
//! A picture is `[H, W, C]`, of numbers from 0 to 1. Transparency is left out, and what a camera notes about its position (EXIF) is not looked at.
//!
//! ```no_run
//! use nn::data::Loader;
//! use nn::data::images::ImageFolder;
//! // flowers/iris/1.png, flowers/iris/2.png, …, flowers/rose/1.jpg, …
//! let train = ImageFolder::open("flowers")?.resized([64, 64]);
//! assert_eq!(train.classes(), ["iris", "rose"]);
//! for batch in Loader::new(train, 32).shuffled(7).workers(2) {
//!     let (images, labels) = batch?;
//!     assert_eq!(images.shape()[..], [labels.len(), 64, 64, 3]);
//! }
//! # Ok::<(), nn::Error>(())
//! ```

mod decode;
mod folder;
#[cfg(test)]
mod tests;

pub use folder::ImageFolder;

use super::input;
use crate::Result;
use std::path::Path;
use tape::Tensor;

/// What of a picture's colour is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue; a grey picture has three times the same.
    #[default]
    Rgb,
    /// One channel, 0.299·R + 0.587·G + 0.114·B (ITU-R BT.601, as PIL and torchvision); a grey picture's own.
    Luma,
}

impl Channels {
    /// How many they are.
    pub fn count(self) -> usize {
        match self {
            Channels::Rgb => 3,
            Channels::Luma => 1,
        }
    }
}

/// Reads a picture: `[H, W, C]` in [0, 1]. What it contains counts, not what it is called.
///
/// # Errors
/// If it cannot be read, is neither PNG nor JPEG, is damaged or cut off, or says a size that a file of its length cannot have.
pub fn read(path: impl AsRef<Path>, channels: Channels) -> Result<Tensor> {
    let path = path.as_ref();
    let picture = decode::decode(&bytes(path)?, channels, |_| Ok(()));
    input::named(Some(path), picture.map(|picture| picture.tensor()))
}

/// As [`read`], of a file in memory.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8], channels: Channels) -> Result<Tensor> {
    input::named(None, decode::decode(bytes, channels, |_| Ok(())).map(|picture| picture.tensor()))
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    input::read(path, |head, _| decode::check_format(head).map(drop))
}
