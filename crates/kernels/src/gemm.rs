//! Matrix products: c = a·b, or c += a·b, with either factor transposed, one or many at a time.
//!
//! Row-major, `a` is `[m, k]` (stored `[k, m]` when transposed), `b` `[k, n]` (stored `[n, k]`), `c` `[m, n]`; each matrix is
//! contiguous. The gradients of c = a·b are products again: da = dc·bᵀ (`[m, n]·[n, k]`), db = aᵀ·dc (`[k, m]·[m, n]`).
//!
//! Two ways, chosen by shape alone: products with a vector and products too small to pay for packing run [`direct`], over registers
//! and in place; everything else runs [`blocked`], in tiles. The order of a sum depends only on k and on whether the product has a single column: a
//! row alone equals the row in its batch, and neither a transposed factor nor the number of threads changes a bit.
//!
//! NaN and ±∞ spread as IEEE says, 0·∞ included; without `accumulate` what `c` held is never read. An empty sum (k = 0) is 0.

mod blocked;
mod direct;
mod epilogue;
mod pack;
mod part;
mod streamed;
mod strips;
#[cfg(test)]
mod tests;
mod tile;

use crate::Float;
use crate::parallel::{self, Grain, Rows};
pub(crate) use blocked::within;
pub use epilogue::{Epilogue, Rectifier};
pub(crate) use pack::{interleave, pack};

/// The arguments of [`matmul`]: c = a·b.
#[derive(Debug)]
pub struct Matmul<'a, T> {
    /// The first factor: `[m, k]`, or `[k, m]` when transposed.
    pub a: &'a [T],
    /// The second factor: `[k, n]`, or `[n, k]` when transposed.
    pub b: &'a [T],
    /// The product: `[m, n]`.
    pub c: &'a mut [T],
    /// Rows of the product.
    pub m: usize,
    /// Terms of each sum.
    pub k: usize,
    /// Columns of the product.
    pub n: usize,
    /// Whether `a` is stored as `[k, m]`.
    pub a_transposed: bool,
    /// Whether `b` is stored as `[n, k]`.
    pub b_transposed: bool,
    /// Whether the product is added to what `c` holds.
    pub accumulate: bool,
    /// What happens to `c` after it.
    pub epilogue: Epilogue<'a, T>,
}

/// The arguments of [`matmul_batched`]: `count` products of one shape.
#[derive(Debug)]
pub struct BatchMatmul<'a, T> {
    /// First factors, one after the other.
    pub a: &'a [T],
    /// Second factors, one after the other.
    pub b: &'a [T],
    /// The products: `[count, m, n]`.
    pub c: &'a mut [T],
    /// How many products.
    pub count: usize,
    /// How many neighbouring products share one first factor: product `i` takes number `(i / a_run) % number of factors`.
    pub a_run: usize,
    /// How many neighbouring products share one second factor, likewise.
    pub b_run: usize,
    /// Rows of a product.
    pub m: usize,
    /// Terms of each sum.
    pub k: usize,
    /// Columns of a product.
    pub n: usize,
    /// Whether first factors are stored as `[k, m]`.
    pub a_transposed: bool,
    /// Whether second factors are stored as `[n, k]`.
    pub b_transposed: bool,
    /// Whether the products are added to what `c` holds.
    pub accumulate: bool,
    /// What happens to every product after it.
    pub epilogue: Epilogue<'a, T>,
}

/// A matrix that is read: element (i, j) is `values[i * row + j * column]`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T> {
    pub(crate) values: &'a [T],
    pub(crate) row: usize,
    pub(crate) column: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A contiguous matrix of `rows` × `columns`, stored by rows or, when transposed, by columns. Where an axis has length 1 its stride is
    /// free, and taken as if it were the unit one.
    fn new(values: &'a [T], rows: usize, columns: usize, transposed: bool) -> Self {
        match transposed && rows > 1 {
            true if columns > 1 => Matrix { values, row: 1, column: rows },
            true => Matrix { values, row: 1, column: 1 },
            false => Matrix { values, row: columns, column: 1 },
        }
    }

    /// Without the first `rows` rows.
    #[inline(always)]
    pub(crate) fn below(self, rows: usize) -> Self {
        Matrix { values: &self.values[rows * self.row..], ..self }
    }

    /// Without the first `columns` columns.
    #[inline(always)]
    fn right_of(self, columns: usize) -> Self {
        Matrix { values: &self.values[columns * self.column..], ..self }
    }

    #[inline(always)]
    fn transposed(self) -> Self {
        Matrix { values: self.values, row: self.column, column: self.row }
    }
}

/// Products of at most this many multiplications run [`direct`].
const SMALL: usize = 4096;

/// From this many multiplications on a product is split over threads by itself.
const LARGE: usize = 1 << 20;

/// c = a·b, or c += a·b, then the epilogue.
///
/// ```
/// use kernels::{Epilogue, Matmul, Rectifier, matmul};
/// let (a, b, mut c) = ([1.0, -2.0], [3.0, 4.0], [0.0; 4]);
/// let (m, k, n, a_transposed, b_transposed, accumulate) = (2, 1, 2, false, false, false);
/// let epilogue = Epilogue { bias: Some(&[1.0, 2.0]), rectifier: Rectifier::Leaky(0.5) };
/// matmul(Matmul { a: &a, b: &b, c: &mut c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
/// assert_eq!(c, [4.0, 6.0, -2.5, -3.0]);
/// ```
///
/// # Panics
/// If a slice is not as long as its shape says.
#[track_caller]
pub fn matmul<T: Float>(args: Matmul<'_, T>) {
    args.checked().compute(true);
}

