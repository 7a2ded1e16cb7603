//! Against files of numpy's own (tests/reference/make_npy.py).

use super::*;
use std::collections::BTreeMap;

/// Numpy's files by name.
pub(in super::super) fn numpys() -> BTreeMap<String, Vec<u8>> {
    let mut rest = &include_bytes!("../../../tests/reference/npy.bin")[..];
    let mut files = BTreeMap::new();
    while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
        let line = std::str::from_utf8(&rest[..end]).unwrap();
        let (name, length) = line.split_once(' ').unwrap();
        let (file, after) = rest[end + 1..].split_at(length.parse().unwrap());
        files.insert(name.to_owned(), file.to_vec());
        rest = after;
    }
    files
}

fn counting() -> Tensor {
    Tensor::arange(24).reshape([2, 3, 4])
}

#[test]
fn every_type_and_byte_order_of_numpys() {
    let files = numpys();
    let largest: [(&str, f64, f64); 11] = [
        ("f2", -65504.0, 65504.0),
        ("f4", f32::MIN.into(), f32::MAX.into()),
        ("f8", f64::MIN, f64::MAX),
        ("i1", i8::MIN.into(), i8::MAX.into()),
        ("i2", i16::MIN.into(), i16::MAX.into()),
        ("i4", i32::MIN.into(), i32::MAX.into()),
        ("i8", i64::MIN as f64, i64::MAX as f64),
        ("u1", 3.0, u8::MAX.into()),
        ("u2", 3.0, u16::MAX.into()),
        ("u4", 3.0, u32::MAX.into()),
        ("u8", 3.0, u64::MAX as f64),
    ];
    for (kind, least, most) in largest {
        let [little, big] = ["<", ">"].map(|order| from_bytes(&files[&format!("{order}{kind}")]).unwrap());
        assert_eq!(little.to_f64().to_vec(), [0.0, 1.0, least, most], "{kind}");
        assert_eq!(little, big, "{kind}");
    }
    assert_eq!(from_bytes(&files["<i8"]).unwrap(), Tensor::from([0, 1, i64::MIN, i64::MAX]).into());
    assert_eq!(from_bytes(&files["<u8"]).unwrap(), Tensor::new(&[0, 1, 3, u64::MAX], [4]).into());
    assert_eq!(from_bytes(&files["bool"]).unwrap(), Tensor::new(&[1u8, 0, 1], [3]).into());
    let special = from_bytes(&files["special"]).unwrap().to_f32().to_vec();
    assert_eq!(
        special.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
        [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.0].map(f32::to_bits)
    );
    let half = from_bytes(&files["half"]).unwrap().to_f32().to_vec();
    assert!(half[0].is_nan() && half[1] == f32::INFINITY && half[2].to_bits() == (-0.0f32).to_bits());
    assert_eq!(half[3..], [2f32.powi(-24), 0.333_251_95]);
}

#[test]
fn every_shape_order_and_version() {
    let files = numpys();
    let read = |name: &str| from_bytes(&files[name]).unwrap();
    for name in ["c", "fortran", "v2", "v3"] {
        assert_eq!(read(name), counting().into(), "{name}");
    }
    assert_eq!(read("scalar"), Tensor::scalar(2.5f32).into());
    assert_eq!(read("empty"), Tensor::zeros([0, 3]).into());
    assert_eq!(read("rank8").shape()[..], [1, 2, 1, 1, 2, 1, 1, 1]);
}

/// candle: arrays in Fortran's order came transposed, or not at all.
#[test]
fn peer_bug_d15() {
    assert_eq!(from_bytes(&numpys()["fortran64"]).unwrap(), Tensor::f64([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).into());
}

#[test]
fn what_is_written_is_what_numpy_writes() {
    let files = numpys();
    for name in ["<f4", "<f8", "<i4", "<i8", "<u1", "<u4", "<u8", "special", "scalar", "empty", "one", "c", "rank8"] {
        let ours = to_bytes(from_bytes(&files[name]).unwrap());
        assert_eq!(ours.escape_ascii().to_string(), files[name].escape_ascii().to_string(), "{name}");
    }
    let turned = counting().swap_axes(0, 2);
    assert_eq!(from_bytes(&to_bytes(&turned)).unwrap(), turned.contiguous().into());
}

#[test]
fn what_is_refused_is_named() {
    let files = numpys();
    let refused = |bytes: &[u8], wanted: &str| {
        let error = from_bytes(bytes).unwrap_err().to_string();
        assert!(error.starts_with("(bytes): byte ") && error.contains(wanted), "{wanted}\nis not in\n{error}");
    };
    for (name, text) in [
        ("objects", "byte 20: the type `|O`: an array of objects is a pickle"),
        ("records", "byte 20: records are not read"),
        ("complex", "byte 20: the type `<c8`: bool, f2"),
        ("text", "the type `<U2`: bool"),
        ("dates", "the type `<M8[D]`: bool"),
        ("rank9", "more than 8 axes"),
    ] {
        refused(&files[name], text);
    }
    let with_header =
        |text: &str| [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &[0; 16]].concat();
    let with_shape =
        |shape: &str| with_header(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"));
    assert_eq!(from_bytes(&with_shape("(4L,)")).unwrap(), Tensor::zeros([4]).into());
    for (shape, text) in [
        ("(3,)", "byte 65: [3] numbers of 4 bytes take 12 bytes, and 16 follow the header"),
        ("(5,)", "[5] numbers of 4 bytes take 20 bytes, and 16 follow"),
        ("(4)", "byte 61: a shape of one axis is written `(n,)`"),
        ("(4611686018427387904,)", "take more than memory can address bytes"),
        ("(9223372036854775808,)", "more elements than memory can address"),
        ("(4294967296, 4294967296)", "more elements than memory can address"),
        ("(99999999999999999999,)", "the size of an axis is beyond"),
        ("(-4,)", "no size of an axis"),
        ("((4,),)", "no size of an axis"),
        (&"(".repeat(30_000), "no size of an axis"),
        ("(4,", "no size of an axis"),
        ("(4, 1", "`}` where `)` should be"),
        ("[4]", "`[` where `(` should be"),
        ("(4,)} {", "more than white space"),
        ("(4,), 'shape': (4,)", "`shape` a second time"),
        ("(4,), 'x': 1", "an entry `x`"),
    ] {
        refused(&with_shape(shape), text);
    }
    for (text, wanted) in [
        ("{}", "the header has no `descr`"),
        ("{'descr': '<f4', 'shape': (4,)}", "the header has no `fortran_order`"),
        ("{'descr': '<f4', 'fortran_order': 0", "neither True nor False"),
        ("{'descr': 'f4'}", "the type `f4`"),
        ("{'descr': '|f4'}", "does not say which byte comes first"),
        ("{'descr': '<f4", "a quote that is never closed"),
        ("", "the header ends where `{` should be"),
    ] {
        refused(&with_header(text), wanted);
    }
    refused(b"", "byte 0: no npy file");
    refused(b"\x93NUMPY\x04\x00", "byte 6: npy version 4.0");
    refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "byte 8: a header of 4294967295 bytes");
    let bool_of_2 = with_header("{'descr': '|b1', 'fortran_order': False, 'shape': (17,)}");
    refused(&[&bool_of_2[..], &[2]].concat(), "element 16 is 2, and a bool is 0 or 1");
    for length in 0..files["c"].len() {
        assert!(from_bytes(&files["c"][..length]).is_err(), "{length}");
    }
    refused(&[&files["c"][..], &[0]].concat(), "take 96 bytes, and 97 follow");
}
