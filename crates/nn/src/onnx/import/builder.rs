//! Nodes to steps, one after the other, with what is known of each value: its sizes, and in which order its axes are here.
//!
//! A file has features behind the batch axis where operators want them there; here they are last. So each value knows which of the file's axes each of its own
//! is, and a `Transpose` of the file changes that knowledge alone. Axes move only before an operator that wants them elsewhere.
//!
//! All sizes that the file fixes are followed through the network, so that one that cannot run is refused when it is read.

mod constants;

use super::super::Layout;
use super::super::model::{IdsModel, InputsModel, Model};
use super::super::network::{Network, Op, Step};
use super::super::steps::{Arrange, Joint};
use super::computed::{self, Computed};
use super::file::{File, Node, Port, Result, damaged, is_standard, unsupported};
use super::folded::{self, Folded};
use super::ids::{self, Ids};
use super::known::{Known, as_in_file, check, features_last, of_node};
use super::tensor::Numbers;
use super::{affine, elementwise, norms, pieces, places, recurrent, shapes, windows};
use crate::{Layer, Module};
use std::collections::{BTreeMap, BTreeSet};
use tape::Float;

/// Versions of the operators whose meaning is known here.
const OPERATORS: std::ops::RangeInclusive<i64> = 13..=24;
/// How many times its own length a file's tensors may take where several nodes read one.
const COPIES: usize = 16;

/// What makes a step, or several, of a node; the result is what its output is.
pub(super) type Importer<T> = fn(&mut Builder<'_, T>, usize) -> Result<Known>;

/// A constant.
#[derive(Clone)]
struct Held<'f> {
    numbers: Numbers,
    /// Whether it belongs to what the model learned.
    is_weight: bool,
    /// Its first name.
    origin: &'f str,
}

pub(super) struct Builder<'f, T: Float> {
    pub(super) file: &'f File<'f>,
    constants: BTreeMap<&'f str, Held<'f>>,
    pub(super) values: BTreeMap<&'f str, Known>,
    /// Conditions `x > number`, by the names of what is true.
    pub(super) above: BTreeMap<&'f str, (Known, f32)>,
    /// Sizes, and zeros of computed sizes.
    pub(super) computed: BTreeMap<&'f str, Computed>,
    /// Values whose first axis is not the batch's.
    pub(super) folded: BTreeMap<&'f str, Folded>,
    /// The input, where it is of indices.
    pub(super) ids: Option<Ids<'f, T>>,
    /// How many values there are before the first step.
    inputs: usize,
    /// Nodes that another one took with it.
    done: Vec<bool>,
    steps: Vec<Step<T>>,
    /// All that is known.
    known: Vec<Known>,
    names: BTreeSet<String>,
    /// What a name that is taken gets behind it.
    numbers: BTreeMap<String, usize>,
    /// How often nodes, and the model, read what has a name.
    reads: BTreeMap<&'f str, usize>,
    used: BTreeSet<&'f str>,
    /// How many numbers more may be copied.
    room: usize,
}

