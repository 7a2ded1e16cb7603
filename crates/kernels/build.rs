//! Debug builds of this repository compile what its crates share (`src/shared.rs`) for this machine's instruction set alone: a third of the time.
//!
//! The kernels' own tests have all of them, and so have release builds and whoever depends on the crate: `shared_kernels` is set in this repository's
//! `.cargo/config.toml` alone, and the script is not published.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(host_level, values(\"portable\", \"avx2\", \"avx512\"))");
    let says = |name: &str| std::env::var(name).unwrap_or_default();
    let is_shared = std::env::var_os("CARGO_CFG_SHARED_KERNELS").is_some() && says("PROFILE") == "debug";
    if is_shared && says("HOST") == says("TARGET") {
        println!("cargo::rustc-cfg=host_level=\"{}\"", level());
    }
}

/// The best level of the machine that builds.
fn level() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        return if is_x86_feature_detected!("avx512f") { "avx512" } else { "avx2" };
    }
    "portable"
}
