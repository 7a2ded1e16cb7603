//! Whole derivatives of functions: Jacobians, Hessians, and their products with a vector.
//!
//! Built on [`Var::grad`]: a row of the Jacobian is one recorded pass. A Jacobian-vector product differentiates the
//! vector-Jacobian product once more (the "double backward trick"), so its cost does not grow with the number of outputs.

use crate::{Float, Tape, Tensor, Var};

/// f(x) and ∂f/∂x, of shape `[f(x)'s shape…, x's shape…]`.
///
/// ```
/// use tape::{Tensor, jacobian};
/// let (y, j) = jacobian(|x| &x * &x, &Tensor::from([1.0, 2.0]));
/// assert_eq!((y.to_vec(), j.to_vec()), (vec![1.0, 4.0], vec![2.0, 0.0, 0.0, 4.0]));
/// ```
///
/// # Panics
/// If the ranks of both add up to more than [`crate::MAX_RANK`].
#[track_caller]
pub fn jacobian<T: Float>(f: impl Fn(Var<T>) -> Var<T>, x: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    let tape = Tape::probing();
    let x = tape.var(x.clone());
    let y = f(x.clone());
    (y.value().clone(), rows(&y, &x))
}

/// ∂²f/∂x² of a scalar function, of shape `[x's shape…, x's shape…]`.
///
/// ```
/// use tape::{Tensor, hessian};
/// let h = hessian(|x| (&x * &x * &x).sum(), &Tensor::from([1.0, 2.0]));
/// assert_eq!(h.to_vec(), [6.0, 0.0, 0.0, 12.0]);
/// ```
///
/// # Panics
/// If f(x) is not one number, or if x has more than half of [`crate::MAX_RANK`] axes.
#[track_caller]
pub fn hessian<T: Float>(f: impl Fn(Var<T>) -> Var<T>, x: &Tensor<T>) -> Tensor<T> {
    let tape = Tape::probing();
    let x = tape.var(x.clone());
    let y = scalar("hessian", f(x.clone()));
    let [dx] = y.grad([&x]);
    rows(&dx, &x)
}

/// f(x) and the derivative of f along `v`: ∂f/∂x · v.
///
/// ```
/// use tape::{Tensor, jvp};
/// let (_, dy) = jvp(|x| &x * &x, &Tensor::from([1.0, 2.0]), &Tensor::from([1.0, 10.0]));
/// assert_eq!(dy.to_vec(), [2.0, 40.0]);
/// ```
///
/// # Panics
/// If `v` does not have x's shape.
#[track_caller]
pub fn jvp<T: Float>(f: impl Fn(Var<T>) -> Var<T>, x: &Tensor<T>, v: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
    check_direction("jvp", x, v);
    let tape = Tape::probing();
    let x = tape.var(x.clone());
    let y = f(x.clone());
    // u ↦ uᵀ·J is linear in u; its derivative along v is J·v.
    let u = tape.var(y.value().zeros_like());
    let uj = y.grad_with(u.clone(), &[&x]).remove(0);
    let jv = uj.grad_with(tape.input(v.clone()), &[&u]).remove(0);
    (y.value().clone(), jv.into_value())
}

/// The Hessian of a scalar function times `v`: ∂²f/∂x² · v.
///
/// ```
/// use tape::{Tensor, hvp};
/// let hv = hvp(|x| (&x * &x * &x).sum(), &Tensor::from([1.0, 2.0]), &Tensor::from([1.0, 1.0]));
/// assert_eq!(hv.to_vec(), [6.0, 12.0]);
/// ```
///
/// # Panics
/// If f(x) is not one number, or if `v` does not have x's shape.
#[track_caller]
pub fn hvp<T: Float>(f: impl Fn(Var<T>) -> Var<T>, x: &Tensor<T>, v: &Tensor<T>) -> Tensor<T> {
    check_direction("hvp", x, v);
    let tape = Tape::probing();
    let x = tape.var(x.clone());
    let y = scalar("hvp", f(x.clone()));
    let [dx] = y.grad([&x]);
    dx.grad_with(tape.input(v.clone()), &[&x]).remove(0).into_value()
}

#[track_caller]
fn scalar<T: Float>(name: &str, y: Var<T>) -> Var<T> {
    assert!(y.len() == 1, "{name}: the function must return one number, it returned shape {:?}", y.shape());
    y
}

#[track_caller]
fn check_direction<T: Float>(name: &str, x: &Tensor<T>, v: &Tensor<T>) {
    assert!(x.shape() == v.shape(), "{name}: the vector has shape {:?}, x {:?}", v.shape(), x.shape());
}

/// One gradient for each element of y.
#[track_caller]
fn rows<T: Float>(y: &Var<T>, x: &Var<T>) -> Tensor<T> {
    let shape = [&y.shape()[..], &x.shape()[..]].concat();
    Tensor::fill_with(shape, |to| {
        for i in 0..y.len() {
            let mut one = y.value().zeros_like();
            one.make_mut()[i] = T::ONE;
            let row = y.grad_with(y.tape().input(one), &[x]).remove(0);
            row.value().copy_to(&mut to[i * x.len()..][..x.len()]);
        }
    })
}
