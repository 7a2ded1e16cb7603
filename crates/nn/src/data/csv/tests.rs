use super::*;
use tape::Tensor;

fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn names_quotes_and_numbers_of_every_form() {
    let file = "\u{feff}a, \"b \"\"x\"\"\" ,\"c\nd\"\r\n1, -2.5e-3 ,inf\r\n\r\n+4,.5,\"-7\"\r\n";
    let table = from_bytes(file.as_bytes()).unwrap();
    // A quote within an unquoted field is a character.
    assert_eq!(table.names(), ["a", "\"b \"\"x\"\"\"", "c\nd"]);
    assert_eq!(table.column("a").unwrap().to_i64().unwrap().to_vec(), [1, 4]);
    assert_eq!(table.column("c\nd").unwrap().to_f64().unwrap().to_vec(), [f64::INFINITY, -7.0]);
    let features = table.features(["c\nd", table.names()[1].as_str()]).unwrap();
    assert_eq!(features, Tensor::from([[f32::INFINITY, -2.5e-3], [-7.0, 0.5]]));
    let quoted = from_bytes(b"\"x, \"\"y\"\"\"\n\"1\"").unwrap();
    assert_eq!((quoted.names(), quoted.len()), (&["x, \"y\"".to_owned()][..], 1));
}

#[test]
fn delimiters_columns_and_files_without_names() {
    let reader = Reader::new().delimiter(b';').without_names().columns(["2", "0"]);
    let table = reader.from_bytes(b"1;what, ever;3\n4;\xc3\x28;6").unwrap();
    assert_eq!(table.features(table.names()).unwrap(), Tensor::from([[3.0, 1.0], [6.0, 4.0]]));
    for (names, rows) in [("a,b\n", 0), ("a,b", 0), ("a,b\n1,2", 1)] {
        let table = from_bytes(names.as_bytes()).unwrap();
        assert_eq!((table.len(), table.is_empty()), (rows, rows == 0));
        assert_eq!(table.features(["b", "a"]).unwrap().shape()[..], [rows, 2]);
        assert_eq!(table.features::<&str>([]).unwrap().shape()[..], [rows, 0]);
    }
    let bad = Reader::new().delimiter(b'"').from_bytes(b"a");
    assert!(text(bad).starts_with("csv::Reader: the delimiter is a quote"));
}

#[test]
fn missing_fields_become_what_was_chosen() {
    let file = b"x,y,z\n1,2,3\n,NA,4\n5, ? ,\n9,8,7\n";
    let read = |missing| Reader::new().missing(missing).from_bytes(file).unwrap();
    let x = |missing| read(missing).column("x").unwrap().to_f64().unwrap().to_vec();
    assert_eq!(x(Missing::Mean), [1.0, 5.0, 5.0, 9.0]);
    assert_eq!(x(Missing::Fill(-1.0)), [1.0, -1.0, 5.0, 9.0]);
    assert_eq!(x(Missing::DropRow), [1.0, 9.0]);
    assert!(x(Missing::Nan)[1].is_nan());
    assert_eq!(x(Missing::Nan)[3], 9.0);
    assert_eq!(read(Missing::DropRow).dropped(), 2);
    assert_eq!(read(Missing::DropRow).column("z").unwrap().to_i64().unwrap().to_vec(), [3, 7]);
    assert_eq!(read(Missing::Fill(6.0)).column("y").unwrap().to_i64().unwrap().to_vec(), [2, 6, 6, 8]);
    // A column that is not read drops no row.
    let only = Reader::new().columns(["x"]).missing(Missing::DropRow).from_bytes(file).unwrap();
    assert_eq!((only.len(), only.dropped()), (3, 1));

    let refused = read(Missing::Refuse);
    let asked = |name: &str| text(refused.column(name).unwrap().to_f64());
    assert!(
        asked("x").starts_with("(bytes): line 3, column `x`: the field is empty; `csv::Reader::missing`"),
        "{}",
        asked("x")
    );
    assert!(asked("y").starts_with("(bytes): line 3, column `y`: `NA` stands for nothing"), "{}", asked("y"));
    assert!(asked("z").starts_with("(bytes): line 4, column `z`: "), "{}", asked("z"));
    for wrong in [Missing::Fill(0.5), Missing::Mean, Missing::Nan] {
        assert!(text(read(wrong).column("x").unwrap().to_i64()).contains("line 3, column `x`: the field is empty"));
        assert!(
            text(read(wrong).column("y").unwrap().classes()).contains("line 3, column `y`: `NA` stands for nothing")
        );
    }
    let nothing = Reader::new().missing(Missing::Mean).from_bytes(b"x,y\n,1\n,2").unwrap();
    assert!(text(nothing.column("x").unwrap().to_f64()).contains("line 2, column `x`: every field is missing"));
    let other = Reader::new().missing(Missing::Fill(0.0)).missing_texts(["-"]).from_bytes(b"x,y\n-,NA\n").unwrap();
    assert_eq!(other.column("x").unwrap().to_f64().unwrap().to_vec(), [0.0]);
    assert_eq!(other.column("y").unwrap().texts().collect::<Vec<_>>(), [Some("NA")]);
    // The mean of the largest numbers is no infinity.
    let large = Reader::new().missing(Missing::Mean).from_bytes(b"x,y\n1.7e308,0\n,0\n1.7e308,0\n").unwrap();
    assert_eq!(large.column("x").unwrap().to_f64().unwrap().to_vec(), [1.7e308; 3]);
}

