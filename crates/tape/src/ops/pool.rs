//! max_pool and avg_pool: the largest, or the mean, of windows over the spatial axes of x `[N, …, C]`, one to three of them.
//!
//! max_pool: the gradient goes to the number that was taken, the first of equal ones (NaN is the largest); one byte per output is kept.
//! avg_pool: a depthwise convolution with equal weights, so dx is dy spread evenly over each window. Sizes as PyTorch's: with `ceil` a last
//! window that is not filled counts if it starts inside x or the padding before it; `count_padding` says whether places of padding count
//! in the mean (those beyond padding never do). Adaptive pooling has bins from ⌊i·size/bins⌋ to ⌈(i + 1)·size/bins⌉.
//!
//! ```
//! use tape::{Pool, Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 3.0, 2.0, 2.0]).reshape([1, 4, 1]));
//! let y = x.clone().max_pool(&Pool::new(2));
//! assert_eq!(y.to_vec(), [3.0, 2.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 1.0, 1.0, 0.0]);
//! assert_eq!(x.avg_pool(&Pool::new(2)).to_vec(), [2.0, 2.0]);
//! ```

use super::conv::PerAxis;
use crate::error::expect;
use crate::{Axes, Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};
use kernels::{ConvAlgorithm, ConvGeometry, Epilogue};

/// The settings of pooling: a window; the stride is the window's size unless said, no padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pool {
    kernel: PerAxis,
    stride: Option<PerAxis>,
    padding: PerAxis,
    dilation: PerAxis,
    ceil: bool,
    count_padding: bool,
}

impl Pool {
    /// Windows of so many places on each axis (`2`, `[3, 2]`), side by side.
    pub fn new(kernel: impl Into<PerAxis>) -> Pool {
        let (none, one) = (PerAxis::from(0), PerAxis::from(1));
        Pool { kernel: kernel.into(), stride: None, padding: none, dilation: one, ceil: false, count_padding: true }
    }

    /// Places from one window to the next.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Pool {
        self.stride = Some(stride.into());
        self
    }

    /// Places around x that no window takes a number from; at most half a window.
    #[must_use]
    pub fn padding(mut self, padding: impl Into<PerAxis>) -> Pool {
        self.padding = padding.into();
        self
    }

    /// Places from one number of a window to the next.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Pool {
        self.dilation = dilation.into();
        self
    }

    /// Whether a last window that is not filled counts.
    #[must_use]
    pub fn ceil(mut self, ceil: bool) -> Pool {
        self.ceil = ceil;
        self
    }

    /// Whether means count places of padding; they do unless this says otherwise.
    #[must_use]
    pub fn count_padding(mut self, count_padding: bool) -> Pool {
        self.count_padding = count_padding;
        self
    }

    fn geometry(&self, op: &'static str, x: &Shape) -> Result<(ConvGeometry, Shape)> {
        let axes = x.rank().saturating_sub(2);
        if !(1..=3).contains(&axes) {
            let problem = "x is [N, …, C] with one to three spatial axes".to_owned();
            return Err(Error::Invalid { op, shape: x.to_vec(), problem });
        }
        let numbers = |of: PerAxis, what| of.numbers(what, axes, op);
        let (kernel, padding) = (numbers(self.kernel, "kernel")?, numbers(self.padding, "padding")?);
        let (stride, dilation) =
            (numbers(self.stride.unwrap_or(self.kernel), "stride")?, numbers(self.dilation, "dilation")?);
        if [&kernel, &stride, &dilation].iter().any(|numbers| numbers.contains(&0)) {
            let problem = format!("kernel {kernel:?}, stride {stride:?}, dilation {dilation:?}; 1 is the least");
            return Err(Error::Argument { op, problem });
        }
        let channels = x[axes + 1];
        let (one, none) = ([1; 3], [0; 3]);
        let mut g = ConvGeometry {
            batch: x[0],
            channels,
            filters: channels,
            groups: channels.max(1),
            input: one,
            kernel: one,
            output: one,
            stride: one,
            dilation: one,
            padding: none,
            algorithm: ConvAlgorithm::Direct,
        };
        let mut shape = *x;
        for axis in 0..axes {
            let (size, reach, before) = (x[axis + 1], (kernel[axis] - 1) * dilation[axis] + 1, padding[axis]);
            let problem = |problem| Err(Error::Invalid { op, shape: x.to_vec(), problem });
            if 2 * before > kernel[axis] {
                return problem(format!(
                    "axis {}: padding {before} is more than half a window of {}",
                    axis + 1,
                    kernel[axis]
                ));
            }
            if size + 2 * before < reach {
                let padded = format!("{before} + {size} + {before}");
                return problem(format!(
                    "axis {}: a window of {reach} places is larger than padded x, {padded}",
                    axis + 1
                ));
            }
            let free = size + 2 * before - reach;
            let mut places = free / stride[axis] + 1;
            if self.ceil && !free.is_multiple_of(stride[axis]) && places * stride[axis] < size + before {
                places += 1;
            }
            let at = 3 - axes + axis;
            (g.input[at], g.output[at], g.kernel[at]) = (size, places, kernel[axis]);
            (g.stride[at], g.dilation[at], g.padding[at]) = (stride[axis], dilation[axis], before);
            shape = shape.with(axis + 1, places);
        }
        Ok((g, shape))
    }
}

