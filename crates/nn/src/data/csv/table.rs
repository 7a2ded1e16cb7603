//! [`Table`]: rows of text, in one piece.

use super::{Column, Missing, Reader, bytes_shown, listed};
use crate::data::Dataset;
use crate::{Error, Result};
use std::path::{Path, PathBuf};
use tape::Tensor;

/// A table that was read: columns by name, in rows.
#[derive(Clone, Debug)]
pub struct Table {
    pub(super) path: PathBuf,
    names: Vec<String>,
    pub(super) missing: Missing,
    missing_texts: Vec<String>,
    /// Every field, row after row.
    text: String,
    /// Where each field ends.
    ends: Vec<usize>,
    /// The line of each row, from 1.
    lines: Vec<u64>,
    dropped: usize,
}

impl Table {
    pub(super) fn new(path: &Path, names: Vec<String>, reader: &Reader) -> Table {
        Table {
            path: path.into(),
            names,
            missing: reader.missing,
            missing_texts: reader.missing_texts.clone(),
            text: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
            dropped: 0,
        }
    }

    /// One more row: each field with its column's name.
    pub(super) fn push<'r>(
        &mut self,
        line: u64,
        fields: impl Iterator<Item = (&'r str, &'r [u8])>,
    ) -> Result<(), String> {
        let (before, mut drops) = (self.text.len(), false);
        for (name, field) in fields {
            let Ok(field) = std::str::from_utf8(field) else {
                let found = bytes_shown(field);
                return Err(format!(
                    "line {line}, column `{name}`: no text in UTF-8: \"{found}\"; save the file as UTF-8"
                ));
            };
            let field = field.trim();
            drops |= self.missing == Missing::DropRow && self.is_missing(field);
            self.text.push_str(field);
            self.ends.push(self.text.len());
        }
        if drops {
            self.text.truncate(before);
            self.ends.truncate(self.lines.len() * self.names.len());
            self.dropped += 1;
        } else {
            self.lines.push(line);
        }
        Ok(())
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// How many rows [`Missing::DropRow`] left out.
    pub fn dropped(&self) -> usize {
        self.dropped
    }

    /// A column.
    ///
    /// # Errors
    /// If there is none of this name.
    pub fn column(&self, name: &str) -> Result<Column<'_>> {
        match self.names.iter().position(|other| other == name) {
            Some(at) => Ok(Column::new(self, at)),
            None => Err(self.damaged(format!("there is no column `{name}`; there are {}", listed(&self.names)))),
        }
    }

    /// Columns of numbers side by side: `[N, F]`.
    ///
    /// # Errors
    /// If there is no such column, or a field is no number that f32 can hold, or is missing and may not be.
    pub fn features<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<Tensor> {
        let columns = names.into_iter().map(|name| self.column(name.as_ref())?.to_f32()).collect::<Result<Vec<_>>>()?;
        let width = columns.len();
        Ok(Tensor::fill_with([self.len(), width], |to| {
            for (at, column) in columns.iter().enumerate() {
                let numbers = column.as_slice().expect("it was made in order");
                to.iter_mut().skip(at).step_by(width).zip(numbers).for_each(|(to, &x)| *to = x);
            }
        }))
    }

    /// One column as labels, and all others as features `[N, F]`.
    ///
    /// Labels that are integers stay as they are. Texts are classes in the order of the alphabet ([`Column::classes`]): a second file must be read with
    /// the first one's, [`Table::dataset_with_classes`], since it may not have them all.
    ///
    /// # Errors
    /// If there is no such column, if a feature is no number or missing, if a label is missing or negative, or if some labels are integers and
    /// others are not.
    pub fn dataset(&self, label: &str) -> Result<Dataset> {
        let column = self.column(label)?;
        let first = column.texts().next().flatten();
        if first.is_none_or(|first| first.parse::<i64>().is_ok()) {
            let (images, labels) = (self.all_but(label)?, column.to_labels()?);
            return Dataset::new(images, labels);
        }
        self.dataset_with_classes(label, &column.classes()?)
    }

    /// As [`Table::dataset`], where the label `classes[i]` is i.
    ///
    /// # Errors
    /// As [`Table::dataset`], and if a label is none of the classes.
    pub fn dataset_with_classes<N: AsRef<str>>(&self, label: &str, classes: &[N]) -> Result<Dataset> {
        let labels = self.column(label)?.labels(classes)?;
        Dataset::with_classes(self.all_but(label)?, labels, classes.len())
    }

    fn all_but(&self, label: &str) -> Result<Tensor> {
        if self.names.len() == 1 {
            return Err(self.damaged(format!("`{label}` is the only column; a data set has features too")));
        }
        self.features(self.names.iter().filter(|name| *name != label))
    }

    pub(super) fn field(&self, row: usize, column: usize) -> &str {
        let at = row * self.names.len() + column;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.text[begin..self.ends[at]]
    }

    pub(super) fn is_missing(&self, field: &str) -> bool {
        self.missing_texts.iter().any(|text| text == field)
    }

    /// What is wrong with a field.
    pub(super) fn wrong(&self, row: usize, column: usize, problem: impl std::fmt::Display) -> Error {
        self.damaged(format!("line {}, column `{}`: {problem}", self.lines[row], self.names[column]))
    }

    pub(super) fn damaged(&self, problem: String) -> Error {
        Error::Damaged { path: self.path.clone(), problem }
    }
}
