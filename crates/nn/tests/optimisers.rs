//! Optimisers against PyTorch's numbers (reference/make_optimisers.py), and their manners.

use nn::prelude::*;

#[path = "optimisers/groups.rs"]
mod groups;
#[path = "optimisers/pytorch.rs"]
mod pytorch;

#[derive(Module, Clone)]
struct Two<T: Float = f32> {
    a: Param<T>,
    b: Param<T>,
}

fn two<T: Float>() -> Two<T> {
    let param = |numbers: [f64; 3]| Param::new(Tensor::f64(numbers).cast::<T>(), Group::Weight);
    Two { a: param([0.5, -1.0, 2.0]), b: param([1.5, 0.0, -0.25]) }
}

fn numbers<T: Float>(net: &impl Module<T>) -> Vec<T> {
    net.parameters().iter().flat_map(|param| param.value().to_vec()).collect()
}

/// The gradients of Σ g·p for given g.
fn gradients<T: Float>(net: &Two<T>, a: Tensor<T>, b: Tensor<T>) -> Gradients<T> {
    let tape = Tape::training(0);
    (tape.param(&net.a) * a + tape.param(&net.b) * b).sum().backward()
}

fn wave<T: Float>(net: &Two<T>, t: usize) -> Gradients<T> {
    let [a, b] = [&net.a, &net.b].map(|param| param.value().to_vec());
    let g = |p: Vec<T>, k: usize| {
        let sine = |i: usize| T::from_f64(f64::sin((1 + t + 2 * k + 3 * i) as f64));
        let numbers: Vec<T> = (0..3).map(|i| sine(i) + T::from_f64(0.1) * p[i]).collect();
        Tensor::new(&numbers, [3])
    };
    gradients(net, g(a, 0), g(b, 1))
}

fn after_100(mut optimiser: impl Optimizer<f64>) -> Vec<f64> {
    let mut net = two();
    for t in 0..100 {
        let grads = wave(&net, t);
        optimiser.step(&mut net, grads).unwrap();
    }
    numbers(&net)
}

/// An independent transcription of Adam, one number at a time.
#[test]
fn adam_is_what_the_paper_says() {
    let mut expected = numbers::<f64>(&two());
    let (mut m, mut v) = ([0.0; 6], [0.0; 6]);
    for t in 0..100 {
        for (at, p) in expected.iter_mut().enumerate() {
            let g = f64::sin((1 + t + 2 * (at / 3) + 3 * (at % 3)) as f64) + 0.1 * *p;
            m[at] = 0.9 * m[at] + 0.1 * g;
            v[at] = 0.999 * v[at] + 0.001 * g * g;
            let (m, v) = (m[at] / (1.0 - 0.9f64.powi(t as i32 + 1)), v[at] / (1.0 - 0.999f64.powi(t as i32 + 1)));
            *p -= 0.02 * m / (v.sqrt() + 1e-8);
        }
    }
    for (got, expected) in after_100(Adam::new(0.02)).iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got} instead of {expected}");
    }
}

/// Likewise Lion, which PyTorch has not.
#[test]
fn lion_is_what_the_paper_says() {
    let (lr, decay) = (0.01, 0.1);
    let mut expected = numbers::<f64>(&two());
    let mut m = [0.0; 6];
    for t in 0..100 {
        for (at, p) in expected.iter_mut().enumerate() {
            let g = f64::sin((1 + t + 2 * (at / 3) + 3 * (at % 3)) as f64) + 0.1 * *p;
            let direction = 0.9 * m[at] + 0.1 * g;
            *p -= lr * (direction.signum() + decay * *p);
            m[at] = 0.99 * m[at] + 0.01 * g;
        }
    }
    for (got, expected) in after_100(Lion::new(lr).weight_decay(decay)).iter().zip(expected) {
        assert!((got - expected).abs() < 1e-12, "{got} instead of {expected}");
    }
}

fn ones() -> Tensor<f64> {
    Tensor::f64([1.0, 1.0, 1.0])
}

