//! Convolutions against the definition in f64, at odd sizes.

use super::naive;
use crate::testing::{at_every_level, level_stays};
use crate::{
    ConvAlgorithm, ConvGeometry, Epilogue, Float, Rectifier, conv, conv_backward_data, conv_backward_weights,
    conv_moments, with_threads,
};

/// Numbers of about 1, without a pattern that a wrong index would fit.
fn numbers<T: Float>(count: usize, seed: usize) -> Vec<T> {
    let mut state = seed as u64 * 2_654_435_761 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(|_| T::from_f64(next())).collect()
}

/// `[batch, channels, filters, groups]`, then one row for each spatial axis: input, kernel, stride, dilation, padding before and after.
fn geometry(counts: [usize; 4], axes: &[[usize; 6]]) -> ConvGeometry {
    let [batch, channels, filters, groups] = counts;
    let (mut input, mut kernel, mut output) = ([1; 3], [1; 3], [1; 3]);
    let (mut stride, mut dilation, mut padding) = ([1; 3], [1; 3], [0; 3]);
    for (axis, &[size, window, step, spread, before, after]) in (3 - axes.len()..3).zip(axes) {
        let padded = size + before + after;
        let reach = (window - 1) * spread + 1;
        output[axis] = if padded < reach { 0 } else { (padded - reach) / step + 1 };
        (input[axis], kernel[axis], stride[axis]) = (size, window, step);
        (dilation[axis], padding[axis]) = (spread, before);
    }
    let algorithm = ConvAlgorithm::Direct;
    ConvGeometry { batch, channels, filters, groups, input, kernel, output, stride, dilation, padding, algorithm }
}

/// Shapes that reach every path: all tiles, every kind of edge, groups, one pixel, nothing.
fn shapes() -> Vec<ConvGeometry> {
    let same = |size| [size, 3, 1, 1, 1, 1];
    let mut shapes = vec![
        geometry([2, 3, 16, 1], &[same(9), same(32)]),
        geometry([2, 16, 16, 1], &[same(5), same(17)]),
        geometry([1, 17, 33, 1], &[same(8), same(8)]),
        geometry([3, 5, 64, 1], &[same(3), same(7)]),
        geometry([1, 2, 130, 1], &[same(2), same(29)]),
        geometry([2, 4, 6, 1], &[[9, 3, 2, 1, 1, 1], [10, 3, 2, 1, 1, 1]]),
        geometry([1, 3, 20, 1], &[[23, 7, 2, 1, 3, 3], [19, 7, 2, 1, 3, 3]]),
        geometry([1, 6, 9, 3], &[[7, 3, 1, 2, 2, 2], [9, 3, 1, 2, 2, 2]]),
        geometry([2, 8, 8, 8], &[same(6), same(5)]),
        geometry([1, 64, 64, 64], &[same(6), same(15)]),
        geometry([2, 33, 33, 33], &[[9, 3, 2, 1, 1, 1], [12, 5, 2, 1, 2, 2]]),
        geometry([1, 50, 50, 50], &[[9, 3, 1, 2, 2, 1]]),
        geometry([1, 4, 12, 4], &[[5, 5, 3, 1, 0, 2], [6, 1, 1, 1, 0, 0]]),
        geometry([2, 16, 40, 1], &[[7, 1, 1, 1, 0, 0], [7, 1, 1, 1, 0, 0]]),
        geometry([1, 3, 18, 1], &[[8, 1, 2, 1, 0, 0], [7, 1, 2, 1, 0, 0]]),
        geometry([2, 3, 5, 1], &[[33, 4, 3, 2, 5, 0]]),
        geometry([1, 1, 1, 1], &[[1, 1, 1, 1, 0, 0]]),
        geometry([1, 3, 4, 1], &[[1, 3, 1, 1, 1, 1], [1, 3, 1, 1, 1, 1]]),
        geometry([1, 2, 3, 1], &[[2, 5, 1, 1, 4, 4], [1, 2, 3, 1, 4, 3]]),
        geometry([2, 3, 16, 1], &[[4, 3, 1, 1, 1, 1], [5, 2, 2, 1, 0, 1], [6, 3, 1, 2, 2, 2]]),
        geometry([0, 3, 4, 1], &[same(4), same(4)]),
        geometry([2, 0, 4, 1], &[same(4), same(4)]),
        geometry([2, 3, 0, 1], &[same(4), same(4)]),
        geometry([2, 3, 4, 1], &[[2, 3, 1, 1, 0, 0], same(4)]),
        geometry([2, 3, 4, 1], &[[0, 3, 1, 1, 2, 2], same(4)]),
    ];
    // Gradients to few channels: bands of a plane, parts of the filters, the widest tiles.
    shapes.extend([
        geometry([2, 3, 70, 1], &[[21, 4, 3, 1, 2, 1], [400, 5, 2, 1, 1, 3]]),
        geometry([1, 4, 20, 1], &[[9, 3, 1, 1, 1, 1], [130, 3, 1, 1, 1, 1]]),
        geometry([1, 2, 18, 1], &[[3, 3, 2, 1, 1, 1], [7, 3, 1, 1, 1, 1], [90, 4, 3, 2, 3, 3]]),
        geometry([3, 1, 16, 1], &[[300, 6, 2, 1, 2, 2]]),
        geometry([1, 2, 65, 1], &[[9000, 5, 2, 3, 7, 1]]),
        geometry([1, 1, 3, 1], &[[40, 2, 4, 1, 0, 0], [9, 3, 1, 1, 1, 1]]),
    ]);
    // Transposed convolutions with more places than windows reach, the first in parts that meet nothing.
    shapes.push(ConvGeometry { input: [1, 1, 9000], ..geometry([1, 2, 65, 1], &[[300, 5, 2, 3, 7, 1]]) });
    shapes.push(ConvGeometry { input: [1, 9, 8], ..geometry([1, 3, 5, 1], &[[7, 3, 2, 1, 1, 1], [7, 2, 3, 1, 0, 0]]) });
    shapes
}

