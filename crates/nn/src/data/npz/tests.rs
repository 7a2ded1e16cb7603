//! Against files of numpy's own (tests/reference/make_npy.py), and against numpy where it is installed.

use super::super::npy::tests::numpys;
use super::*;
use miniz_oxide::deflate::compress_to_vec;
use std::io::Write as _;
use std::process::Command;
use tape::Tensor;

fn ours() -> Vec<(&'static str, Array)> {
    vec![("x", Tensor::arange(24).reshape([2, 3, 4]).into()), ("é", Tensor::from([1i64]).into())]
}

fn problem(bytes: &[u8]) -> String {
    from_bytes(bytes).unwrap_err().to_string()
}

#[test]
fn numpys_archives_stored_and_deflated() {
    for name in ["stored.npz", "deflated.npz"] {
        let arrays = from_bytes(&numpys()[name]).unwrap();
        assert_eq!(arrays.keys().collect::<Vec<_>>(), ["labels", "scalar", "x"]);
        assert_eq!(arrays["x"], Tensor::arange(24).reshape([2, 3, 4]).into());
        assert_eq!(arrays["labels"], Tensor::from(0i64..200).into());
        assert_eq!(arrays["scalar"], Tensor::scalar(0.5f64).into());
    }
    assert!(problem(&numpys()["path.npz"]).contains("the name `../x.npy` is no plain name, or a path"));
}

#[test]
fn what_is_written_is_read() {
    let bytes = to_bytes(ours()).unwrap();
    let back = from_bytes(&bytes).unwrap();
    assert_eq!(
        back.into_iter().collect::<Vec<_>>(),
        ours().into_iter().map(|(n, a)| (n.into(), a)).collect::<Vec<_>>()
    );
    assert_eq!(from_bytes(&to_bytes::<&str>([]).unwrap()).unwrap().len(), 0);
    let named = |name: &str| to_bytes([(name, ours()[0].1.clone())]).map(drop).unwrap_err().to_string();
    for name in ["", "a/b", "..", "C:x", "a\\b", "a\0"] {
        assert!(named(name).starts_with("npz: the name `"), "{name}");
    }
    let twice = to_bytes([ours().remove(0), ours().remove(0)]).unwrap_err().to_string();
    assert_eq!(twice, "npz: two arrays are named `x`");
}

/// Bytes `at` from the first place where `signature` stands, replaced.
fn patched(mut bytes: Vec<u8>, signature: &[u8], at: usize, by: &[u8]) -> Vec<u8> {
    let found = bytes.windows(signature.len()).position(|window| window == signature).unwrap();
    bytes[found + at..][..by.len()].copy_from_slice(by);
    bytes
}

#[test]
fn damage_is_named_with_its_place() {
    let good = || to_bytes(ours()).unwrap();
    let (local, central, end) = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06");
    for (signature, at, by, wanted) in [
        (&local[..], 40, &b"\x00"[..], "byte 0: `x.npy`: its checksum is not that of its bytes"),
        (local, 30, b"y", "at byte 0 it has another name"),
        (local, 0, b"X", "there is no entry at byte 0"),
        (central, 0, b"X", "there is none where one should be"),
        (central, 46, b"/", "the name `/.npy` is no plain name"),
        (central, 8, b"\x01", "it is encrypted"),
        (central, 10, b"\x09", "compressed with another method"),
        (central, 10, b"\x08", "the compressed stream"),
        (central, 20, b"\xff\xff\xff\x7f", "it lies outside the part of the file"),
        (central, 24, b"\xff\xff\xff\x7f", "no so many bytes can come"),
        (central, 24, b"\xff\xff\xff\xff", "no 64-bit sizes"),
        (central, 42, b"\xff\xff\xff\x7f", "it lies outside"),
        (central, 50, b"a", "at byte 0 it has another name"),
        (end, 8, b"\x03\x00\x03\x00", "the directory has 2 entries, and 3 are announced"),
        (end, 4, b"\x01", "an archive in several parts"),
        (end, 12, b"\x00", "the directory of"),
        (end, 16, b"\xff\xff\xff\xff", "the end of the directory is damaged"),
        (end, 20, b"\x01", "no zip archive, or one that was cut"),
    ] {
        let error = problem(&patched(good(), signature, at, by));
        assert!(error.starts_with("(bytes): byte ") && error.contains(wanted), "{wanted}\nis not in\n{error}");
    }
    assert!(problem(b"PK").contains("byte 0: no zip archive: too short"));
    assert!(problem(&[&good()[..], &[0]].concat()).contains("no zip archive"));
    let length = good().len();
    assert!((0..length).all(|length| from_bytes(&good()[..length]).is_err()));
    // An entry that is no array, and one that is twice the same bytes.
    let other = zip::archive(&[("readme".into(), vec![1])]).unwrap();
    assert!(problem(&other).contains("`readme` is no array"));
    let same = zip::archive(&[("a.npy".into(), vec![1]), ("a.npy".into(), vec![2])]).unwrap();
    let second = same.windows(4).rposition(|window| window == central).unwrap();
    let mut over = same.clone();
    over[second + 42..][..4].fill(0);
    assert!(problem(&over).contains("it lies over `a.npy`"), "{}", problem(&over));
}

