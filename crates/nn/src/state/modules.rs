//! Modules as state: their parameters and buffers, under the names that model files have too.

use super::{Recall, Record, State, Value as _};
use crate::files::written;
use crate::module::{Module, Path, Visitor, VisitorMut};
use crate::{Buffer, Sequential};
use tape::{Float, Param, Tensor};

/// Writes a module's parameters and buffers; what `#[derive(Module)]` makes of [`State::record`].
pub fn record_module<T: Float>(module: &(impl Module<T> + ?Sized), to: &mut Record) {
    struct Write<'r>(&'r mut Record);
    impl<'a, T: Float> Visitor<'a, T> for Write<'_> {
        fn param(&mut self, name: &str, param: &'a Param<T>) {
            self.0.enter(name, |to| record_tensor(param.value(), to));
        }
        fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
            self.0.enter(name, |to| record_tensor(buffer.value(), to));
        }
    }
    module.visit(&mut Path::default(), &mut Write(to));
}

/// Reads a module's parameters and buffers; what `#[derive(Module)]` makes of [`State::recall`].
pub fn recall_module<T: Float>(module: &mut (impl Module<T> + ?Sized), from: &mut Recall<'_>) {
    struct Read<'r, 'f>(&'r mut Recall<'f>);
    impl<'a, T: Float> VisitorMut<'a, T> for Read<'_, '_> {
        fn param(&mut self, name: &str, param: &'a mut Param<T>) {
            let bounds = param.bounds();
            let read = self.0.enter(name, |from| recall_tensor(param.value(), bounds, from));
            if let Some(value) = read {
                *param.value_mut() = value;
            }
        }
        fn buffer(&mut self, name: &str, buffer: &'a mut Buffer<T>) {
            let read = self.0.enter(name, |from| recall_tensor(buffer.value(), None, from));
            if let Some(value) = read {
                *buffer.value_mut() = value;
            }
        }
    }
    module.visit_mut(&mut Path::default(), &mut Read(from));
}

/// Writes a tensor of either float type.
pub(crate) fn record_tensor<T: Float>(tensor: &Tensor<T>, to: &mut Record) {
    to.insert(written(tensor));
}

/// A tensor of any shape and of this float type, if the file has one here.
pub(crate) fn recall_any<T: Float>(from: &mut Recall<'_>) -> Option<Tensor<T>> {
    from.find(|stored| fetch(stored.dtype, &stored.shape, stored.bytes))
}

fn fetch<T: Float>(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Tensor<T>, String> {
    match size_of::<T>() {
        4 => Tensor::<f32>::fetch(dtype, shape, bytes).map(|tensor| tensor.cast()),
        _ => Tensor::<f64>::fetch(dtype, shape, bytes).map(|tensor| tensor.cast()),
    }
}

/// The tensor to take over, once everything fits: of this one's shape, and within the bounds.
fn recall_tensor<T: Float>(now: &Tensor<T>, bounds: Option<(T, T)>, from: &mut Recall<'_>) -> Option<Tensor<T>> {
    let value = recall_any::<T>(from)?;
    if value.shape() != now.shape() {
        from.refuse(&format!("is {:?} in the file and {:?} in the model", value.shape(), now.shape()));
        return None;
    }
    if let Some((low, high)) = bounds
        && let Some((element, number)) =
            value.iter().enumerate().find(|(_, number)| !(low <= *number && *number <= high))
    {
        from.refuse(&format!(
            "is {number} at element {element} in the file, and the model keeps it between {low} and {high}"
        ));
        return None;
    }
    from.applies().then_some(value)
}

macro_rules! modules {
    ($($type:ty),*) => {$(
        impl<T: Float> State for $type {
            fn record(&self, to: &mut Record) {
                record_module::<T>(self, to);
            }
            fn recall(&mut self, from: &mut Recall<'_>) {
                recall_module::<T>(self, from);
            }
        }
    )*};
}
modules!(Param<T>, Buffer<T>, Sequential<T>);
