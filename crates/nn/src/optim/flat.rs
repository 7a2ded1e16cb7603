//! The trainable parameters of a module as one vector of f64: for methods that look at all of them at once.

use crate::error::setting;
use crate::module::{Module, Path, VisitorMut};
use crate::{Error, Result};
use tape::{Float, Gradients, Param, Tensor, Var};

/// How long such a vector is; an error where the method cannot work with the module.
pub(super) fn length<T: Float>(what: &'static str, net: &impl Module<T>) -> Result<usize> {
    let mut length = 0;
    for (name, param) in trainable(net) {
        if param.bounds().is_some() {
            let way_out = "freeze it (`Param::set_trainable`), or take Adam or Sgd, whose steps end between the bounds";
            return setting(what, format!("`{name}` has bounds, which this method cannot keep; {way_out}"));
        }
        length += param.value().len();
    }
    if length == 0 {
        return setting(what, "the module has no trainable parameter");
    }
    Ok(length)
}

/// The parameters' numbers.
pub(super) fn numbers<T: Float>(net: &impl Module<T>) -> Vec<f64> {
    trainable(net).flat_map(|(_, param)| to_f64(param.value())).collect()
}

/// Gives the parameters other numbers, rounded to their float type.
pub(super) fn set_numbers<T: Float>(net: &mut impl Module<T>, numbers: &[f64]) {
    struct Write<'n>(&'n [f64]);
    impl<'a, T: Float> VisitorMut<'a, T> for Write<'_> {
        fn param(&mut self, _: &str, param: &'a mut Param<T>) {
            if !param.is_trainable() {
                return;
            }
            let (own, rest) = self.0.split_at(param.value().len());
            self.0 = rest;
            let to = param.value_mut().make_mut();
            to.iter_mut().zip(own).for_each(|(to, &number)| *to = T::from_f64(number));
        }
    }
    net.visit_mut(&mut Path::default(), &mut Write(numbers));
}

/// The gradients, 0 where the loss does not reach; an error that names the first number which is not finite.
pub(super) fn gradient<T: Float>(net: &impl Module<T>, grads: &Gradients<T>) -> Result<Vec<f64>> {
    let mut all = Vec::new();
    for (name, param) in trainable(net) {
        let start = all.len();
        match grads.of(param) {
            Some(gradient) => all.extend(to_f64(gradient)),
            None => all.resize(start + param.value().len(), 0.0),
        }
        if let Some(element) = all[start..].iter().position(|number| !number.is_finite()) {
            return Err(Error::GradientNotFinite { name, element, value: all[start + element] });
        }
    }
    Ok(all)
}

/// Lets parts of a recorded vector stand for the parameters.
pub(super) fn bind<T: Float>(net: &impl Module<T>, vector: &Var<T>) {
    let mut at = 0;
    for (_, param) in trainable(net) {
        let (length, shape) = (param.value().len(), *param.value().shape());
        vector.tape().bind(param, &vector.clone().narrow(0, at, length).reshape(shape));
        at += length;
    }
}

fn trainable<T: Float>(net: &impl Module<T>) -> impl Iterator<Item = (String, &Param<T>)> {
    net.named_parameters().into_iter().filter(|(_, param)| param.is_trainable())
}

fn to_f64<T: Float>(tensor: &Tensor<T>) -> impl Iterator<Item = f64> {
    tensor.iter().map(T::to_f64)
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// √Σx², without overflow or underflow on the way; NaN or ∞ where there is one.
pub(super) fn norm(x: &[f64]) -> f64 {
    let plain = dot(x, x);
    if plain.is_normal() && plain > 1e-280 {
        return plain.sqrt();
    }
    let largest = largest(x);
    if largest == 0.0 || !largest.is_finite() {
        return largest;
    }
    largest * x.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// The largest |x|; NaN where there is one, 0 of nothing.
pub(super) fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |most: f64, x| if x.is_nan() || most.is_nan() { f64::NAN } else { most.max(x.abs()) })
}

/// a + t·b
pub(super) fn along(a: &[f64], t: f64, b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + t * b).collect()
}
