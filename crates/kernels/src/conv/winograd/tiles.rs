//! The transforms of tiles: a register of channels at a time, in vectors that lie side by side.

use super::{PLACES, Sizes};
use crate::lanes::Lanes;

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
    (planes, plane): (&mut [L::Elem], usize),
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
            for i in 0..4 {
                let across = down([left[0][i], left[1][i], right[0][i], right[1][i]]);
                for (j, &value) in across.iter().enumerate() {
                    let at = (4 * i + j) * plane + t * channels + c;
                    value.store(&mut planes[at..at + L::N]);
                }
            }
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
pub(super) fn result<L: Lanes>((planes, plane): (&[L::Elem], usize), at: usize) -> [L; 4] {
    let mut sums = [[L::zero(); 4]; 2];
    for j in 0..4 {
        let mut m = [L::zero(); 4];
        for (i, m) in m.iter_mut().enumerate() {
            *m = L::load(&planes[(4 * i + j) * plane + at..][..L::N]);
        }
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
    (planes, plane): (&mut [L::Elem], usize),
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
            let mut z = [[L::zero(); 2]; 4];
            for j in 0..2.min(width - 2 * t) {
                let [a, b] = rows.map(|row| L::load(&row[at + j * filters..][..L::N]));
                (z[0][j], z[1][j], z[2][j], z[3][j]) = (a, a + b, a - b, -b);
            }
            for (i, [a, b]) in z.into_iter().enumerate() {
                for (j, value) in [a, a + b, a - b, -b].into_iter().enumerate() {
                    let to = (4 * i + j) * plane + t * filters + f;
                    value.store(&mut planes[to..to + L::N]);
                }
            }
        }
    }
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
    let columns = [0, 1, 2].map(|j| spread([g[0][j], g[1][j], g[2][j]]));
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
    let columns = [0, 1, 2, 3].map(|j| gather([s[j], s[4 + j], s[8 + j], s[12 + j]]));
    [0, 1, 2].map(|i| gather([columns[0][i], columns[1][i], columns[2][i], columns[3][i]]))
}
