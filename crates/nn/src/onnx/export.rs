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

/// An input of a model, as [`Export::save_inputs`] takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) sizes: &'a [usize],
    pub(super) is_ids: bool,
}

impl<'a> Input<'a> {
    /// Numbers: under this name, one example of this shape as the network takes it here.
    pub fn new(name: &'a str, sizes: &'a [usize]) -> Input<'a> {
        Input { name, sizes, is_ids: false }
    }

    /// Indices, which an [`Embedding`](crate::Embedding) reads.
    pub fn ids(name: &'a str, sizes: &'a [usize]) -> Input<'a> {
        Input { name, sizes, is_ids: true }
    }
}

/// What the only input is called.
const INPUT: &str = "input";

/// How to export: `Export::new().layout(Layout::FeaturesLast).save(&net, &[32, 32, 3], path)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    layout: Option<Layout>,
}

impl Export {
    /// Features behind the batch axis; last where the network takes indices or several inputs.
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
        let layout = self.layout.unwrap_or_default();
        written_in(layout, [Input::new(INPUT, input)], |at, graph, [x]| net.onnx(at, graph, x))
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
        self.inputs_to_bytes([Input::ids(INPUT, ids)], |at, graph, [ids]| net(at, graph, ids))
    }

    /// The bytes of the model file of a network of several inputs, in this order. The function writes it, as [`Layer::onnx`] does: by the parts' own methods.
    ///
    /// ```
    /// use nn::{onnx::{Export, Import, Input, Mask}, prelude::*};
    /// let decoder = TransformerDecoder::new(vec![TransformerDecoderLayer::new(8, 2, 32, &mut Rng::seed(1))]);
    /// let (causal, none) = (AttentionMask::causal(), AttentionMask::none());
    /// let inputs = [Input::new("x", &[5, 8]), Input::new("memory", &[9, 8]), Input::new("padding", &[9])];
    /// let bytes = Export::new().inputs_to_bytes(inputs, |at, graph, [x, memory, padding]| {
    ///     decoder.onnx(at, graph, x, &memory, &causal, Mask::from(&none).padding(padding))
    /// })?; // makes `output` [N, 5, 8]
    /// let again = Import::new().inputs_from_bytes(&bytes)?;
    /// let tape = Tape::inference();
    /// let [x, memory, padding] = [&[2, 5, 8][..], &[2, 9, 8], &[2, 9]].map(|shape| tape.input(Tensor::zeros(shape)));
    /// assert_eq!(again.forward(&[x, memory, padding]).shape(), &[2, 5, 8]);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Export::to_bytes`]; if two inputs have one name, or one of them none; if another layer than an embedding reads indices.
    ///
    /// # Panics
    /// As [`Export::to_bytes`].
    #[track_caller]
    pub fn inputs_to_bytes<const COUNT: usize>(
        &self,
        inputs: [Input<'_>; COUNT],
        net: impl FnOnce(&mut crate::module::Path, &mut Graph, [Value; COUNT]) -> Result<Value>,
    ) -> Result<Vec<u8>> {
        written_in(self.layout.unwrap_or(Layout::FeaturesLast), inputs, net)
    }

    /// Writes the model file of a network of several inputs, as [`Export::inputs_to_bytes`] makes it, whole or not at all.
    ///
    /// # Errors
    /// As [`Export::inputs_to_bytes`], and if the file cannot be written; an older file of that name is then as it was.
    ///
    /// # Panics
    /// As [`Export::to_bytes`].
    #[track_caller]
    pub fn save_inputs<const COUNT: usize>(
        &self,
        inputs: [Input<'_>; COUNT],
        path: impl AsRef<Path>,
        net: impl FnOnce(&mut crate::module::Path, &mut Graph, [Value; COUNT]) -> Result<Value>,
    ) -> Result<()> {
        written(&self.inputs_to_bytes(inputs, net)?, path.as_ref())
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

/// The bytes of a model with features there.
#[track_caller]
fn written_in<const COUNT: usize>(
    layout: Layout,
    inputs: [Input<'_>; COUNT],
    net: impl FnOnce(&mut crate::module::Path, &mut Graph, [Value; COUNT]) -> Result<Value>,
) -> Result<Vec<u8>> {
    let mut graph = Graph::default();
    let values: Vec<Value> = inputs.iter().map(|input| graph.input(input, layout)).collect::<Result<_>>()?;
    let values = values.try_into().expect("a value for each input");
    let y = net(&mut crate::module::Path::default(), &mut graph, values)?;
    graph.into_bytes(y, layout)
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
