//! Norms against their definition in f64.

use super::*;
use crate::testing::{at_every_level, level_stays};
use crate::with_threads;

fn numbers<T: Float>(count: usize, seed: u64, offset: f64) -> Vec<T> {
    let mut state = seed * 2_654_435_761 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(|_| T::from_f64(next() + offset)).collect()
}

/// Rows and features around registers and chunks.
const SIZES: [(usize, usize); 12] = [
    (1, 1),
    (2, 3),
    (7, 16),
    (5, 17),
    (4, 32),
    (9, 33),
    (3, 48),
    (6, 64),
    (3000, 16),
    (900, 64),
    (20_001, 3),
    (513, 100),
];

struct Case {
    rows: usize,
    features: usize,
    rectifier: usize,
    residual: bool,
    of_batch: bool,
}

impl Case {
    fn kind<'a, T: Float>(&self, slopes: &'a [T]) -> Rectifier<'a, T> {
        match self.rectifier {
            0 => Rectifier::None,
            1 => Rectifier::Relu,
            2 => Rectifier::Leaky(slopes[0]),
            3 => Rectifier::PRelu(&slopes[..1]),
            _ => Rectifier::PRelu(slopes),
        }
    }

    fn slope(&self, slopes: &[f64], feature: usize) -> f64 {
        match self.rectifier {
            0 => 1.0,
            1 => 0.0,
            2 | 3 => slopes[0],
            _ => slopes[feature],
        }
    }
}

#[track_caller]
fn close<T: Float>(found: &[T], expected: &[f64], tolerance: f64, what: &str) {
    let scale = expected.iter().fold(1.0f64, |max, x| max.max(x.abs()));
    for (i, (found, &expected)) in found.iter().zip(expected).enumerate() {
        let error = (found.to_f64() - expected).abs();
        assert!(error <= tolerance * scale, "{what}[{i}]: {found}, expected {expected}, scale {scale}");
    }
}

