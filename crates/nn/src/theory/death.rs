//! Networks and neurons that are dead from the start.

use crate::Result;
use crate::error::setting;
use tape::Rng;

/// The probability that a ReLU network without biases gives 0 for one given input after hidden layers of these widths:
/// 1 − Π (1 − 2^(−n_ℓ)), for weights of any symmetric continuous law (Lu, Shin, Su, Karniadakis 2019, "Dying ReLU and Initialization"). For a leak above 0 it is 0.
///
/// ```
/// assert_eq!(nn::theory::born_dead_for_one_input(&[1, 1])?, 0.75);
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If a width is 0.
pub fn born_dead_for_one_input(widths: &[usize]) -> Result<f64> {
    if let Some(layer) = widths.iter().position(|&width| width == 0) {
        return setting("born_dead_for_one_input", format!("layer {layer} has width 0"));
    }
    // ln Π (1 − 2^(−n)), so that probabilities far below 2⁻⁵³ are not lost.
    let log: f64 = widths.iter().map(|&width| (-halves(width)).ln_1p()).sum();
    Ok(-log.exp_m1())
}

/// The probability that a ReLU network without biases of one input, whose `depth` hidden layers have `width` units, is constant: 0 for positive and for
/// negative inputs. Exact where a formula is known: 1 − 2^(1−depth) for width 1, 4^(−width)·(3 − 2^(1−width)) for depth 2, 0 for depth 1 (Lu et al. 2019).
/// Elsewhere: [`estimate_born_dead_on_a_line`].
///
/// # Errors
/// If width or depth is 0, or if no formula is known.
pub fn born_dead_on_a_line(width: usize, depth: usize) -> Result<f64> {
    sizes("born_dead_on_a_line", width, depth)?;
    match (width, depth) {
        (_, 1) => Ok(0.0),
        (1, _) => Ok(1.0 - 2.0 * halves(depth)),
        (_, 2) => Ok(halves(width) * halves(width) * (3.0 - 2.0 * halves(width))),
        _ => setting(
            "born_dead_on_a_line",
            format!(
                "no formula is known for width {width} and depth {depth}; `estimate_born_dead_on_a_line` samples it"
            ),
        ),
    }
}

/// A probability that was sampled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The share of samples.
    pub share: f64,
    /// How many there were.
    pub samples: usize,
}

impl Estimate {
    /// √(p(1 − p)/n), with p moved off 0 and 1 by half a sample.
    pub fn standard_error(&self) -> f64 {
        let n = self.samples as f64;
        let p = (self.share * n + 0.5) / (n + 1.0);
        (p * (1.0 - p) / n).sqrt()
    }

    /// The interval that Wilson's score gives for so many standard deviations (1.96 for 95%).
    pub fn interval(&self, deviations: f64) -> (f64, f64) {
        let (n, p, z2) = (self.samples as f64, self.share, deviations * deviations);
        let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = deviations / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        (centre - half, centre + half)
    }
}

/// As [`born_dead_on_a_line`], sampled: so many networks with Gaussian weights.
///
/// # Errors
/// If width, depth or the number of samples is 0.
pub fn estimate_born_dead_on_a_line(width: usize, depth: usize, samples: usize, rng: &mut Rng) -> Result<Estimate> {
    sizes("estimate_born_dead_on_a_line", width, depth)?;
    if samples == 0 {
        return setting("estimate_born_dead_on_a_line", "0 samples");
    }
    let dead = (0..samples).filter(|_| is_born_dead(width, depth, rng)).count();
    Ok(Estimate { share: dead as f64 / samples as f64, samples })
}

/// Draws a network layer by layer, for the inputs 1 and −1, until both give 0.
fn is_born_dead(width: usize, depth: usize, rng: &mut Rng) -> bool {
    let mut rays = [vec![1.0], vec![-1.0]];
    for _ in 0..depth {
        let weights: Vec<f64> = (0..width * rays[0].len()).map(|_| rng.normal()).collect();
        for h in &mut rays {
            let sums = weights.chunks_exact(h.len()).map(|row| row.iter().zip(&*h).map(|(w, h)| w * h).sum::<f64>());
            let next: Vec<f64> = sums.map(|sum| sum.max(0.0)).collect();
            // Only signs count: brought back to size, nothing underflows however deep.
            let largest = next.iter().copied().fold(0.0, f64::max);
            *h = if largest > 0.0 { next.into_iter().map(|x| x / largest).collect() } else { next };
        }
        if rays.iter().flatten().all(|&h| h == 0.0) {
            return true;
        }
    }
    false
}

