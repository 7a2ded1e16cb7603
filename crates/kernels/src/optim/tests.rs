//! The rules, written again as plain f64 loops: over 100 steps, over long parameters, with any number of threads.

use super::*;
use crate::testing::{at_every_level, level_stays};

/// A step of one number that has decayed already: the new parameter; the memory is changed in place.
trait Naive: Rule + PartialEq + std::fmt::Debug {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64;
    /// The rule of step `t`.
    fn at(self, _: u64) -> Self {
        self
    }
}

/// The two running means.
fn means(memory: &mut [f64; 3], g: f64, beta1: f64, beta2: f64) -> (f64, f64) {
    memory[0] = beta1 * memory[0] + (1.0 - beta1) * g;
    memory[1] = beta2 * memory[1] + (1.0 - beta2) * g * g;
    (memory[0], memory[1])
}

impl Naive for Sgd {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        memory[0] = if t == 1 { g } else { self.momentum * memory[0] + (1.0 - self.dampening) * g };
        let ahead = g + self.momentum * memory[0];
        p - lr * if self.momentum == 0.0 { g } else { [memory[0], ahead][usize::from(self.nesterov)] }
    }
}

impl Naive for Adam {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        let (m, v) = means(memory, g, self.beta1, self.beta2);
        memory[2] = f64::max(memory[2], v);
        let v = if self.amsgrad { memory[2] } else { v };
        p - lr * (m / (1.0 - self.beta1.powi(t))) / ((v / (1.0 - self.beta2.powi(t))).sqrt() + self.eps)
    }
}

impl Naive for NAdam {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        let (m, v) = means(memory, g, self.beta1, self.beta2);
        let mu = |t: i32| self.beta1 * (1.0 - 0.5 * 0.96f64.powf(f64::from(t) * self.momentum_decay));
        let product: f64 = (1..=t).map(mu).product();
        let ahead = (1.0 - mu(t)) * g / (1.0 - product) + mu(t + 1) * m / (1.0 - product * mu(t + 1));
        p - lr * ahead / ((v / (1.0 - self.beta2.powi(t))).sqrt() + self.eps)
    }
    fn at(self, step: u64) -> Self {
        NAdam { product: (1..=step).map(|t| self.mu(t)).product(), ..self }
    }
}

impl Naive for RAdam {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        let (m, v) = means(memory, g, self.beta1, self.beta2);
        let (m, power) = (m / (1.0 - self.beta1.powi(t)), self.beta2.powi(t));
        let limit = 2.0 / (1.0 - self.beta2) - 1.0;
        let length = limit - 2.0 * f64::from(t) * power / (1.0 - power);
        if length <= 5.0 {
            return p - lr * m;
        }
        let r = (length - 4.0) * (length - 2.0) * limit / ((limit - 4.0) * (limit - 2.0) * length);
        p - lr * m * r.sqrt() * (1.0 - power).sqrt() / (v.sqrt() + self.eps)
    }
}

impl Naive for Adamax {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        memory[0] = self.beta1 * memory[0] + (1.0 - self.beta1) * g;
        memory[1] = f64::max(self.beta2 * memory[1], g.abs() + self.eps);
        p - lr / (1.0 - self.beta1.powi(t)) * memory[0] / memory[1]
    }
}

impl Naive for RmsProp {
    fn naive(&self, lr: f64, _: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        memory[0] = self.alpha * memory[0] + (1.0 - self.alpha) * g * g;
        memory[1] = self.alpha * memory[1] + (1.0 - self.alpha) * g;
        let variance = memory[0] - if self.centred { memory[1] * memory[1] } else { 0.0 };
        let d = g / (variance.sqrt() + self.eps);
        memory[2] = self.momentum * memory[2] + d;
        p - lr * if self.momentum == 0.0 { d } else { memory[2] }
    }
}

impl Naive for Adagrad {
    fn naive(&self, lr: f64, t: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        memory[0] += g * g;
        p - lr / (1.0 + f64::from(t - 1) * self.lr_decay) * g / (memory[0].sqrt() + self.eps)
    }
}

impl Naive for Adadelta {
    fn naive(&self, lr: f64, _: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        memory[0] = self.rho * memory[0] + (1.0 - self.rho) * g * g;
        let d = ((memory[1] + self.eps) / (memory[0] + self.eps)).sqrt() * g;
        memory[1] = self.rho * memory[1] + (1.0 - self.rho) * d * d;
        p - lr * d
    }
}

impl Naive for Lion {
    fn naive(&self, lr: f64, _: i32, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
        let direction = self.beta1 * memory[0] + (1.0 - self.beta1) * g;
        memory[0] = self.beta2 * memory[0] + (1.0 - self.beta2) * g;
        p - lr * if direction == 0.0 { 0.0 } else { direction.signum() }
    }
}

