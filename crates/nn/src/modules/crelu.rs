//! Concatenated ReLU: relu(x) beside relu(−x) on the last axis, so that no sign is lost (Shang, Sohn, Almeida, Lee 2016).

use super::stateless::without_parameters;
use tape::{Tensor, Var};

/// relu(x), then relu(−x): `[…, F]` to `[…, 2F]`. Derivatives at 0 and at NaN are relu's: 0, and ±1.
///
/// Never dead: of a unit and its mirror image one fires for every input but 0.
///
/// ```
/// use nn::prelude::*;
/// let y = CRelu.forward(Tape::inference().input(Tensor::from([[-2.0, 0.0, 3.0]])));
/// assert_eq!(y.to_vec(), [0.0, 0.0, 3.0, 2.0, 0.0, 0.0]);
/// ```
///
/// # Panics
/// For a value without axes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CRelu;

without_parameters! {
    CRelu => |_this, x| {
        assert!(x.rank() > 0, "CRelu: the value has no axis to double; reshape it to [1]");
        Var::concat(&[x.clone().relu(), (-x).relu()], -1)
    },
    // Of two numbers with one sign both halves keep the distance or are 0; with two signs x² + y² is below (x − y)².
    lipschitz |_this| Ok(1.0),
    piecewise |_this, chain| {
        let both = |x: &Tensor<f64>, signs: &Tensor<f64>| {
            let halves = [0, 1].map(|half| x * signs.narrow(0, half, 1));
            Tensor::concat(&halves, -1)
        };
        chain.affine("CRelu", Tensor::f64([1.0, -1.0]), None, both)?;
        chain.rectify(&Tensor::f64([0.0]))
    },
    onnx |_this, at, graph, y| graph.concatenated_relu(at, y);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer as _;
    use tape::{Tape, gradcheck};

    #[test]
    fn both_halves_are_relus() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[-1.5, f32::INFINITY], [f32::NEG_INFINITY, -0.0]]));
        let y = CRelu.forward(x.clone());
        assert_eq!(y.shape(), &[2, 4]);
        let inf = f32::INFINITY;
        assert_eq!(y.to_vec(), [0.0, inf, 1.5, 0.0, 0.0, 0.0, inf, 0.0]);
        assert!(y.to_vec().iter().all(|y| y.is_sign_positive()));
        assert_eq!(y.sum().backward()[&x].to_vec(), [-1.0, 1.0, -1.0, 0.0]);
        let nan = CRelu.forward(tape.input(Tensor::from([f32::NAN])));
        assert!(nan.to_vec().iter().all(|y| y.is_nan()));
        gradcheck(|[x]| (CRelu.forward(x.clone()).square() * 0.5).sum(), [&Tensor::f64([[0.7, -1.2, 2.0]])]).unwrap();
    }

    #[test]
    fn empty_values_double_too() {
        let tape = Tape::inference();
        for (shape, doubled) in [(&[0][..], &[0][..]), (&[0, 3], &[0, 6]), (&[2, 0], &[2, 0]), (&[1], &[2])] {
            assert_eq!(CRelu.forward(tape.input(Tensor::zeros(shape))).shape(), doubled);
        }
    }

    #[test]
    #[should_panic(expected = "CRelu: the value has no axis to double")]
    fn a_number_has_no_axis() {
        CRelu.forward(Tape::inference().input(Tensor::scalar(1.0f32)));
    }
}
