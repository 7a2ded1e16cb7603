//! Zip archives, as far as npz needs them: entries in memory, stored or deflated, checked against the central directory
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 64-bit sizes included). Nothing is ever put on disk.

use super::crc32::crc32;
use super::inflate::{MOST_PER_BYTE, inflate};
use std::borrow::Cow;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
/// The bytes of the headers without what follows them.
const LOCAL_SIZE: usize = 30;
const CENTRAL_SIZE: usize = 46;
const END_SIZE: usize = 22;
const END_64_SIZE: usize = 56;
const LOCATOR_64_SIZE: usize = 20;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// A file in the archive.
pub(super) struct Entry<'b> {
    pub(super) name: &'b str,
    /// Where its header stands and its data ends.
    begin: usize,
    end: usize,
    method: u16,
    crc: u32,
    size: usize,
    data: &'b [u8],
}

impl<'b> Entry<'b> {
    /// What it holds, checked against its checksum.
    pub(super) fn contents(&self) -> Result<Cow<'b, [u8]>, String> {
        let contents = if self.method == STORED { Cow::Borrowed(self.data) } else { Cow::Owned(self.inflated()?) };
        match crc32(&contents) == self.crc {
            true => Ok(contents),
            false => Err(self.problem("its checksum is not that of its bytes")),
        }
    }

    fn inflated(&self) -> Result<Vec<u8>, String> {
        let stream = inflate(self.data, self.size).map_err(|problem| self.problem(&problem))?;
        match stream.consumed {
            Some(consumed) if consumed == self.data.len() && stream.bytes.len() == self.size => Ok(stream.bytes),
            _ => Err(self.problem("the compressed stream is not as long as the directory says")),
        }
    }

    fn problem(&self, problem: &str) -> String {
        format!("byte {}: `{}`: {problem}", self.begin, self.name)
    }
}

/// The entries of an archive.
///
/// # Errors
/// If it is no archive, if anything lies outside the file or over something else, or if a name is a path.
pub(super) fn entries(file: &[u8]) -> Result<Vec<Entry<'_>>, String> {
    let (begin, end, count) = directory(file)?;
    let mut entries = Vec::new();
    let mut at = begin;
    while at < end {
        let (entry, next) = entry(file, at, begin, end)?;
        entries.push(entry);
        at = next;
    }
    if entries.len() as u64 != count {
        return Err(format!("byte {begin}: the directory has {} entries, and {count} are announced", entries.len()));
    }
    entries.sort_unstable_by_key(|entry| entry.begin);
    // Entries that share bytes are how a small file becomes a large one.
    match entries.windows(2).find(|pair| pair[1].begin < pair[0].end) {
        Some(pair) => Err(pair[1].problem(&format!("it lies over `{}`", pair[0].name))),
        None => Ok(entries),
    }
}

/// Where the central directory begins and ends, and how many entries it is said to have.
fn directory(file: &[u8]) -> Result<(usize, usize, u64), String> {
    let last = file.len().checked_sub(END_SIZE).ok_or("byte 0: no zip archive: too short")?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    // What follows is a comment, whose length must be right.
    let is_end = |at: usize| file[at..].starts_with(END) && u16_at(file, at + 20) == Some((last - at) as u16);
    let at = (first..=last).rev().find(|&at| is_end(at));
    let at =
        at.ok_or_else(|| format!("byte {last}: no zip archive, or one that was cut: it has no directory at its end"))?;
    let damaged = || format!("byte {at}: the end of the directory is damaged");
    let word = |offset| u16_at(file, at + offset).map(u64::from).ok_or_else(damaged);
    let long = |offset| u32_at(file, at + offset).map(u64::from).ok_or_else(damaged);
    let (mut disks, mut counts, mut size, mut begin) =
        ([word(4)?, word(6)?], [word(8)?, word(10)?], long(12)?, long(16)?);
    let mut end = at;
    if counts[1] == u64::from(u16::MAX) || size == u64::from(u32::MAX) || begin == u64::from(u32::MAX) {
        let record = end_64(file, at).ok_or_else(damaged)?;
        let whole = |offset| u64_at(file, record + offset).ok_or_else(damaged);
        let half = |offset| u32_at(file, record + offset).map(u64::from).ok_or_else(damaged);
        (disks, counts, size, begin) = ([half(16)?, half(20)?], [whole(24)?, whole(32)?], whole(40)?, whole(48)?);
        end = record;
    }
    if disks != [0, 0] || counts[0] != counts[1] {
        return Err(format!("byte {at}: an archive in several parts"));
    }
    if begin.checked_add(size) != Some(end as u64) {
        return Err(format!("byte {at}: the directory of {size} bytes does not lie from byte {begin} to {end}"));
    }
    Ok((begin as usize, end, counts[1]))
}

/// Where the 64-bit end of the directory stands.
fn end_64(file: &[u8], end: usize) -> Option<usize> {
    let locator = end.checked_sub(LOCATOR_64_SIZE)?;
    let record = usize::try_from(u64_at(file, locator + 8)?).ok()?;
    let is_right = file[locator..].starts_with(LOCATOR_64)
        && file.get(record..)?.starts_with(END_64)
        && u64_at(file, record + 4)?.checked_add(record as u64 + 12)? == locator as u64
        && record + END_64_SIZE <= locator;
    is_right.then_some(record)
}

