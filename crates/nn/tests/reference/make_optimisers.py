"""Writes optimisers.txt: parameters after 100 steps of torch.optim in f64, for tests/optimisers.rs.

Two parameters of 3 numbers; the gradient of step t (from 0) for parameter k, element i is
sin(1 + t + 2k + 3i) + 0.1 * parameter. One line a case: its name, then the 6 numbers.
"""
import math
import pathlib
import torch

CASES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05),
    "sgd_decay": lambda p: torch.optim.SGD(p, lr=0.05, weight_decay=0.1),
    "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
    "sgd_dampening": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "sgd_nesterov": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: torch.optim.Adam(p, lr=0.02),
    "adam_decay": lambda p: torch.optim.Adam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.02, weight_decay=0.1),
}


def run(make):
    parameters = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in ([0.5, -1.0, 2.0], [1.5, 0.0, -0.25])]
    optimiser = make(parameters)
    for t in range(100):
        for k, parameter in enumerate(parameters):
            wave = torch.tensor([math.sin(1 + t + 2 * k + 3 * i) for i in range(3)], dtype=torch.float64)
            parameter.grad = wave + 0.1 * parameter.detach()
        optimiser.step()
    return [x for parameter in parameters for x in parameter.tolist()]


lines = [f"# torch {torch.__version__}, make_optimisers.py"]
lines += [" ".join([name, *map(repr, run(make))]) for name, make in CASES.items()]
pathlib.Path(__file__).with_name("optimisers.txt").write_text("\n".join(lines) + "\n")