fn check<T: Float>(case: &Case) {
    let Case { rows, features, residual, of_batch, .. } = *case;
    let (n, f) = (rows * features, features);
    let (x, g, r) = (numbers::<T>(n, 1, 0.3), numbers::<T>(n, 2, 0.1), numbers::<T>(n, 3, 0.0));
    let weight: Vec<T> = numbers::<T>(f, 4, 1.5);
    let (bias, slopes) = (numbers::<T>(f, 5, 0.0), numbers::<T>(f, 6, 1.2));
    let to_f64 = |v: &[T]| v.iter().map(|x| x.to_f64()).collect::<Vec<f64>>();
    let (xs, gs, rs, ws, bs, ss) =
        (to_f64(&x), to_f64(&g), to_f64(&r), to_f64(&weight), to_f64(&bias), to_f64(&slopes));
    let epsilon = 1e-5;

    let (mut mean, mut variance) = (vec![T::ZERO; f], vec![T::ZERO; f]);
    moments(&x, &mut mean, &mut variance);
    let column = |v: &[f64], i: usize| (0..rows).map(|row| v[row * f + i]).collect::<Vec<_>>();
    let means: Vec<f64> = (0..f).map(|i| column(&xs, i).iter().sum::<f64>() / rows as f64).collect();
    let variances: Vec<f64> =
        (0..f).map(|i| column(&xs, i).iter().map(|x| (x - means[i]).powi(2)).sum::<f64>() / rows as f64).collect();
    let loose = T::EPSILON.to_f64() * 64.0;
    close(&mean, &means, loose, "mean");
    close(&variance, &variances, loose, "variance");

    // The definition, from the statistics as they were found.
    let inverse: Vec<T> = variance.iter().map(|v| T::from_f64(1.0 / (v.to_f64() + epsilon).sqrt())).collect();
    let scale: Vec<T> = weight.iter().zip(&inverse).map(|(&w, &i)| w * i).collect();
    let (ms, is) = (to_f64(&mean), to_f64(&inverse));
    let (mut z, mut before) = (vec![0.0; n], vec![0.0; n]);
    let mut dx = vec![0.0; n];
    let (mut d_weight, mut d_bias, mut d_slopes) = (vec![0.0; f], vec![0.0; f], vec![0.0; f]);
    let mut d_residual = vec![0.0; n];
    for i in 0..n {
        let j = i % f;
        before[i] = (xs[i] - ms[j]) * is[j] * ws[j] + bs[j] + if residual { rs[i] } else { 0.0 };
        let slope = if before[i] > 0.0 { 1.0 } else { case.slope(&ss, j) };
        z[i] = before[i] * slope;
        d_residual[i] = gs[i] * slope;
        d_bias[j] += d_residual[i];
        d_weight[j] += d_residual[i] * (xs[i] - ms[j]) * is[j];
        d_slopes[j] += if before[i] < 0.0 { gs[i] * before[i] } else { 0.0 };
    }
    for i in 0..n {
        let j = i % f;
        let normal = (xs[i] - ms[j]) * is[j];
        let of_statistics = if of_batch { (d_bias[j] + normal * d_weight[j]) / rows as f64 } else { 0.0 };
        dx[i] = ws[j] * is[j] * (d_residual[i] - of_statistics);
    }
    let mut y = vec![T::NAN; n];
    let addend = residual.then_some(&r[..]);
    let largest = batch_norm(In1::From { x: &x, y: &mut y }, &mean, &scale, &bias, addend, case.kind(&slopes));
    let expected = if residual { rs.iter().fold(0.0f64, |max, r| max.max(r.abs())) } else { 0.0 };
    assert_eq!(largest.to_f64(), expected);
    close(&y, &z, loose, "y");
    let mut over = x.clone();
    batch_norm(In1::Over { x: &mut over }, &mean, &scale, &bias, addend, case.kind(&slopes));
    assert_eq!(over, y);

    let enough = norm_output_is_enough(&weight, &bias, case.kind(&slopes));
    assert_eq!(enough, case.rectifier != 1);
    for from_output in [false, true] {
        if from_output && !enough {
            continue;
        }
        for in_place in [false, true] {
            let seen = if from_output { NormSeen::Output(&y) } else { NormSeen::Input(&x) };
            let (mut dy, mut result, mut dr) = (g.clone(), vec![T::NAN; n], vec![T::NAN; n]);
            let (mut dw, mut db, mut da) = (vec![T::NAN; f], vec![T::NAN; f], vec![T::NAN; f]);
            batch_norm_backward(BatchNormBackward {
                seen,
                residual: addend,
                mean: &mean,
                inverse: &inverse,
                weight: &weight,
                bias: &bias,
                rectifier: case.kind(&slopes),
                of_batch,
                dy: if in_place { In1::Over { x: &mut dy } } else { In1::From { x: &g, y: &mut result } },
                d_residual: residual.then_some(&mut dr[..]),
                d_weight: &mut dw,
                d_bias: &mut db,
                d_slopes: &mut da,
            });
            let what = |name: &str| format!("{name} {rows} × {f}, output {from_output}, rectifier {}", case.rectifier);
            // A tiny variance of few rows makes s, hence everything behind it, large.
            let loose = loose * if rows < 10 { 64.0 } else { 4.0 };
            close(if in_place { &dy } else { &result }, &dx, loose, &what("dx"));
            close(&dw, &d_weight, loose, &what("dγ"));
            close(&db, &d_bias, loose, &what("dβ"));
            if case.rectifier >= 2 {
                close(&da, &d_slopes, loose, &what("dα"));
            }
            if residual {
                close(&dr, &d_residual, loose, &what("dr"));
            }
        }
    }
}

#[test]
fn batch_norm_and_its_gradients_are_the_definition() {
    at_every_level(|_| {
        for (rows, features) in SIZES {
            for rectifier in 0..5 {
                for (residual, of_batch) in [(false, true), (true, true), (false, false)] {
                    let case = Case { rows, features, rectifier, residual, of_batch };
                    check::<f32>(&case);
                    if rows < 1000 {
                        check::<f64>(&case);
                    }
                }
            }
        }
    });
}

