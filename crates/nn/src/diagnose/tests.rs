//! Planted faults are named, healthy networks pass in silence.

use super::*;
use crate::prelude::*;
use crate::{NormAct, models};

fn mlp(act: impl Layer + Clone + Send + Sync + 'static, depth: usize) -> Sequential {
    let mut rng = Rng::seed(4);
    let mut net = Sequential::new();
    for layer in 0..depth {
        net = net.then(Linear::new(if layer == 0 { 20 } else { 64 }, 64, &mut rng)).then(act.clone());
    }
    net.then(Linear::new(64, 10, &mut rng))
}

fn batch() -> Tensor {
    Tensor::randn([128, 20], &mut Rng::seed(9))
}

fn change(net: &mut impl Module, wanted: &str, f: impl Fn(&Tensor) -> Tensor) {
    let mut found = false;
    for (name, param) in net.named_parameters_mut() {
        if name == wanted {
            *param.value_mut() = f(param.value());
            found = true;
        }
    }
    assert!(found, "no parameter is named {wanted}");
}

fn look(net: &Sequential) -> Report {
    diagnose(net, |x| net.forward(x), &batch()).unwrap()
}

#[test]
fn healthy_networks_pass_in_silence() {
    for report in [look(&mlp(Relu, 6)), look(&mlp(LeakyRelu::new(0.2), 6)), look(&mlp(PRelu::per_feature(64), 6))] {
        assert!(report.findings().is_empty(), "{report}");
        assert!(report.signals.layers.iter().all(|layer| layer.expected.is_some()), "{report}");
        assert!(report.to_string().ends_with("nothing found\n"));
    }
    let mut rng = Rng::seed(1);
    let net = models::resnet_cifar(20, Activation::PRelu, 10, &mut rng);
    let report = diagnose(&net, |x| net.forward(x), &Tensor::randn([16, 16, 16, 3], &mut rng)).unwrap();
    assert!(report.findings().is_empty(), "{report}");
    assert_eq!(report.signals.layers.len(), 19);
    assert!(report.redundancy.pairs.len() >= 10, "{report}");
}

#[test]
fn signals_of_fresh_networks_are_as_theory_says() {
    for (report, slope) in [(look(&mlp(Relu, 8)), 0.0), (look(&mlp(PRelu::per_feature(64), 8)), 0.25)] {
        for layer in &report.signals.layers {
            assert_eq!(layer.verdict(), Verdict::AsPredicted, "slope {slope}:\n{report}");
        }
    }
    // By hand: two layers without bias.
    let mut net =
        Sequential::new().then(Linear::new(20, 64, &mut Rng::seed(2)).without_bias()).then(LeakyRelu::new(0.5));
    change(&mut net, "0.weight", |w| Tensor::full(*w.shape(), 0.5));
    let report = look(&net);
    let square = |x: &Tensor| x.to_vec().iter().map(|x| f64::from(x * x)).sum::<f64>() / x.len() as f64;
    let expected = 20.0 * 0.25 * square(&batch()) * 1.25 / 2.0;
    let found = report.signals.layers[0].expected.unwrap().0;
    assert!((found / expected - 1.0).abs() < 1e-5, "{found} for {expected}");
}

/// Width 256 at the golden gain: signals and gradients stay in the band at every layer. With 5% more or less variance they leave it to that side, as the report expects.
#[test]
fn a_thousand_layers_stay_in_the_band_and_leave_it_where_theory_says() {
    let (width, depth, slope, mut rng) = (256, 1000, 0.25, Rng::seed(10));
    let init = crate::init::Kaiming::default().leak(slope);
    let mut net = Sequential::new();
    for _ in 0..depth {
        let weights = Linear::with_init(width, width, &init, &mut rng).unwrap().without_bias();
        net = net.then(weights).then(LeakyRelu::new(slope));
    }
    let x = Tensor::randn([1, width], &mut rng);
    let square = x.to_vec().iter().map(|x| f64::from(x * x)).sum::<f64>() / width as f64;
    let widths = vec![width; depth];
    let band = |layers: usize| crate::theory::FiniteWidth::of(&widths[..layers], slope).unwrap().band(4.0);
    let mut now = 1.0;
    for factor in [1.0, 1.05, 0.95] {
        for (_, param) in net.named_parameters_mut() {
            *param.value_mut() = param.value() * f64::sqrt(factor / now);
        }
        now = factor;
        let report = diagnose(&net, |x| net.forward(x), &x).unwrap();
        let layers = &report.signals.layers;
        let forward = |at: usize| (layers[at].mean_square / square).ln();
        let backward = |at: usize| (layers[at].gradient.unwrap() / layers[depth - 1].gradient.unwrap()).ln();
        let growth = (layers[depth - 1].expected.unwrap().0 / square).ln();
        // The mean square of 65536 weights scatters by √(2/65536).
        let scatter = 4.0 * (2.0 * depth as f64).sqrt() / width as f64;
        assert!((growth - depth as f64 * f64::ln(factor)).abs() < scatter, "{factor}: {growth}");
        assert!(layers.iter().all(|layer| layer.verdict() == Verdict::AsPredicted), "{factor}");
        let (low, high) = band(depth);
        let ends = [forward(depth - 1), backward(0)];
        if factor == 1.0 {
            for at in 0..depth {
                let ((low, high), (least, most)) = (band(at + 1), band(depth - 1 - at));
                assert!((low..=high).contains(&forward(at)), "{at}: {} not in {low} to {high}", forward(at));
                assert!((least..=most).contains(&backward(at)), "{at}: {} not in {least} to {most}", backward(at));
            }
        } else {
            let leaves = |end: f64| if factor > 1.0 { end > high } else { end < low };
            assert!(ends.into_iter().all(leaves), "{factor}: {ends:?}, band {low} to {high}");
            let verb = if factor > 1.0 { "gradients explode" } else { "gradients vanish" };
            assert!(report.signals.findings().iter().any(|finding| finding.what.contains(verb)), "{factor}");
        }
    }
}

