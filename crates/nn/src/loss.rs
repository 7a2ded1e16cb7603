//! Losses. They are methods of [`tape::Var`], so that a training step reads from left to right:
//!
//! | loss | method | of |
//! |---|---|---|
//! | cross-entropy | `logits.cross_entropy(&labels)` | scores `[N, classes]`, labels `[N]` |
//! | mean squared error | `y.mse(&target)` | any shape |
//! | Huber | `y.huber(&target, delta)` | any shape |
//! | binary cross-entropy | `logits.bce_with_logits(&target)` | any shape, targets in [0, 1] |
//!
//! All are means over the examples (over the elements where there is no class axis).
