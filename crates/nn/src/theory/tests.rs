//! Theory beside networks of real layers.

use super::{FiniteWidth, correlation_after, golden_gain};
use crate::init::Kaiming;
use crate::prelude::*;

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.to_vec().into_iter().map(f32::to_bits).collect()
}

/// Sums that are negative for every example: under ReLU w and b never move, under a leak their gradients are α·Σ dy·x and α·Σ dy, and they come back.
#[test]
fn a_dead_neuron_stays_for_ever_and_a_leak_revives_it() {
    let x = Tensor::from([[0.5], [1.0], [1.5]]);
    for slope in [0.0, 0.2] {
        let mut net = (Linear::new(1, 1, &mut Rng::seed(1)), LeakyRelu::new(slope));
        *net.0.weight_mut().value_mut() = Tensor::from([[-1.0]]);
        *net.0.bias_mut().unwrap().value_mut() = Tensor::from([-0.5]);
        let start = net.clone();
        let mut sgd = Sgd::new(0.1);
        let mut losses = Vec::new();
        for step in 0..1000 {
            let y = net.forward(Tape::training(0).input(x.clone()));
            let off = y.value() - &x;
            let loss = (y - &x).square().mean();
            losses.push(loss.item());
            let grads = loss.backward();
            if step == 0 {
                let dy = off * (2.0 / 3.0);
                let alpha = slope as f32;
                let expected = [(&dy * &x).sum().item() * alpha, dy.sum().item() * alpha];
                let found = [net.0.weight(), net.0.bias().unwrap()].map(|param| grads[param].sum().item());
                for (found, expected) in found.into_iter().zip(expected) {
                    assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{slope}: {found} for {expected}");
                }
            }
            sgd.step(&mut net, grads).unwrap();
        }
        let is_still = bits(net.0.weight().value()) == bits(start.0.weight().value())
            && bits(net.0.bias().unwrap().value()) == bits(start.0.bias().unwrap().value());
        assert_eq!(is_still, slope == 0.0);
        assert!(
            if is_still { losses[999] == losses[0] } else { losses[999] < 1e-3 * losses[0] },
            "{slope}: {losses:?}"
        );
    }
}

/// At any slope above 0 no network is constant from the start, where of ReLU networks 9 in 10 are.
#[test]
fn no_leaky_network_is_born_dead() {
    let mut rng = Rng::seed(2);
    let mut dead = |slope: f64| {
        let is_dead = |rng: &mut Rng| {
            let layer = |rng: &mut Rng| (Linear::new(2, 2, rng).without_bias(), LeakyRelu::new(slope));
            let net: Vec<_> = (0..10).map(|_| layer(rng)).collect();
            let x = Tensor::from([[1.0, 0.0], [-1.0, 0.0]]);
            net.forward(Tape::inference().input(x)).to_vec().iter().all(|&y| y == 0.0)
        };
        (0..500).filter(|_| is_dead(&mut rng)).count()
    };
    assert!((400..500).contains(&dead(0.0)));
    assert_eq!([dead(0.01), dead(0.25)], [0, 0]);
}

/// A slope learns from negative inputs only: one that sees none stays to the bit, whatever the optimiser keeps of the past.
#[test]
fn a_slope_that_sees_no_negative_input_never_moves() {
    let mut rng = Rng::seed(3);
    let mut act = PRelu::per_feature(2);
    let (mut adam, mut sgd) = (AdamW::new(0.1).weight_decay(0.1), Sgd::new(0.1).momentum(0.9).weight_decay(0.1));
    for step in 0..100 {
        let x = Tensor::randn([16, 2], &mut rng).abs() * Tensor::from([1.0, -1.0]);
        let loss = act.forward(Tape::training(0).input(x)).square().sum();
        let grads = loss.backward();
        if step % 2 == 0 { adam.step(&mut act, grads) } else { sgd.step(&mut act, grads) }.unwrap();
    }
    let alpha = act.alpha().value().to_vec();
    assert!(alpha[0].to_bits() == 0.25f32.to_bits() && alpha[1] != 0.25, "{alpha:?}");
}

