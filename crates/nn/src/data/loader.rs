//! [`Loader`]: batches for training runs, fetched ahead by worker threads, in an order that goes on where a checkpoint says.

mod plan;
mod prefetch;
#[cfg(test)]
mod tests;

use super::Source;
use crate::Result;
use crate::error::setting;
use plan::{Orders, Plan};
use prefetch::Prefetch;
use std::sync::Arc;

/// Where a loader stands: plain numbers, for checkpoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Epochs that have ended.
    pub epoch: u64,
    /// Batches of this epoch that were taken.
    pub batch: u64,
}

/// Batches of a [`Source`], epoch after epoch: each `for batch in &mut loader` runs to the end of one epoch, and the next one begins the
/// next.
///
/// What comes when depends on the seed, the epoch and the batch's number, and on nothing else: not on the number of workers, nor on
/// whether the run was interrupted.
///
/// ```
/// use nn::data::Loader;
/// use nn::prelude::*;
/// let data = Dataset::new(Tensor::arange(5).reshape([5, 1]), Tensor::from([0i64, 0, 1, 1, 0]))?;
/// let mut loader = Loader::new(data.clone(), 2).shuffled(7).workers(2);
/// for _epoch in 0..3 {
///     for batch in &mut loader {
///         let (x, labels) = batch?;
///         assert_eq!(x.shape()[0], labels.len());
///     }
/// }
/// loader.next().unwrap()?;
/// let saved = loader.position();
/// assert_eq!((saved.epoch, saved.batch), (3, 1));
///
/// let mut resumed = Loader::new(data, 2).shuffled(7);
/// resumed.seek(saved)?;
/// assert_eq!(resumed.next().unwrap()?, loader.next().unwrap()?);
/// # Ok::<(), nn::Error>(())
/// ```
pub struct Loader<S: Source> {
    source: Arc<S>,
    plan: Plan,
    orders: Orders,
    workers: usize,
    at: Position,
    /// The workers, from the first batch on.
    prefetch: Option<Prefetch<S::Batch>>,
}

impl<S: Source> std::fmt::Debug for Loader<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Loader { plan, workers, at, .. } = self;
        f.debug_struct("Loader").field("plan", plan).field("workers", workers).field("at", at).finish_non_exhaustive()
    }
}

impl<S: Source> Loader<S> {
    /// Batches of `size` examples, in order, fetched when they are asked for; the last of an epoch holds what is left.
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn new(source: S, size: usize) -> Loader<S> {
        assert!(size > 0, "Loader: a batch holds at least one example");
        let plan = Plan { examples: source.len(), size, drop_last: false, shuffled: false, seed: 0 };
        let source = Arc::new(source);
        Loader { source, plan, orders: Orders::default(), workers: 0, at: Position::default(), prefetch: None }
    }

    /// In an order that the seed decides, another one for each epoch. The seed is also what the seeds of batches come from.
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        let plan = Plan { shuffled: true, seed, ..self.plan };
        self.with(plan)
    }

    /// In order, with a seed for what is random in a batch: see [`Source::fetch`].
    #[must_use]
    pub fn seeded(self, seed: u64) -> Self {
        let plan = Plan { seed, ..self.plan };
        self.with(plan)
    }

    /// Without the last batch of an epoch if it is not full.
    #[must_use]
    pub fn drop_last(self) -> Self {
        let plan = Plan { drop_last: true, ..self.plan };
        self.with(plan)
    }

    /// With worker threads that fetch ahead, two batches each, into the next epoch too; 0 has the calling thread fetch. They start
    /// with the first batch and end with the loader.
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        let plan = self.plan;
        self.with(plan)
    }

    fn with(mut self, plan: Plan) -> Self {
        self.prefetch = None;
        self.orders = Orders::default();
        self.plan = plan;
        self
    }

    /// Where it stands: what was taken counts, not what was fetched ahead.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Goes to a position of a loader with the same examples and settings.
    ///
    /// # Errors
    /// If an epoch has less batches; the loader stays where it is.
    pub fn seek(&mut self, to: Position) -> Result<()> {
        let batches = self.plan.batches();
        if to.batch > batches {
            let Position { epoch, batch } = to;
            return setting(
                "Loader::seek",
                format!(
                    "batch {batch} of epoch {epoch}, and an epoch has {batches}; the batch size or the data is another"
                ),
            );
        }
        self.prefetch = None;
        self.at = to;
        Ok(())
    }

    /// The source.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// How many batches an epoch has.
    pub fn batches_per_epoch(&self) -> u64 {
        self.plan.batches()
    }

    fn fetch(&mut self, at: Position) -> Result<S::Batch> {
        if self.workers == 0 {
            let order = self.orders.of(&self.plan, at.epoch);
            return self.source.fetch(self.plan.examples_of(&order, at), self.plan.seed_of(at));
        }
        let prefetch = match self.prefetch.take() {
            Some(prefetch) => prefetch,
            None => Prefetch::start(&self.source, self.plan, at, self.workers)?,
        };
        self.prefetch.insert(prefetch).take()
    }
}

/// The batches of the current epoch; None ends it, and the next call begins the next. A batch that cannot be fetched is an error in its
/// place, after which the next one comes; where a worker panics, the panic goes on here.
impl<S: Source> Iterator for Loader<S> {
    type Item = Result<S::Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.at;
        if at.batch >= self.plan.batches() {
            self.at = Position { epoch: at.epoch + 1, batch: 0 };
            return None;
        }
        self.at.batch += 1;
        Some(self.fetch(at))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.plan.batches().saturating_sub(self.at.batch) as usize;
        (left, Some(left))
    }
}

impl<S: Source> ExactSizeIterator for Loader<S> {}
