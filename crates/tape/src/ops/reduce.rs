//! Runs reduction kernels on tensors, and brings the axes an op works along together.
//!
//! A strided view is copied first: reduced in the order it lies in, its sums would be other bits than those of the same
//! numbers in order.

use super::elementwise::slice;
use crate::error::expect;
use crate::{Axes, Error, Float, Result, Shape, Tape, Tensor, Var};
use kernels::Reduce;
use kernels::pool::Element;

/// The axes a reduction runs over, whether they stay with size 1, and the argument's shape.
#[derive(Clone, Copy)]
pub(super) struct Over {
    pub(super) axes: u32,
    pub(super) keep: bool,
    pub(super) from: Shape,
}

impl Over {
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub(super) fn new(op: &'static str, axes: impl Into<Axes>, from: &Shape) -> Over {
        let axes = axes.into();
        Over { axes: expect(axes.set(op, from)), keep: axes.keeps(), from: *from }
    }

    /// The result's shape.
    #[inline]
    pub(super) fn to(&self) -> Shape {
        if !self.keep && self.axes.count_ones() as usize == self.from.rank() {
            return Shape::SCALAR;
        }
        self.from.reduced(self.axes, self.keep)
    }

    /// How many numbers each result is made of.
    pub(super) fn count(&self) -> usize {
        let is_reduced = |axis: &usize| self.axes & (1 << axis) != 0;
        (0..self.from.rank()).filter(is_reduced).map(|axis| self.from[axis]).product()
    }

    /// # Errors
    /// If a result is made of no numbers.
    pub(super) fn of_some(&self, op: &'static str) -> Result<Shape> {
        if self.count() == 0 && self.to().elements() > 0 {
            let problem = "a reduced axis is empty, and there is no extremum of no numbers".to_string();
            return Err(Error::Invalid { op, shape: self.from.to_vec(), problem });
        }
        Ok(self.to())
    }

    /// Runs a kernel.
    #[inline]
    pub(super) fn reduce<T: Float, U: Element>(
        &self,
        x: &Tensor<T>,
        kernel: impl FnOnce(Reduce<'_, T, U>),
    ) -> Tensor<U> {
        if !x.is_contiguous() {
            return self.reduce(&x.copy(), kernel);
        }
        let axes = kernels::Axes::from_bits(self.axes);
        let mut y = Tensor::unspecified(self.to());
        kernel(Reduce { x: slice(x), shape: x.shape(), axes, y: y.fresh_mut() });
        y
    }

    /// A result, or its cotangent, in the form that broadcasts against the argument.
    #[track_caller]
    pub(super) fn beside<T: Float>(&self, y: Var<T>) -> Var<T> {
        y.reshape(self.from.reduced(self.axes, true))
    }

    /// The argument as `[results, numbers of each]`.
    #[track_caller]
    pub(super) fn rows<T: Float>(&self, x: Var<T>) -> Var<T> {
        let count = self.count();
        x.permuted(self.order()).reshape([self.to().elements(), count])
    }

    /// What [`Over::rows`] made, in the argument's shape again.
    #[track_caller]
    pub(super) fn put_back<T: Float>(&self, rows: Var<T>) -> Var<T> {
        let order = self.order();
        let apart = order.iter().enumerate().fold(self.from, |shape, (to, &from)| shape.with(to, self.from[from]));
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        rows.reshape(apart).permuted(back)
    }

    /// The axes, those that are kept first.
    fn order(&self) -> Vec<usize> {
        let is_reduced = |axis: &usize| self.axes & (1 << axis) != 0;
        let (reduced, mut order): (Vec<usize>, Vec<usize>) = (0..self.from.rank()).partition(is_reduced);
        order.extend(reduced);
        order
    }
}

/// One axis in the last place, and the order of axes that puts it there and back; no order where it stands there already.
///
/// # Panics
/// If there is no such axis.
#[track_caller]
pub(super) fn to_last<T: Float>(op: &'static str, x: Var<T>, axis: isize) -> (Var<T>, Vec<usize>) {
    let axis = expect(x.shape().axis(op, axis));
    if axis + 1 == x.rank() {
        return (x, Vec::new());
    }
    let mut order: Vec<usize> = (0..x.rank()).collect();
    order.swap(axis, x.rank() - 1);
    (x.permuted(order.clone()), order)
}

/// A tensor as a value that nothing is recorded of.
pub(super) fn plain<T: Float>(x: &Tensor<T>) -> Var<T> {
    Tape::inference().input(x.clone())
}

#[cfg(test)]
pub(super) mod oracle {
    use crate::Tensor;

    /// `f` of every set of numbers that a reduction over axis `axis` brings together.
    pub(crate) fn along(x: &Tensor<f64>, axis: usize, keep: bool, f: impl Fn(&[f64]) -> f64) -> Tensor<f64> {
        let (shape, numbers) = (x.shape(), x.to_vec());
        let inner: usize = shape[axis + 1..].iter().product();
        let outer: usize = shape[..axis].iter().product();
        let mut y = Vec::new();
        for i in 0..outer {
            for j in 0..inner {
                let set: Vec<f64> = (0..shape[axis]).map(|k| numbers[(i * shape[axis] + k) * inner + j]).collect();
                y.push(f(&set));
            }
        }
        Tensor::new(&y, shape.reduced(1 << axis, keep))
    }

    /// `f` of all numbers.
    pub(crate) fn of_all(x: &Tensor<f64>, f: impl Fn(&[f64]) -> f64) -> Tensor<f64> {
        Tensor::f64(f(&x.to_vec()))
    }

    /// `f` of every line along axis `axis`, as long as the line.
    pub(crate) fn lines(x: &Tensor<f64>, axis: usize, f: impl Fn(&[f64]) -> Vec<f64>) -> Tensor<f64> {
        let (shape, numbers) = (x.shape(), x.to_vec());
        let inner: usize = shape[axis + 1..].iter().product();
        let mut y = numbers.clone();
        for first in (0..numbers.len()).filter(|at| (at / inner).is_multiple_of(shape[axis])) {
            let line: Vec<f64> = (0..shape[axis]).map(|k| numbers[first + k * inner]).collect();
            f(&line).into_iter().enumerate().for_each(|(k, v)| y[first + k * inner] = v);
        }
        Tensor::new(&y, *shape)
    }
}
