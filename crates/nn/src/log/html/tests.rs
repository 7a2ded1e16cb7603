use super::*;
use crate::prelude::*;

fn open(folder: &tempfile::TempDir, first: u64) -> Html {
    Html::open(folder.path().join("deep/run.html"), first).unwrap()
}

fn page(folder: &tempfile::TempDir) -> String {
    fs::read_to_string(folder.path().join("deep/run.html")).unwrap()
}

/// Notes steps of three numbers.
fn note(log: &mut Html, steps: std::ops::Range<u64>) {
    for step in steps {
        let loss = 2.0 / (1.0 + step as f64);
        log.scalars(step, &[("loss/train", loss), ("loss/<test>", 1.5 * loss), ("accuracy", 1.0 - loss / 4.0)])
            .unwrap();
    }
}

#[test]
fn a_page_has_a_curve_for_each_name_and_a_picture_for_each_group() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(&folder, 0).titled("Digits & more");
    note(&mut log, 0..9);
    let page = page(&folder);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("<title>Digits &amp; more</title>"));
    assert_eq!(page.matches("<svg").count(), 2, "loss, accuracy");
    assert_eq!(page.matches("<polyline").count(), 3);
    assert!(page.contains("<h2>loss</h2>") && page.contains("<h2>accuracy</h2>"));
    assert!(page.contains("9 records, of step 0 to 8."));
    // First, last, least, greatest.
    let row = "<td>loss/train</td><td>2.00 <small>at 0</small></td><td>0.222 <small>at 8</small></td>\
               <td>0.222 <small>at 8</small></td><td>2.00 <small>at 0</small></td></tr>";
    assert!(page.contains(row), "{page}");
    // Under the mouse: every curve of the picture.
    assert!(page.contains("<title>loss/train, step 1: 1.00\nloss/&lt;test&gt;, step 1: 1.50</title>"), "{page}");
    assert!(page.contains("<title>step 1: 0.750</title>"));
    assert!(!page.contains("<test>") && !page.contains("http"), "names are text, and nothing comes from elsewhere");
    // Nine points from the left edge of the picture to the right one.
    let line = page.split("<polyline").nth(3).unwrap().split_once("points=\"").unwrap().1.split_once('"').unwrap().0;
    let places: Vec<f64> = line.split(' ').map(|place| place.split_once(',').unwrap().0.parse().unwrap()).collect();
    assert_eq!((places.len(), places[0], places[8]), (9, 56.0, 746.0));
}

#[test]
fn a_run_that_goes_on_has_the_page_of_one_that_was_not_stopped() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    note(&mut open(&whole, 0), 0..7);
    note(&mut open(&parts, 0), 0..5);
    note(&mut open(&parts, 3), 3..7);
    assert_eq!(page(&parts), page(&whole));
    note(&mut open(&parts, 0), 0..1);
    assert!(page(&parts).contains("One record, of step 0."));
    // To the bit, whatever the number.
    let numbers = [0.1 + 0.2, -0.0, 5e-324, f64::MAX, f64::NAN, f64::NEG_INFINITY];
    let mut log = open(&whole, 0);
    numbers.into_iter().zip(0..).for_each(|(x, step)| log.scalars(step, &[("a</script>\"b", x)]).unwrap());
    let again = open(&whole, u64::MAX);
    assert!(again.rows.iter().all(|(_, values)| values[0].0 == "a</script>\"b"));
    let bits = |x: f64| x.to_bits();
    assert_eq!(again.rows.iter().map(|(_, values)| bits(values[0].1)).collect::<Vec<_>>(), numbers.map(bits));
    assert!(!page(&parts).contains("not finite"), "no column for what is not there");
    assert!(page(&whole).contains("<td>NaN at 4</td>"), "where what is not finite began");
    let error = fs::write(whole.path().join("deep/run.html"), "<p>other</p>")
        .map(|()| Html::open(whole.path().join("deep/run.html"), 0));
    assert!(error.unwrap().unwrap_err().to_string().contains("run.html: there are no records in it"));
}

#[test]
fn what_the_laboratory_found_stands_below() {
    let folder = tempfile::tempdir().unwrap();
    let mut rng = Rng::seed(1);
    let mut net = (Linear::new(8, 32, &mut rng), Relu, Linear::new(32, 4, &mut rng));
    for (name, param) in net.named_parameters_mut() {
        if name == "0.bias" {
            *param.value_mut() = Tensor::full([32], -100.0);
        }
    }
    let report = crate::diagnose(&net, |x| net.forward(x), &Tensor::randn([64, 8], &mut rng)).unwrap();
    let mut log = open(&folder, 0);
    log.report(&report).unwrap();
    assert!(page(&folder).contains("Nothing was noted yet."));
    note(&mut log, 0..2);
    let with_report = page(&folder);
    assert!(with_report.contains("32 of 32 units never fire") && with_report.contains("<h2>Signals</h2>"));
    assert_eq!(with_report.matches("<svg").count(), 2 + 3, "curves, signals, gradients, units");
    let mut monitor = crate::diagnose::Monitor::new();
    let tape = Tape::training(0);
    monitor.step(&net, &net.forward(tape.input(Tensor::ones([1, 8]))).square().mean());
    log.monitor(&monitor).unwrap();
    assert!(page(&folder).contains("<h1>The laboratory</h1>") && !page(&folder).contains("32 of 32"));
}
