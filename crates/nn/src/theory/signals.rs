//! Mean squares and correlations through many layers.

use crate::Result;
use crate::error::setting;
use std::f64::consts::PI;

/// The weight variance σ_w² = 2/(1 + α²) (times fan-in) at which a layer keeps mean squares: He, Zhang, Ren, Sun 2015, equation (15).
///
/// # Errors
/// If the slope is not finite.
pub fn golden_gain(slope: f64) -> Result<f64> {
    Ok(2.0 / (1.0 + square_of_slope("golden_gain", slope)?))
}

/// The slope α = √(2/σ_w² − 1) at which layers with this weight variance (times fan-in) keep mean squares: [`golden_gain`] backwards.
///
/// # Errors
/// If σ_w² is not in (0, 2]. Up to 1 the slope is 1 or more; below that no slope of a leak does it.
pub fn golden_slope(weight_variance: f64) -> Result<f64> {
    if !(weight_variance > 0.0 && weight_variance <= 2.0) {
        let problem = format!(
            "the weight variance times fan-in is {weight_variance}; slopes exist for (0, 2]: 2 is ReLU's, 1 the identity's, 2/(1 + α²) in between"
        );
        return setting("golden_slope", problem);
    }
    Ok((2.0 / weight_variance - 1.0).sqrt())
}

/// σ_w²·(1 + α²)/2: what one layer multiplies mean squares by, forward, and mean squares of gradients backward, in expectation over its weights (He et al. 2015).
///
/// # Errors
/// If the variance is negative or not finite, or the slope is not finite.
pub fn variance_factor(weight_variance: f64, slope: f64) -> Result<f64> {
    let weight_variance = variance("variance_factor", "weight", weight_variance)?;
    Ok(weight_variance * (1.0 + square_of_slope("variance_factor", slope)?) / 2.0)
}

/// The mean square of the next layer's sums: σ_w²·(1 + α²)/2·q + σ_b², where those of this layer have q (Poole et al. 2016, for leaky rectifiers).
///
/// # Errors
/// If a variance or q is negative or not finite, or the slope is not finite.
pub fn variance_map(q: f64, weight_variance: f64, bias_variance: f64, slope: f64) -> Result<f64> {
    let q = variance("variance_map", "signal's", q)?;
    let bias_variance = variance("variance_map", "bias", bias_variance)?;
    Ok(variance_factor(weight_variance, slope)? * q + bias_variance)
}

/// The correlation of the next layer's sums for two inputs whose sums have correlation c here, without biases:
/// c + (1 − α)²/(1 + α²)·(√(1 − c²) − c·arccos c)/π (Cho, Saul 2009 for ReLU).
///
/// # Errors
/// If c is not in [−1, 1], or the slope is not finite.
pub fn correlation_map(c: f64, slope: f64) -> Result<f64> {
    if !(-1.0..=1.0).contains(&c) {
        return setting("correlation_map", format!("the correlation is {c}, it must be in [-1, 1]"));
    }
    let square = square_of_slope("correlation_map", slope)?;
    let share = (1.0 - slope) * (1.0 - slope) / (1.0 + square);
    // (1 − c)(1 + c) and not 1 − c², of which nothing would be left near 1, where deep networks are.
    let gap = ((1.0 - c) * (1.0 + c)).sqrt() - c * c.acos();
    Ok((c + share * gap / PI).clamp(-1.0, 1.0))
}

/// The correlation after so many layers: [`correlation_map`] again and again. For ReLU 1 − c falls like 9π²/(2·layers²).
///
/// # Errors
/// As [`correlation_map`].
pub fn correlation_after(layers: usize, c: f64, slope: f64) -> Result<f64> {
    (0..layers).try_fold(c, |c, _| correlation_map(c, slope))
}

/// How far mean squares of one random network stray, which is of finite width, from what they are on average: at the golden gain, for Gaussian weights without bias,
/// log(q_L/q_0) is nearly normal (Hanin, Nica 2020).
///
/// ```
/// use nn::theory::FiniteWidth;
/// let law = FiniteWidth::of(&[64; 32], 0.25)?; // 32 layers of width 64
/// assert!((law.variance - 2.17).abs() < 0.005 && law.mean == -law.variance / 2.0);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FiniteWidth {
    /// Of log(q_L/q_0): κ·Σ 1/n_ℓ with κ = 6(1 + α⁴)/(1 + α²)² − 1, to first order in 1/n.
    pub variance: f64,
    /// Of log(q_L/q_0): −variance/2, to first order.
    pub mean: f64,
    /// E[(q_L/q_0)²] = Π (1 + κ/n_ℓ), exactly.
    pub second_moment: f64,
}