/// The probability (2ⁿ + 1)/4ⁿ⁺¹ that a ReLU neuron of the second layer is inactive for every input, where n inputs go to n + 1 neurons of the first
/// layer, for weights and biases of symmetric laws.
///
/// # Errors
/// If there are no inputs.
pub fn stably_inactive(inputs: usize) -> Result<f64> {
    if inputs == 0 {
        return setting("stably_inactive", "0 inputs");
    }
    Ok(halves(inputs + 1) * (0.5 + halves(inputs + 1)))
}

/// 2^(−count).
fn halves(count: usize) -> f64 {
    (-(count as f64)).exp2()
}

fn sizes(what: &'static str, width: usize, depth: usize) -> Result<()> {
    match width > 0 && depth > 0 {
        true => Ok(()),
        false => setting(what, format!("width {width} and depth {depth}: both are at least 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within four standard errors.
    fn agrees(estimate: Estimate, expected: f64) {
        let error = estimate.standard_error();
        assert!((estimate.share - expected).abs() < 4.0 * error, "{estimate:?} ± {error} for {expected}");
    }

    #[test]
    fn formulas_are_what_is_sampled() {
        let mut rng = Rng::seed(3);
        for (width, depth) in [(1, 1), (1, 2), (1, 5), (2, 2), (3, 2), (4, 1)] {
            let estimate = estimate_born_dead_on_a_line(width, depth, 40_000, &mut rng).unwrap();
            agrees(estimate, born_dead_on_a_line(width, depth).unwrap());
        }
    }

    #[test]
    fn the_papers_numbers_are_reached() {
        let mut rng = Rng::seed(4);
        // N = 2, H = 10: 0.9095, known to 0.001.
        let estimate = estimate_born_dead_on_a_line(2, 10, 60_000, &mut rng).unwrap();
        assert!((estimate.share - 0.9095).abs() < 0.001 + 3.0 * estimate.standard_error(), "{estimate:?}");
        let estimate = estimate_born_dead_on_a_line(5, 20, 20_000, &mut rng).unwrap();
        assert!((estimate.share - 0.3753).abs() < 0.001 + 3.0 * estimate.standard_error(), "{estimate:?}");
    }

    /// One ray of the sampled networks is one input.
    #[test]
    fn one_input_dies_as_the_product_says() {
        let (mut rng, samples, widths) = (Rng::seed(6), 40_000, [3, 2, 4]);
        let dies = |rng: &mut Rng| {
            let mut h = vec![0.3, -1.2];
            for width in widths {
                h = (0..width).map(|_| h.iter().map(|h| h * rng.normal()).sum::<f64>().max(0.0)).collect();
            }
            h.iter().all(|&h| h == 0.0)
        };
        let share = (0..samples).filter(|_| dies(&mut rng)).count() as f64 / samples as f64;
        agrees(Estimate { share, samples }, born_dead_for_one_input(&widths).unwrap());
        let tiny = born_dead_for_one_input(&[100]).unwrap();
        assert!((tiny * 100f64.exp2() - 1.0).abs() < 1e-12, "{tiny}");
        assert_eq!(born_dead_for_one_input(&[]).unwrap(), 0.0);
    }

    /// For one input the neuron's largest value is found at the kinks and at either end: inactive if all of them are at most 0.
    #[test]
    fn neurons_are_stably_inactive_as_often_as_the_formula_says() {
        let (mut rng, samples) = (Rng::seed(8), 40_000);
        let is_inactive = |rng: &mut Rng| {
            let first: Vec<(f64, f64)> = (0..2).map(|_| (rng.normal(), rng.normal())).collect();
            let (second, bias): (Vec<f64>, f64) = ((0..2).map(|_| rng.normal()).collect(), rng.normal());
            let value =
                |x: f64| bias + first.iter().zip(&second).map(|((w, b), v)| v * (w * x + b).max(0.0)).sum::<f64>();
            let kinks: Vec<f64> = first.iter().map(|(w, b)| -b / w).collect();
            let ends = [
                kinks.iter().copied().fold(f64::INFINITY, f64::min),
                kinks.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ];
            // Beyond the outermost kinks the value is linear: it must not rise outwards.
            let falls = value(ends[0] - 1.0) <= value(ends[0]) && value(ends[1] + 1.0) <= value(ends[1]);
            falls && kinks.iter().all(|&x| value(x) <= 0.0)
        };
        let share = (0..samples).filter(|_| is_inactive(&mut rng)).count() as f64 / samples as f64;
        agrees(Estimate { share, samples }, stably_inactive(1).unwrap());
        assert_eq!(stably_inactive(1).unwrap(), 3.0 / 16.0);
    }

    /// Two inputs, three lines: each part of the plane has a corner, so the neuron is inactive if it is at the three corners and rises along no line, either way.
    #[test]
    fn neurons_of_two_inputs_are_stably_inactive_as_often_too() {
        let (mut rng, samples) = (Rng::seed(9), 40_000);
        let is_inactive = |rng: &mut Rng| {
            let mut first: [[f64; 4]; 3] = [[0.0; 4]; 3];
            first.iter_mut().flatten().for_each(|number| *number = rng.normal());
            let bias = rng.normal();
            // The sum at (x, y), without a part of the first layer that is 0 there; along a direction if `one` is 0.
            let sum = |[x, y, one]: [f64; 3], without: [usize; 2]| {
                let units = first.iter().enumerate().filter(|(i, _)| !without.contains(i));
                units.map(|(_, [a, b, c, v])| v * (a * x + b * y + c * one).max(0.0)).sum::<f64>()
            };
            let corner = |[i, j]: [usize; 2]| {
                let ([a, b, c, _], [d, e, f, _]) = (first[i], first[j]);
                let determinant = a * e - b * d;
                [(b * f - c * e) / determinant, (c * d - a * f) / determinant, 1.0]
            };
            let falls = (0..3).all(|i| {
                let [a, b, ..] = first[i];
                sum([-b, a, 0.0], [i, i]) <= 0.0 && sum([b, -a, 0.0], [i, i]) <= 0.0
            });
            falls && [[0, 1], [0, 2], [1, 2]].into_iter().all(|pair| bias + sum(corner(pair), pair) <= 0.0)
        };
        let share = (0..samples).filter(|_| is_inactive(&mut rng)).count() as f64 / samples as f64;
        agrees(Estimate { share, samples }, stably_inactive(2).unwrap());
        assert_eq!(stably_inactive(2).unwrap(), 5.0 / 64.0);
    }

    #[test]
    fn intervals_hold_the_share_and_stay_probabilities() {
        for share in [0.0, 0.3, 1.0] {
            let (low, high) = Estimate { share, samples: 50 }.interval(1.96);
            assert!(
                low <= share + 1e-15 && share <= high + 1e-15 && low > -1e-15 && high < 1.0 + 1e-15,
                "{low} {high}"
            );
            assert!(high - low > 0.0);
        }
    }

    /// How often the interval holds the true share, from the binomial law of the count, so without an error of its own: for 95% and shares all over (0, 1)
    /// 95% to 95.5% in the mean. For a single share counts are whole, so it goes up and down (Brown, Cai, DasGupta 2001); the textbook's p ± 1.96 standard
    /// errors would cover 77% in the mean at n = 10.
    #[test]
    fn intervals_cover_the_share_as_often_as_they_say() {
        for (samples, least_inside, least) in [(10, 0.915, 0.845), (50, 0.93, 0.925), (200, 0.94, 0.935)] {
            let intervals: Vec<(f64, f64)> =
                (0..=samples).map(|k| Estimate { share: k as f64 / samples as f64, samples }.interval(1.96)).collect();
            let mut ln_factorial = vec![0.0];
            (1..=samples).for_each(|k| ln_factorial.push(ln_factorial[k - 1] + (k as f64).ln()));
            let probability = |p: f64, k: usize| {
                let ways = ln_factorial[samples] - ln_factorial[k] - ln_factorial[samples - k];
                (ways + k as f64 * p.ln() + (samples - k) as f64 * (1.0 - p).ln()).exp()
            };
            let shares: Vec<f64> = (0..400).map(|i| (i as f64 + 0.5) / 400.0).collect();
            let coverage = |&p: &f64| -> f64 {
                let holds = |k: &usize| intervals[*k].0 <= p && p <= intervals[*k].1;
                (0..=samples).filter(holds).map(|k| probability(p, k)).sum()
            };
            let covered: Vec<f64> = shares.iter().map(coverage).collect();
            let mean = covered.iter().sum::<f64>() / 400.0;
            assert!((0.95..0.955).contains(&mean), "{mean} of {samples}");
            for (p, covered) in shares.iter().zip(covered) {
                let least = if (0.1..=0.9).contains(p) { least_inside } else { least };
                assert!(covered >= least, "{covered} of {samples} at {p}");
            }
        }
    }

    #[test]
    fn what_is_out_of_range_is_said() {
        let text = |result: Result<f64>| result.unwrap_err().to_string();
        assert_eq!(text(born_dead_for_one_input(&[2, 0])), "born_dead_for_one_input: layer 1 has width 0");
        assert!(text(born_dead_on_a_line(2, 10)).contains("no formula is known for width 2 and depth 10"));
        assert_eq!(text(born_dead_on_a_line(0, 1)), "born_dead_on_a_line: width 0 and depth 1: both are at least 1");
        assert_eq!(text(stably_inactive(0)), "stably_inactive: 0 inputs");
        assert!(estimate_born_dead_on_a_line(1, 1, 0, &mut Rng::seed(0)).is_err());
    }
}
