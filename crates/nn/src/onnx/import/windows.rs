//! Pooling.

use super::super::steps::PadAxes;
use super::affine::{above_zero, pads};
use super::builder::{Builder, Importer};
use super::file::{Node, Result, damaged, unsupported};
use super::known::{Known, features_last, of_node};
use crate::{AdaptiveAvgPool, AdaptiveMaxPool, AvgPool, Layer, MaxPool};
use tape::{Float, PadMode, Pool};

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[("AveragePool", pool), ("GlobalAveragePool", global), ("GlobalMaxPool", global), ("MaxPool", pool)]
}

/// What a pool's node says.
#[derive(Clone)]
struct Window {
    kernel: Vec<usize>,
    strides: Vec<usize>,
    before: Vec<usize>,
    after: Vec<usize>,
    ceil: bool,
    /// Of a mean: whether places without numbers count.
    counts: bool,
    is_max: bool,
}

/// How many windows there are along an axis; `ceil` lets the last one leave the padded axis, not begin behind the numbers.
fn windows(
    size: usize,
    (kernel, stride): (usize, usize),
    (before, after): (usize, usize),
    ceil: bool,
) -> Option<usize> {
    let room = (size + before + after).checked_sub(kernel)?;
    let count = if ceil { room.div_ceil(stride) } else { room / stride } + 1;
    let is_behind = ceil && (count - 1).saturating_mul(stride) >= size + before;
    Some(count - usize::from(is_behind))
}

impl Window {
    fn parse(node: &Node<'_>, axes: usize) -> Result<Window> {
        if node.ints("kernel_shape")?.is_none() {
            return damaged("`kernel_shape` is missing");
        }
        if above_zero(node, "dilations", axes, 1)?.iter().any(|&dilation| dilation != 1) || node.outputs.len() > 1 {
            return unsupported("dilations, or the places of the largest");
        }
        let (before, after) = match node.text("auto_pad", "NOTSET")? {
            "NOTSET" => pads(node, axes)?,
            "VALID" => (vec![0; axes], vec![0; axes]),
            other => return unsupported(format!("`auto_pad` {other}; give `pads` in numbers")),
        };
        let is_max = node.op == "MaxPool";
        Ok(Window {
            kernel: above_zero(node, "kernel_shape", axes, 1)?,
            strides: above_zero(node, "strides", axes, 1)?,
            before,
            after,
            ceil: node.int("ceil_mode", 0)? != 0,
            counts: !is_max && node.int("count_include_pad", 0)? != 0,
            is_max,
        })
    }

    fn axes(&self) -> usize {
        self.kernel.len()
    }

    /// Spatial sizes behind it.
    fn sizes(&self, x: &[Option<usize>]) -> Result<Vec<Option<usize>>> {
        let axis = |i: usize| {
            let Some(size) = x[i] else { return Ok(None) };
            let window = (self.kernel[i], self.strides[i]);
            match windows(size, window, (self.before[i], self.after[i]), self.ceil) {
                Some(0) | None => damaged(format!("a window of {} for {size} places, padding apart", window.0)),
                count => Ok(count),
            }
        };
        (0..self.axes()).map(axis).collect()
    }

    /// Whether our pools have such padding: the same before and after, at most half a window.
    fn is_even(&self) -> bool {
        self.before == self.after && self.before.iter().zip(&self.kernel).all(|(&before, kernel)| before <= kernel / 2)
    }

    /// The same windows with as much padding after as before and a last one that leaves it, if there are such.
    fn with_ceil(&self, x: &[Option<usize>]) -> Option<Window> {
        let mut other = self.clone();
        (other.after, other.ceil) = (self.before.clone(), true);
        let is_same = other.is_even() && !self.counts && !self.ceil && other.sizes(x).ok()? == self.sizes(x).ok()?;
        (is_same && x.iter().all(Option::is_some)).then_some(other)
    }

