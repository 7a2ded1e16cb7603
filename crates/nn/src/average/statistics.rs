//! Running statistics gathered anew: averaged weights have other activations than those that were seen.

use crate::{Error, Module, Result};
use tape::{Float, Rng, Tape, Tensor, Updates, Var};

/// Gathers running statistics anew, as PyTorch's `swa_utils.update_bn`: what batch norms keep becomes the mean, over the batches, of each batch's mean and
/// unbiased variance (Izmailov et al. 2018). Parameters stay. Passes are those of training, and `seed` drives their dropout.
///
/// A custom layer takes part through [`Tape::update_running`].
///
/// ```
/// use nn::average::update_bn;
/// use nn::data::Loader;
/// use nn::prelude::*;
/// let mut rng = Rng::seed(1);
/// let (train, _) = nn::data::digits()?;
/// let mut net = (Linear::new(64, 8, &mut rng), BatchNorm::new(8), Relu, Linear::new(8, 10, &mut rng));
/// let batches = Loader::new(train, 256);
/// update_bn(&mut net, 1, batches, |net, tape, (images, _)| net.forward(tape.input(images)))?;
/// assert!(net.1.running_mean().value().to_vec().iter().all(|&mean| mean != 0.0));
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If a batch cannot be had, or if a statistic is not finite. The module is as it was then.
pub fn update_bn<T: Float, M: Module<T>, B>(
    net: &mut M,
    seed: u64,
    batches: impl IntoIterator<Item = Result<B>>,
    forward: impl Fn(&M, &Tape<T>, B) -> Var<T>,
) -> Result<()> {
    let (mut seeds, mut all) = (Rng::seed(seed), None::<Updates<T>>);
    for batch in batches {
        let tape = Tape::training(seeds.next_u64()).averaging_statistics();
        forward(net, &tape, batch?);
        match &mut all {
            None => all = Some(tape.updates()),
            Some(all) => all.merge(&tape.updates()),
        }
    }
    let Some(all) = all else { return Ok(()) };
    for (name, buffer) in net.named_buffers() {
        let numbers = all.get(buffer).map(Tensor::to_vec).unwrap_or_default();
        if let Some(element) = numbers.iter().position(|x| !x.to_f64().is_finite()) {
            return Err(Error::UpdateNotFinite { name, element, value: numbers[element].to_f64() });
        }
    }
    net.apply_updates(&all);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;

    fn net() -> (BatchNorm<f64>, Linear<f64>, BatchNorm<f64>) {
        let mut rng = Rng::seed(3);
        (BatchNorm::new(2).cast(), Linear::new(2, 3, &mut rng).cast(), BatchNorm::new(3).cast())
    }

    fn batch(seed: u64, examples: usize) -> Tensor<f64> {
        Tensor::randn([examples, 2], &mut Rng::seed(seed)).cast::<f64>() * 3.0 + 1.5
    }

    /// Mean and unbiased variance of each column, naively.
    fn moments(x: &Tensor<f64>) -> [Vec<f64>; 2] {
        let (rows, columns) = (x.shape()[0], x.shape()[1]);
        let column = |j: usize| (0..rows).map(move |i| x.at([i, j]));
        let mean = |j: usize| column(j).sum::<f64>() / rows as f64;
        let variance = |j: usize| column(j).map(|v| (v - mean(j)).powi(2)).sum::<f64>() / (rows - 1) as f64;
        [(0..columns).map(mean).collect(), (0..columns).map(variance).collect()]
    }

    #[test]
    fn statistics_are_the_means_of_the_batches() {
        let mut net = net();
        let sizes = [4, 7, 2];
        let batches = || sizes.iter().enumerate().map(|(seed, &examples)| batch(seed as u64, examples));
        let before: Vec<Vec<f64>> = net.parameters().iter().map(|param| param.value().to_vec()).collect();
        let forward = |net: &(BatchNorm<f64>, Linear<f64>, BatchNorm<f64>), x: Var<f64>| net.forward(x);
        update_bn(&mut net, 1, batches().map(Ok), |net, tape, x| forward(net, tape.input(x))).unwrap();
        let after: Vec<Vec<f64>> = net.parameters().iter().map(|param| param.value().to_vec()).collect();
        assert_eq!(before, after);
        let inner = batches().map(|x| {
            let tape = Tape::training(1);
            moments(net.1.forward(net.0.forward(tape.input(x))).value())
        });
        let own = [batches().map(|x| moments(&x)).collect::<Vec<_>>(), inner.collect()];
        for (norm, all) in [&net.0, &net.2].into_iter().zip(own) {
            for (of, got) in [norm.running_mean(), norm.running_var()].into_iter().enumerate() {
                for (j, got) in got.value().to_vec().into_iter().enumerate() {
                    let exact = all.iter().map(|batch| batch[of][j]).sum::<f64>() / 3.0;
                    assert!((got - exact).abs() < 1e-12, "{got} {exact}");
                }
            }
        }
    }

    #[test]
    fn nothing_changes_after_an_error_or_without_batches() {
        let mut net = net();
        let means = |net: &(BatchNorm<f64>, Linear<f64>, BatchNorm<f64>)| net.0.running_mean().value().to_vec();
        let forward =
            |net: &(BatchNorm<f64>, Linear<f64>, BatchNorm<f64>), tape: &Tape<f64>, x| net.forward(tape.input(x));
        update_bn(&mut net, 1, Vec::<Result<Tensor<f64>>>::new(), forward).unwrap();
        let broken = || crate::error::setting("test", "no batch");
        assert!(update_bn(&mut net, 1, [Ok(batch(1, 4)), broken()], forward).is_err());
        let endless = batch(1, 4) * f64::INFINITY;
        let error = update_bn(&mut net, 1, [Ok(batch(1, 4)), Ok(endless)], forward).unwrap_err().to_string();
        assert!(error.contains("the update of the buffer `0.running_mean` is "), "{error}");
        assert_eq!(means(&net), [0.0, 0.0]);
    }
}
