//! What a file is imported as: [`Model`], a module of one input; [`IdsModel`] of indices; [`InputsModel`] of several inputs.

use super::graph::{Graph, Value};
use super::network::{Network, within};
use crate::lipschitz::Certificate;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::regions::Piecewise;
use crate::{Embedding, Layer, Result};
use tape::{Float, Tape, Tensor, Var};

/// A network from an ONNX file: layers of this library, one for each node, with their parameters.
///
/// It is a [`Layer`] like any other: it runs on every kind of tape, trains, is frozen, diagnosed and saved, and goes back into a file by
/// [`super::export()`]. Where its nodes are a chain, [`crate::lipschitz`] and [`crate::regions`] see the layers.
///
/// Parameters are named after the file's tensors where those end in `.weight`, as PyTorch's do, so that [`Module::from_pytorch`] loads other
/// weights into it; else after the nodes. A tensor that two nodes read becomes a parameter of each: what is tied in the file is not tied here.
#[derive(Clone, Debug)]
pub struct Model<T: Float = f32> {
    pub(super) network: Network<T>,
    pub(super) input_sizes: Vec<Option<usize>>,
}

/// A network of indices from an ONNX file: an [`Embedding`], and a [`Model`] that takes its rows.
///
/// ```
/// use nn::{onnx::{Export, Import}, prelude::*};
/// let mut rng = Rng::seed(1);
/// let (words, head) = (Embedding::new(50, 8, &mut rng), Linear::new(8, 3, &mut rng));
/// let bytes = Export::new().ids_to_bytes(&[4], |at, graph, ids| {
///     let x = at.enter("words", |at| words.onnx(at, graph, ids))?;
///     at.enter("head", |at| head.onnx(at, graph, x))
/// })?;
/// let again = Import::new().ids_from_bytes(&bytes)?;
/// assert_eq!(again.forward(&Tape::inference(), &Tensor::from([[7, 0, 49, 7]])).shape(), &[1, 4, 3]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct IdsModel<T: Float = f32> {
    pub(super) name: String,
    pub(super) embedding: Embedding<T>,
    pub(super) model: Model<T>,
}

/// A network of several inputs from an ONNX file, as a decoder with its memory; [`super::Export::inputs_to_bytes`] has an example.
///
/// It is no [`Layer`], which has one input, but a module like any other: it runs on every kind of tape, trains, and goes back into a file.
#[derive(Clone, Debug)]
pub struct InputsModel<T: Float = f32> {
    pub(super) network: Network<T>,
    /// Names, and sizes of one example.
    pub(super) inputs: Vec<(String, Vec<Option<usize>>)>,
}

impl<T: Float> Model<T> {
    /// The sizes of one example as the file declares them, in the order of [`Layer::forward`]'s input; None is a size that is not fixed.
    pub fn input_sizes(&self) -> &[Option<usize>] {
        &self.input_sizes
    }
}

impl<T: Float> IdsModel<T> {
    /// The result for indices `[N, …]`.
    ///
    /// # Panics
    /// If an index is not one of the table, or if there are not as many as the nodes take.
    #[track_caller]
    pub fn forward(&self, tape: &Tape<T>, ids: &Tensor<i64>) -> Var<T> {
        self.model.forward(self.embedding.forward(tape, ids))
    }

    /// What looks indices up.
    pub fn embedding(&self) -> &Embedding<T> {
        &self.embedding
    }

    /// What takes the rows.
    pub fn model(&self) -> &Model<T> {
        &self.model
    }

    /// Writes it: [`super::Export::save_ids`] takes this as `|at, graph, ids| model.onnx(at, graph, ids)`.
    ///
    /// # Errors
    /// As [`Embedding::onnx`].
    pub fn onnx(&self, at: &mut Path, graph: &mut Graph, ids: Value) -> Result<Value> {
        let x = within(at, &self.name, |at| self.embedding.onnx(at, graph, ids))?;
        self.model.onnx(at, graph, x)
    }
}

impl<T: Float> InputsModel<T> {
    /// The result for a value of each input, in the file's order.
    ///
    /// # Panics
    /// If there are more or fewer than the model takes, or if one is not of the shape that the nodes take; see [`InputsModel::inputs`].
    #[track_caller]
    pub fn forward(&self, inputs: &[Var<T>]) -> Var<T> {
        let (given, wanted) = (inputs.len(), self.inputs.len());
        assert!(given == wanted, "onnx: {given} inputs; the model takes {wanted}: {}", self.names());
        for (x, (name, sizes)) in inputs.iter().zip(&self.inputs) {
            let shape = x.shape();
            assert!(
                fits(shape, sizes),
                "onnx: input `{name}` of shape {shape:?}; the model takes examples of {sizes:?}"
            );
        }
        self.network.forward(inputs.to_vec())
    }

    /// The name of each input and the sizes of one example of it, as [`Model::input_sizes`].
    pub fn inputs(&self) -> impl Iterator<Item = (&str, &[Option<usize>])> {
        self.inputs.iter().map(|(name, sizes)| (&name[..], &sizes[..]))
    }

    /// Writes it: [`super::Export::save_inputs`] takes this as `|at, graph, inputs| model.onnx(at, graph, &inputs)`.
    ///
    /// # Errors
    /// If a layer has no ONNX form, or if there are more or fewer inputs than the model takes.
    ///
    /// # Panics
    /// If shapes do not fit, as [`InputsModel::forward`].
    #[track_caller]
    pub fn onnx(&self, at: &mut Path, graph: &mut Graph, inputs: &[Value]) -> Result<Value> {
        if inputs.len() != self.inputs.len() {
            let (given, wanted) = (inputs.len(), self.inputs.len());
            return graph.refuse(at, &format!("{given} inputs; the model takes {wanted}: {}", self.names()));
        }
        self.network.onnx(at, graph, inputs.to_vec())
    }

    fn names(&self) -> String {
        self.inputs.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>().join(", ")
    }
}

/// Whether a shape, whose first axis is the batch's, is one of examples of these sizes.
fn fits(shape: &[usize], sizes: &[Option<usize>]) -> bool {
    shape.len() == sizes.len() + 1
        && shape[1..].iter().zip(sizes).all(|(&size, wanted)| wanted.is_none_or(|wanted| wanted == size))
}

impl<T: Float> Module<T> for Model<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        self.network.visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        self.network.visit_mut(path, visitor);
    }
}

impl<T: Float> Module<T> for IdsModel<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        within(path, &self.name, |path| self.embedding.visit(path, visitor));
        self.model.visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        within(path, &self.name, |path| self.embedding.visit_mut(path, visitor));
        self.model.visit_mut(path, visitor);
    }
}

impl<T: Float> Module<T> for InputsModel<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        self.network.visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        self.network.visit_mut(path, visitor);
    }
}

impl<T: Float> Layer<T> for Model<T> {
    /// # Panics
    /// If x is not of the shape that the nodes take; see [`Model::input_sizes`].
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (shape, wanted) = (x.shape(), &self.input_sizes);
        assert!(fits(shape, wanted), "onnx: an input of shape {shape:?}; the model takes examples of {wanted:?}");
        self.network.forward(vec![x])
    }

    fn lipschitz(&self, at: &mut Path, bounds: &mut Certificate) -> Result<()> {
        let mut chain = self.network.chain("lipschitz")?;
        chain.try_for_each(|(name, layer)| within(at, name, |at| layer.lipschitz(at, bounds)))
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.network.chain("piecewise")?.try_for_each(|(_, layer)| layer.piecewise(chain))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.network.onnx(at, graph, vec![x])
    }
}
