//! Tables of text, comma-separated values (RFC 4180): a name for each column in the first line, then a row a line. Needs the feature `csv`.
//!
//! A table is text until a column is asked for as something: numbers, integers, classes. What is wrong is said with file, line and column.
//! What becomes of missing fields is [`Missing`]'s to say: they are an error unless chosen otherwise.
//!
//! ```
//! use nn::data::csv::{self, Missing};
//! let text = b"length,width,species\n1.5,2,iris\n,4,rose\n2.5,6,iris\n";
//! let table = csv::Reader::new().missing(Missing::Mean).from_bytes(text)?;
//! assert_eq!(table.column("length")?.to_f64()?.to_vec(), [1.5, 2.0, 2.5]);
//! let data = table.dataset("species")?;
//! assert_eq!((data.images().shape().to_vec(), data.labels().to_vec()), (vec![3, 2], vec![0, 1, 0]));
//! # Ok::<(), nn::Error>(())
//! ```

mod column;
mod table;
#[cfg(test)]
mod tests;

pub use column::Column;
pub use table::Table;

use super::input;
use crate::error::setting;
use crate::{Error, Result};
use ::csv::ByteRecord;
use std::path::Path;

/// What becomes of a field that is missing: empty, or one of [`Reader::missing_texts`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Missing {
    /// It is an error where it is asked for.
    #[default]
    Refuse,
    /// Its row is left out, whichever of the columns that are read it is in.
    DropRow,
    /// It is NaN.
    Nan,
    /// It is this number.
    Fill(f64),
    /// It is the mean of the column's other fields. That is a statistic of the data: where part of a file is for testing, read NaN, split, and fill in
    /// the training part's means.
    Mean,
}

/// How a table is written, and what of it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reader {
    delimiter: u8,
    has_names: bool,
    columns: Option<Vec<String>>,
    missing: Missing,
    missing_texts: Vec<String>,
}

impl Default for Reader {
    fn default() -> Self {
        Reader::new()
    }
}

/// Reads a file with commas and a line of names.
///
/// # Errors
/// As [`Reader::read`].
pub fn read(path: impl AsRef<Path>) -> Result<Table> {
    Reader::new().read(path)
}

/// As [`read`], of a file in memory.
///
/// # Errors
/// As [`Reader::read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Table> {
    Reader::new().from_bytes(bytes)
}

