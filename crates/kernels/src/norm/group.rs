//! Group norm and instance norm: statistics of each sample's groups of channels, over all its places.
//!
//! x `[samples, places, channels]`, groups of neighbouring channels. A sample's statistics per channel come as in batch norm; those of
//! a group's channels are combined. Backward computes them anew: a sample is in the cache.

use super::backward::{
    CENTRE, CONSTANT, FACTORS, Gradients, OF_V, Pass, RECIPROCAL, SCALE, SHIFT, SLOPE, SUMS, Sums, added,
};
use super::forward::{Map, Moments};
use super::{Io, NONE};
use crate::level;
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;
use crate::{Float, In1};

/// The sizes of a group norm; with as many groups as channels it is an instance norm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupNorm {
    /// Parts of a sample's channels.
    pub groups: usize,
    /// Channels of a place.
    pub channels: usize,
    /// Places of a sample.
    pub places: usize,
    /// ε.
    pub epsilon: f64,
}

impl GroupNorm {
    #[track_caller]
    fn check(&self, length: usize, weight: usize, bias: usize) -> usize {
        let GroupNorm { groups, channels, places, .. } = *self;
        assert!(groups > 0 && channels.is_multiple_of(groups), "{groups} groups do not divide {channels} channels");
        assert!(weight == channels && bias == channels, "one weight and bias for each of {channels} channels");
        let sample = channels * places;
        let fits = if sample == 0 { length == 0 } else { length.is_multiple_of(sample) };
        assert!(fits, "{length} numbers are no whole number of samples of {places} × {channels}");
        sample
    }

    /// Mean and 1/s of the group of each channel of a sample.
    fn statistics<T: Float>(&self, x: &[T], mean: &mut [T], inverse: &mut [T]) {
        let GroupNorm { groups, channels, places, epsilon } = *self;
        let mut moments = Buffer::<f64>::new(2 * channels);
        level::run(Moments { x, features: channels, moments: &mut moments });
        let size = channels / groups;
        for first in (0..channels).step_by(size) {
            let (means, squares) = (&moments[first..][..size], &moments[channels + first..][..size]);
            let middle = means.iter().sum::<f64>() / size as f64;
            let apart: f64 = means.iter().map(|mean| (mean - middle) * (mean - middle)).sum();
            let variance = (squares.iter().sum::<f64>() + apart * places as f64) / (size * places) as f64;
            mean[first..first + size].fill(T::from_f64(middle));
            inverse[first..first + size].fill(T::from_f64(1.0 / (variance + epsilon).sqrt()));
        }
    }
}

/// y = (x − μ)/√(σ² + ε)·γ + β, μ and σ² of the sample's group.
///
/// ```
/// use kernels::{GroupNorm, In1, group_norm};
/// let norm = GroupNorm { groups: 1, channels: 2, places: 2, epsilon: 0.0 };
/// let mut x = [1.0f32, 3.0, 1.0, 3.0];
/// group_norm(norm, In1::Over { x: &mut x }, &[1.0, 2.0], &[0.0, 1.0]);
/// assert_eq!(x, [-1.0, 3.0, -1.0, 3.0]);
/// ```
///
/// # Panics
/// If lengths do not fit, or if groups do not divide the channels.
#[track_caller]
pub fn group_norm<T: Float>(norm: GroupNorm, io: In1<'_, T>, weight: &[T], bias: &[T]) {
    io.check();
    let sample = norm.check(io.len(), weight.len(), bias.len());
    if io.len() == 0 {
        return;
    }
    let channels = norm.channels;
    let grain = Grain::rows(sample, 2);
    parallel::for_each(Rows(Io::new(io), sample), grain, |_, Rows(mut io, _)| {
        let mut vectors = Buffer::<T>::new(4 * channels);
        let (mean, rest) = vectors.split_at_mut(channels);
        let (inverse, rest) = rest.split_at_mut(channels);
        let (scale, slopes) = rest.split_at_mut(channels);
        slopes.fill(T::ONE);
        while !io.to.is_empty() {
            let (head, tail) = parallel::Split::split_at(io, sample);
            io = tail;
            norm.statistics(head.numbers(), mean, inverse);
            for (scale, (&weight, &inverse)) in scale.iter_mut().zip(weight.iter().zip(&*inverse)) {
                *scale = weight * inverse;
            }
            let (centre, scale, slopes) = (&*mean, &*scale, &*slopes);
            let (residual, kind, streams, largest) = (None, NONE, false, T::ZERO);
            level::run(Map { io: head, centre, scale, shift: bias, slopes, residual, kind, streams, largest });
        }
    });
}

