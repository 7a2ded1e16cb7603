//! PReLU: y = x where x > 0, else α·x, with α learned: any shape that broadcasts to x's.
//!
//! dx = dy where x > 0, else α·dy (α at 0 and at NaN); dα = Σ dy·x over x < 0 and NaN, so x = 0 and +∞ never enter. One
//! pass gives both. Where every α ≥ 2⁻¹⁰ the output has the input's sign and dα = (1/α)·Σ dy·y: the op then keeps its
//! output and may overwrite its input. He, Zhang, Ren, Sun 2015.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-2.0, -1.0, 3.0]));
//! let alpha = tape.var(Tensor::from([0.25]));
//! let grads = x.clone().prelu(&alpha).sum().backward();
//! assert_eq!(grads[&x].to_vec(), [0.25, 0.25, 1.0]);
//! assert_eq!(grads[&alpha].to_vec(), [-3.0]);
//! ```

use super::elementwise::{binary, slice, unary};
use crate::{Error, Float, Keeps, Kept, Op, Operand, Result, Shape, Tensor, TensorOperand, Var};
use kernels::{In2, PreluBackward, Seen};

struct Prelu;

impl<T: Float> Op<T, 2> for Prelu {
    fn name(&self) -> &'static str {
        "prelu"
    }
    fn shape(&self, [x, alpha]: [&Shape; 2]) -> Result<Shape> {
        check(x, alpha)
    }
    #[inline]
    fn keeps(&self, [x, alpha]: [&Tensor<T>; 2]) -> Keeps {
        // A large result that goes past the cache is read from memory; the operand, which somebody else holds anyway, may be nearer.
        let is_far = x.is_shared() && kernels::is_beyond_cache(x.len() * size_of::<T>(), 1);
        let seen = if output_is_enough(alpha) && !is_far { Keeps::RESULT } else { Keeps::operand(0) };
        seen.and(Keeps::operand(1))
    }
    #[inline]
    fn forward(&mut self, [x, alpha]: [Tensor<T>; 2]) -> Tensor<T> {
        binary(x, alpha, kernels::prelu)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let alpha = kept.x(1);
        let reads_output = kept.has_y();
        let seen = if reads_output { kept.y() } else { kept.x(0) };
        rule(&kept, [kept.needs(0), kept.needs(1)], (seen, reads_output), alpha, dy)
    }
}

/// dx and dα, as far as they are wanted, from the result (`true`) or the operand.
pub(super) fn rule<T: Float>(
    kept: &Kept<'_, T>,
    [needs_dx, needs_d_alpha]: [bool; 2],
    (seen, reads_output): (Var<T>, bool),
    alpha: Var<T>,
    dy: Var<T>,
) -> [Option<Var<T>>; 2] {
    if kept.first_order() {
        let (dx, d_alpha) = backward(seen.into_value(), reads_output, dy.into_value(), alpha.value());
        return [Some(kept.constant(dx)), Some(kept.constant(d_alpha))];
    }
    let dx = needs_dx.then(|| {
        let positive = compare(seen.value(), kernels::greater);
        dy.clone().where_else(&positive, &dy * &alpha)
    });
    let d_alpha = needs_d_alpha.then(|| {
        let not_negative = compare(seen.value(), kernels::greater_equal);
        let x = if reads_output { &seen / &alpha } else { seen.clone() };
        kept.constant(Tensor::scalar(T::ZERO)).where_else(&not_negative, dy * x)
    });
    [dx, d_alpha]
}

