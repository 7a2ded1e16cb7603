//! Norms, scaling and clipping of parameters' gradients.
//!
//! Clipping never hides what is wrong: gradients with a NaN or an infinity stay as they are, so that an optimiser's step refuses them.
//! (The usual formulas make 0 or NaN of the rest, or turn an infinity into the limit.) The norm is built without overflow or
//! underflow on the way, and its factor from gradients to clipped ones never passes through a number that is out of range.

use super::{Gradients, Slots};
use crate::{Error, Float, Result, Tensor};
use kernels::{Axes, Broadcast, In1, In2, Reduce};

/// A norm as scale · root: finite where the norm itself may be beyond the largest number.
#[derive(Clone, Copy)]
struct Norm {
    scale: f64,
    root: f64,
}

impl<T: Float> Gradients<T> {
    /// The norm √Σg² of all parameters' gradients together; NaN or infinite where a gradient is.
    ///
    /// ```
    /// use tape::{Group, Param, Tape, Tensor};
    /// let w = Param::new(Tensor::from([1.0, 1.0]), Group::Weight);
    /// let grads = (Tape::training(0).param(&w) * 3e38).sum().backward();
    /// assert!((grads.norm() / 3e38f64.hypot(3e38) - 1.0).abs() < 1e-6); // beyond the largest f32
    /// ```
    pub fn norm(&self) -> f64 {
        let Norm { scale, root } = self.scaled_norm();
        scale * root
    }

    /// Scales the gradients down so that their norm is at most `most`; the norm they had. A norm that is NaN or infinite because a
    /// gradient is leaves them as they are.
    ///
    /// The factor is most / norm (PyTorch's has norm + 1e-6).
    ///
    /// ```
    /// use tape::{Group, Param, Tape, Tensor};
    /// let w = Param::new(Tensor::from([3.0, 4.0]), Group::Weight);
    /// let mut grads = (Tape::training(0).param(&w).square().sum() * 0.5).backward();
    /// assert_eq!(grads.clip_norm(1.0)?, 5.0);
    /// assert_eq!(grads[&w].to_vec(), [0.6, 0.8]);
    /// # Ok::<(), tape::Error>(())
    /// ```
    ///
    /// # Errors
    /// If `most` is NaN or negative. Nothing is changed then.
    pub fn clip_norm(&mut self, most: f64) -> Result<f64> {
        check("clip_norm", most)?;
        let Norm { scale, root } = self.scaled_norm();
        let norm = scale * root;
        if root.is_finite() && scale.is_finite() && norm > most {
            let share = most / root;
            self.each_mut(|numbers| times(numbers, share / scale, |x| x / scale * share));
        }
        Ok(norm)
    }

    /// Brings every element of the gradients between −`most` and `most`, unless one is NaN or infinite: then all stay as they are.
    ///
    /// # Errors
    /// If `most` is NaN or negative. Nothing is changed then.
    pub fn clip_value(&mut self, most: f64) -> Result<()> {
        check("clip_value", most)?;
        let mut all_finite = true;
        self.each_mut(|numbers| all_finite &= kernels::is_finite_all(&[&*numbers]).is_none());
        if all_finite {
            let most = T::from_f64(most);
            self.each_mut(|x| kernels::clamp(-most, most, In1::Over { x }));
        }
        Ok(())
    }

    /// Multiplies every parameter's gradient by a number.
    pub fn scale(&mut self, factor: f64) {
        self.each_mut(|numbers| times(numbers, factor, |x| x * factor));
    }

    fn each_mut(&mut self, mut change: impl FnMut(&mut [T])) {
        let Slots { values, params, .. } = &mut self.slots;
        for &(_, id) in &*params {
            if let Some(gradient) = &mut values[id as usize] {
                change(gradient.make_mut());
            }
        }
    }

    fn scaled_norm(&self) -> Norm {
        let norms: Vec<Norm> = self.params().map(|(_, gradient)| norm_of(gradient)).collect();
        if let Some(bad) = norms.iter().find(|norm| norm.root.is_nan()) {
            return *bad;
        }
        // Scales are at least as large as what they scale, so roots are moderate.
        let scale = norms.iter().map(|norm| norm.scale).fold(0.0, f64::max);
        if scale == 0.0 || scale.is_infinite() {
            return Norm { scale, root: 1.0 };
        }
        let sum: f64 = norms.iter().map(|norm| (norm.root * (norm.scale / scale)).powi(2)).sum();
        Norm { scale, root: sum.sqrt() }
    }
}

