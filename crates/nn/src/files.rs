//! Model files: safetensors, one tensor a name, and in the header `layout: rectify` (a linear weight is `[in, out]`) or
//! `layout: pytorch` (names and axes as a PyTorch `state_dict` has them).
//!
//! Numbers come back as they were saved, NaN and infinities included: a file of a run that went wrong can be looked at.

mod checksum;
pub(crate) mod format;
pub(crate) mod half;
mod list;
mod read;
mod write;

pub(crate) use checksum::{CRC32, CRC32C};
pub(crate) use format::{Contents, Stored, Written};
pub(crate) use half::from_f16;
pub(crate) use read::{load, load_bytes, load_where_it_fits};
pub(crate) use write::{save, to_bytes, write_whole, written};

/// How the header's entry on axes is called.
const LAYOUT: &str = "layout";

/// Whose names and axes a file has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Layout {
    /// Ours: features last.
    Rectify,
    /// PyTorch's.
    Pytorch,
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Layout::Rectify => "rectify",
            Layout::Pytorch => "pytorch",
        }
    }
}
