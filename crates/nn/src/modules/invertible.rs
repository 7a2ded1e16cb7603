//! The leaky rectifier as an invertible map, for flows: with α > 0 both its inverse and the determinant of its Jacobian are exact.
//!
//! y = x where x > 0, else αx; x = y where y > 0, else y/α; the Jacobian is diagonal, so log|det J| = ln α · #{x ≤ 0} for each sample.
//! At 0 the slope is α, as everywhere in this library.

use super::stateless::without_parameters;
use crate::Result;
use crate::error::{expect, setting};
use tape::{Float, Rectifier, Var};

/// [`crate::LeakyRelu`] with a slope above 0, and the way back. With a learned slope: [`crate::ConstrainedPRelu`] under
/// [`crate::Constraint::Invertible`].
///
/// ```
/// use nn::{InvertibleLeaky, prelude::*};
/// let (act, tape) = (InvertibleLeaky::new(0.5), Tape::inference());
/// let (y, log_det) = act.forward_with_log_det(tape.input(Tensor::from([[-4.0, 3.0], [-1.0, -2.0]])));
/// assert_eq!(y.to_vec(), [-2.0, 3.0, -0.5, -1.0]);
/// assert_eq!(log_det.to_vec(), [-std::f32::consts::LN_2, -2.0 * std::f32::consts::LN_2]);
/// assert_eq!(act.inverse(y).to_vec(), [-4.0, 3.0, -1.0, -2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InvertibleLeaky {
    slope: f64,
}

impl InvertibleLeaky {
    /// With this slope below 0.
    ///
    /// # Panics
    /// If the slope is not above 0; [`InvertibleLeaky::try_new`] returns the error.
    #[track_caller]
    pub fn new(slope: f64) -> InvertibleLeaky {
        expect(InvertibleLeaky::try_new(slope))
    }

    /// With this slope below 0.
    ///
    /// # Errors
    /// If the slope is not above 0 and finite, with a finite reciprocal, in f32 too.
    pub fn try_new(slope: f64) -> Result<InvertibleLeaky> {
        match slope > 0.0 && (slope as f32).is_finite() && (slope as f32).recip().is_finite() {
            true => Ok(InvertibleLeaky { slope }),
            false => setting(
                "InvertibleLeaky",
                format!("the slope is {slope}; it and its reciprocal must be finite and above 0"),
            ),
        }
    }

    /// The x that [`crate::Layer::forward`] takes to y: within two roundings of it, unless αx was below the normal numbers.
    #[track_caller]
    pub fn inverse<T: Float>(&self, y: Var<T>) -> Var<T> {
        let alpha = y.tape().input(y.value().full_like(self.slope));
        inverse(y, alpha)
    }

    /// log|det J| at x `[N, …]` for each of N samples, `[N]`.
    pub fn log_det<T: Float>(&self, x: &Var<T>) -> Var<T> {
        let alpha = x.tape().input(x.value().full_like(self.slope));
        log_det(x, alpha)
    }

    /// The output, and log|det J| for each sample.
    #[track_caller]
    pub fn forward_with_log_det<T: Float>(&self, x: Var<T>) -> (Var<T>, Var<T>) {
        let log_det = self.log_det(&x);
        (x.leaky_relu(self.slope), log_det)
    }
}

without_parameters! {
    InvertibleLeaky => |this, x| x.leaky_relu(this.slope), rectifier |this| Rectifier::LeakyRelu(this.slope);
}

/// α in a shape that broadcasts to x's: the one slope of a module has shape [1], and a number has none.
fn fitted<T: Float>(alpha: Var<T>, x: &Var<T>) -> Var<T> {
    if alpha.rank() > x.rank() && alpha.len() == 1 { alpha.reshape([]) } else { alpha }
}

/// y where y > 0, else y/α.
#[track_caller]
pub(super) fn inverse<T: Float>(y: Var<T>, alpha: Var<T>) -> Var<T> {
    let (positive, alpha) = (y.value().gt(0), fitted(alpha, &y));
    y.clone().where_else(&positive, y / alpha)
}

