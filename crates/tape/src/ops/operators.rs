//! `+ − · /` between [`Var`]s, tensors and numbers, by value or by reference.
//!
//! A number on the right may have any primitive type; on the left stand literals, which means i32 and f64: a further type
//! would make `(2.0 * x).exp()` ambiguous. Write `x * c` for a variable c of type f32.

use super::arithmetic::{Add as AddOp, Div as DivOp, Mul as MulOp, Neg as NegOp, Scale, Shift, Sub as SubOp};
use crate::{Float, Number, Op, Tensor, Var};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// An operator between variables and tensors in all combinations.
macro_rules! between_values {
    ($Trait:ident, $method:ident, $Op:ident) => {
        between_values!(@pair $Trait, $method, $Op, (Var<T>), (Var<T>), |a, b| [a, b]);
        between_values!(@pair $Trait, $method, $Op, (Var<T>), (&Var<T>), |a, b| [a, b.clone()]);
        between_values!(@pair $Trait, $method, $Op, (&Var<T>), (Var<T>), |a, b| [a.clone(), b]);
        between_values!(@pair $Trait, $method, $Op, (&Var<T>), (&Var<T>), |a, b| [a.clone(), b.clone()]);
        between_values!(@pair $Trait, $method, $Op, (Var<T>), (Tensor<T>), |a, b| { let b = a.beside(b); [a, b] });
        between_values!(@pair $Trait, $method, $Op, (Var<T>), (&Tensor<T>), |a, b| { let b = a.beside(b.clone()); [a, b] });
        between_values!(@pair $Trait, $method, $Op, (&Var<T>), (Tensor<T>), |a, b| [a.clone(), a.beside(b)]);
        between_values!(@pair $Trait, $method, $Op, (&Var<T>), (&Tensor<T>), |a, b| [a.clone(), a.beside(b.clone())]);
        between_values!(@pair $Trait, $method, $Op, (Tensor<T>), (Var<T>), |a, b| [b.beside(a), b]);
        between_values!(@pair $Trait, $method, $Op, (&Tensor<T>), (Var<T>), |a, b| [b.beside(a.clone()), b]);
        between_values!(@pair $Trait, $method, $Op, (Tensor<T>), (&Var<T>), |a, b| [b.beside(a), b.clone()]);
        between_values!(@pair $Trait, $method, $Op, (&Tensor<T>), (&Var<T>), |a, b| [b.beside(a.clone()), b.clone()]);
        between_values!(@plain $Trait, $method, $Op, (Tensor<T>), (Tensor<T>), |a, b| [a, b]);
        between_values!(@plain $Trait, $method, $Op, (Tensor<T>), (&Tensor<T>), |a, b| [a, b.clone()]);
        between_values!(@plain $Trait, $method, $Op, (&Tensor<T>), (Tensor<T>), |a, b| [a.clone(), b]);
        between_values!(@plain $Trait, $method, $Op, (&Tensor<T>), (&Tensor<T>), |a, b| [a.clone(), b.clone()]);
    };
    (@pair $Trait:ident, $method:ident, $Op:ident, ($A:ty), ($B:ty), |$a:ident, $b:ident| $operands:expr) => {
        impl<T: Float> $Trait<$B> for $A {
            type Output = Var<T>;
            #[track_caller]
            #[inline]
            fn $method(self, other: $B) -> Var<T> {
                let ($a, $b) = (self, other);
                $Op.apply($operands)
            }
        }
    };
    (@plain $Trait:ident, $method:ident, $Op:ident, ($A:ty), ($B:ty), |$a:ident, $b:ident| $operands:expr) => {
        impl<T: Float> $Trait<$B> for $A {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: $B) -> Tensor<T> {
                let ($a, $b) = (self, other);
                $Op.eval($operands)
            }
        }
    };
}
between_values!(Add, add, AddOp);
between_values!(Sub, sub, SubOp);
between_values!(Mul, mul, MulOp);
between_values!(Div, div, DivOp);

