//! Affine maps: `Gemm`, `MatMul`, `Conv`, `ConvTranspose`.

use super::super::steps::Joint;
use super::builder::{Builder, Importer};
use super::file::{Node, Problem, Result, damaged, unsupported};
use super::known::{Known, MOST, as_in_file, features_last, named_after};
use crate::{ConvNd, ConvTransposeNd, Linear};
use tape::{Conv, Float, Padding, PerAxis, Tensor};

pub(super) fn importers<T: Float>() -> &'static [(&'static str, Importer<T>)] {
    &[("Gemm", gemm), ("MatMul", matmul), ("Conv", conv), ("ConvTranspose", conv_transpose)]
}

/// That a size, if it is known, is the one that a weight takes.
pub(super) fn fits(size: Option<usize>, wanted: usize, what: &str) -> Result<()> {
    match size {
        Some(size) if size != wanted => damaged(format!("a value of {size} {what}, where the weight takes {wanted}")),
        _ => Ok(()),
    }
}

/// y = α·x·B + β·C.
fn gemm<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let x = builder.value(node, 0)?;
    if x.rank() != 2 {
        return damaged(format!("a value of {} axes; it has two", x.rank()));
    }
    gemm_of(builder, node, &x)
}

/// The same over the last axis of a value, of any axes.
fn gemm_of<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>, x: &Known) -> Result<Known> {
    if node.int("transA", 0)? != 0 {
        return unsupported("the transposed value of `transA`: it would make features of examples");
    }
    let mut weight = builder.weight(node, 1)?;
    if weight.rank() != 2 {
        return damaged(format!("a value of {} axes and a weight of shape {:?}", x.rank(), weight.shape()));
    }
    if node.int("transB", 0)? != 0 {
        weight = weight.transpose().contiguous();
    }
    let (alpha, beta) = (node.float("alpha", 1.0)?, node.float("beta", 1.0)?);
    if alpha != 1.0 {
        weight = weight * f64::from(alpha);
    }
    let [inputs, outputs] = [weight.shape()[0], weight.shape()[1]];
    let last = x.rank() - 1;
    fits(x.sizes[last], inputs, "features")?;
    let bias = match node.input(2) {
        None => None,
        Some(_) => {
            let bias = builder.weight(node, 2)?;
            let bias = match (bias.len(), &bias.shape()[..]) {
                (count, [_] | [1, _]) if count == outputs => bias.reshape([outputs]),
                (1, _) => Tensor::full_of([outputs], bias.to_vec()[0]),
                (_, sizes) => return damaged(format!("a bias of shape {sizes:?} for {outputs} features")),
            };
            Some(if beta == 1.0 { bias } else { bias * f64::from(beta) })
        }
    };
    let mut known = x.clone();
    known.sizes[last] = Some(outputs);
    Ok(builder.layer(&named_after(node, 1), Linear::of_parts(weight, bias), x, known))
}

/// What a `Gemm` or `MatMul` makes of the last axis of x, which is the last here too, and the node of a bias that was taken along.
pub(super) fn mapped<T: Float>(builder: &mut Builder<'_, T>, i: usize, x: &Known) -> Result<(Known, Option<usize>)> {
    let node = &builder.file.nodes[i];
    match node.op {
        "Gemm" => gemm_of(builder, node, x).map(|known| (known, None)),
        _ => matmul_of(builder, i, x),
    }
}

/// x·y of two values, the matrices of the last two axes; the axes before them agree.
fn product<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>) -> Result<Known> {
    let (x, y) = (builder.value(node, 0)?, builder.value(node, 1)?);
    let rank = x.rank();
    if rank < 3 || y.rank() != rank {
        return unsupported(format!(
            "a product of values of {rank} and {} axes; both have three or more, the first of them the batch's",
            y.rank()
        ));
    }
    let (rows, last) = (rank - 2, rank - 1);
    if let (Some(a), Some(b)) = (x.sizes[last], y.sizes[rows])
        && a != b
    {
        return damaged(format!("a product of {a} columns with {b} rows"));
    }
    if let Some(axis) = (1..rows).find(|&axis| x.sizes[axis].is_none() || x.sizes[axis] != y.sizes[axis]) {
        return unsupported(format!(
            "axis {axis} of the values of a product: {:?} and {:?}",
            x.sizes[axis], y.sizes[axis]
        ));
    }
    let mut known = Known { axes: as_in_file(rank), ..x.clone() };
    known.sizes[last] = y.sizes[last];
    let slots = [x, y].map(|value| builder.arranged(&value, &known.axes).slot);
    known.slot = builder.joint(node, Joint::MatMul, slots.to_vec());
    Ok(known)
}

