//! How elementwise kernels name their arguments: out of place or in place, full-size or broadcast.

/// Values spread over a larger array: element `i` is `values[(i / run) % values.len()]`.
///
/// | `values` over `[N, F]` | `values.len()` | `run` |
/// |---|---|---|
/// | one for all | 1 | any |
/// | one per feature (last axis) | F | 1 |
/// | one per row | N | F |
/// | one per element | N·F | 1 |
/// | one per channel of `[N, C, H, W]` | C | H·W |
#[derive(Clone, Copy, Debug)]
pub struct Broadcast<'a, T> {
    /// The distinct values, in order.
    pub values: &'a [T],
    /// How many neighbours share one value.
    pub run: usize,
}

impl<'a, T> Broadcast<'a, T> {
    /// One value for each element of an array of the same length.
    pub fn full(values: &'a [T]) -> Self {
        Broadcast { values, run: 1 }
    }

    /// One value for every element.
    pub fn scalar(value: &'a T) -> Self {
        Broadcast { values: std::slice::from_ref(value), run: 1 }
    }

    /// Whether there is one value for each of `length` elements.
    #[inline]
    pub(crate) fn is_full(&self, length: usize) -> bool {
        self.run == 1 && self.values.len() == length
    }

    /// Checks that the pattern fits an array of `length` a whole number of times.
    ///
    /// # Panics
    /// If it does not.
    #[track_caller]
    pub fn check(&self, length: usize) {
        let period = self.values.len() * self.run;
        let fits = length == 0 || (period > 0 && length.is_multiple_of(period)) || self.values.len() == 1;
        assert!(fits, "{} values in runs of {} do not tile {length} elements", self.values.len(), self.run);
    }
}

/// The argument and the result of a function of one variable.
#[derive(Debug)]
pub enum In1<'a, T> {
    /// `y = f(x)`
    From {
        /// The argument.
        x: &'a [T],
        /// The result, as long as `x`.
        y: &'a mut [T],
    },
    /// `x = f(x)`
    Over {
        /// The argument, overwritten with the result.
        x: &'a mut [T],
    },
}

/// The arguments and the result of a function of two variables.
#[derive(Debug)]
pub enum In2<'a, T> {
    /// `y = f(a, b)`
    From {
        /// The first argument.
        a: Broadcast<'a, T>,
        /// The second argument.
        b: Broadcast<'a, T>,
        /// The result.
        y: &'a mut [T],
    },
    /// `a = f(a, b)`
    OverA {
        /// The first argument, full-size, overwritten.
        a: &'a mut [T],
        /// The second argument.
        b: Broadcast<'a, T>,
    },
    /// `b = f(a, b)`
    OverB {
        /// The first argument.
        a: Broadcast<'a, T>,
        /// The second argument, full-size, overwritten.
        b: &'a mut [T],
    },
}

/// The arguments and the result of a function of three variables.
#[derive(Debug)]
pub enum In3<'a, T> {
    /// `y = f(a, b, c)`
    From {
        /// The first argument.
        a: Broadcast<'a, T>,
        /// The second argument.
        b: Broadcast<'a, T>,
        /// The third argument.
        c: Broadcast<'a, T>,
        /// The result.
        y: &'a mut [T],
    },
    /// `a = f(a, b, c)`
    OverA {
        /// The first argument, full-size, overwritten.
        a: &'a mut [T],
        /// The second argument.
        b: Broadcast<'a, T>,
        /// The third argument.
        c: Broadcast<'a, T>,
    },
    /// `b = f(a, b, c)`
    OverB {
        /// The first argument.
        a: Broadcast<'a, T>,
        /// The second argument, full-size, overwritten.
        b: &'a mut [T],
        /// The third argument.
        c: Broadcast<'a, T>,
    },
    /// `c = f(a, b, c)`
    OverC {
        /// The first argument.
        a: Broadcast<'a, T>,
        /// The second argument.
        b: Broadcast<'a, T>,
        /// The third argument, full-size, overwritten.
        c: &'a mut [T],
    },
}

impl<T> In1<'_, T> {
    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            In1::From { x, .. } => x.len(),
            In1::Over { x } => x.len(),
        }
    }

    /// # Panics
    /// If argument and result differ in length.
    #[track_caller]
    pub(crate) fn check(&self) {
        if let In1::From { x, y } = self {
            assert_eq!(x.len(), y.len(), "argument and result differ in length");
        }
    }

    /// The first `at` elements and the rest.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        match self {
            In1::From { x, y } => {
                let ((x, x_rest), (y, y_rest)) = (x.split_at(at), y.split_at_mut(at));
                (In1::From { x, y }, In1::From { x: x_rest, y: y_rest })
            }
            In1::Over { x } => {
                let (x, rest) = x.split_at_mut(at);
                (In1::Over { x }, In1::Over { x: rest })
            }
        }
    }
}
