use super::*;
use crate::{Activation, Conv2d, Linear, Optimizer as _, Sequential, Sgd, gradcheck_module};
use tape::{Rng, keep};

fn batch(seed: u64) -> Tensor {
    Tensor::randn([6, 4, 3], &mut Rng::seed(seed)) * 3.0 + 2.0
}

/// burn: the running variance was the biased one.
#[test]
fn peer_bug_n03() {
    let _ = trained();
}

/// candle: the statistics in the model file were a copy.
#[test]
fn peer_bug_n05() {
    let norm = trained();
    let mut other = BatchNorm::new(3);
    other.load_bytes(&norm.to_bytes().unwrap()).unwrap();
    assert_eq!(other.running_var().value().to_vec(), norm.running_var().value().to_vec());
    let names: Vec<String> = norm.named_buffers().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["running_mean", "running_var"]);
}

/// tch-rs: after training, evaluation read statistics of 0 and 1.
#[test]
fn peer_bug_d21() {
    let norm = trained();
    let mut loaded = BatchNorm::new(3);
    loaded.load_bytes(&norm.to_bytes().unwrap()).unwrap();
    let y = |norm: &BatchNorm| norm.forward(Tape::inference().input(batch(4))).into_value().to_vec();
    assert_eq!(y(&loaded), y(&norm));
    assert_ne!(y(&loaded), y(&BatchNorm::new(3)));
}

/// candle: at evaluation the running statistics were part of the graph.
#[test]
fn peer_bug_e25() {
    let norm = trained();
    let tape = Tape::probing();
    let x = tape.var(batch(4));
    let grads = norm.forward(x.clone()).sum().backward();
    let slope = norm.weight().value() / (norm.running_var().value() + 1e-5).sqrt();
    assert!(grads[&x].allclose(&(batch(4).zeros_like() + slope), 1e-5, 1e-6));
    assert_eq!(grads.params().count(), 2, "weight and bias");
    assert!(tape.updates().is_empty() && grads.updates().is_empty());
}

/// Three steps, after which statistics are what they should be, and count at inference.
fn trained() -> BatchNorm {
    let mut norm = BatchNorm::new(3);
    let mut sgd = Sgd::new(0.1);
    let (mut mean, mut variance) = (Tensor::zeros([3]), Tensor::ones([3]));
    for seed in 0..3 {
        let tape = Tape::training(1);
        let x = batch(seed);
        let loss = norm.forward(tape.input(x.clone())).square().sum();
        sgd.step(&mut norm, loss.backward()).unwrap();
        mean = mean * 0.9 + x.mean_axes([0, 1]) * 0.1;
        variance = variance * 0.9 + x.var_axes([0, 1], 1.0) * 0.1;
    }
    assert!(norm.running_mean().value().allclose(&mean, 1e-5, 1e-6));
    assert!(norm.running_var().value().allclose(&variance, 1e-5, 1e-6));
    let y = norm.forward(Tape::inference().input(batch(9)));
    let expected = (batch(9) - &mean) / (variance + 1e-5).sqrt() * norm.weight().value() + norm.bias().value();
    assert!(y.value().allclose(&expected, 1e-4, 1e-5));
    norm
}

/// Flux, torch7: one value for each channel made NaN.
#[test]
#[should_panic(expected = "[1, 3], 1 value for each of 3 features; training needs 2, or `frozen()`")]
fn peer_bug_n01() {
    let _ = BatchNorm::new(3).forward(Tape::training(1).input(Tensor::ones([1, 3])));
}

#[test]
fn frozen_statistics_stay() {
    let norm = BatchNorm::new(3).frozen();
    let tape = Tape::training(1);
    let y = norm.forward(tape.input(batch(1)));
    assert!(y.value().allclose(&batch(1), 1e-4, 1e-4) && tape.updates().is_empty());
    assert!(norm.forward(tape.input(Tensor::ones([1, 3]))).len() == 3);
}

#[test]
fn a_norm_used_twice_builds_on_its_first_use() {
    let norm = BatchNorm::new(3);
    let tape = Tape::training(1);
    let _ = norm.forward(tape.input(batch(1)));
    let _ = norm.forward(tape.input(batch(2)));
    let twice = batch(1).mean_axes([0, 1]) * 0.09 + batch(2).mean_axes([0, 1]) * 0.1;
    assert!(tape.updates().get(norm.running_mean()).unwrap().allclose(&twice, 1e-5, 1e-6));
}

#[test]
fn fused_and_plain_numbers_agree() {
    for act in [Activation::Relu, Activation::LeakyRelu(0.1), Activation::PRelu] {
        let mut block = NormAct::new(3, act);
        let run = |block: &NormAct| {
            let tape = Tape::training(1);
            let (x, r) = (tape.var(batch(1)), tape.var(batch(2)));
            let y = block.forward_residual(x.clone(), &r);
            let (ops, value) = (tape.len(), y.value().clone());
            let y = block.forward(y);
            let grads = y.square().sum().backward();
            let mut numbers = vec![value, grads[&x].clone(), grads[&r].clone()];
            numbers.extend(block.parameters().into_iter().map(|param| grads[param].clone()));
            (ops, numbers)
        };
        let fused = run(&block);
        block.set_fused(false);
        let plain = run(&block);
        assert!(fused.0 < plain.0);
        for (fused, plain) in fused.1.iter().zip(&plain.1) {
            assert!(fused.allclose(plain, 2e-4, 2e-4), "{act:?}: {fused:?} for {plain:?}");
        }
    }
}

