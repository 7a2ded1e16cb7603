use super::*;
use crate::ops::pooling::tests::{binned, pooled};
use crate::ops::table::{Entry, entry};
use crate::{Tape, gradcheck};

pub(in crate::ops) fn entries() -> Vec<Entry> {
    const IMAGES: &[&[&[usize]]] = &[&[&[2, 5, 6, 3]], &[&[1, 3, 3, 1]], &[&[0, 4, 4, 2]], &[&[1, 4, 3, 17]]];
    vec![
        entry!(
            "avg_pool",
            IMAGES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().avg_pool(Pool::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil()),
            whole
                | x
                | pooled(&x[0], Pool::new([3, 2]).stride([2, 1]).padding([1, 1]).ceil(), |x, count| x
                    .iter()
                    .sum::<f64>()
                    / count)
        ),
        entry!(
            "adaptive_avg_pool",
            IMAGES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().adaptive_avg_pool([3, 4]),
            whole | x | binned(&x[0], [3, 4], |x, count| x.iter().sum::<f64>() / count)
        ),
        entry!(
            "upsample_nearest",
            IMAGES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().upsample_nearest([7, 6]),
            whole | x | at_places(&x[0], [7, 6], |o, from, to| (o * from / to).floor())
        ),
        entry!(
            "upsample_bilinear",
            IMAGES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().upsample_bilinear([7, 9], false),
            whole | x | at_places(&x[0], [7, 9], |o, from, to| ((o + 0.5) * from / to - 0.5).clamp(0.0, from - 1.0))
        ),
        entry!(
            "pad_with",
            IMAGES,
            &[(-2.0, 2.0)],
            |x| x[0].clone().pad_with(1, 2, 1, PadMode::Reflect),
            whole | x | {
                let size = x[0].shape()[1];
                let order = [2, 1].into_iter().chain(0..size).chain([size - 2]);
                let parts: Vec<_> = order.map(|i| x[0].narrow(1, i, 1)).collect();
                Tensor::concat(&parts, 1)
            }
        ),
    ]
}

/// x at fractional places, linear between neighbours.
fn at_places(x: &Tensor<f64>, to: [usize; 2], place: fn(f64, f64, f64) -> f64) -> Tensor<f64> {
    let (s, numbers) = (x.shape().to_vec(), x.to_vec());
    let mut y = Vec::new();
    for n in 0..s[0] {
        for (oh, ow) in (0..to[0]).flat_map(|i| (0..to[1]).map(move |j| (i, j))) {
            let (i, j) = (place(oh as f64, s[1] as f64, to[0] as f64), place(ow as f64, s[2] as f64, to[1] as f64));
            for c in 0..s[3] {
                let at = |i: f64, j: f64| {
                    let (i, j) = (i.min(s[1] as f64 - 1.0) as usize, j.min(s[2] as f64 - 1.0) as usize);
                    numbers[((n * s[1] + i) * s[2] + j) * s[3] + c]
                };
                let (a, b) = (i.fract(), j.fract());
                let (i, j) = (i.floor(), j.floor());
                let (top, bottom) =
                    (at(i, j) * (1.0 - b) + at(i, j + 1.0) * b, at(i + 1.0, j) * (1.0 - b) + at(i + 1.0, j + 1.0) * b);
                y.push(top * (1.0 - a) + bottom * a);
            }
        }
    }
    Tensor::new(&y, [s[0], to[0], to[1], s[3]])
}

fn line(numbers: &[f64]) -> Tensor<f64> {
    Tensor::new(numbers, [1, numbers.len(), 1])
}

fn values(x: &[f64], f: impl Fn(Var<f64>) -> Var<f64>) -> (Vec<f64>, Vec<f64>) {
    let tape = Tape::probing();
    let x = tape.var(line(x));
    let y = f(x.clone());
    (y.to_vec(), y.sum().backward()[&x].to_vec())
}

/// The divisor with ceil mode, forward and backward: what lies beyond the padding is never counted.
#[test]
fn peer_bug_p19() {
    let pool = Pool::new([3]).stride([2]).padding([1]).ceil();
    let third = 1.0 / 3.0;
    // Windows [pad 0 1], [1 2 3], [3 pad]: 3, 3 and 2 positions.
    let (y, dx) = values(&[1.0, 2.0, 3.0, 4.0], |x| x.avg_pool(pool));
    let close = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
    assert!(close(&y, &[1.0, 3.0, 2.0]), "{y:?}");
    assert!(close(&dx, &[third, 2.0 * third, third, third + 0.5]), "{dx:?}");
    let (y, dx) = values(&[1.0, 2.0, 3.0, 4.0], |x| x.avg_pool(pool.without_padding_in_means()));
    assert!(close(&y, &[1.5, 3.0, 4.0]), "{y:?}");
    assert!(close(&dx, &[0.5, 0.5 + third, third, third + 1.0]), "{dx:?}");
}

#[test]
fn pads_show_what_their_mode_says() {
    let pad = |mode| values(&[1.0, 2.0, 3.0], move |x| x.pad_with(1, 2, 1, mode));
    assert_eq!(pad(PadMode::Constant(7.0)), (vec![7.0, 7.0, 1.0, 2.0, 3.0, 7.0], vec![1.0; 3]));
    assert_eq!(pad(PadMode::Reflect), (vec![3.0, 2.0, 1.0, 2.0, 3.0, 2.0], vec![1.0, 3.0, 2.0]));
    assert_eq!(pad(PadMode::Replicate), (vec![1.0, 1.0, 1.0, 2.0, 3.0, 3.0], vec![3.0, 1.0, 2.0]));
    assert_eq!(pad(PadMode::Circular), (vec![2.0, 3.0, 1.0, 2.0, 3.0, 1.0], vec![2.0, 2.0, 2.0]));
    for mode in [PadMode::Reflect, PadMode::Replicate, PadMode::Circular] {
        gradcheck(|[x]| x.pad_with(1, 1, 2, mode).square(), [&line(&[1.0, -2.0, 3.0])]).unwrap();
    }
}

#[test]
fn corners_align() {
    let (y, dx) = values(&[1.0, 3.0], |x| x.unsqueeze(2).upsample_bilinear([5, 1], true));
    assert_eq!((y, dx), (vec![1.0, 1.5, 2.0, 2.5, 3.0], vec![2.5, 2.5]));
    assert_eq!(values(&[4.0, 3.0], |x| x.unsqueeze(2).upsample_bilinear([1, 1], true)).0, [4.0]);
}

#[test]
fn infinity_stays_where_its_weight_is_0() {
    let (y, _) = values(&[1.0, f64::INFINITY], |x| x.unsqueeze(2).upsample_bilinear([3, 1], true));
    assert_eq!(y, [1.0, f64::INFINITY, f64::INFINITY]);
}

#[test]
#[should_panic(
    expected = "pad_with: shape [1, 3, 1]: an axis of 3 cannot be padded by 3 and 0 reflected: at most its size less one"
)]
fn reflections_need_room() {
    let _ = Tape::inference().input(line(&[1.0; 3])).pad_with(1, 3, 0, PadMode::Reflect);
}

#[test]
#[should_panic(
    expected = "upsample_nearest: shape [1, 3, 1]: spatial axes of size 0 cannot be resampled, or resampled to; [0] are wanted"
)]
fn nothing_is_no_size() {
    let _ = Tape::inference().input(line(&[1.0; 3])).upsample_nearest([0]);
}
