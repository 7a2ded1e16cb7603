//! [`Model`]: an imported network, as a module.

use super::graph::{Graph, Value};
use super::steps::Joint;
use crate::lipschitz::Certificate;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::modules::AnyLayer;
use crate::regions::Piecewise;
use crate::{Embedding, Layer, Result, error::setting};
use tape::{Float, Tape, Tensor, Var};

/// A network from an ONNX file: layers of this library, one for each node, with their parameters.
///
/// It is a [`Layer`] like any other: it runs on every kind of tape, trains, is frozen, diagnosed and saved, and goes back into a file by
/// [`super::export()`]. Where its nodes are a chain, [`crate::lipschitz`] and [`crate::regions`] see the layers.
///
/// Parameters are named after the file's tensors where those end in `.weight`, as PyTorch's do, so that [`Module::from_pytorch`] loads other
/// weights into it; else after the nodes. A tensor that two nodes read becomes a parameter of each: what is tied in the file is not tied here.
pub struct Model<T: Float = f32> {
    /// Each makes one value more; the input is value 0.
    pub(super) steps: Vec<Step<T>>,
    pub(super) output: usize,
    pub(super) input_sizes: Vec<Option<usize>>,
    /// How many steps read each value, the output being read once more.
    pub(super) readers: Vec<usize>,
}

/// One operation.
pub(super) struct Step<T: Float> {
    /// What parameters' names begin with.
    pub(super) name: String,
    pub(super) op: Op<T>,
    /// Which values it reads.
    pub(super) inputs: Vec<usize>,
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

pub(super) enum Op<T: Float> {
    Layer(Box<dyn AnyLayer<T>>),
    Joint(Joint),
}

impl<T: Float> Model<T> {
    /// The sizes of one example as the file declares them, in the order of [`Layer::forward`]'s input; None is a size that is not fixed.
    pub fn input_sizes(&self) -> &[Option<usize>] {
        &self.input_sizes
    }

    /// Calls a function for each step, from `first` on, with what the steps before it made of the input.
    fn run<V: Clone>(&self, first: V, mut step: impl FnMut(&Step<T>, Vec<V>) -> Result<V>) -> Result<V> {
        let mut readers = self.readers.clone();
        let mut values = vec![Some(first)];
        for one in &self.steps {
            let mut read = |&slot: &usize| {
                readers[slot] -= 1;
                // The last reader has the value for itself, and may overwrite it.
                let value = if readers[slot] == 0 { values[slot].take() } else { values[slot].clone() };
                value.expect("a value is there until its last reader")
            };
            let inputs = one.inputs.iter().map(&mut read).collect();
            let made = step(one, inputs)?;
            values.push((readers[values.len()] > 0).then_some(made));
        }
        Ok(values[self.output].take().expect("the output has a reader of its own"))
    }

    /// The layers, if each takes what the one before it makes.
    fn chain(&self, what: &'static str) -> Result<impl Iterator<Item = (&str, &dyn AnyLayer<T>)>> {
        let layers: Vec<(&str, &dyn AnyLayer<T>)> =
            (0..).zip(&self.steps).filter_map(|(slot, step)| step.follows(slot)).collect();
        if layers.len() < self.steps.len() || self.output != layers.len() {
            let problem = "the imported model is no chain of layers: values are added or joined, or read twice";
            return setting(what, problem);
        }
        Ok(layers.into_iter())
    }
}

impl<T: Float> Step<T> {
    /// The layer, if it reads this value alone.
    fn follows(&self, slot: usize) -> Option<(&str, &dyn AnyLayer<T>)> {
        match &self.op {
            Op::Layer(layer) if self.inputs == [slot] => Some((&self.name, &**layer)),
            _ => None,
        }
    }
}

/// One level down, where there is a name.
fn within<R>(path: &mut Path, name: &str, walk: impl FnOnce(&mut Path) -> R) -> R {
    if name.is_empty() { walk(path) } else { path.enter(name, walk) }
}

impl<T: Float> std::fmt::Debug for Model<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.steps.iter().map(|step| &step.name);
        f.debug_struct("Model")
            .field("input_sizes", &self.input_sizes)
            .field("steps", &names.collect::<Vec<_>>())
            .finish()
    }
}

impl<T: Float> Clone for Model<T> {
    /// Parameters of its own with the same numbers.
    fn clone(&self) -> Model<T> {
        let copy = |step: &Step<T>| Step {
            name: step.name.clone(),
            op: match &step.op {
                Op::Layer(layer) => Op::Layer((**layer).copy()),
                Op::Joint(joint) => Op::Joint(*joint),
            },
            inputs: step.inputs.clone(),
        };
        Model {
            steps: self.steps.iter().map(copy).collect(),
            output: self.output,
            input_sizes: self.input_sizes.clone(),
            readers: self.readers.clone(),
        }
    }
}

impl<T: Float> Module<T> for Model<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        for step in &self.steps {
            if let Op::Layer(layer) = &step.op {
                within(path, &step.name, |path| layer.visit(path, visitor));
            }
        }
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        for step in &mut self.steps {
            if let Op::Layer(layer) = &mut step.op {
                within(path, &step.name, |path| layer.visit_mut(path, visitor));
            }
        }
    }
}

impl<T: Float> Layer<T> for Model<T> {
    /// # Panics
    /// If x is not of the shape that the nodes take; see [`Model::input_sizes`].
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let wanted = &self.input_sizes;
        let fits = x.rank() == wanted.len() + 1
            && x.shape()[1..].iter().zip(wanted).all(|(&size, wanted)| wanted.is_none_or(|wanted| wanted == size));
        assert!(fits, "onnx: an input of shape {:?}; the model takes examples of {wanted:?}", x.shape());
        let made = self.run(x, |step, mut inputs| match &step.op {
            Op::Layer(layer) => Ok(layer.forward(inputs.swap_remove(0))),
            Op::Joint(joint) => Ok(joint.apply(inputs)),
        });
        crate::error::expect(made)
    }

    fn lipschitz(&self, at: &mut Path, bounds: &mut Certificate) -> Result<()> {
        self.chain("lipschitz")?.try_for_each(|(name, layer)| within(at, name, |at| layer.lipschitz(at, bounds)))
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        self.chain("piecewise")?.try_for_each(|(_, layer)| layer.piecewise(chain))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        self.run(x, |step, mut inputs| {
            within(at, &step.name, |at| match &step.op {
                Op::Layer(layer) => layer.onnx(at, graph, inputs.swap_remove(0)),
                Op::Joint(joint) => joint.onnx(at, graph, inputs),
            })
        })
    }
}
