//! Sorting along an axis, and the k largest. Derivative: each number's cotangent goes back to the place it came from.
//!
//! Sorting is stable; NaN stands last, in either direction.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([3.0, 1.0, 2.0]));
//! let (sorted, places) = x.clone().sort(0, true);
//! assert_eq!((sorted.to_vec(), places.to_vec()), (vec![3.0, 2.0, 1.0], vec![0, 2, 1]));
//! let weights = Tensor::from([1.0, 10.0, 100.0]);
//! assert_eq!((sorted * weights).sum().backward()[&x].to_vec(), [1.0, 100.0, 10.0]);
//! ```

use super::elementwise::slice;
use super::reduce::{plain, to_last};
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use std::cmp::Ordering;

/// y[.., j] = x[.., places[.., j]]
struct Pick {
    places: Tensor<i64>,
    /// The length of x's last axis.
    n: usize,
}

/// dx[.., places[.., j]] += dy[.., j]: what undoes [`Pick`].
struct Put {
    places: Tensor<i64>,
    n: usize,
}

/// Walks two arrays line by line together with the places.
fn lines<'a, A, B>(
    places: &'a Tensor<i64>,
    a: impl Iterator<Item = A> + 'a,
    b: impl Iterator<Item = B> + 'a,
) -> impl Iterator<Item = (&'a [i64], A, B)> {
    let k = places.shape()[places.rank() - 1].max(1);
    slice(places).chunks_exact(k).zip(a).zip(b).map(|((places, a), b)| (places, a, b))
}

impl<T: Float> Op<T> for Pick {
    fn name(&self) -> &'static str {
        "pick"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(*self.places.shape())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        let k = self.places.shape()[self.places.rank() - 1].max(1);
        Tensor::fill_with(*self.places.shape(), |y| {
            let from = slice(&x).chunks_exact(self.n.max(1));
            for (places, x, y) in lines(&self.places, from, y.chunks_exact_mut(k)) {
                y.iter_mut().zip(places).for_each(|(y, &place)| *y = x[place as usize]);
            }
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Put { places: self.places.clone(), n: self.n }.apply([dy]))]
    }
}

impl<T: Float> Op<T> for Put {
    fn name(&self) -> &'static str {
        "put"
    }
    fn shape(&self, [dy]: [&Shape; 1]) -> Result<Shape> {
        Ok(dy.with(dy.rank() - 1, self.n))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [dy]: [Tensor<T>; 1]) -> Tensor<T> {
        let dy = dy.contiguous();
        let k = dy.shape()[dy.rank() - 1].max(1);
        Tensor::fill_with(dy.shape().with(dy.rank() - 1, self.n), |dx| {
            dx.fill(T::ZERO);
            let to = dx.chunks_exact_mut(self.n.max(1));
            for (places, dx, dy) in lines(&self.places, to, slice(&dy).chunks_exact(k)) {
                dy.iter().zip(places).for_each(|(&dy, &place)| dx[place as usize] += dy);
            }
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Pick { places: self.places.clone(), n: self.n }.apply([dy]))]
    }
}

/// NaN behind everything, whichever way the numbers go.
fn compare<T: Float>(a: T, b: T, descending: bool) -> Ordering {
    match a.partial_cmp(&b) {
        Some(order) if descending => order.reverse(),
        Some(order) => order,
        None => a.is_nan().cmp(&b.is_nan()),
    }
}

/// The places of the first `k` numbers of each line, in order.
fn places<T: Float>(x: &Tensor<T>, k: usize, descending: bool) -> Tensor<i64> {
    let x = x.clone().contiguous();
    let n = x.shape()[x.rank() - 1];
    let mut order: Vec<i64> = Vec::with_capacity(n);
    Tensor::fill_with(x.shape().with(x.rank() - 1, k), |places| {
        for (x, places) in slice(&x).chunks_exact(n.max(1)).zip(places.chunks_exact_mut(k.max(1))) {
            // Equal numbers go by their place, so no two are equal and the faster, unstable algorithms are stable.
            let compare = |&a: &i64, &b: &i64| compare(x[a as usize], x[b as usize], descending).then(a.cmp(&b));
            order.clear();
            order.extend(0..n as i64);
            if k < n {
                order.select_nth_unstable_by(k, compare);
            }
            order[..k].sort_unstable_by(compare);
            places.copy_from_slice(&order[..k]);
        }
    })
}

/// Places along the last axis, where the axis they belong to stood.
fn from_last(places: &Tensor<i64>, order: &[usize]) -> Tensor<i64> {
    if order.is_empty() { places.clone() } else { places.permuted(order).contiguous() }
}

