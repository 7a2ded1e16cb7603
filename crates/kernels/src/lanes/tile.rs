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

/// The most lines of a tile.
#[inline(always)]
pub fn height<L: Lanes>(registers: usize) -> usize {
    match (L::REGISTERS, L::FUSED, registers) {
        (32.., _, 4) => 6,
        (32.., _, 2) => 12,
        (32.., ..) => 16,
        (_, true, _) => 6,
        (_, false, _) => 4,
    }
}

/// How many of `count` lines the next tile takes.
#[inline(always)]
pub fn next(count: usize, height: usize) -> usize {
    let best = match count {
        16 | 17 | 28.. if height == 16 => 16,
        18.. | 12 | 13 => 12,
        8..=17 => 8,
        6 | 7 => 6,
        4 | 5 => 4,
        2 | 3 => 2,
        _ => 1,
    };
    match height {
        12.. => best,
        6 if count == 8 || count == 9 => 4,
        height => match count.min(height) {
            6.. => 6,
            4 | 5 => 4,
            2 | 3 => 2,
            _ => 1,
        },
    }
}

/// As [`next`], where the last tile may cover up to three of the `done` lines before it again: so many lines, and so many of them again.
#[inline(always)]
pub fn cover(count: usize, done: usize, height: usize) -> (usize, usize) {
    let whole = match count {
        0..=2 => count,
        3 | 4 => 4,
        5 | 6 => 6,
        7 | 8 => 8,
        9..=12 => 12,
        _ => 16,
    };
    if count <= whole && whole <= height && whole - count <= done.min(3) {
        return (whole, whole - count);
    }
    let first = match (count, height) {
        (25.., 16) => 16,
        (17.., 12..) => 12,
        (13..=16, 12..) => 8,
        (7 | 8, ..=6) => 4,
        (6 | 9.., _) => 6,
        (8, _) => 8,
        (4 | 5 | 7, _) => 4,
        (2 | 3, _) => 2,
        _ => 1,
    };
    (first.min(height), 0)
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
                16 1, 12 1, 12 2, 8 1, 8 2, 6 1, 6 2, 6 4, 4 1, 4 2, 4 4, 2 1, 2 2, 2 4, 1 1, 1 2, 1 4)
        } else {
            by_tile!(@of ($lines, $registers), $R, $W, $body, 6 1, 6 2, 4 1, 4 2, 2 1, 2 2, 1 1, 1 2)
        }
    };
    // The highest alone, which the first lines of a large product are computed in.
    (highest, $lanes:ident, $lines:expr, $registers:expr, |$R:ident, $W:ident| $body:expr) => {
        if $lanes::REGISTERS >= 32 {
            by_tile!(@of ($lines, $registers), $R, $W, $body, 16 1, 12 2)
        } else {
            by_tile!(@of ($lines, $registers), $R, $W, $body, 6 1, 6 2, 4 1, 4 2)
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

#[cfg(test)]
mod tests {
    use super::*;

    const TILES: [usize; 7] = [16, 12, 8, 6, 4, 2, 1];

    #[test]
    fn tiles_cover_every_line_once_and_some_again_where_that_is_allowed() {
        for height in [4, 6, 12, 16] {
            for count in 0..200 {
                let mut rest = count;
                while rest > 0 {
                    let lines = next(rest, height);
                    assert!(TILES.contains(&lines) && lines <= rest.min(height), "{lines} of {rest}, height {height}");
                    rest -= lines;
                }
                let mut done = 0;
                while done < count {
                    let (lines, again) = cover(count - done, done, height);
                    assert!(TILES.contains(&lines) && lines <= height && again < lines && again <= done.min(3));
                    done += lines - again;
                }
                assert_eq!(done, count, "height {height}");
            }
        }
    }
}
