"""The board by PyTorch: eager and, for training steps, torch.compile; images as NCHW and channels_last; fused Adam."""

import harness

harness.pin_to_two_cores()

import torch
import torch.nn.functional as F
from torch import nn

import rows
from harness import Row
from inputs import checksums, labels
from nets_torch import Gpt, ResNet20, tensor, window

torch.set_num_threads(harness.THREADS)


def sums(**tensors):
    """The checksums of several tensors, under their names."""
    merged = {}
    for name, value in tensors.items():
        merged |= checksums(name, value.detach().numpy())
    return merged


def leaky_fwd(n):
    x = tensor(1, (n,))
    run = lambda: F.leaky_relu(x, rows.LEAKY_SLOPE)
    return Row({"eager": run}, lambda: sums(y=run()))


def leaky_fwdbwd(n):
    x = tensor(1, (n,)).requires_grad_()
    dy = tensor(2, (n,))

    def run():
        y = F.leaky_relu(x, rows.LEAKY_SLOPE)
        y.backward(dy)
        dx, x.grad = x.grad, None
        return y, dx

    def check():
        y, dx = run()
        return sums(y=y, dx=dx)

    return Row({"eager": run}, check)


def prelu(shape, alphas):
    x, dy = tensor(1, shape), tensor(2, shape)
    alpha = torch.from_numpy(rows.alphas(alphas)).requires_grad_()

    def step(x, dy):
        def run():
            y = F.prelu(x, alpha)
            y.backward(dy)
            gradients = x.grad, alpha.grad
            x.grad = alpha.grad = None
            return y, *gradients

        return run

    if len(shape) == 2:
        run = step(x.requires_grad_(), dy)
        to_ours = lambda t: t
        variants = {"eager": run}
    else:
        # Our features-last array, seen as NCHW, is what PyTorch calls channels_last.
        x, dy = x.permute(0, 3, 1, 2), dy.permute(0, 3, 1, 2)
        run = step(x.contiguous().requires_grad_(), dy.contiguous())
        to_ours = lambda t: t.permute(0, 2, 3, 1)
        variants = {"NCHW": run, "channels_last": step(x.requires_grad_(), dy)}

    def check():
        y, dx, dalpha = run()
        return sums(y=to_ours(y), dx=to_ours(dx), dalpha=dalpha)

    return Row(variants, check)


def first(t):
    """Ours, features last, as PyTorch's features first: a view."""
    return t.permute(0, t.ndim - 1, *range(1, t.ndim - 1))


def last(t):
    """The way back."""
    return t.permute(0, *range(2, t.ndim), 1)


def passes(apply, named, dy, to_ours):
    """Forward and backward to all of `named`, by dy; what is called {name} has the gradient d{name}."""

    def run():
        y = apply(*named.values())
        return y, torch.autograd.grad(y, list(named.values()), dy)

    def check():
        y, gradients = run()
        return sums(y=last(y), **{f"d{name}": to_ours(name, g) for name, g in zip(named, gradients)})

    return run, check


def conv(name, x_shape, w_shape, stride, padding, dilation, groups):
    fan = 1
    for size in w_shape[:-1]:
        fan *= size
    x, w = tensor(1, x_shape), tensor(2, w_shape, scale=fan**-0.5)
    axes = len(x_shape) - 2
    if name == "transposed":
        apply = lambda x, w: F.conv_transpose2d(x, w, None, stride, padding, 0, groups, dilation)
    else:
        function = [F.conv1d, F.conv2d, F.conv3d][axes - 1]
        apply = lambda x, w: function(x, w, None, stride, padding, dilation, groups)
    ours = lambda name, g: last(g) if name == "x" else g.permute(*range(2, g.ndim), 1, 0)
    y = apply(first(x), window(w))
    dy = first(tensor(3, tuple(last(y).shape)))
    memory = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d}[axes]
    variants = {}
    for variant, memory_format in {"NCHW": torch.contiguous_format, "channels_last": memory}.items():
        lay = lambda t: t.contiguous(memory_format=memory_format).clone(memory_format=torch.preserve_format)
        named = {"x": lay(first(x)).requires_grad_(), "w": lay(window(w)).requires_grad_()}
        variants[variant], check = passes(apply, named, lay(dy), ours)
    return Row(variants, check)


def norm_act(shape):
    channels = shape[-1]
    vectors = {
        "weight": tensor(4, (channels,), scale=0.5, offset=1.0),
        "bias": tensor(5, (channels,), scale=0.5),
        "alpha": torch.from_numpy(rows.alphas(channels)),
    }

    def apply(x, weight, bias, alpha):
        return F.prelu(F.batch_norm(x, None, None, weight, bias, True, 0.1, 1e-5), alpha)

    variants = {}
    for variant, memory in {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}.items():
        lay = lambda t: t.contiguous(memory_format=memory)
        x = lay(first(tensor(1, shape))).requires_grad_()
        named = {"x": x} | {name: v.clone().requires_grad_() for name, v in vectors.items()}
        ours = lambda name, g: last(g) if name == "x" else g
        variants[variant], check = passes(apply, named, lay(first(tensor(2, shape))), ours)
    return Row(variants, check)


