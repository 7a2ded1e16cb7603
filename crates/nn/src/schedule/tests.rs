//! Schedules against PyTorch's numbers (tests/reference/make_schedules.py), and their errors.

use super::*;
use crate::{Adam, Layer as _, Module as _};

fn reference(name: &str) -> Vec<f64> {
    let text = include_str!("../../tests/reference/schedules.txt");
    let line = text.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
    line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect()
}

#[track_caller]
fn assert_are(name: &str, rates: impl Iterator<Item = f64>) {
    let expected = reference(name);
    assert!(expected.len() >= 30);
    for (step, (got, expected)) in rates.zip(expected).enumerate() {
        let far = (got - expected).abs();
        assert!(far <= 1e-12 * expected.abs(), "{name}, step {step}: {got:e} instead of {expected:e}");
    }
}

#[test]
fn rates_are_pytorchs() -> Result<()> {
    let linear = OneCycle { rise: 0.41, annealing: Annealing::Linear, start_divisor: 10.0, ..OneCycle::new(0.5, 150) };
    let linear = OneCycle { end_divisor: 7.0, ..linear };
    let three = OneCycle { rise: 0.4, three_phases: true, ..OneCycle::new(0.3, 210) };
    let parts = Schedule::constant(0.2)?.then(50, Schedule::exponential(0.4, 0.9)?)?;
    let cases = [
        ("step", Schedule::step(0.5, 30, 0.7)?),
        ("multi_step", Schedule::multi_step(0.3, [20, 150, 80, 80], 0.2)?),
        ("exponential", Schedule::exponential(0.1, 0.97)?),
        ("linear", Schedule::linear(0.8 / 3.0, 0.1, 120)?),
        ("polynomial", Schedule::polynomial(0.9, 150, 2.5)?),
        ("cosine", Schedule::cosine(0.1, 0.001, 100)?),
        ("restarts", Schedule::cosine_restarts(0.2, 0.01, 40, 1)?),
        ("restarts_growing", Schedule::cosine_restarts(0.2, 0.0, 10, 3)?),
        ("one_cycle", Schedule::one_cycle(OneCycle::new(0.5, 200))?),
        ("one_cycle_linear", Schedule::one_cycle(linear)?),
        ("one_cycle_three", Schedule::one_cycle(three)?),
        ("one_cycle_no_rise", Schedule::one_cycle(OneCycle { rise: 0.0, ..OneCycle::new(0.3, 30) })?),
        ("sequence", parts.then(120, Schedule::cosine(0.4, 0.01, 80)?)?),
        ("warm_up", Schedule::step(0.4, 60, 0.1)?.after_warm_up(25, 0.004)?),
    ];
    for (name, schedule) in cases {
        assert_are(name, (0..).map(|step| schedule.rate(step)));
    }
    Ok(())
}

#[test]
fn momenta_are_pytorchs() -> Result<()> {
    let usual = |cycle| OneCycle { momentum: Some([0.85, 0.95]), ..cycle };
    let linear = OneCycle { rise: 0.41, annealing: Annealing::Linear, ..OneCycle::new(0.5, 150) };
    let cases = [
        ("one_cycle", usual(OneCycle::new(0.5, 200))),
        ("one_cycle_linear", OneCycle { momentum: Some([0.7, 0.9]), ..linear }),
        ("one_cycle_three", usual(OneCycle { rise: 0.4, three_phases: true, ..OneCycle::new(0.3, 210) })),
        ("one_cycle_no_rise", usual(OneCycle { rise: 0.0, ..OneCycle::new(0.3, 30) })),
    ];
    for (name, cycle) in cases {
        let schedule = Schedule::one_cycle(cycle)?;
        assert_are(&format!("{name}_momentum"), (0..).map(|step| schedule.momentum(step).unwrap()));
        let later = Schedule::constant(0.1)?.then(7, schedule.clone())?;
        assert_eq!((later.momentum(6), later.momentum(12)), (None, schedule.momentum(5)));
        let over = later.then(20, Schedule::constant(0.1)?)?.then(30, Schedule::constant(0.2)?)?;
        assert_eq!([19, 20, 29, 30, 99].map(|step| over.momentum(step)), [schedule.momentum(12); 5], "it stays");
        assert_eq!(Schedule::one_cycle(OneCycle { momentum: None, ..cycle })?.momentum(3), None);
    }
    Ok(())
}