/// Correlations of two inputs' sums in real layers, from 0 on, against the map: within four standard errors over networks, and what width 256 leaves, of the order of 1/n.
#[test]
fn correlations_of_real_layers_are_the_maps() {
    let (width, networks, depths) = (256, 16, [1, 3, 10]);
    for slope in [0.0, 0.25] {
        let mut rng = Rng::seed(4);
        let init = Kaiming::default().leak(slope);
        let mut found = [const { Vec::new() }; 3];
        for _ in 0..networks {
            let mut sums = Tensor::eye(width).narrow(0, 0, 2);
            for layer in 0..=10 {
                let weights = Linear::with_init(width, width, &init, &mut rng).unwrap().without_bias();
                let h = if layer > 0 { sums.leaky_relu(slope) } else { sums };
                sums = weights.forward(Tape::inference().input(h)).into_value();
                if let Some(at) = depths.iter().position(|&depth| depth == layer) {
                    let products = sums.matmul(&sums.transpose()).to_vec();
                    found[at].push(f64::from(products[1]) / f64::from(products[0] * products[3]).sqrt());
                }
            }
        }
        for (depth, found) in depths.into_iter().zip(found) {
            let mean = found.iter().sum::<f64>() / networks as f64;
            let square = found.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (networks * (networks - 1)) as f64;
            let expected = correlation_after(depth, 0.0, slope).unwrap();
            let allowed = 4.0 * square.sqrt() + depth as f64 / width as f64;
            assert!(
                (mean - expected).abs() < allowed && allowed < 0.15,
                "{slope}, {depth}: {mean} for {expected} ± {allowed}"
            );
        }
    }
}

/// ln(q_L/q_0) of a network with Gaussian weights. Given a layer's input h its sums are independent normal numbers of variance σ_w²·|h|²/n, so n of them stand for n² weights.
fn log_growth(width: usize, depth: usize, slope: f64, rng: &mut Rng) -> f64 {
    let gain = golden_gain(slope).unwrap();
    let square = |z: f64| if z > 0.0 { z * z } else { slope * slope * z * z };
    (0..depth).map(|_| ((0..width).map(|_| square(rng.normal())).sum::<f64>() * gain / width as f64).ln()).sum()
}

/// n = 64: at L = 32 the variance is κ·L/n and the mean minus half of it, up to terms of the order of L/n²; at L = 10 the mean of (q_L/q_0)² is Π (1 + κ/n), exactly.
#[test]
fn finite_width_at_64_is_what_is_measured() {
    let (mut rng, networks) = (Rng::seed(5), 2000.0);
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    for (slope, variance) in [(0.0, 2.50), (0.25, 2.17), (0.5, 1.54), (1.0, 1.00)] {
        let logs: Vec<f64> = (0..2000).map(|_| log_growth(64, 32, slope, &mut rng)).collect();
        let (found_mean, law) = (mean(&logs), FiniteWidth::of(&[64; 32], slope).unwrap());
        let found = mean(&logs.iter().map(|log| (log - found_mean).powi(2)).collect::<Vec<_>>());
        // κ/n is 0.08 at most: the next term of a layer's variance was found to be 0.7 of its square, or less.
        let next = law.variance * law.variance / 32.0;
        assert!(
            (found - variance).abs() < 4.0 * found * f64::sqrt(2.0 / networks) + next,
            "{slope}: {found} for {variance}"
        );
        assert!(
            (found_mean - law.mean).abs() < 4.0 * f64::sqrt(found / networks) + next,
            "{slope}: {found_mean} for {law:?}"
        );
    }
    let squares: Vec<f64> = (0..20_000).map(|_| (2.0 * log_growth(64, 10, 0.0, &mut rng)).exp()).collect();
    let found = mean(&squares);
    let error = (mean(&squares.iter().map(|x| (x - found).powi(2)).collect::<Vec<_>>()) / 20_000.0).sqrt();
    assert!((found - 2.122).abs() < 4.0 * error && error < 0.1, "{found} ± {error}");
}