impl FiniteWidth {
    /// For layers of these widths. Forward a layer's width is its number of outputs; backward of inputs.
    ///
    /// # Errors
    /// If a width is 0 or the slope is not finite.
    pub fn of(widths: &[usize], slope: f64) -> Result<FiniteWidth> {
        if let Some(layer) = widths.iter().position(|&width| width == 0) {
            return setting("FiniteWidth", format!("layer {layer} has width 0"));
        }
        let square = square_of_slope("FiniteWidth", slope)?;
        // 6(1 + α⁴)/(1 + α²)² without overflow: with s = α²/(1 + α²), (1 + α⁴)/(1 + α²)² = 1 − 2s(1 − s).
        let share = if square.is_finite() { square / (1.0 + square) } else { 1.0 };
        let kappa = 6.0 * (1.0 - 2.0 * share * (1.0 - share)) - 1.0;
        let each = widths.iter().map(|&width| kappa / width as f64);
        let variance: f64 = each.clone().sum();
        Ok(FiniteWidth { variance, mean: -variance / 2.0, second_moment: each.map(|term| 1.0 + term).product() })
    }

    /// Where log(q_L/q_0) lies but for `deviations` standard deviations either way.
    pub fn band(&self, deviations: f64) -> (f64, f64) {
        let half = deviations * self.variance.sqrt();
        (self.mean - half, self.mean + half)
    }
}

fn square_of_slope(what: &'static str, slope: f64) -> Result<f64> {
    match slope.is_finite() {
        true => Ok(slope * slope),
        false => setting(what, format!("the slope is {slope}, it must be finite")),
    }
}

