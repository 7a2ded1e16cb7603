//! `cargo xtask peers`: installs and builds what `cargo xtask board` compares with.

use crate::Outcome;
use crate::command::{cargo, command, root, run, section};
use std::path::{Path, PathBuf};

/// Where the Python peers are installed unless told otherwise.
pub const DIRECTORY: &str = "/opt/peers";

/// The workspaces of burn and of the `gemm` crate. Their target directories are fixed, so that the board finds the program.
const BURN: &str = "benches/peers/burn";
const PRODUCTS: &str = "benches/peers/products";

pub fn install(directory: &str) -> Outcome {
    let python = std::path::absolute(directory).map_err(|error| error.to_string())?.join("bin/python");
    if !python.exists() {
        run("virtual environment", &mut command("python3", &["-m", "venv", directory]))?;
    }
    // PyTorch's wheel on the usual index brings CUDA's libraries along (some 5 GB on disk); the CPU part is what we time.
    let requirements = ["-m", "pip", "install", "--quiet", "--requirement", "benches/peers/requirements.txt"];
    run("PyTorch and JAX", &mut command(&python, &requirements))?;
    for (workspace, what) in [(PRODUCTS, "the `gemm` crate"), (BURN, "burn (some five minutes; needs Rust 1.95)")] {
        let (manifest, target) = (format!("{workspace}/Cargo.toml"), format!("{workspace}/target"));
        let build = ["build", "--locked", "--release", "--manifest-path", &manifest, "--target-dir", &target];
        run(what, &mut cargo(&build))?;
    }
    section("ready: cargo xtask board");
    if directory != DIRECTORY {
        println!("   set RECTIFY_PEER_PYTHON={} for it", python.display());
    }
    Ok(())
}

/// The Python of the peers: `RECTIFY_PEER_PYTHON`, what [`install`] made, or the system's.
pub fn python() -> PathBuf {
    let installed = Path::new(DIRECTORY).join("bin/python");
    match std::env::var_os("RECTIFY_PEER_PYTHON") {
        Some(python) => python.into(),
        None if installed.exists() => installed,
        None => "python3".into(),
    }
}

/// The program that [`install`] builds.
pub fn burn() -> PathBuf {
    root().join(BURN).join("target/release/rectify-peer-burn").with_extension(std::env::consts::EXE_EXTENSION)
}
