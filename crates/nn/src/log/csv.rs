//! Comma-separated values (RFC 4180): a column for the step, and one for each name of the first row.

use super::Log;
use super::rows::Rows;
use crate::{Error, Result};
use std::path::Path;

/// A table: `step,loss,accuracy`, and a line for each call.
///
/// The first call gives the columns their names; later ones may leave some out, in any order. Numbers are written so that they read back exactly.
#[derive(Debug)]
pub struct Csv {
    rows: Rows,
    /// The names behind the step; none before the first call.
    columns: Option<Vec<String>>,
}

impl Csv {
    /// Opens a file, or makes it and the directories it is in; `first` is the step that the run begins with or goes on from: rows of it and of
    /// later ones are cut off.
    ///
    /// # Errors
    /// If it cannot be opened, or if its first line is no list of columns that begins with `step`.
    pub fn open(path: impl AsRef<Path>, first: u64) -> Result<Csv> {
        let path = path.as_ref();
        let (mut header, mut is_header) = (None, true);
        let rows = Rows::open(path, |line| {
            if std::mem::take(&mut is_header) {
                header = Some(fields(line));
                return true;
            }
            line.split(',').next().and_then(|step| step.parse::<u64>().ok()).is_some_and(|step| step < first)
        })?;
        let Some(mut columns) = header else { return Ok(Csv { rows, columns: None }) };
        if columns.first().is_none_or(|column| column != "step") {
            let problem =
                "the first line is no list of columns that begins with `step`: this is another file".to_owned();
            return Err(Error::Damaged { path: path.into(), problem });
        }
        columns.remove(0);
        Ok(Csv { rows, columns: Some(columns) })
    }
}

impl Log for Csv {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let columns = match &self.columns {
            Some(columns) => columns,
            None => {
                let names = values.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
                let header: Vec<String> =
                    std::iter::once("step").chain(names.iter().map(String::as_str)).map(quoted).collect();
                self.rows.push(&header.join(","))?;
                self.columns.insert(names)
            }
        };
        if let Some((name, _)) = values.iter().find(|(name, _)| !columns.iter().any(|column| column == name)) {
            let problem =
                format!("there is no column `{name}`: the first row has {}; name everything there", columns.join(", "));
            return Err(Error::Damaged { path: self.rows.path().into(), problem });
        }
        let mut line = step.to_string();
        for column in columns {
            line.push(',');
            if let Some((_, value)) = values.iter().find(|(name, _)| name == column) {
                line.push_str(&value.to_string());
            }
        }
        self.rows.push(&line)
    }
}

/// A field, in quotes where it needs them. A line break would end the row: it becomes a space.
fn quoted(field: &str) -> String {
    let field = field.replace(['\n', '\r'], " ");
    if field.contains([',', '"']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

/// The fields of a line.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.trim_end_matches('\r').chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.peek() == Some(&'"') => {
                field.push('"');
                characters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(std::mem::take(&mut field)),
            other => field.push(other),
        }
    }
    fields.push(field);
    fields
}
