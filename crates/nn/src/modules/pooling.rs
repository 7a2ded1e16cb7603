//! Pooling, upsampling and padding layers: no parameters, features last.
//!
//! `MaxPool2d::new(2)` is what users of PyTorch expect; sizes that differ from axis to axis go through the op's settings:
//! `MaxPool(Pool::new([3, 2]))`.

use super::Layer;
use crate::lipschitz::up;
use crate::onnx::{Graph, Takes, Value};
use crate::regions::Piecewise;
use crate::{Module, Result};
use tape::{Float, PadMode, Pool, Var};

/// The largest number of each window: [`Var::max_pool`].
///
/// ```
/// use nn::{Layer, MaxPool2d};
/// use tape::{Tape, Tensor};
/// let x = Tape::inference().input(Tensor::zeros([8, 28, 28, 3]));
/// assert_eq!(MaxPool2d::new(3).stride(2).padding(1).forward(x).shape().to_vec(), [8, 14, 14, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool<const D: usize>(pub Pool<D>);

/// The mean of each window: [`Var::avg_pool`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AvgPool<const D: usize>(pub Pool<D>);

/// The largest number of each of so many bins: [`Var::adaptive_max_pool`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveMaxPool<const D: usize>(pub [usize; D]);

/// The mean of each of so many bins: [`Var::adaptive_avg_pool`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdaptiveAvgPool<const D: usize>(pub [usize; D]);

/// The mean over all axes between the first and the last: `[N, spatial…, C]` to `[N, C]`.
///
/// ```
/// use nn::{GlobalAvgPool, Layer};
/// use tape::{Tape, Tensor};
/// let x = Tape::inference().input(Tensor::ones([2, 7, 7, 5]));
/// let y = GlobalAvgPool.forward(x);
/// assert_eq!((y.shape().to_vec(), y.to_vec()), (vec![2, 5], vec![1.0; 10]));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GlobalAvgPool;

/// A whole number of times as many positions along each of `D` spatial axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample<const D: usize> {
    factor: usize,
    bilinear: Option<bool>,
}

/// Positions around each of `D` spatial axes: [`Var::pad_with`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad<const D: usize> {
    /// Before and after each axis.
    pub sizes: [(usize, usize); D],
    /// What they show.
    pub mode: PadMode,
}

macro_rules! aliases {
    ($($layer:ident: $one:ident $two:ident $three:ident;)+) => {$(
        #[doc = concat!("[`", stringify!($layer), "`] over `[N, L, C]`.")]
        pub type $one = $layer<1>;
        #[doc = concat!("[`", stringify!($layer), "`] over `[N, H, W, C]`.")]
        pub type $two = $layer<2>;
        #[doc = concat!("[`", stringify!($layer), "`] over `[N, D, H, W, C]`.")]
        pub type $three = $layer<3>;
    )+};
}
aliases! {
    MaxPool: MaxPool1d MaxPool2d MaxPool3d;
    AvgPool: AvgPool1d AvgPool2d AvgPool3d;
    AdaptiveMaxPool: AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d;
    AdaptiveAvgPool: AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d;
    Upsample: Upsample1d Upsample2d Upsample3d;
    Pad: Pad1d Pad2d Pad3d;
}

macro_rules! windows {
    ($($layer:ident)+) => {$(
        impl<const D: usize> $layer<D> {
            /// Windows of this size along each axis, side by side.
            pub const fn new(kernel: usize) -> Self {
                $layer(Pool::new([kernel; D]))
            }

            /// Windows so far apart.
            #[must_use]
            pub const fn stride(self, stride: usize) -> Self {
                $layer(self.0.stride([stride; D]))
            }

            /// Windows that reach so far over the edges; at most half the kernel.
            #[must_use]
            pub const fn padding(self, padding: usize) -> Self {
                $layer(self.0.padding([padding; D]))
            }

            /// With a last window that may leave the padded axis.
            #[must_use]
            pub const fn ceil(self) -> Self {
                $layer(self.0.ceil())
            }
        }
    )+};
}
windows!(MaxPool AvgPool);

