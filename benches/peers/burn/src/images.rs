//! The training step of ResNet-20, NCHW.

use crate::harness::{Named, Row, named};
use crate::inputs::{alphas, checksums, labels, scaled, values};
use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PRelu, PReluConfig, PaddingConfig2d};
use burn::optim::momentum::MomentumConfig;
use burn::optim::{GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData};

const BATCH: usize = 64;
const RATE: f64 = 0.01;

pub fn rows() -> Vec<Named> {
    vec![named("resnet20_64", resnet20)]
}

fn device() -> Device {
    Device::flex().autodiff()
}

/// The number of the next parameter's tensor: the k-th parameter is tensor 100 + k.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 += 1;
        self.0 - 1
    }

    fn vector(&mut self, count: usize, scale: f64, offset: f64) -> Param<Tensor<1>> {
        Param::from_data(TensorData::new(scaled(self.next(), count, scale, offset), [count]), &device())
    }
}

#[derive(Module, Debug)]
struct ConvNormAct {
    conv: Conv2d,
    norm: BatchNorm,
    act: PRelu,
}

impl ConvNormAct {
    fn new(inputs: usize, width: usize, stride: usize, numbers: &mut Numbers) -> Self {
        let config = Conv2dConfig::new([inputs, width], [3, 3]).with_stride([stride; 2]).with_bias(false);
        let mut conv = config.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(&device());
        let scale = (6.0 / (9 * inputs) as f64).sqrt();
        let weight = TensorData::new(scaled(numbers.next(), 9 * inputs * width, scale, 0.0), [3, 3, inputs, width]);
        conv.weight = Param::from_tensor(Tensor::<4>::from_data(weight, &device()).permute([3, 2, 0, 1]));
        let mut norm = BatchNormConfig::new(width).init(&device());
        norm.gamma = numbers.vector(width, 0.25, 1.0);
        norm.beta = numbers.vector(width, 0.25, 0.0);
        let mut act = PReluConfig::new().with_num_parameters(width).init(&device());
        act.alpha = Param::from_tensor(alphas(numbers.next(), width, &device()));
        Self { conv, norm, act }
    }

    fn before_act(&self, x: Tensor<4>) -> Tensor<4> {
        self.norm.forward(self.conv.forward(x))
    }
}

/// Two 3×3 convolutions and the shortcut of option A.
#[derive(Module, Debug)]
struct Block {
    first: ConvNormAct,
    second: ConvNormAct,
    stride: usize,
}

impl Block {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let inner = self.second.before_act(self.first.act.forward(self.first.before_act(x.clone())));
        let shortcut = match self.stride {
            1 => x,
            _ => {
                let [n, c, h, w] = x.dims();
                let halved = x.reshape([n, c, h / 2, 2, w / 2, 2]).slice([0..n, 0..c, 0..h / 2, 0..1, 0..w / 2, 0..1]);
                let zeros = Tensor::zeros([n, c / 2, h / 2, w / 2], &device());
                Tensor::cat(vec![zeros.clone(), halved.reshape([n, c, h / 2, w / 2]), zeros], 1)
            }
        };
        self.second.act.forward(inner + shortcut)
    }
}

#[derive(Module, Debug)]
struct ResNet20 {
    stem: ConvNormAct,
    blocks: Vec<Block>,
    head: Linear,
}

impl ResNet20 {
    /// With the parameters of the page.
    fn new() -> Self {
        let numbers = &mut Numbers(100);
        let stem = ConvNormAct::new(3, 16, 1, numbers);
        let mut blocks = Vec::new();
        for (inputs, width, stride, count) in [(16, 16, 1, 3), (16, 32, 2, 3), (32, 64, 2, 3)] {
            for block in 0..count {
                let (inputs, stride) = if block == 0 { (inputs, stride) } else { (width, 1) };
                let first = ConvNormAct::new(inputs, width, stride, numbers);
                blocks.push(Block { first, second: ConvNormAct::new(width, width, 1, numbers), stride });
            }
        }
        let mut head = LinearConfig::new(64, 10).init(&device());
        let weight = TensorData::new(scaled(numbers.next(), 640, (6.0_f64 / 64.0).sqrt(), 0.0), [64, 10]);
        head.weight = Param::from_data(weight, &device());
        head.bias = Some(numbers.vector(10, 0.25, 0.0));
        Self { stem, blocks, head }
    }

    fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let first = self.stem.act.forward(self.stem.before_act(images));
        let last = self.blocks.iter().fold(first, |x, block| block.forward(x));
        let [n, c, ..] = last.dims();
        self.head.forward(last.mean_dims(&[2, 3]).reshape([n, c]))
    }
}

fn step(
    (net, mut optimiser): (ResNet20, ModuleOptimizer),
    images: Tensor<4>,
    labels: Tensor<1, Int>,
) -> ((ResNet20, ModuleOptimizer), Tensor<1>) {
    let loss = CrossEntropyLossConfig::new().init(&device()).forward(net.forward(images), labels);
    let gradients = GradientsParams::from_grads(loss.backward(), &net);
    ((optimiser.step(RATE, net, gradients), optimiser), loss)
}

fn initial() -> (ResNet20, ModuleOptimizer) {
    let momentum = MomentumConfig::new().with_momentum(0.9).with_dampening(0.0);
    (ResNet20::new(), SgdConfig::new().with_momentum(Some(momentum)).init())
}

fn resnet20() -> Row {
    let images = values(1, [BATCH, 32, 32, 3], &device()).permute([0, 3, 1, 2]);
    // NCHW in memory, once.
    let images = Tensor::from_data(images.into_data(), &device());
    let labels = labels(BATCH, 10, &device());
    let (checked_images, checked_labels) = (images.clone(), labels.clone());
    let mut state = Some(initial());
    Row {
        run: Box::new(move || {
            let before = state.take().expect("put back below");
            state = Some(step(before, images.clone(), labels.clone()).0);
        }),
        check: Box::new(move || {
            let (mut state, mut sums) = (initial(), Vec::new());
            for i in 0..3 {
                let loss;
                (state, loss) = step(state, checked_images.clone(), checked_labels.clone());
                sums.push(checksums(&format!("loss{i}"), loss));
            }
            let window = state.0.stem.conv.weight.val().permute([2, 3, 1, 0]);
            sums.push(checksums("conv", window));
            sums.push(checksums("bias", state.0.head.bias.as_ref().expect("it has one").val()));
            sums.join(" ")
        }),
    }
}
