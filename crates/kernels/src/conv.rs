//! Convolution, features last, over one, two or three spatial axes: forward, backward to data, backward to weights.
//!
//! y[n, o, f] = Σ_{k, c} x[n, o·stride + k·dilation − padding, c] · w[k, c, f], numbers outside x being absent (not zero: an infinite
//! weight beside the edge makes no NaN). `x` is `[N, D, H, W, C]`, `w` `[KD, KH, KW, C / groups, F]`, `y` `[N, OD, OH, OW, F]`; with fewer
//! spatial axes the first ones are 1. Group g reads channels g·C/groups.. and makes filters g·F/groups... The gradient to data is at the
//! same time the transposed convolution's result.

mod axis;
mod depthwise;
mod direct;
#[cfg(test)]
mod naive;
mod plan;
#[cfg(test)]
mod tests;
mod thin;
mod weights;
mod winograd;
#[cfg(test)]
mod winograd_tests;

use crate::gemm::Epilogue;
use crate::parallel::{self, Grain, PerChunk, Split};
use crate::pool::Buffer;
use crate::{Float, norm};
use direct::Weights;
use plan::Plan;

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConvAlgorithm {
    /// Winograd's F(2×2, 3×3) and F(3×3, 3×3) where they win, else the direct sum. The choice depends on the shape alone, never on the batch.
    #[default]
    Auto,
    /// The direct sum.
    Direct,
}

/// The sizes of a convolution. Spatial axes are depth, height, width; those that do not exist have size 1, kernel 1, stride 1,
/// dilation 1 and no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Images.
    pub batch: usize,
    /// Channels of x.
    pub channels: usize,
    /// Channels of y.
    pub filters: usize,
    /// Parts that channels and filters are cut into, each convolved by itself.
    pub groups: usize,
    /// Spatial sizes of x.
    pub input: [usize; 3],
    /// Spatial sizes of w.
    pub kernel: [usize; 3],
    /// Spatial sizes of y: any, since numbers outside x are absent.
    pub output: [usize; 3],
    /// Steps in x for a step in y.
    pub stride: [usize; 3],
    /// Steps in x for a step in w.
    pub dilation: [usize; 3],
    /// How far before x the first window starts. What there is after x follows from `output`.
    pub padding: [usize; 3],
    /// How to compute it.
    pub algorithm: ConvAlgorithm,
}

impl ConvGeometry {
    /// Numbers in x.
    pub fn input_len(&self) -> usize {
        self.batch * self.input.iter().product::<usize>() * self.channels
    }

    /// Numbers in w.
    pub fn weights_len(&self) -> usize {
        self.kernel.iter().product::<usize>() * (self.channels / self.groups) * self.filters
    }

    /// Numbers in y.
    pub fn output_len(&self) -> usize {
        self.batch * self.output.iter().product::<usize>() * self.filters
    }

    #[track_caller]
    fn check(&self, x: usize, w: usize, y: usize) {
        let Self { channels, filters, groups, .. } = *self;
        assert!(
            groups > 0 && channels.is_multiple_of(groups) && filters.is_multiple_of(groups),
            "conv: {groups} groups divide {channels} channels and {filters} filters"
        );
        let sizes = self.kernel.iter().chain(&self.stride).chain(&self.dilation);
        assert!(sizes.copied().all(|size| size > 0), "conv: a kernel, stride or dilation of 0");
        assert_eq!(x, self.input_len(), "conv: numbers in x");
        assert_eq!(w, self.weights_len(), "conv: numbers in w");
        assert_eq!(y, self.output_len(), "conv: numbers in y");
    }
}

/// y = rectifier(x ∗ w + bias).
///
/// ```
/// use kernels::{ConvAlgorithm, ConvGeometry, Epilogue, conv};
/// // Three pixels, one channel, a window of two without padding.
/// let geometry = ConvGeometry {
///     batch: 1, channels: 1, filters: 1, groups: 1, input: [1, 1, 3], kernel: [1, 1, 2], output: [1, 1, 2],
///     stride: [1; 3], dilation: [1; 3], padding: [0; 3], algorithm: ConvAlgorithm::Auto,
/// };
/// let mut y = [0.0; 2];
/// conv(&geometry, &[1.0, 2.0, 3.0], &[10.0, 1.0], &mut y, Epilogue::NONE);
/// assert_eq!(y, [12.0, 23.0]);
/// ```
///
/// # Panics
/// If a slice is not as long as the geometry says, if groups do not divide channels and filters, or if a kernel, stride or dilation is 0.
#[track_caller]
pub fn conv<T: Float>(geometry: &ConvGeometry, x: &[T], w: &[T], y: &mut [T], epilogue: Epilogue<'_, T>) {
    forward(geometry, x, w, y, epilogue, None);
}

