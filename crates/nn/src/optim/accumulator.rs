//! Gradients of several small batches, added up to those of a large one.

use tape::{Float, Gradients};

/// Adds up gradients, so that a step can be made from more examples than memory holds at once.
///
/// Sums of sums over micro-batches are the sum over the whole batch; where each loss is a mean, weigh it by its number of examples and take
/// the mean. Buffers' updates are averaged over the passes.
///
/// ```
/// use nn::prelude::*;
/// use nn::optim::Accumulator;
/// let mut net = Linear::new(2, 1, &mut Rng::seed(1));
/// let x = Tensor::randn([10, 2], &mut Rng::seed(2));
/// let loss = |net: &Linear, x: Tensor| net.forward(Tape::training(0).input(x)).square().mean();
/// let whole = loss(&net, x.clone()).backward();
/// let mut parts = Accumulator::new();
/// for (start, examples) in [(0, 4), (4, 4), (8, 2)] {
///     parts.add_weighted(loss(&net, x.narrow(0, start, examples)).backward(), examples as f64);
/// }
/// let mean = parts.take_mean().expect("three parts");
/// assert!(mean[net.weight()].allclose(&whole[net.weight()], 1e-5, 1e-6));
/// Sgd::new(0.1).step(&mut net, mean)?;
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Debug)]
pub struct Accumulator<T: Float = f32> {
    sum: Option<Gradients<T>>,
    weight: f64,
}

impl<T: Float> Default for Accumulator<T> {
    fn default() -> Self {
        Accumulator::new()
    }
}

impl<T: Float> Accumulator<T> {
    /// Of nothing yet.
    pub fn new() -> Accumulator<T> {
        Accumulator { sum: None, weight: 0.0 }
    }

    /// Adds gradients.
    pub fn add(&mut self, grads: Gradients<T>) {
        self.weight += 1.0;
        match &mut self.sum {
            None => self.sum = Some(grads),
            Some(sum) => sum.merge(&grads),
        }
    }

    /// Adds so many times the gradients: those of a mean over so many examples.
    pub fn add_weighted(&mut self, mut grads: Gradients<T>, weight: f64) {
        grads.scale(weight);
        self.add(grads);
        self.weight += weight - 1.0;
    }

    /// The weights added up; the number of gradients that were added without one.
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// The sum, and begins anew; None if there is none.
    pub fn take_sum(&mut self) -> Option<Gradients<T>> {
        self.weight = 0.0;
        self.sum.take()
    }

    /// The sum over the weights, and begins anew; None if there is none.
    pub fn take_mean(&mut self) -> Option<Gradients<T>> {
        let weight = self.weight;
        let mut sum = self.take_sum()?;
        sum.scale(1.0 / weight);
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[test]
    fn sums_and_means_over_parts_are_those_of_the_whole() {
        let mut rng = Rng::seed(3);
        let net = Linear::new(3, 2, &mut rng).cast::<f64>();
        let x = Tensor::randn([7, 3], &mut rng).cast::<f64>();
        let squares = |x: Tensor<f64>| net.forward(Tape::training(0).input(x)).square();
        let parts = [(0, 1), (1, 4), (5, 2)].map(|(start, count)| x.narrow(0, start, count));
        let mut accumulator = Accumulator::new();
        assert!(accumulator.take_mean().is_none() && accumulator.take_sum().is_none());
        for _ in 0..2 {
            parts.iter().for_each(|part| accumulator.add(squares(part.clone()).sum().backward()));
            assert_eq!(accumulator.weight(), 3.0);
            let (sum, whole) = (accumulator.take_sum().unwrap(), squares(x.clone()).sum().backward());
            for part in &parts {
                accumulator.add_weighted(squares(part.clone()).mean().backward(), part.shape()[0] as f64);
            }
            assert_eq!(accumulator.weight(), 7.0);
            let (mean, of_whole) = (accumulator.take_mean().unwrap(), squares(x.clone()).mean().backward());
            for param in net.parameters() {
                assert!(sum[param].allclose(&whole[param], 1e-13, 1e-13));
                assert!(mean[param].allclose(&of_whole[param], 1e-13, 1e-13));
            }
            assert_eq!(accumulator.weight(), 0.0);
        }
    }

    #[test]
    fn a_parameter_that_only_some_parts_reach_counts_in_the_mean() {
        let [a, b] = [1.0, 2.0].map(|value| Param::new(Tensor::f64([value]), Group::Weight));
        let mut accumulator = Accumulator::new();
        accumulator.add(Tape::training(0).param(&a).sum().backward());
        accumulator.add(Tape::training(0).param(&b).sum().backward());
        let mean = accumulator.take_mean().unwrap();
        assert_eq!((mean[&a].item(), mean[&b].item()), (0.5, 0.5));
    }
}
