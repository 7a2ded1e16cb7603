//! The safetensors format: eight bytes that say how long the header is, the header in JSON, and the numbers of all tensors one after the other.
//! As <https://huggingface.co/docs/safetensors> describes it; what is read is checked whole before any of it is used.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where the header holds what is not a tensor.
const METADATA: &str = "__metadata__";
/// The longest header, as the format's own reader has it.
const LONGEST_HEADER: usize = 100_000_000;
/// How the types are called, and the bytes of a number.
const DTYPES: [(&str, usize); 16] = [
    ("BOOL", 1),
    ("U8", 1),
    ("I8", 1),
    ("F8_E5M2", 1),
    ("F8_E4M3", 1),
    ("F8_E8M0", 1),
    ("I16", 2),
    ("U16", 2),
    ("F16", 2),
    ("BF16", 2),
    ("I32", 4),
    ("U32", 4),
    ("F32", 4),
    ("I64", 8),
    ("U64", 8),
    ("F64", 8),
];

/// A file: what its header says, and its tensors by name.
pub(crate) struct Contents<'b> {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) tensors: BTreeMap<String, Stored<'b>>,
}

/// A tensor in a file: its type, shape and numbers, little-endian and not aligned.
pub(crate) struct Stored<'b> {
    pub(crate) dtype: &'static str,
    pub(crate) shape: Vec<usize>,
    pub(crate) bytes: &'b [u8],
}

/// A tensor on the way to a file: its type, shape and numbers, little-endian.
pub(crate) type Written = (&'static str, Vec<usize>, Vec<u8>);

/// Takes a file apart.
///
/// # Errors
/// What is wrong with it: a header that is too long, no JSON, or not of the form; tensors that overlap, leave holes, end before or after the file, or whose
/// bytes are not what type and shape say.
pub(crate) fn read(file: &[u8]) -> Result<Contents<'_>, String> {
    let (length, rest) = file.split_first_chunk().ok_or("no header")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > LONGEST_HEADER {
        return Err(format!("a header has at most {LONGEST_HEADER} bytes"));
    }
    let (header, numbers) = rest.split_at_checked(length).ok_or("the file ends within the header")?;
    let header: Map<String, Value> = serde_json::from_slice(header).map_err(|error| format!("header: {error}"))?;
    let mut contents = Contents { metadata: BTreeMap::new(), tensors: BTreeMap::new() };
    let mut places = Vec::new();
    for (name, entry) in header {
        if name == METADATA {
            contents.metadata = metadata(entry).ok_or("header: `__metadata__` holds more than strings")?;
            continue;
        }
        let (dtype, size, shape, begin, end) = tensor(&entry)
            .ok_or_else(|| format!("header: `{name}` is not a type that is known, a shape and two offsets"))?;
        let wanted = shape.iter().try_fold(size, |bytes, &axis| bytes.checked_mul(axis));
        if wanted.is_none() || end.checked_sub(begin) != wanted {
            return Err(format!("`{name}` is {dtype} {shape:?} and lies at {begin}..{end}"));
        }
        let bytes = numbers.get(begin..end).ok_or_else(|| format!("the file ends within `{name}`"))?;
        places.push((begin, end, name.clone()));
        contents.tensors.insert(name, Stored { dtype, shape, bytes });
    }
    places.sort_unstable();
    let mut at = 0;
    for (begin, end, name) in places {
        if begin != at {
            return Err(format!("`{name}` begins at byte {begin} of the numbers, where those before it end at {at}"));
        }
        at = end;
    }
    if at != numbers.len() {
        return Err(format!("{} bytes of numbers, of which the header names {at}", numbers.len()));
    }
    Ok(contents)
}

fn metadata(entry: Value) -> Option<BTreeMap<String, String>> {
    let Value::Object(entries) = entry else { return None };
    entries.into_iter().map(|(key, value)| Some((key, value.as_str()?.to_owned()))).collect()
}

/// Type, bytes of a number, shape, begin and end.
fn tensor(entry: &Value) -> Option<(&'static str, usize, Vec<usize>, usize, usize)> {
    let numbers = |key: &str| -> Option<Vec<usize>> {
        entry.get(key)?.as_array()?.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
    };
    let dtype = entry.get("dtype")?.as_str()?;
    let &(dtype, size) = DTYPES.iter().find(|(name, _)| *name == dtype)?;
    let &[begin, end] = &numbers("data_offsets")?[..] else { return None };
    Some((dtype, size, numbers("shape")?, begin, end))
}

