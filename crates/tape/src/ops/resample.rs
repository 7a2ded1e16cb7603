//! Weighted sums along spatial axes: average pooling, upsampling, padding that copies. All linear in x, features last.
//!
//! Derivative: the transposed sums, that is each dy spread over what went into its y, with the same weights; the rule is the same op on
//! transposed weights, so all orders are exact, and nothing is kept.
//!
//! ```
//! use tape::{PadMode, Pool, Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 3.0, 5.0, 9.0]).reshape([1, 4, 1]));
//! let y = x.clone().avg_pool(Pool::new([2]));
//! assert_eq!(y.to_vec(), [2.0, 7.0]);
//! assert_eq!(y.clone().upsample_nearest([4]).to_vec(), [2.0, 2.0, 7.0, 7.0]);
//! assert_eq!(x.clone().pad_with(1, 1, 1, PadMode::Reflect).to_vec(), [3.0, 1.0, 3.0, 5.0, 9.0, 5.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.5; 4]);
//! ```

#[cfg(test)]
mod tests;

use super::elementwise::slice;
use super::pooling::{Span, bins, spatial};
use crate::error::expect;
use crate::{Error, Float, Keeps, Kept, Op, Pool, Result, Shape, Tensor, Var};
use kernels::Taps;

/// What stands beyond the edges of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PadMode {
    /// A number.
    Constant(f64),
    /// The axis mirrored at its edge positions, which are not repeated: at most the axis's size less one.
    Reflect,
    /// The edge positions, again and again.
    Replicate,
    /// The axis from its other end: at most its size.
    Circular,
}

struct Resample {
    name: &'static str,
    /// The first of the axes.
    first: usize,
    axes: Vec<Taps>,
}

impl Resample {
    fn resized(&self, x: &Shape) -> Shape {
        self.axes.iter().enumerate().fold(*x, |shape, (i, taps)| shape.with(self.first + i, taps.outputs()))
    }
}

impl<T: Float> Op<T> for Resample {
    fn name(&self) -> &'static str {
        self.name
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        Shape::new(&self.resized(x))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        let channels = x.shape()[self.first + self.axes.len()..].iter().product();
        Tensor::fill_with(self.resized(x.shape()), |y| kernels::resample(slice(&x), y, &self.axes, channels))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let axes = self.axes.iter().map(Taps::transposed).collect();
        [Some(Resample { name: self.name, first: self.first, axes }.apply([dy]))]
    }
}

/// Means over windows.
#[track_caller]
fn means<T: Float>(name: &'static str, x: Var<T>, spans: &[Vec<Span>], counts_padding: bool) -> Var<T> {
    let row = |span: &Span| {
        let count = if counts_padding { span.padded } else { span.end - span.first };
        (span.first..span.end).map(move |i| (i, 1.0 / count as f64))
    };
    let axes = spans.iter().enumerate().map(|(i, spans)| Taps::new(x.shape()[i + 1], spans.iter().map(row))).collect();
    Resample { name, first: 1, axes }.apply([x])
}

/// The sizes of an input and a result that both have numbers.
#[track_caller]
fn sizes<const D: usize>(op: &'static str, x: &Shape, to: [usize; D]) -> [(usize, usize); D] {
    let from = expect(spatial::<D>(op, x));
    if from.contains(&0) || to.contains(&0) {
        let problem = format!("spatial axes of size 0 cannot be resampled, or resampled to; {to:?} are wanted");
        expect::<()>(Err(Error::Invalid { op, shape: x.to_vec(), problem }));
    }
    std::array::from_fn(|i| (from[i], to[i]))
}

