//! ONNX models: bytes as they come, and good files with bytes changed.

use nn::onnx::{Export, Import, Layout};
use nn::prelude::*;

/// Imports what the bytes describe, with features first or last; a model that comes of it can be copied and looked through.
pub fn onnx(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let file = if mode & 1 == 0 { rest.to_vec() } else { patched(rest, mode & 4 != 0) };
    let layout = if mode & 2 == 0 { Layout::FeaturesFirst } else { Layout::FeaturesLast };
    match Import::new().layout(layout).from_bytes(&file) {
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("(bytes): "), "{text}");
        }
        Ok(model) => {
            let names: Vec<String> = model.named_parameters().into_iter().map(|(name, _)| name).collect();
            let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "a name is there twice: {names:?}");
            assert_eq!(model.clone().num_parameters(), model.num_parameters());
        }
    }
}

/// A good file with bytes replaced: a place (16 bits) and a value each.
fn patched(patches: &[u8], of_images: bool) -> Vec<u8> {
    let rng = &mut Rng::seed(1);
    let images = (Residual(Conv2d::new(2, 2, 3, rng).padding(1)), MaxPool2d::new(2), Flatten, Linear::new(8, 2, rng));
    let rows = (Linear::new(3, 4, rng), PRelu::per_feature(4), BatchNorm::new(4), RmsNorm::new(4));
    let export = Export::new();
    let good = if of_images { export.to_bytes(&images, &[4, 4, 2]) } else { export.to_bytes(&rows, &[3]) };
    let mut file = good.expect("these layers have a form");
    let length = file.len();
    for patch in patches.chunks_exact(3) {
        file[usize::from(u16::from_le_bytes([patch[0], patch[1]])) % length] = patch[2];
    }
    file
}
