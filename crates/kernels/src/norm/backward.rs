//! The gradients of [`super::batch_norm`]: one pass for the sums over rows, one for dx.

use super::columns::{Columns, add, read, walk, write};
use super::{Io, Maybe, NONE, RELU, SLOPES, kind, slopes};
use crate::gemm::Rectifier;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, PerChunk, Rows};
use crate::pool::Buffer;
use crate::{Float, In1, cache};

/// What backward sees of the forward pass.
#[derive(Clone, Copy, Debug)]
pub enum NormSeen<'a, T> {
    /// The input.
    Input(&'a [T]),
    /// The output, where [`super::norm_output_is_enough`].
    Output(&'a [T]),
}

/// The arguments of [`batch_norm_backward`]; vectors have one number for each feature.
#[derive(Debug)]
pub struct BatchNormBackward<'a, T> {
    /// The input or the output, `[rows, features]`.
    pub seen: NormSeen<'a, T>,
    /// What was added before the rectifier, if anything.
    pub residual: Option<&'a [T]>,
    /// The mean that was subtracted.
    pub mean: &'a [T],
    /// 1/√(σ² + ε).
    pub inverse: &'a [T],
    /// γ.
    pub weight: &'a [T],
    /// β.
    pub bias: &'a [T],
    /// The rectifier.
    pub rectifier: Rectifier<'a, T>,
    /// Whether mean and variance are the input's, so that dx takes part of them.
    pub of_batch: bool,
    /// From the result's gradient to dx.
    pub dy: In1<'a, T>,
    /// The residual's gradient, if it is wanted.
    pub d_residual: Option<&'a mut [T]>,
    /// dγ.
    pub d_weight: &'a mut [T],
    /// dβ.
    pub d_bias: &'a mut [T],
    /// dα of each feature; of a rectifier without slopes, numbers without a meaning.
    pub d_slopes: &'a mut [T],
}

/// dx over or beside dy, and the gradients of all parameters.
///
/// ```
/// use kernels::{BatchNormBackward, In1, NormSeen, Rectifier, batch_norm_backward};
/// let (mut dy, mut d_weight, mut d_bias, mut d_slopes) = ([1.0f32, 0.0], [0.0], [0.0], [0.0]);
/// batch_norm_backward(BatchNormBackward {
///     seen: NormSeen::Input(&[1.0, 3.0]), residual: None, mean: &[2.0], inverse: &[1.0], weight: &[1.0], bias: &[0.0],
///     rectifier: Rectifier::None, of_batch: true, dy: In1::Over { x: &mut dy }, d_residual: None,
///     d_weight: &mut d_weight, d_bias: &mut d_bias, d_slopes: &mut d_slopes,
/// });
/// assert_eq!((dy, d_weight, d_bias), ([0.0, 0.0], [-1.0], [1.0])); // what is normalised to ±1 whatever it is
/// ```
///
/// # Panics
/// If lengths do not fit.
#[track_caller]
pub fn batch_norm_backward<T: Float>(args: BatchNormBackward<'_, T>) {
    let BatchNormBackward { seen, residual, mean, inverse, weight, bias, rectifier, of_batch, dy, .. } = args;
    let BatchNormBackward { d_residual, d_weight, d_bias, d_slopes, .. } = args;
    dy.check();
    let (length, features) = (dy.len(), mean.len());
    let (seen, from_output) = match seen {
        NormSeen::Input(x) => (x, false),
        NormSeen::Output(y) => (y, true),
    };
    let vectors = [inverse.len(), weight.len(), bias.len(), d_weight.len(), d_bias.len(), d_slopes.len()];
    assert!(vectors.iter().all(|&length| length == features), "one number for each of {features} features");
    assert!(seen.len() == length && residual.is_none_or(|residual| residual.len() == length), "lengths differ");
    assert!(d_residual.as_ref().is_none_or(|d| d.len() == length), "lengths differ");
    let slopes = slopes(&rectifier, features);
    if length == 0 {
        for sums in [d_weight, d_bias, d_slopes] {
            sums.fill(T::ZERO);
        }
        return;
    }
    assert!(
        features > 0 && length.is_multiple_of(features),
        "{length} numbers are no whole number of rows of {features}"
    );
    let rows = length / features;
    let mut factors = Buffer::<T>::new(FACTORS * features);
    let kind = kind(&rectifier);
    let pass = Pass { seen, residual, from_output, kind, factors: &[], features };
    for i in 0..features {
        let scale = weight[i].to_f64() * inverse[i].to_f64();
        let set = &mut factors[i..];
        set[SLOPE * features] = slopes[i];
        set[RECIPROCAL * features] = T::ONE / slopes[i];
        set[CENTRE * features] = if from_output { bias[i] } else { mean[i] };
        set[SCALE * features] = T::from_f64(scale);
        set[SHIFT * features] = bias[i];
    }
    let grain = Grain::rows(features, 2);
    let mut room = Buffer::<f64>::new(grain.chunks(rows) * SUMS * features);
    let g = match &dy {
        In1::From { x, .. } => *x,
        In1::Over { x } => x,
    };
    let total = {
        let pass = Pass { factors: &factors, ..pass };
        let parts = (Rows(g, features), PerChunk::new(&mut room, SUMS * features, grain));
        let part = |first, (Rows(g, _), room)| sums_of(pass.part(first * features, <[T]>::len(g)), g, room);
        parallel::fold(parts, grain, part, added)
    };
    for i in 0..features {
        let [d_beta, with_v, d_slope] = [0, 1, 2].map(|sum| total[sum * features + i]);
        let (weight, inverse) = (weight[i].to_f64(), inverse[i].to_f64());
        // v is x̂·γ of the output, and x̂/inverse of the input.
        let to_normal = if from_output { 1.0 / weight } else { inverse };
        let d_gamma = with_v * to_normal;
        d_bias[i] = T::from_f64(d_beta);
        d_weight[i] = T::from_f64(d_gamma);
        d_slopes[i] = T::from_f64(if from_output && kind == SLOPES { d_slope / slopes[i].to_f64() } else { d_slope });
        let (scale, share) = (weight * inverse, if of_batch { 1.0 / rows as f64 } else { 0.0 });
        factors[OF_V * features + i] = T::from_f64(-scale * d_gamma * to_normal * share);
        factors[CONSTANT * features + i] = T::from_f64(-scale * d_beta * share);
    }
    let streams = matches!(dy, In1::From { .. }) && cache::is_beyond(length * size_of::<T>(), 2);
    let pass = Pass { factors: &factors, ..pass };
    let parts = (Rows(Io::new(dy), features), Maybe(d_residual, features));
    parallel::for_each(parts, Grain::rows(features, 2), |first, (Rows(dy, _), d_residual)| {
        let pass = pass.part(first * features, dy.to.len());
        level::run(Gradients { pass, dy, d_residual: d_residual.0, streams });
    });
}

