use super::*;
use crate::modules::{Act, Activation};
use crate::prelude::*;
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

/// Weights, biases, statistics and slopes that are not where they start.
fn shaken<M: Module>(mut net: M, seed: u64) -> M {
    struct Shake(Rng);
    impl<'a> crate::module::VisitorMut<'a, f32> for Shake {
        fn param(&mut self, name: &str, param: &'a mut Param) {
            let is_slope = param.group() == Group::Slope;
            for number in param.value_mut().make_mut() {
                let moved =
                    if is_slope { 0.05 + 2.0 * self.0.uniform() } else { f64::from(*number) + 0.5 * self.0.normal() };
                *number = moved as f32;
            }
            assert!(!name.is_empty());
        }
        fn buffer(&mut self, name: &str, buffer: &'a mut Buffer) {
            let is_variance = name.ends_with("var");
            for number in buffer.value_mut().make_mut() {
                *number = if is_variance { 0.1 + self.0.uniform() as f32 } else { self.0.normal() as f32 };
            }
        }
    }
    net.visit_mut(&mut crate::module::Path::default(), &mut Shake(Rng::seed(seed)));
    net
}

fn run(net: &impl Layer<f64>, x: &Tensor<f64>) -> Tensor<f64> {
    net.forward(Tape::inference().input(x.clone())).into_value()
}

