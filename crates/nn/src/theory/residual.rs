//! Three ways to write the leaky rectifier x where x > 0, else αx, and what rounding makes of them.

/// The residual form x + (α − 1)·min(0, x): the identity, and a correction below 0.
///
/// For finite x and α, without overflow, |residual − branch| ≤ 2⁻²²·(|α| + ½)·|x| in f32 (plus a least subnormal number where products underflow). No bound in units
/// of the result's last place exists: α − 1 loses the low bits of a small α, so at α = 10⁻⁹ the result is 0. With one fused
/// multiply-add and ½ ≤ α ≤ 2, where α − 1 is exact, it is the branch form bit for bit (a zero's sign aside). At −∞ and α ≤ 1 the sum is
/// ∞ − ∞: only the branch form is right there, and it is what all kernels compute.
///
/// ```
/// use nn::theory::leaky_residual;
/// assert_eq!([leaky_residual(-2.0, 0.25), leaky_residual(3.0, 0.25)], [-0.5, 3.0]);
/// assert_eq!(leaky_residual(-1.0, 1e-9), 0.0); // and not −1e−9
/// assert!(leaky_residual(f32::NEG_INFINITY, 0.25).is_nan());
/// ```
pub fn leaky_residual(x: f32, alpha: f32) -> f32 {
    x + (alpha - 1.0) * x.min(0.0)
}

/// The even and the odd part: (1 + α)/2·x + (1 − α)/2·|x|. What makes the mean square (1 + α²)/2 of x's, and shows that α = 1 is linear, α = −1 is |x|.
///
/// For finite x and α, without overflow, within 2⁻²²·(|α| + 1)·|x| of the branch form, above 0 too: 1 ± α, two products and the sum are rounded.
///
/// ```
/// use nn::theory::leaky_by_parts;
/// assert_eq!([leaky_by_parts(-2.0, 0.25), leaky_by_parts(3.0, 0.25)], [-0.5, 3.0]);
/// assert_eq!(leaky_by_parts(-2.0, -1.0), 2.0);
/// ```
pub fn leaky_by_parts(x: f32, alpha: f32) -> f32 {
    0.5 * (1.0 + alpha) * x + 0.5 * (1.0 - alpha) * x.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tape::Tensor;

    /// The branch form, by the library's kernel.
    fn branch(x: f32, alpha: f32) -> f32 {
        Tensor::from([x]).leaky_relu(alpha).item()
    }

    /// Numbers of every sign and size that neither overflow nor, often, underflow in products.
    fn number(exponents: std::ops::Range<i32>) -> impl Strategy<Value = f32> {
        (exponents, 1.0..2.0f32, any::<bool>()).prop_map(|(exponent, mantissa, negative)| {
            (exponent as f32).exp2() * mantissa * if negative { -1.0 } else { 1.0 }
        })
    }

    fn bound(x: f32, alpha: f32, offset: f64) -> f64 {
        let tiny = f64::from(f32::from_bits(1));
        (-22f64).exp2() * (f64::from(alpha).abs() + offset) * f64::from(x).abs() + tiny
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_residual_form_is_within_its_bound(x in number(-149..100), alpha in number(-30..27)) {
            let off = f64::from(leaky_residual(x, alpha)) - f64::from(branch(x, alpha));
            prop_assert!(off.abs() <= bound(x, alpha, 0.5), "{off:e} at {x:e}, {alpha:e}");
            let off = f64::from(leaky_by_parts(x, alpha)) - f64::from(branch(x, alpha));
            prop_assert!(off.abs() <= bound(x, alpha, 1.0) + f64::from(f32::from_bits(1)), "by parts {off:e} at {x:e}, {alpha:e}");
        }

        #[test]
        fn with_one_rounding_it_is_the_branch_form(x in number(-149..100), alpha in 0.5..=2.0f32) {
            let fused = (alpha - 1.0).mul_add(x.min(0.0), x);
            prop_assert_eq!(fused.to_bits(), branch(x, alpha).to_bits(), "{} {}", x, alpha);
        }
    }

    /// The bound is of the right size: it is reached to a tenth.
    #[test]
    fn the_bound_is_no_idle_one() {
        let mut rng = tape::Rng::seed(1);
        let worst = (0..100_000).map(|_| {
            let (x, alpha) = (-(1.0 + rng.uniform()) as f32, rng.normal() as f32);
            f64::from(leaky_residual(x, alpha) - branch(x, alpha)).abs() / bound(x, alpha, 0.5)
        });
        let worst = worst.fold(0.0, f64::max);
        assert!(worst > 0.1, "{worst}");
    }

    #[test]
    fn edges() {
        for alpha in [-1.0, 0.0, 0.25, 1.0, 3.0] {
            assert_eq!([leaky_residual(0.0, alpha), leaky_by_parts(0.0, alpha)], [0.0; 2]);
            assert!(leaky_residual(f32::NAN, alpha).is_nan() && leaky_by_parts(f32::NAN, alpha).is_nan());
        }
        let inf = f32::INFINITY;
        assert!(leaky_residual(-inf, 0.5).is_nan() && branch(-inf, 0.5) == -inf);
        assert_eq!((leaky_residual(-inf, 2.0), leaky_residual(inf, 0.5).is_nan()), (-inf, false));
    }
}
