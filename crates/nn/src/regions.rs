//! The linear regions of a network of piecewise-linear layers, exactly: where its output bends along a segment, and into which polygons it cuts a plane of inputs.
//!
//! A [`Piecewise`] is the network in f64, as affine maps and activations with kinks; every layer that is one describes itself ([`crate::Layer::piecewise`]).
//! [`Piecewise::along`] walks a segment from kink to kink, [`Piecewise::on_slice`] cuts a rectangle of a plane cell by cell. Both find
//!
//! - **cells**: where every unit stays on one side of its kinks, one pattern each;
//! - **pieces**: what is left when neighbours with the same affine map are merged. A unit that bends before a dead ReLU bends nothing; before a leak it does.
//!
//! ```
//! use nn::prelude::*;
//! use nn::regions::Piecewise;
//! // The tent map, 2·relu(x) − 4·relu(x − ½), three times over: 2³ pieces, with slopes of ±2³.
//! let tent = || {
//!     let mut layers = (Linear::new(1, 2, &mut Rng::seed(0)), Relu, Linear::new(2, 1, &mut Rng::seed(0)).without_bias());
//!     *layers.0.weight_mut().value_mut() = Tensor::from([[1.0, 1.0]]);
//!     *layers.0.bias_mut().unwrap().value_mut() = Tensor::from([0.0, -0.5]);
//!     *layers.2.weight_mut().value_mut() = Tensor::from([[2.0], [-4.0]]);
//!     layers
//! };
//! let net = Piecewise::of(&[tent(), tent(), tent()].to_vec(), 1)?;
//! let line = net.along(&Tensor::from([0.0]), &Tensor::from([1.0]))?;
//! assert_eq!(line.pieces(), 8);
//! assert_eq!(line.breakpoints(), [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875]);
//! assert!(line.cells().iter().all(|cell| cell.slopes()[0][0].abs() == 8.0));
//! # Ok::<(), nn::Error>(())
//! ```
//!
//! How many there can be: [`crate::theory::zaslavsky`], [`crate::theory::most_regions`].
//!
//! # How, and how exactly
//! A part of the segment or plane carries the network's value at its middle and its slopes, layer by layer. At each activation it is cut where a unit has a kink, and its parts go on
//! by themselves, the first one first: along a segment this is the walk from kink to kink, and of each step only the layers above the unit that bent are computed again.
//!
//! A unit counts as lying on its kink where its sum is within 2⁻⁴⁰ ≈ 10⁻¹² of the kink, relative to the sizes of the sum's terms over the part: a sum of n terms in f64 is wrong by
//! at most n·2⁻⁵³ of them, so for layers of up to 4096 inputs rounding stays below half of it. So units with the same kink cut once, corners where many kinks meet give no slivers,
//! and a unit whose sum is 0 all over a part cuts nothing there. Neighbours have the same map where all slopes agree to 2⁻⁴⁸ of the sizes of their terms: behind units with slope 0
//! they agree to the last bit.

mod cell;
mod cut;
mod largest;
mod merge;
mod piecewise;

#[cfg(test)]
mod edge_tests;
#[cfg(test)]
mod enumeration;
#[cfg(test)]
mod largest_tests;
#[cfg(test)]
mod tests;

pub use cell::{Cell, Regions};
pub use piecewise::Piecewise;
