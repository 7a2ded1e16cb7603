//! Several arrays by name in one file, as numpy's `savez` and `savez_compressed` write them: a zip archive of [`super::npy`] files.
//!
//! ```
//! use nn::data::npz;
//! use tape::Tensor;
//! let bytes = npz::to_bytes([("x", Tensor::from([1.0, 2.0]).into()), ("labels", Tensor::from([0i64, 1]).into())])?;
//! let arrays = npz::from_bytes(&bytes)?;
//! assert_eq!(arrays["labels"].to_i64()?.to_vec(), [0, 1]);
//! # Ok::<(), nn::Error>(())
//! ```

use super::{Array, input, npy, zip};
use crate::error::setting;
use crate::files::write_whole;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

const SUFFIX: &str = ".npy";

/// Reads every array of a file.
///
/// # Errors
/// If it cannot be read, or is not such a file: what is wrong with it, at which byte, and in which array. A name that is a path is
/// refused, as is an archive with anything but arrays in it.
pub fn read(path: impl AsRef<Path>) -> Result<BTreeMap<String, Array>> {
    let path = path.as_ref();
    let starts = |head: &[u8]| head.starts_with(b"PK");
    let check =
        |head: &[u8], _| if starts(head) { Ok(()) } else { Err("byte 0: no npz file; one begins with \"PK\"".into()) };
    let bytes = input::read(path, check)?;
    input::named(Some(path), parse(&bytes))
}

/// As [`read`], of a file in memory.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<BTreeMap<String, Array>> {
    input::named(None, parse(bytes))
}

/// Writes a file that numpy's `load` reads, uncompressed. It appears whole or not at all.
///
/// # Errors
/// If it cannot be written, or as [`to_bytes`].
pub fn write<N: Into<String>>(path: impl AsRef<Path>, arrays: impl IntoIterator<Item = (N, Array)>) -> Result<()> {
    let path = path.as_ref();
    write_whole(path, &to_bytes(arrays)?).map_err(|source| Error::Io { path: path.into(), source })
}

/// What [`write()`] writes.
///
/// # Errors
/// If two arrays have one name, if a name is empty or a path, or if the file would take more than 4 GiB.
pub fn to_bytes<N: Into<String>>(arrays: impl IntoIterator<Item = (N, Array)>) -> Result<Vec<u8>> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, array) in arrays {
        let name = name.into();
        if let Err(problem) = zip::refuse_paths(&name) {
            return setting("npz", problem);
        }
        let name = name + SUFFIX;
        if files.iter().any(|(other, _)| *other == name) {
            return setting("npz", format!("two arrays are named `{}`", name.trim_end_matches(SUFFIX)));
        }
        files.push((name, npy::to_bytes(array)));
    }
    match zip::archive(&files) {
        Some(bytes) => Ok(bytes),
        None => setting("npz", "more than 4 GiB in one file; write each array with `npy::write`"),
    }
}

fn parse(file: &[u8]) -> Result<BTreeMap<String, Array>, String> {
    let mut arrays = BTreeMap::new();
    for entry in zip::entries(file)? {
        let Some(name) = entry.name.strip_suffix(SUFFIX) else {
            return Err(format!("the entry `{}` is no array: their names end with {SUFFIX}", entry.name));
        };
        let array = npy::parse(&entry.contents()?).map_err(|problem| format!("`{}`: {problem}", entry.name))?;
        if arrays.insert(name.to_owned(), array).is_some() {
            return Err(format!("two arrays are named `{name}`"));
        }
    }
    Ok(arrays)
}

#[cfg(test)]
mod tests;
