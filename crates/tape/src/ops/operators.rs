//! `+ − · /` between [`Var`]s, tensors and numbers, by value or by reference.

use super::arithmetic::{Add as AddOp, Div as DivOp, Mul as MulOp, Neg as NegOp, Scale, Shift, Sub as SubOp};
use crate::{Float, Op, Tensor, Var};
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

macro_rules! with_numbers {
    ($($number:ty),+) => {$(
        with_numbers!(@right $number, Add, add, |x, c| Shift(c).apply([x]), Shift(c).eval([x]));
        with_numbers!(@right $number, Sub, sub, |x, c| Shift(-c).apply([x]), Shift(-c).eval([x]));
        with_numbers!(@right $number, Mul, mul, |x, c| Scale(c).apply([x]), Scale(c).eval([x]));
        with_numbers!(@right $number, Div, div, |x, c| { let c = x.beside(Tensor::scalar(c)); DivOp.apply([x, c]) }, DivOp.eval([x, Tensor::scalar(c)]));
        with_numbers!(@left $number, Add, add, |c, x| Shift(c).apply([x]), Shift(c).eval([x]));
        with_numbers!(@left $number, Sub, sub, |c, x| Shift(c).apply([-x]), Shift(c).eval([-x]));
        with_numbers!(@left $number, Mul, mul, |c, x| Scale(c).apply([x]), Scale(c).eval([x]));
        with_numbers!(@left $number, Div, div, |c, x| { let c = x.beside(Tensor::scalar(c)); DivOp.apply([c, x]) }, DivOp.eval([Tensor::scalar(c), x]));
    )+};
    (@right $number:ty, $Trait:ident, $method:ident, |$x:ident, $c:ident| $var:expr, $tensor:expr) => {
        with_numbers!(@one $Trait, $method, (Var<T>), ($number), Var<T>, |a, b| { let ($x, $c) = (a, T::from_f64(b as f64)); $var });
        with_numbers!(@one $Trait, $method, (&Var<T>), ($number), Var<T>, |a, b| { let ($x, $c) = (a.clone(), T::from_f64(b as f64)); $var });
        with_numbers!(@one $Trait, $method, (Tensor<T>), ($number), Tensor<T>, |a, b| { let ($x, $c) = (a, T::from_f64(b as f64)); $tensor });
        with_numbers!(@one $Trait, $method, (&Tensor<T>), ($number), Tensor<T>, |a, b| { let ($x, $c) = (a.clone(), T::from_f64(b as f64)); $tensor });
    };
    (@left $number:ty, $Trait:ident, $method:ident, |$c:ident, $x:ident| $var:expr, $tensor:expr) => {
        with_numbers!(@one $Trait, $method, ($number), (Var<T>), Var<T>, |a, b| { let ($c, $x) = (T::from_f64(a as f64), b); $var });
        with_numbers!(@one $Trait, $method, ($number), (&Var<T>), Var<T>, |a, b| { let ($c, $x) = (T::from_f64(a as f64), b.clone()); $var });
        with_numbers!(@one $Trait, $method, ($number), (Tensor<T>), Tensor<T>, |a, b| { let ($c, $x) = (T::from_f64(a as f64), b); $tensor });
        with_numbers!(@one $Trait, $method, ($number), (&Tensor<T>), Tensor<T>, |a, b| { let ($c, $x) = (T::from_f64(a as f64), b.clone()); $tensor });
    };
    (@one $Trait:ident, $method:ident, ($A:ty), ($B:ty), $Output:ty, |$a:ident, $b:ident| $value:expr) => {
        impl<T: Float> $Trait<$B> for $A {
            type Output = $Output;
            #[track_caller]
            #[inline]
            fn $method(self, other: $B) -> $Output {
                let ($a, $b) = (self, other);
                $value
            }
        }
    };
}
with_numbers!(f32, f64, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

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
                &x $operator 2usize,
            ];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), right));
            let results: [Tensor; 3] = [&a $operator 2, a.clone() $operator 2.0, &a $operator 2u64];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), right));
            let left = [f(2.0, 6.0), f(2.0, -1.5)];
            let results: [Var; 5] =
                [2 $operator &x, 2.0 $operator x.clone(), 2.0f64 $operator &x, 2i8 $operator &x, 2isize $operator &x];
            results.iter().for_each(|result| assert_eq!(result.to_vec(), left));
            let results: [Tensor; 3] = [2 $operator &a, 2.0 $operator a.clone(), 2u16 $operator &a];
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
