//! Layers that debug builds compile here, once, instead of in each test and example that links this crate: the same as
//! `kernels/src/shared.rs` for what is generic over the element above the kernels.
//!
//! At low levels of optimisation rustc takes a generic function from a crate below where that has it, so what is called here is there for all. Release builds inline instead; they and packages that depend on
//! this one leave the file out (`shared_kernels` is set in this repository's `.cargo/config.toml` alone).

use crate::prelude::*;

/// A training step through the layers, losses and optimisers that most programs use. Nobody calls it: that it is compiled is enough.
#[doc(hidden)]
pub fn training_step() -> crate::Result<()> {
    let mut rng = Rng::seed(0);
    let mut net = Sequential::new()
        .then(crate::models::resnet_cifar(8, Activation::PRelu, 10, &mut rng))
        .then(Linear::new(10, 10, &mut rng))
        .then(PRelu::per_feature(10))
        .then(Linear::new(10, 10, &mut rng))
        .then(LeakyRelu::new(0.1))
        .then(Linear::new(10, 10, &mut rng))
        .then(Relu)
        .then(Dropout::new(0.5));
    let tape = Tape::training(0);
    let y = net.forward(tape.input(Tensor::randn([2, 8, 8, 3], &mut rng)));
    let y = elementwise(y.clone()) + y.clone().matmul(y.clone().transpose()).sum_axes([1]) + reduced(&y);
    let labels = Tensor::from(vec![0_i64; 2]);
    let loss = y.clone().cross_entropy(&labels) + y.clone().mse(&y) + y.clone().bce_with_logits(&y);
    Sgd::new(0.1).momentum(0.9).step(&mut net, loss.clone().backward())?;
    Adam::new(0.1).step(&mut net, loss.clone().backward())?;
    AdamW::new(0.1).step(&mut net, loss.backward())?;
    crate::onnx::Import::new().from_bytes(&[]).map(drop)?;
    crate::diagnose(&net, |x| net.forward(x), &Tensor::zeros([2, 8, 8, 3])).map(drop)
}

fn elementwise(y: Var) -> Var {
    let y = (y.clone() - &y) * &y / &y;
    let y = y.relu().leaky_relu(0.1).exp().ln().sqrt().abs().square().powi(3).sin().cos().tanh().sigmoid();
    let y = y.clone().maximum(&y).minimum(&y).clamp(0.0, 1.0) * 2.0 + 1.0 - 0.5;
    -y.pad(0, 1, 1, 0.0).narrow(0, 1, 2)
}

fn reduced(y: &Var) -> Var {
    y.clone().mean() + y.clone().sum() + y.clone().max_axes([0]).mean() + y.clone().norm_axes([0]).mean()
}
