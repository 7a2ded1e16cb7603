//! The steepest slopes of the smooth activations, from above: sup |f'| over all x, which is an elementwise layer's Lipschitz constant.
//!
//! | | f' | is largest where | sup \|f'\| |
//! |---|---|---|---|
//! | elu | 1, and αeˣ for x ≤ 0 | at an end of either part | max(1, \|α\|) |
//! | celu | 1, and e^(x/α) for x ≤ 0 | the same, for α > 0; for α < 0 it grows for ever | 1 |
//! | selu | λ, and λαeˣ for x ≤ 0 | at 0, from below | λα ≈ 1.758099 |
//! | gelu | Φ + xφ | f'' = (2 − x²)φ = 0: x = √2 | Φ(√2) + √2·φ(√2) ≈ 1.128904 |
//! | gelu_tanh | σ + xσ(1 − σ)·2u' | x ≈ 1.418504 | 1.128993 |
//! | silu | σ(1 + x(1 − σ)) | x ≈ 2.399357 | 1.099839 |
//! | mish | t + x(1 − t²)σ | x ≈ 1.490571 | 1.088498 |
//! | softplus | σ(βx) | x → ∞ | 1 |
//! | hardswish | x/3 + ½ between −3 and 3 | x → 3 | 3/2 |
//! | hardsigmoid | 1/6 between −3 and 3 | | 1/6 |
//!
//! gelu_tanh, silu and mish have f'' = 0 at two places, one on each side of 0: f' falls from 0 to its least, rises to its largest and falls to 1. The largest were found to 40 digits by Newton's method on
//! f''; on the left |f'| is below 0.13. Constants stand here with their 16th digit rounded up, which is more than the rounding of a literal.

use super::up;
use crate::Result;
use crate::error::setting;
use tape::Float;

/// λα = 1.75809934084737678…, and as f32 has it.
pub(crate) const SELU: f64 = above_in_f32(1.758_099_340_847_377);
/// 1.12890414518515478…
pub(crate) const GELU: f64 = 1.128_904_145_185_156;
/// 1.12899306865877176…; of its two constants c = 0.044715 and k = √(8/π) only c/k² counts, as the rest is the unit of x. f32 moves that by up to 3·2⁻²⁴ of itself, and the slope by less.
pub(crate) const GELU_TANH: f64 = above_in_f32(1.128_993_068_658_773);
/// 1.09983932012886691…
pub(crate) const SILU: f64 = 1.099_839_320_128_868;
/// 1.08849816125172786…
pub(crate) const MISH: f64 = 1.088_498_161_251_729;
/// 3/2 exactly: the slope is below it.
pub(crate) const HARDSWISH: f64 = 1.5;
/// 1/6, which is rounded down in f64.
pub(crate) const HARDSIGMOID: f64 = (1.0 / 6.0) * (1.0 + f64::EPSILON);

/// Beyond what rounding a constant to f32 may add, 2⁻²⁴ of it, three times.
const fn above_in_f32(slope: f64) -> f64 {
    slope * (1.0 + 2.0 * f32::EPSILON as f64)
}

/// max(1, |α|), α as the layer's numbers have it.
pub(crate) fn elu<T: Float>(alpha: f64) -> f64 {
    T::from_f64(alpha).to_f64().abs().max(1.0)
}

/// 1, or what α and 1/α make of it once both are rounded.
///
/// # Errors
/// If α is not above 0: e^(x/α) grows without end.
pub(crate) fn celu<T: Float>(alpha: f64) -> Result<f64> {
    if alpha <= 0.0 {
        let problem = format!("α is {alpha}, so that slopes e^(x/α) grow without bound below 0; take an α above 0");
        return setting("Celu", problem);
    }
    let both = T::from_f64(alpha).to_f64() * T::from_f64(1.0 / alpha).to_f64();
    Ok(up(both).max(1.0))
}

/// 1. Where βx passes the threshold the value falls by ln(1 + e^(−threshold))/β, and a function that jumps has no constant; what is below half an ulp there counts as rounding.
///
/// # Errors
/// If the jump can be seen in T's numbers.
pub(crate) fn softplus<T: Float>(beta: f64, threshold: f64) -> Result<f64> {
    let jump = (-threshold).exp().ln_1p();
    if threshold.is_infinite() || jump <= T::EPSILON.to_f64() * threshold / 2.0 {
        return Ok(1.0);
    }
    let problem = format!(
        "at x = {} it jumps down by {:.1e}, so it has no Lipschitz constant; take a larger threshold: `Softplus::new({beta:?}, f64::INFINITY)`",
        threshold / beta,
        jump / beta
    );
    setting("Softplus", problem)
}

#[cfg(test)]
mod tests {
    use crate::lipschitz::Certificate;
    use crate::{
        Celu, Elu, Gelu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, Layer, Mish, RRelu, Relu6, Selu, Silu, Softplus,
        ThresholdRelu,
    };
    use tape::{Float, Rng, Tape, Tensor};

