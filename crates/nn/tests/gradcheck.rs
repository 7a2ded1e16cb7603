//! Gradient checks of whole modules: right ones pass, wrong ones are named.

use nn::gradcheck_module;
use nn::prelude::*;
use tape::{Kept, Op};

/// 2x, with a slope of 3 where it should be 2.
struct Doubled;

impl<T: Float> Op<T> for Doubled {
    fn name(&self) -> &'static str {
        "doubled"
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.map(|x| x + x)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy * 3)]
    }
}

#[derive(Module)]
struct Net<T: Float = f32> {
    layers: Vec<Linear<T>>,
    act: PRelu<T>,
    scale: Param<T>,
    mean: Buffer<T>,
}

impl<T: Float> Net<T> {
    fn forward(&self, x: Var<T>, wrong_scale: bool, wrong_input: bool) -> Var<T> {
        let x = if wrong_input { Doubled.apply([x]) } else { x };
        let scale = x.tape().param(&self.scale);
        let scale = if wrong_scale { Doubled.apply([scale]) } else { scale };
        let h = self.act.forward(self.layers[0].forward(x)) - self.mean.value();
        self.layers[1].forward(h * scale).square().sum()
    }
}

fn net(hidden: usize) -> (Net<f64>, Tensor<f64>) {
    let mut rng = Rng::seed(3);
    let net = Net {
        layers: vec![Linear::new(3, hidden, &mut rng), Linear::new(hidden, 2, &mut rng)],
        act: PRelu::per_feature(hidden),
        scale: Param::new(Tensor::linspace(0.5, 1.5, hidden), Group::Weight),
        mean: Buffer::new(Tensor::full([hidden], 0.1)),
    };
    (net.cast(), Tensor::randn([5, 3], &mut rng).cast())
}

#[test]
fn right_gradients_pass_coordinate_by_coordinate_and_along_directions() {
    let (mut net, x) = net(4);
    let checked = gradcheck_module(&net, |net, x| net.forward(x, false, false), &x).unwrap();
    // Both orders of 15 inputs and 3·4 + 4 + 4·2 + 2 + 4 + 4 parameters.
    assert_eq!(checked.slopes, 2 * (15 + 34));
    net.freeze();
    assert_eq!(gradcheck_module(&net, |net, x| net.forward(x, false, false), &x).unwrap(), checked);
    let (net, x) = self::net(40);
    gradcheck_module(&net, |net, x| net.forward(x, false, false), &x).unwrap();
}

#[test]
fn a_wrong_gradient_is_named_by_its_parameter() {
    for hidden in [4, 40] {
        let (net, x) = net(hidden);
        let error = gradcheck_module(&net, |net, x| net.forward(x, true, false), &x).unwrap_err().to_string();
        let start = "parameter `scale` at [0] (x = 0.5): the gradient is ";
        assert!(error.starts_with(start) && error.contains("doubled"), "{error}");
        let error = gradcheck_module(&net, |net, x| net.forward(x, false, true), &x).unwrap_err().to_string();
        assert!(error.starts_with("the input at [0, 0] (x = "), "{error}");
    }
}

#[test]
fn a_value_that_is_not_finite_is_an_error() {
    let (net, x) = net(2);
    let error = gradcheck_module(&net, |net, x| net.forward(x, false, false) * f64::NAN, &x).unwrap_err();
    assert!(error.to_string().contains("the function's value is NaN"), "{error}");
}
