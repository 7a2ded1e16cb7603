//! Linear layers: y = x·w + b over the last axis, w `[in, out]`, b `[out]`; leading axes of x are rows.
//!
//! The bias joins the product before it leaves the registers. dx = dy·wᵀ, dw = xᵀ·dy, db = Σ dy over all rows.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let w = tape.var(Tensor::from([[1.0, 0.0], [10.0, 1.0]]));
//! let b = tape.var(Tensor::from([0.5, -0.5]));
//! let y = tape.input(Tensor::from([[1.0, 2.0], [3.0, 4.0]])).linear(&w, Some(&b));
//! assert_eq!(y.to_vec(), [21.5, 1.5, 43.5, 3.5]);
//! let grads = y.sum().backward();
//! assert_eq!((grads[&w].to_vec(), grads[&b].to_vec()), (vec![4.0, 4.0, 6.0, 6.0], vec![2.0, 2.0]));
//! ```

use super::matmul::MatMul;
use crate::{Error, Float, Keeps, Kept, Op, Operand, Result, Shape, Tensor, Var};
use kernels::{Epilogue, Matmul, Rectifier};

struct Linear;

impl<T: Float> Op<T, 2> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }
    #[inline]
    fn shape(&self, [x, w]: [&Shape; 2]) -> Result<Shape> {
        check(x, w)
    }
    #[inline]
    fn forward(&mut self, [x, w]: [Tensor<T>; 2]) -> Tensor<T> {
        product(x, w, None, Rectifier::None)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        backward(&mut kept, &dy)
    }
}

impl<T: Float> Op<T, 3> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }
    #[inline]
    fn shape(&self, [x, w, bias]: [&Shape; 3]) -> Result<Shape> {
        let shape = check(x, w)?;
        check_bias(w, bias).map(|()| shape)
    }
    #[inline]
    fn keeps(&self, _: [&Tensor<T>; 3]) -> Keeps {
        Keeps::operand(0).and(Keeps::operand(1))
    }
    #[inline]
    fn forward(&mut self, [x, w, bias]: [Tensor<T>; 3]) -> Tensor<T> {
        product(x, w, Some(bias), Rectifier::None)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 3] {
        let [dx, dw] = backward(&mut kept, &dy);
        // The engine sums it over the rows.
        [dx, dw, Some(dy)]
    }
}

#[inline]
pub(super) fn check(x: &Shape, w: &Shape) -> Result<Shape> {
    match (x.last(), &**w) {
        (Some(&width), &[inputs, outputs]) if width == inputs => Ok(x.with(x.rank() - 1, outputs)),
        _ => Err(Error::ShapeMismatch {
            op: "linear",
            lhs: x.to_vec(),
            rhs: w.to_vec(),
            hint: "x […, in] takes a weight [in, out]; a weight stored [out, in] goes in as `w.transpose()`",
        }),
    }
}

#[inline]
pub(super) fn check_bias(w: &Shape, bias: &Shape) -> Result<()> {
    if **bias == w[1..] {
        return Ok(());
    }
    Err(Error::ShapeMismatch {
        op: "linear",
        lhs: w.to_vec(),
        rhs: bias.to_vec(),
        hint: "a weight [in, out] takes a bias [out]",
    })
}

