//! The rectifier's smooth and bounded relatives, as layers with PyTorch's defaults: what ReLU and its leaky kin are compared with.
//!
//! Formulas, derivatives and papers stand with the methods of [`tape::Var`] that they call.

use super::stateless::without_parameters;
use crate::Result;
use crate::error::{expect, setting};
use crate::lipschitz::steepest;

/// The error for regions of a layer that is not made of lines.
fn curved(layer: &str) -> Result<()> {
    let problem = format!(
        "{layer} is curved: a network with it has no linear regions. Put Relu, LeakyRelu, PRelu or Hardtanh in its place, take the layers before it alone \
         (`Piecewise::then`), or ask `nn::lipschitz` how steep the network is"
    );
    setting("piecewise", problem)
}

/// x where x > 0, else α(eˣ − 1): [`tape::Var::elu`]. α is 1 unless given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    alpha: f64,
}

/// ELU scaled so that mean 0 and variance 1 are kept from layer to layer: [`tape::Var::selu`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Selu;

/// x where x > 0, else α(e^(x/α) − 1), which has no kink: [`tape::Var::celu`]. α is 1 unless given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Celu {
    alpha: f64,
}

/// x·Φ(x), exact: [`tape::Var::gelu`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Gelu;

/// GELU's approximation, PyTorch's `approximate="tanh"`: [`tape::Var::gelu_tanh`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GeluTanh;

/// x·σ(x), also called swish: [`tape::Var::silu`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Silu;

/// x·tanh(softplus x): [`tape::Var::mish`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mish;

/// ln(1 + e^(βx))/β, and x where βx is beyond a threshold: [`tape::Var::softplus_with`]. 1 and 20 unless given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softplus {
    beta: f64,
    threshold: f64,
}

/// x·relu6(x + 3)/6: [`tape::Var::hardswish`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hardswish;

/// relu6(x + 3)/6: [`tape::Var::hardsigmoid`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hardsigmoid;

/// x between 0 and 6: [`tape::Var::relu6`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu6;

/// x between two bounds, −1 and 1 unless given: [`tape::Var::clamp`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hardtanh {
    low: f64,
    high: f64,
}

without_parameters! {
    Elu => |this, x| x.elu(this.alpha), lipschitz |this| Ok(steepest::elu::<T>(this.alpha)), piecewise |_this, _chain| curved("Elu"),
        onnx |this, at, graph, y| graph.with_alpha(at, "Elu", y, this.alpha);
    Selu => |_this, x| x.selu(), lipschitz |_this| Ok(steepest::SELU), piecewise |_this, _chain| curved("Selu"),
        onnx |_this, at, graph, y| graph.map(at, "Selu", &y, Vec::new());
    Celu => |this, x| x.celu(this.alpha), lipschitz |this| steepest::celu::<T>(this.alpha), piecewise |_this, _chain| curved("Celu"),
        onnx |this, at, graph, y| graph.with_alpha(at, "Celu", y, this.alpha);
    Gelu => |_this, x| x.gelu(), lipschitz |_this| Ok(steepest::GELU), piecewise |_this, _chain| curved("Gelu"),
        onnx |_this, at, graph, y| graph.map(at, "Gelu", &y, Vec::new());
    GeluTanh => |_this, x| x.gelu_tanh(), lipschitz |_this| Ok(steepest::GELU_TANH), piecewise |_this, _chain| curved("GeluTanh"),
        onnx |_this, at, graph, y| graph.map(at, "Gelu", &y, vec![("approximate", crate::onnx::Attribute::Text("tanh"))]);
    Silu => |_this, x| x.silu(), lipschitz |_this| Ok(steepest::SILU), piecewise |_this, _chain| curved("Silu"),
        onnx |_this, at, graph, y| graph.silu(at, y);
    Mish => |_this, x| x.mish(), lipschitz |_this| Ok(steepest::MISH), piecewise |_this, _chain| curved("Mish"),
        onnx |_this, at, graph, y| graph.map(at, "Mish", &y, Vec::new());
    Softplus => |this, x| x.softplus_with(this.beta, this.threshold),
        lipschitz |this| steepest::softplus::<T>(this.beta, this.threshold), piecewise |_this, _chain| curved("Softplus"),
        onnx |this, at, graph, y| graph.softplus(at, y, this.beta, this.threshold);
    Hardswish => |_this, x| x.hardswish(), lipschitz |_this| Ok(steepest::HARDSWISH), piecewise |_this, _chain| curved("Hardswish"),
        onnx |_this, at, graph, y| graph.map(at, "HardSwish", &y, Vec::new());
    Hardsigmoid => |_this, x| x.hardsigmoid(), lipschitz |_this| Ok(steepest::HARDSIGMOID),
        piecewise |_this, chain| chain.bend(&[-3.0, 3.0], &[0.0, 1.0 / 6.0, 0.0], 0.0),
        onnx |_this, at, graph, y| graph.hardsigmoid(at, y);
    Relu6 => |_this, x| x.relu6(), lipschitz |_this| Ok(1.0), piecewise |_this, chain| chain.bend(&[0.0, 6.0], &[0.0, 1.0, 0.0], 0.0),
        onnx |_this, at, graph, y| graph.clip(at, y, 0.0, 6.0);
    Hardtanh => |this, x| x.clamp(this.low, this.high), lipschitz |_this| Ok(1.0),
        piecewise |this, chain| chain.clamp(T::from_f64(this.low).to_f64(), T::from_f64(this.high).to_f64()),
        onnx |this, at, graph, y| graph.clip(at, y, this.low, this.high);
}

