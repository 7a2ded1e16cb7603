//! The step of Levenberg–Marquardt: least squares of a linear model within a bound (Moré 1978; Nocedal, Wright 2006, algorithm 4.3).
//!
//! Variables are scaled, q = D·p and S = J·D⁻¹. One QR factorisation of S serves every λ: the rest is n × n.

use super::flat::{dot, largest, norm};

/// Columns of a matrix.
type Columns = Vec<Vec<f64>>;

/// Residuals made linear around a point, and how far that is trusted.
pub(super) struct Model {
    /// How many residuals there are.
    residuals: usize,
    /// ‖r‖
    norm: f64,
    /// Jᵀr
    gradient: Vec<f64>,
    /// The norms of J's columns.
    sizes: Vec<f64>,
    /// D
    scales: Vec<f64>,
    /// J's columns over their scales, as R, and Qᵀr.
    r: Columns,
    qtr: Vec<f64>,
    radius: f64,
    lambda: f64,
}

/// A step within the bound.
pub(super) struct Step {
    /// The change of the parameters.
    pub(super) p: Vec<f64>,
    /// ‖D·p‖
    pub(super) length: f64,
    /// The share of the sum of squares that the model says the step takes away.
    pub(super) predicted: f64,
    /// The derivative of half the sum of squares along the step, as a share of the sum; negative.
    pub(super) slope: f64,
}

/// How near the bound a step must come that it holds back.
const NEAR: f64 = 0.1;

impl Model {
    /// Of residuals and their derivatives, `[residuals, parameters]` row-major.
    pub(super) fn new(mut residuals: Vec<f64>, jacobian: &[f64], parameters: usize) -> Model {
        let count = residuals.len();
        // Rows of zeros change nothing and make R square.
        let rows = count.max(parameters);
        let column = |j: usize| {
            let numbers = jacobian.iter().skip(j).step_by(parameters).copied();
            numbers.chain(std::iter::repeat_n(0.0, rows - count)).collect::<Vec<f64>>()
        };
        let columns: Columns = (0..parameters).map(column).collect();
        residuals.resize(rows, 0.0);
        let sizes: Vec<f64> = columns.iter().map(|column| norm(column)).collect();
        let gradient = columns.iter().map(|column| dot(column, &residuals)).collect();
        let scales: Vec<f64> = sizes.iter().map(|&size| if size == 0.0 { 1.0 } else { size }).collect();
        let norm = norm(&residuals);
        let (r, qtr) = factorised(scaled(columns, &scales), residuals);
        Model { residuals: count, norm, gradient, sizes, scales, r, qtr, radius: 0.0, lambda: 0.0 }
    }

    /// Takes the place of this model at the next point; scales only grow, so that the bound keeps its meaning.
    pub(super) fn follow(&mut self, next: Model) {
        let before = std::mem::replace(self, next);
        let mut factors = Vec::with_capacity(before.scales.len());
        for ((scale, old), &size) in self.scales.iter_mut().zip(before.scales).zip(&self.sizes) {
            let grown = old.max(size);
            factors.push(grown / *scale);
            *scale = grown;
        }
        // Columns of R scale as those of S do.
        self.r = scaled(std::mem::take(&mut self.r), &factors);
        (self.radius, self.lambda) = (before.radius, before.lambda);
    }

    /// Bounds the next steps.
    pub(super) fn bound(&mut self, radius: f64) {
        self.radius = radius;
    }

    pub(super) fn radius(&self) -> f64 {
        self.radius
    }

    pub(super) fn sum_of_squares(&self) -> f64 {
        self.norm * self.norm
    }

    /// The largest element of the gradient of the sum of squares.
    pub(super) fn largest_gradient(&self) -> f64 {
        2.0 * largest(&self.gradient)
    }

    /// ‖D·x‖
    pub(super) fn scaled_norm(&self, x: &[f64]) -> f64 {
        norm(&x.iter().zip(&self.scales).map(|(x, scale)| x * scale).collect::<Vec<f64>>())
    }

