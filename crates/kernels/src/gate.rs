//! ReLU and leaky ReLU with one bit kept for each element: whether its gate is open, which is all that backward asks.
//!
//! Forward y = x where the gate is open, else what the rectifier lets through; backward the same of dy. The gate of ReLU is open
//! unless x ≤ 0 (so at NaN), that of leaky ReLU where x > 0, for a slope of any sign and size. Bytes per element in f32: forward
//! 8.1, backward 8.1 over dy, where reading the input or the output again would make it 12. Bits stand in words of 64, element i in
//! bit i % 64 of word i / 64; bits after the last element are 0.

use crate::lanes::{Lanes, Mask as _};
use crate::level::{self, Kernel};
use crate::parallel::{self, Coarse, Grain, Split};
use crate::{Float, In1, cache};

/// Elements to a word of bits.
const WORD: usize = 64;

/// A rectifier whose derivative depends on one bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate<T> {
    /// Nothing passes a closed gate.
    Relu,
    /// This share passes it.
    Leaky(T),
}

/// The words that hold a bit for each of `length` elements.
///
/// ```
/// assert_eq!([0, 1, 64, 65].map(kernels::gate_words), [0, 1, 1, 2]);
/// ```
pub fn gate_words(length: usize) -> usize {
    length.div_ceil(WORD)
}

/// The rectifier of every element, and which gates were open.
///
/// ```
/// use kernels::{Gate, In1};
/// let (x, mut y, mut bits, mut dy) = ([-2.0f32, 0.0, 3.0], [0.0; 3], [0], [1.0f32; 3]);
/// kernels::gate(Gate::Leaky(0.5), In1::From { x: &x, y: &mut y }, &mut bits);
/// kernels::gate_backward(Gate::Leaky(0.5), &bits, In1::Over { x: &mut dy });
/// assert_eq!((y, bits, dy), ([-1.0, 0.0, 3.0], [0b100], [0.5, 0.5, 1.0]));
/// ```
///
/// # Panics
/// If argument and result differ in length, or there are not [`gate_words`] words.
#[track_caller]
pub fn gate<T: Float>(gate: Gate<T>, io: In1<'_, T>, bits: &mut [i64]) {
    io.check();
    assert_eq!(bits.len(), gate_words(io.len()), "one bit for each element is needed");
    match gate {
        Gate::Relu => each_word(io, bits, |bits| Forward { rectifier: Relu, bits }),
        Gate::Leaky(slope) => each_word(io, bits, |bits| Forward { rectifier: Leaky(slope), bits }),
    }
}

/// The gradient of [`gate`], from its bits; `dy` is dy or, overwritten, becomes dx.
///
/// # Panics
/// If dy and dx differ in length, or there are not [`gate_words`] words.
#[track_caller]
pub fn gate_backward<T: Float>(gate: Gate<T>, bits: &[i64], dy: In1<'_, T>) {
    dy.check();
    assert_eq!(bits.len(), gate_words(dy.len()), "one bit for each element is needed");
    match gate {
        Gate::Relu => each_word(dy, bits, |bits| Backward { rectifier: Relu, bits }),
        Gate::Leaky(slope) => each_word(dy, bits, |bits| Backward { rectifier: Leaky(slope), bits }),
    }
}

/// A [`Gate`] as a type.
trait Rectifier<T: Float>: Copy + Send + Sync {
    /// Where the gate is open.
    fn opens<L: Lanes<Elem = T>>(self, x: L) -> L::Mask;
    /// What passes a closed gate.
    fn closed<L: Lanes<Elem = T>>(self, x: L) -> L;
}

#[derive(Clone, Copy)]
struct Relu;

impl<T: Float> Rectifier<T> for Relu {
    #[inline(always)]
    fn opens<L: Lanes<Elem = T>>(self, x: L) -> L::Mask {
        !x.le(L::zero())
    }
    #[inline(always)]
    fn closed<L: Lanes<Elem = T>>(self, _: L) -> L {
        L::zero()
    }
}

#[derive(Clone, Copy)]
struct Leaky<T>(T);

impl<T: Float> Rectifier<T> for Leaky<T> {
    #[inline(always)]
    fn opens<L: Lanes<Elem = T>>(self, x: L) -> L::Mask {
        x.gt(L::zero())
    }
    #[inline(always)]
    fn closed<L: Lanes<Elem = T>>(self, x: L) -> L {
        x * L::splat(self.0)
    }
}

/// Runs a pass over chunks of the elements and of their bits.
fn each_word<T: Float, S: Split, P: Pass<T>>(io: In1<'_, T>, bits: S, pass: impl Fn(S) -> P + Sync) {
    let (bits, grain) = (Coarse(bits, WORD), Grain::elements(1));
    match io {
        In1::From { x, y } => {
            // Backward counts: it reads one array more before anybody comes back to this one.
            let streams = cache::is_beyond(size_of_val(y), 2);
            parallel::for_each((x, y, bits), grain, |_, (x, y, bits)| {
                level::run(Words::<_, _, false> { pass: pass(bits.0), x, y, streams });
            });
        }
        In1::Over { x } => parallel::for_each((x, bits), grain, |_, (y, bits)| {
            level::run(Words::<_, _, true> { pass: pass(bits.0), x: &[], y, streams: false });
        }),
    }
}

/// What is done with a word of bits and a register of the elements it belongs to.
trait Pass<T: Float> {
    /// The result, from lane `at` of word `word` on.
    fn register<L: Lanes<Elem = T>>(&self, x: L, word: &mut u64, at: usize) -> L;
    /// The word before.
    fn word(&self, i: usize) -> u64;
    /// The word after.
    fn set_word(&mut self, i: usize, word: u64);
}

