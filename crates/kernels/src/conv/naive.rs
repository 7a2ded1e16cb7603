//! The definition in loops, summed in f64.

use super::ConvGeometry;
use crate::Float;

/// Calls `f` with the index of each x, w and y that meet in a product.
fn visit(g: &ConvGeometry, mut f: impl FnMut(usize, usize, usize)) {
    let (c_in, c_out) = (g.channels / g.groups, g.filters / g.groups);
    let within = |axis: usize, o: usize, k: usize| {
        let at = (o * g.stride[axis] + k * g.dilation[axis]).checked_sub(g.padding[axis])?;
        (at < g.input[axis]).then_some(at)
    };
    let axis = |axis: usize| {
        let pairs = (0..g.output[axis]).flat_map(move |o| (0..g.kernel[axis]).map(move |k| (o, k)));
        pairs.filter_map(move |(o, k)| Some((o, k, within(axis, o, k)?)))
    };
    for n in 0..g.batch {
        for (od, kd, d) in axis(0) {
            for (oh, kh, h) in axis(1) {
                for (ow, kw, w) in axis(2) {
                    let pixel = ((n * g.input[0] + d) * g.input[1] + h) * g.input[2] + w;
                    let tap = (kd * g.kernel[1] + kh) * g.kernel[2] + kw;
                    let place = ((n * g.output[0] + od) * g.output[1] + oh) * g.output[2] + ow;
                    for filter in 0..g.filters {
                        for c in 0..c_in {
                            let channel = filter / c_out * c_in + c;
                            f(
                                pixel * g.channels + channel,
                                (tap * c_in + c) * g.filters + filter,
                                place * g.filters + filter,
                            );
                        }
                    }
                }
            }
        }
    }
}

fn rounded<T: Float>(from: Vec<f64>, to: &mut [T]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = T::from_f64(from);
    }
}

pub(super) fn forward<T: Float>(g: &ConvGeometry, x: &[T], w: &[T], y: &mut [T]) {
    let mut sums = vec![0.0; y.len()];
    visit(g, |i, j, k| sums[k] += x[i].to_f64() * w[j].to_f64());
    rounded(sums, y);
}

pub(super) fn backward_data<T: Float>(g: &ConvGeometry, dy: &[T], w: &[T], dx: &mut [T]) {
    let mut sums = vec![0.0; dx.len()];
    visit(g, |i, j, k| sums[i] += dy[k].to_f64() * w[j].to_f64());
    rounded(sums, dx);
}

pub(super) fn backward_weights<T: Float>(g: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    let mut sums = vec![0.0; dw.len()];
    visit(g, |i, j, k| sums[j] += x[i].to_f64() * dy[k].to_f64());
    rounded(sums, dw);
}
