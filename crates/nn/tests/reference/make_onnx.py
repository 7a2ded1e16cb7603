"""Writes onnx.bin, and onnx_inputs.bin of several inputs: models that PyTorch exported, with inputs and PyTorch's own outputs, for tests/onnx.rs.

Each is a line `NAME.ENDING LENGTH` followed by so many bytes; endings are onnx, in.npy and out.npy, or onnx, each input's name and out.npy.
Run: /opt/peers/bin/python make_onnx.py
Names that end in `_dynamo` come from the exporter that is PyTorch's default since 2.9; it needs the package onnxscript.
"""

import io
import pathlib
import warnings

import numpy as np
import torch
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(1)
files = []


def bare(model):
    """Without the traces of this script's stack."""
    for part in [model, model.graph, *model.graph.node, *model.graph.value_info]:
        del part.metadata_props[:]
    return model.SerializeToString()


def add(name, net, *sizes, opset=17, script=True, dynamo=True, fixed_batch=False, words=0):
    # Numbers of their own for every channel, running statistics included.
    with torch.no_grad():
        for tensor in [*net.parameters(), *net.buffers()]:
            if tensor.is_floating_point():
                tensor += 0.1 * (torch.arange(tensor.numel()) % 7).reshape(tensor.shape)
    net.eval()
    x = torch.randint(words, (3, *sizes)) if words else 2 * torch.randn(3, *sizes)
    y = net(x).detach()
    axes = None if fixed_batch else {"x": {0: "N"}, "y": {0: "N"}}
    names = {"input_names": ["x"], "output_names": ["y"], "opset_version": opset}
    models = {}
    if script:
        out = io.BytesIO()
        torch.onnx.export(net, x, out, dynamo=False, dynamic_axes=axes, **names)
        models[name] = out.getvalue()
    if dynamo:
        shapes = {"dynamic_shapes": ({0: torch.export.Dim("N")},)}
        names["opset_version"] = max(opset, 18)
        program = torch.onnx.export(net, (x,), dynamo=True, verbose=False, **shapes, **names)
        models[f"{name}_dynamo"] = bare(program.model_proto)
    for key, model in models.items():
        files.append((f"{key}.onnx", model))
        for ending, array in (("in", x), ("out", y)):
            out = io.BytesIO()
            np.save(out, array.numpy())
            files.append((f"{key}.{ending}.npy", out.getvalue()))


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return torch.relu(x + self.inner(x))


class Branches(nn.Module):
    """Values read twice, joined along channels, scaled by a gate of their own; a mean at the end."""

    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(2, 3, 1)
        self.b = nn.Conv2d(2, 4, 3, padding=1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(7, 7, 1), nn.Sigmoid())
        self.scale = nn.Parameter(torch.ones(7, 1, 1))

    def forward(self, x):
        y = torch.cat([self.a(x), self.b(x)], 1)
        y = y * self.gate(y) - self.scale
        return (1 - y / 2).mean((2, 3))


class View(nn.Module):
    def forward(self, x):
        return x.view(-1, 24)


add("mlp", nn.Sequential(nn.Linear(5, 7), nn.PReLU(7), nn.BatchNorm1d(7), nn.Dropout(0.3), nn.Linear(7, 3), nn.Softmax(-1)), 5)
add("mlp_opset20", nn.Sequential(nn.Linear(5, 4, bias=False), nn.LeakyReLU(0.2), nn.Linear(4, 2), nn.LogSoftmax(-1)), 5, opset=20)
add(
    "cnn",
    nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, [2, 3], groups=2, stride=[1, 2]),
        nn.PReLU(6), nn.Flatten(), nn.Linear(12, 3),
    ),
    2, 6, 8,
)
add("cnn_view", nn.Sequential(nn.Conv2d(2, 4, 3), nn.PReLU(), View(), nn.Linear(24, 3)), 2, 5, 4, opset=18, dynamo=False)
add("cnn_fixed", nn.Sequential(nn.Conv2d(2, 4, 3, dilation=2), nn.ReLU6(), nn.AvgPool2d(2, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), 2, 7, 7, dynamo=False, fixed_batch=True)
add("pools", nn.Sequential(nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), nn.AvgPool2d(3, 2, padding=1, ceil_mode=True, count_include_pad=False), nn.AdaptiveMaxPool2d(1)), 3, 11, 10, dynamo=False)
add("residual", nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))), nn.AdaptiveAvgPool2d(1), nn.Flatten()), 2, 5, 6)
add("branches", Branches(), 2, 4, 5, opset=18)
add("up", nn.Sequential(nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), nn.Upsample(scale_factor=2), nn.Conv2d(4, 2, 3, padding=1), nn.Upsample(scale_factor=2, mode="bilinear")), 3, 3, 2)
add("pad", nn.Sequential(nn.ReflectionPad2d(1), nn.ReplicationPad2d([0, 1, 2, 0]), nn.ZeroPad2d(1), nn.CircularPad2d(2)), 2, 3, 4, opset=20, script=False)
add("conv1d", nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.Tanh(), nn.MaxPool1d(2), nn.ConvTranspose1d(4, 2, 2, stride=2)), 3, 8)
add("conv3d", nn.Sequential(nn.Conv3d(2, 3, 2), nn.ELU(0.5), nn.AvgPool3d(2)), 2, 5, 5, 5)
add("smooth", nn.Sequential(nn.SELU(), nn.CELU(0.7), nn.GELU(), nn.SiLU(), nn.Mish(), nn.Softplus(), nn.Hardswish(), nn.Hardsigmoid(), nn.Hardtanh(-0.3, 0.4)), 4, 3, 2)
add("norms", nn.Sequential(nn.GroupNorm(2, 4), nn.InstanceNorm2d(4, affine=True), nn.LayerNorm(5)), 4, 3, 5, dynamo=False)
add("sequence", nn.Sequential(nn.Linear(5, 6), nn.LayerNorm(6), nn.ReLU(), nn.Linear(6, 3)), 4, 5)


