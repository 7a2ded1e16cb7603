//! Decompression that gives no more than was announced, and gzip (RFC 1952) around it.

use super::crc32::crc32;
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// A byte of a compressed stream stands for at most so many: 258 for two bits.
pub(super) const MOST_PER_BYTE: usize = 1032;

/// What came of a stream.
pub(super) struct Inflated {
    pub(super) bytes: Vec<u8>,
    /// How many bytes of the input it took; None where there was more to come than was asked for.
    pub(super) consumed: Option<usize>,
}

/// Decompresses up to `most` bytes. Memory grows with what comes out, not with what was announced.
pub(super) fn inflate(input: &[u8], most: usize) -> Result<Inflated, String> {
    // One byte more, so that a stream that goes on is told from one that ends there.
    let limit = most.saturating_add(1);
    let mut bytes = vec![0; (4 * input.len()).max(64).min(limit)];
    let mut state = Box::<DecompressorOxide>::default();
    let (mut read, mut written) = (0, 0);
    loop {
        let rest = input.get(read..).unwrap_or_default();
        let (status, consumed, produced) =
            decompress(&mut state, rest, &mut bytes, written, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF);
        read += consumed;
        written += produced;
        match status {
            _ if written > most => {
                bytes.truncate(most);
                return Ok(Inflated { bytes, consumed: None });
            }
            TINFLStatus::Done => {
                bytes.truncate(written);
                return Ok(Inflated { bytes, consumed: Some(read) });
            }
            TINFLStatus::HasMoreOutput if bytes.len() < limit => bytes.resize((2 * bytes.len()).min(limit), 0),
            TINFLStatus::FailedCannotMakeProgress | TINFLStatus::NeedsMoreInput => {
                return Err("the compressed stream ends too early".into());
            }
            _ => return Err(format!("the compressed stream is damaged near its byte {read}")),
        }
    }
}

/// Whether a file begins as gzip files do.
pub(super) fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(&[0x1f, 0x8b])
}

/// The first bytes of what a gzip file holds, up to `count`; fewer where its first member ends before.
pub(super) fn gunzip_start(file: &[u8], count: usize) -> Result<Vec<u8>, String> {
    let begin = member(file, 0)?;
    Ok(inflate(&file[begin..], count).map_err(|problem| format!("byte {begin}: {problem}"))?.bytes)
}

/// What a gzip file holds, all members, with their checksums and lengths checked.
///
/// # Errors
/// If it is damaged, or holds more than `most` bytes.
pub(super) fn gunzip(file: &[u8], most: usize) -> Result<Vec<u8>, String> {
    let mut whole = Vec::new();
    let mut at = 0;
    loop {
        let begin = member(file, at)?;
        let stream =
            inflate(&file[begin..], most - whole.len()).map_err(|problem| format!("byte {begin}: {problem}"))?;
        let Some(consumed) = stream.consumed else {
            return Err(format!(
                "byte {begin}: decompressed it is longer than the {most} bytes that its header announces"
            ));
        };
        let end = begin + consumed;
        let trailer = file.get(end..).and_then(<[u8]>::split_first_chunk::<8>);
        let Some((&[a, b, c, d, e, f, g, h], rest)) = trailer else {
            return Err(format!("byte {end}: the file ends within the checksum"));
        };
        if u32::from_le_bytes([a, b, c, d]) != crc32(&stream.bytes) {
            return Err(format!("byte {end}: the checksum is not that of the {} bytes before", stream.bytes.len()));
        }
        if u32::from_le_bytes([e, f, g, h]) != stream.bytes.len() as u32 {
            return Err(format!("byte {}: the length is not the {} bytes that there are", end + 4, stream.bytes.len()));
        }
        if whole.is_empty() {
            whole = stream.bytes;
        } else {
            whole.extend(stream.bytes);
        }
        if rest.is_empty() {
            return Ok(whole);
        }
        at = end + 8;
    }
}

