//! What batches are taken from: [`Source`], [`Examples`], and sources with a function over each batch.

use super::Dataset;
use crate::Result;
use crate::error::{misfit, setting};
use kernels::pool::Element;
use std::sync::Arc;
use tape::{MAX_RANK, Shape, Tensor};

/// Examples that a [`super::Loader`] takes batches from.
pub trait Source: Send + Sync + 'static {
    /// A batch: tensors, usually.
    type Batch: Send + 'static;

    /// The number of examples.
    fn len(&self) -> usize;

    /// Whether there are no examples.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batch of these examples. `seed` is the batch's own, for what is random in it: it depends on the loader's seed, the epoch and
    /// the batch's number, and so must the batch, on nothing else.
    ///
    /// # Errors
    /// Where an example cannot be had; the loader passes the error on.
    fn fetch(&self, examples: &[usize], seed: u64) -> Result<Self::Batch>;

    /// This source with a function over each batch and the batch's seed. A loader's workers run it.
    ///
    /// ```
    /// use nn::data::{Loader, Source};
    /// use nn::prelude::*;
    /// let data = Dataset::new(Tensor::from([[1.0], [2.0]]), Tensor::from([0i64, 1]))?;
    /// let noisy = data.map(|(x, labels), seed| Ok((&x + &x.randn_like(&mut Rng::seed(seed)), labels)));
    /// let mut loader = Loader::new(noisy, 2).shuffled(7).workers(2);
    /// for batch in &mut loader {
    ///     let (x, labels) = batch?;
    ///     assert_eq!((x.shape()[0], labels.len()), (2, 2));
    /// }
    /// # Ok::<(), nn::Error>(())
    /// ```
    fn map<B, F>(self, f: F) -> Mapped<Self, F>
    where
        Self: Sized,
        B: Send + 'static,
        F: Fn(Self::Batch, u64) -> Result<B> + Send + Sync + 'static,
    {
        Mapped { source: self, f }
    }
}

impl<S: Source> Source for Arc<S> {
    type Batch = S::Batch;
    fn len(&self) -> usize {
        (**self).len()
    }
    fn fetch(&self, examples: &[usize], seed: u64) -> Result<S::Batch> {
        (**self).fetch(examples, seed)
    }
}

/// A source with a function over each batch: [`Source::map`].
#[derive(Clone, Debug)]
pub struct Mapped<S, F> {
    source: S,
    f: F,
}

impl<S: Source, B: Send + 'static, F> Source for Mapped<S, F>
where
    F: Fn(S::Batch, u64) -> Result<B> + Send + Sync + 'static,
{
    type Batch = B;
    fn len(&self) -> usize {
        self.source.len()
    }
    fn fetch(&self, examples: &[usize], seed: u64) -> Result<B> {
        (self.f)(self.source.fetch(examples, seed)?, seed)
    }
}

impl Source for Dataset {
    type Batch = (Tensor, Tensor<i64>);
    fn len(&self) -> usize {
        self.len()
    }
    fn fetch(&self, examples: &[usize], _seed: u64) -> Result<Self::Batch> {
        Ok((gather(&self.images, examples)?, gather(&self.labels, examples)?))
    }
}

/// Tensors, or tuples of them, whose first axis counts the examples.
pub trait Rows: Clone + Send + Sync + 'static {
    /// The shape of each tensor.
    fn shapes(&self) -> Vec<Shape>;
    /// The same, in row-major order.
    #[must_use]
    fn contiguous(self) -> Self;
    /// The chosen examples.
    ///
    /// # Errors
    /// If there is no such example.
    fn rows(&self, examples: &[usize]) -> Result<Self>;
}

impl<T: Element> Rows for Tensor<T> {
    fn shapes(&self) -> Vec<Shape> {
        vec![*self.shape()]
    }
    fn contiguous(self) -> Self {
        Tensor::contiguous(self)
    }
    fn rows(&self, examples: &[usize]) -> Result<Self> {
        gather(self, examples)
    }
}

macro_rules! tuples {
    ($($name:ident $index:tt),+) => {
        impl<$($name: Rows),+> Rows for ($($name,)+) {
            fn shapes(&self) -> Vec<Shape> {
                [$(self.$index.shapes()),+].concat()
            }
            fn contiguous(self) -> Self {
                ($(self.$index.contiguous(),)+)
            }
            fn rows(&self, examples: &[usize]) -> Result<Self> {
                Ok(($(self.$index.rows(examples)?,)+))
            }
        }
    };
}
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);