    /// The largest cosine between the residuals and a column of J; 0 where there is nothing left to fit.
    pub(super) fn cosine(&self) -> f64 {
        if self.norm == 0.0 {
            return 0.0;
        }
        let cosines = self.gradient.iter().zip(&self.sizes).filter(|&(_, &size)| size > 0.0);
        cosines.map(|(g, size)| (g / size / self.norm).abs()).fold(0.0, f64::max)
    }

    pub(super) fn residuals(&self) -> usize {
        self.residuals
    }

    /// ‖r‖² / (residuals − parameters) · (JᵀJ)⁻¹, row-major; None where J is singular to rounding.
    pub(super) fn covariance(&self) -> Option<Vec<f64>> {
        let n = self.qtr.len();
        let variance = self.sum_of_squares() / (self.residuals - n) as f64;
        // Columns of R⁻¹.
        let unit = |k: usize| (0..n).map(|i| if i == k { -1.0 } else { 0.0 }).collect::<Vec<f64>>();
        let inverse: Columns = (0..n).map(|k| solved(&self.r, &unit(k))).collect::<Option<_>>()?;
        let element = |i: usize, j: usize| {
            let sum: f64 = inverse.iter().map(|column| column[i] * column[j]).sum();
            variance * sum / (self.scales[i] * self.scales[j])
        };
        Some((0..n * n).map(|at| element(at / n, at % n)).collect())
    }

    /// The share of the sum of squares that residuals of this norm took away; −1 where they are far larger or not finite.
    pub(super) fn decrease(&self, norm: f64) -> f64 {
        // NaN too.
        if norm < 10.0 * self.norm { 1.0 - (norm / self.norm).powi(2) } else { -1.0 }
    }

    /// The best step within the bound.
    pub(super) fn step(&mut self) -> Step {
        let free = solved(&self.r, &self.qtr);
        let q = match free {
            Some(q) if norm(&q) <= (1.0 + NEAR) * self.radius => {
                self.lambda = 0.0;
                q
            }
            free => self.held_back(free.as_deref()),
        };
        let length = norm(&q);
        let linear = norm(&times(&self.r, &q)) / self.norm;
        let held = self.lambda.sqrt() * length / self.norm;
        let p = q.iter().zip(&self.scales).map(|(q, scale)| q / scale).collect();
        Step { p, length, predicted: linear.powi(2) + 2.0 * held.powi(2), slope: -(linear.powi(2) + held.powi(2)) }
    }

    /// The step that the bound holds back: λ with ‖q(λ)‖ near the radius. `free` is the step for λ = 0, where R is not singular.
    fn held_back(&mut self, free: Option<&[f64]>) -> Vec<f64> {
        let radius = self.radius;
        let gradient: Vec<f64> = self.r.iter().map(|column| dot(column, &self.qtr)).collect();
        let mut most = norm(&gradient) / radius;
        let mut least = free.map_or(0.0, |q| newton(&self.r, q, radius)).max(0.0);
        if !least.is_finite() || least >= most {
            least = 0.0;
        }
        let mut lambda = self.lambda.clamp(least, most);
        if lambda == 0.0 {
            lambda = 1e-3 * most;
        }
        let mut q;
        let mut tries = 0;
        loop {
            let factor;
            (factor, q) = damped(&self.r, &self.qtr, lambda);
            let excess = norm(&q) - radius;
            tries += 1;
            if excess.abs() <= NEAR * radius || tries == 20 {
                break;
            }
            if excess > 0.0 {
                least = least.max(lambda);
            } else {
                most = most.min(lambda);
            }
            let next = lambda + newton(&factor, &q, radius);
            lambda = if next.is_finite() && next > least && next < most { next } else { 0.5 * (least + most) };
        }
        self.lambda = lambda;
        q
    }

