//! conv: convolution, features last: x `[N, …, C]` by w `[K…, C / groups, F]` gives `[N, …, F]`, over one, two or three spatial axes.
//!
//! y[n, o, f] = Σ_{k, c} x[n, o·stride + k·dilation − padding, c]·w[k, c, f] + bias[f]: what deep learning calls convolution (the window
//! is not turned round). dx is the transposed convolution of dy by w, dw[k, c, f] = Σ_{n, o} x[n, …, c]·dy[n, o, f], db = Σ dy. The three
//! passes are one another's gradients, so second order costs no rule of its own. [`Var::conv_act`] rectifies in the same pass and reads
//! the sides from its output, as `linear_act` does.
//!
//! ```
//! use tape::{Conv, Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([1.0, 2.0, 3.0, 4.0]).reshape([1, 4, 1]));
//! let w = tape.var(Tensor::from([1.0, 0.5]).reshape([2, 1, 1]));
//! let y = x.clone().conv(&w, None, &Conv::new());
//! assert_eq!(y.to_vec(), [2.0, 3.5, 5.0]);
//! let grads = y.sum().backward();
//! assert_eq!((grads[&x].to_vec(), grads[&w].to_vec()), (vec![1.0, 1.5, 1.5, 0.5], vec![6.0, 9.0]));
//! ```

mod settings;
#[cfg(test)]
mod tests;

use super::linear_act::{Act, Rectifier};
use super::{leaky_relu, prelu, relu};
use crate::error::expect;
use crate::{Float, Keeps, Kept, Moments, Op, Operand, Result, Shape, Tensor, Var};
use kernels::{ConvGeometry, Epilogue};
pub use settings::{Conv, ConvAxis, Padding, PerAxis};
use std::cell::OnceCell;
use std::rc::Rc;

/// y of x and w, with a bias and a rectifier: operands x, w, the bias if there is one, PReLU's α last.
struct Forward<T: Float> {
    geometry: ConvGeometry,
    shape: Shape,
    has_bias: bool,
    act: Option<Act<T>>,
    /// Where the result's moments go, if they are wanted.
    moments: Option<Rc<OnceCell<Moments<T>>>>,
}

/// dx of dy and w: the transposed convolution; with a bias as a third operand.
struct ToData {
    geometry: ConvGeometry,
    /// Of the result, and of what it is the gradient of.
    shapes: [Shape; 2],
}

/// dw of x and dy.
struct ToWeights {
    geometry: ConvGeometry,
    /// Of the result, and of dy.
    shapes: [Shape; 2],
}

fn slice<T: Float>(x: &Tensor<T>) -> &[T] {
    x.as_slice().expect("contiguous")
}

impl<T: Float, const N: usize> Op<T, N> for Forward<T> {
    fn name(&self) -> &'static str {
        if self.act.is_some() { "conv_act" } else { "conv" }
    }
    fn shape(&self, _: [&Shape; N]) -> Result<Shape> {
        Ok(self.shape)
    }
    fn keeps(&self, _: [&Tensor<T>; N]) -> Keeps {
        let keeps = Keeps::operand(0).and(Keeps::operand(1));
        match self.act {
            None => keeps,
            Some(Act::PRelu) => keeps.and(Keeps::RESULT).and(Keeps::operand(N - 1)),
            Some(_) => keeps.and(Keeps::RESULT),
        }
    }
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        let operands = operands.map(Tensor::contiguous);
        let (x, w) = (slice(&operands[0]), slice(&operands[1]));
        if let Some(cell) = &self.moments {
            let vector = || Tensor::unspecified(Shape::from([self.geometry.filters]));
            let (mut mean, mut variance) = (vector(), vector());
            let y = Tensor::fill_with(self.shape, |y| {
                kernels::conv_moments(&self.geometry, x, w, y, (mean.fresh_mut(), variance.fresh_mut()));
            });
            let count = y.len() / self.geometry.filters.max(1);
            // A second pass over the same op finds the same.
            let _ = cell.set(Moments { mean, variance, count });
            return y;
        }
        let bias = self.has_bias.then(|| slice(&operands[2]));
        let rectifier = match self.act {
            None => kernels::Rectifier::None,
            Some(Act::Relu) => kernels::Rectifier::Relu,
            Some(Act::Leaky(slope)) => kernels::Rectifier::Leaky(slope),
            Some(Act::PRelu) => kernels::Rectifier::PRelu(slice(&operands[N - 1])),
        };
        Tensor::fill_with(self.shape, |y| kernels::conv(&self.geometry, x, w, y, Epilogue { bias, rectifier }))
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; N] {
        let mut cotangents = [const { None }; N];
        let dz = match self.act {
            None => dy,
            Some(Act::Relu) => relu::slope_times(kept.y(), dy),
            Some(Act::Leaky(slope)) => leaky_relu::slope_times(slope, kept.y(), dy),
            Some(Act::PRelu) => {
                let (y, alpha) = (kept.y(), kept.x(N - 1));
                let wanted = [true, kept.needs(N - 1)];
                let [dz, d_alpha] = prelu::rule(&kept, wanted, (y, true), alpha, dy);
                cotangents[N - 1] = d_alpha;
                dz.expect("it was wanted")
            }
        };
        let (x, w, geometry) = (kept.x(0), kept.x(1), self.geometry);
        let (of_x, of_w) = (*x.shape(), *w.shape());
        cotangents[1] =
            kept.needs(1).then(|| ToWeights { geometry, shapes: [of_w, self.shape] }.apply([x, dz.clone()]));
        cotangents[0] = kept.needs(0).then(|| ToData { geometry, shapes: [of_x, self.shape] }.apply([dz.clone(), w]));
        if self.has_bias {
            cotangents[2] = Some(dz);
        }
        cotangents
    }
}

