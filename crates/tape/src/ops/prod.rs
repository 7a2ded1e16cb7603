//! Π x, over all axes or some. Derivative: the product of the others, exact beside zeros too.
//!
//! y / x would be 0/0 at a zero. In first order the others' product is the product of what stands before times that of
//! what stands behind, in f64. A recorded rule multiplies windows that double in length (n log n products): no division
//! there either, so derivatives of every order are exact beside zeros.
//!
//! ```
//! use tape::{Tape, Tensor};
//! let tape = Tape::probing();
//! let x = tape.var(Tensor::from([2.0, 3.0, 0.0, 4.0]));
//! assert_eq!(x.clone().prod().backward()[&x].to_vec(), [0.0, 0.0, 24.0, 0.0]);
//! ```

use super::elementwise::slice;
use super::reduce::Over;
use crate::{Axes, Float, Kept, Op, Result, Shape, Tensor, Var};

struct Prod(Over);

impl<T: Float> Op<T> for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }
    fn shape(&self, _: [&Shape; 1]) -> Result<Shape> {
        Ok(self.0.to())
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        self.0.reduce(x, kernels::prod)
    }
    fn vjp(&self, mut kept: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let rows = self.0.rows(kept.x(0));
        let others = match kept.first_order() {
            true => kept.constant(others(rows.into_value())),
            false => others_by_windows(rows),
        };
        [Some(self.0.put_back(others) * self.0.beside(dy))]
    }
}

/// For every number of `[rows, n]` the product of the others in its row.
fn others<T: Float>(x: Tensor<T>) -> Tensor<T> {
    let x = x.contiguous();
    let n = x.shape()[1];
    let mut behind = vec![1.0; n];
    Tensor::fill_with(*x.shape(), |y| {
        for (x, y) in slice(&x).chunks_exact(n.max(1)).zip(y.chunks_exact_mut(n.max(1))) {
            (1..n).rev().for_each(|i| behind[i - 1] = behind[i] * x[i].to_f64());
            let mut before = 1.0;
            for ((x, y), behind) in x.iter().zip(y).zip(&behind) {
                *y = T::from_f64(before * behind);
                before *= x.to_f64();
            }
        }
    })
}

/// As [`others`], recorded: windows of 1, 2, 4, … neighbours, round the row, put together to n − 1 of them.
fn others_by_windows<T: Float>(x: Var<T>) -> Var<T> {
    let n = x.shape()[1];
    if n <= 1 {
        return x.beside(x.value().ones_like());
    }
    let (mut window, mut size) = (x, 1);
    let (mut product, mut offset): (Option<Var<T>>, usize) = (None, 1);
    let mut left = n - 1;
    while left > 0 {
        if left & 1 == 1 {
            let part = Turn { by: offset }.apply([window.clone()]);
            product = Some(match product {
                None => part,
                Some(product) => product * part,
            });
            offset += size;
        }
        left >>= 1;
        if left > 0 {
            window = &window * Turn { by: size }.apply([window.clone()]);
            size *= 2;
        }
    }
    product.expect("n − 1 has a bit that is set")
}

/// y[r, i] = x[r, (i + by) mod n]
struct Turn {
    by: usize,
}

impl<T: Float> Op<T> for Turn {
    fn name(&self) -> &'static str {
        "turn"
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> crate::Keeps {
        crate::Keeps::NOTHING
    }
    fn forward(&mut self, [mut x]: [Tensor<T>; 1]) -> Tensor<T> {
        let n = x.shape()[1];
        x.make_mut().chunks_exact_mut(n).for_each(|row| row.rotate_left(self.by));
        x
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let n = dy.shape()[1];
        [Some(Turn { by: n - self.by }.apply([dy]))]
    }
}

impl<T: Float> Var<T> {
    /// The product of all elements: a scalar; 1 of none.
    #[track_caller]
    pub fn prod(self) -> Var<T> {
        self.prod_axes(Axes::ALL)
    }

    /// The product over some axes, named as for [`Var::sum_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn prod_axes(self, axes: impl Into<Axes>) -> Var<T> {
        Prod(Over::new("prod", axes, self.shape())).apply([self])
    }
}

impl<T: Float> Tensor<T> {
    /// As [`Var::prod`].
    pub fn prod(&self) -> Tensor<T> {
        self.prod_axes(Axes::ALL)
    }

    /// As [`Var::prod_axes`].
    ///
    /// # Panics
    /// If there is no such axis.
    #[track_caller]
    pub fn prod_axes(&self, axes: impl Into<Axes>) -> Tensor<T> {
        Prod(Over::new("prod", axes, self.shape())).eval([self.clone()])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::reduce::oracle::{along, of_all};
    use super::table::{UNARY, entry};
    fn prod(x: &[f64]) -> f64 {
        x.iter().product()
    }
    vec![
        entry!("prod", UNARY, &[(-1.5, 1.5)], |x| x[0].clone().prod(), whole | x | of_all(&x[0], prod)),
        entry!(
            "prod_axes",
            &[&[&[2, 3, 2]], &[&[1, 6, 1]], &[&[2, 0, 2]]],
            &[(-1.5, 1.5)],
            |x| x[0].clone().prod_axes(crate::keep(1)),
            whole | x | along(&x[0], 1, true, prod)
        ),
    ]
}

#[cfg(test)]
mod tests {
    use crate::{Tape, Tensor, gradcheck};

    #[test]
    fn peer_bug_o07() {
        let gradient = |numbers: [f32; 4]| {
            let tape = Tape::probing();
            let x = tape.var(Tensor::from(numbers));
            let [recorded] = x.clone().prod().grad([&x]);
            let fused = x.clone().prod().backward()[&x].to_vec();
            assert_eq!(recorded.to_vec(), fused);
            fused
        };
        assert_eq!(gradient([2.0, 3.0, 0.0, 4.0]), [0.0, 0.0, 24.0, 0.0]);
        assert_eq!(gradient([2.0, 0.0, 0.0, 4.0]), [0.0; 4]);
    }

    #[test]
    fn second_order_is_exact_beside_zeros() {
        let tape = Tape::<f64>::probing();
        let x = tape.var(Tensor::f64([2.0, 0.0, 0.0, 4.0]));
        let [dx] = x.clone().prod().grad([&x]);
        let [ddx] = (dx * Tensor::f64([0.0, 1.0, 0.0, 0.0])).sum().grad([&x]);
        assert_eq!(ddx.to_vec(), [0.0, 0.0, 8.0, 0.0]);
        gradcheck(|[x]| x.prod_axes(-1), [&Tensor::f64([[2.0, 0.0, 0.0, 4.0], [1.0, -2.0, 0.0, 3.0]])]).unwrap();
    }
}
