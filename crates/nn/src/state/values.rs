//! What a record holds: numbers, texts and tensors.

use super::{Recall, Record, State};
use crate::files::{Written, written};
use tape::{Rng, Tensor};

/// Something that is one tensor of a file.
pub trait Value: Sized {
    /// Its type as safetensors calls it, its shape, and its numbers, little-endian.
    fn store(&self) -> Written;

    /// From what [`Value::store`] gave.
    ///
    /// # Errors
    /// In what it differs: `is F32 [2] in the file; it must be U64 []`.
    fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String>;
}

/// The bytes as numbers of `N` bytes each, if type and shape are these.
fn chunks<'b, const N: usize>(
    found: (&str, &[usize], &'b [u8]),
    wanted: (&str, &[usize]),
) -> Result<&'b [[u8; N]], String> {
    if (found.0, found.1) != wanted {
        return Err(format!("is {} {:?} in the file; it must be {} {:?}", found.0, found.1, wanted.0, wanted.1));
    }
    Ok(found.2.as_chunks().0)
}

macro_rules! numbers {
    ($($type:ty, $dtype:literal);* $(;)?) => {$(
        impl Value for $type {
            fn store(&self) -> Written {
                ($dtype, Vec::new(), self.to_le_bytes().to_vec())
            }
            fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
                let numbers = chunks((dtype, shape, bytes), ($dtype, &[]))?;
                numbers.first().map(|&number| <$type>::from_le_bytes(number)).ok_or_else(|| "is empty".to_owned())
            }
        }
        recorded!($type);
    )*};
}

macro_rules! recorded {
    ($($type:ty),*) => {$(
        impl State for $type {
            fn record(&self, to: &mut Record) {
                to.put(self);
            }
            fn recall(&mut self, from: &mut Recall<'_>) {
                if let Some(value) = from.get() {
                    from.set(self, value);
                }
            }
        }
    )*};
}

numbers! {
    u64, "U64";
    i64, "I64";
    u32, "U32";
    i32, "I32";
    f64, "F64";
    f32, "F32";
}
recorded!(usize, bool, String, Rng);

impl Value for usize {
    fn store(&self) -> Written {
        (*self as u64).store()
    }
    fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
        let number = u64::fetch(dtype, shape, bytes)?;
        usize::try_from(number).map_err(|_| format!("is {number}, more than this machine counts"))
    }
}

impl Value for bool {
    fn store(&self) -> Written {
        ("BOOL", Vec::new(), vec![u8::from(*self)])
    }
    fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
        match chunks((dtype, shape, bytes), ("BOOL", &[]))? {
            [[0]] => Ok(false),
            [[1]] => Ok(true),
            other => Err(format!("is {other:?}, neither 0 nor 1")),
        }
    }
}

impl Value for String {
    fn store(&self) -> Written {
        ("U8", vec![self.len()], self.as_bytes().to_vec())
    }
    fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
        if dtype != "U8" || shape.len() != 1 {
            return Err(format!("is {dtype} {shape:?} in the file; it must be U8 [n]"));
        }
        String::from_utf8(bytes.to_vec()).map_err(|error| format!("is no text: {error}"))
    }
}

impl Value for Rng {
    fn store(&self) -> Written {
        ("U8", vec![32], self.state().to_vec())
    }
    fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
        let bytes = chunks::<32>((dtype, shape, bytes), ("U8", &[32]))?;
        let state = bytes.first().and_then(|&state| Rng::from_state(state));
        state.ok_or_else(|| "is a generator of zeros, which no seed makes".to_owned())
    }
}

macro_rules! tensors {
    ($($type:ty, $dtype:literal, $written:path);* $(;)?) => {$(
        /// Any shape: for memory that comes to be while a run goes on.
        impl Value for Tensor<$type> {
            fn store(&self) -> Written {
                $written(self)
            }
            fn fetch(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<Self, String> {
                if shape.len() > tape::MAX_RANK {
                    return Err(format!("has {} axes, more than {}", shape.len(), tape::MAX_RANK));
                }
                let numbers = chunks((dtype, shape, bytes), ($dtype, shape))?;
                Ok(Tensor::fill_with(shape, |to| {
                    for (to, &number) in to.iter_mut().zip(numbers) {
                        *to = <$type>::from_le_bytes(number);
                    }
                }))
            }
        }

        /// The shape is a setting of the program.
        impl State for Tensor<$type> {
            fn record(&self, to: &mut Record) {
                to.put(self);
            }
            fn recall(&mut self, from: &mut Recall<'_>) {
                let Some(value) = from.get::<Self>() else { return };
                if value.shape() == self.shape() {
                    from.set(self, value);
                } else {
                    from.refuse(&format!("is {:?} in the file and {:?} in the run", value.shape(), self.shape()));
                }
            }
        }
    )*};
}
tensors! {
    f32, "F32", written;
    f64, "F64", written;
    i64, "I64", integers;
}

fn integers(tensor: &Tensor<i64>) -> Written {
    ("I64", tensor.shape().to_vec(), tensor.iter().flat_map(i64::to_le_bytes).collect())
}
