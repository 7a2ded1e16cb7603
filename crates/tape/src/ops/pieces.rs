//! narrow, pad, flip, concat and what they make up: parts of a value, and values put together.
//!
//! Linear, so each derivative is the inverse placement: of narrow a padding with zeros, of padding a narrowing, of
//! concat one narrowing for each part, of flip a flip, of triu and tril themselves. Copies move each number once.
//!
//! ```
//! use tape::{Tape, Tensor, Var};
//! let tape = Tape::probing();
//! let (a, b) = (tape.var(Tensor::from([1.0, 2.0])), tape.var(Tensor::from([3.0])));
//! let y = Var::concat(&[a.clone(), b.clone()], 0);
//! assert_eq!(y.to_vec(), [1.0, 2.0, 3.0]);
//! let grads = (y * Tensor::from([10.0, 20.0, 30.0])).sum().backward();
//! assert_eq!((grads[&a].to_vec(), grads[&b].to_vec()), (vec![10.0, 20.0], vec![30.0]));
//! ```

mod triangle;

use super::elementwise::slice;
use super::slice::Place;
use crate::error::expect;
use crate::in_place::take_part;
use crate::tensor::Part;
use crate::{Error, Float, Keeps, Kept, Op, OpMany, Result, Shape, Tensor, Var};
use kernels::pool::Element;
use triangle::Triangle;

/// An axis of size 1 put in or taken out.
struct UnitAxis {
    at: usize,
    insert: bool,
}

impl<T: Float> Op<T> for UnitAxis {
    fn name(&self) -> &'static str {
        if self.insert { "unsqueeze" } else { "squeeze" }
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        let mut sizes = x.to_vec();
        match self.insert {
            true => sizes.insert(self.at, 1),
            false => drop(sizes.remove(self.at)),
        }
        Shape::new(&sizes)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        if self.insert { x.unsqueeze(self.at as isize) } else { x.squeeze(self.at as isize) }
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(UnitAxis { at: self.at, insert: !self.insert }.apply([dy]))]
    }
}

struct Narrow {
    axis: usize,
    start: usize,
    length: usize,
    /// The axis's size before.
    size: usize,
}

impl<T: Float> Op<T> for Narrow {
    fn name(&self) -> &'static str {
        "narrow"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        let Narrow { axis, start, length, size } = *self;
        if start.checked_add(length).is_some_and(|end| end <= size) {
            return Ok(x.with(axis, length));
        }
        let problem = format!("{length} positions from {start} leave axis {axis}");
        Err(Error::Invalid { op: "narrow", shape: x.to_vec(), problem })
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.narrow(self.axis as isize, self.start, self.length)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let after = self.size - self.start - self.length;
        [Some(Pad { axis: self.axis, before: self.start, after, value: T::ZERO }.apply([dy]))]
    }
}

struct Pad<T> {
    axis: usize,
    before: usize,
    after: usize,
    value: T,
}

impl<T: Float> Op<T> for Pad<T> {
    fn name(&self) -> &'static str {
        "pad"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        let mut sizes = x.to_vec();
        sizes[self.axis] = sizes[self.axis].saturating_add(self.before).saturating_add(self.after);
        Shape::new(&sizes)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let Pad { axis, before, after, value } = *self;
        let (x, size) = (x.contiguous(), before + after);
        let own = *x.shape();
        let inner: usize = own[axis + 1..].iter().product();
        let around = (before * inner, after * inner);
        Tensor::fill_with(own.with(axis, own[axis] + size), |to| {
            kernels::strided::pad(slice(&x), own[axis] * inner, around, value, to);
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let length = dy.shape()[self.axis] - self.before - self.after;
        [Some(dy.narrow(self.axis as isize, self.before, length))]
    }
}

struct Flip(usize);

impl<T: Float> Op<T> for Flip {
    fn name(&self) -> &'static str {
        "flip"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.flip(self.0 as isize)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Flip(self.0).apply([dy]))]
    }
}

struct Concat {
    axis: usize,
    /// The parts' sizes along it.
    sizes: Vec<usize>,
}

impl<T: Float> OpMany<T> for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }
    fn shape(&self, parts: &[&Shape]) -> Result<Shape> {
        concat_shape(parts, self.axis)
    }
    fn keeps(&self, _: &[&Tensor<T>]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, parts: Vec<Tensor<T>>) -> Tensor<T> {
        self.sizes = parts.iter().map(|part| part.shape()[self.axis]).collect();
        expect(concatenated(&parts, self.axis))
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> Vec<Option<Var<T>>> {
        let mut start = 0;
        let part = |(i, &size): (usize, &usize)| {
            start += size;
            kept.needs(i).then(|| dy.clone().narrow(self.axis as isize, start - size, size))
        };
        self.sizes.iter().enumerate().map(part).collect()
    }
}