/// The bytes of a file with these tensors: name, type, shape and numbers.
pub(crate) fn write(metadata: &BTreeMap<&str, &str>, tensors: &BTreeMap<String, Written>) -> Vec<u8> {
    let mut header = Map::from_iter([(METADATA.to_owned(), json!(metadata))]);
    let mut end = 0;
    for (name, (dtype, shape, bytes)) in tensors {
        let begin = end;
        end += bytes.len();
        header.insert(name.clone(), json!({ "dtype": dtype, "shape": shape, "data_offsets": [begin, end] }));
    }
    let mut header = Value::Object(header).to_string();
    // The numbers begin at a multiple of 8.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = Vec::with_capacity(8 + header.len() + end);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header.as_bytes());
    for (_, _, bytes) in tensors.values() {
        file.extend(bytes);
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use safetensors::tensor::{Dtype, TensorView};

    fn ours() -> Vec<u8> {
        let tensor = |shape: &[usize], bytes: &[u8]| ("U8", shape.to_vec(), bytes.to_vec());
        let tensors =
            [("b", tensor(&[2, 2], &[1, 2, 3, 4])), ("a \"quoted\"", tensor(&[], &[9])), ("é", tensor(&[0, 7], &[]))];
        let tensors = tensors.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect();
        write(&BTreeMap::from([("layout", "rectify")]), &tensors)
    }

    #[test]
    fn the_formats_own_reader_reads_what_is_written() {
        let file = ours();
        let theirs = safetensors::SafeTensors::deserialize(&file).unwrap();
        assert_eq!(theirs.tensor("b").unwrap().data(), [1, 2, 3, 4]);
        assert_eq!(theirs.tensor("a \"quoted\"").unwrap().shape(), [0; 0]);
        assert_eq!(theirs.tensor("é").unwrap().shape(), [0, 7]);
        assert_eq!(file.len() % 8, 5, "five numbers behind a header that is a multiple of 8");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let file = |header: &str| [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
        let tensor = |text: &str| format!("{{\"x\":{{{text}}}}}");
        for (header, problem) in [
            (tensor("\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,3]"), "`x` is U8 [4] and lies at 0..3"),
            (tensor("\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]"), "`x` is F32 [1] and lies at 4..0"),
            (tensor("\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]"), "the file ends within `x`"),
            (tensor("\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[1,4]"), "`x` begins at byte 1"),
            (
                tensor("\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]"),
                "4 bytes of numbers, of which the header names 3",
            ),
            (tensor("\"dtype\":\"U9\",\"shape\":[3],\"data_offsets\":[0,3]"), "`x` is not a type that is known"),
            (tensor("\"dtype\":\"U8\",\"shape\":[-3],\"data_offsets\":[0,3]"), "`x` is not a type that is known"),
            ("{\"__metadata__\":{\"a\":1}}".to_owned(), "`__metadata__` holds more than strings"),
            ("[]".to_owned(), "header: invalid type"),
        ] {
            let error = read(&file(&header)).err().unwrap();
            assert!(error.contains(problem), "{error}");
        }
        assert_eq!(read(&100_000_001_u64.to_le_bytes()).err().unwrap(), "a header has at most 100000000 bytes");
    }

    proptest! {
        #[test]
        fn the_formats_own_writer_is_read(
            tensors in prop::collection::btree_map("[a-z_]{1,5}", (0usize..4, 0usize..4), 0..6)
        ) {
            let bytes: Vec<u8> = (0..64).collect();
            let views = tensors.iter().map(|(name, &(rows, columns))| {
                (name, TensorView::new(Dtype::I16, vec![rows, columns], &bytes[rows..][..2 * rows * columns]).unwrap())
            });
            let file = safetensors::serialize(views, None).unwrap();
            let contents = read(&file).unwrap();
            prop_assert_eq!(contents.tensors.len(), tensors.len());
            for (name, (rows, columns)) in tensors {
                let stored = &contents.tensors[&name];
                prop_assert_eq!((stored.dtype, &stored.shape[..]), ("I16", &[rows, columns][..]));
                prop_assert_eq!(stored.bytes, &bytes[rows..][..2 * rows * columns]);
            }
        }

        #[test]
        fn where_one_byte_differs_both_readers_agree(at in 0usize..1 << 16, byte: u8) {
            let mut file = ours();
            let at = at % file.len();
            file[at] = byte;
            let theirs = safetensors::SafeTensors::deserialize(&file);
            let ours = read(&file);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{:?} {:?}", ours.err(), theirs.err());
        }
    }
}