/// onnxruntime, burn: E[x²] − E[x]² of numbers far from 0.
#[test]
fn peer_bug_n09() {
    at_every_level(|_| {
        for (rows, features) in [(5000, 16), (100, 3), (2, 1)] {
            let x: Vec<f32> = (0..rows * features).map(|i| 1e6 + (i / features % 2) as f32).collect();
            let (mut mean, mut variance) = (vec![0.0; features], vec![1.0; features]);
            moments(&x, &mut mean, &mut variance);
            assert!(variance.iter().all(|v| (v - 0.25).abs() < 1e-6), "{variance:?}");
            moments(&vec![1e30f32; rows * features], &mut mean, &mut variance);
            assert!(variance.iter().all(|&v| v == 0.0) && mean.iter().all(|&m| m == 1e30), "{variance:?}");
        }
        let mut row = vec![1e4f32; 1000];
        let (weight, bias) = (vec![1.0; 1000], vec![0.5; 1000]);
        layer_norm(
            LayerNorm { weight: &weight, bias: Some(&bias), epsilon: 1e-5, centred: true },
            In1::Over { x: &mut row },
        );
        assert!(row.iter().all(|&y| y == 0.5));
    });
}

#[test]
fn what_is_not_finite_stays_in_its_feature() {
    at_every_level(|_| {
        let mut x = numbers::<f32>(40 * 20, 7, 0.0);
        (x[3], x[20 * 5 + 18]) = (f32::NAN, f32::INFINITY);
        let (mut mean, mut variance) = (vec![0.0; 20], vec![0.0; 20]);
        moments(&x, &mut mean, &mut variance);
        for i in 0..20 {
            assert_eq!(variance[i].is_finite() && mean[i].is_finite(), i != 3 && i != 18, "{i}");
        }
    });
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let _guard = level_stays();
    let (n, f) = (4000 * 48, 48);
    let (x, g) = (numbers::<f32>(n, 1, 0.3), numbers::<f32>(n, 2, 0.1));
    let run = |threads| {
        with_threads(threads, || {
            let (mut mean, mut variance) = (vec![0.0; f], vec![0.0; f]);
            moments(&x, &mut mean, &mut variance);
            let ones = vec![1.0; f];
            let (mut dy, mut dw, mut db, mut da) = (g.clone(), vec![0.0; f], vec![0.0; f], vec![0.0; f]);
            batch_norm_backward(BatchNormBackward {
                seen: NormSeen::Input(&x),
                residual: None,
                mean: &mean,
                inverse: &ones,
                weight: &ones,
                bias: &mean,
                rectifier: Rectifier::Leaky(0.1),
                of_batch: true,
                dy: In1::Over { x: &mut dy },
                d_residual: None,
                d_weight: &mut dw,
                d_bias: &mut db,
                d_slopes: &mut da,
            });
            [mean, variance, dy, dw, db, da]
        })
    };
    assert_eq!(run(1), run(2));
    assert_eq!(run(1), run(3));
}

/// Layer and group norm: y, dx, dγ, dβ of one set of numbers that share their statistics, in f64.
fn naive(x: &[f64], g: &[f64], w: &[f64], b: &[f64], centred: bool) -> [Vec<f64>; 4] {
    let n = x.len() as f64;
    let mean = if centred { x.iter().sum::<f64>() / n } else { 0.0 };
    let s = (x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n + 1e-5).sqrt();
    let normal: Vec<f64> = x.iter().map(|x| (x - mean) / s).collect();
    let h: Vec<f64> = g.iter().zip(w).map(|(g, w)| g * w).collect();
    let mean_h = if centred { h.iter().sum::<f64>() / n } else { 0.0 };
    let mean_hn = h.iter().zip(&normal).map(|(h, v)| h * v).sum::<f64>() / n;
    let y = normal.iter().zip(w.iter().zip(b)).map(|(v, (w, b))| v * w + b).collect();
    let dx = h.iter().zip(&normal).map(|(h, v)| (h - mean_h - v * mean_hn) / s).collect();
    [y, dx, g.iter().zip(&normal).map(|(g, v)| g * v).collect(), g.to_vec()]
}

