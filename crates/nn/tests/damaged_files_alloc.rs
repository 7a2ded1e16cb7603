//! A hundred thousand damaged files of each format: reading one ends in a value or an error, never in a panic, and asks for no more memory
//! than the file justifies. One test, because allocations are counted for the whole process.

#[expect(dead_code, reason = "of what was asked for bytes count here")]
mod allocator;

use allocator::asked;
use nn::data::images::{self, Channels};
use nn::data::{Cifar, Dataset, csv, idx, npy, npz};
use nn::prelude::*;
use std::cell::Cell;
use std::io::Cursor;

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

    let rng = &mut Rng::seed(3);
    let sequence = (MultiHeadAttention::new(4, 2, rng).causal(), Lstm::new(4, 3, rng));
    let sequence = nn::onnx::Export::new().layout(nn::onnx::Layout::FeaturesLast).to_bytes(&sequence, &[3, 4]).unwrap();
    let multihead = fixture(&include_bytes!("reference/onnx.bin")[..], "multihead_dynamo.onnx");
    survive("ONNX of sequences", &[sequence, multihead], 400, |bytes| nn::onnx::Import::new().from_bytes(bytes));
    let (words, gru) = (Embedding::new(5, 4, rng), Gru::new(4, 3, rng));
    let ids = nn::onnx::Export::new().ids_to_bytes(&[3], |at, graph, ids| {
        let x = at.enter("words", |at| words.onnx(at, graph, ids))?;
        gru.onnx(at, graph, x)
    });
    survive("ONNX of ids", &[ids.unwrap()], 400, |bytes| nn::onnx::Import::new().ids_from_bytes(bytes));

    let (attention, none) = (MultiHeadAttention::new(4, 2, rng), AttentionMask::none());
    let inputs = [nn::onnx::Input::new("x", &[2, 4]), nn::onnx::Input::new("memory", &[3, 4])];
    let two = nn::onnx::Export::new()
        .inputs_to_bytes(inputs, |at, graph, [x, memory]| attention.onnx_to(at, graph, x, &memory, &none));
    survive("ONNX of inputs", &[two.unwrap()], 400, |bytes| nn::onnx::Import::new().inputs_from_bytes(bytes));

    survive("CIFAR", &[record], 16, |bytes| Cifar::Ten.from_bytes(bytes));

    let plain = b"a,b,kind\n1.5,2,rose\n-3e2,4,iris\nNA,6,rose\n".to_vec();
    let quoted = b"kind,\"a \"\"b\"\"\",c\r\n\"x, y\",1,2\r\n\r\n\"z\nz\",3,4\r\n".to_vec();
    survive("CSV", &[plain, quoted], 128, table);

    // Checksums are made right again in every second file: without, little of what is damaged comes to be read.
    let is_odd = Cell::new(false);
    let read = |bytes: &[u8]| match is_odd.replace(!is_odd.get()) {
        true => images::from_bytes(bytes, Channels::Rgb),
        false => images::from_bytes(&with_checksums(bytes), Channels::Luma),
    };
    // A byte can become 8256 of grey, and each of them three numbers.
    survive("PNG and JPEG", &pictures(), 8256 * 32, read);
}

/// A table as a data set, whichever columns it has.
fn table(bytes: &[u8]) -> nn::Result<Dataset> {
    let table = csv::Reader::new().missing(csv::Missing::Mean).from_bytes(bytes)?;
    let column = table.column(if bytes.starts_with(b"a") { "kind" } else { &table.names()[0] })?;
    table.dataset_with_classes(column.name(), &column.classes()?)
}

/// A file of each kind: colour, grey of one bit, JPEG.
fn pictures() -> [Vec<u8>; 3] {
    let picture = image::RgbImage::from_fn(9, 6, |x, y| image::Rgb([(20 * x) as u8, (40 * y) as u8, (x * y) as u8]));
    let written = |format| {
        let mut file = Cursor::new(Vec::new());
        picture.write_to(&mut file, format).unwrap();
        file.into_inner()
    };
    let mut grey = b"\x89PNG\r\n\x1a\n".to_vec();
    // Zlib of two rows, each of one byte: 0, 0xa0, 0, 0x40.
    let rows = [&b"\x78\x01\x01\x04\0\xfb\xff\0\xa0\0\x40"[..], &0x0224_00e1u32.to_be_bytes()].concat();
    for (kind, data) in
        [(b"IHDR", [0, 0, 0, 3, 0, 0, 0, 2, 1, 0, 0, 0, 0].to_vec()), (b"IDAT", rows), (b"IEND", vec![])]
    {
        grey.extend((data.len() as u32).to_be_bytes());
        grey.extend(kind.iter().chain(&data).chain(&[0; 4]));
    }
    [written(image::ImageFormat::Png), with_checksums(&grey), written(image::ImageFormat::Jpeg)]
}

/// With the right checksum behind each chunk of a PNG.
fn with_checksums(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let mut at = 8;
    while let Some(length) = file.get(at..at + 4) {
        let end = at + 8 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if end + 4 > file.len() {
            break;
        }
        let sum = crc32fast::hash(&file[at + 4..end]).to_be_bytes();
        file[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
    file
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
