//! The strategies give what they promise, and property tests of gradients read as on the front page.
#![cfg(feature = "proptest")]

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tape::gradcheck;
use tape::strategy::{broadcastable_pair, tensor, tensor_at, tensor_away_from};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn products_have_the_gradient_they_claim((a, b) in broadcastable_pair(0..=3, -3.0..3.0)) {
        gradcheck(|[a, b]| (&a * &b).sum(), [&a, &b])?;
    }

    #[test]
    fn leaky_relu_has_the_gradient_it_claims(x in tensor_away_from(&[0.0], 0.01, 0..=3, -3.0..3.0), slope in -2.0..2.0) {
        prop_assert!(x.to_vec().iter().all(|v| v.abs() >= 0.01));
        gradcheck(|[x]| x.leaky_relu(slope), [&x])?;
    }

    #[test]
    fn kinks_are_accepted_where_they_are_few(x in tensor_at(&[0.0], 0.5..3.0)) {
        let done = gradcheck(|[x]| x.leaky_relu(0.5), [&x])?;
        prop_assert!(done.kinks > 0);
    }

    #[test]
    fn tensors_have_the_rank_and_range_asked_for(x in tensor(1..=3, -3.0..3.0)) {
        prop_assert!((1..=3).contains(&x.rank()));
        prop_assert!(x.to_vec().iter().all(|v| (-3.0..3.0).contains(v)));
    }
}

/// le 50, MyGrad 230: gradient tests that failed now and then, at kinks and with slopes without bound. Samples stay off kinks, in
/// bounds, and are the same for the same seed.
#[test]
fn peer_bug_d25() {
    let sample = || {
        let mut runner = TestRunner::deterministic();
        let samples = (tensor_away_from(&[0.0], 0.01, 1..=3, -3.0..3.0), -2.0..2.0);
        let draw = |_| samples.new_tree(&mut runner).unwrap().current();
        (0..200).map(draw).map(|(x, slope)| (x.to_vec(), x, slope)).collect::<Vec<_>>()
    };
    let (first, again) = (sample(), sample());
    assert!(first.iter().zip(&again).all(|(a, b)| a.0 == b.0 && a.2 == b.2));
    for (numbers, x, slope) in first {
        assert!(numbers.iter().all(|v| (0.01..=3.0).contains(&v.abs())) && (-2.0..2.0).contains(&slope));
        let done = gradcheck(|[x]| x.leaky_relu(slope), [&x]).unwrap();
        assert_eq!(done.kinks, 0);
    }
}
