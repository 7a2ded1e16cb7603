//! reshape, permute, expand: other views of the same numbers. Derivatives: the view undone.

use crate::error::expect;
use crate::tensor::{axis_order, expandable};
use crate::{Error, Float, Keeps, Kept, Op, Result, Shape, Tensor, Var};

struct Reshape {
    from: Shape,
    to: Shape,
}

impl<T: Float> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        if x.elements() == self.to.elements() {
            return Ok(self.to);
        }
        Err(Error::ShapeMismatch {
            op: "reshape",
            lhs: x.to_vec(),
            rhs: self.to.to_vec(),
            hint: "a reshape keeps the number of elements",
        })
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        expect(x.try_reshape(self.to))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy.reshape(self.from))]
    }
}

pub(super) struct Permute {
    pub(super) order: Vec<usize>,
}

impl<T: Float> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        Ok(self.order.iter().enumerate().fold(*x, |shape, (to, &from)| shape.with(to, x[from])))
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.permuted(&self.order)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        let mut back = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        [Some(Permute { order: back }.apply([dy]))]
    }
}

struct Expand {
    to: Shape,
    from: Shape,
}

impl<T: Float> Op<T> for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }
    fn shape(&self, [x]: [&Shape; 1]) -> Result<Shape> {
        expandable("expand", x, &self.to).map(|()| self.to)
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        x.expanded(self.to)
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(dy.sum_to(self.from))]
    }
}

impl<T: Float> Var<T> {
    /// The same numbers in the same order in another shape.
    ///
    /// # Panics
    /// If the shapes have different numbers of elements.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Var<T> {
        let to = shape.into();
        if *self.shape() == to {
            return self;
        }
        Reshape { from: *self.shape(), to }.apply([self])
    }

    /// The axes in another order: axis `i` of the result is axis `order[i]` of this value.
    ///
    /// # Panics
    /// If `order` does not name every axis once.
    #[track_caller]
    pub fn permute<const N: usize>(self, order: [isize; N]) -> Var<T> {
        let order = expect(axis_order(self.shape(), &order));
        Permute { order }.apply([self])
    }

    /// As [`Var::permute`] for an order that was checked; nothing where it changes nothing.
    #[track_caller]
    pub(super) fn permuted(self, order: Vec<usize>) -> Var<T> {
        if order.is_sorted() {
            return self;
        }
        Permute { order }.apply([self])
    }

    /// The value repeated along axes of size 1 and along new leading axes.
    ///
    /// # Panics
    /// If it does not broadcast to the shape.
    #[track_caller]
    pub fn expand(self, shape: impl Into<Shape>) -> Var<T> {
        let to = shape.into();
        if *self.shape() == to {
            return self;
        }
        Expand { to, from: *self.shape() }.apply([self])
    }
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::entry;
    vec![
        entry!(
            "reshape",
            &[&[&[2, 3]], &[&[6]], &[&[3, 1, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().reshape([3, 2]),
            whole | x | Tensor::new(&x[0].to_vec(), [3, 2])
        ),
        entry!(
            "permute",
            &[&[&[2, 3, 2]], &[&[1, 1, 2]], &[&[0, 1, 2]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().permute([2, 0, -2]),
            whole | x | {
                let (s, v) = (x[0].shape(), x[0].to_vec());
                let at = |k: usize, i: usize, j: usize| v[(i * s[1] + j) * s[2] + k];
                let mut y = Vec::new();
                for k in 0..s[2] {
                    for i in 0..s[0] {
                        for j in 0..s[1] {
                            y.push(at(k, i, j));
                        }
                    }
                }
                Tensor::new(&y, [s[2], s[0], s[1]])
            }
        ),
        entry!(
            "expand",
            &[&[&[3]], &[&[1, 3]], &[&[2, 1]], &[&[]]],
            &[(-2.0, 2.0)],
            |x| x[0].clone().expand([2, 3]),
            whole | x | {
                let v = x[0].to_vec();
                let at = |i: usize, j: usize| match v.len() {
                    1 => v[0],
                    2 => v[i],
                    _ => v[j],
                };
                Tensor::f64([[at(0, 0), at(0, 1), at(0, 2)], [at(1, 0), at(1, 1), at(1, 2)]])
            }
        ),
    ]
}
