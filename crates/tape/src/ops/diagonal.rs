//! diag: from a vector the matrix with it on the diagonal, from a matrix its diagonal; trace: the sum of that.
//!
//! `[n]` → `[n, n]`, `[m, n]` → `[min(m, n)]` (a view), trace `[m, n]` → a scalar. Linear: the derivative of the one is the
//! other; of a trace, dy on the diagonal and 0 elsewhere, whatever stands there.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
//! assert_eq!(x.clone().diag().to_vec(), [1.0, 4.0]);
//! assert_eq!(x.clone().trace().backward()[&x].to_vec(), [1.0, 0.0, 0.0, 1.0]);
//! assert_eq!(Tensor::from([5.0, 6.0]).diag().to_vec(), [5.0, 0.0, 0.0, 6.0]);
//! ```

use super::elementwise::slice;
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};
use kernels::pool::Element;

/// The diagonal of a matrix.
#[derive(Clone, Copy)]
struct Diagonal {
    rows: usize,
    columns: usize,
}

/// The matrix with this diagonal and zeros elsewhere.
struct OnDiagonal(Diagonal);

impl<T: Float> Op<T> for Diagonal {
    fn name(&self) -> &'static str {
        "diag"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(Shape::from(self.rows.min(self.columns)))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.diagonal_view()
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(OnDiagonal(*self).apply([dy]))]
    }
}

impl<T: Float> Op<T> for OnDiagonal {
    fn name(&self) -> &'static str {
        "on_diagonal"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Shape::new(&[self.0.rows, self.0.columns])
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.matrix(x)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(self.0.apply([dy]))]
    }
}

impl Diagonal {
    fn matrix<T: Element>(self, x: Tensor<T>) -> Tensor<T> {
        let x = x.contiguous();
        Tensor::fill_with([self.rows, self.columns], |to| {
            to.fill(T::zeroed());
            to.iter_mut().step_by(self.columns + 1).zip(slice(&x)).for_each(|(to, &from)| *to = from);
        })
    }
}

/// The matrix that `diag` is asked about, and whether it is the result.
///
/// # Errors
/// If the shape is neither a vector's nor a matrix's.
fn diagonal(shape: &Shape) -> Result<(Diagonal, bool)> {
    match **shape {
        [n] => Ok((Diagonal { rows: n, columns: n }, true)),
        [rows, columns] => Ok((Diagonal { rows, columns }, false)),
        _ => {
            let problem =
                "`diag` makes a matrix of a vector, or a vector of a matrix; take one out with `slice`".to_string();
            Err(Error::Invalid { op: "diag", shape: shape.to_vec(), problem })
        }
    }
}

fn check_matrix(shape: &Shape) -> Result<()> {
    match shape.rank() {
        2 => Ok(()),
        rank => {
            let problem = format!("it has {rank} axes, a trace is of a matrix");
            Err(Error::Invalid { op: "trace", shape: shape.to_vec(), problem })
        }
    }
}

impl<T: Float> Var<T> {
    /// Of a vector `[n]`, the matrix `[n, n]` with it on the diagonal; of a matrix `[m, n]`, its diagonal `[min(m, n)]`.
    ///
    /// # Panics
    /// If this is neither a vector nor a matrix.
    #[track_caller]
    pub fn diag(self) -> Var<T> {
        match expect(diagonal(self.shape())) {
            (diagonal, true) => OnDiagonal(diagonal).apply([self]),
            (diagonal, false) => diagonal.apply([self]),
        }
    }

    /// The sum of a matrix's diagonal; 0 of an empty one. Derivative: dy on the diagonal.
    ///
    /// # Panics
    /// If this is no matrix.
    #[track_caller]
    pub fn trace(self) -> Var<T> {
        expect(check_matrix(self.shape()));
        self.diag().sum()
    }
}

impl<T: Element> Tensor<T> {
    /// Of a vector `[n]`, the matrix `[n, n]` with it on the diagonal; of a matrix `[m, n]`, its diagonal `[min(m, n)]`, a view.
    ///
    /// # Panics
    /// If this is neither a vector nor a matrix.
    #[track_caller]
    pub fn diag(&self) -> Tensor<T> {
        match expect(diagonal(self.shape())) {
            (diagonal, true) => diagonal.matrix(self.clone()),
            (_, false) => self.diagonal_view(),
        }
    }
}

impl<T: Float> Tensor<T> {
    /// The sum of a matrix's diagonal; 0 of an empty one.
    ///
    /// # Panics
    /// If this is no matrix.
    #[track_caller]
    pub fn trace(&self) -> Tensor<T> {
        expect(check_matrix(self.shape()));
        self.diag().sum()
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const MATRICES: &[&[&[usize]]] = &[&[&[3, 3]], &[&[2, 4]], &[&[3, 1]], &[&[0, 2]], &[&[1, 1]]];
    fn on_diagonal(x: &Tensor<f64>) -> Vec<f64> {
        let (v, columns) = (x.to_vec(), x.shape()[1]);
        (0..x.shape()[0].min(columns)).map(|i| v[i * columns + i]).collect()
    }
    vec![
        entry!("diag", MATRICES, R, |x| x[0].clone().diag(), whole | x | Tensor::f64(&on_diagonal(&x[0])[..])),
        entry!(
            "diag",
            &[&[&[3]], &[&[1]], &[&[0]]],
            R,
            |x| x[0].clone().diag(),
            whole | x | {
                let (v, n) = (x[0].to_vec(), x[0].len());
                let at = |i: usize| if i / n == i % n { v[i / n] } else { 0.0 };
                Tensor::new(&(0..n * n).map(at).collect::<Vec<_>>(), [n, n])
            }
        ),
        entry!(
            "trace",
            MATRICES,
            R,
            |x| x[0].clone().trace(),
            whole | x | Tensor::f64(on_diagonal(&x[0]).iter().sum::<f64>())
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn views_integers_and_what_is_beside_the_diagonal() {
        let x = Tensor::arange(6).reshape([2, 3]);
        assert!(x.diag().shares_numbers_with(&x));
        assert_eq!(x.transpose().flip(0).diag().to_vec(), [2.0, 4.0]);
        assert_eq!(Tensor::from([[1, 2], [3, 4]]).diag().to_vec(), [1i64, 4]);
        assert_eq!(Tensor::from([7, 8]).diag().to_vec(), [7i64, 0, 0, 8]);
        let beside = Tensor::from([[1.0, f32::NAN], [f32::INFINITY, 2.0]]);
        assert_eq!(beside.trace().item(), 3.0);
        let tape = Tape::probing();
        let x = tape.var(beside);
        assert_eq!(
            (x.clone().trace() * f32::INFINITY).backward()[&x].to_vec(),
            [f32::INFINITY, 0.0, 0.0, f32::INFINITY]
        );
    }

    #[test]
    #[should_panic(expected = "diag: shape [1, 2, 2]: `diag` makes a matrix of a vector")]
    fn other_ranks_are_refused() {
        Tensor::ones([1, 2, 2]).diag();
    }

    #[test]
    #[should_panic(expected = "trace: shape [3]: it has 1 axes, a trace is of a matrix")]
    fn a_vector_has_no_trace() {
        Tensor::ones([3]).trace();
    }
}