    /// Grows or shrinks the bound by how well the model told the decrease.
    pub(super) fn judge(&mut self, actual: f64, predicted: f64, slope: f64, length: f64) {
        let ratio = if predicted > 0.0 { actual / predicted } else { 0.0 };
        if ratio <= 0.25 {
            let share = if actual >= 0.0 { 0.5 } else { 0.5 * slope / (slope + 0.5 * actual) };
            let share = if actual == -1.0 { 0.1 } else { share.clamp(0.1, 0.5) };
            self.radius = share * self.radius.min(10.0 * length);
            self.lambda /= share;
        } else if self.lambda == 0.0 || ratio >= 0.75 {
            self.radius = 2.0 * length;
            self.lambda *= 0.5;
        }
    }
}

/// Newton's correction of λ for ‖q‖ = radius, where RᵀR·q = −Sᵀr with the λ in R.
fn newton(r: &Columns, q: &[f64], radius: f64) -> f64 {
    let length = norm(q);
    // Rᵀ·w = q, forwards.
    let mut w: Vec<f64> = Vec::with_capacity(q.len());
    for (column, q) in r.iter().zip(q) {
        let done: f64 = dot(&column[..w.len()], &w);
        w.push((q - done) / column[w.len()]);
    }
    (length - radius) / radius * (length / norm(&w)).powi(2)
}

/// The factor R of [R; √λ·I], and the q that minimises ‖S·q + r‖² + λ‖q‖².
fn damped(r: &Columns, qtr: &[f64], lambda: f64) -> (Columns, Vec<f64>) {
    let n = qtr.len();
    let below = |j: usize| (0..n).map(move |i| if i == j { lambda.sqrt() } else { 0.0 });
    let columns = r.iter().enumerate().map(|(j, column)| column.iter().copied().chain(below(j)).collect()).collect();
    let (factor, qtr) = factorised(columns, qtr.iter().copied().chain(std::iter::repeat_n(0.0, n)).collect());
    let q = solved(&factor, &qtr).unwrap_or_else(|| vec![0.0; n]);
    (factor, q)
}

/// −R⁻¹·b; None where R is singular to rounding.
fn solved(r: &Columns, b: &[f64]) -> Option<Vec<f64>> {
    let n = b.len();
    let diagonal = || r.iter().enumerate().map(|(i, column)| column[i].abs());
    if diagonal().fold(f64::INFINITY, f64::min) <= f64::EPSILON * diagonal().fold(0.0, f64::max) {
        return None;
    }
    let mut x: Vec<f64> = b.iter().map(|b| -b).collect();
    for j in (0..n).rev() {
        x[j] /= r[j][j];
        for i in 0..j {
            x[i] -= r[j][i] * x[j];
        }
    }
    x.iter().all(|x| x.is_finite()).then_some(x)
}

/// The upper triangle R of A = Q·R by Householder reflections, n × n, and the first n of Qᵀ·b; A has at least as many rows as columns.
fn factorised(mut a: Columns, mut b: Vec<f64>) -> (Columns, Vec<f64>) {
    let n = a.len();
    for k in 0..n {
        let (done, rest) = a.split_at_mut(k + 1);
        let v = &mut done[k][k..];
        let size = norm(v);
        if size == 0.0 {
            continue;
        }
        // The sign that adds.
        let head = -size.copysign(v[0]);
        v[0] -= head;
        let scale = norm(v);
        v.iter_mut().for_each(|v| *v /= scale);
        for column in rest.iter_mut().chain(std::iter::once(&mut b)) {
            let column = &mut column[k..];
            let along = 2.0 * dot(v, column);
            column.iter_mut().zip(&*v).for_each(|(x, v)| *x -= along * v);
        }
        v[0] = head;
    }
    for (k, column) in a.iter_mut().enumerate() {
        column.truncate(n);
        column[k + 1..].fill(0.0);
    }
    b.truncate(n);
    (a, b)
}

/// R·q
fn times(r: &Columns, q: &[f64]) -> Vec<f64> {
    let mut product = vec![0.0; q.len()];
    for (column, q) in r.iter().zip(q) {
        product.iter_mut().zip(column).for_each(|(sum, r)| *sum += r * q);
    }
    product
}