#[test]
fn sequential_joins_norm_and_rectifier() {
    let net = Sequential::new().then(BatchNorm::new(3)).then(crate::PRelu::per_feature(3));
    let ops = |net: &Sequential| {
        let tape = Tape::training(1);
        let y = net.forward(tape.input(batch(3)));
        (tape.len(), y.value().clone())
    };
    let (fused, plain) = (ops(&net), ops(&net.clone().fused(false)));
    assert_eq!(plain.0 - fused.0, 1);
    assert!(fused.1.allclose(&plain.1, 1e-6, 1e-6));
}

#[test]
fn layers_normalise_what_they_say() {
    let tape = Tape::inference();
    let x = || tape.input(batch(4));
    let about = |y: &Tensor, axes: &[isize]| {
        let square = (y * y).mean_axes(axes).to_vec();
        y.mean_axes(axes).to_vec().iter().all(|mean| mean.abs() < 1e-4) && square.iter().all(|s| (s - 1.0).abs() < 1e-3)
    };
    assert!(about(LayerNorm::new(3).forward(x()).value(), &[2]));
    assert!(about(GroupNorm::new(1, 3).forward(x()).value(), &[1, 2]));
    assert!(about(InstanceNorm::new(3).forward(x()).value(), &[1]));
    let rms = RmsNorm::new(3).forward(x());
    let square = (rms.value() * rms.value()).mean_axes(keep(-1));
    assert!(square.iter().all(|s| (s - 1.0).abs() < 1e-3));
}

#[test]
fn gradients_of_every_norm() {
    let mut rng = Rng::seed(5);
    let net = (
        NormAct::new(4, Activation::PRelu),
        LayerNorm::new(4),
        GroupNorm::new(2, 4),
        InstanceNorm::new(4),
        RmsNorm::new(4),
    );
    let x = Tensor::randn([3, 3, 4], &mut rng).cast::<f64>();
    let c = Tensor::randn([3, 3, 4], &mut rng).cast::<f64>();
    gradcheck_module(&net.cast::<f64>(), |net, x| (net.forward(x) * &c).sum(), &x).unwrap();
}

#[test]
fn bad_settings_are_errors() {
    assert!(BatchNorm::new(2).with(0.0, 0.1).unwrap_err().to_string().contains("ε is 0"));
    assert!(BatchNorm::new(2).with(1e-5, 1.5).unwrap_err().to_string().contains("momentum is 1.5"));
    assert!(LayerNorm::new(2).with_epsilon(f64::NAN).is_err());
}

/// A norm behind a convolution takes its statistics from there, which changes the order of sums and nothing else.
#[test]
fn statistics_come_from_the_convolution_before() {
    let mut rng = Rng::seed(5);
    let conv = Conv2d::new(3, 16, 3, &mut rng).padding(1).without_bias();
    let net = Sequential::new().then(conv).then(NormAct::new(16, Activation::PRelu));
    let x = Tensor::randn([2, 9, 7, 3], &mut rng);
    let run = |net: &Sequential| {
        let tape = Tape::training(1);
        let y = net.forward(tape.input(x.clone()));
        let mut numbers = vec![y.value().clone()];
        let grads = y.square().sum().backward();
        numbers.extend(net.parameters().into_iter().map(|param| grads[param].clone()));
        numbers
    };
    let (fused, plain) = (run(&net), run(&net.clone().fused(false)));
    assert_eq!(fused.len(), 5, "y and four gradients");
    for (fused, plain) in fused.iter().zip(&plain) {
        let scale = plain.iter().fold(1.0f32, |max, x| max.max(x.abs()));
        assert!(fused.allclose(plain, 0.0, 1e-5 * f64::from(scale)), "{fused:?} for {plain:?}");
    }
}

/// Where the rectifier has an inverse that does not magnify rounding too much, the norm's output is enough, which the next layer keeps anyway: one array less of two.
#[test]
fn behind_a_leak_the_norms_input_is_not_kept() {
    let kept = |act: Activation, weight: f32| {
        let mut rng = Rng::seed(1);
        let (first, mut norm) = (Linear::new(16, 64, &mut rng).without_bias(), NormAct::new(64, act));
        for (name, param) in norm.named_parameters_mut() {
            if name.ends_with("weight") {
                *param.value_mut() = Tensor::full([64], weight);
            }
        }
        let last = Linear::new(64, 10, &mut rng);
        let tape = Tape::training(0);
        let y = last.forward(norm.forward(first.forward(tape.input(Tensor::randn([256, 16], &mut rng)))));
        let bytes = tape.kept().bytes();
        drop(y);
        bytes
    };
    let array = 256 * 64 * 4;
    let both = kept(Activation::Relu, 1.0);
    for act in [Activation::LeakyRelu(0.01), Activation::LeakyRelu(2.0)] {
        assert_eq!(both - kept(act, 1.0), array, "{act:?}");
    }
    for (act, weight) in [(-0.5, 1.0), (1e-5, 1.0), (0.01, 1e-4)] {
        assert_eq!(kept(Activation::LeakyRelu(act), weight), both, "{act}, γ = {weight}");
    }
}
