//! From dy to the gradients of queries, keys and values.

use super::{Attention, copied, is_finite, rows_of, transposed};
use crate::Float;
use crate::gemm::{self, Matrix};
use crate::lanes::Lanes;
use crate::lanes::window::Window;
use crate::level::{self, Kernel};
use crate::math::exp_lanes;
use crate::parallel::{self, Split};
use crate::pool::Buffer;
use crate::softmax::register;

/// The arguments of [`attention_backward`].
#[derive(Debug)]
pub struct AttentionBackward<'a, T> {
    /// As they were forward.
    pub attention: Attention<'a, T>,
    /// The result, `[N, T, H, D]`.
    pub y: &'a [T],
    /// The logarithm of Σ exp(score) of every query, `[N, H, T]`.
    pub log_sums: &'a [T],
    /// The result's gradient, `[N, T, H, D]`.
    pub dy: &'a [T],
    /// The gradient of queries, keys and values, `[N, T, 3, H, D]`: written, never read.
    pub d_qkv: &'a mut [T],
}

/// The gradient of [`attention`](super::attention).
///
/// # Panics
/// As [`attention`](super::attention), if a slice's length is not what its shape says.
#[track_caller]
pub fn attention_backward<T: Float>(args: AttentionBackward<'_, T>) {
    let AttentionBackward { attention, y, log_sums, dy, d_qkv } = args;
    attention.check([("y", y.len()), ("dy", dy.len())], log_sums.len());
    let (own, whole) = (d_qkv.len(), attention.qkv.len());
    assert!(own == whole, "attention: d_qkv holds {own} numbers, qkv {whole}");
    if y.is_empty() {
        return;
    }
    let (d_q, rest) = Window::new(d_qkv, 3 * attention.width()).split_columns(attention.width());
    let (d_k, d_v) = rest.split_columns(attention.width());
    let heads = Heads { attention, y, log_sums, dy, at: (0, 0), gradients: [d_q, d_k, d_v] };
    parallel::for_each(ByBatch(heads), attention.grain(), |_, ByBatch(heads)| {
        parallel::for_each(ByHead(heads), attention.grain(), |_, ByHead(head)| level::run(Backward(head)));
    });
}

/// Some heads of some sequences, and where their gradients go.
struct Heads<'a, T> {
    attention: Attention<'a, T>,
    /// Of all sequences and heads.
    y: &'a [T],
    log_sums: &'a [T],
    dy: &'a [T],
    /// The first sequence and head.
    at: (usize, usize),
    /// To queries, keys and values.
    gradients: [Window<'a, T>; 3],
}

/// By sequences.
struct ByBatch<'a, T>(Heads<'a, T>);

impl<T: Float> Split for ByBatch<'_, T> {
    fn len(&self) -> usize {
        self.0.gradients[0].rows() / self.0.attention.steps
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Heads { attention, at: (sequence, head), gradients, .. } = self.0;
        let [q, k, v] = gradients.map(|window| window.split_rows(at * attention.steps));
        let second = Heads { at: (sequence + at, head), gradients: [q.1, k.1, v.1], ..self.0 };
        (ByBatch(Heads { gradients: [q.0, k.0, v.0], ..self.0 }), ByBatch(second))
    }
}

/// By heads of one sequence.
struct ByHead<'a, T>(Heads<'a, T>);

impl<T: Float> Split for ByHead<'_, T> {
    fn len(&self) -> usize {
        self.0.gradients[0].columns() / self.0.attention.features
    }
    fn split_at(self, at: usize) -> (Self, Self) {
        let Heads { attention, at: (sequence, head), gradients, .. } = self.0;
        let [q, k, v] = gradients.map(|window| window.split_columns(at * attention.features));
        let second = Heads { at: (sequence, head + at), gradients: [q.1, k.1, v.1], ..self.0 };
        (ByHead(Heads { gradients: [q.0, k.0, v.0], ..self.0 }), ByHead(second))
    }
}

/// One head of one sequence.
struct Backward<'a, T>(Heads<'a, T>);

