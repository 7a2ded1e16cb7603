//! The transforms of tiles of M×M places, S = M + 2, and of narrow ones: a register of channels at a time, in vectors that lie side by side.

use super::Sizes;
use crate::Float as _;
use crate::lanes::{Lanes, planes};

/// Bᵀ·d of a tile of N points: all S of whole tiles, or all but the last.
#[inline(always)]
fn down<L: Lanes, const S: usize, const N: usize>(d: [L; N]) -> [L; N] {
    let mut v = d;
    let two = number::<L>(-2.0);
    if S == 4 {
        (v[0], v[1], v[2], v[3]) = (d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
    } else if N == 4 {
        let half_more = number::<L>(1.5);
        v[0] = d[2].mul_add(two, d[0] + d[1]);
        v[1] = d[2].mul_add(number(3.0), d[1] * half_more);
        v[2] = (d[2] - d[1]) * half_more;
        v[3] = (d[1] + d[2]).mul_add(number(-0.5), d[3]);
    } else {
        let half_more = number::<L>(1.5);
        v[0] = (d[1] - d[2]).mul_add(half_more, d[0] - d[3]);
        v[1] = d[2].mul_add(number(2.5), d[1] + d[3]);
        v[2] = d[1].mul_add(two, d[2] + d[3]);
        v[3] = (d[3] - d[2]).mul_add(half_more, d[4] - d[1]);
        v[4] = d[3].mul_add(two, d[1] + d[2]);
    }
    v
}

/// Aᵀ·m of a tile of N points, of whole tiles' S: N − 2 places, of M.
#[inline(always)]
fn up<L: Lanes, const M: usize, const S: usize, const N: usize>(m: [L; N]) -> [L; M] {
    let mut y = [L::zero(); M];
    if S == 4 {
        (y[0], y[1]) = ((m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]);
    } else if N == 4 {
        (y[0], y[1]) = ((m[0] + m[1]) + m[2], m[2].mul_add(number(-0.5), m[1] + m[3]));
    } else {
        y[0] = (m[0] + m[1]) + (m[2] + m[4]);
        y[1] = m[4].mul_add(number(-2.0), m[2].mul_add(number(-0.5), m[1]));
        y[2] = m[4].mul_add(number(4.0), m[2].mul_add(number(0.25), m[1] + m[3]));
    }
    y
}

/// G·g of three numbers.
#[inline(always)]
fn spread<L: Lanes, const S: usize>(g: [L; 3]) -> [L; S] {
    let mut u = [L::zero(); S];
    let ends = g[0] + g[2];
    (u[0], u[3]) = (g[0], g[2]);
    if S == 4 {
        (u[1], u[2]) = ((ends + g[1]) * number(0.5), (ends - g[1]) * number(0.5));
    } else {
        u[1] = (ends + g[1]) * number(2.0 / 9.0);
        u[2] = g[0].mul_add(number(4.0), g[1].mul_add(number(-2.0), g[2])) * number(2.0 / 9.0);
        u[4] = g[0].mul_add(number(0.25), g[1].mul_add(number(-0.5), g[2])) * number(2.0 / 9.0);
    }
    u
}

#[inline(always)]
fn number<L: Lanes>(value: f64) -> L {
    L::splat(L::Elem::from_f64(value))
}

/// A row of tiles of R points transformed, of whole tiles' S: Bᵀ·d·B of tile t, place p, channel c goes to `planes[p * plane + t * C + c]`.
/// Its whole tiles are those from `starts[0]` on, its narrow ones those from `starts[1]` on. It starts at row `top` of the result; places
/// outside are 0, `zeros` a row of them.
#[inline(always)]
pub(super) fn source<L: Lanes, const S: usize, const R: usize>(
    sizes: &Sizes,
    image: &[L::Elem],
    top: usize,
    zeros: &[L::Elem],
    starts: [usize; 2],
    (to, plane): (&mut [L::Elem], usize),
) {
    let ([height, width], [above, before], channels) = (sizes.source, sizes.padding, sizes.channels);
    let length = width * channels;
    let mut rows = [zeros; R];
    for (i, from) in rows.iter_mut().enumerate() {
        if let Some(at) = (top + i).checked_sub(above).filter(|&at| at < height) {
            *from = &image[at * length..][..length];
        }
    }
    let lines = Lines { rows, before, width, channels };
    let [_, [whole, narrow]] = sizes.kinds();
    for c in (0..channels).step_by(L::N) {
        let columns = [lines.column::<L, S>(0, c), lines.column::<L, S>(1, c)];
        let run = Run { count: whole, tile: starts[0], column: 2, c };
        let columns = squares::<L, S, R, S>(&lines, &run, columns, (to, plane));
        if S == 5 {
            let run = Run { count: narrow, tile: starts[1], column: 2 + 3 * whole, c };
            squares::<L, S, R, 4>(&lines, &run, columns, (to, plane));
        }
    }
}

/// The rows of an image that a row of tiles reads.
struct Lines<'a, E, const R: usize> {
    rows: [&'a [E]; R],
    /// Columns of padding.
    before: usize,
    width: usize,
    channels: usize,
}

impl<E: Copy, const R: usize> Lines<'_, E, R> {
    /// Bᵀ·d of column `j`, counted from where padding starts.
    #[inline(always)]
    fn column<L: Lanes<Elem = E>, const S: usize>(&self, j: usize, c: usize) -> [L; R] {
        match j.checked_sub(self.before).filter(|&at| at < self.width) {
            None => [L::zero(); R],
            Some(at) => {
                let at = at * self.channels + c;
                let mut d = [L::zero(); R];
                for (d, row) in d.iter_mut().zip(&self.rows) {
                    *d = L::load(&row[at..at + L::N]);
                }
                down::<L, S, R>(d)
            }
        }
    }
}

