//! Polynomials and split constants, for each type.
//!
//! Printed by `tests/reference/make_coefficients.py`: minimax polynomials by Remez exchange at 60 digits, rounded to the
//! type, ascending powers. A constant in several parts is the sum of numbers short enough that their products with the
//! integers they meet are exact, without a fused multiply-add too.
#![allow(clippy::approx_constant, reason = "parts and roundings of the constants, chosen bit by bit")]

/// What the algorithms of this folder need to know about a type. Out of reach from outside.
pub trait Constants: Copy + Sized + 'static {
    /// (eʳ − 1 − r) / r² on |r| ≤ ln 2 / 2.
    const EXP: &'static [Self];
    /// Below this eˣ rounds to 0.
    const EXP_MIN: Self;
    /// Above this eˣ is infinite.
    const EXP_MAX: Self;
    /// (2 atanh(s)/s − 2 − ⅔ z) / z², of z = s² ≤ ((√2 − 1)/(√2 + 1))².
    const LN: &'static [Self];
    /// (sin r − r) / r³, of r² ≤ (π/4)².
    const SIN: &'static [Self];
    /// (cos r − 1 + r²/2) / r⁴, of r² ≤ (π/4)².
    const COS: &'static [Self];
    /// erf(x)/x − 1, of x² ≤ 1.
    const ERF_NEAR: &'static [Self];
    /// −ln(1 − erf x), of x − 1, for x in 1..=[`Constants::ERF_ONE`].
    const ERF_FAR: &'static [Self];
    /// From here on erf rounds to 1.
    const ERF_ONE: Self;
    /// From here on e^(−x²) rounds to 0.
    const GAUSS_ZERO: Self;
    /// (x + 4) e^(x²/2) Φ(−x), of (x − 4)/(x + 4), for x in 0..=[`Constants::NORMAL_ZERO`].
    const MILLS: &'static [Self];
    /// What rounding took from the first two coefficients of [`Constants::MILLS`].
    const MILLS_LOW: [Self; 2];
    /// From here on Φ(−x) and x φ(x) round to 0.
    const NORMAL_ZERO: Self;
    /// ln 2 in two parts.
    const LN_2: [Self; 2];
    /// 1 / ln 2.
    const LOG2_E: Self;
    /// √2.
    const SQRT_2: Self;
    /// π/2 in four parts.
    const HALF_PI: [Self; 4];
    /// 2/π.
    const TWO_OVER_PI: Self;
    /// Below this, n · [`Constants::HALF_PI`] is exact to the last part.
    const TRIG_MAX: Self;
    /// Below this the remainder after n π/2 has lost too many digits.
    const TRIG_MIN: Self;
    /// ⅔ and what rounding took from it.
    const TWO_THIRDS: [Self; 2];
    /// 1/√(2π) and what rounding took from it.
    const INV_SQRT_TAU: [Self; 2];
    /// 2/√π and what rounding took from it.
    const TWO_OVER_SQRT_PI: [Self; 2];
    /// Splits a number in two halves: 2^⌈digits/2⌉ + 1.
    const SPLIT: Self;
    /// The smallest normal number.
    const MIN_NORMAL: Self;
    /// The largest n for which 2⁻ⁿ is normal.
    const MAX_NEGATIVE_POWER: Self;

    /// Powers by the standard library, in f64.
    fn pow_slowly(self, exponent: Self) -> Self;
}

impl Constants for f32 {
    const EXP: &'static [Self] = &[0.5, 0.16666667, 0.041666362, 0.008333274, 0.0013940624, 0.00019913456];
    const EXP_MIN: Self = -104.5;
    const EXP_MAX: Self = 89.0;
    const LN: &'static [Self] = &[0.4000009, 0.28553113, 0.23285347];
    const SIN: &'static [Self] = &[-0.16666655, 0.008332181, -0.00019517548];
    const COS: &'static [Self] = &[0.041666646, -0.0013887377, 2.4439425e-05];
    const ERF_NEAR: &'static [Self] =
        &[0.12837917, -0.37612626, 0.112836, -0.026854446, 0.0051895366, -0.00080208457, 7.889119e-05];
    const ERF_FAR: &'static [Self] = &[
        1.8496056,
        2.6389675,
        0.84310687,
        0.04156463,
        -0.010049566,
        0.002016463,
        -0.0002930272,
        2.3062283e-05,
        -2.1289618e-07,
    ];
    const ERF_ONE: Self = 4.0;
    const GAUSS_ZERO: Self = 11.0;
    const MILLS: &'static [Self] = &[
        0.75528514,
        -0.6078966,
        0.3871373,
        -0.18652157,
        0.06039835,
        -0.0075426134,
        -0.003492219,
        0.0016354872,
        0.00017185845,
        -0.00021928594,
        -4.506167e-05,
    ];
    const MILLS_LOW: [Self; 2] = [-1.255719e-08, -2.3359405e-08];
    const NORMAL_ZERO: Self = 15.0;
    const LN_2: [Self; 2] = [0.69314575, 1.4286068e-06];
    const LOG2_E: Self = 1.442695;
    const SQRT_2: Self = 1.4142135;
    const HALF_PI: [Self; 4] = [1.5703125, 0.00048351288, 3.138557e-07, 6.0771006e-11];
    const TWO_OVER_PI: Self = 0.63661975;
    const TRIG_MAX: Self = 8192.0;
    const TRIG_MIN: Self = 3e-5;
    const TWO_THIRDS: [Self; 2] = [0.6666667, -1.9868216e-08];
    const INV_SQRT_TAU: [Self; 2] = [0.3989423, -1.133517e-08];
    const TWO_OVER_SQRT_PI: [Self; 2] = [1.1283792, -5.8635383e-08];
    const SPLIT: Self = 4097.0;
    const MIN_NORMAL: Self = f32::MIN_POSITIVE;
    const MAX_NEGATIVE_POWER: Self = 126.0;

    fn pow_slowly(self, exponent: Self) -> Self {
        f64::from(self).powf(f64::from(exponent)) as f32
    }
}

