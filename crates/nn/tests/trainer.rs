//! The trainer: stopped and resumed runs, early stopping, records.

use nn::data::Loader;
use nn::prelude::*;
use nn::schedule::OneCycle;
use nn::trainer::{Averaging, EarlyStopping, End, Trained};
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
                assert!(whole.matches("<polyline").count() == 2 && whole.contains("4 records, of step 5 to 20."));
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

/// Two layers with a batch norm between them.
fn normed() -> Sequential {
    let mut rng = Rng::seed(1);
    let hidden = Sequential::new().then(Linear::new(3, 8, &mut rng)).then(BatchNorm::new(8)).then(Relu);
    hidden.then(Linear::new(8, 2, &mut rng))
}

fn numbers(net: &Sequential) -> Vec<f32> {
    let params = net.parameters().into_iter().flat_map(|param| param.value().to_vec());
    params.chain(net.named_buffers().into_iter().flat_map(|(_, buffer)| buffer.value().to_vec())).collect()
}

/// A loop by hand: what a network becomes in batches of ten, and what it is after each step.
fn by_hand(net: &mut Sequential, epochs: u64) -> Vec<Sequential> {
    let (mut adam, mut after) = (Adam::new(0.01), Vec::new());
    let mut batches = Loader::new(data(), 10).shuffled(3);
    for _ in 0..epochs {
        for batch in &mut batches {
            let (x, labels) = batch.unwrap();
            let loss = net.forward(Tape::training(0).input(x)).cross_entropy(&labels);
            adam.step(net, loss.backward()).unwrap();
            after.push(net.clone());
        }
    }
    after
}

#[test]
fn gradients_of_small_batches_make_the_step_of_a_large_one() {
    let plain = || {
        let mut rng = Rng::seed(1);
        Sequential::new()
            .then(Linear::new(3, 8, &mut rng))
            .then(PRelu::per_feature(8))
            .then(Linear::new(8, 2, &mut rng))
    };
    let (mut large, mut small) = (plain(), plain());
    by_hand(&mut large, 2);
    let mut batches = Loader::new(data(), 2).shuffled(3);
    let trained = Trainer::new(2).accumulate(5).progress(false).fit(
        &mut small,
        &mut Adam::new(0.01),
        &mut batches,
        |net, tape, (x, labels)| net.forward(tape.input(x)).cross_entropy(&labels),
        |_| Vec::new(),
    );
    assert_eq!(trained.unwrap().steps, 10, "steps count, not batches");
    let far = |(a, b): (&f32, &f32)| (a - b).abs() > 1e-4;
    assert!(!numbers(&large).iter().zip(&numbers(&small)).any(far), "{:?}\n{:?}", numbers(&large), numbers(&small));
    // Five batches an epoch, in steps of two, two and one.
    let uneven = fit(Trainer::new(2).accumulate(2), &mut net()).unwrap();
    assert_eq!((uneven.steps, uneven.epochs.len()), (6, 2));
    let none = fit(Trainer::new(1).accumulate(0), &mut net()).unwrap_err().to_string();
    assert_eq!(none, "Trainer::accumulate: a step of 0 batches; 1 is the least");
}

#[test]
fn averages_are_validated_and_left_in_the_network() {
    let mut own = normed();
    let steps = by_hand(&mut own, 4);
    // SWA over the ends of the last two epochs, and what its batch norm sees in the batches of the last.
    let mut average = Average::equal();
    [14, 19].into_iter().for_each(|step: usize| average.update(&steps[step]).unwrap());
    let mut swa = normed();
    average.copy_to(&mut swa).unwrap();
    let mut last = Loader::new(data(), 10).shuffled(3);
    last.seek(nn::data::Position { epoch: 3, batch: 0 }).unwrap();
    nn::average::update_bn(&mut swa, 1, &mut last, |net, tape, (x, _)| net.forward(tape.input(x))).unwrap();
    // EMA over every step, buffers too.
    let mut average = Average::exponential(0.8).unwrap();
    steps.iter().for_each(|net| average.update(net).unwrap());
    let mut ema = normed();
    average.copy_to(&mut ema).unwrap();
    let cases = [(Averaging::equal().after_epochs(2), swa), (Averaging::exponential(0.8), ema)];
    for (averaging, wanted) in cases {
        let mut net = normed();
        let trained = fit(Trainer::new(4).average(averaging), &mut net).unwrap();
        assert_eq!(numbers(&net), numbers(&wanted));
        assert_ne!(numbers(&net), numbers(&own));
        let accuracy = nn::metrics::accuracy(|x| wanted.forward(x), &data());
        assert_eq!(trained.epochs[3][1], ("accuracy", accuracy), "validation sees the average");
        // Stopped within an epoch and behind one: the same.
        let folder = tempfile::tempdir().unwrap();
        let part = || Trainer::new(4).average(averaging).checkpoint(Checkpoint::new(folder.path()));
        for stop in [7, 15, 18] {
            let mut net = normed();
            fit(part().stop_when(move |step| step == stop), &mut net).unwrap();
            assert_eq!(numbers(&net), numbers(&steps[stop as usize - 1]), "stopped, it has its own weights");
        }
        for _again in 0..2 {
            let mut net = normed();
            fit(part(), &mut net).unwrap();
            assert_eq!(numbers(&net), numbers(&wanted));
        }
    }
    let bad = fit(Trainer::new(1).average(Averaging::exponential(1.5)), &mut normed()).unwrap_err().to_string();
    assert!(bad.contains("the decay is 1.5"), "{bad}");
}

#[test]
fn a_schedule_of_momentum_needs_one() {
    let cycle = |steps| Schedule::one_cycle(OneCycle { momentum: Some([0.85, 0.95]), ..OneCycle::new(0.01, steps) });
    fit(Trainer::new(1).schedule(cycle), &mut net()).unwrap();
    let mut batches = Loader::new(data(), 10);
    let outcome = Trainer::new(1).schedule(cycle).progress(false).fit(
        &mut net(),
        &mut nn::Adagrad::new(0.01),
        &mut batches,
        |net, tape, (x, labels)| net.forward(tape.input(x)).cross_entropy(&labels),
        |_| Vec::new(),
    );
    assert!(outcome.unwrap_err().to_string().contains("this optimiser has none"));
}