impl<'f, T: Float> Builder<'f, T> {
    pub(super) fn new(file: &'f File<'f>, length: usize) -> Builder<'f, T> {
        let mut reads = BTreeMap::new();
        let outputs = file.outputs.iter().map(|port| port.name);
        let all = file.nodes.iter().flat_map(|node| node.inputs.iter().copied()).chain(outputs);
        all.for_each(|name| *reads.entry(name).or_default() += 1);
        Builder {
            file,
            constants: BTreeMap::new(),
            values: BTreeMap::new(),
            above: BTreeMap::new(),
            computed: BTreeMap::new(),
            folded: BTreeMap::new(),
            ids: None,
            inputs: 1,
            done: vec![false; file.nodes.len()],
            steps: Vec::new(),
            known: Vec::new(),
            names: BTreeSet::new(),
            numbers: BTreeMap::new(),
            reads,
            used: BTreeSet::new(),
            room: length.saturating_mul(COPIES) / size_of::<f32>(),
        }
    }

    /// The model, and what is known of every value.
    pub(super) fn build(mut self, layout: Layout) -> Result<(Model<T>, Vec<Known>)> {
        self.begin()?;
        let port = self.only_input()?;
        let input = self.taken(0, port, layout)?;
        let input_sizes = sizes_here(&input);
        self.nodes()?;
        let (network, known) = self.end(layout)?;
        Ok((Model { network, input_sizes }, known))
    }

    /// The same for a network of several inputs.
    pub(super) fn build_of_inputs(mut self, layout: Layout) -> Result<(InputsModel<T>, Vec<Known>)> {
        self.begin()?;
        let ports = self.inputs();
        if ports.is_empty() {
            return unsupported("a model without an input");
        }
        self.inputs = ports.len();
        let mut inputs = Vec::new();
        for (slot, port) in ports.into_iter().enumerate() {
            if self.values.contains_key(port.name) {
                return damaged(format!("a second input `{}`", port.name));
            }
            let input = self.taken(slot, port, layout)?;
            inputs.push((port.name.to_owned(), sizes_here(&input)));
        }
        self.nodes()?;
        let (network, known) = self.end(layout)?;
        Ok((InputsModel { network, inputs }, known))
    }

    /// An input of numbers, as the value of a slot.
    fn taken(&mut self, slot: usize, port: &'f Port<'f>, layout: Layout) -> Result<Known> {
        let sizes = sizes_of(port, &[1], "f32; `Import::load_ids` reads networks of indices")?;
        let axes = if layout == Layout::FeaturesFirst { features_last(sizes.len()) } else { as_in_file(sizes.len()) };
        let known = Known { slot, axes, sizes };
        self.values.insert(port.name, known.clone());
        self.known.push(known.clone());
        Ok(known)
    }

    /// The same for a network of indices: what looks them up, under its name, and what is behind it.
    pub(super) fn build_of_ids(mut self, layout: Layout) -> Result<(IdsModel<T>, Vec<Known>)> {
        self.begin()?;
        let port = self.only_input()?;
        let sizes = sizes_of(port, &[6, 7], "i64; `Import::load` reads networks of other numbers")?;
        self.ids = Some(Ids::new(port.name, sizes));
        self.nodes()?;
        let Some((name, embedding)) = self.ids.take().and_then(|ids| ids.embedding) else {
            return unsupported("no `Gather` looks the ids up");
        };
        let (network, known) = self.end(layout)?;
        let Some(rows) = known.first() else { return unsupported("no `Gather` looks the ids up") };
        let model = Model { network, input_sizes: sizes_here(rows) };
        Ok((IdsModel { name, embedding, model }, known))
    }

    fn begin(&mut self) -> Result<()> {
        if !OPERATORS.contains(&self.file.operators) {
            return unsupported(format!(
                "operators of version {}; known are {} to {}. `onnx.version_converter.convert_version` makes another of it",
                self.file.operators,
                OPERATORS.start(),
                OPERATORS.end()
            ));
        }
        for (name, numbers) in &self.file.constants {
            self.constants.insert(name, Held { numbers: numbers.clone(), is_weight: true, origin: name });
        }
        Ok(())
    }

    fn nodes(&mut self) -> Result<()> {
        for i in 0..self.file.nodes.len() {
            if !self.done[i] {
                let node = &self.file.nodes[i];
                self.node(i).map_err(|problem| problem.at(&node.place()))?;
            }
        }
        Ok(())
    }

    fn end(mut self, layout: Layout) -> Result<(Network<T>, Vec<Known>)> {
        let [output] = &self.file.outputs[..] else {
            return unsupported(format!("a model of {} outputs; a layer has one", self.file.outputs.len()));
        };
        let known = match self.values.get(output.name).cloned() {
            Some(known) => known,
            None if self.folded.contains_key(output.name) => {
                return unsupported(format!("the output `{}` has its batch axis elsewhere than first", output.name));
            }
            None if self.computed.contains_key(output.name) => {
                return unsupported(format!("the output `{}` is computed from shapes", output.name));
            }
            None => return damaged(format!("the output `{}` is what no node makes of the input", output.name)),
        };
        let axes = if layout == Layout::FeaturesFirst { features_last(known.rank()) } else { as_in_file(known.rank()) };
        let output = self.arranged(&known, &axes).slot;
        Ok((Network::new(self.inputs, self.steps, output), self.known))
    }

    /// Inputs that are given with each batch: old files name constants among them.
    fn inputs(&self) -> Vec<&'f Port<'f>> {
        self.file.inputs.iter().filter(|port| !self.constants.contains_key(port.name)).collect()
    }

    fn only_input(&self) -> Result<&'f Port<'f>> {
        match self.inputs()[..] {
            [port] => Ok(port),
            [] => unsupported("a model without an input; a layer has one"),
            _ => unsupported(
                "a model of several inputs; a layer has one, and `Import::load_inputs` reads networks of several",
            ),
        }
    }

    /// The size of the batch, if the file fixes it.
    pub(super) fn batch(&self) -> Option<usize> {
        self.file
            .inputs
            .iter()
            .find(|port| !self.constants.contains_key(port.name))?
            .sizes
            .as_ref()?
            .first()
            .copied()?
    }

    fn node(&mut self, i: usize) -> Result<()> {
        let node = &self.file.nodes[i];
        let Some(&output) = node.outputs.first().filter(|name| !name.is_empty()) else {
            return damaged("it has no output");
        };
        if self.is_there(output) {
            return damaged(format!("its output `{output}` is there already"));
        }
        if is_standard(node.domain) && node.op == "Constant" {
            let numbers = shapes::constant(node)?;
            self.constants.insert(output, Held { numbers, is_weight: false, origin: output });
            return Ok(());
        }
        if let Some(made) = self.of_constants(node)? {
            for (&output, held) in node.outputs.iter().zip(made) {
                if self.is_there(output) {
                    return damaged(format!("its output `{output}` is there already"));
                }
                self.constants.insert(output, held);
            }
            return Ok(());
        }
        if is_standard(node.domain)
            && let Some(computed) = computed::computed(self, node)?
        {
            self.computed.insert(output, computed);
            return Ok(());
        }
        if is_standard(node.domain) && node.op == "Split" {
            return self.split(node);
        }
        if is_standard(node.domain) && node.op == "Greater" {
            let above = elementwise::above(self, node)?;
            self.above.insert(output, above);
            return Ok(());
        }
        let is_ours = is_standard(node.domain);
        let folded = match if is_ours { recurrent::results(self, node)? } else { None } {
            None if is_ours => folded::followed(self, i)?,
            folded => folded,
        };
        let known = match folded {
            Some(folded) if folded.is_plain() => folded.plain(self)?,
            Some(folded) => {
                self.folded.insert(output, folded);
                return Ok(());
            }
            None => match ids::looked_up(self, node)? {
                Some(known) => known,
                None => importer(node)?(self, i)?,
            },
        };
        check(&known.sizes)?;
        self.known.push(known.clone());
        self.values.insert(output, known);
        Ok(())
    }

    fn split(&mut self, node: &Node<'f>) -> Result<()> {
        for (&output, known) in node.outputs.iter().zip(pieces::split(self, node)?) {
            check(&known.sizes)?;
            if self.is_there(output) {
                return damaged(format!("its output `{output}` is there already"));
            }
            self.known.push(known.clone());
            self.values.insert(output, known);
        }
        Ok(())
    }

    /// Whether something has this name.
    fn is_there(&self, name: &str) -> bool {
        let is_value = self.values.contains_key(name) || self.folded.contains_key(name);
        is_value || self.constants.contains_key(name) || self.computed.contains_key(name)
    }

    /// The value that a node reads.
    pub(super) fn value(&self, node: &Node<'f>, i: usize) -> Result<Known> {
        let Some(name) = node.input(i) else { return damaged(format!("input {i} is missing")) };
        match self.values.get(name) {
            Some(known) => Ok(known.clone()),
            None if self.constants.contains_key(name) => {
                unsupported(format!("input {i}, `{name}`, is a constant where it should depend on the model's input"))
            }
            None if self.folded.contains_key(name) => unsupported(format!(
                "input {i}, `{name}`, has its batch axis elsewhere than first; only what moves axes, linear maps and recurrent layers take it so"
            )),
            None if self.computed.contains_key(name) => {
                unsupported(format!("input {i}, `{name}`, is computed from shapes; only sizes are read from those"))
            }
            None => damaged(format!("input {i}, `{name}`, is what nothing before it makes")),
        }
    }

    /// Whether a node reads what has this name, or the model returns it.
    pub(super) fn is_read(&self, name: &str) -> bool {
        self.reads.contains_key(name)
    }

    /// The next node and the place of its input, if that is all that reads a node's output.
    pub(super) fn follower(&self, i: usize) -> Option<(usize, usize)> {
        let output = *self.file.nodes[i].outputs.first()?;
        let next = self.file.nodes.get(i + 1)?;
        let place = next.inputs.iter().position(|&name| name == output)?;
        (self.reads.get(output) == Some(&1)).then_some((i + 1, place))
    }

    /// Says that a node's output is what another one made.
    pub(super) fn take_along(&mut self, i: usize, known: &Known) -> Result<()> {
        self.done[i] = true;
        match self.file.nodes[i].outputs.first().filter(|name| !self.values.contains_key(*name)) {
            Some(name) => self.values.insert(name, known.clone()),
            None => return damaged("an output is missing, or there already"),
        };
        Ok(())
    }

    /// As [`Builder::take_along`].
    pub(super) fn take_folded_along(&mut self, i: usize, folded: &Folded) -> Result<()> {
        self.done[i] = true;
        match self.file.nodes[i].outputs.first().filter(|name| !self.is_there(name)) {
            Some(name) => self.folded.insert(name, folded.clone()),
            None => return damaged("an output is missing, or there already"),
        };
        Ok(())
    }

    /// With axes in this order.
    pub(super) fn arranged(&mut self, known: &Known, axes: &[usize]) -> Known {
        if known.axes == axes {
            return known.clone();
        }
        let order = axes.iter().map(|&axis| known.place(axis)).collect();
        let slot = self.step(String::new(), Op::Layer(Box::new(Arrange(order))), vec![known.slot]);
        Known { slot, axes: axes.to_vec(), sizes: known.sizes.clone() }
    }

    /// A layer behind a value; `known` is what is known of its output, save where it is.
    pub(super) fn layer(
        &mut self,
        name: &str,
        layer: impl Layer<T> + Clone + Send + Sync + 'static,
        x: &Known,
        mut known: Known,
    ) -> Known {
        let name = self.claimed(name, &layer);
        known.slot = self.step(name, Op::Layer(Box::new(layer)), vec![x.slot]);
        self.known.push(known.clone());
        known
    }

    pub(super) fn joint(&mut self, node: &Node<'_>, joint: Joint, inputs: Vec<usize>) -> usize {
        self.step(of_node(node), Op::Joint(joint), inputs)
    }

    fn step(&mut self, name: String, op: Op<T>, inputs: Vec<usize>) -> usize {
        self.steps.push(Step { name, op, inputs });
        self.inputs + self.steps.len() - 1
    }

    /// The name, or one like it under which no parameter's name is taken.
    pub(super) fn claimed(&mut self, name: &str, layer: &impl Module<T>) -> String {
        let parameters = layer.named_parameters().into_iter().map(|(name, _)| name);
        let own: Vec<String> = parameters.chain(layer.named_buffers().into_iter().map(|(name, _)| name)).collect();
        let full = |stem: &str, own: &String| match (stem, &own[..]) {
            ("", own) => own.to_owned(),
            (stem, "") => stem.to_owned(),
            (stem, own) => format!("{stem}.{own}"),
        };
        let mut stem = name.to_owned();
        while own.iter().any(|own| self.names.contains(&full(&stem, own))) {
            let number = self.numbers.entry(name.to_owned()).or_insert(1);
            *number += 1;
            stem = if name.is_empty() { number.to_string() } else { format!("{name}_{number}") };
        }
        self.names.extend(own.iter().map(|own| full(&stem, own)));
        stem
    }
}

