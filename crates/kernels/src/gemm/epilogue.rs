//! What happens to a product before it leaves the cache: a bias per column, then a rectifier.
//!
//! As passes of their own they would read and write the product twice more. The rectifiers are those of [`crate::relu`],
//! [`crate::leaky`] and [`crate::prelu`], bit for bit: relu keeps NaN and turns −0.0 into 0; the others multiply by their slope wherever
//! x > 0 is false.

use crate::Float;
use crate::lanes::Lanes;
use crate::level::{self, Kernel};
use crate::parallel::{self, Grain, Rows};

/// The last step of a product: c becomes rectifier(c + bias).
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// Added to every row.
    pub bias: Option<&'a [T]>,
    /// Applied after it.
    pub rectifier: Rectifier<'a, T>,
}

/// The rectifier of an [`Epilogue`].
#[derive(Clone, Copy, Debug)]
pub enum Rectifier<'a, T> {
    /// y = x
    None,
    /// As [`crate::relu()`].
    Relu,
    /// As [`crate::leaky()`], with its slope.
    Leaky(T),
    /// As [`crate::prelu()`], with α for each column, or one for all.
    PRelu(&'a [T]),
}

impl<T> Epilogue<'_, T> {
    /// Leaves the product as it is.
    pub const NONE: Self = Epilogue { bias: None, rectifier: Rectifier::None };
}

impl<T: Float> Epilogue<'_, T> {
    #[inline(always)]
    pub(crate) fn is_none(&self) -> bool {
        self.bias.is_none() && matches!(self.rectifier, Rectifier::None)
    }

    #[track_caller]
    #[inline(always)]
    pub(crate) fn check(&self, n: usize) {
        if let Some(bias) = self.bias {
            assert!(bias.len() == n, "a bias of {} numbers for {n} columns", bias.len());
        }
        if let Rectifier::PRelu(alpha) = self.rectifier {
            assert!(alpha.len() == n || alpha.len() == 1, "{} slopes for {n} columns", alpha.len());
        }
    }

    /// For the columns from `first` on. Below this module one number serves every column, in the bias too.
    #[inline(always)]
    pub(crate) fn columns_from(mut self, first: usize) -> Self {
        if let Some(bias) = &mut self.bias
            && bias.len() > 1
        {
            *bias = &bias[first..];
        }
        if let Rectifier::PRelu(alpha) = &mut self.rectifier
            && alpha.len() > 1
        {
            *alpha = &alpha[first..];
        }
        self
    }

    /// Over a row, or the part of it that the epilogue was cut to.
    #[inline(always)]
    pub(crate) fn over_row<L: Lanes<Elem = T>>(&self, row: &mut [T]) {
        let whole = row.len() / L::N * L::N;
        let mut j = 0;
        while j < whole {
            let numbers = &mut row[j..j + L::N];
            self.over(L::load(numbers), j, L::N).store(numbers);
            j += L::N;
        }
        if j < row.len() {
            let numbers = &mut row[j..];
            self.over(L::load_padded(numbers, T::ZERO), j, numbers.len()).store_prefix(numbers);
        }
    }

    /// Over the `width` numbers of a register, from column `j` on.
    #[inline(always)]
    fn over<L: Lanes<Elem = T>>(&self, mut x: L, j: usize, width: usize) -> L {
        if let Some(bias) = self.bias {
            x = x + columns(bias, j, width);
        }
        match self.rectifier {
            Rectifier::None => x,
            Rectifier::Relu => L::select(x.le(L::zero()), L::zero(), x),
            Rectifier::Leaky(slope) => leaky(x, L::splat(slope)),
            Rectifier::PRelu(alpha) => leaky(x, columns(alpha, j, width)),
        }
    }
}

#[inline(always)]
fn leaky<L: Lanes>(x: L, slope: L) -> L {
    L::select(x.gt(L::zero()), x, x * slope)
}

/// The numbers of `width` columns from `j` on, or the one that serves all.
#[inline(always)]
fn columns<L: Lanes>(values: &[L::Elem], j: usize, width: usize) -> L {
    match (values.len() == 1, width == L::N) {
        (true, _) => L::splat(values[0]),
        (_, true) => L::load(&values[j..j + L::N]),
        _ => L::load_padded(&values[j..][..width], L::Elem::ZERO),
    }
}

/// The epilogue over rows of `n` numbers.
pub(super) struct Finish<'a, T> {
    pub(super) epilogue: Epilogue<'a, T>,
    pub(super) c: &'a mut [T],
    pub(super) n: usize,
}

impl<T: Float> Kernel<T> for Finish<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(self) {
        for row in self.c.chunks_exact_mut(self.n) {
            self.epilogue.over_row::<L>(row);
        }
    }
}

/// The epilogue as a pass of its own.
pub(super) fn finish<T: Float>(epilogue: Epilogue<'_, T>, c: &mut [T], n: usize, parallel: bool) {
    if epilogue.is_none() || c.is_empty() {
        return;
    }
    if !parallel {
        return level::run(Finish { epilogue, c, n });
    }
    parallel::for_each(Rows(c, n), Grain::rows(n, 1), |_, Rows(c, _)| level::run(Finish { epilogue, c, n }));
}
