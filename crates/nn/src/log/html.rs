//! A run as one page that needs nothing else: curves of everything that was noted, and what the laboratory found.

mod page;
#[cfg(test)]
mod tests;

use super::Log;
use crate::diagnose::{Monitor, Report};
use crate::files::write_whole;
use crate::{Error, Result};
use serde_json::Value;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A page with a curve for each name, without script or network. Names with one word before a slash, such as `loss/train` and `loss/validation`, share a
/// picture. The records stand in the page too, exactly: a run that goes on reads them there.
///
/// The page is written anew with each call, whole or not at all: for a line an epoch, not one a step.
///
/// ```
/// use nn::log::{Html, Log};
/// use nn::prelude::*;
/// # let directory = std::env::temp_dir().join(format!("rectify-html-doc-{}", std::process::id()));
/// let mut log = Html::open(directory.join("run.html"), 0)?;
/// for epoch in 0..3 {
///     log.scalars(epoch, &[("loss/train", 0.5f64.powi(epoch as i32)), ("accuracy", 0.9)])?;
/// }
/// let mut rng = Rng::seed(1);
/// let net = (Linear::new(8, 32, &mut rng), Relu, Linear::new(32, 4, &mut rng));
/// log.report(&nn::diagnose(&net, |x| net.forward(x), &Tensor::randn([64, 8], &mut rng))?)?;
/// # std::fs::remove_dir_all(directory).unwrap();
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Html {
    path: PathBuf,
    title: String,
    rows: Vec<Row>,
    /// What the laboratory found, as HTML.
    laboratory: String,
}

/// A step, and its numbers.
type Row = (u64, Vec<(String, f64)>);

/// Between these the page has its records.
const RECORDS: [&str; 2] = ["<script type=\"application/json\" id=\"records\">", "</script>"];

impl Html {
    /// Opens a page, or begins one and makes the directories it is in; `first` is the step that the run begins with or goes on from: records of
    /// it and of later ones are left out. To add to a run that has ended, `first` is [`u64::MAX`].
    ///
    /// # Errors
    /// If it cannot be read, or is another kind of page.
    pub fn open(path: impl AsRef<Path>, first: u64) -> Result<Html> {
        let path = path.as_ref();
        let refused = |source| Error::Io { path: path.into(), source };
        let rows = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            text => match parse(&text.map_err(refused)?) {
                Some(rows) => rows,
                None => {
                    let problem =
                        "there are no records in it: this is another page, or a damaged one; remove it".to_owned();
                    return Err(Error::Damaged { path: path.into(), problem });
                }
            },
        };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory).map_err(|source| Error::Io { path: directory.into(), source })?;
        }
        let rows = rows.into_iter().filter(|(step, _)| *step < first).collect();
        Ok(Html { path: path.into(), title: "A training run".into(), rows, laboratory: String::new() })
    }

    /// What the page is called: "A training run" unless said otherwise.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds what a look at a batch showed ([`crate::diagnose()`]), in place of what was added before.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn report(&mut self, report: &Report) -> Result<()> {
        self.laboratory = page::report(report);
        self.write()
    }

    /// Adds what a watched run showed, in place of what was added before.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn monitor(&mut self, monitor: &Monitor) -> Result<()> {
        self.laboratory = page::monitor(monitor);
        self.write()
    }

    fn write(&self) -> Result<()> {
        let page = page::page(&self.title, &self.rows, &self.laboratory, &self.records());
        write_whole(&self.path, page.as_bytes()).map_err(|source| Error::Io { path: self.path.clone(), source })
    }

    /// The records as JSON: `[[step,["loss","0.25"],…],…]`. Numbers are texts, so that they come back exactly, NaN too.
    fn records(&self) -> String {
        let row = |(step, values): &Row| {
            let fields = values.iter().map(|(name, value)| Value::from(vec![name.clone(), value.to_string()]));
            Value::from([Value::from(*step)].into_iter().chain(fields).collect::<Vec<_>>())
        };
        let rows = Value::from(self.rows.iter().map(row).collect::<Vec<_>>()).to_string();
        // In JSON it stands in texts only. Without it, nothing here can end the element.
        [RECORDS[0], &rows.replace('<', "\\u003c"), RECORDS[1]].concat()
    }
}

/// The records of a page.
fn parse(page: &str) -> Option<Vec<Row>> {
    let (_, rest) = page.split_once(RECORDS[0])?;
    let (records, _) = rest.split_once(RECORDS[1])?;
    let rows: Vec<Vec<Value>> = serde_json::from_str(records).ok()?;
    let field = |field: &Value| Some((field.get(0)?.as_str()?.to_owned(), field.get(1)?.as_str()?.parse().ok()?));
    let row = |row: Vec<Value>| {
        let (step, values) = row.split_first()?;
        Some((step.as_u64()?, values.iter().map(field).collect::<Option<_>>()?))
    };
    rows.into_iter().map(row).collect()
}

impl Log for Html {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        self.rows.push((step, values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()));
        let written = self.write();
        if written.is_err() {
            self.rows.pop();
        }
        written
    }
}
