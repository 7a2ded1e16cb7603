//! Where PReLU's α repeats what the batch norm before it says.
//!
//! For each channel over a batch: ρ = 1 − R² of ∂y/∂α on ∂y/∂γ and ∂y/∂β, without an intercept. With z = γ·x̂ + β and f′ the rectifier's derivative these are
//! min(z, 0), f′·x̂ and f′. If every z is negative, ∂y/∂α = (γ/α)·∂y/∂γ + (β/α)·∂y/∂β exactly and ρ = 0; if none is, ∂y/∂α is 0 and α idle.

use super::finding::{Finding, Severity, Symptom};
use super::table;
use super::trace::Rectified;
use std::fmt::{Display, Formatter, Result};
use tape::Float;

/// ρ below which α is redundant.
const REDUNDANT: f64 = 1e-3;
/// The share of a layer's channels from which it is worth a finding.
const SHARE: f64 = 0.1;

/// A batch norm and the PReLU it ends in.
#[derive(Clone, Debug)]
pub struct NormAndSlope {
    /// The layer of the norm.
    pub layer: String,
    /// ρ of each channel; None where α is idle.
    pub independence: Vec<Option<f64>>,
}

/// Batch norms and the PReLUs they end in.
#[derive(Clone, Debug)]
pub struct AlphaGamma {
    /// One for each pair.
    pub pairs: Vec<NormAndSlope>,
}

impl NormAndSlope {
    /// Channels whose α is redundant.
    pub fn redundant(&self) -> usize {
        self.independence.iter().flatten().filter(|&&rho| rho < REDUNDANT).count()
    }

    /// Channels without a negative number.
    pub fn idle(&self) -> usize {
        self.independence.iter().filter(|rho| rho.is_none()).count()
    }
}

impl AlphaGamma {
    pub(super) fn of<T: Float>(layers: &[Rectified<T>]) -> AlphaGamma {
        AlphaGamma { pairs: layers.iter().filter_map(pair).collect() }
    }

    /// Where α is redundant or idle.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for pair in &self.pairs {
            let count = pair.independence.len();
            let is_much = |part: usize| part as f64 >= SHARE * count.max(1) as f64;
            let mut add = |symptom, what, advice: &str| {
                findings.push(Finding {
                    severity: Severity::Warning,
                    symptom,
                    layer: pair.layer.clone(),
                    step: None,
                    what,
                    advice: advice.into(),
                });
            };
            if is_much(pair.redundant()) {
                let what = format!(
                    "in {} of {count} channels α only repeats what γ and β of the norm before it say (ρ < {REDUNDANT})",
                    pair.redundant()
                );
                add(Symptom::RedundantSlope, what, "Freeze α there (`Param::set_trainable`), or fix the slope");
            }
            if is_much(pair.idle()) {
                let what =
                    format!("in {} of {count} channels no number is negative: α is idle and never moves", pair.idle());
                add(Symptom::IdleSlope, what, "Look at β: it lies far above γ");
            }
        }
        findings
    }
}

fn pair<T: Float>(layer: &Rectified<T>) -> Option<NormAndSlope> {
    let norm = layer.norm.as_ref().filter(|_| layer.kind == super::trace::Kind::PRelu)?;
    let mut moments = vec![Moments::default(); layer.units()];
    super::trace::for_each_row(&layer.x, |row| {
        row.iter().zip(&mut moments).for_each(|(&z, moments)| moments.add(z.to_f64()));
    });
    let independence = moments.iter().enumerate().map(|(channel, moments)| {
        moments.independence(layer.slope(channel)?, norm.weight[channel], norm.bias[channel])
    });
    Some(NormAndSlope { layer: norm.name.clone(), independence: independence.collect() })
}

/// Sums over one channel's z: all the products of (∂y/∂γ, ∂y/∂β, ∂y/∂α) follow from them. In f64, so that they keep their digits while |β| is below 10⁵·|γ|.
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
    /// The same of what is not above 0.
    low: f64,
    low_sum: f64,
    low_squares: f64,
}

impl Moments {
    #[inline]
    fn add(&mut self, z: f64) {
        let (is_low, low) = if z > 0.0 { (0.0, 0.0) } else { (1.0, z) };
        self.count += 1.0;
        self.sum += z;
        self.squares += z * z;
        self.low += is_low;
        self.low_sum += low;
        self.low_squares += low * low;
    }

    /// ρ; None if no z is negative.
    fn independence(&self, alpha: f64, gamma: f64, beta: f64) -> Option<f64> {
        let alone = self.low_squares;
        if alone.is_nan() || alone <= 0.0 {
            return None;
        }
        // f′² is 1 above 0 and α² below. x̂ = (z − β)/γ.
        let square = alpha * alpha - 1.0;
        let (count, sum, squares) = (
            self.count + square * self.low,
            self.sum + square * self.low_sum,
            self.squares + square * self.low_squares,
        );
        let of_beta = count;
        let with_beta = alpha * self.low_sum;
        let [mut of_gamma, both, mut with_gamma] = match gamma {
            0.0 => [0.0; 3],
            _ => [
                (squares - 2.0 * beta * sum + beta * beta * count) / (gamma * gamma),
                (sum - beta * count) / gamma,
                alpha * (self.low_squares - beta * self.low_sum) / gamma,
            ],
        };
        // Gram–Schmidt: β's column, then γ's, then α's.
        let (mut rest, whole) = (alone, of_gamma);
        if of_beta > 0.0 {
            of_gamma -= both * both / of_beta;
            with_gamma -= both * with_beta / of_beta;
            rest -= with_beta * with_beta / of_beta;
        }
        if of_gamma > 1e-12 * whole {
            rest -= with_gamma * with_gamma / of_gamma;
        }
        Some((rest / alone).clamp(0.0, 1.0))
    }
}

