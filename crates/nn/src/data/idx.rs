//! IDX files, as MNIST and its kin come (Y. LeCun, C. Cortes, C. Burges, *The MNIST database*), plain or compressed with gzip: two zeros,
//! the type, the number of axes, their sizes, and the numbers, all big-endian.
//!
//! Types are u8, i8, i16 (the latter two become i32), i32, f32 and f64.

use super::number::Number;
use super::{Array, Dataset, inflate, input};
use crate::{Error, Result};
use std::borrow::Cow;
use std::path::Path;
use tape::{MAX_RANK, Shape, Tensor};

/// The longest header of a tensor.
const LONGEST: usize = 4 + 4 * MAX_RANK;
/// What MNIST calls white.
const WHITE: f32 = 255.0;

/// Reads a file, plain or gzip, whatever it is called.
///
/// # Errors
/// If it cannot be read, or is not such a file: what is wrong with it, and at which byte (of what is inside, where it is compressed).
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    let check = |head: &[u8], length| match inflate::is_gzip(head) {
        // How long it is inside is known once it is read whole; how it begins is checked before.
        true => Header::parse(&inflate::gunzip_start(head, LONGEST)?).map(drop),
        false => Header::parse(head)?.check(length),
    };
    let bytes = input::read(path, check)?;
    input::named(Some(path), parse(&bytes))
}

/// As [`read`], of a file in memory.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Array> {
    input::named(None, parse(bytes))
}

