//! Chains of views, broadcast additions and sums, against dense copies made index by index.

use super::Bytes;
use tape::Tensor;

/// A tensor as a list of numbers in row-major order.
#[derive(Clone, Debug)]
struct Dense {
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

impl Dense {
    /// Number by number: `of` gives each from its index.
    fn from_index(shape: Vec<usize>, of: impl Fn(&[usize]) -> f32) -> Dense {
        let mut index = vec![0; shape.len()];
        let count: usize = shape.iter().product();
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            numbers.push(of(&index));
            for axis in (0..shape.len()).rev() {
                index[axis] += 1;
                if index[axis] < shape[axis] {
                    break;
                }
                index[axis] = 0;
            }
        }
        Dense { shape, numbers }
    }

    fn at(&self, index: &[usize]) -> f32 {
        self.numbers[index.iter().zip(&self.shape).fold(0, |flat, (i, size)| flat * size + i)]
    }

    /// As [`Dense::at`], at an index of a shape this one broadcasts to.
    fn at_spread(&self, index: &[usize]) -> f32 {
        let own = &index[index.len() - self.shape.len()..];
        let own: Vec<usize> = own.iter().zip(&self.shape).map(|(&i, &size)| if size == 1 { 0 } else { i }).collect();
        self.at(&own)
    }
}

const MOST_NUMBERS: usize = 4096;
const MOST_AXES: usize = 6;

/// The first bytes: rank and sizes; then one step after the other.
pub fn views(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let rank = bytes.below(4);
    let shape: Vec<usize> = (0..rank).map(|_| bytes.below(5)).collect();
    let numbers: Vec<f32> = (0..shape.iter().product()).map(|i| i as f32).collect();
    let mut tensor = Tensor::new(&numbers, shape.clone());
    let mut dense = Dense { shape, numbers };
    for _ in 0..24 {
        if bytes.0.is_empty() || dense.numbers.iter().any(|x| x.abs() > 1e5) {
            break;
        }
        let step = bytes.next();
        let before = dense.clone();
        (tensor, dense) = match step % 10 {
            0 => reshaped(&mut bytes, tensor, dense),
            1..6 => along_an_axis(step % 10, &mut bytes, tensor, dense),
            6 => expanded(&mut bytes, tensor, dense),
            7 => (tensor.contiguous(), dense),
            8 => added(&mut bytes, tensor, dense),
            _ => (tensor.unsqueeze(0), Dense { shape: [&[1], &dense.shape[..]].concat(), ..dense }),
        };
        assert_eq!(&tensor.shape()[..], &dense.shape[..], "step {step} of {before:?}");
        assert_eq!(tensor.to_vec(), dense.numbers, "step {step} of {before:?}");
        if dense.shape.len() >= MOST_AXES {
            let all = dense.numbers.len();
            (tensor, dense.shape) = (tensor.reshape([all]), vec![all]);
        }
    }
}

type Both = (Tensor, Dense);

/// To a shape that may or may not have as many elements.
fn reshaped(bytes: &mut Bytes<'_>, tensor: Tensor, dense: Dense) -> Both {
    let shape: Vec<usize> = (0..bytes.below(5)).map(|_| bytes.below(7)).collect();
    let fits = shape.iter().product::<usize>() == dense.numbers.len();
    match tensor.clone().try_reshape(tape::Shape::from(shape.clone())) {
        Ok(tensor) if fits => (tensor, Dense { shape, ..dense }),
        Err(_) if !fits => (tensor, dense),
        outcome => panic!("{:?} to {shape:?}: {outcome:?}", dense.shape),
    }
}

/// Swapped axes, a part, a mirror image, a sum.
fn along_an_axis(step: u8, bytes: &mut Bytes<'_>, tensor: Tensor, dense: Dense) -> Both {
    let rank = dense.shape.len();
    if rank == 0 {
        return (tensor, dense);
    }
    let axis = bytes.below(rank);
    let counted = if bytes.next() & 1 == 0 { axis as isize } else { axis as isize - rank as isize };
    let size = dense.shape[axis];
    match step {
        1 => {
            let other = bytes.below(rank);
            let swap = |list: &[usize]| {
                let mut list = list.to_vec();
                list.swap(axis, other);
                list
            };
            let swapped = Dense::from_index(swap(&dense.shape), |index| dense.at(&swap(index)));
            (tensor.swap_axes(counted, other as isize), swapped)
        }
        2 => {
            let start = bytes.below(size + 1);
            let length = bytes.below(size - start + 1);
            let mut shape = dense.shape.clone();
            shape[axis] = length;
            let part = Dense::from_index(shape, |index| {
                let mut index = index.to_vec();
                index[axis] += start;
                dense.at(&index)
            });
            (tensor.narrow(counted, start, length), part)
        }
        3 => {
            let mirrored = Dense::from_index(dense.shape.clone(), |index| {
                let mut index = index.to_vec();
                index[axis] = size - 1 - index[axis];
                dense.at(&index)
            });
            (tensor.flip(counted), mirrored)
        }
        4 if size == 1 => {
            let mut shape = dense.shape.clone();
            shape.remove(axis);
            (tensor.squeeze(counted), Dense { shape, ..dense })
        }
        _ => {
            let mut shape = dense.shape.clone();
            shape.remove(axis);
            let summed = Dense::from_index(shape, |index| {
                let at = |i| dense.at(&[&index[..axis], &[i], &index[axis..]].concat());
                (0..size).map(at).sum()
            });
            (tensor.sum_axes(counted), summed)
        }
    }
}

/// Axes of size 1 repeated, and perhaps a new one in front.
fn expanded(bytes: &mut Bytes<'_>, tensor: Tensor, dense: Dense) -> Both {
    let times = bytes.below(4);
    let mut shape: Vec<usize> = dense.shape.iter().map(|&size| if size == 1 { times } else { size }).collect();
    if bytes.next() & 1 == 1 {
        shape.insert(0, 2);
    }
    if shape.iter().product::<usize>() > MOST_NUMBERS {
        return (tensor, dense);
    }
    let wide = Dense::from_index(shape.clone(), |index| dense.at_spread(index));
    (tensor.expand(shape), wide)
}

/// Plus a part of itself that broadcasts against it, on either side.
fn added(bytes: &mut Bytes<'_>, tensor: Tensor, dense: Dense) -> Both {
    let (mut other, mut other_dense) = (tensor.clone(), dense.clone());
    for axis in 0..dense.shape.len() {
        if bytes.next() & 1 == 1 && dense.shape[axis] > 0 {
            other = other.narrow(axis as isize, 0, 1);
            let mut shape = other_dense.shape.clone();
            shape[axis] = 1;
            other_dense = Dense::from_index(shape, |index| other_dense.at(index));
        }
    }
    let sum = Dense::from_index(dense.shape.clone(), |index| dense.at(index) + other_dense.at_spread(index));
    let tensor = if bytes.next() & 1 == 0 { tensor + other } else { other + tensor };
    (tensor, sum)
}
