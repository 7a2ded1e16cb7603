//! index_select, embedding, gather, scatter_add: numbers chosen by index, and added by index.
//!
//! Choosing and adding are each other's derivatives: of y = x[index], dx[index] += dy. Repeated indices add up, in the
//! order of the indices and on one thread, so the bits depend on nothing else. An index outside its axis is an error.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let table = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]));
//! let y = table.clone().embedding(&Tensor::from([2, 0, 2]));
//! assert_eq!(y.to_vec(), [5.0, 6.0, 1.0, 2.0, 5.0, 6.0]);
//! assert_eq!(y.sum().backward()[&table].to_vec(), [1.0, 1.0, 0.0, 0.0, 2.0, 2.0]);
//! ```

use super::elementwise::slice;
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Operand, Result, Shape, Tensor, Var};
use kernels::pool::Element;

/// y[…, i, …] = x[…, index[i], …].
#[derive(Clone)]
struct IndexSelect {
    axis: usize,
    index: Tensor<i64>,
    /// The axis's size in x.
    size: usize,
}

/// Its adjoint: y[…, index[i], …] += x[…, i, …], from zeros.
struct IndexAdd(IndexSelect);

impl<T: Float> Op<T> for IndexSelect {
    fn name(&self) -> &'static str {
        "index_select"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        check("index_select", &self.index, self.size)?;
        Ok(x.with(self.axis, self.index.len()))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        selected(x, self.axis, &self.index)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(IndexAdd(self.clone()).apply([dy]))]
    }
}

impl<T: Float> Op<T> for IndexAdd {
    fn name(&self) -> &'static str {
        "index_add"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        Ok(x.with(self.0.axis, self.0.size))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let (IndexSelect { axis, index, size }, x) = (&self.0, x.contiguous());
        let inner: usize = x.shape()[axis + 1..].iter().product();
        Tensor::fill_with(x.shape().with(*axis, *size), |to| {
            to.fill(T::ZERO);
            if x.is_empty() {
                return;
            }
            let blocks = to.chunks_exact_mut(size * inner).zip(slice(&x).chunks_exact(index.len() * inner));
            for (to, from) in blocks {
                for (&i, from) in slice(index).iter().zip(from.chunks_exact(inner)) {
                    let to = &mut to[i as usize * inner..][..inner];
                    to.iter_mut().zip(from).for_each(|(to, &from)| *to += from);
                }
            }
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(self.0.clone().apply([dy]))]
    }
}

/// y[i, j, …] = x[index[i, j, …], j, …], here for axis 0.
#[derive(Clone)]
struct Gather {
    axis: usize,
    index: Tensor<i64>,
    from: Shape,
}

/// y = x, then y[index[i, j, …], j, …] += source[i, j, …].
#[derive(Clone)]
struct ScatterAdd(Gather);

impl Gather {
    fn check(&self, op: &'static str, x: &Shape) -> Result<()> {
        let index = self.index.shape();
        if index.rank() != x.rank() || index.with(self.axis, 0) != x.with(self.axis, 0) {
            return Err(Error::ShapeMismatch {
                op,
                lhs: x.to_vec(),
                rhs: index.to_vec(),
                hint: "the index has the value's axes, with any size along the one it points into",
            });
        }
        check(op, &self.index, x[self.axis])
    }

    /// For each number of the index in order, the place in x it means.
    fn places(&self) -> impl Iterator<Item = usize> + '_ {
        let inner: usize = self.from[self.axis + 1..].iter().product();
        let (count, size) = (self.index.shape()[self.axis], self.from[self.axis]);
        slice(&self.index).iter().enumerate().map(move |(i, &at)| {
            let (outer, within) = (i / (count * inner), i % inner);
            (outer * size + at as usize) * inner + within
        })
    }
}

impl<T: Float> Op<T> for Gather {
    fn name(&self) -> &'static str {
        "gather"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        self.check("gather", x).map(|()| *self.index.shape())
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        Tensor::fill_with(*self.index.shape(), |to| {
            to.iter_mut().zip(self.places()).for_each(|(to, at)| *to = slice(&x)[at]);
        })
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let zeros = kept.constant(Tensor::full_of(self.from, T::ZERO));
        [Some(ScatterAdd(self.clone()).apply([zeros, dy]))]
    }
}

