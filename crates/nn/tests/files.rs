//! Model files: what is saved, what is refused, and what stays as it was.

use nn::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Module, Clone)]
struct Net {
    hidden: Linear,
    act: PRelu,
    mean: Buffer,
}

fn net(seed: u64) -> Net {
    let hidden = Linear::new(3, 2, &mut Rng::seed(seed));
    Net { hidden, act: PRelu::per_feature(2), mean: Buffer::new(Tensor::full([2], seed as f32)) }
}

fn numbers(net: &Net) -> Vec<Vec<f32>> {
    let buffers = net.named_buffers().into_iter().map(|(_, buffer)| buffer.value().to_vec());
    net.parameters().iter().map(|param| param.value().to_vec()).chain(buffers).collect()
}

fn saved(dir: &tempfile::TempDir) -> (PathBuf, Vec<u8>) {
    let path = dir.path().join("net.safetensors");
    net(1).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    (path, bytes)
}

/// Loading fails with this text after the file's name, and the module stays as it was.
fn refused(path: &Path, text: &str) {
    let mut net = net(2);
    let before = numbers(&net);
    let error = net.load(path).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    assert!(error.contains(text), "{error}");
    assert_eq!(numbers(&net), before);
}

#[test]
fn what_was_saved_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let (path, _) = saved(&dir);
    let mut loaded = net(2);
    loaded.load(&path).unwrap();
    assert_eq!(numbers(&loaded), numbers(&net(1)));
    // Nothing else is left beside it.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_file_says_names_shapes_and_layout() {
    let dir = tempfile::tempdir().unwrap();
    let (_, bytes) = saved(&dir);
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(header.metadata().as_ref().unwrap()["layout"], "rectify");
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut names: Vec<_> = file.names().into_iter().collect();
    names.sort_unstable();
    assert_eq!(names, ["act.alpha", "hidden.bias", "hidden.weight", "mean"]);
    assert_eq!(file.tensor("hidden.weight").unwrap().shape(), [3, 2]);
}

/// A file of a header and numbers.
fn file(header: &str, numbers: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), numbers].concat()
}

const UNREADABLE: &str = "this is no safetensors file, or a damaged one";

#[test]
fn damaged_files_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (path, good) = saved(&dir);
    let numbers = [0u8; 48];
    let cases: [&[u8]; 8] = [
        &[],
        &[7; 64],
        b"PK\x03\x04 a zip archive, as torch.save writes them",
        &[&u64::MAX.to_le_bytes()[..], &good[8..]].concat(),
        &[&(1u64 << 40).to_le_bytes()[..], &good[8..]].concat(),
        &[&good[..], &[0]].concat(),
        &file("{\"mean\":{\"dtype\":\"F32\",\"shape\":[18446744073709551615,2],\"data_offsets\":[0,48]}}", &numbers),
        &file(&"[".repeat(100_000), &numbers),
    ];
    for bytes in cases {
        fs::write(&path, bytes).unwrap();
        refused(&path, UNREADABLE);
        refused(&path, &format!("({} bytes", bytes.len()));
    }
    fs::write(&path, &good).unwrap();
    net(2).load(&path).unwrap();
}

#[test]
fn files_cut_at_any_byte_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, good) = saved(&dir);
    let mut net = net(2);
    let before = numbers(&net);
    for length in 0..good.len() {
        let error = net.load_bytes(&good[..length]).unwrap_err().to_string();
        assert!(error.starts_with("(bytes): ") && error.contains(UNREADABLE), "{length}: {error}");
    }
    assert_eq!(numbers(&net), before);
    net.load_bytes(&good).unwrap();
    assert_ne!(numbers(&net), before);
}

/// lattice 752, aprender 1280: numbers of two tensors that overlap, holes between them, and headers longer than memory.
#[test]
fn peer_bug_d19() {
    let dir = tempfile::tempdir().unwrap();
    let (path, good) = saved(&dir);
    let text = String::from_utf8_lossy(&good[8..]).to_string();
    let header = &text[..text.find("}}").unwrap() + 2];
    for (from, to) in [
        ("[0,8]", "[8,16]"),
        ("[0,8]", "[0,16]"),
        ("[8,16]", "[12,20]"),
        ("[0,8]", "[8,0]"),
        ("[0,8]", "[0,18446744073709551615]"),
    ] {
        let shifted = header.replacen(from, to, 1);
        assert_ne!(header, shifted, "{header}");
        fs::write(&path, file(&shifted, &good[good.len() - 48..])).unwrap();
        refused(&path, UNREADABLE);
    }
    fs::write(&path, [&u64::MAX.to_le_bytes()[..], &good[8..]].concat()).unwrap();
    refused(&path, "the first 8 say that the header takes 18446744073709551615");
}