/// Output o of O stands at (o + ½)·I/O − ½ of I, not below 0; with `align_corners` at o·(I − 1)/(O − 1).
fn linear((from, to): (usize, usize), align_corners: bool) -> Taps {
    let row = |o: usize| {
        let at = match align_corners {
            true if to == 1 => 0.0,
            true => o as f64 * (from - 1) as f64 / (to - 1) as f64,
            false => ((o as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0),
        };
        let low = (at as usize).min(from - 1);
        let share = if low + 1 < from { at - low as f64 } else { 0.0 };
        [(low, 1.0 - share), ((low + 1).min(from - 1), share)]
    };
    Taps::new(from, (0..to).map(row))
}

/// Which position each place of the padded axis shows.
fn padded(size: usize, before: usize, after: usize, mode: PadMode, x: &Shape) -> Result<Taps> {
    let (most, what) = match mode {
        PadMode::Reflect => (size.saturating_sub(1), "reflected: at most its size less one"),
        PadMode::Circular => (size, "circular: at most its size"),
        _ if size == 0 => (0, "replicated: there is nothing to copy"),
        _ => (usize::MAX, ""),
    };
    if before.max(after) > most {
        let problem = format!("an axis of {size} cannot be padded by {before} and {after} {what}");
        return Err(Error::Invalid { op: "pad_with", shape: x.to_vec(), problem });
    }
    let last = size as isize - 1;
    let place = |o: usize| {
        let at = o as isize - before as isize;
        let at = match mode {
            PadMode::Reflect if at < 0 => -at,
            PadMode::Reflect if at > last => 2 * last - at,
            PadMode::Circular => at.rem_euclid(size as isize),
            _ => at.clamp(0, last),
        };
        [(at as usize, 1.0)]
    };
    Ok(Taps::new(size, (0..before + size + after).map(place)))
}

impl<T: Float> Var<T> {
    /// The mean of each window, `[N, spatial…, C]` to `[N, windows…, C]`. Padding is counted as zeros, unless
    /// [`Pool::without_padding_in_means`]; what a last window has beyond the padding never is.
    ///
    /// # Panics
    /// If the value has no `D` spatial axes, if a kernel is larger than its padded axis, or if padding is more than half a kernel.
    #[track_caller]
    pub fn avg_pool<const D: usize>(self, pool: Pool<D>) -> Var<T> {
        let spans = expect(pool.spans("avg_pool", self.shape()));
        means("avg_pool", self, &spans, pool.counts_padding)
    }

    /// The mean of each of `sizes` bins: bin o of O over I positions is floor(o·I/O) .. ceil((o + 1)·I/O).
    ///
    /// # Panics
    /// If the value has no `D` spatial axes, or if a size is 0.
    #[track_caller]
    pub fn adaptive_avg_pool<const D: usize>(self, sizes: [usize; D]) -> Var<T> {
        let spans = expect(bins("adaptive_avg_pool", self.shape(), sizes));
        means("adaptive_avg_pool", self, &spans, false)
    }

    /// Other spatial sizes, output o of O showing position floor(o·I/O) of I.
    ///
    /// # Panics
    /// If the value has no `D` spatial axes, or if a size is 0.
    #[track_caller]
    pub fn upsample_nearest<const D: usize>(self, to: [usize; D]) -> Var<T> {
        let sizes = sizes("upsample_nearest", self.shape(), to);
        let axis = |(from, to): (usize, usize)| Taps::new(from, (0..to).map(|o| [(o * from / to, 1.0)]));
        Resample { name: "upsample_nearest", first: 1, axes: sizes.into_iter().map(axis).collect() }.apply([self])
    }

    /// `[N, H, W, C]` at other heights and widths, linear between neighbours. Output o of O stands at (o + ½)·I/O − ½, or with
    /// `align_corners` at o·(I − 1)/(O − 1); beyond the edges the edge goes on.
    ///
    /// # Panics
    /// If the value is not `[N, H, W, C]`, or if a size is 0.
    #[track_caller]
    pub fn upsample_bilinear(self, to: [usize; 2], align_corners: bool) -> Var<T> {
        let sizes = sizes("upsample_bilinear", self.shape(), to);
        let axes = sizes.into_iter().map(|sizes| linear(sizes, align_corners)).collect();
        Resample { name: "upsample_bilinear", first: 1, axes }.apply([self])
    }

    /// One axis longer by `before` and `after` positions, which show what the mode says. Derivative: dy of every copy to its original.
    ///
    /// # Panics
    /// If there is no such axis, or if it is too short for the mode.
    #[track_caller]
    pub fn pad_with(self, axis: isize, before: usize, after: usize, mode: PadMode) -> Var<T> {
        let at = expect(self.shape().axis("pad_with", axis));
        if let PadMode::Constant(value) = mode {
            return self.pad(axis, before, after, value);
        }
        let taps = expect(padded(self.shape()[at], before, after, mode, self.shape()));
        Resample { name: "pad_with", first: at, axes: vec![taps] }.apply([self])
    }
}

#[cfg(test)]
pub(super) use tests::entries;
