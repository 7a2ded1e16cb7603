//! From a layer to a model file.

use super::graph::Graph;
use crate::files::write_whole;
use crate::{Error, Layer, Result};
use std::path::Path;
use tape::Float;

/// Where the features of an exported model's input and output are, if they have more than two axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Behind the batch axis, as ONNX's operators have them: `[N, C, H, W]`.
    #[default]
    FeaturesFirst,
    /// Last, as here: `[N, H, W, C]`, `[N, T, D]`.
    FeaturesLast,
}

/// How to export: `Export::new().layout(Layout::FeaturesLast).save(&net, &[32, 32, 3], path)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    layout: Layout,
}

impl Export {
    /// Features behind the batch axis.
    pub fn new() -> Export {
        Export::default()
    }

    /// With features there, in input and output.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Export {
        self.layout = layout;
        self
    }

    /// The bytes of the model file. `input` is the shape of one example as the network takes it here: `[H, W, C]`, `[F]`.
    ///
    /// # Errors
    /// If a layer has no ONNX form; the error names it.
    ///
    /// # Panics
    /// If shapes do not fit, as [`Layer::forward`].
    #[track_caller]
    pub fn to_bytes<T: Float>(&self, net: &(impl Layer<T> + ?Sized), input: &[usize]) -> Result<Vec<u8>> {
        let mut graph = Graph::default();
        let x = Graph::input(input, self.layout)?;
        let y = net.onnx(&mut crate::module::Path::default(), &mut graph, x)?;
        Ok(graph.into_bytes(input, y, self.layout))
    }

    /// Writes the model file, whole or not at all. `input` as in [`Export::to_bytes`].
    ///
    /// # Errors
    /// As [`Export::to_bytes`], and if the file cannot be written; an older file of that name is then as it was.
    ///
    /// # Panics
    /// As [`Export::to_bytes`].
    #[track_caller]
    pub fn save<T: Float>(
        &self,
        net: &(impl Layer<T> + ?Sized),
        input: &[usize],
        path: impl AsRef<Path>,
    ) -> Result<()> {
        let (bytes, path) = (self.to_bytes(net, input)?, path.as_ref());
        write_whole(path, &bytes).map_err(|source| Error::Io { path: path.into(), source })
    }
}

/// [`Export::save`] with the usual settings: input and output are `[N, C, H, W]` where they are images.
///
/// # Errors
/// As [`Export::save`].
///
/// # Panics
/// As [`Export::to_bytes`].
#[track_caller]
pub fn export<T: Float>(net: &(impl Layer<T> + ?Sized), input: &[usize], path: impl AsRef<Path>) -> Result<()> {
    Export::new().save(net, input, path)
}
