//! Groups of parameters by name.

use super::{Two, gradients, numbers, ones, two, wave};
use nn::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const LR: f64 = 0.02;

/// Steps with the waves of `times`.
fn steps(net: &mut Two<f64>, optimiser: &mut impl Optimizer<f64>, times: std::ops::Range<usize>) {
    for t in times {
        let grads = wave(net, t);
        optimiser.step(net, grads).unwrap();
    }
}

/// For an optimiser made with a rate and a weight decay: `b`'s own rate and decay beside a schedule, and `b` frozen.
fn obeys<O: Optimizer<f64>>(
    make: impl Fn(f64, f64) -> O,
    group: impl Fn(O, &'static str, fn(ParamGroup) -> ParamGroup) -> O,
) {
    let all = |lr: f64, decay: f64, later: f64| {
        let (mut net, mut optimiser) = (two(), make(lr, decay));
        steps(&mut net, &mut optimiser, 0..5);
        optimiser.set_learning_rate(later);
        steps(&mut net, &mut optimiser, 5..10);
        numbers(&net)
    };
    let (mut net, optimiser) = (two(), make(LR, 0.0));
    let mut optimiser = group(optimiser, "b", |group| group.learning_rate(LR / 4.0).weight_decay(0.25));
    steps(&mut net, &mut optimiser, 0..5);
    assert_eq!(optimiser.learning_rate(), LR);
    optimiser.set_learning_rate(LR / 2.0);
    steps(&mut net, &mut optimiser, 5..10);
    let (of_a, of_b) = (all(LR, 0.0, LR / 2.0), all(LR / 4.0, 0.25, LR / 8.0));
    assert_eq!(numbers(&net), [&of_a[..3], &of_b[3..]].concat());

    let (mut net, optimiser) = (two(), make(LR, 0.1));
    let mut optimiser = group(optimiser, "b", |group| group.frozen(true));
    steps(&mut net, &mut optimiser, 0..10);
    let start = numbers(&two::<f64>());
    assert_eq!(numbers(&net), [&all(LR, 0.1, LR)[..3], &start[3..]].concat());
    // What is frozen may have any gradient.
    let grads = gradients(&net, ones(), ones() * f64::NAN);
    optimiser.step(&mut net, grads).unwrap();
    assert_eq!(numbers(&net)[3..], start[3..]);
}

macro_rules! obey {
    ($($optimiser:ident $($setting:ident ($value:expr))*,)*) => {
        $(obeys(
            |lr, decay| $optimiser::new(lr).weight_decay(decay)$(.$setting($value))*,
            |optimiser, name, settings| optimiser.group(move |asked| asked == name, settings),
        );)*
    };
}

#[test]
fn every_optimiser_obeys_them() {
    obey! {
        Sgd momentum(0.9),
        Adam amsgrad(true),
        AdamW,
        NAdam,
        RAdam,
        Adamax,
        RmsProp centred(true) momentum(0.5),
        Adagrad initial_accumulator(0.1),
        Adadelta,
        Lion,
    }
}

/// In three plain numbers: p = 1, g = 1, no momentum.
#[test]
fn rates_and_decays_are_what_was_said() {
    let after = |sgd: Sgd<f64>| {
        let mut sgd = sgd;
        let mut net = Two { a: Param::new(ones(), Group::Weight), b: Param::new(ones(), Group::Slope) };
        let grads = gradients(&net, ones(), ones());
        sgd.step(&mut net, grads).unwrap();
        [net.a.value().to_vec()[0], net.b.value().to_vec()[0]]
    };
    let sgd = || Sgd::new(0.5).weight_decay(1.0);
    assert_eq!(after(sgd()), [0.0, 0.5], "slopes do not decay");
    assert_eq!(after(sgd().group(|_| true, |group| group.weight_decay(0.5))), [0.25, 0.5], "in a group neither");
    let asked = |group: ParamGroup| group.weight_decay(0.5).decay_slopes(true);
    assert_eq!(after(sgd().group(|name| name == "b", asked)), [0.0, 0.25], "unless asked");
    let spared = |group: ParamGroup| group.decay_slopes(false);
    assert_eq!(after(sgd().decay_slopes(true).group(|_| true, spared)), [0.0, 0.5]);
    assert_eq!(after(sgd().group(|_| true, |group| group.learning_rate_factor(0.5))), [0.5, 0.75]);
    assert_eq!(after(sgd().group(|_| true, |group| group.learning_rate(0.0))), [1.0, 1.0]);
    let first = sgd().group(|name| name == "a", |group| group.frozen(true));
    assert_eq!(after(first.group(|_| true, |group| group.learning_rate(0.25))), [1.0, 0.75], "the first group holds");
}

#[test]
fn names_are_asked_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let holds = move |name: &str| {
        count.fetch_add(1, Relaxed);
        name == "b"
    };
    let (mut net, mut adam) = (two(), Adam::new(LR).group(holds, |group| group.frozen(true)));
    steps(&mut net, &mut adam, 0..5);
    assert_eq!(asked.load(Relaxed), 2);
    // A copy is in the same groups; a group that comes later takes what is in none.
    let mut later = adam.clone().group(|_| true, |group| group.learning_rate(0.0));
    let before = numbers(&net);
    steps(&mut net, &mut later, 5..6);
    assert_eq!(numbers(&net), before);
    steps(&mut net, &mut adam, 5..6);
    assert_ne!(numbers(&net)[..3], before[..3]);
    assert_eq!(asked.load(Relaxed), 2);
    let text = format!("{adam:?}");
    assert!(text.contains("is_frozen: true"), "{text}");
}

#[test]
fn bad_settings_of_a_group_change_nothing() {
    fn text(lr: f64, settings: impl Fn(ParamGroup) -> ParamGroup) -> String {
        let fine = |group: ParamGroup| group.weight_decay(0.1);
        let mut adam = Adam::new(lr).group(|name| name == "a", fine).group(|_| false, settings);
        let mut net = two();
        let grads = gradients(&net, ones(), ones());
        let error = adam.step(&mut net, grads).unwrap_err().to_string();
        assert_eq!(numbers(&net), numbers(&two::<f64>()));
        error
    }
    let size = |name: &str, bad: f64| format!("Adam: group 1: {name} is {bad}; it must be finite and not negative");
    assert_eq!(text(0.5, |group| group.learning_rate(-1.0)), size("the learning rate", -1.0));
    assert_eq!(text(0.5, |group| group.learning_rate_factor(-2.0)), size("the learning rate", -1.0));
    assert_eq!(text(0.5, |group| group.weight_decay(f64::NAN)), size("weight decay", f64::NAN));
    let way_out = "set `learning_rate_factor`, or the optimiser's rate first and above 0";
    for (lr, own, factor) in [(0.0, 1.0, "inf"), (0.5, f64::NAN, "NaN")] {
        let expected = format!("Adam: group 1: its learning rate is {factor} times {lr}; {way_out}");
        assert_eq!(text(lr, |group| group.learning_rate(own)), expected);
    }
}
