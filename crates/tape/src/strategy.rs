//! Random shapes and tensors for property tests (feature `proptest`).
//!
//! ```
//! use proptest::prelude::*;
//! use tape::{gradcheck, strategy::tensor};
//!
//! proptest! {
//! # /*
//!     #[test]
//! # */
//!     fn swish_has_the_gradient_it_claims(x in tensor(1..=3, -3.0..3.0)) {
//!         gradcheck(|[x]| (&x * x.clone().sigmoid()).sum(), [&x])?;
//!     }
//! }
//! # swish_has_the_gradient_it_claims(); // a doctest runs no `#[test]`
//! ```

use crate::{Shape, Tensor};
use proptest::collection::vec;
use proptest::prelude::*;
use std::ops::{Range, RangeInclusive};

/// Shapes with a rank and sizes in these ranges.
pub fn shape(ranks: RangeInclusive<usize>, sizes: RangeInclusive<usize>) -> impl Strategy<Value = Shape> {
    vec(sizes, ranks).prop_map(Shape::from)
}

/// Tensors of a rank in this range, sizes 1 to 4, with uniform numbers.
pub fn tensor(ranks: RangeInclusive<usize>, numbers: Range<f64>) -> impl Strategy<Value = Tensor<f64>> {
    shape(ranks, 1..=4).prop_flat_map(move |shape| tensor_of(shape, numbers.clone()))
}

/// Tensors of one shape with uniform numbers.
pub fn tensor_of(shape: Shape, numbers: Range<f64>) -> impl Strategy<Value = Tensor<f64>> {
    vec(numbers, shape.elements()).prop_map(move |numbers| Tensor::new(&numbers, shape))
}

/// Tensors whose numbers stay at least `margin` from every kink.
pub fn tensor_away_from(
    kinks: &'static [f64],
    margin: f64,
    ranks: RangeInclusive<usize>,
    numbers: Range<f64>,
) -> impl Strategy<Value = Tensor<f64>> {
    tensor(ranks, numbers).prop_map(move |x| {
        x.map(|v| match kinks.iter().find(|kink| (v - **kink).abs() < margin) {
            Some(kink) => kink + if v < *kink { -margin } else { margin },
            None => v,
        })
    })
}

/// Tensors with at least 20 numbers, one in twenty of them exactly on a kink: within what [`crate::gradcheck`] accepts.
pub fn tensor_at(kinks: &'static [f64], numbers: Range<f64>) -> impl Strategy<Value = Tensor<f64>> {
    assert!(!kinks.is_empty(), "tensor_at: there is no kink to be at");
    (1usize..=3, 0usize..kinks.len()).prop_flat_map(move |(rows, kink)| {
        let of_shape = tensor_of(Shape::from([rows, 20]), numbers.clone());
        of_shape.prop_map(move |mut x| {
            x.make_mut().chunks_mut(20).for_each(|row| row[7] = kinks[kink]);
            x
        })
    })
}

/// Pairs of tensors that broadcast against each other.
pub fn broadcastable_pair(
    ranks: RangeInclusive<usize>,
    numbers: Range<f64>,
) -> impl Strategy<Value = (Tensor<f64>, Tensor<f64>)> {
    let shapes = (shape(ranks, 1..=4), vec(any::<(bool, bool)>(), 8), 0usize..8, any::<bool>());
    shapes.prop_flat_map(move |(full, ones, cut, swap)| {
        let side = |which: fn(&(bool, bool)) -> bool| -> Vec<usize> {
            full.iter().zip(&ones).map(|(&size, ones)| if which(ones) { 1 } else { size }).collect()
        };
        // An axis is 1 on one side at most, so that both sides broadcast to `full`.
        let a = side(|ones| ones.0 && !ones.1);
        let b = side(|ones| ones.1 && !ones.0);
        let b = b[cut.min(b.len())..].to_vec();
        let (a, b) = if swap { (b, a) } else { (a, b) };
        (tensor_of(Shape::from(a), numbers.clone()), tensor_of(Shape::from(b), numbers.clone()))
    })
}
