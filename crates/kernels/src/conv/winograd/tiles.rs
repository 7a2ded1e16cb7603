//! The transforms of tiles: a register of channels at a time, in vectors that lie side by side.

use super::{PLACES, Sizes};
use crate::lanes::{Lanes, planes};

/// Bᵀ·d of one column of d.
#[inline(always)]
fn down<L: Lanes>(d: [L; 4]) -> [L; 4] {
    [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]
}

/// One row of tiles of the source transformed: Bᵀ·d·B of tile t, place p, channel c goes to `planes[p * plane + t * C + c]`. `row` is the
/// row of tiles in its image; places outside are 0, `zeros` a row of them.
#[inline(always)]
pub(super) fn source<L: Lanes>(
    sizes: &Sizes,
    image: &[L::Elem],
    row: usize,
    zeros: &[L::Elem],
    (to, plane): (&mut [L::Elem], usize),
) {
    let ([height, width], [above, before], channels) = (sizes.source, sizes.padding, sizes.channels);
    let length = width * channels;
    let mut rows = [zeros; 4];
    for (i, from) in rows.iter_mut().enumerate() {
        if let Some(at) = (2 * row + i).checked_sub(above).filter(|&at| at < height) {
            *from = &image[at * length..][..length];
        }
    }
    let tiles = sizes.tiles()[1];
    for c in (0..channels).step_by(L::N) {
        let mut left =
            [column::<L>(&rows, (0, before, width), channels, c), column::<L>(&rows, (1, before, width), channels, c)];
        for t in 0..tiles {
            let right = [
                column::<L>(&rows, (2 * t + 2, before, width), channels, c),
                column::<L>(&rows, (2 * t + 3, before, width), channels, c),
            ];
            let mut values = [[L::zero(); 4]; 4];
            for (i, values) in values.iter_mut().enumerate() {
                *values = down([left[0][i], left[1][i], right[0][i], right[1][i]]);
            }
            planes::store(flat(values), to, plane, t * channels + c);
            left = right;
        }
    }
}

/// Bᵀ·d of column `j`, counted from where padding of `before` places starts.
#[inline(always)]
fn column<L: Lanes>(
    rows: &[&[L::Elem]; 4],
    (j, before, width): (usize, usize, usize),
    channels: usize,
    c: usize,
) -> [L; 4] {
    match j.checked_sub(before).filter(|&at| at < width) {
        None => [L::zero(); 4],
        Some(at) => {
            let at = at * channels + c;
            let mut d = [L::zero(); 4];
            for (d, row) in d.iter_mut().zip(rows) {
                *d = L::load(&row[at..at + L::N]);
            }
            down(d)
        }
    }
}

/// Aᵀ·m·A of tile t and a register of filters: the places (0, 0), (0, 1), (1, 0), (1, 1).
#[inline(always)]
pub(super) fn result<L: Lanes>((from, plane): (&[L::Elem], usize), at: usize) -> [L; 4] {
    let m: [L; PLACES] = planes::load(from, plane, at);
    let mut sums = [[L::zero(); 4]; 2];
    for j in 0..4 {
        let m = [m[j], m[4 + j], m[8 + j], m[12 + j]];
        (sums[0][j], sums[1][j]) = ((m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]);
    }
    let [s, t] = sums;
    [(s[0] + s[1]) + s[2], (s[1] - s[2]) - s[3], (t[0] + t[1]) + t[2], (t[1] - t[2]) - t[3]]
}

/// A·dy·Aᵀ of one row of tiles: tile t, place p, filter f goes to `planes[p * plane + t * F + f]`.
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
            let mut values = [[L::zero(); 4]; 4];
            for (i, values) in values.iter_mut().enumerate() {
                let (a, b) = (z[0][i], z[1][i]);
                *values = [a, a + b, a - b, -b];
            }
            planes::store(flat(values), to, plane, t * filters + f);
        }
    }
}

/// Row by row.
#[inline(always)]
fn flat<L: Lanes>([a, b, c, d]: [[L; 4]; 4]) -> [L; PLACES] {
    [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]]
}

/// G·g of three numbers.
#[inline(always)]
fn spread<L: Lanes>(g: [L; 3]) -> [L; 4] {
    let half = L::splat(crate::Float::from_f64(0.5));
    let ends = g[0] + g[2];
    [g[0], (ends + g[1]) * half, (ends - g[1]) * half, g[2]]
}

/// G·g·Gᵀ of nine taps.
#[inline(always)]
pub(super) fn weights<L: Lanes>(g: [[L; 3]; 3]) -> [L; PLACES] {
    let [a, b, c] = g;
    let columns = [spread([a[0], b[0], c[0]]), spread([a[1], b[1], c[1]]), spread([a[2], b[2], c[2]])];
    let mut u = [L::zero(); PLACES];
    for i in 0..4 {
        let row = spread([columns[0][i], columns[1][i], columns[2][i]]);
        u[4 * i..4 * i + 4].copy_from_slice(&row);
    }
    u
}

/// Gᵀ·s of four numbers.
#[inline(always)]
fn gather<L: Lanes>(s: [L; 4]) -> [L; 3] {
    let half = L::splat(crate::Float::from_f64(0.5));
    let (sum, difference) = ((s[1] + s[2]) * half, (s[1] - s[2]) * half);
    [s[0] + sum, difference, sum + s[3]]
}

/// Gᵀ·s·G of sixteen places: the nine taps.
#[inline(always)]
pub(super) fn taps<L: Lanes>(s: [L; PLACES]) -> [[L; 3]; 3] {
    let (a, b) = (gather([s[0], s[4], s[8], s[12]]), gather([s[1], s[5], s[9], s[13]]));
    let (c, d) = (gather([s[2], s[6], s[10], s[14]]), gather([s[3], s[7], s[11], s[15]]));
    [gather([a[0], b[0], c[0], d[0]]), gather([a[1], b[1], c[1], d[1]]), gather([a[2], b[2], c[2], d[2]])]
}
