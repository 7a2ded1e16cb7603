//! The register tile: R rows × W registers of sums over a range of k. Bounds are checked once, before the loop: checks in it cost a
//! tenth of the product, because they take the ports that multiply.
#![expect(unsafe_code, reason = "one check for all steps")]

use super::Lanes;
use super::opaque::opaque;
use super::window::{prefetch, prefetch_near};

/// A factor as a tile reads it: number (line, step) of row i is `values[i * row + line * line_stride + step * step_stride]`.
#[derive(Clone, Copy)]
pub struct Factor<'a, T> {
    pub values: &'a [T],
    pub line: usize,
    pub step: usize,
    /// Where there is more than one row.
    pub row: usize,
}

impl<T> Factor<'_, T> {
    /// # Panics
    /// If a number of these lines, steps and rows, or one of the `width` from there on, lies outside.
    #[inline(always)]
    fn check(&self, lines: usize, steps: usize, rows: usize, width: usize) {
        let axes = [(lines - 1, self.line), (steps - 1, self.step), (rows - 1, self.row), (width, 1)];
        let end = axes.iter().try_fold(0_usize, |end, &(count, stride)| end.checked_add(count.checked_mul(stride)?));
        assert!(end.is_some_and(|end| end <= self.values.len()), "a tile reads beyond its factor");
    }
}

/// Steps between two times that a tile asks for what comes next.
const CHUNK: usize = 16;

/// What a tile asks the caches for while it computes: a factor's numbers that the next tile will read, as many as it has steps, a few lines at a time.
/// Asked for all at once they fill the queue of what is missing, and the tile waits for them.
#[derive(Clone, Copy)]
pub struct Ahead<T> {
    at: *const T,
    /// For each chunk of steps so many rows of so many numbers, and how far apart rows and chunks are.
    count: usize,
    width: usize,
    row: usize,
    chunk: usize,
    /// Whether only the second level is asked: the first would push out what it is given before it is read.
    near: bool,
}

impl<T> Ahead<T> {
    /// From `at` on, wherever that is, so many lines of so many steps, whose numbers are `line` and `step` apart: either is 1.
    ///
    /// Lines that follow each other in memory are asked for in the order of their addresses, into the second level: the CPU sees one stream, and goes ahead
    /// of it by itself. Others are asked for in the order they are read in, into the first level, or into the second where they fall into few sets.
    #[inline(always)]
    pub fn new(at: *const T, lines: usize, line: usize, (step, steps): (usize, usize)) -> Self {
        let collide = |row: usize| (row * size_of::<T>()).is_multiple_of(1 << 10);
        let (count, width, row, chunk, near) = match line {
            1 => (CHUNK, lines, step, CHUNK.wrapping_mul(step), collide(step)),
            _ if line == steps => (1, lines * CHUNK, 0, lines * CHUNK, true),
            _ => (lines, CHUNK, line, CHUNK, collide(line)),
        };
        Ahead { at, count, width, row, chunk, near }
    }

    #[inline(always)]
    fn ask(&mut self) {
        for row in 0..self.count {
            let at = self.at.wrapping_add(row.wrapping_mul(self.row));
            for number in (0..self.width).step_by(64 / size_of::<T>()) {
                let place = at.wrapping_add(number);
                if self.near { prefetch_near(place) } else { prefetch(place) }
            }
        }
        self.at = self.at.wrapping_add(self.chunk);
    }
}

/// The lines of a tile at one step.
trait Lines<T> {
    fn line(&self, r: usize) -> *const T;
    /// To the step that is so many numbers on, for so many lines.
    fn go_on(&mut self, lines: usize, by: usize);
}

/// Lines whose distance is written out, which is part of their addresses.
struct Neighbours<T>(*const T);

impl<T> Lines<T> for Neighbours<T> {
    #[inline(always)]
    fn line(&self, r: usize) -> *const T {
        self.0.wrapping_add(r)
    }
    #[inline(always)]
    fn go_on(&mut self, _: usize, by: usize) {
        self.0 = self.0.wrapping_add(by);
    }
}