/// The first `k` numbers along an axis, and their places.
#[track_caller]
fn first<T: Float>(
    op: &'static str,
    x: Var<T>,
    axis: isize,
    k: Option<usize>,
    descending: bool,
) -> (Var<T>, Tensor<i64>) {
    let (x, order) = to_last(op, x, axis);
    let n = x.shape()[x.rank() - 1];
    let k = k.unwrap_or(n);
    if k > n {
        let problem = format!("the {k} largest of an axis of size {n}: k must not be larger");
        expect::<()>(Err(Error::Argument { op, problem }));
    }
    let places = places(x.value(), k, descending);
    let back = from_last(&places, &order);
    (Pick { places, n }.apply([x]).permuted(order), back)
}

impl<T: Float> Var<T> {
    /// The numbers sorted along an axis, and the place each came from. Stable; NaN last.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sort(self, axis: isize, descending: bool) -> (Var<T>, Tensor<i64>) {
        first("sort", self, axis, None, descending)
    }

    /// The places of the numbers along an axis, in sorted order. Stable; NaN last. No gradient.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor<i64> {
        self.value().argsort(axis, descending)
    }

    /// The `k` largest along an axis, largest first, and their places. The first of equal ones; NaN only where nothing
    /// else is left.
    ///
    /// # Panics
    /// If there is no such axis, or if it is shorter than `k`.
    #[track_caller]
    pub fn topk(self, k: usize, axis: isize) -> (Var<T>, Tensor<i64>) {
        first("topk", self, axis, Some(k), true)
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::sort`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Tensor<T>, Tensor<i64>) {
        let (y, places) = plain(self).sort(axis, descending);
        (y.into_value(), places)
    }

    /// As [`Var::argsort`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor<i64> {
        let (x, order) = to_last("argsort", plain(self), axis);
        let n = x.shape()[x.rank() - 1];
        from_last(&places(x.value(), n, descending), &order)
    }

    /// As [`Var::topk`].
    ///
    /// # Panics
    /// If there is no such axis, or if it is shorter than `k`.
    #[track_caller]
    pub fn topk(&self, k: usize, axis: isize) -> (Tensor<T>, Tensor<i64>) {
        let (y, places) = plain(self).topk(k, axis);
        (y.into_value(), places)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::lines;
    use super::table::entry;
    fn sorted(x: &[f64], descending: bool) -> Vec<f64> {
        let mut x = x.to_vec();
        x.sort_by(f64::total_cmp);
        if descending {
            x.reverse();
        }
        x
    }
    vec![
        entry!(
            "sort",
            &[&[&[2, 5, 2]], &[&[1, 1, 1]], &[&[3, 0, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().sort(1, false).0,
            whole | x | lines(&x[0], 1, |x| sorted(x, false))
        ),
        entry!(
            "topk",
            &[&[&[2, 2]], &[&[5, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().topk(2, 0).0,
            whole | x | lines(&x[0], 0, |x| sorted(x, true)).narrow(0, 0, 2).copy()
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn sorting_is_stable_and_nan_is_last() {
        let x = Tensor::from([2.0, f32::NAN, 0.0, 2.0, -0.0, f32::NAN, f32::NEG_INFINITY]);
        assert_eq!(x.argsort(0, false).to_vec(), [6, 2, 4, 0, 3, 1, 5]);
        assert_eq!(x.argsort(0, true).to_vec(), [0, 3, 2, 4, 6, 1, 5]);
        let (top, places) = x.topk(3, 0);
        assert_eq!((top.to_vec(), places.to_vec()), (vec![2.0, 2.0, 0.0], vec![0, 3, 2]));
    }

    #[test]
    fn places_lie_along_the_axis() {
        let x = Tensor::from([[3.0, 1.0], [2.0, 5.0], [4.0, 0.0]]);
        let (sorted, places) = x.sort(0, false);
        assert_eq!(sorted, Tensor::from([[2.0, 0.0], [3.0, 1.0], [4.0, 5.0]]));
        assert_eq!(places, Tensor::from([[1i64, 2], [0, 0], [2, 1]]));
        assert_eq!(x.topk(0, 1).0.shape(), &[3, 0]);
    }

    #[test]
    #[should_panic(expected = "topk: the 4 largest of an axis of size 3")]
    fn more_than_there_are_is_an_error() {
        let _ = Tensor::zeros([2, 3]).topk(4, 1);
    }
}
