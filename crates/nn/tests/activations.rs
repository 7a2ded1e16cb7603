//! The smooth rectifiers against PyTorch's numbers (reference/make_activations.py), and inside networks.

use nn::prelude::*;
use nn::{Celu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, Relu6, gradcheck_module};

fn cases() -> Vec<(&'static str, Box<dyn Layer<f64>>)> {
    vec![
        ("elu", Box::new(Elu::default())),
        ("elu_2.5", Box::new(Elu::new(2.5))),
        ("selu", Box::new(Selu)),
        ("celu", Box::new(Celu::default())),
        ("celu_0.5", Box::new(Celu::new(0.5))),
        ("gelu", Box::new(Gelu)),
        ("gelu_tanh", Box::new(GeluTanh)),
        ("silu", Box::new(Silu)),
        ("mish", Box::new(Mish)),
        ("softplus", Box::new(Softplus::default())),
        ("softplus_3_10", Box::new(Softplus::new(3.0, 10.0))),
        ("hardswish", Box::new(Hardswish)),
        ("hardsigmoid", Box::new(Hardsigmoid)),
        ("relu6", Box::new(Relu6)),
        ("hardtanh", Box::new(Hardtanh::default())),
        ("hardtanh_-2_0.5", Box::new(Hardtanh::new(-2.0, 0.5))),
        ("rrelu", Box::new(RRelu::default())),
    ]
}

#[test]
fn values_and_slopes_are_pytorchs() {
    let reference = include_str!("reference/activations.txt");
    let line = |name: &str| -> Vec<f64> {
        let line = reference.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect()
    };
    assert_eq!(reference.lines().count(), 2 + 2 * cases().len(), "as many cases as PyTorch was asked for");
    let x = line("x");
    for (name, layer) in cases() {
        let tape = Tape::probing();
        let at = tape.var(Tensor::f64(&x[..]));
        let y = layer.forward(at.clone());
        let values = y.to_vec();
        let slopes = y.sum().backward()[&at].to_vec();
        let (expected, expected_slopes) = (line(name), line(&format!("{name}'")));
        for i in 0..x.len() {
            let close = |got: f64, expected: f64, floor: f64| (got - expected).abs() <= 1e-13 * expected.abs() + floor;
            // PyTorch forms some slopes and values as 1 − … and is right to an ulp of 1, or of x.
            let floor = 4.0 * f64::EPSILON * x[i].abs().clamp(1e-3, 30.0);
            assert!(
                close(values[i], expected[i], floor),
                "{name}({:e}) = {:e}, not {:e}",
                x[i],
                values[i],
                expected[i]
            );
            // hardsigmoid's sixth is rounded to f32 in PyTorch.
            let floor = if name == "hardsigmoid" { 1e-8 } else { floor.max(4.0 * f64::EPSILON) };
            let (got, expected) = (slopes[i], expected_slopes[i]);
            assert!(close(got, expected, floor), "{name}'({:e}) = {got:e}, not {expected:e}", x[i]);
        }
    }
}

#[test]
fn a_network_with_each_has_right_gradients() {
    #[derive(Module)]
    struct Net<T: Float = f32> {
        first: Linear<T>,
        second: Linear<T>,
    }
    let mut rng = Rng::seed(4);
    let net = Net { first: Linear::new(3, 4, &mut rng), second: Linear::new(4, 1, &mut rng) }.cast::<f64>();
    let x = Tensor::randn([5, 3], &mut rng).cast();
    for (name, layer) in cases() {
        let forward = |net: &Net<f64>, x| net.second.forward(layer.forward(net.first.forward(x))).square().sum();
        gradcheck_module(&net, forward, &x).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn empty_values_and_numbers_pass() {
    for (name, layer) in cases() {
        for shape in [&[][..], &[0], &[2, 0], &[1]] {
            let y = layer.forward(Tape::inference().input(Tensor::zeros(shape).cast()));
            assert_eq!(y.shape(), shape, "{name}");
        }
        assert!(layer.parameters().is_empty());
    }
}
