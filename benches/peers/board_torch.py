"""The board by PyTorch: eager and, for training steps, torch.compile; images as NCHW and channels_last; fused Adam."""

import harness

harness.pin_to_two_cores()

import torch
import torch.nn.functional as F
from torch import nn

import rows
from harness import Row
from inputs import checksums, labels, values

torch.set_num_threads(harness.THREADS)


def tensor(number, shape, **scaling):
    return torch.from_numpy(values(number, shape, **scaling))


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
    | {f"max_pool_{name}": lambda size=size: pooling(F.max_pool2d, *size) for name, size in rows.MAX_POOL.items()}
    | {f"avg_pool_{name}": lambda size=size: pooling(F.avg_pool2d, *size) for name, size in rows.AVG_POOL.items()}
)

if __name__ == "__main__":
    harness.main(f"torch {torch.__version__}", ROWS)
