//! What is known of rectified networks in formulas: pure functions, each with the paper that it comes from.
//!
//! | question | functions |
//! |---|---|
//! | Do signals keep their size with depth? | [`golden_gain`], [`golden_slope`], [`variance_factor`], [`variance_map`], [`FiniteWidth`] |
//! | Do different inputs stay different? | [`correlation_map`], [`correlation_after`] |
//! | How likely is a network dead from the start? | [`born_dead_for_one_input`], [`born_dead_on_a_line`], [`estimate_born_dead_on_a_line`], [`stably_inactive`] |
//! | What does rounding make of other ways to write the leaky rectifier? | [`leaky_residual`], [`leaky_by_parts`] |
//! | Into how many linear regions can a network cut its inputs? | [`zaslavsky`], [`most_regions`], [`montufar`] |
//!
//! Layers are h ↦ f(W·h + b) with f(x) = x for x ≥ 0 and α·x below, weights independent of variance σ_w²/fan-in.
//!
//! ```
//! use nn::theory;
//! // Kaiming's gain for a leak of 1/4 keeps mean squares; ReLU's is 6% too large for it, which 100 layers make 400 times.
//! let gain = theory::golden_gain(0.25)?;
//! assert_eq!(theory::variance_factor(gain, 0.25)?, 1.0);
//! assert!(theory::variance_factor(2.0, 0.25)?.powi(100) > 400.0);
//! # Ok::<(), nn::Error>(())
//! ```

mod death;
mod regions;
mod residual;
mod signals;
#[cfg(test)]
mod tests;

pub use death::{
    Estimate, born_dead_for_one_input, born_dead_on_a_line, estimate_born_dead_on_a_line, stably_inactive,
};
pub use regions::{montufar, most_regions, zaslavsky};
pub use residual::{leaky_by_parts, leaky_residual};
pub use signals::{
    FiniteWidth, correlation_after, correlation_map, golden_gain, golden_slope, variance_factor, variance_map,
};