/// y = x ∗ w, and the mean and the biased variance of each filter over all places, as [`crate::moments`] gives them: from parts of y that are
/// still in the cache.
///
/// ```
/// use kernels::{ConvAlgorithm, ConvGeometry, conv_moments};
/// let geometry = ConvGeometry {
///     batch: 1, channels: 1, filters: 1, groups: 1, input: [1, 1, 3], kernel: [1, 1, 2], output: [1, 1, 2],
///     stride: [1; 3], dilation: [1; 3], padding: [0; 3], algorithm: ConvAlgorithm::Auto,
/// };
/// let (mut y, mut mean, mut variance) = ([0.0; 2], [0.0], [0.0]);
/// conv_moments(&geometry, &[1.0, 2.0, 4.0], &[10.0, 1.0], &mut y, (&mut mean, &mut variance));
/// assert_eq!((y, mean, variance), ([12.0, 24.0], [18.0], [36.0]));
/// ```
///
/// # Panics
/// As [`conv`], and if mean and variance are not one number for each filter.
#[track_caller]
pub fn conv_moments<T: Float>(
    geometry: &ConvGeometry,
    x: &[T],
    w: &[T],
    y: &mut [T],
    (mean, variance): (&mut [T], &mut [T]),
) {
    let fits = mean.len() == geometry.filters && variance.len() == geometry.filters;
    assert!(fits, "conv: moments are one number for each of {} filters", geometry.filters);
    forward(geometry, x, w, y, Epilogue::NONE, Some(Moments { mean, variance }));
}

/// Where a result's moments go.
struct Moments<'a, T> {
    mean: &'a mut [T],
    variance: &'a mut [T],
}

/// Computes a result part by part, and its moments if they are wanted: `part` gives the numbers that it made, which are in the cache yet.
fn by_parts<'r, T: Float, A: Split>(
    parts: A,
    grain: Grain,
    features: usize,
    moments: Option<Moments<'_, T>>,
    part: impl Fn(usize, A) -> &'r [T] + Sync,
) {
    let Some(Moments { mean, variance }) = moments else {
        return parallel::for_each(parts, grain, |first, numbers| {
            part(first, numbers);
        });
    };
    let mut room = Buffer::<f64>::new(2 * features * grain.chunks(parts.len()));
    let parts = (parts, PerChunk::new(&mut room, 2 * features, grain));
    let part = |first, (numbers, room)| norm::part_of(part(first, numbers), features, room);
    norm::keep(parallel::fold(parts, grain, part, norm::combine), mean, variance);
}

#[track_caller]
fn forward<T: Float>(
    geometry: &ConvGeometry,
    x: &[T],
    w: &[T],
    y: &mut [T],
    epilogue: Epilogue<'_, T>,
    mut moments: Option<Moments<'_, T>>,
) {
    geometry.check(x.len(), w.len(), y.len());
    epilogue.check(geometry.filters);
    if let Some(Moments { mean, variance }) = moments.as_mut().filter(|_| y.is_empty()) {
        return crate::moments(y, mean, variance);
    }
    if winograd::serves::<T>(geometry) {
        return winograd::forward(geometry, x, w, y, epilogue, moments);
    }
    direct::compute(&Plan::forward(geometry), Weights::Forward, (x, w), y, epilogue, moments);
}

/// dx from dy: the gradient of [`conv`] to its data, and the transposed convolution of dy. `dx` is overwritten.
///
/// # Panics
/// As [`conv`].
#[track_caller]
pub fn conv_backward_data<T: Float>(
    geometry: &ConvGeometry,
    dy: &[T],
    w: &[T],
    dx: &mut [T],
    epilogue: Epilogue<'_, T>,
) {
    geometry.check(dx.len(), w.len(), dy.len());
    epilogue.check(geometry.channels);
    if winograd::serves::<T>(geometry) {
        return winograd::backward_data(geometry, dy, w, dx, epilogue);
    }
    if thin::serves(geometry, w) {
        return thin::backward_data(geometry, dy, w, dx, epilogue);
    }
    direct::compute(&Plan::backward(geometry), Weights::Backward, (dy, w), dx, epilogue, None);
}

/// dw from x and dy: the gradient of [`conv`] to its weights. `dw` is overwritten.
///
/// # Panics
/// As [`conv`].
#[track_caller]
pub fn conv_backward_weights<T: Float>(geometry: &ConvGeometry, x: &[T], dy: &[T], dw: &mut [T]) {
    geometry.check(x.len(), dw.len(), dy.len());
    if winograd::serves::<T>(geometry) && winograd::backward_weights(geometry, x, dy, dw) {
        return;
    }
    weights::compute(&Plan::forward(geometry), x, dy, dw);
}
