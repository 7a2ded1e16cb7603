//! Parameters after a hundred steps, against PyTorch's (reference/make_optimisers.py).

use super::{Two, numbers, two, wave};
use nn::prelude::*;

/// Runs each case with its optimiser's settings and returns the cases that were run.
struct Cases<'a> {
    reference: &'a str,
    run: Vec<&'static str>,
}

impl Cases<'_> {
    fn is<T: Float>(&mut self, name: &'static str, optimiser: impl Optimizer<T>, tolerance: f64) {
        let mut wanted = self.reference.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let line = wanted.find(|line| line[0] == name && line[1] == T::NAME).unwrap();
        let expected = line[2..].iter().map(|number| number.parse::<f64>().unwrap());
        let got = after_100(name, optimiser);
        assert_eq!(line.len() - 2, got.len());
        for (got, expected) in got.iter().zip(expected) {
            let far = (got - expected).abs() / (1.0 + expected.abs());
            assert!(far <= tolerance, "{name} in {}: {got} instead of {expected}, {far:e}", T::NAME);
        }
        self.run.push(name);
    }
}

/// Cases of groups halve the learning rate after 50 steps.
fn after_100<T: Float>(name: &str, mut optimiser: impl Optimizer<T>) -> Vec<f64> {
    let mut net: Two<T> = two();
    for t in 0..100 {
        if name.starts_with("groups") && t == 50 {
            optimiser.set_learning_rate(optimiser.learning_rate() * 0.5);
        }
        let grads = wave(&net, t);
        optimiser.step(&mut net, grads).unwrap();
    }
    numbers(&net).iter().map(|number| number.to_f64()).collect()
}

fn all<T: Float>(cases: &mut Cases<'_>, tolerance: f64) {
    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    let sgd = || Sgd::new(0.05);
    is("sgd", sgd());
    is("sgd_decay", sgd().weight_decay(0.1));
    is("sgd_momentum", sgd().momentum(0.9));
    is("sgd_dampening", sgd().momentum(0.9).dampening(0.3).weight_decay(0.01));
    is("sgd_nesterov", sgd().momentum(0.9).nesterov(true).weight_decay(0.01));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    is("adam", Adam::new(0.02));
    is("adam_decay", Adam::new(0.02).betas(0.8, 0.99).eps(1e-6).weight_decay(0.1));
    is("adam_amsgrad", Adam::new(0.02).betas(0.9, 0.9).weight_decay(0.1).amsgrad(true));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    is("adamw", AdamW::new(0.02));
    is("adamw_decay", AdamW::new(0.02).weight_decay(0.1));
    is("adamw_amsgrad", AdamW::new(0.02).betas(0.9, 0.9).amsgrad(true));
    let own = |group: ParamGroup| group.learning_rate(0.005).weight_decay(0.3);
    is("groups_adamw", AdamW::new(0.02).group(|name| name == "b", own));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    let nadam = || NAdam::new(0.02);
    is("nadam", NAdam::new(2e-3));
    is("nadam_decay", nadam().betas(0.8, 0.99).eps(1e-6).weight_decay(0.1).momentum_decay(0.02));
    is("nadam_decoupled", nadam().weight_decay(0.1).decoupled_weight_decay(true));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    is("radam", RAdam::new(1e-3));
    is("radam_decay", RAdam::new(0.02).betas(0.8, 0.99).eps(1e-6).weight_decay(0.1));
    is("radam_decoupled", RAdam::new(0.02).weight_decay(0.1).decoupled_weight_decay(true));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    is("adamax", Adamax::new(2e-3));
    is("adamax_decay", Adamax::new(0.02).betas(0.8, 0.9).eps(1e-6).weight_decay(0.1));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    let rmsprop = || RmsProp::new(0.005);
    is("rmsprop", RmsProp::new(0.01));
    is("rmsprop_decay", rmsprop().alpha(0.9).eps(1e-6).weight_decay(0.1));
    is("rmsprop_momentum", rmsprop().momentum(0.8));
    is("rmsprop_centred", rmsprop().centred(true));
    is("rmsprop_centred_momentum", rmsprop().centred(true).momentum(0.8).weight_decay(0.1));
    let own = |group: ParamGroup| group.learning_rate_factor(4.0).weight_decay(0.3);
    is("groups_rmsprop", RmsProp::new(0.01).group(|name| name == "b", own));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    let adagrad = || Adagrad::new(0.1).lr_decay(0.01).weight_decay(0.1);
    is("adagrad", Adagrad::new(0.01));
    is("adagrad_decay", adagrad().initial_accumulator(0.5).eps(1e-6));

    let mut is = |name, optimiser| cases.is::<T>(name, optimiser, tolerance);
    is("adadelta", Adadelta::new(1.0));
    is("adadelta_decay", Adadelta::new(0.5).rho(0.8).eps(1e-4).weight_decay(0.1));
}

#[test]
fn a_hundred_steps_are_pytorchs() {
    let reference = include_str!("../reference/optimisers.txt");
    let mut cases = Cases { reference, run: Vec::new() };
    all::<f64>(&mut cases, 1e-12);
    all::<f32>(&mut cases, 1e-6);
    let lines = reference.lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(cases.run.len(), lines, "a case is not run: {:?}", cases.run);
}
