//! The points that the flow learns, their true density, and what a Gaussian makes of them.

use nn::prelude::*;
use std::f64::consts::PI;

/// ln 2π.
pub const LN_TAU: f64 = 1.837_877_066_409_345_3;
const DEVIATION: f64 = 0.2;
/// Of the true density's integral along a half circle: an arc of 0.016, a twelfth of the deviation.
const ARCS: usize = 400;

/// Where one of the half circles is at an angle.
fn moon(side: f64, angle: f64) -> [f64; 2] {
    [side * (2.0 * angle.cos() - 1.0), side * (2.0 * angle.sin() - 0.5)]
}

/// Points of two half circles that reach into each other, with noise: `[count, 2]`.
pub fn two_moons(count: usize, rng: &mut Rng) -> Tensor {
    let point = |i: usize, rng: &mut Rng| {
        let side = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        moon(side, PI * rng.uniform()).map(|x| (x + DEVIATION * rng.normal()) as f32)
    };
    let numbers: Vec<f32> = (0..count).flat_map(|i| point(i, rng)).collect();
    Tensor::new(&numbers, [count, 2])
}

pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn pairs(data: &Tensor) -> Vec<[f64; 2]> {
    data.to_vec().chunks(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect()
}

/// log p of each point under the law that drew it.
pub fn true_log_densities(of: &Tensor) -> Vec<f64> {
    let arcs = (0..ARCS).map(|i| PI * (i as f64 + 0.5) / ARCS as f64);
    let centres: Vec<[f64; 2]> = arcs.flat_map(|angle| [moon(1.0, angle), moon(-1.0, angle)]).collect();
    let log_density = |[x, y]: [f64; 2]| {
        let square = |[cx, cy]: &[f64; 2]| ((x - cx).powi(2) + (y - cy).powi(2)) / (2.0 * DEVIATION * DEVIATION);
        let sum: f64 = centres.iter().map(|centre| (-square(centre)).exp()).sum();
        (sum / centres.len() as f64).ln() - LN_TAU - 2.0 * DEVIATION.ln()
    };
    pairs(of).into_iter().map(log_density).collect()
}

/// log p of the second points under the Gaussian with the first ones' mean and covariance.
pub fn gaussian_log_densities(fitted_to: &Tensor, of: &Tensor) -> Vec<f64> {
    let points = pairs(fitted_to);
    let over = |f: &dyn Fn(&[f64; 2]) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let [mx, my] = [over(&|p| p[0]), over(&|p| p[1])];
    let [xx, yy, xy] =
        [over(&|p| (p[0] - mx).powi(2)), over(&|p| (p[1] - my).powi(2)), over(&|p| (p[0] - mx) * (p[1] - my))];
    let det = xx * yy - xy * xy;
    let square = |[x, y]: [f64; 2]| (yy * x * x - 2.0 * xy * x * y + xx * y * y) / det;
    pairs(of).into_iter().map(|[x, y]| -0.5 * square([x - mx, y - my]) - LN_TAU - 0.5 * det.ln()).collect()
}
