use super::enumeration::{Plain, Small, patterns};
use super::*;
use crate::modules::{Act, Activation};
use crate::prelude::{
    BatchNorm, Conv2d, Dropout, Flatten, GlobalAvgPool, Layer as _, LeakyRelu, Linear, Module as _, NormAct, PRelu,
    Residual, Rng, Sequential, Tape, Tensor,
};
use crate::theory::{most_regions, zaslavsky};
use proptest::prelude::{ProptestConfig, any, proptest};

pub(super) const SQUARE: [std::ops::Range<f64>; 2] = [-1.0..1.0, -1.0..1.0];

/// The whole plane of two inputs, as far as it is asked for.
pub(super) fn plane(net: &Piecewise, reach: f64) -> Regions<2> {
    let axes = [Tensor::f64([1.0, 0.0]), Tensor::f64([0.0, 1.0])];
    net.on_slice(&Tensor::f64([0.0, 0.0]), axes.each_ref(), [-reach..reach, -reach..reach]).unwrap()
}

pub(super) fn segment(net: &Piecewise, from: [f64; 2], to: [f64; 2]) -> Regions<1> {
    net.along(&Tensor::f64(from), &Tensor::f64(to)).unwrap()
}

pub(super) fn area(plane: &Regions<2>) -> f64 {
    plane.cells().iter().map(Cell::area).sum()
}

/// Lines in general position cut the plane into Zaslavsky's number of parts, whichever slope stands below 0; all of them are in a square that holds every intersection.
#[test]
fn one_hidden_layer_reaches_zaslavskys_number() {
    for seed in 1..=5 {
        let net = Small::new(2, &[12], Activation::LeakyRelu(0.1), &mut Rng::seed(seed));
        let (weight, bias) = (net.layers[0].0.weight().value(), net.layers[0].0.bias().unwrap().value().to_vec());
        let line = |i: usize| [weight.at([0, i]), weight.at([1, i]), bias[i]];
        let mut reach = 1.0f64;
        for i in 0..12 {
            for j in 0..i {
                let ([a, b, c], [d, e, f]) = (line(i), line(j));
                let determinant = a * e - b * d;
                reach = reach.max(((b * f - c * e) / determinant).abs()).max(((c * d - a * f) / determinant).abs());
            }
        }
        let regions = plane(&net.piecewise(), 1.01 * reach);
        assert_eq!((regions.cells().len(), regions.pieces()), (79, 79), "seed {seed}");
        assert_eq!(regions.cells().len() as u128, zaslavsky(12, 2).unwrap());
        let whole = (2.02 * reach).powi(2);
        assert!((area(&regions) / whole - 1.0).abs() < 1e-12);
    }
}

/// 2·relu(x) − 4·relu(x − ½), so many times.
fn tents(times: usize) -> Piecewise {
    let mut chain = Piecewise::new(1);
    for _ in 0..times {
        let first = Tensor::f64([[1.0, 1.0]]);
        chain.affine("tent", first, Some(&Tensor::f64([0.0, -0.5])), |x, w| x.matmul(w)).unwrap();
        chain.rectify(&Tensor::f64([0.0])).unwrap();
        chain.affine("tent", Tensor::f64([[2.0], [-4.0]]), None, |x, w| x.matmul(w)).unwrap();
    }
    chain
}

#[test]
fn tents_fold_the_interval_into_powers_of_two() {
    for k in 0..=14 {
        let line = tents(k).along(&Tensor::f64([0.0]), &Tensor::f64([1.0])).unwrap();
        let count = 1 << k;
        assert_eq!((line.pieces(), line.cells().len()), (count, count), "k = {k}");
        let slope = f64::from(1 << k);
        for (i, cell) in line.cells().iter().enumerate() {
            // 0 at even breakpoints, 1 at odd ones: all of them dyadic, so all of it is exact.
            let expected = (i as f64 / slope, (i + 1) as f64 / slope, if i % 2 == 0 { slope } else { -slope });
            assert_eq!((cell.start(), cell.end(), cell.slopes()[0][0]), expected);
            assert_eq!(cell.at([cell.start()]), [(i % 2) as f64]);
        }
    }
}

