//! TensorBoard's event files: records of a length, a checksum (CRC-32C, masked) and a protobuf message each, as
//! `tensorflow/core/lib/io/record_writer.cc`, `event.proto` and `summary.proto` describe them.

use super::Log;
use super::png::png;
use crate::error::setting;
use crate::files::CRC32C;
use crate::protobuf::Message;
use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use tape::Tensor;

/// Bars of a histogram.
const BARS: usize = 30;

/// A directory that `tensorboard --logdir` shows: numbers, histograms and pictures. Each run of the program adds a file; of steps that two files hold TensorBoard
/// shows the later file's, as the file of a run that goes on says from where it does.
///
/// Times of events are the clock's; nothing else is.
#[derive(Debug)]
pub struct TensorBoard {
    path: PathBuf,
    file: File,
}

impl TensorBoard {
    /// Makes the directory where it is not there, and a new file in it; `first` is the step that the run begins with or goes on from.
    ///
    /// # Errors
    /// If they cannot be made.
    pub fn open(directory: impl AsRef<Path>, first: u64) -> Result<TensorBoard> {
        let directory = directory.as_ref();
        fs::create_dir_all(directory).map_err(|source| Error::Io { path: directory.into(), source })?;
        let now = now_s();
        // Names sort by their seconds; a number keeps two files of one second apart.
        let (path, file) = (0..)
            .map(|number| {
                let name = format!("events.out.tfevents.{:010}.rectify.{}.{number}", now as u64, std::process::id());
                let path = directory.join(name);
                let file = OpenOptions::new().append(true).create_new(true).open(&path);
                (path, file)
            })
            .find(|(_, file)| !file.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists))
            .expect("numbers do not end");
        let file = file.map_err(|source| Error::Io { path: path.clone(), source })?;
        let mut board = TensorBoard { path, file };
        board.event(0, |event| event.bytes(3, b"brain.Event:2"))?;
        if first > 0 {
            // SessionLog START: what other files hold of this step and later ones is void.
            board.event(first, |event| event.message(7, |log| log.varint(1, 1)))?;
        }
        Ok(board)
    }

    /// Notes how numbers are spread: of equal bars from the least to the largest. Numbers that are not finite are left out.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn histogram(&mut self, step: u64, name: &str, values: &Tensor) -> Result<()> {
        let values: Vec<f64> = values.iter().map(f64::from).filter(|value| value.is_finite()).collect();
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let width = (largest - least) / BARS as f64;
        let mut bars = [0.0; BARS];
        for value in &values {
            let bar = if width > 0.0 { ((value - least) / width) as usize } else { 0 };
            bars[bar.min(BARS - 1)] += 1.0;
        }
        let limits: Vec<f64> = (1..=BARS).map(|i| if i == BARS { largest } else { least + width * i as f64 }).collect();
        let (sum, squares) = values.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
        self.value(step, name, |value| {
            value.message(5, |histogram| {
                if !values.is_empty() {
                    let count = values.len() as f64;
                    let numbers = [least, largest, count, sum, squares];
                    numbers.into_iter().zip(1..).for_each(|(number, field)| histogram.double(field, number));
                    histogram.doubles(6, &limits);
                    histogram.doubles(7, &bars);
                }
            });
        })
    }

    /// Notes a picture `[height, width, channels]` of 1 (grey), 3 (red, green, blue) or 4 channels, of numbers in [0, 1]; others are brought to the nearer end, NaN to 0.
    ///
    /// # Errors
    /// If it has another shape, or if the file cannot be written.
    pub fn image(&mut self, step: u64, name: &str, image: &Tensor) -> Result<()> {
        let &[height, width, channels @ (1 | 3 | 4)] = &image.shape()[..] else {
            let shape = image.shape();
            return setting(
                "TensorBoard::image",
                format!("shape {shape:?}; give [height, width, channels], of 1, 3 or 4 channels"),
            );
        };
        let (Ok(tall), Ok(wide)) = (u32::try_from(height), u32::try_from(width)) else {
            return setting("TensorBoard::image", format!("{height} × {width} is more than a picture has"));
        };
        let pixels: Vec<u8> = image.iter().map(|value| (255.0 * value.clamp(0.0, 1.0)).round() as u8).collect();
        let encoded = png(tall, wide, channels, &pixels);
        self.value(step, name, |value| {
            value.message(4, |image| {
                [height, width, channels]
                    .into_iter()
                    .zip(1..)
                    .for_each(|(size, field)| image.varint(field, size as u64));
                image.bytes(4, &encoded);
            });
        })
    }

    fn value(&mut self, step: u64, name: &str, write: impl FnOnce(&mut Message)) -> Result<()> {
        self.event(step, |event| {
            event.message(5, |summary| {
                summary.message(1, |value| {
                    value.bytes(1, name.as_bytes());
                    write(value);
                });
            });
        })
    }

    /// Writes one event, in one piece.
    fn event(&mut self, step: u64, write: impl FnOnce(&mut Message)) -> Result<()> {
        let mut event = Message::default();
        event.double(1, now_s());
        event.varint(2, step);
        write(&mut event);
        let length = (event.as_bytes().len() as u64).to_le_bytes();
        let record = [&length[..], &masked(&length), event.as_bytes(), &masked(event.as_bytes())].concat();
        self.file.write_all(&record).map_err(|source| Error::Io { path: self.path.clone(), source })
    }
}

impl Log for TensorBoard {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        self.event(step, |event| {
            event.message(5, |summary| {
                for (name, number) in values {
                    summary.message(1, |value| {
                        value.bytes(1, name.as_bytes());
                        value.float(2, *number as f32);
                    });
                }
            });
        })
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// CRC-32C, rotated and offset so that a checksum of data that holds checksums stays a good one.
fn masked(data: &[u8]) -> [u8; 4] {
    CRC32C.sum(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}
