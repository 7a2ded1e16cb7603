//! The table of all public ops, with sample inputs, and the test that runs on each.
//!
//! Each op file lists its ops in `pub(super) fn entries() -> Vec<Entry>` under `#[cfg(test)]` (see [`entry!`]); a public
//! method on `Var` that is in no list fails `every_public_op_is_in_the_table`.

use crate::{Float, Rng, Shape, Tape, Tensor, Var, gradcheck_many};

/// A function of variables.
type Apply<T> = fn(Vec<Var<T>>) -> Var<T>;

/// An op, how it is applied, and what it should give.
pub(crate) struct Entry {
    /// The method on `Var`.
    pub(crate) name: &'static str,
    /// Samples: the inputs' shapes.
    pub(crate) shapes: &'static [&'static [&'static [usize]]],
    /// Where samples are drawn from, per input; the last serves all further ones.
    pub(crate) ranges: &'static [(f64, f64)],
    pub(crate) f64: Apply<f64>,
    pub(crate) f32: Apply<f32>,
    pub(crate) oracle: Oracle,
    /// Orders of derivatives that exist: 2 for nearly all; 0 for ops without a gradient, whose docs say so.
    pub(crate) orders: usize,
}

/// What an op should give, naively in f64.
pub(crate) enum Oracle {
    /// Element by element, of broadcast operands.
    Elementwise(fn(&[f64]) -> f64),
    /// Of whole tensors.
    Whole(fn(&[Tensor<f64>]) -> Tensor<f64>),
}

/// An [`Entry`]: `entry!("prelu", &[&[&[2, 3], &[3]]], &[(-2.0, 2.0), (0.1, 0.5)], |x| x[0].clone().prelu(&x[1]),
/// elementwise |x| if x[0] > 0.0 { x[0] } else { x[1] * x[0] })`, or `whole |x| …` on tensors; `orders` 2 unless said.
macro_rules! entry {
    ($name:literal, $shapes:expr, $ranges:expr, |$x:ident| $apply:expr, elementwise |$e:ident| $oracle:expr $(, orders $orders:literal)?) => {
        entry!(@make $name, $shapes, $ranges, |$x| $apply, $crate::ops::table::Oracle::Elementwise(|$e: &[f64]| $oracle) $(, $orders)?)
    };
    ($name:literal, $shapes:expr, $ranges:expr, |$x:ident| $apply:expr, whole |$e:ident| $oracle:expr $(, orders $orders:literal)?) => {
        entry!(@make $name, $shapes, $ranges, |$x| $apply, $crate::ops::table::Oracle::Whole(|$e: &[$crate::Tensor<f64>]| $oracle) $(, $orders)?)
    };
    (@make $name:literal, $shapes:expr, $ranges:expr, |$x:ident| $apply:expr, $oracle:expr) => {
        entry!(@make $name, $shapes, $ranges, |$x| $apply, $oracle, 2)
    };
    (@make $name:literal, $shapes:expr, $ranges:expr, |$x:ident| $apply:expr, $oracle:expr, $orders:literal) => {
        $crate::ops::table::Entry {
            name: $name,
            shapes: $shapes,
            ranges: $ranges,
            f64: |$x: Vec<$crate::Var<f64>>| $apply,
            f32: |$x: Vec<$crate::Var<f32>>| $apply,
            oracle: $oracle,
            orders: $orders,
        }
    };
}
pub(crate) use entry;

/// Shapes for elementwise ops of one operand.
pub(crate) const UNARY: &[&[&[usize]]] = &[&[&[]], &[&[1]], &[&[2, 3]], &[&[37]], &[&[0]], &[&[2, 0, 3]]];
/// Shapes for elementwise ops of two operands.
pub(crate) const BINARY: &[&[&[usize]]] = &[
    &[&[2, 3], &[2, 3]],
    &[&[2, 3], &[3]],
    &[&[3], &[2, 3]],
    &[&[2, 1, 4], &[3, 1]],
    &[&[5], &[]],
    &[&[], &[2, 2]],
    &[&[0, 3], &[3]],
    &[&[1], &[0]],
    &[&[19], &[19]],
];

/// All entries.
fn entries() -> Vec<Entry> {
    [
        super::arithmetic::entries(),
        super::batch_norm::entries(),
        super::clamp::entries(),
        super::conv::entries(),
        super::cross_entropy::entries(),
        super::diagonal::entries(),
        super::dot::entries(),
        super::dropout::entries(),
        super::einsum::entries(),
        super::elu::entries(),
        super::erf::entries(),
        super::exp::entries(),
        super::extremum::entries(),
        super::gate::entries(),
        super::gelu::entries(),
        super::group_norm::entries(),
        super::hardswish::entries(),
        super::index::entries(),
        super::layer_norm::entries(),
        super::leaky_relu::entries(),
        super::lerp::entries(),
        super::linear::entries(),
        super::linear_act::entries(),
        super::ln::entries(),
        super::losses::entries(),
        super::masked_select::entries(),
        super::matmul::entries(),
        super::maximum::entries(),
        super::mean::entries(),
        super::mish::entries(),
        super::norm::entries(),
        super::pieces::entries(),
        super::pooling::entries(),
        super::pow::entries(),
        super::prelu::entries(),
        super::prod::entries(),
        super::relu::entries(),
        super::resample::entries(),
        super::round::entries(),
        super::scan::entries(),
        super::select::entries(),
        super::self_attention::entries(),
        super::sigmoid::entries(),
        super::slice::entries(),
        super::softmax::entries(),
        super::sort::entries(),
        super::sqrt::entries(),
        super::square::entries(),
        super::sum::entries(),
        super::tanh::entries(),
        super::trig::entries(),
        super::variance::entries(),
        super::views::entries(),
        super::where_else::entries(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Public methods on `Var` that are no ops with a rule of their own, each with the reason.
const NOT_OPS: &[(&str, &str)] = &[
    ("argmax", "gives places, which have no gradient"),
    ("argmin", "as argmax"),
    ("argsort", "as argmax"),
    ("try_einsum", "einsum, with an error instead of a panic"),
];

#[test]
fn every_public_op_is_in_the_table() {
    let listed: Vec<&str> = entries().iter().map(|entry| entry.name).chain(NOT_OPS.iter().map(|op| op.0)).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let mut missing = Vec::new();
    let mut seen = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = if path.is_file() { std::fs::read_to_string(&path).unwrap() } else { continue };
        let mut on_var = false;
        for line in text.lines() {
            if line.starts_with("impl") {
                on_var = line.contains("> Var<T>");
            }
            let Some(name) = line.strip_prefix("    pub fn ").filter(|_| on_var) else { continue };
            let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if !listed.contains(&name.as_str()) {
                missing.push(format!("{name} in {}", path.file_name().unwrap().to_string_lossy()));
            }
            seen.push(name);
        }
    }
    assert!(missing.is_empty(), "ops without an entry in their file's `entries()`: {missing:?}");
    let stale: Vec<_> = listed.iter().filter(|name| !seen.iter().any(|seen| seen == *name)).collect();
    assert!(stale.iter().all(|name| ["+", "-", "*", "/"].contains(*name)), "entries without a public op: {stale:?}");
}

/// The inputs of every sample of an entry.
fn samples(entry: &Entry) -> Vec<Vec<Tensor<f64>>> {
    let mut rng = Rng::seed(11);
    let draw = |(i, shape): (usize, &&[usize])| {
        let (low, high) = entry.ranges[i.min(entry.ranges.len() - 1)];
        let numbers: Vec<f64> =
            (0..shape.iter().product::<usize>()).map(|_| low + (high - low) * rng.uniform()).collect();
        Tensor::new(&numbers, Shape::from(*shape))
    };
    let mut draw = draw;
    entry.shapes.iter().map(|shapes| shapes.iter().enumerate().map(&mut draw).collect()).collect()
}

fn run<T: Float>(apply: Apply<T>, inputs: &[Tensor<T>]) -> Tensor<T> {
    let tape = Tape::inference();
    apply(inputs.iter().map(|x| tape.input(x.clone())).collect()).into_value()
}

/// The value, and the gradient of Σ value for each input.
fn run_and_differentiate<T: Float>(apply: Apply<T>, inputs: &[Tensor<T>]) -> (Tensor<T>, Vec<Tensor<T>>) {
    let tape = Tape::probing();
    let xs: Vec<_> = inputs.iter().map(|x| tape.var(x.clone())).collect();
    let y = apply(xs.clone());
    let value = y.value().clone();
    let zero = |x: &Var<T>| x.value().zeros_like();
    if !y.is_tracked() {
        return (value, xs.iter().map(zero).collect());
    }
    let gradients = y.backward_with(value.ones_like());
    (value, xs.iter().map(|x| gradients.get(x).cloned().unwrap_or_else(|| zero(x))).collect())
}

fn expected(entry: &Entry, inputs: &[Tensor<f64>]) -> Tensor<f64> {
    match entry.oracle {
        Oracle::Whole(oracle) => oracle(inputs),
        Oracle::Elementwise(oracle) => {
            let shape = inputs.iter().fold(Shape::SCALAR, |s, x| s.broadcast("oracle", x.shape()).unwrap());
            let spread: Vec<Vec<f64>> = inputs.iter().map(|x| x.expand(shape).to_vec()).collect();
            let at = |i: usize| oracle(&spread.iter().map(|x| x[i]).collect::<Vec<_>>());
            Tensor::new(&(0..shape.elements()).map(at).collect::<Vec<_>>(), shape)
        }
    }
}

/// The same tensor, lying in memory the other way round.
fn strided<T: Float>(x: &Tensor<T>) -> Tensor<T> {
    match x.rank() {
        0 | 1 => Tensor::fill_with([x.len(), 2], |to| {
            x.to_vec().iter().enumerate().for_each(|(i, v)| (to[2 * i], to[2 * i + 1]) = (*v, T::NAN));
        })
        .narrow(1, 0, 1)
        .squeeze(1)
        .reshape_view(*x.shape()),
        _ => x.transpose().copy().transpose(),
    }
}

impl<T: Float> Tensor<T> {
    /// A scalar out of a vector of one, or the vector itself.
    fn reshape_view(&self, shape: Shape) -> Tensor<T> {
        if shape.rank() == 0 { self.squeeze(0) } else { self.clone() }
    }
}

fn same<T: Float>(a: &Tensor<T>, b: &Tensor<T>) -> bool {
    let bits = |x: &Tensor<T>| -> Vec<u64> { x.to_vec().iter().map(|v| v.to_f64().to_bits()).collect() };
    a.shape() == b.shape() && (bits(a) == bits(b) || a.allclose(b, 0.0, 0.0))
}

#[test]
fn values_are_the_oracles() {
    for entry in entries() {
        for inputs in samples(&entry) {
            let shapes: Vec<_> = inputs.iter().map(|x| x.shape().to_vec()).collect();
            let expected = expected(&entry, &inputs);
            let got = run(entry.f64, &inputs);
            assert!(got.allclose(&expected, 1e-12, 1e-12), "{} of {shapes:?}: {got:?} for {expected:?}", entry.name);
            let single: Vec<Tensor<f32>> = inputs.iter().map(Tensor::cast).collect();
            let got = run(entry.f32, &single).cast::<f64>();
            assert!(
                got.allclose(&expected, 1e-4, 1e-5),
                "{} in f32 of {shapes:?}: {got:?} for {expected:?}",
                entry.name
            );
        }
    }
}

#[test]
fn gradients_are_finite_differences() {
    for entry in entries() {
        for inputs in samples(&entry) {
            let shapes: Vec<_> = inputs.iter().map(|x| x.shape().to_vec()).collect();
            let result = match entry.orders {
                0 => continue,
                1 => {
                    let f = entry.f64;
                    crate::gradcheck::gradcheck_many_first_order(f, &inputs)
                }
                _ => gradcheck_many(entry.f64, &inputs),
            };
            result.unwrap_or_else(|error| panic!("{} of {shapes:?}: {error}", entry.name));
            // Accumulation: the gradient of f + f is twice that of f.
            let (_, once) = run_and_differentiate(entry.f64, &inputs);
            let tape = Tape::probing();
            let xs: Vec<_> = inputs.iter().map(|x| tape.var(x.clone())).collect();
            let y = (entry.f64)(xs.clone()) + (entry.f64)(xs.clone());
            let dy = y.value().ones_like();
            let twice = y.backward_with(dy);
            for (x, once) in xs.iter().zip(&once) {
                let twice = twice.get(x).cloned().unwrap_or_else(|| x.value().zeros_like());
                assert!(twice.allclose(&(once * 2), 1e-12, 1e-12), "{} twice: {twice:?} for {once:?}", entry.name);
            }
        }
    }
}

#[test]
fn strides_and_sharing_change_no_bit() {
    for entry in entries() {
        for inputs in samples(&entry) {
            let inputs: Vec<Tensor<f32>> = inputs.iter().map(Tensor::cast).collect();
            let before: Vec<_> = inputs.iter().map(Tensor::to_vec).collect();
            let (value, gradients) = run_and_differentiate(entry.f32, &inputs);
            for (x, before) in inputs.iter().zip(&before) {
                assert!(x.to_vec() == *before, "{} changed an operand that somebody else holds", entry.name);
            }
            let views: Vec<_> = inputs.iter().map(strided).collect();
            let (view_value, view_gradients) = run_and_differentiate(entry.f32, &views);
            assert!(same(&value, &view_value), "{} of strided operands: {view_value:?} for {value:?}", entry.name);
            for (a, b) in gradients.iter().zip(&view_gradients) {
                assert!(same(a, b), "{}'s gradient for strided operands: {b:?} for {a:?}", entry.name);
            }
            // Operands nobody else holds may be overwritten.
            let tape = Tape::inference();
            let own = inputs.iter().map(|x| tape.input(x.copy())).collect();
            let unshared = (entry.f32)(own).into_value();
            assert!(same(&value, &unshared), "{} in place: {unshared:?} for {value:?}", entry.name);
        }
    }
}

#[test]
fn edge_values_are_the_oracles() {
    let edges = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e300, -1e300, 1e-310, -2.5, 0.5];
    for entry in entries() {
        let Oracle::Elementwise(oracle) = entry.oracle else { continue };
        let operands = entry.shapes[0].len();
        let count = edges.len().pow(operands as u32);
        let columns: Vec<Vec<f64>> = (0..operands)
            .map(|k| (0..count).map(|i| edges[i / edges.len().pow(k as u32) % edges.len()]).collect())
            .collect();
        let inputs: Vec<Tensor<f64>> = columns.iter().map(|column| Tensor::f64(&column[..])).collect();
        let (got, gradients) = run_and_differentiate(entry.f64, &inputs);
        for (i, got) in got.to_vec().into_iter().enumerate() {
            let x: Vec<f64> = columns.iter().map(|column| column[i]).collect();
            let expected = oracle(&x);
            let close = got == expected
                || got.is_nan() && expected.is_nan()
                || (got - expected).abs() <= 1e-12 * expected.abs() + 1e-300;
            assert!(close, "{}({x:?}) = {got:e}, the oracle says {expected:e}", entry.name);
        }
        for gradient in gradients {
            assert_eq!(gradient.len(), count, "{}: a gradient has its operand's shape", entry.name);
        }
    }
}
