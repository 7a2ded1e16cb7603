//! Every module as ONNX and back: checked by the `onnx` package and run in `onnxruntime` against our outputs, in one process.

#[path = "onnx/inputs.rs"]
mod inputs;
#[path = "onnx/sequences.rs"]
mod sequences;

use nn::onnx::{Export, Import, Layout, Model};
use nn::prelude::*;
use nn::{
    AdaptiveMaxPool2d, AvgPool1d, AvgPool3d, Celu, GeluTanh, Hardsigmoid, Hardswish, Hardtanh, InvertibleLeaky,
    MaxPool1d, MaxPool3d, Pad1d, Relu6, ThresholdRelu, Upsample1d,
    data::{Array, npy},
    models,
};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use tape::{PadMode, Pool};

/// A folder of models with inputs and outputs.
struct Cases<'a> {
    folder: &'a Path,
    rng: Rng,
    names: Vec<String>,
}

impl Cases<'_> {
    /// Features behind the batch axis.
    fn add(&mut self, name: &str, sizes: &[usize], net: impl Layer) {
        self.add_in(name, sizes, Layout::FeaturesFirst, net);
    }

    fn add_in(&mut self, name: &str, sizes: &[usize], layout: Layout, mut net: impl Layer) {
        // Numbers of their own for every channel, running statistics included.
        let spread = |tensor: &mut Tensor, least: f32| {
            tensor
                .make_mut()
                .iter_mut()
                .enumerate()
                .for_each(|(i, x)| *x = least.max(*x + 0.1 * (i % 7) as f32 - 0.25));
        };
        for (name, param) in net.named_parameters_mut() {
            if !name.ends_with("raw") {
                spread(param.value_mut(), f32::MIN);
            }
        }
        spread_buffers(&mut net, spread);
        let x = Tensor::randn(&[&[3], sizes].concat()[..], &mut self.rng) * 2.0;
        let y = net.forward(Tape::inference().input(x.clone())).into_value();
        let file = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        Export::new().layout(layout).save(&net, sizes, file("onnx")).unwrap();
        let again = Import::new().layout(layout).load(file("onnx")).unwrap();
        same(name, &made_of(&again, &x), &y);
        Export::new().layout(layout).save(&again, sizes, file("again.onnx")).unwrap();
        let twice = Import::new().layout(layout).load(file("again.onnx")).unwrap();
        same(name, &made_of(&twice, &x), &y);
        for ending in ["", "again."] {
            std::fs::write(file(&format!("{ending}in.npy")), npy::to_bytes(arranged(x.clone(), layout))).unwrap();
            std::fs::write(file(&format!("{ending}out.npy")), npy::to_bytes(arranged(y.clone(), layout))).unwrap();
            self.names.push(format!("{name} {ending}"));
        }
    }
}

fn made_of(model: &Model, x: &Tensor) -> Tensor {
    model.forward(Tape::inference().input(x.clone())).into_value()
}

/// That an imported model made what the network did that was exported.
fn same(name: &str, found: &Tensor, y: &Tensor) {
    assert_eq!(found.shape(), y.shape(), "{name}");
    let distances = found.iter().zip(y.iter()).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
    let worst = distances.fold(0.0, f32::max);
    assert!(worst <= 1e-6, "{name}: off by {worst}");
}

