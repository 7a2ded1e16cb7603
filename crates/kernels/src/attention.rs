//! Self-attention: softmax(Q·Kᵀ/√D)·V in each head, forward and backward, without a matrix of scores in memory (Vaswani et al. 2017; Dao et al. 2022).
//!
//! Heads are computed by themselves, some rows of queries after the other: their scores with all keys that they see stay in the cache, become
//! weights there, and are multiplied with the values. Of the weights only the logarithm of each row's Σ exp(score) is kept, ℓ; backward computes
//! them again, P = exp(Q·Kᵀ/√D − ℓ), and with δ = Σ dy·y over a row: dS = P·(dy·Vᵀ − δ), dQ = dS·K/√D, dK = dSᵀ·Q/√D, dV = Pᵀ·dy.
//! Memory moved: 16 bytes a token and feature forward and 32 backward, in f32; with a causal mask some 0.6 of the products.
//!
//! A causal query sees the keys up to its own, and nothing else of the sequence, NaN and ±∞ included: where a head holds any, its queries are
//! taken one by one. A query that sees NaN or +∞ as a score has NaN for its result, as softmax has.

mod backward;
#[cfg(test)]
mod tests;

use crate::gemm::{self, Matrix};
use crate::lanes::Lanes;
use crate::lanes::window::Window;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Split};
use crate::pool::Buffer;
use crate::softmax::row::{blocks, exps, scaled};
use crate::{Float, In1};
pub use backward::{AttentionBackward, attention_backward};

/// The arguments of [`attention`].
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a, T> {
    /// Queries, keys and values of every head, side by side: `[N, T, 3, H, D]`.
    pub qkv: &'a [T],
    /// The length T of a sequence.
    pub steps: usize,
    /// Heads H.
    pub heads: usize,
    /// Features D of a head.
    pub features: usize,
    /// Whether a query sees its own key and those before it alone.
    pub causal: bool,
}

/// The result y `[N, T, H, D]`, and ℓ `[N, H, T]`, the logarithm of Σ exp(score) of every query.
///
/// ```
/// // One head of one feature, two steps: equal scores give the second step the mean of both values.
/// let qkv = [0.0f32, 0.0, 1.0, 0.0, 0.0, 3.0];
/// let (mut y, mut log_sums) = ([0.0; 2], [0.0; 2]);
/// let args = kernels::Attention { qkv: &qkv, steps: 2, heads: 1, features: 1, causal: true };
/// kernels::attention(args, &mut y, &mut log_sums);
/// assert_eq!((y, log_sums), ([1.0, 2.0], [0.0, 2.0f32.ln()]));
/// ```
///
/// # Panics
/// If `qkv` is no whole number of sequences, or if a result's length is not what its shape says.
#[track_caller]
pub fn attention<T: Float>(args: Attention<'_, T>, y: &mut [T], log_sums: &mut [T]) {
    args.check([("y", y.len())], log_sums.len());
    if y.is_empty() {
        return;
    }
    let y = Window::new(y, args.width());
    parallel::for_each(ByBatch(Heads { args, at: (0, 0), y, log_sums }), args.grain(), |_, ByBatch(heads)| {
        parallel::for_each(ByHead(heads), args.grain(), |_, ByHead(head)| level::run(Forward(head)));
    });
}

/// Scores that are held at a time, at most.
const SCORES: usize = 1 << 16;
/// Queries whose scores are held at a time: whole tiles, and few, so that a causal mask covers little of what is multiplied.
const QUERIES: usize = 48;
const LEAST_QUERIES: usize = 12;
/// Below so many multiplications everything stays on the calling thread.
const SERIAL: usize = 1 << 16;
/// Rows of scores begin at multiples of so many numbers, with one such multiple between them, so that they do not fall into the same sets of the cache.
const ALIGN: usize = 16;

impl<'a, T: Float> Attention<'a, T> {
    /// Features of all heads.
    fn width(&self) -> usize {
        self.heads * self.features
    }

