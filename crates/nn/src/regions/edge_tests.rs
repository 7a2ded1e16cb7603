//! Edge cases: coincidences, sizes, what is refused.

use super::tests::{SQUARE, area, plane, segment};
use super::*;
use crate::prelude::{
    Layer as _, LayerNorm, Linear, Module as _, PRelu, Relu, Residual, Rng, Sequential, Tape, Tensor,
};

/// Slopes by row, by element, of any sign.
#[test]
fn every_way_of_sharing_slopes() {
    for shape in [&[1][..], &[3], &[2, 3], &[2, 1], &[1, 2, 3]] {
        let mut rng = Rng::seed(22);
        let alpha = Tensor::randn(shape, &mut rng);
        let act = PRelu::with_alpha(alpha).unwrap();
        let chain = Piecewise::of(&act, [2, 3]).unwrap();
        let (a, b) = (Tensor::randn([2, 3], &mut rng), Tensor::randn([2, 3], &mut rng));
        for (t, x) in [(0.0, &a), (1.0, &b)] {
            let line = chain.along(&a, &b).unwrap();
            let cell = if t == 0.0 { &line.cells()[0] } else { &line.cells()[line.cells().len() - 1] };
            let y = act.forward(Tape::inference().input(x.unsqueeze(0))).to_vec();
            assert!(cell.at([t]).iter().zip(y).all(|(a, b)| (a - f64::from(b)).abs() < 1e-6));
        }
    }
}

/// Kinks that coincide cut once; units that are 0 all along cut nothing; corners of many lines give no slivers.
#[test]
fn coincidences() {
    let chain = |weights: Tensor<f64>, bias: Option<&Tensor<f64>>, slope: f64| {
        let mut chain = Piecewise::new(2);
        chain.affine("lines", weights, bias, |x, w| x.matmul(w)).unwrap();
        chain.rectify(&Tensor::f64([slope])).unwrap();
        chain
    };
    // Three times one line, scaled so that rounding differs.
    let thrice = chain(Tensor::f64([[0.1, 0.3, -0.7], [0.2, 0.6, -1.4]]), Some(&Tensor::f64([0.05, 0.15, -0.35])), 0.5);
    assert_eq!(plane(&thrice, 1.0).cells().len(), 2);
    assert_eq!(segment(&thrice, [-1.0, -1.0], [1.0, 0.9]).kinks().len(), 1);
    // Along the line itself: on the kink, and so on the side below.
    let line = segment(&thrice, [-0.5, 0.0], [0.5, -0.5]);
    assert_eq!((line.cells().len(), line.cells()[0].pattern()), (1, &[0, 0, 0][..]));
    // Twelve lines through a point: 24 sectors, wherever the point is.
    let angles: Vec<f64> = (0..12).map(|i| f64::from(i) * std::f64::consts::PI / 12.0 + 0.1).collect();
    for (px, py) in [(0.0, 0.0), (0.1, 0.3), (1.0 / 3.0, -0.7)] {
        let weights: Vec<f64> = angles.iter().map(|a| a.cos()).chain(angles.iter().map(|a| a.sin())).collect();
        let bias: Vec<f64> = angles.iter().map(|a| -(a.cos() * px + a.sin() * py)).collect();
        let star = chain(Tensor::new(&weights, [2, 12]), Some(&Tensor::new(&bias, [12])), 0.5);
        let regions = plane(&star, 1.0);
        assert_eq!((regions.cells().len(), regions.pieces()), (24, 24));
        assert!((area(&regions) - 4.0).abs() < 1e-12);
        assert_eq!(segment(&star, [px - 0.5, py - 0.25], [px + 0.5, py + 0.25]).cells().len(), 2);
    }
    // A sum that is 0 everywhere but for rounding: x·0.1 + x·0.2 − x·0.3.
    let mut zero = Piecewise::new(2);
    zero.affine("copies", Tensor::f64([[0.1, 0.2, 0.3], [0.0, 0.0, 0.0]]), None, |x, w| x.matmul(w)).unwrap();
    zero.affine("cancel", Tensor::f64([[1.0], [1.0], [-1.0]]), None, |x, w| x.matmul(w)).unwrap();
    zero.rectify(&Tensor::f64([0.0])).unwrap();
    assert_eq!(plane(&zero, 1.0).cells().len(), 1);
    assert_eq!(segment(&zero, [-1.0, 0.3], [0.7, 0.1]).cells().len(), 1);
}

