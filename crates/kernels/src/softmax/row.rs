//! Rows of logits: block by block through the cache, or, where they are short, a register of rows at a time.

use crate::lanes::{Lanes, MAX_LANES};
use crate::math::exp_lanes;
use crate::parallel::Split;
use crate::{Float, In1};

/// Numbers whose maximum, exponentials and sum are taken while they stay in L1: memory and arithmetic then overlap, where a
/// pass of its own for the maximum of a long row would wait for memory alone.
const BLOCK: usize = 2048;

/// Rows up to this length are taken a register of rows at a time.
pub(crate) const SHORT: usize = 16;

impl<T: Float> Split for In1<'_, T> {
    fn len(&self) -> usize {
        In1::len(self)
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        In1::split_at(self, at)
    }
}

impl<T> In1<'_, T> {
    /// The same `length` elements from `at`, borrowed.
    #[inline(always)]
    pub(crate) fn part(&mut self, at: usize, length: usize) -> In1<'_, T> {
        match self {
            In1::From { x, y } => In1::From { x: &x[at..at + length], y: &mut y[at..at + length] },
            In1::Over { x } => In1::Over { x: &mut x[at..at + length] },
        }
    }

    /// The argument.
    #[inline(always)]
    pub(crate) fn numbers(&self) -> &[T] {
        match self {
            In1::From { x, .. } => x,
            In1::Over { x } => x,
        }
    }

    /// The result.
    #[inline(always)]
    pub(crate) fn result(&mut self) -> &mut [T] {
        match self {
            In1::From { y, .. } => y,
            In1::Over { x } => x,
        }
    }
}

/// What a loop does with each register. A trait and not a closure: a closure that is not inlined is compiled without the
/// level's instructions.
pub(crate) trait Step<L: Lanes> {
    fn step(&mut self, x: L) -> L;
}

/// `y = step(x)`, register by register; beyond the end the step sees `fill`.
#[inline(always)]
pub(crate) fn apply<L: Lanes, S: Step<L>, const STREAMS: bool>(io: In1<'_, L::Elem>, fill: L::Elem, step: &mut S) {
    match io {
        In1::From { x, y } => {
            let (mut x, mut y) = (x.chunks_exact(L::N), y.chunks_exact_mut(L::N));
            for (x, y) in (&mut x).zip(&mut y) {
                let result = step.step(L::load(x));
                if STREAMS {
                    result.stream(y);
                } else {
                    result.store(y);
                }
            }
            let (x, y) = (x.remainder(), y.into_remainder());
            if !x.is_empty() {
                step.step(L::load_padded(x, fill)).store_prefix(y);
            }
        }
        In1::Over { x } => {
            let mut x = x.chunks_exact_mut(L::N);
            for x in &mut x {
                step.step(L::load(x)).store(x);
            }
            let x = x.into_remainder();
            if !x.is_empty() {
                step.step(L::load_padded(x, fill)).store_prefix(x);
            }
        }
    }
}

/// Takes the step for every register, for what it gathers; beyond the end it sees `fill`.
#[inline(always)]
pub(crate) fn visit<L: Lanes, S: Step<L>>(x: &[L::Elem], fill: L::Elem, step: &mut S) {
    let mut x = x.chunks_exact(L::N);
    for x in &mut x {
        step.step(L::load(x));
    }
    if !x.remainder().is_empty() {
        step.step(L::load_padded(x.remainder(), fill));
    }
}

/// The larger of both; NaN in `x` is dropped.
struct Largest<L>(L);

impl<L: Lanes> Step<L> for Largest<L> {
    #[inline(always)]
    fn step(&mut self, x: L) -> L {
        self.0 = x.max(self.0);
        self.0
    }
}

/// exp(x − shift), added up.
struct ExpSum<L> {
    shift: L,
    sum: L,
}

impl<L: Lanes> Step<L> for ExpSum<L> {
    #[inline(always)]
    fn step(&mut self, x: L) -> L {
        let exp = exp_lanes(x - self.shift);
        self.sum = self.sum + exp;
        exp
    }
}

/// x · factor + addend
struct Line<L> {
    factor: L,
    addend: L,
}

impl<L: Lanes> Step<L> for Line<L> {
    #[inline(always)]
    fn step(&mut self, x: L) -> L {
        x.mul_add(self.factor, self.addend)
    }
}

/// The largest of at most [`BLOCK`] numbers; NaN is dropped, it shows in the sum.
#[inline(always)]
fn largest<L: Lanes>(x: &[L::Elem]) -> L::Elem {
    let least = -L::Elem::INFINITY;
    let mut best = [L::splat(least); 4];
    let mut fours = x.chunks_exact(4 * L::N);
    for four in &mut fours {
        for (best, x) in best.iter_mut().zip(four.chunks_exact(L::N)) {
            *best = L::load(x).max(*best);
        }
    }
    let mut rest = Largest(best[0]);
    visit(fours.remainder(), least, &mut rest);
    let mut lanes = rest.0.max(best[1]).max(best[2].max(best[3])).to_array();
    let mut half = L::N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = if lanes[i] > lanes[i + half] { lanes[i] } else { lanes[i + half] };
        }
        half /= 2;
    }
    lanes[0]
}

/// A row that can take exponentials of its parts.
pub(crate) trait Exps<T> {
    fn numbers(&self) -> &[T];
    /// Σ exp(x − shift) over a part.
    fn exps<L: Lanes<Elem = T>>(&mut self, at: usize, length: usize, shift: L) -> L;
}

