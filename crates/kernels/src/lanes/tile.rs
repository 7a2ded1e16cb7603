//! Which register tiles products and convolutions are computed in: so many lines (rows, places, or channels) by so many registers.

use super::Lanes;

/// Registers in a row of the tile, for so many result channels in a group.
#[inline(always)]
pub fn registers<L: Lanes>(channels: usize) -> usize {
    match (L::REGISTERS, L::FUSED) {
        (32.., _) if channels.is_multiple_of(4 * L::N) => 4,
        (_, true) if channels > L::N => 2,
        _ => 1,
    }
}

/// The most places in a tile.
#[inline(always)]
pub fn height<L: Lanes>(registers: usize) -> usize {
    match (L::REGISTERS, L::FUSED, registers) {
        (32.., _, 4) => 6,
        (32.., ..) => 12,
        (_, true, _) => 6,
        (_, false, _) => 4,
    }
}

/// How many of `count` places the next tile takes.
#[inline(always)]
pub fn next(count: usize, height: usize) -> usize {
    let even = match count {
        20.. => 12,
        18 | 19 => 12,
        14..=17 => 8,
        12 | 13 => 12,
        8..=11 => 8,
        6 | 7 => 6,
        4 | 5 => 4,
        2 | 3 => 2,
        _ => 1,
    };
    match height {
        12 => even,
        6 if count == 8 || count == 9 => 4,
        height => match count.min(height) {
            6.. => 6,
            4 | 5 => 4,
            2 | 3 => 2,
            _ => 1,
        },
    }
}

/// As [`next`], and how many tiles of that height come one after the other.
#[inline(always)]
pub fn next_run(count: usize, height: usize) -> (usize, usize) {
    let lines = next(count, height);
    let mut tiles = 1;
    while count > tiles * lines && next(count - tiles * lines, height) == lines {
        tiles += 1;
    }
    (lines, tiles)
}

/// Evaluates `$body` with the constants `$R` and `$W` that `lines` and `registers` are: the tiles that [`next`] and [`registers`] choose.
macro_rules! by_tile {
    ($lanes:ident, $lines:expr, $registers:expr, |$R:ident, $W:ident| $body:expr) => {
        if $lanes::REGISTERS >= 32 {
            by_tile!(@of ($lines, $registers), $R, $W, $body,
                12 1, 12 2, 8 1, 8 2, 6 1, 6 2, 6 4, 4 1, 4 2, 4 4, 2 1, 2 2, 2 4, 1 1, 1 2, 1 4)
        } else {
            by_tile!(@of ($lines, $registers), $R, $W, $body, 6 1, 6 2, 4 1, 4 2, 2 1, 2 2, 1 1, 1 2)
        }
    };
    (@of $size:expr, $R:ident, $W:ident, $body:expr, $($r:literal $w:literal),+) => {
        match $size {
            $(($r, $w) => {
                const $R: usize = $r;
                const $W: usize = $w;
                $body
            })+
            (lines, registers) => unreachable!("no tile of {lines} × {registers}"),
        }
    };
}
pub(crate) use by_tile;