#[test]
fn a_dead_layer_is_named() {
    let mut net = mlp(Relu, 3);
    change(&mut net, "2.bias", |b| Tensor::full(*b.shape(), -1e3));
    let report = look(&net);
    let finding = report.findings().remove(0);
    assert_eq!((finding.severity, finding.layer.as_str()), (Severity::Severe, "2"));
    assert!(finding.what.contains("64 of 64 units never fire"), "{report}");
    assert_eq!(report.units.dead(), (128, 192), "the layer after it gets its own biases alone: {report}");
    let about_it = report.findings().into_iter().filter(|finding| finding.layer == "2").count();
    assert_eq!(about_it, 1, "that no signal comes out of dead units is no finding of its own: {report}");
    assert!(report.signals.layers[0].gradient.is_none_or(|gradient| gradient == 0.0));
    // A few left alive: a small signal comes out, and still that is no finding of its own.
    let mut net = mlp(Relu, 3);
    change(&mut net, "2.bias", |b| Tensor::new(&[vec![-1e3; 61], vec![0.0; 3]].concat(), *b.shape()));
    let report = look(&net);
    assert!(report.signals.layers[1].factor.is_some_and(|factor| factor > 0.0 && factor < 0.1), "{report}");
    let findings = report.findings().into_iter().filter(|finding| finding.layer == "2");
    assert_eq!(findings.map(|finding| finding.symptom).collect::<Vec<_>>(), [Symptom::DeadUnits], "{report}");
}

#[test]
fn tenfold_weights_are_named_and_the_advice_heals() {
    let mut net = mlp(LeakyRelu::new(0.1), 4);
    change(&mut net, "4.weight", |w| w * 10.0);
    let report = look(&net);
    let findings = report.findings();
    assert_eq!(findings.len(), 1, "{report}");
    assert!(findings[0].layer == "4" && findings[0].what.contains("multiplies the signal's mean square"), "{report}");
    let factor = report.signals.layers[2].factor.unwrap();
    change(&mut net, "4.weight", |w| w * (1.0 / factor.sqrt()));
    assert!(look(&net).findings().is_empty(), "{}", look(&net));
}

#[test]
fn vanishing_gradients_are_named() {
    let mut net = mlp(Relu, 12);
    for layer in 0..12 {
        change(&mut net, &format!("{}.weight", 2 * layer), |w| w * 0.5);
    }
    let findings = look(&net).findings();
    assert!(findings.iter().any(|f| f.layer == "0" && f.what.contains("gradients vanish")), "{findings:?}");
}

#[test]
fn slopes_that_crossed_a_line_are_named() {
    let mut net = mlp(PRelu::per_feature(64), 2);
    change(&mut net, "3.alpha", |slopes| {
        let mut slopes = slopes.to_vec();
        (slopes[5], slopes[9]) = (-0.5, 1.5);
        Tensor::new(&slopes, [64])
    });
    let findings = look(&net).findings();
    let text = findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(text.contains("2: 1 of 64 slopes are negative, down to -0.500"), "{text}");
    assert!(text.contains("2: 1 of 64 slopes are larger than 1, up to 1.50"), "{text}");
    assert_eq!(findings.len(), 2);
}

fn with_norm(beta: f32) -> Sequential {
    let mut rng = Rng::seed(6);
    let norm = NormAct::new(64, Activation::PRelu);
    let mut net = Sequential::new().then(Linear::new(20, 64, &mut rng)).then(norm).then(Linear::new(64, 5, &mut rng));
    change(&mut net, "1.norm.bias", |b| Tensor::full(*b.shape(), beta));
    net
}

