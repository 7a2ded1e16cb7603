//! Winograd's convolution beside the direct sum and the definition.

use super::{naive, winograd};
use crate::testing::{at_every_level, level_stays};
use crate::{
    ConvAlgorithm, ConvGeometry, Epilogue, Rectifier, conv, conv_backward_data, conv_backward_weights, with_threads,
};

fn geometry(
    batch: usize,
    [height, width]: [usize; 2],
    [channels, filters]: [usize; 2],
    padding: [usize; 4],
) -> ConvGeometry {
    let [above, below, before, after] = padding;
    ConvGeometry {
        batch,
        channels,
        filters,
        groups: 1,
        input: [1, height, width],
        kernel: [1, 3, 3],
        output: [1, height + above + below - 2, width + before + after - 2],
        stride: [1; 3],
        dilation: [1; 3],
        padding: [0, above, before],
        algorithm: ConvAlgorithm::Auto,
    }
}

/// Nearly normal numbers.
fn normal(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed * 2_654_435_761 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 24) - 0.5
    };
    (0..count).map(|_| (0..12).map(|_| next()).sum::<f64>() as f32).collect()
}

fn passes(g: &ConvGeometry, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
    let (mut y, mut dx, mut dw) = (vec![f32::NAN; dy.len()], vec![f32::NAN; x.len()], vec![f32::NAN; w.len()]);
    conv(g, x, w, &mut y, Epilogue::NONE);
    conv_backward_data(g, dy, w, &mut dx, Epilogue::NONE);
    conv_backward_weights(g, x, dy, &mut dw);
    [y, dx, dw]
}

