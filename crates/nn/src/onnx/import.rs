//! From a model file to a network.

mod affine;
mod builder;
mod computed;
mod elementwise;
mod file;
mod folded;
mod ids;
mod known;
mod norms;
mod pieces;
mod places;
mod recurrent;
mod shapes;
mod tensor;
#[cfg(test)]
mod tests;
mod windows;

use super::{IdsModel, InputsModel, Layout, Model};
use crate::data::input;
use crate::{Error, Result};
use builder::Builder;
use file::{File, Problem};
use std::path::Path;
use tape::Float;

/// How to import: `Import::new().layout(Layout::FeaturesLast).load(path)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Import {
    layout: Option<Layout>,
}

impl Import {
    /// Features behind the batch axis; last where the network takes indices or several inputs.
    pub fn new() -> Import {
        Import::default()
    }

    /// Where the file has the features of input and output, if they have more than two axes. [`Layout::FeaturesFirst`] is for networks of images, whose files say
    /// `[N, C, H, W]`: the model takes and returns `[N, H, W, C]`. [`Layout::FeaturesLast`] takes the file's axes as they are, for sequences `[N, T, D]`.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Import {
        self.layout = Some(layout);
        self
    }

    /// Reads a model file.
    ///
    /// # Errors
    /// If it cannot be read; if it is damaged: what is wrong, and at which byte; if it is right, but has what is not known here: which operator, of which
    /// node, and the way out.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        let bytes = input::read(path, looks_like_a_model)?;
        named(path, self.parse(&bytes))
    }

    /// As [`Import::load`], of a file in memory.
    ///
    /// # Errors
    /// As [`Import::load`].
    #[inline] // so that the layers of f32 are compiled by who imports
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Model> {
        named(Path::new("(bytes)"), self.parse(bytes))
    }

    /// Reads a model file of a network that takes indices, as [`Export::save_ids`](crate::onnx::Export::save_ids) writes it.
    ///
    /// # Errors
    /// As [`Import::load`], and if anything but one table reads the indices.
    pub fn load_ids(&self, path: impl AsRef<Path>) -> Result<IdsModel> {
        let path = path.as_ref();
        let bytes = input::read(path, looks_like_a_model)?;
        named(path, self.parse_ids(&bytes))
    }

    /// As [`Import::load_ids`], of a file in memory.
    ///
    /// # Errors
    /// As [`Import::load_ids`].
    #[inline] // so that the layers of f32 are compiled by who imports
    pub fn ids_from_bytes(&self, bytes: &[u8]) -> Result<IdsModel> {
        named(Path::new("(bytes)"), self.parse_ids(bytes))
    }

    /// Reads a model file of a network of several inputs, as [`Export::save_inputs`](crate::onnx::Export::save_inputs) writes it of numbers.
    ///
    /// # Errors
    /// As [`Import::load`].
    pub fn load_inputs(&self, path: impl AsRef<Path>) -> Result<InputsModel> {
        let path = path.as_ref();
        let bytes = input::read(path, looks_like_a_model)?;
        named(path, self.parse_inputs(&bytes))
    }

    /// As [`Import::load_inputs`], of a file in memory.
    ///
    /// # Errors
    /// As [`Import::load_inputs`].
    #[inline] // so that the layers of f32 are compiled by who imports
    pub fn inputs_from_bytes(&self, bytes: &[u8]) -> Result<InputsModel> {
        named(Path::new("(bytes)"), self.parse_inputs(bytes))
    }

    fn parse<T: Float>(&self, bytes: &[u8]) -> file::Result<Model<T>> {
        let file = File::parse(bytes)?;
        Builder::new(&file, bytes.len()).build(self.layout.unwrap_or_default()).map(|(model, _)| model)
    }

    fn parse_ids<T: Float>(&self, bytes: &[u8]) -> file::Result<IdsModel<T>> {
        let file = File::parse(bytes)?;
        let layout = self.layout.unwrap_or(Layout::FeaturesLast);
        Builder::new(&file, bytes.len()).build_of_ids(layout).map(|(model, _)| model)
    }

    fn parse_inputs<T: Float>(&self, bytes: &[u8]) -> file::Result<InputsModel<T>> {
        let file = File::parse(bytes)?;
        let layout = self.layout.unwrap_or(Layout::FeaturesLast);
        Builder::new(&file, bytes.len()).build_of_inputs(layout).map(|(model, _)| model)
    }
}

/// [`Import::load`] with the usual settings: a file's `[N, C, H, W]` is `[N, H, W, C]` here, in input and output.
///
/// ```
/// use nn::prelude::*;
/// let mut rng = Rng::seed(1);
/// let net = (Conv2d::new(1, 4, 3, &mut rng), Relu, Flatten, Linear::new(4 * 6 * 6, 10, &mut rng));
/// let path = std::env::temp_dir().join("digits_again.onnx");
/// nn::onnx::export(&net, &[8, 8, 1], &path)?;
/// let again = nn::onnx::load(&path)?;
/// let x = Tape::inference().input(Tensor::ones([2, 8, 8, 1]));
/// assert_eq!(again.forward(x.clone()).to_vec(), net.forward(x).to_vec());
/// assert_eq!(again.num_parameters(), net.num_parameters());
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// As [`Import::load`].
pub fn load(path: impl AsRef<Path>) -> Result<Model> {
    Import::new().load(path)
}

fn named<T>(path: &Path, parsed: file::Result<T>) -> Result<T> {
    parsed.map_err(|problem| match problem {
        Problem::Damaged(problem) => Error::Damaged { path: path.into(), problem },
        Problem::Unsupported(problem) => Error::Unsupported { path: path.into(), problem },
    })
}

/// Refuses what is of another kind before a large file is read.
fn looks_like_a_model(head: &[u8], _: u64) -> Result<(), String> {
    let first = crate::protobuf::Fields::of(head).next();
    match first {
        Ok(Some(_)) => Ok(()),
        // A message longer than the head.
        Err(_) if head.first().is_some_and(|key| key & 7 == 2) => Ok(()),
        Ok(None) => Err("the file is empty".into()),
        Err(problem) => Err(format!("this is no ONNX model, or a damaged one: {problem}")),
    }
}
