//! ln x and ln(1 + x). Derivatives: 1/x and 1/(1 + x). ln 0 = −∞, ln of less is NaN.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 4.0]));
//! assert_eq!(x.clone().ln().sum().backward()[&x].to_vec(), [1.0, 0.25]);
//! ```

use super::elementwise::unary_op;
use crate::{Float, Op, Tensor, Var};

unary_op!(Ln, "ln", kernels::ln, from x |x, dy| dy / x);
unary_op!(Log1p, "log1p", kernels::log1p, from x |x, dy| dy / (x + 1));

impl<T: Float> Var<T> {
    /// The natural logarithm. Derivative: 1/x.
    #[track_caller]
    pub fn ln(self) -> Var<T> {
        Ln.apply([self])
    }

    /// ln(1 + x), exact near 0 too. Derivative: 1/(1 + x).
    #[track_caller]
    pub fn log1p(self) -> Var<T> {
        Log1p.apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// The natural logarithm.
    pub fn ln(&self) -> Tensor<T> {
        Ln.eval([self.clone()])
    }

    /// ln(1 + x), exact near 0 too.
    pub fn log1p(&self) -> Tensor<T> {
        Log1p.eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!("ln", UNARY, &[(0.5, 3.0)], |x| x[0].clone().ln(), elementwise | x | x[0].ln()),
        entry!("log1p", UNARY, &[(-0.5, 3.0)], |x| x[0].clone().log1p(), elementwise | x | x[0].ln_1p()),
    ]
}
