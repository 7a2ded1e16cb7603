//! Embedding: a row of a table for each index.

use crate::error::{expect, setting};
use crate::module::Path;
use crate::onnx::{Graph, Value};
use crate::{Module, Result};
use tape::{Float, Group, Param, Rng, Tape, Tensor, Var};

/// A table `[words, width]`: indices `[…]` become their rows `[…, width]`. Rows start standard normal.
///
/// ```
/// use nn::prelude::*;
/// let embedding = Embedding::new(100, 16, &mut Rng::seed(1));
/// let y = embedding.forward(&Tape::inference(), &Tensor::from([[7, 3, 7], [0, 99, 1]]));
/// assert_eq!(y.shape(), &[2, 3, 16]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Embedding<T: Float = f32> {
    weight: Param<T>,
    padding: Option<usize>,
}

impl Embedding {
    /// For so many words, each of so many features.
    ///
    /// # Panics
    /// If either is 0.
    #[track_caller]
    pub fn new(words: usize, width: usize, rng: &mut Rng) -> Embedding {
        expect(Embedding::with_weight(Tensor::randn([words, width], rng)))
    }

    /// With this table.
    ///
    /// # Errors
    /// If it has not two axes, or if one is empty.
    pub fn with_weight(weight: Tensor) -> Result<Embedding> {
        if weight.rank() != 2 || weight.is_empty() {
            let shape = weight.shape();
            return setting("Embedding", format!("the table has shape {shape:?}; it is [words, width], neither 0"));
        }
        Ok(Embedding { weight: Param::new(weight, Group::Weight), padding: None })
    }

    /// The word that fills up short sequences: its row is 0 from now on and gets no gradient.
    ///
    /// # Panics
    /// If there is no such word.
    #[must_use]
    #[track_caller]
    pub fn padding(mut self, word: usize) -> Embedding {
        let [words, width] = self.size();
        assert!(word < words, "Embedding: the padding is word {word} of {words}; words go from 0 to {}", words - 1);
        self.weight.value_mut().make_mut()[word * width..][..width].fill(0.0);
        self.padding = Some(word);
        self
    }
}

impl<T: Float> Embedding<T> {
    /// The rows for indices of any shape.
    ///
    /// # Panics
    /// If an index is no word: the message names it and its place.
    #[track_caller]
    pub fn forward(&self, tape: &Tape<T>, ids: &Tensor<i64>) -> Var<T> {
        let y = tape.param(&self.weight).embedding(ids);
        let Some(padding) = self.padding else { return y };
        let is_padding: Vec<T> = ids.to_vec().iter().map(|&id| T::from_f64(f64::from(id == padding as i64))).collect();
        let mut shape = ids.shape().to_vec();
        shape.push(1);
        // The same numbers, cut off.
        let fixed = y.clone().detach();
        y.masked_fill(&Tensor::new(&is_padding, shape), fixed)
    }

    /// Writes the lookup to a model that takes ids: [`Export::save_ids`](crate::onnx::Export::save_ids) hands over `ids`.
    ///
    /// # Errors
    /// If `ids` is not the input of such a model.
    pub fn onnx(&self, at: &mut Path, graph: &mut Graph, ids: Value) -> Result<Value> {
        graph.embedding(at, ids, self.weight.value())
    }

    /// The table `[words, width]`.
    pub fn weight(&self) -> &Param<T> {
        &self.weight
    }

    /// The table, to be changed.
    pub fn weight_mut(&mut self) -> &mut Param<T> {
        &mut self.weight
    }

    fn size(&self) -> [usize; 2] {
        let shape = self.weight.value().shape();
        [shape[0], shape[1]]
    }
}
