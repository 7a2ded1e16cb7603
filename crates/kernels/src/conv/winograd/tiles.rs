//! The transforms of tiles of M×M places, S = M + 2: a register of channels at a time, in vectors that lie side by side.

use super::Sizes;
use crate::Float as _;
use crate::lanes::{Lanes, planes};

/// Bᵀ·d.
#[inline(always)]
fn down<L: Lanes, const S: usize>(d: [L; S]) -> [L; S] {
    let mut v = d;
    if S == 4 {
        (v[0], v[1], v[2], v[3]) = (d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]);
    } else {
        let (two, half_more) = (number::<L>(-2.0), number::<L>(1.5));
        v[0] = (d[1] - d[2]).mul_add(half_more, d[0] - d[3]);
        v[1] = d[2].mul_add(number(2.5), d[1] + d[3]);
        v[2] = d[1].mul_add(two, d[2] + d[3]);
        v[3] = d[3].mul_add(two, d[1] + d[2]);
        v[4] = (d[3] - d[2]).mul_add(half_more, d[4] - d[1]);
    }
    v
}

/// Aᵀ·m.
#[inline(always)]
fn up<L: Lanes, const M: usize, const S: usize>(m: [L; S]) -> [L; M] {
    let mut y = [L::zero(); M];
    if S == 4 {
        (y[0], y[1]) = ((m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]);
    } else {
        y[0] = (m[0] + m[1]) + (m[2] + m[3]);
        y[1] = m[3].mul_add(number(-2.0), m[2].mul_add(number(-0.5), m[1]));
        y[2] = m[3].mul_add(number(4.0), m[2].mul_add(number(0.25), m[1] + m[4]));
    }
    y
}

/// G·g of three numbers.
#[inline(always)]
fn spread<L: Lanes, const S: usize>(g: [L; 3]) -> [L; S] {
    let mut u = [L::zero(); S];
    let ends = g[0] + g[2];
    u[0] = g[0];
    u[S - 1] = g[2];
    if S == 4 {
        (u[1], u[2]) = ((ends + g[1]) * number(0.5), (ends - g[1]) * number(0.5));
    } else {
        u[1] = (ends + g[1]) * number(2.0 / 9.0);
        u[2] = g[0].mul_add(number(4.0), g[1].mul_add(number(-2.0), g[2])) * number(2.0 / 9.0);
        u[3] = g[0].mul_add(number(0.25), g[1].mul_add(number(-0.5), g[2])) * number(2.0 / 9.0);
    }
    u
}

#[inline(always)]
fn number<L: Lanes>(value: f64) -> L {
    L::splat(L::Elem::from_f64(value))
}

/// One row of tiles of the source transformed: Bᵀ·d·B of tile t, place p, channel c goes to `planes[p * plane + t * C + c]`. `row` is the
/// row of tiles in its image; places outside are 0, `zeros` a row of them.
#[inline(always)]
pub(super) fn source<L: Lanes, const M: usize, const S: usize>(
    sizes: &Sizes,
    image: &[L::Elem],
    row: usize,
    zeros: &[L::Elem],
    (to, plane): (&mut [L::Elem], usize),
) {
    let ([height, width], [above, before], channels) = (sizes.source, sizes.padding, sizes.channels);
    let length = width * channels;
    let mut rows = [zeros; S];
    for (i, from) in rows.iter_mut().enumerate() {
        if let Some(at) = (M * row + i).checked_sub(above).filter(|&at| at < height) {
            *from = &image[at * length..][..length];
        }
    }
    let tiles = sizes.tiles()[1];
    for c in (0..channels).step_by(L::N) {
        // Its last two columns are the next tile's first.
        let mut d = [[L::zero(); S]; S];
        d[S - 2] = column::<L, S>(&rows, (0, before, width), channels, c);
        d[S - 1] = column::<L, S>(&rows, (1, before, width), channels, c);
        for t in 0..tiles {
            (d[0], d[1]) = (d[S - 2], d[S - 1]);
            for (j, d) in d.iter_mut().enumerate().skip(2) {
                *d = column::<L, S>(&rows, (M * t + j, before, width), channels, c);
            }
            let mut to = planes::To::<L, S>::new(to, plane, t * channels + c);
            for i in 0..S {
                let mut across = [L::zero(); S];
                for (across, d) in across.iter_mut().zip(&d) {
                    *across = d[i];
                }
                to.store(down(across));
            }
        }
    }
}

