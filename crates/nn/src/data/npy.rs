//! One array in a file, as numpy's `save` writes it: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
//!
//! Read are the versions 1.0, 2.0 and 3.0, both byte orders, both orders of axes. What the file's type is and what becomes of it, exactly:
//!
//! | numpy | here |
//! |---|---|
//! | float16, float32 | f32 |
//! | float64 | f64 |
//! | int8, int16, uint16, int32 | i32 |
//! | int64, uint32, uint64 | the same |
//! | uint8, bool | u8 |
//!
//! An array of objects is a pickle, which can run any program: it is refused, as are records, texts, dates and complex numbers.
//!
//! ```
//! use nn::data::{Array, npy};
//! use tape::Tensor;
//! let bytes = npy::to_bytes(Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
//! assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
//! assert_eq!(npy::from_bytes(&bytes)?, Array::from(Tensor::from([[1.0, 2.0], [3.0, 4.0]])));
//! # Ok::<(), nn::Error>(())
//! ```

mod header;

use super::{Array, input};
use crate::files::write_whole;
use crate::{Error, Result};
use header::Header;
use kernels::pool::Element;
use std::path::Path;
use tape::{Shape, Tensor};

/// Reads a file that numpy's `save` wrote.
///
/// # Errors
/// If it cannot be read, or is not such a file: what is wrong with it, and at which byte.
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    let bytes = input::read(path, |head, length| Header::parse(head)?.check(length))?;
    input::named(Some(path), parse(&bytes))
}

/// As [`read`], of a file in memory.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Array> {
    input::named(None, parse(bytes))
}

/// Writes a file that numpy's `load` reads. It appears whole or not at all.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: impl AsRef<Path>, array: impl Into<Array>) -> Result<()> {
    let path = path.as_ref();
    write_whole(path, &to_bytes(array)).map_err(|source| Error::Io { path: path.into(), source })
}

/// What [`write()`] writes: byte for byte what numpy would.
pub fn to_bytes(array: impl Into<Array>) -> Vec<u8> {
    match array.into() {
        Array::F32(tensor) => bytes_of("<f4", &tensor, f32::to_le_bytes),
        Array::F64(tensor) => bytes_of("<f8", &tensor, f64::to_le_bytes),
        Array::I32(tensor) => bytes_of("<i4", &tensor, i32::to_le_bytes),
        Array::I64(tensor) => bytes_of("<i8", &tensor, i64::to_le_bytes),
        Array::U8(tensor) => bytes_of("|u1", &tensor, u8::to_le_bytes),
        Array::U32(tensor) => bytes_of("<u4", &tensor, u32::to_le_bytes),
        Array::U64(tensor) => bytes_of("<u8", &tensor, u64::to_le_bytes),
    }
}

fn bytes_of<T: Element, const N: usize>(descr: &str, tensor: &Tensor<T>, bytes: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    let mut file = header::text(descr, tensor.shape());
    let tensor = tensor.clone().contiguous();
    file.reserve_exact(N * tensor.len());
    for &number in tensor.as_slice().expect("made contiguous") {
        file.extend(bytes(number));
    }
    file
}

/// Takes a file apart.
pub(super) fn parse(file: &[u8]) -> Result<Array, String> {
    let header = Header::parse(file)?;
    header.check(file.len() as u64)?;
    let numbers = &file[header.begin..];
    let at = |problem| format!("byte {}: {problem}", header.begin);
    if !header.fortran_order {
        return header.number.array(header.shape, header.big_endian, numbers).map_err(at);
    }
    let mut sizes = header.shape.to_vec();
    sizes.reverse();
    let reversed = Shape::new(&sizes).map_err(|error| error.to_string())?;
    Ok(match header.number.array(reversed, header.big_endian, numbers).map_err(at)? {
        Array::F32(tensor) => turned(tensor).into(),
        Array::F64(tensor) => turned(tensor).into(),
        Array::I32(tensor) => turned(tensor).into(),
        Array::I64(tensor) => turned(tensor).into(),
        Array::U8(tensor) => turned(tensor).into(),
        Array::U32(tensor) => turned(tensor).into(),
        Array::U64(tensor) => turned(tensor).into(),
    })
}

/// With the axes in the opposite order.
fn turned<T: Element>(tensor: Tensor<T>) -> Tensor<T> {
    let rank = tensor.rank() as isize;
    (0..rank / 2).fold(tensor, |tensor, axis| tensor.swap_axes(axis, rank - 1 - axis)).contiguous()
}

#[cfg(test)]
pub(super) mod tests;
