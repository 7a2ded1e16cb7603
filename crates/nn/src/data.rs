//! Data: examples with labels, in batches, in an order that a seed decides.

mod array;
mod augment;
mod cifar;
#[cfg(feature = "csv")]
pub mod csv;
mod digits;
pub mod idx;
#[cfg(feature = "image")]
pub mod images;
mod inflate;
pub(crate) mod input;
mod loader;
pub mod npy;
pub mod npz;
mod number;
mod source;
pub mod split;
mod standardization;
mod zip;

pub use array::Array;
pub use augment::{Augment, mixup};
pub use cifar::Cifar;
pub use digits::digits;
pub use loader::{Loader, Position};
pub use source::{Examples, Mapped, Rows, Source};
pub use standardization::Standardization;

use crate::Result;
use crate::error::{check_labels, misfit};
use tape::{Rng, Shape, Tensor};

/// Examples `[N, …]` and their labels `[N]`, checked once.
///
/// ```
/// use nn::prelude::*;
/// let data = Dataset::new(Tensor::from([[0.0], [1.0], [2.0]]), Tensor::from([0i64, 1, 0]))?;
/// let sizes: Vec<usize> = data.batches(2).map(|(images, labels)| images.shape()[0].min(labels.len())).collect();
/// assert_eq!(sizes, [2, 1]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dataset {
    images: Tensor,
    labels: Tensor<i64>,
    classes: usize,
}

impl Dataset {
    /// Of examples and their labels; there are as many classes as the largest label says.
    ///
    /// # Errors
    /// If there is not one label for each example, or if a label is negative.
    pub fn new(images: Tensor, labels: Tensor<i64>) -> Result<Dataset> {
        let classes = labels.to_vec().into_iter().max().map_or(0, |largest| largest.max(0) as usize + 1);
        Dataset::with_classes(images, labels, classes)
    }

    /// Of examples and their labels in 0..classes.
    ///
    /// # Errors
    /// If there is not one label for each example, or if a label is no class.
    pub fn with_classes(images: Tensor, labels: Tensor<i64>, classes: usize) -> Result<Dataset> {
        if images.rank() == 0 || labels.rank() != 1 || images.shape()[0] != labels.len() {
            return misfit("Dataset", images.shape(), labels.shape(), "give examples [N, …] and labels [N]");
        }
        let (images, labels) = (images.contiguous(), labels.contiguous());
        check_labels(numbers(&labels), classes, None)?;
        Ok(Dataset { images, labels, classes })
    }

    /// The examples `[N, …]`.
    pub fn images(&self) -> &Tensor {
        &self.images
    }

    /// The labels `[N]`.
    pub fn labels(&self) -> &Tensor<i64> {
        &self.labels
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The examples in batches, in order; the last batch holds what is left.
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn batches(&self, size: usize) -> Batches<'_> {
        assert!(size > 0, "batches: a batch holds at least one example");
        Batches { data: self, size, order: None, next: 0, end: self.len() }
    }
}

fn numbers<T: kernels::pool::Element>(tensor: &Tensor<T>) -> &[T] {
    tensor.as_slice().expect("made contiguous when the data set was made")
}

/// Batches of a [`Dataset`]: an iterator over (examples, labels).
#[derive(Clone, Debug)]
pub struct Batches<'d> {
    data: &'d Dataset,
    size: usize,
    /// Which example comes when, if not in order. A tensor, so that an epoch's order comes from the pool.
    order: Option<Tensor<i64>>,
    next: usize,
    end: usize,
}

impl Batches<'_> {
    /// In an order that the seed decides and nothing else; give each epoch a seed of its own.
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.order = Some(Tensor::fill_with([self.data.len()], |order| {
            order.iter_mut().enumerate().for_each(|(i, at)| *at = i as i64);
            Rng::seed(seed).shuffle(order);
        }));
        self
    }

    /// Without the last batch if it is not full.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.end -= self.end % self.size;
        self
    }
}

