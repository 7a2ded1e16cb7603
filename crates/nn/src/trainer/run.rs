//! What a run does at a step and at the end of an epoch.

use super::{Averaging, EarlyStopping, Metric};
use crate::average::{Average, update_bn};
use crate::data::{Loader, Position, Source};
use crate::optim::Accumulator;
use crate::state::{Recall, Record, State};
use crate::{Module, Optimizer, Result};
use tape::{Float, Gradients, Rng, Tape, Var};

/// What a run remembers of an epoch that is not over, and of the ones before.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) loss: f64,
    pub(super) batches: u64,
    pub(super) early: Option<EarlyStopping>,
    pub(super) is_over: bool,
}

impl State for Progress {
    fn record(&self, to: &mut Record) {
        to.field("loss", &self.loss);
        to.field("batches", &self.batches);
        to.field("early", &self.early);
        to.field("is_over", &self.is_over);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        from.field("loss", &mut self.loss);
        from.field("batches", &mut self.batches);
        from.field("early", &mut self.early);
        from.field("is_over", &mut self.is_over);
    }
}

impl Progress {
    /// The mean loss of the epoch's batches so far.
    pub(super) fn mean(&self) -> f64 {
        self.loss / self.batches as f64
    }
}

/// Everything that training changes.
pub(super) struct Run<'r, T: Float, N, O, S: Source> {
    pub(super) net: &'r mut N,
    pub(super) optimizer: &'r mut O,
    pub(super) batches: &'r mut Loader<S>,
    pub(super) progress: Progress,
    pub(super) average: Option<(Averaging, Average<T>)>,
}

impl<T: Float, N: Module<T>, O: Optimizer<T>, S: Source> Run<'_, T, N, O, S> {
    /// A step from so many batches, or from those that are left of the epoch.
    pub(super) fn step(
        &mut self,
        (seed, most_norm, parts): (u64, Option<f64>, u64),
        loss: impl Fn(&N, &Tape<T>, S::Batch) -> Var<T>,
    ) -> Result<()> {
        let parts = parts.min(self.left());
        let mut grads = self.gradients(seed, &loss)?;
        if parts > 1 {
            let (mut sum, mut seeds) = (Accumulator::new(), Rng::seed(seed));
            sum.add(grads);
            for _ in 1..parts {
                sum.add(self.gradients(seeds.next_u64(), &loss)?);
            }
            grads = sum.take_mean().expect("there is at least one part");
        }
        if let Some(most) = most_norm {
            grads.clip_norm(most)?;
        }
        self.optimizer.step(self.net, grads)?;
        match &mut self.average {
            Some((averaging, average)) if averaging.each_step && self.batches.at().epoch >= averaging.after_epochs => {
                average.update(self.net)
            }
            _ => Ok(()),
        }
    }

    fn gradients(&mut self, seed: u64, loss: impl Fn(&N, &Tape<T>, S::Batch) -> Var<T>) -> Result<Gradients<T>> {
        let batch = self.batches.next_batch()?;
        let tape = Tape::training(seed);
        let loss = loss(self.net, &tape, batch);
        self.progress.loss += loss.item().to_f64();
        self.progress.batches += 1;
        Ok(loss.backward())
    }

    /// How many batches are left of the epoch; all of the next where it is over.
    fn left(&self) -> u64 {
        let (taken, all) = (self.batches.at().batch, self.batches.batches_per_epoch());
        if taken < all { all - taken } else { all }
    }

    pub(super) fn epoch_is_over(&self) -> bool {
        self.batches.at().batch == self.batches.batches_per_epoch()
    }

    /// Validates, with the average where there is one; the weights are then those that training goes on with.
    pub(super) fn end_epoch(
        &mut self,
        seed: u64,
        loss: impl Fn(&N, &Tape<T>, S::Batch) -> Var<T>,
        validate: impl FnOnce(&N) -> Vec<Metric>,
    ) -> Result<Vec<Metric>> {
        if let Some((averaging, average)) = &mut self.average
            && !averaging.each_step
            && self.batches.at().epoch >= averaging.after_epochs
        {
            average.update(self.net)?;
        }
        let mut metrics = vec![("loss", self.progress.mean())];
        let mut own = Average::equal();
        if self.average.is_some() {
            own.update(self.net)?;
        }
        let taken = self.take_average(seed, loss);
        if taken.is_ok() {
            metrics.extend(validate(self.net));
        }
        if own.updates() > 0 {
            own.copy_to(self.net)?;
        }
        taken?;
        (self.progress.loss, self.progress.batches) = (0.0, 0);
        self.progress.is_over = self.progress.early.as_mut().is_some_and(|early| early.observe(&metrics));
        Ok(metrics)
    }

    /// Gives the network its average, if there is one.
    pub(super) fn take_average(&mut self, seed: u64, loss: impl Fn(&N, &Tape<T>, S::Batch) -> Var<T>) -> Result<()> {
        let Some((averaging, average)) = self.average.as_ref().filter(|(_, average)| average.updates() > 0) else {
            return Ok(());
        };
        average.copy_to(self.net)?;
        if averaging.updates_bn && !self.net.named_buffers().is_empty() {
            let at = self.batches.at();
            self.batches.seek(Position { batch: 0, ..at })?;
            let all = 0..self.batches.batches_per_epoch();
            let updated = update_bn(self.net, seed, all.map(|_| self.batches.next_batch()), loss);
            self.batches.seek(at)?;
            updated?;
        }
        Ok(())
    }
}

impl<T: Float, N: State, O: State, S: Source> State for Run<'_, T, N, O, S> {
    fn record(&self, to: &mut Record) {
        to.field("net", &*self.net);
        to.field("optimizer", &*self.optimizer);
        to.field("batches", &*self.batches);
        to.field("progress", &self.progress);
        // Runs without one are as they were before there were averages.
        if let Some((_, average)) = &self.average {
            to.field("average", average);
        }
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        from.field("net", self.net);
        from.field("optimizer", self.optimizer);
        from.field("batches", self.batches);
        from.field("progress", &mut self.progress);
        if let Some((_, average)) = &mut self.average {
            from.field("average", average);
        }
    }
}
