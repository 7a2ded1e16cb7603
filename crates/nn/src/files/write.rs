//! Writing: the bytes, and a file that appears whole or not at all.

use super::format::{self, Written};
use super::list::list;
use super::{LAYOUT, Layout};
use crate::module::Module;
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tape::{Float, Tensor};

pub(crate) fn save<T: Float>(module: &impl Module<T>, path: &Path, layout: Layout) -> Result<()> {
    write_whole(path, &to_bytes(module, layout)?).map_err(|source| Error::Io { path: path.into(), source })
}

/// What [`save`] writes.
pub(crate) fn to_bytes<T: Float>(module: &impl Module<T>, layout: Layout) -> Result<Vec<u8>> {
    let tensors = list(module, layout)?.into_iter().map(|entry| {
        let tensor = written(&entry.in_file());
        (entry.file_name, tensor)
    });
    let mut header = BTreeMap::from([(LAYOUT, layout.name())]);
    if layout == Layout::Pytorch {
        // What PyTorch's own writers put there, and some readers insist on.
        header.insert("format", "pt");
    }
    Ok(format::write(&header, &tensors.collect()))
}

/// A tensor as a file has it.
pub(crate) fn written<T: Float>(tensor: &Tensor<T>) -> Written {
    let bytes = match size_of::<T>() {
        4 => tensor.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        _ => tensor.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
    };
    (super::read::dtype::<T>(), tensor.shape().to_vec(), bytes)
}

/// Writes a file that appears whole or not at all: beside its place, synced, then moved there.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // The first error counts; the leftover may not even exist.
        let _ = fs::remove_file(&beside);
    }
    moved
}

/// A name in the same directory that no other save of this or another process uses.
fn beside(path: &Path) -> io::Result<PathBuf> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SAVES: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the path names no file"));
    };
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}-{}", std::process::id(), SAVES.fetch_add(1, Ordering::Relaxed)));
    Ok(path.with_file_name(beside))
}
