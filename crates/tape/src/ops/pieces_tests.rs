//! Samples and oracles of the ops on parts, and the bugs other engines had in theirs.

use super::super::table::{Entry, entry};
use crate::{Tape, Tensor, Var};

/// Of a matrix: the numbers at chosen places.
fn at(x: &Tensor<f64>, shape: [usize; 2], f: impl Fn(usize, usize) -> Option<[usize; 2]>) -> Tensor<f64> {
    let (v, columns) = (x.to_vec(), x.shape()[1]);
    let number = |i: usize| f(i / shape[1], i % shape[1]).map_or(0.0, |[r, c]| v[r * columns + c]);
    Tensor::new(&(0..shape[0] * shape[1]).map(number).collect::<Vec<_>>(), shape)
}

const M: &[&[&[usize]]] = &[&[&[2, 3]]];
const R: &[(f64, f64)] = &[(-2.0, 2.0)];

pub(in crate::ops) fn entries() -> Vec<Entry> {
    vec![
        entry!("transpose", M, R, |x| x[0].clone().transpose(), whole | x | at(&x[0], [3, 2], |i, j| Some([j, i]))),
        entry!("swap_axes", M, R, |x| x[0].clone().swap_axes(0, 1), whole | x | at(&x[0], [3, 2], |i, j| Some([j, i]))),
        entry!("unsqueeze", M, R, |x| x[0].clone().unsqueeze(-1), whole | x | Tensor::new(&x[0].to_vec(), [2, 3, 1])),
        entry!(
            "squeeze",
            &[&[&[2, 1, 3]]],
            R,
            |x| x[0].clone().squeeze(1),
            whole | x | Tensor::new(&x[0].to_vec(), [2, 3])
        ),
        entry!(
            "flatten",
            &[&[&[2, 3, 2]], &[&[2]], &[&[2, 0]], &[&[2, 3]]],
            R,
            |x| x[0].clone().flatten(1),
            whole | x | Tensor::new(&x[0].to_vec(), [2, x[0].len() / 2])
        ),
        entry!(
            "narrow",
            M,
            R,
            |x| x[0].clone().narrow(1, 1, 2),
            whole | x | at(&x[0], [2, 2], |i, j| Some([i, j + 1]))
        ),
        entry!(
            "pad",
            M,
            R,
            |x| x[0].clone().pad(1, 1, 2, 0.0),
            whole | x | { at(&x[0], [2, 6], |i, j| (1..4).contains(&j).then(|| [i, j - 1])) }
        ),
        entry!("flip", M, R, |x| x[0].clone().flip(1), whole | x | at(&x[0], [2, 3], |i, j| Some([i, 2 - j]))),
        entry!(
            "roll",
            M,
            R,
            |x| x[0].clone().roll(1, -2),
            whole | x | at(&x[0], [2, 3], |i, j| Some([i, (j + 2) % 3]))
        ),
        entry!("triu", M, R, |x| x[0].clone().triu(1), whole | x | at(&x[0], [2, 3], |i, j| (j > i).then_some([i, j]))),
        entry!(
            "tril",
            M,
            R,
            |x| x[0].clone().tril(0),
            whole | x | at(&x[0], [2, 3], |i, j| (j <= i).then_some([i, j]))
        ),
        entry!(
            "concat",
            &[&[&[2, 2], &[2, 1]]],
            R,
            |x| Var::concat(&x, -1),
            whole | x | {
                let (a, b) = (x[0].to_vec(), x[1].to_vec());
                Tensor::f64([[a[0], a[1], b[0]], [a[2], a[3], b[1]]])
            }
        ),
        entry!(
            "stack",
            &[&[&[2], &[2]]],
            R,
            |x| Var::stack(&x, -1),
            whole | x | {
                let (a, b) = (x[0].to_vec(), x[1].to_vec());
                Tensor::f64([[a[0], b[0]], [a[1], b[1]]])
            }
        ),
        entry!(
            "repeat",
            M,
            R,
            |x| x[0].clone().repeat(&[2, 3]),
            whole | x | at(&x[0], [4, 9], |i, j| Some([i % 2, j % 3]))
        ),
        entry!(
            "split",
            M,
            R,
            |x| {
                let parts = x[0].clone().split(&[1, 2], 1);
                Var::concat(&[parts[1].clone(), parts[0].clone()], 1)
            },
            whole | x | at(&x[0], [2, 3], |i, j| Some([i, (j + 1) % 3]))
        ),
    ]
}

#[test]
fn peer_bug_e11() {
    let tape = Tape::probing();
    let parts: Vec<Var> = (0..3).map(|i| tape.var(Tensor::full([1, 2], i as f32))).collect();
    let weights = Tensor::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let grads = (Var::concat(&parts, 0) * weights).sum().backward();
    assert_eq!(grads[&parts[0]].to_vec(), [1.0, 2.0]);
    assert_eq!(grads[&parts[1]].to_vec(), [3.0, 4.0]);
    assert_eq!(grads[&parts[2]].to_vec(), [5.0, 6.0]);
}

#[test]
fn peer_bug_e17() {
    let tape = Tape::probing();
    let x = tape.var(Tensor::from([[1.0], [2.0], [3.0]]));
    let z = Tensor::from([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let grads = (x.clone().expand([3, 3]).narrow(0, 0, 2) * z).sum().backward();
    assert_eq!(grads[&x].to_vec(), [6.0, 15.0, 0.0]);
}

#[test]
fn peer_bug_o29() {
    let prefix = Tensor::arange(40).reshape([8, 5]).narrow(0, 0, 5).contiguous();
    assert_eq!((prefix.as_slice().unwrap().len(), prefix.to_vec().len()), (25, 25));
}

#[test]
fn peer_bug_o35() {
    let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(x.repeat(&[0, 2]).shape(), &[0, 4]);
    let tape = Tape::probing();
    let v = tape.var(x);
    let y = v.clone().repeat(&[0, 2]);
    assert_eq!(y.shape(), &[0, 4]);
    assert_eq!(y.sum().backward()[&v].to_vec(), [0.0; 4]);
}

#[test]
fn triangles_drop_nan_and_padding_takes_any_number() {
    let x = Tape::inference().input(Tensor::from([[1.0, f32::NAN], [f32::NAN, 2.0]]));
    assert_eq!(x.clone().tril(0).triu(0).to_vec(), [1.0, 0.0, 0.0, 2.0]);
    let y = x.narrow(0, 0, 0).pad(0, 1, 0, 7.0);
    assert_eq!((y.shape().to_vec(), y.to_vec()), (vec![1, 2], vec![7.0, 7.0]));
}