const LR: f64 = 0.03;
const DECAYS: [(f64, bool); 3] = [(0.0, false), (0.05, false), (0.1, true)];

/// The naive step with weight decay before it.
fn naive<R: Naive>(rule: R, (decay, decoupled): (f64, bool), t: u64, p: f64, g: f64, memory: &mut [f64; 3]) -> f64 {
    let (p, g) = if decoupled { (p - LR * decay * p, g) } else { (p, g + decay * p) };
    rule.naive(LR, t as i32, p, g, memory)
}

/// Where a parameter and its memories are in the middle of a training; the memories may be second moments of the next one.
fn middle(i: usize) -> (f64, [f64; 3]) {
    let x = i as f64;
    ((0.37 * x).sin() * 2.0, [2.0 + (0.7 * x).sin(), 0.5 + 0.3 * (1.3 * x).cos(), 1.5 + 0.5 * (0.2 * x).sin()])
}

fn near(got: f64, expected: f64, what: &dyn std::fmt::Debug) {
    assert!((got - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{got} instead of {expected}: {what:?}");
}

/// 100 steps of 37 numbers at every level. The gradient depends on the parameter, so that errors compound.
fn hundred_steps<R: Naive>(rule: R) {
    let n = 37;
    let g = |p: f64, i: usize, t: u64| (p - 0.3 * i as f64).sin() + 0.1 * (t as f64 * 0.7 + i as f64).cos();
    let start: Vec<f64> = (0..n).map(|i| middle(i).0).collect();
    at_every_level(|_| {
        for decay in DECAYS {
            let (mut p, mut expected) = (start.clone(), start.clone());
            let mut memory = rule.start().map(|start| start.map_or(vec![], |start| vec![start; n]));
            let mut naive_memory = vec![rule.start().map(Option::unwrap_or_default); n];
            for step in 1..=100 {
                let grads: Vec<f64> = p.iter().enumerate().map(|(i, &p)| g(p, i, step)).collect();
                let memory = memory.each_mut().map(|memory| &mut memory[..]);
                let (weight_decay, decoupled) = decay;
                let rule = rule.at(step);
                update(&mut [Update { p: &mut p, g: &grads, memory, lr: LR, weight_decay, decoupled, step, rule }]);
                for (i, (p, memory)) in expected.iter_mut().zip(&mut naive_memory).enumerate() {
                    *p = naive(rule, decay, step, *p, g(*p, i, step), memory);
                }
            }
            for (&p, &expected) in p.iter().zip(&expected) {
                near(p, expected, &(rule, decay));
            }
        }
    });
}

/// One step of parameters longer than chunks, shorter than a register, and empty.
fn long_parameters<R: Naive>(rule: R) {
    let _guard = level_stays();
    let (step, decay) = (9, (0.05, false));
    let rule = rule.at(step);
    let sizes = [0usize, 1, 30_000, 3, 20_001, 16, 0];
    let stepped = |threads: usize| -> Vec<[Vec<f64>; 4]> {
        let column = |n: usize, of: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..n).map(of).collect() };
        let g = sizes.map(|n| column(n, &|i| (i as f64).sin()));
        let mut all: Vec<[Vec<f64>; 4]> = sizes
            .iter()
            .map(|&n| {
                let memory = |at: usize| match rule.start()[at] {
                    Some(_) => column(n, &|i| middle(i).1[at]),
                    None => vec![],
                };
                [column(n, &|i| middle(i).0), memory(0), memory(1), memory(2)]
            })
            .collect();
        let updates = all.iter_mut().zip(&g).map(|([p, a, b, c], g)| {
            let memory = [&mut a[..], &mut b[..], &mut c[..]];
            Update { p: &mut p[..], g: &g[..], memory, lr: LR, weight_decay: decay.0, decoupled: decay.1, step, rule }
        });
        let mut updates: Vec<_> = updates.collect();
        crate::with_threads(threads, || update(&mut updates));
        all
    };
    let one = stepped(1);
    for threads in [2, 3] {
        assert!(stepped(threads) == one, "{threads} threads: {rule:?}");
    }
    for [p, memories @ ..] in &one {
        for (i, &p) in p.iter().enumerate() {
            let (before, mut memory) = middle(i);
            near(p, naive(rule, decay, step, before, (i as f64).sin(), &mut memory), &(rule, i));
            for (after, memory) in memories.iter().zip(memory).filter(|(after, _)| !after.is_empty()) {
                near(after[i], memory, &(rule, i));
            }
        }
    }
}

fn is_its_formula<R: Naive>(rule: R) {
    hundred_steps(rule);
    long_parameters(rule);
}

