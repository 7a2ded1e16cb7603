"""Writes activations.txt: values and slopes of PyTorch's smooth rectifiers in f64, for tests/activations.rs.

First the arguments, then two lines an activation: its name and the values, its name with a prime and the slopes. At ±∞ and NaN PyTorch
and we differ on purpose, so the arguments are finite.
"""
import pathlib
import torch
from torch import nn

ARGUMENTS = [-1e6, -120.0, -30.0, -7.25, -3.5, -3.0, -2.5, -1.0, -0.75, -1e-3, -1e-12, -0.0, 0.0, 1e-12, 1e-3, 0.3, 1.0, 2.75, 3.0, 4.0, 6.0, 9.5, 21.0, 40.0, 1e6]
CASES = {
    "elu": nn.ELU(),
    "elu_2.5": nn.ELU(2.5),
    "selu": nn.SELU(),
    "celu": nn.CELU(),
    "celu_0.5": nn.CELU(0.5),
    "gelu": nn.GELU(),
    "gelu_tanh": nn.GELU(approximate="tanh"),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
    "softplus_3_10": nn.Softplus(3.0, 10.0),
    "hardswish": nn.Hardswish(),
    "hardsigmoid": nn.Hardsigmoid(),
    "relu6": nn.ReLU6(),
    "hardtanh": nn.Hardtanh(),
    "hardtanh_-2_0.5": nn.Hardtanh(-2.0, 0.5),
    "rrelu": nn.RReLU().eval(),
}

lines = [f"# torch {torch.__version__}, make_activations.py", " ".join(["x", *map(repr, ARGUMENTS)])]
for name, act in CASES.items():
    x = torch.tensor(ARGUMENTS, dtype=torch.float64, requires_grad=True)
    y = act(x)
    y.sum().backward()
    lines += [" ".join([name, *map(repr, y.tolist())]), " ".join([name + "'", *map(repr, x.grad.tolist())])]
pathlib.Path(__file__).with_name("activations.txt").write_text("\n".join(lines) + "\n")
