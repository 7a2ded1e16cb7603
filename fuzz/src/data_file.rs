//! Data files of every reader: bytes as they come, and good files with bytes changed.

use nn::Result;
use nn::data::csv::{self, Missing};
use nn::data::images::{self, Channels};
use nn::data::{Array, Cifar, idx, npy, npz};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// The first byte says which reader.
pub fn data_file(bytes: &[u8]) {
    let Some((&mode, file)) = bytes.split_first() else { return };
    match mode % 6 {
        0 => {
            written_again(npy::from_bytes(file), npy::to_bytes, npy::from_bytes);
        }
        1 => {
            let write = |arrays: BTreeMap<String, Array>| npz::to_bytes(arrays).unwrap();
            written_again(npz::from_bytes(file), write, npz::from_bytes);
        }
        2 => {
            named(idx::from_bytes(file));
        }
        3 => {
            let which = [Cifar::Ten, Cifar::Hundred, Cifar::Superclasses][usize::from(mode / 6) % 3];
            // Labels from the bytes, an image that repeats them.
            let record = if which == Cifar::Ten { 3073 } else { 3074 };
            let whole: Vec<u8> = file.iter().copied().cycle().take(record * usize::from(!file.is_empty())).collect();
            named(which.from_bytes(if mode < 128 { &whole } else { file }));
        }
        4 => table(mode / 6, file),
        _ => {
            let channels = if mode < 128 { Channels::Rgb } else { Channels::Luma };
            if let Some(picture) = named(images::from_bytes(file, channels)) {
                assert!(picture.to_vec().iter().all(|x| (0.0..=1.0).contains(x)), "numbers from 0 to 1");
            }
        }
    }
}

/// An error says that it is of these bytes.
fn named<T>(outcome: Result<T>) -> Option<T> {
    let named = |error: &nn::Error| assert!(error.to_string().starts_with("(bytes): "), "{error}");
    outcome.inspect_err(named).ok()
}

/// What was read is written, and reads as the same: compared as text, in which NaN is NaN.
fn written_again<A: Clone + Debug>(read: Result<A>, write: impl Fn(A) -> Vec<u8>, again: impl Fn(&[u8]) -> Result<A>) {
    let Some(array) = named(read) else { return };
    assert_eq!(format!("{:?}", again(&write(array.clone())).unwrap()), format!("{array:?}"));
}

/// Every column as everything that it can be.
fn table(settings: u8, file: &[u8]) {
    let missing = [Missing::Refuse, Missing::DropRow, Missing::Nan, Missing::Fill(7.0), Missing::Mean];
    let missing = missing[usize::from(settings) % missing.len()];
    let reader = csv::Reader::new().missing(missing);
    let reader = if settings < 20 { reader } else { reader.without_names().delimiter(b';') };
    let Some(table) = named(reader.from_bytes(file)) else { return };
    for name in table.names() {
        let column = table.column(name).unwrap();
        assert_eq!(column.texts().len(), table.len());
        if let Some(numbers) = named(column.to_f64()) {
            let texts = column.texts().map(|text| text.map(|text| text.parse::<f64>().unwrap().to_bits()));
            let same = |(text, x): (Option<u64>, &f64)| text.is_none_or(|bits| bits == x.to_bits());
            assert!(texts.zip(&numbers.to_vec()).all(same), "numbers are their texts'");
        }
        named(column.to_i64());
        if let Some(classes) = named(column.classes()) {
            let labels = column.labels(&classes).unwrap().to_vec();
            let texts = labels.iter().map(|&label| classes[label as usize].as_str());
            assert!(texts.eq(column.texts().flatten()), "labels name their classes");
        }
        if table.names().len() > 1 {
            named(table.dataset(name));
        }
    }
}