fn spread_buffers(net: &mut impl Layer, spread: impl Fn(&mut Tensor, f32)) {
    use nn::module::VisitorMut;
    struct Buffers<F>(F);
    impl<'a, F: Fn(&mut Tensor, f32)> VisitorMut<'a> for Buffers<F> {
        fn param(&mut self, _: &str, _: &'a mut Param) {}
        fn buffer(&mut self, _: &str, buffer: &'a mut Buffer) {
            (self.0)(buffer.value_mut(), 0.1);
        }
    }
    net.visit_mut(&mut nn::module::Path::default(), &mut Buffers(spread));
}

fn arranged(x: Tensor, layout: Layout) -> Tensor {
    match (layout, x.rank()) {
        (Layout::FeaturesFirst, 3) => x.permute([0, 2, 1]),
        (Layout::FeaturesFirst, 4) => x.permute([0, 3, 1, 2]),
        (Layout::FeaturesFirst, 5) => x.permute([0, 4, 1, 2, 3]),
        _ => x,
    }
    .contiguous()
}

fn linear_layers(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(2);
    cases.add("linear", &[5], Linear::new(5, 3, rng));
    cases.add("linear_without_bias", &[5], Linear::new(5, 3, rng).without_bias());
    cases.add("linear_of_images", &[4, 3, 5], Linear::new(5, 3, rng));
    cases.add_in("linear_of_sequences", &[4, 5], Layout::FeaturesLast, (Linear::new(5, 6, rng), PRelu::per_feature(6)));
    let mlp = Sequential::new().then(Linear::new(7, 16, rng)).then(PRelu::per_feature(16)).then(Dropout::new(0.5));
    cases.add("mlp", &[7], mlp.then(BatchNorm::new(16)).then(Linear::new(16, 3, rng)));
    cases.add("conv1d", &[9, 4], Conv1d::new(4, 6, 3, rng).stride(2).padding(1));
    let conv = Conv2d::grouped(4, 6, [3, 2], 2, rng).stride([2, 1]).dilation([1, 2]).padding([2, 1]);
    cases.add("conv2d", &[7, 8, 4], conv.clone());
    cases.add_in("conv2d_features_last", &[7, 8, 4], Layout::FeaturesLast, conv);
    cases.add(
        "conv2d_same",
        &[7, 8, 3],
        Conv2d::new(3, 4, [4, 3], rng).stride(3).padding(Padding::Same).without_bias(),
    );
    cases.add("conv2d_sides", &[5, 5, 2], Conv2d::new(2, 2, 3, rng).padding(Padding::sides([2, 0], [0, 1])));
    cases.add("depthwise", &[6, 6, 4], Conv2d::depthwise(4, 3, rng));
    cases.add("conv3d", &[4, 5, 6, 2], Conv3d::new(2, 3, 3, rng).padding(1));
    cases.add("transposed1d", &[5, 3], ConvTranspose1d::new(3, 4, 4, rng).stride(3).padding(1).output_padding(2));
    let init = nn::init::Kaiming::default();
    let grouped = ConvTranspose2d::with_init(4, 6, [3, 2], 2, &init, rng).unwrap();
    cases.add("transposed2d", &[4, 5, 4], grouped.stride(2).padding(1));
    for (name, taps) in [("transposed_same_wide", 5), ("transposed_same_narrow", 1)] {
        cases.add(name, &[4, 5, 3], ConvTranspose2d::new(3, 2, taps, rng).stride(3).padding(Padding::Same));
    }
    cases.add("transposed3d", &[3, 3, 2, 2], ConvTranspose3d::new(2, 3, 2, rng).stride(2).without_bias());
}

fn norms(cases: &mut Cases<'_>) {
    cases.add("batch_norm", &[6], BatchNorm::new(6).with(0.01, 0.1).unwrap());
    cases.add("batch_norm_images", &[3, 4, 6], BatchNorm::new(6));
    cases.add_in("batch_norm_sequences", &[4, 6], Layout::FeaturesLast, BatchNorm::new(6));
    cases.add("norm_act", &[3, 4, 6], NormAct::new(6, Activation::PRelu));
    cases.add("norm_act_leaky", &[6], NormAct::new(6, Activation::LeakyRelu(0.3)));
    cases.add("layer_norm", &[7], LayerNorm::new(7));
    cases.add("layer_norm_images", &[3, 2, 7], LayerNorm::new(7).without_bias());
    cases.add("rms_norm", &[3, 2, 7], RmsNorm::new(7));
    cases.add("group_norm", &[3, 4, 6], GroupNorm::new(3, 6));
    cases.add("group_norm_rows", &[6], GroupNorm::new(2, 6));
    cases.add("instance_norm", &[5, 4, 3], InstanceNorm::new(3));
}

fn activations(cases: &mut Cases<'_>) {
    let image = [3, 4, 5];
    cases.add("relu", &image, Relu);
    cases.add("leaky", &image, LeakyRelu::new(-0.3));
    cases.add("invertible_leaky", &image, InvertibleLeaky::new(2.0));
    cases.add("rrelu", &image, RRelu::xu2015());
    cases.add("crelu", &image, CRelu);
    cases.add_in("crelu_features_last", &image, Layout::FeaturesLast, CRelu);
    cases.add("act", &image, Activation::LeakyRelu(0.2).layer(5));
    cases.add("prelu_shared", &image, PRelu::shared());
    cases.add("prelu_features", &image, PRelu::per_feature(5));
    cases.add("prelu_elements", &image, PRelu::per_element(image));
    cases.add("prelu_rows", &image, PRelu::with_shape([3, 1, 1]));
    cases.add("prelu_batch_axis", &image, PRelu::with_shape([1, 1, 4, 5]));
    cases.add("prelu_of_numbers", &[], PRelu::shared());
    let constrained = |enforcement| ConstrainedPRelu::per_feature(5, Constraint::UnitInterval, enforcement);
    cases.add("constrained", &image, constrained(Enforcement::Projection));
    cases.add("reparametrised", &image, constrained(Enforcement::Reparametrisation).starting_at(0.7));
    cases.add("elu", &image, Elu::new(0.7));
    cases.add("selu", &image, Selu);
    cases.add("celu", &image, Celu::new(0.7));
    cases.add("gelu", &image, Gelu);
    cases.add("gelu_tanh", &image, GeluTanh);
    cases.add("silu", &image, Silu);
    cases.add("mish", &image, Mish);
    cases.add("softplus", &image, Softplus::default());
    cases.add("softplus_steep", &image, Softplus::new(3.0, 2.0));
    cases.add("hardswish", &image, Hardswish);
    cases.add("hardsigmoid", &image, Hardsigmoid);
    cases.add("relu6", &image, Relu6);
    cases.add("hardtanh", &image, Hardtanh::new(-0.5, 2.0));
    cases.add("threshold_relu", &image, ThresholdRelu::new(Some(1.0), 0.25, 0.0));
    cases.add("threshold_relu_flat", &image, ThresholdRelu::new(Some(1.0), 0.0, 0.0));
    cases.add("hardtanh_above", &image, Hardtanh::new(f64::NEG_INFINITY, 0.5));
    cases.add("hardtanh_below", &image, Hardtanh::new(-0.5, f64::INFINITY));
}

fn windows(cases: &mut Cases<'_>) {
    cases.add("max_pool1d", &[9, 2], MaxPool1d::new(2));
    cases.add("max_pool2d", &[7, 8, 3], MaxPool2d::new(3).stride(2).padding(1));
    cases.add("max_pool_ceil", &[8, 9, 3], MaxPool2d::new(3).stride(2).ceil());
    cases.add("max_pool_ceil_dropped", &[4, 4, 2], MaxPool2d::new(2).stride(3).padding(1).ceil());
    cases.add("max_pool3d", &[4, 4, 6, 2], MaxPool3d::new(2));
    cases.add("avg_pool1d", &[9, 2], AvgPool1d::new(3).stride(2));
    cases.add("avg_pool2d", &[7, 8, 3], AvgPool2d::new(3).stride(2).padding(1));
    let apart = Pool::new([3, 3]).stride([2, 2]).padding([1, 1]);
    cases.add("avg_pool_without_padding", &[8, 8, 3], nn::AvgPool(apart.without_padding_in_means().ceil()));
    cases.add("avg_pool_ceil", &[8, 8, 3], AvgPool2d::new(3).stride(2).padding(1).ceil());
    cases.add("avg_pool3d", &[4, 4, 6, 2], AvgPool3d::new(2));
    cases.add("adaptive_avg", &[6, 8, 3], AdaptiveAvgPool2d::new(2));
    cases.add("adaptive_max", &[6, 8, 3], AdaptiveMaxPool2d::new(2));
    cases.add("global", &[6, 8, 3], GlobalAvgPool);
    cases.add_in("global_sequences", &[6, 3], Layout::FeaturesLast, GlobalAvgPool);
    cases.add("nearest", &[3, 4, 2], Upsample2d::nearest(2));
    cases.add("nearest1d", &[3, 2], Upsample1d::nearest(3));
    cases.add("bilinear", &[3, 4, 2], Upsample2d::bilinear(2, false));
    cases.add("bilinear_corners", &[3, 4, 2], Upsample2d::bilinear(3, true));
    for (name, mode) in [
        ("constant", PadMode::Constant(1.5)),
        ("reflect", PadMode::Reflect),
        ("replicate", PadMode::Replicate),
        ("circular", PadMode::Circular),
    ] {
        cases.add(&format!("pad_{name}"), &[4, 5, 2], nn::Pad { sizes: [(1, 2), (0, 3)], mode });
    }
    cases.add("pad1d", &[4, 3], Pad1d::new(1, PadMode::Replicate));
}

fn networks(cases: &mut Cases<'_>) {
    let rng = &mut Rng::seed(3);
    cases.add("nothing", &[4, 3], (Dropout::new(0.5), None::<Relu>));
    cases.add("flatten", &[2, 3, 4], Flatten);
    cases.add("flatten_numbers", &[], Flatten);
    let branch = (Linear::new(3, 3, rng), Relu);
    cases.add("residual", &[4, 4, 3], Residual((Conv2d::new(3, 3, 3, rng).padding(1), branch)));
    let stages = vec![Conv2d::new(2, 2, 3, rng), Conv2d::new(2, 2, 3, rng)];
    let head = (Flatten, Linear::new(4 * 5 * 2, 3, rng));
    cases.add("convolutional", &[8, 9, 2], (stages, PRelu::per_feature(2), Some(Box::new(head))));
    cases.add("resnet", &[12, 10, 3], models::resnet_cifar(8, Activation::PRelu, 10, rng));
    cases.add("f64_is_rounded", &[3], Cast(Linear::new(3, 2, rng)));
}

/// A network of f64 beside one of f32.
struct Cast(Linear);

impl Module for Cast {
    fn visit<'a>(&'a self, path: &mut nn::module::Path, visitor: &mut dyn nn::module::Visitor<'a>) {
        self.0.visit(path, visitor);
    }
    fn visit_mut<'a>(&'a mut self, path: &mut nn::module::Path, visitor: &mut dyn nn::module::VisitorMut<'a>) {
        self.0.visit_mut(path, visitor);
    }
}

