use super::*;
use crate::{Adam, AdamW, Optimizer as _, Sgd, gradcheck_module};
use Enforcement::{Projection, Reparametrisation};
use proptest::prelude::*;
use tape::{Gradients, Rng};

const BOTH: [Enforcement; 2] = [Projection, Reparametrisation];

fn constraint() -> impl Strategy<Value = Constraint> {
    let range = (-2.0..2.0f64, 1e-3..3.0f64).prop_map(|(low, width)| Constraint::Range(low, low + width));
    let invertible = (-12.0..1.0f64).prop_map(|log| Constraint::Invertible(log.exp()));
    prop_oneof![
        Just(Constraint::NonNegative),
        Just(Constraint::UnitInterval),
        Just(Constraint::Contractive),
        range,
        invertible
    ]
}

/// What a step is fed: gradients of the stored parameter, however they came about.
fn hostile(act: &ConstrainedPRelu, kind: u8, step: i32, rng: &mut Rng) -> Gradients {
    let tape = Tape::training(0);
    let sign = if step % 2 == 0 { 1.0 } else { -1.0 };
    let g = match kind {
        0 => 3e38,
        1 => -3e38,
        2 => sign * 3e38,
        // Above f32::MAX it would be infinite, and a step refuses it: a draw in 200 000.
        3 => sign * (20.0 * rng.normal()).exp().min(3e38) as f32,
        _ => rng.normal() as f32,
    };
    let gradient = Tensor::full(*act.param().value().shape(), g);
    tape.param(act.param()).backward_with(gradient)
}

/// That the layer keeps what its set promises, on numbers of every size.
fn keeps_its_promise(act: &ConstrainedPRelu) -> Result<(), TestCaseError> {
    let shape = *act.alpha().shape();
    let size: Vec<usize> = std::iter::once(24).chain(shape.iter().copied()).collect();
    // 24 samples, each constant; from large negative to large positive, and close to each other at the end.
    let mut numbers: Vec<f64> =
        (-8..12).map(|i| if i < 6 { -(0.5 * f64::from(-i)).exp() } else { f64::from(i) }).collect();
    numbers.extend([-1.0, -1.0 + 1e-6, -1.0 + 2e-6, 1e-7]);
    numbers.sort_by(f64::total_cmp);
    let each = shape.elements();
    let flat: Vec<f32> = numbers.iter().flat_map(|&x| vec![x as f32; each]).collect();
    let x = Tensor::new(&flat, size);
    let y = act.forward(Tape::inference().input(x.clone()));
    let low = act.constraint().bounds().map_or(f64::MIN, |bounds| bounds.0);
    let (inputs, outputs) = (x.to_vec(), y.to_vec());
    for i in 0..outputs.len() - each {
        let (dx, dy) = (inputs[i + each] - inputs[i], outputs[i + each] - outputs[i]);
        // Infinities among them: the largest slopes overflow.
        prop_assert!(low < 0.0 || outputs[i + each] >= outputs[i], "monotone: {act:?}");
        if matches!(act.constraint(), Constraint::Contractive | Constraint::UnitInterval) {
            // Each of the two products is rounded: half an ulp.
            let room = f32::EPSILON / 2.0 * (outputs[i].abs() + outputs[i + each].abs());
            prop_assert!(dy.abs() <= dx + room, "1-Lipschitz: {dy} for {dx}, {act:?}");
        }
    }
    if let Constraint::Invertible(_) = act.constraint() {
        let back = act.inverse(y).unwrap();
        let finite = outputs.iter().all(|y| y.is_finite());
        prop_assert!(!finite || back.value().allclose(&x, 2e-7, 1e-38), "inverse: {back:?} of {act:?}");
    }
    Ok(())
}

/// One step of an optimiser.
type Step = Box<dyn FnMut(&mut ConstrainedPRelu, Gradients) -> Result<()>>;

