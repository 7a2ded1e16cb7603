//! Planted faults are named with their step, a healthy run passes in silence, and watching changes no bit.

use super::*;
use crate::diagnose;
use crate::prelude::*;

fn mlp(act: impl Layer + Clone + Send + Sync + 'static) -> Sequential {
    let mut rng = Rng::seed(4);
    let net = Sequential::new().then(Linear::new(64, 32, &mut rng)).then(act.clone());
    net.then(Linear::new(32, 32, &mut rng)).then(act).then(Linear::new(32, 10, &mut rng))
}

fn change(net: &mut Sequential, wanted: &str, f: impl Fn(&Tensor) -> Tensor) {
    let mut params = net.named_parameters_mut();
    let (_, param) = params.iter_mut().find(|(name, _)| name == wanted).expect("there is such a parameter");
    *param.value_mut() = f(param.value());
}

/// Trains on the digits with a look at every 10th step; `plant` may change the network before a step.
fn train(net: &mut Sequential, steps: u64, plant: impl Fn(u64, &mut Sequential)) -> Monitor {
    let (train, _) = crate::data::digits().unwrap();
    let (mut sgd, mut monitor) = (Sgd::new(0.05), Monitor::new().every(10));
    let batches = (0..).flat_map(|epoch| train.batches(64).shuffled(epoch));
    for (step, (images, labels)) in (0..steps).zip(batches) {
        plant(step, net);
        let tape = Tape::training(step);
        let loss = net.forward(tape.input(images.clone())).cross_entropy(&labels);
        monitor.step(net, &loss);
        if monitor.is_due() {
            monitor.look(diagnose(net, |x| net.forward(x).cross_entropy(&labels), &images).unwrap());
            assert!(!monitor.is_due(), "one look is enough");
        }
        let grads = loss.backward();
        monitor.gradients(&grads);
        sgd.step(net, grads).unwrap();
    }
    monitor
}

#[test]
fn a_healthy_run_passes_in_silence() {
    let monitor = train(&mut mlp(PRelu::per_feature(32)), 60, |_, _| ());
    assert!(monitor.findings().is_empty(), "{monitor}");
    assert!(monitor.to_string().ends_with("nothing found\n"));
    assert_eq!((monitor.steps(), monitor.loss().points().len(), monitor.gradient_norm().points().len()), (60, 60, 60));
    assert_eq!(monitor.last_look().unwrap().0, 50);
    let names: Vec<&str> = monitor.slopes().iter().map(|slopes| slopes.parameter.as_str()).collect();
    assert_eq!(names, ["1.alpha", "3.alpha"]);
    assert!(monitor.layers().iter().all(|layer| layer.mean_square.points().len() == 6));
    let [first, last] = [0, 59].map(|at| monitor.loss().points()[at].mean);
    assert!(last < first, "it learns: {first}, {last}");
}

#[test]
fn watching_changes_no_bit() {
    let mut watched = mlp(PRelu::per_feature(32));
    train(&mut watched, 25, |_, _| ());
    let (mut alone, mut sgd) = (mlp(PRelu::per_feature(32)), Sgd::new(0.05));
    let (train, _) = crate::data::digits().unwrap();
    let batches = (0..).flat_map(|epoch| train.batches(64).shuffled(epoch));
    for (step, (images, labels)) in (0..25).zip(batches) {
        let tape = Tape::training(step);
        let loss = alone.forward(tape.input(images)).cross_entropy(&labels);
        sgd.step(&mut alone, loss.backward()).unwrap();
    }
    assert_eq!(watched.to_bytes().unwrap(), alone.to_bytes().unwrap());
}

