//! The front page's programs that need `tape` alone, word for word.

use proptest::prelude::*;
use tape::{Float, Kept, Op, Tape, Tensor, Var, gradcheck, strategy::tensor};

#[test]
fn a_gradient() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([-2.0, -1.0, 3.0]));
    let alpha = tape.var(Tensor::from([0.25]));
    let grads = x.clone().prelu(&alpha).sum().backward(); // second operands: Var, &Var, Tensor or number
    assert_eq!(grads[&x].to_vec(), [0.25, 0.25, 1.0]);
    assert_eq!(grads[&alpha].to_vec(), [-3.0]);
}

proptest! {
    #[test]
    fn swish_has_the_gradient_it_claims(x in tensor(1..=3, -3.0..3.0)) {
        gradcheck(|[x]| (&x * x.clone().sigmoid()).sum(), [&x])?;
    }
}

#[rustfmt::skip] // as it stands on the page
mod own_op {
    use super::*;

    pub struct Cube;
    impl<T: Float> Op<T> for Cube {
        fn name(&self) -> &'static str { "cube" }
        fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> { x.map(|v| v * v * v) }
        fn vjp(&self, mut kept: Kept<T>, dy: Var<T>) -> [Option<Var<T>>; 1] { [Some(dy * kept.x(0).square() * 3)] }
    }
}
use own_op::Cube;

#[test]
fn an_op_of_ones_own() -> Result<(), tape::Error> {
    let tape = Tape::probing();
    let x = Tensor::from([-1.0, 2.0]);
    let y = Cube.apply([tape.var(x.clone())]);
    gradcheck(|[x]| Cube.apply([x]).sum(), [&x.cast()])?; // in f64, orders 1 and 2
    assert_eq!(y.to_vec(), [-1.0, 8.0]);
    Ok(())
}