impl<T: Float, const N: usize> Op<T, N> for ToData {
    fn name(&self) -> &'static str {
        "conv_transpose"
    }
    fn shape(&self, _: [&Shape; N]) -> Result<Shape> {
        Ok(self.shapes[0])
    }
    fn keeps(&self, _: [&Tensor<T>; N]) -> Keeps {
        Keeps::operand(0).and(Keeps::operand(1))
    }
    fn forward(&mut self, operands: [Tensor<T>; N]) -> Tensor<T> {
        let operands = operands.map(Tensor::contiguous);
        let epilogue = Epilogue { bias: operands.get(2).map(slice), rectifier: kernels::Rectifier::None };
        Tensor::fill_with(self.shapes[0], |dx| {
            kernels::conv_backward_data(&self.geometry, slice(&operands[0]), slice(&operands[1]), dx, epilogue);
        })
    }
    fn vjp(&self, mut kept: Kept<'_, T>, d: Var<T>) -> [Option<Var<T>>; N] {
        let mut cotangents = [const { None }; N];
        let (dy, w, geometry) = (kept.x(0), kept.x(1), self.geometry);
        let of_w = *w.shape();
        cotangents[1] =
            kept.needs(1).then(|| ToWeights { geometry, shapes: [of_w, self.shapes[1]] }.apply([d.clone(), dy]));
        cotangents[0] = kept.needs(0).then(|| plain(geometry, self.shapes[1]).apply([d.clone(), w]));
        if N == 3 {
            cotangents[2] = Some(d);
        }
        cotangents
    }
}

impl<T: Float> Op<T, 2> for ToWeights {
    fn name(&self) -> &'static str {
        "conv_weights"
    }
    fn shape(&self, _: [&Shape; 2]) -> Result<Shape> {
        Ok(self.shapes[0])
    }
    fn forward(&mut self, operands: [Tensor<T>; 2]) -> Tensor<T> {
        let [x, dy] = operands.map(Tensor::contiguous);
        Tensor::fill_with(self.shapes[0], |dw| {
            kernels::conv_backward_weights(&self.geometry, slice(&x), slice(&dy), dw);
        })
    }
    fn vjp(&self, mut kept: Kept<'_, T>, d: Var<T>) -> [Option<Var<T>>; 2] {
        let (x, dy, geometry) = (kept.x(0), kept.x(1), self.geometry);
        let shapes = [*x.shape(), self.shapes[1]];
        let dx = kept.needs(0).then(|| ToData { geometry, shapes }.apply([dy, d.clone()]));
        let d_dy = kept.needs(1).then(|| plain(geometry, self.shapes[1]).apply([x, d]));
        [dx, d_dy]
    }
}

/// y of x and w alone.
fn plain<T: Float>(geometry: ConvGeometry, shape: Shape) -> Forward<T> {
    Forward { geometry, shape, has_bias: false, act: None, moments: None }
}

impl<T: Float> Var<T> {
    /// x ∗ w + bias over the spatial axes of x `[N, …, C]`; `weight` is `[K…, C / groups, F]`, `bias` `[F]`.
    ///
    /// # Panics
    /// If the shapes do not fit: another number of spatial axes (1 to 3), channels that groups do not divide, a window larger than
    /// padded x.
    #[track_caller]
    pub fn conv(self, weight: impl Operand<T>, bias: Option<&Var<T>>, settings: &Conv) -> Var<T> {
        let weight = weight.on(self.tape());
        let (geometry, shape) = expect(settings.forward("conv", self.shape(), weight.shape()));
        match bias {
            None => plain(geometry, shape).apply([self, weight]),
            Some(bias) => {
                expect(settings::check_bias("conv", bias.shape(), geometry.filters));
                let op = Forward { has_bias: true, ..plain(geometry, shape) };
                op.apply([self, weight, bias.clone()])
            }
        }
    }

