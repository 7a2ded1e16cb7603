//! triu and tril: the part of each matrix on one side of a diagonal.

use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

/// The part of each matrix on one side of a diagonal; zeros elsewhere, also in place of NaN.
#[derive(Clone, Copy)]
pub(super) struct Triangle {
    pub(super) upper: bool,
    pub(super) diagonal: isize,
}

impl<T: Float> Op<T> for Triangle {
    fn name(&self) -> &'static str {
        if self.upper { "triu" } else { "tril" }
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        if x.rank() >= 2 {
            return Ok(*x);
        }
        let problem = "a triangle needs two axes".to_string();
        Err(Error::Invalid { op: Op::<T>::name(self), shape: x.to_vec(), problem })
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let (rows, columns) = (x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]);
        let mut y = x;
        for (i, row) in y.make_mut().chunks_exact_mut(columns.max(1)).enumerate() {
            let first = ((i % rows) as isize).saturating_add(self.diagonal);
            let edge = if self.upper { first } else { first.saturating_add(1) }.clamp(0, columns as isize) as usize;
            if self.upper { row[..edge].fill(T::ZERO) } else { row[edge..].fill(T::ZERO) }
        }
        y
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(self.apply([dy]))]
    }
}