/// Bᵀ·d of column `j`, counted from where padding of `before` places starts.
#[inline(always)]
fn column<L: Lanes, const S: usize>(
    rows: &[&[L::Elem]; S],
    (j, before, width): (usize, usize, usize),
    channels: usize,
    c: usize,
) -> [L; S] {
    match j.checked_sub(before).filter(|&at| at < width) {
        None => [L::zero(); S],
        Some(at) => {
            let at = at * channels + c;
            let mut d = [L::zero(); S];
            for (d, row) in d.iter_mut().zip(rows) {
                *d = L::load(&row[at..at + L::N]);
            }
            down(d)
        }
    }
}

/// Aᵀ·m·A of a tile and a register of filters.
#[inline(always)]
pub(super) fn result<L: Lanes, const M: usize, const S: usize>(
    (from, plane): (&[L::Elem], usize),
    at: usize,
) -> [[L; M]; M] {
    let mut from = planes::From::<L, S>::new(from, plane, at);
    let mut sums = [[L::zero(); S]; M];
    for j in 0..S {
        for (sums, sum) in sums.iter_mut().zip(up::<L, M, S>(from.load())) {
            sums[j] = sum;
        }
    }
    let mut y = [[L::zero(); M]; M];
    for (y, sums) in y.iter_mut().zip(sums) {
        *y = up(sums);
    }
    y
}

/// A·dy·Aᵀ of one row of tiles of 2×2: tile t, place p, filter f goes to `planes[p * plane + t * F + f]`.
#[inline(always)]
pub(super) fn cotangent<L: Lanes>(
    sizes: &Sizes,
    image: &[L::Elem],
    row: usize,
    zeros: &[L::Elem],
    (to, plane): (&mut [L::Elem], usize),
) {
    let ([height, width], filters) = (sizes.result, sizes.filters);
    let length = width * filters;
    let mut rows = [zeros; 2];
    for (i, from) in rows.iter_mut().enumerate() {
        if 2 * row + i < height {
            *from = &image[(2 * row + i) * length..][..length];
        }
    }
    for f in (0..filters).step_by(L::N) {
        for t in 0..sizes.tiles()[1] {
            let at = 2 * t * filters + f;
            let mut z = [[L::zero(); 4]; 2];
            for (j, z) in z.iter_mut().enumerate().take(width - 2 * t) {
                let at = at + j * filters;
                let (a, b) = (L::load(&rows[0][at..at + L::N]), L::load(&rows[1][at..at + L::N]));
                *z = [a, a + b, a - b, -b];
            }
            let mut to = planes::To::<L, 4>::new(to, plane, t * filters + f);
            let [left, right] = z;
            for (a, b) in left.into_iter().zip(right) {
                to.store([a, a + b, a - b, -b]);
            }
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

/// Gᵀ·s of four numbers.
#[inline(always)]
fn gather<L: Lanes>(s: [L; 4]) -> [L; 3] {
    let half = number(0.5);
    let (sum, difference) = ((s[1] + s[2]) * half, (s[1] - s[2]) * half);
    [s[0] + sum, difference, sum + s[3]]
}

/// Gᵀ·s·G of the sixteen places of tiles of 2×2: the nine taps.
#[inline(always)]
pub(super) fn taps<L: Lanes>(s: [L; 16]) -> [[L; 3]; 3] {
    let (a, b) = (gather([s[0], s[4], s[8], s[12]]), gather([s[1], s[5], s[9], s[13]]));
    let (c, d) = (gather([s[2], s[6], s[10], s[14]]), gather([s[3], s[7], s[11], s[15]]));
    [gather([a[0], b[0], c[0], d[0]]), gather([a[1], b[1], c[1], d[1]]), gather([a[2], b[2], c[2], d[2]])]
}
