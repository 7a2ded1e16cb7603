//! masked_select: the elements where a mask is not 0, in row-major order, as a vector.
//!
//! The result's length depends on the mask's numbers. The mask broadcasts to the value's shape; NaN counts as not 0.
//! Derivative: dy at the elements selected, exactly 0 elsewhere.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-1.0, 2.0, 3.0]));
//! let y = x.clone().masked_select(&x.value().gt(0));
//! assert_eq!(y.to_vec(), [2.0, 3.0]);
//! assert_eq!(y.square().sum().backward()[&x].to_vec(), [0.0, 4.0, 6.0]);
//! ```

use crate::error::expect;
use crate::tensor::expandable;
use crate::{Float, Shape, Tensor, Var};
use kernels::pool::Element;

/// Where a mask that broadcasts to `shape` is not 0.
#[track_caller]
fn places<M: Float>(mask: &Tensor<M>, shape: &Shape) -> Tensor<i64> {
    expect(expandable("masked_select", mask.shape(), shape));
    let mask = mask.expanded(*shape);
    let selected = mask.iter().enumerate().filter(|&(_, m)| m != M::ZERO);
    Tensor::from(selected.map(|(i, _)| i as i64).collect::<Vec<i64>>())
}

impl<T: Float> Var<T> {
    /// The elements where `mask` is not 0, in row-major order, as a vector. Derivative: dy there, 0 elsewhere.
    ///
    /// # Panics
    /// If the mask does not broadcast to this value's shape.
    #[track_caller]
    pub fn masked_select(self, mask: &Tensor<T>) -> Var<T> {
        let places = places(mask, self.shape());
        let count = self.len();
        self.reshape([count]).index_select(0, &places)
    }
}

impl<T: Element> Tensor<T> {
    /// The elements where `mask` is not 0, in row-major order, as a vector.
    ///
    /// ```
    /// use tape::Tensor;
    /// let labels = Tensor::from([[3, 1], [4, 1]]);
    /// assert_eq!(labels.masked_select(&Tensor::from([1.0, 0.0])).to_vec(), [3i64, 4]);
    /// ```
    ///
    /// # Panics
    /// If the mask does not broadcast to this tensor's shape.
    #[track_caller]
    pub fn masked_select<M: Float>(&self, mask: &Tensor<M>) -> Tensor<T> {
        let places = places(mask, self.shape());
        self.reshape([self.len()]).index_select(0, &places)
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![entry!(
        "masked_select",
        &[&[&[2, 3]], &[&[1, 3]], &[&[3]], &[&[0, 3]]],
        &[(-2.0, 2.0)],
        |x| {
            let mask = Tensor::from([1.0, 0.0, -2.0]).cast();
            x[0].clone().masked_select(&mask)
        },
        whole | x | {
            let selected = x[0].iter().enumerate().filter(|(i, _)| i % 3 != 1);
            Tensor::f64(&selected.map(|(_, x)| x).collect::<Vec<_>>()[..])
        }
    )]
}

#[cfg(test)]
mod tests {
    use crate::Tensor;

    #[test]
    fn masks_of_any_layout() {
        let x = Tensor::arange(6).reshape([2, 3]);
        let odd = Tensor::from([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]);
        assert_eq!(x.masked_select(&odd).to_vec(), [1.0, 3.0, 5.0]);
        assert_eq!(x.transpose().masked_select(&odd.transpose()).to_vec(), [3.0, 1.0, 5.0]);
        assert_eq!(x.masked_select(&Tensor::from([[0.0], [f32::NAN]])).to_vec(), [3.0, 4.0, 5.0]);
        assert_eq!(x.masked_select(&Tensor::from(-0.0)).shape(), &[0]);
        assert_eq!(Tensor::from(4.0).masked_select(&Tensor::from(1.0)).to_vec(), [4.0]);
    }

    #[test]
    #[should_panic(expected = "masked_select: shapes [2] and [3] do not fit")]
    fn a_mask_of_another_shape_is_refused() {
        Tensor::ones([3]).masked_select(&Tensor::ones([2]));
    }
}
