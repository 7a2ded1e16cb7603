//! Networks with other numbers and the same predictions.
//!
//! | from | to | where |
//! |---|---|---|
//! | (γ, β, α) before weights W | (−αγ, −αβ, 1/α) before −W | [`twin`]: PReLU(−αz; 1/α) = −PReLU(z; α) for α > 0 |
//! | (γ, β) before W | (cγ, cβ) before W/c | [`rescale`]: PReLU(cz; α) = c·PReLU(z; α) for c > 0 |
//! | a layer and the batch norm behind it | one layer | [`fold`], in evaluation |
//!
//! So γ, β and α do not say each by itself what a batch norm and its PReLU do: two trained models may be one. Both parameterisations have the same outputs on every tape, but not
//! the same gradients: an optimiser goes other ways from either.
//!
//! ```
//! use nn::prelude::*;
//! use nn::equivalence::{fold, twin};
//! let mut rng = Rng::seed(1);
//! let mut net = (Linear::new(3, 8, &mut rng), BatchNorm::new(8), PRelu::per_feature(8), Linear::new(8, 2, &mut rng));
//! let x = Tensor::randn([5, 3], &mut rng);
//! let before = net.forward(Tape::inference().input(x.clone()));
//!
//! let (_, norm, act, out) = (&net.0, &mut net.1, &mut net.2, &mut net.3);
//! twin(norm, act, out)?;
//! assert_eq!(act.alpha().value().to_vec(), [4.0; 8]); // 0.25 before
//! let after = net.forward(Tape::inference().input(x.clone()));
//! assert!(before.value().allclose(after.value(), 1e-5, 1e-6));
//!
//! fold(&mut net.0, &net.1)?;
//! let without_norm = (net.0, net.2, net.3);
//! let after = without_norm.forward(Tape::inference().input(x));
//! assert!(before.value().allclose(after.value(), 1e-5, 1e-6));
//! # Ok::<(), nn::Error>(())
//! ```

mod layers;

#[cfg(test)]
mod tests;

use crate::error::setting;
use crate::{BatchNorm, Module, PRelu, Result};
use tape::Float;

/// A layer whose outputs can be scaled and shifted, feature by feature, by changing its parameters: linear layers, convolutions, batch norm.
pub trait Outputs<T: Float = f32>: Module<T> + Clone {
    /// The number of output features: the size of the last axis.
    fn outputs(&self) -> usize;

    /// From y to scale·y + shift, for each feature.
    fn map_outputs(&mut self, scale: &[f64], shift: &[f64]);
}

/// A layer whose inputs can be scaled, feature by feature, by changing its parameters: linear layers and convolutions.
pub trait Inputs<T: Float = f32>: Module<T> + Clone {
    /// Whether the layer reads so many features: on the last axis, or for a linear layer behind a [`crate::Flatten`] several times over.
    fn reads(&self, features: usize) -> bool;

    /// From f(x) to f(scale·x), with a scale for each feature.
    fn scale_inputs(&mut self, scale: &[f64]);
}

/// Brings a model to its twin under the symmetry PReLU(−α·z; 1/α) = −PReLU(z; α): what `before` makes is multiplied by −α, α becomes 1/α, and `next` absorbs the sign. Predictions stay,
/// to rounding: with a batch norm before it, (γ, β, α) becomes (−αγ, −αβ, 1/α).
///
/// α is one for all features or one for each. Between `before` and `next` may stand, besides the PReLU, what keeps features apart and is linear: dropout, flatten, mean
/// pooling; not maximum pooling, which the sign turns over. Nothing else may read the PReLU's output, such as a residual connection.
///
/// # Errors
/// If an α is not above 0 or 1/α is not finite, if α is neither shared nor one for each feature, if sizes do not fit, or if a parameter would be infinite. Nothing is changed then.
pub fn twin<T: Float>(before: &mut impl Outputs<T>, act: &mut PRelu<T>, next: &mut impl Inputs<T>) -> Result<()> {
    let features = before.outputs();
    check_next("twin", features, next)?;
    let alpha = act.alpha().value();
    let by_feature = alpha.rank() == 0 || alpha.len() == alpha.shape()[alpha.rank() - 1];
    if !by_feature || !(alpha.len() == 1 || alpha.len() == features) {
        let shape = alpha.shape();
        let problem = format!(
            "α has shape {shape:?} and the layer before {features} features; it must be shared or one for each of them"
        );
        return setting("twin", problem);
    }
    let slopes: Vec<f64> = alpha.iter().map(T::to_f64).collect();
    let inverses: Vec<T> = slopes.iter().map(|slope| T::from_f64(1.0 / slope)).collect();
    let is_possible =
        |(slope, inverse): (&f64, &T)| *slope > 0.0 && inverse.to_f64().is_finite() && inverse.to_f64() > 0.0;
    if let Some(at) = slopes.iter().zip(&inverses).position(|pair| !is_possible(pair)) {
        let problem = format!(
            "α is {} at element {at}; the twin's is 1/α, for α above 0 (other slopes have no twin: keep them positive while training)",
            slopes[at]
        );
        return setting("twin", problem);
    }
    let scale: Vec<f64> = (0..features).map(|i| -slopes[if slopes.len() == 1 { 0 } else { i }]).collect();
    change("twin", (before, &scale), (next, &vec![-1.0; features]))?;
    act.alpha_mut().value_mut().make_mut().copy_from_slice(&inverses);
    Ok(())
}