/// x compared with 0: 1 where true, else 0.
fn compare<T: Float>(x: &Tensor<T>, kernel: impl FnOnce(In2<'_, T>)) -> Tensor<T> {
    binary(x.clone(), Tensor::scalar(T::ZERO), kernel)
}

fn check(x: &Shape, alpha: &Shape) -> Result<Shape> {
    match x.broadcast("prelu", alpha) {
        Ok(shape) if shape == *x => Ok(shape),
        _ => Err(Error::ShapeMismatch {
            op: "prelu",
            lhs: x.to_vec(),
            rhs: alpha.to_vec(),
            hint: "α must broadcast to x: one slope, one for each feature (last axis), or any shape with axes of x's size or 1",
        }),
    }
}

#[inline]
pub(super) fn output_is_enough<T: Float>(alpha: &Tensor<T>) -> bool {
    match alpha.as_slice() {
        Some(slopes) => kernels::output_is_enough(slopes),
        None => kernels::output_is_enough(&alpha.to_vec()),
    }
}

/// dx and dα in one pass, dx over dy where nobody else holds it.
fn backward<T: Float>(seen: Tensor<T>, reads_output: bool, dy: Tensor<T>, alpha: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    let shape = *seen.shape();
    let pattern = |alpha: &Tensor<T>| alpha.spread_over(&shape).is_some_and(|b| b.values.len() == alpha.len());
    let alpha = alpha.clone().contiguous();
    let alpha = if pattern(&alpha) { alpha } else { alpha.spread_copy(&shape) };
    let spread = alpha.spread_over(&shape).expect("a pattern, or full size");
    let seen = seen.contiguous();
    let seen = match reads_output {
        true => Seen::Output(slice(&seen)),
        false => Seen::Input(slice(&seen)),
    };
    let mut d_alpha = Tensor::unspecified(*alpha.shape());
    let dx = unary(dy, |dy| {
        kernels::prelu_backward(PreluBackward { seen, dy, alpha: spread, d_alpha: d_alpha.fresh_mut() });
    });
    (dx, d_alpha)
}

impl<T: Float> Var<T> {
    /// x where x > 0, else α·x. α: a value, a tensor or a number whose shape broadcasts to x's; or of one element.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    #[inline]
    pub fn prelu(self, alpha: impl Operand<T>) -> Var<T> {
        let mut alpha = alpha.on(self.tape());
        if alpha.rank() > self.rank() && alpha.len() == 1 {
            // The one slope of a module has shape [1], and a number has none.
            alpha = alpha.reshape([]);
        }
        Prelu.apply([self, alpha])
    }
}

impl<T: Float> Tensor<T> {
    /// x where x > 0, else α·x. α: a tensor or a number whose shape broadcasts to x's; or of one element.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn prelu(&self, alpha: impl TensorOperand<T>) -> Tensor<T> {
        let mut alpha = alpha.into_tensor();
        if alpha.rank() > self.rank() && alpha.len() == 1 {
            alpha = alpha.reshape([]);
        }
        Prelu.eval([self.clone(), alpha])
    }
}