fn variance(what: &'static str, of: &str, variance: f64) -> Result<f64> {
    match variance.is_finite() && variance >= 0.0 {
        true => Ok(variance),
        false => setting(what, format!("the {of} variance is {variance}, it must be finite and not negative")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tape::Rng;

    fn leaky(x: f64, slope: f64) -> f64 {
        if x >= 0.0 { x } else { slope * x }
    }

    proptest! {
        #[test]
        fn gain_and_slope_are_inverse(slope in 0.0..4.0f64) {
            let gain = golden_gain(slope).unwrap();
            prop_assert!((golden_slope(gain).unwrap() - slope).abs() < 1e-7 * (1.0 + slope));
            prop_assert!((variance_factor(gain, slope).unwrap() - 1.0).abs() < 1e-15);
            prop_assert_eq!(golden_gain(-slope).unwrap(), gain);
        }

        #[test]
        fn correlations_grow_and_stay_correlations(c in -1.0..=1.0f64, slope in -3.0..3.0f64) {
            let next = correlation_map(c, slope).unwrap();
            prop_assert!((c..=1.0).contains(&next), "{c} to {next}");
            prop_assert!((correlation_map(c, 1.0).unwrap() - c).abs() < 1e-15);
        }
    }

    #[test]
    fn the_table_of_correlations() {
        // After 1, 3, 10 and 100 layers, in millionths.
        let table = [(0.0, [318_310, 604_826, 871_536, 996_423]), (0.25, [168_517, 392_679, 723_633, 988_350])];
        for (slope, expected) in table {
            for (layers, expected) in [1, 3, 10, 100].into_iter().zip(expected) {
                let c = correlation_after(layers, 0.0, slope).unwrap();
                assert!((c * 1e6 - f64::from(expected)).abs() <= 0.5, "{slope}, {layers} layers: {c}");
            }
        }
        // For ReLU (1 − c)·l² tends to 9π²/2, with a term in log(l)/l.
        let far = (1.0 - correlation_after(100_000, 0.0, 0.0).unwrap()) * 1e10;
        assert!((far / (4.5 * PI * PI) - 1.0).abs() < 2e-3, "{far}");
    }

    /// Mean over Gaussian pairs against the maps: within four standard errors.
    #[test]
    fn maps_are_what_is_measured() {
        let mut rng = Rng::seed(11);
        let count = 400_000;
        for (slope, c, q) in [(0.0, 0.3, 1.0), (0.25, -0.6, 4.0), (-0.5, 0.0, 0.25), (3.0, 0.9, 1.0)] {
            let (mut square, mut product, mut squares, mut products) = (0.0, 0.0, 0.0, 0.0);
            for _ in 0..count {
                let (z, other) = (rng.normal(), rng.normal());
                let (x, y) = (leaky(z, slope), leaky(c * z + f64::sqrt(1.0 - c * c) * other, slope));
                let (xx, xy) = (x * x, x * y);
                (square, product, squares, products) =
                    (square + xx, product + xy, squares + xx * xx, products + xy * xy);
            }
            let mean = |sum: f64| sum / f64::from(count);
            let error = |sum: f64, of_squares: f64| ((mean(of_squares) - mean(sum).powi(2)) / f64::from(count)).sqrt();
            let expected = variance_map(q, 1.5, 0.1, slope).unwrap();
            let measured = 1.5 * q * mean(square) + 0.1;
            assert!(
                (measured - expected).abs() < 4.0 * 1.5 * q * error(square, squares),
                "{slope}: {measured} for {expected}"
            );
            let expected = correlation_map(c, slope).unwrap() * (1.0 + slope * slope) / 2.0;
            let measured = mean(product);
            assert!((measured - expected).abs() < 4.0 * error(product, products), "{slope}: {measured} for {expected}");
        }
    }

    #[test]
    fn finite_widths_are_the_papers() {
        for (slope, variance) in [(0.0, 2.50), (0.25, 2.17), (0.5, 1.54), (1.0, 1.00)] {
            let law = FiniteWidth::of(&[64; 32], slope).unwrap();
            assert!((law.variance - variance).abs() < 0.005, "{slope}: {law:?}");
        }
        assert!((FiniteWidth::of(&[64; 10], 0.0).unwrap().second_moment - 2.122).abs() < 5e-4);
        let law = FiniteWidth::of(&[50; 20], 0.0).unwrap();
        assert_eq!(law.band(0.0), (law.mean, law.mean));
        assert_eq!(FiniteWidth::of(&[], 0.5).unwrap(), FiniteWidth { variance: 0.0, mean: -0.0, second_moment: 1.0 });
        // A slope whose square overflows is a linear layer upside down: κ = 5, as for ReLU.
        assert!((FiniteWidth::of(&[5], 1e200).unwrap().variance - 1.0).abs() < 1e-12);
    }

    /// Random networks: log(q_L/q_0) has the law's variance within four standard errors and what is of second order in 1/n, and (q_L/q_0)² its mean.
    #[test]
    fn finite_width_is_what_is_measured() {
        let (width, depth, networks, slope) = (24, 6, 3000, 0.25);
        let mut rng = Rng::seed(5);
        let scale = (golden_gain(slope).unwrap() / width as f64).sqrt();
        let mean_square = |h: &[f64]| h.iter().map(|x| x * x).sum::<f64>() / width as f64;
        let ratios: Vec<f64> = (0..networks)
            .map(|_| {
                let mut h: Vec<f64> = (0..width).map(|_| leaky(rng.normal(), slope)).collect();
                let first = mean_square(&h);
                for _ in 0..depth {
                    h = (0..width).map(|_| leaky(h.iter().map(|x| x * scale * rng.normal()).sum(), slope)).collect();
                }
                mean_square(&h) / first
            })
            .collect();
        let mean = |f: &dyn Fn(f64) -> f64| ratios.iter().map(|&q| f(q)).sum::<f64>() / networks as f64;
        let law = FiniteWidth::of(&[width; 6], slope).unwrap();
        let log = mean(&f64::ln);
        let variance = mean(&|q| (q.ln() - log).powi(2));
        let standard_error = variance * (2.0 / networks as f64).sqrt();
        let second_order = law.variance.powi(2) / depth as f64;
        assert!((variance - law.variance).abs() < 4.0 * standard_error + second_order, "{variance} for {law:?}");
        let (second, fourth) = (mean(&|q| q * q), mean(&|q| q.powi(4)));
        let standard_error = ((fourth - second * second) / networks as f64).sqrt();
        assert!((second - law.second_moment).abs() < 4.0 * standard_error, "{second} for {law:?}");
    }

    #[test]
    fn what_is_out_of_range_is_said() {
        let text = |result: Result<f64>| result.unwrap_err().to_string();
        assert!(
            text(golden_slope(2.5))
                .starts_with("golden_slope: the weight variance times fan-in is 2.5; slopes exist for (0, 2]")
        );
        assert!(text(golden_slope(f64::NAN)).contains("is NaN"));
        assert_eq!(text(golden_gain(f64::INFINITY)), "golden_gain: the slope is inf, it must be finite");
        assert_eq!(text(correlation_map(1.5, 0.0)), "correlation_map: the correlation is 1.5, it must be in [-1, 1]");
        assert_eq!(
            text(variance_map(-1.0, 1.0, 0.0, 0.0)),
            "variance_map: the signal's variance is -1, it must be finite and not negative"
        );
        assert_eq!(FiniteWidth::of(&[3, 0], 0.0).unwrap_err().to_string(), "FiniteWidth: layer 1 has width 0");
    }
}