#[test]
fn what_is_small_or_large() {
    // No layers; a segment of one point; two parallel axes.
    let nothing = segment(&Piecewise::new(2), [1.0, 2.0], [3.0, 5.0]);
    assert_eq!((nothing.cells().len(), nothing.cells()[0].at([0.5])), (1, vec![2.0, 3.5]));
    let relu = Piecewise::of::<f32>(&Relu, 2).unwrap();
    assert_eq!(segment(&relu, [1.0, -0.0], [1.0, -0.0]).cells().len(), 1);
    let u = Tensor::f64([1.0, 1.0]);
    let strips = relu.on_slice(&Tensor::f64([0.5, -0.5]), [&u, &u], SQUARE).unwrap();
    assert_eq!(strips.cells().len(), 3);
    assert!((area(&strips) - 4.0).abs() < 1e-12);
    // Scales at which products over- or underflow f32, and nearly f64.
    for scale in [1e-150, 1e-30, 1.0, 1e30, 1e150] {
        let line = segment(&relu, [-scale, 2.0 * scale], [3.0 * scale, -2.0 * scale]);
        assert_eq!(line.kinks(), [0.25, 0.5], "{scale}");
    }
    // hardtanh: two knots.
    let mut clamp = Piecewise::new(2);
    clamp.bend(&[-1.0, 1.0], &[0.0, 1.0, 0.0], -1.0).unwrap();
    let regions = plane(&clamp, 2.0);
    assert_eq!((regions.cells().len(), regions.pieces()), (9, 9));
    let line = segment(&clamp, [-2.0, 0.5], [2.0, 0.5]);
    assert_eq!((line.kinks(), line.cells()[2].at([1.0])), (vec![0.25, 0.75], vec![1.0, 0.5]));
    assert_eq!(line.cells().iter().map(|cell| cell.pattern()[0]).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn what_does_not_apply_is_said() {
    let text = |result: crate::Result<Piecewise>| result.map(|_| ()).unwrap_err().to_string();
    let mut rng = Rng::seed(31);
    let net = (Linear::new(2, 4, &mut rng), LayerNorm::new(4));
    let message = text(Piecewise::of(&net, 2));
    assert!(message.starts_with("piecewise: LayerNorm is not piecewise linear, or does not say how"), "{message}");
    let broken = Linear::new(2, 1, &mut rng);
    let mut broken = Sequential::new().then(broken);
    broken.named_parameters_mut()[0].1.value_mut().make_mut()[1] = f32::NAN;
    assert_eq!(text(Piecewise::of(&broken, 2)), "Linear: the weight is NaN at element 1; it must be finite");
    let message = text(Piecewise::of(&PRelu::per_feature(3), 2));
    assert!(message.contains("shapes [3] and [1, 2] do not fit"), "{message}");
    assert!(
        text(Piecewise::of(&PRelu::per_element([4, 2]), 2))
            .contains("shape [4, 2] does not broadcast to an example's [2]")
    );
    let message = text(Piecewise::of(&Residual(Linear::new(2, 3, &mut rng)), 2));
    assert_eq!(message, "residual: the branch makes [3] of [2]; shapes must agree");
    let mut chain = Piecewise::new(2);
    assert!(chain.bend(&[], &[1.0], 0.0).is_err() && chain.bend(&[0.0], &[1.0], 0.0).is_err());
    assert!(chain.bend(&[0.0, 0.0], &[1.0; 3], 0.0).unwrap_err().to_string().contains("do not rise"));
    assert!(chain.bend(&[0.0], &[1.0, f64::NAN], 0.0).is_err());
    let message = chain.along(&Tensor::f64([0.0]), &Tensor::f64([1.0])).unwrap_err().to_string();
    assert_eq!(message, "from: shape [1]; inputs are [2], without a batch axis");
    let message = chain.along(&Tensor::f64([0.0, f64::INFINITY]), &Tensor::f64([1.0, 0.0])).unwrap_err().to_string();
    assert_eq!(message, "from: inf at element 1; it must be finite");
    let (origin, u) = (Tensor::f64([0.0, 0.0]), Tensor::f64([1.0, 0.0]));
    for range in [1.0..1.0, 1.0..-1.0, 0.0..f64::NAN, 0.0..f64::INFINITY] {
        assert!(chain.on_slice(&origin, [&u, &u], [0.0..1.0, range]).is_err());
    }
    chain.affine("huge", Tensor::f64([[1e300], [1e300]]), None, |x, w| x.matmul(w)).unwrap();
    let message = chain.along(&Tensor::f64([0.0, 0.0]), &Tensor::f64([1e300, 0.0])).unwrap_err().to_string();
    assert!(message.starts_with("regions: values inside the network overflow f64"), "{message}");
}
