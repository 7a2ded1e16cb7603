//! `+ − · /` between [`Var`]s, tensors and numbers, by value or by reference.
//!
//! On the right of a variable stands any [`Operand`], in one generic implementation, so that the type of `x * 3.0` is
//! known whatever the literal's. On the left stand literals: f64 and i32. For a tensor on the left of a variable write
//! `tape.input(t) - x`: a second implementation for `Tensor` would leave the type of `t * 3.0` open.

use super::arithmetic::{Add as AddOp, Div as DivOp, Mul as MulOp, Neg as NegOp, Scale, Shift, Sub as SubOp};
use crate::operand::TensorOperand;
use crate::{Float, Op as _, Operand, Tensor, Var};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An operator: of two values by `$Op`, of a value x and a number c by the expressions given.
macro_rules! operator {
    ($Trait:ident, $method:ident, $Op:ident, right |$x:ident, $c:ident| $right:expr, left |$n:ident, $y:ident| $left:expr) => {
        impl<T: Float, R: Operand<T>> $Trait<R> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            #[inline]
            fn $method(self, other: R) -> Var<T> {
                if let Some(c) = other.number() {
                    let ($x, $c) = (self, c);
                    return $right.apply([$x]);
                }
                let other = other.on(self.tape());
                $Op.apply([self, other])
            }
        }
        impl<T: Float, R: Operand<T>> $Trait<R> for &Var<T> {
            type Output = Var<T>;
            #[track_caller]
            #[inline]
            fn $method(self, other: R) -> Var<T> {
                self.clone().$method(other)
            }
        }
        impl<T: Float, R: TensorOperand<T>> $Trait<R> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: R) -> Tensor<T> {
                $Op.eval([self, other.into_tensor()])
            }
        }
        impl<T: Float, R: TensorOperand<T>> $Trait<R> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: R) -> Tensor<T> {
                self.clone().$method(other)
            }
        }
        operator!(@left f64, $Trait, $method, $Op, |$n, $y| $left);
        operator!(@left i32, $Trait, $method, $Op, |$n, $y| $left);
    };
    (@left $number:ty, $Trait:ident, $method:ident, $Op:ident, |$n:ident, $y:ident| $left:expr) => {
        impl<T: Float> $Trait<Var<T>> for $number {
            type Output = Var<T>;
            #[track_caller]
            #[inline]
            fn $method(self, $y: Var<T>) -> Var<T> {
                let $n = T::from_f64(f64::from(self));
                $left
            }
        }
        impl<T: Float> $Trait<&Var<T>> for $number {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, other: &Var<T>) -> Var<T> {
                self.$method(other.clone())
            }
        }
        impl<T: Float> $Trait<Tensor<T>> for $number {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                $Op.eval([Tensor::scalar(T::from_f64(f64::from(self))), other])
            }
        }
        impl<T: Float> $Trait<&Tensor<T>> for $number {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                self.$method(other.clone())
            }
        }
    };
}
operator!(Add, add, AddOp, right | x, c | Shift(c), left | c, x | Shift(c).apply([x]));
operator!(Sub, sub, SubOp, right | x, c | Shift(-c), left | c, x | Shift(c).apply([-x]));
operator!(Mul, mul, MulOp, right | x, c | Scale(c), left | c, x | Scale(c).apply([x]));
operator!(
    Div,
    div,
    DivOp,
    right | x,
    c | super::arithmetic::Over(c),
    left | c,
    x | DivOp.apply([x.beside(Tensor::scalar(c)), x])
);

macro_rules! negated {
    ($A:ty, $Output:ty, |$x:ident| $value:expr) => {
        impl<T: Float> Neg for $A {
            type Output = $Output;
            #[track_caller]
            fn neg(self) -> $Output {
                let $x = self;
                $value
            }
        }
    };
}
negated!(Var<T>, Var<T>, |x| NegOp.apply([x]));
negated!(&Var<T>, Var<T>, |x| NegOp.apply([x.clone()]));
negated!(Tensor<T>, Tensor<T>, |x| NegOp.eval([x]));
negated!(&Tensor<T>, Tensor<T>, |x| NegOp.eval([x.clone()]));

