//! A step of the flow: a coupling whose scale and shift are leaky networks, a leaky rectifier with learned slopes, a turn.

use nn::prelude::*;
use tape::Float;

/// Slopes are held between this and its inverse.
const LEAST: f64 = 0.8;
/// And start here.
const START: f32 = 0.9;
/// Hidden units of a coupling.
const WIDTH: usize = 32;
/// By one radian: what a coupling moves, the next one looks at, and each rectifier bends another direction.
const TURN: [[f64; 2]; 2] =
    [[0.540_302_305_868_139_8, 0.841_470_984_807_896_5], [-0.841_470_984_807_896_5, 0.540_302_305_868_139_8]];

/// What bends the plane.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// Scale and shift of a coupling are numbers, so that only rectifiers bend.
    Rectifiers,
    /// All slopes are 1.
    Couplings,
    Both,
}

/// One step of the flow.
#[derive(Clone, Module)]
pub struct Step<T: Float> {
    hidden: (Linear<T>, LeakyRelu, Linear<T>, LeakyRelu),
    out: Linear<T>,
    act: ConstrainedPRelu<T>,
    is_constant: bool,
}

impl Step<f32> {
    pub fn new(kind: Kind, rng: &mut Rng) -> Self {
        let leaky = LeakyRelu::new(0.2);
        let hidden = (Linear::new(1, WIDTH, rng), leaky, Linear::new(WIDTH, WIDTH, rng), leaky);
        let mut out = Linear::new(WIDTH, 2, rng);
        *out.weight_mut().value_mut() = out.weight().value() * 0.1;
        let act =
            ConstrainedPRelu::per_feature(2, Constraint::Range(LEAST, 1.0 / LEAST), Enforcement::Reparametrisation);
        let mut act = act.starting_at(if kind == Kind::Couplings { 1.0 } else { START });
        act.param_mut().set_trainable(kind != Kind::Couplings);
        Step { hidden, out, act, is_constant: kind == Kind::Rectifiers }
    }
}

impl<T: Float> Step<T> {
    /// ln of the scale, and the shift, for the second coordinate; given the first.
    fn coupling(&self, a: Var<T>) -> (Var<T>, Var<T>) {
        let a = if self.is_constant { a * 0.0 } else { a };
        let both = self.out.forward(self.hidden.forward(a));
        (both.clone().narrow(-1, 0, 1).tanh(), both.narrow(-1, 1, 1))
    }

    /// (a, b) to (a, b·eˢ + t), rectified and turned. ln|det| is s and the rectifier's: ln α for each coordinate below 0.
    pub fn forward(&self, x: Var<T>) -> nn::Result<(Var<T>, Var<T>)> {
        let (a, b) = (x.clone().narrow(-1, 0, 1), x.narrow(-1, 1, 1));
        let (s, t) = self.coupling(a.clone());
        let moved = Var::concat(&[a, b * s.clone().exp() + t], -1);
        let (bent, of_act) = self.act.forward_with_log_det(moved)?;
        Ok((bent.matmul(Tensor::f64(TURN).cast::<T>()), s.sum_axes(1) + of_act))
    }

    pub fn inverse(&self, y: Var<T>) -> nn::Result<Var<T>> {
        let x = self.act.inverse(y.matmul(Tensor::f64(TURN).cast::<T>().transpose()))?;
        let (a, b) = (x.clone().narrow(-1, 0, 1), x.narrow(-1, 1, 1));
        let (s, t) = self.coupling(a.clone());
        Ok(Var::concat(&[a, (b - t) * (-s).exp()], -1))
    }

    /// The learned slopes, one per coordinate.
    pub fn slopes(&self) -> Tensor<T> {
        self.act.alpha()
    }
}
