//! What may stand on the right of an op: a [`Var`], a reference to one, a [`Tensor`], or a number of any primitive type.

use crate::{Float, Tape, Tensor, Var};

/// Something an op can take as a further operand.
pub trait Operand<T: Float>: Sized {
    /// The operand as a value on the tape.
    fn on(self, tape: &Tape<T>) -> Var<T>;

    /// The operand as a number, if it is one: some ops have a cheaper form for numbers.
    #[inline]
    fn number(&self) -> Option<T> {
        None
    }
}

impl<T: Float> Operand<T> for Var<T> {
    #[inline]
    fn on(self, _: &Tape<T>) -> Var<T> {
        self
    }
}

impl<T: Float> Operand<T> for &Var<T> {
    #[inline]
    fn on(self, _: &Tape<T>) -> Var<T> {
        self.clone()
    }
}

impl<T: Float> Operand<T> for Tensor<T> {
    #[inline]
    fn on(self, tape: &Tape<T>) -> Var<T> {
        tape.input(self)
    }
}

impl<T: Float> Operand<T> for &Tensor<T> {
    #[inline]
    fn on(self, tape: &Tape<T>) -> Var<T> {
        tape.input(self.clone())
    }
}

/// What may stand on the right of an operator on plain tensors.
pub trait TensorOperand<T: Float> {
    /// The operand as a tensor.
    fn into_tensor(self) -> Tensor<T>;
}

impl<T: Float> TensorOperand<T> for Tensor<T> {
    fn into_tensor(self) -> Tensor<T> {
        self
    }
}

impl<T: Float> TensorOperand<T> for &Tensor<T> {
    fn into_tensor(self) -> Tensor<T> {
        self.clone()
    }
}

macro_rules! numbers {
    ($($number:ty),+) => {$(
        impl<T: Float> Operand<T> for $number {
            #[inline]
            fn on(self, tape: &Tape<T>) -> Var<T> {
                tape.input(Tensor::scalar(T::from_f64(self as f64)))
            }
            #[inline]
            fn number(&self) -> Option<T> {
                Some(T::from_f64(*self as f64))
            }
        }
        impl<T: Float> TensorOperand<T> for $number {
            fn into_tensor(self) -> Tensor<T> {
                Tensor::scalar(T::from_f64(self as f64))
            }
        }
    )+};
}
numbers!(f32, f64, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
