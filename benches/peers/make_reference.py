"""Writes what PyTorch says into the committed reference files of the tests: `/opt/peers/bin/python benches/peers/make_reference.py`.

`crates/nn/tests/reference/pytorch_net.safetensors`: the state_dict of a small network, saved by safetensors.torch.
`crates/nn/tests/reference/pytorch_net.txt`: an input a line (`x`), then the network's output for it (`y`), and the same in f64 arithmetic.
"""

import pathlib

import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "crates/nn/tests/reference"


class Net(torch.nn.Module):
    """What crates/nn/tests/pytorch.rs builds: attributes, a PReLU of each kind, a Sequential."""

    def __init__(self):
        super().__init__()
        self.hidden = torch.nn.Linear(3, 5)
        self.act = torch.nn.PReLU(5)
        self.tail = torch.nn.Sequential(torch.nn.Linear(5, 4, bias=False), torch.nn.PReLU(), torch.nn.Linear(4, 2))

    def forward(self, x):
        return self.tail(self.act(self.hidden(x)))


def numbers(net):
    """Parameters that neither a seed nor a version of PyTorch changes."""
    count = 0
    with torch.no_grad():
        for parameter in net.parameters():
            for i in range(parameter.numel()):
                parameter.view(-1)[i] = ((count * 37) % 64 - 31) / 32
                count += 1


def main():
    net = Net()
    numbers(net)
    save_file(net.state_dict(), FOLDER / "pytorch_net.safetensors")
    inputs = [[1.0, -2.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 1.25, 4.0]]
    outputs = net.double()(torch.tensor(inputs, dtype=torch.float64)).tolist()
    lines = []
    for x, y in zip(inputs, outputs):
        lines.append(" ".join(["x", *map(repr, x)]))
        lines.append(" ".join(["y", *map(repr, y)]))
    (FOLDER / "pytorch_net.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
