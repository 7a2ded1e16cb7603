//! Copies between strided and contiguous layouts: element `[i, j, …]` of a view stands at `offset + i·strides[0] + j·strides[1] + …`.

use crate::parallel::{self, Grain, Rows};
use crate::pool::Element;

/// The most axes a view can have.
const MAX_RANK: usize = 8;

/// A view whose axes of length 1 are gone and whose mergeable neighbours are merged.
struct Walk {
    axes: [usize; MAX_RANK],
    strides: [isize; MAX_RANK],
    rank: usize,
}

impl Walk {
    fn new(shape: &[usize], strides: &[isize]) -> Walk {
        let mut walk = Walk { axes: [1; MAX_RANK], strides: [0; MAX_RANK], rank: 0 };
        for (&axis, &stride) in shape.iter().zip(strides) {
            if axis == 1 {
                continue;
            }
            let last = walk.rank.wrapping_sub(1);
            if walk.rank > 0 && walk.strides[last] == stride * axis as isize {
                walk.axes[last] *= axis;
                walk.strides[last] = stride;
            } else {
                walk.axes[walk.rank] = axis;
                walk.strides[walk.rank] = stride;
                walk.rank += 1;
            }
        }
        walk
    }

    /// Where row number `row` (all axes but the last) starts.
    fn start_of(&self, mut row: usize, offset: usize) -> usize {
        let mut at = offset;
        for axis in (0..self.rank.saturating_sub(1)).rev() {
            at = at.wrapping_add_signed((row % self.axes[axis]) as isize * self.strides[axis]);
            row /= self.axes[axis];
        }
        at
    }
}

/// Writes the view's elements in row-major order to `to`.
///
/// ```
/// let mut columns = [0; 6];
/// kernels::strided::copy(&[1i64, 2, 3, 4, 5, 6], 0, &[3, 2], &[1, 3], &mut columns);
/// assert_eq!(columns, [1, 4, 2, 5, 3, 6]);
/// ```
///
/// # Panics
/// If the view leaves `from`, has more than 8 axes, or does not have as many elements as `to`.
#[track_caller]
pub fn copy<T: Element>(from: &[T], offset: usize, shape: &[usize], strides: &[isize], to: &mut [T]) {
    assert!(
        shape.len() == strides.len() && shape.len() <= MAX_RANK,
        "a view needs a stride for each of at most 8 axes"
    );
    let elements: usize = shape.iter().product();
    assert_eq!(elements, to.len(), "a view of {elements} elements cannot fill {}", to.len());
    if elements == 0 {
        return;
    }
    check_bounds(from.len(), offset, shape, strides);
    let walk = Walk::new(shape, strides);
    let Some(last) = walk.rank.checked_sub(1) else {
        to[0] = from[offset];
        return;
    };
    let (width, step) = (walk.axes[last], walk.strides[last]);
    if let Some(transpose) = Transpose::of(&walk) {
        transpose.copy(from, offset, &walk, to);
        return;
    }
    parallel::for_each(Rows(to, width), Grain::rows(width, 2), |first, rows| {
        for (i, row) in rows.0.chunks_exact_mut(width).enumerate() {
            let start = walk.start_of(first + i, offset);
            match step {
                1 => row.copy_from_slice(&from[start..start + width]),
                0 => row.fill(from[start]),
                _ => {
                    for (j, to) in row.iter_mut().enumerate() {
                        *to = from[start.wrapping_add_signed(j as isize * step)];
                    }
                }
            }
        }
    });
}

/// Writes rows of `block` numbers with `before` times `value` before and `after` times behind each.
///
/// ```
/// let mut padded = [9.0; 8];
/// kernels::strided::pad(&[1.0, 2.0, 3.0, 4.0], 2, (1, 1), 0.0, &mut padded);
/// assert_eq!(padded, [0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 4.0, 0.0]);
/// ```
///
/// # Panics
/// If `to` does not hold as many padded rows as `from` has, or, of rows of none, no whole number of rows.
#[track_caller]
pub fn pad<T: Element>(from: &[T], block: usize, (before, after): (usize, usize), value: T, to: &mut [T]) {
    let width = before + block + after;
    if block == 0 {
        assert!(from.is_empty(), "{} numbers in rows of none", from.len());
        return to.fill(value);
    }
    let rows = from.len() / block;
    assert!(
        from.len() == rows * block && to.len() == rows * width,
        "rows of {block} and of {width} numbers do not fit"
    );
    parallel::for_each(
        (Rows(to, width), Rows(from, block)),
        Grain::rows(width, 1),
        |_, (Rows(to, _), Rows(from, _))| {
            for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(block)) {
                to[..before].fill(value);
                to[before..before + block].copy_from_slice(from);
                to[before + block..].fill(value);
            }
        },
    );
}