/// Of f64 networks: what rounding does to sums of some hundred terms that are at most about 10³.
#[track_caller]
fn same(before: &Tensor<f64>, after: &Tensor<f64>) {
    assert!(before.allclose(after, 1e-10, 1e-10), "{before:?}\n{after:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Linear, norm, PReLU (shared or by feature), linear, at any slopes above 0.
    #[test]
    fn a_twin_predicts_the_same(seed in any::<u64>(), width in 1usize..12, shared in any::<bool>()) {
        let mut rng = Rng::seed(seed);
        let act = if shared { PRelu::shared() } else { PRelu::per_feature(width) };
        let layers = (Linear::new(3, width, &mut rng), BatchNorm::new(width), act, Linear::new(width, 2, &mut rng));
        let net = shaken(layers, seed).cast::<f64>();
        let x = Tensor::randn([20, 3], &mut rng).cast();
        let mut other = net.clone();
        twin(&mut other.1, &mut other.2, &mut other.3).unwrap();
        same(&run(&net, &x), &run(&other, &x));
        for (i, (gamma, flipped)) in net.1.weight().value().iter().zip(other.1.weight().value().iter()).enumerate() {
            let alpha = net.2.alpha().value().to_vec()[if shared { 0 } else { i }];
            prop_assert_eq!(flipped, -alpha * gamma);
        }
        // Of the twin the twin is the model itself; on a training tape too the outputs are the same.
        let train = |net: &(Linear<f64>, BatchNorm<f64>, PRelu<f64>, Linear<f64>)| net.forward(Tape::training(1).input(x.clone())).into_value();
        same(&train(&net), &train(&other));
        twin(&mut other.1, &mut other.2, &mut other.3).unwrap();
        for (before, after) in net.parameters().into_iter().zip(other.parameters()) {
            same(before.value(), after.value());
        }
    }

    /// Through grouped convolutions, transposes and a flatten; without a norm.
    #[test]
    fn a_convolutions_twin_predicts_the_same(seed in any::<u64>(), groups in 1usize..3) {
        let mut rng = Rng::seed(seed);
        let layers = (
            Conv2d::grouped(2, 4, 3, groups, &mut rng).padding(1), PRelu::per_feature(4),
            Conv2d::grouped(4, 6, [1, 3], groups, &mut rng).without_bias().padding(1), PRelu::with_shape([1, 1, 6]),
            ConvTranspose2d::with_init(6, 4, 2, groups, &crate::init::Kaiming::default(), &mut rng).unwrap().stride(2),
            PRelu::shared(), Flatten, Linear::new(12 * 12 * 4, 3, &mut rng),
        );
        let x = Tensor::randn([2, 4, 6, 2], &mut rng).cast();
        // [2, 4, 6, 2] → [2, 4, 6, 4] → [2, 6, 6, 6] → [2, 12, 12, 4].
        let net = shaken(layers, seed).cast::<f64>();
        let mut other = net.clone();
        twin(&mut other.0, &mut other.1, &mut other.2).unwrap();
        twin(&mut other.2, &mut other.3, &mut other.4).unwrap();
        twin(&mut other.4, &mut other.5, &mut other.7).unwrap();
        same(&run(&net, &x), &run(&other, &x));
        let by = |n: usize, rng: &mut Rng| (0..n).map(|_| (2.0 * rng.normal()).exp()).collect::<Vec<f64>>();
        rescale(&mut other.0, &mut other.2, &by(4, &mut rng)).unwrap();
        rescale(&mut other.2, &mut other.4, &by(6, &mut rng)).unwrap();
        rescale(&mut other.4, &mut other.7, &by(4, &mut rng)).unwrap();
        same(&run(&net, &x), &run(&other, &x));
    }

    #[test]
    fn a_folded_norm_is_the_norm(seed in any::<u64>(), groups in 1usize..3) {
        let mut rng = Rng::seed(seed);
        let law = crate::init::Kaiming::default();
        macro_rules! folds {
            ($layer:expr, $features:expr, $shape:expr) => {
                let net = shaken(($layer, BatchNorm::new($features)), rng.next_u64()).cast::<f64>();
                let x = Tensor::randn($shape, &mut rng).cast();
                let mut folded = net.0.clone();
                fold(&mut folded, &net.1).unwrap();
                same(&run(&net, &x), &run(&folded, &x));
            };
        }
        folds!(Linear::new(5, 3, &mut rng), 3, [4, 5]);
        folds!(Linear::new(5, 3, &mut rng).without_bias(), 3, [4, 5]);
        folds!(Conv1d::grouped(4, 6, 3, groups, &mut rng).padding(1), 6, [2, 7, 4]);
        folds!(Conv2d::grouped(4, 6, 3, groups, &mut rng).without_bias().padding(1).stride(2), 6, [2, 5, 7, 4]);
        folds!(Conv3d::grouped(2, 4, 2, groups, &mut rng), 4, [1, 3, 4, 3, 2]);
        folds!(ConvTranspose1d::with_init(4, 6, 3, groups, &law, &mut rng).unwrap().stride(2), 6, [2, 5, 4]);
        folds!(ConvTranspose2d::with_init(4, 6, 2, groups, &law, &mut rng).unwrap().without_bias(), 6, [2, 3, 3, 4]);
    }
}

/// In f32 the twin's numbers are rounded once more, by 2⁻²⁴ of terms that slopes down to 0.05 make up to 20 times larger than before: 10⁻⁴ is 80 of them.
#[test]
fn predictions_in_f32_are_the_same_to_rounding() {
    let mut rng = Rng::seed(5);
    let mut net = (
        Conv2d::new(1, 8, 3, &mut rng).without_bias(),
        NormAct::new(8, Activation::PRelu),
        GlobalAvgPool,
        Linear::new(8, 10, &mut rng),
    );
    net = shaken(net, 6);
    let x = Tensor::randn([16, 8, 8, 1], &mut rng);
    let before = net.forward(Tape::inference().input(x.clone())).into_value();
    let (norm, act) = net.1.parts_mut();
    let Act::PRelu(prelu) = act else { panic!("it is a PReLU") };
    twin(norm, prelu, &mut net.3).unwrap();
    let after = net.forward(Tape::inference().input(x.clone())).into_value();
    assert!(before.allclose(&after, 1e-4, 1e-4));
    assert!(before.to_vec() != net.3.forward(Tape::inference().input(Tensor::zeros([16, 8]))).to_vec());
    fold(&mut net.0, net.1.norm()).unwrap();
    let folded = (net.0, net.1.act().clone(), net.2, net.3);
    let after = folded.forward(Tape::inference().input(x)).into_value();
    assert!(before.allclose(&after, 1e-4, 1e-4));
}

/// What one step of a pretrained model's optimiser is keyed by stays.
#[test]
fn parameters_keep_their_identity() {
    let mut rng = Rng::seed(7);
    let mut net = (Linear::new(2, 3, &mut rng), BatchNorm::new(3), PRelu::shared(), Linear::new(3, 1, &mut rng));
    let ids =
        |net: &(Linear, BatchNorm, PRelu, Linear)| net.parameters().iter().map(|param| param.id()).collect::<Vec<_>>();
    let before = ids(&net);
    twin(&mut net.1, &mut net.2, &mut net.3).unwrap();
    fold(&mut net.0, &net.1).unwrap();
    assert_eq!(ids(&net), before);
}

/// The bias that a layer gets by folding is trained if its weight is.
#[test]
fn a_frozen_layer_stays_frozen() {
    for is_trained in [true, false] {
        let mut layer = Linear::new(2, 3, &mut Rng::seed(9)).without_bias();
        layer.weight_mut().set_trainable(is_trained);
        fold(&mut layer, &shaken(BatchNorm::new(3), 10)).unwrap();
        assert_eq!(layer.bias().unwrap().is_trainable(), is_trained);
    }
}

#[test]
fn where_it_does_not_apply_is_said_and_nothing_changes() {
    let mut rng = Rng::seed(8);
    let (mut norm, mut out) = (BatchNorm::new(4), Linear::new(4, 2, &mut rng));
    let text = |result: Result<()>| result.unwrap_err().to_string();
    for (slope, shown) in [(0.0, "0"), (-0.5, "-0.5"), (1e-40, "0.0000000000000000000000000000000000000001")] {
        let mut act = PRelu::with_alpha(Tensor::from([1.0, 1.0, slope, 1.0])).unwrap();
        let message = text(twin(&mut norm, &mut act, &mut out));
        let shown = &shown[..shown.len().min(12)];
        assert!(message.starts_with(&format!("twin: α is {shown}")) && message.contains("at element 2"), "{message}");
        assert_eq!(act.alpha().value().to_vec(), [1.0, 1.0, slope, 1.0]);
    }
    let mut act = PRelu::per_feature(4);
    let message = text(twin(&mut norm, &mut act, &mut Linear::new(6, 2, &mut rng)));
    assert_eq!(message, "twin: the next layer does not read 4 features; give the layer that reads them");
    let message = text(twin(&mut norm, &mut PRelu::per_feature(2), &mut out));
    assert!(message.contains("α has shape [2] and the layer before 4 features"), "{message}");
    let message = text(twin(&mut norm, &mut PRelu::per_element([4, 4]), &mut out));
    assert!(message.contains("α has shape [4, 4]"), "{message}");
    let message = text(rescale(&mut norm, &mut out, &[1.0, 2.0, -1.0, 1.0]));
    assert!(message.starts_with("rescale: -1 for feature 2"), "{message}");
    assert_eq!(text(rescale(&mut norm, &mut out, &[1.0])), "rescale: 1 numbers for 4 features");
    assert!(text(rescale(&mut norm, &mut out, &[1.0, 1.0, 1.0, 1e300])).contains("`weight` would hold inf"));
    assert_eq!(
        text(fold(&mut Linear::new(2, 3, &mut rng), &norm)),
        "fold: the layer makes 3 features, the norm behind it has 4"
    );
    assert!(text(rescale(&mut norm, &mut out, &[1.0, 1.0, 1.0, 1e-300])).contains("`weight` would hold"));
    // As many slopes as features, but not one for each.
    let message = text(twin(&mut norm, &mut PRelu::per_element([2, 2]), &mut out));
    assert!(message.contains("α has shape [2, 2]"), "{message}");
    let message = text(rescale(&mut norm, &mut Conv2d::new(2, 4, 1, &mut rng), &[1.0; 4]));
    assert!(message.starts_with("rescale: the next layer does not read 4 features"), "{message}");
    let mut large = norm.clone();
    *large.weight_mut().value_mut() = Tensor::full([4], 1e38);
    let mut layer = Linear::new(1, 4, &mut rng);
    *layer.weight_mut().value_mut() = Tensor::full([1, 4], 100.0);
    assert!(text(fold(&mut layer, &large)).starts_with("fold: `weight` would hold inf"));
    assert_eq!(layer.weight().value().to_vec(), [100.0; 4]);
    assert_eq!(norm.weight().value().to_vec(), [1.0; 4]);
    let mut broken = norm.clone();
    broken.apply_updates(&{
        let tape = Tape::training(0);
        tape.update(broken.running_var(), Tensor::from([1.0, -1.0, 1.0, 1.0]));
        tape.updates()
    });
    let message = text(fold(&mut Linear::new(2, 4, &mut rng), &broken));
    assert!(message.starts_with("BatchNorm: variance + ε is -0.99") && message.contains("at feature 1"), "{message}");
}
