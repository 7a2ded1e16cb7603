//! Losses with settings: values and gradients are PyTorch's (reference/make_losses.py), slopes are those of finite differences in both orders,
//! and what happens at the edges.

use nn::Result;
use nn::loss::{
    Bce, BceWithLogits, CosineEmbedding, CrossEntropy, Focal, GaussianNll, Hinge, Huber, InfoNce, KlDiv, L1, Mse,
    MultiMargin, Nll, Reduction, SmoothL1, TripletMargin,
};
use std::collections::BTreeMap;
use tape::{Tape, Tensor, Var, gradcheck_many};

type Loss = Box<dyn Fn(&[Var<f64>]) -> Result<Var<f64>>>;

/// A case's name, whether finite differences see its slopes there (neither kinks nor ends), and the loss of its inputs.
type Case = (String, bool, Loss);

fn labels() -> Tensor<i64> {
    Tensor::from([2, 0, 3, 1, 2])
}

/// Labels of which some are ignored.
fn some() -> Tensor<i64> {
    Tensor::from([2, -100, 3, -100, 0])
}

fn weights() -> Tensor {
    Tensor::from([0.5, 2.0, 1.0, 0.25])
}

fn hard() -> Tensor<f64> {
    Tensor::f64([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
}

fn signs() -> Tensor<i64> {
    Tensor::new(&hard().iter().map(|t| 2 * t as i64 - 1).collect::<Vec<_>>(), [3, 4])
}

fn case(name: &str, f: impl Fn(&[Var<f64>]) -> Result<Var<f64>> + 'static) -> Case {
    (name.to_string(), true, Box::new(f))
}

/// One of finite differences' blind spots.
fn kinked(name: &str, f: impl Fn(&[Var<f64>]) -> Result<Var<f64>> + 'static) -> Case {
    (name.to_string(), false, Box::new(f))
}

fn reduced() -> Vec<Case> {
    let reductions = [("mean", Reduction::Mean), ("sum", Reduction::Sum), ("none", Reduction::None)];
    let all = |(end, r): (&str, Reduction)| {
        let ce = CrossEntropy::new().reduction(r);
        let weighted = ce.clone().weights(&weights());
        let smooth = weighted.clone().label_smoothing(0.1).ignore_index(-100);
        let soft = weighted.clone().label_smoothing(0.2);
        let (plain, of_weights) = (ce.clone(), weighted);
        let nll = Nll::new().weights(&weights()).ignore_index(-100).reduction(r);
        let bce = BceWithLogits::new().reduction(r);
        let weighted_bce = bce.clone().positive_weight(&weights());
        let multi = MultiMargin::new().margin(1.5).weights(&weights()).reduction(r);
        let pairs = Tensor::<i64>::from([1i64, -1, -1, 1]);
        let named = |name: &str| format!("{name}_{end}");
        [
            case(&named("ce"), move |x| plain.forward(x[0].clone(), &labels())),
            case(&named("ce_weights"), move |x| of_weights.forward(x[0].clone(), &labels())),
            case(&named("ce_all"), move |x| smooth.forward(x[0].clone(), &some())),
            case(&named("ce_soft"), move |x| ce.forward_soft(x[0].clone(), &x[1])),
            case(&named("ce_soft_all"), move |x| soft.forward_soft(x[0].clone(), &x[1])),
            case(&named("nll"), move |x| nll.forward(x[0].clone(), &some())),
            // At targets of 0 and 1 the step leaves the probabilities: only p varies in the check below.
            kinked(&named("bce"), move |x| Bce::new().reduction(r).forward(x[0].clone(), &x[1])),
            case(&named("bce_logits"), move |x| bce.forward(x[0].clone(), &x[1])),
            case(&named("bce_logits_weight"), move |x| weighted_bce.forward(x[0].clone(), &x[1])),
            case(&named("mse"), move |x| Mse::new().reduction(r).forward(x[0].clone(), &x[1])),
            case(&named("l1"), move |x| L1::new().reduction(r).forward(x[0].clone(), &x[1])),
            case(&named("smooth_l1"), move |x| SmoothL1::new(0.7).reduction(r).forward(x[0].clone(), &x[1])),
            case(&named("huber"), move |x| Huber::new(0.7).reduction(r).forward(x[0].clone(), &x[1])),
            case(&named("gaussian"), move |x| {
                GaussianNll::new().reduction(r).forward(x[0].clone(), x[1].clone(), &x[2])
            }),
            case(&named("cosine"), move |x| {
                CosineEmbedding::new().margin(-0.2).reduction(r).forward(x[0].clone(), &x[1], &pairs)
            }),
            case(&named("triplet"), move |x| {
                TripletMargin::new().margin(0.9).reduction(r).forward(x[0].clone(), &x[1], &x[2])
            }),
            case(&named("multi_margin"), move |x| multi.forward(x[0].clone(), &labels())),
        ]
    };
    reductions.into_iter().flat_map(all).collect()
}

fn cases() -> Vec<Case> {
    let three = |x: &Var<f64>| x.clone().index_select(0, &Tensor::from([0i64, 2, 4]));
    let mut cases = reduced();
    cases.extend([
        kinked("ce_sharp", |x| CrossEntropy::new().label_smoothing(0.1).forward(x[0].clone(), &labels())),
        kinked("ce_sharp_weights", |x| CrossEntropy::new().weights(&weights()).forward(x[0].clone(), &labels())),
        case("ce_smooth", |x| {
            CrossEntropy::new().weights(&weights()).label_smoothing(1.0).forward(x[0].clone(), &labels())
        }),
        kinked("bce_ends", |x| Bce::new().reduction(Reduction::None).forward(x[0].clone(), hard())),
        case("focal", |x| Focal::new(2.0).alpha(0.25).forward(x[0].clone(), hard())),
        case("focal_half", |x| Focal::new(0.5).reduction(Reduction::None).forward(x[0].clone(), hard())),
        case("focal_0", |x| Focal::new(0.0).forward(x[0].clone(), hard())),
        case("focal_classes", |x| Focal::new(2.0).forward_classes(x[0].clone(), &labels())),
        case("focal_classes_some", |x| Focal::new(1.5).ignore_index(-100).forward_classes(x[0].clone(), &some())),
        case("smooth_l1_0", |x| SmoothL1::new(0.0).forward(x[0].clone(), &x[1])),
        case("gaussian_full", |x| GaussianNll::new().full().forward(x[0].clone(), x[1].clone(), &x[2])),
        kinked("gaussian_thin", |x| GaussianNll::new().epsilon(1e-3).forward(x[0].clone(), x[1].clone(), &x[2])),
        case("kl", |x| KlDiv::new().forward(x[0].clone(), &x[1])),
        case("kl_sum", |x| KlDiv::new().reduction(Reduction::Sum).forward(x[0].clone(), &x[1])),
        case("kl_none", |x| KlDiv::new().reduction(Reduction::None).forward(x[0].clone(), &x[1])),
        case("kl_log", |x| KlDiv::new().log_target().forward(x[0].clone(), x[1].clone().ln())),
        case("triplet_swap", |x| TripletMargin::new().swap().epsilon(1e-3).forward(x[0].clone(), &x[1], &x[2])),
        case("hinge", |x| Hinge::new().forward(x[0].clone(), &signs())),
        case("hinge_squared", |x| {
            Hinge::new().margin(0.5).squared().reduction(Reduction::Sum).forward(x[0].clone(), &signs())
        }),
        case("multi_margin_squared", |x| MultiMargin::new().squared().forward(x[0].clone(), &labels())),
        case("info_nce", |x| InfoNce::new(0.3).forward(x[0].clone(), &x[1])),
        case("info_nce_products", |x| {
            InfoNce::new(0.3).of_products().reduction(Reduction::None).forward(x[0].clone(), &x[1])
        }),
        case("info_nce_symmetric", |x| InfoNce::new(0.3).symmetric().forward(x[0].clone(), &x[1])),
        case("info_nce_among", |x| InfoNce::new(0.2).forward_among(x[0].clone(), &x[1], &x[2])),
    ]);
    // Rows that do not count are as if they were not there.
    cases.push(case("focal_classes_some", move |x| {
        Focal::new(1.5).forward_classes(three(&x[0]), &Tensor::from([2i64, 3, 0]))
    }));
    cases
}

/// PyTorch's numbers: the inputs with their shapes, each case's values, and its gradients with their inputs' names.
struct Reference {
    inputs: BTreeMap<String, Tensor<f64>>,
    values: BTreeMap<String, Vec<f64>>,
    gradients: BTreeMap<String, Vec<(String, Vec<f64>)>>,
}

fn reference() -> Reference {
    let mut reference = Reference { inputs: BTreeMap::new(), values: BTreeMap::new(), gradients: BTreeMap::new() };
    for line in include_str!("reference/losses.txt").lines().skip(1) {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let rest: Vec<&str> = words.collect();
        let numbers = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect::<Vec<f64>>();
        if let Some((case, input)) = name.split_once('\'') {
            reference.gradients.entry(case.into()).or_default().push((input.into(), numbers(&rest)));
        } else if rest[0].contains('x') {
            let shape: Vec<usize> = rest[0].split('x').map(|size| size.parse().unwrap()).collect();
            reference.inputs.insert(name.into(), Tensor::new(&numbers(&rest[1..]), &shape[..]));
        } else {
            reference.values.insert(name.into(), numbers(&rest));
        }
    }
    reference
}

fn assert_close(what: &str, got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    // PyTorch rounds the least p(1 − p) that it divides by to f32.
    let tolerance = if what.starts_with("bce_ends'") { 1e-8 } else { 1e-12 };
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        let is_close = (got - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(is_close, "{what} at {i}: {got:e}, not {expected:e}");
    }
}

#[test]
fn values_and_gradients_are_pytorchs() {
    let reference = reference();
    let cases = cases();
    // One case of PyTorch's is run in two ways.
    assert_eq!(reference.values.len() + 1, cases.len(), "as many cases as PyTorch was asked for");
    for (name, _, loss) in &cases {
        let tape = Tape::probing();
        let gradients = &reference.gradients[name];
        let xs: Vec<_> = gradients.iter().map(|(input, _)| tape.var(reference.inputs[input].clone())).collect();
        let y = loss(&xs).unwrap();
        assert_close(name, &y.to_vec(), &reference.values[name]);
        let harmonic: Vec<f64> = (0..y.len()).map(|i| 1.0 / (i + 1) as f64).collect();
        let dy = Tensor::new(&harmonic, *y.shape());
        let recorded = y.grad_with(tape.input(dy.clone()), &xs.iter().collect::<Vec<_>>());
        let grads = y.backward_with(dy);
        for ((x, recorded), (input, expected)) in xs.iter().zip(recorded).zip(gradients) {
            assert_close(&format!("{name}'{input}"), &grads[x].to_vec(), expected);
            assert_close(&format!("{name}'{input}, recorded"), &recorded.to_vec(), expected);
        }
    }
}

#[test]
fn slopes_of_both_orders_are_finite_differences() {
    let reference = reference();
    let inputs = |name: &String| -> Vec<_> {
        reference.gradients[name].iter().map(|(input, _)| reference.inputs[input].clone()).collect()
    };
    for (name, _, loss) in cases().iter().filter(|(_, is_smooth, _)| *is_smooth) {
        let f = |xs: Vec<Var<f64>>| loss(&xs).unwrap();
        gradcheck_many(f, &inputs(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let target = &reference.inputs["q"];
    let bce = |xs: Vec<Var<f64>>| Bce::new().forward(xs[0].clone(), target).unwrap();
    gradcheck_many(bce, &[reference.inputs["p"].clone()]).unwrap();
}

#[test]
fn rows_that_do_not_count_are_0_with_zero_gradients_whatever_stands_there() {
    type Loss = fn(Var, &Tensor<i64>, Reduction) -> Result<Var>;
    let losses: [Loss; 4] = [
        |x, labels, r| CrossEntropy::new().ignore_index(-1).reduction(r).forward(x, labels),
        |x, labels, r| {
            let smooth = CrossEntropy::new().weights(&Tensor::from([1.0, 2.0])).label_smoothing(0.5);
            smooth.ignore_index(-1).reduction(r).forward(x, labels)
        },
        |x, labels, r| Nll::new().ignore_index(-1).reduction(r).forward(x, labels),
        |x, labels, r| Focal::new(2.0).ignore_index(-1).reduction(r).forward_classes(x, labels),
    ];
    for loss in losses {
        for reduction in [Reduction::Mean, Reduction::Sum, Reduction::None] {
            let tape = Tape::probing();
            let x = tape.var(Tensor::from([[f32::NAN, 1.0], [f32::INFINITY, f32::NEG_INFINITY]]));
            let y = loss(x.clone(), &Tensor::from([-1i64, -1]), reduction).unwrap();
            assert!(y.to_vec().iter().all(|&y| y == 0.0), "{y:?}");
            assert_eq!(y.sum().backward()[&x].to_vec(), [0.0; 4]);
            // A NaN in a row that counts shows, and stays in its row.
            let x = tape.var(Tensor::from([[f32::NAN, 1.0], [2.0, 3.0]]));
            let y = loss(x.clone(), &Tensor::from([0i64, -1]), reduction).unwrap();
            assert!(y.to_vec()[0].is_nan());
            let gradient = y.sum().backward()[&x].to_vec();
            assert_eq!(gradient[2..], [0.0, 0.0]);
            // No rows.
            let empty = tape.var(Tensor::zeros([0, 2]));
            assert_eq!(loss(empty, &Tensor::from(0..0usize), reduction).unwrap().sum().item(), 0.0);
        }
    }
    let nothing = CrossEntropy::new().weights(&Tensor::from([0.0, 1.0]));
    let x = Tape::inference().input(Tensor::from([[3.0, 1.0]]));
    assert_eq!(nothing.forward(x, &Tensor::from([0])).unwrap().item(), 0.0);
}

#[test]
fn huge_and_infinite_numbers_stay_what_they_mean() {
    let tape = Tape::probing();
    let (inf, low) = (f32::INFINITY, f32::NEG_INFINITY);
    let each = |x: &Var, t: Tensor| BceWithLogits::new().reduction(Reduction::None).forward(x.clone(), t).unwrap();
    let x = tape.var(Tensor::from([inf, low, inf, low, 1e38]));
    assert_eq!(each(&x, Tensor::from([1.0, 0.0, 0.0, 1.0, 1.0])).to_vec(), [0.0, 0.0, inf, inf, 0.0]);
    let gradient = each(&x, Tensor::from([1.0, 0.0, 0.0, 1.0, 1.0])).sum().backward()[&x].to_vec();
    assert_eq!(gradient, [0.0, 0.0, 1.0, -1.0, 0.0]);
    // A class that cannot be costs nothing where it need not be.
    let x = tape.var(Tensor::from([[0.0, low, 0.0], [1e30, 0.0, -1e30]]));
    let soft = CrossEntropy::new().reduction(Reduction::None);
    let y = soft.forward_soft(x.clone(), Tensor::from([[0.5, 0.0, 0.5], [1.0, 0.0, 0.0]])).unwrap();
    assert_eq!(y.to_vec(), [2f32.ln(), 0.0]);
    assert_eq!(y.sum().backward()[&x].to_vec(), [0.0; 6]);
    let wrong = soft.forward_soft(x.clone(), Tensor::from([[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]])).unwrap();
    assert_eq!(wrong.to_vec(), [inf, 2e30]);
    // The focal loss of what is certain, right and wrong, has no 0 · ∞ in its slope.
    let x = tape.var(Tensor::from([1000.0, -1000.0, inf]));
    let y = Focal::new(0.5).reduction(Reduction::None).forward(x.clone(), Tensor::from([1.0, 1.0, 1.0])).unwrap();
    assert_eq!(y.to_vec(), [0.0, 1000.0, 0.0]);
    assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, -1.0, 0.0]);
    let x = tape.var(Tensor::from([[1000.0, 0.0], [0.0, 1000.0]]));
    let y = Focal::new(0.5).forward_classes(x.clone(), &Tensor::from([0, 0])).unwrap();
    assert_eq!((y.item(), y.backward()[&x].to_vec()), (500.0, vec![0.0, 0.0, -0.5, 0.5]));
    // Angles of long and of short rows.
    let a = tape.var(Tensor::from([[3e30, 4e30], [0.0, 0.0]]));
    let b = Tensor::from([[4e-5, 3e-5], [1.0, 0.0]]);
    let y = CosineEmbedding::new().reduction(Reduction::None).forward(a.clone(), b, &Tensor::from([1i64, 1])).unwrap();
    assert!((y.to_vec()[0] - 0.04).abs() < 1e-6 && y.to_vec()[1] == 1.0, "{y:?}");
    assert!(y.sum().backward()[&a].to_vec().iter().all(|slope| slope.is_finite()));
    // Distributions with zeros, and the slope of a zero.
    let (p, t) = (tape.var(Tensor::from([[0.0, low]])), tape.var(Tensor::from([[1.0, 0.0]])));
    let y = KlDiv::new().forward(p.clone(), &t).unwrap();
    assert_eq!(y.item(), 0.0);
    let grads = y.backward();
    assert_eq!((grads[&p].to_vec(), grads[&t].to_vec()), (vec![-1.0, 0.0], vec![1.0, 0.0]));
}

#[test]
fn nan_shows() {
    let tape = Tape::inference();
    let bad = || tape.input(Tensor::from([[f32::NAN, 0.5]]));
    let good = || Tensor::from([[0.5, 0.5]]);
    let (label, signs, pair) = (Tensor::from([0]), Tensor::from([[1i64, 1]]), Tensor::from([1i64]));
    let losses = [
        Bce::new().forward(bad(), good()),
        BceWithLogits::new().forward(bad(), good()),
        BceWithLogits::new().reduction(Reduction::Sum).forward(bad(), good()),
        Focal::new(2.0).forward(bad(), Tensor::from([[1.0, 0.0]])),
        Mse::new().forward(bad(), good()),
        L1::new().forward(bad(), good()),
        SmoothL1::new(0.5).forward(bad(), good()),
        Huber::new(0.5).reduction(Reduction::Sum).forward(bad(), good()),
        GaussianNll::new().forward(bad(), tape.input(good()), good()),
        GaussianNll::new().forward(tape.input(good()), bad(), good()),
        KlDiv::new().forward(bad(), good()),
        KlDiv::new().forward(tape.input(good()), bad()),
        KlDiv::new().log_target().forward(bad(), good()),
        CosineEmbedding::new().forward(bad(), good(), &pair),
        TripletMargin::new().forward(bad(), good(), good()),
        InfoNce::new(0.1).forward(bad(), good()),
        Hinge::new().forward(bad(), &signs),
        MultiMargin::new().forward(bad(), &label),
        CrossEntropy::new().forward_soft(bad(), good()),
        CrossEntropy::new().forward_soft(tape.input(good()), bad()),
    ];
    for (i, loss) in losses.into_iter().enumerate() {
        assert!(loss.unwrap().item().is_nan(), "loss {i}");
    }
}

#[test]
fn single_numbers_and_nothing() {
    let tape = Tape::inference();
    let number = |x: f32| tape.input(Tensor::from(x));
    assert_eq!(Mse::new().forward(number(3.0), Tensor::from(1.0)).unwrap().item(), 4.0);
    assert_eq!(Huber::new(1.0).reduction(Reduction::None).forward(number(3.0), Tensor::from(1.0)).unwrap().item(), 1.5);
    assert_eq!(Bce::new().forward(number(0.5), Tensor::from(1.0)).unwrap().item(), 2f32.ln());
    let nothing = || tape.input(Tensor::zeros([0]));
    assert!(L1::new().forward(nothing(), Tensor::zeros([0])).unwrap().item().is_nan());
    assert_eq!(L1::new().reduction(Reduction::Sum).forward(nothing(), Tensor::zeros([0])).unwrap().item(), 0.0);
    assert!(L1::new().reduction(Reduction::None).forward(nothing(), Tensor::zeros([0])).unwrap().is_empty());
    // Labels of several axes.
    let logits = tape.input(Tensor::zeros([2, 3, 4]));
    let each = CrossEntropy::new().reduction(Reduction::None).forward(logits, &Tensor::full_of([2, 3], 1)).unwrap();
    assert_eq!((each.shape().to_vec(), each.to_vec()), (vec![2, 3], vec![4f32.ln(); 6]));
    let none = CrossEntropy::new().forward(tape.input(Tensor::zeros([0, 0])), &Tensor::from(0..0usize)).unwrap();
    assert_eq!(none.item(), 0.0);
}

#[test]
fn errors_say_what_where_and_the_way_out() {
    let tape = Tape::inference();
    let x = || tape.input(Tensor::from([[0.5, 0.25], [1.0, 0.0]]));
    let t = || Tensor::from([[0.5, 0.25], [1.0, 0.0]]);
    let labels = |a: i64, b: i64| Tensor::from([a, b]);
    let text = |result: Result<Var>| result.unwrap_err().to_string();
    for wrong in [2, -1] {
        let said = format!("label {wrong} of example 1 is not in 0..2");
        assert_eq!(text(CrossEntropy::new().forward(x(), &labels(0, wrong))), said);
        assert_eq!(text(Nll::new().ignore_index(-100).forward(x(), &labels(0, wrong))), said);
        assert_eq!(text(MultiMargin::new().forward(x(), &labels(0, wrong))), said);
        assert_eq!(text(Focal::new(2.0).forward_classes(x(), &labels(0, wrong))), said);
    }
    let cases = [
        (
            CrossEntropy::new().forward(x(), &Tensor::from([0i64])),
            "CrossEntropy: shapes [2, 2] and [1] do not fit: scores [.., classes] want labels [..]",
        ),
        (
            CrossEntropy::new().weights(&Tensor::from([1.0])).forward(x(), &labels(0, 1)),
            "CrossEntropy: weights have shape [1]; there are 2 classes",
        ),
        (
            CrossEntropy::new().weights(&Tensor::from([1.0, -1.0])).forward_soft(x(), t()),
            "CrossEntropy: the weight of class 1 is -1; it must be at least 0 and finite",
        ),
        (
            CrossEntropy::new().label_smoothing(1.5).forward(x(), &labels(0, 1)),
            "CrossEntropy: label_smoothing is 1.5; it goes from 0 to 1",
        ),
        (CrossEntropy::new().ignore_index(7).forward_soft(x(), t()), "CrossEntropy: 7 is to be ignored, and soft"),
        (
            Bce::new().forward(tape.input(Tensor::from([0.5, 1.5])), Tensor::from([0.0, 0.0])),
            "Bce: the prediction at element 1 is 1.5; it goes from 0 to 1 (for scores: BceWithLogits)",
        ),
        (
            BceWithLogits::new().positive_weight(&Tensor::from([1.0, 2.0, 3.0])).forward(x(), t()),
            "BceWithLogits: the weight of positives is ",
        ),
        (Focal::new(2.0).forward(x(), t()), "Focal: the target at element 0 is 0.5; it must be 0 or 1"),
        (Focal::new(-1.0).forward(x(), t()), "Focal: γ is -1; it must be at least 0 and finite"),
        (Mse::new().forward(x(), Tensor::from([1.0, 2.0])), "Mse: shapes [2, 2] and [2] do not fit: prediction and"),
        (SmoothL1::new(-1.0).forward(x(), t()), "SmoothL1: β is -1; it must be at least 0 and finite"),
        (Huber::new(0.0).forward(x(), t()), "Huber: δ is 0; it must be above 0 and finite"),
        (
            GaussianNll::new().forward(x(), tape.input(Tensor::from([[1.0, -2.0], [1.0, 1.0]])), t()),
            "GaussianNll: the variance at element 1 is -2; softplus or exp keep it above 0",
        ),
        (
            GaussianNll::new().forward(x(), tape.input(Tensor::from([1.0, 1.0])), t()),
            "GaussianNll: shapes [2, 2] and [2] do not fit: the variance has the mean's shape",
        ),
        (
            CosineEmbedding::new().forward(x(), t(), &labels(1, 0)),
            "CosineEmbedding: the label at index 1 is 0; it must be -1 or 1",
        ),
        (
            Hinge::new().forward(x(), &labels(1, 1)),
            "Hinge: shapes [2, 2] and [2] do not fit: scores and labels have the same shape",
        ),
        (InfoNce::new(0.0).forward(x(), t()), "InfoNce: the temperature is 0; it must be above 0 and finite"),
        (
            InfoNce::new(1.0).forward_among(x(), t(), Tensor::from([[1.0, 2.0, 3.0]])),
            "InfoNce: shapes [2, 2] and [1, 3] do not fit: negatives are [M, features], the features as many",
        ),
    ];
    for (result, start) in cases {
        let text = text(result);
        assert!(text.starts_with(start), "{text}\ndoes not start with\n{start}");
    }
}