/// x·B, and the bias of an `Add` behind it.
fn matmul<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    if !builder.is_constant(node, 0) && !builder.is_constant(node, 1) {
        return product(builder, node);
    }
    let mut x = builder.value(node, 0)?;
    let last = x.rank() - 1;
    if x.place(last) != last {
        x = builder.arranged(&x, &as_in_file(last + 1));
    }
    let (known, bias) = matmul_of(builder, i, &x)?;
    if let Some(next) = bias {
        builder.take_along(next, &known)?;
    }
    Ok(known)
}

fn matmul_of<T: Float>(builder: &mut Builder<'_, T>, i: usize, x: &Known) -> Result<(Known, Option<usize>)> {
    let node = &builder.file.nodes[i];
    let weight = builder.weight(node, 1)?;
    let last = x.rank() - 1;
    if last == 0 || weight.rank() != 2 {
        return unsupported(format!("a value of {} axes and a weight of shape {:?}", x.rank(), weight.shape()));
    }
    let [inputs, outputs] = [weight.shape()[0], weight.shape()[1]];
    fits(x.sizes[last], inputs, "features")?;
    let (mut bias, mut with) = (None, None);
    if let Some((next, place)) = builder.follower(i) {
        let add = &builder.file.nodes[next];
        let other = 1 - place.min(1);
        if add.op == "Add" && add.inputs.len() == 2 && builder.is_constant(add, other) {
            let found = builder.floats(add, other)?.0;
            if found.shape()[..] == [outputs] {
                (bias, with) = (Some(found), Some(next));
            }
        }
    }
    let mut known = x.clone();
    known.sizes[last] = Some(outputs);
    let mut name = named_after(node, 1);
    if let Some(next) = with {
        // Where the weight was turned round by the exporter and has lost its name, the bias has not.
        let bias_name = builder.file.nodes[next].inputs.iter().find_map(|input| input.strip_suffix(".bias"));
        let own = node.input(1).is_some_and(|weight| weight.ends_with("weight"));
        name = bias_name.filter(|_| !own).map_or(name, str::to_owned);
    }
    Ok((builder.layer(&name, Linear::of_parts(weight, bias), x, known), with))
}

/// Numbers for each of so many axes or ends of axes, or `usual` for each.
pub(super) fn numbers(node: &Node<'_>, name: &str, axes: usize, usual: usize) -> Result<Vec<usize>> {
    let Some(found) = node.ints(name)? else { return Ok(vec![usual; axes]) };
    let numbers: Option<Vec<usize>> =
        found.iter().map(|&number| usize::try_from(number).ok().filter(|&number| number <= MOST)).collect();
    match numbers.filter(|numbers| numbers.len() == axes) {
        Some(numbers) => Ok(numbers),
        None => damaged(format!("`{name}` is {found:?}; {axes} whole numbers from 0 on belong there")),
    }
}

/// As [`numbers`], none of which may be 0.
pub(super) fn above_zero(node: &Node<'_>, name: &str, axes: usize, usual: usize) -> Result<Vec<usize>> {
    let numbers = numbers(node, name, axes, usual)?;
    if numbers.contains(&0) { damaged(format!("`{name}` is {numbers:?}; 1 is the least")) } else { Ok(numbers) }
}

/// Places before and after each of so many spatial axes.
pub(super) fn pads(node: &Node<'_>, axes: usize) -> Result<(Vec<usize>, Vec<usize>)> {
    let mut before = numbers(node, "pads", 2 * axes, 0)?;
    let after = before.split_off(axes);
    Ok((before, after))
}

fn per_axis(numbers: &[usize]) -> PerAxis {
    match *numbers {
        [a] => [a].into(),
        [a, b] => [a, b].into(),
        [a, b, c] => [a, b, c].into(),
        _ => unreachable!("there are one to three spatial axes"),
    }
}

/// What both kinds of convolution have.
struct Window<T: Float> {
    x: Known,
    /// `[K…, C / groups, F]`.
    weight: Tensor<T>,
    bias: Option<Tensor<T>>,
    groups: usize,
    strides: Vec<usize>,
    /// How far the window reaches along each axis.
    reaches: Vec<usize>,
    pads: (Vec<usize>, Vec<usize>),
    settings: Conv,
}

