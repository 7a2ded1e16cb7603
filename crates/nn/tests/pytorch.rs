//! Models to and from PyTorch: names, axes, and what is said where they do not match.
//!
//! `reference/pytorch_net.*` are PyTorch's own (benches/peers/make_reference.py). One test runs PyTorch where it is installed.

use nn::prelude::*;
use safetensors::SafeTensors;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Module, Clone)]
struct Net<T: Float = f32> {
    hidden: Linear<T>,
    act: PRelu<T>,
    tail: (Linear<T>, PRelu<T>, Linear<T>),
}

fn net(seed: u64) -> Net {
    let mut rng = Rng::seed(seed);
    Net {
        hidden: Linear::new(3, 5, &mut rng),
        act: PRelu::per_feature(5),
        tail: (Linear::new(5, 4, &mut rng).without_bias(), PRelu::shared(), Linear::new(4, 2, &mut rng)),
    }
}

impl<T: Float> Net<T> {
    fn forward(&self, x: Var<T>) -> Var<T> {
        self.tail.forward(self.act.forward(self.hidden.forward(x)))
    }
}

fn numbers<T: Float>(net: &impl Module<T>) -> Vec<Vec<T>> {
    net.parameters().iter().map(|param| param.value().to_vec()).collect()
}

fn reference(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(file)
}

fn refused(path: &Path, load: impl FnOnce(&mut Net) -> nn::Result<()>, texts: &[&str]) {
    let mut net = net(2);
    let before = numbers(&net);
    let error = load(&mut net).unwrap_err().to_string();
    assert!(error.starts_with(&path.display().to_string()), "{error}");
    for text in texts {
        assert!(error.contains(text), "{text}\nis not in\n{error}");
    }
    assert_eq!(numbers(&net), before);
}

#[test]
fn pytorchs_own_file_gives_pytorchs_own_outputs() {
    let mut net = net(1);
    net.from_pytorch(reference("pytorch_net.safetensors")).unwrap();
    // PyTorch's numbers, counted through [out, in]: ours are [in, out].
    let count = |i: usize| ((i * 37) % 64) as f32 / 32.0 - 31.0 / 32.0;
    let weight = net.hidden.weight().value();
    assert_eq!(weight.shape(), &[3, 5]);
    assert_eq!(weight.transpose().to_vec(), (0..15).map(count).collect::<Vec<_>>());
    assert_eq!(net.act.alpha().value().to_vec(), (20..25).map(count).collect::<Vec<_>>());
    let net = net.cast::<f64>();
    let text = std::fs::read_to_string(reference("pytorch_net.txt")).unwrap();
    let lines: Vec<Vec<f64>> =
        text.lines().map(|line| line.split(' ').skip(1).map(|number| number.parse().unwrap()).collect()).collect();
    for pair in lines.chunks(2) {
        let y = net.forward(Tape::inference().input(Tensor::f64(&pair[0][..])));
        assert!(
            y.value().allclose(&Tensor::f64(&pair[1][..]), 1e-13, 1e-15),
            "{:?} instead of {:?}",
            y.value(),
            pair[1]
        );
    }
}

#[test]
fn the_file_for_pytorch_has_its_names_and_axes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.safetensors");
    net(1).to_pytorch(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let said = header.metadata().as_ref().unwrap();
    assert_eq!((said["layout"].as_str(), said["format"].as_str()), ("pytorch", "pt"));
    let shapes = |bytes: &[u8]| {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let mut shapes: Vec<(String, Vec<usize>)> =
            file.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect();
        shapes.sort();
        shapes
    };
    assert_eq!(shapes(&bytes), shapes(&std::fs::read(reference("pytorch_net.safetensors")).unwrap()));
    let mut back = net(2);
    back.from_pytorch(&path).unwrap();
    assert_eq!(numbers(&back), numbers(&net(1)));
    // In f64 too.
    let twin = net(1).cast::<f64>();
    twin.to_pytorch(&path).unwrap();
    let mut back = net(2).cast::<f64>();
    back.from_pytorch(&path).unwrap();
    assert_eq!(numbers(&back), numbers(&twin));
}

#[test]
fn the_other_layout_names_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("net.safetensors");
    net(1).to_pytorch(&path).unwrap();
    let other = "the header says `layout: pytorch`, not `layout: rectify`: axes may be in another order. `from_pytorch` reads files";
    refused(&path, |net| net.load(&path), &[other]);
    net(1).save(&path).unwrap();
    refused(&path, |net| net.from_pytorch(&path), &["the header says `layout: rectify`", "`load` reads it"]);
    let theirs = reference("pytorch_net.safetensors");
    refused(&theirs, |net| net.load(&theirs), &["the header says no layout", "`from_pytorch` reads"]);
}

