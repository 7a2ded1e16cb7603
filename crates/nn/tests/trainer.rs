//! The trainer: stopped and resumed runs, early stopping, records.

use nn::data::Loader;
use nn::prelude::*;
use nn::trainer::{EarlyStopping, End, Trained};
use std::path::Path;

fn net() -> Sequential {
    let mut rng = Rng::seed(1);
    let hidden =
        Sequential::new().then(Linear::new(3, 8, &mut rng)).then(PRelu::per_feature(8)).then(Dropout::new(0.2));
    hidden.then(Linear::new(8, 2, &mut rng))
}

fn data() -> Dataset {
    let x = Tensor::randn([50, 3], &mut Rng::seed(2));
    let labels: Vec<i64> = x.rows().map(|row| i64::from(row.to_vec()[0] > 0.0)).collect();
    Dataset::new(x, Tensor::from(labels)).unwrap()
}

/// Five steps an epoch.
fn fit(trainer: Trainer, net: &mut Sequential) -> nn::Result<Trained> {
    let mut batches = Loader::new(data(), 10).shuffled(3).workers(1);
    trainer.progress(false).fit(
        net,
        &mut Adam::new(0.01),
        &mut batches,
        |net, tape, (x, labels)| net.forward(tape.input(x)).cross_entropy(&labels),
        |net| vec![("accuracy", nn::metrics::accuracy(|x| net.forward(x), &data()))],
    )
}

fn bits(net: &Sequential) -> Vec<u32> {
    net.parameters().iter().flat_map(|param| param.value().to_vec()).map(f32::to_bits).collect()
}

fn recorded(folder: &Path) -> Trainer {
    let schedule = |steps| Schedule::cosine(0.02, 0.0, steps);
    Trainer::new(4)
        .seed(5)
        .schedule(schedule)
        .clip_norm(0.5)
        .checkpoint(Checkpoint::new(folder.join("run")).every(4))
        .csv(folder.join("log.csv"))
        .json_lines(folder.join("log.jsonl"))
        .html(folder.join("log.html"))
}

#[test]
fn a_run_that_was_stopped_ends_as_one_that_was_not() {
    let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut at_once = net();
    let trained = fit(recorded(whole.path()), &mut at_once).unwrap();
    assert_eq!((trained.steps, trained.end, trained.epochs.len()), (20, End::Done, 4));
    assert!(trained.epochs[3][0].1 < trained.epochs[0][0].1, "the loss goes down");

    // Within an epoch, at its end, and at a step that is a checkpoint anyhow.
    let mut epochs = Vec::new();
    for stop in [7, 10, 16] {
        let mut net = net();
        let stopped = fit(recorded(parts.path()).stop_when(move |step| step == stop), &mut net).unwrap();
        assert_eq!((stopped.steps, stopped.end), (stop, End::Stopped));
        epochs.extend(stopped.epochs);
    }
    let mut resumed = net();
    let last = fit(recorded(parts.path()), &mut resumed).unwrap();
    assert_eq!((last.steps, last.end), (20, End::Done));
    epochs.extend(last.epochs);
    assert_eq!(epochs, trained.epochs);
    assert_eq!(bits(&resumed), bits(&at_once));
    for name in ["log.csv", "log.jsonl", "log.html"] {
        let [whole, parts] = [&whole, &parts].map(|folder| std::fs::read_to_string(folder.path().join(name)).unwrap());
        assert_eq!(parts, whole);
        match name {
            "log.html" => {
                assert!(whole.matches("<polyline").count() == 2 && whole.contains("4 records, of step 5 to 20."))
            }
            _ => assert_eq!(whole.lines().count(), if name == "log.csv" { 5 } else { 4 }),
        }
    }
    // Once more: there is nothing left to do.
    let nothing = fit(recorded(parts.path()), &mut net()).unwrap();
    assert_eq!((nothing.steps, nothing.end, nothing.epochs.len()), (20, End::Done, 0));
}

#[test]
fn a_metric_that_does_not_improve_ends_the_run_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let stopping = || {
        let early = EarlyStopping::highest("accuracy").patience(1).least_change(2.0);
        Trainer::new(9).early_stopping(early).checkpoint(Checkpoint::new(folder.path()))
    };
    // The first epoch's accuracy is better than none; no later one is better by 2.
    let trained = fit(stopping(), &mut net()).unwrap();
    assert_eq!((trained.end, trained.epochs.len(), trained.steps), (End::Early, 3, 15));
    let again = fit(stopping(), &mut net()).unwrap();
    assert_eq!((again.end, again.epochs.len(), again.steps), (End::Early, 0, 15));
}

#[test]
fn what_cannot_go_on_is_an_error() {
    let diverges = Trainer::new(3).schedule(|_| Schedule::constant(f64::NAN));
    assert!(fit(diverges, &mut net()).unwrap_err().to_string().contains("NaN"));
    let clips = Trainer::new(3).clip_norm(-1.0);
    assert!(fit(clips, &mut net()).unwrap_err().to_string().contains("clip_norm"));
    let nothing = fit(Trainer::new(0), &mut net()).unwrap();
    assert_eq!((nothing.steps, nothing.end), (0, End::Done));
}
