use super::*;
use crate::Error;
use std::fs;
use std::process::Command;
use tape::Tensor;

#[test]
fn rows_of_steps_that_come_again_are_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, json) = (folder.path().join("deep/log.csv"), folder.path().join("deep/log.jsonl"));
    let run = |steps: std::ops::Range<u64>| {
        let mut logs: [Box<dyn Log>; 2] =
            [Box::new(Csv::open(&csv, steps.start).unwrap()), Box::new(JsonLines::open(&json, steps.start).unwrap())];
        steps.into_iter().for_each(|step| logs.scalars(step, &[("loss", step as f64 / 4.0)]).unwrap());
    };
    run(0..5);
    // Killed within a line.
    for path in [&csv, &json] {
        let text = fs::read_to_string(path).unwrap();
        fs::write(path, format!("{text}5,0.1")).unwrap();
    }
    run(3..6);
    run(6..7);
    assert_eq!(fs::read_to_string(&csv).unwrap(), "step,loss\n0,0\n1,0.25\n2,0.5\n3,0.75\n4,1\n5,1.25\n6,1.5\n");
    let lines = fs::read_to_string(&json).unwrap();
    assert_eq!(lines.lines().count(), 7);
    assert_eq!(lines.lines().last(), Some("{\"step\":6,\"loss\":1.5}"));
    run(0..1);
    assert_eq!(fs::read_to_string(&csv).unwrap(), "step,loss\n0,0\n");
}

#[test]
fn numbers_read_back_exactly_and_names_may_hold_anything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    let mut log = Csv::open(&path, 0).unwrap();
    let numbers = [0.1 + 0.2, -0.0, 5e-324, f64::MAX, f64::NAN, f64::INFINITY];
    for (step, number) in numbers.into_iter().enumerate() {
        log.scalars(step as u64, &[("a,\"b\"", number), ("c", 1.0)]).unwrap();
    }
    let mut log = Csv::open(&path, 9).unwrap();
    log.scalars(9, &[("c", 2.0)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().next(), Some("step,\"a,\"\"b\"\"\",c"));
    for (line, number) in text.lines().skip(1).zip(numbers) {
        assert_eq!(line.split(',').nth(1).unwrap().parse::<f64>().unwrap().to_bits(), number.to_bits());
    }
    assert!(text.ends_with("\n9,,2\n"), "{text}");
}

#[test]
fn what_the_file_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.csv");
    Csv::open(&path, 0).unwrap().scalars(0, &[("a", 1.0), ("b", 2.0)]).unwrap();
    let mut log = Csv::open(&path, 1).unwrap();
    let error = log.scalars(1, &[("a", 1.0), ("d", 2.0)]).unwrap_err().to_string();
    assert!(error.ends_with("there is no column `d`: the first row has a, b; name everything there"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "step,a,b\n0,1,2\n");
    let other = folder.path().join("notes.txt");
    fs::write(&other, "dear diary\n").unwrap();
    assert!(matches!(Csv::open(&other, 0), Err(Error::Damaged { .. })));
    assert_eq!(fs::read_to_string(&other).unwrap(), "dear diary\n");
}

#[test]
fn json_has_texts_for_what_is_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    JsonLines::open(&path, 0).unwrap().scalars(2, &[("a\"", f64::NAN), ("b", f64::NEG_INFINITY)]).unwrap();
    assert_eq!(fs::read_to_string(path).unwrap(), "{\"step\":2,\"a\\\"\":\"NaN\",\"b\":\"-inf\"}\n");
}

/// What the tensorboard package finds in the files; skipped loudly where it is not installed.
#[test]
fn tensorboard_reads_numbers_histograms_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let mut board = TensorBoard::open(folder.path(), 0).unwrap();
    for step in 0..4 {
        board.scalars(step, &[("loss", 0.5f64.powi(step as i32)), ("accuracy", f64::NAN)]).unwrap();
    }
    let values = Tensor::from([0.0, 1.0, 1.0, 3.0, f32::NAN]);
    board.histogram(0, "weights", &values).unwrap();
    board.histogram(1, "weights", &Tensor::zeros([0])).unwrap();
    board.image(1, "grey", &Tensor::from(vec![0.0, 0.5, 1.0, 2.0, -1.0, f32::NAN]).reshape([2, 3, 1])).unwrap();
    let error = board.image(1, "flat", &Tensor::zeros([4, 4])).unwrap_err().to_string();
    assert_eq!(error, "TensorBoard::image: shape [4, 4]; give [height, width, channels], of 1, 3 or 4 channels");
    let mut again = TensorBoard::open(folder.path(), 2).unwrap();
    again.scalars(2, &[("loss", 9.0)]).unwrap();

    let python = std::env::var("RECTIFY_PEER_PYTHON").unwrap_or_else(|_| "/opt/peers/bin/python".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/read_tensorboard.py");
    match Command::new(&python).arg(script).arg(folder.path()).output() {
        Ok(output) if output.status.code() == Some(3) => {
            eprintln!("!! SKIPPED: {python} has no tensorboard and pillow; `cargo xtask peers` installs them");
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
            let expected = "loss 0:1.0 1:0.5 2:9.0\nweights 0:count=4.0,least=0.0,largest=3.0,sum=5.0,bars=[1, 2, 1] 1:count=0.0,least=0.0,largest=0.0,sum=0.0,bars=[]\n\
                            grey 1:3x2 [[0, 128, 255], [255, 0, 0]]\n";
            assert_eq!(text, expected);
        }
        Err(error) => eprintln!("!! SKIPPED: {python}: {error}; `cargo xtask peers` installs it"),
    }
}
