//! [`Module`]: something with named parameters.
//!
//! A module shows its parameters to a visitor, each with a dotted name: `hidden.weight`, `layers.0.bias`. Everything else
//! (counting, freezing, optimising, saving) is a visitor. Names are written into one buffer as the walk goes down, so a walk
//! allocates nothing once the buffer has grown.
//!
//! ```
//! use nn::prelude::*;
//!
//! #[derive(Module, Clone)]
//! struct Block { linear: Linear, act: PRelu, rate: f64 } // numbers, bool and String are settings: no parameters
//!
//! #[derive(Module, Clone)]
//! struct Net { layers: Vec<Block>, head: Option<Linear> }
//!
//! let mut rng = Rng::seed(1);
//! let block = Block { linear: Linear::new(3, 2, &mut rng), act: PRelu::shared(), rate: 0.5 };
//! let net = Net { layers: vec![block.clone(), block], head: None };
//! let names: Vec<String> = net.named_parameters().into_iter().map(|(name, _)| name).collect();
//! assert_eq!(names[..3], ["layers.0.linear.weight", "layers.0.linear.bias", "layers.0.act.alpha"]);
//! assert_eq!(net.num_parameters(), 2 * (3 * 2 + 2 + 1));
//! ```

mod containers;

pub(crate) use containers::of_every_length;

use crate::files::{self, Layout};
use crate::{Buffer, Differences, Result};
pub use tape::Float;
use tape::{Param, ParamId, Tensor, Updates};

