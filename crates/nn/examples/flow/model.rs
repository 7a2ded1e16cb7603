//! The flow: steps one after the other, and the density they give.

use crate::data::LN_TAU;
use crate::step::{Kind, Step};
use nn::prelude::*;
use tape::Float;

#[derive(Clone, Module)]
pub struct Flow<T: Float = f32> {
    steps: Vec<Step<T>>,
}

impl Flow {
    pub fn new(steps: usize, kind: Kind, rng: &mut Rng) -> Flow {
        Flow { steps: (0..steps).map(|_| Step::new(kind, rng)).collect() }
    }
}

impl<T: Float> Flow<T> {
    /// The normal numbers z of x, and ln|det ∂z/∂x|.
    pub fn forward(&self, x: Var<T>) -> nn::Result<(Var<T>, Var<T>)> {
        let mut log_det = x.clone().sum_axes(1) * 0.0;
        let mut z = x;
        for step in &self.steps {
            let (y, of_step) = step.forward(z)?;
            (z, log_det) = (y, log_det + of_step);
        }
        Ok((z, log_det))
    }

    /// log p of each row.
    fn log_density(&self, x: Var<T>) -> nn::Result<Var<T>> {
        let (z, log_det) = self.forward(x)?;
        Ok(z.square().sum_axes(1) * -0.5 - LN_TAU + log_det)
    }

    /// The mean of −log p, for training.
    pub fn loss(&self, x: Tensor<T>) -> nn::Result<Var<T>> {
        Ok(-self.log_density(Tape::training(0).input(x))?.mean())
    }

    /// log p of each row, in numbers.
    pub fn log_densities(&self, x: &Tensor<T>) -> nn::Result<Vec<f64>> {
        Ok(self.log_density(Tape::inference().input(x.clone()))?.to_vec().into_iter().map(T::to_f64).collect())
    }

    /// How far from each other points and their way there and back are at most.
    pub fn way_back(&self, x: &Tensor<T>) -> nn::Result<f64> {
        let mut y = self.forward(Tape::inference().input(x.clone()))?.0;
        for step in self.steps.iter().rev() {
            y = step.inverse(y)?;
        }
        Ok((y.value() - x).abs().max().item().to_f64())
    }

    /// The least and the largest learned slope.
    pub fn slopes(&self) -> (f64, f64) {
        let slopes = self.steps.iter().flat_map(|step| step.slopes().to_vec()).map(T::to_f64);
        slopes.fold((f64::MAX, f64::MIN), |(least, most), slope| (least.min(slope), most.max(slope)))
    }
}
