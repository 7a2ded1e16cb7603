//! Convolutions over one, two or three spatial axes, and their transposes: features last, `[N, H, W, C]`.
//!
//! The weight is `[K…, C / groups, F]`; it starts by Kaiming's law for rectifiers with slope 0.25 below 0, over the fan in K·C / groups
//! (He et al. 2015), the bias at 0. In PyTorch's files it is `[F, C / groups, K…]`. A transposed convolution's weight is that of the
//! convolution it is the gradient of, `[K…, F / groups, C]`.

mod transposed;

pub use transposed::ConvTransposeNd;

use crate::error::{expect, setting};
use crate::init::{Init, Kaiming};
use crate::onnx::{Graph, Value};
use crate::regions::Piecewise;
use crate::{Layer, Module, Result};
use tape::{
    Conv, ConvAlgorithm, Float, Group, Moments, Padding, Param, PerAxis, Rectifier, Rng, Shape, Tape, Tensor, Var,
};

/// A convolution over `AXES` spatial axes, with a bias unless built without: [`Conv1d`], [`Conv2d`], [`Conv3d`].
///
/// ```
/// use nn::prelude::*;
/// let conv = Conv2d::new(3, 16, 3, &mut Rng::seed(1)).stride(2).padding(1);
/// let y = conv.forward(Tape::inference().input(Tensor::zeros([8, 32, 32, 3])));
/// assert_eq!(y.shape(), &[8, 16, 16, 16]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct ConvNd<const AXES: usize, T: Float = f32> {
    #[module(pytorch(window))]
    weight: Param<T>,
    bias: Option<Param<T>>,
    settings: Conv,
}

/// Over x `[N, L, C]`.
pub type Conv1d<T = f32> = ConvNd<1, T>;
/// Over x `[N, H, W, C]`.
pub type Conv2d<T = f32> = ConvNd<2, T>;
/// Over x `[N, D, H, W, C]`.
pub type Conv3d<T = f32> = ConvNd<3, T>;
/// Of x `[N, L, C]`.
pub type ConvTranspose1d<T = f32> = ConvTransposeNd<1, T>;
/// Of x `[N, H, W, C]`.
pub type ConvTranspose2d<T = f32> = ConvTransposeNd<2, T>;
/// Of x `[N, D, H, W, C]`.
pub type ConvTranspose3d<T = f32> = ConvTransposeNd<3, T>;

/// Weight `[K…, before / groups, last]`, a bias of 0 for each output, settings.
fn drawn(
    layer: &'static str,
    (axes, kernel): (usize, PerAxis),
    (before, last): (usize, usize),
    outputs: usize,
    groups: usize,
    (init, rng): (&impl Init, &mut Rng),
) -> Result<(Param, Option<Param>, Conv)> {
    let mut shape = kernel.numbers("kernel", axes, layer)?;
    if shape.contains(&0) || before == 0 || last == 0 {
        let problem = format!("a window of {shape:?} taps, {before} and {last} channels; none may be 0");
        return setting(layer, problem);
    }
    if groups == 0 || !before.is_multiple_of(groups) || !last.is_multiple_of(groups) {
        return setting(layer, format!("{groups} groups do not divide {before} and {last} channels"));
    }
    shape.extend([before / groups, last]);
    let weight = Param::new(init.tensor(Shape::from(&shape[..]), rng)?, Group::Weight);
    let bias = Param::new(Tensor::zeros([outputs]), Group::Bias);
    Ok((weight, Some(bias), Conv::new().groups(groups)))
}

impl<const AXES: usize> ConvNd<AXES> {
    /// From `inputs` channels to `outputs`, with a window of `kernel` taps on each axis (`3`, `[3, 5]`), a bias, stride 1, no padding.
    ///
    /// # Panics
    /// If a size is 0 or taps are given for another number of axes; [`ConvNd::with_init`] returns the error.
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, kernel: impl Into<PerAxis>, rng: &mut Rng) -> Self {
        expect(ConvNd::with_init(inputs, outputs, kernel, 1, &Kaiming::default().leak(0.25), rng))
    }

    /// Channels and filters in `groups` parts, each convolved by itself.
    ///
    /// # Panics
    /// As [`ConvNd::new`], and if groups do not divide both.
    #[track_caller]
    pub fn grouped(inputs: usize, outputs: usize, kernel: impl Into<PerAxis>, groups: usize, rng: &mut Rng) -> Self {
        expect(ConvNd::with_init(inputs, outputs, kernel, groups, &Kaiming::default().leak(0.25), rng))
    }

    /// One filter for each channel.
    ///
    /// # Panics
    /// As [`ConvNd::new`].
    #[track_caller]
    pub fn depthwise(channels: usize, kernel: impl Into<PerAxis>, rng: &mut Rng) -> Self {
        ConvNd::grouped(channels, channels, kernel, channels, rng)
    }

    /// As [`ConvNd::grouped`], the weight drawn by another law.
    ///
    /// # Errors
    /// If a size is 0, if taps are given for another number of axes, if groups do not divide the channels, or if the law's settings
    /// make no sense.
    pub fn with_init(
        inputs: usize,
        outputs: usize,
        kernel: impl Into<PerAxis>,
        groups: usize,
        init: &impl Init,
        rng: &mut Rng,
    ) -> Result<Self> {
        let kernel = (AXES, kernel.into());
        let (weight, bias, settings) = drawn("Conv", kernel, (inputs, outputs), outputs, groups, (init, rng))?;
        Ok(ConvNd { weight, bias, settings })
    }
}

