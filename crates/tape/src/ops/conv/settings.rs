//! The settings of a convolution, and what they make of shapes.

use crate::{Error, Result, Shape};
use kernels::{ConvAlgorithm, ConvGeometry};

/// A number for each spatial axis, or one for all: `2`, `[2, 1]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PerAxis {
    numbers: [usize; 3],
    /// 0 where one number serves all axes.
    count: usize,
}

impl From<usize> for PerAxis {
    fn from(number: usize) -> PerAxis {
        PerAxis { numbers: [number; 3], count: 0 }
    }
}

macro_rules! per_axis {
    ($($count:literal)+) => {$(
        impl From<[usize; $count]> for PerAxis {
            fn from(given: [usize; $count]) -> PerAxis {
                let mut numbers = [0; 3];
                numbers[..$count].copy_from_slice(&given);
                PerAxis { numbers, count: $count }
            }
        }
    )+};
}
per_axis!(1 2 3);

impl PerAxis {
    /// The number of one of `axes` axes.
    fn of(self, axis: usize) -> usize {
        self.numbers[axis]
    }

    fn check(self, what: &str, axes: usize, op: &'static str) -> Result<()> {
        if self.count == 0 || self.count == axes {
            return Ok(());
        }
        let given = &self.numbers[..self.count];
        let problem =
            format!("{what} {given:?} has {} numbers for {axes} spatial axes; give one for each, or one", self.count);
        Err(Error::Argument { op, problem })
    }

    /// The numbers of `axes` axes.
    ///
    /// # Errors
    /// If there are more or fewer of them.
    pub fn numbers(self, what: &str, axes: usize, op: &'static str) -> Result<Vec<usize>> {
        self.check(what, axes, op)?;
        Ok(self.numbers[..axes].to_vec())
    }
}

/// What is added to the spatial axes' ends before a convolution: places without numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// As many as it takes for ⌈size / stride⌉ places, the odd one at the end.
    Same,
    /// So many before and after.
    Sides(PerAxis, PerAxis),
}

impl<P: Into<PerAxis>> From<P> for Padding {
    fn from(both: P) -> Padding {
        let both = both.into();
        Padding::Sides(both, both)
    }
}

impl Padding {
    /// Other numbers before than after.
    pub fn sides(before: impl Into<PerAxis>, after: impl Into<PerAxis>) -> Padding {
        Padding::Sides(before.into(), after.into())
    }
}

/// The settings of [`crate::Var::conv`] and [`crate::Var::conv_transpose`]: stride 1, no padding, dilation 1, one group unless said.
///
/// ```
/// use tape::{Conv, Tensor};
/// let halves = Conv::new().stride(2).padding(1);
/// let y = Tensor::ones([8, 32, 32, 3]).conv(&Tensor::ones([3, 3, 3, 16]), None, &halves);
/// assert_eq!(y.shape(), &[8, 16, 16, 16]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conv {
    stride: PerAxis,
    padding: Padding,
    output_padding: PerAxis,
    dilation: PerAxis,
    groups: usize,
    algorithm: ConvAlgorithm,
}

/// The settings of a convolution for one spatial axis, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvAxis {
    /// From one window to the next.
    pub stride: usize,
    /// From one tap to the next.
    pub dilation: usize,
    /// Places without numbers before the axis.
    pub before: usize,
    /// And after it.
    pub after: usize,
    /// Of a transposed convolution: places more at the end.
    pub output_padding: usize,
}

impl Default for Conv {
    fn default() -> Self {
        let one = PerAxis::from(1);
        let (padding, output_padding) = (Padding::from(0), PerAxis::from(0));
        Conv { stride: one, padding, output_padding, dilation: one, groups: 1, algorithm: ConvAlgorithm::Auto }
    }
}

impl Conv {
    /// Stride 1, no padding, dilation 1, one group.
    pub fn new() -> Conv {
        Conv::default()
    }

    /// Places of x from one window to the next.
    #[must_use]
    pub fn stride(mut self, stride: impl Into<PerAxis>) -> Conv {
        self.stride = stride.into();
        self
    }

    /// Places without numbers around x: `1`, `[1, 0]`, [`Padding::sides`], [`Padding::Same`].
    #[must_use]
    pub fn padding(mut self, padding: impl Into<Padding>) -> Conv {
        self.padding = padding.into();
        self
    }

    /// Of a transposed convolution: places more at the end, for the sizes that a stride leaves open.
    #[must_use]
    pub fn output_padding(mut self, places: impl Into<PerAxis>) -> Conv {
        self.output_padding = places.into();
        self
    }

    /// Places of x from one tap of the window to the next.
    #[must_use]
    pub fn dilation(mut self, dilation: impl Into<PerAxis>) -> Conv {
        self.dilation = dilation.into();
        self
    }

