//! self_attention: y = softmax(Q·Kᵀ/√d)·V in each head, of x that holds Q, K and V of all heads side by side (Vaswani et al. 2017).
//!
//! With P the softmax of a head: dV = Pᵀ·dy, dP = dy·Vᵀ, dS = P·(dP − Σ dP·P), dQ = dS·K/√d, dK = dSᵀ·Q/√d. No matrix of scores is kept: backward
//! computes P again from Q, K and a number for each query (Dao et al. 2022). With a causal mask query i sees keys 0 to i, and nothing of the rest.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! // One head of one feature: queries and keys are 0, so that each step has the mean of the values up to its own.
//! let x = tape.var(Tensor::from([[[0.0, 0.0, 1.0], [0.0, 0.0, 3.0]]]));
//! let y = x.clone().self_attention(1, true);
//! assert_eq!(y.to_vec(), [1.0, 2.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.0, 0.0, 1.5, 0.0, 0.0, 0.5]);
//! ```

use super::elementwise::slice;
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var, keep};
use kernels::{Attention, AttentionBackward};

/// The operand is x `[N, T, 3·D]`.
struct SelfAttention<T: Float> {
    heads: usize,
    causal: bool,
    /// ln Σ exp(score) of every query, `[N, H, T]`, since forward.
    log_sums: Option<Tensor<T>>,
}

impl<T: Float> SelfAttention<T> {
    fn kernel<'a>(&self, x: &'a Tensor<T>) -> Attention<'a, T> {
        let (steps, features) = (x.shape()[1], x.shape()[2] / 3 / self.heads);
        Attention { qkv: slice(x), steps, heads: self.heads, features, causal: self.causal }
    }
}

impl<T: Float> Op<T> for SelfAttention<T> {
    fn name(&self) -> &'static str {
        "self_attention"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        let invalid = |problem| Err(Error::Invalid { op: "self_attention", shape: x.to_vec(), problem });
        if x.rank() != 3 || !x[2].is_multiple_of(3) {
            return invalid("x is [N, T, 3·D]: queries, keys and values of each step, side by side".to_owned());
        }
        let width = x[2] / 3;
        if self.heads == 0 || !width.is_multiple_of(self.heads) {
            return invalid(format!("{} heads do not divide D = {width} features", self.heads));
        }
        Ok(Shape::from([x[0], x[1], width]))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::OPERANDS.and(Keeps::RESULT)
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        let x = x.contiguous();
        let [n, steps, width] = [0, 1, 2].map(|axis| x.shape()[axis]);
        let mut y = Tensor::unspecified(Shape::from([n, steps, width / 3]));
        let mut log_sums = Tensor::unspecified(Shape::from([n, self.heads, steps]));
        kernels::attention(self.kernel(&x), y.fresh_mut(), log_sums.fresh_mut());
        self.log_sums = Some(log_sums);
        y
    }
    fn own_bytes(&self) -> usize {
        self.log_sums.as_ref().map_or(0, |log_sums| log_sums.storage().1)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let x = kept.x(0);
        if kept.first_order() {
            let (x, y, dy) = (x.into_value().contiguous(), kept.y().into_value(), dy.into_value().contiguous());
            let mut d_x = Tensor::unspecified(*x.shape());
            let log_sums = slice(self.log_sums.as_ref().expect("forward computed them"));
            let (attention, d_qkv) = (self.kernel(&x), d_x.fresh_mut());
            let (y, dy) = (slice(&y), slice(&dy));
            kernels::attention_backward(AttentionBackward { attention, y, log_sums, dy, d_qkv });
            return [Some(kept.constant(d_x))];
        }
        let shape = *x.shape();
        let [n, steps, own] = [shape[0], shape[1], shape[2] / 3 / self.heads];
        let scale = 1.0 / (own as f64).sqrt();
        let parts = x.reshape([n, steps, 3, self.heads, own]).permute([2, 0, 3, 1, 4]);
        let [q, k, v] = [0, 1, 2].map(|which| parts.clone().slice(which));
        let dy = dy.reshape([n, steps, self.heads, own]).permute([0, 2, 1, 3]);
        let scores = (q.clone() * scale).matmul(k.clone().transpose());
        let scores = if self.causal { scores + &Tensor::later(steps, T::from_f64(f64::NEG_INFINITY)) } else { scores };
        let weights = scores.softmax(-1);
        let slopes = dy.clone().matmul(v.transpose());
        let common = (&slopes * &weights).sum_axes(keep(-1));
        let slopes = &weights * (slopes - common) * scale;
        let d_k = slopes.clone().transpose().matmul(q);
        let gradients = [slopes.matmul(k), d_k, weights.transpose().matmul(dy)];
        let d_x = Var::stack(&gradients.map(|d| d.permute([0, 2, 1, 3])), 2);
        [Some(d_x.reshape(shape))]
    }
}