    fn layers<T: Float>() -> Vec<Box<dyn Layer<T>>> {
        vec![
            Box::new(Elu::default()),
            Box::new(Elu::new(0.3)),
            Box::new(Elu::new(2.7)),
            Box::new(Elu::new(-1.9)),
            Box::new(Celu::default()),
            Box::new(Celu::new(0.3)),
            Box::new(Celu::new(7.0)),
            Box::new(Selu),
            Box::new(Gelu),
            Box::new(GeluTanh),
            Box::new(Silu),
            Box::new(Mish),
            Box::new(Softplus::new(1.0, f64::INFINITY)),
            Box::new(Softplus::new(3.0, 50.0)),
            Box::new(Hardswish),
            Box::new(Hardsigmoid),
            Box::new(Relu6),
            Box::new(Hardtanh::new(-2.0, 0.5)),
            Box::new(RRelu::new(1.0, 4.0)),
            Box::new(ThresholdRelu::new(Some(2.0), -1.5, 0.0)),
        ]
    }

    fn values<T: Float>(layer: &dyn Layer<T>, x: &[f64]) -> Vec<f64> {
        let x = Tensor::<f64>::new(x, [x.len()]).cast::<T>();
        layer.forward(Tape::inference().input(x)).into_value().cast::<f64>().to_vec()
    }

    /// Neighbours a thousandth apart and pairs anywhere: no quotient is above the bound, but for what values of that size are rounded by; and some is within a thousandth of it.
    #[test]
    fn no_quotient_exceeds_them_and_some_come_near() {
        let mut rng = Rng::seed(3);
        let near: Vec<f64> = (-20_000..=20_000).map(|i| f64::from(i) / 1000.0).collect();
        let far: Vec<f64> = (0..40_000).map(|_| rng.normal() * 10f64.powf(4.0 * rng.uniform() - 2.0)).collect();
        for (which, layer) in layers::<f64>().iter().enumerate() {
            let bound = Certificate::of(layer).unwrap().bound();
            let mut most = 0.0f64;
            for x in [&near, &far] {
                let y = values(&**layer, x);
                for (x, y) in x.windows(2).zip(y.windows(2)) {
                    let (step, rise) = ((x[1] - x[0]).abs(), (y[1] - y[0]).abs());
                    // Each value is within some ulps; the largest of four numbers is at hand.
                    let rounding = 16.0 * f64::EPSILON * x[0].abs().max(x[1].abs()).max(1.0) * bound;
                    assert!(
                        rise <= bound * step + rounding,
                        "layer {which}: {rise} over {step} at {x:?}, bound {bound}"
                    );
                    most = most.max((rise - rounding) / step);
                }
            }
            assert!(most >= bound * (1.0 - 1e-3), "layer {which}: at most {most}, bound {bound}");
        }
    }

    /// f32's constants are rounded, which may make a slope larger: still below.
    #[test]
    fn they_hold_for_the_rounded_constants_of_f32() {
        for (single, double) in layers::<f32>().iter().zip(layers::<f64>().iter()) {
            let [narrow, wide] = [Certificate::of(single).unwrap().bound(), Certificate::of(double).unwrap().bound()];
            assert!((narrow / wide - 1.0).abs() < 1e-6, "{narrow} and {wide}");
        }
        // The slope at 0 from below is the rounded λα.
        let tape = Tape::<f32>::probing();
        let x = tape.var(Tensor::from([0.0]));
        let slope = f64::from(x.clone().selu().sum().backward()[&x].item());
        assert!(slope > 1.758_099 && slope <= super::SELU, "{slope}");
    }

    #[test]
    fn without_a_bound_the_way_out_is_named() {
        let text = |layer: &dyn Layer<f64>| Certificate::of(layer).unwrap_err().to_string();
        let message = text(&Celu::new(-0.5));
        assert!(message.contains("(Celu): Celu: α is -0.5") && message.contains("take an α above 0"), "{message}");
        let message = text(&Softplus::default());
        assert!(message.contains("Softplus: at x = 20 it jumps down by 2.1e-9"), "{message}");
        assert!(message.ends_with("`Softplus::new(1.0, f64::INFINITY)`"), "{message}");
        // 2.1e-9 at 20 is below f32's rounding there.
        assert_eq!(
            Certificate::of::<f32>(&Softplus::default()).unwrap().bound(),
            Certificate::of::<f32>(&Relu6).unwrap().bound()
        );
        assert!(Certificate::of::<f32>(&Softplus::new(1.0, 3.0)).is_err());
        assert!(Certificate::of::<f32>(&Softplus::new(1.0, -3.0)).is_err());
        // Straight everywhere.
        assert!(Certificate::of::<f64>(&Softplus::new(1.0, f64::NEG_INFINITY)).is_ok());
    }
}
