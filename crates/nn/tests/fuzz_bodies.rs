//! The fuzz targets' bodies on their seeds, on seeds with bytes changed, and on random bytes. Fuzzing proper: `fuzz/README.md`.

use proptest::prelude::*;
use std::path::Path;

#[path = "../../../fuzz/src/lib.rs"]
mod fuzz_bodies;

type Body = fn(&[u8]);

const BODIES: [(&str, Body); 6] = [
    ("model_file", fuzz_bodies::model_file),
    ("data_file", fuzz_bodies::data_file),
    ("einsum", fuzz_bodies::einsum),
    ("views", fuzz_bodies::views),
    ("labels", fuzz_bodies::labels),
    ("onnx", fuzz_bodies::onnx),
];

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn seeds_pass() {
    for (target, body) in BODIES {
        let seeds = seeds(target);
        assert!(seeds.len() > 3, "{target}");
        seeds.iter().for_each(|seed| body(seed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_bytes_pass(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        for (_, body) in BODIES {
            body(&bytes);
        }
    }

    #[test]
    fn seeds_with_bytes_changed_pass(which in any::<prop::sample::Index>(), changes in proptest::collection::vec(any::<(u16, u8)>(), 1..6)) {
        for (target, body) in BODIES {
            let seeds = seeds(target);
            let mut bytes = seeds[which.index(seeds.len())].clone();
            for &(place, value) in &changes {
                let length = bytes.len();
                bytes[usize::from(place) % length] = value;
            }
            body(&bytes);
        }
    }
}