impl Layer for Cast {
    fn forward(&self, x: Var) -> Var {
        self.0.forward(x)
    }
    fn onnx(
        &self,
        at: &mut nn::module::Path,
        graph: &mut nn::onnx::Graph,
        x: nn::onnx::Value,
    ) -> nn::Result<nn::onnx::Value> {
        self.0.cast::<f64>().onnx(at, graph, x)
    }
}

#[test]
fn every_module_runs_in_onnxruntime() {
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Cases { folder: folder.path(), rng: Rng::seed(1), names: Vec::new() };
    linear_layers(&mut cases);
    norms(&mut cases);
    activations(&mut cases);
    windows(&mut cases);
    networks(&mut cases);
    sequences::attention(&mut cases);
    sequences::encoders(&mut cases);
    sequences::recurrent(&mut cases);
    inputs::inputs(&mut cases);

    let python = std::env::var("RECTIFY_PEER_PYTHON").unwrap_or_else(|_| "/opt/peers/bin/python".into());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/run_onnx.py");
    let output = Command::new(&python).arg(script).arg(folder.path()).output();
    let Some(output) = output.ok().filter(|output| output.status.code() != Some(3)) else {
        // Past the capture of `eprintln!`, so that it is seen.
        let skipped = format!("!! SKIPPED: {python} has no onnx and onnxruntime; `cargo xtask peers` installs them\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let nodes: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    assert_eq!(nodes.len(), cases.names.len(), "{text}");
    assert_eq!(nodes["mlp"], "Gemm PRelu BatchNormalization Gemm");
    assert_eq!(
        nodes["convolutional"], "Conv Conv PRelu Transpose Flatten Gemm",
        "one transpose, for the order of features"
    );
    assert!(!nodes["resnet"].contains("Transpose"), "{}", nodes["resnet"]);
}

/// What PyTorch exported (reference/make_onnx.py), by name: the model, an input, PyTorch's output.
fn pytorchs() -> BTreeMap<&'static str, [&'static [u8]; 3]> {
    let models = files_of(include_bytes!("reference/onnx.bin")).into_iter();
    models.map(|(name, files)| (name, ["onnx", "in.npy", "out.npy"].map(|ending| files[ending]))).collect()
}

/// The files of each model, by their endings.
fn files_of(mut rest: &'static [u8]) -> BTreeMap<&'static str, BTreeMap<&'static str, &'static [u8]>> {
    let mut models: BTreeMap<&str, BTreeMap<&str, &[u8]>> = BTreeMap::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
        let (name, length) = std::str::from_utf8(&rest[..end]).unwrap().split_once(' ').unwrap();
        let (file, after) = rest[end + 1..].split_at(length.parse().unwrap());
        let (name, ending) = name.split_once('.').unwrap();
        models.entry(name).or_default().insert(ending, file);
        rest = after;
    }
    models
}

fn tensor(file: &[u8]) -> Tensor {
    let Array::F32(tensor) = npy::from_bytes(file).unwrap() else { panic!("numbers of f32") };
    tensor
}

/// Axes of a file of channels first, channels last.
fn channels_last(x: Tensor) -> Tensor {
    match x.rank() {
        3 => x.permute([0, 2, 1]),
        4 => x.permute([0, 2, 3, 1]),
        5 => x.permute([0, 2, 3, 4, 1]),
        _ => x,
    }
    .contiguous()
}

#[test]
fn models_of_pytorch_make_what_pytorch_makes() {
    let models = pytorchs();
    assert_eq!(models.len(), 40);
    let mut problems = String::new();
    for (name, [file, x, y]) in models {
        let (x, y) = (npy::from_bytes(x).unwrap(), tensor(y));
        if let Array::I64(ids) = x {
            match Import::new().ids_from_bytes(file) {
                Ok(model) => same(name, &model.forward(&Tape::inference(), &ids).into_value(), &y),
                Err(error) => problems += &format!("{name}: {error}\n"),
            }
            continue;
        }
        let Array::F32(x) = x else { panic!("numbers of f32 or i64") };
        for layout in [Layout::FeaturesFirst, Layout::FeaturesLast] {
            let arrange =
                |x: &Tensor| if layout == Layout::FeaturesFirst { channels_last(x.clone()) } else { x.clone() };
            let model = match Import::new().layout(layout).from_bytes(file) {
                Ok(model) => model,
                Err(error) => {
                    problems += &format!("{name}: {error}\n");
                    continue;
                }
            };
            same(name, &made_of(&model, &arrange(&x)), &arrange(&y));
        }
    }
    assert_eq!(problems, "");
}

#[test]
fn what_has_no_form_is_named() {
    let text = |result: nn::Result<Vec<u8>>| result.unwrap_err().to_string();
    let uneven = Sequential::<f32>::new().then(Relu).then(AdaptiveAvgPool2d::new(4));
    let problem = text(Export::new().to_bytes(&uneven, &[6, 8, 3]));
    assert!(problem.starts_with("onnx: `1`: ONNX has no adaptive pooling; [4, 4] bins of"), "{problem}");

    struct Mine;
    impl Module for Mine {
        fn visit<'a>(&'a self, _: &mut nn::module::Path, _: &mut dyn nn::module::Visitor<'a>) {}
        fn visit_mut<'a>(&'a mut self, _: &mut nn::module::Path, _: &mut dyn nn::module::VisitorMut<'a>) {}
    }
    impl Layer for Mine {
        fn forward(&self, x: Var) -> Var {
            x.square()
        }
    }
    let problem = text(Export::new().to_bytes(&(Relu, (Mine, Relu)), &[3]));
    assert!(
        problem.contains("`1.0`") && problem.contains("Mine has no ONNX form yet: write `Layer::onnx` for it"),
        "{problem}"
    );

    let slopes = PRelu::with_alpha(Tensor::full([3, 4], 0.1)).unwrap();
    let problem = text(Export::new().to_bytes(&slopes, &[4]));
    assert!(problem.contains("slopes of shape [3, 4] go over the batch axis"), "{problem}");
    let problem = text(Export::new().to_bytes(&Linear::new(3, 2, &mut Rng::seed(1)), &[4]));
    assert!(problem.contains("an example of shape [4] does not end in 3 features"), "{problem}");
}
