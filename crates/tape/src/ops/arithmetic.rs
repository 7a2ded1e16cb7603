//! a + b, a − b, a · b, a / b, −a, c · a, a + c.
//!
//! Derivatives: of a + b, 1 and 1; of a − b, 1 and −1; of a · b, b and a; of a / b, 1/b and −y/b. Operands broadcast;
//! NaN and ±∞ follow IEEE. Methods stand behind the operators, see `operators.rs`.

use super::elementwise::{binary, unary};
use crate::{Float, Keeps, Kept, Op, Operand, Tensor, Var};
use kernels::{Broadcast, In1, In2};

pub(super) struct Add;
pub(super) struct Sub;
pub(super) struct Mul;
pub(super) struct Div;
pub(super) struct Neg;
/// c · a for a number c.
pub(super) struct Scale<T>(pub(super) T);
/// a / c for a number c.
pub(super) struct Over<T>(pub(super) T);
/// a + c for a number c.
pub(super) struct Shift<T>(pub(super) T);

impl<T: Float> Op<T, 2> for Add {
    fn name(&self) -> &'static str {
        "add"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(a, b, kernels::add)
    }
    #[inline]
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        match (kept.needs(0), kept.needs(1)) {
            (true, true) => [Some(dy.clone()), Some(dy)],
            (true, false) => [Some(dy), None],
            _ => [None, Some(dy)],
        }
    }
}

impl<T: Float> Op<T, 2> for Sub {
    fn name(&self) -> &'static str {
        "sub"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(a, b, kernels::sub)
    }
    #[inline]
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let db = kept.needs(1).then(|| -&dy);
        [Some(dy), db]
    }
}

impl<T: Float> Op<T, 2> for Mul {
    fn name(&self) -> &'static str {
        "mul"
    }
    #[inline]
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(a, b, kernels::mul)
    }
    #[inline]
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        match (kept.needs(0), kept.needs(1)) {
            (true, true) if kept.first_order() => {
                let (a, b, dy) = (kept.x(0).into_value(), kept.x(1).into_value(), dy.into_value());
                let da = binary(dy.clone(), b, kernels::mul);
                [Some(kept.constant(da)), Some(kept.constant(binary(dy, a, kernels::mul)))]
            }
            (true, true) => {
                let da = &dy * kept.x(1);
                [Some(da), Some(dy * kept.x(0))]
            }
            (true, false) => [Some(dy * kept.x(1)), None],
            _ => [None, Some(dy * kept.x(0))],
        }
    }
}

impl<T: Float> Op<T, 2> for Div {
    fn name(&self) -> &'static str {
        "div"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::operand(1).and(Keeps::RESULT)
    }
    #[inline]
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(a, b, kernels::div)
    }
    #[inline]
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let da = dy / kept.x(1);
        let db = kept.needs(1).then(|| -(&da * kept.y()));
        [Some(da), db]
    }
}

impl<T: Float> Op<T> for Neg {
    fn name(&self) -> &'static str {
        "neg"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, kernels::neg)
    }
    #[inline]
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(-dy)]
    }
}

impl<T: Float> Op<T> for Scale<T> {
    fn name(&self) -> &'static str {
        "scale"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        with_number(x, self.0, kernels::mul)
    }
    #[inline]
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Scale(self.0).apply([dy]))]
    }
}

impl<T: Float> Op<T> for Shift<T> {
    fn name(&self) -> &'static str {
        "shift"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        with_number(x, self.0, kernels::add)
    }
    #[inline]
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy)]
    }
}

impl<T: Float> Op<T> for Over<T> {
    fn name(&self) -> &'static str {
        "over"
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    #[inline]
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        with_number(x, self.0, kernels::div)
    }
    #[inline]
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Over(self.0).apply([dy]))]
    }
}

/// f(x, c), over x where nobody else holds it.
#[inline]
fn with_number<T: Float>(x: Tensor<T>, c: T, kernel: impl FnOnce(In2<'_, T>)) -> Tensor<T> {
    unary(x, |io| match io {
        In1::Over { x } => kernel(In2::OverA { a: x, b: Broadcast::scalar(&c) }),
        In1::From { x, y } => kernel(In2::From { a: Broadcast::full(x), b: Broadcast::scalar(&c), y }),
    })
}

impl<T: Float> Var<T> {
    /// c · self for a number c. Derivative: c.
    #[track_caller]
    pub fn scale(self, c: impl Into<f64>) -> Var<T> {
        Scale(T::from_f64(c.into())).apply([self])
    }

    /// self + other.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    #[expect(clippy::should_implement_trait, reason = "the operator is implemented too; the method takes any operand")]
    pub fn add(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        Add.apply([self, other])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{BINARY, UNARY, entry};
    vec![
        entry!("add", BINARY, &[(-2.0, 2.0)], |x| x[0].clone().add(&x[1]), elementwise | x | x[0] + x[1]),
        entry!("-", BINARY, &[(-2.0, 2.0)], |x| &x[0] - &x[1], elementwise | x | x[0] - x[1]),
        entry!("*", BINARY, &[(-2.0, 2.0)], |x| &x[0] * &x[1], elementwise | x | x[0] * x[1]),
        entry!("/", BINARY, &[(-2.0, 2.0), (0.5, 2.0)], |x| &x[0] / &x[1], elementwise | x | x[0] / x[1]),
        entry!("-", UNARY, &[(-2.0, 2.0)], |x| -&x[0], elementwise | x | -x[0]),
        entry!("+", UNARY, &[(-2.0, 2.0)], |x| 1.5 + &x[0], elementwise | x | 1.5 + x[0]),
        entry!("-", UNARY, &[(-2.0, 2.0)], |x| 3 - &x[0], elementwise | x | 3.0 - x[0]),
        entry!("/", UNARY, &[(0.5, 2.0)], |x| 3 / &x[0] + &x[0] / 7, elementwise | x | 3.0 / x[0] + x[0] / 7.0),
        entry!("scale", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().scale(0.3), elementwise | x | 0.3 * x[0]),
    ]
}
