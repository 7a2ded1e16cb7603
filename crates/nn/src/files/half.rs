//! Sixteen-bit floats, which files have and arithmetic here has not: to f64, exactly.

/// IEEE binary16: 1 sign bit, 5 of exponent (bias 15), 10 of fraction.
pub(crate) fn from_f16(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff) / 1024.0);
    match (exponent, fraction) {
        (0, _) => sign * fraction * 2f64.powi(-14),
        (31, 0.0) => sign * f64::INFINITY,
        (31, _) => f64::NAN,
        _ => sign * (1.0 + fraction) * 2f64.powi(exponent - 15),
    }
}

/// bfloat16: the upper half of an f32.
pub(crate) fn from_bf16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_kinds() {
        let halves = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 2f64.powi(-24)),
            (0x0400, 2f64.powi(-14)),
            (0x3555, 0.333251953125),
            (0x7c00, f64::INFINITY),
            (0xfc00, f64::NEG_INFINITY),
        ];
        for (bits, number) in halves {
            assert_eq!(from_f16(bits), number, "{bits:x}");
        }
        assert!(from_f16(0x7e00).is_nan() && from_f16(0x8000).to_bits() == (-0.0f64).to_bits());
        for (bits, number) in [(0x3f80, 1.0), (0xc040, -3.0), (0x7f80, f64::INFINITY), (0x0001, 2f64.powi(-133))] {
            assert_eq!(from_bf16(bits), number, "{bits:x}");
        }
        assert!(from_bf16(0x7fc0).is_nan());
    }
}