impl Constants for f64 {
    const EXP: &'static [Self] = &[
        0.5,
        0.16666666666666677,
        0.0416666666666667,
        0.008333333333321919,
        0.001388888888886736,
        0.00019841269885464174,
        2.4801587359777598e-05,
        2.7557244826744155e-06,
        2.755724330366518e-07,
        2.5108834919861025e-08,
        2.0924298753065915e-09,
    ];
    const EXP_MIN: Self = -746.0;
    const EXP_MAX: Self = 710.0;
    const LN: &'static [Self] = &[
        0.39999999999999997,
        0.28571428571433943,
        0.222222222201724,
        0.18181818557411142,
        0.15384577489282558,
        0.13335551770797852,
        0.11689819072473966,
        0.11868400349221311,
    ];
    const SIN: &'static [Self] = &[
        -0.16666666666666666,
        0.008333333333333323,
        -0.00019841269841255297,
        2.7557319214295044e-06,
        -2.5052104936364974e-08,
        1.6058369556612047e-10,
        -7.578834590414731e-13,
    ];
    const COS: &'static [Self] = &[
        0.041666666666666664,
        -0.0013888888888888879,
        2.4801587301574928e-05,
        -2.755731921666419e-07,
        2.087675462459014e-09,
        -1.1470319762631629e-11,
        4.7392012189286636e-14,
    ];
    const ERF_NEAR: &'static [Self] = &[
        0.1283791670955126,
        -0.3761263890318375,
        0.11283791670954885,
        -0.026866170645077875,
        0.005223977624828431,
        -0.0008548326981425542,
        0.0001205533113295582,
        -1.4925595772180906e-05,
        1.64610084778027e-06,
        -1.6350396222864617e-07,
        1.466032872274226e-08,
        -1.137495573607015e-09,
        5.960685338520971e-11,
    ];
    const ERF_FAR: &'static [Self] = &[
        1.8496055099332482,
        2.6389675142347895,
        0.8431072563586083,
        0.04156109804380625,
        -0.010033825406642022,
        0.0019779028644578323,
        -0.00023732416637141238,
        -2.6271542690666246e-05,
        2.7142557473542652e-05,
        -9.577701774061097e-06,
        2.0163205098150234e-06,
        -9.739594637023088e-08,
        -1.3369471210890784e-07,
        7.396507110181579e-08,
        -2.506607718025931e-08,
        6.4393899765480855e-09,
        -1.317432899451827e-09,
        2.166196278765856e-10,
        -2.8377458252255076e-11,
        2.8981938649416352e-12,
        -2.2240740119911744e-13,
        1.2056160937702617e-14,
        -4.112451140166494e-16,
        6.6329632574903e-18,
    ];
    const ERF_ONE: Self = 6.0;
    const GAUSS_ZERO: Self = 28.0;
    const MILLS: &'static [Self] = &[
        0.7552851304157515,
        -0.6078966419718921,
        0.38713740074221487,
        -0.18652185795965862,
        0.06039657489091965,
        -0.007540188966683543,
        -0.003479692367020045,
        0.0016308184569827106,
        0.00013334430815134014,
        -0.00023109493071067478,
        -1.9082299652361693e-06,
        3.5144667779510346e-05,
        7.165464490322684e-07,
        -5.920133574939263e-06,
        -6.293707141943926e-07,
        1.0215259426571281e-06,
        2.712319949011002e-07,
        -1.5502952404694167e-07,
        -8.478028494721744e-08,
        1.3454353689209792e-08,
        1.922829898359245e-08,
        1.7572847066066099e-09,
        -2.416401425016036e-09,
        -6.709049630614347e-10,
    ];
    const MILLS_LOW: [Self; 2] = [-2.3155376390973805e-17, -1.298881534321727e-17];
    const NORMAL_ZERO: Self = 39.0;
    const LN_2: [Self; 2] = [0.693147180559663, 2.8235290563031577e-13];
    const LOG2_E: Self = 1.4426950408889634;
    const SQRT_2: Self = 1.4142135623730951;
    const HALF_PI: [Self; 4] = [1.570796325802803, 9.920935184482005e-10, 6.123233932053594e-17, 6.36831716351095e-25];
    const TWO_OVER_PI: Self = 0.6366197723675814;
    const TRIG_MAX: Self = 1e8;
    const TRIG_MIN: Self = 1e-14;
    const TWO_THIRDS: [Self; 2] = [0.6666666666666666, 3.700743415417188e-17];
    const INV_SQRT_TAU: [Self; 2] = [0.3989422804014327, -2.49232720227773e-17];
    const TWO_OVER_SQRT_PI: [Self; 2] = [1.1283791670955126, 1.533545961316588e-17];
    const SPLIT: Self = 134_217_729.0;
    const MIN_NORMAL: Self = f64::MIN_POSITIVE;
    const MAX_NEGATIVE_POWER: Self = 1022.0;

    fn pow_slowly(self, exponent: Self) -> Self {
        self.powf(exponent)
    }
}