    /// Parts that channels and filters are cut into, each convolved by itself; as many as channels: depthwise.
    #[must_use]
    pub fn groups(mut self, groups: usize) -> Conv {
        self.groups = groups;
        self
    }

    /// How it is computed: whatever is fastest, or always the direct sum.
    #[must_use]
    pub fn algorithm(mut self, algorithm: ConvAlgorithm) -> Conv {
        self.algorithm = algorithm;
        self
    }

    /// The number of groups.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// What the settings say about one spatial axis, of this size and with so many taps: for formats that want numbers. Of a transposed convolution, [`Padding::Same`] is
    /// resolved otherwise: see [`Conv::transposed_axis`].
    pub fn axis(&self, axis: usize, size: usize, taps: usize) -> ConvAxis {
        let (stride, dilation) = (self.stride.of(axis), self.dilation.of(axis));
        let (before, after) = match self.padding {
            Padding::Sides(before, after) => (before.of(axis), after.of(axis)),
            Padding::Same => same(size, taps.saturating_sub(1) * dilation + 1, stride),
        };
        ConvAxis { stride, dilation, before, after, output_padding: 0 }
    }

    /// As [`Conv::axis`], of a transposed convolution: stride·(size − 1) + reach + output padding − before − after places come out, with a reach of dilation·(taps − 1) + 1.
    pub fn transposed_axis(&self, axis: usize, size: usize, taps: usize) -> ConvAxis {
        let (stride, dilation) = (self.stride.of(axis), self.dilation.of(axis));
        let reach = taps.saturating_sub(1) * dilation + 1;
        let (before, after, output_padding) = match self.padding {
            Padding::Sides(before, after) => (before.of(axis), after.of(axis), self.output_padding.of(axis)),
            Padding::Same => {
                let before = same(size * stride, reach, stride).0;
                let (full, wanted) = (size.saturating_sub(1) * stride + reach, size * stride + before);
                (before, full.saturating_sub(wanted), wanted.saturating_sub(full))
            }
        };
        ConvAxis { stride, dilation, before, after, output_padding }
    }

    /// Whether the settings make sense for so many spatial axes.
    ///
    /// # Errors
    /// If a stride, a dilation or the number of groups is 0, or if numbers are given for another number of axes.
    pub fn check(&self, op: &'static str, axes: usize) -> Result<()> {
        self.stride.check("stride", axes, op)?;
        self.dilation.check("dilation", axes, op)?;
        self.output_padding.check("output padding", axes, op)?;
        if let Padding::Sides(before, after) = self.padding {
            before.check("padding", axes, op)?;
            after.check("padding", axes, op)?;
        }
        let zero = |what| Err(Error::Argument { op, problem: format!("{what} is 0; 1 is the least") });
        match (0..axes).any(|axis| self.stride.of(axis) == 0) {
            true => zero("a stride"),
            false if (0..axes).any(|axis| self.dilation.of(axis) == 0) => zero("a dilation"),
            false if self.groups == 0 => zero("the number of groups"),
            false => Ok(()),
        }
    }

    /// The geometry of x ∗ w, and the result's shape.
    pub(super) fn forward(&self, op: &'static str, x: &Shape, w: &Shape) -> Result<(ConvGeometry, Shape)> {
        let axes = self.axes(op, x, w)?;
        let (channels, filters) = (x[axes + 1], w[axes + 1]);
        self.check_channels(op, (x, w), (channels, filters), w[axes])?;
        let mut geometry = self.geometry(x[0], channels, filters);
        let mut shape = x.with(axes + 1, filters);
        for axis in 0..axes {
            let (size, window) = (x[axis + 1], w[axis]);
            let reach = (window - 1) * self.dilation.of(axis) + 1;
            let stride = self.stride.of(axis);
            let (before, after) = match self.padding {
                Padding::Sides(before, after) => (before.of(axis), after.of(axis)),
                Padding::Same => same(size, reach, stride),
            };
            let padded = size + before + after;
            if padded < reach {
                let problem = format!(
                    "axis {}: a window of {reach} places ({window} taps, dilation {}) is larger than padded x, {before} + {size} + {after}",
                    axis + 1,
                    self.dilation.of(axis)
                );
                return Err(Error::Invalid { op, shape: x.to_vec(), problem });
            }
            let places = (padded - reach) / stride + 1;
            self.set(&mut geometry, (axis, axes), (size, places), window, before);
            shape = shape.with(axis + 1, places);
        }
        Ok((geometry, shape))
    }