/// Σ ln α over the elements of each sample that are not above 0.
#[track_caller]
pub(super) fn log_det<T: Float>(x: &Var<T>, alpha: Var<T>) -> Var<T> {
    let logs = fitted(alpha, x).ln().masked_fill(&x.value().gt(0), 0);
    if logs.rank() < 2 { logs } else { logs.flatten(1).sum_axes(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tape::strategy::tensor;
    use tape::{Rng, Tape, Tensor, gradcheck};

    /// ln|det| by elimination with pivots.
    pub(crate) fn numerical_log_det(mut rows: Vec<Vec<f64>>) -> f64 {
        let n = rows.len();
        let mut log = 0.0;
        for i in 0..n {
            let pivot = (i..n).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs())).unwrap();
            rows.swap(i, pivot);
            log += rows[i][i].abs().ln();
            let (above, below) = rows.split_at_mut(i + 1);
            for row in below {
                let factor = row[i] / above[i][i];
                row.iter_mut().zip(&above[i]).for_each(|(x, pivot)| *x -= factor * pivot);
            }
        }
        log
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_way_back(x in tensor(0..=3, -1e6..1e6), slope in 1e-6..1e6f64) {
            let (act, tape) = (InvertibleLeaky::new(slope), Tape::inference());
            let y = tape.input(x.clone()).leaky_relu(slope);
            // Two roundings of half an ulp each.
            prop_assert!(act.inverse(y).value().allclose(&x, 2.0 * f64::EPSILON, 0.0));
        }

        /// The Jacobian of a random linear map, the rectifier, and another linear map, by central differences; the linear maps' own determinants are
        /// numerical too. Differences of piecewise-linear functions are exact to rounding away from the kink: some 1e-11 of an entry, which inverses of norm 6e5 may magnify.
        #[test]
        fn the_determinant_is_the_jacobians(seed in 0u64.., slope in 0.05..4.0f64) {
            let (n, mut rng) = (4, Rng::seed(seed));
            let mut normal = || Tensor::randn([n, n], &mut rng).cast::<f64>();
            let (a, b) = (normal(), normal());
            let x = Tensor::randn([1, n], &mut rng).cast::<f64>();
            let act = InvertibleLeaky::new(slope);
            let tape = Tape::inference();
            let h = x.matmul(&a);
            let step = 1e-5;
            prop_assume!(h.to_vec().iter().all(|h| h.abs() > 2e-4));
            let rows = |m: &Tensor<f64>| m.to_vec().chunks(n).map(<[f64]>::to_vec).collect();
            let of_maps = [&a, &b].map(|m| numerical_log_det(rows(m)));
            prop_assume!(of_maps.iter().all(|log| *log > -1.0));
            let f = |x: Tensor<f64>| x.matmul(&a).leaky_relu(slope).matmul(&b).to_vec();
            let jacobian: Vec<Vec<f64>> = (0..n).map(|i| {
                let mut moved = [x.clone(), x.clone()];
                moved[0].make_mut()[i] += step;
                moved[1].make_mut()[i] -= step;
                let [up, down] = moved.map(f);
                up.iter().zip(down).map(|(up, down)| (up - down) / (2.0 * step)).collect()
            }).collect();
            let own = act.log_det(&tape.input(h)).item();
            let got = of_maps[0] + own + of_maps[1];
            prop_assert!((got - numerical_log_det(jacobian)).abs() < 1e-4, "{got}");
        }
    }

    #[test]
    fn edges() {
        let (act, tape) = (InvertibleLeaky::new(0.25), Tape::inference());
        let inf = f32::INFINITY;
        let x = Tensor::from([-inf, -0.0, 0.0, 1.0, inf]);
        let (y, log_det) = act.forward_with_log_det(tape.input(x.clone()));
        let quarter = 0.25f32.ln();
        assert_eq!(log_det.to_vec(), [quarter, quarter, quarter, 0.0, 0.0], "numbers are samples of one feature");
        let back = act.inverse(y).to_vec();
        assert_eq!(back, x.to_vec());
        assert!(back[1].is_sign_negative() && back[2].is_sign_positive());
        assert!(act.inverse(tape.input(Tensor::from([f32::NAN]))).item().is_nan());
        for (shape, samples) in [(&[][..], &[][..]), (&[0], &[0]), (&[0, 3], &[0]), (&[2, 0], &[2]), (&[2, 3, 4], &[2])]
        {
            assert_eq!(act.log_det(&tape.input(Tensor::full(shape, -1.0))).shape(), samples);
        }
        for slope in [0.0, -0.5, f64::NAN, f64::INFINITY, 1e-60] {
            let text = InvertibleLeaky::try_new(slope).unwrap_err().to_string();
            assert!(text.starts_with("InvertibleLeaky: the slope is "), "{text}");
        }
    }

    #[test]
    fn gradients_of_the_way_back_and_of_the_determinant() {
        let y = Tensor::f64([[0.7, -1.2, 2.0], [-0.3, 0.4, -5.0]]);
        let alpha = Tensor::f64([0.5, 2.0, 0.1]);
        gradcheck(|[y, alpha]| inverse(y, alpha).square().sum(), [&y, &alpha]).unwrap();
        gradcheck(|[alpha]| (log_det(&alpha.tape().input(y.clone()), alpha.clone()).square()).sum(), [&alpha]).unwrap();
    }
}