impl<T: Float> Tensor<T> {
    /// `[T, T]` with this number where the column lies behind the row, and 0 elsewhere.
    fn later(steps: usize, number: T) -> Tensor<T> {
        let rows = (0..steps).flat_map(|i| (0..steps).map(move |j| if j > i { number } else { T::ZERO }));
        Tensor::new(&rows.collect::<Vec<T>>(), [steps, steps])
    }
}

impl<T: Float> Var<T> {
    /// softmax(Q·Kᵀ/√d)·V in each of `heads` heads, `[N, T, D]`, of x `[N, T, 3·D]`: Q, K and V side by side, and in each of them the heads, d = D / heads
    /// features each. `causal` hides from each step what lies behind it.
    ///
    /// # Panics
    /// If x has another shape, or if the heads do not divide D.
    #[track_caller]
    pub fn self_attention(self, heads: usize, causal: bool) -> Var<T> {
        SelfAttention { heads, causal, log_sums: None }.apply([self])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    const R: &[(f64, f64)] = &[(-2.0, 2.0)];
    const SHAPES: &[&[&[usize]]] = &[&[&[1, 3, 6]], &[&[2, 2, 12]], &[&[2, 1, 6]], &[&[0, 2, 6]], &[&[1, 0, 6]]];
    /// Query by query, from what each sees.
    fn attention(x: &Tensor<f64>, heads: usize, causal: bool) -> Tensor<f64> {
        let [n, steps, width] = [0, 1, 2].map(|axis| x.shape()[axis]);
        let (own, numbers) = (width / 3 / heads, x.to_vec());
        let at = |s: usize, step: usize, which: usize, h: usize, d: usize| {
            numbers[(s * steps + step) * width + which * width / 3 + h * own + d]
        };
        let mut y = Vec::new();
        for (s, i) in (0..n).flat_map(|s| (0..steps).map(move |i| (s, i))) {
            for h in 0..heads {
                let seen = if causal { i + 1 } else { steps };
                let score = |j| (0..own).map(|d| at(s, i, 0, h, d) * at(s, j, 1, h, d)).sum::<f64>();
                let scores: Vec<f64> = (0..seen).map(|j| score(j) / (own as f64).sqrt()).collect();
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let exps: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                let sum: f64 = exps.iter().sum();
                y.extend((0..own).map(|d| (0..seen).map(|j| exps[j] / sum * at(s, j, 2, h, d)).sum::<f64>()));
            }
        }
        Tensor::new(&y, [n, steps, width / 3])
    }
    vec![
        entry!(
            "self_attention",
            SHAPES,
            R,
            |x| x[0].clone().self_attention(2, false),
            whole | x | attention(&x[0], 2, false)
        ),
        entry!(
            "self_attention",
            SHAPES,
            R,
            |x| x[0].clone().self_attention(1, true),
            whole | x | attention(&x[0], 1, true)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    #[should_panic(expected = "4 heads do not divide D = 6 features")]
    fn heads_that_do_not_divide_the_features_are_refused() {
        let _ = Tape::inference().input(Tensor::ones([2, 3, 18])).self_attention(4, false);
    }

    #[test]
    #[should_panic(expected = "x is [N, T, 3·D]: queries, keys and values of each step, side by side")]
    fn a_width_that_is_no_three_parts_is_refused() {
        let _ = Tape::inference().input(Tensor::ones([2, 3, 16])).self_attention(2, false);
    }

    /// Nothing of the size of the scores is kept: x, y and a number for each query and head.
    #[test]
    fn what_is_kept_does_not_grow_with_the_square_of_the_length() {
        let tape = Tape::training(0);
        let x = tape.var(Tensor::<f32>::ones([1, 200, 12]));
        let before = tape.kept().bytes();
        let _y = x.self_attention(2, true);
        assert!(tape.kept().bytes() - before < 200 * (12 + 4 + 2 + 4) * 4, "{}", tape.kept().bytes());
    }
}
