//! What can go wrong with what comes from outside: files, labels, settings, gradients that are not finite.

use std::path::PathBuf;
use tape::Shape;

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that says what, where, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// From the tape: shapes, indices.
    #[error(transparent)]
    Tape(#[from] tape::Error),
    /// The system refused a file.
    #[error("{path}: {source}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{path}: {problem}", path = .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and the way out.
        problem: String,
    },
    /// A file that is right, but has what is not known here.
    #[error("{path}: {problem}", path = .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not known, where it stands, and the way out.
        problem: String,
    },
    /// A model file whose tensors are not this module's.
    #[error("{path}: does not fit this model:\n{differences}", path = .path.display())]
    Misfit {
        /// The file.
        path: PathBuf,
        /// In what they differ.
        differences: Differences,
    },
    /// A gradient with a NaN or an infinity: nothing was updated.
    #[error(
        "the gradient of `{name}` is {value} at element {element}; nothing was updated. `Tape::training(seed).detect_anomalies()` \
         finds the op it comes from"
    )]
    GradientNotFinite {
        /// The parameter.
        name: String,
        /// The element, in row-major order.
        element: usize,
        /// What stands there.
        value: f64,
    },
    /// A buffer's next value with a NaN or an infinity: nothing was updated.
    #[error(
        "the update of the buffer `{name}` is {value} at element {element}; nothing was updated. Look at the batch it comes from"
    )]
    UpdateNotFinite {
        /// The buffer.
        name: String,
        /// The element, in row-major order.
        element: usize,
        /// What stands there.
        value: f64,
    },
    /// What is to be minimised is NaN or infinite at the start: nothing was changed.
    #[error(
        "{what}: {name} is {value} at the start; nothing was changed. Begin elsewhere, or look for the op it comes from"
    )]
    LossNotFinite {
        /// The method.
        what: &'static str,
        /// What is not finite.
        name: &'static str,
        /// What stands there.
        value: f64,
    },
    /// A setting that makes no sense.
    #[error("{what}: {problem}")]
    Setting {
        /// Where it was set.
        what: &'static str,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A label that is no class.
    #[error("label {label} of example {example} is not in 0..{classes}")]
    Label {
        /// The label.
        label: i64,
        /// Which example it belongs to.
        example: usize,
        /// The number of classes.
        classes: usize,
    },
}

/// In what a model file differs from a module, under the names that the file has or should have. Prints as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// Names the model has and the file has not.
    pub missing: Vec<String>,
    /// Names the file has and the model has not.
    pub unexpected: Vec<String>,
    /// Names both have, with what is different about each.
    pub different: Vec<String>,
}

impl Differences {
    /// Whether file and module match.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.different.is_empty()
    }
}

impl std::fmt::Display for Differences {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let lists = [("missing", &self.missing), ("unexpected", &self.unexpected), ("different", &self.different)];
        let mut rows = lists.into_iter().flat_map(|(what, names)| names.iter().map(move |name| (what, name)));
        let Some((what, name)) = rows.next() else { return f.write_str("no differences") };
        write!(f, "  {what:<10}  {name}")?;
        rows.try_for_each(|(what, name)| write!(f, "\n  {what:<10}  {name}"))
    }
}

/// That shapes do not fit, and the way out.
pub(crate) fn misfit<R>(op: &'static str, lhs: &Shape, rhs: &Shape, hint: &'static str) -> Result<R> {
    Err(Error::Tape(tape::Error::ShapeMismatch { op, lhs: lhs.to_vec(), rhs: rhs.to_vec(), hint }))
}

/// That every label is a class, or the one that is ignored.
pub(crate) fn check_labels(labels: &[i64], classes: usize, ignore: Option<i64>) -> Result<()> {
    let is_class = |label: &i64| usize::try_from(*label).is_ok_and(|label| label < classes);
    match labels.iter().position(|label| Some(*label) != ignore && !is_class(label)) {
        Some(example) => Err(Error::Label { label: labels[example], example, classes }),
        None => Ok(()),
    }
}

pub(crate) fn setting<T>(what: &'static str, problem: impl Into<String>) -> Result<T> {
    Err(Error::Setting { what, problem: problem.into() })
}

/// The value, or a panic with the error's text at the caller's line: for numbers given in source.
#[track_caller]
pub(crate) fn expect<T>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}