/// The sizes of an input, whose numbers are of one of these types.
fn sizes_of(port: &Port<'_>, kinds: &[i64], wanted: &str) -> Result<Vec<Option<usize>>> {
    let place = format!("input `{}`", port.name);
    if !kinds.contains(&port.kind) {
        return unsupported(format!("{place}: numbers of type {}; the input here is {wanted}", port.kind));
    }
    let Some(sizes) = &port.sizes else { return unsupported(format!("{place}: the number of axes is not said")) };
    let mut sizes = sizes.clone();
    check(&sizes).map_err(|problem| problem.at(&place))?;
    // A batch of a fixed size is one of any size here.
    sizes[0] = None;
    Ok(sizes)
}

/// The sizes of one example, axes in the order that they have here.
fn sizes_here(known: &Known) -> Vec<Option<usize>> {
    known.axes[1..].iter().map(|&axis| known.sizes[axis]).collect()
}

fn importer<T: Float>(node: &Node<'_>) -> Result<Importer<T>> {
    let tables = [
        affine::importers(),
        elementwise::importers(),
        norms::importers(),
        places::importers(),
        shapes::importers(),
        windows::importers(),
    ];
    let mut all = tables.into_iter().flatten();
    match all.find(|(op, _)| is_standard(node.domain) && *op == node.op) {
        Some((_, importer)) => Ok(*importer),
        None if !is_standard(node.domain) => {
            unsupported(format!("an operator of `{}`; only ONNX's own are known", node.domain))
        }
        None => {
            let mut known: Vec<&str> = tables.into_iter().flatten().map(|(op, _)| *op).collect();
            known.sort_unstable();
            unsupported(format!("the operator is not known here. Known are Constant, Greater, {}", known.join(", ")))
        }
    }
}