/// Every optimiser with something like a momentum steps with the one that the schedule says.
#[test]
fn momenta_reach_the_optimisers() -> Result<()> {
    fn weights(mut optimiser: impl Optimizer<f64>, schedule: Option<&Schedule>) -> Result<Vec<f64>> {
        let mut net = crate::Linear::new(3, 1, &mut tape::Rng::seed(1)).cast::<f64>();
        for step in 0..3 {
            if let Some(schedule) = schedule {
                schedule.try_apply(step, &mut optimiser)?;
            }
            let x = tape::Tensor::randn([4, 3], &mut tape::Rng::seed(step)).cast();
            let loss = net.forward(tape::Tape::training(0).input(x)).square().sum();
            optimiser.step(&mut net, loss.backward())?;
        }
        Ok(net.weight().value().to_vec())
    }
    // Both ends and the peak are the same momentum: as an optimiser that has it from the beginning.
    let cycle = OneCycle { momentum: Some([0.7, 0.7]), start_divisor: 1.0, end_divisor: 1.0, ..OneCycle::new(0.01, 9) };
    let flat = Schedule::one_cycle(cycle)?;
    macro_rules! agree {
        ($($optimiser:expr, $own:expr;)*) => {$(
            let (moved, own) = (weights($optimiser, Some(&flat))?, weights($own, None)?);
            assert!(moved == own && moved != weights($optimiser, None)?, "{}", stringify!($optimiser));
        )*};
    }
    use crate::{AdamW, Adamax, Lion, NAdam, RAdam, RmsProp, Sgd};
    agree! {
        Sgd::new(0.01).momentum(0.5), Sgd::new(0.01).momentum(0.7);
        RmsProp::new(0.01).momentum(0.5), RmsProp::new(0.01).momentum(0.7);
        Adam::new(0.01), Adam::new(0.01).betas(0.7, 0.999);
        AdamW::new(0.01), AdamW::new(0.01).betas(0.7, 0.999);
        NAdam::new(0.01), NAdam::new(0.01).betas(0.7, 0.999);
        RAdam::new(0.01), RAdam::new(0.01).betas(0.7, 0.999);
        Adamax::new(0.01), Adamax::new(0.01).betas(0.7, 0.999);
    }
    assert!(Optimizer::<f64>::set_momentum(&mut Lion::new(0.01), 0.5));
    let error = weights(crate::Adagrad::new(0.01), Some(&flat)).unwrap_err().to_string();
    assert!(error.starts_with("Schedule: it moves the momentum, and this optimiser has none"), "{error}");
    for bad in [[0.9, 0.8], [-0.1, 0.5], [0.5, 1.0], [f64::NAN, 0.5]] {
        let cycle = OneCycle { momentum: Some(bad), ..OneCycle::new(0.1, 9) };
        assert!(Schedule::one_cycle(cycle).unwrap_err().to_string().contains("give the lower one first"));
    }
    Ok(())
}

#[test]
fn plateaus_are_pytorchs() -> Result<()> {
    let quick = PlateauOptions {
        factor: 0.5,
        patience: 2,
        cooldown: 3,
        threshold: 0.01,
        relative: false,
        ..Default::default()
    };
    let highest =
        PlateauOptions { goal: Goal::Highest, factor: 0.3, patience: 4, threshold: 0.05, ..Default::default() };
    let by_much = PlateauOptions { factor: 0.9, patience: 0, threshold: 0.1, relative: false, ..highest };
    let cases = [
        ("plateau", PlateauOptions::default()),
        ("plateau_quick", PlateauOptions { lowest: 0.001, ..quick }),
        ("plateau_highest", highest),
        ("plateau_highest_abs", PlateauOptions { least_change: 0.01, ..by_much }),
    ];
    let metric = reference("metric");
    for (name, options) in cases {
        let mut plateau = Plateau::new(0.2, options)?;
        assert_are(name, metric.iter().map(|&metric| plateau.observe(metric)));
        assert!(plateau.rate() < 0.2, "{name} never went down");
        // Interrupted anywhere, it goes on as if it had not been.
        let mut first = Plateau::new(0.2, options)?;
        metric[..77].iter().for_each(|&metric| _ = first.observe(metric));
        let mut second = Plateau::new(0.7, options)?;
        second.set_progress(first.progress())?;
        metric[77..].iter().for_each(|&metric| _ = second.observe(metric));
        assert_eq!(second, plateau);
    }
    Ok(())
}

