//! Layers without parameters: ReLU, leaky ReLU, dropout, flatten.

use crate::Result;
use crate::error::{expect, setting};
use tape::Rectifier;

/// max(x, 0); the slope at 0 is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relu;

/// x where x > 0, else `slope`·x.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    slope: f64,
}

impl LeakyRelu {
    /// With this slope below 0; 0.01 is usual.
    ///
    /// # Panics
    /// If the slope is NaN or infinite; [`LeakyRelu::try_new`] returns the error.
    #[track_caller]
    pub fn new(slope: f64) -> LeakyRelu {
        expect(LeakyRelu::try_new(slope))
    }

    /// With this slope below 0.
    ///
    /// # Errors
    /// If the slope is NaN or infinite.
    pub fn try_new(slope: f64) -> Result<LeakyRelu> {
        if slope.is_finite() {
            Ok(LeakyRelu { slope })
        } else {
            setting("LeakyRelu", format!("the slope is {slope}; it must be finite"))
        }
    }
}

/// Drops every element with probability p and scales the others by 1/(1 − p), on tapes that drop: [`tape::Tape::training`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// With this probability.
    ///
    /// # Panics
    /// If it is not in [0, 1]; [`Dropout::try_new`] returns the error.
    #[track_caller]
    pub fn new(p: f64) -> Dropout {
        expect(Dropout::try_new(p))
    }

    /// With this probability.
    ///
    /// # Errors
    /// If it is not in [0, 1].
    pub fn try_new(p: f64) -> Result<Dropout> {
        if (0.0..=1.0).contains(&p) {
            Ok(Dropout { p })
        } else {
            setting("Dropout", format!("p is {p}; a probability is in [0, 1]"))
        }
    }
}

/// All axes but the first as one: `[N, …]` to `[N, features]`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Flatten;

/// The traits of layers without parameters: `Name => |this, x| forward;`, with `rectifier |this| …` where they are one, `lipschitz |this| …` for a bound and
/// `piecewise |this, chain| …` for the linear regions and `onnx |this, at, graph, y| …` for the nodes.
macro_rules! without_parameters {
    ($($layer:ident => |$this:ident, $x:ident| $forward:expr $(, rectifier |$that:ident| $rectifier:expr)? $(, lipschitz |$of:ident| $bound:expr)? $(, piecewise |$part:ident, $chain:ident| $piecewise:expr)? $(, onnx |$one:ident, $at:ident, $graph:ident, $y:ident| $onnx:expr)?;)+) => {$(
        impl<T: tape::Float> $crate::Module<T> for $layer {
            fn visit<'a>(&'a self, _: &mut $crate::module::Path, _: &mut dyn $crate::module::Visitor<'a, T>) {}
            fn visit_mut<'a>(&'a mut self, _: &mut $crate::module::Path, _: &mut dyn $crate::module::VisitorMut<'a, T>) {}
        }
        impl<U: tape::Float> $crate::module::CastTo<U> for $layer {
            type Output = $layer;
            fn cast_to(&self) -> $layer {
                *self
            }
        }
        impl<T: tape::Float> $crate::Layer<T> for $layer {
            #[track_caller]
            fn forward(&self, $x: tape::Var<T>) -> tape::Var<T> {
                let $this = self;
                $forward
            }
            $(
                fn lipschitz(&self, at: &mut $crate::module::Path, bounds: &mut $crate::lipschitz::Certificate) -> $crate::Result<()> {
                    let $of = self;
                    bounds.push(at, stringify!($layer), $bound)
                }
            )?
            $(
                fn rectifier(&self, _: &tape::Tape<T>) -> Option<tape::Rectifier<T>> {
                    let $that = self;
                    Some($rectifier)
                }
            )?
            $(
                #[track_caller]
                fn piecewise(&self, $chain: &mut $crate::regions::Piecewise) -> $crate::Result<()> {
                    let $part = self;
                    $piecewise
                }
            )?
            $(
                fn onnx(&self, $at: &mut $crate::module::Path, $graph: &mut $crate::onnx::Graph, $y: $crate::onnx::Value) -> $crate::Result<$crate::onnx::Value> {
                    let $one = self;
                    Ok($onnx)
                }
            )?
        }
    )+};
}
pub(super) use without_parameters;
without_parameters! {
    Relu => |_this, x| x.relu(), rectifier |_this| Rectifier::Relu;
    LeakyRelu => |this, x| x.leaky_relu(this.slope), rectifier |this| Rectifier::LeakyRelu(this.slope);
    Dropout => |this, x| x.dropout(this.p), lipschitz |_this| Ok(1.0), piecewise |_this, _chain| Ok(()),
        onnx |_this, _at, _graph, y| y;
    Flatten => |_this, x| if x.rank() == 0 { x } else { x.flatten(1) }, lipschitz |_this| Ok(1.0), piecewise |_this, chain| chain.averages(Flatten),
        onnx |_this, at, graph, y| graph.flatten(at, y);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layer as _;
    use tape::{Shape, Tape, Tensor};

    #[test]
    fn values() {
        let tape = Tape::inference();
        let x = || tape.input(Tensor::from([[-2.0, 0.0, 3.0]]));
        assert_eq!(Relu.forward(x()).to_vec(), [0.0, 0.0, 3.0]);
        assert_eq!(LeakyRelu::new(0.5).forward(x()).to_vec(), [-1.0, 0.0, 3.0]);
        assert_eq!(Dropout::new(0.5).forward(x()).to_vec(), [-2.0, 0.0, 3.0]);
        let flat = |shape: &[usize]| *Flatten.forward(tape.input(Tensor::zeros(shape))).shape();
        assert_eq!([flat(&[4, 2, 3]), flat(&[4]), flat(&[0, 2, 2])], [[4, 6], [4, 1], [0, 4]].map(Shape::from));
        assert_eq!(flat(&[]).rank(), 0);
    }

    #[test]
    fn bad_settings_are_errors() {
        assert_eq!(
            LeakyRelu::try_new(f64::NAN).unwrap_err().to_string(),
            "LeakyRelu: the slope is NaN; it must be finite"
        );
        assert_eq!(Dropout::try_new(1.5).unwrap_err().to_string(), "Dropout: p is 1.5; a probability is in [0, 1]");
    }
}
