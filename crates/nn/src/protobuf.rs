//! Protocol buffers' wire format, by hand: what event files and ONNX models need of it.
//!
//! A message is fields one after the other: a varint of `number << 3 | kind`, then a varint (kind 0), eight bytes (1), a length and so many bytes (2: text, messages,
//! packed numbers), or four bytes (5).

mod read;

pub(crate) use read::{Field, Fields};

/// A protobuf message in the making: fields of a number each, in the order they are written.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// What is written so far.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn raw(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(crate) fn varint(&mut self, field: u64, number: u64) {
        self.raw(field << 3);
        self.raw(number);
    }

    pub(crate) fn double(&mut self, field: u64, number: f64) {
        self.raw(field << 3 | 1);
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn float(&mut self, field: u64, number: f32) {
        self.raw(field << 3 | 5);
        self.0.extend(number.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.raw(field << 3 | 2);
        self.raw(bytes.len() as u64);
        self.0.extend(bytes);
    }

    /// Numbers of one repeated field, packed.
    pub(crate) fn doubles(&mut self, field: u64, numbers: &[f64]) {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.bytes(field, &bytes);
    }

    pub(crate) fn message(&mut self, field: u64, write: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }
}