    /// x ∗ w, and its moments, from parts of it that are still in the cache: what a batch norm behind it needs
    /// ([`Var::batch_norm_act_given`]).
    ///
    /// # Panics
    /// As [`Var::conv`].
    #[track_caller]
    pub fn conv_moments(self, weight: impl Operand<T>, settings: &Conv) -> (Var<T>, Moments<T>) {
        let weight = weight.on(self.tape());
        let (geometry, shape) = expect(settings.forward("conv", self.shape(), weight.shape()));
        let cell = Rc::new(OnceCell::new());
        let y = Forward { moments: Some(Rc::clone(&cell)), ..plain(geometry, shape) }.apply([self, weight]);
        let moments = cell.get().cloned().unwrap_or_else(|| y.value().moments());
        (y, moments)
    }

    /// f(x ∗ w + bias), f the rectifier: what [`Var::conv`] and the rectifier give, in one op where that can be (as for
    /// [`Var::linear_act`]).
    ///
    /// # Panics
    /// As [`Var::conv`].
    #[track_caller]
    pub fn conv_act(
        self,
        weight: impl Operand<T>,
        bias: Option<&Var<T>>,
        act: Rectifier<T>,
        settings: &Conv,
    ) -> Var<T> {
        let weight = weight.on(self.tape());
        let (geometry, shape) = expect(settings.forward("conv", self.shape(), weight.shape()));
        if self.tape().is_observing() || !act.fuses(geometry.filters) {
            return act.apply(self.conv(weight, bias, settings));
        }
        if let Some(bias) = bias {
            expect(settings::check_bias("conv", bias.shape(), geometry.filters));
        }
        let (has_bias, kind) = (bias.is_some(), act.kind());
        let op = Forward { has_bias, act: Some(kind), ..plain(geometry, shape) };
        match (act, bias) {
            (Rectifier::PRelu(alpha), Some(bias)) => op.apply([self, weight, bias.clone(), alpha]),
            (Rectifier::PRelu(alpha), None) => op.apply([self, weight, alpha]),
            (_, Some(bias)) => op.apply([self, weight, bias.clone()]),
            (_, None) => op.apply([self, weight]),
        }
    }

    /// The transposed convolution of x `[N, …, C]`: the gradient of a convolution to its data, with x in the place of dy. `weight` is that
    /// convolution's, `[K…, F / groups, C]`, `bias` `[F]`; the result `[N, …, F]` has (size − 1)·stride − padding before and after
    /// \+ (K − 1)·dilation + 1 + output padding places on each axis.
    ///
    /// # Panics
    /// As [`Var::conv`], and if padding leaves no place, or if the output padding is not below stride or dilation.
    #[track_caller]
    pub fn conv_transpose(self, weight: impl Operand<T>, bias: Option<&Var<T>>, settings: &Conv) -> Var<T> {
        let weight = weight.on(self.tape());
        let (geometry, shape) = expect(settings.transposed("conv_transpose", self.shape(), weight.shape()));
        let op = ToData { geometry, shapes: [shape, *self.shape()] };
        match bias {
            None => op.apply([self, weight]),
            Some(bias) => {
                expect(settings::check_bias("conv_transpose", bias.shape(), geometry.channels));
                op.apply([self, weight, bias.clone()])
            }
        }
    }
}

impl<T: Float> Tensor<T> {
    /// x ∗ w + bias, as [`Var::conv`].
    ///
    /// # Panics
    /// As [`Var::conv`].
    #[track_caller]
    pub fn conv(&self, weight: &Tensor<T>, bias: Option<&Tensor<T>>, settings: &Conv) -> Tensor<T> {
        let tape = crate::Tape::inference();
        let bias = bias.map(|bias| tape.input(bias.clone()));
        tape.input(self.clone()).conv(weight, bias.as_ref(), settings).into_value()
    }

    /// The transposed convolution, as [`Var::conv_transpose`].
    ///
    /// # Panics
    /// As [`Var::conv_transpose`].
    #[track_caller]
    pub fn conv_transpose(&self, weight: &Tensor<T>, bias: Option<&Tensor<T>>, settings: &Conv) -> Tensor<T> {
        let tape = crate::Tape::inference();
        let bias = bias.map(|bias| tape.input(bias.clone()));
        tape.input(self.clone()).conv_transpose(weight, bias.as_ref(), settings).into_value()
    }
}

#[cfg(test)]
pub(super) use tests::entries;
