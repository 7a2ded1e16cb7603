//! α that many neighbours share: one for all, one per row, one per channel of `[N, C, H, W]`; or one per element.

use super::Pass;
use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows, Split as _};
use crate::pool::Buffer;

/// Independent sums per loop: an addition takes four cycles, and two start in each.
const SUMS: usize = 4;

/// One α for all: dα.
pub(super) fn one<T: Float>(pass: Pass<'_, T>, alpha: T) -> f64 {
    parallel::fold(pass, Grain::elements(1), |_, pass| level::run(Run { pass, alpha }), |a, b| a + b)
}

/// One α per run of `run` neighbours, the whole pattern repeated as often as it fits.
pub(super) fn sums<T: Float>(pass: Pass<'_, T>, alpha: &[T], run: usize, d_alpha: &mut [T]) {
    let rows = pass.len() / run;
    let mut partial = Buffer::<f64>::new(rows);
    if run == 1 {
        let mut exact = Buffer::<T>::new(rows);
        each(pass, alpha, &mut exact);
        d_alpha.copy_from_slice(&exact);
        return;
    }
    if run >= 1 << 16 {
        let mut rest = pass;
        for (row, sum) in partial.iter_mut().enumerate() {
            let (first, after) = rest.split_at(run);
            *sum = one(first, alpha[row % alpha.len()]);
            rest = after;
        }
    } else {
        parallel::for_each((Rows(pass, run), &mut partial[..]), Grain::rows(run, 1), |first, (rows, sums)| {
            let mut rest = rows.0;
            for (i, sum) in sums.iter_mut().enumerate() {
                let (pass, after) = rest.split_at(run);
                *sum = level::run(Run { pass, alpha: alpha[(first + i) % alpha.len()] });
                rest = after;
            }
        });
    }
    for (i, d) in d_alpha.iter_mut().enumerate() {
        *d = T::from_f64(partial[i..].iter().step_by(alpha.len()).sum());
    }
}

/// One α per element.
fn each<T: Float>(pass: Pass<'_, T>, alpha: &[T], d_alpha: &mut [T]) {
    parallel::for_each((pass, alpha, d_alpha), Grain::elements(2), |_, (pass, alpha, d_alpha)| {
        level::run(Each { pass, alpha, d_alpha });
    });
}

struct Run<'a, T> {
    pass: Pass<'a, T>,
    alpha: T,
}

impl<T: Float> Kernel<T> for Run<'_, T> {
    type Output = f64;

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) -> f64 {
        if self.pass.streams { self.over::<L, true>() } else { self.over::<L, false>() }
    }
}

impl<T: Float> Run<'_, T> {
    #[inline(always)]
    fn over<L: Lanes<Elem = T>, const STREAMS: bool>(mut self) -> f64 {
        let alpha = L::splat(self.alpha);
        let length = self.pass.seen.len();
        let mut sums = [L::zero(); SUMS];
        let mut at = 0;
        while at + SUMS * L::N <= length {
            for (i, sum) in sums.iter_mut().enumerate() {
                *sum = *sum + self.pass.step::<L, STREAMS>(at + i * L::N, alpha);
            }
            at += SUMS * L::N;
        }
        while at + L::N <= length {
            sums[0] = sums[0] + self.pass.step::<L, STREAMS>(at, alpha);
            at += L::N;
        }
        if at < length {
            sums[1] = sums[1] + self.pass.step_rest(at, length - at, alpha);
        }
        if STREAMS {
            L::fence();
        }
        ((sums[0] + sums[1]) + (sums[2] + sums[3])).reduce_add().to_f64()
    }
}

struct Each<'a, T> {
    pass: Pass<'a, T>,
    alpha: &'a [T],
    d_alpha: &'a mut [T],
}

impl<T: Float> Kernel<T> for Each<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        let length = self.alpha.len();
        let mut at = 0;
        while at + L::N <= length {
            let alpha = L::load(&self.alpha[at..at + L::N]);
            self.pass.step::<L, false>(at, alpha).store(&mut self.d_alpha[at..at + L::N]);
            at += L::N;
        }
        if at < length {
            let alpha = L::load_padded(&self.alpha[at..], T::ONE);
            self.pass.step_rest(at, length - at, alpha).store_prefix(&mut self.d_alpha[at..]);
        }
    }
}