/// Lines that are so many bytes apart. Every third has a pointer; the two behind it are once and twice the distance on, which an address of x86 may say.
///
/// So twelve lines take four pointers and a distance. A pointer for each would not fit the registers, and to come to each line from the one before takes an
/// addition, on the ports that multiply. That is what the compiler makes of pointers it sees through.
struct Apart<T> {
    thirds: [*const T; 6],
    by: usize,
}

impl<T> Apart<T> {
    #[inline(always)]
    fn new(at: *const T, line: usize) -> Self {
        let by = line.wrapping_mul(size_of::<T>());
        let third = |i: usize| at.wrapping_byte_add(by.wrapping_mul(3 * i));
        Apart { thirds: [third(0), third(1), third(2), third(3), third(4), third(5)], by }
    }
}

impl<T> Lines<T> for Apart<T> {
    #[inline(always)]
    fn line(&self, r: usize) -> *const T {
        self.thirds[r / 3].wrapping_byte_add(self.by.wrapping_mul(r % 3))
    }
    #[cfg_attr(
        target_arch = "x86_64",
        expect(clippy::pointers_in_nomem_asm_block, reason = "no instruction follows them")
    )]
    #[inline(always)]
    fn go_on(&mut self, lines: usize, by: usize) {
        // Written out: in a loop the pointers would pass through memory.
        macro_rules! thirds {
            ($($i:literal)+) => {$(
                if 3 * $i < lines {
                    self.thirds[$i] = self.thirds[$i].wrapping_add(by);
                    opaque!(self.thirds[$i]);
                }
            )+};
        }
        thirds!(0 1 2 3 4 5);
        // Twice the distance would be computed before the loop, and pass through memory.
        opaque!(self.by);
    }
}

