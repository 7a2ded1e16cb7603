//! [`Array`]: a tensor of the type that a file says.

use crate::error::setting;
use crate::{Error, Result};
use kernels::pool::Element;
use tape::{Shape, Tensor};

/// A tensor of any type there is.
///
/// ```
/// use nn::data::Array;
/// use tape::Tensor;
/// let array = Array::from(Tensor::from([1i64, 2]));
/// assert_eq!((array.dtype(), array.to_f32().to_vec()), ("i64", vec![1.0, 2.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "they say it themselves")]
pub enum Array {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
    I32(Tensor<i32>),
    I64(Tensor<i64>),
    U8(Tensor<u8>),
    U32(Tensor<u32>),
    U64(Tensor<u64>),
}

/// The same expression for the tensor of every type.
macro_rules! any {
    ($array:expr, $tensor:ident => $value:expr) => {
        match $array {
            Array::F32($tensor) => $value,
            Array::F64($tensor) => $value,
            Array::I32($tensor) => $value,
            Array::I64($tensor) => $value,
            Array::U8($tensor) => $value,
            Array::U32($tensor) => $value,
            Array::U64($tensor) => $value,
        }
    };
}

impl Array {
    /// The sizes of the axes.
    pub fn shape(&self) -> &Shape {
        any!(self, tensor => tensor.shape())
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        any!(self, tensor => tensor.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the numbers' type is called.
    pub fn dtype(&self) -> &'static str {
        match self {
            Array::F32(_) => "f32",
            Array::F64(_) => "f64",
            Array::I32(_) => "i32",
            Array::I64(_) => "i64",
            Array::U8(_) => "u8",
            Array::U32(_) => "u32",
            Array::U64(_) => "u64",
        }
    }

    /// The numbers, each rounded to the nearest f32. Those that are f32 are shared, not copied.
    pub fn to_f32(&self) -> Tensor {
        match self {
            Array::F32(tensor) => tensor.clone(),
            Array::F64(tensor) => map(tensor, |x| x as f32),
            Array::I32(tensor) => map(tensor, |x| x as f32),
            Array::I64(tensor) => map(tensor, |x| x as f32),
            Array::U8(tensor) => map(tensor, f32::from),
            Array::U32(tensor) => map(tensor, |x| x as f32),
            Array::U64(tensor) => map(tensor, |x| x as f32),
        }
    }

    /// The numbers, each rounded to the nearest f64.
    pub fn to_f64(&self) -> Tensor<f64> {
        match self {
            Array::F32(tensor) => map(tensor, f64::from),
            Array::F64(tensor) => tensor.clone(),
            Array::I32(tensor) => map(tensor, f64::from),
            Array::I64(tensor) => map(tensor, |x| x as f64),
            Array::U8(tensor) => map(tensor, f64::from),
            Array::U32(tensor) => map(tensor, f64::from),
            Array::U64(tensor) => map(tensor, |x| x as f64),
        }
    }

    /// The numbers as integers: for labels and indices.
    ///
    /// # Errors
    /// If one is no integer or not in the range of i64.
    pub fn to_i64(&self) -> Result<Tensor<i64>> {
        match self {
            Array::F32(tensor) => integers(tensor, |x| whole(f64::from(x))),
            Array::F64(tensor) => integers(tensor, whole),
            Array::I32(tensor) => Ok(map(tensor, i64::from)),
            Array::I64(tensor) => Ok(tensor.clone()),
            Array::U8(tensor) => Ok(map(tensor, i64::from)),
            Array::U32(tensor) => Ok(map(tensor, i64::from)),
            Array::U64(tensor) => integers(tensor, |x| i64::try_from(x).ok()),
        }
    }
}

fn map<T: Element, U: Element>(tensor: &Tensor<T>, f: impl Fn(T) -> U) -> Tensor<U> {
    let tensor = tensor.clone().contiguous();
    let numbers = tensor.as_slice().expect("made contiguous");
    Tensor::fill_with(*tensor.shape(), |to| to.iter_mut().zip(numbers).for_each(|(to, &x)| *to = f(x)))
}

/// The integer a float is, if it is one. 2⁶³ is the first float beyond i64.
fn whole(x: f64) -> Option<i64> {
    let limit = 2f64.powi(63);
    (x.fract() == 0.0 && (-limit..limit).contains(&x)).then_some(x as i64)
}

fn integers<T: Element + std::fmt::Display>(tensor: &Tensor<T>, f: impl Fn(T) -> Option<i64>) -> Result<Tensor<i64>> {
    let numbers = tensor.to_vec();
    match numbers.iter().position(|&x| f(x).is_none()) {
        None => Ok(map(tensor, |x| f(x).unwrap_or_default())),
        Some(element) => {
            setting("Array::to_i64", format!("{} at element {element} is no i64; `to_f64` keeps it", numbers[element]))
        }
    }
}

macro_rules! from {
    ($($type:ty => $variant:ident, $name:literal;)*) => {$(
        impl From<Tensor<$type>> for Array {
            fn from(tensor: Tensor<$type>) -> Self {
                Array::$variant(tensor)
            }
        }
        impl From<&Tensor<$type>> for Array {
            fn from(tensor: &Tensor<$type>) -> Self {
                Array::$variant(tensor.clone())
            }
        }
        impl TryFrom<Array> for Tensor<$type> {
            type Error = Error;
            /// The tensor, if its numbers have this type.
            fn try_from(array: Array) -> Result<Self> {
                match array {
                    Array::$variant(tensor) => Ok(tensor),
                    other => setting(
                        "Array",
                        format!("its numbers are {}, not {}; `to_f32`, `to_f64` and `to_i64` convert", other.dtype(), $name),
                    ),
                }
            }
        }
    )*};
}
from! {
    f32 => F32, "f32";
    f64 => F64, "f64";
    i32 => I32, "i32";
    i64 => I64, "i64";
    u8 => U8, "u8";
    u32 => U32, "u32";
    u64 => U64, "u64";
}

impl From<&Array> for Array {
    fn from(array: &Array) -> Self {
        array.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_are_exact_or_refused() {
        let edges = Array::from(Tensor::new(&[u64::MAX, 1], [2]));
        assert_eq!(edges.to_f64().to_vec(), [2f64.powi(64), 1.0]);
        let text = |array: Array| array.to_i64().unwrap_err().to_string();
        assert_eq!(text(edges), format!("Array::to_i64: {} at element 0 is no i64; `to_f64` keeps it", u64::MAX));
        for bad in [0.5, f64::NAN, f64::INFINITY, 2f64.powi(63)] {
            assert!(text(Array::from(Tensor::f64([1.0, bad]))).contains("at element 1 is no i64"), "{bad}");
        }
        let good = Tensor::f64([-0.0, 3.0, -(2f64.powi(63))]);
        assert_eq!(Array::from(&good).to_i64().unwrap().to_vec(), [0, 3, i64::MIN]);
        // A strided view too.
        let turned = Array::from(Tensor::from([[1i64, 2], [3, 4]]).transpose());
        assert_eq!(turned.to_f32().to_vec(), [1.0, 3.0, 2.0, 4.0]);
        assert!(Tensor::<f32>::try_from(turned.clone()).unwrap_err().to_string().contains("are i64, not f32"));
        assert_eq!(Tensor::<i64>::try_from(turned).unwrap().to_vec(), [1, 3, 2, 4]);
    }
}