fn exact(g: &ConvGeometry, x: &[f32], w: &[f32], dy: &[f32]) -> [Vec<f64>; 3] {
    let wide = |v: &[f32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    let (x, w, dy) = (wide(x), wide(w), wide(dy));
    let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
    naive::forward(g, &x, &w, &mut y);
    naive::backward_data(g, &dy, &w, &mut dx);
    naive::backward_weights(g, &x, &dy, &mut dw);
    [y, dx, dw]
}

fn shapes() -> Vec<ConvGeometry> {
    vec![
        geometry(2, [8, 8], [32, 48], [1, 1, 1, 1]),
        geometry(1, [7, 17], [32, 32], [1, 1, 1, 1]),
        geometry(3, [6, 9], [48, 64], [0, 0, 0, 0]),
        geometry(2, [5, 6], [64, 32], [2, 2, 2, 2]),
        geometry(1, [9, 5], [32, 80], [2, 0, 0, 1]),
        geometry(4, [4, 31], [112, 32], [1, 1, 1, 0]),
        geometry(2, [7, 9], [16, 16], [1, 1, 1, 1]),
        geometry(1, [12, 5], [16, 48], [1, 0, 1, 2]),
        geometry(4, [32, 31], [16, 16], [1, 1, 1, 1]),
        geometry(16, [20, 20], [16, 16], [1, 1, 1, 1]),
        geometry(1, [28, 28], [16, 16], [1, 0, 2, 1]),
        geometry(1, [4, 4], [64, 64], [1, 1, 1, 1]),
        geometry(1, [16, 16], [32, 32], [1, 1, 1, 1]),
        geometry(2, [11, 13], [64, 64], [1, 1, 0, 1]),
        geometry(0, [8, 8], [32, 32], [1, 1, 1, 1]),
    ]
}

/// Root mean square errors against the definition in f64: the largest of many is chance.
#[test]
fn errors_are_at_most_twice_the_direct_sums() {
    at_every_level(|level| {
        for g in shapes() {
            assert!(winograd::serves::<f32>(&g), "{g:?}");
            let (x, w) = (normal(g.input_len(), 1), normal(g.weights_len(), 2));
            let dy = normal(g.output_len(), 3);
            let exact = exact(&g, &x, &w, &dy);
            let direct = passes(&ConvGeometry { algorithm: ConvAlgorithm::Direct, ..g }, &x, &w, &dy);
            let found = passes(&g, &x, &w, &dy);
            for (pass, name) in ["y", "dx", "dw"].iter().enumerate() {
                let error = |of: &[Vec<f32>; 3]| {
                    let squares = of[pass].iter().zip(&exact[pass]).map(|(a, b)| (f64::from(*a) - b).powi(2));
                    (squares.sum::<f64>() / of[pass].len().max(1) as f64).sqrt()
                };
                let (ours, theirs) = (error(&found), error(&direct));
                assert!(ours <= 2.0 * theirs + 1e-30, "{name} at {level}: {ours:e}, direct {theirs:e}, {g:?}");
                assert_eq!(found[pass].iter().filter(|x| !x.is_finite()).count(), 0);
            }
        }
    });
}

#[test]
fn the_epilogue_and_the_batch_change_no_bit() {
    at_every_level(|_| {
        let g = geometry(3, [9, 10], [32, 48], [1, 1, 1, 1]);
        let (x, w) = (normal(g.input_len(), 1), normal(g.weights_len(), 2));
        let (bias, alpha) = (normal(48, 4), normal(48, 5));
        let mut plain = vec![0.0; g.output_len()];
        conv(&g, &x, &w, &mut plain, Epilogue::NONE);
        let one = ConvGeometry { batch: 1, ..g };
        for n in 0..3 {
            let mut alone = vec![0.0; one.output_len()];
            conv(&one, &x[n * one.input_len()..][..one.input_len()], &w, &mut alone, Epilogue::NONE);
            assert_eq!(alone, plain[n * one.output_len()..][..one.output_len()]);
        }
        let mut fused = plain.clone();
        conv(&g, &x, &w, &mut fused, Epilogue { bias: Some(&bias), rectifier: Rectifier::PRelu(&alpha) });
        for (i, y) in plain.iter_mut().enumerate() {
            *y += bias[i % 48];
            *y = if *y > 0.0 { *y } else { *y * alpha[i % 48] };
        }
        assert_eq!(fused, plain);
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    for channels in [[48, 64], [16, 16]] {
        let g = geometry(5, [23, 26], channels, [1, 1, 1, 1]);
        let (x, w, dy) = (normal(g.input_len(), 1), normal(g.weights_len(), 2), normal(g.output_len(), 3));
        let run = |threads| with_threads(threads, || passes(&g, &x, &w, &dy));
        let one = run(1);
        assert_eq!(one, run(2));
        assert_eq!(one, run(3));
    }
}

/// What is not finite, or overflows on the way, reaches exactly what it enters.
#[test]
fn what_is_not_finite_is_as_in_the_direct_sum() {
    at_every_level(|_| {
        // Weights' gradients are of tiles of 2×2, and of 3×3.
        for g in [geometry(2, [8, 9], [32, 32], [1, 1, 1, 1]), geometry(1, [20, 22], [16, 16], [1, 1, 1, 1])] {
            let direct = ConvGeometry { algorithm: ConvAlgorithm::Direct, ..g };
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 3e38] {
                for place in 0..3 {
                    let (mut x, mut w) = (normal(g.input_len(), 1), normal(g.weights_len(), 2));
                    let mut dy = normal(g.output_len(), 3);
                    // The huge number alone: beside others its rounding hides them in the transform.
                    [&mut x, &mut w, &mut dy][place][777] = bad;
                    let kind = |v: &f32| (v.is_nan(), v.is_infinite(), *v > 0.0 && v.is_infinite());
                    for (found, expected) in passes(&g, &x, &w, &dy).iter().zip(passes(&direct, &x, &w, &dy)) {
                        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
                            assert_eq!(kind(found), kind(expected), "{bad} in operand {place}: number {i}");
                        }
                    }
                }
            }
        }
    });
}

#[test]
fn other_shapes_are_left_to_the_direct_sum() {
    let g = geometry(2, [8, 8], [32, 32], [1, 1, 1, 1]);
    assert!(winograd::serves::<f32>(&g) && !winograd::serves::<f64>(&g));
    for other in [
        ConvGeometry { stride: [1, 2, 1], ..g },
        ConvGeometry { dilation: [1, 1, 2], ..g },
        ConvGeometry { kernel: [1, 3, 5], ..g },
        ConvGeometry { groups: 2, ..g },
        ConvGeometry { channels: 33, ..g },
        ConvGeometry { padding: [0, 3, 1], ..g },
        ConvGeometry { algorithm: ConvAlgorithm::Direct, ..g },
    ] {
        assert!(!winograd::serves::<f32>(&other), "{other:?}");
    }
    assert_eq!(winograd::serves::<f32>(&ConvGeometry { batch: 1, ..g }), winograd::serves::<f32>(&g));
}