/// The loops of a tile, whose bounds the caller has checked: step p of row i reads `a` at i · row + r · line + p · step for r < R, and
/// `b` at i · row + p · step .. + W · N. Pointers move on with `wrapping_add`, since after the last step they may lie outside.
///
/// Lines are written out: a loop over so many of them is unrolled too late for the sums to be kept in registers.
macro_rules! steps {
    ($sums:ident, $a:ident, $b:ident, ($steps:expr, $rows:expr), $kind:ident, $lines:expr, $step:expr) => {{
        let (mut a_row, mut b_row) = ($a.values.as_ptr(), $b.values.as_ptr());
        for _ in 0..$rows {
            steps!(@row $sums, ($lines(a_row), b_row, $b.step), (), $steps, $kind, $step);
            (a_row, b_row) = (a_row.wrapping_add($a.row), b_row.wrapping_add($b.row));
        }
    }};
    (@chunks $sums:ident, $a:ident, $b:ident, $ahead:ident, $keep:tt, $steps:expr, $lines:expr, $step:expr) => {{
        let (mut at, mut right, mut left) = ($a.values.as_ptr(), $b.values.as_ptr(), $steps);
        while left > 0 {
            $ahead.ask();
            let now = left.min(CHUNK);
            steps!(@row $sums, ($lines(at), right, $b.step), $keep, now, number, $step);
            (at, right) = (at.wrapping_add(now * $step), right.wrapping_add(now * $b.step));
            left -= now;
        }
    }};
    (@row $sums:ident, ($lines:expr, $right:expr, $b_step:expr), $keep:tt, $steps:expr, $kind:ident, $step:expr) => {{
        const { assert!(R <= 16, "a tile has at most 16 lines") };
        let (mut lines, mut right) = ($lines, $right);
        for _ in 0..$steps {
            let mut lanes = [L::zero(); W];
            for (w, lanes) in lanes.iter_mut().enumerate() {
                // SAFETY: the caller's checks cover all steps and rows.
                *lanes = L::load(unsafe { std::slice::from_raw_parts(right.add(w * L::N), L::N) });
            }
            steps!(@keep $keep lanes);
            steps!(@lines $kind $sums, lines, lanes, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
            lines.go_on(R, $step);
            right = right.wrapping_add($b_step);
        }
    }};
    (@keep () $lanes:ident) => {};
    (@keep ($to:ident) $lanes:ident) => {
        for (w, lanes) in $lanes.iter().enumerate() {
            // SAFETY: the caller's checks cover so many numbers for all steps.
            lanes.store(unsafe { std::slice::from_raw_parts_mut($to.add(w * L::N), L::N) });
        }
        $to = $to.wrapping_add(W * L::N);
    };
    (@lines $kind:ident $sums:ident, $lines:ident, $lanes:ident, $($r:literal)+) => {$(
        if $r < R {
            let line = $lines.line($r);
            steps!(@line $kind $sums[$r], line, $lanes);
        }
    )+};
    (@line number $sums:expr, $line:ident, $lanes:ident) => {
        // SAFETY: the caller's checks cover all lines.
        let a = L::splat(unsafe { *$line });
        for (sum, lanes) in $sums.iter_mut().zip($lanes) {
            *sum = lanes.mul_add(a, *sum);
        }
    };
    (@line lanes $sums:expr, $line:ident, $lanes:ident) => {
        for (w, (sum, lanes)) in $sums.iter_mut().zip($lanes).enumerate() {
            // SAFETY: the caller's checks cover all lanes of all lines.
            let a = L::load(unsafe { std::slice::from_raw_parts($line.add(w * L::N), L::N) });
            *sum = lanes.mul_add(a, *sum);
        }
    };
}

/// The sums over `steps` steps, each a chain of multiply-adds in their order. The lines of `b` must be neighbours, and either the lines or the steps of `a`.
///
/// # Panics
/// If a factor ends before the last number that the tile reads, or if the strides are others.
#[inline(always)]
pub fn sums<L: Lanes, const R: usize, const W: usize>(
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
) -> [[L; W]; R] {
    let mut sums = [[L::zero(); W]; R];
    if steps == 0 {
        return sums;
    }
    check(a, b, R, W * L::N, (steps, 1));
    // A stride of 1 is written out, so that addresses take few registers.
    if a.line == 1 {
        steps!(sums, a, b, (steps, 1), number, Neighbours, a.step);
    } else {
        let lines = |at| Apart::new(at, a.line);
        steps!(sums, a, b, (steps, 1), number, lines, 1);
    }
    sums
}

/// As [`sums`], while asking for what lies ahead.
///
/// # Panics
/// As [`sums`].
#[inline(always)]
pub fn sums_ahead<L: Lanes, const R: usize, const W: usize>(
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
    mut ahead: Ahead<L::Elem>,
) -> [[L; W]; R] {
    let mut sums = [[L::zero(); W]; R];
    if steps == 0 {
        return sums;
    }
    check(a, b, R, W * L::N, (steps, 1));
    if a.line == 1 {
        steps!(@chunks sums, a, b, ahead, (), steps, Neighbours, a.step);
    } else {
        let lines = |at| Apart::new(at, a.line);
        steps!(@chunks sums, a, b, ahead, (), steps, lines, 1);
    }
    sums
}

/// As [`sums`], and keeps the steps of `b` as the next tiles read them: side by side. Asks for the steps that come next, as the first tile that reads them.
///
/// # Panics
/// As [`sums`], and if `to` has not the size of the steps.
#[inline(always)]
pub fn sums_keeping<L: Lanes, const R: usize, const W: usize>(
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
    to: &mut [L::Elem],
) -> [[L; W]; R] {
    let mut sums = [[L::zero(); W]; R];
    if steps == 0 {
        return sums;
    }
    check(a, b, R, W * L::N, (steps, 1));
    assert_eq!(to.len(), steps * W * L::N, "a tile keeps all of its steps");
    let mut to = to.as_mut_ptr();
    let next = b.values.as_ptr().wrapping_add(CHUNK * b.step);
    let mut ahead = Ahead { at: next, count: CHUNK, width: W * L::N, row: b.step, chunk: CHUNK * b.step, near: false };
    if a.line == 1 {
        steps!(@chunks sums, a, b, ahead, (to), steps, Neighbours, a.step);
    } else {
        let lines = |at| Apart::new(at, a.line);
        steps!(@chunks sums, a, b, ahead, (to), steps, lines, 1);
    }
    sums
}

#[inline(always)]
fn check<T>(a: Factor<'_, T>, b: Factor<'_, T>, lines: usize, width: usize, (steps, rows): (usize, usize)) {
    a.check(lines, steps, rows, 1);
    b.check(1, steps, rows, width);
    assert!(b.line == 1 && (a.line == 1 || a.step == 1), "a tile reads neighbours");
}

/// As [`sums`], on top of what the sums hold, over `rows` rows of steps.
///
/// # Panics
/// As [`sums`].
#[inline(always)]
pub fn go_on<L: Lanes, const R: usize, const W: usize>(
    mut sums: [[L; W]; R],
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
    rows: usize,
) -> [[L; W]; R] {
    if steps == 0 || rows == 0 {
        return sums;
    }
    check(a, b, R, W * L::N, (steps, rows));
    if a.line == 1 {
        steps!(sums, a, b, (steps, rows), number, Neighbours, a.step);
    } else {
        let lines = |at| Apart::new(at, a.line);
        steps!(sums, a, b, (steps, rows), number, lines, 1);
    }
    sums
}

/// As [`go_on`], where the lines of `a` are registers as well: lane by lane, sums of products.
///
/// # Panics
/// If a factor ends before the last number that the tile reads, or if the lines of `b` are not neighbours.
#[inline(always)]
pub fn go_on_by_lanes<L: Lanes, const R: usize, const W: usize>(
    mut sums: [[L; W]; R],
    a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    steps: usize,
    rows: usize,
) -> [[L; W]; R] {
    if steps == 0 || rows == 0 {
        return sums;
    }
    a.check(R, steps, rows, W * L::N);
    b.check(1, steps, rows, W * L::N);
    assert!(b.line == 1, "a tile reads neighbours");
    let lines = |at| Apart::new(at, a.line);
    steps!(sums, a, b, (steps, rows), lanes, lines, a.step);
    sums
}

/// The sums of `tiles` times R lines of `a`, each over `steps` steps, stored in rows of `to` that are `row` numbers apart. One check for
/// all of them: with few steps, checks for each tile take longer than what they allow.
///
/// # Panics
/// As [`sums`], if `to` ends before the last number that is stored, and if there are no steps.
#[inline(always)]
pub fn store_all<L: Lanes, const R: usize, const W: usize>(
    mut a: Factor<'_, L::Elem>,
    b: Factor<'_, L::Elem>,
    (steps, tiles): (usize, usize),
    to: &mut [L::Elem],
    row: usize,
) {
    assert!(steps > 0, "a tile sums at least one step");
    if tiles == 0 {
        return;
    }
    a.check(tiles * R, steps, 1, 1);
    b.check(1, steps, 1, W * L::N);
    Factor { values: &*to, line: row, step: 0, row: 0 }.check(tiles * R, 1, 1, W * L::N);
    assert!(b.line == 1 && a.step == 1, "a tile reads neighbours");
    let mut to = to.as_mut_ptr();
    let lines = |at| Apart::new(at, a.line);
    for tile in 0..tiles {
        let mut sums = [[L::zero(); W]; R];
        steps!(sums, a, b, (steps, 1), number, lines, 1);
        for (r, sums) in sums.iter().enumerate() {
            for (w, sum) in sums.iter().enumerate() {
                // SAFETY: rows of all tiles were checked to lie within the slice.
                sum.store(unsafe { std::slice::from_raw_parts_mut(to.add(r * row + w * L::N), L::N) });
            }
        }
        if tile + 1 < tiles {
            a.values = &a.values[R * a.line..];
            to = to.wrapping_add(R * row);
        }
    }
}
