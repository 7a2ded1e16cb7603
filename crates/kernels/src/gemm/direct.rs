//! Products straight from memory to registers, without packing: for vectors and for small matrices.
//!
//! Two forms. Where rows of `b` are contiguous, [`Combine`]: a row of `c` is a linear combination of them, registers run along n. Where
//! columns of `b` and rows of `a` are, [`Dots`]: registers run along k and are added up once for each element of `c`. Either sums in an
//! order that depends on k alone, so an element's value does not depend on the tile it falls in; the first in the order of [`blocked`].

use super::{Epilogue, Matrix, Product, blocked};
use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};

/// Whether the strides fit one of the two forms.
pub(super) fn suits<T>(product: &Product<'_, T>) -> bool {
    product.b.column == 1 || (product.b.row == 1 && product.a.column == 1)
}

/// The product, which [`suits`]; a single row may be split over threads.
pub(super) fn compute<T: Float>(product: Product<'_, T>, parallel: bool) {
    let Product { a, b, c, k, n, m, accumulate, epilogue } = product;
    // A single column is summed along k for one row as for many, which arrive here as the row of the transposed product.
    let one_column = n == 1 && b.row == 1 && a.column == 1;
    let combine = b.column == 1 && !one_column;
    if m > 1 || !parallel || n * k < VECTOR_SERIAL {
        return match combine {
            true => level::run(Combine { a, b, c, n, k, accumulate, epilogue }),
            false => level::run(Dots { a, b, c, n, k, accumulate, epilogue }),
        };
    }
    let columns = (VECTOR_CHUNK / k / COLUMNS).max(1) * COLUMNS;
    let grain = Grain { chunk: columns, serial: 2 * columns };
    parallel::for_each(Rows(c, 1), grain, |first, Rows(c, _)| {
        let n = c.len();
        let epilogue = epilogue.columns_from(first);
        match combine {
            true => {
                let b = Matrix { values: &b.values[first..], ..b };
                level::run(Combine { a, b, c, n, k, accumulate, epilogue });
            }
            false => {
                let b = Matrix { values: &b.values[first * b.column..], ..b };
                level::run(Dots { a, b, c, n, k, accumulate, epilogue });
            }
        }
    });
}

/// Below this many elements of the matrix a vector's product stays on the calling thread.
const VECTOR_SERIAL: usize = 64 << 10;
/// Elements of the matrix for one task.
const VECTOR_CHUNK: usize = 16 << 10;
/// Columns are split at multiples of this: whole cache lines and whole tiles.
const COLUMNS: usize = 128;

/// c = a·b with `b` in contiguous rows.
struct Combine<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    c: &'a mut [T],
    n: usize,
    k: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Combine<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let Combine { a, b, k, .. } = self;
        let block = blocked::block_of(k);
        for p in (0..k).step_by(block) {
            (self.a, self.b, self.k) = (a.right_of(p), b.below(p), (k - p).min(block));
            self.block::<L>();
            self.accumulate = true;
        }
        if !self.epilogue.is_none() {
            for row in self.c.chunks_exact_mut(self.n) {
                self.epilogue.over_row::<L>(row);
            }
        }
    }
}