fn concat_shape(parts: &[&Shape], axis: usize) -> Result<Shape> {
    let mut shape = *parts[0];
    for part in &parts[1..] {
        if part.rank() != shape.rank() || part.with(axis, 0) != shape.with(axis, 0) {
            return Err(Error::ShapeMismatch {
                op: "concat",
                lhs: parts[0].to_vec(),
                rhs: part.to_vec(),
                hint: "all axes but the one along which parts follow each other must be equal",
            });
        }
        shape = shape.with(axis, shape[axis] + part[axis]);
    }
    Shape::new(&shape)
}

fn concatenated<T: Element>(parts: &[Tensor<T>], axis: usize) -> Result<Tensor<T>> {
    let shape = concat_shape(&parts.iter().map(Tensor::shape).collect::<Vec<_>>(), axis)?;
    let parts: Vec<Tensor<T>> = parts.iter().map(|part| part.clone().contiguous()).collect();
    let (outer, inner) = (shape[..axis].iter().product::<usize>(), shape[axis + 1..].iter().product::<usize>());
    Ok(Tensor::fill_with(shape, |mut to| {
        for i in 0..outer {
            for part in &parts {
                let block = part.shape()[axis] * inner;
                let (head, tail) = to.split_at_mut(block);
                head.copy_from_slice(&slice(part)[i * block..][..block]);
                to = tail;
            }
        }
    }))
}

impl<T: Element> Tensor<T> {
    /// Tensors one after the other along an axis.
    ///
    /// # Panics
    /// If there are none, or if another axis differs.
    #[track_caller]
    pub fn concat(parts: &[Tensor<T>], axis: isize) -> Tensor<T> {
        assert!(!parts.is_empty(), "concat: there are no parts");
        let axis = expect(parts[0].shape().axis("concat", axis));
        expect(concatenated(parts, axis))
    }

    /// Tensors of one shape along a new axis.
    ///
    /// # Panics
    /// If there are none, or if the shapes differ.
    #[track_caller]
    pub fn stack(parts: &[Tensor<T>], axis: isize) -> Tensor<T> {
        Tensor::concat(&parts.iter().map(|part| part.unsqueeze(axis)).collect::<Vec<_>>(), axis)
    }

    /// The tensor `times[i]` times along axis `i`; more counts than axes are counts of new leading axes.
    ///
    /// ```
    /// assert_eq!(tape::Tensor::from([1.0, 2.0]).repeat(&[2, 2]).to_vec(), [1., 2., 1., 2., 1., 2., 1., 2.]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[track_caller]
    pub fn repeat(&self, times: &[usize]) -> Tensor<T> {
        let [split, spread, merged] = repetition(self.shape(), times);
        self.reshape(split).expand(spread).reshape(merged)
    }
}

/// Each axis behind one of size 1; those repeated; both merged.
#[track_caller]
fn repetition(own: &Shape, times: &[usize]) -> [Shape; 3] {
    assert!(times.len() >= own.rank(), "repeat: {} counts for the axes of shape {own:?}", times.len());
    let missing = times.len() - own.rank();
    let (mut split, mut spread, mut merged) = (vec![], vec![], vec![]);
    for (axis, &count) in times.iter().enumerate() {
        let size = if axis < missing { 1 } else { own[axis - missing] };
        // An axis that stays needs no partner: there are eight at most.
        if count != 1 {
            split.push(1);
            spread.push(count);
        }
        split.push(size);
        spread.push(size);
        merged.push(size * count);
    }
    [split, spread, merged].map(Shape::from)
}

