//! A hundred thousand damaged files of each format: reading one ends in a value or an error, never in a panic, and asks for no more memory
//! than the file justifies. One test, because allocations are counted for the whole process.

#[expect(dead_code, reason = "of what was asked for bytes count here")]
mod allocator;

use allocator::asked;
use nn::data::{Cifar, idx, npy, npz};
use nn::prelude::*;

const FILES: usize = 100_000;
/// What reading may ask for however small the file is: decompression's tables, texts of errors.
const ALWAYS: usize = 64 << 10;

/// A file with one to four damages: bits flipped, bytes replaced, put in or taken out, the end cut off, a length made large.
fn damage(file: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.below(4) {
        let at = rng.below(file.len().max(1));
        let random = rng.next_u64() as u8;
        match rng.below(6) {
            _ if file.is_empty() => file.push(random),
            0 => file[at] ^= 1 << (random % 8),
            1 => file[at] = random,
            2 => file.insert(at, random),
            3 => drop(file.remove(at)),
            4 => file.truncate(at),
            _ => {
                let end = file.len().min(at + 4);
                file[at..end].fill(if random.is_multiple_of(2) { 0xff } else { b'9' });
            }
        }
    }
}

/// Reads damaged files; each may ask for `per_byte` times its length beside [`ALWAYS`].
fn survive<T>(format: &str, seeds: &[Vec<u8>], per_byte: usize, read: impl Fn(&[u8]) -> nn::Result<T>) {
    let mut rng = Rng::seed(5);
    let (mut good, mut bad) = (0, 0);
    for seed in seeds {
        assert!(read(seed).is_ok(), "{format}: {}", seed.escape_ascii());
    }
    let mut file = Vec::new();
    for number in 0..FILES {
        file.clone_from(&seeds[number % seeds.len()]);
        damage(&mut file, &mut rng);
        let before = asked().bytes;
        let outcome = read(&file);
        let asked = asked().bytes - before;
        assert!(asked <= ALWAYS + per_byte * file.len(), "{format}: {asked} bytes for {}", file.escape_ascii());
        match outcome {
            Ok(_) => good += 1,
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with("(bytes): "), "{format}: {text}");
                bad += 1;
            }
        }
    }
    // A damage that nobody could see, such as in a number, is rarer than one that must be.
    assert!(good > 0 && bad > FILES / 4, "{format}: {good} of {FILES} files were read");
}

#[test]
fn damaged_files_end_in_a_value_or_an_error() {
    let small = || Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    let mut fortran = npy::to_bytes(small());
    let place = fortran.windows(5).position(|window| window == b"False").unwrap();
    fortran[place..][..5].copy_from_slice(b"True ");
    survive("npy", &[npy::to_bytes(small()), npy::to_bytes(Tensor::from([7i64])), fortran], 32, npy::from_bytes);

    let stored = npz::to_bytes([("x", small().into()), ("y", Tensor::from([1i64]).into())]).unwrap();
    survive("npz", &[stored, fixture(&include_bytes!("reference/npy.bin")[..], "deflated.npz")], 1100, npz::from_bytes);

    let plain = [&[0, 0, 0x0c, 2, 0, 0, 0, 2, 0, 0, 0, 1][..], &[0, 0, 0, 1, 0, 0, 1, 0]].concat();
    let bytes = vec![0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3];
    // `gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3]), mtime=0)` of Python.
    let packed = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03c`\xe0`d```fdb\x06\0\x8b\xe5\xbd\xa4\x0b\0\0\0".to_vec();
    survive("IDX", &[plain, bytes, packed], 1100, idx::from_bytes);

    let record = [&[9][..], &[100; 3072]].concat();
    let net =
        (Conv2d::new(1, 2, 3, &mut Rng::seed(1)), PRelu::per_feature(2), Flatten, Linear::new(8, 2, &mut Rng::seed(2)));
    let ours = nn::onnx::Export::new().to_bytes(&net, &[4, 4, 1]).unwrap();
    let pytorchs = fixture(&include_bytes!("reference/onnx.bin")[..], "mlp.onnx");
    survive("ONNX", &[ours, pytorchs], 400, |bytes| nn::onnx::Import::new().from_bytes(bytes));

    survive("CIFAR", &[record], 16, |bytes| Cifar::Ten.from_bytes(bytes));
}

/// A file among those of reference/make_npy.py or make_onnx.py.
fn fixture(mut rest: &[u8], wanted: &str) -> Vec<u8> {
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n').expect("the fixture is there");
        let (name, length) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
        let (file, after) = rest[end + 1..].split_at(length.parse().unwrap());
        if name == wanted {
            return file.to_vec();
        }
        rest = after;
    }
}
