//! Model files: bytes as they come, headers with the right length before them, and good files with bytes changed.

use nn::prelude::*;

type Net = (Linear, PRelu, Buffer);

fn net(seed: u64) -> Net {
    let linear = Linear::new(3, 2, &mut Rng::seed(seed));
    (linear, PRelu::per_feature(2), Buffer::new(Tensor::full([2], seed as f32)))
}

/// The bits of every number.
fn bits(net: &Net) -> Vec<u32> {
    let params = net.parameters().into_iter().flat_map(|param| param.value().to_vec());
    let buffers = net.named_buffers().into_iter().flat_map(|(_, buffer)| buffer.value().to_vec());
    params.chain(buffers).map(f32::to_bits).collect()
}

/// Loads what the bytes describe, in both layouts.
pub fn model_file(bytes: &[u8]) {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    let pytorch = mode & 4 != 0;
    let file = match mode & 3 {
        0 => rest.to_vec(),
        1 => [&(rest.len() as u64).to_le_bytes()[..], rest, &[0; 48]].concat(),
        _ => patched(rest, pytorch),
    };
    let mut loaded = net(2);
    let before = bits(&loaded);
    let outcome = if pytorch { loaded.from_pytorch_bytes(&file) } else { loaded.load_bytes(&file) };
    match outcome {
        Err(error) => {
            let text = error.to_string();
            assert!(text.starts_with("(bytes): "), "{text}");
            assert_eq!(bits(&loaded), before, "a failed load changed the model: {text}");
        }
        Ok(()) => {
            let written = if pytorch { loaded.to_pytorch_bytes() } else { loaded.to_bytes() }.unwrap();
            let mut again = net(3);
            if pytorch { again.from_pytorch_bytes(&written) } else { again.load_bytes(&written) }.unwrap();
            assert_eq!(bits(&again), bits(&loaded));
        }
    }
}

/// A good file with bytes replaced: a place (16 bits) and a value each.
fn patched(patches: &[u8], pytorch: bool) -> Vec<u8> {
    let good = net(1);
    let mut file = if pytorch { good.to_pytorch_bytes() } else { good.to_bytes() }.unwrap();
    let length = file.len();
    for patch in patches.chunks_exact(3) {
        file[usize::from(u16::from_le_bytes([patch[0], patch[1]])) % length] = patch[2];
    }
    file
}
