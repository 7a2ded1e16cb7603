//! ln|det J| as the flow has it, against difference quotients.

use crate::model::Flow;
use nn::prelude::*;

const H: f64 = 1e-7;
/// How far quotients to the left and to the right are apart where a kink lies between, relative to the largest; curvature makes it some H.
const APART: f64 = 1e-5;

/// How far the two are from each other at most, and at how many points there is a kink between the differences, whose Jacobians to the left and to the right are not the same.
pub fn determinants(flow: &Flow, x: &Tensor) -> nn::Result<(f64, usize)> {
    let (flow, x) = (flow.cast::<f64>(), x.cast::<f64>());
    let at = |x: &Tensor<f64>| flow.forward(Tape::inference().input(x.clone()));
    let to = |axis: usize, step: f64| {
        let step = Tensor::<f64>::fill_with([1, 2], |to| {
            to.fill(0.0);
            to[axis] = step;
        });
        at(&(&x + step)).map(|(z, _)| z.to_vec())
    };
    let (z, log_det) = at(&x)?;
    let (z, log_det) = (z.to_vec(), log_det.to_vec());
    let ([right, up], [left, down]) = ([to(0, H)?, to(1, H)?], [to(0, -H)?, to(1, -H)?]);
    let (mut most, mut kinks) = (0.0f64, 0);
    for (i, log_det) in log_det.into_iter().enumerate() {
        // ∂z₁/∂x₁, ∂z₁/∂x₂, ∂z₂/∂x₁, ∂z₂/∂x₂.
        let slopes = [(0, &right, &left), (0, &up, &down), (1, &right, &left), (1, &up, &down)]
            .map(|(j, after, before)| [after[2 * i + j] - z[2 * i + j], z[2 * i + j] - before[2 * i + j]]);
        let size = slopes.iter().flatten().fold(0.0, |size: f64, slope| size.max(slope.abs()));
        if slopes.iter().any(|[after, before]| (after - before).abs() > APART * size) {
            kinks += 1;
            continue;
        }
        let [a, b, c, d] = slopes.map(|[after, before]| (after + before) / (2.0 * H));
        most = most.max(((a * d - b * c).abs().ln() - log_det).abs());
    }
    Ok((most, kinks))
}