class Results(nn.Module):
    """The results of a recurrent layer, without its last states."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)[0]


class Attention(nn.Module):
    """Causal attention as nanoGPT writes it."""

    def __init__(self, width, heads, steps):
        super().__init__()
        self.attn, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads
        self.register_buffer("mask", torch.tril(torch.ones(steps, steps)).bool().view(1, 1, steps, steps))

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = (part.view(n, t, self.heads, -1).transpose(1, 2) for part in self.attn(x).split(d, 2))
        scores = (q @ k.transpose(-2, -1) / (d // self.heads) ** 0.5).masked_fill(~self.mask[:, :, :t, :t], float("-inf"))
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, d))


class Language(nn.Module):
    """A small GPT."""

    def __init__(self):
        super().__init__()
        self.words, self.places, self.head = nn.Embedding(11, 6), nn.Embedding(5, 6), nn.Linear(6, 11)
        self.norm, self.attention = nn.LayerNorm(6), Attention(6, 2, 5)
        self.network = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 6))

    def forward(self, ids):
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        x = x + self.attention(self.norm(x))
        return self.head(x + self.network(x))


class Covered(nn.Module):
    """Numbers in place of others."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.tensor([[True, False, True], [False, False, True]]))

    def forward(self, x):
        a, b = x.split([1, 2], -1)
        return torch.cat([a, torch.where(self.mask[:, 1:], b, 3.0), x.masked_fill(self.mask, -7.0)], -1)


class SelfAttention(nn.Module):
    """PyTorch's own, which has the steps first inside, and examples and heads as one axis."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


class Last(nn.Module):
    """The result of the last step."""

    def forward(self, x):
        return x[:, -1]


add("attention", Attention(6, 2, 4), 4, 6, script=False)
add("gpt", Language(), 5, script=False, words=11)
add("covered", Covered(), 2, 3, script=False)
add("rnn", Results(nn.RNN(3, 4, nonlinearity="relu", batch_first=True)), 5, 3, dynamo=False)
add("lstm", Results(nn.LSTM(3, 4, batch_first=True)), 5, 3)
add("gru_deep", Results(nn.GRU(3, 4, 2, batch_first=True, bidirectional=True, bias=False)), 5, 3)
add("lstm_of_ids", nn.Sequential(nn.Embedding(9, 3), Results(nn.LSTM(3, 4, batch_first=True)), nn.Linear(4, 2)), 6, words=9)
add("multihead", SelfAttention(), 4, 6, script=False)
add("encoder_layer", nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, norm_first=True, activation="gelu"), 4, 6, script=False)
add("encoder_layer_last", nn.TransformerEncoderLayer(6, 3, 8, batch_first=True), 4, 6, script=False)
add("lstm_last", nn.Sequential(Results(nn.LSTM(3, 4, batch_first=True)), Last(), nn.Linear(4, 2)), 5, 3)



def write(path, files):
    with open(pathlib.Path(__file__).with_name(path), "wb") as out:
        for name, data in files:
            out.write(f"{name} {len(data)}\n".encode() + data)
    print(path, len(files), sum(len(data) for _, data in files))


def of_decoder(name, net, seed):
    """A decoder's block, of x and a memory."""
    torch.manual_seed(seed)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.5)
    net.eval()
    inputs = {"x": torch.randn(3, 4, 6), "memory": torch.randn(3, 5, 6)}
    with torch.no_grad():
        y = net(*inputs.values())
    batch = {0: torch.export.Dim("N")}
    names = {"input_names": list(inputs), "output_names": ["y"], "opset_version": 18}
    program = torch.onnx.export(net, tuple(inputs.values()), dynamo=True, verbose=False, dynamic_shapes=(batch, batch), **names)
    made = [(f"{name}.onnx", bare(program.model_proto))]
    for ending, array in {**inputs, "out": y}.items():
        out = io.BytesIO()
        np.save(out, array.numpy())
        made.append((f"{name}.{ending}.npy", out.getvalue()))
    return made


class Decoder(nn.Module):
    """A block without masks."""

    def __init__(self, **settings):
        super().__init__()
        self.block = nn.TransformerDecoderLayer(6, 2, 8, batch_first=True, **settings)

    def forward(self, x, memory):
        return self.block(x, memory)


write("onnx.bin", files)
write("onnx_inputs.bin", of_decoder("decoder", Decoder(), 2) + of_decoder("decoder_norm_first", Decoder(norm_first=True, activation="gelu"), 3))
