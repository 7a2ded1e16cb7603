use super::*;
use crate::{Tape, gradcheck};

/// The largest, NaN if there is one.
pub(in crate::ops) const MAX: fn(&[f64], f64) -> f64 =
    |x, _| x.iter().fold(f64::NEG_INFINITY, |a, &b| if a.is_nan() || a >= b { a } else { b });

/// A function of each window's numbers and of its size with padding, two spatial axes, from PyTorch's definition.
pub(in crate::ops) fn pooled(x: &Tensor<f64>, pool: Pool<2>, f: fn(&[f64], f64) -> f64) -> Tensor<f64> {
    let axis = |axis: usize| {
        let (size, k, s, p) = (
            x.shape()[axis + 1] as isize,
            pool.kernel[axis] as isize,
            pool.stride[axis] as isize,
            pool.padding[axis] as isize,
        );
        let mut windows = Vec::new();
        let mut start = -p;
        while if pool.ceil { start < size && start + k - s < size + p } else { start + k <= size + p } {
            let end = (start + k).min(size + p);
            windows.push((start.max(0) as usize, end.min(size) as usize, (end - start) as f64));
            start += s;
        }
        windows
    };
    each(x, &axis(0), &axis(1), f)
}

/// As [`pooled`] for the bins of adaptive pooling.
pub(in crate::ops) fn binned(x: &Tensor<f64>, sizes: [usize; 2], f: fn(&[f64], f64) -> f64) -> Tensor<f64> {
    let axis = |axis: usize| -> Vec<(usize, usize, f64)> {
        let (from, to) = (x.shape()[axis + 1] as f64, sizes[axis] as f64);
        let bin = |o: usize| {
            let (first, end) = ((o as f64 * from / to).floor(), ((o as f64 + 1.0) * from / to).ceil());
            (first as usize, end as usize, end - first)
        };
        (0..sizes[axis]).map(bin).collect()
    };
    each(x, &axis(0), &axis(1), f)
}

type Range = (usize, usize, f64);

fn each(x: &Tensor<f64>, rows: &[Range], columns: &[Range], f: fn(&[f64], f64) -> f64) -> Tensor<f64> {
    let (shape, numbers) = (x.shape().to_vec(), x.to_vec());
    let mut y = Vec::new();
    for n in 0..shape[0] {
        for &(i0, i1, height) in rows {
            for &(j0, j1, width) in columns {
                for c in 0..shape[3] {
                    let at = |(i, j): (usize, usize)| numbers[((n * shape[1] + i) * shape[2] + j) * shape[3] + c];
                    let window: Vec<f64> = (i0..i1).flat_map(|i| (j0..j1).map(move |j| (i, j))).map(at).collect();
                    y.push(f(&window, height * width));
                }
            }
        }
    }
    Tensor::new(&y, [shape[0], rows.len(), columns.len(), shape[3]])
}

fn line(numbers: &[f32]) -> Tensor {
    Tensor::new(numbers, [1, numbers.len(), 1])
}

fn gradient<const D: usize>(x: Tensor, pool: Pool<D>) -> (Vec<f32>, Vec<f32>) {
    let tape = Tape::probing();
    let x = tape.var(x);
    let y = x.clone().max_pool(pool);
    (y.to_vec(), y.sum().backward()[&x].to_vec())
}

#[test]
fn the_first_of_equals_takes_the_gradient() {
    assert_eq!(gradient(line(&[2.0, 2.0, 1.0, 1.0]), Pool::new([2])), (vec![2.0, 1.0], vec![1.0, 0.0, 1.0, 0.0]));
    let square = Tensor::full([1, 2, 2, 1], 7.0);
    assert_eq!(gradient(square, Pool::new([2, 2])), (vec![7.0], vec![1.0, 0.0, 0.0, 0.0]));
}

