//! What the CPU can do: asked once, kept as a value, overridable.
//!
//! A kernel body is a [`Kernel`]: its arguments as fields and `run`, generic over [`Lanes`], marked `#[inline(always)]`
//! as is everything it calls in its loop. [`Level::run`] compiles it once per instruction set and picks one, around the
//! loop, never in it.
//!
//! `KERNELS_LEVEL=portable|avx2|avx512` overrides what was detected (asking for what the CPU lacks is a panic that says so).
//!
//! `RUSTFLAGS="--cfg kernels_avx512_only"` compiles that level alone, in a third of the time: for those who change the code, not for
//! what they ship. Debug builds of this repository share kernels of the level of the machine that builds (`build.rs`). Levels that were not
//! compiled count as not available.

#![expect(unsafe_code, reason = "entering code compiled for an instruction set")]

use crate::Float;
use crate::lanes::Lanes;
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that kernels are compiled for, in ascending order of what they ask of the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `wide`: whatever the build target guarantees.
    Portable,
    /// AVX2 with FMA: 8 × f32.
    Avx2,
    /// AVX-512F: 16 × f32.
    Avx512,
}

/// A loop over slices, ready to run at any level.
pub trait Kernel<T: Float> {
    type Output;
    fn run<L: Lanes<Elem = T>>(self) -> Self::Output;
}

/// 0: not asked yet; otherwise the level's number plus one.
static CURRENT: AtomicU8 = AtomicU8::new(0);

impl Level {
    /// All levels, lowest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// The level kernels run at: the best the CPU has, unless `KERNELS_LEVEL` says otherwise.
    ///
    /// # Panics
    /// If `KERNELS_LEVEL` names no level, or one that this CPU lacks.
    #[inline]
    pub fn current() -> Level {
        match CURRENT.load(Ordering::Relaxed) {
            1 => Level::Portable,
            2 => Level::Avx2,
            3 => Level::Avx512,
            _ => Level::detect(),
        }
    }

    /// Whether this build has kernels of the level.
    const fn is_compiled(self) -> bool {
        if cfg!(kernels_avx512_only) {
            return matches!(self, Level::Avx512);
        }
        if cfg!(test) || cfg!(not(any(host_level = "portable", host_level = "avx2", host_level = "avx512"))) {
            return true;
        }
        match self {
            Level::Portable => cfg!(host_level = "portable"),
            Level::Avx2 => cfg!(host_level = "avx2"),
            Level::Avx512 => cfg!(host_level = "avx512"),
        }
    }

    /// Whether this CPU has what the level needs, and this build its kernels.
    pub fn is_available(self) -> bool {
        self.is_compiled()
            && match self {
                Level::Portable => true,
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512 => {
                    is_x86_feature_detected!("avx2")
                        && is_x86_feature_detected!("fma")
                        && is_x86_feature_detected!("avx512f")
                }
                #[cfg(not(target_arch = "x86_64"))]
                _ => false,
            }
    }

    /// Makes every kernel of the process run at this level from now on: for tests, and for results that must not depend
    /// on the machine.
    ///
    /// # Panics
    /// If this CPU lacks the level, or this build does.
    #[track_caller]
    pub fn set_current(self) {
        assert!(self.is_compiled(), "this build has no kernels of the level {self}: release builds have them all");
        assert!(self.is_available(), "this CPU lacks what the level {self} needs");
        CURRENT.store(self as u8 + 1, Ordering::Relaxed);
    }

    #[cold]
    fn detect() -> Level {
        let level = match std::env::var("KERNELS_LEVEL") {
            Ok(name) => name.parse().unwrap_or_else(|error| panic!("KERNELS_LEVEL: {error}")),
            Err(_) => *Level::ALL.iter().rfind(|level| level.is_available()).unwrap_or_else(|| {
                panic!("this build has kernels for another CPU than this one: build anew (`cargo clean -p rectify-kernels`)")
            }),
        };
        level.set_current();
        level
    }

    /// Runs the kernel with this level's registers.
    #[inline(always)]
    pub(crate) fn run<T: Float, K: Kernel<T>>(self, kernel: K) -> K::Output {
        // `const`, so that rustc does not compile what a build leaves out.
        match self {
            Level::Portable if const { Level::Portable.is_compiled() } => kernel.run::<T::Portable>(),
            // SAFETY: `set_current` is the only way to a current level and asserts that the CPU has it; tests ask
            // `is_available` before they name one.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 if const { Level::Avx2.is_compiled() } => unsafe { with_avx2(kernel) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 if const { Level::Avx512.is_compiled() } => unsafe { with_avx512(kernel) },
            _ => unreachable!("this build has no kernels of the level {self}"),
        }
    }
}

/// Runs the kernel at the current level.
#[inline(always)]
pub(crate) fn run<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    Level::current().run(kernel)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn with_avx2<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    kernel.run::<T::Avx2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
fn with_avx512<T: Float, K: Kernel<T>>(kernel: K) -> K::Output {
    kernel.run::<T::Avx512>()
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}

impl std::str::FromStr for Level {
    type Err = String;

    fn from_str(name: &str) -> Result<Level, String> {
        let found = Level::ALL.into_iter().find(|level| level.to_string() == name);
        found.ok_or_else(|| format!("unknown level {name:?}: portable, avx2 or avx512"))
    }
}
