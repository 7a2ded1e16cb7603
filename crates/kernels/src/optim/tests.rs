//! PyTorch's formulas, written as plain f64 loops, over 100 steps.

use super::*;
use crate::testing::at_every_level;

/// A gradient that depends on the parameter, so that errors compound.
fn gradient(p: &[f64], t: usize) -> Vec<f64> {
    p.iter().enumerate().map(|(i, p)| (p - 0.3 * i as f64).sin() + 0.1 * (t as f64 * 0.7 + i as f64).cos()).collect()
}

fn start(n: usize) -> Vec<f64> {
    (0..n).map(|i| (i as f64 * 0.37).sin() * 2.0).collect()
}

#[test]
fn sgd_is_pytorchs() {
    let cases = [(0.0, 0.0, false, 0.0), (0.9, 0.0, false, 0.01), (0.9, 0.5, false, 0.0), (0.8, 0.0, true, 0.05)];
    for (momentum, dampening, nesterov, weight_decay) in cases {
        at_every_level(|_| {
            let (mut p, mut velocity) = (start(37), vec![f64::NAN; 37]);
            let (mut expected, mut buffer) = (p.clone(), vec![0.0; 37]);
            for t in 0..100 {
                let g = gradient(&p, t);
                let velocity = (momentum != 0.0).then_some(&mut velocity[..]);
                let (lr, first) = (0.1, t == 0);
                sgd(&mut [SgdUpdate {
                    p: &mut p,
                    g: &g,
                    velocity,
                    lr,
                    momentum,
                    dampening,
                    nesterov,
                    weight_decay,
                    first,
                }]);
                for i in 0..37 {
                    let g = gradient(&expected, t)[i] + weight_decay * expected[i];
                    buffer[i] = if first { g } else { momentum * buffer[i] + (1.0 - dampening) * g };
                    let direction = match (momentum == 0.0, nesterov) {
                        (true, _) => g,
                        (_, true) => g + momentum * buffer[i],
                        _ => buffer[i],
                    };
                    expected[i] -= lr * direction;
                }
            }
            for (p, e) in p.iter().zip(&expected) {
                assert!((p - e).abs() < 1e-9, "{p} {e} with momentum {momentum}, nesterov {nesterov}");
            }
        });
    }
}

#[test]
fn adam_is_pytorchs() {
    for (weight_decay, decoupled) in [(0.0, false), (0.01, false), (0.1, true)] {
        at_every_level(|_| {
            let n = 37;
            let (mut p, mut m, mut v) = (start(n), vec![0.0; n], vec![0.0; n]);
            let (mut expected, mut em, mut ev) = (p.clone(), vec![0.0; n], vec![0.0; n]);
            let (lr, beta1, beta2, eps) = (0.01, 0.9, 0.999, 1e-8);
            for t in 1..=100u64 {
                let g = gradient(&p, t as usize);
                let all = gradient(&expected, t as usize);
                adam(&mut [AdamUpdate {
                    p: &mut p,
                    g: &g,
                    m: &mut m,
                    v: &mut v,
                    lr,
                    beta1,
                    beta2,
                    eps,
                    weight_decay,
                    decoupled,
                    step: t,
                }]);
                for i in 0..n {
                    let mut g = all[i];
                    if decoupled {
                        expected[i] *= 1.0 - lr * weight_decay;
                    } else {
                        g += weight_decay * expected[i];
                    }
                    em[i] = beta1 * em[i] + (1.0 - beta1) * g;
                    ev[i] = beta2 * ev[i] + (1.0 - beta2) * g * g;
                    let root = ev[i].sqrt() / (1.0 - beta2.powf(t as f64)).sqrt() + eps;
                    expected[i] -= lr / (1.0 - beta1.powf(t as f64)) * em[i] / root;
                }
            }
            for (p, e) in p.iter().zip(&expected) {
                assert!((p - e).abs() < 1e-9, "{p} {e} with decay {weight_decay}");
            }
        });
    }
}

#[test]
fn many_parameters_are_stepped_like_one_and_by_any_number_of_threads() {
    let _guard = crate::testing::level_stays();
    let sizes = [0usize, 1, 70_000, 3, 90_001, 16, 0];
    let step = |threads: usize| {
        crate::with_threads(threads, || {
            let mut p: Vec<Vec<f32>> = sizes.iter().map(|&n| (0..n).map(|i| (i as f32).sin()).collect()).collect();
            let g = p.clone();
            let (mut m, mut v) =
                (p.clone(), p.iter().map(|p| p.iter().map(|x| x * x).collect::<Vec<f32>>()).collect::<Vec<_>>());
            let zipped = p.iter_mut().zip(&g).zip(&mut m).zip(&mut v);
            let mut updates: Vec<AdamUpdate<'_, f32>> = zipped
                .map(|(((p, g), m), v)| AdamUpdate {
                    p,
                    g,
                    m,
                    v,
                    lr: 0.1,
                    beta1: 0.9,
                    beta2: 0.99,
                    eps: 1e-8,
                    weight_decay: 0.0,
                    decoupled: false,
                    step: 3,
                })
                .collect();
            adam(&mut updates);
            p
        })
    };
    let one = step(1);
    for threads in [2, 3, 8] {
        assert_eq!(step(threads), one);
    }
    let alone = |x: f32| {
        let (mut p, mut m, mut v) = ([x], [x], [x * x]);
        adam(&mut [AdamUpdate {
            p: &mut p,
            g: &[x],
            m: &mut m,
            v: &mut v,
            lr: 0.1,
            beta1: 0.9,
            beta2: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            decoupled: false,
            step: 3,
        }]);
        p[0]
    };
    for tensor in &one {
        for (i, p) in tensor.iter().enumerate().step_by(997) {
            assert_eq!(*p, alone((i as f32).sin()));
        }
    }
}

#[test]
fn the_first_number_that_is_not_finite_is_found() {
    assert_eq!(is_finite_all::<f32>(&[&[], &[1.0; 100], &[2.0; 3]]), None);
    let mut bad = vec![1.0f64; 50_000];
    bad[49_999] = f64::INFINITY;
    bad[30_000] = f64::NAN;
    assert_eq!(is_finite_all(&[&[1.0], &bad]), Some((1, 30_000)));
    assert_eq!(is_finite_all(&[&[f64::MAX; 40]]), None, "a sum would overflow");
}
