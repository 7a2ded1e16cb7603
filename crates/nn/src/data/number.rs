//! Numbers as files have them: every type of npy and IDX, of either byte order, to the nearest type that tensors have and that holds
//! each of them exactly.

use super::Array;
use crate::files::from_f16;
use kernels::pool::Element;
use tape::{Shape, Tensor};

/// The type of a file's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Bool,
    F16,
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
}

impl Number {
    /// The bytes of one.
    pub(super) fn size(self) -> usize {
        match self {
            Number::Bool | Number::I8 | Number::U8 => 1,
            Number::F16 | Number::I16 | Number::U16 => 2,
            Number::F32 | Number::I32 | Number::U32 => 4,
            Number::F64 | Number::I64 | Number::U64 => 8,
        }
    }

    /// The bytes of so many, if memory can address them.
    pub(super) fn bytes(self, shape: &Shape) -> Option<u64> {
        (shape.elements() as u64).checked_mul(self.size() as u64)
    }

    /// The tensor of these bytes, which are as many as the shape takes.
    ///
    /// # Errors
    /// If a bool is neither 0 nor 1: its element.
    pub(super) fn array(self, shape: Shape, big_endian: bool, bytes: &[u8]) -> Result<Array, String> {
        let from = Bytes { shape, big_endian, bytes };
        Ok(match self {
            Number::Bool => match bytes.iter().position(|&byte| byte > 1) {
                Some(element) => return Err(format!("element {element} is {}, and a bool is 0 or 1", bytes[element])),
                None => from.read(|[byte]: [u8; 1]| byte).into(),
            },
            Number::F16 => from.read(|b| from_f16(u16::from_le_bytes(b)) as f32).into(),
            Number::F32 => from.read(f32::from_le_bytes).into(),
            Number::F64 => from.read(f64::from_le_bytes).into(),
            Number::I8 => from.read(|b| i32::from(i8::from_le_bytes(b))).into(),
            Number::I16 => from.read(|b| i32::from(i16::from_le_bytes(b))).into(),
            Number::I32 => from.read(i32::from_le_bytes).into(),
            Number::I64 => from.read(i64::from_le_bytes).into(),
            Number::U8 => from.read(u8::from_le_bytes).into(),
            Number::U16 => from.read(|b| i32::from(u16::from_le_bytes(b))).into(),
            Number::U32 => from.read(u32::from_le_bytes).into(),
            Number::U64 => from.read(u64::from_le_bytes).into(),
        })
    }
}

/// What is read.
struct Bytes<'b> {
    shape: Shape,
    big_endian: bool,
    bytes: &'b [u8],
}

impl Bytes<'_> {
    fn read<T: Element, const N: usize>(&self, number: impl Fn([u8; N]) -> T) -> Tensor<T> {
        let numbers = self.bytes.as_chunks::<N>().0;
        Tensor::fill_with(self.shape, |to| {
            for (to, &bytes) in to.iter_mut().zip(numbers) {
                let mut bytes = bytes;
                if self.big_endian {
                    bytes.reverse();
                }
                *to = number(bytes);
            }
        })
    }
}