/// Reads images and their labels, as MNIST has them: bytes `[N, H, W]` become `[N, H, W, 1]` in [0, 1].
///
/// Numbers that are not bytes, or of another rank, stay as they are.
///
/// # Errors
/// As [`read`]; if labels are no integers, or if there is not one for each image.
pub fn dataset(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Result<Dataset> {
    let (images, labels) = (read(images)?, labels.as_ref());
    let images = match &images {
        Array::U8(bytes) if bytes.rank() == 3 => {
            let numbers = images.to_f32();
            let scaled = Tensor::fill_with(*bytes.shape(), |to| {
                numbers.copy_to(to);
                to.iter_mut().for_each(|x| *x /= WHITE);
            });
            scaled.unsqueeze(-1)
        }
        _ => images.to_f32(),
    };
    let damaged = |error: Error| Error::Damaged { path: labels.into(), problem: error.to_string() };
    let numbers = read(labels)?.to_i64().map_err(damaged)?;
    Dataset::new(images, numbers).map_err(damaged)
}

struct Header {
    number: Number,
    shape: Shape,
    /// Where the numbers begin.
    begin: usize,
}

impl Header {
    fn parse(file: &[u8]) -> Result<Header, String> {
        let ends = || format!("byte {}: the file ends within the header", file.len());
        let (&[a, b, kind, rank], rest) = file.split_first_chunk().ok_or_else(ends)?;
        if [a, b] != [0, 0] {
            return Err("byte 0: no IDX file; one begins with two zeros".into());
        }
        let number = match kind {
            0x08 => Number::U8,
            0x09 => Number::I8,
            0x0b => Number::I16,
            0x0c => Number::I32,
            0x0d => Number::F32,
            0x0e => Number::F64,
            _ => return Err(format!("byte 2: the type {kind:#04x} is not one of IDX")),
        };
        let rank = usize::from(rank);
        if rank > MAX_RANK {
            return Err(format!("byte 3: {rank} axes, at most {MAX_RANK} are possible"));
        }
        let sizes = rest.get(..4 * rank).ok_or_else(ends)?.as_chunks().0;
        let sizes: Vec<usize> = sizes.iter().map(|&size| u32::from_be_bytes(size) as usize).collect();
        let shape = Shape::new(&sizes).map_err(|error| format!("byte 4: {error}"))?;
        Ok(Header { number, shape, begin: 4 + 4 * rank })
    }

    /// How long the file must be.
    fn length(&self) -> Option<u64> {
        self.number.bytes(&self.shape)?.checked_add(self.begin as u64)
    }

    fn check(&self, length: u64) -> Result<(), String> {
        if self.length() == Some(length) {
            return Ok(());
        }
        let wanted = self.length().map_or("more than memory can address".to_string(), |bytes| bytes.to_string());
        Err(format!("byte {}: {:?} numbers make a file of {wanted} bytes, not of {length}", self.begin, self.shape))
    }
}

fn parse(file: &[u8]) -> Result<Array, String> {
    let file = match inflate::is_gzip(file) {
        true => {
            let header = Header::parse(&inflate::gunzip_start(file, LONGEST)?)?;
            let length = header.length().and_then(|length| usize::try_from(length).ok()).unwrap_or(usize::MAX);
            if length > file.len().saturating_mul(inflate::MOST_PER_BYTE) {
                return Err(format!(
                    "byte {}: {:?} numbers cannot come of {} compressed bytes",
                    header.begin,
                    header.shape,
                    file.len()
                ));
            }
            Cow::Owned(inflate::gunzip(file, length)?)
        }
        false => Cow::Borrowed(file),
    };
    let header = Header::parse(&file)?;
    header.check(file.len() as u64)?;
    header.number.array(header.shape, true, &file[header.begin..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::crc32::crc32;
    use miniz_oxide::deflate::compress_to_vec;

    fn idx(kind: u8, sizes: &[u32], numbers: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, kind, sizes.len() as u8];
        file.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
        [&file, numbers].concat()
    }

    fn gzip(file: &[u8]) -> Vec<u8> {
        let mut packed = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], &compress_to_vec(file, 6)[..]].concat();
        packed.extend(crc32(file).to_le_bytes());
        packed.extend((file.len() as u32).to_le_bytes());
        packed
    }

    #[test]
    fn every_type_plain_and_compressed() {
        let files = [
            (idx(0x08, &[2], &[0, 255]), Array::from(Tensor::new(&[0u8, 255], [2]))),
            (idx(0x09, &[2], &[0x80, 1]), Tensor::new(&[-128i32, 1], [2]).into()),
            (idx(0x0b, &[1, 2], &[0x80, 0, 1, 2]), Tensor::new(&[-32768i32, 258], [1, 2]).into()),
            (idx(0x0c, &[1], &[0x80, 0, 0, 1]), Tensor::new(&[i32::MIN + 1], [1]).into()),
            (idx(0x0d, &[1], &1.5f32.to_be_bytes()), Tensor::from([1.5]).into()),
            (idx(0x0e, &[1], &(-0.1f64).to_be_bytes()), Tensor::f64([-0.1]).into()),
            (idx(0x08, &[3, 0], &[]), Tensor::fill_with([3, 0], |_: &mut [u8]| ()).into()),
            (idx(0x08, &[], &[7]), Tensor::scalar(7u8).into()),
        ];
        for (file, wanted) in files {
            assert_eq!(from_bytes(&file).unwrap(), wanted);
            assert_eq!(from_bytes(&gzip(&file)).unwrap(), wanted);
            // Members one after the other are one file.
            let (a, b) = file.split_at(file.len() / 2 + 2);
            assert_eq!(
                from_bytes(&[gzip(a), gzip(b)].concat()).is_ok(),
                a.len() >= file.len().min(4 + 4 * wanted.shape().rank())
            );
        }
    }

    #[test]
    fn images_with_labels_are_a_data_set() {
        let dir = tempfile::tempdir().unwrap();
        let (images, labels) = (dir.path().join("images.gz"), dir.path().join("labels"));
        std::fs::write(&images, gzip(&idx(0x08, &[2, 1, 2], &[0, 255, 51, 102]))).unwrap();
        std::fs::write(&labels, idx(0x08, &[2], &[9, 3])).unwrap();
        let data = dataset(&images, &labels).unwrap();
        assert_eq!(data.images(), &Tensor::new(&[0.0, 1.0, 0.2, 0.4], [2, 1, 2, 1]));
        assert_eq!((data.labels().to_vec(), data.classes()), (vec![9, 3], 10));
        std::fs::write(&labels, idx(0x08, &[3], &[9, 3, 1])).unwrap();
        let error = dataset(&images, &labels).unwrap_err().to_string();
        assert!(error.starts_with(&labels.display().to_string()) && error.contains("[2, 1, 2, 1] and [3]"), "{error}");
        std::fs::write(&labels, idx(0x0d, &[1], &1.5f32.to_be_bytes())).unwrap();
        let error = dataset(&images, &labels).unwrap_err().to_string();
        assert!(error.contains("labels: ") && error.contains("1.5 at element 0 is no i64"), "{error}");
        // A plain file of another length is refused before it is read.
        let header = idx(0x08, &[1 << 31, 1 << 10], &[]);
        std::fs::write(&labels, &header).unwrap();
        std::fs::File::options().write(true).open(&labels).unwrap().set_len(1 << 40).unwrap();
        assert!(
            read(&labels).unwrap_err().to_string().contains("make a file of 2199023255564 bytes, not of 1099511627776")
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let good = idx(0x08, &[2, 2], &[1, 2, 3, 4]);
        let packed = gzip(&good);
        let with = |file: &[u8], at: usize, byte: u8| {
            let mut file = file.to_vec();
            file[at] = byte;
            file
        };
        for (file, wanted) in [
            (vec![], "byte 0: the file ends within the header"),
            (good[..9].to_vec(), "byte 9: the file ends within the header"),
            (with(&good, 1, 1), "byte 0: no IDX file"),
            (with(&good, 2, 0x0a), "byte 2: the type 0x0a is not one of IDX"),
            (with(&good, 3, 9), "byte 3: 9 axes, at most 8"),
            (good[..15].to_vec(), "byte 12: [2, 2] numbers make a file of 16 bytes, not of 15"),
            ([&good[..], &[0]].concat(), "make a file of 16 bytes, not of 17"),
            (idx(0x0e, &[u32::MAX; 3], &[]), "byte 4: "),
            (idx(0x0e, &[1 << 31, 1 << 31], &[]), "make a file of more than memory can address bytes"),
            (gzip(&idx(0x08, &[1 << 30], &[0; 9])), "numbers cannot come of"),
            (gzip(&idx(0x08, &[8], &[0; 9])), "longer than the 16 bytes that its header announces"),
            (gzip(&idx(0x08, &[10], &[0; 9])), "make a file of 18 bytes, not of 17"),
            (packed[..packed.len() - 1].to_vec(), "the file ends within the checksum"),
        ] {
            let error = from_bytes(&file).unwrap_err().to_string();
            assert!(error.starts_with("(bytes): byte ") && error.contains(wanted), "{wanted}\nis not in\n{error}");
        }
        assert!((0..packed.len()).all(|length| from_bytes(&packed[..length]).is_err()));
    }
}