#[test]
fn slopes_do_not_decay_unless_asked() {
    fn after(mut optimiser: impl Optimizer<f64>, group: Group) -> f64 {
        let mut net = Two { a: Param::new(Tensor::f64([0.25; 3]), group), b: two().b };
        let grads = gradients(&net, Tensor::f64([0.0; 3]), ones());
        optimiser.step(&mut net, grads).unwrap();
        net.a.value().to_vec()[0]
    }
    assert_eq!(after(AdamW::new(0.1).weight_decay(0.5), Group::Slope), 0.25);
    assert_eq!(after(Adam::new(0.1).weight_decay(0.5), Group::Slope), 0.25);
    assert_eq!(after(Sgd::new(0.1).weight_decay(0.5), Group::Slope), 0.25);
    assert_eq!(after(Lion::new(0.1).weight_decay(0.5), Group::Slope), 0.25);
    assert_eq!(after(RmsProp::new(0.1).weight_decay(0.5), Group::Slope), 0.25);
    assert!(after(Lion::new(0.1).weight_decay(0.5).decay_slopes(true), Group::Slope) < 0.25);
    assert!(after(AdamW::new(0.1).weight_decay(0.5), Group::Weight) < 0.25);
    assert!(after(AdamW::new(0.1).weight_decay(0.5).decay_slopes(true), Group::Slope) < 0.25);
    assert!(after(Sgd::new(0.1).weight_decay(0.5).decay_slopes(true), Group::Slope) < 0.25);
}

/// burn 888, 630: time starts at 1, so the first step has the length of the learning rate.
#[test]
fn peer_bug_z01() {
    let mut net = two();
    let before = numbers(&net);
    let grads = gradients(&net, ones(), ones());
    Adam::new(0.1).eps(0.0).step(&mut net, grads).unwrap();
    for (after, before) in numbers(&net).iter().zip(before) {
        assert!((before - after - 0.1).abs() < 1e-12);
    }
}

/// candle: one step count for all parameters. A parameter whose first gradient comes late still moves by the learning rate.
#[test]
fn peer_bug_z03() {
    for late in [10, 1000] {
        let (mut net, mut adam) = (two(), Adam::new(0.001));
        for _ in 0..late {
            let tape = Tape::training(0);
            let grads = tape.param(&net.a).sum().backward();
            adam.step(&mut net, grads).unwrap();
        }
        let before = net.b.value().to_vec()[0];
        let grads = gradients(&net, ones(), ones());
        adam.step(&mut net, grads).unwrap();
        let moved = before - net.b.value().to_vec()[0];
        assert!((moved - 0.001).abs() < 1e-9, "{moved}");
    }
}

/// pytorch_optimizer 480: ε inside the root made the first step on a zero gradient infinite.
#[test]
fn peer_bug_z05() {
    let mut net = two();
    let before = numbers(&net);
    let grads = gradients(&net, Tensor::f64([0.0; 3]), Tensor::f64([0.0; 3]));
    Adam::new(0.1).step(&mut net, grads).unwrap();
    assert_eq!(numbers(&net), before);
}

/// PyTorch 40967: a parameter listed twice moved twice. Tied, it has one gradient and moves once.
#[test]
fn peer_bug_e29() {
    let mut act = PRelu::with_alpha(Tensor::from([0.0])).unwrap();
    let tape = Tape::training(0);
    let alpha = || tape.param(act.alpha());
    let grads = ((alpha() + alpha()) * 0.5).sum().backward();
    Sgd::new(0.1).step(&mut act, grads).unwrap();
    assert_eq!(act.alpha().value().to_vec(), [-0.1]);
}

/// text2sql 18: state by position. Fields in another order keep their own moments.
#[test]
fn peer_bug_d13() {
    #[derive(Module)]
    #[module(float = f64)]
    struct Swapped {
        b: Param<f64>,
        a: Param<f64>,
    }
    impl Swapped {
        fn of(net: Two<f64>) -> Swapped {
            Swapped { b: net.b, a: net.a }
        }
    }
    let (mut net, mut adam) = (two(), Adam::new(0.02));
    for t in 0..3 {
        let grads = wave(&net, t);
        adam.step(&mut net, grads).unwrap();
    }
    let (mut straight, mut of_straight) = (net.clone(), adam.clone());
    let grads = wave(&straight, 3);
    of_straight.step(&mut straight, grads).unwrap();
    let grads = wave(&net, 3);
    let mut swapped = Swapped::of(net);
    adam.step(&mut swapped, grads).unwrap();
    assert_eq!(swapped.a.value().to_vec(), straight.a.value().to_vec());
    assert_eq!(swapped.b.value().to_vec(), straight.b.value().to_vec());
}