/// Examples of any kind, checked once: a tensor, or a tuple of tensors, whose first axis counts the examples. For regression, a tensor
/// of inputs `[N, …]` and one of targets `[N, …]`.
///
/// ```
/// use nn::data::{Examples, Loader};
/// use nn::prelude::*;
/// let (x, y) = (Tensor::arange(10).reshape([5, 2]), Tensor::arange(5).reshape([5, 1]));
/// let data = Examples::new((x, y))?;
/// let (train, validation) = data.split(0.2, 1)?;
/// for batch in Loader::new(train, 3).shuffled(7) {
///     let (x, y) = batch?;
///     assert_eq!((x.shape()[1], y.shape()[1]), (2, 1));
/// }
/// assert_eq!(validation.len(), 1);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Examples<R> {
    rows: R,
    len: usize,
}

impl<R: Rows> Examples<R> {
    /// Of tensors.
    ///
    /// # Errors
    /// If they do not all have the same number of examples on their first axis.
    pub fn new(rows: R) -> Result<Examples<R>> {
        let shapes = rows.shapes();
        let first = shapes[0];
        let hint = "the first axis of each counts the examples";
        let len = |shape: &Shape| shape.first().copied();
        if let Some(other) = shapes.iter().find(|shape| len(shape).is_none() || len(shape) != len(&first)) {
            return misfit("Examples", &first, other, hint);
        }
        Ok(Examples { rows: rows.contiguous(), len: first[0] })
    }

    /// The tensors.
    pub fn rows(&self) -> &R {
        &self.rows
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The chosen examples, in this order.
    ///
    /// # Errors
    /// If there is no such example.
    pub fn select(&self, examples: &[usize]) -> Result<Examples<R>> {
        Ok(Examples { rows: self.rows.rows(examples)?, len: examples.len() })
    }
}

impl<R: Rows> Source for Examples<R> {
    type Batch = R;
    fn len(&self) -> usize {
        self.len
    }
    fn fetch(&self, examples: &[usize], _seed: u64) -> Result<R> {
        self.rows.rows(examples)
    }
}

/// The chosen rows of a tensor in row-major order.
pub(super) fn gather<T: Element>(tensor: &Tensor<T>, rows: &[usize]) -> Result<Tensor<T>> {
    let tensor = tensor.clone().contiguous();
    let (count, of_row) = tensor.shape().split_first().map_or((0, &[][..]), |(count, of_row)| (*count, of_row));
    if let Some(row) = rows.iter().find(|&&row| row >= count) {
        return setting("examples", format!("there is no example {row}; there are {count}"));
    }
    let width = of_row.iter().product::<usize>();
    let numbers = tensor.as_slice().expect("made contiguous");
    let mut shape = [rows.len(); MAX_RANK];
    shape[1..=of_row.len()].copy_from_slice(of_row);
    Ok(Tensor::fill_with(Shape::new(&shape[..=of_row.len()])?, |to| {
        for (to, &row) in to.chunks_exact_mut(width.max(1)).zip(rows) {
            to.copy_from_slice(&numbers[row * width..][..width]);
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_checked_once() {
        let x = || Tensor::arange(12).reshape([2, 6]).transpose();
        let data = Examples::new((x(), Tensor::from(0i64..6), Tensor::zeros([6, 0]))).unwrap();
        let chosen = data.select(&[5, 0, 5]).unwrap();
        assert_eq!(chosen.rows().0.to_vec(), [5.0, 11.0, 0.0, 6.0, 5.0, 11.0]);
        assert_eq!((chosen.rows().1.to_vec(), chosen.rows().2.shape().to_vec()), (vec![5, 0, 5], vec![3, 0]));
        let text = |error: crate::Error| error.to_string();
        assert_eq!(text(data.select(&[0, 6]).unwrap_err()), "examples: there is no example 6; there are 6");
        let shapes = "Examples: shapes [6, 2] and [5] do not fit: the first axis of each counts the examples";
        assert_eq!(text(Examples::new((x(), Tensor::zeros([5]))).unwrap_err()), shapes);
        assert!(Examples::new((x(), Tensor::scalar(1.0f32))).is_err());
        assert!(Examples::new(Tensor::scalar(1.0f32)).is_err());
    }
}
