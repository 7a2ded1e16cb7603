//! A text file of which a run that goes on cuts off what it will write again.

use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that rows are added to.
#[derive(Debug)]
pub(super) struct Rows {
    path: PathBuf,
    file: File,
}

impl Rows {
    /// Opens a file, or makes it and the directories it is in, and keeps the lines up to the first for which `keep` says no. A last line
    /// without its end, from a run that was killed, goes too.
    pub(super) fn open(path: &Path, mut keep: impl FnMut(&str) -> bool) -> Result<Rows> {
        let at = |result: io::Result<_>| result.map_err(|source| Error::Io { path: path.into(), source });
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => at(text)?,
        };
        let lines = text.split_inclusive('\n');
        let kept = lines.take_while(|line| line.strip_suffix('\n').is_some_and(&mut keep)).map(str::len).sum::<usize>();
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|source| Error::Io { path: directory.into(), source })?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path);
        let rows = Rows { path: path.into(), file: file.map_err(|source| Error::Io { path: path.into(), source })? };
        rows.or_error(rows.file.set_len(kept as u64))?;
        Ok(rows)
    }

    /// Adds a line, in one piece.
    pub(super) fn push(&mut self, line: &str) -> Result<()> {
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        self.or_error(written)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn or_error(&self, result: io::Result<()>) -> Result<()> {
        result.map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}
