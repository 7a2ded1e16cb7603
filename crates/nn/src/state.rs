//! [`State`]: what a run must remember to go on bit for bit.
//!
//! Modules, optimisers, schedules that watch the run, loaders, random generators, numbers, tensors, and tuples of all of these have it;
//! a struct of one's own derives it. A [`Record`] holds it by name, as a safetensors file can; [`crate::Checkpoint`] puts that on disk.
//!
//! ```
//! use nn::prelude::*;
//! use nn::state::Record;
//!
//! #[derive(State)]
//! struct Run { net: Linear, adam: Adam, rng: Rng, best_loss: f64 }
//!
//! let mut rng = Rng::seed(1);
//! let run = Run { net: Linear::new(2, 1, &mut rng), adam: Adam::new(1e-3), rng, best_loss: f64::INFINITY };
//! let names: Vec<String> = Record::of(&run).names().map(str::to_owned).collect();
//! assert!(names.contains(&"net.weight".to_owned()) && names.contains(&"rng".to_owned()));
//! ```

mod modules;
mod named;
mod recall;
mod record;
mod values;

pub(crate) use modules::{recall_any, record_tensor};
pub use modules::{recall_module, record_module};
pub(crate) use named::{Named, get_names, put_names};
pub use recall::Recall;
pub use record::Record;
pub(crate) use record::Tensors;
pub use rectify_derive::State;
pub use values::Value;

/// What decides, with the program itself, everything that comes next.
///
/// Settings that the program makes anew (widths, momentum) are not state; what changes while it runs is.
pub trait State {
    /// Writes it down, under the name where the record stands.
    fn record(&self, to: &mut Record);

    /// Takes back what [`State::record`] wrote. Called twice: at first to compare only, when [`Recall::set`] changes nothing, and, if
    /// everything of the run fits, once more.
    fn recall(&mut self, from: &mut Recall<'_>);
}

macro_rules! tuples {
    ($($name:ident $index:tt),*) => {
        impl<$($name: State),*> State for ($($name,)*) {
            fn record(&self, to: &mut Record) {
                $(to.field(stringify!($index), &self.$index);)*
            }
            fn recall(&mut self, from: &mut Recall<'_>) {
                $(from.field(stringify!($index), &mut self.$index);)*
            }
        }
    };
}
crate::module::of_every_length!(tuples);

impl<S: State> State for [S] {
    fn record(&self, to: &mut Record) {
        self.iter().enumerate().for_each(|(i, part)| to.field(&i.to_string(), part));
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        self.iter_mut().enumerate().for_each(|(i, part)| from.field(&i.to_string(), part));
    }
}

/// As many parts as the run has when it is recalled.
impl<S: State> State for Vec<S> {
    fn record(&self, to: &mut Record) {
        self[..].record(to);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        self[..].recall(from);
    }
}

impl<S: State, const N: usize> State for [S; N] {
    fn record(&self, to: &mut Record) {
        self[..].record(to);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        self[..].recall(from);
    }
}

/// Whether there is one is a setting of the program.
impl<S: State> State for Option<S> {
    fn record(&self, to: &mut Record) {
        if let Some(state) = self {
            state.record(to);
        }
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        if let Some(state) = self {
            state.recall(from);
        }
    }
}

impl<S: State + ?Sized> State for Box<S> {
    fn record(&self, to: &mut Record) {
        (**self).record(to);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        (**self).recall(from);
    }
}

impl<S: State + ?Sized> State for &mut S {
    fn record(&self, to: &mut Record) {
        (**self).record(to);
    }
    fn recall(&mut self, from: &mut Recall<'_>) {
        (**self).recall(from);
    }
}
