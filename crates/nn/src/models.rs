//! Networks of the literature, with a rectifier by choice.
//!
//! ```
//! use nn::{models, prelude::*};
//! let net = models::resnet_cifar(20, Activation::PRelu, 10, &mut Rng::seed(1));
//! let logits = net.forward(Tape::inference().input(Tensor::zeros([2, 32, 32, 3])));
//! assert_eq!(logits.shape(), &[2, 10]);
//! ```

use crate::error::expect;
use crate::init::{Init, Kaiming};
use crate::module::Path;
use crate::onnx::{Graph, Value};
use crate::{Activation, Conv2d, Layer, Linear, Module, NormAct, Result, Sequential};
use tape::{Float, Rng, Var};

/// The residual network for small images of He, Zhang, Ren, Sun 2016 (section 4.2): a 3×3 convolution to 16 channels, then three stages of
/// n = (depth − 2)/6 blocks at 16, 32 and 64 channels, the first block of the later stages with stride 2, then the mean over all
/// places and a linear layer. Each convolution is followed by batch norm and the rectifier; a block's shortcut joins before its second
/// rectifier. Where the channels double, the shortcut takes every second place and pads channels with zeros (the paper's option A, which
/// has no parameters).
#[derive(Clone, Debug, Module)]
pub struct ResNetCifar<T: Float = f32> {
    conv: Conv2d<T>,
    act: NormAct<T>,
    blocks: Vec<BasicBlock<T>>,
    head: Linear<T>,
}

/// Two 3×3 convolutions and a shortcut.
#[derive(Clone, Debug, Module)]
pub struct BasicBlock<T: Float = f32> {
    conv1: Conv2d<T>,
    act1: NormAct<T>,
    conv2: Conv2d<T>,
    act2: NormAct<T>,
    stride: usize,
}

/// A [`ResNetCifar`] of 6n + 2 layers for images `[N, H, W, 3]`.
///
/// # Panics
/// If the depth is not 6n + 2 with n ≥ 1, or if there are no classes.
#[track_caller]
pub fn resnet_cifar(depth: usize, act: Activation, classes: usize, rng: &mut Rng) -> ResNetCifar {
    assert!(depth >= 8 && depth % 6 == 2, "resnet_cifar: depth {depth} is not 6n + 2: 8, 14, 20, 32, 44, 56, 110");
    let init = Kaiming::default().leak(act.leak());
    let mut conv = |inputs, outputs, stride| {
        let conv = expect(Conv2d::with_init(inputs, outputs, 3, 1, &init, rng));
        conv.stride(stride).padding(1).without_bias()
    };
    let stem = conv(3, 16, 1);
    let mut blocks = Vec::new();
    for (stage, width) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..(depth - 2) / 6 {
            let first = stage > 0 && block == 0;
            let (inputs, stride) = if first { (width / 2, 2) } else { (width, 1) };
            blocks.push(BasicBlock {
                conv1: conv(inputs, width, stride),
                act1: NormAct::new(width, act),
                conv2: conv(width, width, 1),
                act2: NormAct::new(width, act),
                stride,
            });
        }
    }
    ResNetCifar { conv: stem, act: NormAct::new(16, act), blocks, head: Linear::new(64, classes, rng) }
}

/// Places 0, 2, 4, … of an axis.
#[track_caller]
fn every_second<T: Float>(x: Var<T>, axis: usize) -> Var<T> {
    let size = x.shape()[axis];
    let x = if size.is_multiple_of(2) { x } else { x.pad(axis as isize, 0, 1, 0.0) };
    let mut pairs = x.shape().to_vec();
    pairs.splice(axis..=axis, [size.div_ceil(2), 2]);
    x.reshape(&pairs[..]).narrow(axis as isize + 1, 0, 1).squeeze(axis as isize + 1)
}

impl<T: Float> Layer<T> for BasicBlock<T> {
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let shortcut = match self.stride {
            1 => x.clone(),
            _ => {
                let channels = x.shape()[3];
                every_second(every_second(x.clone(), 1), 2).pad(-1, channels / 2, channels / 2, 0.0)
            }
        };
        let inner = self.act1.forward_after(&self.conv1, x, None);
        self.act2.forward_after(&self.conv2, inner, Some(&shortcut))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let shortcut = if self.stride == 1 { x.clone() } else { graph.halved_shortcut(at, x.clone()) };
        let x = at.enter("conv1", |at| self.conv1.onnx(at, graph, x))?;
        let x = at.enter("act1", |at| self.act1.onnx(at, graph, x))?;
        let x = at.enter("conv2", |at| self.conv2.onnx(at, graph, x))?;
        at.enter("act2", |at| self.act2.onnx_residual(at, graph, x, Some(shortcut)))
    }

    fn set_fused(&mut self, fuses: bool) {
        self.act1.set_fused(fuses);
        self.act2.set_fused(fuses);
    }
}

