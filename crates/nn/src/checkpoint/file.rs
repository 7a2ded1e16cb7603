//! A checkpoint's bytes: a safetensors file with a checksum of itself in its header.

use crate::files::{CRC32, Contents, format};
use crate::state::Tensors;
use std::collections::BTreeMap;

/// The version of the form that is written. Every version up to it is read.
const VERSION: u32 = 1;
/// What the header calls things.
const FORM: &str = "rectify-checkpoint";
const STEP: &str = "step";
pub(super) const LEVEL: &str = "kernels-level";
const CHECKSUM: &str = "checksum";
/// What stands for the checksum while it is computed.
const BLANK: &str = "00000000";

/// Why a file is not taken.
pub(super) enum Problem {
    Damaged(String),
    /// It may be sound, but its form is of a later version.
    Newer(String),
}

/// The level of the kernels, which results depend on.
pub(super) fn level() -> String {
    kernels::Level::current().to_string()
}

pub(super) fn bytes(tensors: &Tensors, step: u64) -> Vec<u8> {
    let (version, step, level) = (VERSION.to_string(), step.to_string(), level());
    let header = [
        (FORM, version.as_str()),
        (STEP, &step),
        (LEVEL, &level),
        ("rectify", env!("CARGO_PKG_VERSION")),
        (CHECKSUM, BLANK),
    ];
    let mut file = format::write(&BTreeMap::from(header), tensors);
    let sum = format!("{:08x}", CRC32.sum(&file));
    let at = place(&file, BLANK).expect("the header was just written with it");
    file[at..][..sum.len()].copy_from_slice(sum.as_bytes());
    file
}

/// Where in the file the checksum stands.
fn place(file: &[u8], sum: &str) -> Option<usize> {
    let entry = format!("\"{CHECKSUM}\":\"{sum}\"");
    let at = file.windows(entry.len()).position(|window| window == entry.as_bytes())?;
    Some(at + entry.len() - 1 - sum.len())
}

/// Takes a file apart whose every byte is as it was written, and whose header says this step.
pub(super) fn open(file: &[u8], step: u64) -> Result<Contents<'_>, Problem> {
    let damaged = |problem: String| Problem::Damaged(problem);
    let contents =
        format::read(file).map_err(|error| damaged(format!("this is no checkpoint, or a damaged one: {error}")))?;
    let says = |key: &str| contents.metadata.get(key).map(String::as_str);
    let version = says(FORM).ok_or_else(|| damaged("its header does not say that it is a checkpoint".to_owned()))?;
    let written = says(CHECKSUM).filter(|sum| sum.len() == BLANK.len());
    let at =
        written.and_then(|sum| place(file, sum)).ok_or_else(|| damaged("its header holds no checksum".to_owned()))?;
    let sum = CRC32.sum_of_parts(&[&file[..at], BLANK.as_bytes(), &file[at + BLANK.len()..]]);
    let sum = format!("{sum:08x}");
    if written != Some(&sum) {
        let written = written.unwrap_or_default();
        return Err(damaged(format!("its checksum is {sum}, its header says {written}: it is damaged")));
    }
    if version.parse().is_ok_and(|version: u32| version > VERSION) {
        let problem =
            format!("it has version {version} of the form, and this Rectify reads up to {VERSION}: take a newer one");
        return Err(Problem::Newer(problem));
    }
    if says(STEP) != Some(&step.to_string()) {
        let found = says(STEP).unwrap_or("none");
        return Err(damaged(format!("its name says step {step}, its header {found}: was it renamed?")));
    }
    Ok(contents)
}