/// y of x; notes the taps.
struct Max {
    geometry: ConvGeometry,
    shape: Shape,
    taps: Tensor<i64>,
}

/// dx of dy: linear.
struct Give {
    geometry: ConvGeometry,
    /// Of dx, and of dy.
    shapes: [Shape; 2],
    taps: Tensor<i64>,
}

/// The numbers of x that were taken: linear, and [`Give`]'s gradient.
struct Fetch {
    geometry: ConvGeometry,
    /// Of the result, and of x.
    shapes: [Shape; 2],
    taps: Tensor<i64>,
}

fn slice<T: kernels::pool::Element>(x: &Tensor<T>) -> &[T] {
    x.as_slice().expect("contiguous")
}

impl<T: Float> Op<T> for Max {
    fn name(&self) -> &'static str {
        "max_pool"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.shape)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        Tensor::fill_with(self.shape, |y| kernels::max_pool(&self.geometry, slice(&x), y, self.taps.fresh_mut()))
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let g = self.geometry;
        let axes = dy.rank() - 2;
        let mut of_x = self.shape;
        (0..axes).for_each(|axis| of_x = of_x.with(axis + 1, g.input[3 - axes + axis]));
        let shapes = [of_x, self.shape];
        [kept.needs(0).then(|| Give { geometry: g, shapes, taps: self.taps.clone() }.apply([dy]))]
    }
}

impl<T: Float> Op<T> for Give {
    fn name(&self) -> &'static str {
        "max_pool_backward"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.shapes[0])
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [dy]: [Tensor<T>; 1]) -> Tensor<T> {
        let dy = dy.contiguous();
        Tensor::fill_with(self.shapes[0], |dx| {
            kernels::max_pool_backward(&self.geometry, slice(&dy), slice(&self.taps), dx);
        })
    }
    fn vjp(&self, _: Kept<'_, T>, d: Var<T>) -> [Option<Var<T>>; 1] {
        let Give { geometry, shapes: [of_x, of_y], ref taps } = *self;
        [Some(Fetch { geometry, shapes: [of_y, of_x], taps: taps.clone() }.apply([d]))]
    }
}

impl<T: Float> Op<T> for Fetch {
    fn name(&self) -> &'static str {
        "max_pool_gather"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.shapes[0])
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        Tensor::fill_with(self.shapes[0], |y| {
            kernels::max_pool_gather(&self.geometry, slice(&x), slice(&self.taps), y);
        })
    }
    fn vjp(&self, _: Kept<'_, T>, d: Var<T>) -> [Option<Var<T>>; 1] {
        let Fetch { geometry, shapes: [of_y, of_x], ref taps } = *self;
        [Some(Give { geometry, shapes: [of_x, of_y], taps: taps.clone() }.apply([d]))]
    }
}

/// Sums of windows, or, backward, each number spread over its window: one the gradient of the other.
struct Sum {
    geometry: ConvGeometry,
    /// Of the result, and of the operand.
    shapes: [Shape; 2],
    backward: bool,
}

impl<T: Float> Op<T> for Sum {
    fn name(&self) -> &'static str {
        if self.backward { "avg_pool_backward" } else { "avg_pool" }
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.shapes[0])
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let (x, g) = (x.contiguous(), &self.geometry);
        let mut weights: Tensor<T> = Tensor::unspecified(Shape::from([g.weights_len()]));
        weights.fresh_mut().fill(T::ONE);
        Tensor::fill_with(self.shapes[0], |y| match self.backward {
            false => kernels::conv(g, slice(&x), slice(&weights), y, Epilogue::NONE),
            true => kernels::conv_backward_data(g, slice(&x), slice(&weights), y, Epilogue::NONE),
        })
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let Sum { geometry, shapes: [to, from], backward } = *self;
        [Some(Sum { geometry, shapes: [from, to], backward: !backward }.apply([dy]))]
    }
}

