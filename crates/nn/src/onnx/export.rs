//! From a layer to a model file.

use super::graph::{Graph, Value};
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
    layout: Option<Layout>,
}

impl Export {
    /// Features behind the batch axis; last where the network takes indices.
    pub fn new() -> Export {
        Export::default()
    }

    /// With features there, in input and output.
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Export {
        self.layout = Some(layout);
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
        let (mut graph, layout) = (Graph::default(), self.layout.unwrap_or_default());
        let x = Graph::input(input, layout)?;
        let y = net.onnx(&mut crate::module::Path::default(), &mut graph, x)?;
        graph.into_bytes(input, y, layout)
    }

    /// The bytes of the model file of a network that begins with an [`Embedding`](crate::Embedding): it takes `input` of i64, indices `[N, …]`. `ids` is the shape of
    /// one example: `[T]`. The function writes the network, as [`Layer::onnx`] does: [`Embedding::onnx`](crate::Embedding::onnx) first, what comes behind it then.
    ///
    /// ```
    /// use nn::{onnx::Export, prelude::*};
    /// let mut rng = Rng::seed(1);
    /// let (words, positions) = (Embedding::new(50, 8, &mut rng), LearnedPositions::new(16, 8, &mut rng));
    /// let (block, head) = (TransformerEncoderLayer::new(8, 2, 32, &mut rng).causal(), Linear::new(8, 50, &mut rng));
    /// let bytes = Export::new().ids_to_bytes(&[16], |at, graph, ids| {
    ///     let x = at.enter("words", |at| words.onnx(at, graph, ids))?;
    ///     let x = at.enter("positions", |at| positions.onnx(at, graph, x))?;
    ///     let x = at.enter("block", |at| block.onnx(at, graph, x))?;
    ///     at.enter("head", |at| head.onnx(at, graph, x))
    /// })?; // takes `input` [N, 16], makes `output` [N, 16, 50]
    /// # assert!(bytes.len() > 4000);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Export::to_bytes`], and if another layer reads the indices.
    ///
    /// # Panics
    /// As [`Export::to_bytes`].
    #[track_caller]
    pub fn ids_to_bytes(
        &self,
        ids: &[usize],
        net: impl FnOnce(&mut crate::module::Path, &mut Graph, Value) -> Result<Value>,
    ) -> Result<Vec<u8>> {
        let mut graph = Graph { takes_ids: true, ..Graph::default() };
        // Indices have no features.
        let x = Graph::input(ids, Layout::FeaturesLast)?;
        let y = net(&mut crate::module::Path::default(), &mut graph, x)?;
        graph.into_bytes(ids, y, self.layout.unwrap_or(Layout::FeaturesLast))
    }

    /// Writes the model file of a network of indices, as [`Export::ids_to_bytes`] makes it, whole or not at all.
    ///
    /// # Errors
    /// As [`Export::ids_to_bytes`], and if the file cannot be written; an older file of that name is then as it was.
    ///
    /// # Panics
    /// As [`Export::to_bytes`].
    #[track_caller]
    pub fn save_ids(
        &self,
        ids: &[usize],
        path: impl AsRef<Path>,
        net: impl FnOnce(&mut crate::module::Path, &mut Graph, Value) -> Result<Value>,
    ) -> Result<()> {
        written(&self.ids_to_bytes(ids, net)?, path.as_ref())
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
        written(&self.to_bytes(net, input)?, path.as_ref())
    }
}

fn written(bytes: &[u8], path: &Path) -> Result<()> {
    write_whole(path, bytes).map_err(|source| Error::Io { path: path.into(), source })
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