#[test]
fn what_is_not_finite_changes_nothing() {
    let mut net = two();
    let before = numbers(&net);
    let mut adam = Adam::new(0.1);
    let grads = gradients(&net, ones(), Tensor::f64([1.0, f64::NEG_INFINITY, 0.0]));
    let error = adam.step(&mut net, grads).unwrap_err().to_string();
    assert!(error.starts_with("the gradient of `b` is -inf at element 1; nothing was updated"), "{error}");
    assert_eq!(numbers(&net), before);
    // Nor the step count: the next step is the first.
    let grads = gradients(&net, ones(), ones());
    adam.step(&mut net, grads).unwrap();
    assert!((before[0] - numbers(&net)[0] - 0.1).abs() < 1e-8);
}

/// Every optimiser, every kind of number that is not finite, wherever it stands.
#[test]
fn no_optimiser_steps_on_a_gradient_that_is_not_finite() {
    fn refuses(mut optimiser: impl Optimizer<f64> + Clone) {
        let mut net = two();
        let grads = gradients(&net, ones(), ones());
        optimiser.step(&mut net, grads).unwrap();
        let before = numbers(&net);
        let untouched = optimiser.clone();
        for (bad, element) in [(f64::NAN, 0), (f64::INFINITY, 1), (f64::NEG_INFINITY, 2)] {
            let mut g = [1.0; 3];
            g[element] = bad;
            let grads = gradients(&net, ones(), Tensor::f64(g));
            let error = optimiser.step(&mut net, grads).unwrap_err().to_string();
            let start = format!("the gradient of `b` is {bad} at element {element}; nothing was updated");
            assert!(error.starts_with(&start), "{error}");
            assert_eq!(numbers(&net), before);
        }
        // Nor did what it remembers change: it goes on as if nothing had been.
        let (mut twin, mut of_twin) = (net.clone(), untouched);
        let grads = gradients(&net, ones(), ones());
        optimiser.step(&mut net, grads).unwrap();
        let grads = gradients(&twin, ones(), ones());
        of_twin.step(&mut twin, grads).unwrap();
        assert_eq!(numbers(&net), numbers(&twin));
    }
    refuses(Sgd::new(0.1));
    refuses(Sgd::new(0.1).momentum(0.9).nesterov(true));
    refuses(Adam::new(0.1));
    refuses(AdamW::new(0.1).amsgrad(true));
    refuses(NAdam::new(0.1));
    refuses(RAdam::new(0.1));
    refuses(Adamax::new(0.1));
    refuses(RmsProp::new(0.1).centred(true).momentum(0.9));
    refuses(Adagrad::new(0.1));
    refuses(Adadelta::new(0.1));
    refuses(Lion::new(0.1));
}

