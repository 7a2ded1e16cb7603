//! Sizes of caches. Large results bypass the last level; copies of factors fit the second.
//!
//! A result that does not fit is gone from the cache before anybody reads it, and writing it through the cache first
//! reads every line it overwrites. Measured on two Zen 4 cores, PReLU forward over 103 MB: 12 bytes per element through
//! the cache, 8 past it. Below half of the cache the next operation wants the result there; at half of it a pass that reads
//! one array still has room for both (two Zen 5 cores with 32 MiB, leaky ReLU over 16 MiB: 240 µs through the cache, 388 past it),
//! one that reads more, or whose gradient follows (`gate.rs`: forward and backward 976 and 906), has not.
//!
//! Of a huge last level [`AT_MOST`] counts: two cores of a large server share it with the other ones, and reach it no faster than
//! memory. Measured on two cores of an Emerald Rapids with 260 MiB, through the cache / past it: leaky ReLU over 134 MB, forward
//! 11.4 / 6.8 ms; over 17 MB, with its gradient 1.65 / 1.00; PReLU over 26 MB, forward and backward (from its operand) 2.55 / 2.10.

use std::sync::OnceLock;

/// What is believed of a last-level cache.
const AT_MOST: usize = 32 << 20;

/// Whether a result of this many bytes is written past the cache by a pass that reads so many arrays of its size.
#[inline]
pub fn is_beyond(result: usize, reads: usize) -> bool {
    static ROOM: OnceLock<usize> = OnceLock::new();
    let room = || *ROOM.get_or_init(|| size(3).unwrap_or(32 << 20).min(AT_MOST));
    result > 4 << 20 && result >= room() / 2 && result * (1 + reads) > room()
}

/// Bytes of the second level, which a core has for itself.
pub fn second_level() -> usize {
    static ROOM: OnceLock<usize> = OnceLock::new();
    // What is said of other machines is not believed where it is far from what such caches are.
    *ROOM.get_or_init(|| size(2).unwrap_or(1 << 20).clamp(256 << 10, 4 << 20))
}

/// The size of a level as Linux tells it: `"32768K"`.
fn size(level: usize) -> Option<usize> {
    let text = std::fs::read_to_string(format!("/sys/devices/system/cpu/cpu0/cache/index{level}/size")).ok()?;
    let text = text.trim();
    match text.strip_suffix('K') {
        Some(kibibytes) => kibibytes.parse::<usize>().ok().map(|n| n << 10),
        None => text.strip_suffix('M')?.parse::<usize>().ok().map(|n| n << 20),
    }
}
