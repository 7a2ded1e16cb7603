//! Keeping the compiler from seeing what a number is, where what it makes of it is slower.

/// What the place holds, a pointer or a number, stays, but the compiler does not know so.
///
/// Used for pointers that go on by a distance: seen through, each address becomes a pointer of its own, more of them than registers.
macro_rules! opaque {
    ($place:expr) => {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: no instruction is there, so nothing is read, written or changed.
        unsafe {
            std::arch::asm!("/* {0} */", inout(reg) $place, options(nomem, nostack, preserves_flags));
        }
    };
}
pub(crate) use opaque;