#[test]
fn redundant_and_idle_slopes_behind_a_norm_are_named() {
    assert!(look(&with_norm(0.0)).findings().is_empty(), "{}", look(&with_norm(0.0)));
    let text = look(&with_norm(-30.0)).to_string();
    assert!(text.contains("1.norm: in 64 of 64 channels α only repeats what γ and β"), "{text}");
    let text = look(&with_norm(30.0)).to_string();
    assert!(text.contains("1.norm: in 64 of 64 channels no number is negative: α is idle"), "{text}");
}

#[test]
fn a_loss_is_followed_and_shared_layers_are_told_apart() {
    let mut rng = Rng::seed(3);
    let layer = Linear::new(20, 20, &mut rng);
    let forward = |x: Var| {
        let h = layer.forward(x).relu();
        (layer.forward(h.clone()).relu() + h).square().mean()
    };
    let report = diagnose(&layer, forward, &batch()).unwrap();
    let names: Vec<&str> = report.signals.layers.iter().map(|layer| layer.layer.as_str()).collect();
    assert_eq!(names, ["weight", "weight#2"]);
    // d mean(z²)/dz = 2z/n, z = h + relu(layer(h)): at the last rectifier E[dy²] = 4·E[z²]/n².
    let tape = Tape::inference();
    let h = layer.forward(tape.input(batch())).relu();
    let z = (layer.forward(h.clone()).relu() + h).to_vec();
    let n = z.len() as f64;
    let expected = 4.0 * z.iter().map(|z| f64::from(z * z)).sum::<f64>() / n.powi(3);
    let found = report.signals.layers[1].gradient.unwrap();
    assert!((found / expected - 1.0).abs() < 1e-4, "{found} for {expected}");
}

#[test]
fn nan_is_found_and_bad_calls_are_refused() {
    let mut net = mlp(Relu, 2);
    change(&mut net, "0.weight", |w| Tensor::full(*w.shape(), f32::NAN));
    let report = look(&net);
    assert!(report.findings()[0].what.contains("numbers are not finite"), "{report}");
    assert!(report.to_json().contains("\"mean_square\": null") && !report.to_json().contains("NaN"));
    let net = mlp(Relu, 1);
    let refused = |batch: Tensor| diagnose(&net, |x| net.forward(x), &batch).unwrap_err().to_string();
    assert!(refused(Tensor::zeros([0, 20])).starts_with("diagnose: the batch of shape [0, 20] is empty"));
    let plain = diagnose(&net, |x| x.exp(), &batch()).unwrap_err().to_string();
    assert!(plain.contains("no relu, leaky_relu or prelu ran"), "{plain}");
}

#[test]
fn the_page_holds_every_layer_and_needs_nothing_else() {
    let report = look(&with_norm(-30.0));
    let path = std::env::temp_dir().join(format!("rectify-health-{}.html", std::process::id()));
    report.write_html(&path).unwrap();
    let page = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(page.matches("<svg").count(), 5, "signals, gradients, units, slopes, redundancy");
    assert!(!page.contains("http") && !page.contains("<script") && page.contains("prefers-color-scheme"));
    assert!(page.contains("α only repeats") && page.contains("<title>1.norm"));
    assert!(matches!(report.write_html("/nowhere/at/all.html"), Err(Error::Io { .. })));
}

#[test]
fn json_is_json() {
    let report = look(&mlp(PRelu::per_feature(64), 2));
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(value["signals"][1]["layer"], "2");
    assert_eq!(value["batch"], serde_json::json!([128, 20]));
    assert_eq!(value["slopes"][0]["values"].as_array().unwrap().len(), 64);
}