impl<'a, T: Float> Matmul<'a, T> {
    #[track_caller]
    fn checked(self) -> Product<'a, T> {
        let Matmul { a, b, c, m, k, n, a_transposed, b_transposed, accumulate, epilogue } = self;
        check("a", a.len(), m, k);
        check("b", b.len(), k, n);
        check("c", c.len(), m, n);
        epilogue.check(n);
        let (a, b) = (Matrix::new(a, m, k, a_transposed), Matrix::new(b, k, n, b_transposed));
        Product { a, b, c, m, k, n, accumulate, epilogue }
    }
}

/// As [`matmul`] for a whole batch: in parallel over its products, or over each product's parts where they are large.
///
/// ```
/// use kernels::{BatchMatmul, Epilogue, matmul_batched};
/// let (a, b, mut c) = ([1.0, 2.0, 3.0], [10.0], [0.0; 3]); // three 1 × 1 products that share b
/// let (m, k, n, a_transposed, b_transposed, accumulate) = (1, 1, 1, false, false, false);
/// let (count, a_run, b_run, epilogue) = (3, 1, 1, Epilogue::NONE);
/// matmul_batched(BatchMatmul { a: &a, b: &b, c: &mut c, count, a_run, b_run, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
/// assert_eq!(c, [10.0, 20.0, 30.0]);
/// ```
///
/// # Panics
/// If `a` or `b` is not a whole number of matrices that tiles the batch, or if `c` is not `count` matrices long.
#[track_caller]
pub fn matmul_batched<T: Float>(args: BatchMatmul<'_, T>) {
    let BatchMatmul { a, b, c, count, a_run, b_run, m, k, n, a_transposed, b_transposed, accumulate, epilogue } = args;
    check("c", c.len(), count * m, n);
    epilogue.check(n);
    let a_count = check_batch("a", a.len(), a_run, count, (m, k));
    let b_count = check_batch("b", b.len(), b_run, count, (k, n));
    if c.is_empty() {
        return;
    }
    if !a_transposed && b_count == 1 && a_run == 1 && a_count == count {
        return matmul(Matmul { a, b, c, m: count * m, k, n, a_transposed, b_transposed, accumulate, epilogue });
    }
    let product = |i: usize, c: &mut [T], parallel: bool| {
        let (i_a, i_b) = (i / a_run % a_count, i / b_run % b_count);
        let a = Matrix::new(&a[i_a * m * k..][..m * k], m, k, a_transposed);
        let b = Matrix::new(&b[i_b * k * n..][..k * n], k, n, b_transposed);
        Product { a, b, c, m, k, n, accumulate, epilogue }.compute(parallel);
    };
    if m * k * n >= LARGE && count < 4 * parallel::threads() {
        for (i, c) in c.chunks_exact_mut(m * n).enumerate() {
            product(i, c, true);
        }
    } else {
        parallel::for_each(Rows(c, m * n), Grain::rows(m * n, (k / 16).max(1)), |first, Rows(c, _)| {
            for (i, c) in c.chunks_exact_mut(m * n).enumerate() {
                product(first + i, c, false);
            }
        });
    }
}

#[track_caller]
fn check(name: &str, length: usize, rows: usize, columns: usize) {
    assert!(
        rows.checked_mul(columns) == Some(length),
        "matmul: {name} holds {length} numbers, its shape says {rows} × {columns}"
    );
}

/// The number of matrices in a batch of factors.
#[track_caller]
fn check_batch(name: &str, length: usize, run: usize, count: usize, (rows, columns): (usize, usize)) -> usize {
    assert!(run > 0, "matmul: a run of 0 products for {name}");
    let size = rows.checked_mul(columns).unwrap_or_else(|| panic!("matmul: {rows} × {columns} overflows"));
    if size == 0 {
        assert!(length == 0, "matmul: {name} holds {length} numbers, its shape says {rows} × {columns}");
        return 1;
    }
    let factors = length / size;
    let whole = length.is_multiple_of(size);
    let tiles = count == 0 || (factors > 0 && count.is_multiple_of(factors * run)) || factors == 1;
    assert!(
        whole && tiles,
        "matmul: {name} holds {length} numbers, not matrices of {rows} × {columns} that tile {count} products in runs of {run}"
    );
    factors.max(1)
}

/// One product, checked: `a` is m × k and `b` k × n within their slices, `c` is m × n and contiguous.
struct Product<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    c: &'a mut [T],
    m: usize,
    k: usize,
    n: usize,
    accumulate: bool,
    /// Of a single column the bias serves every element of the row that takes its place.
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Product<'_, T> {
    fn compute(mut self, parallel: bool) {
        if self.c.is_empty() {
            return;
        }
        if self.k == 0 {
            if !self.accumulate {
                self.c.fill(T::ZERO);
            }
            return epilogue::finish(self.epilogue, self.c, self.n, parallel);
        }
        let column = self.n == 1;
        if column {
            // A column is a row of the transposed product.
            (self.a, self.b) = (self.b.transposed(), self.a.transposed());
            (self.m, self.n) = (1, self.m);
        }
        let size = self.m * self.k * self.n;
        if self.m == 1 || size <= SMALL {
            direct::compute(self, column, parallel);
        } else {
            blocked::compute(self, parallel && size >= LARGE);
        }
    }
}