#[test]
fn what_does_not_match_is_a_table() {
    #[derive(Module)]
    struct Other {
        hidden: Linear,
        act: PRelu,
        head: PRelu,
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.safetensors");
    let mut rng = Rng::seed(5);
    let other = Other {
        hidden: Linear::new(3, 4, &mut rng),
        act: PRelu::per_feature(5).starting_at(0.5),
        head: PRelu::shared(),
    };
    other.to_pytorch(&path).unwrap();
    let table = "does not fit this model:
  missing     tail.0.weight
  missing     tail.1.weight
  missing     tail.2.weight
  missing     tail.2.bias
  unexpected  head.weight
  different   hidden.weight is [4, 3] in the file and [5, 3] in the model
  different   hidden.bias is [4] in the file and [5] in the model";
    refused(&path, |net| net.from_pytorch(&path), &[table]);
    let (mut net, before) = (net(2), net(2));
    let differences = net.from_pytorch_where_it_fits(&path).unwrap();
    assert_eq!(format!("does not fit this model:\n{differences}"), table);
    assert_eq!(net.act.alpha().value().to_vec(), [0.5; 5]);
    assert_eq!(numbers(&net.hidden), numbers(&before.hidden));
    assert_eq!(numbers(&net.tail), numbers(&before.tail));
    assert!(net.from_pytorch_where_it_fits(dir.path().join("absent")).is_err());
}

#[test]
fn slopes_become_vectors_or_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("act.safetensors");
    let act = PRelu::with_alpha(Tensor::from([0.1, 0.2, 0.3]).reshape([3, 1, 1])).unwrap();
    act.to_pytorch(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(SafeTensors::deserialize(&bytes).unwrap().tensor("weight").unwrap().shape(), [3]);
    let mut back = PRelu::with_shape([3, 1, 1]);
    back.from_pytorch(&path).unwrap();
    assert_eq!((back.alpha().value().shape(), numbers(&back)), (act.alpha().value().shape(), numbers(&act)));
    let error = PRelu::per_element([2, 3]).to_pytorch(&path).unwrap_err().to_string();
    assert_eq!(
        error,
        "to_pytorch: `alpha` has shape [2, 3]; PyTorch's counterpart has one number or one for each channel"
    );
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "a failed save leaves the old file");
}

#[test]
fn two_tensors_of_one_name_are_refused() {
    #[derive(Module)]
    struct Clash {
        weight: Param,
        #[module(pytorch(name = "weight"))]
        other: Param,
    }
    let param = || Param::new(Tensor::ones([2]), Group::Weight);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("clash.safetensors");
    let clash = Clash { weight: param(), other: param() };
    let error = clash.to_pytorch(&path).unwrap_err().to_string();
    assert_eq!(error, "model file: two tensors of the model are named `weight` in the file; rename a field");
    assert!(!path.exists());
    clash.save(&path).unwrap();
}

/// PyTorch itself: `RECTIFY_PEER_PYTHON`, or what `cargo xtask peers` installed.
#[test]
fn a_model_goes_through_pytorch_and_back() {
    let python = std::env::var("RECTIFY_PEER_PYTHON").unwrap_or_else(|_| "/opt/peers/bin/python".into());
    let has_torch = Command::new(&python).args(["-c", "import torch, safetensors.torch"]).output();
    if !has_torch.is_ok_and(|output| output.status.success()) {
        // Past the capture of `eprintln!`, so that it is seen.
        let skipped = format!("!! SKIPPED: {python} has no torch and safetensors; `cargo xtask peers` installs them\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (dir.path().join("ours.safetensors"), dir.path().join("theirs.safetensors"));
    let mut sent = net(3);
    // Numbers that f16 has, so that what comes back is exact.
    for (_, param) in sent.named_parameters_mut() {
        param.value_mut().make_mut().iter_mut().for_each(|x| *x = (*x * 32.0).round() / 32.0);
    }
    sent.to_pytorch(&ours).unwrap();
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers");
    let run =
        Command::new(&python).arg(reference("through_pytorch.py")).args([&ours, &theirs, &peers]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).unwrap();
    let outputs: Vec<f32> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let x = Tensor::from([[1.0, -2.0, 0.5], [-3.0, 1.25, 4.0]]);
    let y = sent.forward(Tape::inference().input(x));
    assert!(y.value().allclose(&Tensor::new(&outputs, [2, 2]), 1e-5, 1e-5), "{:?} instead of {outputs:?}", y.value());
    let mut back = net(4);
    back.from_pytorch(&theirs).unwrap();
    let doubled: Vec<Vec<f32>> = numbers(&sent).into_iter().map(|p| p.into_iter().map(|x| 2.0 * x).collect()).collect();
    assert_eq!(numbers(&back), doubled);
}
