//! slice: the part of a value that one range for each axis names; chunk: an axis in parts of one size; split: in parts of
//! given sizes.
//!
//! Views. Linear: the derivative of a slice is dy in its place among zeros, in one copy for all axes. A first-order pass adds dy in its place
//! in the whole's gradient instead, so that cutting a sequence into its steps costs no more than the sequence.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
//! let y = x.clone().slice((1, ..2));
//! assert_eq!(y.to_vec(), [4.0, 5.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
//! ```

use super::elementwise::slice;
use crate::error::expect;
use crate::in_place::take_part;
use crate::tensor::{Part, Slice};
use crate::{Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use kernels::pool::Element;

/// The place of a part in a tensor of shape `of`.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(super) part: Part,
    pub(super) of: Shape,
}

/// What stands in the place.
#[derive(Clone, Copy)]
struct TakePart(Place);

/// Its adjoint: the part in its place among zeros.
struct PutPart(Place);

impl<T: Float> Op<T> for TakePart {
    fn name(&self) -> &'static str {
        "slice"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.part.shape())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.part(&self.0.part)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(PutPart(self.0).apply([dy]))]
    }
}

impl<T: Float> Op<T> for PutPart {
    fn name(&self) -> &'static str {
        "put_slice"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.of)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.among_zeros(slice(&x.contiguous()))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(TakePart(self.0).apply([dy]))]
    }
}

impl Place {
    /// The part's numbers in their places, zeros around them.
    pub(crate) fn among_zeros<T: Float>(&self, numbers: &[T]) -> Tensor<T> {
        let Place { part, of } = self;
        Tensor::fill_with(*of, |to| kernels::strided::place(numbers, &part.sizes, &part.starts[..of.rank()], of, to))
    }

    /// Adds the part's numbers to those in their places.
    pub(crate) fn add<T: Float>(&self, numbers: &[T], to: &mut [T]) {
        self.blocks(numbers.len(), |block, to_at, at| {
            let (to, numbers) = (&mut to[to_at..][..block], &numbers[at..][..block]);
            to.iter_mut().zip(numbers).for_each(|(to, &from)| *to += from);
        });
    }

    /// Calls `f` for every run of neighbours: its length, where it begins in the whole, and where in the part.
    fn blocks(&self, length: usize, mut f: impl FnMut(usize, usize, usize)) {
        let Place { part, of } = self;
        if of.rank() == 0 || length == 0 {
            return f(length, 0, 0);
        }
        // The axes behind `inner` are whole, so the numbers from `inner` on are neighbours.
        let inner = (0..of.rank()).rev().find(|&axis| part.sizes[axis] != of[axis]).unwrap_or(0);
        let block: usize = part.sizes[inner..].iter().product();
        let strides = of.strides();
        for i in 0..length / block {
            let (mut rest, mut at) = (i, part.starts[inner] * strides[inner] as usize);
            for axis in (0..inner).rev() {
                at += (part.starts[axis] + rest % part.sizes[axis]) * strides[axis] as usize;
                rest /= part.sizes[axis];
            }
            f(block, at, i * block);
        }
    }
}

/// Starts and lengths of at most `count` parts of one size, the last one perhaps shorter.
#[track_caller]
fn chunks(count: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    assert!(count > 0, "chunk: an axis cannot be cut into 0 parts");
    let length = size.div_ceil(count).max(1);
    (0..size.max(1)).step_by(length).map(move |start| (start, length.min(size - start)))
}

/// Starts and lengths of parts of these sizes.
#[track_caller]
fn parts(shape: &Shape, sizes: &[usize], axis: isize) -> impl Iterator<Item = (usize, usize)> {
    let size = shape[expect(shape.axis("split", axis))];
    let total: usize = sizes.iter().sum();
    assert!(total == size, "split: sizes {sizes:?} add up to {total}, axis {axis} has size {size}");
    let mut end = 0;
    sizes.iter().map(move |&length| {
        end += length;
        (end - length, length)
    })
}

impl<T: Float> Var<T> {
    /// The part that one range for each axis names: `x.slice((1..3, .., ..=4))`; a position takes its axis out of the
    /// result, and axes behind the last range are whole. Derivative: dy there, 0 elsewhere.
    ///
    /// # Panics
    /// If there are more ranges than axes, or if a range or position leaves its axis.
    #[track_caller]
    pub fn slice(self, ranges: impl Into<Slice>) -> Var<T> {
        let of = *self.shape();
        let part = expect(ranges.into().of(&of));
        if part.shape() == of {
            return self;
        }
        let place = Place { part, of };
        take_part(TakePart(place), place, self)
    }

    /// An axis cut into at most `count` parts of ⌈size / count⌉ positions; the last part may be shorter, and there are fewer
    /// where that many positions do not need so many parts. An empty axis gives one empty part.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let parts = Tape::inference().input(Tensor::arange(5)).chunk(2, 0);
    /// assert_eq!((parts[0].to_vec(), parts[1].to_vec()), (vec![0.0, 1.0, 2.0], vec![3.0, 4.0]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or if `count` is 0.
    #[track_caller]
    pub fn chunk(self, count: usize, axis: isize) -> Vec<Var<T>> {
        let size = self.shape()[expect(self.shape().axis("chunk", axis))];
        chunks(count, size).map(|(start, length)| self.clone().narrow(axis, start, length)).collect()
    }