struct Forward<'a, R> {
    rectifier: R,
    bits: &'a mut [i64],
}

impl<T: Float, R: Rectifier<T>> Pass<T> for Forward<'_, R> {
    #[inline(always)]
    fn register<L: Lanes<Elem = T>>(&self, x: L, word: &mut u64, at: usize) -> L {
        let open = self.rectifier.opens(x);
        *word |= open.to_bits() << at;
        L::select(open, x, self.rectifier.closed(x))
    }
    #[inline(always)]
    fn word(&self, _: usize) -> u64 {
        0
    }
    #[inline(always)]
    fn set_word(&mut self, i: usize, word: u64) {
        self.bits[i] = word.cast_signed();
    }
}

struct Backward<'a, R> {
    rectifier: R,
    bits: &'a [i64],
}

impl<T: Float, R: Rectifier<T>> Pass<T> for Backward<'_, R> {
    #[inline(always)]
    fn register<L: Lanes<Elem = T>>(&self, dy: L, word: &mut u64, at: usize) -> L {
        L::select(L::Mask::from_bits(*word >> at), dy, self.rectifier.closed(dy))
    }
    #[inline(always)]
    fn word(&self, i: usize) -> u64 {
        self.bits[i].cast_unsigned()
    }
    #[inline(always)]
    fn set_word(&mut self, _: usize, _: u64) {}
}

/// A pass over a chunk, word by word; `x` is empty if `OVER`, and the argument is in `y`.
struct Words<'a, T, P, const OVER: bool> {
    pass: P,
    x: &'a [T],
    y: &'a mut [T],
    /// Whether the result goes past the cache.
    streams: bool,
}

impl<T: Float, P: Pass<T>, const OVER: bool> Kernel<T> for Words<'_, T, P, OVER> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Elem = T>>(mut self) {
        for (i, y) in self.y.chunks_mut(WORD).enumerate() {
            let x = if OVER { &[][..] } else { &self.x[i * WORD..][..y.len()] };
            let mut word = self.pass.word(i);
            if self.streams && y.len() == WORD {
                for at in (0..WORD).step_by(L::N) {
                    self.pass.register(L::load(&x[at..]), &mut word, at).stream(&mut y[at..]);
                }
            } else {
                word = one_word::<L, P, OVER>(&self.pass, x, y, word);
            }
            self.pass.set_word(i, word);
        }
        if self.streams {
            L::fence();
        }
    }
}

#[inline(always)]
fn one_word<L: Lanes, P: Pass<L::Elem>, const OVER: bool>(
    pass: &P,
    x: &[L::Elem],
    y: &mut [L::Elem],
    mut word: u64,
) -> u64 {
    let whole = y.len() / L::N * L::N;
    for at in (0..whole).step_by(L::N) {
        let argument = L::load(if OVER { &y[at..] } else { &x[at..] });
        pass.register(argument, &mut word, at).store(&mut y[at..]);
    }
    if whole < y.len() {
        // Padded with a number whose gate is closed.
        let argument = L::load_padded(if OVER { &y[whole..] } else { &x[whole..] }, -L::Elem::ONE);
        pass.register(argument, &mut word, whole).store_prefix(&mut y[whole..]);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EDGES, LENGTHS, at_every_level};

    fn values_and_slopes<T: Float>(gate_of: Gate<T>, open: impl Fn(f64) -> bool, closed: impl Fn(T) -> T) {
        for length in LENGTHS.into_iter().chain([40_000]) {
            let number = |i: usize| T::from_f64(EDGES[i % 14]);
            let x: Vec<T> = (0..length).map(number).collect();
            let dy: Vec<T> = (0..length).map(|i| number(i / 14)).collect();
            let (mut y, mut over, mut bits) = (x.clone(), x.clone(), vec![-1; gate_words(length)]);
            let mut again = bits.clone();
            gate(gate_of, In1::From { x: &x, y: &mut y }, &mut bits);
            gate(gate_of, In1::Over { x: &mut over }, &mut again);
            let (mut dx, mut dx_over) = (dy.clone(), dy.clone());
            gate_backward(gate_of, &bits, In1::From { x: &dy, y: &mut dx });
            gate_backward(gate_of, &bits, In1::Over { x: &mut dx_over });
            assert_eq!(bits, again);
            for i in 0..bits.len() * WORD {
                let is_open = i < length && open(x[i].to_f64());
                assert_eq!(bits[i / WORD] >> (i % WORD) & 1 == 1, is_open, "element {i} of {length}");
                if i < length {
                    let through = |v: T| if is_open { v } else { closed(v) };
                    for (got, want) in [(y[i], x[i]), (over[i], x[i]), (dx[i], dy[i]), (dx_over[i], dy[i])] {
                        let (got, want) = (got.to_f64(), through(want).to_f64());
                        assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{got} for {want}");
                    }
                }
            }
        }
    }

    #[test]
    fn values_slopes_and_bits_are_the_definitions() {
        at_every_level(|_| {
            values_and_slopes::<f32>(Gate::Relu, |x| x > 0.0 || x.is_nan(), |_| 0.0);
            values_and_slopes::<f64>(Gate::Relu, |x| x > 0.0 || x.is_nan(), |_| 0.0);
            for slope in [0.25, -3.0, 0.0] {
                values_and_slopes::<f32>(Gate::Leaky(slope as f32), |x| x > 0.0, |v| v * slope as f32);
                values_and_slopes::<f64>(Gate::Leaky(slope), |x| x > 0.0, |v| v * slope);
            }
        });
    }

    #[test]
    #[should_panic(expected = "one bit for each element is needed")]
    fn words_are_counted() {
        gate(Gate::Relu, In1::Over { x: &mut [1.0f32; 65] }, &mut [0]);
    }
}