    fn sequences(&self) -> usize {
        self.qkv.len().checked_div(3 * self.steps * self.width()).unwrap_or(0)
    }

    #[track_caller]
    fn check<const N: usize>(&self, results: [(&str, usize); N], log_sums: usize) {
        let Attention { qkv, steps, heads, features, .. } = *self;
        let length = qkv.len();
        let size = [3, steps, heads, features].into_iter().try_fold(1_usize, usize::checked_mul);
        let fits = size.is_some_and(|size| if size == 0 { length == 0 } else { length.is_multiple_of(size) });
        assert!(fits, "attention: qkv holds {length} numbers, no whole number of [{steps}, 3, {heads}, {features}]");
        let n = self.sequences();
        for (name, numbers) in results {
            let fits = numbers == length / 3;
            assert!(
                fits,
                "attention: {name} holds {numbers} numbers, its shape is [{n}, {steps}, {heads}, {features}]"
            );
        }
        let fits = log_sums == n * heads * steps;
        assert!(fits, "attention: log_sums holds {log_sums} numbers, its shape is [{n}, {heads}, {steps}]");
    }

    /// 1/√D
    fn scale(&self) -> T {
        T::from_f64(1.0 / (self.features as f64).sqrt())
    }

    /// One head of one sequence is the least that a thread takes.
    fn grain(&self) -> Grain {
        let work = self.qkv.len() * self.steps;
        Grain { chunk: 1, serial: if work < SERIAL { usize::MAX } else { 0 } }
    }

    /// Queries (0), keys (1) or values (2) of a head: `[T, D]`.
    fn part(&self, (sequence, head): (usize, usize), which: usize) -> Matrix<'a, T> {
        let row = 3 * self.width();
        let at = sequence * self.steps * row + which * self.width() + head * self.features;
        Matrix { values: &self.qkv[at..], row, column: 1 }
    }

    /// Queries at a time, for a head whose numbers are all finite or not.
    fn queries(&self, is_finite: bool) -> usize {
        match self.causal && !is_finite {
            true => 1,
            false => (SCORES / self.steps).clamp(LEAST_QUERIES, QUERIES) / LEAST_QUERIES * LEAST_QUERIES,
        }
    }

    /// Keys that query `i` sees.
    #[inline(always)]
    fn seen(&self, i: usize) -> usize {
        if self.causal { i + 1 } else { self.steps }
    }

    /// From row to row of scores.
    fn stride(&self) -> usize {
        self.steps.next_multiple_of(ALIGN) + ALIGN
    }
}

/// Some heads of some sequences, and where their results go.
struct Heads<'a, T> {
    args: Attention<'a, T>,
    /// The first sequence and head.
    at: (usize, usize),
    y: Window<'a, T>,
    log_sums: &'a mut [T],
}

/// By sequences.
struct ByBatch<'a, T>(Heads<'a, T>);

impl<T: Float> Split for ByBatch<'_, T> {
    fn len(&self) -> usize {
        self.0.y.rows() / self.0.args.steps
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Heads { args, at: (sequence, head), y, log_sums } = self.0;
        let (top, bottom) = y.split_rows(at * args.steps);
        let (first, rest) = log_sums.split_at_mut(at * args.steps * args.heads);
        let of = |sequence, y, log_sums| ByBatch(Heads { args, at: (sequence, head), y, log_sums });
        (of(sequence, top, first), of(sequence + at, bottom, rest))
    }
}

/// By heads of one sequence.
struct ByHead<'a, T>(Heads<'a, T>);

impl<T: Float> Split for ByHead<'_, T> {
    fn len(&self) -> usize {
        self.0.y.columns() / self.0.args.features
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Heads { args, at: (sequence, head), y, log_sums } = self.0;
        let (left, right) = y.split_columns(at * args.features);
        let (first, rest) = log_sums.split_at_mut(at * args.steps);
        let of = |head, y, log_sums| ByHead(Heads { args, at: (sequence, head), y, log_sums });
        (of(head, left, first), of(head + at, right, rest))
    }
}

