//! [`Recall`]: names and numbers of a file, on the way back.

use super::record::enter;
use super::{State, Value};
use crate::error::Differences;
use crate::files::{Contents, Stored};
use std::collections::BTreeSet;

/// What a file remembers of a run.
pub struct Recall<'f> {
    file: &'f Contents<'f>,
    name: String,
    known: BTreeSet<String>,
    differences: Differences,
    /// Whether values are taken over, not only compared.
    applies: bool,
}

impl<'f> Recall<'f> {
    /// Gives a state everything that the file holds, or changes nothing and says in what they differ.
    pub(crate) fn into(file: &'f Contents<'f>, state: &mut (impl State + ?Sized)) -> Result<(), Differences> {
        let new = |applies| Recall {
            file,
            name: String::new(),
            known: BTreeSet::new(),
            differences: Differences::default(),
            applies,
        };
        let mut compare = new(false);
        state.recall(&mut compare);
        let Recall { known, mut differences, .. } = compare;
        differences.unexpected = file.tensors.keys().filter(|name| !known.contains(*name)).cloned().collect();
        if !differences.is_empty() {
            return Err(differences);
        }
        let mut apply = new(true);
        state.recall(&mut apply);
        Ok(())
    }

    /// Reads a part, one level down.
    pub fn field(&mut self, name: &str, part: &mut (impl State + ?Sized)) {
        self.enter(name, |from| part.recall(from));
    }

    /// Calls `read` one level down.
    pub fn enter<R>(&mut self, name: &str, read: impl FnOnce(&mut Self) -> R) -> R {
        let outer = enter(&mut self.name, name);
        let result = read(self);
        self.name.truncate(outer);
        result
    }

    /// The value where the recall stands. None, and noted as a difference, if the file has none or one of another kind.
    pub fn get<V: Value>(&mut self) -> Option<V> {
        self.find(|stored| V::fetch(stored.dtype, &stored.shape, stored.bytes))
    }

    /// Whether the file has something where the recall stands.
    pub fn has(&self) -> bool {
        self.file.tensors.contains_key(&self.here())
    }

    /// Takes a value over, if everything of the run was found to fit.
    pub fn set<V>(&mut self, place: &mut V, value: V) {
        if self.applies {
            *place = value;
        }
    }

    /// Notes that what the file holds here does not fit the run.
    pub fn refuse(&mut self, problem: &str) {
        let name = self.here();
        self.differences.different.push(format!("{name} {problem}"));
    }

    /// What `read` makes of the tensor where the recall stands.
    pub(super) fn find<V>(&mut self, read: impl FnOnce(&Stored<'_>) -> Result<V, String>) -> Option<V> {
        let name = self.here();
        let found = self.file.tensors.get(&name).map(read);
        self.known.insert(name.clone());
        match found {
            Some(Ok(value)) => return Some(value),
            Some(Err(problem)) => self.differences.different.push(format!("{name} {problem}")),
            None => self.differences.missing.push(name),
        }
        None
    }

    pub(super) fn applies(&self) -> bool {
        self.applies
    }

    fn here(&self) -> String {
        if self.name.is_empty() { "state".to_owned() } else { self.name.clone() }
    }
}
