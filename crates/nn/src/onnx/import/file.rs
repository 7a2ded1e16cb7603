//! A model file taken apart: the messages of `onnx.proto3` that matter here, borrowed from its bytes.
//!
//! Messages are opened by the types below, which do not nest in themselves: graphs within nodes are refused, so no file is too deep.

use super::tensor::Numbers;
use crate::protobuf::{Field, Fields};

/// What is wrong with a file, or only with what it asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Problem {
    Damaged(String),
    Unsupported(String),
}

impl From<String> for Problem {
    fn from(problem: String) -> Problem {
        Problem::Damaged(problem)
    }
}

impl Problem {
    /// With words before it.
    pub(super) fn at(self, place: &str) -> Problem {
        match self {
            Problem::Damaged(problem) => Problem::Damaged(format!("{place}: {problem}")),
            Problem::Unsupported(problem) => Problem::Unsupported(format!("{place}: {problem}")),
        }
    }
}

pub(super) type Result<T, E = Problem> = std::result::Result<T, E>;

/// What is right, but not known here.
pub(super) fn unsupported<T>(problem: impl Into<String>) -> Result<T> {
    Err(Problem::Unsupported(problem.into()))
}

/// What cannot be right.
pub(super) fn damaged<T>(problem: impl Into<String>) -> Result<T> {
    Err(Problem::Damaged(problem.into()))
}

/// The file.
#[derive(Default)]
pub(super) struct File<'b> {
    /// The version of the operators.
    pub(super) operators: i64,
    pub(super) nodes: Vec<Node<'b>>,
    pub(super) constants: Vec<(&'b str, Numbers)>,
    pub(super) inputs: Vec<Port<'b>>,
    pub(super) outputs: Vec<Port<'b>>,
}

/// One operator at work.
pub(super) struct Node<'b> {
    /// Where in the file it begins.
    pub(super) at: usize,
    pub(super) op: &'b str,
    pub(super) domain: &'b str,
    pub(super) name: &'b str,
    pub(super) inputs: Vec<&'b str>,
    pub(super) outputs: Vec<&'b str>,
    settings: Vec<(&'b str, Setting<'b>)>,
}

/// An attribute's value.
#[derive(Clone)]
pub(super) enum Setting<'b> {
    Float(f32),
    Int(i64),
    Text(&'b str),
    Tensor(Numbers),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
    Texts(Vec<&'b str>),
    /// Graphs, sparse tensors.
    Other,
}

/// An input or output.
pub(super) struct Port<'b> {
    pub(super) name: &'b str,
    /// The type of its numbers: 1 is f32.
    pub(super) kind: i64,
    /// None: the number of axes is not known. A size that is not fixed is None.
    pub(super) sizes: Option<Vec<Option<usize>>>,
}

/// Every field of a message.
pub(super) fn each<'b>(mut fields: Fields<'b>, mut read: impl FnMut(&Field<'b>) -> Result<()>) -> Result<()> {
    while let Some(field) = fields.next()? {
        read(&field)?;
    }
    Ok(())
}

