//! dot: Σ aᵢ·bᵢ of two vectors; outer: the matrix of all products aᵢ·bⱼ.
//!
//! `[n]`, `[n]` → a scalar, summed pairwise; `[m]`, `[n]` → `[m, n]`. Derivatives: of dot dy·b and dy·a; of outer dy·b and
//! dyᵀ·a, which the engine sums over the axis that was broadcast. An empty dot product is 0.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let (a, b) = (tape.var(Tensor::from([1.0, 2.0])), Tensor::from([3.0, 5.0]));
//! assert_eq!(a.clone().dot(&b).item(), 13.0);
//! assert_eq!(a.clone().outer(&b).to_vec(), [3.0, 5.0, 6.0, 10.0]);
//! assert_eq!(a.clone().dot(&b).backward()[&a].to_vec(), [3.0, 5.0]);
//! assert_eq!(a.clone().outer(&b).sum().backward()[&a].to_vec(), [8.0, 8.0]);
//! ```

use crate::error::expect;
use crate::{Error, Float, Operand, Result, Shape, Tensor, Var};

fn check_dot(a: &Shape, b: &Shape) -> Result<()> {
    if a.rank() == 1 && a == b {
        return Ok(());
    }
    let hint = "a dot product takes two vectors of one length; matrices multiply with `matmul`";
    Err(Error::ShapeMismatch { op: "dot", lhs: a.to_vec(), rhs: b.to_vec(), hint })
}

fn check_outer(a: &Shape, b: &Shape) -> Result<()> {
    if a.rank() == 1 && b.rank() == 1 {
        return Ok(());
    }
    let hint = "an outer product takes two vectors; flatten them";
    Err(Error::ShapeMismatch { op: "outer", lhs: a.to_vec(), rhs: b.to_vec(), hint })
}

impl<T: Float> Var<T> {
    /// Σ aᵢ·bᵢ of two vectors of one length.
    ///
    /// # Panics
    /// If these are no vectors of one length.
    #[track_caller]
    pub fn dot(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        expect(check_dot(self.shape(), other.shape()));
        (self * other).sum()
    }

    /// The matrix `[m, n]` of all products of two vectors' elements.
    ///
    /// # Panics
    /// If these are no vectors.
    #[track_caller]
    pub fn outer(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        expect(check_outer(self.shape(), other.shape()));
        self.unsqueeze(1) * other.unsqueeze(0)
    }
}

impl<T: Float> Tensor<T> {
    /// Σ aᵢ·bᵢ of two vectors of one length, as a scalar.
    ///
    /// # Panics
    /// If these are no vectors of one length.
    #[track_caller]
    pub fn dot(&self, other: &Tensor<T>) -> Tensor<T> {
        expect(check_dot(self.shape(), other.shape()));
        (self * other).sum()
    }

    /// The matrix `[m, n]` of all products of two vectors' elements.
    ///
    /// # Panics
    /// If these are no vectors.
    #[track_caller]
    pub fn outer(&self, other: &Tensor<T>) -> Tensor<T> {
        expect(check_outer(self.shape(), other.shape()));
        self.unsqueeze(1) * other.unsqueeze(0)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    vec![
        entry!(
            "dot",
            &[&[&[5], &[5]], &[&[1], &[1]], &[&[0], &[0]], &[&[37], &[37]]],
            R,
            |x| x[0].clone().dot(&x[1]),
            whole | x | Tensor::f64(x[0].iter().zip(&x[1]).map(|(a, b)| a * b).sum::<f64>())
        ),
        entry!(
            "outer",
            &[&[&[2], &[3]], &[&[1], &[4]], &[&[0], &[2]], &[&[3], &[0]]],
            R,
            |x| x[0].clone().outer(&x[1]),
            whole | x | {
                let products: Vec<f64> = x[0].iter().flat_map(|a| x[1].iter().map(move |b| a * b)).collect();
                Tensor::new(&products, [x[0].len(), x[1].len()])
            }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn nan_and_infinity_show_and_a_square_is_both_operands() {
        assert!(Tensor::from([f32::NAN, 1.0]).dot(&Tensor::from([0.0, 1.0])).item().is_nan());
        assert!(Tensor::from([f32::INFINITY]).dot(&Tensor::from([0.0])).item().is_nan());
        let x = crate::Tape::probing().var(Tensor::from([1.0, 2.0]));
        assert_eq!(x.clone().dot(&x).backward()[&x].to_vec(), [2.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "dot: shapes [2] and [3] do not fit: a dot product takes two vectors of one length")]
    fn lengths_must_be_equal() {
        Tensor::ones([2]).dot(&Tensor::ones([3]));
    }

    #[test]
    #[should_panic(expected = "outer: shapes [2, 1] and [3] do not fit")]
    fn matrices_have_no_outer_product() {
        Tensor::ones([2, 1]).outer(&Tensor::ones([3]));
    }
}
