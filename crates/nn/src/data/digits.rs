//! The optical digits of UCI: 1797 images of 8×8 pixels (E. Alpaydin, C. Kaynak 1998; CC BY 4.0; `data/README.md`).

use super::Dataset;
use crate::{Error, Result};
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use tape::Tensor;

/// One a line: 64 pixels from 0 to 16, then the digit.
const COMPRESSED: &[u8] = include_bytes!("../../data/optdigits.csv.z");
/// More than it takes uncompressed.
const MOST: usize = 1 << 20;
const PIXELS: usize = 64;
const WHITE: f32 = 16.0;
const DIGITS: usize = 10;

/// Handwritten digits for training (1438) and testing (359): images `[N, 64]` in [0, 1], labels 0 to 9.
///
/// The data is inside the library. Every fifth image, from index 4 on, is a test image.
///
/// ```
/// let (train, test) = nn::data::digits()?;
/// assert_eq!((train.len(), test.len(), test.images().shape()[1]), (1438, 359, 64));
/// # Ok::<(), nn::Error>(())
/// ```
///
/// # Errors
/// If the data inside the library is damaged.
pub fn digits() -> Result<(Dataset, Dataset)> {
    let text = decompress_to_vec_zlib_with_limit(COMPRESSED, MOST).map_err(|error| damaged(error.to_string()))?;
    let (mut train, mut test) = (Part::default(), Part::default());
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    for (index, line) in lines.enumerate() {
        let part = if index % 5 == 4 { &mut test } else { &mut train };
        part.read(line)
            .ok_or_else(|| damaged(format!("line {}: expected 64 pixels from 0 to 16 and a digit", index + 1)))?;
    }
    Ok((train.finish()?, test.finish()?))
}

fn damaged(problem: String) -> Error {
    Error::Damaged { path: "optdigits.csv.z".into(), problem }
}

#[derive(Default)]
struct Part {
    images: Vec<f32>,
    labels: Vec<i64>,
}

impl Part {
    /// Takes a line; None if it is not what it should be.
    fn read(&mut self, line: &[u8]) -> Option<()> {
        let before = self.images.len();
        let mut numbers = line.trim_ascii_end().split(|&byte| byte == b',').map(number);
        for _ in 0..PIXELS {
            let pixel = numbers.next()?? as f32;
            self.images.push((pixel <= WHITE).then_some(pixel / WHITE)?);
        }
        self.labels.push(i64::from(numbers.next()??));
        (numbers.next().is_none() && self.images.len() == before + PIXELS).then_some(())
    }

    fn finish(self) -> Result<Dataset> {
        let images = Tensor::try_new(&self.images, [self.labels.len(), PIXELS])?;
        Dataset::with_classes(images, Tensor::from(self.labels), DIGITS)
    }
}

/// A number of up to three digits.
fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 3 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| 10 * number + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_what_the_file_says() {
        let (train, test) = digits().unwrap();
        assert_eq!((train.len(), test.len(), train.classes()), (1438, 359, 10));
        // The file's first line, its last three numbers, and its fifth line's label.
        assert_eq!(train.images().to_vec()[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0].map(|x: f32| x / 16.0));
        assert_eq!(train.labels().to_vec()[..4], [0, 1, 2, 3]);
        assert_eq!(test.labels().to_vec()[0], 4);
        let all = train.images().to_vec();
        assert!(all.iter().all(|x| (0.0..=1.0).contains(x)) && all.contains(&1.0));
        for digit in 0..10 {
            let share = train.labels().to_vec().iter().filter(|&&label| label == digit).count();
            assert!((120..165).contains(&share), "digit {digit}: {share}");
        }
    }

    #[test]
    fn lines_that_are_not_data_are_refused() {
        let good = [b"1,".repeat(64), b"7".to_vec()].concat();
        assert_eq!(Part::default().read(&good), Some(()));
        for bad in [&good[2..], &b"17"[..], b"", &[&good[..], b",3"].concat()[..], &[b"99,", &good[2..]].concat()[..]] {
            assert_eq!(Part::default().read(bad), None);
        }
    }
}
