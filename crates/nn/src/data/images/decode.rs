//! One picture, from bytes to numbers.

use super::Channels;
use image::imageops::{FilterType, resize};
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Luma, Rgb};
use std::io::Cursor;
use tape::Tensor;

/// How many bytes of picture one byte of file can become: deflate makes 1032 of one, and a bit of grey becomes a byte. JPEG stays below.
const MOST_PER_BYTE: u64 = 8 * 1032;
/// What a decoder may need beside the picture.
const ALWAYS: u64 = 1 << 20;

/// A picture's size, and its numbers in the order of `[H, W, C]`.
pub(super) struct Picture {
    pub(super) size: [usize; 2],
    channels: Channels,
    numbers: Vec<f32>,
}

/// Which of the two formats this begins as.
pub(super) fn check_format(head: &[u8]) -> Result<ImageFormat, String> {
    match image::guess_format(head) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => Ok(format),
        Ok(other) => Err(format!("byte 0: a picture of the format {other:?}; convert it to PNG or JPEG")),
        Err(_) => Err("byte 0: neither PNG nor JPEG; convert it".into()),
    }
}

/// Takes a picture out of its file; `check` sees its size `[H, W]` before the rest is decoded.
pub(super) fn decode(
    file: &[u8],
    channels: Channels,
    check: impl FnOnce([usize; 2]) -> Result<(), String>,
) -> Result<Picture, String> {
    let decoder = open(file)?;
    let (width, height) = decoder.dimensions();
    check([height as usize, width as usize])?;
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| format!("damaged: {error}"))?;
    let numbers = match channels {
        Channels::Rgb => picture.into_rgb32f().into_raw(),
        Channels::Luma if !picture.color().has_color() => picture.to_luma32f().into_raw(),
        Channels::Luma => picture.into_rgb32f().pixels().map(luma).collect(),
    };
    Ok(Picture { size: [height as usize, width as usize], channels, numbers })
}

/// A picture's height and width.
pub(super) fn size(file: &[u8]) -> Result<[usize; 2], String> {
    let (width, height) = open(file)?.dimensions();
    Ok([height as usize, width as usize])
}

/// A decoder that has read what comes before the picture, whose size can be true.
fn open(file: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    let format = check_format(file)?;
    if format == ImageFormat::Jpeg && !jpeg_has_its_end(file) {
        return Err("damaged: the file ends before the picture does".into());
    }
    let most = MOST_PER_BYTE.saturating_mul(file.len() as u64);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(most + ALWAYS);
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| format!("damaged: {error}"))?;
    if decoder.total_bytes() > most {
        let (width, height) = decoder.dimensions();
        return Err(format!("damaged: a picture of {height}x{width} cannot come of {} bytes", file.len()));
    }
    Ok(decoder)
}

fn luma(&Rgb([red, green, blue]): &Rgb<f32>) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// Whether the marker of the end follows the last of the segments. The decoder shows what is missing as grey.
fn jpeg_has_its_end(file: &[u8]) -> bool {
    const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
    let mut at = 2;
    while let Some(&[first, marker]) = file.get(at..).and_then(<[u8]>::first_chunk) {
        match (first, marker) {
            (0xff, 0xd9) => return true,
            // Numbers of the picture, escapes in them, bytes of filling.
            (0xff, 0x00) => at += 2,
            (0xff, marker) if RESTARTS.contains(&marker) => at += 2,
            (0xff, 0xff) => at += 1,
            (0xff, _) => {
                let Some(length) = file.get(at + 2..at + 4) else { return false };
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
            _ => at += 1,
        }
    }
    false
}

impl Picture {
    /// Stretched or shrunk to `[H, W]`, with averages over the pixels that come together.
    pub(super) fn resized(self, [height, width]: [usize; 2]) -> Picture {
        if self.size == [height, width] {
            return self;
        }
        let [from_height, from_width] = self.size.map(|side| side as u32);
        let (wide, tall) = (width as u32, height as u32);
        let numbers = match self.channels {
            Channels::Rgb => {
                let picture = ImageBuffer::<Rgb<f32>, _>::from_raw(from_width, from_height, self.numbers);
                resize(&picture.expect("its size is its own"), wide, tall, FilterType::Triangle).into_raw()
            }
            Channels::Luma => {
                let picture = ImageBuffer::<Luma<f32>, _>::from_raw(from_width, from_height, self.numbers);
                resize(&picture.expect("its size is its own"), wide, tall, FilterType::Triangle).into_raw()
            }
        };
        Picture { size: [height, width], channels: self.channels, numbers }
    }

    pub(super) fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    pub(super) fn tensor(&self) -> Tensor {
        let [height, width] = self.size;
        Tensor::new(&self.numbers, [height, width, self.channels.count()])
    }
}