/// Writes a part in its place in a whole of `shape`, and zeros around it: `[i, j, …]` of `from`, which has `sizes`, becomes
/// `[starts[0] + i, starts[1] + j, …]` of `to`. The adjoint of taking the part.
///
/// ```
/// let mut whole = [9.0; 6];
/// kernels::strided::place(&[1.0, 2.0], &[2, 1], &[0, 1], &[2, 3], &mut whole);
/// assert_eq!(whole, [0.0, 1.0, 0.0, 0.0, 2.0, 0.0]);
/// ```
///
/// # Panics
/// If the part leaves the whole, or if `from` or `to` has not as many elements as its sizes say.
#[track_caller]
pub fn place<T: Element>(from: &[T], sizes: &[usize], starts: &[usize], shape: &[usize], to: &mut [T]) {
    let fits = |((size, start), of): ((&usize, &usize), &usize)| start.checked_add(*size).is_some_and(|end| end <= *of);
    assert!(
        sizes.len() == shape.len() && starts.len() == shape.len() && sizes.iter().zip(starts).zip(shape).all(fits),
        "a part of {sizes:?} from {starts:?} on leaves a whole of {shape:?}"
    );
    assert!(
        from.len() == sizes.iter().product() && to.len() == shape.iter().product(),
        "{} and {} numbers do not fill {sizes:?} and {shape:?}",
        from.len(),
        to.len()
    );
    if to.is_empty() {
        return;
    }
    // The axes behind `inner` are whole, so the numbers of a part from `inner` on are neighbours: a block of a row.
    let Some(inner) = (0..shape.len()).rev().find(|&axis| sizes[axis] != shape[axis]) else {
        return to.copy_from_slice(from);
    };
    let behind: usize = shape[inner + 1..].iter().product();
    let (width, block, before) = (shape[inner] * behind, sizes[inner] * behind, starts[inner] * behind);
    // Where the block of a row stands in the part, if the part has any of the row.
    let block_of = |mut row: usize| {
        let (mut at, mut stride) = (0, block);
        for axis in (0..inner).rev() {
            let i = (row % shape[axis]).checked_sub(starts[axis]).filter(|&i| i < sizes[axis])?;
            at += i * stride;
            stride *= sizes[axis];
            row /= shape[axis];
        }
        Some(at)
    };
    parallel::for_each(Rows(to, width), Grain::rows(width, 1), |first, Rows(rows, _)| {
        for (i, row) in rows.chunks_exact_mut(width).enumerate() {
            let Some(at) = block_of(first + i) else {
                row.fill(T::zeroed());
                continue;
            };
            row[..before].fill(T::zeroed());
            row[before..before + block].copy_from_slice(&from[at..][..block]);
            row[before + block..].fill(T::zeroed());
        }
    });
}

#[track_caller]
fn check_bounds(length: usize, offset: usize, shape: &[usize], strides: &[isize]) {
    let (mut low, mut high) = (offset as isize, offset as isize);
    for (&axis, &stride) in shape.iter().zip(strides) {
        let reach = (axis as isize - 1) * stride;
        low += reach.min(0);
        high += reach.max(0);
    }
    assert!(low >= 0 && (high as usize) < length, "a view from {low} to {high} leaves an array of {length}");
}

/// The last two axes swapped against memory: element after element of a row would touch another cache line each time,
/// so the copy goes in square tiles.
struct Transpose {
    rows: usize,
    columns: usize,
    column_stride: usize,
}

/// The side of a tile: 16 cache lines of f32 to read, 16 to write.
const TILE: usize = 16;

impl Transpose {
    fn of(walk: &Walk) -> Option<Transpose> {
        let last = walk.rank.checked_sub(1)?;
        let above = last.checked_sub(1)?;
        let swapped = walk.strides[above] == 1 && walk.strides[last] > 1;
        swapped.then(|| Transpose {
            rows: walk.axes[above],
            columns: walk.axes[last],
            column_stride: walk.strides[last] as usize,
        })
    }