fn check(op: &'static str, most: f64) -> Result<()> {
    if most >= 0.0 {
        return Ok(());
    }
    Err(Error::Argument { op, problem: format!("the limit is {most}; it must not be negative or NaN") })
}

fn norm_of<T: Float>(gradient: &Tensor<T>) -> Norm {
    let numbers = gradient.clone().contiguous();
    let x = numbers.as_slice().expect("made contiguous");
    let mut norm = [T::ZERO];
    kernels::norm2(Reduce { x, shape: &[x.len()], axes: Axes::ALL, y: &mut norm });
    let norm = norm[0].to_f64();
    if norm.is_finite() {
        return Norm { scale: norm, root: 1.0 };
    }
    if norm.is_nan() || x.iter().any(|x| !x.is_finite()) {
        return Norm { scale: f64::INFINITY, root: if x.iter().any(|x| x.is_nan()) { f64::NAN } else { 1.0 } };
    }
    // Every element is finite, and their norm is beyond the largest T.
    let scale = x.iter().map(|x| x.to_f64().abs()).fold(0.0, f64::max);
    Norm { scale, root: x.iter().map(|x| (x.to_f64() / scale).powi(2)).sum::<f64>().sqrt() }
}

/// x·factor; by `slow`, in f64, where the factor is so small that T cannot tell it well.
fn times<T: Float>(numbers: &mut [T], factor: f64, slow: impl Fn(f64) -> f64) {
    let least = if size_of::<T>() == 4 { f64::from(f32::MIN_POSITIVE) } else { f64::MIN_POSITIVE };
    if factor.abs() >= least || factor == 0.0 || factor.is_nan() {
        let factor = T::from_f64(factor);
        kernels::mul(In2::OverA { a: numbers, b: Broadcast::scalar(&factor) });
    } else {
        numbers.iter_mut().for_each(|x| *x = T::from_f64(slow(x.to_f64())));
    }
}

#[cfg(test)]
mod tests {
    use crate::{Gradients, Group, Param, Tape, Tensor};

    fn params<const N: usize>(numbers: [&[f64]; N]) -> [Param<f64>; N] {
        numbers.map(|numbers| Param::new(Tensor::f64(numbers), Group::Weight))
    }

    /// Gradients that are these numbers.
    fn of<T: crate::Float>(params: &[Param<T>]) -> Gradients<T> {
        let tape = Tape::training(0);
        let terms = params.iter().map(|param| (tape.param(param) * param.value()).sum());
        terms.reduce(|a, b| a + b).unwrap().backward()
    }

    #[test]
    fn the_norm_is_that_of_all_parameters_together() {
        let params = params([&[1.0, -2.0, 3.0], &[], &[0.5], &[0.0, 0.0]]);
        let mut grads = of(&params);
        let expected = (1.0f64 + 4.0 + 9.0 + 0.25).sqrt();
        assert!((grads.norm() - expected).abs() < 1e-14);
        assert_eq!(grads.clip_norm(4.0).unwrap(), grads.norm());
        assert_eq!(grads[&params[0]].to_vec(), [1.0, -2.0, 3.0], "nothing to clip");
        let norm = grads.clip_norm(0.5).unwrap();
        assert!((norm - expected).abs() < 1e-14 && (grads.norm() - 0.5).abs() < 1e-15);
        for (got, before) in grads[&params[0]].iter().zip([1.0, -2.0, 3.0]) {
            assert!((got - before * 0.5 / expected).abs() < 1e-15);
        }
        grads.clip_norm(0.0).unwrap();
        assert_eq!(grads[&params[0]].to_vec(), [0.0; 3]);
        assert_eq!((grads.norm(), grads.clip_norm(1.0).unwrap()), (0.0, 0.0));
    }

