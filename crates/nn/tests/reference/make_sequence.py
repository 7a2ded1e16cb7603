"""Writes sequence.txt: values and gradients of PyTorch's sequence layers in f64, for tests/sequence.rs.

Weights and inputs are not stored: number i of the k-th parameter (names sorted) is 0.6·sin(1.7·i + 0.9·k + 0.3), of the j-th input the same with k = 100 + j.
The loss is Σ cos(i)·y[i], over all outputs. For each case: a line for each output, `case y0 …`, for each input's gradient, `case x0 …`, and for each
parameter's, `case NAME …`, with PyTorch's names and axes.
"""
import pathlib
import torch
from torch import nn

torch.set_default_dtype(torch.float64)
lines = [f"# torch {torch.__version__}, make_sequence.py"]


def wave(shape, k):
    count = torch.Size(shape).numel()
    return (0.6 * torch.sin(1.7 * torch.arange(count) + 0.9 * k + 0.3)).reshape(shape)


def case(name, module, shapes, f):
    module.train()
    with torch.no_grad():
        for k, (_, p) in enumerate(sorted(module.named_parameters())):
            p.copy_(wave(p.shape, k))
    xs = [wave(s, 100 + j).requires_grad_() for j, s in enumerate(shapes)]
    ys = f(module, *xs)
    sum((y.flatten() * torch.cos(torch.arange(y.numel()).double())).sum() for y in ys).backward()
    numbers = [(f"y{i}", y.detach()) for i, y in enumerate(ys)]
    numbers += [(f"x{j}", x.grad) for j, x in enumerate(xs)]
    numbers += [(n, p.grad) for n, p in sorted(module.named_parameters())]
    for what, x in numbers:
        lines.append(" ".join([name, what, *map(repr, x.flatten().tolist())]))


IDS = torch.tensor([[2, 0, 2], [4, 1, 2]])
case("embedding", nn.Embedding(5, 3), [], lambda m: [m(IDS)])
case("embedding_padding", nn.Embedding(5, 3, padding_idx=2), [], lambda m: [m(IDS)])

X, BF = (2, 4, 3), {"batch_first": True}


def recurrent(name, layer, states, **settings):
    def f(m, x, *initial):
        s = initial[0] if len(initial) == 1 else initial
        y, last = m(x, s) if initial else m(x)
        return [y, *(last if isinstance(last, tuple) else [last])]

    case(name, layer(3, 2, **BF, **settings), [X, *states], f)


def leaky(m, x):
    h, ys = torch.zeros(2, 2), []
    for t in range(4):
        h = nn.functional.leaky_relu(x[:, t] @ m.weight_ih_l0.T + m.bias_ih_l0 + h @ m.weight_hh_l0.T + m.bias_hh_l0, 0.2)
        ys.append(h)
    return [torch.stack(ys, 1), h[None]]


DEEP = {"num_layers": 2, "bidirectional": True}
recurrent("rnn", nn.RNN, [])
recurrent("rnn_relu", nn.RNN, [(4, 2, 2)], nonlinearity="relu", **DEEP)
case("rnn_leaky", nn.RNN(3, 2, **BF), [X], leaky)
recurrent("gru", nn.GRU, [])
recurrent("gru_plain", nn.GRU, [(1, 2, 2)], bias=False)
recurrent("gru_deep", nn.GRU, [(4, 2, 2)], **DEEP)
recurrent("lstm", nn.LSTM, [])
recurrent("lstm_plain", nn.LSTM, [(1, 2, 2), (1, 2, 2)], bias=False)
recurrent("lstm_deep", nn.LSTM, [(4, 2, 2), (4, 2, 2)], **DEEP)
recurrent("lstm_projected", nn.LSTM, [(4, 2, 1), (4, 2, 2)], proj_size=1, **DEEP)

CAUSAL = torch.triu(torch.ones(3, 3, dtype=torch.bool), 1)
COVERED = torch.tensor([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.bool)
PADDING = torch.tensor([[0, 0, 1], [0, 0, 0]], dtype=torch.bool)
S, M = (2, 3, 4), (2, 5, 4)
FULL = {"average_attn_weights": False}
attention = lambda **settings: nn.MultiheadAttention(4, 2, batch_first=True, **settings)
case("attention", attention(), [S], lambda m, x: m(x, x, x, **FULL))
case("attention_causal", attention(), [S], lambda m, x: m(x, x, x, attn_mask=CAUSAL, **FULL))
case("attention_plain", attention(bias=False), [S], lambda m, x: m(x, x, x, **FULL))
case("attention_masks", attention(), [S], lambda m, x: m(x, x, x, attn_mask=COVERED, key_padding_mask=PADDING, **FULL))
case("attention_bias", attention(), [S, (3, 3)], lambda m, x, b: m(x, x, x, attn_mask=b, **FULL))
case("attention_memory", attention(), [S, M], lambda m, x, y: [m(x, y, y)[0]])
case("attention_apart", attention(), [S, M, M], lambda m, x, y, z: m(x, y, z, **FULL))
case("attention_widths", attention(kdim=3, vdim=2), [S, (2, 5, 3), (2, 5, 2)], lambda m, x, y, z: m(x, y, z, **FULL))

class PReLU(nn.Module):
    """Its slopes belong to the last axis, where nn.PReLU looks at the second."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(5))

    def forward(self, x):
        return torch.where(x > 0, x, self.weight * x)


block = {"d_model": 4, "nhead": 2, "dim_feedforward": 5, "dropout": 0.0, **BF}
encoder = lambda **s: nn.TransformerEncoderLayer(**block, **s)
decoder = lambda **s: nn.TransformerDecoderLayer(**block, **s)
masks = {"tgt_mask": CAUSAL, "tgt_key_padding_mask": PADDING, "memory_mask": torch.arange(15).reshape(3, 5) % 4 == 1}
case("encoder_layer", encoder(), [S], lambda m, x: [m(x)])
case("encoder_layer_first", encoder(norm_first=True, activation="gelu"), [S], lambda m, x: [m(x, CAUSAL, PADDING)])
case("encoder_layer_prelu", encoder(activation=PReLU()), [S], lambda m, x: [m(x)])
stack = nn.TransformerEncoder(encoder(norm_first=True), 2, nn.LayerNorm(4), enable_nested_tensor=False)
case("encoder", stack, [S], lambda m, x: [m(x, CAUSAL)])
case("decoder_layer", decoder(), [S, M], lambda m, x, y: [m(x, y, **masks)])
case("decoder_layer_first", decoder(norm_first=True, activation="gelu"), [S, M], lambda m, x, y: [m(x, y, **masks)])
case("decoder", nn.TransformerDecoder(decoder(), 2, nn.LayerNorm(4)), [S, M], lambda m, x, y: [m(x, y, tgt_mask=CAUSAL)])

pathlib.Path(__file__).with_name("sequence.txt").write_text("\n".join(lines) + "\n")
print(len({line.split()[0] for line in lines[1:]}), "cases")