#[test]
fn first_and_last_steps_are_what_they_should_be() -> Result<()> {
    let rates = |schedule: &Schedule, steps: [u64; 4]| steps.map(|step| schedule.rate(step));
    assert_eq!(rates(&Schedule::linear(0.0, 1.0, 1)?, [0, 1, 2, u64::MAX]), [0.0, 1.0, 1.0, 1.0]);
    // What begins at `from` ends at `to`, not next to it.
    assert_eq!(Schedule::linear(0.3, 0.1, 7)?.rate(7), 0.1);
    assert_eq!(rates(&Schedule::polynomial(1.0, 4, 1.0)?, [0, 1, 4, u64::MAX]), [1.0, 0.75, 0.0, 0.0]);
    assert_eq!(rates(&Schedule::step(1.0, 1, 0.0)?, [0, 1, 2, u64::MAX]), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(rates(&Schedule::multi_step(1.0, [0, 2, 2], 0.5)?, [0, 1, 2, u64::MAX]), [0.5, 0.5, 0.125, 0.125]);
    assert_eq!(rates(&Schedule::multi_step(1.0, [], 0.5)?, [0, 1, 2, u64::MAX]), [1.0; 4]);
    let growing = Schedule::cosine_restarts(1.0, 0.0, 1, 2)?;
    assert_eq!(rates(&growing, [0, 1, 3, 7]), [1.0; 4]);
    assert!((0.0..=1.0).contains(&growing.rate(u64::MAX)));
    for (steps, rise) in [(1, 0.3), (1, 0.0), (1, 1.0), (10, 0.1), (10, 1.0), (2, 0.5)] {
        let cycle = Schedule::one_cycle(OneCycle { rise, ..OneCycle::new(0.5, steps) })?;
        assert!((0..20).all(|step| (8e-8..=0.5).contains(&cycle.rate(step))), "{steps} {rise}");
        let after = 0.5 / 25e4;
        assert_eq!(rates(&cycle, [steps, steps + 1, 1000, u64::MAX]), [after; 4]);
    }
    Ok(())
}

#[test]
fn parts_of_sequences_count_from_their_own_beginning() -> Result<()> {
    let inner = Schedule::linear(0.0, 1.0, 4)?.then(4, Schedule::constant(5.0)?)?;
    let outer = Schedule::constant(9.0)?.then(10, inner.clone())?.then(16, inner)?;
    let rates = [9, 10, 11, 13, 14, 16, 18, 20, 99].map(|step| outer.rate(step));
    assert_eq!(rates, [9.0, 0.0, 0.25, 0.75, 5.0, 0.0, 0.5, 5.0, 5.0]);
    Ok(())
}

#[test]
fn optimisers_take_the_rate() -> Result<()> {
    let mut adam: Adam = Adam::new(1.0);
    Schedule::exponential(0.5, 0.5)?.apply(2, &mut adam);
    assert_eq!(Optimizer::learning_rate(&adam), 0.125);
    Plateau::new(0.75, PlateauOptions::default())?.apply(&mut adam);
    assert_eq!(Optimizer::learning_rate(&adam), 0.75);
    Ok(())
}

#[test]
fn bad_settings_are_errors() {
    fn text<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }
    for bad in [f64::NAN, f64::INFINITY, -0.1] {
        let of = |name: &str| format!("Schedule: {name} is {bad}; it must be finite and not negative");
        assert_eq!(text(Schedule::constant(bad)), of("the rate"));
        assert_eq!(text(Schedule::step(bad, 1, 0.1)), of("the rate"));
        assert_eq!(text(Schedule::step(1.0, 1, bad)), of("the factor"));
        assert_eq!(text(Schedule::multi_step(1.0, [1], bad)), of("the factor"));
        assert_eq!(text(Schedule::exponential(1.0, bad)), of("the factor"));
        assert_eq!(text(Schedule::linear(bad, 0.0, 1)), of("the first rate"));
        assert_eq!(text(Schedule::linear(0.0, bad, 1)), of("the last rate"));
        assert_eq!(text(Schedule::cosine(0.0, bad, 1)), of("the last rate"));
        assert_eq!(text(Schedule::cosine_restarts(bad, 0.0, 1, 1)), of("the first rate"));
        assert_eq!(text(Schedule::polynomial(bad, 1, 1.0)), of("the rate"));
        assert!(text(Schedule::polynomial(1.0, 1, bad)).contains("the power is"));
        let cycle = OneCycle::new(0.1, 10);
        for cycle in [
            OneCycle { peak: bad, ..cycle },
            OneCycle { rise: bad, ..cycle },
            OneCycle { start_divisor: bad, ..cycle },
            OneCycle { end_divisor: bad, ..cycle },
        ] {
            assert!(text(Schedule::one_cycle(cycle)).contains(&format!(" is {bad}; it must be")));
        }
        let options = PlateauOptions::default();
        assert!(text(Plateau::new(bad, options)).starts_with("Plateau: the rate is"));
        for options in [
            PlateauOptions { factor: bad, ..options },
            PlateauOptions { threshold: bad, ..options },
            PlateauOptions { lowest: bad, ..options },
            PlateauOptions { least_change: bad, ..options },
        ] {
            assert!(text(Plateau::new(0.1, options)).contains(&format!(" is {bad}; it must be")));
        }
    }
    for none in [
        Schedule::step(1.0, 0, 0.1),
        Schedule::linear(1.0, 0.0, 0),
        Schedule::polynomial(1.0, 0, 1.0),
        Schedule::cosine(1.0, 0.0, 0),
        Schedule::cosine_restarts(1.0, 0.0, 0, 1),
        Schedule::cosine_restarts(1.0, 0.0, 1, 0),
        Schedule::one_cycle(OneCycle::new(1.0, 0)),
        Schedule::constant(1.0).unwrap().after_warm_up(0, 0.1),
    ] {
        assert!(text(none).ends_with("is 0; it must be at least 1"));
    }
    let cycle = OneCycle { rise: 0.6, three_phases: true, ..OneCycle::new(1.0, 10) };
    assert_eq!(text(Schedule::one_cycle(cycle)), "OneCycle: the share that rises is 0.6; it must be in [0, 0.5]");
    assert!(text(Plateau::new(0.1, PlateauOptions { factor: 1.0, ..Default::default() })).contains("in [0, 1)"));
    let one = || Schedule::constant(1.0).unwrap();
    assert_eq!(
        text(one().then(5, one()).unwrap().then(5, one())),
        "Schedule: a part begins at step 5, the one before it at 5; put them in order"
    );
    assert!(one().then(0, one()).is_err());
    let mut plateau = Plateau::new(0.1, PlateauOptions::default()).unwrap();
    let (before, now) = (plateau, plateau.progress());
    assert!(plateau.set_progress(Progress { rate: f64::NAN, ..now }).is_err());
    assert!(plateau.set_progress(Progress { best: f64::NAN, ..now }).is_err());
    assert_eq!(plateau, before);
}

/// burn: past the last step the rate jumped to the largest at once. It goes on along the wave, as PyTorch's does.
#[test]
fn peer_bug_z07() -> Result<()> {
    let once = Schedule::cosine(0.1, 0.01, 10)?;
    let along = [10, 11, 15, 20].map(|step| once.rate(step));
    assert!((along[0] - 0.01).abs() < 1e-15 && along[1] < 0.013, "{along:?}");
    assert!((along[2] - 0.055).abs() < 1e-12 && (along[3] - 0.1).abs() < 1e-12, "{along:?}");
    let restarts = Schedule::cosine_restarts(0.1, 0.0, 10, 1)?;
    let rates = [9, 10, 19, 20, 25].map(|step| restarts.rate(step));
    assert!(rates[0] < 0.003 && rates[1] == 0.1 && rates[2] < 0.003 && rates[3] == 0.1, "{rates:?}");
    assert!((rates[4] - 0.05).abs() < 1e-12);
    Ok(())
}
