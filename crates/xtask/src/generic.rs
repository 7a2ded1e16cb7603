//! That kernels are compiled for whoever calls them, and never with the libraries: a user builds those that a program runs, not all there are.
//!
//! A function that is neither generic nor inline and calls a kernel has it compiled into its library, at every level of instructions. One such path to all layers
//! made four minutes of a clean build of twenty seconds.

use crate::Outcome;
use crate::command::{cargo, output, root};

/// What the symbols of compiled kernels contain: `kernels::level::with_avx2` and its kin.
const KERNEL: &[u8] = b"7kernels5level";
const LEVEL: &[u8] = b"with_";

pub fn check() -> Outcome {
    let folder = root().join("target/generic");
    // Unoptimised, as what counts is which functions there are; and without the flag with which debug builds of this repository share kernels.
    let packages = ["--package", "rectify-tape", "--package", "rectify-nn"];
    let build = ["build", "--locked", "--quiet", "--release", "--config", "profile.release.opt-level=0"];
    output(cargo(&build).args(packages).arg("--target-dir").arg(&folder).env("RUSTFLAGS", ""))?;
    for library in ["tape", "nn"] {
        let path = folder.join(format!("release/lib{library}.rlib"));
        let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if let Some(at) = compiled(&bytes) {
            let symbol = String::from_utf8_lossy(&bytes[at..bytes.len().min(at + 80)]).into_owned();
            return Err(format!(
                "{library} compiles kernels ({symbol:?}), which its users' programs should: make what calls them generic, or inline. `nm -C {}` lists them",
                path.display()
            ));
        }
    }
    println!("   ok, none in tape and nn");
    Ok(())
}

/// Where the first symbol of a compiled kernel is.
fn compiled(library: &[u8]) -> Option<usize> {
    let behind = |at: usize| library[at + KERNEL.len()..].iter().skip_while(|byte| byte.is_ascii_digit());
    let is_level = |at: &usize| behind(*at).take(LEVEL.len()).eq(LEVEL);
    library.windows(KERNEL.len()).enumerate().filter(|(_, part)| *part == KERNEL).map(|(at, _)| at).find(is_level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_both_manglings_are_found_and_other_functions_of_the_module_are_not() {
        assert_eq!(compiled(b"..._ZN7kernels5level11with_avx51217h0E..."), Some(6));
        assert_eq!(compiled(b"_RINvNtCs6Yg5_7kernels5level9with_avx2fINt"), Some(14));
        assert_eq!(compiled(b"_ZN7kernels5level7current17h0E_ZN7kernels5lev"), None);
        assert_eq!(compiled(b""), None);
    }
}
