//! What may stand on the right of an op: a [`Var`], a reference to one, a [`Tensor`], or a number of any primitive type.

use crate::{Float, Tape, Tensor, Var};

/// Something an op can take as a further operand.
pub trait Operand<T: Float> {
    /// The operand as a value on the tape.
    fn on(self, tape: &Tape<T>) -> Var<T>;
    /// The operand's numbers, for methods of plain tensors.
    fn into_tensor(self) -> Tensor<T>;
}

impl<T: Float> Operand<T> for Var<T> {
    #[inline]
    fn on(self, _: &Tape<T>) -> Var<T> {
        self
    }
    #[inline]
    fn into_tensor(self) -> Tensor<T> {
        self.into_value()
    }
}

impl<T: Float> Operand<T> for &Var<T> {
    #[inline]
    fn on(self, _: &Tape<T>) -> Var<T> {
        self.clone()
    }
    #[inline]
    fn into_tensor(self) -> Tensor<T> {
        self.value().clone()
    }
}

impl<T: Float> Operand<T> for Tensor<T> {
    #[inline]
    fn on(self, tape: &Tape<T>) -> Var<T> {
        tape.input(self)
    }
    #[inline]
    fn into_tensor(self) -> Tensor<T> {
        self
    }
}

impl<T: Float> Operand<T> for &Tensor<T> {
    #[inline]
    fn on(self, tape: &Tape<T>) -> Var<T> {
        tape.input(self.clone())
    }
    #[inline]
    fn into_tensor(self) -> Tensor<T> {
        self.clone()
    }
}

/// A number of any primitive type, on the right of an operator: `x * 2`, `&x / 0.5`. One implementation serves them all, so
/// that `(x * 2).relu()` needs no type annotation.
pub trait Number: Copy {
    /// The nearest number of the tensor's type.
    fn to_float<T: Float>(self) -> T;
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl Number for $number {
            #[inline]
            fn to_float<T: Float>(self) -> T {
                T::from_f64(self as f64)
            }
        }
        impl<T: Float> Operand<T> for $number {
            #[inline]
            fn on(self, tape: &Tape<T>) -> Var<T> {
                tape.input(Tensor::scalar(T::from_f64(self as f64)))
            }
            #[inline]
            fn into_tensor(self) -> Tensor<T> {
                Tensor::scalar(T::from_f64(self as f64))
            }
        }
    )+};
}
numbers!(f32, f64, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