/// Their first layers have the same kinks; deeper ones differ, under the same bound.
#[test]
fn relu_and_leaky_with_the_same_weights() {
    let mut differ = 0;
    for seed in 0..20 {
        let counts = |widths: &[usize], act| {
            let net = Small::new(2, widths, act, &mut Rng::seed(seed)).piecewise();
            let (plane, line) = (plane(&net, 10.0), segment(&net, [-10.0, 3.0], [10.0, -4.0]));
            assert!(plane.cells().len() as u128 <= most_regions(2, widths).unwrap());
            assert!(line.cells().len() as u128 <= most_regions(1, widths).unwrap());
            assert!(plane.pieces() <= plane.cells().len() && line.pieces() <= line.cells().len());
            (plane.cells().len(), line.cells().len())
        };
        let both = |widths: &[usize]| [Activation::Relu, Activation::LeakyRelu(0.2)].map(|act| counts(widths, act));
        let [relu, leaky] = both(&[9]);
        assert_eq!(relu, leaky, "seed {seed}");
        let [relu, leaky] = both(&[5, 5, 5]);
        differ += usize::from(relu != leaky);
    }
    assert!(differ > 10, "{differ} of 20 differ behind the first layer");
}

/// Every pattern of up to 12 units, and whether its inequalities have a solution: the same set, in the plane and on a line.
#[test]
fn cells_are_those_of_an_enumeration() {
    let mut rng = Rng::seed(11);
    let mut most = 0;
    for case in 0..40 {
        let units = if case < 30 { 8 } else { 12 };
        let net = Small::random(2, units, &mut rng);
        let regions = plane(&net.piecewise(), 2.0);
        assert_eq!(
            patterns(&regions),
            Plain::of(&net).patterns(&[-2.0..2.0, -2.0..2.0]),
            "case {case}: {:?}",
            net.widths()
        );
        most = most.max(regions.cells().len());
        let net = Small::random(1, units, &mut rng);
        let line = net.piecewise().along(&Tensor::f64([-2.0]), &Tensor::f64([2.0])).unwrap();
        assert_eq!(patterns(&line), Plain::of(&net).patterns(&[-2.0..2.0]), "case {case}: {:?}", net.widths());
    }
    assert!(most > 30, "the largest had {most} cells");
}

/// Every pattern that any of the samples has is a cell's, in a thousand networks: no cell that fine sampling sees is missed.
#[test]
fn sampling_never_sees_more() {
    let mut rng = Rng::seed(12);
    for case in 0..1000 {
        let net = Small::random(2, 14, &mut rng);
        let (chain, plain) = (net.piecewise(), Plain::of(&net));
        let (from, to) = ([rng.normal(), rng.normal()], [rng.normal(), rng.normal()]);
        let cells = patterns(&segment(&chain, from, to));
        let on_line = |t: f64| [from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])];
        let sampled = |point: [f64; 2], cells: &std::collections::BTreeSet<Vec<u8>>| {
            assert!(cells.contains(&plain.pattern(&point)), "case {case}: {:?} at {point:?}", net.widths());
        };
        (0..1000).for_each(|i| sampled(on_line((f64::from(i) + 0.5) / 1000.0), &cells));
        let cells = patterns(&plane(&chain, 1.5));
        (0..1000).for_each(|_| sampled([3.0 * rng.uniform() - 1.5, 3.0 * rng.uniform() - 1.5], &cells));
    }
}

/// Pieces by another way: on the line, values and slopes at points a little apart tell where the network bends.
#[test]
fn pieces_are_where_the_network_bends() {
    let mut rng = Rng::seed(13);
    let (mut merged, mut leaky_merged) = (0, 0);
    for case in 0..300 {
        let act = [Activation::Relu, Activation::LeakyRelu(0.3)][case % 2];
        let net = Small::new(2, &[4, 2, 3], act, &mut rng);
        let (from, to) = ([-4.0, 3.0 * rng.normal()], [4.0, 3.0 * rng.normal()]);
        let line = segment(&net.piecewise(), from, to);
        let breakpoints = line.breakpoints();
        for pair in line.cells().windows(2) {
            let kink = pair[0].end();
            let step = 0.25 * (pair[0].end() - pair[0].start()).min(pair[1].end() - pair[1].start());
            let value = |t: f64| {
                let x = Tensor::f64([[from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])]]);
                net.forward(Tape::inference().input(x)).to_vec()
            };
            let (before, at, after) = (value(kink - step), value(kink), value(kink + step));
            let bend = |i: usize| (after[i] - 2.0 * at[i] + before[i]).abs();
            // Rounding of values about 10; bends this small are left to chance.
            let (bends, largest) = (bend(0).max(bend(1)) > 1e-12, bend(0).max(bend(1)));
            if !(1e-14..1e-11).contains(&largest) {
                assert_eq!(breakpoints.contains(&kink), bends, "case {case} at {kink}: {largest}");
            }
        }
        let fewer = line.cells().len() - line.pieces();
        *(if case % 2 == 0 { &mut merged } else { &mut leaky_merged }) += fewer;
    }
    assert!(merged > 20 && leaky_merged == 0, "ReLU {merged}, leaky {leaky_merged}");
}

