"""The larger nets of the board in PyTorch, with the parameters of README.md."""

import torch
import torch.nn.functional as F
from torch import nn

import rows
from inputs import values



def tensor(number, shape, **scaling):
    return torch.from_numpy(values(number, shape, **scaling))


def window(w):
    """A weight of ours, [K…, C, F], as [F, C, K…]."""
    return w.permute(w.ndim - 1, w.ndim - 2, *range(w.ndim - 2))


class Block(nn.Module):
    """Two 3×3 convolutions and the shortcut of option A."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.norm1, self.act1 = nn.BatchNorm2d(width), nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.norm2, self.act2 = nn.BatchNorm2d(width), nn.PReLU(width)
        self.stride = stride

    def forward(self, x):
        inner = self.norm2(self.conv2(self.act1(self.norm1(self.conv1(x)))))
        if self.stride == 2:
            half = x.shape[1] // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, half))
        return self.act2(inner + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.norm, self.act = nn.BatchNorm2d(16), nn.PReLU(16)
        sizes = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        self.blocks = nn.Sequential(*(Block(*size) for size in sizes))
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        x = self.blocks(self.act(self.norm(self.conv(x))))
        return self.head(x.mean((2, 3)))

    def load_page(self):
        """The k-th parameter in the order of the walk is tensor 100 + k; see benches/src/rows/images.rs."""
        with torch.no_grad():
            for k, (name, p) in enumerate(self.named_parameters()):
                number = 100 + k
                if p.ndim == 4:
                    ours = (p.shape[2], p.shape[3], p.shape[1], p.shape[0])
                    fan = ours[0] * ours[1] * ours[2]
                    p.copy_(window(tensor(number, ours, scale=(6.0 / fan) ** 0.5)))
                elif p.ndim == 2:
                    p.copy_(tensor(number, (p.shape[1], p.shape[0]), scale=(6.0 / p.shape[1]) ** 0.5).T)
                elif "act" in name:
                    p.copy_(torch.from_numpy(rows.alphas(p.numel(), number)))
                else:
                    offset = 1.0 if "norm" in name and name.endswith("weight") else 0.0
                    p.copy_(tensor(number, (p.numel(),), scale=0.25, offset=offset))
        return self


class GptBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.linear1, self.linear2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(batch, length, 3, rows.GPT_HEADS, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self):
        super().__init__()
        _, length, characters = rows.GPT
        width = rows.GPT_WIDTH
        self.characters, self.positions = nn.Embedding(characters, width), nn.Embedding(length, width)
        self.blocks = nn.Sequential(*(GptBlock(width) for _ in range(rows.GPT_LAYERS)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters)

    def forward(self, ids):
        return self.head(self.norm(self.blocks(self.characters(ids) + self.positions.weight)))

    def load_page(self):
        """The k-th parameter in the order of the walk is tensor 100 + k; see benches/src/nets.rs."""
        with torch.no_grad():
            for k, (name, p) in enumerate(self.named_parameters()):
                if p.ndim == 1:
                    p.copy_(tensor(100 + k, (p.numel(),), scale=0.1, offset=float("norm" in name and name.endswith("weight"))))
                elif name in ("characters.weight", "positions.weight"):
                    p.copy_(tensor(100 + k, tuple(p.shape), scale=p.shape[0] ** -0.5))
                else:
                    p.copy_(tensor(100 + k, (p.shape[1], p.shape[0]), scale=p.shape[1] ** -0.5).T)
        return self
