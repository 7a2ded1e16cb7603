//! The checker passes right rules and fails wrong ones.

use super::*;
use crate::{Float, Keeps, Kept, Op};

/// y = x³ with a rule of one's choice.
struct Cubed(fn(Var<f64>, Var<f64>) -> Var<f64>);

impl Op<f64> for Cubed {
    fn name(&self) -> &'static str {
        "cubed"
    }
    fn forward(&mut self, [x]: [Tensor<f64>; 1]) -> Tensor<f64> {
        x.map(|v| v * v * v)
    }
    fn vjp(&self, mut kept: Kept<'_, f64>, dy: Var<f64>) -> [Option<Var<f64>>; 1] {
        [Some((self.0)(kept.x(0), dy))]
    }
}

fn check(rule: fn(Var<f64>, Var<f64>) -> Var<f64>) -> Result<Gradchecked> {
    gradcheck(|[x]| Cubed(rule).apply([x]), [&Tensor::f64([0.5, -1.5, 2.0])])
}

#[test]
fn a_right_rule_passes_and_every_slope_is_counted() {
    assert_eq!(check(|x, dy| dy * x.square() * 3), Ok(Gradchecked { slopes: 6, kinks: 0 }));
}

#[test]
fn peer_bug_d23() {
    let error = check(|x, dy| dy * x.square() * 2).unwrap_err().to_string();
    assert!(error.starts_with("input 0 at [0] (x = 0.5): the gradient is"), "{error}");
    assert!(error.ends_with("ops: cubed"), "{error}");
    assert!(check(|x, dy| dy * x.square() * 3.001).is_err(), "a slope that is a thousandth off");
    assert!(check(|_, dy| dy).is_err());
    // A rule that cuts the graph is right to first order and wrong to second.
    let error = check(|x, dy| dy * x.detach().square() * 3).unwrap_err().to_string();
    assert!(error.contains("second derivative"), "{error}");
}

#[test]
fn a_gradient_that_goes_to_the_wrong_operand_is_caught() {
    struct Swapped;
    impl<T: Float> Op<T, 2> for Swapped {
        fn name(&self) -> &'static str {
            "swapped"
        }
        fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
            a * b
        }
        fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
            [Some(&dy * kept.x(0)), Some(dy * kept.x(1))]
        }
    }
    let (a, b) = (Tensor::f64([1.0, 2.0]), Tensor::f64([3.0, -1.0]));
    assert!(gradcheck(|[a, b]| Swapped.apply([a, b]), [&a, &b]).is_err());
}

#[test]
fn a_fused_rule_that_differs_from_the_composed_one_is_caught() {
    struct Doubled;
    impl Op<f64> for Doubled {
        fn name(&self) -> &'static str {
            "doubled"
        }
        fn keeps(&self, _: [&Tensor<f64>; 1]) -> Keeps {
            Keeps::NOTHING
        }
        fn forward(&mut self, [x]: [Tensor<f64>; 1]) -> Tensor<f64> {
            x * 2
        }
        fn vjp(&self, kept: Kept<'_, f64>, dy: Var<f64>) -> [Option<Var<f64>>; 1] {
            [Some(dy * if kept.first_order() { 2.0 } else { 2.5 })]
        }
    }
    let error = gradcheck(|[x]| Doubled.apply([x]), [&Tensor::f64([1.0])]).unwrap_err().to_string();
    assert!(error.contains("the first-order pass says"), "{error}");
}

#[test]
fn a_kink_accepts_what_lies_between_its_slopes_and_is_counted() {
    let mut x = [0.7; 20];
    x[3] = 0.0;
    let x = Tensor::f64(&x[..]);
    // Once in the gradient, once where the gradient jumps.
    assert_eq!(gradcheck(|[x]| x.leaky_relu(0.1), [&x]).unwrap().kinks, 2);
    struct Leaky(f64);
    impl Op<f64> for Leaky {
        fn name(&self) -> &'static str {
            "leaky"
        }
        fn forward(&mut self, [x]: [Tensor<f64>; 1]) -> Tensor<f64> {
            x.map(|v| if v > 0.0 { v } else { 0.1 * v })
        }
        fn vjp(&self, mut kept: Kept<'_, f64>, dy: Var<f64>) -> [Option<Var<f64>>; 1] {
            let at_zero = self.0;
            let slopes = kept.x(0).into_value().map(|v| {
                if v == 0.0 {
                    at_zero
                } else if v > 0.0 {
                    1.0
                } else {
                    0.1
                }
            });
            [Some(dy * slopes)]
        }
    }
    for at_zero in [0.1, 0.5, 1.0] {
        assert!(gradcheck_first_order(|[x]| Leaky(at_zero).apply([x]), [&x]).is_ok(), "{at_zero}");
    }
    for at_zero in [0.0, 1.2] {
        assert!(gradcheck_first_order(|[x]| Leaky(at_zero).apply([x]), [&x]).is_err(), "{at_zero}");
    }
}

#[test]
fn too_many_kinks_are_an_error() {
    let error = gradcheck(|[x]| x.leaky_relu(0.1), [&Tensor::f64([0.0, 1.0, 2.0])]).unwrap_err().to_string();
    assert!(error.contains("lie on a kink, more than 1 in 10"), "{error}");
}

#[test]
fn large_inputs_are_checked_along_directions() {
    let x = Tensor::f64([0.0; 1]).expand([50, 40]).randn_like(&mut Rng::seed(1));
    let done = gradcheck(|[x]| (&x * &x).sum(), [&x]).unwrap();
    assert_eq!(done, Gradchecked { slopes: 16, kinks: 0 });
    assert!(gradcheck(|[x]| Cubed(|x, dy| dy * x.square() * 3.01).apply([x]), [&x]).is_err());
}
