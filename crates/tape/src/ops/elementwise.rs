//! Runs elementwise kernels on tensors: broadcasts operands, and overwrites one that nobody else holds.

use crate::error::expect;
use crate::{Float, Shape, Tensor};
use kernels::{Broadcast, In1, In2, In3};

/// f(x), over x where nobody else holds it.
#[inline]
pub(crate) fn unary<T: Float>(x: Tensor<T>, kernel: impl FnOnce(In1<'_, T>)) -> Tensor<T> {
    if x.is_plain() {
        let mut x = x;
        if let Some(x_mut) = x.plain_mut() {
            kernel(In1::Over { x: x_mut });
            return x;
        }
        let mut y = Tensor::unspecified(*x.shape());
        kernel(In1::From { x: x.plain(), y: y.fresh_mut() });
        return y;
    }
    let mut x = x.contiguous();
    if let Some(x_mut) = x.as_mut_slice() {
        kernel(In1::Over { x: x_mut });
        return x;
    }
    let mut y = Tensor::unspecified(*x.shape());
    kernel(In1::From { x: slice(&x), y: y.fresh_mut() });
    y
}

/// f(a, b), over a or b where nobody else holds it and it has the result's shape.
#[inline]
pub(crate) fn binary<T: Float>(a: Tensor<T>, b: Tensor<T>, kernel: impl FnOnce(In2<'_, T>)) -> Tensor<T> {
    let (mut a, mut b) = (a, b);
    if a.is_plain() && b.is_plain() && a.shape() == b.shape() {
        // The usual case, without a look at strides or patterns: tiny ops are felt here.
        if let Some(numbers) = a.plain_mut() {
            kernel(In2::OverA { a: numbers, b: Broadcast::full(b.plain()) });
            return a;
        }
        if let Some(numbers) = b.plain_mut() {
            kernel(In2::OverB { a: Broadcast::full(a.plain()), b: numbers });
            return b;
        }
        let mut y = Tensor::unspecified(*a.shape());
        kernel(In2::From { a: Broadcast::full(a.plain()), b: Broadcast::full(b.plain()), y: y.fresh_mut() });
        return y;
    }
    let shape = expect(a.shape().broadcast("binary", b.shape()));
    binary_in(shape, a, b, kernel)
}

/// As [`binary`] with a known shape.
#[inline]
pub(crate) fn binary_in<T: Float>(
    shape: Shape,
    a: Tensor<T>,
    b: Tensor<T>,
    kernel: impl FnOnce(In2<'_, T>),
) -> Tensor<T> {
    let (mut a, mut b) = (spreadable(a, &shape), spreadable(b, &shape));
    if *a.shape() == shape
        && let Some(numbers) = a.as_mut_slice()
    {
        kernel(In2::OverA { a: numbers, b: spread(&b, &shape) });
        return a;
    }
    if *b.shape() == shape
        && let Some(numbers) = b.as_mut_slice()
    {
        kernel(In2::OverB { a: spread(&a, &shape), b: numbers });
        return b;
    }
    let mut y = Tensor::unspecified(shape);
    kernel(In2::From { a: spread(&a, &shape), b: spread(&b, &shape), y: y.fresh_mut() });
    y
}

/// f(a, b, c), over one that nobody else holds and that has the result's shape.
pub(crate) fn ternary<T: Float>(operands: [Tensor<T>; 3], kernel: impl FnOnce(In3<'_, T>)) -> Tensor<T> {
    let shape = operands.iter().fold(Shape::SCALAR, |shape, x| expect(shape.broadcast("ternary", x.shape())));
    let [mut a, mut b, mut c] = operands.map(|x| spreadable(x, &shape));
    if *a.shape() == shape
        && let Some(numbers) = a.as_mut_slice()
    {
        kernel(In3::OverA { a: numbers, b: spread(&b, &shape), c: spread(&c, &shape) });
        return a;
    }
    if *b.shape() == shape
        && let Some(numbers) = b.as_mut_slice()
    {
        kernel(In3::OverB { a: spread(&a, &shape), b: numbers, c: spread(&c, &shape) });
        return b;
    }
    if *c.shape() == shape
        && let Some(numbers) = c.as_mut_slice()
    {
        kernel(In3::OverC { a: spread(&a, &shape), b: spread(&b, &shape), c: numbers });
        return c;
    }
    let mut y = Tensor::unspecified(shape);
    kernel(In3::From { a: spread(&a, &shape), b: spread(&b, &shape), c: spread(&c, &shape), y: y.fresh_mut() });
    y
}

/// The numbers of a contiguous tensor.
#[inline]
pub(crate) fn slice<T: kernels::pool::Element>(x: &Tensor<T>) -> &[T] {
    x.as_slice().expect("the tensor was made contiguous")
}

/// The tensor in a form whose numbers spread over `shape` without a copy.
#[inline]
fn spreadable<T: Float>(x: Tensor<T>, shape: &Shape) -> Tensor<T> {
    match x.spread_over(shape) {
        Some(_) => x,
        None => x.spread_copy(shape),
    }
}

#[inline]
fn spread<'a, T: Float>(x: &'a Tensor<T>, shape: &Shape) -> Broadcast<'a, T> {
    x.spread_over(shape).expect("the tensor was made spreadable")
}

/// An op of one operand without settings. `from x` and `from y` say what its rule reads, the operand or the result, and
/// give the operand's cotangent; `flat` ops are constant but for jumps, and their gradient is 0 everywhere.
macro_rules! unary_op {
    ($Op:ident, $name:literal, $kernel:path, from x |$x:ident, $dy:ident| $rule:expr) => {
        unary_op!(@make $Op, $name, $kernel, crate::Keeps::OPERANDS, |mut kept, $dy| { let $x = kept.x(0); $rule });
    };
    ($Op:ident, $name:literal, $kernel:path, from y |$y:ident, $dy:ident| $rule:expr) => {
        unary_op!(@make $Op, $name, $kernel, crate::Keeps::RESULT, |mut kept, $dy| { let $y = kept.y(); $rule });
    };
    ($Op:ident, $name:literal, $kernel:path, flat) => {
        unary_op!(@make $Op, $name, $kernel, crate::Keeps::NOTHING, |kept, _dy| kept.constant(Tensor::scalar(T::ZERO)));
    };
    (@make $Op:ident, $name:literal, $kernel:path, $keeps:expr, |$kept:pat_param, $dy:pat_param| $rule:expr) => {
        struct $Op;
        impl<T: crate::Float> crate::Op<T> for $Op {
            fn name(&self) -> &'static str {
                $name
            }
            #[inline]
            fn keeps(&self, _: [&Tensor<T>; 1]) -> crate::Keeps {
                $keeps
            }
            #[inline]
            fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
                crate::ops::elementwise::unary(x, $kernel)
            }
            fn vjp(&self, $kept: crate::Kept<'_, T>, $dy: Var<T>) -> [Option<Var<T>>; 1] {
                [Some($rule)]
            }
        }
    };
}
pub(super) use unary_op;

