//! What a model file consists of, and its bytes: the messages of `onnx.proto3` that are used here.

use super::Attribute;
use crate::protobuf::Message;

/// Operators are those of this version.
const OPERATORS: u64 = 20;
/// The version of the format that came with it.
const IR: u64 = 9;

/// One operator at work.
pub(super) struct Node {
    pub(super) op: &'static str,
    pub(super) name: String,
    pub(super) inputs: Vec<String>,
    pub(super) output: String,
    pub(super) attributes: Vec<(&'static str, Attribute)>,
}

/// A tensor that belongs to the model.
pub(super) struct Constant {
    pub(super) name: String,
    pub(super) sizes: Vec<usize>,
    pub(super) numbers: Numbers,
    /// A setting: a `Constant` node, where what is learned is an initializer.
    pub(super) is_fixed: bool,
}

pub(super) enum Numbers {
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// An input or output: its name and its sizes behind the batch axis.
pub(super) struct Port {
    pub(super) name: String,
    pub(super) sizes: Vec<usize>,
    /// Whether its numbers are i64: indices.
    pub(super) is_whole: bool,
}

/// The bytes of a model with one output.
pub(super) fn encode(nodes: &[Node], constants: &[Constant], inputs: &[Port], output: &Port) -> Vec<u8> {
    let mut model = Message::default();
    model.varint(1, IR);
    model.bytes(2, b"rectify");
    model.bytes(3, env!("CARGO_PKG_VERSION").as_bytes());
    model.message(7, |graph| {
        let (fixed, learned): (Vec<&Constant>, Vec<&Constant>) = constants.iter().partition(|one| one.is_fixed);
        fixed.iter().for_each(|constant| graph.message(1, |to| constant.write_node(to)));
        nodes.iter().for_each(|node| graph.message(1, |to| node.write(to)));
        graph.bytes(2, b"rectify");
        learned.iter().for_each(|constant| graph.message(5, |to| constant.write(to)));
        inputs.iter().for_each(|input| graph.message(11, |to| input.write(to)));
        graph.message(12, |to| output.write(to));
    });
    model.message(8, |set| {
        set.bytes(1, b"");
        set.varint(2, OPERATORS);
    });
    model.as_bytes().to_vec()
}

impl Node {
    fn write(&self, to: &mut Message) {
        self.inputs.iter().for_each(|input| to.bytes(1, input.as_bytes()));
        to.bytes(2, self.output.as_bytes());
        to.bytes(3, self.name.as_bytes());
        to.bytes(4, self.op.as_bytes());
        for (name, value) in &self.attributes {
            to.message(5, |to| {
                to.bytes(1, name.as_bytes());
                value.write(to);
            });
        }
    }
}

impl Attribute {
    fn write(&self, to: &mut Message) {
        let kind = match self {
            Attribute::Float(number) => {
                to.float(2, *number);
                1
            }
            Attribute::Int(number) => {
                // Negative numbers take ten bytes: two's complement of 64 bits.
                to.varint(3, number.cast_unsigned());
                2
            }
            Attribute::Text(text) => {
                to.bytes(4, text.as_bytes());
                3
            }
            Attribute::Ints(numbers) => {
                numbers.iter().for_each(|number| to.varint(8, number.cast_unsigned()));
                7
            }
            Attribute::Floats(numbers) => {
                numbers.iter().for_each(|&number| to.float(7, number));
                6
            }
            Attribute::Texts(texts) => {
                texts.iter().for_each(|text| to.bytes(9, text.as_bytes()));
                8
            }
        };
        to.varint(20, kind);
    }
}

impl Constant {
    fn write(&self, to: &mut Message) {
        self.sizes.iter().for_each(|&size| to.varint(1, size as u64));
        let (kind, bytes): (u64, Vec<u8>) = match &self.numbers {
            Numbers::Floats(numbers) => (1, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
            Numbers::Ints(numbers) => (7, numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
        };
        to.varint(2, kind);
        to.bytes(8, self.name.as_bytes());
        to.bytes(9, &bytes);
    }

    /// The node whose output it is.
    fn write_node(&self, to: &mut Message) {
        to.bytes(2, self.name.as_bytes());
        to.bytes(3, self.name.as_bytes());
        to.bytes(4, b"Constant");
        to.message(5, |to| {
            to.bytes(1, b"value");
            to.message(5, |tensor| self.write(tensor));
            to.varint(20, 4);
        });
    }
}

impl Port {
    fn write(&self, to: &mut Message) {
        to.bytes(1, self.name.as_bytes());
        to.message(2, |kind| {
            kind.message(1, |tensor| {
                tensor.varint(1, if self.is_whole { 7 } else { 1 });
                tensor.message(2, |shape| {
                    shape.message(1, |batch| batch.bytes(2, b"N"));
                    self.sizes.iter().for_each(|&size| shape.message(1, |axis| axis.varint(1, size as u64)));
                });
            });
        });
    }
}
