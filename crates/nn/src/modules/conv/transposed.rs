//! The transpose of a convolution: what a convolution's gradient does with its weight, as a layer.

use super::drawn;
use crate::error::expect;
use crate::init::{Init, Kaiming};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Module, Result};
use tape::{Conv, ConvAlgorithm, Float, Group, Padding, Param, PerAxis, Rng, Tape, Tensor, Var};

/// The transpose of a convolution over `AXES` spatial axes, with a bias unless built without: [`crate::ConvTranspose1d`], [`crate::ConvTranspose2d`],
/// [`crate::ConvTranspose3d`].
///
/// ```
/// use nn::prelude::*;
/// let up = ConvTranspose2d::new(16, 3, 4, &mut Rng::seed(1)).stride(2).padding(1);
/// let y = up.forward(Tape::inference().input(Tensor::zeros([8, 16, 16, 16])));
/// assert_eq!(y.shape(), &[8, 32, 32, 3]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct ConvTransposeNd<const AXES: usize, T: Float = f32> {
    #[module(pytorch(window))]
    weight: Param<T>,
    bias: Option<Param<T>>,
    settings: Conv,
}
impl<const AXES: usize> ConvTransposeNd<AXES> {
    /// From `inputs` channels to `outputs`, with a window of `kernel` taps on each axis, a bias, stride 1, no padding.
    ///
    /// # Panics
    /// If a size is 0 or taps are given for another number of axes; [`ConvTransposeNd::with_init`] returns the error.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, kernel: impl Into<PerAxis>, rng: &mut Rng) -> Self {
        expect(ConvTransposeNd::with_init(inputs, outputs, kernel, 1, &Kaiming::default().leak(0.25).fan_out(), rng))
    }

    /// In `groups`, the weight drawn by a law. Its last axis is the inputs here, so a law over the fan in counts the outputs' axis.
    ///
    /// # Errors
    /// As [`crate::ConvNd::with_init`].
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<PerAxis>,
        groups: usize,
        init: &impl Init,
        rng: &mut Rng,
    ) -> Result<Self> {
        let kernel = (AXES, kernel.into());
        let (weight, bias, settings) = drawn("ConvTranspose", kernel, (outputs, inputs), outputs, groups, (init, rng))?;
        Ok(ConvTransposeNd { weight, bias, settings })
    }

    /// Places more at the end, for the sizes that a stride leaves open.
    #[must_use]
    #[track_caller]
    pub fn output_padding(self, places: impl Into<PerAxis>) -> Self {
        self.with(|settings| settings.output_padding(places))
    }
}

super::layer!(ConvTransposeNd);

impl<const AXES: usize, T: Float> Layer<T> for ConvTransposeNd<AXES, T> {
    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        let groups = self.settings.group_count();
        bounds.push(at, "ConvTranspose", crate::lipschitz::conv_norm_above(self.weight.value(), groups))
    }

    /// # Panics
    /// If x has another number of axes or channels, or if padding leaves no place.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = self.on(x.tape());
        x.conv_transpose(weight, bias.as_ref(), &self.settings)
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        let bias = self.bias.as_ref().map(|bias| bias.value().cast());
        // Each sum by itself: Winograd's transforms would mix the rounding of neighbours.
        let settings = self.settings.algorithm(ConvAlgorithm::Direct);
        chain.affine("ConvTranspose", self.weight.value().cast(), bias.as_ref(), move |x, w| {
            x.conv_transpose(w, None, &settings)
        })
    }

    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let parts = (self.weight.value(), self.bias.as_ref().map(Param::value));
        Ok(graph.conv((at, "ConvTranspose"), self, x, parts, &self.settings))
    }
}
