//! InfoNCE: to find the one that belongs among those that do not.

use super::checks::{above_0, target};
use super::embedding::directions;
use super::{CrossEntropy, Reduction};
use crate::Result;
use crate::error::{misfit, setting};
use tape::{Float, Operand, Tensor, Var};

/// Contrastive loss (van den Oord, Li, Vinyals 2018): row i of the queries is to find row i of the keys among all keys, by the cross-entropy of
/// their cosines over a temperature.
///
/// ```
/// use nn::loss::InfoNce;
/// use tape::{Tape, Tensor};
/// let queries = Tape::inference().input(Tensor::from([[2.0, 0.0], [0.0, 3.0]]));
/// let loss = InfoNce::new(0.5).forward(queries, Tensor::from([[1.0, 0.0], [0.0, 1.0]]))?;
/// assert!((loss.item() - (1.0 + (-2f32).exp()).ln()).abs() < 1e-6);
/// # Ok::<(), nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct InfoNce {
    temperature: f64,
    is_symmetric: bool,
    takes_cosines: bool,
    reduction: Reduction,
}

const NAME: &str = "InfoNce";

impl InfoNce {
    /// The mean over the queries, with this temperature: 0.07 to 0.5 are usual.
    pub fn new(temperature: f64) -> InfoNce {
        InfoNce { temperature, is_symmetric: false, takes_cosines: true, reduction: Reduction::Mean }
    }

    /// The mean of both directions: keys are to find their queries too (Radford et al. 2021).
    #[must_use]
    pub fn symmetric(mut self) -> InfoNce {
        self.is_symmetric = true;
        self
    }

    /// Products of the rows as they are instead of cosines.
    #[must_use]
    pub fn of_products(mut self) -> InfoNce {
        self.takes_cosines = false;
        self
    }

    /// Mean, sum, or one loss for each query.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> InfoNce {
        self.reduction = reduction;
        self
    }

    /// The loss of queries against keys, both `[N, features]`: the others' keys are the negatives.
    ///
    /// # Errors
    /// If the shapes differ or have other than two axes, or if the temperature is not above 0 and finite.
    #[track_caller]
    pub fn forward<T: Float>(&self, queries: Var<T>, keys: impl Operand<T>) -> Result<Var<T>> {
        let keys = self.checked(&queries, keys)?;
        let scores = self.rows(queries).matmul(self.rows(keys).transpose()) / self.temperature;
        let labels = Tensor::from(0..scores.shape()[0]);
        let find = CrossEntropy::new().reduction(self.reduction);
        if !self.is_symmetric {
            return find.forward(scores, &labels);
        }
        Ok((find.forward(scores.clone(), &labels)? + find.forward(scores.transpose(), &labels)?) * 0.5)
    }

    /// The loss of queries against keys, both `[N, features]`, among negatives `[M, features]` that all queries share, such as a queue of
    /// older keys (He, Fan, Wu, Xie, Girshick 2020).
    ///
    /// # Errors
    /// As [`InfoNce::forward`], if the negatives have other features, or if the loss is symmetric: negatives have no queries to find.
    #[track_caller]
    pub fn forward_among<T: Float>(
        &self,
        queries: Var<T>,
        keys: impl Operand<T>,
        negatives: impl Operand<T>,
    ) -> Result<Var<T>> {
        let keys = self.checked(&queries, keys)?;
        let negatives = negatives.on(queries.tape());
        if negatives.rank() != 2 || negatives.shape()[1] != queries.shape()[1] {
            return misfit(
                NAME,
                queries.shape(),
                negatives.shape(),
                "negatives are [M, features], the features as many",
            );
        }
        if self.is_symmetric {
            return setting(NAME, "negatives have no queries to find: leave out `symmetric` or the negatives");
        }
        let queries = self.rows(queries);
        let right = (&queries * self.rows(keys)).sum_axes(-1).unsqueeze(-1);
        let wrong = queries.matmul(self.rows(negatives).transpose());
        let scores = Var::concat(&[right, wrong], 1) / self.temperature;
        let labels = Tensor::<i64>::full_of([scores.shape()[0]], 0);
        CrossEntropy::new().reduction(self.reduction).forward(scores, &labels)
    }

    fn checked<T: Float>(&self, queries: &Var<T>, keys: impl Operand<T>) -> Result<Var<T>> {
        above_0(NAME, "the temperature", self.temperature)?;
        let keys = target(NAME, queries, keys)?;
        match queries.rank() {
            2 => Ok(keys),
            _ => misfit(NAME, queries.shape(), keys.shape(), "queries and keys are [N, features]"),
        }
    }

    #[track_caller]
    fn rows<T: Float>(&self, x: Var<T>) -> Var<T> {
        if self.takes_cosines { directions(x) } else { x }
    }
}