impl<T: Float> Op<T, 2> for ScatterAdd {
    fn name(&self) -> &'static str {
        "scatter_add"
    }
    fn shape(&self, [x, source]: [&Shape; 2]) -> Result<Shape> {
        self.0.check("scatter_add", x)?;
        if source == self.0.index.shape() {
            return Ok(*x);
        }
        Err(Error::ShapeMismatch {
            op: "scatter_add",
            lhs: self.0.index.shape().to_vec(),
            rhs: source.to_vec(),
            hint: "the source has the index's shape",
        })
    }
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [mut x, source]: [Tensor<T>; 2]) -> Tensor<T> {
        let (source, to) = (source.contiguous(), x.make_mut());
        slice(&source).iter().zip(self.0.places()).for_each(|(&from, at)| to[at] += from);
        x
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let source = kept.needs(1).then(|| self.0.clone().apply([dy.clone()]));
        [Some(dy), source]
    }
}

/// Whether every index is in `0..bound`.
fn check(op: &'static str, index: &Tensor<i64>, bound: usize) -> Result<()> {
    let out = |&index: &i64| usize::try_from(index).map_or(true, |index| index >= bound);
    match slice(index).iter().position(out) {
        None => Ok(()),
        Some(position) => Err(Error::Index { op, index: slice(index)[position], position, bound }),
    }
}

fn selected<T: Element>(x: Tensor<T>, axis: usize, index: &Tensor<i64>) -> Tensor<T> {
    let x = x.contiguous();
    let (size, inner) = (x.shape()[axis], x.shape()[axis + 1..].iter().product::<usize>());
    Tensor::fill_with(x.shape().with(axis, index.len()), |to| {
        if to.is_empty() {
            return;
        }
        let blocks = to.chunks_exact_mut(index.len() * inner).zip(slice(&x).chunks_exact(size * inner));
        for (to, from) in blocks {
            for (to, &i) in to.chunks_exact_mut(inner).zip(slice(index)) {
                to.copy_from_slice(&from[i as usize * inner..][..inner]);
            }
        }
    })
}

#[track_caller]
fn one_axis(index: &Tensor<i64>) -> Tensor<i64> {
    assert!(index.rank() == 1, "index_select: the index has shape {:?}, it must have one axis", index.shape());
    index.clone().contiguous()
}

impl<T: Element> Tensor<T> {
    /// The positions of an axis that a vector of indices names, in its order: a batch out of a data set.
    ///
    /// ```
    /// use tape::Tensor;
    /// assert_eq!(Tensor::from([7, 8, 9]).index_select(0, &Tensor::from([2, 0])).to_vec(), [9i64, 7]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or if an index leaves it.
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Tensor<T> {
        let (axis, index) = (expect(self.shape().axis("index_select", axis)), one_axis(index));
        expect(check("index_select", &index, self.shape()[axis]));
        selected(self.clone(), axis, &index)
    }
}

impl Tensor<i64> {
    /// A new last axis of this many classes: 1 at the class each element names, else 0.
    ///
    /// ```
    /// assert_eq!(tape::Tensor::from([1, 0]).one_hot(3).to_vec(), [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an element is not in `0..classes`.
    #[track_caller]
    pub fn one_hot(&self, classes: usize) -> Tensor {
        let labels = self.clone().contiguous();
        expect(check("one_hot", &labels, classes));
        let mut sizes = self.shape().to_vec();
        sizes.push(classes);
        Tensor::fill_with(sizes, |to| {
            to.fill(0.0);
            slice(&labels).iter().enumerate().for_each(|(i, &label)| to[i * classes + label as usize] = 1.0);
        })
    }
}

impl<T: Float> Var<T> {
    /// The positions of an axis that a vector of indices names, in its order. Derivative: dy added up at each position.
    ///
    /// # Panics
    /// If there is no such axis, or if an index leaves it.
    #[track_caller]
    pub fn index_select(self, axis: isize, index: &Tensor<i64>) -> Var<T> {
        let axis = expect(self.shape().axis("index_select", axis));
        let (index, size) = (one_axis(index), self.shape()[axis]);
        IndexSelect { axis, index, size }.apply([self])
    }

    /// Row `ids[…]` of this `[words, width]` table for each id, along a new last axis.
    ///
    /// # Panics
    /// If this has not two axes, or if an id is not in `0..words`.
    #[track_caller]
    pub fn embedding(self, ids: &Tensor<i64>) -> Var<T> {
        assert!(self.rank() == 2, "embedding: the table has shape {:?}, it must be [words, width]", self.shape());
        let mut sizes = ids.shape().to_vec();
        sizes.push(self.shape()[1]);
        self.index_select(0, &ids.flatten(0)).reshape(sizes)
    }

