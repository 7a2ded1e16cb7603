//! c ≠ 0 ? a : b, element by element, for a condition that no gradient flows to.
//!
//! Derivatives: 1 to the selected side, exactly 0 to the other, whatever stands there. Operands and condition broadcast.
//!
//! The trap: in `x.sqrt().where_else(&positive, 0)` the root's own rule still meets the negative x, and 0 · ∞ is NaN.
//! [`Var::select`] shows each branch a stand-in where it is not selected.

use super::elementwise::ternary;
use crate::{Float, Keeps, Kept, Op, Operand, Result, Shape, Tensor, TensorOperand, Var};

struct WhereElse<T: Float> {
    condition: Tensor<T>,
}

impl<T: Float> Op<T, 2> for WhereElse<T> {
    fn name(&self) -> &'static str {
        "where_else"
    }
    fn shape(&self, [a, b]: [&Shape; 2]) -> Result<Shape> {
        self.condition.shape().broadcast("where_else", &a.broadcast("where_else", b)?)
    }
    fn keeps(&self, _: [&Tensor<T>; 2]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [a, b]: [Tensor<T>; 2]) -> Tensor<T> {
        ternary([self.condition.clone(), a, b], kernels::select)
    }
    fn vjp(&self, kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 2] {
        let zero = || kept.constant(Tensor::scalar(T::ZERO));
        let da = kept.needs(0).then(|| dy.clone().where_else(&self.condition, zero()));
        let db = kept.needs(1).then(|| zero().where_else(&self.condition, dy.clone()));
        [da, db]
    }
}

impl<T: Float> Var<T> {
    /// This value where `condition` is not 0, `other` elsewhere.
    ///
    /// ```
    /// use tape::{Tape, Tensor};
    /// let x = Tape::inference().input(Tensor::from([1.0, 2.0]));
    /// assert_eq!(x.where_else(&Tensor::from([1.0, 0.0]), 9).to_vec(), [1.0, 9.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn where_else(self, condition: &Tensor<T>, other: impl Operand<T>) -> Var<T> {
        let other = other.on(self.tape());
        WhereElse { condition: condition.clone() }.apply([self, other])
    }

    /// `value` where `mask` is not 0, this value elsewhere, exactly: what is covered does not enter, and gets gradient 0.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn masked_fill(self, mask: &Tensor<T>, value: impl Operand<T>) -> Var<T> {
        let value = value.on(self.tape());
        WhereElse { condition: mask.clone() }.apply([value, self])
    }
}

impl<T: Float> Tensor<T> {
    /// This tensor where `condition` is not 0, `other` elsewhere.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn where_else(&self, condition: &Tensor<T>, other: impl TensorOperand<T>) -> Tensor<T> {
        WhereElse { condition: condition.clone() }.eval([self.clone(), other.into_tensor()])
    }

    /// `value` where `mask` is not 0, this tensor elsewhere.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor<T>, value: impl TensorOperand<T>) -> Tensor<T> {
        WhereElse { condition: mask.clone() }.eval([value.into_tensor(), self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![
        entry!(
            "where_else",
            &[&[&[2, 3], &[2, 3]], &[&[3], &[2, 1]], &[&[], &[3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().where_else(&Tensor::new(&[1.0, 0.0, f64::NAN].map(kernels::Float::from_f64), [3]), &x[1]),
            whole | x | {
                let shape = Shape::from([3]).broadcast("", x[0].shape()).unwrap().broadcast("", x[1].shape()).unwrap();
                let (a, b) = (x[0].expand(shape).to_vec(), x[1].expand(shape).to_vec());
                Tensor::new(&(0..a.len()).map(|i| if i % 3 == 1 { b[i] } else { a[i] }).collect::<Vec<_>>(), shape)
            }
        ),
        entry!(
            "masked_fill",
            &[&[&[2, 3], &[]], &[&[2, 3], &[2, 3]], &[&[2, 1], &[3]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().masked_fill(&Tensor::new(&[1.0, 0.0, f64::NAN].map(kernels::Float::from_f64), [3]), &x[1]),
            whole | x | {
                let shape = Shape::from([3]).broadcast("", x[0].shape()).unwrap().broadcast("", x[1].shape()).unwrap();
                let (a, b) = (x[0].expand(shape).to_vec(), x[1].expand(shape).to_vec());
                Tensor::new(&(0..a.len()).map(|i| if i % 3 == 1 { a[i] } else { b[i] }).collect::<Vec<_>>(), shape)
            }
        ),
    ]
}

#[cfg(test)]
mod masked_fill_tests {
    use crate::{Tape, Tensor};

    #[test]
    fn peer_bug_o25() {
        let x = Tensor::from([f32::NEG_INFINITY, f32::NAN, 3.0]);
        assert_eq!(x.masked_fill(&Tensor::from([1.0, 1.0, 0.0]), 10).to_vec(), [10.0, 10.0, 3.0]);
        assert_eq!(x.masked_fill(&Tensor::from([1.0, 1.0, 1.0]), f32::NEG_INFINITY).to_vec(), [f32::NEG_INFINITY; 3]);
        assert_eq!(Tensor::ones([3]).where_else(&Tensor::from([1.0, 1.0, 0.0]), &x).to_vec(), [1.0, 1.0, 3.0]);
        let tape = Tape::probing();
        let x = tape.var(x);
        let y = x.clone().masked_fill(&Tensor::from([1.0, 1.0, 0.0]), 10);
        let dy = Tensor::from([f32::INFINITY, f32::NAN, 2.0]);
        assert_eq!(y.backward_with(dy)[&x].to_vec(), [0.0, 0.0, 2.0]);
    }

    #[test]
    fn peer_bug_o27() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([[[1.0, 2.0], [3.0, 4.0]]]));
        let mask = Tensor::new(&[1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.], [4, 2, 2]);
        let y = x.clone().masked_fill(&mask, 9);
        assert_eq!(y.shape(), &[4, 2, 2]);
        assert_eq!(y.to_vec(), [9., 2., 3., 4., 1., 9., 3., 4., 1., 2., 9., 4., 1., 2., 3., 9.]);
        assert_eq!(y.sum().backward()[&x].to_vec(), [3.0; 4]);
    }
}