impl<T: Float> Combine<'_, T> {
    /// All of c, over one block of k.
    #[inline(always)]
    fn block<L: Lanes<Elem = T>>(&mut self) {
        let m = self.c.len() / self.n;
        let mut i = 0;
        while i + 4 <= m {
            self.rows::<L, 4>(i);
            i += 4;
        }
        if i + 2 <= m {
            self.rows::<L, 2>(i);
            i += 2;
        }
        if i < m {
            self.rows::<L, 1>(i);
        }
    }

    #[inline(always)]
    fn rows<L: Lanes<Elem = T>, const R: usize>(&mut self, i: usize) {
        let mut j = 0;
        if R == 1 {
            while j + 8 * L::N <= self.n {
                self.tile::<L, R, 8>(i, j);
                j += 8 * L::N;
            }
        }
        while j + 2 * L::N <= self.n {
            self.tile::<L, R, 2>(i, j);
            j += 2 * L::N;
        }
        if j + L::N <= self.n {
            self.tile::<L, R, 1>(i, j);
            j += L::N;
        }
        if j < self.n {
            self.edge::<L, R>(i, j);
        }
    }

    /// Rows i.. and columns j.. of the product, R × W registers.
    #[inline(always)]
    fn tile<L: Lanes<Elem = T>, const R: usize, const W: usize>(&mut self, i: usize, j: usize) {
        let mut sums = [[L::zero(); W]; R];
        for p in 0..self.k {
            let b_row = &self.b.values[p * self.b.row + j..][..W * L::N];
            let mut b = [L::zero(); W];
            for (w, b) in b.iter_mut().enumerate() {
                *b = L::load(&b_row[w * L::N..]);
            }
            for (r, row) in sums.iter_mut().enumerate() {
                let a = L::splat(self.a.values[(i + r) * self.a.row + p * self.a.column]);
                for (sum, b) in row.iter_mut().zip(b) {
                    *sum = b.mul_add(a, *sum);
                }
            }
        }
        for (r, row) in sums.iter().enumerate() {
            for (w, sum) in row.iter().enumerate() {
                let c = &mut self.c[(i + r) * self.n + j + w * L::N..];
                let sum = if self.accumulate { L::load(c) + *sum } else { *sum };
                sum.store(c);
            }
        }
    }

    /// Rows i.. of the last columns, fewer than a register.
    #[inline(always)]
    fn edge<L: Lanes<Elem = T>, const R: usize>(&mut self, i: usize, j: usize) {
        let width = self.n - j;
        let mut sums = [L::zero(); R];
        for p in 0..self.k {
            let b = L::load_padded(&self.b.values[p * self.b.row + j..][..width], T::ZERO);
            for (r, sum) in sums.iter_mut().enumerate() {
                let a = L::splat(self.a.values[(i + r) * self.a.row + p * self.a.column]);
                *sum = b.mul_add(a, *sum);
            }
        }
        for (r, sum) in sums.iter().enumerate() {
            let c = &mut self.c[(i + r) * self.n + j..][..width];
            let sum = if self.accumulate { L::load_padded(c, T::ZERO) + *sum } else { *sum };
            sum.store_prefix(c);
        }
    }
}

/// c = a·b with `a` in contiguous rows and `b` in contiguous columns.
struct Dots<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    c: &'a mut [T],
    n: usize,
    k: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Dots<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Dots { a, b, c, n, k, accumulate, epilogue } = self;
        for (i, c) in c.chunks_exact_mut(n).enumerate() {
            let a = &a.values[i * a.row..][..k];
            let mut j = 0;
            while j + 4 <= n {
                dots::<L, 4>(a, &b.values[j * b.column..], b.column, &mut c[j..], accumulate);
                j += 4;
            }
            while j < n {
                dots::<L, 1>(a, &b.values[j * b.column..], b.column, &mut c[j..], accumulate);
                j += 1;
            }
            if !epilogue.is_none() {
                epilogue.over_row::<L>(c);
            }
        }
    }
}

/// c[r] = a·b[r] for R vectors b[r], `stride` apart.
#[inline(always)]
fn dots<L: Lanes, const R: usize>(a: &[L::Elem], b: &[L::Elem], stride: usize, c: &mut [L::Elem], accumulate: bool) {
    let k = a.len();
    let mut rows: [&[L::Elem]; R] = [&[]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &b[r * stride..][..k];
    }
    let mut sums = [L::zero(); R];
    let whole = k / L::N * L::N;
    let mut p = 0;
    while p < whole {
        let x = L::load(&a[p..]);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = x.mul_add(L::load(&row[p..]), *sum);
        }
        p += L::N;
    }
    if whole < k {
        let zero = L::zero().reduce_add();
        let x = L::load_padded(&a[whole..], zero);
        for (sum, row) in sums.iter_mut().zip(rows) {
            *sum = x.mul_add(L::load_padded(&row[whole..], zero), *sum);
        }
    }
    for (c, sum) in c[..R].iter_mut().zip(sums) {
        let sum = sum.reduce_add();
        *c = if accumulate { *c + sum } else { sum };
    }
}