    /// Along the axis, the number at each index: y[i, j] = x[index[i, j], j] for axis 0. The other axes are the index's.
    ///
    /// # Panics
    /// If the shapes do not fit, or if an index leaves the axis.
    #[track_caller]
    pub fn gather(self, axis: isize, index: &Tensor<i64>) -> Var<T> {
        let axis = expect(self.shape().axis("gather", axis));
        Gather { axis, index: index.clone().contiguous(), from: *self.shape() }.apply([self])
    }

    /// This value with `source` added at the indices: y[index[i, j], j] += source[i, j] for axis 0. Repeated indices add up.
    ///
    /// # Panics
    /// If the shapes do not fit, or if an index leaves the axis.
    #[track_caller]
    pub fn scatter_add(self, axis: isize, index: &Tensor<i64>, source: impl Operand<T>) -> Var<T> {
        let source = source.on(self.tape());
        let axis = expect(self.shape().axis("scatter_add", axis));
        ScatterAdd(Gather { axis, index: index.clone().contiguous(), from: *self.shape() }).apply([self, source])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    fn ids() -> Tensor<i64> {
        Tensor::from([[2, 0, 2], [1, 1, 0]])
    }
    vec![
        entry!(
            "index_select",
            &[&[&[2, 3]]],
            R,
            |x| x[0].clone().index_select(1, &Tensor::from([2, 0, 2, 2])),
            whole | x | {
                let v = x[0].to_vec();
                Tensor::f64([[v[2], v[0], v[2], v[2]], [v[5], v[3], v[5], v[5]]])
            }
        ),
        entry!(
            "embedding",
            &[&[&[3, 2]]],
            R,
            |x| x[0].clone().embedding(&ids()),
            whole | x | {
                let v = x[0].to_vec();
                let rows: Vec<f64> =
                    ids().to_vec().iter().flat_map(|&i| [v[2 * i as usize], v[2 * i as usize + 1]]).collect();
                Tensor::new(&rows, [2, 3, 2])
            }
        ),
        entry!(
            "gather",
            &[&[&[4, 3]]],
            R,
            |x| x[0].clone().gather(0, &ids()),
            whole | x | {
                let (v, ids) = (x[0].to_vec(), ids().to_vec());
                Tensor::new(&(0..6).map(|i| v[ids[i] as usize * 3 + i % 3]).collect::<Vec<_>>(), [2, 3])
            }
        ),
        entry!(
            "scatter_add",
            &[&[&[2, 4], &[2, 3]]],
            R,
            |x| x[0].clone().scatter_add(1, &ids(), &x[1]),
            whole | x | {
                let (mut v, source) = (x[0].to_vec(), x[1].to_vec());
                ids().to_vec().iter().enumerate().for_each(|(i, &at)| v[i / 3 * 4 + at as usize] += source[i]);
                Tensor::new(&v, [2, 4])
            }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o21() {
        // Many numbers into few places, whatever the number of threads.
        let index = Tensor::from((0..10_000usize).map(|i| i % 3).collect::<Vec<_>>());
        for threads in [1, 2] {
            let sums = kernels::with_threads(threads, || {
                let x = Tape::inference().input(Tensor::zeros([3]));
                x.scatter_add(0, &index, Tensor::ones([10_000])).to_vec()
            });
            assert_eq!(sums, [3334.0, 3333.0, 3333.0]);
        }
    }

    #[test]
    fn peer_bug_o31() {
        let ids = Tensor::from([[0, 2], [1, 0], [2, 2]]).transpose();
        let source = Tensor::arange(6).reshape([2, 3]);
        let x = Tape::inference().input(Tensor::zeros([2, 3]));
        let y = x.clone().scatter_add(1, &ids, &source);
        assert_eq!(y.to_vec(), x.scatter_add(1, &ids.copy(), &source).to_vec());
        assert_eq!(y.to_vec(), [0.0, 1.0, 2.0, 4.0, 0.0, 8.0]);
    }

    #[test]
    #[should_panic(expected = "index_select: index 3 at position 1 is not in 0..3")]
    fn an_index_beyond_the_axis_is_named() {
        Tape::inference().input(Tensor::zeros([3])).index_select(0, &Tensor::from([0, 3]));
    }

    #[test]
    fn empty_indices_and_axes_work() {
        let x = Tape::inference().input(Tensor::zeros([3, 0]));
        assert_eq!(x.clone().index_select(0, &Tensor::from([0, 2])).shape(), &[2, 0]);
        assert_eq!(x.index_select(1, &Tensor::<i64>::full_of([0], 0)).shape(), &[3, 0]);
    }
}
