//! Cumulative sums and products along one axis of `[outer, n, inner]`.
//!
//! Forward y[i] = x[0] ∘ … ∘ x[i], reversed y[i] = x[i] ∘ … ∘ x[n − 1]; from a NaN on everything is NaN. The gradient of a
//! cumulative sum is the cumulative sum of dy in the other direction. The carry is f64: in f32 a result is off by half an
//! ulp of its own and n · 2⁻⁵³ of Σ|x|. Blocks of `[n, inner]` are shared between threads, a single block is not: each step
//! needs the one before.

use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;
use crate::{Float, In1};

/// The arguments of [`cumsum`] and [`cumprod`].
#[derive(Debug)]
pub struct Scan<'a, T> {
    /// From x to y, `[outer, n, inner]`.
    pub io: In1<'a, T>,
    /// The length of the axis.
    pub n: usize,
    /// How many numbers stand behind the axis: 1 where it is the last.
    pub inner: usize,
    /// From the last to the first.
    pub reverse: bool,
}

/// The cumulative sum.
///
/// ```
/// use kernels::{In1, Scan, cumsum};
/// let mut x = [1.0f32, 2.0, 3.0];
/// cumsum(Scan { io: In1::Over { x: &mut x }, n: 3, inner: 1, reverse: false });
/// assert_eq!(x, [1.0, 3.0, 6.0]);
/// cumsum(Scan { io: In1::Over { x: &mut x }, n: 3, inner: 1, reverse: true });
/// assert_eq!(x, [10.0, 9.0, 6.0]);
/// ```
///
/// # Panics
/// If argument and result differ in length, or are no whole number of `[n, inner]` blocks.
#[track_caller]
pub fn cumsum<T: Float>(args: Scan<'_, T>) {
    scan(args, 0.0, |carry, x| carry + x);
}

/// The cumulative product.
///
/// # Panics
/// As [`cumsum`].
#[track_caller]
pub fn cumprod<T: Float>(args: Scan<'_, T>) {
    scan(args, 1.0, |carry, x| carry * x);
}

#[track_caller]
fn scan<T: Float>(args: Scan<'_, T>, start: f64, merge: impl Fn(f64, f64) -> f64 + Copy + Sync) {
    let Scan { io, n, inner, reverse } = args;
    io.check();
    let (length, size) = (io.len(), n * inner);
    let fits = if size == 0 { length == 0 } else { length.is_multiple_of(size) };
    assert!(fits, "{length} numbers are no whole number of blocks of {n} × {inner}");
    if length == 0 {
        return;
    }
    parallel::for_each(Rows(io, size), Grain::rows(size, 4), |_, rows| {
        let mut blocks = rows.0;
        let mut carry = Buffer::<f64>::new(inner);
        for at in (0..blocks.len()).step_by(size) {
            carry.fill(start);
            for i in 0..n {
                let row = if reverse { n - 1 - i } else { i };
                step(blocks.part(at + row * inner, inner), &mut carry, merge);
            }
        }
    });
}

/// `y = carry = carry ∘ x`
#[inline(always)]
fn step<T: Float>(row: In1<'_, T>, carry: &mut [f64], merge: impl Fn(f64, f64) -> f64) {
    match row {
        In1::From { x, y } => {
            for ((y, carry), x) in y.iter_mut().zip(carry).zip(x) {
                *carry = merge(*carry, x.to_f64());
                *y = T::from_f64(*carry);
            }
        }
        In1::Over { x } => {
            for (x, carry) in x.iter_mut().zip(carry) {
                *carry = merge(*carry, x.to_f64());
                *x = T::from_f64(*carry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::with_threads;
    use proptest::prelude::*;

    fn naive(x: &[f64], n: usize, inner: usize, reverse: bool, start: f64, merge: fn(f64, f64) -> f64) -> Vec<f64> {
        (0..x.len())
            .map(|i| {
                let (row, first) = (i / inner % n, i / (n * inner) * n * inner + i % inner);
                let rows: Vec<usize> = if reverse { (row..n).rev().collect() } else { (0..=row).collect() };
                rows.into_iter().fold(start, |carry, row| merge(carry, x[first + row * inner]))
            })
            .collect()
    }

    proptest! {
        #[test]
        fn scans_follow_the_definition(outer in 0usize..5, n in 0usize..9, inner in 0usize..9, reverse: bool) {
            let x: Vec<f64> = (0..outer * n * inner).map(|i| (i as f64 * 0.731).sin() + 0.4).collect();
            let single: Vec<f32> = x.iter().map(|&x| x as f32).collect();
            for (kernel, start, merge) in [
                (cumsum as fn(Scan<'_, f64>), 0.0, (|a, b| a + b) as fn(f64, f64) -> f64),
                (cumprod, 1.0, |a, b| a * b),
            ] {
                let mut y = vec![7.0; x.len()];
                kernel(Scan { io: In1::From { x: &x, y: &mut y }, n, inner, reverse });
                prop_assert_eq!(&y, &naive(&x, n, inner, reverse, start, merge));
                let mut over = x.clone();
                kernel(Scan { io: In1::Over { x: &mut over }, n, inner, reverse });
                prop_assert_eq!(&over, &y);
            }
            let mut y = single.clone();
            cumsum(Scan { io: In1::Over { x: &mut y }, n, inner, reverse });
            let exact: Vec<f64> = single.iter().map(|&x| f64::from(x)).collect();
            for (y, expected) in y.iter().zip(naive(&exact, n, inner, reverse, 0.0, |a, b| a + b)) {
                prop_assert_eq!(*y, expected as f32);
            }
        }
    }

    #[test]
    fn long_sums_do_not_drift_and_nan_stays() {
        let n = 1 << 25;
        let mut x = vec![1.0f32; n];
        cumsum(Scan { io: In1::Over { x: &mut x }, n, inner: 1, reverse: false });
        assert_eq!(x[n - 1], n as f32);
        let mut x = [1.0f32, f32::NAN, 1.0];
        cumprod(Scan { io: In1::Over { x: &mut x }, n: 3, inner: 1, reverse: false });
        assert!(x[0] == 1.0 && x[1].is_nan() && x[2].is_nan());
        let mut zeros = [2.0f32, 0.0, 3.0];
        cumprod(Scan { io: In1::Over { x: &mut zeros }, n: 3, inner: 1, reverse: true });
        assert_eq!(zeros, [0.0, 0.0, 3.0]);
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let x: Vec<f32> = (0..300_000).map(|i| (i as f32 * 0.7).sin()).collect();
        for (n, inner) in [(10, 1), (1000, 3), (300_000, 1), (10, 300)] {
            let with = |threads| {
                let mut y = x.clone();
                with_threads(threads, || cumsum(Scan { io: In1::Over { x: &mut y }, n, inner, reverse: false }));
                y
            };
            assert!([2, 3, 8].into_iter().all(|threads| with(threads) == with(1)));
        }
    }
}