macro_rules! layer {
    ($layer:ident) => {
        impl<const AXES: usize, T: Float> $layer<AXES, T> {
            #[track_caller]
            fn with(mut self, change: impl FnOnce(Conv) -> Conv) -> Self {
                self.settings = change(self.settings);
                expect(self.settings.check(stringify!($layer), AXES).map_err(crate::Error::from));
                self
            }

            /// From a weight, a bias and settings that fit each other.
            pub(crate) fn of_parts(weight: Tensor<T>, bias: Option<Tensor<T>>, settings: Conv) -> Self {
                let bias = bias.map(|bias| Param::new(bias, Group::Bias));
                $layer { weight: Param::new(weight, Group::Weight), bias, settings }
            }

            /// Places from one window to the next: `2`, `[2, 1]`.
            ///
            /// # Panics
            /// If it is 0, or given for another number of axes.
            #[must_use]
            #[track_caller]
            pub fn stride(self, stride: impl Into<PerAxis>) -> Self {
                self.with(|settings| settings.stride(stride))
            }

            /// Places without numbers around x: `1`, `[1, 0]`, [`Padding::sides`], [`Padding::Same`].
            ///
            /// # Panics
            /// If it is given for another number of axes.
            #[must_use]
            #[track_caller]
            pub fn padding(self, padding: impl Into<Padding>) -> Self {
                self.with(|settings| settings.padding(padding))
            }

            /// Places from one tap to the next.
            ///
            /// # Panics
            /// If it is 0, or given for another number of axes.
            #[must_use]
            #[track_caller]
            pub fn dilation(self, dilation: impl Into<PerAxis>) -> Self {
                self.with(|settings| settings.dilation(dilation))
            }

            /// How it is computed: whatever is fastest, or always the direct sum.
            #[must_use]
            pub fn algorithm(mut self, algorithm: ConvAlgorithm) -> Self {
                self.settings = self.settings.algorithm(algorithm);
                self
            }

            /// Without the bias, as before a normalisation, which has its own.
            #[must_use]
            pub fn without_bias(mut self) -> Self {
                self.bias = None;
                self
            }

            /// The weight.
            pub fn weight(&self) -> &Param<T> {
                &self.weight
            }

            /// The weight, to be changed.
            pub fn weight_mut(&mut self) -> &mut Param<T> {
                &mut self.weight
            }

            /// The bias `[F]`, if there is one.
            pub fn bias(&self) -> Option<&Param<T>> {
                self.bias.as_ref()
            }

            /// The bias, to be changed.
            pub fn bias_mut(&mut self) -> Option<&mut Param<T>> {
                self.bias.as_mut()
            }

            /// Weight and bias, to be changed; the bias may be put in or taken out.
            pub(crate) fn parts_mut(&mut self) -> (&mut Param<T>, &mut Option<Param<T>>) {
                (&mut self.weight, &mut self.bias)
            }

            /// Stride, padding, dilation, groups.
            pub fn settings(&self) -> &Conv {
                &self.settings
            }

            /// Weight and bias as values on a tape.
            #[track_caller]
            fn on(&self, tape: &Tape<T>) -> (Var<T>, Option<Var<T>>) {
                (tape.param(&self.weight), self.bias.as_ref().map(|bias| tape.param(bias)))
            }
        }
    };
}
use layer;

layer!(ConvNd);

