//! Nodes of layers with spatial axes: convolutions, pooling, upsampling, padding.

use super::{Attribute, Graph, Value};
use crate::module::Path;
use crate::{Layer, Result};
use tape::{Conv, ConvAxis, Float, PadMode, Pool, Tensor};

/// Whether a pool takes the largest number or the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Takes {
    Largest,
    Mean,
}

impl Graph {
    /// A convolution or, of a `ConvTranspose`, a transposed one.
    #[track_caller]
    pub(crate) fn conv<T: Float>(
        &mut self,
        (at, op): (&Path, &'static str),
        layer: &impl Layer<T>,
        x: Value,
        (weight, bias): (&Tensor<T>, Option<&Tensor<T>>),
        settings: &Conv,
    ) -> Value {
        let sizes = Graph::sizes_behind(layer, &x);
        let (x, axes) = (self.features_first(at, x), weight.rank() - 2);
        let transposed = op == "ConvTranspose";
        let axis = |i: usize| match transposed {
            true => settings.transposed_axis(i, x.sizes[i], weight.shape()[i]),
            false => settings.axis(i, x.sizes[i], weight.shape()[i]),
        };
        let per_axis: Vec<ConvAxis> = (0..axes).map(axis).collect();
        let mut attributes = vec![
            ("kernel_shape", Attribute::ints(weight.shape()[..axes].iter().copied())),
            ("strides", Attribute::ints(per_axis.iter().map(|axis| axis.stride))),
            ("dilations", Attribute::ints(per_axis.iter().map(|axis| axis.dilation))),
            ("pads", pads(per_axis.iter().map(|axis| (axis.before, axis.after)))),
            ("group", Attribute::Int(settings.group_count() as i64)),
        ];
        if transposed {
            attributes.push(("output_padding", Attribute::ints(per_axis.iter().map(|axis| axis.output_padding))));
        }
        let weight = self.constant(at, "weight", &window_first(weight));
        let bias = bias.map(|bias| self.constant(at, "bias", bias));
        let mut inputs = vec![x.name.as_str(), &weight];
        inputs.extend(bias.as_deref());
        let name = self.node(at, op, &inputs, attributes);
        Value { name, sizes, layout: x.layout }
    }

    #[track_caller]
    pub(crate) fn pool<T: Float, const D: usize>(
        &mut self,
        at: &Path,
        layer: &impl Layer<T>,
        x: Value,
        pool: &Pool<D>,
        takes: Takes,
    ) -> Value {
        let sizes = Graph::sizes_behind(layer, &x);
        let mut x = self.features_first(at, x);
        let mut before = pool.padding;
        // Padding in numbers instead of `ceil_mode`, on which implementations disagree.
        let mut after: [usize; D] = std::array::from_fn(|i| match pool.ceil {
            false => pool.padding[i],
            true => ((sizes[i] - 1) * pool.stride[i] + pool.kernel[i]).saturating_sub(x.sizes[i] + pool.padding[i]),
        });
        let mut counts = takes == Takes::Mean && pool.counts_padding;
        if counts && (0..D).any(|i| after[i] > pool.padding[i]) {
            // Padding counts, what lies beyond it does not.
            let places = pool.padding.map(|padding| (padding, padding));
            x.name = self.pad_node(at, &x, &places, PadMode::Constant(0.0));
            after = std::array::from_fn(|i| after[i].saturating_sub(pool.padding[i]));
            (before, counts) = ([0; D], false);
        }
        let mut attributes = vec![
            ("kernel_shape", Attribute::ints(pool.kernel)),
            ("strides", Attribute::ints(pool.stride)),
            ("pads", pads(before.into_iter().zip(after))),
        ];
        let op = match takes {
            Takes::Largest => "MaxPool",
            Takes::Mean => {
                attributes.push(("count_include_pad", Attribute::Int(counts.into())));
                "AveragePool"
            }
        };
        let name = self.node(at, op, &[&x.name], attributes);
        Value { name, sizes, layout: x.layout }
    }

    /// Bins of one size are windows.
    #[track_caller]
    pub(crate) fn adaptive_pool<T: Float, const D: usize>(
        &mut self,
        at: &Path,
        layer: &impl Layer<T>,
        x: Value,
        bins: [usize; D],
        takes: Takes,
    ) -> Result<Value> {
        let sizes = &x.sizes;
        if sizes.len() != D + 1 || !(0..D).all(|i| sizes[i].is_multiple_of(bins[i].max(1))) {
            let problem = format!(
                "ONNX has no adaptive pooling; {bins:?} bins of an example of shape {sizes:?} are not all of one size, as those of a window are. Choose \
                 numbers that divide"
            );
            return self.refuse(at, &problem);
        }
        let kernel: [usize; D] = std::array::from_fn(|i| sizes[i] / bins[i].max(1));
        Ok(self.pool(at, layer, x, &Pool::new(kernel), takes))
    }

    /// Nearest, or linear with or without aligned corners.
    #[track_caller]
    pub(crate) fn upsample<T: Float>(
        &mut self,
        at: &Path,
        layer: &impl Layer<T>,
        x: Value,
        factor: usize,
        bilinear: Option<bool>,
    ) -> Value {
        let sizes = Graph::sizes_behind(layer, &x);
        let x = self.features_first(at, x);
        let mut scales = vec![factor as f32; x.rank()];
        scales[..2].fill(1.0);
        let scales = self.constant(at, "scales", &Tensor::new(&scales, [x.rank()]));
        let (mode, places) = match bilinear {
            None => ("nearest", "asymmetric"),
            Some(true) => ("linear", "align_corners"),
            Some(false) => ("linear", "half_pixel"),
        };
        let attributes = vec![
            ("mode", Attribute::Text(mode)),
            ("coordinate_transformation_mode", Attribute::Text(places)),
            ("nearest_mode", Attribute::Text("floor")),
        ];
        let name = self.node(at, "Resize", &[&x.name, "", &scales], attributes);
        Value { name, sizes, layout: x.layout }
    }

    #[track_caller]
    pub(crate) fn pad<T: Float>(
        &mut self,
        at: &Path,
        layer: &impl Layer<T>,
        x: Value,
        places: &[(usize, usize)],
        mode: PadMode,
    ) -> Value {
        let sizes = Graph::sizes_behind(layer, &x);
        let x = self.features_first(at, x);
        let name = self.pad_node(at, &x, places, mode);
        Value { name, sizes, layout: x.layout }
    }

    /// Of a value with features first; places before and after each spatial axis.
    fn pad_node(&mut self, at: &Path, x: &Value, places: &[(usize, usize)], mode: PadMode) -> String {
        let none = [(0, 0); 2];
        let all: Vec<(usize, usize)> = none.iter().chain(places).copied().collect();
        self.pad_axes(at, x, &all, mode)
    }

    /// Option A of He et al. 2016: every second place of two spatial axes, and zeros for half as many channels before and behind.
    pub(crate) fn halved_shortcut(&mut self, at: &Path, x: Value) -> Value {
        let x = self.features_first(at, x);
        let (starts, steps) = (self.ints(at, "starts", [0, 0]), self.ints(at, "steps", [2, 2]));
        let (ends, axes) = (self.ints(at, "ends", [i64::MAX; 2]), self.ints(at, "axes", [2, 3]));
        let name = self.node(at, "Slice", &[&x.name, &starts, &ends, &axes, &steps], Vec::new());
        let channels = x.features();
        let half = (channels / 2) as i64;
        let pads = self.ints(at, "pads", [0, half, 0, 0, 0, half, 0, 0]);
        let name = self.node(at, "Pad", &[&name, &pads], vec![("mode", Attribute::Text("constant"))]);
        let sizes = vec![x.sizes[0].div_ceil(2), x.sizes[1].div_ceil(2), channels + 2 * (channels / 2)];
        Value { name, sizes, layout: x.layout }
    }
}

/// Places before each axis, then those after each.
fn pads(places: impl IntoIterator<Item = (usize, usize)>) -> Attribute {
    let (before, after): (Vec<usize>, Vec<usize>) = places.into_iter().unzip();
    Attribute::ints(before.into_iter().chain(after))
}

/// From `[K…, C / groups, F]` to `[F, C / groups, K…]`.
fn window_first<T: Float>(weight: &Tensor<T>) -> Tensor<T> {
    match weight.rank() {
        3 => weight.permute([2, 1, 0]),
        4 => weight.permute([3, 2, 0, 1]),
        _ => weight.permute([4, 3, 0, 1, 2]),
    }
}
