//! Lines times a square factor, in place: as wide as the factor is high, so that every distance is known when the loop is compiled.
#![expect(unsafe_code, reason = "one check for all steps")]

use super::Lanes;
use super::opaque::opaque;

/// Each of the lines, W registers long, becomes its product with `square`, `[W·N, W·N]`: R lines at a time, each number a chain of multiply-adds in
/// the order of the steps.
///
/// # Panics
/// If R does not divide their number, or if the factor has another size.
#[cfg_attr(target_arch = "x86_64", expect(clippy::pointers_in_nomem_asm_block, reason = "no instruction follows them"))]
#[inline(always)]
pub fn multiply_lines<L: Lanes, const R: usize, const W: usize>(lines: &mut [L::Elem], square: &[L::Elem]) {
    let width = W * L::N;
    assert!(square.len() == width * width, "the factor is a square of the lines' width");
    assert!(lines.len().is_multiple_of(R * width), "lines come {R} at a time");
    const { assert!(R <= 16, "a tile has at most 16 lines") };
    const { assert!(L::N.is_multiple_of(4), "four steps are written out") };
    for lines in lines.chunks_exact_mut(R * width) {
        let mut sums = [[L::zero(); W]; R];
        let (mut at, mut row) = (lines.as_ptr(), square.as_ptr());
        // Written out: a loop over lines is unrolled too late for the sums to be kept in registers.
        macro_rules! steps {
            ($($step:literal)+, $lines:tt) => {$(
                let mut factors = [L::zero(); W];
                for (w, factor) in factors.iter_mut().enumerate() {
                    // SAFETY: rows of the square, of which there are `width`, a multiple of four.
                    *factor = L::load(unsafe { std::slice::from_raw_parts(row.add($step * width + w * L::N), L::N) });
                }
                steps!(@lines $step, factors, $lines);
            )+};
            (@lines $step:literal, $factors:ident, ($($r:literal)+)) => {$(
                if $r < R {
                    // SAFETY: R lines of `width` numbers each.
                    let number = L::splat(unsafe { *at.add($r * width + $step) });
                    for (sum, factor) in sums[$r].iter_mut().zip($factors) {
                        *sum = factor.mul_add(number, *sum);
                    }
                }
            )+};
        }
        for _ in 0..width / 4 {
            steps!(0 1 2 3, (0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15));
            (at, row) = (at.wrapping_add(4), row.wrapping_add(4 * width));
            // Seen through, each address would be a pointer of its own.
            opaque!(at);
            opaque!(row);
        }
        for (line, sums) in lines.chunks_exact_mut(width).zip(sums) {
            for (to, sum) in line.chunks_exact_mut(L::N).zip(sums) {
                sum.store(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::level::Kernel;
    use crate::testing::at_every_level;

    struct Lines<'a> {
        lines: &'a mut [f32],
        square: &'a [f32],
    }

    impl Kernel<f32> for Lines<'_> {
        type Output = usize;

        #[inline(always)]
        fn run<L: Lanes<Elem = f32>>(self) -> usize {
            let width = 2 * L::N;
            multiply_lines::<L, 3, 2>(&mut self.lines[..6 * width], &self.square[..width * width]);
            width
        }
    }

    #[test]
    fn lines_become_their_products_and_nothing_else_changes() {
        at_every_level(|level| {
            // Whole numbers, whose sums are exact.
            let number = |i: usize| ((i * 7919) % 17) as f32 - 8.0;
            let (before, square): (Vec<f32>, Vec<f32>) =
                ((0..6 * 32 + 5).map(number).collect(), (0..1024).map(number).collect());
            let mut after = before.clone();
            let width = level.run(Lines { lines: &mut after, square: &square });
            for (i, &number) in after.iter().enumerate() {
                let (line, column) = (i / width, i % width);
                let product = |k: usize| before[line * width + k] * square[k * width + column];
                let expected = if line < 6 { (0..width).map(product).sum() } else { before[i] };
                assert_eq!(number, expected, "{i} at {level}");
            }
        });
    }
}
