//! The steps of an imported network, from values to a value.

use super::graph::{Graph, Value};
use super::steps::Joint;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::modules::AnyLayer;
use crate::{Layer as _, Result, error::setting};
use tape::{Float, Var};

/// Steps that make one value of others.
pub(super) struct Network<T: Float> {
    /// How many values there are before the first step.
    pub(super) inputs: usize,
    /// Each makes one value more.
    pub(super) steps: Vec<Step<T>>,
    pub(super) output: usize,
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

pub(super) enum Op<T: Float> {
    Layer(Box<dyn AnyLayer<T>>),
    Joint(Joint),
}

impl<T: Float> Network<T> {
    pub(super) fn new(inputs: usize, steps: Vec<Step<T>>, output: usize) -> Network<T> {
        let mut readers = vec![0; inputs + steps.len()];
        steps.iter().flat_map(|step| &step.inputs).chain([&output]).for_each(|&slot| readers[slot] += 1);
        Network { inputs, steps, output, readers }
    }

    #[track_caller]
    pub(super) fn forward(&self, inputs: Vec<Var<T>>) -> Var<T> {
        let made = self.run(inputs, |step, mut inputs| match &step.op {
            Op::Layer(layer) => Ok(layer.forward(inputs.swap_remove(0))),
            Op::Joint(joint) => Ok(joint.apply(inputs)),
        });
        crate::error::expect(made)
    }

    #[track_caller]
    pub(super) fn onnx(&self, at: &mut Path, graph: &mut Graph, inputs: Vec<Value>) -> Result<Value> {
        self.run(inputs, |step, mut inputs| {
            within(at, &step.name, |at| match &step.op {
                Op::Layer(layer) => layer.onnx(at, graph, inputs.swap_remove(0)),
                Op::Joint(joint) => joint.onnx(at, graph, inputs),
            })
        })
    }

    /// Calls a function for each step, in order, with what the inputs and the steps before it have come to.
    fn run<V: Clone>(&self, inputs: Vec<V>, mut step: impl FnMut(&Step<T>, Vec<V>) -> Result<V>) -> Result<V> {
        debug_assert_eq!(inputs.len(), self.inputs, "a value for each input");
        let mut readers = self.readers.clone();
        let mut values: Vec<Option<V>> = inputs.into_iter().map(Some).collect();
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
    pub(super) fn chain(&self, what: &'static str) -> Result<impl Iterator<Item = (&str, &dyn AnyLayer<T>)>> {
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
pub(super) fn within<R>(path: &mut Path, name: &str, walk: impl FnOnce(&mut Path) -> R) -> R {
    if name.is_empty() { walk(path) } else { path.enter(name, walk) }
}

impl<T: Float> std::fmt::Debug for Network<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.steps.iter().map(|step| &step.name)).finish()
    }
}

impl<T: Float> Clone for Network<T> {
    /// Parameters of its own with the same numbers.
    fn clone(&self) -> Network<T> {
        let copy = |step: &Step<T>| Step {
            name: step.name.clone(),
            op: match &step.op {
                Op::Layer(layer) => Op::Layer((**layer).copy()),
                Op::Joint(joint) => Op::Joint(*joint),
            },
            inputs: step.inputs.clone(),
        };
        let steps = self.steps.iter().map(copy).collect();
        Network { inputs: self.inputs, steps, output: self.output, readers: self.readers.clone() }
    }
}

impl<T: Float> Module<T> for Network<T> {
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