/// Four batches, one of them a single example, against a count by hand.
#[test]
fn units_are_dead_over_an_epoch_only_if_they_fired_for_no_batch() {
    for is_relu in [true, false] {
        let act = if is_relu { Activation::Relu.layer(64) } else { Activation::LeakyRelu(0.1).layer(64) };
        let mut net = mlp(act, 2);
        // Some units of the first layer rarely fire, some never, some always.
        change(&mut net, "0.bias", |bias| {
            Tensor::new(&(0..64).map(|unit| (unit as f32 - 32.0) / 3.0).collect::<Vec<_>>(), *bias.shape())
        });
        let mut rng = Rng::seed(5);
        let batches: Vec<Tensor> = [16, 16, 1, 16].map(|n| Tensor::randn([n, 20], &mut rng)).to_vec();
        let (mut epoch, mut merged) = (DeadUnits::default(), DeadUnits::default());
        // By hand: whether each unit was ever above 0, and ever not.
        let (mut fired, mut rested) = ([false; 64], [false; 64]);
        let Some((_, first)) = net.named_parameters().into_iter().next() else { panic!("it has parameters") };
        let bias = net.named_parameters()[1].1.value().clone();
        for batch in &batches {
            let tape = Tape::observing(false);
            drop(net.forward(tape.input(batch.clone())));
            epoch.add(&net, &tape).unwrap();
            merged.merge(&diagnose(&net, |x| net.forward(x), batch).unwrap().units);
            let x = Tape::inference().input(batch.clone()).matmul(first.value()) + bias.clone();
            for (at, x) in x.to_vec().into_iter().enumerate() {
                fired[at % 64] |= x > 0.0;
                rested[at % 64] |= x <= 0.0;
            }
        }
        let without = |seen: [bool; 64]| (0..64).filter(|&unit| !seen[unit]).collect::<Vec<usize>>();
        for units in [&epoch.layers[0], &merged.layers[0]] {
            assert_eq!((units.layer.as_str(), units.count, units.samples, units.masks), ("0", 64, 49, is_relu));
            assert_eq!((&units.never, &units.always), (&without(fired), &without(rested)));
        }
        let units = &epoch.layers[0];
        let one = diagnose(&net, |x| net.forward(x), &batches[0]).unwrap().units;
        assert!(one.layers[0].never.len() > units.never.len(), "some fired in another batch");
        let symptoms: Vec<Symptom> = epoch.findings().into_iter().map(|finding| finding.symptom).collect();
        let expected = if is_relu { Symptom::DeadUnits } else { Symptom::LinearUnits };
        assert!(symptoms.contains(&expected), "{epoch}");
    }
}

#[test]
fn epochs_of_nothing_are_refused_and_empty_batches_change_nothing() {
    let net = mlp(Relu, 2);
    let mut epoch = DeadUnits::default();
    let tape = Tape::training(1);
    drop(net.forward(tape.input(batch())));
    let refused = epoch.add(&net, &tape).unwrap_err().to_string();
    assert!(refused.contains("run the forward on a `Tape::observing`") && epoch.layers.is_empty(), "{refused}");
    for n in [0, 40, 0] {
        let tape = Tape::observing(true);
        drop(net.forward(tape.input(Tensor::randn([n, 20], &mut Rng::seed(1)))));
        epoch.add(&net, &tape).unwrap();
    }
    let tape = Tape::observing(true);
    drop(net.forward(tape.input(Tensor::randn([40, 20], &mut Rng::seed(1)))));
    let mut once = DeadUnits::default();
    once.add(&net, &tape).unwrap();
    assert_eq!((epoch.to_string(), epoch.dead()), (once.to_string(), once.dead()));
    // NaN is on no side: its unit is neither dead nor linear.
    let tape = Tape::observing(true);
    drop(net.forward(tape.input(Tensor::full([1, 20], f32::NAN))));
    once.add(&net, &tape).unwrap();
    assert!(once.layers.iter().all(|layer| layer.never.is_empty() && layer.always.is_empty()));
}

#[test]
fn lipschitz_constants_and_regions_join_the_report() {
    use crate::regions::Piecewise;
    let net = mlp(Relu, 1);
    let chain = Piecewise::of(&net, 20).unwrap();
    let point = |seed| Tensor::randn([20], &mut Rng::seed(seed));
    let line = chain.along(&point(1), &point(2)).unwrap();
    let certificate = Certificate::of(&net).unwrap();
    let report = look(&net).with_lipschitz(certificate.clone()).with_regions(&line);
    assert!(report.findings().is_empty(), "{report}");
    let text = report.to_string();
    assert!(
        text.contains(&format!("{} pieces in {} cells of the segment", line.pieces(), line.cells().len())),
        "{text}"
    );
    assert!(text.contains("product"), "{text}");
    let value: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
    assert_eq!(value["regions"]["pieces"], line.pieces());
    assert_eq!(value["lipschitz"]["factors"].as_array().unwrap().len(), certificate.factors().len());
    let page = html::page(&report);
    assert_eq!(page.matches("<polygon").count(), line.cells().len());
    assert!(page.contains("<h2>Lipschitz constant</h2>"));
    let slice = chain.on_slice(&point(1), [&point(2), &point(3)], [-1.0..1.0, -1.0..1.0]);
    let report = report.with_regions(&slice.unwrap());
    assert_eq!(report.regions.as_ref().unwrap().dimensions, 2);
    assert!(html::page(&report).matches("<polygon").count() > line.cells().len());
    // A network that is constant says so twice.
    let mut net = mlp(Relu, 1);
    change(&mut net, "2.weight", Tensor::zeros_like);
    let line = Piecewise::of(&net, 20).unwrap().along(&point(1), &point(2)).unwrap();
    let report = look(&net).with_lipschitz(Certificate::of(&net).unwrap()).with_regions(&line);
    let trivial = report.findings().into_iter().filter(|finding| finding.symptom == Symptom::Trivial).count();
    assert_eq!(trivial, 2, "{report}");
}