fn window<'f, T: Float>(builder: &mut Builder<'f, T>, node: &Node<'f>, is_transposed: bool) -> Result<Window<T>> {
    let x = builder.value(node, 0)?;
    let weight = builder.weight(node, 1)?;
    let axes = x.rank().saturating_sub(2);
    if !(1..=3).contains(&axes) || weight.rank() != x.rank() {
        return unsupported(format!("a value of {} axes and a weight of shape {:?}", x.rank(), weight.shape()));
    }
    let weight = match axes {
        1 => weight.permute([2, 1, 0]),
        2 => weight.permute([2, 3, 1, 0]),
        _ => weight.permute([2, 3, 4, 1, 0]),
    }
    .contiguous();
    let taps = weight.shape()[..axes].to_vec();
    if numbers(node, "kernel_shape", axes, 0)? != taps && node.ints("kernel_shape")?.is_some() {
        return damaged(format!("`kernel_shape` is {:?} for a weight of {taps:?} taps", node.ints("kernel_shape")?));
    }
    let groups = usize::try_from(node.int("group", 1)?).unwrap_or(0);
    let outermost = weight.shape()[axes + 1];
    if groups == 0 || !outermost.is_multiple_of(groups) {
        return damaged(format!("{groups} groups do not divide {outermost} channels"));
    }
    let inner = weight.shape()[axes].saturating_mul(groups);
    let (channels, outputs) = if is_transposed { (outermost, inner) } else { (inner, outermost) };
    fits(x.sizes[1], channels, "channels")?;
    let bias = match node.input(2) {
        None => None,
        Some(_) => Some(builder.vector(node, 2, outputs)?),
    };
    let (strides, dilations) = (above_zero(node, "strides", axes, 1)?, above_zero(node, "dilations", axes, 1)?);
    let pads = match node.text("auto_pad", "NOTSET")? {
        "NOTSET" => pads(node, axes)?,
        "VALID" => (vec![0; axes], vec![0; axes]),
        other => return unsupported(format!("`auto_pad` {other}; give `pads` in numbers")),
    };
    let reach = |(taps, dilation): (&usize, &usize)| (taps - 1).saturating_mul(*dilation).saturating_add(1);
    let reaches = taps.iter().zip(&dilations).map(reach).collect();
    let settings = Conv::new().groups(groups).stride(per_axis(&strides)).dilation(per_axis(&dilations));
    let settings = settings.padding(Padding::sides(per_axis(&pads.0), per_axis(&pads.1)));
    let x = builder.arranged(&x, &features_last(axes + 2));
    Ok(Window { x, weight, bias, groups, strides, reaches, pads, settings })
}

fn conv<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    let Window { x, weight, bias, strides, reaches, pads, settings, .. } = window(builder, node, false)?;
    let axes = strides.len();
    let mut known = x.clone();
    known.sizes[1] = Some(weight.shape()[axes + 1]);
    for axis in 0..axes {
        if let Some(size) = &mut known.sizes[axis + 2] {
            let padded = *size + pads.0[axis] + pads.1[axis];
            let Some(room) = padded.checked_sub(reaches[axis]) else {
                return damaged(format!("a window of {} places for {padded}, padding included", reaches[axis]));
            };
            *size = room / strides[axis] + 1;
        }
    }
    let name = named_after(node, 1);
    Ok(match axes {
        1 => builder.layer(&name, ConvNd::<1, T>::of_parts(weight, bias, settings), &x, known),
        2 => builder.layer(&name, ConvNd::<2, T>::of_parts(weight, bias, settings), &x, known),
        _ => builder.layer(&name, ConvNd::<3, T>::of_parts(weight, bias, settings), &x, known),
    })
}

fn conv_transpose<T: Float>(builder: &mut Builder<'_, T>, i: usize) -> Result<Known> {
    let node = &builder.file.nodes[i];
    if node.setting("output_shape").is_some() {
        return unsupported("`output_shape`; give `pads` and `output_padding` in numbers");
    }
    let Window { x, weight, bias, groups, strides, reaches, pads, settings } = window(builder, node, true)?;
    let axes = strides.len();
    let extra = numbers(node, "output_padding", axes, 0)?;
    let dilations = above_zero(node, "dilations", axes, 1)?;
    let settings = settings.output_padding(per_axis(&extra));
    let mut known = x.clone();
    known.sizes[1] = Some(weight.shape()[axes] * groups);
    for axis in 0..axes {
        if extra[axis] > 0 && extra[axis] >= strides[axis].max(dilations[axis]) {
            return damaged(format!("an output padding of {} is not below stride or dilation", extra[axis]));
        }
        if let Some(size) = &mut known.sizes[axis + 2] {
            let full =
                (*size - 1).saturating_mul(strides[axis]).saturating_add(reaches[axis]).saturating_add(extra[axis]);
            let left = full.checked_sub(pads.0[axis] + pads.1[axis]).filter(|&left| left > 0);
            *size = left.ok_or_else(|| Problem::Damaged(format!("padding leaves nothing of {full} places")))?;
        }
    }
    let name = named_after(node, 1);
    Ok(match axes {
        1 => builder.layer(&name, ConvTransposeNd::<1, T>::of_parts(weight, bias, settings), &x, known),
        2 => builder.layer(&name, ConvTransposeNd::<2, T>::of_parts(weight, bias, settings), &x, known),
        _ => builder.layer(&name, ConvTransposeNd::<3, T>::of_parts(weight, bias, settings), &x, known),
    })
}
