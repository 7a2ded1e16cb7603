//! What the tests of all kernels share: every level, edge values, distances in ulps.

use crate::Level;
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Runs `test` once at each level this CPU has, and says loudly which it lacks. One at a time: the level is global.
pub(crate) fn at_every_level(test: impl Fn(Level)) {
    let _guard = level_stays();
    let before = Level::current();
    for level in Level::ALL {
        if level.is_available() {
            level.set_current();
            test(level);
        } else {
            // Past `eprintln!`, which the test harness keeps to itself for tests that pass.
            let _ = writeln!(std::io::stderr(), "NOT TESTED: this CPU lacks the level {level}");
        }
    }
    before.set_current();
}

/// While the guard lives, no other test changes the level: for tests that compare the bits of two runs.
pub(crate) fn level_stays() -> MutexGuard<'static, ()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lengths around the register widths and the chunk.
pub(crate) const LENGTHS: [usize; 16] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 20_000];

/// Numbers on which kernels go wrong.
pub(crate) const EDGES: [f64; 14] =
    [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e30, -1e30, 1e-40, -1e-40, -3.7];