/// Where the compressed stream of a member begins.
fn member(file: &[u8], at: usize) -> Result<usize, String> {
    let ends = || format!("byte {}: the file ends within the gzip header", file.len());
    let (head, mut rest) = file[at..].split_first_chunk::<10>().ok_or_else(ends)?;
    if !is_gzip(head) {
        return Err(format!("byte {at}: no gzip member begins here, and the last one has ended"));
    }
    let [_, _, method, flags, ..] = *head;
    if method != 8 || flags & 0xe0 != 0 {
        return Err(format!("byte {}: gzip's method {method} with flags {flags:#04x} is not known", at + 2));
    }
    if flags & 4 != 0 {
        let (length, after) = rest.split_first_chunk().ok_or_else(ends)?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..).ok_or_else(ends)?;
    }
    // A name, then a comment, each up to a zero.
    for flag in [8, 16] {
        if flags & flag != 0 {
            let zero = rest.iter().position(|&byte| byte == 0).ok_or_else(ends)?;
            rest = &rest[zero + 1..];
        }
    }
    if flags & 2 != 0 {
        let (sum, after) = rest.split_first_chunk().ok_or_else(ends)?;
        let end = file.len() - rest.len();
        if u16::from_le_bytes(*sum) != crc32(&file[at..end]) as u16 {
            return Err(format!("byte {end}: the checksum of the gzip header is not its own"));
        }
        rest = after;
    }
    Ok(file.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec;

    fn gzip(bytes: &[u8], flags: u8, extras: &[u8]) -> Vec<u8> {
        let mut file = [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255], extras, &compress_to_vec(bytes, 6)].concat();
        file.extend(crc32(bytes).to_le_bytes());
        file.extend((bytes.len() as u32).to_le_bytes());
        file
    }

    #[test]
    fn members_names_and_comments_are_read() {
        let extras = b"\x03\x00abcname\x00comment\x00";
        let mut with_sum = [&[0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 255], &extras[..]].concat();
        let sum = (crc32(&with_sum) as u16).to_le_bytes();
        let plain = gzip(b"one", 0, b"");
        with_sum = gzip(b"one", 0x1e, &[&extras[..], &sum].concat());
        for file in [&plain, &gzip(b"one", 0x1c, extras), &with_sum] {
            assert_eq!(gunzip(file, 3).unwrap(), b"one");
            assert_eq!(gunzip_start(file, 2).unwrap(), b"on");
        }
        let two = [&plain[..], &gzip(b"", 0, b""), &gzip(&[b'x'; 5000], 0, b"")].concat();
        assert_eq!(gunzip(&two, 5003).unwrap(), [&b"one"[..], &[b'x'; 5000]].concat());
        assert!(gunzip(&two, 5002).unwrap_err().contains("longer than the 5002 bytes"));
        let wrong = |at: usize| {
            let mut file = with_sum.clone();
            let at = if at > 99 { file.len() - (at - 99) } else { at };
            file[at] ^= 0x40;
            gunzip(&file, 99).unwrap_err()
        };
        assert!(wrong(2).contains("byte 2: gzip's method 72"), "{}", wrong(2));
        assert!(wrong(13).contains("the checksum of the gzip header"), "{}", wrong(13));
        assert!(wrong(105).contains("the checksum is not that of the 3 bytes"), "{}", wrong(105));
        assert!(wrong(101).contains("the length is not the 3 bytes"), "{}", wrong(101));
        assert!(gunzip(&[&plain[..], b"\0"].concat(), 9).unwrap_err().contains("the file ends within the gzip header"));
        for length in 0..with_sum.len() {
            assert!(gunzip(&with_sum[..length], 9).is_err(), "{length}");
        }
    }

    #[test]
    fn a_bomb_is_stopped_where_it_was_announced_to_end() {
        let bomb = compress_to_vec(&vec![0; 1 << 24], 9);
        let stopped = inflate(&bomb, 1000).unwrap();
        assert_eq!((stopped.bytes, stopped.consumed), (vec![0; 1000], None));
        let whole = inflate(&bomb, 1 << 24).unwrap();
        assert_eq!((whole.bytes.len(), whole.consumed), (1 << 24, Some(bomb.len())));
        assert!(bomb.len() * MOST_PER_BYTE >= 1 << 24);
        for most in [0, 1] {
            assert_eq!(inflate(&compress_to_vec(&[5][..most], 6), most).unwrap().bytes, &[5][..most]);
        }
    }
}