macro_rules! bins {
    ($($layer:ident)+) => {$(
        impl<const D: usize> $layer<D> {
            /// So many bins along each axis.
            pub const fn new(size: usize) -> Self {
                $layer([size; D])
            }
        }
    )+};
}
bins!(AdaptiveMaxPool AdaptiveAvgPool);

impl<const D: usize> Upsample<D> {
    /// Each position `factor` times.
    pub const fn nearest(factor: usize) -> Self {
        Upsample { factor, bilinear: None }
    }
}

impl Upsample<2> {
    /// Linear between neighbours; see [`Var::upsample_bilinear`].
    pub const fn bilinear(factor: usize, align_corners: bool) -> Self {
        Upsample { factor, bilinear: Some(align_corners) }
    }
}

impl<const D: usize> Pad<D> {
    /// So many positions before and after each axis.
    pub const fn new(size: usize, mode: PadMode) -> Self {
        Pad { sizes: [(size, size); D], mode }
    }
}

/// In how many windows a position is at most.
fn overlaps<const D: usize>(pool: &Pool<D>) -> f64 {
    pool.kernel.iter().zip(pool.stride).map(|(kernel, stride)| kernel.div_ceil(stride.max(1)) as f64).product()
}

/// What the mean of a window is divided by at least: near edges perhaps by 1.
fn least_divisor<const D: usize>(pool: &Pool<D>) -> f64 {
    let is_whole = !pool.ceil && (pool.counts_padding || pool.padding == [0; D]);
    if is_whole { pool.kernel.iter().map(|&kernel| kernel as f64).product() } else { 1.0 }
}

