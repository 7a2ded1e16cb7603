//! Every tensor of a module with its name here and, in a file of PyTorch's layout, its name and axes there.

use super::Layout;
use crate::error::setting;
use crate::module::{Axes, Module, Path, Pytorch, Visitor};
use crate::{Buffer, Result};
use tape::{Float, Param, Shape, Tensor};

/// A parameter or buffer.
pub(super) struct Entry<'a, T: Float> {
    pub(super) name: String,
    /// Its name in the file.
    pub(super) file_name: String,
    pub(super) tensor: &'a Tensor<T>,
    /// What its numbers must be between.
    pub(super) bounds: Option<(T, T)>,
    axes: Axes,
}

/// The tensors of a module, in the order of its walk.
///
/// # Errors
/// If two have the same name in the file, or if PyTorch has no form for one.
pub(super) fn list<T: Float>(module: &impl Module<T>, layout: Layout) -> Result<Vec<Entry<'_, T>>> {
    let mut list = List { layout, entries: Vec::new(), next: None };
    module.visit(&mut Path::default(), &mut list);
    let entries = list.entries;
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.file_name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        let problem = format!("two tensors of the model are named `{}` in the file; rename a field", pair[0]);
        return setting("model file", problem);
    }
    for Entry { name, tensor, axes, .. } in &entries {
        let wide = tensor.shape().iter().filter(|&&size| size != 1).count();
        if *axes == Axes::Vector && wide > 1 {
            let shape = tensor.shape();
            let problem =
                format!("`{name}` has shape {shape:?}; PyTorch's counterpart has one number or one for each channel");
            return setting("to_pytorch", problem);
        }
    }
    Ok(entries)
}

struct List<'a, T: Float> {
    layout: Layout,
    entries: Vec<Entry<'a, T>>,
    /// What the module said of the tensor that comes next.
    next: Option<(String, Pytorch)>,
}

impl<'a, T: Float> List<'a, T> {
    fn tensor(&mut self, name: &str, tensor: &'a Tensor<T>, bounds: Option<(T, T)>) {
        let said = self.next.take().filter(|(of, _)| of == name && self.layout == Layout::Pytorch);
        let form = said.map_or(Pytorch::SAME, |(_, form)| form);
        let file_name = match (form.name, name.rsplit_once('.')) {
            (Some(last), Some((before, _))) => format!("{before}.{last}"),
            (Some(last), None) => last.to_string(),
            (None, _) => name.to_string(),
        };
        self.entries.push(Entry { name: name.to_string(), file_name, tensor, bounds, axes: form.axes });
    }
}

impl<'a, T: Float> Visitor<'a, T> for List<'a, T> {
    fn param(&mut self, name: &str, param: &'a Param<T>) {
        self.tensor(name, param.value(), param.bounds());
    }
    fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
        self.tensor(name, buffer.value(), None);
    }
    fn pytorch(&mut self, name: &str, form: Pytorch) {
        self.next = Some((name.to_string(), form));
    }
}

impl<T: Float> Entry<'_, T> {
    /// The tensor as the file has it.
    pub(super) fn in_file(&self) -> Tensor<T> {
        match self.axes {
            Axes::Same => self.tensor.clone(),
            Axes::Reversed => reversed(self.tensor),
            Axes::Window => window_last(self.tensor),
            Axes::Vector => self.tensor.reshape([self.tensor.len()]),
        }
    }

    /// Its shape in the file.
    pub(super) fn file_shape(&self) -> Shape {
        *self.in_file().shape()
    }

    /// What turns a tensor of the file into one of the model.
    pub(super) fn back(&self) -> Back {
        Back { axes: self.axes, shape: *self.tensor.shape() }
    }
}

/// The way from a file's axes to the model's.
#[derive(Clone, Copy)]
pub(super) struct Back {
    axes: Axes,
    shape: Shape,
}

impl Back {
    pub(super) fn apply<T: Float>(self, from_file: &Tensor<T>) -> Tensor<T> {
        match self.axes {
            Axes::Same => from_file.clone(),
            Axes::Reversed => reversed(from_file),
            Axes::Window => window_first(from_file),
            Axes::Vector => from_file.reshape(self.shape),
        }
    }
}

/// The axes in reverse order. A view.
fn reversed<T: Float>(tensor: &Tensor<T>) -> Tensor<T> {
    let rank = tensor.rank() as isize;
    (0..rank / 2).fold(tensor.clone(), |tensor, axis| tensor.swap_axes(axis, rank - 1 - axis))
}

/// `[K…, C, F]` as `[F, C, K…]`. A view.
fn window_last<T: Float>(tensor: &Tensor<T>) -> Tensor<T> {
    let rank = tensor.rank() as isize;
    (0..(rank - 2) / 2).fold(reversed(tensor), |tensor, axis| tensor.swap_axes(2 + axis, rank - 1 - axis))
}

/// The way back.
fn window_first<T: Float>(tensor: &Tensor<T>) -> Tensor<T> {
    let rank = tensor.rank() as isize;
    reversed(&(0..(rank - 2) / 2).fold(tensor.clone(), |tensor, axis| tensor.swap_axes(2 + axis, rank - 1 - axis)))
}
