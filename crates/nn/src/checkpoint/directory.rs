//! The directory of a run's checkpoints: which files are there, and the moves that a crash cannot tear.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A directory that need not exist yet.
#[derive(Clone, Debug)]
pub(super) struct Directory(PathBuf);

const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

impl Directory {
    pub(super) fn new(path: &Path) -> Directory {
        Directory(path.to_owned())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Where the checkpoint of a step is. Names of ten digits sort as their steps do; longer ones are read all the same.
    pub(super) fn file(&self, step: u64) -> PathBuf {
        self.0.join(format!("{PREFIX}{step:010}{SUFFIX}"))
    }

    /// The steps of the files that are there, in order; none where there is no directory.
    pub(super) fn steps(&self) -> Result<Vec<u64>> {
        let mut steps: Vec<u64> = self.names()?.iter().filter_map(|name| step_of(name)).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    fn names(&self) -> Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => self.or_error(entries)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(self.or_error(entry)?.file_name().into_string());
        }
        Ok(names)
    }

    /// Makes the directory, and the ones it is in.
    pub(super) fn make(&self) -> Result<()> {
        self.or_error(fs::create_dir_all(&self.0))
    }

    /// Makes what happened to names last through a crash of the machine.
    pub(super) fn sync(&self) -> Result<()> {
        // Other systems do not open directories.
        if cfg!(unix) { self.or_error(File::open(&self.0).and_then(|directory| directory.sync_all())) } else { Ok(()) }
    }

    pub(super) fn remove(&self, step: u64) -> Result<()> {
        let path = self.file(step);
        fs::remove_file(&path).map_err(|source| Error::Io { path, source })
    }

    /// Gives a damaged file another name.
    pub(super) fn set_aside(&self, step: u64) -> Result<()> {
        let path = self.file(step);
        let mut aside = path.clone().into_os_string();
        aside.push(".damaged");
        fs::rename(&path, aside).map_err(|source| Error::Io { path, source })
    }

    /// Removes what saves that were killed left beside. Nothing depends on it, so that it may fail.
    pub(super) fn sweep(&self) {
        for name in self.names().unwrap_or_default() {
            let is_left = name
                .strip_prefix('.')
                .and_then(|name| name.rsplit_once('.'))
                .is_some_and(|(of, _)| step_of(of).is_some());
            if is_left {
                let _ = fs::remove_file(self.0.join(name));
            }
        }
    }

    fn or_error<R>(&self, result: io::Result<R>) -> Result<R> {
        result.map_err(|source| Error::Io { path: self.0.clone(), source })
    }
}

/// The step in a name, if it is a checkpoint's: exactly as [`Directory::file`] writes it.
fn step_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let step = digits.parse().ok()?;
    (format!("{step:010}") == digits).then_some(step)
}
