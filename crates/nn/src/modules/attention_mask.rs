//! Which keys a query may look at.

use tape::{Float, Tape, Tensor, Var};

/// Which keys a query of [`crate::MultiHeadAttention`] may look at; nothing is covered unless said.
///
/// Rules add up: a key that one of them covers has the weight 0. A query whose keys are all covered looks at nothing: its weights are 0, not NaN,
/// its result is the bias of the layer's last map, and no gradient flows back through it.
///
/// ```
/// use nn::prelude::*;
/// let padding = Tensor::from([[0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]); // the first sequence has two words
/// let mask = AttentionMask::causal().padding(padding);
/// let attention = MultiHeadAttention::new(8, 2, &mut Rng::seed(1));
/// let y = attention.attend(Tape::inference().input(Tensor::ones([2, 3, 8])), &mask);
/// assert_eq!(y.shape(), &[2, 3, 8]);
/// ```
#[derive(Clone, Debug)]
pub struct AttentionMask<T: Float = f32> {
    is_causal: bool,
    covered: Option<Tensor<T>>,
    padding: Option<Tensor<T>>,
    bias: Option<Var<T>>,
}

impl<T: Float> Default for AttentionMask<T> {
    fn default() -> Self {
        AttentionMask { is_causal: false, covered: None, padding: None, bias: None }
    }
}

impl<T: Float> AttentionMask<T> {
    /// Every query sees every key.
    pub fn none() -> Self {
        AttentionMask::default()
    }

    /// Query i sees keys 0 to i.
    pub fn causal() -> Self {
        AttentionMask { is_causal: true, ..AttentionMask::default() }
    }

    /// Covers keys where this is not 0; it broadcasts to `[N, heads, T, S]`: `[T, S]` for all alike.
    #[must_use]
    pub fn covering(mut self, covered: Tensor<T>) -> Self {
        self.covered = Some(covered);
        self
    }

    /// Covers keys of each sequence where this `[N, S]` is not 0: words that only fill it up.
    #[must_use]
    pub fn padding(mut self, padding: Tensor<T>) -> Self {
        self.padding = Some(padding);
        self
    }

    /// Adds this to the scores before the softmax; it broadcasts to `[N, heads, T, S]`. −∞ covers a key. A value on the tape may be learned.
    #[must_use]
    pub fn adding(mut self, bias: Var<T>) -> Self {
        self.bias = Some(bias);
        self
    }

    /// Whether a query sees all keys, or all up to its own where this is true; None where other rules say what it sees.
    pub(super) fn is_plainly_causal(&self) -> Option<bool> {
        let is_plain = self.covered.is_none() && self.padding.is_none() && self.bias.is_none();
        is_plain.then_some(self.is_causal)
    }

    /// The same, and query i sees keys 0 to i if so said.
    #[must_use]
    pub(super) fn and_causal(&self, is_causal: bool) -> Self {
        AttentionMask { is_causal: self.is_causal || is_causal, ..self.clone() }
    }

    /// What scores `[N, heads, T, S]` of any batch get added, if anything.
    ///
    /// # Errors
    /// What is not said by numbers to add, the same for every example.
    #[track_caller]
    pub(super) fn as_constant(&self, heads: usize, [t, s]: [usize; 2]) -> Result<Option<Tensor<T>>, &'static str> {
        if self.padding.is_some() {
            return Err(
                "the padding of a mask belongs to one batch; give the model an input for it: `onnx::Mask::padding`",
            );
        }
        let scores = Tape::inference().input(Tensor::full_of([1, heads, t, s], T::ZERO));
        let covered = self.covers(&scores);
        let bias = self.bias.as_ref().map(|bias| {
            check("bias", bias.value(), &scores);
            bias.value().clone()
        });
        if self.dead_rows(covered.clone()).is_some() {
            return Err("the mask covers all keys of a query, which in ONNX makes NaN");
        }
        Ok(match (covered, bias) {
            (Some(covered), Some(bias)) => Some(covered + bias),
            (covered, bias) => covered.or(bias),
        })
    }

    /// The softmax of scores `[N, heads, T, S]` over the keys that are not covered.
    #[track_caller]
    pub(super) fn softmax(&self, scores: Var<T>) -> Var<T> {
        let total = self.covers(&scores);
        let scores = match &total {
            Some(total) => scores + total,
            None => scores,
        };
        let scores = match &self.bias {
            Some(bias) => {
                check("bias", bias.value(), &scores);
                scores + bias
            }
            None => scores,
        };
        match self.dead_rows(total) {
            None => scores.softmax(-1),
            Some(dead) => scores.masked_fill(&dead, 0).softmax(-1).masked_fill(&dead, 0),
        }
    }

    /// −∞ where a rule other than the bias covers a key, else 0.
    #[track_caller]
    fn covers(&self, scores: &Var<T>) -> Option<Tensor<T>> {
        let (rows, keys) = (scores.shape()[2], scores.shape()[3]);
        let low = T::from_f64(f64::NEG_INFINITY);
        let mut total = self.is_causal.then(|| {
            let number = |i: usize| if i % keys > i / keys { low } else { T::ZERO };
            Tensor::new(&(0..rows * keys).map(number).collect::<Vec<T>>(), [rows, keys])
        });
        let padding = self.padding.as_ref().map(|padding| {
            let batch = scores.shape()[0];
            let shape = padding.shape();
            assert!(*shape == [batch, keys], "AttentionMask: the padding has shape {shape:?}; it is [{batch}, {keys}]");
            padding.reshape([batch, 1, 1, keys])
        });
        for covered in self.covered.iter().chain(&padding) {
            check("mask", covered, scores);
            let covered = covered.clone().map(|number| if number == T::ZERO { T::ZERO } else { low });
            total = Some(match total {
                Some(total) => total + covered,
                None => covered,
            });
        }
        total
    }

    /// 1 for queries whose keys are all covered, if there are any.
    fn dead_rows(&self, total: Option<Tensor<T>>) -> Option<Tensor<T>> {
        if self.covered.is_none() && self.padding.is_none() && self.bias.is_none() {
            return None;
        }
        let bias = self.bias.as_ref().map(|bias| bias.value().clone());
        let total = match (total, bias) {
            (Some(total), Some(bias)) => total + bias,
            (total, bias) => total.or(bias)?,
        };
        let mut shape = total.shape().to_vec();
        if total.is_empty() || shape.is_empty() {
            return None;
        }
        let last = shape.len() - 1;
        let low = T::from_f64(f64::NEG_INFINITY);
        let is_dead = |row: &[T]| T::from_f64(f64::from(row.iter().all(|&number| number == low)));
        let dead: Vec<T> = total.to_vec().chunks_exact(shape[last]).map(is_dead).collect();
        shape[last] = 1;
        dead.contains(&T::from_f64(1.0)).then(|| Tensor::new(&dead, shape))
    }
}

#[track_caller]
fn check<T: Float>(what: &str, mask: &Tensor<T>, scores: &Var<T>) {
    let (own, to) = (mask.shape(), scores.shape());
    let fits = to.broadcast("attention", own).is_ok_and(|both| both == *to);
    assert!(fits, "AttentionMask: the {what} has shape {own:?}, which does not broadcast to [N, heads, T, S] = {to:?}");
}