#[test]
fn numbers_that_are_not_finite_are_kept() {
    let mut sick = net(1);
    sick.mean.value_mut().make_mut().copy_from_slice(&[f32::NAN, f32::NEG_INFINITY]);
    let mut loaded = net(2);
    loaded.load_bytes(&sick.to_bytes().unwrap()).unwrap();
    let mean = loaded.mean.value().to_vec();
    assert!(mean[0].is_nan() && mean[1] == f32::NEG_INFINITY);
    assert_eq!(numbers(&loaded)[..3], numbers(&sick)[..3]);
}

#[test]
fn files_of_another_layout_or_none() {
    let dir = tempfile::tempdir().unwrap();
    let (path, good) = saved(&dir);
    let foreign = String::from_utf8_lossy(&good[..200]).find("rectify").unwrap();
    let mut bytes = good;
    bytes[foreign..foreign + 7].copy_from_slice(b"pytorch");
    fs::write(&path, bytes).unwrap();
    refused(&path, "the header says `layout: pytorch`, not `layout: rectify`");
    refused(&dir.path().join("absent"), "No such file");
}

#[test]
fn a_misfit_lists_every_difference() {
    #[derive(Module)]
    struct Other {
        hidden: Linear,
        act: PRelu,
        head: PRelu,
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.safetensors");
    let other =
        Other { hidden: Linear::new(3, 4, &mut Rng::seed(1)), act: PRelu::per_feature(2), head: PRelu::shared() };
    other.save(&path).unwrap();
    refused(
        &path,
        "does not fit this model:
  missing     mean
  unexpected  head.alpha
  different   hidden.weight is [3, 4] in the file and [3, 2] in the model
  different   hidden.bias is [4] in the file and [2] in the model",
    );
    let twin = (Linear::new(3, 2, &mut Rng::seed(1)), Relu).cast::<f64>();
    twin.save(&path).unwrap();
    let error = (Linear::new(3, 2, &mut Rng::seed(1)), Relu).load(&path).unwrap_err().to_string();
    assert!(error.contains("0.weight is F64 in the file and F32 in the model"), "{error}");
    let mut again = (Linear::new(3, 2, &mut Rng::seed(2)), Relu).cast::<f64>();
    again.load(&path).unwrap();
    assert_eq!(again.0.weight().value().to_vec(), twin.0.weight().value().to_vec());
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, good) = saved(&dir);
    // A directory stands where the file should go: the move fails after the bytes were written.
    let blocked = dir.path().join("blocked");
    fs::create_dir_all(blocked.join("inside")).unwrap();
    let error = net(2).save(&blocked).unwrap_err().to_string();
    assert!(error.starts_with(&blocked.display().to_string()), "{error}");
    assert!(blocked.join("inside").is_dir());
    assert_eq!(fs::read(&path).unwrap(), good);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    assert!(net(2).save(dir.path().join("no/such/place")).is_err());
}

/// safetensors 231, 695: numbers that do not lie at a multiple of their size.
#[test]
fn peer_bug_d17() {
    let dir = tempfile::tempdir().unwrap();
    let (path, good) = saved(&dir);
    let header = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    for padding in 1..8 {
        let spaces = vec![b' '; padding];
        let length = ((header + padding) as u64).to_le_bytes();
        fs::write(&path, [&length[..], &good[8..8 + header], &spaces, &good[8 + header..]].concat()).unwrap();
        let mut loaded = net(2);
        loaded.load(&path).unwrap();
        assert_eq!(numbers(&loaded), numbers(&net(1)));
    }
}

/// burn 5208: a weight that lives as a transposed view was written as it lies in memory.
#[test]
fn peer_bug_d09() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("view.safetensors");
    let live = || Tensor::from([[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]).transpose();
    let param = Param::new(live(), Group::Weight);
    assert!(!param.value().is_contiguous());
    (param,).save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(file.tensor("0").unwrap().shape(), [2, 3]);
    // Into a view again, whose own memory is the other way round.
    let mut loaded = (Param::new(Tensor::zeros([3, 2]).transpose(), Group::Weight),);
    loaded.load(&path).unwrap();
    assert_eq!(loaded.0.value().to_vec(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}