#[track_caller]
fn close<T: Float>(found: &[T], expected: &[T], terms: usize, what: &str) {
    let bound = T::EPSILON.to_f64() * (terms as f64 + 4.0) * 2.0;
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found.to_f64() - expected.to_f64()).abs();
        assert!(error <= bound, "{what}[{i}]: {found}, expected {expected}");
    }
}

fn all_passes<T: Float>(g: &ConvGeometry) {
    let (x, w) = (numbers::<T>(g.input_len(), 1), numbers::<T>(g.weights_len(), 2));
    let dy = numbers::<T>(g.output_len(), 3);
    let (mut y, mut dx, mut dw) = (vec![T::NAN; dy.len()], vec![T::NAN; x.len()], vec![T::NAN; w.len()]);
    let [mut y2, mut dx2, mut dw2] = [&y, &dx, &dw].map(Clone::clone);
    conv(g, &x, &w, &mut y, Epilogue::NONE);
    conv_backward_data(g, &dy, &w, &mut dx, Epilogue::NONE);
    conv_backward_weights(g, &x, &dy, &mut dw);
    naive::forward(g, &x, &w, &mut y2);
    naive::backward_data(g, &dy, &w, &mut dx2);
    naive::backward_weights(g, &x, &dy, &mut dw2);
    let taps: usize = g.kernel.iter().product();
    close(&y, &y2, taps * g.channels, &format!("y of {g:?}"));
    close(&dx, &dx2, taps * g.filters, &format!("dx of {g:?}"));
    close(&dw, &dw2, g.batch * g.output.iter().product::<usize>(), &format!("dw of {g:?}"));
}

#[test]
fn passes_are_the_definition() {
    at_every_level(|_| {
        for shape in shapes() {
            all_passes::<f32>(&shape);
            all_passes::<f64>(&shape);
        }
    });
}