/// The arguments of [`group_norm_backward`].
#[derive(Debug)]
pub struct GroupNormBackward<'a, T> {
    /// The sizes.
    pub norm: GroupNorm,
    /// The input.
    pub x: &'a [T],
    /// γ.
    pub weight: &'a [T],
    /// From the result's gradient to dx.
    pub dy: In1<'a, T>,
    /// dγ.
    pub d_weight: &'a mut [T],
    /// dβ.
    pub d_bias: &'a mut [T],
}

/// dx over or beside dy, dγ and dβ.
///
/// # Panics
/// As [`group_norm`].
#[track_caller]
pub fn group_norm_backward<T: Float>(args: GroupNormBackward<'_, T>) {
    let GroupNormBackward { norm, x, weight, dy, d_weight, d_bias } = args;
    dy.check();
    let sample = norm.check(dy.len(), weight.len(), d_weight.len());
    assert!(x.len() == dy.len() && d_bias.len() == weight.len(), "lengths differ");
    let channels = norm.channels;
    if dy.len() == 0 {
        d_weight.fill(T::ZERO);
        return d_bias.fill(T::ZERO);
    }
    let samples = x.len() / sample;
    let grain = Grain::rows(sample, 2);
    let mut room = Buffer::<f64>::new(grain.chunks(samples) * 2 * channels);
    let parts = (Rows(x, sample), Rows(Io::new(dy), sample), PerChunk::new(&mut room, 2 * channels, grain));
    let part = |_, (Rows(x, _), Rows(dy, _), room)| samples_backward(norm, (x, dy), weight, room);
    let total = parallel::fold(parts, grain, part, added);
    for i in 0..channels {
        (d_weight[i], d_bias[i]) = (T::from_f64(total[i]), T::from_f64(total[channels + i]));
    }
}

/// Some samples: dx, and what they add to dγ and dβ.
fn samples_backward<'a, T: Float>(
    norm: GroupNorm,
    (x, mut dy): (&[T], Io<'_, T>),
    weight: &[T],
    room: PerChunk<'a, f64>,
) -> &'a mut [f64] {
    let total = room.into_room();
    total.fill(0.0);
    let GroupNorm { groups, channels, places, .. } = norm;
    let sample = channels * places;
    let mut factors = Buffer::<T>::new(FACTORS * channels);
    let mut inverse = Buffer::<T>::new(channels);
    let mut sums = Buffer::<f64>::new(SUMS * channels);
    for (which, value) in [(SLOPE, T::ONE), (RECIPROCAL, T::ONE), (SHIFT, T::ZERO)] {
        factors[which * channels..][..channels].fill(value);
    }
    for x in x.chunks_exact(sample) {
        let (head, tail) = parallel::Split::split_at(dy, sample);
        dy = tail;
        norm.statistics(x, &mut factors[CENTRE * channels..][..channels], &mut inverse);
        for i in 0..channels {
            factors[SCALE * channels + i] = weight[i] * inverse[i];
        }
        let pass = Pass { seen: x, residual: None, from_output: false, kind: NONE, factors: &[], features: channels };
        sums.fill(0.0);
        level::run(Sums { pass: Pass { factors: &factors, ..pass }, g: head.numbers(), sums: &mut sums });
        let size = channels / groups;
        for first in (0..channels).step_by(size) {
            let inverse = inverse[first].to_f64();
            let (mut mean, mut with_v) = (0.0, 0.0);
            for i in first..first + size {
                let (g, g_v) = (sums[i], sums[channels + i]);
                total[i] += g_v * inverse;
                total[channels + i] += g;
                mean += weight[i].to_f64() * g;
                with_v += weight[i].to_f64() * g_v * inverse;
            }
            let count = (size * places) as f64;
            for i in first..first + size {
                factors[CONSTANT * channels + i] = T::from_f64(-inverse * mean / count);
                factors[OF_V * channels + i] = T::from_f64(-inverse * inverse * with_v / count);
            }
        }
        level::run(Gradients { pass: Pass { factors: &factors, ..pass }, dy: head, d_residual: None, streams: false });
    }
    total
}