/// f'(s) · dy as an op of two operands with a fused kernel, for rules of both orders: s is f's operand or result. Its own
/// rule: dy is linear, so the kernel again; for s, from c (the product of both cotangents) to c · (f')'(s), or nothing
/// where f' is constant but for jumps.
macro_rules! slope_op {
    ($Op:ident, $name:literal, $kernel:path) => {
        slope_op!(@make $Op, $name, $kernel, crate::Keeps::operand(0), |kept, seen, ddy| {
            [None, Some($Op.apply([seen, ddy]))]
        });
    };
    ($Op:ident, $name:literal, $kernel:path, |$seen:ident, $c:ident| $second:expr) => {
        slope_op!(@make $Op, $name, $kernel, crate::Keeps::OPERANDS, |kept, $seen, ddy| {
            let d_dy = kept.needs(1).then(|| $Op.apply([$seen.clone(), ddy.clone()]));
            if !kept.needs(0) {
                return [None, d_dy];
            }
            let $c = ddy * kept.x(1);
            [Some($second), d_dy]
        });
    };
    (@make $Op:ident, $name:literal, $kernel:path, $keeps:expr, |$kept:ident, $seen:ident, $ddy:ident| $rule:expr) => {
        struct $Op;
        impl<T: crate::Float> crate::Op<T, 2> for $Op {
            fn name(&self) -> &'static str {
                $name
            }
            fn keeps(&self, _: [&Tensor<T>; 2]) -> crate::Keeps {
                $keeps
            }
            #[inline]
            fn forward(&mut self, [seen, dy]: [Tensor<T>; 2]) -> Tensor<T> {
                crate::ops::elementwise::binary(seen, dy, $kernel)
            }
            fn vjp(&self, mut $kept: crate::Kept<'_, T>, $ddy: Var<T>) -> [Option<Var<T>>; 2] {
                let $seen = $kept.x(0);
                $rule
            }
        }
    };
}
pub(super) use slope_op;

impl<T: Float> Tensor<T> {
    /// `f` of every element; over this tensor's numbers where nobody else holds them.
    ///
    /// ```
    /// assert_eq!(tape::Tensor::from([1.0, 2.0]).map(|v| v * v).to_vec(), [1.0, 4.0]);
    /// ```
    pub fn map(self, f: impl Fn(T) -> T) -> Tensor<T> {
        unary(self, |io| match io {
            In1::Over { x } => x.iter_mut().for_each(|x| *x = f(*x)),
            In1::From { x, y } => y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x)),
        })
    }

    /// `f` of every pair of elements of two tensors that broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn zip_map(&self, other: &Tensor<T>, f: impl Fn(T, T) -> T) -> Tensor<T> {
        let shape = expect(self.shape().broadcast("zip_map", other.shape()));
        let (a, b) = (self.spread_copy(&shape), other.expanded(shape).contiguous());
        let mut a = a;
        a.make_mut().iter_mut().zip(slice(&b)).for_each(|(a, &b)| *a = f(*a, b));
        a
    }
}