    /// Parts of these sizes along an axis.
    ///
    /// # Panics
    /// If there is no such axis, or if the sizes do not add up to its size.
    #[track_caller]
    pub fn split(self, sizes: &[usize], axis: isize) -> Vec<Var<T>> {
        let parts = parts(self.shape(), sizes, axis);
        parts.map(|(start, length)| self.clone().narrow(axis, start, length)).collect()
    }
}

impl<T: Element> Tensor<T> {
    /// An axis cut into at most `count` parts of one size, as [`Var::chunk`]. Views.
    ///
    /// # Panics
    /// If there is no such axis, or if `count` is 0.
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: isize) -> Vec<Tensor<T>> {
        let size = self.shape()[expect(self.shape().axis("chunk", axis))];
        chunks(count, size).map(|(start, length)| self.narrow(axis, start, length)).collect()
    }

    /// Parts of these sizes along an axis. Views.
    ///
    /// ```
    /// let parts = tape::Tensor::arange(3).split(&[1, 2], 0);
    /// assert_eq!(parts[1].to_vec(), [1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or if the sizes do not add up to its size.
    #[track_caller]
    pub fn split(&self, sizes: &[usize], axis: isize) -> Vec<Tensor<T>> {
        parts(self.shape(), sizes, axis).map(|(start, length)| self.narrow(axis, start, length)).collect()
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    fn numbers(x: &Tensor<f64>, shape: &[usize], places: &[[usize; 3]]) -> Tensor<f64> {
        let (v, s) = (x.to_vec(), x.shape());
        let picked: Vec<f64> = places.iter().map(|&[i, j, k]| v[(i * s[1] + j) * s[2] + k]).collect();
        Tensor::new(&picked, shape)
    }
    vec![
        entry!(
            "slice",
            &[&[&[2, 3, 4]], &[&[2, 2, 3]]],
            R,
            |x| x[0].clone().slice((.., 1, 1..=2)),
            whole | x | numbers(&x[0], &[2, 2], &[[0, 1, 1], [0, 1, 2], [1, 1, 1], [1, 1, 2]])
        ),
        entry!(
            "slice",
            &[&[&[3, 2, 1]]],
            R,
            |x| x[0].clone().slice(1..),
            whole | x | numbers(&x[0], &[2, 2, 1], &[[1, 0, 0], [1, 1, 0], [2, 0, 0], [2, 1, 0]])
        ),
        entry!(
            "slice",
            &[&[&[3, 2]], &[&[3, 0]]],
            R,
            |x| x[0].clone().slice((1..1, ..)),
            whole | x | { Tensor::new(&[], [0, x[0].shape()[1]]) }
        ),
        entry!(
            "slice",
            &[&[&[2, 2, 2]]],
            R,
            |x| x[0].clone().slice((1, 0, 1)),
            whole | x | numbers(&x[0], &[], &[[1, 0, 1]])
        ),
        entry!(
            "chunk",
            &[&[&[2, 3]]],
            R,
            |x| {
                let parts = x[0].clone().chunk(2, 1);
                Var::concat(&[parts[1].clone(), parts[0].clone()], 1)
            },
            whole | x | {
                let v = x[0].to_vec();
                Tensor::f64([[v[2], v[0], v[1]], [v[5], v[3], v[4]]])
            }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn chunks_are_of_one_size_but_the_last() {
        let sizes = |n: usize, count: usize| -> Vec<usize> {
            let parts = Tensor::arange(n).chunk(count, 0);
            assert!(Tensor::concat(&parts, 0).to_vec() == Tensor::arange(n).to_vec());
            parts.iter().map(Tensor::len).collect()
        };
        assert_eq!(sizes(6, 3), [2, 2, 2]);
        assert_eq!(sizes(7, 3), [3, 3, 1]);
        // Three positions each: the third part takes what is left, and there is no fourth.
        assert_eq!(sizes(9, 4), [3, 3, 3]);
        assert_eq!(sizes(2, 5), [1, 1]);
        assert_eq!(sizes(0, 3), [0]);
        assert_eq!(Tensor::from([[1, 2], [3, 4]]).chunk(2, -1)[1].to_vec(), [2i64, 4]);
    }

    #[test]
    #[should_panic(expected = "chunk: an axis cannot be cut into 0 parts")]
    fn no_parts_are_refused() {
        Tensor::ones([3]).chunk(0, 0);
    }

    #[test]
    #[should_panic(expected = "slice: shape [2, 3]: the range 0..3 leaves axis 0, whose size is 2")]
    fn a_range_beyond_the_axis_is_refused() {
        let _ = Tape::inference().input(Tensor::ones([2, 3])).slice((0..3, ..));
    }

    /// Parts that overlap, beside a use of the whole, whose gradient is then another's too.
    #[test]
    fn gradients_of_parts_add_up_in_their_places() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::<f32>::ones([2, 3]));
        let y = x.clone() * 1.0;
        y.watch();
        let whole = y.clone() + &x;
        let parts =
            y.clone().narrow(1, 1, 2).sum() + y.clone().slice((1, 2)) * 10.0 + y.clone().slice(0..1).sum() * 100.0;
        let grads = (whole.sum() + parts).backward();
        assert_eq!(grads[&y].to_vec(), [101.0, 102.0, 102.0, 1.0, 2.0, 12.0]);
        assert_eq!(grads[&x].to_vec(), [102.0, 103.0, 103.0, 2.0, 3.0, 13.0]);
    }

    #[test]
    fn what_is_left_out_gets_nothing_even_from_infinity() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([f32::NAN, 1.0, f32::INFINITY]));
        let y = x.clone().slice(1..2) * f32::INFINITY;
        assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, f32::INFINITY, 0.0]);
    }
}
