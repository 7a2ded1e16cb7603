//! Cumulative sums and products along an axis: y[i] = x[0] ∘ … ∘ x[i].
//!
//! Derivatives: of the sum, the sum of dy from the end; of the product, for every x[k] Σ dy[i] · Π x[j], over i ≥ k and
//! j ≤ i other than k: no division, so exact beside zeros. In first order that is the product before k times a sum made
//! from the end, s[k] = dy[k] + x[k + 1] · s[k + 1], in f64. A recorded rule works in windows that double in length.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([2.0, 0.0, 3.0]));
//! assert_eq!(x.clone().cumsum(0).to_vec(), [2.0, 2.0, 5.0]);
//! assert_eq!(x.clone().cumprod(0).sum().backward()[&x].to_vec(), [1.0, 8.0, 0.0]);
//! ```

use super::elementwise::{slice, unary};
use super::reduce::{plain, to_last};
use super::softmax::classes;
use crate::error::expect;
use crate::{Float, Keeps, Kept, Op, Tensor, Var};
use kernels::Scan;

struct CumSum {
    axis: usize,
    reverse: bool,
}

/// Along the last axis.
struct CumProd;

impl<T: Float> Op<T> for CumSum {
    fn name(&self) -> &'static str {
        "cumsum"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let (n, inner) = (x.shape()[self.axis], x.shape()[self.axis + 1..].iter().product());
        unary(x, |io| kernels::cumsum(Scan { io, n, inner, reverse: self.reverse }))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(CumSum { axis: self.axis, reverse: !self.reverse }.apply([dy]))]
    }
}

impl<T: Float> Op<T> for CumProd {
    fn name(&self) -> &'static str {
        "cumprod"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let n = classes(&x);
        unary(x, |io| kernels::cumprod(Scan { io, n, inner: 1, reverse: false }))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0);
        if kept.first_order() {
            return [Some(kept.constant(slopes(x.into_value(), dy.into_value())))];
        }
        [Some(slopes_by_windows(x, dy))]
    }
}

/// The cumulative product's dx.
fn slopes<T: Float>(x: Tensor<T>, dy: Tensor<T>) -> Tensor<T> {
    let (x, dy) = (x.contiguous(), dy.contiguous());
    let n = classes(&x).max(1);
    let mut sums = vec![0.0; n];
    Tensor::fill_with(*x.shape(), |dx| {
        let lines = slice(&x).chunks_exact(n).zip(slice(&dy).chunks_exact(n));
        for ((x, dy), dx) in lines.zip(dx.chunks_exact_mut(n)) {
            sums[n - 1] = dy[n - 1].to_f64();
            for k in (1..n).rev() {
                sums[k - 1] = dy[k - 1].to_f64() + x[k].to_f64() * sums[k];
            }
            let mut before = 1.0;
            for ((dx, sum), x) in dx.iter_mut().zip(&sums).zip(x) {
                *dx = T::from_f64(before * sum);
                before *= x.to_f64();
            }
        }
    })
}

/// As [`slopes`], recorded: the rule of a scan that multiplies by the window before, of 1, 2, 4, … numbers.
fn slopes_by_windows<T: Float>(x: Var<T>, dy: Var<T>) -> Var<T> {
    let n = classes(x.value()) as isize;
    let before = |x: &Var<T>, by: isize| Push { by, fill: T::ONE }.apply([x.clone()]);
    let (mut windows, mut product, mut by) = (Vec::new(), x, 1);
    while by < n {
        windows.push((product.clone(), by));
        product = &product * before(&product, by);
        by *= 2;
    }
    windows.into_iter().rev().fold(dy, |dy, (window, by)| {
        let behind = Push { by: -by, fill: T::ZERO }.apply([&dy * &window]);
        dy * before(&window, by) + behind
    })
}

/// y[.., i] = x[.., i − by], and `fill` where there is none.
struct Push<T> {
    by: isize,
    fill: T,
}

impl<T: Float> Op<T> for Push<T> {
    fn name(&self) -> &'static str {
        "push"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [mut x]: [Tensor<T>; 1]) -> Tensor<T> {
        let n = classes(&x).max(1);
        let by = self.by.unsigned_abs().min(n);
        for row in x.make_mut().chunks_exact_mut(n) {
            if self.by > 0 {
                row.copy_within(..n - by, by);
                row[..by].fill(self.fill);
            } else {
                row.copy_within(by.., 0);
                row[n - by..].fill(self.fill);
            }
        }
        x
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Push { by: -self.by, fill: T::ZERO }.apply([dy]))]
    }
}

impl<T: Float> Var<T> {
    /// The sums of the numbers up to each, along an axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Var<T> {
        let axis = expect(self.shape().axis("cumsum", axis));
        CumSum { axis, reverse: false }.apply([self])
    }

    /// The products of the numbers up to each, along an axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Var<T> {
        let (x, order) = to_last("cumprod", self, axis);
        CumProd.apply([x]).permuted(order)
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::cumsum`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumsum(&self, axis: isize) -> Tensor<T> {
        plain(self).cumsum(axis).into_value()
    }

    /// As [`Var::cumprod`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn cumprod(&self, axis: isize) -> Tensor<T> {
        plain(self).cumprod(axis).into_value()
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::lines;
    use super::table::entry;
    fn scan(x: &[f64], start: f64, merge: fn(f64, f64) -> f64) -> Vec<f64> {
        (0..x.len()).map(|i| x[..=i].iter().fold(start, |sum, x| merge(sum, *x))).collect()
    }
    vec![
        entry!(
            "cumsum",
            &[&[&[2, 3, 2]], &[&[1, 1]], &[&[2, 0, 3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().cumsum(1),
            whole | x | lines(&x[0], 1, |x| scan(x, 0.0, |a, b| a + b))
        ),
        entry!(
            "cumprod",
            &[&[&[6, 2]], &[&[1]], &[&[5]], &[&[0, 3]]],
            &[(-1.5, 1.5)],
            |x| x[0].clone().cumprod(0),
            whole | x | lines(&x[0], 0, |x| scan(x, 1.0, |a, b| a * b))
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor, gradcheck};

    #[test]
    fn products_are_exact_beside_zeros() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([2.0, 0.0, 3.0, 0.0, 5.0]));
        let [recorded] = x.clone().cumprod(0).grad([&x]);
        assert_eq!(recorded.to_vec(), [1.0, 8.0, 0.0, 0.0, 0.0]);
        assert_eq!(x.clone().cumprod(0).sum().backward()[&x].to_vec(), [1.0, 8.0, 0.0, 0.0, 0.0]);
        gradcheck(|[x]| x.cumprod(-1), [&Tensor::f64([[2.0, 0.0, 3.0, 0.0, 5.0], [0.0, 0.0, 1.5, 2.0, -1.0]])])
            .unwrap();
    }
}