/// For each window of one axis the places that its mean counts.
fn counts(g: &ConvGeometry, axis: usize, count_padding: bool) -> Vec<f64> {
    let (size, padding) = (g.input[axis], g.padding[axis]);
    let bounds = if count_padding { (0, size + 2 * padding) } else { (padding, size + padding) };
    let place = |window: usize, tap: usize| window * g.stride[axis] + tap * g.dilation[axis];
    let counted =
        |window| (0..g.kernel[axis]).filter(|&tap| (bounds.0..bounds.1).contains(&place(window, tap))).count();
    (0..g.output[axis]).map(|window| counted(window) as f64).collect()
}

impl<T: Float> Var<T> {
    /// The largest number of each window of x `[N, …, C]`.
    ///
    /// # Panics
    /// If x has not one to three spatial axes, if a window is larger than padded x or has more than 256 places, or if padding is more
    /// than half a window.
    #[track_caller]
    pub fn max_pool(self, settings: &Pool) -> Var<T> {
        let (geometry, shape) = expect(settings.geometry("max_pool", self.shape()));
        let taps = Tensor::unspecified(Shape::from([kernels::max_pool_words(shape.elements())]));
        Max { geometry, shape, taps }.apply([self])
    }

    /// The mean of each window of x `[N, …, C]`.
    ///
    /// # Panics
    /// If x has not one to three spatial axes, if a window is larger than padded x, or if padding is more than half a window.
    #[track_caller]
    pub fn avg_pool(self, settings: &Pool) -> Var<T> {
        let (geometry, shape) = expect(settings.geometry("avg_pool", self.shape()));
        let (axes, from) = (self.rank() - 2, *self.shape());
        let sums = Sum { geometry, shapes: [shape, from], backward: false }.apply([self]);
        let taps: usize = geometry.kernel.iter().product();
        let by_axis: Vec<Vec<f64>> =
            (3 - axes..3).map(|axis| counts(&geometry, axis, settings.count_padding)).collect();
        if by_axis.iter().zip(&geometry.kernel[3 - axes..]).all(|(counts, &k)| counts.iter().all(|&c| c == k as f64)) {
            return sums * (1.0 / taps as f64);
        }
        let mut sums = sums;
        for (axis, counts) in by_axis.into_iter().enumerate() {
            let mut sizes = vec![1; axes + 2];
            sizes[axis + 1] = counts.len();
            let factors: Vec<T> = counts.into_iter().map(|count| T::from_f64(1.0 / count)).collect();
            let factors = Tensor::fill_with(Shape::from(&sizes[..]), |to| to.copy_from_slice(&factors));
            let factors = sums.beside(factors);
            sums = sums * factors;
        }
        sums
    }

    /// The means of `bins` bins on each spatial axis of x `[N, …, C]`, whatever its size.
    ///
    /// # Panics
    /// If there are more or fewer numbers of bins than spatial axes, or if a number of bins is 0 or an axis empty.
    #[track_caller]
    pub fn adaptive_avg_pool(self, bins: &[usize]) -> Var<T> {
        expect(check_bins("adaptive_avg_pool", self.shape(), bins));
        by_bins(self, bins, Var::mean_axes)
    }

    /// The largest numbers of `bins` bins on each spatial axis of x `[N, …, C]`, whatever its size; equal ones share the gradient.
    ///
    /// # Panics
    /// As [`Var::adaptive_avg_pool`].
    #[track_caller]
    pub fn adaptive_max_pool(self, bins: &[usize]) -> Var<T> {
        expect(check_bins("adaptive_max_pool", self.shape(), bins));
        by_bins(self, bins, Var::max_axes)
    }
}

/// Each spatial axis in turn reduced bin by bin.
#[track_caller]
fn by_bins<T: Float>(x: Var<T>, bins: &[usize], reduce: impl Fn(Var<T>, Axes) -> Var<T>) -> Var<T> {
    bins.iter().enumerate().fold(x, |x, (axis, &bins)| {
        let (size, axis) = (x.shape()[axis + 1], axis as isize + 1);
        let bin = |bin: usize| {
            let (from, to) = (bin * size / bins, ((bin + 1) * size).div_ceil(bins));
            reduce(x.clone().narrow(axis, from, to - from), keep(axis))
        };
        Var::concat(&(0..bins).map(bin).collect::<Vec<_>>(), axis)
    })
}

fn check_bins(op: &'static str, x: &Shape, bins: &[usize]) -> Result<()> {
    let axes = x.rank().saturating_sub(2);
    if axes == 0 || bins.len() != axes || bins.contains(&0) || x[1..=axes].contains(&0) {
        let problem =
            format!("bins {bins:?}: one number above 0 for each spatial axis of x [N, …, C], none of which is empty");
        return Err(Error::Invalid { op, shape: x.to_vec(), problem });
    }
    Ok(())
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
#[cfg(test)]
pub(super) use tests::entries;