def layer_norm():
    width = rows.LAYER_NORM[1]
    x = tensor(1, rows.LAYER_NORM).requires_grad_()
    weight, bias = tensor(4, (width,), scale=0.5, offset=1.0), tensor(5, (width,), scale=0.5)
    named = {"x": x, "weight": weight.requires_grad_(), "bias": bias.requires_grad_()}
    dy = tensor(2, rows.LAYER_NORM)

    def run():
        y = F.layer_norm(x, (width,), named["weight"], named["bias"], 1e-5)
        return y, torch.autograd.grad(y, list(named.values()), dy)

    def check():
        y, gradients = run()
        return sums(y=y, **{f"d{name}": g for name, g in zip(named, gradients)})

    return Row({"eager": run}, check)


def group_norm():
    shape, groups = rows.GROUP_NORM
    channels = shape[-1]
    vectors = {"weight": tensor(4, (channels,), scale=0.5, offset=1.0), "bias": tensor(5, (channels,), scale=0.5)}
    apply = lambda x, weight, bias: F.group_norm(x, groups, weight, bias, 1e-5)
    variants = {}
    for variant, memory in {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}.items():
        lay = lambda t: t.contiguous(memory_format=memory)
        named = {"x": lay(first(tensor(1, shape))).requires_grad_()}
        named |= {name: v.clone().requires_grad_() for name, v in vectors.items()}
        ours = lambda name, g: last(g) if name == "x" else g
        variants[variant], check = passes(apply, named, lay(first(tensor(2, shape))), ours)
    return Row(variants, check)


def large_step(optimiser, loss_of, compiled):
    """A training step of a large net, which returns the loss."""
    loss_of = torch.compile(loss_of) if compiled else loss_of

    def run():
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimiser.step()
        return loss

    return run


def gpt():
    batch, length, count = rows.GPT
    characters = torch.from_numpy(labels(batch * length + 1, count))
    ids, target = characters[:-1].view(batch, length), characters[1:].contiguous()

    def variant(compiled):
        model = Gpt().load_page()
        optimiser = torch.optim.AdamW(model.parameters(), 1e-3, fused=True)
        loss_of = lambda: F.cross_entropy(model(ids).view(-1, count), target)
        return large_step(optimiser, loss_of, compiled), model

    plain, model = variant(False)

    def check():
        losses = {f"loss{i}": plain() for i in range(3)}
        return sums(**losses, characters=model.characters.weight, bias=model.head.bias)

    return Row({"plain": plain, "compile": variant(True)[0]}, check)


def resnet():
    images = first(tensor(1, (rows.RESNET_BATCH, 32, 32, 3)))
    target = torch.from_numpy(labels(rows.RESNET_BATCH, 10))

    def variant(memory, compiled):
        model = ResNet20().load_page().to(memory_format=memory)
        x = images.contiguous(memory_format=memory)
        optimiser = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, fused=True)
        loss_of = lambda: F.cross_entropy(model(x), target)
        return large_step(optimiser, loss_of, compiled), model

    plain, model = variant(torch.contiguous_format, False)

    def check():
        losses = {f"loss{i}": plain() for i in range(3)}
        return sums(**losses, conv=model.conv.weight.permute(2, 3, 1, 0), bias=model.head.bias)

    variants = {"plain": plain}
    variants["channels_last"] = variant(torch.channels_last, False)[0]
    variants["compile"] = variant(torch.contiguous_format, True)[0]
    variants["compile_channels_last"] = variant(torch.channels_last, True)[0]
    return Row(variants, check)


