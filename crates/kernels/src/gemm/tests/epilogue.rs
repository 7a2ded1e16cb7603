//! Bias and rectifier in the same call, against the kernels they stand for.

use super::*;

/// The product, then the epilogue by the kernels it stands for.
fn epilogue_matches<T: Float>((m, k, n): (usize, usize, usize), flags: (bool, bool, bool)) {
    let (a, b): (Vec<T>, Vec<T>) = (cast(&noise(m * k, 1)), cast(&noise(k * n, 2)));
    let (bias, mut alpha): (Vec<T>, Vec<T>) = (cast(&noise(n, 4)), cast(&noise(n, 5)));
    let (a_transposed, b_transposed, accumulate) = flags;
    alpha[0] = T::NAN;
    let mut old: Vec<T> = cast(&noise(m * n, 3));
    old[m * n - 1] = T::NAN;
    let half = T::from_f64(0.5);
    for bias in [None, Some(&bias[..])] {
        for rectifier in [
            Rectifier::None,
            Rectifier::Relu,
            Rectifier::Leaky(half),
            Rectifier::PRelu(&[half]),
            Rectifier::PRelu(&alpha),
        ] {
            let product = |epilogue| {
                let mut c = old.clone();
                matmul(Matmul { a: &a, b: &b, c: &mut c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
                c
            };
            let mut expected = product(Epilogue::NONE);
            if let Some(bias) = bias {
                for (c, &b) in expected.iter_mut().zip(bias.iter().cycle()) {
                    *c += b;
                }
            }
            let over = crate::In1::Over { x: &mut expected };
            match rectifier {
                Rectifier::None => {}
                Rectifier::Relu => crate::relu(over),
                Rectifier::Leaky(slope) => crate::leaky(slope, over),
                Rectifier::PRelu(values) => {
                    let b = crate::Broadcast { values, run: 1 };
                    crate::prelu(crate::In2::OverA { a: &mut expected, b });
                }
            }
            let c = product(Epilogue { bias, rectifier });
            for (i, (c, e)) in c.iter().zip(&expected).enumerate() {
                let same = c.to_f64().to_bits() == e.to_f64().to_bits() || c.is_nan() && e.is_nan();
                assert!(same, "{m}x{k}x{n} {flags:?} {rectifier:?} at {i}: {c} for {e}");
            }
        }
    }
}

#[test]
fn the_epilogue_is_the_kernels_it_stands_for() {
    let shapes =
        [(1, 1, 1), (4, 2, 16), (4, 16, 1), (3, 0, 5), (5, 7, 33), (1, 300, 70), (33, 65, 129), (8, 17, 32_801)];
    at_every_level(|_| {
        for shape in shapes {
            for flags in FLAGS {
                epilogue_matches::<f32>(shape, flags);
                epilogue_matches::<f64>(shape, flags);
            }
        }
    });
    let _guard = crate::testing::level_stays();
    for shape in [(1, 300, 517), (517, 300, 1), (130, 70, 129)] {
        with_threads(3, || epilogue_matches::<f32>(shape, FLAGS[0]));
    }
}

#[test]
fn the_epilogue_keeps_the_conventions_at_zero_and_nan() {
    let a = [-0.0f32, f32::NAN, f32::NEG_INFINITY, 2.0, -2.0];
    let product = |rectifier| {
        let mut c = [7.0f32; 5];
        let epilogue = Epilogue { bias: None, rectifier };
        let (m, k, n, a_transposed, b_transposed, accumulate) = (5, 1, 1, false, false, false);
        matmul(Matmul { a: &a, b: &[1.0], c: &mut c, m, k, n, a_transposed, b_transposed, accumulate, epilogue });
        c.map(f32::to_bits)
    };
    let nan = product(Rectifier::None)[1];
    assert!(f32::from_bits(nan).is_nan());
    assert_eq!(product(Rectifier::Relu), [0.0f32.to_bits(), nan, 0.0f32.to_bits(), 2.0f32.to_bits(), 0.0f32.to_bits()]);
    let [_, _, infinite, _, negative] = product(Rectifier::Leaky(0.5));
    assert_eq!([infinite, negative], [f32::NEG_INFINITY.to_bits(), (-1.0f32).to_bits()]);
}

#[test]
#[should_panic(expected = "a bias of 3 numbers for 2 columns")]
fn a_bias_of_the_wrong_length_is_named() {
    let (m, k, n, a_transposed, b_transposed, accumulate) = (1, 1, 2, false, false, false);
    let epilogue = Epilogue { bias: Some(&[0.0; 3]), rectifier: Rectifier::None };
    matmul(Matmul {
        a: &[1.0],
        b: &[1.0; 2],
        c: &mut [0.0; 2],
        m,
        k,
        n,
        a_transposed,
        b_transposed,
        accumulate,
        epilogue,
    });
}
