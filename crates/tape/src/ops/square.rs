//! x². Derivative: 2x.

use super::elementwise::unary;
use crate::{Float, Kept, Op, Tensor, Var};

struct Square;

impl<T: Float> Op<T> for Square {
    fn name(&self) -> &'static str {
        "square"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, kernels::square)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy * kept.x(0) * 2)]
    }
}

impl<T: Float> Var<T> {
    /// x². Derivative: 2x.
    #[track_caller]
    pub fn square(self) -> Var<T> {
        Square.apply([self])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!("square", UNARY, &[(-2.0, 2.0)], |x| x[0].clone().square(), elementwise | x | x[0] * x[0])]
}