impl Reader {
    /// Commas, names in the first line, every column, no field may be missing.
    pub fn new() -> Reader {
        let missing_texts = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "?"].map(str::to_owned).to_vec();
        Reader { delimiter: b',', has_names: true, columns: None, missing: Missing::default(), missing_texts }
    }

    /// What stands between fields, such as `b';'` or `b'\t'`.
    #[must_use]
    pub fn delimiter(mut self, delimiter: u8) -> Self {
        self.delimiter = delimiter;
        self
    }

    /// The first line is a row already; columns are called `0`, `1`, … .
    #[must_use]
    pub fn without_names(mut self) -> Self {
        self.has_names = false;
        self
    }

    /// Only these columns, in this order. Others may hold anything.
    #[must_use]
    pub fn columns<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// What becomes of missing fields.
    #[must_use]
    pub fn missing(mut self, missing: Missing) -> Self {
        self.missing = missing;
        self
    }

    /// Which fields are missing: empty ones, `NA`, `N/A`, `NaN`, `nan`, `NULL`, `null` and `?` unless said otherwise. Spaces around a field do not
    /// count.
    #[must_use]
    pub fn missing_texts<N: Into<String>>(mut self, texts: impl IntoIterator<Item = N>) -> Self {
        self.missing_texts = texts.into_iter().map(Into::into).collect();
        self
    }

    /// Reads a file. Empty lines do not count.
    ///
    /// # Errors
    /// If it cannot be read, is no text in UTF-8, if two columns have one name or one that is asked for is not there, if a row has more or less
    /// fields than the first line, or if a quote is not closed: in which line. If the delimiter is a quote or an end of a line.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        let bytes = input::read(path, |head, _| check_text(head))?;
        self.table(path, &bytes)
    }

    /// As [`Reader::read`], of a file in memory.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn from_bytes(&self, bytes: &[u8]) -> Result<Table> {
        self.table(Path::new("(bytes)"), bytes)
    }

    fn table(&self, path: &Path, bytes: &[u8]) -> Result<Table> {
        if [b'"', b'\r', b'\n'].contains(&self.delimiter) {
            return setting(
                "csv::Reader",
                "the delimiter is a quote or an end of a line; a comma, `;` or a tab are usual",
            );
        }
        let damaged = |problem| Error::Damaged { path: path.into(), problem };
        check_text(bytes).map_err(damaged)?;
        self.parse(path, bytes).map_err(damaged)
    }

    fn parse(&self, path: &Path, bytes: &[u8]) -> Result<Table, String> {
        let mut builder = ::csv::ReaderBuilder::new();
        // Rows of another length are refused here, where more is known about them.
        builder.has_headers(false).flexible(true).delimiter(self.delimiter);
        let mut reader = builder.from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut next = |record: &mut ByteRecord| -> Result<Option<u64>, String> {
            if !reader.read_byte_record(record).map_err(|error| error.to_string())? {
                return Ok(None);
            }
            let end = reader.position().byte() as usize;
            record_line(record, bytes, end).map(Some)
        };
        let Some(line) = next(&mut record)? else { return Err("line 1: there is nothing in the file".into()) };
        let count = record.len();
        let names = match self.has_names {
            true => names_of(&record, line)?,
            false => (0..count).map(|at| at.to_string()).collect::<Vec<_>>(),
        };
        let chosen = self.choose(&names, line)?;
        let mut table = Table::new(path, chosen.iter().map(|&at| names[at].clone()).collect(), self);
        let mut line = if self.has_names { next(&mut record)? } else { Some(line) };
        while let Some(at) = line {
            if record.len() != count {
                let (found, than) = (record.len(), if self.has_names { "names" } else { "fields in the first row" });
                return Err(format!(
                    "line {at}: {found} fields, and there are {count} {than}; a field with the delimiter in it needs quotes"
                ));
            }
            table.push(at, chosen.iter().map(|&column| (names[column].as_str(), &record[column])))?;
            line = next(&mut record)?;
        }
        Ok(table)
    }

    /// Where the columns are that are read.
    fn choose(&self, names: &[String], line: u64) -> Result<Vec<usize>, String> {
        let mut places = std::collections::HashMap::new();
        for (at, name) in names.iter().enumerate() {
            if let Some(before) = places.insert(name.as_str(), at) {
                let (first, second) = (before + 1, at + 1);
                return Err(format!(
                    "line {line}: columns {first} and {second} are both named `{}`; rename one",
                    shown(name)
                ));
            }
        }
        let Some(wanted) = &self.columns else { return Ok((0..names.len()).collect()) };
        let place = |name: &String| {
            let place = places.get(name.as_str()).copied();
            place.ok_or_else(|| format!("line {line}: there is no column `{name}`; there are {}", listed(names)))
        };
        wanted.iter().map(place).collect()
    }
}

/// That a file begins as text.
fn check_text(head: &[u8]) -> Result<(), String> {
    match head.iter().position(|&byte| byte == 0) {
        Some(at) => Err(format!("byte {at}: no text; a text in UTF-8 has no byte 0 (UTF-16 has; save it as UTF-8)")),
        None => Ok(()),
    }
}

/// The line in which a record begins that ends before byte `end`, counted from 1.
fn record_line(record: &ByteRecord, bytes: &[u8], end: usize) -> Result<u64, String> {
    let position = record.position().expect("it was read from a file");
    let raw = &bytes[(position.byte() as usize).min(end)..end];
    // The reader passes over empty lines with the record that follows them.
    let blank = raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let line = position.line() + blank.filter(|&&byte| byte == b'\n').count() as u64;
    let is_open = end == bytes.len() && raw.iter().filter(|&&byte| byte == b'"').count() % 2 == 1;
    if is_open && record.iter().next_back().is_some_and(|field| field.contains(&b'\n')) {
        return Err(format!("line {line}: a quote opens and is not closed before the end of the file"));
    }
    Ok(line)
}

/// The fields of the first line.
fn names_of(record: &ByteRecord, line: u64) -> Result<Vec<String>, String> {
    let name = |(at, field)| match std::str::from_utf8(field) {
        Ok(name) => Ok(name.trim().to_owned()),
        Err(_) => Err(format!("line {line}, column {}: no text in UTF-8: \"{}\"", at + 1, bytes_shown(field))),
    };
    record.iter().enumerate().map(name).collect()
}

fn bytes_shown(field: &[u8]) -> String {
    shown(&field[..field.len().min(60)].escape_ascii().to_string())
}

/// A text, shortened to what a line of an error can hold.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let text = text.replace(['\n', '\r'], "⏎");
    match text.chars().count() > MOST {
        true => text.chars().take(MOST).chain(['…']).collect(),
        false => text,
    }
}

/// The first of some names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 12;
    let mut list = names.iter().take(MOST).map(|name| format!("`{}`", shown(name))).collect::<Vec<_>>().join(", ");
    if names.len() > MOST {
        list.push_str(&format!(" and {} more", names.len() - MOST));
    }
    list
}
