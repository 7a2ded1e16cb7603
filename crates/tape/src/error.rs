//! What can go wrong with what comes from outside: shapes, axes, indices, files.

/// `Result` with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error that names the op, the shapes and the way out.
///
/// Expressions (`a + b`, `x.sum_axes(3)`) panic with the same text, at the caller's line.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two shapes that the op cannot bring together.
    #[error("{op}: shapes {lhs:?} and {rhs:?} do not fit: {hint}")]
    ShapeMismatch {
        /// The op.
        op: &'static str,
        /// The first operand's shape.
        lhs: Vec<usize>,
        /// The second operand's shape.
        rhs: Vec<usize>,
        /// The way out.
        hint: &'static str,
    },
    /// An axis the tensor does not have.
    #[error("{op}: there is no axis {axis} in shape {shape:?}{}", axis_range(shape.len()))]
    Axis {
        /// The op.
        op: &'static str,
        /// The axis asked for.
        axis: isize,
        /// The tensor's shape.
        shape: Vec<usize>,
    },
    /// A shape the op cannot work with.
    #[error("{op}: shape {shape:?}: {problem}")]
    Invalid {
        /// The op.
        op: &'static str,
        /// The shape.
        shape: Vec<usize>,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// An index beyond an axis.
    #[error("{op}: index {index} at position {position} is not in 0..{bound}")]
    Index {
        /// The op.
        op: &'static str,
        /// The index.
        index: i64,
        /// Where it stands among the indices.
        position: usize,
        /// The size of the axis it points into.
        bound: usize,
    },
    /// An argument that makes no sense.
    #[error("{op}: {problem}")]
    Argument {
        /// The op.
        op: &'static str,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A gradient that is not what finite differences say.
    #[error("{0}")]
    Gradcheck(String),
}

fn axis_range(rank: usize) -> String {
    match rank {
        0 => ": it is a scalar".to_string(),
        _ => format!("; axes go from 0 to {}, or from -{rank} to -1 counted from the end", rank - 1),
    }
}

/// The value, or a panic with the error's text at the caller's line: for misuse inside an expression.
#[track_caller]
#[inline]
pub(crate) fn expect<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(&error),
    }
}

#[cold]
#[track_caller]
fn fail(error: &Error) -> ! {
    panic!("{error}")
}