#[test]
fn nan_wins_and_takes_the_gradient() {
    let (y, dx) = gradient(line(&[1.0, f32::NAN, f32::INFINITY, 0.0]), Pool::new([4]));
    assert!(y[0].is_nan());
    assert_eq!(dx, [0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn padding_is_absent() {
    let pool = Pool::new([3]).stride([2]).padding([1]);
    assert_eq!(gradient(line(&[-5.0, -6.0, -7.0]), pool), (vec![-5.0, -6.0], vec![1.0, 1.0, 0.0]));
    assert_eq!(gradient(line(&[f32::NEG_INFINITY; 3]), pool).1, [1.0, 1.0, 0.0]);
}

/// The stride is the kernel unless set.
#[test]
fn peer_bug_p13() {
    assert_eq!(Pool::new([3, 2]).stride, [3, 2]);
    let y = Tape::inference().input(Tensor::zeros([1, 6, 6, 1])).max_pool(Pool::new([3, 2]));
    assert_eq!(y.shape().to_vec(), [1, 2, 3, 1]);
}

/// A winner gets all of dy, not its share of the window.
#[test]
fn peer_bug_p15() {
    let (_, dx) = gradient(line(&[1.0, 2.0, 3.0, 4.0]), Pool::new([4]));
    assert_eq!(dx, [0.0, 0.0, 0.0, 1.0]);
}

/// Gradients where windows overlap, and where they leave gaps.
#[test]
fn peer_bug_p17() {
    assert_eq!(gradient(line(&[1.0, 5.0, 2.0, 4.0]), Pool::new([2]).stride([1])).1, [0.0, 2.0, 0.0, 1.0]);
    assert_eq!(gradient(line(&[1.0, 2.0, 9.0, 4.0, 3.0]), Pool::new([2]).stride([3])).1, [0.0, 1.0, 0.0, 1.0, 0.0]);
    let x = Tensor::new(&(0..54).map(|i| f64::from(i * 29 % 54)).collect::<Vec<_>>(), [1, 3, 3, 3, 2]);
    gradcheck(|[x]| x.max_pool(Pool::new([2, 2, 2]).stride([1, 1, 1])).square(), [&x]).unwrap();
}

/// The last window must start inside the axis or the padding before it.
#[test]
fn peer_bug_p21() {
    let sizes = |size, pool: Pool<1>| Tape::inference().input(Tensor::zeros([1, size, 1])).max_pool(pool).shape()[1];
    assert_eq!(sizes(5, Pool::new([2]).ceil()), 3);
    assert_eq!(sizes(5, Pool::new([2])), 2);
    // The third window would start at 3, in the padding behind.
    assert_eq!(sizes(3, Pool::new([2]).stride([2]).padding([1]).ceil()), 2);
    assert_eq!(sizes(1, Pool::new([1]).stride([2]).ceil()), 1);
    assert_eq!(sizes(6, Pool::new([3]).stride([2]).ceil()), 3);
}

#[test]
fn large_windows_keep_wider_places() {
    let mut numbers = vec![0.0; 300];
    numbers[280] = 1.0;
    let (y, dx) = gradient(line(&numbers), Pool::new([300]));
    assert_eq!(y, [1.0]);
    assert_eq!(dx, numbers);
}

#[test]
fn errors_name_sizes() {
    let error = |pool: Pool<1>| pool.spans("max_pool", &Shape::from([1, 4, 1])).unwrap_err().to_string();
    assert_eq!(
        error(Pool::new([5])),
        "max_pool: shape [1, 4, 1]: the kernel of 5 is larger than spatial axis 0, 4 with padding 0 on both sides; use a smaller kernel or pad"
    );
    assert_eq!(
        error(Pool::new([3]).padding([2])),
        "max_pool: padding 2 of spatial axis 0 is more than half the kernel of 3: a window would hold padding alone"
    );
    assert_eq!(
        error(Pool::new([3]).stride([0])),
        "max_pool: kernel 3 and stride 0 of spatial axis 0 must be at least 1"
    );
    let rank = Pool::new([2, 2]).spans("max_pool", &Shape::from([1, 4, 1])).unwrap_err().to_string();
    assert_eq!(rank, "max_pool: shape [1, 4, 1]: 4 axes are needed, [N, 2 spatial, C] with features last");
}