/// A copy of a head's part, rows after rows.
#[inline(always)]
fn copied<T: Float>(from: Matrix<'_, T>, rows: usize, width: usize, factor: T) -> Buffer<T> {
    let mut to = Buffer::new(rows * width);
    for (i, to) in to.chunks_exact_mut(width).enumerate() {
        for (to, &number) in to.iter_mut().zip(&from.values[i * from.row..][..width]) {
            *to = number * factor;
        }
    }
    to
}

/// A copy by columns: feature after feature, `stride` numbers for each.
#[inline(always)]
fn transposed<L: Lanes>(from: Matrix<'_, L::Elem>, rows: usize, width: usize, stride: usize) -> Buffer<L::Elem> {
    let mut to = Buffer::new(width * stride);
    gemm::pack::<L>(from, rows, width, &mut to, stride);
    to
}

fn rows_of<T>(values: &[T], row: usize) -> Matrix<'_, T> {
    Matrix { values, row, column: 1 }
}

/// Whether a head's part is finite: 0·x is 0 then, and adds up to 0. In four sums, which do not wait for each other.
#[inline(always)]
fn is_finite<L: Lanes>(part: Matrix<'_, L::Elem>, rows: usize, width: usize) -> bool {
    let (zero, mut sums, mut rest) = (L::zero(), [L::zero(); 4], L::Elem::ZERO);
    for i in 0..rows {
        let mut fours = part.values[i * part.row..][..width].chunks_exact(4 * L::N);
        for four in &mut fours {
            for (sum, numbers) in sums.iter_mut().zip(four.chunks_exact(L::N)) {
                *sum = L::load(numbers).mul_add(zero, *sum);
            }
        }
        let mut registers = fours.remainder().chunks_exact(L::N);
        for (sum, numbers) in sums.iter_mut().zip(&mut registers) {
            *sum = L::load(numbers).mul_add(zero, *sum);
        }
        for &number in registers.remainder() {
            rest += number * L::Elem::ZERO;
        }
    }
    let [a, b, c, d] = sums;
    ((a + b) + (c + d)).reduce_add() + rest == L::Elem::ZERO
}

/// One head of one sequence.
struct Forward<'a, T>(Heads<'a, T>);

impl<T: Float> Kernel<T> for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Heads { args, at, mut y, log_sums } = self.0;
        let Attention { steps, features, .. } = args;
        let [q, k, v] = [0, 1, 2].map(|which| args.part(at, which));
        let finite = [q, k, v].into_iter().all(|part| is_finite::<L>(part, steps, features));
        let (stride, at_a_time) = (args.stride(), args.queries(finite));
        let keys = transposed::<L>(k, steps, features, stride);
        let values = copied(v, steps, features, T::ONE);
        let scale = args.scale();
        let mut scores = Buffer::<T>::new(at_a_time.min(steps) * stride);
        let mut shifts = Buffer::<T>::new(blocks(steps));
        for first in (0..steps).step_by(at_a_time) {
            let count = at_a_time.min(steps - first);
            let limit = args.seen(first + count - 1);
            let queries = copied(q.below(first), count, features, scale);
            let (window, _) = Window::new(&mut scores[..count * stride], stride).split_columns(limit);
            gemm::within(rows_of(&queries, features), rows_of(&keys, stride), window, features, false);
            for (i, row) in scores.chunks_exact_mut(stride).take(count).enumerate() {
                let (row, covered) = row[..limit].split_at_mut(args.seen(first + i));
                covered.fill(T::ZERO);
                let shifts = &mut shifts[..blocks(row.len())];
                let total = exps::<L, _>(&mut In1::Over { x: row }, shifts);
                scaled::<L, false>(In1::Over { x: row }, shifts, total, 1.0, 0.0);
                log_sums[first + i] = T::from_f64(total.max + total.sum.ln());
            }
            let (these, rest) = y.split_rows(count);
            gemm::within(rows_of(&scores, stride), rows_of(&values, features), these, limit, false);
            y = rest;
        }
    }
}
