use super::*;
use crate::testing::{at_every_level, level_stays};
use crate::with_threads;

fn numbers<T: Float>(count: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(((i * 37 + 11) % 101) as f64 / 8.0 - 6.0)).collect()
}

fn axes() -> [Taps; 3] {
    [
        Taps::new(2, [vec![(0, 0.5), (1, 0.5)], vec![(1, 1.0)]]),
        Taps::new(3, [vec![(0, 0.25), (1, 0.5)], vec![], vec![(2, 2.0), (0, -1.0)]]),
        Taps::new(4, [vec![(3, 1.0)], vec![(0, 0.5), (1, 0.25), (2, 0.25)]]),
    ]
}

/// The definition, in f64.
fn naive(x: &[f64], axes: &[Taps; 3], channels: usize) -> Vec<f64> {
    let [d, h, w] = axes;
    let image = d.inputs * h.inputs * w.inputs * channels;
    let mut y = Vec::new();
    for x in x.chunks_exact(image) {
        for (od, oh, ow) in
            (0..d.outputs()).flat_map(|a| (0..h.outputs()).flat_map(move |b| (0..w.outputs()).map(move |c| (a, b, c))))
        {
            for c in 0..channels {
                let mut sum = 0.0;
                for &(i, a) in d.of(od) {
                    for &(j, b) in h.of(oh) {
                        for &(k, w_k) in w.of(ow) {
                            sum += a * b * w_k * x[((i * h.inputs + j) * w.inputs + k) * channels + c];
                        }
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

fn check<T: Float>() {
    for channels in [1, 3, 16, 19, 40] {
        for transposed in [false, true] {
            let axes = if transposed { axes().map(|taps| taps.transposed()) } else { axes() };
            let images = 2;
            let count = |f: fn(&Taps) -> usize| images * channels * axes.iter().map(f).product::<usize>();
            let x = numbers::<T>(count(Taps::inputs));
            let mut y = vec![T::NAN; count(Taps::outputs)];
            resample(&x, &mut y, &axes, channels);
            let x: Vec<f64> = x.iter().map(|x| x.to_f64()).collect();
            for (got, expected) in y.iter().zip(naive(&x, &axes, channels)) {
                assert!((got.to_f64() - expected).abs() < 1e-5, "{got} for {expected}, {channels} channels");
            }
        }
    }
}

#[test]
fn sums_are_the_definitions() {
    at_every_level(|_| {
        check::<f32>();
        check::<f64>();
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    let taps = || Taps::new(40, (0..38).map(|o| (o..o + 3).map(|i| (i, 1.0 / 3.0))));
    let x = numbers::<f32>(3 * 40 * 40 * 33);
    let run = |threads| {
        let mut y = vec![0.0; 3 * 38 * 38 * 33];
        with_threads(threads, || resample(&x, &mut y, &[taps(), taps()], 33));
        y
    };
    assert_eq!(run(1), run(3));
}