impl<const AXES: usize, T: Float> Layer<T> for ConvNd<AXES, T> {
    /// # Panics
    /// If x has another number of axes or channels, or if the window is larger than padded x.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let (weight, bias) = self.on(x.tape());
        x.conv(weight, bias.as_ref(), &self.settings)
    }

    fn lipschitz(&self, at: &mut crate::module::Path, bounds: &mut crate::lipschitz::Certificate) -> Result<()> {
        let groups = self.settings.group_count();
        bounds.push(at, "Conv", crate::lipschitz::conv_norm_above(self.weight.value(), groups))
    }

    #[track_caller]
    fn forward_moments(&self, x: Var<T>) -> (Var<T>, Option<Moments<T>>) {
        if self.bias.is_some() {
            return (self.forward(x), None);
        }
        let weight = x.tape().param(&self.weight);
        let (y, moments) = x.conv_moments(weight, &self.settings);
        (y, Some(moments))
    }

    /// As [`Var::conv_act`].
    #[track_caller]
    fn forward_rectified(&self, x: Var<T>, act: Rectifier<T>) -> Var<T> {
        let (weight, bias) = self.on(x.tape());
        x.conv_act(weight, bias.as_ref(), act, &self.settings)
    }

    #[track_caller]
    fn piecewise(&self, chain: &mut Piecewise) -> Result<()> {
        let bias = self.bias.as_ref().map(|bias| bias.value().cast());
        // Each sum by itself: Winograd's transforms would mix the rounding of neighbours.
        let settings = self.settings.algorithm(ConvAlgorithm::Direct);
        chain.affine("Conv", self.weight.value().cast(), bias.as_ref(), move |x, w| x.conv(w, None, &settings))
    }

    #[track_caller]
    fn onnx(&self, at: &mut crate::module::Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let parts = (self.weight.value(), self.bias.as_ref().map(Param::value));
        Ok(graph.conv((at, "Conv"), self, x, parts, &self.settings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PRelu, Relu, Sequential, gradcheck_module};

    #[test]
    fn shapes_and_starting_values() {
        let mut rng = Rng::seed(1);
        let conv = Conv2d::grouped(8, 12, [3, 5], 4, &mut rng);
        assert_eq!(conv.weight().value().shape(), &[3, 5, 2, 12]);
        assert_eq!(conv.bias().unwrap().value().shape(), &[12]);
        let wide = Conv1d::new(64, 256, 3, &mut rng);
        let deviation = wide.weight().value().flatten(0).std_axes(0, 0.0).item();
        let expected = (2.0 / (1.0625 * 192.0_f32)).sqrt();
        assert!((deviation / expected - 1.0).abs() < 0.02, "{deviation} for {expected}");
        let up = ConvTranspose2d::new(64, 256, 2, &mut rng);
        assert_eq!(up.weight().value().shape(), &[2, 2, 256, 64]);
        let deviation = up.weight().value().flatten(0).std_axes(0, 0.0).item();
        let expected = (2.0 / (1.0625 * 256.0_f32)).sqrt();
        assert!((deviation / expected - 1.0).abs() < 0.02, "{deviation} for {expected}");
        assert_eq!(Conv3d::depthwise(4, 3, &mut rng).weight().value().shape(), &[3, 3, 3, 1, 4]);
    }

    #[test]
    fn gradients_of_a_small_network() {
        let mut rng = Rng::seed(2);
        let net = (
            Conv2d::new(2, 4, 3, &mut rng).padding(1).stride(2),
            PRelu::per_feature(4),
            ConvTranspose2d::new(4, 2, 2, &mut rng).stride(2),
        );
        let x = Tensor::randn([2, 5, 4, 2], &mut rng).cast::<f64>();
        gradcheck_module(&net.cast::<f64>(), |net, x| net.forward(x).square().sum(), &x).unwrap();
    }

    #[test]
    fn a_rectifier_behind_it_is_joined() {
        let mut rng = Rng::seed(3);
        let net = Sequential::new()
            .then(Conv2d::new(1, 16, 3, &mut rng).padding(Padding::Same))
            .then(PRelu::per_feature(16))
            .then(Conv2d::new(16, 4, 3, &mut rng))
            .then(Relu);
        let x = Tensor::randn([2, 8, 8, 1], &mut rng);
        let run = |net: &Sequential| {
            let tape = Tape::training(1);
            let y = net.forward(tape.input(x.clone()));
            let (ops, mut numbers) = (tape.len(), vec![y.to_vec()]);
            let grads = y.square().sum().backward();
            numbers.extend(net.parameters().into_iter().map(|param| grads[param].to_vec()));
            (ops, numbers)
        };
        let (fused, plain) = (run(&net), run(&net.clone().fused(false)));
        assert_eq!(plain.0 - fused.0, 2);
        assert_eq!(fused.1, plain.1);
    }

    #[test]
    fn bad_settings_are_errors() {
        let (mut rng, law) = (Rng::seed(4), Kaiming::default());
        let error = Conv2d::with_init(4, 6, 3, 4, &law, &mut rng).unwrap_err();
        assert_eq!(error.to_string(), "Conv: 4 groups do not divide 4 and 6 channels");
        let error = Conv2d::with_init(4, 6, [3, 3, 3], 1, &law, &mut rng).unwrap_err();
        assert!(error.to_string().contains("kernel [3, 3, 3] has 3 numbers for 2 spatial axes"), "{error}");
        let error = Conv1d::with_init(0, 6, 3, 1, &law, &mut rng).unwrap_err();
        assert!(error.to_string().contains("none may be 0"), "{error}");
    }
}