/// Behind a unit that is dead all over the square everything is one piece, whatever edges of neighbours meet how; with a leak nothing merges.
#[test]
fn one_dead_unit_merges_everything() {
    let mut rng = Rng::seed(14);
    for case in 0..60 {
        let [relu, leaky] = [0.0, 0.1].map(|slope| {
            let mut chain = Small::new(2, &[5, 4, 3], Activation::LeakyRelu(0.3), &mut rng).piecewise();
            let bias = Tensor::f64([-1e3, -1e3]);
            chain.affine("far", Tensor::f64([[1.0, 0.5], [0.0, 1.0]]), Some(&bias), |x, w| x.matmul(w)).unwrap();
            chain.rectify(&Tensor::f64([slope])).unwrap();
            plane(&chain, 2.0)
        });
        assert_eq!((relu.pieces(), leaky.pieces()), (1, leaky.cells().len()), "case {case}");
        assert!(relu.cells().len() > 5);
    }
}

#[test]
fn dead_units_merge_on_a_slice_and_leaks_do_not() {
    // Behind the kinks of x and y: relu(x) + relu(y) − 10 is below 0 all over the square.
    let counts = |slope: f64| {
        let mut chain = Piecewise::new(2);
        chain.rectify(&Tensor::f64([slope])).unwrap();
        chain.affine("sum", Tensor::f64([[1.0], [1.0]]), Some(&Tensor::f64([-10.0])), |x, w| x.matmul(w)).unwrap();
        chain.rectify(&Tensor::f64([slope])).unwrap();
        let plane = plane(&chain, 1.0);
        (plane.cells().len(), plane.pieces())
    };
    assert_eq!(counts(0.0), (4, 1));
    assert_eq!(counts(0.1), (4, 4));
    // The same map in the four corners of a square, but apart.
    let mut chain = Piecewise::new(2);
    chain.bend(&[0.0, 0.25, 0.5], &[0.0, 1.0, -1.0, 0.0], 0.0).unwrap();
    let plane = plane(&chain, 1.0);
    assert_eq!((plane.cells().len(), plane.pieces()), (16, 16));
    let line = segment(&chain, [-1.0, -1.0], [1.0, -1.0]);
    assert_eq!(line.breakpoints(), [0.5, 0.625, 0.75]);
    assert_eq!(line.piece_of(), [0, 1, 2, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// In each cell: the pattern of a point inside, its value, and the tape's gradient; areas sum to the rectangle's.
    #[test]
    fn cells_are_the_network(seed in any::<u64>()) {
        let mut rng = Rng::seed(seed);
        let net = Small::random(3, 14, &mut rng);
        let (chain, plain) = (net.piecewise(), Plain::of(&net));
        let [origin, u, v] = [0, 1, 2].map(|_| Tensor::randn([3], &mut rng).cast::<f64>());
        let plane = chain.on_slice(&origin, [&u, &v], [-1.5..2.0, -0.5..1.5]).unwrap();
        assert!((area(&plane) - 7.0).abs() < 1e-11);
        for cell in plane.cells() {
            assert_is_the_network(&net, &plain, cell.middle(), &origin, [&u, &v], cell);
        }
        let line = chain.along(&origin, &(&origin + &u)).unwrap();
        assert_eq!((line.cells()[0].start(), line.cells()[line.cells().len() - 1].end()), (0.0, 1.0));
        for cell in line.cells() {
            assert_is_the_network(&net, &plain, cell.middle(), &origin, [&u], cell);
        }
        for pair in line.cells().windows(2) {
            assert_eq!(pair[0].end(), pair[1].start());
            let (left, right) = (pair[0].at([pair[0].end()]), pair[1].at([pair[0].end()]));
            assert!(left.iter().zip(&right).all(|(a, b)| (a - b).abs() < 1e-9), "{left:?} {right:?}");
        }
    }
}

fn assert_is_the_network<const D: usize>(
    net: &Small,
    plain: &Plain,
    point: [f64; D],
    origin: &Tensor<f64>,
    axes: [&Tensor<f64>; D],
    cell: &Cell<D>,
) {
    let x = axes.iter().zip(point).fold(origin.clone(), |x, (axis, t)| x + *axis * t);
    // Cells narrower than this have their middle on a kink, up to rounding.
    let width =
        cell.corners().iter().map(|c| (0..D).map(|i| (c[i] - point[i]).abs()).fold(0.0, f64::max)).fold(0.0, f64::max);
    if width < 1e-6 {
        return;
    }
    assert_eq!(plain.pattern(&x.to_vec()), cell.pattern());
    let tape = Tape::probing();
    let input = tape.var(x.reshape([1, 3]));
    let y = net.forward(input.clone());
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    assert!(cell.at(point).iter().zip(y.to_vec()).all(|(a, b)| close(*a, b)));
    for output in 0..2 {
        let [gradient] = y.clone().narrow(1, output, 1).sum().grad([&input]);
        for (axis, slopes) in axes.iter().zip(cell.slopes()) {
            let slope: f64 = gradient.to_vec().iter().zip(axis.iter()).map(|(g, a)| g * a).sum();
            assert!(close(slopes[output], slope), "{} for {slope}", slopes[output]);
        }
    }
}

/// Convolutions, norms in evaluation, residuals, mean pooling: on a segment, against the layer's own forward.
#[test]
fn whole_networks_on_a_segment() {
    let mut rng = Rng::seed(21);
    let mut block = NormAct::new(4, Activation::PRelu);
    *block.parts_mut().0.bias_mut().value_mut() = Tensor::randn([4], &mut rng);
    let branch = (Conv2d::new(4, 4, 3, &mut rng).padding(1).without_bias(), BatchNorm::new(4), LeakyRelu::new(0.125));
    let net = (
        (Conv2d::grouped(2, 4, 3, 2, &mut rng).padding(1), block, Residual(branch), Dropout::new(0.5)),
        (GlobalAvgPool, Linear::new(4, 6, &mut rng), PRelu::per_element([6]), Linear::new(6, 3, &mut rng)),
    );
    let chain = Piecewise::of(&net, [5, 4, 2]).unwrap();
    assert_eq!((chain.units(), chain.output_shape().to_vec()), (80 + 80 + 6, vec![3]));
    let (a, b) = (Tensor::randn([5, 4, 2], &mut rng), Tensor::randn([5, 4, 2], &mut rng));
    let line = chain.along(&a, &b).unwrap();
    assert!(line.cells().len() > 20 && line.pieces() == line.cells().len(), "{} cells", line.cells().len());
    let double = net.cast::<f64>();
    for cell in line.cells() {
        let [t] = cell.middle();
        let x = a.cast::<f64>() + (b.cast::<f64>() - a.cast::<f64>()) * t;
        let y = double.forward(Tape::inference().input(x.reshape([1, 5, 4, 2]))).to_vec();
        assert!(cell.at([t]).iter().zip(&y).all(|(a, b)| (a - b).abs() < 1e-10), "{:?} {y:?}", cell.at([t]));
    }
    // A slope is as rounded as the layer's numbers.
    let leaky = Piecewise::of::<f32>(&LeakyRelu::new(0.1), 1).unwrap();
    let line = leaky.along(&Tensor::from([-1.0]), &Tensor::from([1.0])).unwrap();
    assert_eq!(line.cells()[0].slopes()[0], [2.0 * f64::from(0.1f32)]);
    // Boxed and at run time it is the same.
    let boxed = Sequential::new().then(net.0.0.clone()).then(Act::LeakyRelu(LeakyRelu::new(0.25))).then(Flatten);
    let regions = Piecewise::of(&boxed, [5, 4, 2]).unwrap().along(&a, &b).unwrap();
    assert_eq!(regions.cells()[0].at([0.0]).len(), 80);
}