#[test]
fn slopes_that_cross_a_line_are_named_with_their_step() {
    // Slope 5 is driven across 0 at step 13, slope 9 across 1 at step 17, slope 2 across −1 at 21 and back at 25.
    let drive = |step: u64, net: &mut Sequential| {
        let driven = [(13, 5, -0.5), (17, 9, 1.5), (21, 2, -1.5), (25, 2, 0.5)];
        for (_, slope, value) in driven.into_iter().filter(|(when, ..)| *when == step) {
            change(net, "3.alpha", |slopes| {
                let mut slopes = slopes.to_vec();
                slopes[slope] = value;
                Tensor::new(&slopes, [32])
            });
        }
    };
    let monitor = train(&mut mlp(PRelu::per_feature(32)), 40, drive);
    let [first, driven] = monitor.slopes() else { panic!("two PReLUs: {monitor}") };
    assert!(first.crossings.iter().all(|crossing| crossing.first.is_none()));
    let found = driven.crossings.each_ref().map(|crossing| (crossing.first, crossing.times, crossing.beyond));
    assert_eq!(found, [(Some((13, 5)), 2, 1), (Some((17, 9)), 1, 1), (Some((21, 2)), 1, 0)]);
    assert_eq!(driven.crossings[2].back, Some(25));
    let findings = monitor.findings();
    let told: Vec<_> = findings.iter().map(|f| (f.layer.as_str(), f.symptom, f.severity, f.step)).collect();
    let expected = [
        ("3.alpha", Symptom::NotMonotone, Severity::Warning, Some(13)),
        ("3.alpha", Symptom::NotLipschitz, Severity::Warning, Some(17)),
        ("3.alpha", Symptom::NotLipschitz, Severity::Note, Some(21)),
    ];
    assert_eq!(told, expected, "each once, although looks see them too: {monitor}");
    assert!(findings[0].what.contains("slope 5 of 32 crossed 0") && findings[0].what.contains("no longer monotone"));
    assert!(findings[2].what.contains("from step 25 on all are back"), "{monitor}");
}

/// Of slopes that were beyond a line from the start the counters say nothing; a look does, whether or not another slope crossed the same line.
#[test]
fn slopes_that_began_beyond_a_line_are_told_beside_one_that_crossed_it() {
    for (line, began, driven) in [(0, -0.25, -0.5), (1, 1.25, 1.5), (2, -1.25, -1.5)] {
        let symptom = [Symptom::NotMonotone, Symptom::NotLipschitz, Symptom::NotLipschitz][line];
        let set = |net: &mut Sequential, slope: usize, value: f32| {
            change(net, "3.alpha", |slopes| {
                let mut slopes = slopes.to_vec();
                slopes[slope] = value;
                Tensor::new(&slopes, [32])
            });
        };
        let mut net = mlp(PRelu::per_feature(32));
        set(&mut net, 7, began);
        // The counters alone, so that slope 7 stays; a slope below −1 began beyond 0 too, which is not asked here.
        let x = Tensor::randn([64, 64], &mut Rng::seed(6));
        let mut monitor = Monitor::new().every(1);
        let steps_told = |monitor: &Monitor| -> Vec<(bool, Option<u64>)> {
            let findings = monitor.findings().into_iter().filter(|finding| finding.symptom == symptom);
            findings.map(|finding| (finding.layer == "3.alpha", finding.step)).collect()
        };
        let look = |net: &Sequential, monitor: &mut Monitor| {
            monitor.step(net, &net.forward(Tape::training(0).input(x.clone())).mean());
            monitor.look(diagnose(net, |x| net.forward(x), &x).unwrap());
        };
        look(&net, &mut monitor);
        assert_eq!(steps_told(&monitor), [(false, Some(0))], "line {line}: by the look alone: {monitor}");
        set(&mut net, 5, driven);
        look(&net, &mut monitor);
        let mut told = steps_told(&monitor);
        told.sort_by_key(|(_, step)| *step);
        assert_eq!(told, [(false, Some(0)), (true, Some(1))], "line {line}: both are told: {monitor}");
        // What began beyond comes back: the counters have said the rest, with its step.
        set(&mut net, 7, 0.25);
        look(&net, &mut monitor);
        assert_eq!(steps_told(&monitor), [(true, Some(1))], "line {line}: {monitor}");
    }
}

#[test]
fn slopes_on_the_line_have_not_crossed_it() {
    for (alpha, line) in [(0.0, 0), (1.0, 1), (-1.0, 2)] {
        let mut net = PRelu::shared();
        let mut monitor = Monitor::new();
        for value in [0.5, alpha, 0.5, alpha * 1.5 - 0.1] {
            *net.alpha_mut().value_mut() = Tensor::from([value]);
            monitor.step(&net, &Tape::training(0).input(Tensor::from([1.0]).reshape([])));
        }
        let first = monitor.slopes()[0].crossings[line].first;
        assert_eq!(first, Some((3, 0)), "{alpha}");
    }
}