fn scaled(mut columns: Columns, scales: &[f64]) -> Columns {
    for (column, scale) in columns.iter_mut().zip(scales) {
        column.iter_mut().for_each(|x| *x /= scale);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look like none in particular.
    fn wave(n: usize, by: f64) -> Vec<f64> {
        (0..n).map(|i| (1.0 + by * i as f64 + 0.3 * (i * i) as f64).sin()).collect()
    }

    #[test]
    fn factors_multiply_to_the_normal_equations() {
        for (rows, n) in [(1, 1), (4, 4), (7, 3), (3, 5)] {
            let (j, r) = (wave(rows * n, 0.7), wave(rows, 1.3));
            let model = Model::new(r.clone(), &j, n);
            for a in 0..n {
                for b in 0..n {
                    let expected: f64 = (0..rows).map(|i| j[i * n + a] * j[i * n + b]).sum();
                    let got = dot(&model.r[a], &model.r[b]) * model.scales[a] * model.scales[b];
                    assert!((got - expected).abs() < 1e-13, "{rows} {n}: {got} {expected}");
                }
                let expected: f64 = (0..rows).map(|i| j[i * n + a] * r[i]).sum();
                let got = dot(&model.r[a], &model.qtr) * model.scales[a];
                assert!((got - expected).abs() < 1e-13 && (model.gradient[a] - expected).abs() < 1e-13);
                assert!(model.r[a][a + 1..].iter().all(|&x| x == 0.0));
            }
        }
    }

    /// The optimality conditions: (SᵀS + λ)q = −Sᵀr, λ ≥ 0, and the step is as long as the bound where λ > 0.
    #[test]
    fn steps_are_the_best_within_the_bound() {
        for (rows, n) in [(1, 1), (4, 4), (9, 3), (3, 5)] {
            for radius in [1e-6, 1e-2, 0.3, 1.0, 1e3] {
                let (j, r) = (wave(rows * n, 0.9), wave(rows, 2.1));
                let mut model = Model::new(r.clone(), &j, n);
                model.bound(radius);
                let Step { p, length, predicted, .. } = model.step();
                assert!(length <= 1.1001 * radius && model.lambda >= 0.0);
                // With more parameters than residuals even the longest step of all may be shorter than the bound.
                let is_free = model.lambda == 0.0 || (n > rows && model.lambda < 1e-6);
                assert!(is_free || length >= 0.8999 * radius, "{rows} {n} {radius}: {length}");
                let after: Vec<f64> =
                    (0..rows).map(|i| r[i] + (0..n).map(|k| j[i * n + k] * p[k]).sum::<f64>()).collect();
                let scale = largest(&model.gradient);
                for k in 0..n {
                    let slope: f64 = (0..rows).map(|i| j[i * n + k] * after[i]).sum();
                    let held = model.lambda * model.scales[k].powi(2) * p[k];
                    assert!((slope + held).abs() < 1e-9 * scale, "{rows} {n} {radius}: {slope} {held}");
                }
                let share = 1.0 - dot(&after, &after) / dot(&r, &r);
                assert!((share - predicted).abs() < 1e-9, "{rows} {n} {radius}: {share} {predicted}");
            }
        }
    }

    #[test]
    fn dependent_and_empty_columns_have_steps_too() {
        // The second column is twice the first, the third is zero.
        let j = [1.0, 2.0, 0.0, -1.0, -2.0, 0.0, 0.5, 1.0, 0.0];
        let mut model = Model::new(vec![1.0, 2.0, 3.0], &j, 3);
        model.bound(0.1);
        let Step { p, length, predicted, .. } = model.step();
        assert!(length > 0.0 && length <= 0.1101 && predicted > 0.0 && p.iter().all(|p| p.is_finite()));
        assert!(p[2].abs() < 1e-14 && (p[1] - 0.5 * p[0]).abs() < 1e-12, "{p:?}");
    }
}