fn optimisers(rate: f64) -> [Step; 4] {
    let (mut sgd, mut momentum) = (Sgd::new(rate), Sgd::new(rate).momentum(0.99).nesterov(true));
    let (mut adam, mut adamw) = (Adam::new(rate), AdamW::new(rate).weight_decay(0.5).decay_slopes(true));
    [
        Box::new(move |act, grads| sgd.step(act, grads)),
        Box::new(move |act, grads| momentum.step(act, grads)),
        Box::new(move |act, grads| adam.step(act, grads)),
        Box::new(move |act, grads| adamw.step(act, grads)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// A thousand random training runs: every sharing, every set, both ways, four optimisers, rates up to absurd, gradients huge, alternating,
    /// heavy-tailed, and NaN, which a step refuses.
    #[test]
    fn no_training_leads_out_of_the_set(
        set in constraint(), by in 0usize..2, sharing in 0usize..4, optimiser in 0usize..4, kind in 0u8..5,
        log_rate in -5.0..10.0f64, seed: u64
    ) {
        let by = BOTH[by];
        let mut act = match sharing {
            0 => ConstrainedPRelu::shared(set, by),
            1 => ConstrainedPRelu::per_feature(3, set, by),
            2 => ConstrainedPRelu::per_element([2, 3], set, by),
            _ => ConstrainedPRelu::with_shape([2, 1], set, by),
        };
        let step = &mut optimisers(log_rate.exp())[optimiser];
        let mut rng = Rng::seed(seed);
        for t in 0..12 {
            let before = act.param().value().copy();
            if t == 5 {
                let tape = Tape::training(0);
                let nan = tape.param(act.param()).backward_with(before.full_like(f64::NAN));
                prop_assert!(step(&mut act, nan).is_err());
                prop_assert_eq!(act.param().value(), &before);
                continue;
            }
            let grads = hostile(&act, kind, t, &mut rng);
            step(&mut act, grads).unwrap();
            for alpha in act.alpha().to_vec() {
                prop_assert!(set.contains(alpha), "{alpha} after step {t} of {act:?}");
            }
        }
        keeps_its_promise(&act)?;
    }
}

/// Through forward and loss, as training goes: both ways find the best slope where it is inside, and the edge where it is not.
#[test]
fn slopes_learn_within_their_set() {
    let x = Tensor::linspace(-2.0, 2.0, 41).reshape([41, 1]);
    let learn = |set, by, target: f64| {
        let mut act = ConstrainedPRelu::per_feature(1, set, by);
        let mut adam = Adam::new(0.05);
        for _ in 0..400 {
            let tape = Tape::training(0);
            let loss = act.forward(tape.input(x.clone())).mse(x.leaky_relu(target));
            adam.step(&mut act, loss.backward()).unwrap();
        }
        act.alpha().item()
    };
    for by in BOTH {
        for (set, target, expected, tolerance) in [
            (Constraint::Free, -0.5, -0.5, 1e-3),
            (Constraint::NonNegative, 2.0, 2.0, 1e-3),
            (Constraint::Range(0.1, 0.3), 0.2, 0.2, 1e-3),
            (Constraint::Contractive, -0.5, -0.5, 1e-3),
            (Constraint::Invertible(0.1), 0.6, 0.6, 1e-3),
            // Reparametrised slopes only near the edge.
            (Constraint::UnitInterval, -1.0, 0.0, if by == Projection { 0.0 } else { 0.02 }),
        ] {
            let alpha = learn(set, by, target);
            assert!((alpha - expected).abs() <= tolerance, "{set:?} {by:?}: {alpha} for {expected}");
        }
    }
}

#[test]
fn every_sharing_starts_inside_and_is_a_slope() {
    let set = Constraint::Range(0.5, 0.75);
    for by in BOTH {
        for (act, shape) in [
            (ConstrainedPRelu::shared(set, by), &[1][..]),
            (ConstrainedPRelu::per_feature(3, set, by), &[3]),
            (ConstrainedPRelu::per_element([2, 3], set, by), &[2, 3]),
            (ConstrainedPRelu::with_shape([2, 1], set, by), &[2, 1]),
        ] {
            assert_eq!((act.alpha().shape(), act.param().group()), (&Shape::from(shape), Group::Slope));
            let y = act.forward(Tape::inference().input(Tensor::full([5, 2, 3], -2.0)));
            assert!(y.to_vec().iter().all(|&y| y == -1.25));
            assert!(act.alpha().allclose(&Tensor::full(shape, 0.625), 1e-6, 0.0));
        }
        let act = ConstrainedPRelu::shared(set, by).starting_at(0.7);
        assert!((act.alpha().item() - 0.7).abs() < 1e-6);
        assert!(ConstrainedPRelu::per_feature(0, set, by).alpha().is_empty());
    }
}

#[test]
fn gradients_pass_the_chain_rule() {
    let x = Tensor::f64([[0.7, -1.2, 2.0], [-0.3, 0.4, -5.0]]);
    for by in BOTH {
        for set in [
            Constraint::NonNegative,
            Constraint::Range(-0.5, 0.75),
            Constraint::Contractive,
            Constraint::Invertible(0.1),
        ] {
            let act = ConstrainedPRelu::per_feature(3, set, by).cast::<f64>();
            gradcheck_module(&act, |act, x| act.forward(x).square().sum(), &x).unwrap();
            if let Constraint::Invertible(_) = set {
                let f = |act: &ConstrainedPRelu<f64>, x: Var<f64>| {
                    let (y, log_det) = act.forward_with_log_det(x).unwrap();
                    act.inverse(y.square()).unwrap().sum() + log_det.square().sum()
                };
                gradcheck_module(&act, f, &x).unwrap();
            }
        }
    }
}

#[test]
fn the_inverse_is_refused_where_there_is_none() {
    let act = ConstrainedPRelu::per_feature(2, Constraint::UnitInterval, Projection);
    let y = || Tape::inference().input(Tensor::from([[-1.0, 2.0]]));
    assert_eq!(act.inverse(y()).unwrap().to_vec(), [-4.0, 2.0]);
    let text = act.starting_at(0.0).inverse(y()).unwrap_err().to_string();
    assert!(text.starts_with("ConstrainedPRelu: α is 0 at element 0: only slopes above 0"), "{text}");
}

#[test]
fn files_with_slopes_outside_are_refused() {
    let unit = |alpha: &[f32]| {
        ConstrainedPRelu::with_alpha(Tensor::from(alpha), Constraint::UnitInterval, Projection).unwrap()
    };
    let mut act = unit(&[0.5, 0.25]);
    act.load_bytes(&unit(&[0.0, 1.0]).to_bytes().unwrap()).unwrap();
    assert_eq!(act.alpha().to_vec(), [0.0, 1.0]);
    for wrong in [1.5, -1e-30, f32::NAN] {
        let free = |alpha| Tensor::from([0.5, alpha]);
        let mut other = ConstrainedPRelu::with_alpha(free(0.5), Constraint::Free, Projection).unwrap();
        *other.param_mut().value_mut() = free(wrong);
        for text in [
            act.load_bytes(&other.to_bytes().unwrap()).unwrap_err().to_string(),
            act.from_pytorch_bytes(&other.to_pytorch_bytes().unwrap()).unwrap_err().to_string(),
        ] {
            assert!(text.contains(" at element 1 in the file, and the model keeps it between 0 and 1"), "{text}");
        }
        assert_eq!(act.alpha().to_vec(), [0.0, 1.0]);
    }
    // ρ is not read as α.
    let raw = ConstrainedPRelu::per_feature(2, Constraint::UnitInterval, Reparametrisation);
    assert_eq!(raw.named_parameters()[0].0, "raw");
    let text = act.load_bytes(&raw.to_bytes().unwrap()).unwrap_err().to_string();
    assert!(text.contains("missing     alpha") && text.contains("unexpected  raw"), "{text}");
    assert!(act.to_pytorch_bytes().unwrap().windows(8).any(|bytes| bytes == b"\"weight\""));
}

/// The bounds of the twin are its own: 0.3 is not 0.3f32.
#[test]
fn twins_keep_set_and_slopes() {
    let set = Constraint::Range(0.1, 0.3);
    let mut act = ConstrainedPRelu::shared(set, Projection).starting_at(0.3);
    act.freeze();
    let twin = act.cast::<f64>();
    assert_eq!((twin.alpha().item(), twin.param().bounds()), (0.3, Some((0.1, 0.3))));
    assert!(!twin.param().is_trainable() && twin.constraint() == set);
    assert!((act.cast::<f64>().cast::<f32>().alpha().item() - 0.3).abs() < 1e-7);
}
