//! GFLOP/s of the three passes of convolutions: `cargo run --release -p rectify-kernels --example convolutions [NAME…] [--winograd]`.

use kernels::{ConvAlgorithm, ConvGeometry, Epilogue, conv, conv_backward_data, conv_backward_weights};
use std::time::Instant;

/// Name, `[batch, channels, filters, groups]`, and for height and width: input, kernel, stride, dilation, padding.
const SHAPES: [(&str, [usize; 4], [usize; 5]); 15] = [
    ("16_32", [64, 16, 16, 1], [32, 3, 1, 1, 1]),
    ("32_16", [64, 32, 32, 1], [16, 3, 1, 1, 1]),
    ("64_8", [64, 64, 64, 1], [8, 3, 1, 1, 1]),
    ("64_56", [16, 64, 64, 1], [56, 3, 1, 1, 1]),
    ("128_28", [16, 128, 128, 1], [28, 3, 1, 1, 1]),
    ("stem_3_16", [64, 3, 16, 1], [32, 3, 1, 1, 1]),
    ("stem_7x7", [16, 3, 64, 1], [112, 7, 2, 1, 3]),
    ("stride2_16_32", [64, 16, 32, 1], [32, 3, 2, 1, 1]),
    ("stride2_32_64", [64, 32, 64, 1], [16, 3, 2, 1, 1]),
    ("1x1_64_256", [16, 64, 256, 1], [28, 1, 1, 1, 0]),
    ("1x1_stride2", [64, 16, 32, 1], [32, 1, 2, 1, 0]),
    ("5x5", [32, 32, 32, 1], [28, 5, 1, 1, 2]),
    ("groups4", [16, 64, 64, 4], [28, 3, 1, 1, 1]),
    ("depthwise", [16, 64, 64, 64], [56, 3, 1, 1, 1]),
    ("dilation2", [16, 64, 64, 1], [28, 3, 1, 2, 2]),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (options, names): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|name| name.starts_with("--"));
    let algorithm = match options.is_empty() {
        true => ConvAlgorithm::Direct,
        false => ConvAlgorithm::Auto,
    };
    println!("{:>14}  forward   dx   dw  GFLOP/s", "");
    for (name, [batch, channels, filters, groups], [input, kernel, stride, dilation, padding]) in SHAPES {
        if !names.is_empty() && names.iter().all(|wanted| *wanted != name) {
            continue;
        }
        let output = (input + 2 * padding - (kernel - 1) * dilation - 1) / stride + 1;
        let geometry = ConvGeometry {
            batch,
            channels,
            filters,
            groups,
            input: [1, input, input],
            kernel: [1, kernel, kernel],
            output: [1, output, output],
            stride: [1, stride, stride],
            dilation: [1, dilation, dilation],
            padding: [0, padding, padding],
            algorithm,
        };
        let random =
            |count: usize| -> Vec<f32> { (0..count).map(|i| ((i * 7919) % 1009) as f32 / 1009.0 - 0.5).collect() };
        let (x, w, dy) = (random(geometry.input_len()), random(geometry.weights_len()), random(geometry.output_len()));
        let (mut y, mut dx, mut dw) = (dy.clone(), x.clone(), w.clone());
        let flops = 2.0 * (geometry.output_len() * kernel * kernel * (channels / groups)) as f64;
        let passes = [
            rate(flops, || conv(&geometry, &x, &w, &mut y, Epilogue::NONE)),
            rate(flops, || conv_backward_data(&geometry, &dy, &w, &mut dx, Epilogue::NONE)),
            rate(flops, || conv_backward_weights(&geometry, &x, &dy, &mut dw)),
        ];
        let together = 3.0 / passes.iter().map(|rate| 1.0 / rate).sum::<f64>();
        println!("{name:>14}     {:4.0} {:4.0} {:4.0}   {together:4.0}", passes[0], passes[1], passes[2]);
    }
}

/// GFLOP/s, median of the calls of some 0.3 s.
fn rate(flops: f64, mut call: impl FnMut()) -> f64 {
    call();
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.len() < 5 || start.elapsed().as_secs_f64() < 0.3 {
        let before = Instant::now();
        call();
        times.push(before.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    flops / times[times.len() / 2] / 1e9
}