    fn layer<T: Float, const D: usize>(
        &self,
        builder: &mut Builder<'_, T>,
        name: &str,
        x: &Known,
        known: Known,
    ) -> Known {
        let array = |numbers: &[usize]| std::array::from_fn(|i| numbers[i]);
        let pool = Pool::<D> {
            kernel: array(&self.kernel),
            stride: array(&self.strides),
            padding: array(&self.before),
            ceil: self.ceil,
            // Without padding nothing tells the two apart; this is the usual one.
            counts_padding: self.counts || self.is_max || (!self.ceil && self.before.iter().all(|&before| before == 0)),
        };
        if self.is_max {
            builder.layer(name, MaxPool(pool), x, known)
        } else {
            builder.layer(name, AvgPool(pool), x, known)
        }
    }
}

fn pool<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axes = x.rank().saturating_sub(2);
    if !(1..=3).contains(&axes) {
        return unsupported(format!("a value of {} axes", x.rank()));
    }
    let mut window = Window::parse(node, axes)?;
    let mut x = builder.arranged(&x, &features_last(axes + 2));
    let sizes = window.sizes(&x.sizes[2..])?;
    if !window.is_even() {
        match window.with_ceil(&x.sizes[2..]) {
            Some(other) => window = other,
            None => x = padded(builder, node, &mut window, &x)?,
        }
    }
    let mut known = x.clone();
    known.sizes.splice(2.., sizes);
    let name = of_node(node);
    Ok(match axes {
        1 => window.layer::<T, 1>(builder, &name, &x, known),
        2 => window.layer::<T, 2>(builder, &name, &x, known),
        _ => window.layer::<T, 3>(builder, &name, &x, known),
    })
}

/// The padding as a step of its own.
fn padded<T: Float>(builder: &mut Builder<'_, T>, node: &Node<'_>, window: &mut Window, x: &Known) -> Result<Known> {
    if window.ceil || !(window.is_max || window.counts) {
        return unsupported(format!(
            "pads {:?} and {:?} for a window of {:?}: the same before and after, and at most half a window, are known",
            window.before, window.after, window.kernel
        ));
    }
    let axes = window.axes();
    let inner = window.before.iter().copied().zip(window.after.iter().copied());
    let places = [(0, 0)].into_iter().chain(inner.clone()).chain([(0, 0)]).collect();
    let value = if window.is_max { f64::NEG_INFINITY } else { 0.0 };
    let mut known = x.clone();
    for (size, (before, after)) in known.sizes[2..].iter_mut().zip(inner) {
        *size = size.map(|size| size + before + after);
    }
    (window.before, window.after) = (vec![0; axes], vec![0; axes]);
    let layer = PadAxes { places, mode: PadMode::Constant(value) };
    Ok(builder.layer(&of_node(node), layer, x, known))
}

/// One bin for each channel, whose axes stay.
fn global<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let axes = x.rank().saturating_sub(2);
    if !(1..=3).contains(&axes) {
        return unsupported(format!("a value of {} axes", x.rank()));
    }
    let x = builder.arranged(&x, &features_last(axes + 2));
    let mut known = x.clone();
    known.sizes[2..].fill(Some(1));
    let is_max = node.op == "GlobalMaxPool";
    let name = of_node(node);
    Ok(match (axes, is_max) {
        (1, true) => bins(builder, &name, &x, known, AdaptiveMaxPool::<1>::new(1)),
        (2, true) => bins(builder, &name, &x, known, AdaptiveMaxPool::<2>::new(1)),
        (_, true) => bins(builder, &name, &x, known, AdaptiveMaxPool::<3>::new(1)),
        (1, false) => bins(builder, &name, &x, known, AdaptiveAvgPool::<1>::new(1)),
        (2, false) => bins(builder, &name, &x, known, AdaptiveAvgPool::<2>::new(1)),
        (_, false) => bins(builder, &name, &x, known, AdaptiveAvgPool::<3>::new(1)),
    })
}

fn bins<T: Float>(
    builder: &mut Builder<'_, T>,
    name: &str,
    x: &Known,
    known: Known,
    layer: impl Layer<T> + Copy + Send + Sync + 'static,
) -> Known {
    builder.layer(name, layer, x, known)
}