#[test]
fn a_slope_that_becomes_nan_beyond_a_line_is_not_back() {
    let mut net = PRelu::shared();
    let mut monitor = Monitor::new();
    for value in [0.5, -0.5, f32::NAN] {
        *net.alpha_mut().value_mut() = Tensor::from([value]);
        monitor.step(&net, &Tape::training(0).input(Tensor::from([1.0]).reshape([])));
    }
    let zero = &monitor.slopes()[0].crossings[0];
    assert_eq!((zero.first, zero.beyond, zero.back), (Some((1, 0)), 0, None));
    let findings = monitor.findings();
    let told: Vec<_> = findings.iter().map(|finding| (finding.symptom, finding.step)).collect();
    assert_eq!(told, [(Symptom::NotFinite, Some(2)), (Symptom::NotMonotone, Some(1))]);
    assert!(!findings[1].what.contains("back"), "{monitor}");
}

#[test]
fn a_layer_that_dies_is_named_with_the_look_that_saw_it_first() {
    let kill = |step: u64, net: &mut Sequential| {
        if step == 28 {
            change(net, "2.bias", |bias| Tensor::full(*bias.shape(), -1e3));
        }
    };
    let monitor = train(&mut mlp(Relu), 80, kill);
    let findings = monitor.findings();
    let dead = findings.iter().find(|finding| finding.symptom == Symptom::DeadUnits).expect("it is dead");
    assert_eq!((dead.layer.as_str(), dead.severity, dead.step), ("2", Severity::Severe, Some(30)), "{monitor}");
    assert!(dead.what.starts_with("32 of 32 units never fire in 64 numbers"), "{monitor}");
    let points = monitor.layers()[1].never.points();
    assert!(points.iter().all(|point| (point.mean == 1.0) == (point.step >= 30)), "{points:?}");
}

#[test]
fn a_few_silent_units_in_one_small_batch_are_no_finding() {
    let mut rng = Rng::seed(3);
    let net = (Linear::new(8, 40, &mut rng), Relu);
    let mut monitor = Monitor::new().every(1);
    // Units 0 to 4 are silent in the first batch alone, all units from the third to the fifth, units 0 to 4 from then on.
    for step in 0..10 {
        let mut net = net.clone();
        let silent = [5, 0, 40, 40, 40, 5, 5, 5, 5, 5][step];
        let bias: Vec<f32> = (0..40).map(|unit| if unit < silent { -100.0 } else { 0.0 }).collect();
        *net.0.bias_mut().expect("it has one").value_mut() = Tensor::from(bias);
        let x = Tensor::randn([64, 8], &mut rng);
        monitor.step(&net, &net.forward(Tape::training(0).input(x.clone())).mean());
        monitor.look(diagnose(&net, |x| net.forward(x), &x).unwrap());
        let dead = monitor.findings().into_iter().find(|finding| finding.symptom == Symptom::DeadUnits);
        let expected = match step {
            0 | 1 => None,
            2..=4 => Some((Severity::Severe, Some(2))),
            // Of four looks' numbers, the first is the third look.
            _ => Some((Severity::Warning, Some(2))),
        };
        assert_eq!(dead.map(|finding| (finding.severity, finding.step)), expected, "look {step}: {monitor}");
    }
}

#[test]
fn tenfold_weights_are_named_with_their_look_and_forgotten_when_healed() {
    let scale = |at: u64, by: f32| {
        move |step: u64, net: &mut Sequential| {
            if step == at {
                change(net, "2.weight", |weight| weight * by);
            }
        }
    };
    let (plant, heal) = (scale(20, 10.0), scale(21, 0.1));
    let mut net = mlp(LeakyRelu::new(0.1));
    let monitor = train(&mut net, 21, plant);
    let findings = monitor.findings();
    assert_eq!(findings.len(), 1, "{monitor}");
    assert_eq!(
        (findings[0].layer.as_str(), findings[0].symptom, findings[0].step),
        ("2", Symptom::SignalScale, Some(20))
    );
    let mut net = mlp(LeakyRelu::new(0.1));
    let monitor = train(&mut net, 31, |step, net| {
        plant(step, net);
        heal(step, net);
    });
    assert!(monitor.findings().iter().all(|finding| finding.symptom != Symptom::SignalScale), "{monitor}");
}