impl Iterator for Batches<'_> {
    type Item = (Tensor, Tensor<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        let rows = self.next..self.end.min(self.next + self.size);
        if rows.is_empty() {
            return None;
        }
        self.next = rows.end;
        let (images, labels) = (numbers(&self.data.images), numbers(&self.data.labels));
        let of_example = &self.data.images.shape()[1..];
        let width = of_example.iter().product::<usize>();
        let order = self.order.as_ref().map(numbers);
        let row = |i: usize| order.map_or(i, |order| order[i] as usize);
        let mut shape = [rows.len(); tape::MAX_RANK];
        shape[1..=of_example.len()].copy_from_slice(of_example);
        let batch = Tensor::fill_with(Shape::from(&shape[..=of_example.len()]), |to| {
            for (to, i) in to.chunks_exact_mut(width.max(1)).zip(rows.clone()) {
                to.copy_from_slice(&images[row(i) * width..][..width]);
            }
        });
        let labels =
            Tensor::fill_with([rows.len()], |to| to.iter_mut().zip(rows).for_each(|(to, i)| *to = labels[row(i)]));
        Some((batch, labels))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next).div_ceil(self.size);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(n: usize) -> Dataset {
        let images =
            Tensor::fill_with([n, 2, 1], |to| to.iter_mut().enumerate().for_each(|(i, x)| *x = (i / 2) as f32));
        Dataset::new(images, Tensor::fill_with([n], |to| to.iter_mut().enumerate().for_each(|(i, x)| *x = i as i64)))
            .unwrap()
    }

    /// The examples of one epoch in the order they come, having checked that labels stay with their images.
    fn order(batches: Batches<'_>) -> Vec<i64> {
        batches
            .flat_map(|(images, labels)| {
                assert_eq!(images.shape()[1..], [2, 1]);
                let images = images.to_vec();
                assert!(images.chunks(2).zip(labels.to_vec()).all(|(x, label)| x == [label as f32; 2]));
                labels.to_vec()
            })
            .collect()
    }

    /// burn 703: the order was drawn once and every epoch repeated it.
    #[test]
    fn peer_bug_d01() {
        let data = numbered(100);
        let mut rng = Rng::seed(4);
        let epochs: Vec<Vec<i64>> = (0..3).map(|_| order(data.batches(8).shuffled(rng.next_u64()))).collect();
        assert!(epochs[0] != epochs[1] && epochs[1] != epochs[2] && epochs[0] != epochs[2]);
        let again = order(data.batches(8).shuffled(Rng::seed(4).next_u64()));
        assert_eq!(again, epochs[0]);
        let mut all = epochs[0].clone();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }

    /// burn 169: the last batch reached one element beyond the data.
    #[test]
    fn peer_bug_d03() {
        for n in [0, 1, 7, 8, 9, 16] {
            let data = numbered(n);
            assert_eq!(order(data.batches(8)), (0..n as i64).collect::<Vec<_>>());
            assert_eq!(data.batches(8).len(), n.div_ceil(8));
            assert_eq!(order(data.batches(8).drop_last()).len(), n / 8 * 8);
        }
    }

    /// burn 3282: several workers each began from the same state, so the order repeated.
    #[test]
    fn peer_bug_d05() {
        let data = numbered(64);
        let seeds = [1, 2, 3];
        let of_threads = |n| kernels::with_threads(n, || seeds.map(|seed| order(data.batches(8).shuffled(seed))));
        let alone = of_threads(1);
        assert!(alone[0] != alone[1] && alone[1] != alone[2]);
        assert_eq!(alone, of_threads(3));
    }

    #[test]
    fn labels_are_checked_once() {
        let images = || Tensor::zeros([3, 2]);
        let text = |result: Result<Dataset>| result.unwrap_err().to_string();
        assert_eq!(
            text(Dataset::with_classes(images(), Tensor::from([0i64, 10, 1]), 10)),
            "label 10 of example 1 is not in 0..10"
        );
        assert_eq!(text(Dataset::new(images(), Tensor::from([0i64, 1, -1]))), "label -1 of example 2 is not in 0..2");
        assert_eq!(
            text(Dataset::new(images(), Tensor::from([0i64, 1]))),
            "Dataset: shapes [3, 2] and [2] do not fit: give examples [N, …] and labels [N]"
        );
    }
}
