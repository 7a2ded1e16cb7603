//! Pooling, upsampling and padding of `[N, …, C]`: layers without parameters, for one to three spatial axes.

use crate::{Layer, Module};
use tape::{Float, PadMode, PerAxis, Pool, Var};

/// The largest number of each window; the stride is the window's size unless said.
///
/// ```
/// use nn::prelude::*;
/// let halve = MaxPool::new(2);
/// assert_eq!(halve.forward(Tape::inference().input(Tensor::zeros([8, 32, 32, 16]))).shape(), &[8, 16, 16, 16]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxPool(Pool);

/// The mean of each window; the stride is the window's size unless said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AvgPool(Pool);

/// The means of so many bins on each spatial axis.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveAvgPool(Vec<usize>);

/// The largest numbers of so many bins on each spatial axis.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveMaxPool(Vec<usize>);

/// The spatial axes at so many times their size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Upsample {
    factor: usize,
    is_linear: bool,
    align_corners: bool,
}

/// Every spatial axis continued at both ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pad {
    places: usize,
    mode: PadMode,
}

macro_rules! windows {
    ($($pool:ident)+) => {$(
        impl $pool {
            /// Windows of so many places on each axis: `2`, `[3, 2]`.
            pub fn new(kernel: impl Into<PerAxis>) -> $pool {
                $pool(Pool::new(kernel))
            }

            /// Places from one window to the next.
            #[must_use]
            pub fn stride(self, stride: impl Into<PerAxis>) -> $pool {
                $pool(self.0.stride(stride))
            }

            /// Places around x that no window takes a number from.
            #[must_use]
            pub fn padding(self, padding: impl Into<PerAxis>) -> $pool {
                $pool(self.0.padding(padding))
            }

            /// Whether a last window that is not filled counts.
            #[must_use]
            pub fn ceil(self, ceil: bool) -> $pool {
                $pool(self.0.ceil(ceil))
            }
        }
    )+};
}
windows!(MaxPool AvgPool);

impl AvgPool {
    /// Whether means count places of padding; they do unless this says otherwise.
    #[must_use]
    pub fn count_padding(self, count_padding: bool) -> AvgPool {
        AvgPool(self.0.count_padding(count_padding))
    }
}

impl AdaptiveAvgPool {
    /// One number of bins for each spatial axis.
    pub fn new(bins: impl Into<Vec<usize>>) -> AdaptiveAvgPool {
        AdaptiveAvgPool(bins.into())
    }
}

impl AdaptiveMaxPool {
    /// One number of bins for each spatial axis.
    pub fn new(bins: impl Into<Vec<usize>>) -> AdaptiveMaxPool {
        AdaptiveMaxPool(bins.into())
    }
}

impl Upsample {
    /// Each place repeated.
    pub fn nearest(factor: usize) -> Upsample {
        Upsample { factor, is_linear: false, align_corners: false }
    }

    /// Interpolated between neighbours: bilinear for images.
    pub fn linear(factor: usize) -> Upsample {
        Upsample { factor, is_linear: true, align_corners: false }
    }

    /// Whether the corners of both grids coincide.
    #[must_use]
    pub fn align_corners(mut self, align_corners: bool) -> Upsample {
        self.align_corners = align_corners;
        self
    }
}

impl Pad {
    /// By so many places, in this way.
    pub fn new(places: usize, mode: PadMode) -> Pad {
        Pad { places, mode }
    }
}

macro_rules! layers {
    ($($layer:ident => |$this:ident, $x:ident| $forward:expr;)+) => {$(
        impl<T: Float> Module<T> for $layer {
            fn visit<'a>(&'a self, _: &mut crate::module::Path, _: &mut dyn crate::module::Visitor<'a, T>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut crate::module::Path, _: &mut dyn crate::module::VisitorMut<'a, T>) {}
        }
        impl<U: Float> crate::module::CastTo<U> for $layer {
            type Output = $layer;
            fn cast_to(&self) -> $layer {
                self.clone()
            }
        }
        impl<T: Float> Layer<T> for $layer {
            #[track_caller]
            fn forward(&self, $x: Var<T>) -> Var<T> {
                let $this = self;
                $forward
            }
        }
    )+};
}
layers! {
    MaxPool => |this, x| x.max_pool(&this.0);
    AvgPool => |this, x| x.avg_pool(&this.0);
    AdaptiveAvgPool => |this, x| x.adaptive_avg_pool(&this.0);
    AdaptiveMaxPool => |this, x| x.adaptive_max_pool(&this.0);
    Upsample => |this, x| {
        let sizes: Vec<usize> = x.shape()[1..x.rank().max(2) - 1].iter().map(|size| size * this.factor).collect();
        if this.is_linear { x.upsample_linear(&sizes, this.align_corners) } else { x.upsample_nearest(&sizes) }
    };
    Pad => |this, x| (1..x.rank().max(2) as isize - 1).fold(x, |x, axis| x.pad_with(axis, this.places, this.places, this.mode));
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::{Tape, Tensor};

    #[test]
    fn shapes_and_values() {
        let tape = Tape::inference();
        let x = || tape.input(Tensor::fill_with([1, 2, 4, 1], |x| (0..8).for_each(|i| x[i] = i as f32)));
        let numbers = |layer: &dyn Layer| layer.forward(x()).to_vec();
        assert_eq!(numbers(&MaxPool::new(2)), [5.0, 7.0]);
        assert_eq!(numbers(&AvgPool::new(2)), [2.5, 4.5]);
        assert_eq!(numbers(&AvgPool::new(2).padding(1).count_padding(false)), [0.0, 1.5, 3.0, 4.0, 5.5, 7.0]);
        assert_eq!(numbers(&AdaptiveAvgPool::new([1, 1])), [3.5]);
        assert_eq!(numbers(&AdaptiveMaxPool::new([2, 1])), [3.0, 7.0]);
        assert_eq!(Layer::<f32>::forward(&Upsample::nearest(3), x()).shape(), &[1, 6, 12, 1]);
        assert_eq!(Layer::<f32>::forward(&Upsample::linear(2).align_corners(true), x()).shape(), &[1, 4, 8, 1]);
        assert_eq!(Layer::<f32>::forward(&Pad::new(1, PadMode::Circular), x()).shape(), &[1, 4, 6, 1]);
    }
}