    fn copy<T: Element>(&self, from: &[T], offset: usize, walk: &Walk, to: &mut [T]) {
        let Transpose { rows, columns, column_stride } = *self;
        let band = columns * TILE;
        let bands_per_matrix = rows.div_ceil(TILE);
        let whole_bands = rows.is_multiple_of(TILE);
        let body = |first: usize, part: &mut [T]| {
            let start = walk.start_of(first, offset);
            let height = part.len() / columns;
            for left in (0..columns).step_by(TILE) {
                let right = (left + TILE).min(columns);
                for i in 0..height {
                    let row = &mut part[i * columns..][left..right];
                    for (j, to) in row.iter_mut().enumerate() {
                        *to = from[start + i + (left + j) * column_stride];
                    }
                }
            }
        };
        if whole_bands && bands_per_matrix > 0 {
            parallel::for_each(Rows(to, band), Grain::rows(band, 2), |first, bands| {
                for (i, part) in bands.0.chunks_exact_mut(band).enumerate() {
                    body((first + i) * TILE, part);
                }
            });
        } else {
            for (m, matrix) in to.chunks_exact_mut(rows * columns).enumerate() {
                for (b, part) in matrix.chunks_mut(band).enumerate() {
                    body(m * rows + b * TILE, part);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Element by element, from the definition.
    fn naive(from: &[i64], offset: usize, shape: &[usize], strides: &[isize]) -> Vec<i64> {
        let elements: usize = shape.iter().product();
        (0..elements)
            .map(|mut i| {
                let mut at = offset as isize;
                for axis in (0..shape.len()).rev() {
                    at += (i % shape[axis]) as isize * strides[axis];
                    i /= shape[axis];
                }
                from[at as usize]
            })
            .collect()
    }

    proptest! {
        #[test]
        fn copies_follow_the_definition(
            axes in prop::collection::vec((0usize..40, -40isize..40), 0..4), offset in 0usize..5
        ) {
            let shape: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let strides: Vec<isize> = axes.iter().map(|a| a.1).collect();
            let low: isize = axes.iter().map(|&(n, s)| (n.max(1) as isize - 1) * s.min(0)).sum();
            let high: isize = axes.iter().map(|&(n, s)| (n.max(1) as isize - 1) * s.max(0)).sum();
            let offset = offset + low.unsigned_abs();
            let from: Vec<i64> = (0..offset as i64 + high as i64 + 1).collect();
            let mut to = vec![-1; shape.iter().product()];
            copy(&from, offset, &shape, &strides, &mut to);
            prop_assert_eq!(to, naive(&from, offset, &shape, &strides));
        }
    }

    proptest! {
        #[test]
        fn a_part_stands_in_its_place(axes in prop::collection::vec((0usize..30, 0usize..9, 0usize..9), 0..4)) {
            let sizes: Vec<usize> = axes.iter().map(|a| a.0).collect();
            let starts: Vec<usize> = axes.iter().map(|a| a.1).collect();
            let shape: Vec<usize> = axes.iter().map(|a| a.0 + a.1 + a.2).collect();
            let from: Vec<i64> = (1..=sizes.iter().product::<usize>() as i64).collect();
            let mut to = vec![-1; shape.iter().product()];
            place(&from, &sizes, &starts, &shape, &mut to);
            // Read back where the definition says, and nothing else is there.
            let mut strides = vec![1isize; shape.len()];
            for axis in (1..shape.len()).rev() {
                strides[axis - 1] = strides[axis] * shape[axis] as isize;
            }
            let offset: isize = starts.iter().zip(&strides).map(|(&start, stride)| start as isize * stride).sum();
            prop_assert_eq!(to.iter().sum::<i64>(), from.iter().sum());
            prop_assert!(to.iter().all(|&x| x >= 0));
            if !from.is_empty() {
                prop_assert_eq!(naive(&to, offset as usize, &sizes, &strides), from);
            }
        }
    }

    #[test]
    #[should_panic(expected = "leaves a whole of [3, 4]")]
    fn a_part_beyond_its_whole_panics() {
        place(&[1i64, 2], &[1, 2], &[2, 3], &[3, 4], &mut [0; 12]);
    }

    #[test]
    fn transposes_of_all_sizes() {
        for (batch, rows, columns) in [(1, 16, 16), (3, 32, 5), (2, 17, 40), (1, 1, 9), (1, 300, 400), (5, 64, 64)] {
            let from: Vec<i64> = (0..(batch * rows * columns) as i64).collect();
            let shape = [batch, columns, rows];
            let strides = [(rows * columns) as isize, 1, columns as isize];
            let mut to = vec![-1; from.len()];
            copy(&from, 0, &shape, &strides, &mut to);
            assert_eq!(to, naive(&from, 0, &shape, &strides), "{batch} × {rows} × {columns}");
        }
    }

    #[test]
    #[should_panic(expected = "leaves an array")]
    fn a_view_beyond_its_array_panics() {
        copy(&[1i64, 2, 3], 0, &[2, 2], &[2, 1], &mut [0; 4]);
    }
}