/// A type's name without its parameters.
fn name(layer: &'static str) -> &'static str {
    layer.split([' ', '<']).next().unwrap_or(layer)
}

#[track_caller]
fn upsampled<T: Float, const D: usize>(layer: Upsample<D>, x: Var<T>) -> Var<T> {
    // Of another rank the op has the error.
    let size = |axis: usize| x.shape().get(axis + 1).map_or(1, |size| size * layer.factor);
    match layer.bilinear {
        Some(align_corners) => {
            let to = [size(0), size(1)];
            x.upsample_bilinear(to, align_corners)
        }
        None => {
            let to: [usize; D] = std::array::from_fn(size);
            x.upsample_nearest(to)
        }
    }
}

macro_rules! layers {
    ($([$($generics:tt)*] $layer:ty => |$this:ident, $x:ident| $forward:expr $(, piecewise $regions:ident)? $(, lipschitz |$of:ident| $bound:expr)?, onnx |$that:ident, $at:ident, $graph:ident, $y:ident| $onnx:expr;)+) => {$(
        impl<T: Float, $($generics)*> Module<T> for $layer {
            fn visit<'a>(&'a self, _: &mut crate::module::Path, _: &mut dyn crate::module::Visitor<'a, T>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut crate::module::Path, _: &mut dyn crate::module::VisitorMut<'a, T>) {}
        }
        impl<U: Float, $($generics)*> crate::module::CastTo<U> for $layer {
            type Output = $layer;
            fn cast_to(&self) -> $layer {
                *self
            }
        }
        impl<T: Float, $($generics)*> Layer<T> for $layer {
            #[track_caller]
            fn forward(&self, $x: Var<T>) -> Var<T> {
                let $this = self;
                $forward
            }
            $(
                #[track_caller]
                fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
                    chain.$regions(*self)
                }
            )?
            $(
                fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
                    let $of = self;
                    bounds.push(at, name(stringify!($layer)), Ok($bound))
                }
            )?
            #[track_caller]
            fn onnx(&self, $at: &mut crate::module::Path, $graph: &mut Graph, $y: Value) -> Result<Value> {
                let $that = self;
                $onnx
            }
        }
    )+};
}
layers! {
    // |max x − max y| is at most the largest |x − y| of the window, and each position is in so many windows at most.
    [const D: usize] MaxPool<D> => |this, x| x.max_pool(this.0), piecewise largest_of, lipschitz |this| up(overlaps(&this.0).sqrt()),
        onnx |this, at, graph, y| Ok(graph.pool::<T, D>(at, this, y, &this.0, Takes::Largest));
    // A mean's square is at most the sum of squares over the divisor.
    [const D: usize] AvgPool<D> => |this, x| x.avg_pool(this.0), piecewise averages, lipschitz |this| up((overlaps(&this.0) / least_divisor(&this.0)).sqrt()),
        onnx |this, at, graph, y| Ok(graph.pool::<T, D>(at, this, y, &this.0, Takes::Mean));
    [const D: usize] AdaptiveMaxPool<D> => |this, x| x.adaptive_max_pool(this.0), piecewise largest_of,
        onnx |this, at, graph, y| graph.adaptive_pool::<T, D>(at, this, y, this.0, Takes::Largest);
    [const D: usize] AdaptiveAvgPool<D> => |this, x| x.adaptive_avg_pool(this.0), piecewise averages,
        onnx |this, at, graph, y| graph.adaptive_pool::<T, D>(at, this, y, this.0, Takes::Mean);
    [] GlobalAvgPool => |_this, x| {
        let axes: Vec<isize> = (1..x.rank().max(1) as isize - 1).collect();
        if axes.is_empty() { x } else { x.mean_axes(&axes[..]) }
    }, piecewise averages, lipschitz |_this| 1.0, // 1/√positions, of which there may be one
        onnx |_this, at, graph, y| Ok(graph.mean_of_places(at, y));
    [const D: usize] Upsample<D> => |this, x| upsampled(*this, x), piecewise averages,
        onnx |this, at, graph, y| Ok(graph.upsample::<T>(at, this, y, this.factor, this.bilinear));
    [const D: usize] Pad<D> => |this, x| {
        let sizes = this.sizes.iter().zip(1..);
        sizes.fold(x, |x, (&(before, after), axis)| x.pad_with(axis, before, after, this.mode))
    }, onnx |this, at, graph, y| Ok(graph.pad::<T>(at, this, y, &this.sizes, this.mode));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::{Tape, Tensor};

    fn image(numbers: &[f32], [h, w]: [usize; 2]) -> Var<f32> {
        Tape::inference().input(Tensor::new(numbers, [1, h, w, 1]))
    }

    #[test]
    fn values() {
        let x = || image(&[1.0, 2.0, 3.0, 4.0], [2, 2]);
        assert_eq!(MaxPool2d::new(2).forward(x()).to_vec(), [4.0]);
        assert_eq!(AvgPool2d::new(2).forward(x()).to_vec(), [2.5]);
        assert_eq!(AvgPool2d::new(2).stride(1).padding(1).forward(x()).to_vec()[..2], [0.25, 0.75]);
        assert_eq!(AdaptiveMaxPool2d::new(1).forward(x()).to_vec(), [4.0]);
        assert_eq!(AdaptiveAvgPool([2, 1]).forward(x()).to_vec(), [1.5, 3.5]);
        assert_eq!(GlobalAvgPool.forward(x()).to_vec(), [2.5]);
        assert_eq!(Upsample2d::nearest(2).forward(x()).to_vec()[..4], [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(Upsample2d::bilinear(2, false).forward(x()).to_vec()[..4], [1.0, 1.25, 1.75, 2.0]);
        let padded = Pad2d::new(1, PadMode::Replicate).forward(x());
        assert_eq!(padded.to_vec()[..4], [1.0, 1.0, 2.0, 2.0]);
        assert_eq!(padded.shape().to_vec(), [1, 4, 4, 1]);
    }

    #[test]
    fn one_and_three_axes() {
        let tape = Tape::inference();
        let shape = |x: Var<f32>| x.shape().to_vec();
        let (line, cube) = (tape.input(Tensor::zeros([2, 9, 3])), tape.input(Tensor::zeros([2, 4, 6, 8, 3])));
        assert_eq!(shape(MaxPool1d::new(2).ceil().forward(line.clone())), [2, 5, 3]);
        assert_eq!(shape(AvgPool3d::new(2).forward(cube.clone())), [2, 2, 3, 4, 3]);
        assert_eq!(shape(GlobalAvgPool.forward(cube.clone())), [2, 3]);
        assert_eq!(shape(GlobalAvgPool.forward(line)), [2, 3]);
        assert_eq!(shape(Pad3d::new(1, PadMode::Circular).forward(cube)), [2, 6, 8, 10, 3]);
    }
}