/// Multiplies each feature that `before` makes by a number above 0 and has `next` divide by it: with rectifiers between them, of any slopes, predictions stay, to rounding.
///
/// Between the two may stand what is positively homogeneous and keeps features apart: ReLU, leaky and parametric ReLU, dropout, flatten, pooling. Nothing else may read the features.
///
/// # Errors
/// If a number is not above 0 and finite, if there is not one for each feature, if sizes do not fit, or if a parameter would be infinite. Nothing is changed then.
///
/// ```
/// use nn::{equivalence::rescale, prelude::*};
/// let mut rng = Rng::seed(1);
/// let mut net = (Conv2d::new(1, 2, 3, &mut rng), Relu, Conv2d::new(2, 1, 3, &mut rng));
/// let x = Tensor::randn([1, 8, 8, 1], &mut rng);
/// let before = net.forward(Tape::inference().input(x.clone()));
/// rescale(&mut net.0, &mut net.2, &[8.0, 0.5])?;
/// assert_eq!(net.forward(Tape::inference().input(x)).to_vec(), before.to_vec()); // to the bit, for powers of 2
/// # Ok::<(), nn::Error>(())
/// ```
pub fn rescale<T: Float>(before: &mut impl Outputs<T>, next: &mut impl Inputs<T>, by: &[f64]) -> Result<()> {
    let features = before.outputs();
    check_next("rescale", features, next)?;
    if by.len() != features {
        return setting("rescale", format!("{} numbers for {features} features", by.len()));
    }
    if let Some(at) = by.iter().position(|number| !(*number > 0.0 && number.is_finite())) {
        let problem =
            format!("{} for feature {at}; it must be above 0 and finite: rectifiers let no sign through", by[at]);
        return setting("rescale", problem);
    }
    let inverses: Vec<f64> = by.iter().map(|number| 1.0 / number).collect();
    change("rescale", (before, by), (next, &inverses))
}

/// Folds a batch norm into the layer before it, so that the layer alone does what both do in evaluation: W·γ/√(variance + ε), and the bias that belongs to it (which the layer gets
/// if it had none). Leave the norm out behind it; [`BatchNorm::as_affine`] is what it was.
///
/// # Errors
/// If the norm has another number of features, if variance + ε is not above 0, or if a parameter would not be finite. Nothing is changed then.
pub fn fold<T: Float>(layer: &mut impl Outputs<T>, norm: &BatchNorm<T>) -> Result<()> {
    let (features, normed) = (layer.outputs(), norm.weight().value().len());
    if features != normed {
        return setting("fold", format!("the layer makes {features} features, the norm behind it has {normed}"));
    }
    let [scale, shift] = norm.as_affine()?.map(|tensor| tensor.to_vec());
    let mut trial = layer.clone();
    trial.map_outputs(&scale, &shift);
    check_finite("fold", &trial)?;
    layer.map_outputs(&scale, &shift);
    Ok(())
}

/// Scales what `before` makes and `next` reads, both or neither.
fn change<T: Float>(
    what: &'static str,
    (before, outputs): (&mut impl Outputs<T>, &[f64]),
    (next, inputs): (&mut impl Inputs<T>, &[f64]),
) -> Result<()> {
    let unshifted = vec![0.0; outputs.len()];
    let (mut first, mut second) = (before.clone(), next.clone());
    first.map_outputs(outputs, &unshifted);
    second.scale_inputs(inputs);
    check_finite(what, &first)?;
    check_finite(what, &second)?;
    before.map_outputs(outputs, &unshifted);
    next.scale_inputs(inputs);
    Ok(())
}

fn check_next<T: Float>(what: &'static str, features: usize, next: &impl Inputs<T>) -> Result<()> {
    match next.reads(features) {
        true => Ok(()),
        false => {
            setting(what, format!("the next layer does not read {features} features; give the layer that reads them"))
        }
    }
}

fn check_finite<T: Float>(what: &'static str, layer: &impl Module<T>) -> Result<()> {
    for (name, param) in layer.named_parameters() {
        if let Some(number) = param.value().iter().find(|number| !number.to_f64().is_finite()) {
            return setting(what, format!("`{name}` would hold {number:?}; nothing was changed"));
        }
    }
    Ok(())
}