fn sums_of<'a, T: Float>(pass: Pass<'_, T>, g: &[T], room: PerChunk<'a, f64>) -> &'a mut [f64] {
    let sums = room.into_room();
    sums.fill(0.0);
    level::run(Sums { pass, g, sums: &mut *sums });
    sums
}

pub(super) fn added<'a>(a: &'a mut [f64], b: &mut [f64]) -> &'a mut [f64] {
    for (a, b) in a.iter_mut().zip(b) {
        *a += *b;
    }
    a
}

/// Numbers known of each feature, one vector after the other: slopes and their reciprocals, what is subtracted from the value that is
/// seen, the affine map, and what makes dx.
pub(super) const SLOPE: usize = 0;
pub(super) const RECIPROCAL: usize = 1;
pub(super) const CENTRE: usize = 2;
pub(super) const SCALE: usize = 3;
pub(super) const SHIFT: usize = 4;
pub(super) const OF_V: usize = 5;
pub(super) const CONSTANT: usize = 6;
pub(super) const FACTORS: usize = 7;
/// Σ g', Σ g'·v, Σ g·(the value before the rectifier) where that is negative.
pub(super) const SUMS: usize = 3;

/// What both passes see.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a, T> {
    pub(super) seen: &'a [T],
    pub(super) residual: Option<&'a [T]>,
    pub(super) from_output: bool,
    pub(super) kind: usize,
    pub(super) factors: &'a [T],
    pub(super) features: usize,
}

impl<'a, T: Float> Pass<'a, T> {
    fn part(self, at: usize, length: usize) -> Pass<'a, T> {
        Pass {
            seen: &self.seen[at..][..length],
            residual: self.residual.map(|residual| &residual[at..][..length]),
            ..self
        }
    }

    #[inline(always)]
    fn factor<L: Lanes<Elem = T>>(&self, which: usize, feature: usize, width: usize) -> L {
        read(self.factors, which * self.features + feature, width)
    }

    #[inline(always)]
    fn factors<L: Lanes<Elem = T>>(&self, feature: usize, width: usize) -> [L; FACTORS] {
        let mut factors = [L::zero(); FACTORS];
        for (which, factor) in factors.iter_mut().enumerate() {
            *factor = self.factor(which, feature, width);
        }
        factors
    }

    /// For numbers from `at` on: v, g', and the value whose sign counts times g where it is not positive, for dα.
    #[inline(always)]
    fn step<L: Lanes<Elem = T>, const OUTPUT: bool, const KIND: usize>(
        &self,
        (at, width): (usize, usize),
        factors: [L; FACTORS],
        g: L,
    ) -> [L; 3] {
        let seen: L = read(self.seen, at, width);
        let residual = match self.residual {
            Some(residual) => read(residual, at, width),
            None => L::zero(),
        };
        let zero = L::zero();
        let (before, v, sided) = if OUTPUT {
            let before = match KIND {
                NONE => seen,
                _ => L::select(seen.gt(zero), seen, seen * factors[RECIPROCAL]),
            };
            (before, before - residual - factors[CENTRE], seen)
        } else {
            let v = seen - factors[CENTRE];
            let before = v.mul_add(factors[SCALE], factors[SHIFT]);
            let before = if self.residual.is_some() { before + residual } else { before };
            (before, v, before)
        };
        match KIND {
            NONE => [v, g, zero],
            RELU => [v, L::select(before.le(zero), zero, g), zero],
            _ => {
                let slope = L::select(before.gt(zero), L::one(), factors[SLOPE]);
                [v, g * slope, L::select(sided.ge(zero), zero, g * sided)]
            }
        }
    }
}

