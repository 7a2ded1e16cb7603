//! Matrix products: y = a·b over the last two axes, leading axes broadcast.
//!
//! `[m, k]·[k, n]` is `[m, n]`; a vector on the left is a row, on the right a column, and its axis leaves the result, so
//! `[k]·[k]` is a scalar. An empty sum (k = 0) is 0; NaN and ±∞ spread as IEEE says. Derivatives are products again:
//! da = dy·bᵀ, db = aᵀ·dy, summed over broadcast axes. Transposed views are read where they lie.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let a = tape.var(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
//! let b = Tensor::from([[1.0, 0.0], [10.0, 1.0]]);
//! let y = a.clone().matmul(&b);
//! assert_eq!(y.to_vec(), [21.0, 2.0, 43.0, 4.0]);
//! assert_eq!(y.sum().backward()[&a].to_vec(), [1.0, 11.0, 1.0, 11.0]);
//! assert_eq!(a.matmul(b.transpose()).to_vec(), [1.0, 12.0, 3.0, 34.0]);
//! ```

use crate::error::expect;
use crate::{Error, Float, Kept, Op, Operand, Result, Shape, Tensor, Var};
use kernels::{BatchMatmul, Epilogue, Matmul};

/// a·b for a and b of at least two axes, either one's last two swapped first.
#[derive(Clone, Copy, Default)]
pub(super) struct MatMul {
    pub(super) a_transposed: bool,
    pub(super) b_transposed: bool,
}

impl<T: Float> Op<T, 2> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }
    #[inline]
    fn shape(&self, [a, b]: [&Shape; 2]) -> Result<Shape> {
        self.product_shape(a, b)
    }
    #[inline]
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        let shape = expect(self.product_shape(a.shape(), b.shape()));
        match shape.rank() {
            2 => self.one(shape, a, b),
            _ => self.many(shape, a, b),
        }
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let MatMul { a_transposed, b_transposed } = *self;
        let (a, b) = (kept.x(0), kept.x(1));
        let db = kept.needs(1).then(|| match b_transposed {
            // Over rows of all matrices at once, where all share b: the batch is summed within the product.
            _ if b.rank() == 2 && a.rank() > 2 && !a_transposed => {
                let (a, dy) = (rows(a.clone()), rows(dy.clone()));
                let pair = if b_transposed { [dy, a] } else { [a, dy] };
                MatMul { a_transposed: true, b_transposed: false }.apply(pair)
            }
            false => MatMul { a_transposed: !a_transposed, b_transposed: false }.apply([a.clone(), dy.clone()]),
            true => MatMul { a_transposed: true, b_transposed: a_transposed }.apply([dy.clone(), a.clone()]),
        });
        let da = kept.needs(0).then(|| match a_transposed {
            false => MatMul { a_transposed: false, b_transposed: !b_transposed }.apply([dy, b]),
            true => MatMul { a_transposed: b_transposed, b_transposed: true }.apply([b, dy]),
        });
        [da, db]
    }
}

impl MatMul {
    #[inline]
    fn product_shape(self, a: &Shape, b: &Shape) -> Result<Shape> {
        let (Some((a_batch, [m, k])), Some((b_batch, [b_k, n]))) =
            (matrix_axes(a, self.a_transposed), matrix_axes(b, self.b_transposed))
        else {
            return Err(misfit(a, b));
        };
        if k != b_k {
            return Err(misfit(a, b));
        }
        if a_batch.is_empty() && b_batch.is_empty() {
            return Ok(Shape::from([m, n]));
        }
        batched(a_batch, b_batch, &[m, n]).map_err(|_| misfit(a, b))
    }