impl<'b> File<'b> {
    pub(super) fn parse(bytes: &'b [u8]) -> Result<File<'b>> {
        let (mut file, mut graph) = (File { operators: -1, ..File::default() }, None);
        each(Fields::of(bytes), |field| {
            match field.number {
                7 if graph.is_some() => return damaged(format!("byte {}: a second graph", field.at)),
                7 => graph = Some(field.message()?),
                8 => file.operator_set(field)?,
                _ => {}
            }
            Ok(())
        })?;
        let Some(graph) = graph else {
            return damaged("this is no ONNX model, or a damaged one: there is no graph in it");
        };
        if file.operators < 0 {
            return damaged("the model does not say which version of ONNX's operators it uses");
        }
        each(graph, |field| {
            match field.number {
                1 => file.nodes.push(Node::parse(field)?),
                5 => file.constants.push(Numbers::named(field)?),
                11 => file.inputs.push(Port::parse(field)?),
                12 => file.outputs.push(Port::parse(field)?),
                15 => return unsupported(format!("byte {}: sparse tensors", field.at)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(file)
    }

    fn operator_set(&mut self, field: &Field<'b>) -> Result<()> {
        let (mut domain, mut version) = ("", -1);
        each(field.message()?, |field| {
            match field.number {
                1 => domain = field.text()?,
                2 => version = field.int()?,
                _ => {}
            }
            Ok(())
        })?;
        if is_standard(domain) {
            self.operators = version;
        }
        Ok(())
    }
}

/// Whether operators of a domain are those of ONNX itself.
pub(super) fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}

impl<'b> Node<'b> {
    fn parse(field: &Field<'b>) -> Result<Node<'b>> {
        let (inputs, outputs, settings) = Default::default();
        let mut node = Node { at: field.at, op: "", domain: "", name: "", inputs, outputs, settings };
        each(field.message()?, |field| {
            match field.number {
                1 => node.inputs.push(field.text()?),
                2 => node.outputs.push(field.text()?),
                3 => node.name = field.text()?,
                4 => node.op = field.text()?,
                5 => node.settings.push(Setting::parse(field)?),
                7 => node.domain = field.text()?,
                _ => {}
            }
            Ok(())
        })?;
        match node.op {
            "" => damaged(format!("byte {}: a node without an operator", node.at)),
            _ => Ok(node),
        }
    }

    /// What errors call it.
    pub(super) fn place(&self) -> String {
        match self.name {
            "" => format!("byte {}: {}", self.at, self.op),
            name => format!("byte {}: {} `{name}`", self.at, self.op),
        }
    }

    /// The name of an input, if it is given.
    pub(super) fn input(&self, i: usize) -> Option<&'b str> {
        self.inputs.get(i).copied().filter(|name| !name.is_empty())
    }

    pub(super) fn setting(&self, name: &str) -> Option<&Setting<'b>> {
        self.settings.iter().find(|(other, _)| *other == name).map(|(_, setting)| setting)
    }

    fn misfit<T>(name: &str, wanted: &str) -> Result<T> {
        damaged(format!("the attribute `{name}` is not {wanted}"))
    }

    pub(super) fn int(&self, name: &str, usual: i64) -> Result<i64> {
        match self.setting(name) {
            None => Ok(usual),
            Some(Setting::Int(number)) => Ok(*number),
            Some(_) => Node::misfit(name, "a whole number"),
        }
    }

    pub(super) fn float(&self, name: &str, usual: f32) -> Result<f32> {
        match self.setting(name) {
            None => Ok(usual),
            Some(Setting::Float(number)) => Ok(*number),
            Some(_) => Node::misfit(name, "a number"),
        }
    }

    pub(super) fn text(&self, name: &str, usual: &'b str) -> Result<&'b str> {
        match self.setting(name) {
            None => Ok(usual),
            Some(Setting::Text(text)) => Ok(text),
            Some(_) => Node::misfit(name, "a text"),
        }
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>> {
        match self.setting(name) {
            None => Ok(None),
            Some(Setting::Ints(numbers)) => Ok(Some(numbers)),
            Some(_) => Node::misfit(name, "a list of whole numbers"),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<&[&'b str]>> {
        match self.setting(name) {
            None => Ok(None),
            Some(Setting::Texts(texts)) => Ok(Some(texts)),
            Some(_) => Node::misfit(name, "a list of texts"),
        }
    }
}

impl<'b> Setting<'b> {
    fn parse(field: &Field<'b>) -> Result<(&'b str, Setting<'b>)> {
        let (mut name, mut kind, mut found) = ("", 0, Setting::Other);
        let (mut floats, mut ints, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        each(field.message()?, |field| {
            match field.number {
                1 => name = field.text()?,
                2 => found = Setting::Float(field.float()?),
                3 => found = Setting::Int(field.int()?),
                4 => found = Setting::Text(field.text()?),
                5 => found = Setting::Tensor(Numbers::named(field)?.1),
                7 => field.floats(&mut floats)?,
                8 => field.ints(&mut ints)?,
                9 => texts.push(field.text()?),
                20 => kind = field.int()?,
                _ => {}
            }
            Ok(())
        })?;
        if name.is_empty() {
            return damaged(format!("byte {}: an attribute without a name", field.at));
        }
        // Writers leave zeros out: the kind says what is meant.
        let setting = match (kind, found) {
            (6, _) => Setting::Floats(floats),
            (7, _) => Setting::Ints(ints),
            (8, _) => Setting::Texts(texts),
            (1, Setting::Other) => Setting::Float(0.0),
            (2, Setting::Other) => Setting::Int(0),
            (3, Setting::Other) => Setting::Text(""),
            (0, Setting::Other) if !ints.is_empty() => Setting::Ints(ints),
            (0, Setting::Other) if !floats.is_empty() => Setting::Floats(floats),
            (_, found) => found,
        };
        Ok((name, setting))
    }
}

impl<'b> Port<'b> {
    fn parse(field: &Field<'b>) -> Result<Port<'b>> {
        let mut port = Port { name: "", kind: 0, sizes: None };
        each(field.message()?, |field| {
            match field.number {
                1 => port.name = field.text()?,
                2 => each(field.message()?, |field| if field.number == 1 { port.tensor(field) } else { Ok(()) })?,
                _ => {}
            }
            Ok(())
        })?;
        match port.name {
            "" => damaged(format!("byte {}: an input or output without a name", field.at)),
            _ => Ok(port),
        }
    }

    fn tensor(&mut self, field: &Field<'b>) -> Result<()> {
        each(field.message()?, |field| {
            match field.number {
                1 => self.kind = field.int()?,
                2 => self.sizes = Some(sizes(field)?),
                _ => {}
            }
            Ok(())
        })
    }
}

/// The sizes of a shape; those that are not fixed, or make no sense, are not known.
fn sizes(field: &Field<'_>) -> Result<Vec<Option<usize>>> {
    let mut sizes = Vec::new();
    each(field.message()?, |field| {
        if field.number == 1 {
            let mut size = None;
            each(field.message()?, |field| {
                if field.number == 1 {
                    size = usize::try_from(field.int()?).ok().filter(|&size| size > 0);
                }
                Ok(())
            })?;
            sizes.push(size);
        }
        Ok(())
    })?;
    Ok(sizes)
}
