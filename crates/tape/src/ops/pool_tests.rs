use super::super::table::{Entry, entry};
use super::Pool;
use crate::{Rng, Tape, Tensor, gradcheck};

/// Windows over one axis of `[N, L, C]`: for each output the places it takes.
fn windows(size: usize, outputs: usize, [kernel, stride, padding, dilation]: [usize; 4]) -> Vec<Vec<usize>> {
    let place = |o: usize, k: usize| (o * stride + k * dilation).wrapping_sub(padding);
    (0..outputs).map(|o| (0..kernel).map(|k| place(o, k)).filter(|&at| at < size).collect()).collect()
}

fn each(x: &Tensor<f64>, bins: &[Vec<usize>], f: impl Fn(&[f64], usize) -> f64) -> Tensor<f64> {
    let (n, c) = (x.shape()[0], x.shape()[2]);
    let mut y = Vec::new();
    for i in 0..n {
        for (bin, places) in bins.iter().enumerate() {
            for j in 0..c {
                y.push(f(&places.iter().map(|&at| x.at([i, at, j])).collect::<Vec<_>>(), bin));
            }
        }
    }
    Tensor::new(&y, [n, bins.len(), c])
}

fn largest(numbers: &[f64], _: usize) -> f64 {
    numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

pub(in super::super) fn entries() -> Vec<Entry> {
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const SEVEN: &[&[&[usize]]] = &[&[&[2, 7, 3]], &[&[1, 7, 1]], &[&[0, 7, 2]]];
    vec![
        entry!(
            "max_pool",
            SEVEN,
            R,
            |x| x[0].clone().max_pool(&Pool::new(3).stride(2).padding(1)),
            whole | x | each(&x[0], &windows(7, 4, [3, 2, 1, 1]), largest)
        ),
        entry!(
            "avg_pool",
            SEVEN,
            R,
            |x| x[0].clone().avg_pool(&Pool::new(3).stride(2).padding(1)),
            whole | x | each(&x[0], &windows(7, 4, [3, 2, 1, 1]), |v, _| v.iter().sum::<f64>() / 3.0)
        ),
        entry!(
            "avg_pool",
            SEVEN,
            R,
            |x| x[0].clone().avg_pool(&Pool::new(2).ceil(true).count_padding(false)),
            whole | x | each(&x[0], &windows(7, 4, [2, 2, 0, 1]), |v, _| v.iter().sum::<f64>() / v.len() as f64)
        ),
        entry!(
            "adaptive_avg_pool",
            SEVEN,
            R,
            |x| x[0].clone().adaptive_avg_pool(&[3]),
            whole | x | each(&x[0], &BINS.map(Iterator::collect), |v, _| v.iter().sum::<f64>() / v.len() as f64)
        ),
        entry!(
            "adaptive_max_pool",
            SEVEN,
            R,
            |x| x[0].clone().adaptive_max_pool(&[3]),
            whole | x | each(&x[0], &BINS.map(Iterator::collect), largest)
        ),
    ]
}

/// Seven places in three bins.
const BINS: [std::ops::Range<usize>; 3] = [0..3, 2..5, 4..7];

/// burn: windows were one place apart unless said otherwise.
#[test]
fn peer_bug_p13() {
    let x = Tape::inference().input(Tensor::ones([1, 9, 8, 2]));
    assert_eq!(x.clone().max_pool(&Pool::new(3)).shape(), &[1, 3, 2, 2]);
    assert_eq!(x.avg_pool(&Pool::new([3, 2])).shape(), &[1, 3, 4, 2]);
}

/// candle: the gradient was divided by the window's size.
#[test]
fn peer_bug_p15() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([[[1.0], [5.0], [2.0], [7.0]]]));
    let y = x.clone().max_pool(&Pool::new(2));
    let dy = Tensor::from([[[10.0], [20.0]]]);
    assert_eq!(y.backward_with(dy)[&x].to_vec(), [0.0, 10.0, 0.0, 20.0]);
}

/// candle: no gradient where windows overlap or leave gaps.
#[test]
fn peer_bug_p17() {
    let x = Tensor::randn([1, 6, 5, 2], &mut Rng::seed(1)).cast::<f64>();
    for stride in [1, 3] {
        gradcheck(|[x]| x.max_pool(&Pool::new(2).stride(stride)).square().sum(), [&x]).unwrap();
        gradcheck(|[x]| x.avg_pool(&Pool::new(2).stride(stride)).square().sum(), [&x]).unwrap();
    }
}

/// burn-flex, inductor: with windows that are not filled, backward divided by another count than forward.
#[test]
fn peer_bug_p19() {
    let x = Tensor::randn([1, 6, 7, 1], &mut Rng::seed(2)).cast::<f64>();
    for count in [true, false] {
        let settings = Pool::new(3).stride(2).padding(1).ceil(true).count_padding(count);
        gradcheck(|[x]| x.avg_pool(&settings).square().sum(), [&x]).unwrap();
        // The mean of equal numbers is that number, where padding does not count.
        let y = Tape::inference().input(x.ones_like()).avg_pool(&settings);
        assert!(count || y.to_vec().iter().all(|y| (y - 1.0).abs() < 1e-15));
    }
}

/// Paddle, TVM: a last window that starts in the padding behind x.
#[test]
fn peer_bug_p21() {
    let x = |size: usize| Tape::inference().input(Tensor::ones([1, size, 1]));
    let size = |x: crate::Var, kernel: usize, stride: usize, padding: usize| {
        x.max_pool(&Pool::new(kernel).stride(stride).padding(padding).ceil(true)).shape()[1]
    };
    // PyTorch's sizes.
    assert_eq!(size(x(5), 2, 2, 0), 3);
    assert_eq!(size(x(6), 2, 2, 1), 4);
    assert_eq!(size(x(5), 1, 3, 0), 2);
    assert_eq!(size(x(7), 3, 3, 1), 3);
    assert_eq!(size(x(4), 2, 5, 1), 1);
}

#[test]
fn the_first_of_equal_numbers_is_taken_and_nan_wins() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([[[2.0], [2.0], [f32::NAN], [9.0]]]));
    let y = x.clone().max_pool(&Pool::new(2));
    assert!(y.to_vec()[0] == 2.0 && y.to_vec()[1].is_nan());
    assert_eq!(y.backward_with(Tensor::ones([1, 2, 1]))[&x].to_vec(), [1.0, 0.0, 1.0, 0.0]);
}

#[test]
#[should_panic(expected = "axis 2: padding 2 is more than half a window of 3")]
fn padding_beyond_half_a_window_is_refused() {
    let _ = Tape::inference().input(Tensor::ones([1, 4, 4, 1])).max_pool(&Pool::new([4, 3]).padding([2, 2]));
}

#[test]
#[should_panic(expected = "max_pool: shape [1, 2, 1]: axis 1: a window of 3 places is larger than padded x, 0 + 2 + 0")]
fn a_window_larger_than_x_is_refused() {
    let _ = Tape::inference().input(Tensor::ones([1, 2, 1])).max_pool(&Pool::new(3));
}
