//! x mod π/2 for any x, by as many digits of 2/π as it takes, in integers: the slow path of sin and cos.
//!
//! Payne, Hanek 1983.

/// The bits of 2/π, after 64 zeros.
const TWO_OVER_PI: [u64; 21] = [
    0x0000_0000_0000_0000,
    0xA2F9_836E_4E44_1529,
    0xFC27_57D1_F534_DDC0,
    0xDB62_9599_3C43_9041,
    0xFE51_63AB_DEBB_C561,
    0xB724_6E3A_424D_D2E0,
    0x0649_2EEA_09D1_921C,
    0xFE1D_EB1C_B129_A73E,
    0xE882_35F5_2EBB_4484,
    0xE99C_7026_B45F_7E41,
    0x3991_D639_8353_39F4,
    0x9C84_5F8B_BDF9_283B,
    0x1FF8_97FF_DE05_980F,
    0xEF2F_118B_5A0A_6D1F,
    0x6D36_7ECF_27CB_09B7,
    0x4F46_3F66_9E5F_EA2D,
    0x7527_BAC7_EBE5_F17B,
    0x3D07_39F7_8A52_92EA,
    0x6BFB_5FB1_1F8D_5D08,
    0x5603_3046_FC7B_6BAB,
    0xF0CF_BC20_9AF4_361D,
];
/// π/2 in two parts.
const HALF_PI: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17];

/// r in two parts and n mod 4, −2 to 2, with x = n π/2 + r and |r| ≤ π/4, for a normal x; NaN where x is not finite.
#[cold]
#[inline(never)]
pub(super) fn remainder(x: f64) -> ([f64; 2], f64) {
    if !x.is_finite() {
        return ([f64::NAN; 2], 0.0);
    }
    // |x| = mantissa · 2^exponent
    let exponent = ((x.to_bits() >> 52) & 0x7FF) as i32 - 1075;
    let mantissa = (x.to_bits() << 11 | 1 << 63) >> 11;
    // Of the digits before bit exponent − 1 of 2/π only multiples of 4 come; 256 bits from there on are plenty: the worst
    // x leaves 62 leading zeros.
    let first = (exponent - 2 + 64) as usize;
    let mut turns = [0u64; 4];
    let mut carry = 0;
    for k in (0..4).rev() {
        let product = u128::from(mantissa) * u128::from(word(first + 64 * k)) + carry;
        turns[k] = product as u64;
        carry = product >> 64;
    }
    // Two bits of quadrant and 254 of fraction, which goes to ±½.
    let mut quadrant = (turns[0] >> 62) as f64;
    let is_over = turns[0] >> 61 & 1 == 1;
    turns[0] &= u64::MAX >> 2;
    if is_over {
        quadrant += 1.0;
        negate(&mut turns);
        turns[0] &= u64::MAX >> 2;
    }
    let sign = if is_over != x.is_sign_negative() { -1.0 } else { 1.0 };
    let quadrant = if x.is_sign_negative() { -quadrant } else { quadrant };
    let quadrant = if quadrant.abs() > 2.0 { quadrant - 4.0 * quadrant.signum() } else { quadrant };
    let [high, low] = parts(turns);
    let hi = high * HALF_PI[0];
    let lo = high.mul_add(HALF_PI[0], -hi) + (high * HALF_PI[1] + low * HALF_PI[0]);
    let sum = hi + lo;
    ([sign * sum, sign * (lo - (sum - hi))], quadrant)
}

/// 64 bits of the table from bit `at` on.
fn word(at: usize) -> u64 {
    let (index, shift) = (at / 64, at % 64);
    let both = u128::from(TWO_OVER_PI[index]) << 64 | u128::from(TWO_OVER_PI[index + 1]);
    (both >> (64 - shift)) as u64
}

fn negate(number: &mut [u64; 4]) {
    let mut carry = true;
    for digit in number.iter_mut().rev() {
        (*digit, carry) = (!*digit).overflowing_add(u64::from(carry));
    }
}

/// A fraction of 254 bits as the sum of two numbers.
fn parts(fraction: [u64; 4]) -> [f64; 2] {
    let skipped = fraction.iter().take_while(|&&digit| digit == 0).count();
    let digit = |k: usize| u128::from(fraction.get(skipped + k).copied().unwrap_or(0));
    let zeros = (digit(0) as u64).leading_zeros();
    let leading = digit(0) << 64 | digit(1);
    let leading = leading << zeros | if zeros == 0 { 0 } else { digit(2) >> (64 - zeros) };
    // 53 bits, then 53 more.
    let unit = 2f64.powi(2 - 64 * skipped as i32 - zeros as i32 - 53);
    let low = (leading << 53 >> 75) as f64;
    [(leading >> 75) as f64 * unit, low * unit * 2f64.powi(-53)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_argument_keeps_all_digits() {
        // cos(6381956970095103 · 2⁷⁹⁷) = −4.687165924254627611e−19 is the closest that a double comes to a multiple of π/2.
        let ([hi, lo], quadrant) = remainder(6_381_956_970_095_103.0 * 2f64.powi(797));
        assert_eq!((hi.abs(), quadrant.abs()), (4.687165924254628e-19, 1.0));
        assert!(lo.abs() < 1e-34);
    }

    #[test]
    fn small_arguments_are_as_expected() {
        for k in 1..1000 {
            let x = f64::from(k) * 0.7 + 0.8;
            for x in [x, -x] {
                let n = (x / HALF_PI[0]).round();
                let ([hi, _], quadrant) = remainder(x);
                assert!((hi - (x - n * HALF_PI[0])).abs() < 1e-12, "{x}");
                assert_eq!((quadrant - n).rem_euclid(4.0), 0.0, "{x}");
            }
        }
    }
}