/// An operator between a value and a number. On the right, one implementation for all types of numbers; on the left, one for
/// integer and one for decimal literals. So the result's type is known at once, and `(2 * x).exp()` needs no annotation.
macro_rules! with_numbers {
    ($Trait:ident, $method:ident, right |$x:ident, $c:ident| $right_var:expr, $right_tensor:expr,
     left |$d:ident, $y:ident| $left_var:expr, $left_tensor:expr) => {
        with_numbers!(@right $Trait, $method, (Var<T>), Var<T>, |$x, $c| $right_var);
        with_numbers!(@right $Trait, $method, (&Var<T>), Var<T>, |$x, $c| { let $x = $x.clone(); $right_var });
        with_numbers!(@right $Trait, $method, (Tensor<T>), Tensor<T>, |$x, $c| $right_tensor);
        with_numbers!(@right $Trait, $method, (&Tensor<T>), Tensor<T>, |$x, $c| { let $x = $x.clone(); $right_tensor });
        with_numbers!(@left $Trait, $method, i32, |$d, $y| $left_var, $left_tensor);
        with_numbers!(@left $Trait, $method, f64, |$d, $y| $left_var, $left_tensor);
    };
    (@left $Trait:ident, $method:ident, $number:ty, |$d:ident, $y:ident| $var:expr, $tensor:expr) => {
        with_numbers!(@one $Trait, $method, $number, (Var<T>), Var<T>, |$d, $y| $var);
        with_numbers!(@one $Trait, $method, $number, (&Var<T>), Var<T>, |$d, $y| { let $y = $y.clone(); $var });
        with_numbers!(@one $Trait, $method, $number, (Tensor<T>), Tensor<T>, |$d, $y| $tensor);
        with_numbers!(@one $Trait, $method, $number, (&Tensor<T>), Tensor<T>, |$d, $y| { let $y = $y.clone(); $tensor });
    };
    (@right $Trait:ident, $method:ident, ($A:ty), $Output:ty, |$x:ident, $c:ident| $value:expr) => {
        impl<T: Float, N: Number> $Trait<N> for $A {
            type Output = $Output;
            #[track_caller]
            #[inline]
            fn $method(self, other: N) -> $Output {
                let ($x, $c) = (self, other.to_float::<T>());
                $value
            }
        }
    };
    (@one $Trait:ident, $method:ident, $number:ty, ($B:ty), $Output:ty, |$d:ident, $y:ident| $value:expr) => {
        impl<T: Float> $Trait<$B> for $number {
            type Output = $Output;
            #[track_caller]
            #[inline]
            fn $method(self, other: $B) -> $Output {
                let ($d, $y) = (self.to_float::<T>(), other);
                $value
            }
        }
    };
}
with_numbers!(
    Add,
    add,
    right | x,
    c | Shift(c).apply([x]),
    Shift(c).eval([x]),
    left | c,
    x | Shift(c).apply([x]),
    Shift(c).eval([x])
);
with_numbers!(
    Sub,
    sub,
    right | x,
    c | Shift(-c).apply([x]),
    Shift(-c).eval([x]),
    left | c,
    x | Shift(c).apply([-x]),
    Shift(c).eval([-x])
);
with_numbers!(
    Mul,
    mul,
    right | x,
    c | Scale(c).apply([x]),
    Scale(c).eval([x]),
    left | c,
    x | Scale(c).apply([x]),
    Scale(c).eval([x])
);
with_numbers!(
    Div,
    div,
    right | x,
    c | {
        let c = x.beside(Tensor::scalar(c));
        DivOp.apply([x, c])
    },
    DivOp.eval([x, Tensor::scalar(c)]),
    left | c,
    x | {
        let c = x.beside(Tensor::scalar(c));
        DivOp.apply([c, x])
    },
    DivOp.eval([Tensor::scalar(c), x])
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

    /// All sixteen combinations of values and references, and both sides with numbers, against f.
    macro_rules! check {
        ($operator:tt, $f:expr) => {{
            let (tape, f) = (Tape::probing(), $f);
            let (a, b) = (Tensor::from([6.0, -1.5]), Tensor::from([4.0, 0.5]));
            let (x, y) = (tape.var(a.clone()), tape.var(b.clone()));
            let expected = [f(6.0, 4.0), f(-1.5, 0.5)];
            let variables = [
                x.clone() $operator y.clone(), x.clone() $operator &y, &x $operator y.clone(), &x $operator &y,
                x.clone() $operator b.clone(), x.clone() $operator &b, &x $operator b.clone(), &x $operator &b,
                a.clone() $operator y.clone(), a.clone() $operator &y, &a $operator y.clone(), &a $operator &y,
            ];
            for (i, variable) in variables.iter().enumerate() {
                assert_eq!(variable.to_vec(), expected, "combination {i} of {}", stringify!($operator));
                assert!(variable.is_tracked());
            }
            let tensors =
                [a.clone() $operator b.clone(), a.clone() $operator &b, &a $operator b.clone(), &a $operator &b];
            for tensor in tensors {
                assert_eq!(tensor.to_vec(), expected, "{}", stringify!($operator));
            }
            let right = [f(6.0, 2.0), f(-1.5, 2.0)];
            let results: [Var; 6] = [
                &x $operator 2, x.clone() $operator 2.0, &x $operator 2.0f64, &x $operator 2u8, &x $operator 2i64,
                &x $operator 2f32,
            ];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), right));
            let results: [Tensor; 3] = [&a $operator 2, a.clone() $operator 2.0, &a $operator 2u64];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), right));
            let left = [f(2.0, 6.0), f(2.0, -1.5)];
            let results: [Var; 5] =
                [2 $operator &x, 2.0 $operator x.clone(), 2.0f64 $operator &x, 2i32 $operator x.clone(), 2.0 $operator &x];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), left));
            let results: [Tensor; 3] = [2 $operator &a, 2.0 $operator a.clone(), 2.0 $operator &a];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), left));
        }};
    }

    #[test]
    fn every_combination_of_operands() {
        check!(+, |a: f32, b: f32| a + b);
        check!(-, |a: f32, b: f32| a - b);
        check!(*, |a: f32, b: f32| a * b);
        check!(/, |a: f32, b: f32| a / b);
        let x = Tape::probing().var(Tensor::from([1.0, -0.0]));
        for negated in [-x.clone(), -&x] {
            assert_eq!(negated.to_vec(), [-1.0, 0.0]);
        }
        assert_eq!((-x.value()).to_vec(), (-x.value().clone()).to_vec());
    }

    #[test]
    fn types_are_inferred_beside_literals() {
        let x = Tape::probing().var(Tensor::from([4.0]));
        assert_eq!((&x * 2).sqrt().square().item().round(), 8.0);
        assert_eq!((2.0 * &x - 7).ln().item(), 0.0);
        assert_eq!((1 - &x).abs().item(), 3.0);
        assert_eq!((1.0 / x.value()).sqrt().item(), 0.5);
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
