//! [`Trainer`]: the loop, for those who do not want to write it.
//!
//! Epochs over a [`Loader`], a schedule, clipping, gradients of several batches added up, averages of weights, validation after each epoch, early stopping, records, checkpoints; with the feature `trainer` a progress
//! bar and Ctrl-C that finishes the step and saves. A run that goes on from its checkpoint has the bits of one that was not stopped.

mod averaging;
mod early;
mod options;
mod run;
#[cfg(feature = "trainer")]
mod terminal;
#[cfg(not(feature = "trainer"))]
#[path = "trainer/quiet.rs"]
mod terminal;

pub use averaging::Averaging;
pub use early::EarlyStopping;
pub use options::Trainer;

use crate::data::{Loader, Source};
use crate::log::Log as _;
use crate::state::State;
use crate::{Module, Optimizer, Result};
use run::{Progress, Run};
use tape::{Float, Rng, Tape, Var};
use terminal::Terminal;

/// What a metric is called, and its value.
pub type Metric = (&'static str, f64);

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// Steps taken in all, those of a run that this one went on from included.
    pub steps: u64,
    /// Why it ended.
    pub end: End,
    /// What each epoch of this call brought: `loss`, the mean over its batches, and what validation found.
    pub epochs: Vec<Vec<Metric>>,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Done,
    /// A metric stopped improving.
    Early,
    /// Ctrl-C, or [`Trainer::stop_when`]. The run was saved, if it has a checkpoint, and can go on.
    Stopped,
}

impl Trainer {
    /// Trains a network, from the beginning or from where its checkpoint is.
    ///
    /// `loss` is the loss of a batch, on a tape made for it; `validate` says, after each epoch, how good the network is.
    ///
    /// ```
    /// use nn::data::Loader;
    /// use nn::prelude::*;
    /// let (train, test) = nn::data::digits()?;
    /// let mut rng = Rng::seed(7);
    /// let mut net = Sequential::new().then(Linear::new(64, 32, &mut rng)).then(Relu).then(Linear::new(32, 10, &mut rng));
    /// let mut batches = Loader::new(train, 64).shuffled(1);
    /// let trained = Trainer::new(6).progress(false).fit(
    ///     &mut net,
    ///     &mut Adam::new(1e-3),
    ///     &mut batches,
    ///     |net, tape, (images, labels)| net.forward(tape.input(images)).cross_entropy(&labels),
    ///     |net| vec![("accuracy", nn::metrics::accuracy(|x| net.forward(x), &test))],
    /// )?;
    /// let [(_, loss), (_, accuracy)] = trained.epochs[5][..] else { panic!("a loss and an accuracy") };
    /// assert!(loss < trained.epochs[0][0].1 && accuracy > 0.7);
    /// # Ok::<(), nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// If a setting makes no sense; if a batch cannot be fetched; if a loss or gradient is not finite, which the optimiser refuses; if a record or checkpoint cannot be written or read. What was saved
    /// stays.
    pub fn fit<T: Float, N: Module<T> + State, O: Optimizer<T> + State, S: Source>(
        self,
        net: &mut N,
        optimizer: &mut O,
        batches: &mut Loader<S>,
        loss: impl Fn(&N, &Tape<T>, S::Batch) -> Var<T>,
        mut validate: impl FnMut(&N) -> Vec<Metric>,
    ) -> Result<Trained> {
        self.check()?;
        let progress = Progress { early: self.early.clone(), ..Progress::default() };
        let average =
            self.averaging.map(|averaging| averaging.begin().map(|average| (averaging, average))).transpose()?;
        let mut run = Run { net, optimizer, batches, progress, average };
        let first = self.checkpoint.as_ref().map_or(Ok(0), |checkpoint| checkpoint.restore(&mut run))?;
        let per_epoch = run.batches.batches_per_epoch().div_ceil(self.accumulate);
        let total = self.epochs * per_epoch;
        let schedule = self.schedule_over(total)?;
        let mut logs = self.open_logs(first)?;
        let terminal = Terminal::new(self.progress, first, total);
        let (mut step, mut epochs) = (first, Vec::new());
        let end = loop {
            if run.progress.is_over {
                break End::Early;
            }
            if step >= total {
                break End::Done;
            }
            if terminal.is_interrupted() || self.stops(step) {
                self.checkpoint.iter().try_for_each(|checkpoint| checkpoint.save(step, &run).map(drop))?;
                break End::Stopped;
            }
            if let Some(schedule) = &schedule {
                schedule.try_apply(step, run.optimizer)?;
            }
            run.step((self.tape_seed(step), self.most_norm, self.accumulate), &loss)?;
            step += 1;
            terminal.step(step, run.progress.mean());
            if run.epoch_is_over() {
                let metrics = run.end_epoch(self.tape_seed(u64::MAX), &loss, &mut validate)?;
                logs[..].scalars(step, &metrics)?;
                terminal.epoch(step / per_epoch, &metrics);
                epochs.push(metrics);
            }
            self.checkpoint.iter().try_for_each(|checkpoint| checkpoint.save_if_due(step, &run))?;
        };
        terminal.finish();
        if step > first && end != End::Stopped {
            self.checkpoint.iter().try_for_each(|checkpoint| checkpoint.save(step, &run).map(drop))?;
        }
        if end != End::Stopped {
            run.take_average(self.tape_seed(u64::MAX), &loss)?;
        }
        Ok(Trained { steps: step, end, epochs })
    }

    /// A seed of its own for each step's tape, so that a run that goes on draws what it would have drawn.
    fn tape_seed(&self, step: u64) -> u64 {
        Rng::seed(self.seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15)).next_u64()
    }
}
