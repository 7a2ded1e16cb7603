//! ONNX models: bytes as they come, and good files with bytes changed.

use nn::onnx::{Export, Import, Input, Layout, Mask};
use nn::prelude::*;

/// Imports what the bytes describe, with features first or last, of indices or of several inputs; a model that comes of it can be copied and looked through.
pub fn onnx(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let file = match mode & 13 {
        _ if mode & 48 == 16 => return looked_through(Import::new().inputs_from_bytes(rest)),
        _ if mode & 48 == 48 => return looked_through(Import::new().inputs_from_bytes(&patched(rest, memory()))),
        0 | 4 => rest.to_vec(),
        1 => patched(rest, rows()),
        5 => patched(rest, images()),
        8 | 12 => return looked_through(Import::new().ids_from_bytes(rest)),
        _ => return looked_through(Import::new().ids_from_bytes(&patched(rest, words()))),
    };
    let layout = if mode & 2 == 0 { Layout::FeaturesFirst } else { Layout::FeaturesLast };
    looked_through(Import::new().layout(layout).from_bytes(&file));
}

fn looked_through<M: Module + Clone>(model: nn::Result<M>) {
    match model {
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

fn images() -> nn::Result<Vec<u8>> {
    let rng = &mut Rng::seed(1);
    let net = (Residual(Conv2d::new(2, 2, 3, rng).padding(1)), MaxPool2d::new(2), Flatten, Linear::new(8, 2, rng));
    Export::new().to_bytes(&net, &[4, 4, 2])
}

fn rows() -> nn::Result<Vec<u8>> {
    let net = (Linear::new(3, 4, &mut Rng::seed(1)), PRelu::per_feature(4), BatchNorm::new(4), RmsNorm::new(4));
    Export::new().to_bytes(&net, &[3])
}

fn words() -> nn::Result<Vec<u8>> {
    let rng = &mut Rng::seed(1);
    let words = Embedding::new(5, 4, rng);
    let rest =
        (LearnedPositions::new(3, 4, rng), TransformerEncoderLayer::new(4, 2, 4, rng).causal(), Gru::new(4, 2, rng));
    Export::new().ids_to_bytes(&[3], |at, graph, ids| {
        let x = at.enter("words", |at| words.onnx(at, graph, ids))?;
        rest.onnx(at, graph, x)
    })
}

fn memory() -> nn::Result<Vec<u8>> {
    let block = TransformerDecoderLayer::new(4, 2, 4, &mut Rng::seed(1));
    let (causal, none) = (AttentionMask::causal(), AttentionMask::none());
    let inputs = [Input::new("x", &[2, 4]), Input::new("memory", &[3, 4]), Input::new("covered", &[3])];
    Export::new().inputs_to_bytes(inputs, |at, graph, [x, memory, covered]| {
        block.onnx(at, graph, x, &memory, &causal, Mask::from(&none).padding(covered))
    })
}

/// A good file with bytes replaced: a place (16 bits) and a value each.
fn patched(patches: &[u8], good: nn::Result<Vec<u8>>) -> Vec<u8> {
    let mut file = good.expect("these layers have a form");
    let length = file.len();
    for patch in patches.chunks_exact(3) {
        file[usize::from(u16::from_le_bytes([patch[0], patch[1]])) % length] = patch[2];
    }
    file
}
