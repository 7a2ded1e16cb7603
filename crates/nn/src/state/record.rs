//! [`Record`]: names and numbers on the way to a file.

use super::{State, Value};
use crate::files::Written;
use std::collections::BTreeMap;

/// Tensors by name.
pub(crate) type Tensors = BTreeMap<String, Written>;

/// What a run remembers, by name.
#[derive(Debug, Default)]
pub struct Record {
    name: String,
    tensors: Tensors,
    /// A name that was written twice: one of its values would be lost.
    twice: Option<String>,
}

impl Record {
    /// Of a state.
    pub fn of(state: &(impl State + ?Sized)) -> Record {
        let mut record = Record::default();
        state.record(&mut record);
        record
    }

    /// Every name, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Writes a part, one level down.
    pub fn field(&mut self, name: &str, part: &(impl State + ?Sized)) {
        self.enter(name, |to| part.record(to));
    }

    /// Calls `write` one level down.
    pub fn enter(&mut self, name: &str, write: impl FnOnce(&mut Record)) {
        let outer = enter(&mut self.name, name);
        write(self);
        self.name.truncate(outer);
    }

    /// Writes a value where the record stands.
    pub fn put(&mut self, value: &impl Value) {
        self.insert(value.store());
    }

    pub(super) fn insert(&mut self, tensor: Written) {
        let name = if self.name.is_empty() { "state" } else { &self.name };
        if self.tensors.insert(name.to_owned(), tensor).is_some() {
            self.twice.get_or_insert_with(|| name.to_owned());
        }
    }

    /// The tensors, or a name that two of them have.
    pub(crate) fn into_tensors(self) -> Result<Tensors, String> {
        self.twice.map_or(Ok(self.tensors), Err)
    }
}

/// Appends a level to a dotted name; gives the length it had.
pub(super) fn enter(name: &mut String, level: &str) -> usize {
    let outer = name.len();
    if outer > 0 {
        name.push('.');
    }
    name.push_str(level);
    outer
}