impl<T: Float> Kernel<T> for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        let Heads { attention, y, log_sums, dy, at, gradients: [mut d_q, mut d_k, mut d_v] } = self.0;
        let Attention { steps, heads, features, .. } = attention;
        let [q, k, v] = [0, 1, 2].map(|which| attention.part(at, which));
        let [y, dy] = [y, dy].map(|numbers| head_of(numbers, &attention, at));
        let log_sums = &log_sums[(at.0 * heads + at.1) * steps..][..steps];
        let finite = [q, k, v, dy].into_iter().all(|part| is_finite::<L>(part, steps, features));
        let (stride, at_a_time, scale) = (attention.stride(), attention.queries(finite), attention.scale());
        // Not by `map` of an array, whose closure the compiler does not put into the code of this level.
        let keys = transposed::<L>(k, steps, features, stride);
        let values = transposed::<L>(v, steps, features, stride);
        let scaled_keys = copied(k, steps, features, scale);
        let [mut weights, mut slopes] = [(); 2].map(|()| Buffer::<T>::new(at_a_time.min(steps) * stride));
        // From the last queries on: they see all keys, whose sums start with them.
        for first in (0..steps).step_by(at_a_time).rev() {
            let count = at_a_time.min(steps - first);
            let limit = attention.seen(first + count - 1);
            let queries = copied(q.below(first), count, features, scale);
            let (queries, dy) = (rows_of(&queries, features), dy.below(first));
            for (to, a, b) in [(&mut weights, queries, &keys), (&mut slopes, dy, &values)] {
                let (window, _) = Window::new(&mut to[..count * stride], stride).split_columns(limit);
                gemm::within(a, rows_of(b, stride), window, features, false);
            }
            let rows = weights.chunks_exact_mut(stride).zip(slopes.chunks_exact_mut(stride)).take(count);
            for (i, (weights, slopes)) in rows.enumerate() {
                let seen = attention.seen(first + i);
                weights[seen..limit].fill(T::ZERO);
                slopes[seen..limit].fill(T::ZERO);
                let delta = dot::<L>(row(y, first + i, features), row(dy, i, features));
                weights_and_slopes::<L>(&mut weights[..seen], &mut slopes[..seen], log_sums[first + i], delta);
            }
            let these = d_q.some_rows(first, count);
            gemm::within(rows_of(&slopes, stride), rows_of(&scaled_keys, features), these, limit, false);
            let add = first + count < steps;
            for (left, right, to) in [(&slopes, queries, &mut d_k), (&weights, dy, &mut d_v)] {
                let left = Matrix { values: left, row: 1, column: stride };
                gemm::within(left, right, to.some_rows(0, limit), count, add);
            }
        }
    }
}

/// A head's rows of a value `[N, T, H, D]`.
fn head_of<'a, T: Float>(numbers: &'a [T], of: &Attention<'_, T>, (sequence, head): (usize, usize)) -> Matrix<'a, T> {
    rows_of(&numbers[sequence * of.steps * of.width() + head * of.features..], of.width())
}

fn row<T>(of: Matrix<'_, T>, i: usize, width: usize) -> &[T] {
    &of.values[i * of.row..][..width]
}

#[inline(always)]
fn dot<L: Lanes>(x: &[L::Elem], y: &[L::Elem]) -> L::Elem {
    let mut sum = L::zero();
    for at in (0..x.len()).step_by(L::N) {
        sum = register::<L>(x, at).mul_add(register(y, at), sum);
    }
    sum.reduce_add()
}

/// From scores to weights, p = exp(s − ℓ), and from their gradients to those of the scores, p·(dp − δ).
#[inline(always)]
fn weights_and_slopes<L: Lanes>(scores: &mut [L::Elem], slopes: &mut [L::Elem], log_sum: L::Elem, delta: L::Elem) {
    let (log_sum, delta) = (L::splat(log_sum), L::splat(delta));
    for (s, d) in scores.chunks_mut(L::N).zip(slopes.chunks_mut(L::N)) {
        let p = exp_lanes(register::<L>(s, 0) - log_sum);
        let slope = p * (register::<L>(d, 0) - delta);
        p.store_prefix(s);
        slope.store_prefix(d);
    }
}