/// Calls `$walk!(OUTPUT, KIND)` with what they are.
macro_rules! for_each_kind {
    ($pass:expr, $walk:ident) => {
        match ($pass.from_output, $pass.kind) {
            (true, NONE) => $walk!(true, NONE),
            (true, _) => $walk!(true, SLOPES),
            (false, NONE) => $walk!(false, NONE),
            (false, RELU) => $walk!(false, RELU),
            (false, _) => $walk!(false, SLOPES),
        }
    };
}

pub(super) struct Sums<'a, T> {
    pub(super) pass: Pass<'a, T>,
    pub(super) g: &'a [T],
    pub(super) sums: &'a mut [f64],
}

impl<T: Float> Kernel<T> for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let features = self.pass.features;
        let rows = self.g.len() / features;
        macro_rules! walk {
            ($output:literal, $kind:ident) => {
                walk::<L, _>(&mut SumsOf::<T, $output, $kind>(&mut self), rows, features)
            };
        }
        for_each_kind!(self.pass, walk);
    }
}

struct SumsOf<'a, 'b, T, const OUTPUT: bool, const KIND: usize>(&'a mut Sums<'b, T>);

impl<L: Lanes, const OUTPUT: bool, const KIND: usize> Columns<L> for SumsOf<'_, '_, L::Elem, OUTPUT, KIND> {
    type Features = [L; FACTORS];
    type Sums = [L; SUMS];
    #[inline(always)]
    fn zero() -> [L; SUMS] {
        [L::zero(); SUMS]
    }
    #[inline(always)]
    fn features(&self, feature: usize, width: usize) -> [L; FACTORS] {
        self.0.pass.factors(feature, width)
    }
    #[inline(always)]
    fn visit(&mut self, at: usize, width: usize, factors: [L; FACTORS], sums: [L; SUMS]) -> [L; SUMS] {
        let g = read(self.0.g, at, width);
        let [v, g, with_slope] = self.0.pass.step::<L, OUTPUT, KIND>((at, width), factors, g);
        [sums[0] + g, g.mul_add(v, sums[1]), sums[2] + with_slope]
    }
    #[inline(always)]
    fn join(a: [L; SUMS], b: [L; SUMS]) -> [L; SUMS] {
        [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
    }
    #[inline(always)]
    fn keep(&mut self, feature: usize, width: usize, sums: [L; SUMS]) {
        for (to, sum) in self.0.sums.chunks_exact_mut(self.0.pass.features).zip(sums) {
            add(sum, &mut to[feature..feature + width]);
        }
    }
}

pub(super) struct Gradients<'a, T> {
    pub(super) pass: Pass<'a, T>,
    pub(super) dy: Io<'a, T>,
    pub(super) d_residual: Option<&'a mut [T]>,
    pub(super) streams: bool,
}

impl<T: Float> Kernel<T> for Gradients<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let features = self.pass.features;
        let rows = self.dy.to.len() / features;
        macro_rules! walk {
            ($output:literal, $kind:ident) => {
                walk::<L, _>(&mut GradientsOf::<T, $output, $kind>(&mut self), rows, features)
            };
        }
        for_each_kind!(self.pass, walk);
        if self.streams {
            L::fence();
        }
    }
}

struct GradientsOf<'a, 'b, T, const OUTPUT: bool, const KIND: usize>(&'a mut Gradients<'b, T>);

impl<L: Lanes, const OUTPUT: bool, const KIND: usize> Columns<L> for GradientsOf<'_, '_, L::Elem, OUTPUT, KIND> {
    type Features = [L; FACTORS];
    type Sums = ();
    #[inline(always)]
    fn zero() {}
    #[inline(always)]
    fn features(&self, feature: usize, width: usize) -> [L; FACTORS] {
        self.0.pass.factors(feature, width)
    }
    #[inline(always)]
    fn visit(&mut self, at: usize, width: usize, factors: [L; FACTORS], (): ()) {
        let g = read(self.0.dy.numbers(), at, width);
        let [v, g, _] = self.0.pass.step::<L, OUTPUT, KIND>((at, width), factors, g);
        if let Some(d_residual) = self.0.d_residual.as_deref_mut() {
            write(g, d_residual, at, width, false);
        }
        let dx = g.mul_add(factors[SCALE], v.mul_add(factors[OF_V], factors[CONSTANT]));
        write(dx, self.0.dy.to, at, width, self.0.streams);
    }
    #[inline(always)]
    fn join((): (), (): ()) {}
    #[inline(always)]
    fn keep(&mut self, _: usize, _: usize, (): ()) {}
}