#[cfg(test)]
const SHAPES: &[&[&[usize]]] = &[
    &[&[4, 3], &[1]],
    &[&[4, 3], &[3]],
    &[&[4, 3], &[4, 1]],
    &[&[4, 3], &[4, 3]],
    &[&[2, 3, 2], &[3, 1]],
    &[&[2, 3, 2], &[2, 1, 2]],
    &[&[5], &[]],
    &[&[], &[]],
    &[&[0, 3], &[3]],
];

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![
        entry!(
            "prelu",
            SHAPES,
            &[(-2.0, 2.0), (0.1, 0.5)],
            |x| x[0].clone().prelu(&x[1]),
            elementwise | x | if x[0] > 0.0 { x[0] } else { x[1] * x[0] }
        ),
        entry!(
            "prelu",
            SHAPES,
            &[(-2.0, 2.0), (-0.5, 2.0)],
            |x| x[0].clone().prelu(&x[1]),
            elementwise | x | if x[0] > 0.0 { x[0] } else { x[1] * x[0] }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    /// dx and dα of Σ prelu(x, α).
    fn gradients(x: &Tensor, alpha: &Tensor) -> (Vec<f32>, Vec<f32>) {
        let tape = Tape::probing();
        let (x, alpha) = (tape.var(x.clone()), tape.var(alpha.clone()));
        let grads = x.clone().prelu(&alpha).sum().backward();
        (grads[&x].to_vec(), grads[&alpha].to_vec())
    }

    #[test]
    fn peer_bug_r05() {
        assert_eq!(gradients(&Tensor::from([-1.0]), &Tensor::from([-0.3])), (vec![-0.3], vec![-1.0]));
    }

    #[test]
    fn peer_bug_r25() {
        let x = Tensor::from([f32::INFINITY, -1.0]);
        assert_eq!(gradients(&x, &Tensor::from([0.25])), (vec![1.0, 0.25], vec![-1.0]));
        assert_eq!(gradients(&x, &Tensor::from([-0.25])), (vec![1.0, -0.25], vec![-1.0]));
        // The recorded pass too.
        let tape = Tape::probing();
        let (x, alpha) = (tape.var(x), tape.var(Tensor::from([0.25])));
        let [dx, d_alpha] = x.clone().prelu(&alpha).sum().grad([&x, &alpha]);
        assert_eq!((dx.to_vec(), d_alpha.to_vec()), (vec![1.0, 0.25], vec![-1.0]));
    }

    #[test]
    fn peer_bug_r27() {
        let x = Tensor::from([[[1.0, -1.0, 2.0], [-2.0, 3.0, -3.0]]]);
        let alpha = Tensor::from([[[0.1], [-0.2]]]);
        assert_eq!(x.prelu(&alpha).to_vec(), [1.0, -0.1, 2.0, 0.4, 3.0, 0.6].map(|y: f32| y));
        assert_eq!(gradients(&x, &alpha), (vec![1.0, 0.1, 1.0, -0.2, 1.0, -0.2], vec![-1.0, -5.0]));
    }

    #[test]
    fn peer_bug_r33() {
        assert_eq!(gradients(&Tensor::from([-2.0]), &Tensor::from([0.25])), (vec![0.25], vec![-2.0]));
    }

    #[test]
    #[should_panic(expected = "prelu: shapes [4, 32] and [64] do not fit")]
    fn peer_bug_r35() {
        Tensor::ones([4, 32]).prelu(Tensor::ones([64]));
    }

    #[test]
    fn peer_bug_r37() {
        let tape = Tape::probing();
        let (x, alpha) = (tape.input(Tensor::from([-2.0, 3.0])), tape.var(Tensor::from([0.25])));
        let grads = x.clone().prelu(&alpha).sum().backward();
        assert_eq!(grads[&alpha].to_vec(), [-2.0]);
        assert!(grads.get(&x).is_none());
    }

    #[test]
    fn peer_bug_r39() {
        for shape in [vec![6], vec![2, 3], vec![1, 3, 2], vec![1, 1, 3, 2], vec![3, 1, 1, 2, 1]] {
            let x = Tensor::new(&[-1.0, 2.0, -3.0, 4.0, -5.0, 6.0], shape.clone());
            let alpha = Tensor::new(&[0.5, 0.25, -0.5, 0.75, 2.0, 1.0], shape.clone());
            let (dx, d_alpha) = gradients(&x, &alpha);
            assert_eq!(dx, [0.5, 1.0, -0.5, 1.0, 2.0, 1.0], "{shape:?}");
            assert_eq!(d_alpha, [-1.0, 0.0, -3.0, 0.0, -5.0, 0.0], "{shape:?}");
        }
    }

    /// PyTorch 70570: a slope of shape [1] against a number of shape [].
    #[test]
    fn peer_bug_r47() {
        let tape = Tape::probing();
        let (x, alpha) = (tape.var(Tensor::scalar(-2.0f32)), tape.var(Tensor::from([0.25])));
        let y = x.clone().prelu(&alpha);
        assert_eq!((y.rank(), y.item()), (0, -0.5));
        let grads = y.backward();
        assert_eq!((grads[&x].rank(), grads[&x].item()), (0, 0.25));
        assert_eq!((&grads[&alpha].shape()[..], grads[&alpha].to_vec()), (&[1][..], vec![-2.0]));
        assert_eq!(Tensor::scalar(-2.0f32).prelu(Tensor::from([[0.25]])).shape(), &[]);
    }

    /// OpenVINO 36020: a slope [3] on [1, 3, 2, 3] is one for each index of the last axis, never of the axis of the same size.
    #[test]
    fn peer_bug_r29() {
        let x = Tensor::full([1, 3, 2, 3], -1.0);
        let y = x.prelu(Tensor::from([1.0, 2.0, 3.0]));
        assert_eq!(y.to_vec(), [-1.0, -2.0, -3.0].repeat(6));
        assert_eq!(gradients(&x, &Tensor::from([1.0, 2.0, 3.0])).1, [-6.0; 3]);
    }
}
