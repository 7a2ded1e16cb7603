//! ReLU and leaky ReLU of large arrays, which keep one bit for each element: whether its gate is open.
//!
//! Values and derivatives are those of `relu.rs` and `leaky_relu.rs`, which stand in front and keep their result for small
//! arrays. Keeping bits, the op overwrites its operand whatever the slope, frees its result for the next op to overwrite,
//! and backward reads 4.1 bytes per element instead of 8 (`docs/DECISIONS.md`, "One bit per gate").

use super::elementwise::unary;
use crate::{Float, Keeps, Kept, Op, Tape, Tensor, Var};
use kernels::Gate;

/// From this length on bits are kept: below, arrays stay in the second level and a record of bits is one more (forward and backward
/// of 2¹⁷ elements on two Zen 5 cores 11.1 µs to 9.9, of 2¹⁸ 21.6 to 23.8, of 2²⁰ 92 to 109).
const LARGE: usize = 1 << 18;

struct Gated<T> {
    gate: Gate<T>,
    bits: Tensor<i64>,
}

/// Through the gates: linear, and its own derivative.
struct Through<T> {
    gate: Gate<T>,
    bits: Tensor<i64>,
}

impl<T: Float> Op<T> for Gated<T> {
    fn name(&self) -> &'static str {
        match self.gate {
            Gate::Relu => "relu",
            Gate::Leaky(_) => "leaky_relu",
        }
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [x]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(x, |io| kernels::gate(self.gate, io, self.bits.fresh_mut()))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Through { gate: self.gate, bits: self.bits.clone() }.apply([dy]))]
    }
    fn own_bytes(&self) -> usize {
        self.bits.storage().1
    }
}

impl<T: Float> Op<T> for Through<T> {
    fn name(&self) -> &'static str {
        match self.gate {
            Gate::Relu => "relu_slope",
            Gate::Leaky(_) => "leaky_relu_slope",
        }
    }
    fn keeps(&self, _: [&Tensor<T>; 1]) -> Keeps {
        Keeps::NOTHING
    }
    fn forward(&mut self, [dy]: [Tensor<T>; 1]) -> Tensor<T> {
        unary(dy, |io| kernels::gate_backward(self.gate, self.bits.plain(), io))
    }
    fn vjp(&self, _: Kept<'_, T>, dy: Var<T>) -> [Option<Var<T>>; 1] {
        [Some(Through { gate: self.gate, bits: self.bits.clone() }.apply([dy]))]
    }
}

/// Whether bits are worth keeping.
#[inline]
pub(super) fn is_large<T: Float>(x: &Var<T>) -> bool {
    x.len() >= LARGE && x.is_tracked()
}

/// The rectifier of a value, keeping bits. Out of line and handed its operand in registers, so that tiny ops do not pay for it.
#[track_caller]
#[cold]
#[inline(never)]
pub(super) fn gated<T: Float>(gate: Gate<T>, x: Tensor<T>, (tape, id): (Tape<T>, u32)) -> Var<T> {
    let bits = Tensor::unspecified([kernels::gate_words(x.len())].into());
    Gated { gate, bits }.apply([Var::new(x, tape, id)])
}

#[cfg(test)]
fn of<T: Float>(gate: Gate<T>, x: Var<T>) -> Var<T> {
    let (value, tape, id) = x.into_parts();
    gated(gate, value, (tape, id))
}

#[cfg(test)]
pub(super) fn entries() -> Vec<super::table::Entry> {
    use super::table::{UNARY, entry};
    vec![
        entry!(
            "relu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| of(kernels::Gate::Relu, x[0].clone()),
            elementwise | x | if x[0] <= 0.0 { 0.0 } else { x[0] }
        ),
        entry!(
            "leaky_relu",
            UNARY,
            &[(-2.0, 2.0)],
            |x| of(kernels::Gate::Leaky(-0.5), x[0].clone()),
            elementwise | x | if x[0] > 0.0 { x[0] } else { -0.5 * x[0] }
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::LARGE;
    use crate::{Rng, Tape, Tensor, Var};

    /// Values and gradients of the large form and, in pieces, of the small one.
    fn agree(rectifier: impl Fn(Var) -> Var) {
        let mut rng = Rng::seed(3);
        let x = Tensor::randn([LARGE + 37], &mut rng);
        let dy = Tensor::randn([LARGE + 37], &mut rng);
        let run = |from: usize, to: usize| {
            let tape = Tape::probing();
            let x = tape.var(x.slice(from..to).copy());
            let y = rectifier(x.clone());
            let value = y.to_vec();
            (value, y.backward_with(dy.slice(from..to).copy())[&x].to_vec())
        };
        let (whole, middle) = (run(0, x.len()), LARGE / 2 + 5);
        let ((y, dx), (y_rest, dx_rest)) = (run(0, middle), run(middle, x.len()));
        assert_eq!(whole.0, [y, y_rest].concat());
        assert_eq!(whole.1, [dx, dx_rest].concat());
    }

    #[test]
    fn large_arrays_give_the_bits_of_small_ones() {
        agree(Var::relu);
        agree(|x| x.leaky_relu(0.1));
        agree(|x| x.leaky_relu(-2));
    }

    #[test]
    fn nothing_but_bits_is_kept() {
        let tape = Tape::probing();
        let x = tape.var(Tensor::full([LARGE], -1.0));
        let h = x.clone() * 2;
        let numbers = h.value().as_slice().unwrap().as_ptr();
        let y = h.leaky_relu(-1) * 3;
        assert_eq!(y.value().as_slice().unwrap().as_ptr(), numbers, "in place, and again over the result");
        assert_eq!(y.value().to_vec()[..2], [6.0, 6.0]);
        assert_eq!(y.sum().backward()[&x].to_vec()[..2], [-6.0, -6.0]);
    }
}