/// rectifier(x·w + bias).
#[inline]
pub(super) fn product<T: Float>(
    x: Tensor<T>,
    w: Tensor<T>,
    bias: Option<Tensor<T>>,
    rectifier: Rectifier<'_, T>,
) -> Tensor<T> {
    let shape = x.shape().with(x.rank() - 1, w.shape()[1]);
    let (k, n) = (w.shape()[0], w.shape()[1]);
    let m = shape[..shape.rank() - 1].iter().product();
    let x = if x.matrix().is_some() { x } else { x.contiguous() };
    let w = if w.matrix().is_some() { w } else { w.contiguous() };
    let bias = bias.map(Tensor::contiguous);
    let ((a, a_transposed), (b, b_transposed)) = (x.matrix().expect("laid out"), w.matrix().expect("laid out"));
    let bias = bias.as_ref().map(|bias| bias.as_slice().expect("contiguous"));
    let (accumulate, epilogue) = (false, Epilogue { bias, rectifier });
    Tensor::fill_with(shape, |c| {
        kernels::matmul(Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
    })
}

/// dx and dw.
pub(super) fn backward<T: Float>(kept: &mut Kept<'_, T>, dy: &Var<T>) -> [Option<Var<T>>; 2] {
    let (x, w) = (kept.x(0), kept.x(1));
    let (inputs, outputs) = (w.shape()[0], w.shape()[1]);
    let rows = dy.shape()[..dy.rank() - 1].iter().product();
    let dy = dy.clone().reshape([rows, outputs]);
    let dx = kept.needs(0).then(|| {
        let shape = *x.shape();
        MatMul { a_transposed: false, b_transposed: true }.apply([dy.clone(), w]).reshape(shape)
    });
    let dw = kept.needs(1).then(|| {
        let x = x.reshape([rows, inputs]);
        MatMul { a_transposed: true, b_transposed: false }.apply([x, dy])
    });
    [dx, dw]
}

impl<T: Float> Var<T> {
    /// x·w + bias over the last axis, in one op; `weight` is `[in, out]`, `bias` `[out]`. Leading axes are rows.
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    #[inline]
    pub fn linear(self, weight: impl Operand<T>, bias: Option<&Var<T>>) -> Var<T> {
        let weight = weight.on(self.tape());
        match bias {
            Some(bias) => Linear.apply([self, weight, bias.clone()]),
            None => Linear.apply([self, weight]),
        }
    }
}

impl<T: Float> Tensor<T> {
    /// x·w + bias over the last axis, as [`Var::linear`].
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn linear(&self, weight: &Tensor<T>, bias: Option<&Tensor<T>>) -> Tensor<T> {
        match bias {
            Some(bias) => Linear.eval([self.clone(), weight.clone(), bias.clone()]),
            None => Linear.eval([self.clone(), weight.clone()]),
        }
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::matmul::naive;
    use super::table::entry;
    fn oracle(x: &Tensor<f64>, w: &Tensor<f64>) -> Tensor<f64> {
        match x.rank() {
            1 => naive(&x.unsqueeze(0), w).squeeze(0),
            _ => naive(x, w),
        }
    }
    vec![
        entry!(
            "linear",
            &[
                &[&[4, 2], &[2, 3], &[3]],
                &[&[2], &[2, 3], &[3]],
                &[&[2, 2, 3], &[3, 1], &[1]],
                &[&[0, 2], &[2, 3], &[3]],
                &[&[3, 0], &[0, 2], &[2]],
                &[&[3, 2], &[2, 0], &[0]],
            ],
            &[(-2.0, 2.0)],
            |x| x[0].clone().linear(&x[1], Some(&x[2])),
            whole | x | oracle(&x[0], &x[1]) + &x[2]
        ),
        entry!(
            "linear",
            &[&[&[4, 2], &[2, 3]], &[&[2], &[2, 3]], &[&[2, 2, 3], &[3, 1]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().linear(&x[1], None),
            whole | x | oracle(&x[0], &x[1])
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    #[should_panic(expected = "linear: shapes [4, 3] and [2, 5] do not fit")]
    fn a_weight_of_another_width_is_refused() {
        Tensor::ones([4, 3]).linear(&Tensor::ones([2, 5]), None);
    }

    #[test]
    #[should_panic(expected = "linear: shapes [3, 5] and [1] do not fit")]
    fn a_bias_of_another_width_is_refused() {
        Tensor::ones([4, 3]).linear(&Tensor::ones([3, 5]), Some(&Tensor::ones([1])));
    }
}