#[test]
fn layer_and_rms_norm_are_the_definition() {
    at_every_level(|_| {
        for (rows, width) in [(1, 1), (3, 2), (5, 16), (2, 17), (40, 100), (3, 5000), (0, 4)] {
            for centred in [true, false] {
                let (x, g) = (numbers::<f32>(rows * width, 1, 0.5), numbers::<f32>(rows * width, 2, 0.0));
                let (w, b) = (numbers::<f32>(width, 3, 1.0), numbers::<f32>(width, 4, 0.0));
                let wide = |v: &[f32]| v.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
                let (mut y, mut dx) = (Vec::new(), Vec::new());
                let (mut dw, mut db) = (vec![0.0; width], vec![0.0; width]);
                for row in 0..rows {
                    let part = row * width..(row + 1) * width;
                    let [y_row, dx_row, dw_row, db_row] =
                        naive(&wide(&x[part.clone()]), &wide(&g[part]), &wide(&w), &wide(&b), centred);
                    y.extend(y_row);
                    dx.extend(dx_row);
                    (0..width).for_each(|i| (dw[i], db[i]) = (dw[i] + dw_row[i], db[i] + db_row[i]));
                }
                let norm = LayerNorm { weight: &w[..], bias: Some(&b), epsilon: 1e-5, centred };
                let (mut found, mut over) = (vec![f32::NAN; x.len()], x.clone());
                layer_norm(norm, In1::From { x: &x, y: &mut found });
                layer_norm(norm, In1::Over { x: &mut over });
                assert_eq!(found, over);
                close(&found, &y, 1e-5, "y");
                let (mut d_weight, mut d_bias, mut dy) = (vec![0.0; width], vec![0.0; width], g.clone());
                layer_norm_backward(LayerNormBackward {
                    norm,
                    x: &x,
                    dy: In1::Over { x: &mut dy },
                    d_weight: &mut d_weight,
                    d_bias: &mut d_bias,
                });
                close(&dy, &dx, 1e-4, &format!("dx {rows} × {width}"));
                close(&d_weight, &dw, 1e-4, "dγ");
                close(&d_bias, &db, 1e-5, "dβ");
            }
        }
    });
}

#[test]
fn group_norm_is_the_definition() {
    at_every_level(|_| {
        for (samples, places, channels, groups) in
            [(2, 5, 6, 3), (3, 7, 32, 4), (1, 1, 4, 2), (2, 9, 17, 17), (5, 300, 48, 1)]
        {
            let sample = places * channels;
            let (x, g) = (numbers::<f32>(samples * sample, 1, 0.5), numbers::<f32>(samples * sample, 2, 0.0));
            let (w, b) = (numbers::<f32>(channels, 3, 1.0), numbers::<f32>(channels, 4, 0.0));
            let (mut y, mut dx) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            let (mut dw, mut db) = (vec![0.0; channels], vec![0.0; channels]);
            for (n, group) in (0..samples).flat_map(|n| (0..groups).map(move |group| (n, group))) {
                let size = channels / groups;
                let at: Vec<usize> = (0..places)
                    .flat_map(|p| (group * size..(group + 1) * size).map(move |c| n * sample + p * channels + c))
                    .collect();
                let of = |v: &[f32]| at.iter().map(|&i| f64::from(v[i])).collect::<Vec<_>>();
                let per_channel = |v: &[f32]| at.iter().map(|&i| f64::from(v[i % channels])).collect::<Vec<_>>();
                let [ys, dxs, dws, dbs] = naive(&of(&x), &of(&g), &per_channel(&w), &per_channel(&b), true);
                for (k, &i) in at.iter().enumerate() {
                    (y[i], dx[i]) = (ys[k], dxs[k]);
                    (dw[i % channels], db[i % channels]) = (dw[i % channels] + dws[k], db[i % channels] + dbs[k]);
                }
            }
            let norm = GroupNorm { groups, channels, places, epsilon: 1e-5 };
            let mut found = vec![f32::NAN; x.len()];
            group_norm(norm, In1::From { x: &x, y: &mut found }, &w, &b);
            close(&found, &y, 1e-5, "y");
            let (mut d_weight, mut d_bias, mut dy) = (vec![0.0; channels], vec![0.0; channels], g.clone());
            group_norm_backward(GroupNormBackward {
                norm,
                x: &x,
                weight: &w,
                dy: In1::Over { x: &mut dy },
                d_weight: &mut d_weight,
                d_bias: &mut d_bias,
            });
            close(&dy, &dx, 1e-4, &format!("dx {samples} {places} {channels} {groups}"));
            close(&d_weight, &dw, 1e-4, "dγ");
            close(&d_bias, &db, 1e-5, "dβ");
        }
    });
}