/// Sums only.
impl<T: Float> Exps<T> for &[T] {
    #[inline(always)]
    fn numbers(&self) -> &[T] {
        self
    }
    #[inline(always)]
    fn exps<L: Lanes<Elem = T>>(&mut self, at: usize, length: usize, shift: L) -> L {
        let mut step = ExpSum { shift, sum: L::zero() };
        visit(&self[at..at + length], -T::INFINITY, &mut step);
        step.sum
    }
}

/// Writes the exponentials too.
impl<T: Float> Exps<T> for In1<'_, T> {
    #[inline(always)]
    fn numbers(&self) -> &[T] {
        In1::numbers(self)
    }
    #[inline(always)]
    fn exps<L: Lanes<Elem = T>>(&mut self, at: usize, length: usize, shift: L) -> L {
        let mut step = ExpSum { shift, sum: L::zero() };
        apply::<L, _, false>(self.part(at, length), -T::INFINITY, &mut step);
        step.sum
    }
}

/// How many blocks a row has.
pub(crate) fn blocks(length: usize) -> usize {
    length.div_ceil(BLOCK)
}

/// The maximum of a row and Σ exp(x − maximum): NaN where a number is NaN or +∞, or all are −∞.
#[derive(Clone, Copy)]
pub(crate) struct Total {
    pub(crate) max: f64,
    pub(crate) sum: f64,
}

impl Total {
    /// What the exponentials of a block with this shift are short of.
    #[inline(always)]
    fn factor(self, shift: f64) -> f64 {
        if shift == self.max {
            1.0
        } else if shift == f64::NEG_INFINITY {
            0.0
        } else {
            (shift - self.max).exp()
        }
    }
}

/// Takes exponentials, each block's shifted by the largest number up to its end; `shifts` holds one number for each block.
/// [`scaled`] makes up for the differences.
#[inline(always)]
pub(crate) fn exps<L: Lanes, R: Exps<L::Elem>>(row: &mut R, shifts: &mut [L::Elem]) -> Total {
    let (mut max, mut sum) = (-L::Elem::INFINITY, 0.0);
    let length = row.numbers().len();
    for (block, shift) in shifts.iter_mut().enumerate() {
        let at = block * BLOCK;
        let n = BLOCK.min(length - at);
        let high = largest::<L>(&row.numbers()[at..at + n]);
        if high > max {
            if block > 0 {
                sum *= (max - high).to_f64().exp();
            }
            max = high;
        }
        *shift = max;
        let finite = if max == -L::Elem::INFINITY { L::Elem::ZERO } else { max };
        sum += row.exps(at, n, L::splat(finite)).reduce_add().to_f64();
    }
    if max == -L::Elem::INFINITY {
        sum = f64::NAN;
    }
    Total { max: max.to_f64(), sum }
}

/// `y = x · scale / sum − less` where x are the exponentials that [`exps`] took.
#[inline(always)]
pub(crate) fn scaled<L: Lanes, const STREAMS: bool>(
    mut io: In1<'_, L::Elem>,
    shifts: &[L::Elem],
    total: Total,
    scale: f64,
    less: f64,
) {
    let length = io.len();
    let addend = L::splat(L::Elem::from_f64(-less));
    for (block, &shift) in shifts.iter().enumerate() {
        let at = block * BLOCK;
        let factor = L::splat(L::Elem::from_f64(scale / total.sum * total.factor(shift.to_f64())));
        let part = io.part(at, BLOCK.min(length - at));
        apply::<L, _, STREAMS>(part, L::Elem::ZERO, &mut Line { factor, addend });
    }
}

/// What the exponential of the element at `index` is multiplied with to be exp(x − maximum).
#[inline(always)]
pub(crate) fn factor_at<T: Float>(index: usize, shifts: &[T], total: Total) -> f64 {
    total.factor(shifts[index / BLOCK].to_f64())
}

/// Column `j` of at most `N` rows of `width` numbers.
#[inline(always)]
pub(crate) fn column<L: Lanes>(rows: &[L::Elem], width: usize, j: usize) -> L {
    let mut column = [L::Elem::ZERO; MAX_LANES];
    for (to, row) in column[..L::N].iter_mut().zip(rows.chunks_exact(width)) {
        *to = row[j];
    }
    L::load(&column)
}

/// Writes column `j` of as many rows as there are.
#[inline(always)]
pub(crate) fn store_column<L: Lanes>(column: L, rows: &mut [L::Elem], width: usize, j: usize) {
    for (row, lane) in rows.chunks_exact_mut(width).zip(column.to_array()) {
        row[j] = lane;
    }
}

/// The columns of at most `N` short rows, their exponentials and what they add up to, row beside row.
pub(crate) struct ShortRows<L> {
    pub(crate) max: L,
    pub(crate) exps: [L; SHORT],
    pub(crate) sum: L,
}

impl<L: Lanes> ShortRows<L> {
    #[inline(always)]
    pub(crate) fn new(rows: &[L::Elem], width: usize) -> Self {
        let mut exps = [L::zero(); SHORT];
        let mut max = L::splat(-L::Elem::INFINITY);
        for (j, to) in exps[..width].iter_mut().enumerate() {
            *to = column(rows, width, j);
            max = to.max(max);
        }
        let mut sum = L::zero();
        for to in &mut exps[..width] {
            *to = exp_lanes(*to - max);
            sum = sum + *to;
        }
        ShortRows { max, exps, sum }
    }
}