    /// The geometry of the convolution whose transpose is taken, with x in the place of its result, and the result's shape.
    pub(super) fn transposed(&self, op: &'static str, x: &Shape, w: &Shape) -> Result<(ConvGeometry, Shape)> {
        let axes = self.axes(op, x, w)?;
        let (inputs, outputs) = (x[axes + 1], w[axes] * self.groups);
        if w[axes + 1] != inputs || !inputs.is_multiple_of(self.groups) {
            let hint = "x […, C] takes a weight [K…, F / groups, C], and groups divide C";
            return Err(Error::ShapeMismatch { op, lhs: x.to_vec(), rhs: w.to_vec(), hint });
        }
        let mut geometry = self.geometry(x[0], outputs, inputs);
        let mut shape = x.with(axes + 1, outputs);
        for axis in 0..axes {
            let (size, window, stride) = (x[axis + 1], w[axis], self.stride.of(axis));
            let reach = (window - 1) * self.dilation.of(axis) + 1;
            let extra = self.output_padding.of(axis);
            if extra >= stride.max(self.dilation.of(axis)) && extra > 0 {
                let problem = format!("the output padding {extra} is not below stride or dilation");
                return Err(Error::Argument { op, problem });
            }
            let (before, places) = match self.padding {
                Padding::Same => (same(size * stride, reach, stride).0, size * stride),
                Padding::Sides(before, after) => {
                    let full = size.saturating_sub(1) * stride + if size == 0 { 0 } else { reach } + extra;
                    let cut = before.of(axis) + after.of(axis);
                    if full < cut {
                        let problem = format!("axis {}: padding takes {cut} places of {full}", axis + 1);
                        return Err(Error::Invalid { op, shape: x.to_vec(), problem });
                    }
                    (before.of(axis), full - cut)
                }
            };
            self.set(&mut geometry, (axis, axes), (places, size), window, before);
            shape = shape.with(axis + 1, places);
        }
        Ok((geometry, shape))
    }

    /// How many spatial axes x and w have.
    fn axes(&self, op: &'static str, x: &Shape, w: &Shape) -> Result<usize> {
        let axes = x.rank().saturating_sub(2);
        if !(1..=3).contains(&axes) || w.rank() != x.rank() {
            let hint = "x is [N, …, C] with one to three spatial axes, the weight [K…, C / groups, F] with as many";
            return Err(Error::ShapeMismatch { op, lhs: x.to_vec(), rhs: w.to_vec(), hint });
        }
        if w[..axes].contains(&0) {
            return Err(Error::Invalid { op, shape: w.to_vec(), problem: "a window without taps".to_owned() });
        }
        self.check(op, axes)?;
        Ok(axes)
    }

    fn check_channels(
        &self,
        op: &'static str,
        (x, w): (&Shape, &Shape),
        (channels, filters): (usize, usize),
        of_group: usize,
    ) -> Result<()> {
        if of_group * self.groups != channels {
            let hint =
                "x […, C] takes a weight [K…, C / groups, F]; PyTorch's [F, C / groups, K…] goes in as `permute`d";
            return Err(Error::ShapeMismatch { op, lhs: x.to_vec(), rhs: w.to_vec(), hint });
        }
        if !filters.is_multiple_of(self.groups) {
            let problem = format!("{} groups do not divide {filters} filters", self.groups);
            return Err(Error::Invalid { op, shape: w.to_vec(), problem });
        }
        Ok(())
    }

    fn geometry(&self, batch: usize, channels: usize, filters: usize) -> ConvGeometry {
        let (one, none) = ([1; 3], [0; 3]);
        ConvGeometry {
            batch,
            channels,
            filters,
            groups: self.groups,
            input: one,
            kernel: one,
            output: one,
            stride: one,
            dilation: one,
            padding: none,
            algorithm: self.algorithm,
        }
    }

    /// One axis of a geometry: sizes of x and y, taps, padding before.
    fn set(
        &self,
        geometry: &mut ConvGeometry,
        (axis, axes): (usize, usize),
        (input, output): (usize, usize),
        window: usize,
        before: usize,
    ) {
        let at = 3 - axes + axis;
        (geometry.input[at], geometry.output[at]) = (input, output);
        (geometry.kernel[at], geometry.padding[at]) = (window, before);
        (geometry.stride[at], geometry.dilation[at]) = (self.stride.of(axis), self.dilation.of(axis));
    }
}

/// Padding before and after for ⌈size / stride⌉ places.
fn same(size: usize, reach: usize, stride: usize) -> (usize, usize) {
    let total = ((size.div_ceil(stride).max(1) - 1) * stride + reach).saturating_sub(size);
    (total / 2, total - total / 2)
}

pub(super) fn check_bias(op: &'static str, bias: &Shape, filters: usize) -> Result<()> {
    if **bias == [filters] {
        return Ok(());
    }
    let problem = format!("{filters} filters take a bias [{filters}]");
    Err(Error::Invalid { op, shape: bias.to_vec(), problem })
}
