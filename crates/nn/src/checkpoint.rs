//! [`Checkpoint`]: stop anywhere, go on bit for bit.
//!
//! A checkpoint is one safetensors file in the run's directory, `step-0000000100.safetensors`, with everything that [`State`] records; other
//! programs can read the numbers out of it. Its header says the step, the version of the form, the level of the kernels, and a checksum of
//! every byte. It is written beside its place, synced, moved there, and the directory synced: a crash at any moment, of the program or of the
//! machine, leaves the files as they were before or with one more. With the same program, the same seeds and the same level a run that was
//! stopped has the bits of one that was not, whatever the number of threads.

mod directory;
mod file;

use crate::error::setting;
use crate::state::{Recall, Record, State};
use crate::{Error, Result, files};
use directory::Directory;
use std::path::{Path, PathBuf};

/// A run's directory of checkpoints.
///
/// ```
/// use nn::prelude::*;
/// # let directory = std::env::temp_dir().join(format!("rectify-checkpoint-doc-{}", std::process::id()));
///
/// let mut rng = Rng::seed(1);
/// let net = Linear::new(2, 1, &mut rng);
/// let mut run = (net, Adam::new(0.01), rng); // tuples and derives are `State`
/// let checkpoint = Checkpoint::new(&directory).every(10).keep(3);
/// let first = checkpoint.restore(&mut run)?; // 0 when nothing is there yet
/// for step in first..40 {
///     let (net, adam, rng) = &mut run;
///     let tape = Tape::training(rng.next_u64());
///     let loss = net.forward(tape.input(Tensor::randn([8, 2], rng))).square().mean();
///     adam.step(net, loss.backward())?;
///     checkpoint.save_if_due(step + 1, &run)?; // a crash at any moment loses at most 10 steps
/// }
/// assert_eq!(checkpoint.steps()?, [20, 30, 40]);
/// # std::fs::remove_dir_all(directory).unwrap();
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Checkpoint {
    directory: Directory,
    every: u64,
    keep: usize,
    warn: fn(&str),
}

impl Checkpoint {
    /// In this directory, which the first save makes. A save is due at every step, and the last three are kept, unless said otherwise.
    pub fn new(directory: impl AsRef<Path>) -> Checkpoint {
        Checkpoint {
            directory: Directory::new(directory.as_ref()),
            every: 1,
            keep: 3,
            warn: |warning| eprintln!("warning: {warning}"),
        }
    }

    /// [`Checkpoint::save_if_due`] saves at multiples of this many steps.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn every(mut self, steps: u64) -> Self {
        assert!(steps > 0, "Checkpoint::every: give at least 1 step");
        self.every = steps;
        self
    }

    /// How many of the last checkpoints stay. The one before the last is what a damaged last one falls back to.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn keep(mut self, checkpoints: usize) -> Self {
        assert!(checkpoints > 0, "Checkpoint::keep: give at least 1");
        self.keep = checkpoints;
        self
    }

    /// Who is told what a person should know: a damaged file that was passed over, another level of the kernels. Standard error, unless said
    /// otherwise.
    #[must_use]
    pub fn warn(mut self, warn: fn(&str)) -> Self {
        self.warn = warn;
        self
    }

    /// Gives a run what the last checkpoint remembers, and returns its step; 0, and the run as it was, where there is none.
    ///
    /// A damaged file is set aside under the name `….damaged`, with a warning, and the checkpoint before it is taken.
    ///
    /// # Errors
    /// If the directory or a file cannot be read; if every checkpoint is damaged; if the last sound one is of another run: names, shapes or
    /// number types that differ, each in a table; or if a newer Rectify wrote it. The run is then as it was.
    pub fn restore(&self, run: &mut (impl State + ?Sized)) -> Result<u64> {
        self.directory.sweep();
        let steps = self.directory.steps()?;
        let mut damaged: Option<Error> = None;
        for &step in steps.iter().rev() {
            let path = self.directory.file(step);
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(source) => return Err(Error::Io { path, source }),
            };
            let contents = match file::open(&bytes, step) {
                Ok(contents) => contents,
                Err(file::Problem::Newer(problem)) => return Err(Error::Damaged { path, problem }),
                Err(file::Problem::Damaged(problem)) => {
                    let before = steps.iter().rev().find(|&&before| before < step);
                    let way_out =
                        before.map_or("there is no other".to_owned(), |step| format!("going on from step {step}"));
                    (self.warn)(&format!("{}: {problem}; {way_out}", path.display()));
                    damaged.get_or_insert(Error::Damaged { path, problem });
                    continue;
                }
            };
            Recall::into(&contents, run).map_err(|differences| Error::Misfit { path: path.clone(), differences })?;
            let (here, there) = (file::level(), contents.metadata.get(file::LEVEL));
            if there.is_some_and(|there| *there != here) {
                let there = there.map_or("", String::as_str);
                (self.warn)(&format!(
                    "{}: saved at the level {there} of the kernels, this is {here}: the run goes on, but not bit for bit \
                     (KERNELS_LEVEL={there} would)",
                    path.display()
                ));
            }
            // Only now: where all are damaged, or the run is another, a person may want to look at them as they are.
            steps.iter().filter(|&&later| later > step).try_for_each(|&later| self.directory.set_aside(later))?;
            return Ok(step);
        }
        damaged.map_or(Ok(0), Err)
    }

    /// Saves if the step is a multiple of [`Checkpoint::every`].
    ///
    /// # Errors
    /// As [`Checkpoint::save`].
    pub fn save_if_due(&self, step: u64, run: &(impl State + ?Sized)) -> Result<()> {
        if step.is_multiple_of(self.every) { self.save(step, run).map(drop) } else { Ok(()) }
    }

    /// Saves what a run remembers after so many steps, removes checkpoints beyond those to keep, and returns the file's path.
    ///
    /// # Errors
    /// If it cannot be written, if two parts of the run have one name, or if the directory holds a later step: it is of another run, which this one
    /// would mix with. The files are then as they were.
    pub fn save(&self, step: u64, run: &(impl State + ?Sized)) -> Result<PathBuf> {
        let steps = self.directory.steps()?;
        if let Some(later) = steps.last().filter(|&&last| last > step) {
            let at = self.directory.path().display();
            let problem = format!(
                "{at} holds step {later}, later than {step}: restore the run first, or give it another directory"
            );
            return setting("Checkpoint", problem);
        }
        let tensors = match Record::of(run).into_tensors() {
            Ok(tensors) => tensors,
            Err(name) => return setting("Checkpoint", format!("two parts of the run are named `{name}`")),
        };
        self.directory.make()?;
        let path = self.directory.file(step);
        files::write_whole(&path, &file::bytes(&tensors, step))
            .map_err(|source| Error::Io { path: path.clone(), source })?;
        self.directory.sync()?;
        // What is beyond those to keep goes last: at no moment are there fewer.
        let before: Vec<u64> = steps.into_iter().filter(|&before| before != step).collect();
        let beyond = (before.len() + 1).saturating_sub(self.keep);
        before[..beyond].iter().try_for_each(|&old| self.directory.remove(old))?;
        Ok(path)
    }

    /// The steps of all checkpoints, in order.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>> {
        self.directory.steps()
    }
}