#[cfg(test)]
mod tests {
    use crate::{Float, Tape, Tensor, Var};

    #[test]
    fn every_combination_works_and_its_type_is_known() {
        let tape = Tape::probing();
        let (x, t) = (tape.var(Tensor::from([4.0, 8.0])), Tensor::from([2.0, 4.0]));
        assert_eq!((&x * 3.0).to_vec(), [12.0, 24.0]);
        assert_eq!((2.0 * &x).to_vec(), [8.0, 16.0]);
        assert_eq!((1 - &x).to_vec(), [-3.0, -7.0]);
        assert_eq!((&x / 2).to_vec(), [2.0, 4.0]);
        assert_eq!((8 / x.clone()).to_vec(), [2.0, 1.0]);
        assert_eq!((&x - 1u8 + 1usize).to_vec(), [4.0, 8.0]);
        assert_eq!((&x + &t).to_vec(), [6.0, 12.0]);
        assert_eq!((&x / t.clone()).to_vec(), [2.0, 2.0]);
        assert_eq!((tape.input(t.clone()) - x.clone()).to_vec(), [-2.0, -4.0]);
        assert_eq!((&x * &x).to_vec(), [16.0, 64.0]);
        assert_eq!((x.clone() * x.clone()).to_vec(), [16.0, 64.0]);
        assert_eq!((-&x + x.clone()).to_vec(), [0.0, 0.0]);
        assert_eq!((&t * 2.5 - &t / 2 + 1).to_vec(), [5.0, 9.0]);
        assert_eq!((x.clone() + &x).to_vec(), [8.0, 16.0]);
        assert_eq!((&x - x.clone()).to_vec(), [0.0, 0.0]);
        assert_eq!((x.clone() * &t - t.clone()).to_vec(), [6.0, 28.0]);
        for c in [&x * 2i8, &x * 2i16, &x * 2i64, &x * 2u32, &x * 2u64, &x * 2isize, &x * 2f32, &x * 2f64] {
            assert_eq!(c.to_vec(), [8.0, 16.0]);
        }
        assert_eq!((&x * 2).sqrt().square().round().to_vec(), [8.0, 16.0]);
        assert_eq!((2.0 * &x - 7).ln().to_vec()[0], 0.0);
        assert_eq!((&t + &t).to_vec(), (t.clone() * 2).to_vec());
        assert_eq!((&t * t.clone() / &t - t.clone()).to_vec(), [0.0, 0.0]);
        assert_eq!((2 * &t - 0.5 * t.clone()).to_vec(), [3.0, 6.0]);
    }

    #[test]
    fn slopes_with_numbers() {
        fn slope<T: Float>(f: impl Fn(&Var<T>) -> Var<T>, x: Tensor<T>) -> f64 {
            let x = Tape::probing().var(x);
            f(&x).sum().backward()[&x].item().to_f64()
        }
        let x = || Tensor::from([4.0]);
        assert_eq!(slope(|x| 2.0 * x, x()), 2.0);
        assert_eq!(slope(|x| x * 2, x()), 2.0);
        assert_eq!(slope(|x| 1 - x, x()), -1.0);
        assert_eq!(slope(|x| x - 1, x()), 1.0);
        assert_eq!(slope(|x| x / 2, x()), 0.5);
        assert_eq!(slope(|x| 2 / x, x()), -0.125);
        assert_eq!(slope(|x| -x + 7, x()), -1.0);
        // A literal is exact in f64: 0.1 is not rounded to f32 on the way.
        assert_eq!(slope(|x| x * 0.1, Tensor::f64([4.0])), 0.1);
    }
}