#[test]
fn what_is_not_finite_is_named_with_its_step() {
    let (mut net, mut monitor) = (mlp(PRelu::per_feature(32)), Monitor::new());
    for step in 0..6 {
        if step == 4 {
            change(&mut net, "1.alpha", |slopes| Tensor::full(*slopes.shape(), f32::NAN));
        }
        let tape = Tape::training(0);
        let loss = net.forward(tape.input(Tensor::ones([8, 64]) * -1.0)).mean();
        monitor.step(&net, &loss);
        monitor.gradients(&loss.backward());
    }
    let findings = monitor.findings();
    let told: Vec<_> = findings.iter().map(|f| (f.layer.as_str(), f.symptom, f.step)).collect();
    let names = ["loss", "gradients", "1.alpha"].map(|name| (name, Symptom::NotFinite, Some(4)));
    assert_eq!(told, names);
    let value: serde_json::Value = serde_json::from_str(&monitor.to_json()).unwrap();
    assert!(value["slopes"][0]["now"][0].is_null());
    page_of(&monitor);
}

#[test]
fn a_monitor_without_steps_or_slopes_is_well() {
    let mut monitor = Monitor::default();
    assert!(!monitor.is_due() && monitor.findings().is_empty() && monitor.last_look().is_none());
    assert_eq!(monitor.to_string(), "0 steps, no look\nnothing found\n");
    assert!(page_of(&monitor).contains("Nothing found"));
    assert!(serde_json::from_str::<serde_json::Value>(&monitor.to_json()).unwrap()["last_look"].is_null());
    let net = Linear::new(2, 1, &mut Rng::seed(1));
    let loss = net.forward(Tape::training(0).input(Tensor::ones([3, 2]))).mean();
    monitor.step(&net, &loss);
    assert!(monitor.is_due() && monitor.slopes().is_empty() && monitor.findings().is_empty());
    // Nothing to look at: diagnose says so, and the run goes on.
    assert!(diagnose(&net, |x| net.forward(x), &Tensor::ones([3, 2])).is_err());
    monitor.step(&net, &loss);
    assert!(!monitor.is_due());
}

#[test]
#[should_panic(expected = "Monitor::step: the loss has shape [3, 1]")]
fn a_loss_of_many_numbers_is_refused() {
    let net = Linear::new(2, 1, &mut Rng::seed(1));
    Monitor::new().step(&net, &net.forward(Tape::training(0).input(Tensor::ones([3, 2]))));
}

#[test]
#[should_panic(expected = "0 steps from one look to the next")]
fn looks_at_no_distance_are_refused() {
    let _ = Monitor::new().every(0);
}

#[test]
fn json_and_page_hold_every_layer() {
    let monitor = train(&mut mlp(PRelu::per_feature(32)), 25, |step, net| {
        if step == 7 {
            change(net, "1.alpha", |slopes| slopes * -1.0);
        }
    });
    let value: serde_json::Value = serde_json::from_str(&monitor.to_json()).unwrap();
    assert_eq!(value["slopes"][0]["crossings"][0]["step"], 7);
    assert_eq!(value["layers"][1]["layer"], "2");
    assert_eq!(value["loss"].as_array().unwrap().len(), 25);
    assert_eq!(value["findings"][0]["symptom"], "not monotone");
    assert_eq!((&value["last_look"]["step"], &value["last_look"]["report"]["batch"][1]), (&20.into(), &64.into()));
    let page = page_of(&monitor);
    // Loss, gradients; two slopes; signals, gradients, units; the last look's signals, gradients, units and slopes.
    assert_eq!(page.matches("<svg").count(), 2 + 2 + 3 + 4);
    assert!(page.contains("0 at step 7") && page.contains("step 7: slope"), "the line, and the finding");
    // Over a chart: loss and gradients at 25 steps, two slopes too, and three looks at layers.
    assert_eq!(page.matches("<rect class=\"hover\"").count(), 4 * 25 + 3 * 3);
    assert!(page.contains("<title>step 24: "));
    assert!(!page.contains("http") && !page.contains("<script") && !page.contains("NaN"));
    assert!(matches!(monitor.write_html("/nowhere/at/all.html"), Err(Error::Io { .. })));
}

fn page_of(monitor: &Monitor) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.html");
    monitor.write_html(&path).unwrap();
    std::fs::read_to_string(path).unwrap()
}