#[test]
fn the_epilogue_is_the_passes_of_its_own() {
    at_every_level(|_| {
        for g in shapes() {
            let (x, w) = (numbers::<f32>(g.input_len(), 1), numbers::<f32>(g.weights_len(), 2));
            let (bias, alpha) = (numbers::<f32>(g.filters, 4), numbers::<f32>(g.filters, 5));
            let mut plain = vec![0.0; g.output_len()];
            conv(&g, &x, &w, &mut plain, Epilogue::NONE);
            for (i, y) in plain.iter_mut().enumerate() {
                *y += bias[i % g.filters];
                *y = if *y > 0.0 { *y } else { *y * alpha[i % g.filters] };
            }
            let mut fused = vec![0.0; g.output_len()];
            conv(&g, &x, &w, &mut fused, Epilogue { bias: Some(&bias), rectifier: Rectifier::PRelu(&alpha) });
            assert_eq!(fused, plain, "{g:?}");
        }
    });
}

/// What a pass over y finds, but that sums are added in another order.
#[test]
fn moments_are_those_of_the_result() {
    at_every_level(|_| {
        for direct in shapes() {
            for g in [direct, ConvGeometry { algorithm: ConvAlgorithm::Auto, ..direct }] {
                let (x, w) = (numbers::<f32>(g.input_len(), 1), numbers::<f32>(g.weights_len(), 2));
                let (mut y, mut plain) = (vec![f32::NAN; g.output_len()], vec![f32::NAN; g.output_len()]);
                let (mut mean, mut variance) = (vec![0.0; g.filters], vec![0.0; g.filters]);
                conv_moments(&g, &x, &w, &mut y, (&mut mean, &mut variance));
                conv(&g, &x, &w, &mut plain, Epilogue::NONE);
                assert_eq!(y, plain, "{g:?}");
                let rows = g.output_len().checked_div(g.filters).unwrap_or(0);
                for f in 0..g.filters {
                    let of_filter = || y.iter().skip(f).step_by(g.filters).map(|&y| f64::from(y));
                    let centre = of_filter().sum::<f64>() / rows as f64;
                    let spread = of_filter().map(|y| (y - centre) * (y - centre)).sum::<f64>() / rows as f64;
                    assert_eq!((rows == 0, rows == 0), (mean[f].is_nan(), variance[f].is_nan()), "{g:?}");
                    let far = |found: f32, exact: f64| {
                        (f64::from(found) - exact).abs() > 1e-6 * (spread.sqrt() + exact.abs())
                    };
                    assert!(!far(mean[f], centre) && !far(variance[f], spread), "{g:?}: {} {}", mean[f], variance[f]);
                }
            }
        }
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    let shapes = [
        geometry([5, 16, 32, 1], &[[20, 3, 1, 1, 1, 1], [19, 3, 1, 1, 1, 1]]),
        geometry([3, 48, 48, 48], &[[28, 3, 1, 1, 1, 1], [28, 3, 1, 1, 1, 1]]),
        geometry([2, 3, 24, 1], &[[37, 7, 2, 1, 3, 3], [41, 7, 2, 1, 3, 3]]),
    ];
    for g in shapes {
        let (x, w) = (numbers::<f32>(g.input_len(), 1), numbers::<f32>(g.weights_len(), 2));
        let dy = numbers::<f32>(g.output_len(), 3);
        let run = |threads| {
            let (mut y, mut dx, mut dw) = (vec![0.0; dy.len()], vec![0.0; x.len()], vec![0.0; w.len()]);
            let (mut mean, mut variance) = (vec![0.0; g.filters], vec![0.0; g.filters]);
            with_threads(threads, || {
                conv_moments(&g, &x, &w, &mut y, (&mut mean, &mut variance));
                conv_backward_data(&g, &dy, &w, &mut dx, Epilogue::NONE);
                conv_backward_weights(&g, &x, &dy, &mut dw);
            });
            [y, dx, dw, mean, variance]
        };
        assert_eq!(run(1), run(2));
        assert_eq!(run(1), run(3));
    }
}

#[test]
fn an_image_alone_has_the_bits_it_has_in_a_batch() {
    let _guard = level_stays();
    let g = geometry([5, 16, 33, 1], &[[13, 3, 1, 1, 1, 1], [14, 3, 2, 1, 1, 1]]);
    let (x, w) = (numbers::<f32>(g.input_len(), 1), numbers::<f32>(g.weights_len(), 2));
    let mut all = vec![0.0; g.output_len()];
    conv(&g, &x, &w, &mut all, Epilogue::NONE);
    let one = ConvGeometry { batch: 1, ..g };
    let (image, result) = (one.input_len(), one.output_len());
    for n in 0..g.batch {
        let mut alone = vec![0.0; result];
        conv(&one, &x[n * image..][..image], &w, &mut alone, Epilogue::NONE);
        assert_eq!(alone, all[n * result..][..result]);
    }
}

/// An infinite weight meets no number outside x, a number that is not finite meets all weights over it and no others.
#[test]
fn what_is_not_finite_reaches_what_it_enters() {
    at_every_level(|_| {
        let g = geometry([1, 1, 16, 1], &[[4, 3, 1, 1, 1, 1], [5, 3, 1, 1, 1, 1]]);
        let (mut x, mut w) = (vec![1.0f32; g.input_len()], vec![1.0f32; g.weights_len()]);
        w[..16].fill(f32::INFINITY); // the tap above to the left
        let mut y = vec![0.0; g.output_len()];
        conv(&g, &x, &w, &mut y, Epilogue::NONE);
        for (place, y) in y.chunks(16).enumerate() {
            let expected = if place / 5 > 0 && place % 5 > 0 { f32::INFINITY } else { y[0] };
            assert!(y.iter().all(|&y| y == expected) && !y[0].is_nan(), "{place}: {y:?}");
        }
        w.fill(1.0);
        x[0] = f32::NAN;
        conv(&g, &x, &w, &mut y, Epilogue::NONE);
        for (place, y) in y.chunks(16).enumerate() {
            assert_eq!(y[0].is_nan(), place / 5 < 2 && place % 5 < 2, "{place}");
        }
        let (mut dy, mut dx) = (vec![1.0; g.output_len()], vec![0.0; g.input_len()]);
        dy[0] = f32::NAN;
        conv_backward_data(&g, &dy, &w, &mut dx, Epilogue::NONE);
        for (place, dx) in dx.iter().enumerate() {
            assert_eq!(dx.is_nan(), place / 5 < 2 && place % 5 < 2, "{place}");
        }
        dy.fill(1.0);
        w[..16].fill(f32::INFINITY); // by the tap above to the left a place meets the one below to the right
        conv_backward_data(&g, &dy, &w, &mut dx, Epilogue::NONE);
        for (place, &dx) in dx.iter().enumerate() {
            assert_eq!(dx == f32::INFINITY, place / 5 < 3 && place % 5 < 4, "{place}");
            assert!(!dx.is_nan(), "{place}");
        }
    });
}

#[test]
#[should_panic(expected = "3 groups divide 4 channels and 6 filters")]
fn groups_that_do_not_divide_are_refused() {
    let g = ConvGeometry { groups: 3, ..geometry([1, 4, 6, 1], &[[3, 1, 1, 1, 0, 0]]) };
    conv::<f32>(&g, &[], &[], &mut [], Epilogue::NONE);
}

#[test]
#[should_panic(expected = "conv: numbers in x")]
fn a_slice_of_another_length_is_refused() {
    conv::<f32>(&geometry([1, 2, 2, 1], &[[3, 1, 1, 1, 0, 0]]), &[0.0; 5], &[0.0; 4], &mut [0.0; 6], Epilogue::NONE);
}
