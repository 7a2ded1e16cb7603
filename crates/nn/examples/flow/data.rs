//! The data that the flow learns, and what a Gaussian makes of it.

use nn::prelude::*;

pub const POINTS: usize = 2000;
/// ln 2π.
pub const LN_TAU: f64 = 1.837_877_066_409_345_3;

/// Two half circles that reach into each other, with noise: `[POINTS, 2]`.
pub fn two_moons(rng: &mut Rng) -> Tensor {
    let point = |i: usize, rng: &mut Rng| {
        let angle = std::f64::consts::PI * rng.uniform();
        let side = if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        let [x, y] = [side * (2.0 * angle.cos() - 1.0), side * (2.0 * angle.sin() - 0.5)];
        [x, y].map(|x| (x + 0.2 * rng.normal()) as f32)
    };
    let numbers: Vec<f32> = (0..POINTS).flat_map(|i| point(i, rng)).collect();
    Tensor::new(&numbers, [POINTS, 2])
}

pub fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// log p of the second points under the Gaussian with the first ones' mean and covariance.
pub fn gaussian_log_densities(fitted_to: &Tensor, of: &Tensor) -> Vec<f64> {
    let pairs = |data: &Tensor| data.to_vec().chunks(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect::<Vec<_>>();
    let points = pairs(fitted_to);
    let over = |f: &dyn Fn(&[f64; 2]) -> f64| points.iter().map(f).sum::<f64>() / points.len() as f64;
    let [mx, my] = [over(&|p| p[0]), over(&|p| p[1])];
    let [xx, yy, xy] =
        [over(&|p| (p[0] - mx).powi(2)), over(&|p| (p[1] - my).powi(2)), over(&|p| (p[0] - mx) * (p[1] - my))];
    let det = xx * yy - xy * xy;
    let square = |[x, y]: [f64; 2]| (yy * x * x - 2.0 * xy * x * y + xx * y * y) / det;
    pairs(of).into_iter().map(|[x, y]| -0.5 * square([x - mx, y - my]) - LN_TAU - 0.5 * det.ln()).collect()
}
