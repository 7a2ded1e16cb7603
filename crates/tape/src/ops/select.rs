//! The safe choice between two functions of x: `x.select(&c, f, g)` is f(x) where c ≠ 0, g(x) elsewhere.
//!
//! Each branch sees x only where it is selected, and elsewhere a stand-in: the x at the first place where it is selected,
//! which lies in the domain the condition carves out (1 if there is none). So a branch that is undefined elsewhere meets
//! neither NaN nor ∞ there, and x gets exactly f' or g'; whatever else a branch uses is not spoilt by 0 · ∞ either.
//! Branches work element by element. The known trick is the double `where` of JAX's FAQ, here in one call.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([-4.0, 0.0, 4.0]));
//! let positive = x.value().gt(0);
//! let y = x.clone().select(&positive, |x| x.sqrt(), |x| x * 0.5);
//! assert_eq!(y.to_vec(), [-2.0, 0.0, 2.0]);
//! assert_eq!(y.sum().backward()[&x].to_vec(), [0.5, 0.5, 0.25]);
//! ```

use crate::error::expect;
use crate::{Float, Tensor, Var};

impl<T: Float> Var<T> {
    /// `yes` of this value where `condition` is not 0, `no` of it elsewhere; neither sees the other's places.
    ///
    /// # Panics
    /// If the shapes do not broadcast, the branches' results included.
    #[track_caller]
    pub fn select(
        self,
        condition: &Tensor<T>,
        yes: impl FnOnce(Var<T>) -> Var<T>,
        no: impl FnOnce(Var<T>) -> Var<T>,
    ) -> Var<T> {
        let (inside, outside) = (stand_in(&self, condition, true), stand_in(&self, condition, false));
        let yes = yes(self.clone().where_else(condition, inside));
        let no = no(self.masked_fill(condition, outside));
        yes.where_else(condition, no)
    }
}

/// The number at the first place where the condition holds, or does not; 1 if there is none.
#[track_caller]
fn stand_in<T: Float>(x: &Var<T>, condition: &Tensor<T>, holds: bool) -> Tensor<T> {
    let shape = expect(x.shape().broadcast("select", condition.shape()));
    let condition = condition.expand(shape).contiguous();
    let at = condition.as_slice().and_then(|c| c.iter().position(|&c| (c != T::ZERO) == holds));
    let number = at.map(|mut i| {
        let mut place = x.value().expand(shape);
        for axis in (0..shape.rank()).rev() {
            place = place.narrow(axis as isize, i % shape[axis], 1);
            i /= shape[axis];
        }
        place.item()
    });
    Tensor::scalar(number.unwrap_or(T::ONE))
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![entry!(
        "select",
        UNARY,
        &[(-2.0, 2.0)],
        |x| {
            let positive = x[0].value().gt(0);
            x[0].clone().select(&positive, |x| x.ln(), |x| x.square())
        },
        elementwise | x | if x[0] > 0.0 { x[0].ln() } else { x[0] * x[0] }
    )]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor};

    #[test]
    fn a_branch_never_meets_what_it_is_not_selected_for() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([0.0, 4.0, f32::NAN, -1.0]));
        let scale = tape.var(Tensor::from([3.0]));
        let positive = x.value().gt(0);
        let y = x.clone().select(&positive, |x| x.sqrt() * &scale, crate::var::Var::zero);
        assert_eq!(y.to_vec(), [0.0, 6.0, 0.0, 0.0]);
        let grads = y.sum().backward();
        assert_eq!(grads[&x].to_vec(), [0.0, 0.75, 0.0, 0.0]);
        assert_eq!(grads[&scale].to_vec(), [2.0]);
    }

    impl crate::Var {
        /// 0 everywhere, whatever was there.
        fn zero(self) -> crate::Var {
            let everywhere = self.value().ones_like();
            self.masked_fill(&everywhere, 0)
        }
    }

    #[test]
    fn all_or_none_selected_and_conditions_that_broadcast() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::from([-1.0, -4.0]));
        let y = x.clone().select(&Tensor::zeros([2]), |x| x.ln(), |x| -x);
        assert_eq!(y.to_vec(), [1.0, 4.0]);
        let y = x.clone().select(&Tensor::from([[1.0], [0.0]]), |x| x * 2, |x| x * 3);
        assert_eq!(y.to_vec(), [-2.0, -8.0, -3.0, -12.0]);
        assert_eq!(y.sum().backward()[&x].to_vec(), [5.0, 5.0]);
        let empty = Tape::inference().input(Tensor::zeros([0, 2]));
        assert!(empty.select(&Tensor::zeros([0, 2]), |x| x, |x| x).is_empty());
    }
}
