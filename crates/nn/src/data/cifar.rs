//! CIFAR-10 and CIFAR-100 in their binary versions (A. Krizhevsky, *Learning Multiple Layers of Features from Tiny Images*, 2009;
//! <https://www.cs.toronto.edu/~kriz/cifar.html>): records of labels and 3072 bytes, the red, green and blue planes of 32×32 pixels.

use super::{Dataset, input};
use crate::Result;
use crate::error::setting;
use std::path::Path;
use tape::Tensor;

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const PLANE: usize = SIDE * SIDE;
const IMAGE: usize = CHANNELS * PLANE;

/// Which of the two, and which labels.
///
/// ```no_run
/// use nn::data::Cifar;
/// let train = Cifar::Ten.read((1..=5).map(|i| format!("cifar-10-batches-bin/data_batch_{i}.bin")))?;
/// assert_eq!(train.images().shape()[..], [50_000, 32, 32, 3]);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cifar {
    /// CIFAR-10.
    Ten,
    /// CIFAR-100 with its 100 classes.
    Hundred,
    /// CIFAR-100 with its 20 superclasses.
    Superclasses,
}

impl Cifar {
    /// Reads files, one after the other: images `[N, 32, 32, 3]` in [0, 1], and their labels.
    ///
    /// # Errors
    /// If none is given, if one cannot be read, is empty, does not hold whole records, or has a label that is no class.
    pub fn read<P: AsRef<Path>>(self, paths: impl IntoIterator<Item = P>) -> Result<Dataset> {
        let mut files = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let bytes = input::read(path, |_, length| self.check(length))?;
            input::named(Some(path), self.check_labels(&bytes))?;
            files.push(bytes);
        }
        if files.is_empty() {
            return setting("Cifar::read", "no file was given");
        }
        self.dataset(&files)
    }

    /// As [`Cifar::read`], of one file in memory.
    ///
    /// # Errors
    /// As [`Cifar::read`].
    pub fn from_bytes(self, bytes: &[u8]) -> Result<Dataset> {
        input::named(None, self.check(bytes.len() as u64).and_then(|()| self.check_labels(bytes)))?;
        self.dataset(&[bytes])
    }

    /// How many classes there are.
    pub fn classes(self) -> usize {
        match self {
            Cifar::Ten => 10,
            Cifar::Hundred => 100,
            Cifar::Superclasses => 20,
        }
    }

    /// The labels before an image, each with its number of classes.
    fn labels(self) -> &'static [u8] {
        if self == Cifar::Ten { &[10] } else { &[20, 100] }
    }

    /// Which of them is asked for.
    fn label(self) -> usize {
        usize::from(self == Cifar::Hundred)
    }

    fn record(self) -> usize {
        self.labels().len() + IMAGE
    }

    fn check(self, length: u64) -> Result<(), String> {
        let record = self.record() as u64;
        match length % record {
            0 if length > 0 => Ok(()),
            0 => Err("byte 0: the file is empty".into()),
            rest => Err(format!("byte {}: a record has {record} bytes, and {rest} are left", length - rest)),
        }
    }

    fn check_labels(self, bytes: &[u8]) -> Result<(), String> {
        for (image, record) in bytes.chunks_exact(self.record()).enumerate() {
            for (at, (&label, &classes)) in record.iter().zip(self.labels()).enumerate() {
                if label >= classes {
                    let at = image * self.record() + at;
                    return Err(format!("byte {at}: label {label} of image {image} is not in 0..{classes}"));
                }
            }
        }
        Ok(())
    }

    /// The records of files that were checked.
    fn dataset(self, files: &[impl AsRef<[u8]>]) -> Result<Dataset> {
        let records = || files.iter().flat_map(|file| file.as_ref().chunks_exact(self.record()));
        let count = records().count();
        let images = Tensor::fill_with([count, SIDE, SIDE, CHANNELS], |to| {
            for (to, record) in to.chunks_exact_mut(IMAGE).zip(records()) {
                let planes = &record[self.labels().len()..];
                for (pixel, to) in to.chunks_exact_mut(CHANNELS).enumerate() {
                    for (channel, to) in to.iter_mut().enumerate() {
                        *to = f32::from(planes[channel * PLANE + pixel]) / 255.0;
                    }
                }
            }
        });
        let labels: Vec<i64> = records().map(|record| i64::from(record[self.label()])).collect();
        Dataset::with_classes(images, Tensor::from(labels), self.classes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte `i` of an image is `(i · 7 + seed) mod 256`.
    fn record(labels: &[u8], seed: usize) -> Vec<u8> {
        [labels, &(0..IMAGE).map(|i| (i * 7 + seed) as u8).collect::<Vec<_>>()].concat()
    }

    #[test]
    fn pixels_and_labels_come_to_their_places() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["a", "b"].map(|name| dir.path().join(name));
        std::fs::write(&paths[0], [record(&[9], 0), record(&[1], 1)].concat()).unwrap();
        std::fs::write(&paths[1], record(&[3], 2)).unwrap();
        let data = Cifar::Ten.read(&paths).unwrap();
        assert_eq!((data.images().shape()[..].to_vec(), data.labels().to_vec()), (vec![3, 32, 32, 3], vec![9, 1, 3]));
        for (n, y, x, c) in [(0, 0, 0, 0), (1, 0, 1, 2), (2, 31, 4, 1), (2, 31, 31, 2)] {
            let byte = ((c * 1024 + y * 32 + x) * 7 + n) as u8;
            assert_eq!(data.images().at([n, y, x, c]), f32::from(byte) / 255.0, "{n} {y} {x} {c}");
        }
        let both = record(&[19, 99], 0);
        for (which, label, classes) in [(Cifar::Hundred, 99, 100), (Cifar::Superclasses, 19, 20)] {
            let data = which.from_bytes(&both).unwrap();
            assert_eq!((data.labels().to_vec(), data.classes()), (vec![label], classes));
            assert_eq!(data.images().at([0, 0, 0, 1]), f32::from((1024 * 7) as u8) / 255.0);
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let two = [record(&[9], 0), record(&[10], 1)].concat();
        for (which, file, wanted) in [
            (Cifar::Ten, &two[..], "byte 3073: label 10 of image 1 is not in 0..10"),
            (Cifar::Ten, &two[..6000], "byte 3073: a record has 3073 bytes, and 2927 are left"),
            (Cifar::Hundred, &record(&[20, 1], 0), "byte 0: label 20 of image 0 is not in 0..20"),
            (Cifar::Superclasses, &record(&[1, 100], 0), "byte 1: label 100 of image 0 is not in 0..100"),
            (Cifar::Hundred, &[], "byte 0: the file is empty"),
        ] {
            assert_eq!(which.from_bytes(file).unwrap_err().to_string(), format!("(bytes): {wanted}"));
        }
        assert_eq!(Cifar::Ten.read([""; 0]).unwrap_err().to_string(), "Cifar::read: no file was given");
    }
}