#[test]
fn bad_settings_change_nothing() {
    fn text(mut optimiser: impl Optimizer<f64>) -> String {
        let mut net = two();
        let before = numbers(&net);
        let grads = gradients(&net, ones(), ones());
        let error = optimiser.step(&mut net, grads).unwrap_err().to_string();
        assert_eq!(numbers(&net), before);
        error
    }
    assert_eq!(text(Adam::new(f64::NAN)), "Adam: the learning rate is NaN; it must be finite and not negative");
    assert_eq!(text(Adam::new(0.1).betas(0.9, 1.0)), "Adam: β₂ is 1; it must be in [0, 1)");
    assert_eq!(text(AdamW::new(0.1).eps(-1.0)), "AdamW: ε is -1; it must be finite and not negative");
    assert_eq!(text(Sgd::new(0.1).momentum(f64::INFINITY)), "Sgd: momentum is inf; it must be finite and not negative");
    assert_eq!(text(Sgd::new(0.1).nesterov(true)), "Sgd: nesterov needs momentum above 0 and dampening 0");
    assert_eq!(text(Sgd::new(0.1).dampening(f64::NAN)), "Sgd: dampening is NaN; it must be finite");
    assert_eq!(text(RmsProp::new(0.1).alpha(1.0)), "RmsProp: α is 1; it must be in [0, 1)");
    assert_eq!(text(Adadelta::new(0.1).rho(-0.1)), "Adadelta: ρ is -0.1; it must be in [0, 1)");
    assert_eq!(text(Lion::new(0.1).betas(0.9, 2.0)), "Lion: β₂ is 2; it must be in [0, 1)");
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let size = |what, name| format!("{what}: {name} is {bad}; it must be finite and not negative");
        assert_eq!(text(Sgd::new(bad)), size("Sgd", "the learning rate"));
        assert_eq!(text(Sgd::new(0.1).weight_decay(bad)), size("Sgd", "weight decay"));
        assert_eq!(text(Adam::new(0.1).eps(bad)), size("Adam", "ε"));
        assert_eq!(text(Adam::new(0.1).weight_decay(bad)), size("Adam", "weight decay"));
        assert_eq!(text(AdamW::new(bad)), size("AdamW", "the learning rate"));
        assert_eq!(text(NAdam::new(0.1).momentum_decay(bad)), size("NAdam", "momentum decay"));
        assert_eq!(text(RAdam::new(bad)), size("RAdam", "the learning rate"));
        assert_eq!(text(Adamax::new(0.1).eps(bad)), size("Adamax", "ε"));
        assert_eq!(text(RmsProp::new(0.1).momentum(bad)), size("RmsProp", "momentum"));
        assert_eq!(text(Adagrad::new(0.1).lr_decay(bad)), size("Adagrad", "the learning rate's decay"));
        assert_eq!(text(Adagrad::new(0.1).initial_accumulator(bad)), size("Adagrad", "the initial accumulator"));
        assert_eq!(text(Adadelta::new(0.1).eps(bad)), size("Adadelta", "ε"));
        assert_eq!(text(Lion::new(0.1).weight_decay(bad)), size("Lion", "weight decay"));
        assert_eq!(text(AdamW::new(0.1).weight_decay(bad)), size("AdamW", "weight decay"));
        assert_eq!(text(AdamW::new(0.1).betas(bad, 0.9)), format!("AdamW: β₁ is {bad}; it must be in [0, 1)"));
        let mut scheduled = Adam::new(0.1);
        scheduled.set_learning_rate(bad);
        assert_eq!(text(scheduled), size("Adam", "the learning rate"));
    }
    // Finite in f64, and not where the parameters live.
    let mut act = PRelu::shared();
    let grads = Tape::training(0).param(act.alpha()).sum().backward();
    let error = Sgd::new(1e300).step(&mut act, grads).unwrap_err().to_string();
    assert_eq!(error, "Sgd: the learning rate is 1e300, which is infinite in the parameters' float type");
    assert_eq!(act.alpha().value().to_vec(), [0.25]);
}

#[test]
fn frozen_and_unreached_parameters_stay() {
    let mut net = two();
    net.a.set_trainable(false);
    let before = net.a.value().to_vec();
    let grads = gradients(&net, ones(), ones());
    let mut adam = AdamW::new(0.1).weight_decay(0.5);
    adam.step(&mut net, grads).unwrap();
    assert_eq!(net.a.value().to_vec(), before);
    net.a.set_trainable(true);
    let tape = Tape::training(0);
    let grads = tape.param(&net.b).sum().backward();
    adam.step(&mut net, grads).unwrap();
    assert_eq!(net.a.value().to_vec(), before);
}

/// PyTorch 196083: a copy of an optimiser's state shared memory with it, and stepping one moved the other.
#[test]
fn peer_bug_d11() {
    let (mut net, mut adam) = (two(), Adam::new(0.02));
    let step = |net: &mut Two<f64>, adam: &mut Adam<f64>, t| {
        let grads = wave(net, t);
        adam.step(net, grads).unwrap();
    };
    step(&mut net, &mut adam, 0);
    let (mut other, mut of_other) = (net.clone(), adam.clone());
    let (mut untouched, mut of_untouched) = (net.clone(), adam.clone());
    for t in 1..5 {
        step(&mut net, &mut adam, t);
    }
    step(&mut other, &mut of_other, 1);
    step(&mut untouched, &mut of_untouched, 1);
    assert_eq!(numbers(&other), numbers(&untouched));
    assert_ne!(numbers(&other), numbers(&net));
}