def pooling(function, kernel, stride, padding):
    n, h, w, c = rows.POOL_SHAPE
    # Our features-last arrays, seen as NCHW, are what PyTorch calls channels_last.
    x = tensor(1, rows.POOL_SHAPE).permute(0, 3, 1, 2)
    dy = tensor(2, (n, h // stride, w // stride, c)).permute(0, 3, 1, 2)

    def step(x, dy):
        def run():
            y = function(x, kernel, stride, padding)
            y.backward(dy)
            dx, x.grad = x.grad, None
            return y, dx

        return run

    run = step(x.contiguous().requires_grad_(), dy.contiguous())
    variants = {"NCHW": run, "channels_last": step(x.requires_grad_(), dy)}
    to_ours = lambda t: t.permute(0, 2, 3, 1)

    def check():
        y, dx = run()
        return sums(y=to_ours(y), dx=to_ours(dx))

    return Row(variants, check)


def perceptron(widths):
    """An MLP with PReLU per feature, and its parameters under our names."""
    layers, named = [], {}
    initial = rows.mlp_parameters(widths)
    for layer, (fan_in, fan_out) in enumerate(zip(widths, widths[1:]), start=1):
        linear = nn.Linear(fan_in, fan_out)
        layers.append(linear)
        named |= {f"weight{layer}": linear.weight, f"bias{layer}": linear.bias}
        if layer + 1 < len(widths):
            act = nn.PReLU(fan_out)
            layers.append(act)
            named[f"alpha{layer}"] = act.weight
    with torch.no_grad():
        for name, parameter in named.items():
            value = torch.from_numpy(initial[name])
            parameter.copy_(value.T if value.ndim == 2 else value)
    return nn.Sequential(*layers), named


def training_step(widths, x, target, loss_function, make_optimiser):
    """A step of an MLP, eager and compiled; both variants train the same parameters."""
    model, named = perceptron(widths)
    optimiser = make_optimiser(model.parameters())
    loss_of = lambda: loss_function(model(x), target)

    def step(loss_of):
        def run():
            optimiser.zero_grad(set_to_none=True)
            loss = loss_of()
            loss.backward()
            optimiser.step()
            return loss

        return run

    eager = step(loss_of)

    def check():
        ours = lambda t: t.T if t.ndim == 2 else t
        loss = eager()
        gradients = {f"d{name}": ours(p.grad) for name, p in named.items()}
        return sums(loss=loss, **gradients, **{name: ours(p) for name, p in named.items()})

    return Row({"eager": eager, "compile": step(torch.compile(loss_of))}, check)


def mlp(batch):
    x = tensor(1, (batch, rows.MLP_WIDTHS[0]))
    target = torch.from_numpy(labels(batch, rows.MLP_WIDTHS[-1]))
    adam = lambda parameters: torch.optim.Adam(parameters, 1e-3, fused=True)
    return training_step(rows.MLP_WIDTHS, x, target, F.cross_entropy, adam)


def xor_step():
    x, target = tensor(1, (rows.XOR_ROWS, 2)), tensor(2, (rows.XOR_ROWS, 1))
    sgd = lambda parameters: torch.optim.SGD(parameters, 0.1, fused=True)
    return training_step(rows.XOR_WIDTHS, x, target, F.mse_loss, sgd)


def tiny_chain():
    w = tensor(1, (rows.TINY_SIZE,)).requires_grad_()
    x = tensor(2, (rows.TINY_SIZE,))

    def run():
        z = x
        for _ in range(rows.TINY_ROUNDS):
            z = F.leaky_relu(z * w + x, 0.1) * 0.5
        z.sum().backward()
        dw, w.grad = w.grad, None
        return z, dw

    def check():
        z, dw = run()
        return sums(z=z, dw=dw)

    return Row({"eager": run}, check)


def matmul(m, k, n):
    a, b = tensor(1, (m, k)), tensor(2, (k, n))
    run = lambda: a @ b
    return Row({"eager": run}, lambda: sums(y=run()))


def softmax_ce(count, classes):
    logits = tensor(1, (count, classes), scale=rows.LOGIT_SCALE).requires_grad_()
    target = torch.from_numpy(labels(count, classes))

    def run():
        loss = F.cross_entropy(logits, target)
        loss.backward()
        dlogits, logits.grad = logits.grad, None
        return loss, dlogits

    def check():
        loss, dlogits = run()
        return sums(loss=loss, dlogits=dlogits)

    return Row({"eager": run}, check)


def adam():
    p = nn.Parameter(tensor(1, (rows.ADAM_COUNT,)))
    p.grad = tensor(2, (rows.ADAM_COUNT,))
    optimiser = torch.optim.Adam([p], 1e-3, fused=True)

    def check():
        for _ in range(rows.CHECKED_ADAM_STEPS):
            optimiser.step()
        return sums(p=p)

    return Row({"fused": optimiser.step}, check)


ROWS = (
    {f"leaky_fwd_{name}": lambda n=n: leaky_fwd(n) for name, n in rows.LEAKY_FWD.items()}
    | {f"leaky_fwdbwd_{name}": lambda n=n: leaky_fwdbwd(n) for name, n in rows.LEAKY_FWDBWD.items()}
    | {f"prelu_{name}_fwdbwd": lambda size=size: prelu(*size) for name, size in rows.PRELU.items()}
    | {"tiny_chain_1000": tiny_chain, "xor_step": xor_step}
    | {f"mlp_{batch}": lambda batch=batch: mlp(batch) for batch in rows.MLP_BATCHES}
    | {f"matmul_{name}": lambda size=size: matmul(*size) for name, size in rows.MATMUL.items()}
    | {f"softmax_ce_{n}x{classes}": lambda n=n, c=classes: softmax_ce(n, c) for n, classes in rows.SOFTMAX_CE}
    | {"adam_1m": adam}
    | {f"conv_{name}": lambda name=name, size=size: conv(name, *size) for name, size in rows.CONV.items()}
    | {name: lambda shape=shape: norm_act(shape) for name, shape in rows.BN_PRELU.items()}
    | {"layer_norm_1024x1024": layer_norm, "group_norm_8": group_norm, "resnet20_64": resnet, "gpt_8x128": gpt}
    | {f"max_pool_{name}": lambda size=size: pooling(F.max_pool2d, *size) for name, size in rows.MAX_POOL.items()}
    | {f"avg_pool_{name}": lambda size=size: pooling(F.avg_pool2d, *size) for name, size in rows.AVG_POOL.items()}
)

if __name__ == "__main__":
    harness.main(f"torch {torch.__version__}", ROWS)