#[test]
fn sgd() {
    for (momentum, dampening, nesterov) in [(0.0, 0.0, false), (0.9, 0.0, false), (0.9, 0.5, false), (0.8, 0.0, true)] {
        is_its_formula(Sgd { momentum, dampening, nesterov });
    }
}

#[test]
fn adam_and_its_kin() {
    let (beta1, beta2, eps) = (0.9, 0.99, 1e-8);
    is_its_formula(Adam { beta1, beta2, eps, amsgrad: false });
    is_its_formula(Adam { beta1, beta2, eps, amsgrad: true });
    is_its_formula(NAdam { beta1, beta2, eps, momentum_decay: 4e-3, product: f64::NAN });
    is_its_formula(RAdam { beta1, beta2, eps });
    is_its_formula(RAdam { beta1, beta2: 0.5, eps });
    is_its_formula(Adamax { beta1, beta2, eps });
    is_its_formula(Lion { beta1, beta2 });
}

#[test]
fn those_without_a_first_moment() {
    for (momentum, centred) in [(0.0, false), (0.9, false), (0.0, true), (0.9, true)] {
        is_its_formula(RmsProp { alpha: 0.98, eps: 1e-8, momentum, centred });
    }
    is_its_formula(Adagrad { lr_decay: 0.02, initial_accumulator: 0.3, eps: 1e-10 });
    is_its_formula(Adadelta { rho: 0.9, eps: 1e-6 });
}

/// One number, no weight decay.
fn single<R: Rule>(rule: R, p: f32, g: f32, mut memory: [f32; 3], step: u64) -> (f32, [f32; 3]) {
    let mut p = [p];
    let slices = memory.each_mut().map(std::slice::from_mut);
    update(&mut [Update {
        p: &mut p,
        g: &[g],
        memory: slices,
        lr: 0.1,
        weight_decay: 0.0,
        decoupled: false,
        step,
        rule,
    }]);
    (p[0], memory)
}

#[test]
fn the_first_step_reads_no_velocity() {
    let rule = Sgd { momentum: 0.9, dampening: 0.5, nesterov: false };
    assert_eq!(single(rule, 1.0, 2.0, [f32::NAN; 3], 1).1[0], 2.0);
    assert_eq!(single(rule, 1.0, 2.0, [4.0; 3], 2).1[0], 4.6);
}

#[test]
fn where_lions_direction_is_0_nothing_moves() {
    let rule = Lion { beta1: 0.5, beta2: 0.5 };
    for (m, p) in [(0.0f32, 2.0), (-0.0, 2.0), (-1.0, 2.0), (1.0, 1.9), (-3.0, 2.1)] {
        let g = if m.abs() == 1.0 { 1.0 } else { 0.0 };
        assert_eq!(single(rule, 2.0, g, [m, 0.0, 0.0], 1).0, p, "m = {m}");
    }
}

/// After many equal gradients v − a² is 0, rounded to either side: PyTorch's parameter is NaN then.
#[test]
fn the_deviation_of_equal_gradients_is_not_nan() {
    let rule = RmsProp { alpha: 0.9, eps: 1.0, momentum: 0.0, centred: true };
    let below = [0.1f32 * 0.1 * (1.0 - f32::EPSILON), 0.1, 0.0];
    let (p, _) = single(rule, 1.0, 0.1, below, 5);
    assert!((p - 0.99).abs() < 1e-4, "{p}");
}

/// What a number becomes says nothing about its neighbours.
#[test]
fn nan_stays_where_it_is() {
    let rule = Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, amsgrad: false };
    let step = |g: &[f64]| {
        let (mut p, mut m, mut v) = ([1.0; 21], [0.0; 21], [0.0; 21]);
        let memory = [&mut m[..], &mut v[..], &mut []];
        update(&mut [Update { p: &mut p, g, memory, lr: 0.1, weight_decay: 0.0, decoupled: false, step: 1, rule }]);
        p
    };
    let (clean, mut g) = (step(&[0.5; 21]), [0.5; 21]);
    (g[3], g[20]) = (f64::NAN, f64::NAN);
    for (i, (p, clean)) in step(&g).iter().zip(clean).enumerate() {
        match i {
            3 | 20 => assert!(p.is_nan()),
            _ => assert_eq!(*p, clean),
        }
    }
}

#[test]
#[should_panic(expected = "memory 1 of a parameter of 2 numbers holds 1")]
fn memories_of_another_length_are_refused() {
    let rule = Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, amsgrad: false };
    let memory = [&mut [0.0; 2][..], &mut [0.0; 1], &mut []];
    let (p, g) = (&mut [0.0; 2], &[0.0; 2]);
    update(&mut [Update { p, g, memory, lr: 0.1, weight_decay: 0.0, decoupled: false, step: 1, rule }]);
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