#[test]
fn labels_are_integers_or_classes() {
    let data = from_bytes(b"w,label,h\n1,3,2\n3,0,4\n").unwrap().dataset("label").unwrap();
    assert_eq!((data.labels().to_vec(), data.classes()), (vec![3, 0], 4));
    assert_eq!(data.images(), &Tensor::from([[1.0, 2.0], [3.0, 4.0]]));
    let table = from_bytes(b"kind,w\nrose,1\niris,2\nrose,3\n").unwrap();
    let classes = table.column("kind").unwrap().classes().unwrap();
    assert_eq!(classes, ["iris", "rose"]);
    assert_eq!(table.dataset("kind").unwrap().labels().to_vec(), [1, 0, 1]);
    // The test file knows another order of fewer classes.
    let other = from_bytes(b"w,kind\n5,rose\n").unwrap();
    let data = other.dataset_with_classes("kind", &classes).unwrap();
    assert_eq!((data.labels().to_vec(), data.classes(), data.images().to_vec()), (vec![1], 2, vec![5.0]));
    assert_eq!(from_bytes(b"w,label\n").unwrap().dataset("label").unwrap().images().shape()[..], [0, 1]);

    let wrong = |file: &str| text(from_bytes(file.as_bytes()).unwrap().dataset("label"));
    for (file, wanted) in [
        ("w,label\n1,0\n2,1O\n", "line 3, column `label`: `1O` is no integer"),
        ("w,label\n1,0\n2,-1\n", "line 3, column `label`: -1 is no class"),
        ("w,label\n1,0\n2,\n", "line 3, column `label`: the field is empty"),
        ("w,label\n1,a\n2,\n", "line 3, column `label`: the field is empty"),
        ("w,label\nx,1\n", "line 2, column `w`: `x` is no number; leave the column out"),
        ("w,label\n1e39,1\n", "line 2, column `w`: 1000000000000000000000000000000000000000 is too large for f32"),
        ("w,h\n1,2\n", "there is no column `label`; there are `w`, `h`"),
    ] {
        assert!(wrong(file).starts_with(&format!("(bytes): {wanted}")), "{wanted}\nis not in\n{}", wrong(file));
    }
    let unknown = other.dataset_with_classes("kind", &["iris"]);
    assert_eq!(text(unknown), "(bytes): line 2, column `kind`: `rose` is none of the classes `iris`");
    assert!(text(from_bytes(b"label\n1\n").unwrap().dataset("label")).contains("`label` is the only column"));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (file, wanted) in [
        (&b""[..], "line 1: there is nothing in the file"),
        (b"\n\r\n", "line 1: there is nothing in the file"),
        (b"a,b\n\n\n1,2,3\n", "line 4: 3 fields, and there are 2 names"),
        (b"a,b\n\"1\n\n\",2\n3\n", "line 5: 1 fields, and there are 2 names"),
        (b"a,b,a\n", "line 1: columns 1 and 3 are both named `a`"),
        (b"a,b\n1,2\n\xff3,4\n", "line 3, column `a`: no text in UTF-8: \"\\xff3\""),
        (b"a,\xff\n", "line 1, column 2: no text in UTF-8: \"\\xff\""),
        (b"a,b\n1,2\n3,\"4\n5,6\n", "line 3: a quote opens and is not closed"),
        (b"a\0b", "byte 1: no text"),
    ] {
        let error = text(from_bytes(file));
        assert!(error.starts_with(&format!("(bytes): {wanted}")), "{wanted}\nis not in\n{error}");
    }
    let names = (0..20).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
    let error = text(Reader::new().columns(["x"]).from_bytes(names.as_bytes()));
    assert!(error.contains("line 1: there is no column `x`; there are `0`, `1`") && error.ends_with("`11` and 8 more"));
    let long = format!("a,b\n{},1\n", "9".repeat(9) + &"x".repeat(99));
    let error = text(from_bytes(long.as_bytes()).unwrap().column("a").unwrap().to_f64());
    assert!(error.contains(&format!("`999999999{}…` is no number", "x".repeat(31))), "{error}");
}

#[test]
fn files_are_named_and_large_ones_of_another_kind_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("table.csv");
    std::fs::write(&path, "a,b\n1,x\n").unwrap();
    let error = text(read(&path).unwrap().column("b").unwrap().to_f64());
    assert!(error.starts_with(&format!("{}: line 2, column `b`", path.display())), "{error}");
    std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(text(read(&path)).contains("byte 0: no text"));
    assert!(text(read(dir.path())).contains("no regular file"));
}

/// What `nn::log` writes comes back.
#[test]
fn records_of_a_run_are_tables() {
    use crate::log::{Csv, Log as _};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.csv");
    let mut log = Csv::open(&path, 0).unwrap();
    log.scalars(3, &[("a,\"b\"", 0.1 + 0.2), ("c", f64::NEG_INFINITY)]).unwrap();
    let table = read(&path).unwrap();
    assert_eq!(table.column("a,\"b\"").unwrap().to_f64().unwrap().to_vec(), [0.1 + 0.2]);
    assert_eq!(table.column("c").unwrap().to_f64().unwrap().to_vec(), [f64::NEG_INFINITY]);
}
