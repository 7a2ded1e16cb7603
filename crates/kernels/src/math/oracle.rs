//! The functions of this folder in f64, by other means: the standard library, a series and a continued fraction.
//!
//! Good to 1e-13: enough to judge f32. Not part of the library; the tests and `examples/ulps.rs` include it.

/// A function of one number and how it is called.
pub struct Function {
    pub name: &'static str,
    pub kernel: fn(kernels::In1<'_, f32>),
    pub exact: fn(f64) -> f64,
    /// The documented bound in f32.
    pub ulps: f64,
}

macro_rules! functions {
    ($($name:ident $exact:path, $ulps:literal;)*) => {
        [$(Function { name: stringify!($name), kernel: kernels::$name, exact: $exact, ulps: $ulps }),*]
    };
}

pub fn functions() -> [Function; 12] {
    functions! {
        exp f64::exp, 1.0;
        expm1 f64::exp_m1, 1.0;
        ln f64::ln, 1.0;
        log1p f64::ln_1p, 1.0;
        tanh f64::tanh, 1.0;
        sin f64::sin, 1.0;
        cos f64::cos, 1.0;
        sigmoid sigmoid, 2.0;
        silu silu, 2.0;
        softplus softplus, 2.0;
        erf erf, 2.0;
        gelu gelu, 2.0;
    }
}

/// A derivative, as the kernel that multiplies it with dy, its value, and the size its error is relative to.
pub struct Slope {
    pub name: &'static str,
    pub kernel: fn(kernels::In2<'_, f32>),
    pub exact: fn(f64) -> (f64, f64),
}

macro_rules! slopes {
    ($($name:ident $exact:expr;)*) => {
        [$(Slope { name: stringify!($name), kernel: kernels::$name, exact: $exact }),*]
    };
}

pub fn slopes() -> [Slope; 6] {
    slopes! {
        tanh_backward |y| ((1.0 - y) * (1.0 + y), (1.0 - y) * (1.0 + y));
        sigmoid_backward |y| (y * (1.0 - y), y * (1.0 - y));
        softplus_backward |x| (sigmoid(x), sigmoid(x));
        silu_backward silu_slope;
        erf_backward |x| (bell(x), bell(x));
        gelu_backward gelu_slope;
    }
}

/// How many ulps (of f32, at the size of `scale`) lie between the two; 0 for two NaNs.
pub fn distance(got: f32, exact: f64, scale: f64) -> f64 {
    const OVERFLOW: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;
    if got.is_nan() || exact.is_nan() {
        return if got.is_nan() && exact.is_nan() { 0.0 } else { f64::INFINITY };
    }
    let bounded = |x: f64| x.clamp(-OVERFLOW, OVERFLOW);
    let exponent = bounded(scale.abs()).max(f64::from(f32::MIN_POSITIVE)).to_bits() >> 52;
    let ulp = f64::from_bits((exponent.min(1023 + 127) - 23) << 52);
    (bounded(f64::from(got)) - bounded(exact)).abs() / ulp
}

fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x < 0.0 { e / (1.0 + e) } else { 1.0 / (1.0 + e) }
}

fn silu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { -0.0 } else { x * sigmoid(x) }
}

fn silu_slope(x: f64) -> (f64, f64) {
    if x.is_infinite() {
        return (f64::from(u8::from(x > 0.0)), 1.0);
    }
    let (first, second) = (sigmoid(x), x * sigmoid(x) * sigmoid(-x));
    (first + second, first.max(second.abs()))
}

fn softplus(x: f64) -> f64 {
    if x.is_nan() { x } else { x.max(0.0) + (-x.abs()).exp().ln_1p() }
}

/// e^(x²) (1 − erf x) for x ≥ 2: a continued fraction.
fn scaled_complement(x: f64) -> f64 {
    let below = (1..80).rev().fold(x, |sum, k| x + f64::from(k) / 2.0 / sum);
    1.0 / (below * std::f64::consts::PI.sqrt())
}

fn erf(x: f64) -> f64 {
    let a = x.abs();
    if a >= 2.0 {
        return if a > 6.0 { 1f64.copysign(x) } else { (1.0 - (-x * x).exp() * scaled_complement(a)).copysign(x) };
    }
    // 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!
    let (mut term, mut sum, mut n) = (x, x, 1.0);
    while term.abs() > sum.abs() * 1e-17 {
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
        n += 1.0;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn bell(x: f64) -> f64 {
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp()
}

/// Φ(−a) for a ≥ 0.
fn upper_tail(a: f64) -> f64 {
    let t = a * std::f64::consts::FRAC_1_SQRT_2;
    if t < 2.0 { 0.5 - 0.5 * erf(t) } else { 0.5 * (-0.5 * a * a).exp() * scaled_complement(t) }
}

fn normal(x: f64) -> f64 {
    if x < 0.0 { upper_tail(-x) } else { 1.0 - upper_tail(x) }
}

fn gelu(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { -0.0 } else { x * normal(x) }
}

fn gelu_slope(x: f64) -> (f64, f64) {
    if x.is_infinite() {
        return (f64::from(u8::from(x > 0.0)), 1.0);
    }
    let density = bell(x * std::f64::consts::FRAC_1_SQRT_2) * 0.5 * std::f64::consts::FRAC_1_SQRT_2;
    let (first, second) = (normal(x), x * density);
    (first + second, first.max(second.abs()))
}