/// Something with named parameters; derive it.
///
/// A field named twice cannot happen: `visit_mut` hands out every parameter at most once, or it does not compile. A parameter is tied
/// by using it twice in `forward`.
///
/// ```compile_fail,E0499
/// # use nn::{prelude::*, module::{Path, Visitor, VisitorMut}};
/// struct Twice { w: Param }
/// impl Module for Twice {
///     fn visit<'a>(&'a self, path: &mut Path, v: &mut dyn Visitor<'a>) {}
///     fn visit_mut<'a>(&'a mut self, path: &mut Path, v: &mut dyn VisitorMut<'a>) {
///         v.param("w", &mut self.w);
///         v.param("w again", &mut self.w);
///     }
/// }
/// ```
#[expect(
    clippy::wrong_self_convention,
    reason = "`from_pytorch` reads into a module that exists: only that knows its shapes"
)]
pub trait Module<T: Float = f32> {
    /// Shows every parameter and buffer, in the order of the fields.
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>);

    /// Shows every parameter and buffer, to be changed, in the same order under the same names.
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>);

    /// Every parameter once.
    fn parameters(&self) -> Vec<&Param<T>> {
        self.named_parameters().into_iter().map(|(_, param)| param).collect()
    }

    /// Every parameter once, with its name.
    fn named_parameters(&self) -> Vec<(String, &Param<T>)> {
        struct List<'a, T: Float>(Vec<(String, &'a Param<T>)>);
        impl<'a, T: Float> Visitor<'a, T> for List<'a, T> {
            fn param(&mut self, name: &str, param: &'a Param<T>) {
                if self.0.iter().all(|(_, other)| other.id() != param.id()) {
                    self.0.push((name.to_string(), param));
                }
            }
        }
        let mut list = List(Vec::new());
        self.visit(&mut Path::default(), &mut list);
        list.0
    }

    /// Every parameter, to be changed, with its name.
    fn named_parameters_mut(&mut self) -> Vec<(String, &mut Param<T>)> {
        struct List<'a, T: Float>(Vec<(String, &'a mut Param<T>)>);
        impl<'a, T: Float> VisitorMut<'a, T> for List<'a, T> {
            fn param(&mut self, name: &str, param: &'a mut Param<T>) {
                self.0.push((name.to_string(), param));
            }
        }
        let mut list = List(Vec::new());
        self.visit_mut(&mut Path::default(), &mut list);
        list.0
    }

    /// Every buffer with its name: state that is saved but not trained.
    fn named_buffers(&self) -> Vec<(String, &Buffer<T>)> {
        struct List<'a, T: Float>(Vec<(String, &'a Buffer<T>)>);
        impl<'a, T: Float> Visitor<'a, T> for List<'a, T> {
            fn param(&mut self, _: &str, _: &'a Param<T>) {}
            fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
                self.0.push((name.to_string(), buffer));
            }
        }
        let mut list = List(Vec::new());
        self.visit(&mut Path::default(), &mut list);
        list.0
    }

    /// Writes what a forward pass made of the buffers. A step does this with its gradients' updates; this is for passes
    /// without a step, such as estimating running statistics anew: `net.apply_updates(&tape.updates())`.
    fn apply_updates(&mut self, updates: &Updates<T>) {
        struct Apply<'u, T: Float>(&'u Updates<T>);
        impl<'a, T: Float> VisitorMut<'a, T> for Apply<'_, T> {
            fn param(&mut self, _: &str, _: &'a mut Param<T>) {}
            fn buffer(&mut self, _: &str, buffer: &'a mut Buffer<T>) {
                if let Some(value) = self.0.get(buffer) {
                    *buffer.value_mut() = value.clone();
                }
            }
        }
        self.visit_mut(&mut Path::default(), &mut Apply(updates));
    }

    /// How many numbers the parameters hold, frozen ones included.
    fn num_parameters(&self) -> usize {
        struct Count(usize, Vec<ParamId>);
        impl<T: Float> Visitor<'_, T> for Count {
            fn param(&mut self, _: &str, param: &Param<T>) {
                if !self.1.contains(&param.id()) {
                    self.0 += param.value().len();
                    self.1.push(param.id());
                }
            }
        }
        let mut count = Count(0, Vec::new());
        self.visit(&mut Path::default(), &mut count);
        count.0
    }

    /// Stops gradients to every parameter: optimisers leave them alone.
    fn freeze(&mut self) {
        self.visit_mut(&mut Path::default(), &mut SetTrainable(false));
    }

    /// Lets gradients flow to every parameter again.
    fn unfreeze(&mut self) {
        self.visit_mut(&mut Path::default(), &mut SetTrainable(true));
    }

    /// The same module in another precision, with parameters of its own: `net.cast::<f64>()` for gradient checks.
    fn cast<U: Float>(&self) -> <Self as CastTo<U>>::Output
    where
        Self: CastTo<U> + Sized,
    {
        self.cast_to()
    }

    /// Writes parameters and buffers as safetensors, under their names, with `layout: rectify` in the header.
    ///
    /// The file appears whole or not at all: it is written beside its place and moved there.
    ///
    /// # Errors
    /// If it cannot be written; an older file of that name is then as it was.
    fn save(&self, path: impl AsRef<std::path::Path>) -> Result<()>
    where
        Self: Sized,
    {
        files::save(self, path.as_ref(), Layout::Rectify)
    }

    /// Reads parameters and buffers that [`Module::save`] wrote. Numbers come back as they were, NaN and infinities included.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or does not hold exactly this module's names, shapes and float type, or if a number is
    /// beyond the bounds of its parameter. The module is then as it was.
    fn load(&mut self, path: impl AsRef<std::path::Path>) -> Result<()>
    where
        Self: Sized,
    {
        files::load(self, path.as_ref(), Layout::Rectify)
    }

    /// The bytes that [`Module::save`] writes.
    ///
    /// # Errors
    /// If two tensors have the same name.
    fn to_bytes(&self) -> Result<Vec<u8>>
    where
        Self: Sized,
    {
        files::to_bytes(self, Layout::Rectify)
    }

    /// As [`Module::load`], of bytes: a model that is part of the program.
    ///
    /// # Errors
    /// As [`Module::load`].
    fn load_bytes(&mut self, bytes: &[u8]) -> Result<()>
    where
        Self: Sized,
    {
        files::load_bytes(self, bytes, "(bytes)".as_ref(), Layout::Rectify)
    }

    /// Writes a file that `module.load_state_dict(safetensors.torch.load_file(path))` reads in PyTorch: its names (a PReLU's slopes
    /// are `weight`) and axes (a linear weight is `[out, in]`). Fields are named as PyTorch names attributes, layers of
    /// [`crate::Sequential`], tuples and vectors as PyTorch's `Sequential` and `ModuleList` do: by position.
    ///
    /// # Errors
    /// If it cannot be written, if PyTorch has no form for a tensor (slopes for each element), or if two get the same name there.
    fn to_pytorch(&self, path: impl AsRef<std::path::Path>) -> Result<()>
    where
        Self: Sized,
    {
        files::save(self, path.as_ref(), Layout::Pytorch)
    }

    /// Reads a safetensors file with PyTorch's names and axes, from [`Module::to_pytorch`] or from `safetensors.torch.save_file`.
    /// Numbers of any float type (f16, bf16, f32, f64) are rounded to this module's.
    ///
    /// # Errors
    /// If the file cannot be read, is damaged, or does not hold exactly this module's names and shapes: the error is a table of what
    /// did not match. The module is then as it was.
    fn from_pytorch(&mut self, path: impl AsRef<std::path::Path>) -> Result<()>
    where
        Self: Sized,
    {
        files::load(self, path.as_ref(), Layout::Pytorch)
    }

    /// The bytes that [`Module::to_pytorch`] writes.
    ///
    /// # Errors
    /// As [`Module::to_pytorch`], the system aside.
    fn to_pytorch_bytes(&self) -> Result<Vec<u8>>
    where
        Self: Sized,
    {
        files::to_bytes(self, Layout::Pytorch)
    }

    /// As [`Module::from_pytorch`], of bytes.
    ///
    /// # Errors
    /// As [`Module::from_pytorch`].
    fn from_pytorch_bytes(&mut self, bytes: &[u8]) -> Result<()>
    where
        Self: Sized,
    {
        files::load_bytes(self, bytes, "(bytes)".as_ref(), Layout::Pytorch)
    }

    /// As [`Module::from_pytorch`], but reads what matches, leaves the rest of the module as it was, and returns the table of what
    /// did not match: for a network with another head.
    ///
    /// # Errors
    /// If the file cannot be read or is damaged. The module is then as it was.
    fn from_pytorch_where_it_fits(&mut self, path: impl AsRef<std::path::Path>) -> Result<Differences>
    where
        Self: Sized,
    {
        files::load_where_it_fits(self, path.as_ref(), Layout::Pytorch)
    }
}