/// As numpy writes what takes more than 4 GiB: sizes, and the end of the directory, in 64 bits.
#[test]
fn sizes_of_64_bits() {
    let good = to_bytes(vec![("x", Array::from(Tensor::arange(3)))]).unwrap();
    let central = good.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let end = good.len() - 22;
    let size = (central - 35) as u64;
    let mut entry = good[central..end].to_vec();
    entry[20..28].fill(0xff);
    entry[42..46].fill(0xff);
    entry[30] = 5 + 28;
    entry.extend([9, 9, 1, 0, 0, 1, 0, 24, 0]);
    entry.extend([size, size, 0].into_iter().flat_map(u64::to_le_bytes));
    let record = central + entry.len();
    let mut file = [&good[..central], &entry, b"PK\x06\x06"].concat();
    file.extend(44u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend([1, 1, entry.len() as u64, central as u64].into_iter().flat_map(u64::to_le_bytes));
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend((record as u64).to_le_bytes());
    file.extend([1, 0, 0, 0]);
    file.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    assert_eq!(from_bytes(&file).unwrap()["x"], Tensor::arange(3).into());
    for (length, by) in [(record + 4, 0xff), (record + 32, 2), (record + 40, 0xff), (record + 48, 0xff)] {
        let mut bad = file.clone();
        bad[length] = by;
        assert!(problem(&bad).contains("byte "), "{}", problem(&bad));
    }
}

#[test]
fn a_bomb_is_refused_by_its_directory() {
    let zeros = compress_to_vec(&vec![0; 1 << 22], 9);
    let mut file = zip::archive(&[("x.npy".into(), zeros)]).unwrap();
    for signature in [b"PK\x01\x02", b"PK\x03\x04"] {
        let shift = if signature[2] == 1 { 2 } else { 0 };
        file = patched(file, signature, 8 + shift, &[8]);
        file = patched(file, signature, 22 + shift, &(1u32 << 20).to_le_bytes());
    }
    assert!(problem(&file).contains("not as long as the directory says"), "{}", problem(&file));
}

/// Numpy itself: `RECTIFY_PEER_PYTHON`, or what `cargo xtask peers` installed.
#[test]
fn numpy_reads_what_is_written() {
    let python = std::env::var("RECTIFY_PEER_PYTHON").unwrap_or_else(|_| "/opt/peers/bin/python".into());
    let has_numpy = Command::new(&python).args(["-c", "import numpy"]).output();
    if !has_numpy.is_ok_and(|output| output.status.success()) {
        // Past the capture of `eprintln!`, so that it is seen.
        let skipped = format!("!! SKIPPED: {python} has no numpy; `cargo xtask peers` installs it\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (arrays, array) = (dir.path().join("ours.npz"), dir.path().join("ours.npy"));
    write(&arrays, ours()).unwrap();
    npy::write(&array, Tensor::from([[1i64, 2], [3, 4]])).unwrap();
    assert_eq!(npy::read(&array).unwrap(), Tensor::from([[1i64, 2], [3, 4]]).into());
    assert_eq!(read(&arrays).unwrap().len(), 2);
    let program = "import sys, numpy as np
z = np.load(sys.argv[1]); a = np.load(sys.argv[2])
print(sorted(z), z['x'].dtype, z['x'].shape, z['x'].sum(), z['é'].tolist(), a.dtype, a.tolist())";
    let run = Command::new(&python).args(["-X", "utf8", "-c", program]).args([&arrays, &array]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let said = String::from_utf8(run.stdout).unwrap();
    assert_eq!(said.trim(), "['x', 'é'] float32 (2, 3, 4) 276.0 [1] int64 [[1, 2], [3, 4]]");
}