/// The entry whose header in the directory stands at `at`, and where the next one stands.
fn entry(file: &[u8], at: usize, directory: usize, end: usize) -> Result<(Entry<'_>, usize), String> {
    let damaged = |problem: &str| format!("byte {at}: directory entry: {problem}");
    let header = &file[at..end];
    if !header.starts_with(CENTRAL) || header.len() < CENTRAL_SIZE {
        return Err(damaged("there is none where one should be"));
    }
    let word = |offset| usize::from(u16_at(header, offset).unwrap_or_default());
    let long = |offset| u64::from(u32_at(header, offset).unwrap_or_default());
    let (name_end, extra, comment) = (CENTRAL_SIZE + word(28), word(30), word(32));
    let next = name_end + extra + comment;
    let parts = header.get(CENTRAL_SIZE..name_end).zip(header.get(name_end..name_end + extra));
    let (name, extra) =
        parts.filter(|_| next <= header.len()).ok_or_else(|| damaged("the directory ends within it"))?;
    let name = std::str::from_utf8(name).map_err(|_| damaged("the name is not UTF-8"))?;
    refuse_paths(name).map_err(|problem| damaged(&problem))?;
    let damaged = |problem: &str| damaged(&format!("`{name}`: {problem}"));
    let (flags, method) = (word(8), word(10) as u16);
    if flags & 1 != 0 || ![STORED, DEFLATED].contains(&method) {
        return Err(damaged("it is encrypted, or compressed with another method than deflate"));
    }
    // Uncompressed size, compressed size, place: where all bits are set the number is in the 64-bit field, in this order.
    let [size, packed, begin] =
        sizes([long(24), long(20), long(42)], extra).ok_or_else(|| damaged("no 64-bit sizes"))?;
    let outside = || damaged("it lies outside the part of the file that is before the directory");
    let begin = usize::try_from(begin).ok().filter(|&begin| begin < directory).ok_or_else(outside)?;
    let local = &file[begin..directory];
    if !local.starts_with(LOCAL) || local.len() < LOCAL_SIZE {
        return Err(damaged(&format!("there is no entry at byte {begin}")));
    }
    let local_word = |offset| usize::from(u16_at(local, offset).unwrap_or_default());
    let local_name_end = LOCAL_SIZE + local_word(26);
    if local.get(LOCAL_SIZE..local_name_end) != Some(name.as_bytes()) {
        return Err(damaged(&format!("at byte {begin} it has another name")));
    }
    let data = local.get(local_name_end + local_word(28)..).ok_or_else(outside)?;
    let data = usize::try_from(packed).ok().and_then(|packed| data.get(..packed)).ok_or_else(outside)?;
    let most = if method == STORED { data.len() } else { data.len().saturating_mul(MOST_PER_BYTE) };
    let fits = |&size: &usize| size <= most && (method != STORED || size == most);
    let size = usize::try_from(size).ok().filter(fits);
    let size = size.ok_or_else(|| damaged("no so many bytes can come of its compressed ones"))?;
    let crc = u32_at(header, 16).unwrap_or_default();
    let end = data.as_ptr_range().end.addr() - file.as_ptr().addr();
    Ok((Entry { name, begin, end, method, crc, size, data }, at + next))
}

/// The numbers, of which those that do not fit stand in the 64-bit field of the extras.
fn sizes(mut numbers: [u64; 3], mut extra: &[u8]) -> Option<[u64; 3]> {
    if numbers.iter().all(|&number| number != u64::from(u32::MAX)) {
        return Some(numbers);
    }
    loop {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let field = extra.get(4..4 + length)?;
        if kind != 1 {
            extra = &extra[4 + length..];
            continue;
        }
        let mut at = 0;
        for number in numbers.iter_mut().filter(|number| **number == u64::from(u32::MAX)) {
            *number = u64_at(field, at)?;
            at += 8;
        }
        return Some(numbers);
    }
}

/// A name is one name: nothing that would lie elsewhere if it were a file's.
pub(super) fn refuse_paths(name: &str) -> Result<(), String> {
    let is_path = name.is_empty() || name.starts_with("..") || name.contains(['/', '\\', ':']);
    if is_path || name.contains(char::is_control) {
        return Err(format!("the name `{}` is no plain name, or a path", name.escape_default()));
    }
    Ok(())
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// An archive of these files, stored. None where it takes more than 4 GiB or 65535 entries.
pub(super) fn archive(files: &[(String, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in files {
        let (begin, size) = (u32::try_from(bytes.len()).ok()?, u32::try_from(contents.len()).ok()?);
        let name_length = u16::try_from(name.len()).ok()?;
        // Version 2.0, names in UTF-8, stored, the first day there is: the same arrays give the same bytes.
        let mut common: Vec<u8> = [20u16, 0x800, STORED, 0, 0x21].into_iter().flat_map(u16::to_le_bytes).collect();
        common.extend([crc32(contents), size, size].into_iter().flat_map(u32::to_le_bytes));
        common.extend([name_length, 0].into_iter().flat_map(u16::to_le_bytes));
        for part in [LOCAL, &common, name.as_bytes(), contents] {
            bytes.extend_from_slice(part);
        }
        let rest = [&[0; 10][..], &begin.to_le_bytes()].concat();
        for part in [CENTRAL, &20u16.to_le_bytes(), &common, &rest, name.as_bytes()] {
            directory.extend_from_slice(part);
        }
    }
    let count = u16::try_from(files.len()).ok().filter(|&count| count < u16::MAX)?;
    let (begin, size) = (u32::try_from(bytes.len()).ok()?, u32::try_from(directory.len()).ok()?);
    bytes.extend(directory);
    bytes.extend_from_slice(END);
    bytes.extend([0, 0, count, count].into_iter().flat_map(u16::to_le_bytes));
    bytes.extend([begin, size].into_iter().rev().flat_map(u32::to_le_bytes));
    bytes.extend([0, 0]);
    Some(bytes)
}