impl<T: Float> Layer<T> for ResNetCifar<T> {
    /// Class scores `[N, classes]` of images `[N, H, W, 3]`.
    #[track_caller]
    fn forward(&self, x: Var<T>) -> Var<T> {
        let x = self.act.forward_after(&self.conv, x, None);
        self.head.forward(self.blocks.forward(x).mean_axes([1, 2]))
    }

    #[track_caller]
    fn onnx(&self, at: &mut Path, graph: &mut Graph, x: Value) -> Result<Value> {
        let x = at.enter("conv", |at| self.conv.onnx(at, graph, x))?;
        let x = at.enter("act", |at| self.act.onnx(at, graph, x))?;
        let x = at.enter("blocks", |at| self.blocks.onnx(at, graph, x))?;
        let x = graph.mean_of_places(at, x);
        at.enter("head", |at| self.head.onnx(at, graph, x))
    }

    fn set_fused(&mut self, fuses: bool) {
        self.act.set_fused(fuses);
        self.blocks.set_fused(fuses);
    }
}

/// The plain deep network of He, Zhang, Ren, Sun 2015 (figure 3): `depth` layers without normalisation or shortcuts, here 3×3 convolutions
/// at `width` channels and the rectifier behind each, the mean over all places and a linear layer, for images `[N, H, W, channels]`.
/// Weights are drawn by `init`; what it takes to learn from there is the experiment.
///
/// # Panics
/// If a size is 0, the depth below 2, or if the law's settings make no sense.
#[track_caller]
pub fn plain_he(
    depth: usize,
    (channels, width, classes): (usize, usize, usize),
    act: Activation,
    init: &impl Init,
    rng: &mut Rng,
) -> Sequential {
    assert!(depth >= 2, "plain_he: depth {depth}; 2 is the least");
    let mut net = Sequential::new();
    for layer in 0..depth - 1 {
        let inputs = if layer == 0 { channels } else { width };
        net = net.then(expect(Conv2d::with_init(inputs, width, 3, 1, init, rng)).padding(1)).then(act.layer(width));
    }
    net.then(crate::GlobalAvgPool).then(expect(Linear::with_init(width, classes, init, rng)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tape::{Tape, Tensor};

    #[test]
    fn resnet_20_has_the_papers_parameters() {
        let net = resnet_cifar(20, Activation::Relu, 10, &mut Rng::seed(1));
        // 0.27 million, as table 6 of the paper says; option A adds none.
        assert_eq!(net.num_parameters(), 269_722);
        let slopes = resnet_cifar(20, Activation::PRelu, 10, &mut Rng::seed(1)).num_parameters() - 269_722;
        assert_eq!(slopes, 16 * 7 + 32 * 6 + 64 * 6);
    }

    #[test]
    fn fusion_changes_rounding_alone() {
        let mut rng = Rng::seed(2);
        let mut net = resnet_cifar(8, Activation::PRelu, 3, &mut rng);
        let x = Tensor::randn([4, 9, 8, 3], &mut rng);
        let run = |net: &ResNetCifar| {
            let tape = Tape::training(1);
            let y = net.forward(tape.input(x.clone()));
            let value = y.value().clone();
            let grads = y.square().sum().backward();
            let mut numbers = vec![value];
            numbers.extend(net.parameters().into_iter().map(|param| grads[param].clone()));
            numbers
        };
        let fused = run(&net);
        net.set_fused(false);
        for (fused, plain) in fused.iter().zip(run(&net)) {
            let scale = plain.iter().fold(1.0f32, |max, x| max.max(x.abs()));
            assert!(fused.allclose(&plain, 0.0, 2e-4 * f64::from(scale)), "{fused:?} for {plain:?}");
        }
    }

    #[test]
    fn the_shortcut_takes_every_second_place_and_pads_channels() {
        let mut net = resnet_cifar(8, Activation::Relu, 3, &mut Rng::seed(3));
        let block = &mut net.blocks[1];
        // Without its second norm the block is its shortcut.
        for (name, param) in block.named_parameters_mut() {
            if name.starts_with("act2.norm.weight") {
                *param.value_mut() = param.value().zeros_like();
            }
        }
        let x = Tensor::fill_with([1, 3, 4, 16], |x| x.iter_mut().enumerate().for_each(|(i, x)| *x = i as f32));
        let y = block.forward(Tape::inference().input(x.clone()));
        assert_eq!(y.shape(), &[1, 2, 2, 32]);
        for (h, w, c) in [(0, 0, 0), (1, 1, 3), (0, 1, 15)] {
            assert_eq!(y.value().at([0, h, w, c + 8]), x.at([0, 2 * h, 2 * w, c]));
        }
        assert_eq!((y.value().at([0, 1, 1, 7]), y.value().at([0, 1, 1, 24])), (0.0, 0.0));
    }

    #[test]
    #[should_panic(expected = "depth 21 is not 6n + 2")]
    fn another_depth_is_refused() {
        let _ = resnet_cifar(21, Activation::Relu, 10, &mut Rng::seed(1));
    }
}
