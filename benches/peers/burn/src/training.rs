//! Training steps: MLPs with PReLU per feature, and Adam alone.

use crate::harness::{Named, Row, named};
use crate::inputs::{alphas, checksums, labels, scaled, values};
use burn::module::{Module, Param};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::{Linear, LinearConfig, PRelu, PReluConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Tensor, TensorData};

const ADAM_COUNT: usize = 1 << 20;
const CHECKED_ADAM_STEPS: usize = 3;

pub fn rows() -> Vec<Named> {
    vec![
        named("xor_step", xor_step),
        named("mlp_64", || mlp(64)),
        named("mlp_256", || mlp(256)),
        named("adam_1m", adam),
    ]
}

fn device() -> Device {
    Device::flex().autodiff()
}

#[derive(Module, Debug)]
struct Mlp {
    linears: Vec<Linear>,
    rectifiers: Vec<PRelu>,
}

impl Mlp {
    /// The initial parameters that `../rows.py` gives an MLP of these widths.
    fn new(widths: &[usize]) -> Self {
        let (mut linears, mut rectifiers) = (Vec::new(), Vec::new());
        for (layer, pair) in widths.windows(2).enumerate() {
            let &[fan_in, fan_out] = pair else { unreachable!("windows of two") };
            let scale = (fan_in as f64).powf(-0.5);
            let first = 10 + 3 * layer as u64;
            let weight = TensorData::new(scaled(first, fan_in * fan_out, scale, 0.0), [fan_in, fan_out]);
            let bias = TensorData::new(scaled(first + 1, fan_out, scale, 0.0), [fan_out]);
            let mut linear = LinearConfig::new(fan_in, fan_out).init(&device());
            linear.weight = Param::from_data(weight, &device());
            linear.bias = Some(Param::from_data(bias, &device()));
            linears.push(linear);
            if layer + 2 < widths.len() {
                let mut rectifier = PReluConfig::new().with_num_parameters(fan_out).init(&device());
                rectifier.alpha = Param::from_tensor(alphas(first + 2, fan_out, &device()));
                rectifiers.push(rectifier);
            }
        }
        Self { linears, rectifiers }
    }

    fn forward(&self, mut x: Tensor<2>) -> Tensor<2> {
        for (layer, linear) in self.linears.iter().enumerate() {
            x = linear.forward(x);
            if let Some(rectifier) = self.rectifiers.get(layer) {
                x = rectifier.forward(x);
            }
        }
        x
    }

    fn parameter_checksums(&self) -> Vec<String> {
        let linears = self.linears.iter().enumerate().flat_map(|(i, linear)| {
            let bias = linear.bias.as_ref().expect("every layer has a bias").val();
            [checksums(&format!("weight{}", i + 1), linear.weight.val()), checksums(&format!("bias{}", i + 1), bias)]
        });
        let rectifiers = self.rectifiers.iter().enumerate();
        linears.chain(rectifiers.map(|(i, act)| checksums(&format!("alpha{}", i + 1), act.alpha.val()))).collect()
    }

    fn gradient_checksums(&self, gradients: &GradientsParams) -> Vec<String> {
        let one = |name: String, gradient: Option<Tensor<1>>| checksums(&name, gradient.expect("reached by the loss"));
        let linears = self.linears.iter().enumerate().flat_map(|(i, linear)| {
            let weight = gradients.get::<2>(linear.weight.id).expect("reached by the loss");
            let bias = linear.bias.as_ref().expect("every layer has a bias").id;
            [checksums(&format!("dweight{}", i + 1), weight), one(format!("dbias{}", i + 1), gradients.get(bias))]
        });
        let rectifiers = self.rectifiers.iter().enumerate();
        linears.chain(rectifiers.map(|(i, act)| one(format!("dalpha{}", i + 1), gradients.get(act.alpha.id)))).collect()
    }
}

/// A training step of an MLP; `loss` takes its output.
fn training_step(
    widths: &'static [usize],
    x: Tensor<2>,
    loss: impl Fn(Tensor<2>) -> Tensor<1> + Clone + 'static,
    rate: f64,
    optimiser: fn() -> ModuleOptimizer,
) -> Row {
    let (checked_x, checked_loss) = (x.clone(), loss.clone());
    let mut state = Some((Mlp::new(widths), optimiser()));
    Row {
        run: Box::new(move || {
            let (net, mut optimiser) = state.take().expect("put back below");
            let gradients = GradientsParams::from_grads(loss(net.forward(x.clone())).backward(), &net);
            state = Some((optimiser.step(rate, net, gradients), optimiser));
        }),
        check: Box::new(move || {
            let net = Mlp::new(widths);
            let loss = checked_loss(net.forward(checked_x.clone()));
            let gradients = GradientsParams::from_grads(loss.backward(), &net);
            let mut sums = vec![checksums("loss", loss)];
            sums.extend(net.gradient_checksums(&gradients));
            sums.extend(optimiser().step(rate, net, gradients).parameter_checksums());
            sums.join(" ")
        }),
    }
}

fn adam_config() -> ModuleOptimizer {
    AdamConfig::new().with_epsilon(1e-8).init()
}

fn mlp(batch: usize) -> Row {
    let labels = labels(batch, 10, &device());
    let cross_entropy = CrossEntropyLossConfig::new().init(&device());
    let loss = move |logits| cross_entropy.forward(logits, labels.clone());
    training_step(&[784, 512, 512, 10], values(1, [batch, 784], &device()), loss, 1e-3, adam_config)
}

fn xor_step() -> Row {
    let target = values(2, [4, 1], &device());
    let loss = move |y| MseLoss::new().forward(y, target.clone(), Reduction::Mean);
    training_step(&[2, 16, 1], values(1, [4, 2], &device()), loss, 0.1, || SgdConfig::new().init())
}

#[derive(Module, Debug)]
struct Alone {
    p: Param<Tensor<1>>,
}

fn adam() -> Row {
    let alone = || Alone { p: Param::from_tensor(values(1, [ADAM_COUNT], &device())) };
    let gradient = values(2, [ADAM_COUNT], &Device::flex());
    let step = move |(alone, mut optimiser): (Alone, ModuleOptimizer)| {
        let mut gradients = GradientsParams::new();
        gradients.register(alone.p.id, gradient.clone());
        (optimiser.step(1e-3, alone, gradients), optimiser)
    };
    let checked = step.clone();
    let mut state = Some((alone(), adam_config()));
    Row {
        run: Box::new(move || state = state.take().map(&step)),
        check: Box::new(move || {
            let start = (alone(), adam_config());
            let (end, _) = (0..CHECKED_ADAM_STEPS).fold(start, |state, _| checked(state));
            checksums("p", end.p.val())
        }),
    }
}
