"""The board by JAX: every row one jitted function, training state donated, images with features last and first."""

import harness

harness.pin_to_two_cores()

import jax
import jax.numpy as jnp
import numpy as np

import rows
from harness import Row
from inputs import checksums, labels, values


def array(number, shape, **scaling):
    return jnp.asarray(values(number, shape, **scaling))


def sums(**arrays):
    """The checksums of several arrays, under their names."""
    merged = {}
    for name, value in arrays.items():
        merged |= checksums(name, np.asarray(value))
    return merged


def call(function, *arguments):
    """One iteration: the jitted function, waited for."""
    compiled = jax.jit(function)
    return lambda: jax.block_until_ready(compiled(*arguments))


def leaky(x):
    return jnp.where(x > 0, x, rows.LEAKY_SLOPE * x)


def prelu(x, alpha):
    return jnp.where(x > 0, x, alpha * x)


def leaky_fwd(n):
    run = call(leaky, array(1, (n,)))
    return Row({"jit": run}, lambda: sums(y=run()))


def leaky_fwdbwd(n):
    def step(x, dy):
        y, vjp = jax.vjp(leaky, x)
        return y, *vjp(dy)

    run = call(step, array(1, (n,)), array(2, (n,)))
    return Row({"jit": run}, lambda: sums(**dict(zip(("y", "dx"), run()))))


def prelu_fwdbwd(shape, alphas):
    x, dy, alpha = array(1, shape), array(2, shape), jnp.asarray(rows.alphas(alphas))

    def step(x, alpha, dy):
        y, vjp = jax.vjp(prelu, x, alpha)
        return y, *vjp(dy)

    run = call(step, x, alpha, dy)
    variants = {"features last" if len(shape) == 4 else "jit": run}
    if len(shape) == 4:
        first = lambda t: jnp.transpose(t, (0, 3, 1, 2)).copy()
        variants["features first"] = call(step, first(x), alpha.reshape(1, -1, 1, 1), first(dy))
    return Row(variants, lambda: sums(**dict(zip(("y", "dx", "dalpha"), run()))))


def forward(parameters, x):
    """The MLP with PReLU per feature whose parameters rows.mlp_parameters names."""
    layers = sum(name.startswith("weight") for name in parameters)
    for layer in range(1, layers + 1):
        x = x @ parameters[f"weight{layer}"] + parameters[f"bias{layer}"]
        if layer < layers:
            x = prelu(x, parameters[f"alpha{layer}"])
    return x


def cross_entropy(logits, target):
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), target[:, None], 1))


def training_step(widths, loss_of, update, state):
    """A jitted step over (parameters, optimiser state), both donated, as a training loop would."""
    gradient = jax.value_and_grad(loss_of)
    initial = lambda: {name: jnp.array(p) for name, p in rows.mlp_parameters(widths).items()}

    def step(parameters, state):
        loss, gradients = gradient(parameters)
        parameters, state = update(parameters, gradients, state)
        return parameters, state, loss

    compiled = jax.jit(step, donate_argnums=(0, 1))
    current = [(initial(), state(initial()))]

    def run():
        parameters, state, loss = jax.block_until_ready(compiled(*current[0]))
        current[0] = parameters, state
        return loss

    def check():
        loss, gradients = jax.jit(gradient)(initial())
        parameters, _, _ = compiled(initial(), state(initial()))
        return sums(loss=loss, **{f"d{name}": gradients[name] for name in parameters}, **parameters)

    return Row({"jit": run}, check)


def adam_state(parameters):
    zeros = lambda: jax.tree.map(jnp.zeros_like, parameters)
    return zeros(), zeros(), jnp.float32(0)


def adam_update(parameters, gradients, state, rate=1e-3):
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
    first, second = 1 - 0.9**t, 1 - 0.999**t
    update = lambda p, m, v: p - rate / first * m / (jnp.sqrt(v / second) + 1e-8)
    return jax.tree.map(update, parameters, m, v), (m, v, t)


def mlp(batch):
    x = array(1, (batch, rows.MLP_WIDTHS[0]))
    target = jnp.asarray(labels(batch, rows.MLP_WIDTHS[-1]))
    loss_of = lambda parameters: cross_entropy(forward(parameters, x), target)
    return training_step(rows.MLP_WIDTHS, loss_of, adam_update, adam_state)


def xor_step():
    x, target = array(1, (rows.XOR_ROWS, 2)), array(2, (rows.XOR_ROWS, 1))
    loss_of = lambda parameters: jnp.mean((forward(parameters, x) - target) ** 2)
    sgd = lambda parameters, gradients, _: (jax.tree.map(lambda p, g: p - 0.1 * g, parameters, gradients), ())
    return training_step(rows.XOR_WIDTHS, loss_of, sgd, lambda _: ())


#: Width and stride of the blocks of ResNet-20, after the stem of 16.
RESNET_BLOCKS = [(16, 1)] * 3 + [(32, 2)] + [(32, 1)] * 2 + [(64, 2)] + [(64, 1)] * 2


def resnet_parameters():
    """In the order of the walk; the k-th is tensor 100 + k (see benches/src/rows/images.rs)."""
    parameters = []

    def add(shape, scale=0.25, offset=0.0):
        parameters.append(array(100 + len(parameters), shape, scale=scale, offset=offset))

    def block(inputs, width):
        add((3, 3, inputs, width), scale=(6.0 / (9 * inputs)) ** 0.5)
        add((width,), offset=1.0)
        add((width,))
        parameters.append(jnp.asarray(rows.alphas(width, 100 + len(parameters))))

    block(3, 16)
    inputs = 16
    for width, _ in RESNET_BLOCKS:
        block(inputs, width)
        block(width, width)
        inputs = width
    add((64, 10), scale=(6.0 / 64) ** 0.5)
    add((10,))
    return parameters


