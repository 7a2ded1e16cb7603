//! Tensors with names that come to be while a run goes on.

use super::{Recall, Record, recall_any, record_tensor};
use tape::{Float, Tensor};

/// Tensors by name, in order.
pub(crate) struct Named;

impl Named {
    /// Writes names, and each tensor under its own.
    pub(crate) fn put<T: Float>(tensors: &[(String, Tensor<T>)], to: &mut Record) {
        put_names(tensors.iter().map(|(name, _)| name.as_str()), to);
        tensors.iter().for_each(|(name, tensor)| to.enter(name, |to| record_tensor(tensor, to)));
    }

    /// Reads them back; None, and a difference noted, where one is missing.
    pub(crate) fn get<T: Float>(from: &mut Recall<'_>) -> Option<Vec<(String, Tensor<T>)>> {
        let tensors = get_names(from)?.into_iter().map(|name| {
            let tensor = from.enter(&name, recall_any)?;
            Some((name, tensor))
        });
        tensors.collect()
    }
}

/// Writes a list of names, under `names`.
pub(crate) fn put_names<'a>(names: impl Iterator<Item = &'a str>, to: &mut Record) {
    let names: Vec<&str> = names.collect();
    to.enter("names", |to| to.put(&serde_json::json!(names).to_string()));
}

/// Reads it.
pub(crate) fn get_names(from: &mut Recall<'_>) -> Option<Vec<String>> {
    from.enter("names", |from| {
        let names = from.get::<String>()?;
        let names = serde_json::from_str(&names);
        names.map_err(|error| from.refuse(&format!("is no list of names: {error}"))).ok()
    })
}