impl Display for AlphaGamma {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let head = ["layer", "channels", "least ρ", "median ρ", "redundant", "idle"];
        let row = |pair: &NormAndSlope| {
            let mut known: Vec<f64> = pair.independence.iter().flatten().copied().collect();
            known.sort_by(f64::total_cmp);
            vec![
                pair.layer.clone(),
                pair.independence.len().to_string(),
                table::optional(known.first().copied()),
                table::optional(known.get(known.len() / 2).copied()),
                pair.redundant().to_string(),
                pair.idle().to_string(),
            ]
        };
        table::write(f, &head, &self.pairs.iter().map(row).collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::{Rng, Tape, Tensor};

    /// By the tape: ∂y/∂α = (γ/α)·∂y/∂γ + (β/α)·∂y/∂β where every input is negative, although the cosine with ∂y/∂γ is |γ|/√(γ² + β²) only.
    #[test]
    fn where_all_is_negative_the_columns_are_dependent() {
        let (alpha, gamma, beta, n) = (0.3, -0.8, -6.0, 64);
        let raw = Tensor::randn([n], &mut Rng::seed(4)).cast::<f64>();
        let centred = &raw - raw.mean();
        let normal = &centred / (&centred * &centred).mean().sqrt();
        let tape = Tape::probing();
        // A parameter for each example, so that one pass makes whole columns.
        let [a, g, b] = [alpha, gamma, beta].map(|number| tape.var(normal.full_like(number)));
        let z = tape.input(normal) * &g + &b;
        let inputs = z.to_vec();
        assert!(inputs.iter().all(|&z| z < 0.0));
        let [da, dg, db] = z.prelu(&a).sum().grad([&a, &g, &b]).map(|column| column.to_vec());
        for ((da, dg), db) in da.iter().zip(&dg).zip(&db) {
            assert!((da - (gamma / alpha * dg + beta / alpha * db)).abs() < 1e-12);
        }
        let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
        let cosine = dot(&da, &dg).abs() / (dot(&da, &da) * dot(&dg, &dg)).sqrt();
        assert!((cosine - gamma.abs() / gamma.hypot(beta)).abs() < 1e-12, "{cosine}");
        assert!(independence(inputs.into_iter(), alpha, gamma, beta).unwrap() < 1e-12);
    }

    /// ρ is relative to α's column, which the twin (−αγ, −αβ, 1/α) has from the positive side: ρ·α²·Σ min(z, 0)²/Σ max(z, 0)².
    #[test]
    fn a_twins_independence_is_of_the_other_side() {
        let mut rng = Rng::seed(5);
        let (alpha, gamma, beta) = (0.3, 1.7, -0.4);
        let z: Vec<f64> = (0..500).map(|_| gamma * rng.normal() + beta).collect();
        let side = |keep: fn(f64, f64) -> f64| z.iter().map(|&z| keep(z, 0.0).powi(2)).sum::<f64>();
        let rho = independence(z.iter().copied(), alpha, gamma, beta).unwrap();
        let twin = z.iter().map(|z| -alpha * z);
        let found = independence(twin, 1.0 / alpha, -alpha * gamma, -alpha * beta).unwrap();
        let expected = rho * alpha * alpha * side(f64::min) / side(f64::max);
        assert!((found - expected).abs() < 1e-12 && found < 0.5 * rho, "{found} for {expected}, {rho}");
    }

    fn independence(z: impl Iterator<Item = f64>, alpha: f64, gamma: f64, beta: f64) -> Option<f64> {
        let mut moments = Moments::default();
        z.for_each(|z| moments.add(z));
        moments.independence(alpha, gamma, beta)
    }

    /// α's column against the other two by solving the normal equations as written in the textbook.
    #[test]
    fn independence_is_one_minus_r_squared() {
        let mut rng = Rng::seed(3);
        let (alpha, gamma, beta) = (0.3, 1.7, -0.4);
        let normal: Vec<f64> = (0..500).map(|_| rng.normal()).collect();
        let z: Vec<f64> = normal.iter().map(|x| gamma * x + beta).collect();
        let column = |f: &dyn Fn(usize) -> f64| (0..z.len()).map(f).collect::<Vec<f64>>();
        let slope = |i: usize| if z[i] > 0.0 { 1.0 } else { alpha };
        let (a, b, y) = (column(&|i| slope(i) * normal[i]), column(&slope), column(&|i| z[i].min(0.0)));
        let dot = |u: &[f64], v: &[f64]| u.iter().zip(v).map(|(u, v)| u * v).sum::<f64>();
        let determinant = dot(&a, &a) * dot(&b, &b) - dot(&a, &b).powi(2);
        let p = (dot(&a, &y) * dot(&b, &b) - dot(&b, &y) * dot(&a, &b)) / determinant;
        let q = (dot(&b, &y) * dot(&a, &a) - dot(&a, &y) * dot(&a, &b)) / determinant;
        let rest: f64 = (0..z.len()).map(|i| (y[i] - p * a[i] - q * b[i]).powi(2)).sum();
        let found = independence(z.into_iter(), alpha, gamma, beta).unwrap();
        assert!((found - rest / dot(&y, &y)).abs() < 1e-12 && found > 0.01, "{found}");
    }

    #[test]
    fn all_negative_is_redundant_and_none_negative_idle() {
        let z = [-3.0, -2.5, -0.1, -7.0];
        assert!(independence(z.into_iter(), 0.25, 2.0, -3.0).unwrap() < 1e-12);
        assert_eq!(independence(z.into_iter().map(f64::abs), 0.25, 2.0, 3.0), None);
    }
}
