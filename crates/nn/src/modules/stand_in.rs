//! Until the tape has its own: cross-entropy, first order only.

use tape::{Float, Kept, Op, Result, Shape, Tensor, Var};

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
