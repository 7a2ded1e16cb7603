//! exp over registers, for softmax and its kin: e^x = 2^n · e^r with n = round(x / ln 2) and |r| ≤ ln 2 / 2.

use crate::Float as _;
use crate::lanes::Lanes;

/// ln 2 in two parts: the first has few enough bits for n times it to be exact. (f32, f64)
const LN_2_HIGH: (f64, f64) = (0.693359375, 6.931_471_803_691_238e-1);
const LN_2_LOW: (f64, f64) = (-2.121_944_400_546_905_8e-4, 1.908_214_929_270_587_7e-10);
/// Beyond these every result is 0 or ∞. (f32, f64)
const LEAST: (f64, f64) = (-104.0, -746.0);
const MOST: (f64, f64) = (89.0, 710.0);
/// 1/k! for k = 0..=13: the series, cut where its next term is below a tenth of an ulp.
const SERIES: [f64; 14] = [
    1.0,
    1.0,
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];

/// e^x to 1 ulp or 2; −∞ gives 0, NaN stays NaN.
#[inline(always)]
pub(crate) fn exp_lanes<L: Lanes>(x: L) -> L {
    // `a.min(x)` keeps the NaN of x.
    let bounded = pick::<L>(MOST).min(pick::<L>(LEAST).max(x));
    let n = (bounded * number::<L>(std::f64::consts::LOG2_E)).round();
    let r = (-n).mul_add(pick(LN_2_LOW), (-n).mul_add(pick(LN_2_HIGH), bounded));
    let degree = if is_single::<L>() { 7 } else { 13 };
    let mut sum = number::<L>(SERIES[degree]);
    for &coefficient in SERIES[..degree].iter().rev() {
        sum = sum.mul_add(r, number(coefficient));
    }
    // In two steps, so that subnormal results round and large ones reach ∞.
    let half = (n * number(0.5)).floor();
    sum * L::pow2(half) * L::pow2(n - half)
}

// Functions and not closures: a closure that is not inlined is compiled without the level's instructions.

#[inline(always)]
fn is_single<L: Lanes>() -> bool {
    size_of::<L::Elem>() == 4
}

#[inline(always)]
fn number<L: Lanes>(value: f64) -> L {
    L::splat(L::Elem::from_f64(value))
}

/// The constant for f32 or f64.
#[inline(always)]
fn pick<L: Lanes>((single, double): (f64, f64)) -> L {
    number(if is_single::<L>() { single } else { double })
}
