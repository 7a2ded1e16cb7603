//! Products straight from memory to registers: for vectors and for small matrices.
//!
//! An element of c is summed in an order that depends on k and on whether c has one column, never on how the factors are stored or on the
//! tile it falls in. A single column is summed along k in as many partial sums as a register has lanes: [`Dots`] where rows of `a` are
//! contiguous, [`Columns`] where its columns are. Everything else is summed in the order of [`blocked`]: a row of `c` is a linear
//! combination of rows of `b`, registers run along n ([`Combine`]).

use super::{Epilogue, Matrix, Product, blocked, pack};
use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};
use crate::pool::Buffer;

/// The product; a single row may be split over threads. With `column` it is a single column, which arrives as the row of the transposed
/// product.
pub(super) fn compute<T: Float>(product: Product<'_, T>, column: bool, parallel: bool) {
    let Product { a, b, c, k, n, m, accumulate, epilogue } = product;
    if m > 1 {
        return level::run(Combine { a, b, c, n, k, accumulate, epilogue });
    }
    let columns = (VECTOR_CHUNK / k / COLUMNS).max(1) * COLUMNS;
    let serial = if parallel && n * k >= VECTOR_SERIAL { 2 * columns } else { usize::MAX };
    parallel::for_each(Rows(c, 1), Grain { chunk: columns, serial }, |first, Rows(c, _)| {
        let (n, b, epilogue) = (c.len(), b.right_of(first), epilogue.columns_from(first));
        match (column, b.row == 1) {
            (true, true) => level::run(Dots { a, b, c, n, k, accumulate, epilogue }),
            (true, false) => level::run(Columns { a, b, c, k, accumulate, epilogue }),
            (false, _) => level::run(Combine { a, b, c, n, k, accumulate, epilogue }),
        }
    });
}

/// Below this many elements of the matrix a vector's product stays on the calling thread.
const VECTOR_SERIAL: usize = 64 << 10;
/// Elements of the matrix for one task.
const VECTOR_CHUNK: usize = 16 << 10;
/// Columns are split at multiples of this: whole cache lines and whole tiles.
const COLUMNS: usize = 128;

/// c = a·b; where columns of `b` are contiguous and not its rows, it is transposed block by block.
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
        let (block, in_place) = (blocked::block_of(k), b.column == 1);
        let mut rows = Buffer::new(if in_place { 0 } else { block.min(k) * self.n });
        for p in (0..k).step_by(block) {
            let (steps, b) = ((k - p).min(block), b.below(p));
            if !in_place {
                pack::pack::<L>(b.transposed(), self.n, steps, &mut rows, self.n);
            }
            let b = if in_place { b } else { Matrix { values: &rows, row: self.n, column: 1 } };
            Combine { a: a.right_of(p), b, c: &mut *self.c, k: steps, ..self }.block::<L>();
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

/// The column c = a·b, written as a row: `a` a row, `b` in contiguous rows. In the order of [`Dots`]: step p goes to partial sum p mod N,
/// and halves of the sums are added to halves.
struct Columns<'a, T> {
    a: Matrix<'a, T>,
    b: Matrix<'a, T>,
    c: &'a mut [T],
    k: usize,
    accumulate: bool,
    epilogue: Epilogue<'a, T>,
}

impl<T: Float> Kernel<T> for Columns<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Columns { a, b, c, k, accumulate, epilogue } = self;
        let mut sums = Buffer::<T>::new(L::N * COLUMNS);
        for (first, c) in (0..c.len()).step_by(COLUMNS).zip(c.chunks_mut(COLUMNS)) {
            let n = c.len();
            let sums = &mut sums[..L::N * n];
            sums.fill(T::ZERO);
            for p in 0..k {
                let sums = &mut sums[p % L::N * n..][..n];
                add_scaled::<L>(&b.values[p * b.row + first..][..n], a.values[p * a.column], sums);
            }
            let mut half = L::N / 2;
            while half > 0 {
                let (sums, others) = sums.split_at_mut(half * n);
                add_scaled::<L>(&others[..half * n], T::ONE, sums);
                half /= 2;
            }
            for (c, &sum) in c.iter_mut().zip(&*sums) {
                *c = if accumulate { *c + sum } else { sum };
            }
            if !epilogue.is_none() {
                epilogue.columns_from(first).over_row::<L>(c);
            }
        }
    }
}

/// sums += x · factor
#[inline(always)]
fn add_scaled<L: Lanes>(x: &[L::Elem], factor: L::Elem, sums: &mut [L::Elem]) {
    let factor = L::splat(factor);
    let whole = sums.len() / L::N * L::N;
    for (x, sums) in x.chunks_exact(L::N).zip(sums.chunks_exact_mut(L::N)) {
        L::load(x).mul_add(factor, L::load(sums)).store(sums);
    }
    let (x, sums) = (&x[whole..], &mut sums[whole..]);
    L::load_padded(x, L::Elem::ZERO).mul_add(factor, L::load_padded(sums, L::Elem::ZERO)).store_prefix(sums);
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