/// How PyTorch writes a tensor that is written otherwise here; see [`Visitor::pytorch`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pytorch {
    /// The last part of its name there, if it is another.
    pub name: Option<&'static str>,
    /// Its axes there.
    pub axes: Axes,
}

impl Pytorch {
    /// As here.
    pub const SAME: Pytorch = Pytorch { name: None, axes: Axes::Same };
}

/// The axes of a tensor in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Axes {
    /// As here.
    Same,
    /// In reverse order: a matrix transposed.
    Reversed,
    /// One, of all elements, whatever axes of size 1 are here.
    Vector,
    /// The last two first, in reverse order: a convolution's weight, `[K…, C / groups, F]` here.
    Window,
}

/// The twin of a module, or of a part of one, in another precision; derived with [`Module`].
pub trait CastTo<U: Float> {
    /// The twin's type.
    type Output;
    /// The twin.
    fn cast_to(&self) -> Self::Output;
}

/// What a [`Module`] shows its parameters to.
pub trait Visitor<'a, T: Float = f32> {
    /// Is handed a parameter.
    fn param(&mut self, name: &str, param: &'a Param<T>);
    /// Is handed a buffer.
    fn buffer(&mut self, _name: &str, _buffer: &'a Buffer<T>) {}
    /// Is told, before it is handed the parameter or buffer `name`, how PyTorch writes that: `#[module(pytorch(…))]` on a field.
    fn pytorch(&mut self, _name: &str, _form: Pytorch) {}
}

/// What a [`Module`] shows its parameters to, to be changed.
pub trait VisitorMut<'a, T: Float = f32> {
    /// Is handed a parameter.
    fn param(&mut self, name: &str, param: &'a mut Param<T>);
    /// Is handed a buffer.
    fn buffer(&mut self, _name: &str, _buffer: &'a mut Buffer<T>) {}
}

struct SetTrainable(bool);

impl<T: Float> VisitorMut<'_, T> for SetTrainable {
    fn param(&mut self, _: &str, param: &mut Param<T>) {
        param.set_trainable(self.0);
    }
}

/// Where a walk stands: names joined by dots, in one buffer that is used again.
#[derive(Clone, Debug, Default)]
pub struct Path(String);

impl Path {
    /// The dotted name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Calls `walk` one level down.
    #[inline]
    pub fn enter<R>(&mut self, name: &str, walk: impl FnOnce(&mut Path) -> R) -> R {
        self.enter_joined([name, ""], walk)
    }

    /// As [`Path::enter`], under a name in two parts.
    #[inline]
    pub(crate) fn enter_joined<R>(&mut self, names: [&str; 2], walk: impl FnOnce(&mut Path) -> R) -> R {
        let outer = self.0.len();
        if outer > 0 {
            self.0.push('.');
        }
        names.iter().for_each(|name| self.0.push_str(name));
        let result = walk(self);
        self.0.truncate(outer);
        result
    }

    /// Calls `walk` one level down, at a number.
    #[inline]
    pub fn enter_index<R>(&mut self, index: usize, walk: impl FnOnce(&mut Path) -> R) -> R {
        // Digits by hand: no allocation.
        let (mut digits, mut at, mut rest) = ([0u8; 20], 20, index);
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.enter(std::str::from_utf8(&digits[at..]).expect("digits are ASCII"), walk)
    }
}

impl<T: Float> Module<T> for Param<T> {
    fn visit<'a>(&'a self, path: &mut Path, visitor: &mut dyn Visitor<'a, T>) {
        visitor.param(path.as_str(), self);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut Path, visitor: &mut dyn VisitorMut<'a, T>) {
        visitor.param(path.as_str(), self);
    }
}

impl<T: Float, U: Float> CastTo<U> for Param<T> {
    type Output = Param<U>;
    fn cast_to(&self) -> Param<U> {
        Param::cast(self)
    }
}

/// A tensor is a setting: neither trained nor saved. For state that is saved, [`Buffer`].
impl<T: Float> Module<T> for Tensor<T> {
    fn visit<'a>(&'a self, _: &mut Path, _: &mut dyn Visitor<'a, T>) {}
    fn visit_mut<'a>(&'a mut self, _: &mut Path, _: &mut dyn VisitorMut<'a, T>) {}
}

impl<T: Float, U: Float> CastTo<U> for Tensor<T> {
    type Output = Tensor<U>;
    fn cast_to(&self) -> Tensor<U> {
        Tensor::cast(self)
    }
}
