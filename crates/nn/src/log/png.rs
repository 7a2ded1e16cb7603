//! A picture as PNG (ISO/IEC 15948): eight bits a channel, no filter.

use crate::files::CRC32;
use miniz_oxide::deflate::compress_to_vec_zlib;

/// The bytes of a picture `[height, width, channels]`, of 1 (grey), 2 (grey, opacity), 3 (red, green, blue) or 4 channels.
pub(super) fn png(height: u32, width: u32, channels: usize, pixels: &[u8]) -> Vec<u8> {
    let colour = [0, 4, 2, 6][channels - 1];
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, colour, 0, 0, 0]].concat();
    let row = width as usize * channels;
    let rows: Vec<u8> =
        pixels.chunks_exact(row.max(1)).flat_map(|row| std::iter::once(&0).chain(row)).copied().collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", compress_to_vec_zlib(&rows, 6)), (b"IEND", Vec::new())] {
        file.extend((data.len() as u32).to_be_bytes());
        let start = file.len();
        file.extend(kind);
        file.extend(data);
        file.extend(CRC32.sum(&file[start..]).to_be_bytes());
    }
    file
}