def resnet_forward(parameters, x, axes):
    """Logits and the batch's moments of every norm, for images `[N, H, W, C]` or `[N, C, H, W]`."""
    rest, moments = iter(parameters), []
    places = tuple(axes.index(axis) for axis in "NHW")
    shape = [-1 if axis == "C" else 1 for axis in axes]

    def normalised(x, stride):
        x = jax.lax.conv_general_dilated(x, next(rest), (stride, stride), ((1, 1), (1, 1)), dimension_numbers=(axes, "HWIO", axes))
        mean, variance = jnp.mean(x, places, keepdims=True), jnp.var(x, places, keepdims=True)
        moments.extend((mean, variance))
        weight, bias = next(rest).reshape(shape), next(rest).reshape(shape)
        return (x - mean) * jax.lax.rsqrt(variance + 1e-5) * weight + bias

    act = lambda x: prelu(x, next(rest).reshape(shape))
    x = act(normalised(x, 1))
    for width, stride in RESNET_BLOCKS:
        inner = normalised(act(normalised(x, stride)), 1)
        if stride == 2:
            x = x[tuple(slice(None, None, 2 if axis in "HW" else 1) for axis in axes)]
            x = jnp.pad(x, [(width // 4, width // 4) if axis == "C" else (0, 0) for axis in axes])
        x = act(inner + x)
    x = jnp.mean(x, [axes.index("H"), axes.index("W")])
    return x @ next(rest) + next(rest), moments


def resnet():
    images = values(1, (rows.RESNET_BATCH, 32, 32, 3))
    target = jnp.asarray(labels(rows.RESNET_BATCH, 10))

    def variant(axes):
        x = jnp.asarray(images if axes == "NHWC" else images.transpose(0, 3, 1, 2).copy())

        def loss_of(parameters):
            logits, moments = resnet_forward(parameters, x, axes)
            return cross_entropy(logits, target), moments

        def step(parameters, momenta, running):
            (loss, moments), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters)
            momenta = jax.tree.map(lambda m, g: 0.9 * m + g, momenta, gradients)
            parameters = jax.tree.map(lambda p, m: p - 0.01 * m, parameters, momenta)
            running = jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, running, moments)
            return parameters, momenta, running, loss

        compiled = jax.jit(step, donate_argnums=(0, 1, 2))
        parameters = resnet_parameters()
        _, moments = jax.jit(loss_of)(parameters)
        current = [(parameters, [jnp.zeros_like(p) for p in parameters], jax.tree.map(jnp.zeros_like, moments))]

        def run():
            *current[0], loss = jax.block_until_ready(compiled(*current[0]))
            return loss

        return run, current

    run, current = variant("NHWC")

    def check():
        losses = {f"loss{i}": run() for i in range(3)}
        return sums(**losses, conv=current[0][0][0], bias=current[0][0][-1])

    return Row({"features last": run, "features first": variant("NCHW")[0]}, check)


def tiny_chain():
    def chain(w, x):
        z = x
        for _ in range(rows.TINY_ROUNDS):
            z = z * w + x
            z = jnp.where(z > 0, z, 0.1 * z) * 0.5
        return z

    def step(w, x):
        z, vjp = jax.vjp(lambda w: chain(w, x), w)
        return z, *vjp(jnp.ones_like(z))

    run = call(step, array(1, (rows.TINY_SIZE,)), array(2, (rows.TINY_SIZE,)))
    return Row({"jit (the whole chain one compiled function)": run}, lambda: sums(**dict(zip(("z", "dw"), run()))))


def matmul(m, k, n):
    run = call(jnp.matmul, array(1, (m, k)), array(2, (k, n)))
    return Row({"jit": run}, lambda: sums(y=run()))


def softmax_ce(count, classes):
    logits = array(1, (count, classes), scale=rows.LOGIT_SCALE)
    run = call(jax.value_and_grad(cross_entropy), logits, jnp.asarray(labels(count, classes)))
    return Row({"jit": run}, lambda: sums(**dict(zip(("loss", "dlogits"), run()))))


def adam():
    p = array(1, (rows.ADAM_COUNT,))
    gradient = array(2, (rows.ADAM_COUNT,))
    compiled = jax.jit(lambda p, state, g: adam_update(p, g, state), donate_argnums=(0, 1))
    current = [(p, adam_state(p))]

    def run():
        current[0] = jax.block_until_ready(compiled(*current[0], gradient))

    def check():
        for _ in range(rows.CHECKED_ADAM_STEPS):
            run()
        return sums(p=current[0][0])

    return Row({"jit": run}, check)


ROWS = (
    {f"leaky_fwd_{name}": lambda n=n: leaky_fwd(n) for name, n in rows.LEAKY_FWD.items()}
    | {f"leaky_fwdbwd_{name}": lambda n=n: leaky_fwdbwd(n) for name, n in rows.LEAKY_FWDBWD.items()}
    | {f"prelu_{name}_fwdbwd": lambda size=size: prelu_fwdbwd(*size) for name, size in rows.PRELU.items()}
    | {"tiny_chain_1000": tiny_chain, "xor_step": xor_step}
    | {f"mlp_{batch}": lambda batch=batch: mlp(batch) for batch in rows.MLP_BATCHES}
    | {f"matmul_{name}": lambda size=size: matmul(*size) for name, size in rows.MATMUL.items()}
    | {f"softmax_ce_{n}x{classes}": lambda n=n, c=classes: softmax_ce(n, c) for n, classes in rows.SOFTMAX_CE}
    | {"adam_1m": adam, "resnet20_64": resnet}
)

if __name__ == "__main__":
    harness.main(f"jax {jax.__version__}", ROWS)