/// So many tiles side by side, of a register of channels from c on: the first one, and its third column.
struct Run {
    count: usize,
    tile: usize,
    column: usize,
    c: usize,
}

/// Tiles of R × C points. A tile's last two columns are the next one's first: `first` are those of the first, and the last's are returned.
#[inline(always)]
fn squares<L: Lanes, const S: usize, const R: usize, const C: usize>(
    lines: &Lines<'_, L::Elem, R>,
    run: &Run,
    first: [[L; R]; 2],
    (to, plane): (&mut [L::Elem], usize),
) -> [[L; R]; 2] {
    let mut d = [[L::zero(); R]; C];
    (d[C - 2], d[C - 1]) = (first[0], first[1]);
    for t in 0..run.count {
        (d[0], d[1]) = (d[C - 2], d[C - 1]);
        for (j, d) in d.iter_mut().skip(2).enumerate() {
            *d = lines.column::<L, S>(run.column + (C - 2) * t + j, run.c);
        }
        let mut to = planes::To::<L, S>::new(to, plane, (run.tile + t) * lines.channels + run.c);
        for i in 0..R {
            let mut across = [L::zero(); C];
            for (across, d) in across.iter_mut().zip(&d) {
                *across = d[i];
            }
            to.store(down::<L, S, C>(across));
        }
    }
    [d[C - 2], d[C - 1]]
}

/// Aᵀ·m·A of a tile of R × C points and a register of filters: R − 2 rows of C − 2 places, of M.
#[inline(always)]
pub(super) fn result<L: Lanes, const M: usize, const S: usize, const R: usize, const C: usize>(
    (from, plane): (&[L::Elem], usize),
    at: usize,
) -> [[L; M]; M] {
    let mut from = planes::From::<L, S>::new(from, plane, at);
    let mut sums = [[L::zero(); C]; M];
    for j in 0..C {
        for (sums, sum) in sums.iter_mut().zip(up::<L, M, S, R>(from.load())) {
            sums[j] = sum;
        }
    }
    let mut y = [[L::zero(); M]; M];
    for (y, sums) in y.iter_mut().zip(sums).take(R - 2) {
        *y = up::<L, M, S, C>(sums);
    }
    y
}

/// A·dy of N − 2 of M numbers, in a tile of N points, of whole tiles' S.
#[inline(always)]
fn out<L: Lanes, const M: usize, const S: usize, const N: usize>(dy: [L; M]) -> [L; N] {
    let mut z = [L::zero(); N];
    let (a, b) = (dy[0], dy[1]);
    if S == 4 {
        (z[0], z[1], z[2], z[3]) = (a, a + b, a - b, -b);
    } else if N == 4 {
        (z[0], z[1], z[2], z[3]) = (a, a + b, b.mul_add(number(-0.5), a), b);
    } else {
        let c = dy[2];
        (z[0], z[1], z[3]) = (a, (a + b) + c, c);
        z[2] = c.mul_add(number(0.25), b.mul_add(number(-0.5), a));
        z[4] = c.mul_add(number(4.0), b.mul_add(number(-2.0), a));
    }
    z
}

