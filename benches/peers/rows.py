"""The sizes behind the row names, the same for every engine. README.md says what each row computes."""

from inputs import values

LEAKY_FWD = {"1k": 1 << 10, "16k": 1 << 14, "256k": 1 << 18, "4m": 1 << 22, "32m": 1 << 25}
LEAKY_FWDBWD = {name: n for name, n in LEAKY_FWD.items() if name != "1k"}
LEAKY_SLOPE = 0.01

#: name: (shape with features last, number of α)
PRELU = {
    "shared": ((32, 56, 56, 64), 1),
    "feature": ((32, 56, 56, 64), 64),
    "element": ((1024, 4096), 4096),
    "feature_small": ((64, 16, 16, 32), 32),
    "feature_large": ((128, 56, 56, 64), 64),
}

MLP_BATCHES = (64, 256)
MLP_WIDTHS = (784, 512, 512, 10)
XOR_WIDTHS = (2, 16, 1)
XOR_ROWS = 4

#: name: (M, K, N)
MATMUL = {
    "64x784x512": (64, 784, 512),
    "256x512x512": (256, 512, 512),
    "1024": (1024, 1024, 1024),
    "2048": (2048, 2048, 2048),
}

#: (rows, classes)
SOFTMAX_CE = ((64, 10), (1024, 32000))
LOGIT_SCALE = 4.0

#: name: (x with features last, w as ours, stride, padding, dilation, groups)
CONV = {
    "16_32": ((64, 32, 32, 16), (3, 3, 16, 16), 1, 1, 1, 1),
    "32_16": ((64, 16, 16, 32), (3, 3, 32, 32), 1, 1, 1, 1),
    "64_8": ((64, 8, 8, 64), (3, 3, 64, 64), 1, 1, 1, 1),
    "64_56": ((16, 56, 56, 64), (3, 3, 64, 64), 1, 1, 1, 1),
    "128_28": ((16, 28, 28, 128), (3, 3, 128, 128), 1, 1, 1, 1),
    "stem_3_16": ((64, 32, 32, 3), (3, 3, 3, 16), 1, 1, 1, 1),
    "stem_7x7": ((16, 112, 112, 3), (7, 7, 3, 64), 2, 3, 1, 1),
    "stride2_16_32": ((64, 32, 32, 16), (3, 3, 16, 32), 2, 1, 1, 1),
    "stride2_32_64": ((64, 16, 16, 32), (3, 3, 32, 64), 2, 1, 1, 1),
    "1x1_64_256": ((16, 28, 28, 64), (1, 1, 64, 256), 1, 0, 1, 1),
    "1x1_stride2": ((64, 32, 32, 16), (1, 1, 16, 32), 2, 0, 1, 1),
    "5x5": ((32, 28, 28, 32), (5, 5, 32, 32), 1, 2, 1, 1),
    "groups4": ((16, 28, 28, 64), (3, 3, 16, 64), 1, 1, 1, 4),
    "depthwise": ((16, 56, 56, 64), (3, 3, 1, 64), 1, 1, 1, 64),
    "dilation2": ((16, 28, 28, 64), (3, 3, 64, 64), 1, 2, 2, 1),
    "1d": ((32, 1024, 64), (3, 64, 64), 1, 1, 1, 1),
    "3d": ((4, 16, 28, 28, 16), (3, 3, 3, 16, 16), 1, 1, 1, 1),
    "transposed": ((16, 14, 14, 64), (4, 4, 32, 64), 2, 1, 1, 1),
}

BN_PRELU = {"bn_prelu_fwdbwd": (32, 56, 56, 64), "bn_prelu_large_fwdbwd": (128, 56, 56, 64)}
LAYER_NORM = (1024, 1024)
GROUP_NORM = ((16, 28, 28, 64), 8)
RESNET_BATCH = 64
#: Sequences, their length, kinds of characters; layers, width, heads.
GPT = (8, 128, 96)
GPT_LAYERS, GPT_WIDTH, GPT_HEADS = 4, 256, 4
POOL_SHAPE = (32, 56, 56, 64)

#: name: (kernel, stride, padding)
MAX_POOL = {"2x2": (2, 2, 0), "3x3s2": (3, 2, 1)}
AVG_POOL = {"2x2": (2, 2, 0)}

TINY_ROUNDS = 250
TINY_SIZE = 16
ADAM_COUNT = 1 << 20
CHECKED_ADAM_STEPS = 3


def alphas(count, tensor=3):
    """Slopes of PReLU: 0.25 + 0.125·unit."""
    return values(tensor, (count,), scale=0.125, offset=0.25)


def mlp_parameters(widths):
    """Initial parameters of an MLP in order: weight [in, out] and bias of each layer, then α but for the last."""
    parameters = {}
    for layer, (fan_in, fan_out) in enumerate(zip(widths, widths[1:])):
        scale = fan_in**-0.5
        parameters[f"weight{layer + 1}"] = values(10 + 3 * layer, (fan_in, fan_out), scale)
        parameters[f"bias{layer + 1}"] = values(11 + 3 * layer, (fan_out,), scale)
        if layer + 2 < len(widths):
            parameters[f"alpha{layer + 1}"] = alphas(fan_out, 12 + 3 * layer)
    return parameters