    #[test]
    fn huge_and_tiny_gradients_keep_their_directions() {
        for size in [f64::MAX, 1e300, 1e160, 1e-160, 1e-300, 3e-308] {
            let params = params([&[size, -size], &[size, 0.5 * size]]);
            let mut grads = of(&params);
            let root = 3.25f64.sqrt();
            let norm = grads.clip_norm(size * 1e-3).unwrap();
            assert!(norm == size * root || (norm / size / root - 1.0).abs() < 1e-14, "{size:e}: {norm:e}");
            let after = grads[&params[1]].to_vec();
            let expected = [1e-3 / root, 0.5e-3 / root];
            for (after, expected) in after.iter().zip(expected) {
                // Subnormal numbers have fewer digits.
                assert!((after / size - expected).abs() < 1e-14 + 5e-324 / size, "{size:e}: {after:e}");
            }
        }
        for size in [f32::MAX, 1e30, 1e-20, 1e-38] {
            let param = [Param::new(Tensor::from([size; 100]), Group::Weight)];
            let mut grads = of(&param);
            let norm = grads.clip_norm(1e-30).unwrap();
            assert!((norm / f64::from(size) - 10.0).abs() < 1e-5, "{size:e}: {norm:e}");
            let expected = (f64::from(size)).min(1e-31);
            for got in grads[&param[0]].iter() {
                assert!((f64::from(got) / expected - 1.0).abs() < 1e-5, "{size:e}: {got:e}");
            }
        }
    }

    /// PyTorch's clip_grad_norm_ makes 0 and NaN of gradients with an infinity, clip_grad_value_ the limit: the step then goes on.
    #[test]
    fn what_is_not_finite_stays_visible() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let params = params([&[1.0, 7.0], &[bad, 2.0]]);
            let mut grads = of(&params);
            *grads.of_mut(&params[1]).unwrap() = Tensor::f64([bad, 2.0]);
            let is_untouched = |grads: &Gradients<f64>| {
                let second = grads[&params[1]].to_vec();
                let is_bad = second[0] == bad || (second[0].is_nan() && bad.is_nan());
                grads[&params[0]].to_vec() == [1.0, 7.0] && is_bad && second[1] == 2.0
            };
            let norm = grads.clip_norm(0.1).unwrap();
            assert!(norm.is_nan() == bad.is_nan() && !norm.is_finite());
            assert!(is_untouched(&grads));
            grads.clip_value(0.1).unwrap();
            assert!(is_untouched(&grads));
        }
    }

    #[test]
    fn values_are_clipped_on_both_sides() {
        let params = params([&[0.5, -0.5, 3.0, -1e300, -0.0]]);
        let mut grads = of(&params);
        grads.clip_value(1.0).unwrap();
        assert_eq!(grads[&params[0]].to_vec(), [0.5, -0.5, 1.0, -1.0, 0.0]);
        grads.scale(-2.0);
        assert_eq!(grads[&params[0]].to_vec(), [-1.0, 1.0, -2.0, 2.0, 0.0]);
    }

    #[test]
    fn limits_that_make_no_sense_are_errors() {
        let params = params([&[3.0]]);
        let mut grads = of(&params);
        for bad in [-1.0, f64::NAN] {
            let text = grads.clip_norm(bad).unwrap_err().to_string();
            assert_eq!(text, format!("clip_norm: the limit is {bad}; it must not be negative or NaN"));
            assert!(grads.clip_value(bad).is_err());
        }
        grads.clip_value(f64::INFINITY).unwrap();
        assert_eq!((grads.clip_norm(f64::INFINITY).unwrap(), grads[&params[0]].item()), (3.0, 3.0));
    }

    /// entrenar: the factor was the limit over the norm's square.
    #[test]
    fn peer_bug_z09() {
        let params = params([&[6.0], &[8.0]]);
        let mut grads = of(&params);
        assert_eq!(grads.clip_norm(1.0).unwrap(), 10.0);
        assert_eq!(
            [&params[0], &params[1]].map(|param| grads[param].to_vec()[0]),
            [6.0 * (1.0 / 10.0), 8.0 * (1.0 / 10.0)]
        );
    }

    /// PyTorch: one infinite element made all others 0 and itself NaN.
    #[test]
    fn peer_bug_z11() {
        for bad in [f64::INFINITY, f64::NAN] {
            let params = params([&[3.0], &[bad]]);
            let mut grads = of(&params);
            assert!(!grads.clip_norm(1.0).unwrap().is_finite());
            assert_eq!(grads[&params[0]].to_vec(), [3.0]);
            assert_eq!(grads[&params[1]].to_vec()[0].to_bits(), bad.to_bits());
        }
    }

    /// PyTorch: a negative limit reversed every gradient.
    #[test]
    fn peer_bug_z13() {
        let params = params([&[3.0, 4.0]]);
        let mut grads = of(&params);
        assert!(grads.clip_norm(-1.0).is_err());
        assert_eq!(grads[&params[0]].to_vec(), [3.0, 4.0]);
    }
}
