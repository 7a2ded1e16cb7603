//! Tensors of a model file: `TensorProto`.

use super::file::{Problem, Result, damaged, each, unsupported};
use crate::files::half::{from_bf16, from_f16};
use crate::protobuf::Field;
use tape::{Shape, Tensor};

/// A tensor of numbers: what networks compute with in f32, shapes and axes in i64.
#[derive(Clone, Debug)]
pub(super) enum Numbers {
    Floats(Tensor),
    Ints(Vec<i64>),
    /// One whole number, without an axis.
    Whole(i64),
    /// 1 or 0.
    Truths(Tensor),
}

/// What the fields of the message say.
#[derive(Default)]
struct Parts<'b> {
    sizes: Vec<i64>,
    kind: i64,
    raw: Option<&'b [u8]>,
    floats: Vec<f32>,
    doubles: Vec<f64>,
    ints: Vec<i64>,
}

impl Numbers {
    /// One number.
    pub(super) fn float(number: f32) -> Numbers {
        Numbers::Floats(Tensor::scalar(number))
    }

    pub(super) fn floats(numbers: &[f32]) -> Numbers {
        Numbers::Floats(Tensor::new(numbers, [numbers.len()]))
    }

    /// The message, and its name.
    pub(super) fn named<'b>(field: &Field<'b>) -> Result<(&'b str, Numbers)> {
        let (mut name, mut parts) = ("", Parts::default());
        each(field.message()?, |field| {
            match field.number {
                1 => field.ints(&mut parts.sizes)?,
                2 => parts.kind = field.int()?,
                4 => field.floats(&mut parts.floats)?,
                5 | 7 => field.ints(&mut parts.ints)?,
                8 => name = field.text()?,
                9 => parts.raw = Some(field.bytes()?),
                10 => field.doubles(&mut parts.doubles)?,
                13 => return external(field.at),
                14 if field.int()? != 0 => return external(field.at),
                _ => {}
            }
            Ok(())
        })?;
        let numbers = parts.finish().map_err(|problem| problem.at(&format!("byte {}: tensor `{name}`", field.at)))?;
        Ok((name, numbers))
    }
}

fn external(at: usize) -> Result<()> {
    unsupported(format!(
        "byte {at}: the numbers of a tensor are in another file. Save the model as one file: `onnx.save(onnx.load(path), path)`, or `external_data=False` \
         where PyTorch exports"
    ))
}

impl Parts<'_> {
    fn finish(mut self) -> Result<Numbers> {
        let sizes: Option<Vec<usize>> = self.sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
        let Some(sizes) = sizes else { return damaged(format!("a shape of {:?}", self.sizes)) };
        let shape = Shape::new(&sizes).map_err(|error| Problem::Damaged(error.to_string()))?;
        let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let count = count.ok_or_else(|| Problem::Damaged(format!("{sizes:?} is more than any file holds")))?;
        match self.kind {
            1 | 10 | 11 | 16 => Ok(Numbers::Floats(Tensor::new(&self.all_floats(count)?, shape))),
            6 | 7 => match (&self.all_ints(count)?[..], sizes.is_empty()) {
                (&[number], true) => Ok(Numbers::Whole(number)),
                (numbers, _) => Ok(Numbers::Ints(numbers.to_vec())),
            },
            9 => Ok(Numbers::Truths(Tensor::new(&self.all_truths(count)?, shape))),
            kind => unsupported(format!("numbers of type {kind}; known are f16, bf16, f32, f64, i32, i64 and bool")),
        }
    }

    fn all_floats(&mut self, count: usize) -> Result<Vec<f32>> {
        let numbers = match (self.kind, self.raw) {
            (1, Some(raw)) => each_of(raw, f32::from_le_bytes)?,
            (11, Some(raw)) => each_of(raw, |bytes| f64::from_le_bytes(bytes) as f32)?,
            (10, Some(raw)) => each_of(raw, |bytes| from_f16(u16::from_le_bytes(bytes)) as f32)?,
            (_, Some(raw)) => each_of(raw, |bytes| from_bf16(u16::from_le_bytes(bytes)) as f32)?,
            (1, None) => std::mem::take(&mut self.floats),
            (11, None) => self.doubles.iter().map(|&number| number as f32).collect(),
            (10, None) => self.ints.iter().map(|&bits| from_f16(bits as u16) as f32).collect(),
            (_, None) => self.ints.iter().map(|&bits| from_bf16(bits as u16) as f32).collect(),
        };
        counted(numbers, count)
    }

    fn all_truths(&self, count: usize) -> Result<Vec<f32>> {
        let truth = |is_true: bool| f32::from(u8::from(is_true));
        let numbers = match self.raw {
            Some(raw) => raw.iter().map(|&byte| truth(byte != 0)).collect(),
            None => self.ints.iter().map(|&number| truth(number != 0)).collect(),
        };
        counted(numbers, count)
    }

    fn all_ints(&mut self, count: usize) -> Result<Vec<i64>> {
        let numbers = match (self.kind, self.raw) {
            (6, Some(raw)) => each_of(raw, |bytes| i32::from_le_bytes(bytes).into())?,
            (_, Some(raw)) => each_of(raw, i64::from_le_bytes)?,
            (_, None) => std::mem::take(&mut self.ints),
        };
        counted(numbers, count)
    }
}

fn each_of<T, const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
    match raw.as_chunks() {
        (numbers, []) => Ok(numbers.iter().map(|&bytes| number(bytes)).collect()),
        _ => damaged(format!("{} bytes are no whole number of {N} each", raw.len())),
    }
}

fn counted<T>(numbers: Vec<T>, count: usize) -> Result<Vec<T>> {
    match numbers.len() == count {
        true => Ok(numbers),
        false => damaged(format!("its shape has {count} numbers, and {} are there", numbers.len())),
    }
}
