//! Reading: the whole file is held against the module before a number of it changes.

use super::format::{self, Contents, Stored};
use super::half::{from_bf16, from_f16};
use super::list::{Back, Entry, list};
use super::{LAYOUT, Layout};
use crate::error::Differences;
use crate::module::{Module, Path as Names, VisitorMut};
use crate::{Buffer, Error, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tape::{Float, Param, Tensor};

pub(crate) fn load<T: Float>(module: &mut impl Module<T>, path: &Path, layout: Layout) -> Result<()> {
    load_bytes(module, &bytes_of(path)?, path, layout)
}

/// As [`load`], of a file that is in memory already; `path` is what errors call it.
pub(crate) fn load_bytes<T: Float>(
    module: &mut impl Module<T>,
    bytes: &[u8],
    path: &Path,
    layout: Layout,
) -> Result<()> {
    let file = open(bytes, path, layout)?;
    let (plan, differences) = plan(module, &file, layout)?;
    if !differences.is_empty() {
        return Err(Error::Misfit { path: path.into(), differences });
    }
    module.visit_mut(&mut Names::default(), &mut Fill { file: &file, plan });
    Ok(())
}

/// Reads what fits, and says what did not.
pub(crate) fn load_where_it_fits<T: Float>(
    module: &mut impl Module<T>,
    path: &Path,
    layout: Layout,
) -> Result<Differences> {
    let bytes = bytes_of(path)?;
    let file = open(&bytes, path, layout)?;
    let (plan, differences) = plan(module, &file, layout)?;
    module.visit_mut(&mut Names::default(), &mut Fill { file: &file, plan });
    Ok(differences)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::Io { path: path.into(), source })
}

/// The tensors of a file whose header says the layout that was asked for; PyTorch's own files say none.
fn open<'b>(bytes: &'b [u8], path: &Path, layout: Layout) -> Result<Contents<'b>> {
    let damaged = |problem: String| Error::Damaged { path: path.into(), problem };
    let unreadable = |error: String| {
        let length = bytes.len();
        let header = match bytes.first_chunk() {
            Some(first) => format!("the first 8 say that the header takes {}", u64::from_le_bytes(*first)),
            None => "a header begins with 8".to_string(),
        };
        damaged(format!("this is no safetensors file, or a damaged one: {error} ({length} bytes; {header})"))
    };
    let file = format::read(bytes).map_err(unreadable)?;
    let found = file.metadata.get(LAYOUT).map(String::as_str);
    match (found, layout) {
        (Some(name), _) if name == layout.name() => Ok(file),
        (None, Layout::Pytorch) => Ok(file),
        (Some("rectify"), Layout::Pytorch) => {
            Err(damaged("the header says `layout: rectify`: `save` wrote this file, and `load` reads it".into()))
        }
        (found, _) => {
            let found = found.map_or("no layout".to_string(), |layout| format!("`layout: {layout}`"));
            let way_out = match layout {
                Layout::Rectify => {
                    "axes may be in another order. `from_pytorch` reads files with PyTorch's names and axes"
                }
                Layout::Pytorch => "axes may be in another order",
            };
            let wanted = layout.name();
            Err(damaged(format!("the header says {found}, not `layout: {wanted}`: {way_out}")))
        }
    }
}

/// What is read from where, by the model's names.
type Plan = BTreeMap<String, (String, Back)>;

/// Compares a file with a module, changing nothing.
fn plan<T: Float>(module: &impl Module<T>, file: &Contents<'_>, layout: Layout) -> Result<(Plan, Differences)> {
    let entries = list(module, layout)?;
    let mut differences = Differences::default();
    let mut plan = Plan::new();
    for entry in &entries {
        match file.tensors.get(&entry.file_name) {
            None => differences.missing.push(entry.file_name.clone()),
            Some(found) => match difference(entry, found, layout) {
                Some(difference) => differences.different.push(difference),
                None => drop(plan.insert(entry.name.clone(), (entry.file_name.clone(), entry.back()))),
            },
        }
    }
    let mut known: Vec<&str> = entries.iter().map(|entry| entry.file_name.as_str()).collect();
    known.sort_unstable();
    let is_known = |name: &&String| known.binary_search(&name.as_str()).is_ok();
    differences.unexpected = file.tensors.keys().filter(|name| !is_known(name)).cloned().collect();
    Ok((plan, differences))
}

/// In what a tensor of the file is not the model's. A PyTorch file may hold any float type: numbers are rounded to the model's.
fn difference<T: Float>(entry: &Entry<'_, T>, found: &Stored<'_>, layout: Layout) -> Option<String> {
    let (name, wanted) = (&entry.file_name, entry.file_shape());
    if found.shape[..] != wanted[..] {
        return Some(format!("{name} is {:?} in the file and {wanted:?} in the model", found.shape));
    }
    let is_float = matches!(found.dtype, "F16" | "BF16" | "F32" | "F64");
    let fits = found.dtype == dtype::<T>() || layout == Layout::Pytorch && is_float;
    if !fits {
        return Some(format!("{name} is {} in the file and {} in the model", found.dtype, dtype::<T>()));
    }
    let (low, high) = entry.bounds?;
    let numbers = Tensor::<T>::fill_with(&found.shape[..], |to| read(found, to)).to_vec();
    let element = numbers.iter().position(|number| !(low <= *number && *number <= high))?;
    let number = numbers[element];
    Some(format!(
        "{name} is {number} at element {element} in the file, and the model keeps it between {low} and {high}"
    ))
}

pub(super) fn dtype<T: Float>() -> &'static str {
    if size_of::<T>() == 4 { "F32" } else { "F64" }
}

/// Fills a module from a file that was checked.
struct Fill<'f> {
    file: &'f Contents<'f>,
    plan: Plan,
}

impl Fill<'_> {
    fn tensor<T: Float>(&self, name: &str, tensor: &mut Tensor<T>) {
        let Some((file_name, back)) = self.plan.get(name) else { return };
        let Some(found) = self.file.tensors.get(file_name) else { return };
        let read = Tensor::fill_with(&found.shape[..], |to| read(found, to));
        back.apply(&read).copy_to(tensor.make_mut());
    }
}

/// Copies number by number: a tensor in a file need not be aligned.
fn read<T: Float>(from: &Stored<'_>, to: &mut [T]) {
    let bytes = from.bytes;
    match from.dtype {
        "F16" => each(bytes, to, |b| T::from_f64(from_f16(u16::from_le_bytes(b)))),
        "BF16" => each(bytes, to, |b| T::from_f64(from_bf16(u16::from_le_bytes(b)))),
        "F32" => each(bytes, to, |b| T::from_f64(f64::from(f32::from_le_bytes(b)))),
        _ => each(bytes, to, |b| T::from_f64(f64::from_le_bytes(b))),
    }
}

fn each<T: Float, const N: usize>(bytes: &[u8], to: &mut [T], number: impl Fn([u8; N]) -> T) {
    for (to, &bytes) in to.iter_mut().zip(bytes.as_chunks::<N>().0) {
        *to = number(bytes);
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
