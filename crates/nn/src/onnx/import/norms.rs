//! Normalisations.

use super::affine::fits;
use super::builder::{Builder, Importer};
use super::file::{Problem, Result, unsupported};
use super::known::{Known, as_in_file, features_last, named_after};
use crate::{BatchNorm, InstanceNorm, LayerNorm, Module as _};
use tape::{Float, Tensor};

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[("BatchNormalization", batch), ("InstanceNormalization", instance), ("LayerNormalization", layer)]
}

fn refused(error: crate::Error) -> Problem {
    Problem::Damaged(error.to_string())
}

/// The shares of old and new in running statistics add up to 1: ONNX names that of the old, we that of the new.
fn batch<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    if node.int("training_mode", 0)? != 0 || x.rank() < 2 {
        return unsupported("statistics of the batch, of `training_mode`; export the model in evaluation");
    }
    let weight = builder.weight(node, 1)?;
    let features = weight.len();
    let parts: Vec<Tensor<T>> = (1..5).map(|part| builder.vector(node, part, features)).collect::<Result<_>>()?;
    fits(x.sizes[1], features, "features")?;
    let share = (1.0 - node.float("momentum", 0.9)?).clamp(0.0, 1.0);
    let epsilon = node.float("epsilon", 1e-5)?;
    let norm = BatchNorm::new(features).with(epsilon.into(), share.into()).map_err(refused)?;
    let mut norm = norm.cast::<T>();
    norm.set(parts.try_into().expect("there are four"));
    let x = builder.arranged(&x, &features_last(x.rank()));
    Ok(builder.layer(&named_after(node, 1), norm, &x, x.clone()))
}

fn instance<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    if x.rank() < 3 {
        return unsupported(format!("a value of {} axes, which has no places", x.rank()));
    }
    let weight = builder.weight(node, 1)?;
    let features = weight.len();
    let (weight, bias) = (builder.vector(node, 1, features)?, builder.vector(node, 2, features)?);
    fits(x.sizes[1], features, "features")?;
    let epsilon = node.float("epsilon", 1e-5)?;
    let norm = InstanceNorm::new(features).with_epsilon(epsilon.into()).map_err(refused)?;
    let mut norm = norm.cast::<T>();
    norm.set(weight, bias);
    let x = builder.arranged(&x, &features_last(x.rank()));
    Ok(builder.layer(&named_after(node, 1), norm, &x, x.clone()))
}

fn layer<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    let last = x.rank() - 1;
    if x.inner_axis(node.int("axis", -1)?)? != last {
        return unsupported("more than the last axis");
    }
    let weight = builder.weight(node, 1)?;
    let features = weight.len();
    let weight = builder.vector(node, 1, features).map(|_| weight)?;
    let bias = match node.input(2) {
        None => None,
        Some(_) => Some(builder.vector(node, 2, features)?),
    };
    fits(x.sizes[last], features, "features")?;
    let epsilon = node.float("epsilon", 1e-5)?;
    let norm = LayerNorm::new(features).with_epsilon(epsilon.into()).map_err(refused)?;
    let mut norm = norm.cast::<T>();
    norm.set(weight, bias);
    let x = if x.place(last) == last { x } else { builder.arranged(&x, &as_in_file(last + 1)) };
    Ok(builder.layer(&named_after(node, 1), norm, &x, x.clone()))
}
