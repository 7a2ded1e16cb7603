//! What a [`Trainer`] is told.

use super::{Averaging, EarlyStopping};
use crate::error::setting;
use crate::log::{Csv, Html, JsonLines, Log, TensorBoard};
use crate::{Checkpoint, Result, Schedule};
use std::path::{Path, PathBuf};

/// The shape of a schedule, given how many steps there are.
type ScheduleOf = Box<dyn Fn(u64) -> Result<Schedule>>;

/// A training run: how long, what it keeps, when it ends.
///
/// ```no_run
/// use nn::prelude::*;
/// use nn::trainer::EarlyStopping;
/// let trainer = Trainer::new(30)
///     .schedule(|steps| Schedule::cosine(1e-3, 0.0, steps))
///     .clip_norm(1.0)
///     .early_stopping(EarlyStopping::highest("accuracy").patience(5))
///     .checkpoint(Checkpoint::new("runs/digits").every(100))
///     .tensorboard("runs/digits")
///     .csv("runs/digits/log.csv");
/// ```
pub struct Trainer {
    pub(super) epochs: u64,
    pub(super) seed: u64,
    pub(super) progress: bool,
    pub(super) most_norm: Option<f64>,
    pub(super) early: Option<EarlyStopping>,
    pub(super) checkpoint: Option<Checkpoint>,
    pub(super) accumulate: u64,
    pub(super) averaging: Option<Averaging>,
    schedule: Option<ScheduleOf>,
    stop_when: Option<Box<dyn Fn(u64) -> bool>>,
    logs: Vec<(Kind, PathBuf)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Csv,
    Html,
    JsonLines,
    TensorBoard,
}

impl Trainer {
    /// So many epochs.
    pub fn new(epochs: u64) -> Trainer {
        Trainer {
            epochs,
            seed: 0,
            progress: true,
            most_norm: None,
            early: None,
            checkpoint: None,
            accumulate: 1,
            averaging: None,
            schedule: None,
            stop_when: None,
            logs: Vec::new(),
        }
    }

    /// What dropout and its kin draw from: 0 unless said otherwise.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether to draw a progress bar. It is drawn on a terminal only, and needs the feature `trainer`.
    #[must_use]
    pub fn progress(mut self, progress: bool) -> Self {
        self.progress = progress;
        self
    }

    /// The learning rate of each step; the function is given the number of all steps.
    #[must_use]
    pub fn schedule(mut self, schedule: impl Fn(u64) -> Result<Schedule> + 'static) -> Self {
        self.schedule = Some(Box::new(schedule));
        self
    }

    /// Scales gradients down whose norm is larger; see `Gradients::clip_norm`.
    #[must_use]
    pub fn clip_norm(mut self, most: f64) -> Self {
        self.most_norm = Some(most);
        self
    }

    /// Makes each step from so many batches, one after the other: the mean of their gradients, in the memory of one. The last step of an epoch takes
    /// what is left. Steps are counted, not batches: by schedules, checkpoints, and records.
    #[must_use]
    pub fn accumulate(mut self, batches: u64) -> Self {
        self.accumulate = batches;
        self
    }

    /// Keeps an average of the weights. Validation sees it, and the network has it once the run is done (its own weights go on in the checkpoint, and
    /// stay where the run was stopped).
    #[must_use]
    pub fn average(mut self, averaging: Averaging) -> Self {
        self.averaging = Some(averaging);
        self
    }

    /// When to stop before the last epoch.
    #[must_use]
    pub fn early_stopping(mut self, early: EarlyStopping) -> Self {
        self.early = Some(early);
        self
    }

    /// Where the run is saved, and goes on from. It is saved when it ends, too.
    #[must_use]
    pub fn checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint);
        self
    }

    /// Asked before each step, with its number; the run is saved and ends where the answer is yes.
    #[must_use]
    pub fn stop_when(mut self, stop: impl Fn(u64) -> bool + 'static) -> Self {
        self.stop_when = Some(Box::new(stop));
        self
    }

    /// Writes each epoch's metrics as a line of a table.
    #[must_use]
    pub fn csv(self, path: impl AsRef<Path>) -> Self {
        self.log(Kind::Csv, path.as_ref())
    }

    /// Writes each epoch's metrics as a line of JSON.
    #[must_use]
    pub fn json_lines(self, path: impl AsRef<Path>) -> Self {
        self.log(Kind::JsonLines, path.as_ref())
    }

    /// Draws each epoch's metrics as curves on one page: [`Html`].
    #[must_use]
    pub fn html(self, path: impl AsRef<Path>) -> Self {
        self.log(Kind::Html, path.as_ref())
    }

    /// Writes each epoch's metrics for TensorBoard.
    #[must_use]
    pub fn tensorboard(self, directory: impl AsRef<Path>) -> Self {
        self.log(Kind::TensorBoard, directory.as_ref())
    }

    fn log(mut self, kind: Kind, path: &Path) -> Self {
        self.logs.push((kind, path.to_owned()));
        self
    }

    /// The records, for a run that begins with or goes on from this step: of an epoch's end, the step that follows it.
    pub(super) fn open_logs(&self, first: u64) -> Result<Vec<Box<dyn Log>>> {
        let open = |(kind, path): &(Kind, PathBuf)| -> Result<Box<dyn Log>> {
            // Epochs are noted under the number of steps done: what a run at `first` did is its own.
            let next = if first == 0 { 0 } else { first + 1 };
            Ok(match kind {
                Kind::Csv => Box::new(Csv::open(path, next)?),
                Kind::Html => Box::new(Html::open(path, next)?),
                Kind::JsonLines => Box::new(JsonLines::open(path, next)?),
                Kind::TensorBoard => Box::new(TensorBoard::open(path, next)?),
            })
        };
        self.logs.iter().map(open).collect()
    }

    pub(super) fn check(&self) -> Result<()> {
        match self.accumulate {
            0 => setting("Trainer::accumulate", "a step of 0 batches; 1 is the least"),
            _ => Ok(()),
        }
    }

    pub(super) fn schedule_over(&self, steps: u64) -> Result<Option<Schedule>> {
        self.schedule.as_ref().filter(|_| steps > 0).map(|schedule| schedule(steps)).transpose()
    }

    pub(super) fn stops(&self, step: u64) -> bool {
        self.stop_when.as_ref().is_some_and(|stop| stop(step))
    }
}
