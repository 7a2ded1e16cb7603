use super::*;
use crate::testing::{EDGES, at_every_level, level_stays};
use crate::with_threads;

fn numbers<T: Float>(count: usize, seed: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64(((i * i * 37 + 11 * i + seed) % 23) as f64 / 4.0 - 2.0)).collect()
}

/// Windows of `kernel` every `stride`, clipped.
fn windows(inputs: usize, kernel: usize, stride: usize, padding: usize) -> Windows {
    let outputs = (inputs + 2 * padding - kernel) / stride + 1;
    let span = |o: usize| ((o * stride).saturating_sub(padding), (o * stride + kernel - padding).min(inputs));
    Windows::new(inputs, (0..outputs).map(span).collect())
}

/// For each output the position in x of its winner, by the definition.
fn winners<T: Float>(x: &[T], axes: &[Windows; 3], channels: usize) -> Vec<usize> {
    let [d, h, w] = axes;
    let image = d.inputs * h.inputs * w.inputs * channels;
    let mut all = Vec::new();
    for n in 0..x.len() / image {
        for &(d0, d1) in &d.spans {
            for &(h0, h1) in &h.spans {
                for &(w0, w1) in &w.spans {
                    for c in 0..channels {
                        let mut best: Option<usize> = None;
                        for (i, j, k) in
                            (d0..d1).flat_map(|i| (h0..h1).flat_map(move |j| (w0..w1).map(move |k| (i, j, k))))
                        {
                            let at = n * image + ((i * h.inputs + j) * w.inputs + k) * channels + c;
                            let wins = |best: usize| !x[best].is_nan() && (x[at].is_nan() || x[at] > x[best]);
                            if best.is_none_or(wins) {
                                best = Some(at);
                            }
                        }
                        all.push(best.unwrap());
                    }
                }
            }
        }
    }
    all
}

fn check_all<T: Float, P: Place>(axes: &[Windows; 3], channels: usize, x: &[T]) {
    let winners = winners(x, axes, channels);
    let (mut y, mut places) = (vec![T::ZERO; winners.len()], vec![P::of(T::ZERO); winners.len()]);
    max_pool(x, &mut y, Some(&mut places), axes, channels);
    let mut alone = vec![T::ZERO; y.len()];
    max_pool::<T, P>(x, &mut alone, None, axes, channels);
    let bits = |x: T| x.to_f64().to_bits();
    let mut gathered = vec![T::ZERO; y.len()];
    max_pool_gather(x, &places, &mut gathered, axes, channels);
    for (i, &winner) in winners.iter().enumerate() {
        for got in [y[i], alone[i], gathered[i]] {
            assert_eq!(bits(got), bits(x[winner]), "output {i} of {channels} channels");
        }
    }
    let dy = numbers::<T>(y.len(), 5);
    let (mut dx, mut expected) = (vec![T::NAN; x.len()], vec![0.0; x.len()]);
    max_pool_backward(&dy, &places, &mut dx, axes, channels);
    winners.iter().zip(&dy).for_each(|(&at, dy)| expected[at] += dy.to_f64());
    // Quarters, so sums are exact in any order.
    dx.iter().zip(&expected).for_each(|(got, &expected)| assert_eq!(got.to_f64(), expected));
}

fn shapes() -> Vec<[Windows; 3]> {
    vec![
        [Windows::unit(), windows(6, 2, 2, 0), windows(4, 2, 2, 0)],
        [Windows::unit(), windows(7, 3, 2, 1), windows(5, 3, 2, 1)],
        [windows(3, 2, 1, 0), windows(4, 3, 1, 1), windows(5, 2, 3, 1)],
        [Windows::unit(), Windows::unit(), windows(9, 4, 1, 2)],
        [Windows::unit(), windows(5, 1, 2, 0), Windows::new(5, vec![(0, 2), (1, 4), (3, 5)])],
    ]
}

fn check_shapes<T: Float>() {
    for axes in shapes() {
        for channels in [1, 3, 16, 21] {
            let count = 2 * channels * axes.iter().map(Windows::inputs).product::<usize>();
            check_all::<T, u8>(&axes, channels, &numbers(count, 0));
            check_all::<T, u32>(&axes, channels, &numbers(count, 3));
            let edges: Vec<T> = (0..count).map(|i| T::from_f64(EDGES[i * 5 % 14])).collect();
            check_all::<T, u8>(&axes, channels, &edges);
        }
    }
}

#[test]
fn values_winners_and_gradients_are_the_definitions() {
    at_every_level(|_| {
        check_shapes::<f32>();
        check_shapes::<f64>();
    });
}

#[test]
fn the_first_of_equals_wins_and_nan_stays() {
    let axes = [Windows::unit(), Windows::unit(), Windows::new(4, vec![(0, 4)])];
    for (x, place) in [
        ([1.0, 1.0, 1.0, 1.0], 0u8),
        ([0.0, 2.0, 2.0, 1.0], 1),
        ([-0.0, 0.0, 0.0, -1.0], 0),
        ([9.0, f32::NAN, f32::INFINITY, f32::NAN], 1),
        ([f32::NEG_INFINITY; 4], 0),
    ] {
        let (mut y, mut places) = ([0.0], [9]);
        max_pool(&x, &mut y, Some(&mut places), &axes, 1);
        assert_eq!((places[0], y[0].to_bits()), (place, x[usize::from(place)].to_bits()), "{x:?}");
    }
}

#[test]
fn windows_of_many_places_take_wider_numbers() {
    let axes = [Windows::unit(), Windows::new(20, vec![(0, 20)]), Windows::new(17, vec![(0, 17)])];
    check_all::<f32, u32>(&axes, 3, &numbers(20 * 17 * 3, 1));
    let mut x = vec![0.0f64; 340];
    x[339] = 1.0;
    check_all::<f64, u32>(&axes, 1, &x);
}

#[test]
#[should_panic(expected = "windows of 340 places need a larger type")]
fn a_byte_does_not_count_too_far() {
    let axes = [Windows::unit(), Windows::new(20, vec![(0, 20)]), Windows::new(17, vec![(0, 17)])];
    max_pool::<f32, u8>(&[0.0; 340], &mut [0.0], None, &axes, 1);
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    let axes = [Windows::unit(), windows(40, 3, 2, 1), windows(40, 3, 2, 1)];
    let x: Vec<f32> = numbers(3 * 40 * 40 * 33, 0);
    let dy: Vec<f32> = (0..3 * 20 * 20 * 33).map(|i| (i as f32).sin()).collect();
    let run = |threads| {
        with_threads(threads, || {
            let (mut y, mut places, mut dx) = (vec![0.0; dy.len()], vec![0u8; dy.len()], vec![0.0; x.len()]);
            max_pool(&x, &mut y, Some(&mut places), &axes, 33);
            max_pool_backward(&dy, &places, &mut dx, &axes, 33);
            (y, places, dx)
        })
    };
    assert_eq!(run(1), run(3));
}