impl Elu {
    /// With this α: the layer falls to −α.
    ///
    /// # Panics
    /// If α is NaN or infinite; [`Elu::try_new`] returns the error.
    #[track_caller]
    pub fn new(alpha: f64) -> Elu {
        expect(Elu::try_new(alpha))
    }

    /// With this α.
    ///
    /// # Errors
    /// If α is NaN or infinite.
    pub fn try_new(alpha: f64) -> Result<Elu> {
        match alpha.is_finite() {
            true => Ok(Elu { alpha }),
            false => setting("Elu", format!("α is {alpha}; it must be finite")),
        }
    }
}

impl Default for Elu {
    fn default() -> Elu {
        Elu { alpha: 1.0 }
    }
}

impl Celu {
    /// With this α: the layer falls to −α.
    ///
    /// # Panics
    /// If α or 1/α is NaN or, in f32, infinite; [`Celu::try_new`] returns the error.
    #[track_caller]
    pub fn new(alpha: f64) -> Celu {
        expect(Celu::try_new(alpha))
    }

    /// With this α.
    ///
    /// # Errors
    /// If α or 1/α is NaN or, in f32, infinite.
    pub fn try_new(alpha: f64) -> Result<Celu> {
        match (alpha as f32).is_finite() && (1.0 / alpha as f32).is_finite() {
            true => Ok(Celu { alpha }),
            false => setting("Celu", format!("α is {alpha}; it and 1/α must be finite")),
        }
    }
}

impl Default for Celu {
    fn default() -> Celu {
        Celu { alpha: 1.0 }
    }
}

impl Softplus {
    /// With this β, straight from where βx exceeds the threshold.
    ///
    /// # Panics
    /// If β is not finite and above 0, or if the threshold is NaN; [`Softplus::try_new`] returns the error.
    #[track_caller]
    pub fn new(beta: f64, threshold: f64) -> Softplus {
        expect(Softplus::try_new(beta, threshold))
    }

    /// With this β, straight from where βx exceeds the threshold.
    ///
    /// # Errors
    /// If β is not finite and above 0, or if the threshold is NaN.
    pub fn try_new(beta: f64, threshold: f64) -> Result<Softplus> {
        match (beta as f32).is_finite() && beta as f32 > 0.0 && !threshold.is_nan() {
            true => Ok(Softplus { beta, threshold }),
            false => {
                let problem = "β must be finite and above 0, the threshold no NaN";
                setting("Softplus", format!("β is {beta} and the threshold {threshold}; {problem}"))
            }
        }
    }
}

impl Default for Softplus {
    fn default() -> Softplus {
        Softplus { beta: 1.0, threshold: 20.0 }
    }
}

impl Hardtanh {
    /// Between these bounds, which may be infinite.
    ///
    /// # Panics
    /// If `low` is not below `high`; [`Hardtanh::try_new`] returns the error.
    #[track_caller]
    pub fn new(low: f64, high: f64) -> Hardtanh {
        expect(Hardtanh::try_new(low, high))
    }

    /// Between these bounds, which may be infinite.
    ///
    /// # Errors
    /// If `low` is not below `high`.
    pub fn try_new(low: f64, high: f64) -> Result<Hardtanh> {
        match low < high {
            true => Ok(Hardtanh { low, high }),
            false => {
                setting("Hardtanh", format!("the bounds are {low} and {high}; the first must be below the second"))
            }
        }
    }
}

impl Default for Hardtanh {
    fn default() -> Hardtanh {
        Hardtanh { low: -1.0, high: 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_settings_are_errors() {
        let texts = [
            Elu::try_new(f64::NAN).unwrap_err(),
            Celu::try_new(0.0).unwrap_err(),
            Celu::try_new(1e-60).unwrap_err(),
            Softplus::try_new(0.0, 20.0).unwrap_err(),
            Softplus::try_new(1.0, f64::NAN).unwrap_err(),
            Hardtanh::try_new(1.0, 1.0).unwrap_err(),
            Hardtanh::try_new(f64::NAN, 1.0).unwrap_err(),
        ]
        .map(|error| error.to_string());
        assert_eq!(texts[0], "Elu: α is NaN; it must be finite");
        assert_eq!(texts[1], "Celu: α is 0; it and 1/α must be finite");
        assert!(texts[2].starts_with("Celu: α is 0.0") && texts[3].starts_with("Softplus: β is 0 and"), "{texts:?}");
        assert!(texts[4].contains("the threshold no NaN"), "{}", texts[4]);
        assert_eq!(texts[5], "Hardtanh: the bounds are 1 and 1; the first must be below the second");
    }
}