    #[inline]
    fn one<T: Float>(self, shape: Shape, a: Tensor<T>, b: Tensor<T>) -> Tensor<T> {
        let k = a.shape()[usize::from(!self.a_transposed)];
        let (a, b) = (a.laid_out_over(&[]), b.laid_out_over(&[]));
        let (a, b) = (a.matrix().expect("laid out"), b.matrix().expect("laid out"));
        let (a_transposed, b_transposed) = (self.a_transposed ^ a.1, self.b_transposed ^ b.1);
        let (a, b, m, n) = (a.0, b.0, shape[0], shape[1]);
        let (accumulate, epilogue) = (false, Epilogue::NONE);
        Tensor::fill_with(shape, |c| {
            kernels::matmul(Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
        })
    }

    fn many<T: Float>(self, shape: Shape, a: Tensor<T>, b: Tensor<T>) -> Tensor<T> {
        let k = a.shape()[a.rank() - 1 - usize::from(self.a_transposed)];
        let (batch, &[m, n]) = shape.split_last_chunk::<2>().expect("a product has two axes");
        let (a, b) = (a.laid_out_over(batch), b.laid_out_over(batch));
        let (a, b) = (a.matrices_over(batch).expect("laid out"), b.matrices_over(batch).expect("laid out"));
        let (a_transposed, b_transposed) = (self.a_transposed ^ a.transposed, self.b_transposed ^ b.transposed);
        let (a, b, a_run, b_run, count) = (a.values, b.values, a.run, b.run, batch.iter().product());
        let (accumulate, epilogue) = (false, Epilogue::NONE);
        Tensor::fill_with(shape, |c| {
            let args =
                BatchMatmul { a, b, c, count, a_run, b_run, m, k, n, a_transposed, b_transposed, accumulate, epilogue };
            kernels::matmul_batched(args);
        })
    }
}

/// Batch axes, and rows and columns after the transposition.
#[inline]
fn matrix_axes(shape: &Shape, transposed: bool) -> Option<(&[usize], [usize; 2])> {
    let (batch, &[rows, columns]) = shape.split_last_chunk::<2>()?;
    Some((batch, if transposed { [columns, rows] } else { [rows, columns] }))
}

/// The batch axes broadcast, then the product's own.
fn batched(a: &[usize], b: &[usize], own: &[usize]) -> Result<Shape> {
    let mut sizes = Shape::new(a)?.broadcast("matmul", &Shape::new(b)?)?.to_vec();
    sizes.extend_from_slice(own);
    Shape::new(&sizes)
}

#[cold]
fn misfit(a: &Shape, b: &Shape) -> Error {
    Error::ShapeMismatch {
        op: "matmul",
        lhs: a.to_vec(),
        rhs: b.to_vec(),
        hint: "[…, m, k]·[…, k, n]: the inner sizes must be equal and the leading axes must broadcast; transpose or reshape one side",
    }
}

/// All leading axes as one.
fn rows<T: Float>(x: Var<T>) -> Var<T> {
    let last = x.shape()[x.rank() - 1];
    let count = x.shape()[..x.rank() - 1].iter().product();
    x.reshape([count, last])
}

/// What vectors become, a row on the left and a column on the right, and the product's shape without their axes.
struct Vectors {
    a: Shape,
    b: Shape,
    y: Shape,
}

impl Vectors {
    #[cold]
    fn new(a: &Shape, b: &Shape) -> Result<Vectors> {
        let row = |x: &Shape| if x.rank() == 1 { Shape::from([1, x[0]]) } else { *x };
        let column = |x: &Shape| if x.rank() == 1 { Shape::from([x[0], 1]) } else { *x };
        let (a_matrix, b_matrix) = (row(a), column(b));
        let y = MatMul::default().product_shape(&a_matrix, &b_matrix).map_err(|_| misfit(a, b))?;
        let last = y.rank() - 1;
        let dropped = u32::from(a.rank() == 1) << (last - 1) | u32::from(b.rank() == 1) << last;
        Ok(Vectors { a: a_matrix, b: b_matrix, y: y.reduced(dropped, false) })
    }
}

impl<T: Float> Var<T> {
    /// The matrix product over the last two axes; leading axes broadcast, a vector is a row on the left and a column on
    /// the right. Derivatives: dy·bᵀ and aᵀ·dy.
    ///
    /// # Panics
    /// If the inner sizes differ, if leading axes do not broadcast, or if one side is a scalar.
    #[track_caller]
    #[inline]
    pub fn matmul(self, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        if self.rank() > 1 && other.rank() > 1 {
            return MatMul::default().apply([self, other]);
        }
        let Vectors { a, b, y } = expect(Vectors::new(self.shape(), other.shape()));
        MatMul::default().apply([self.reshape(a), other.reshape(b)]).reshape(y)
    }
}

impl<T: Float> Tensor<T> {
    /// The matrix product over the last two axes, as [`Var::matmul`].
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[track_caller]
    pub fn matmul(&self, other: &Tensor<T>) -> Tensor<T> {
        if self.rank() > 1 && other.rank() > 1 {
            return MatMul::default().eval([self.clone(), other.clone()]);
        }
        let Vectors { a, b, y } = expect(Vectors::new(self.shape(), other.shape()));
        MatMul::default().eval([self.reshape(a), other.reshape(b)]).reshape(y)
    }
}

/// The product of two tensors of at least two axes, naively, for tests.
#[cfg(test)]
pub(super) fn naive(a: &Tensor<f64>, b: &Tensor<f64>) -> Tensor<f64> {
    let shape = expect(MatMul::default().product_shape(a.shape(), b.shape()));
    let (rank, k) = (shape.rank(), a.shape()[a.rank() - 1]);
    let (batch, m, n) = (shape[..rank - 2].iter().product::<usize>(), shape[rank - 2], shape[rank - 1]);
    let (a, b) = (a.expand(shape.with(rank - 1, k)).to_vec(), b.expand(shape.with(rank - 2, k)).to_vec());
    let at = |i: usize, row: usize, column: usize| {
        (0..k).map(|l| a[(i * m + row) * k + l] * b[(i * k + l) * n + column]).sum::<f64>()
    };
    Tensor::new(&(0..batch * m * n).map(|i| at(i / n / m, i / n % m, i % n)).collect::<Vec<_>>(), shape)
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![
        entry!(
            "matmul",
            &[
                &[&[2, 3], &[3, 4]],
                &[&[1, 1], &[1, 1]],
                &[&[5, 1], &[1, 3]],
                &[&[2, 0], &[0, 3]],
                &[&[0, 2], &[2, 3]],
                &[&[2, 2, 3], &[3, 2]],
                &[&[2, 3], &[2, 3, 2]],
                &[&[2, 2, 3], &[2, 3, 1]],
                &[&[2, 1, 1, 2], &[3, 2, 2]],
                &[&[0, 2, 2], &[2, 2]],
                &[&[0, 2, 2], &[1, 2, 2]],
            ],
            &[(-2.0, 2.0)],
            |x| x[0].clone().matmul(&x[1]),
            whole | x | naive(&x[0], &x[1])
        ),
        entry!(
            "matmul",
            &[&[&[3], &[3]], &[&[3], &[3, 2]], &[&[0], &[0]], &[&[3], &[2, 3, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().matmul(&x[1]),
            whole | x | {
                let Vectors { a, b, y } = expect(Vectors::new(x[0].shape(), x[1].shape()));
                naive(&x[0].reshape(a), &x[1].reshape(b)).reshape(y)
            }
        ),
        entry!(
            "matmul",
            &[&[&[3, 2], &[3, 4]], &[&[2, 3, 2], &[3, 4]], &[&[2, 3, 2], &[2, 3, 4]]],
            &[(-2.0, 2.0)],
            |x| MatMul { a_transposed: true, b_transposed: false }.apply([x[0].clone(), x[1].clone()]),
            whole | x | naive(&x[0].transpose(), &x[1])
        ),
        entry!(
            "matmul",
            &[&[&[3, 2], &[4, 2]], &[&[2, 3, 2], &[4, 2]], &[&[3, 2], &[2, 4, 2]]],
            &[(-2.0, 2.0)],
            |x| MatMul { a_transposed: false, b_transposed: true }.apply([x[0].clone(), x[1].clone()]),
            whole | x | naive(&x[0], &x[1].transpose())
        ),
        entry!(
            "matmul",
            &[&[&[2, 3], &[4, 2]]],
            &[(-2.0, 2.0)],
            |x| MatMul { a_transposed: true, b_transposed: true }.apply([x[0].clone(), x[1].clone()]),
            whole | x | naive(&x[0].transpose(), &x[1].transpose())
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o33() {
        let tape = Tape::probing();
        for (a, b, y) in [
            (vec![2, 0], vec![0, 3], vec![2, 3]),
            (vec![0, 2], vec![2, 3], vec![0, 3]),
            (vec![0, 2, 2], vec![2, 3], vec![0, 2, 3]),
            (vec![0, 2, 2], vec![1, 2, 3], vec![0, 2, 3]),
        ] {
            let (a, b) = (tape.var(Tensor::ones(a)), tape.var(Tensor::ones(b)));
            let product = a.clone().matmul(&b);
            assert!(product.shape() == &y[..] && product.to_vec().iter().all(|&v| v == 0.0));
            let grads = product.sum().backward();
            for x in [&a, &b] {
                assert!(grads[x].shape() == x.shape() && grads[x].to_vec().iter().all(|&v| v == 0.0));
            }
        }
    }

    #[test]
    fn errors_name_both_shapes() {
        for (a, b) in [(vec![2, 3], vec![2, 3]), (vec![2], vec![3]), (vec![], vec![3]), (vec![2, 1, 1], vec![3, 1, 1])]
        {
            let text = format!("matmul: shapes {a:?} and {b:?} do not fit");
            let (x, y) = (Tensor::ones(a), Tensor::ones(b));
            let error = std::panic::catch_unwind(|| x.matmul(&y)).unwrap_err();
            let error = error.downcast_ref::<String>().unwrap();
            assert!(error.starts_with(&text), "{error}");
        }
    }
}
