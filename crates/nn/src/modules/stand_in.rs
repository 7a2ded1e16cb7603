//! Until the tape has its own: the product of a linear layer, first order only.

use kernels::{Epilogue, Matmul};
use tape::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

struct Linear;

impl<T: Float> Op<T, 3> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }
    fn shape(&self, [x, w, b]: [&Shape; 3]) -> Result<Shape> {
        if x.rank() != 2 || w.rank() != 2 || x[1] != w[0] || b[..] != w[1..] {
            return Err(Error::ShapeMismatch { op: "linear", lhs: x.to_vec(), rhs: w.to_vec(), hint: "x [N, in], W [in, out], b [out]" });
        }
        Ok(Shape::from([x[0], w[1]]))
    }
    fn keeps(&self, _: [&Tensor<T>; 3]) -> Keeps {
        Keeps::operand(0).and(Keeps::operand(1))
    }
    fn forward(&mut self, [x, w, b]: [Tensor<T>; 3]) -> Tensor<T> {
        let (m, k, n) = (x.shape()[0], w.shape()[0], w.shape()[1]);
        Tensor::fill_with([m, n], |c| {
            for row in c.chunks_exact_mut(n) {
                row.copy_from_slice(b.as_slice().unwrap());
            }
            kernels::matmul(Matmul {
                a: x.as_slice().unwrap(),
                b: w.as_slice().unwrap(),
                c,
                m,
                k,
                n,
                a_transposed: false,
                b_transposed: false,
                accumulate: true,
                epilogue: Epilogue::NONE,
            });
        })
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 3] {
        let (m, n) = (dy.shape()[0], dy.shape()[1]);
        let dy = dy.into_value().contiguous();
        let (x, w) = (kept.x(0).into_value(), kept.x(1).into_value());
        let k = w.shape()[0];
        let product = |a: &Tensor<T>, b: &Tensor<T>, m, k, n, a_transposed, b_transposed| {
            Tensor::fill_with([m, n], |c| {
                kernels::matmul(Matmul {
                    a: a.as_slice().unwrap(),
                    b: b.as_slice().unwrap(),
                    c,
                    m,
                    k,
                    n,
                    a_transposed,
                    b_transposed,
                    accumulate: false,
                    epilogue: Epilogue::NONE,
                });
            })
        };
        let dx = kept.needs(0).then(|| kept.constant(product(&dy, &w, m, n, k, false, true)));
        let dw = kept.needs(1).then(|| kept.constant(product(&x, &dy, k, m, n, true, false)));
        [dx, dw, Some(kept.constant(dy))]
    }
}

pub(super) trait StandIn<T: Float> {
    fn linear(self, w: Var<T>, b: Var<T>) -> Var<T>;
    fn matmul(self, w: Var<T>) -> Var<T>;
}

impl<T: Float> StandIn<T> for Var<T> {
    fn linear(self, w: Var<T>, b: Var<T>) -> Var<T> {
        Linear.apply([self, w, b])
    }
    fn matmul(self, w: Var<T>) -> Var<T> {
        let b = self.tape().input(Tensor::full_of([w.shape()[1]], T::ZERO));
        Linear.apply([self, w, b])
    }
}

struct CrossEntropy(Tensor<i64>);

impl<T: Float> Op<T> for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross_entropy"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(Shape::SCALAR)
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let n = x.shape()[1];
        let mut sum = 0.0;
        for (row, &label) in x.as_slice().unwrap().chunks(n).zip(self.0.as_slice().unwrap()) {
            let top = row.iter().map(|x| x.to_f64()).fold(f64::MIN, f64::max);
            let total: f64 = row.iter().map(|x| f64::from((x.to_f64() - top) as f32).exp()).sum();
            sum += total.ln() + top - row[label as usize].to_f64();
        }
        Tensor::scalar(T::from_f64(sum / self.0.len() as f64))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let mut x = kept.x(0).into_value();
        let n = x.shape()[1];
        let scale = dy.item().to_f64() / self.0.len() as f64;
        let labels = self.0.as_slice().unwrap();
        for (row, &label) in x.make_mut().chunks_mut(n).zip(labels) {
            let top = row.iter().map(|x| x.to_f64()).fold(f64::MIN, f64::max);
            let total: f64 = row.iter().map(|x| (x.to_f64() - top).exp()).sum();
            for (i, x) in row.iter_mut().enumerate() {
                let p = (x.to_f64() - top).exp() / total;
                *x = T::from_f64(scale * (p - f64::from(i as i64 == label)));
            }
        }
        [Some(kept.constant(x))]
    }
}

/// Stands in.
pub trait LossStandIn<T: Float> {
    /// Stands in.
    fn cross_entropy(self, labels: &Tensor<i64>) -> Var<T>;
}

impl<T: Float> LossStandIn<T> for Var<T> {
    fn cross_entropy(self, labels: &Tensor<i64>) -> Var<T> {
        CrossEntropy(labels.clone()).apply([self])
    }
}
