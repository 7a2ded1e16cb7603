//! Files that may be anything: refused before they are read where their first bytes say enough, and by name.

use crate::{Error, Result};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// What is checked before the rest of a file is read.
const HEAD: usize = 1 << 17;

/// The error of a file, or of bytes that came without one.
pub(super) fn named<T>(path: Option<&Path>, parsed: Result<T, String>) -> Result<T> {
    parsed.map_err(|problem| Error::Damaged { path: path.unwrap_or(Path::new("(bytes)")).into(), problem })
}

/// The bytes of a file. `check` sees how it begins and how long it is before the rest is read.
pub(crate) fn read(path: &Path, check: impl FnOnce(&[u8], u64) -> Result<(), String>) -> Result<Vec<u8>> {
    let refused = |source: io::Error| Error::Io { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        return named(Some(path), Err("this is no regular file; files are read whole, and this one has no end".into()));
    }
    let length = metadata.len();
    let mut file = File::open(path).map_err(refused)?;
    let mut bytes = Vec::new();
    append(&mut file, &mut bytes, length.min(HEAD as u64)).map_err(refused)?;
    named(Some(path), check(&bytes, length))?;
    let rest = length - bytes.len() as u64;
    append(&mut file, &mut bytes, rest).map_err(refused)?;
    Ok(bytes)
}

/// Reads up to `count` bytes more.
fn append(file: &mut File, bytes: &mut Vec<u8>, count: u64) -> io::Result<()> {
    let room = usize::try_from(count).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.try_reserve_exact(room).map_err(|_| io::ErrorKind::OutOfMemory)?;
    file.take(count).read_to_end(bytes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_kind_is_refused_unread() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        // Sparse: a terabyte that takes no room. Reading it would.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = read(&path, |head, length| Err(format!("{} of {length}", head.len()))).unwrap_err().to_string();
        assert_eq!(error, format!("{}: {HEAD} of {}", path.display(), 1u64 << 40));
        std::fs::write(&path, vec![7; HEAD + 3]).unwrap();
        assert_eq!(read(&path, |_, _| Ok(())).unwrap(), vec![7; HEAD + 3]);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = |path: &Path| read(path, |_, _| Ok(())).unwrap_err().to_string();
        assert!(text(dir.path()).contains("this is no regular file"), "{}", text(dir.path()));
        assert!(text(&dir.path().join("absent")).contains("absent: "));
    }
}
