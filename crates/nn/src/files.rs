//! Model files: safetensors, one tensor a name, and `layout: rectify` in the header (a linear weight is `[in, out]`).

use crate::module::{Module, Path as Names, Visitor, VisitorMut};
use crate::{Buffer, Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tape::{Float, Param, Tensor};

/// What the header says about axes.
const LAYOUT: (&str, &str) = ("layout", "rectify");

pub(crate) fn save<T: Float>(module: &impl Module<T>, path: &Path) -> Result<()> {
    let mut list = Listed(BTreeMap::new());
    module.visit(&mut Names::default(), &mut list);
    let metadata = HashMap::from([(LAYOUT.0.to_string(), LAYOUT.1.to_string())]);
    let bytes = safetensors::serialize(list.0, Some(metadata));
    let bytes = bytes.map_err(|error| Error::Damaged { path: path.into(), problem: error.to_string() })?;
    write_whole(path, &bytes).map_err(|source| Error::Io { path: path.into(), source })
}

/// Writes a file that appears whole or not at all: beside its place, synced, then moved there.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

/// Every tensor by name.
struct Listed<T: Float>(BTreeMap<String, Saved<T>>);

impl<'a, T: Float> Visitor<'a, T> for Listed<T> {
    fn param(&mut self, name: &str, param: &'a Param<T>) {
        self.0.insert(name.to_string(), Saved(param.value().clone().contiguous()));
    }
    fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
        self.0.insert(name.to_string(), Saved(buffer.value().clone().contiguous()));
    }
}

/// A contiguous tensor as safetensors wants to see it.
struct Saved<T: Float>(Tensor<T>);

impl<T: Float> View for Saved<T> {
    fn dtype(&self) -> Dtype {
        dtype::<T>()
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn data(&self) -> Cow<'_, [u8]> {
        let numbers = self.0.as_slice().expect("made contiguous");
        Cow::Owned(match size_of::<T>() {
            4 => numbers.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
            _ => numbers.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
        })
    }
    fn data_len(&self) -> usize {
        size_of::<T>() * self.0.len()
    }
}

fn dtype<T: Float>() -> Dtype {
    if size_of::<T>() == 4 { Dtype::F32 } else { Dtype::F64 }
}

pub(crate) fn load<T: Float>(module: &mut impl Module<T>, path: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|source| Error::Io { path: path.into(), source })?;
    let damaged = |problem: String| Error::Damaged { path: path.into(), problem };
    let unreadable = |error| damaged(format!("this is no safetensors file, or a damaged one: {error}"));
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(unreadable)?;
    let file = SafeTensors::deserialize(&bytes).map_err(unreadable)?;
    let layout = header.metadata().as_ref().and_then(|metadata| metadata.get(LAYOUT.0));
    if layout.map(String::as_str) != Some(LAYOUT.1) {
        let found = layout.map_or("no layout".to_string(), |layout| format!("`layout: {layout}`"));
        return Err(damaged(format!("the header says {found}, not `layout: rectify`: axes may be in another order")));
    }
    let mut check = Check { file: &file, missing: Vec::new(), different: Vec::new(), known: Vec::new() };
    module.visit(&mut Names::default(), &mut check);
    let Check { missing, different, mut known, .. } = check;
    known.sort_unstable();
    let names = file.names().into_iter();
    let mut unexpected: Vec<String> =
        names.filter(|name| known.binary_search_by(|known| known.as_str().cmp(name)).is_err()).map(ToString::to_string).collect();
    unexpected.sort_unstable();
    if missing.is_empty() && different.is_empty() && unexpected.is_empty() {
        module.visit_mut(&mut Names::default(), &mut Fill { file: &file });
        return Ok(());
    }
    Err(Error::Misfit { path: path.into(), missing, unexpected, different })
}

/// Compares a file with a module, changing nothing.
struct Check<'f> {
    file: &'f SafeTensors<'f>,
    missing: Vec<String>,
    different: Vec<String>,
    known: Vec<String>,
}

impl Check<'_> {
    fn tensor<T: Float>(&mut self, name: &str, tensor: &Tensor<T>) {
        self.known.push(name.to_string());
        let Ok(found) = self.file.tensor(name) else {
            self.missing.push(name.to_string());
            return;
        };
        if found.shape() != &tensor.shape()[..] {
            self.different.push(format!("{name} is {:?} in the file and {:?} in the model", found.shape(), tensor.shape()));
        } else if found.dtype() != dtype::<T>() {
            self.different.push(format!("{name} is {:?} in the file and {:?} in the model", found.dtype(), dtype::<T>()));
        }
    }
}

impl<'a, T: Float> Visitor<'a, T> for Check<'_> {
    fn param(&mut self, name: &str, param: &'a Param<T>) {
        self.tensor(name, param.value());
    }
    fn buffer(&mut self, name: &str, buffer: &'a Buffer<T>) {
        self.tensor(name, buffer.value());
    }
}

/// Fills a module from a file that was checked.
struct Fill<'f> {
    file: &'f SafeTensors<'f>,
}

impl Fill<'_> {
    fn tensor<T: Float>(&mut self, name: &str, tensor: &mut Tensor<T>) {
        if let Ok(found) = self.file.tensor(name) {
            read(&found, tensor.make_mut());
        }
    }
}

/// Copies number by number: a tensor in a file need not be aligned.
fn read<T: Float>(from: &TensorView<'_>, to: &mut [T]) {
    let numbers = from.data().chunks_exact(size_of::<T>());
    for (to, bytes) in to.iter_mut().zip(numbers) {
        *to = T::from_f64(match bytes {
            &[a, b, c, d] => f64::from(f32::from_le_bytes([a, b, c, d])),
            bytes => f64::from_le_bytes(bytes.try_into().expect("a float has 4 or 8 bytes")),
        });
    }
}

impl<'a, T: Float> VisitorMut<'a, T> for Fill<'_> {
    fn param(&mut self, name: &str, param: &'a mut Param<T>) {
        self.tensor(name, param.value_mut());
    }
    fn buffer(&mut self, name: &str, buffer: &'a mut Buffer<T>) {
        self.tensor(name, buffer.value_mut());
    }
}