/// As [`source`], of dy, whose tiles do not overlap: A·dy·Aᵀ of tile t, place p, filter f goes to `planes[p * plane + t * F + f]`.
#[inline(always)]
pub(super) fn cotangent<L: Lanes, const M: usize, const S: usize, const R: usize>(
    sizes: &Sizes,
    image: &[L::Elem],
    top: usize,
    zeros: &[L::Elem],
    starts: [usize; 2],
    (to, plane): (&mut [L::Elem], usize),
) {
    let ([height, width], filters) = (sizes.result, sizes.filters);
    let length = width * filters;
    let mut rows = [&zeros[..length]; M];
    for (i, from) in rows.iter_mut().enumerate().take(R - 2) {
        if top + i < height {
            *from = &image[(top + i) * length..][..length];
        }
    }
    let [_, [whole, narrow]] = sizes.kinds();
    for c in (0..filters).step_by(L::N) {
        let run = Run { count: whole, tile: starts[0], column: 0, c };
        cotangent_squares::<L, M, S, R, S>(&rows, &run, filters, (to, plane));
        if S == 5 {
            let run = Run { count: narrow, tile: starts[1], column: 3 * whole, c };
            cotangent_squares::<L, M, S, R, 4>(&rows, &run, filters, (to, plane));
        }
    }
}

/// Tiles of R × C points.
#[inline(always)]
fn cotangent_squares<L: Lanes, const M: usize, const S: usize, const R: usize, const C: usize>(
    rows: &[&[L::Elem]; M],
    run: &Run,
    filters: usize,
    (to, plane): (&mut [L::Elem], usize),
) {
    for t in 0..run.count {
        let at = (run.column + (C - 2) * t) * filters + run.c;
        let mut z = [[L::zero(); R]; M];
        for (j, z) in z.iter_mut().enumerate().take(C - 2) {
            let at = at + j * filters;
            // With M = 2 the last tile may go beyond the end.
            if at < rows[0].len() {
                let mut dy = [L::zero(); M];
                for (dy, row) in dy.iter_mut().zip(rows).take(R - 2) {
                    *dy = L::load(&row[at..at + L::N]);
                }
                *z = out::<L, M, S, R>(dy);
            }
        }
        let mut to = planes::To::<L, S>::new(to, plane, (run.tile + t) * filters + run.c);
        for i in 0..R {
            let mut across = [L::zero(); M];
            for (across, z) in across.iter_mut().zip(&z) {
                *across = z[i];
            }
            to.store(out::<L, M, S, C>(across));
        }
    }
}

/// G·g·Gᵀ of nine taps, row by row.
#[inline(always)]
pub(super) fn weights<L: Lanes, const S: usize>(g: [[L; 3]; 3]) -> [[L; S]; S] {
    let [a, b, c] = g;
    let columns: [[L; S]; 3] = [spread([a[0], b[0], c[0]]), spread([a[1], b[1], c[1]]), spread([a[2], b[2], c[2]])];
    let mut u = [[L::zero(); S]; S];
    for (i, u) in u.iter_mut().enumerate() {
        *u = spread([columns[0][i], columns[1][i], columns[2][i]]);
    }
    u
}

/// Gᵀ·s.
#[inline(always)]
fn gather<L: Lanes, const S: usize>(s: [L; S]) -> [L; 3] {
    if S == 4 {
        let half = number(0.5);
        let (sum, difference) = ((s[1] + s[2]) * half, (s[1] - s[2]) * half);
        return [s[0] + sum, difference, sum + s[3]];
    }
    let ninths = number(2.0 / 9.0);
    let first = s[2].mul_add(number(4.0), s[4].mul_add(number(0.25), s[1]));
    let second = s[2].mul_add(number(-2.0), s[4].mul_add(number(-0.5), s[1]));
    [first.mul_add(ninths, s[0]), second * ninths, ((s[1] + s[2]) + s[4]).mul_add(ninths, s[3])]
}

/// Gᵀ·s·G of the places of a tile: the nine taps.
#[inline(always)]
pub(super) fn taps<L: Lanes, const S: usize>(s: [[L; S]; S]) -> [[L; 3]; 3] {
    let mut columns = [[L::zero(); S]; 3];
    for j in 0..S {
        let mut column = [L::zero(); S];
        for (to, row) in column.iter_mut().zip(&s) {
            *to = row[j];
        }
        for (column, tap) in columns.iter_mut().zip(gather(column)) {
            column[j] = tap;
        }
    }
    let [a, b, c] = columns;
    [gather(a), gather(b), gather(c)]
}
