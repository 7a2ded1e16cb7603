//! Max pooling, maxout, concatenated ReLU and clamps; and what has no regions.

use super::tests::{area, plane, segment};
use super::*;
use crate::prelude::*;
use crate::{
    AdaptiveMaxPool2d, Celu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, MaxPool1d, MaxPool2d, Relu6, ThresholdRelu,
};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

/// In each cell of a segment and of a slice: the network's own values, and the whole is covered.
fn check(net: &(impl Layer<f64> + ?Sized), shape: &[usize], rng: &mut Rng) -> [usize; 2] {
    let chain = Piecewise::of(net, Shape::from(shape)).unwrap();
    let [origin, u, v] = [0, 1, 2].map(|_| Tensor::randn(shape, rng).cast::<f64>());
    let value = |x: Tensor<f64>| net.forward(Tape::inference().input(x.unsqueeze(0))).to_vec();
    let same = |a: &[f64], b: &[f64]| {
        let far = a.iter().zip(b).find(|(a, b)| (*a - *b).abs() > 1e-9 * (1.0 + b.abs()));
        assert!(a.len() == b.len() && far.is_none(), "{a:?} {b:?}");
    };
    let regions = chain.on_slice(&origin, [&u, &v], [-1.5..2.0, -0.5..1.5]).unwrap();
    assert!((area(&regions) - 7.0).abs() < 1e-9, "{}", area(&regions));
    for cell in regions.cells() {
        let [s, t] = cell.middle();
        same(&cell.at([s, t]), &value(&origin + &u * s + &v * t));
        // Near each corner too, from inside.
        for corner in cell.corners() {
            let [s, t] = [0, 1].map(|axis| corner[axis] + 1e-3 * (cell.middle()[axis] - corner[axis]));
            same(&cell.at([s, t]), &value(&origin + &u * s + &v * t));
        }
    }
    let line = chain.along(&origin, &(&origin + &u)).unwrap();
    assert_eq!((line.cells()[0].start(), line.cells()[line.cells().len() - 1].end()), (0.0, 1.0));
    line.cells().windows(2).for_each(|pair| assert_eq!(pair[0].end(), pair[1].start()));
    for cell in line.cells() {
        let [t] = cell.middle();
        same(&cell.at([t]), &value(&origin + &u * t));
    }
    [regions.cells().len(), line.cells().len()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn cells_are_the_network(seed in any::<u64>(), stride in 1usize..4, padding in 0usize..2) {
        let mut rng = Rng::seed(seed);
        let pool = MaxPool2d::new(3).stride(stride).padding(padding);
        let counts = check(&pool, &[4, 5, 2], &mut rng);
        prop_assert!(stride > 1 || counts[0] > counts[1], "{counts:?}");
        check(&AdaptiveMaxPool2d::new(2), &[3, 5, 1], &mut rng);
        check(&(MaxPool1d::new(2), CRelu, Residual(Relu6)), &[4, 2], &mut rng);
        let net = (
            Conv2d::new(1, 2, 3, &mut rng).padding(1), CRelu, MaxPool2d::new(2),
            Flatten, Linear::new(16, 3, &mut rng), Hardtanh::new(-0.3, 0.4), Linear::new(3, 2, &mut rng),
        );
        check(&net.cast::<f64>(), &[4, 4, 1], &mut rng);
        // In evaluation both have one slope.
        let constrained = ConstrainedPRelu::per_feature(3, Constraint::Contractive, Enforcement::Reparametrisation);
        let net = (Linear::new(2, 3, &mut rng), RRelu::default(), Linear::new(3, 3, &mut rng), constrained);
        check(&net.cast::<f64>(), &[2], &mut rng);
        let net = (Linear::new(2, 3, &mut rng), Hardsigmoid, Linear::new(3, 2, &mut rng));
        check(&net.cast::<f64>(), &[2], &mut rng);
        for (max_value, slope) in [(Some(0.5), -0.25), (Some(0.0), 2.0), (None, 0.5)] {
            let act = ThresholdRelu::new(max_value, slope, 0.0);
            let net = (Linear::new(2, 3, &mut rng), act, Linear::new(3, 2, &mut rng));
            check(&net.cast::<f64>(), &[2], &mut rng);
        }
    }

    /// The largest of n planes is convex: as many cells as planes that are the largest somewhere, each with its own map.
    #[test]
    fn the_largest_of_planes_has_a_cell_for_each_that_is_somewhere(seed in any::<u64>(), planes in 1usize..9) {
        let mut rng = Rng::seed(seed);
        let mut net = Piecewise::new(2);
        let weight = Tensor::randn([2, planes], &mut rng).cast::<f64>();
        let bias = Tensor::randn([planes], &mut rng).cast::<f64>();
        net.affine("planes", weight.clone(), Some(&bias), |x, w| x.matmul(w)).unwrap();
        net.largest(vec![(0..planes).collect()], 1).unwrap();
        let regions = plane(&net, 3.0);
        prop_assert!((area(&regions) - 36.0).abs() < 1e-9);
        prop_assert_eq!(regions.pieces(), regions.cells().len());
        let winner = |x: f64, y: f64| {
            let height = |i: usize| weight.at([0, i]) * x + weight.at([1, i]) * y + bias.at([i]);
            (0..planes).max_by(|&a, &b| height(a).total_cmp(&height(b))).unwrap() as u8
        };
        let mut seen = std::collections::BTreeSet::new();
        for cell in regions.cells() {
            let [x, y] = cell.middle();
            prop_assert_eq!(cell.pattern(), &[winner(x, y)]);
            prop_assert!(seen.insert(cell.pattern()[0]), "one cell each");
        }
        for _ in 0..1000 {
            let found = winner(6.0 * rng.uniform() - 3.0, 6.0 * rng.uniform() - 3.0);
            prop_assert!(seen.contains(&found));
        }
    }
}

/// |x| and |y|, then the larger: a diamond's pyramid has 8 cells and 4 pieces, whose middle is one corner of all.
#[test]
fn corners_of_many_cells_and_ties() {
    let mut net = Piecewise::new(2);
    net.rectify(&Tensor::f64([-1.0])).unwrap();
    net.largest(vec![vec![0, 1]], 1).unwrap();
    let pyramid = plane(&net, 1.0);
    assert_eq!((pyramid.cells().len(), pyramid.pieces(), net.units()), (8, 4, 3));
    assert!((area(&pyramid) - 4.0).abs() < 1e-12);
    // Equal all over: the first takes it, and nothing is cut.
    let mut twice = Piecewise::new(2);
    twice.affine("copies", Tensor::f64([[0.1, 0.1, 0.3], [0.2, 0.2, 0.6]]), None, |x, w| x.matmul(w)).unwrap();
    twice.largest(vec![vec![1, 0], vec![0, 2]], 2).unwrap();
    let regions = plane(&twice, 1.0);
    assert_eq!(regions.cells().len(), 2, "x + 2y = 0 parts 0.1 from 0.3");
    assert!(regions.cells().iter().all(|cell| cell.pattern()[0] == 0));
    // Equal up to rounding in pairs: 0 to 1 and 1 to 2, while 2 is above 0. Something is left.
    let mut close = Piecewise::new(2);
    let bias = Tensor::f64([1.0, 1.0 + 1.6 * 2f64.powi(-40), 1.0 + 3.2 * 2f64.powi(-40)]);
    close.affine("close", Tensor::f64([[0.0; 3]; 2]), Some(&bias), |x, w| x.matmul(w)).unwrap();
    close.largest(vec![vec![0, 1, 2]], 1).unwrap();
    let regions = plane(&close, 1.0);
    assert_eq!((regions.cells().len(), regions.cells()[0].pattern()), (1, &[2u8][..]));
    assert_eq!((area(&regions), regions.cells()[0].at([0.5, 0.5])), (4.0, vec![bias.at([2])]));
    // The mirror image of a unit has the unit's kink.
    let crelu = Piecewise::of::<f32>(&CRelu, 2).unwrap();
    assert_eq!((crelu.units(), plane(&crelu, 1.0).cells().len(), crelu.output_shape().to_vec()), (4, 4, vec![4]));
    let line = segment(&crelu, [-1.0, 2.0], [3.0, 2.0]);
    assert_eq!((line.kinks(), line.cells()[0].at([0.0])), (vec![0.25], vec![0.0, 2.0, 1.0, 0.0]));
    // Clamps with a bound at infinity.
    let infinity = f64::INFINITY;
    for (low, high, cells) in [(-infinity, infinity, 1), (-0.5, infinity, 2), (-infinity, 0.5, 2), (-0.5, 0.5, 3)] {
        let clamp = Piecewise::of::<f32>(&Hardtanh::new(low, high), 2).unwrap();
        let line = segment(&clamp, [-1.0, 0.0], [1.0, 0.0]);
        assert_eq!(line.cells().len(), cells, "{low} to {high}");
        assert_eq!(
            [line.cells()[0].at([0.0])[0], line.cells()[cells - 1].at([1.0])[0]],
            [low.max(-1.0), high.min(1.0)]
        );
    }
}

#[test]
fn what_is_curved_is_named_with_the_way_out() {
    let text = |layer: &dyn Layer<f32>| Piecewise::of(layer, 2).map(|_| ()).unwrap_err().to_string();
    let layers: [(&str, &dyn Layer<f32>); 9] = [
        ("Elu", &Elu::default()),
        ("Selu", &Selu),
        ("Celu", &Celu::default()),
        ("Gelu", &Gelu),
        ("GeluTanh", &GeluTanh),
        ("Silu", &Silu),
        ("Mish", &Mish),
        ("Softplus", &Softplus::default()),
        ("Hardswish", &Hardswish),
    ];
    for (name, layer) in layers {
        let message = text(layer);
        assert!(message.starts_with(&format!("piecewise: {name} is curved")), "{message}");
        assert!(message.contains("Put Relu, LeakyRelu, PRelu or Hardtanh in its place"), "{message}");
    }
    let mut net = Piecewise::new(2);
    let text = |result: crate::Result<()>| result.unwrap_err().to_string();
    assert_eq!(text(net.largest(vec![vec![0]], 2)), "largest: 1 sets for an output of shape [2]");
    assert_eq!(text(net.largest(vec![vec![0], vec![]], 2)), "largest: set 1 is []; it must have units, below 2");
    assert_eq!(text(net.largest(vec![vec![0, 2]], 1)), "largest: set 0 is [0, 2]; it must have units, below 2");
}