impl<T: Float> Var<T> {
    /// The last two axes swapped.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn transpose(self) -> Var<T> {
        self.swap_axes(-2, -1)
    }

    /// Two axes swapped.
    ///
    /// # Panics
    /// If there are no such axes.
    #[track_caller]
    pub fn swap_axes(self, a: isize, b: isize) -> Var<T> {
        let (a, b) = (expect(self.shape().axis("swap_axes", a)), expect(self.shape().axis("swap_axes", b)));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        super::views::Permute { order }.apply([self])
    }

    /// An axis of size 1 before position `axis` (counted from the end of the result where negative).
    ///
    /// # Panics
    /// If there is no such position.
    #[track_caller]
    pub fn unsqueeze(self, axis: isize) -> Var<T> {
        let mut sizes = self.shape().to_vec();
        sizes.push(1);
        let at = expect(Shape::from(sizes).axis("unsqueeze", axis));
        UnitAxis { at, insert: true }.apply([self])
    }

    /// Without an axis of size 1.
    ///
    /// # Panics
    /// If the axis has another size.
    #[track_caller]
    pub fn squeeze(self, axis: isize) -> Var<T> {
        let own = *self.shape();
        let at = expect(own.axis("squeeze", axis));
        assert!(own[at] == 1, "squeeze: axis {axis} of shape {own:?} has size {}, not 1", own[at]);
        UnitAxis { at, insert: false }.apply([self])
    }

    /// The axes from `from` on as one: `flatten(0)` gives a vector, `flatten(1)` one row for each sample. `from` may be the
    /// number of axes: `flatten(1)` of `[n]` is `[n, 1]`.
    ///
    /// # Panics
    /// If there are fewer than `from` axes.
    #[track_caller]
    pub fn flatten(self, from: isize) -> Var<T> {
        let shape = expect(self.shape().flattened(from));
        self.reshape(shape)
    }

    /// The `length` positions from `start` of one axis. Derivative: dy there, 0 elsewhere.
    ///
    /// # Panics
    /// If they leave the axis.
    #[track_caller]
    pub fn narrow(self, axis: isize, start: usize, length: usize) -> Var<T> {
        let axis = expect(self.shape().axis("narrow", axis));
        let size = self.shape()[axis];
        let op = Narrow { axis, start, length, size };
        expect(Op::<T>::shape(&op, [self.shape()]));
        let place = Place { part: Part::range(self.shape(), axis, start, length), of: *self.shape() };
        take_part(op, place, self)
    }

    /// `before` and `after` times `value` around one axis.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn pad(self, axis: isize, before: usize, after: usize, value: impl Into<f64>) -> Var<T> {
        let axis = expect(self.shape().axis("pad", axis));
        Pad { axis, before, after, value: T::from_f64(value.into()) }.apply([self])
    }

    /// The order of one axis reversed.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn flip(self, axis: isize) -> Var<T> {
        let axis = expect(self.shape().axis("flip", axis));
        Flip(axis).apply([self])
    }

    /// Position i of one axis moved to i + `by`, round the end.
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn roll(self, axis: isize, by: isize) -> Var<T> {
        let size = self.shape()[expect(self.shape().axis("roll", axis))];
        let by = by.rem_euclid(size.max(1) as isize) as usize;
        if by == 0 {
            return self;
        }
        let head = self.clone().narrow(axis, 0, size - by);
        Var::concat(&[self.narrow(axis, size - by, by), head], axis)
    }

    /// Zeros below the diagonal of each matrix, `diagonal` places to its right.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn triu(self, diagonal: isize) -> Var<T> {
        Triangle { upper: true, diagonal }.apply([self])
    }

    /// Zeros above the diagonal of each matrix, `diagonal` places to its right.
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[track_caller]
    pub fn tril(self, diagonal: isize) -> Var<T> {
        Triangle { upper: false, diagonal }.apply([self])
    }

    /// Values one after the other along an axis.
    ///
    /// # Panics
    /// If there are none, or if another axis differs.
    #[track_caller]
    pub fn concat(parts: &[Var<T>], axis: isize) -> Var<T> {
        assert!(!parts.is_empty(), "concat: there are no parts");
        let axis = expect(parts[0].shape().axis("concat", axis));
        Concat { axis, sizes: Vec::new() }.apply(parts.to_vec())
    }

    /// Values of one shape along a new axis.
    ///
    /// # Panics
    /// If there are none, or if the shapes differ.
    #[track_caller]
    pub fn stack(parts: &[Var<T>], axis: isize) -> Var<T> {
        Var::concat(&parts.iter().map(|part| part.clone().unsqueeze(axis)).collect::<Vec<_>>(), axis)
    }

    /// The value `times[i]` times along axis `i`; more counts than axes are counts of new leading axes.
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[track_caller]
    pub fn repeat(self, times: &[usize]) -> Var<T> {
        let [split, spread, merged] = repetition(self.shape(), times);
        self.reshape(split).expand(spread).reshape(merged)
    }
}

#[cfg(test)]
#[path = "pieces_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::entries;
