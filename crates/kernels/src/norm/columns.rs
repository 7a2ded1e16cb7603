//! A walk over `[rows, features]` by registers of features, whose sums stay in registers from the first row to the last.

use crate::Float as _;
use crate::lanes::Lanes;

/// What is done with each register of numbers.
pub(super) trait Columns<L: Lanes> {
    /// What is known of a register of features.
    type Features: Copy;
    /// What is summed over rows.
    type Sums: Copy;
    fn zero() -> Self::Sums;

    /// Of `width` features from the given one on.
    fn features(&self, feature: usize, width: usize) -> Self::Features;
    /// The numbers from `at` on.
    fn visit(&mut self, at: usize, width: usize, features: Self::Features, sums: Self::Sums) -> Self::Sums;
    fn join(a: Self::Sums, b: Self::Sums) -> Self::Sums;
    fn keep(&mut self, feature: usize, width: usize, sums: Self::Sums);
}

/// Visits all numbers of `rows` rows.
#[inline(always)]
pub(super) fn walk<L: Lanes, C: Columns<L>>(columns: &mut C, rows: usize, features: usize) {
    let mut feature = 0;
    while feature + 2 * L::N <= features {
        block::<L, C, 2, 2>(columns, (rows, features), feature, L::N);
        feature += 2 * L::N;
    }
    while feature + L::N <= features {
        block::<L, C, 1, 4>(columns, (rows, features), feature, L::N);
        feature += L::N;
    }
    if feature < features {
        block::<L, C, 1, 1>(columns, (rows, features), feature, features - feature);
    }
}

/// W registers of features, R rows at a time.
#[inline(always)]
fn block<L: Lanes, C: Columns<L>, const W: usize, const R: usize>(
    columns: &mut C,
    (rows, features): (usize, usize),
    feature: usize,
    width: usize,
) {
    let mut known = [columns.features(feature, width); W];
    for (w, known) in known.iter_mut().enumerate() {
        *known = columns.features(feature + w * L::N, width);
    }
    let mut sums = [[C::zero(); W]; R];
    let mut row = 0;
    while row + R <= rows {
        for (r, sums) in sums.iter_mut().enumerate() {
            for (w, (sums, known)) in sums.iter_mut().zip(known).enumerate() {
                *sums = columns.visit((row + r) * features + feature + w * L::N, width, known, *sums);
            }
        }
        row += R;
    }
    while row < rows {
        for (w, (sums, known)) in sums[0].iter_mut().zip(known).enumerate() {
            *sums = columns.visit(row * features + feature + w * L::N, width, known, *sums);
        }
        row += 1;
    }
    for w in 0..W {
        let mut total = sums[0][w];
        for sums in &sums[1..] {
            total = C::join(total, sums[w]);
        }
        columns.keep(feature + w * L::N, width, total);
    }
}

/// `width` numbers from `at` on; lanes beyond them are 0.
#[inline(always)]
pub(super) fn read<L: Lanes>(from: &[L::Elem], at: usize, width: usize) -> L {
    match width == L::N {
        true => L::load(&from[at..at + L::N]),
        false => L::load_padded(&from[at..at + width], L::Elem::ZERO),
    }
}

/// The first `width` lanes go to `at` on, past the cache if that is asked for.
#[inline(always)]
pub(super) fn write<L: Lanes>(lanes: L, to: &mut [L::Elem], at: usize, width: usize, streams: bool) {
    match (width == L::N, streams) {
        (true, true) => lanes.stream(&mut to[at..at + L::N]),
        (true, false) => lanes.store(&mut to[at..at + L::N]),
        (false, _) => lanes.store_prefix(&mut to[at..at + width]),
    }
}

/// Adds the first lanes to numbers in f64.
#[inline(always)]
pub(super) fn add<L: Lanes>(lanes: L, to: &mut [f64]) {
    for (to, from) in to.iter_mut().zip(lanes.to_array()) {
        *to += from.to_f64();
    }
}
