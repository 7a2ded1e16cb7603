"""Writes optimisers.txt: parameters after 100 steps of torch.optim, for tests/optimisers.rs.

Two parameters of 3 numbers; the gradient of step t (from 0) for parameter k, element i is
sin(1 + t + 2k + 3i) + 0.1 * parameter. One line a case and number type: its name, f64 or f32, then the 6 numbers.
"""
import math
import pathlib
import torch
from torch import optim

CASES = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "sgd_decay": lambda p: optim.SGD(p, lr=0.05, weight_decay=0.1),
    "sgd_momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9),
    "sgd_dampening": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "sgd_nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda p: optim.Adam(p, lr=0.02),
    "adam_decay": lambda p: optim.Adam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    "adam_amsgrad": lambda p: optim.Adam(p, lr=0.02, betas=(0.9, 0.9), weight_decay=0.1, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.02),
    "adamw_decay": lambda p: optim.AdamW(p, lr=0.02, weight_decay=0.1),
    "adamw_amsgrad": lambda p: optim.AdamW(p, lr=0.02, betas=(0.9, 0.9), amsgrad=True),
    "nadam": lambda p: optim.NAdam(p),
    "nadam_decay": lambda p: optim.NAdam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1, momentum_decay=0.02),
    "nadam_decoupled": lambda p: optim.NAdam(p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True),
    "radam": lambda p: optim.RAdam(p),
    "radam_decay": lambda p: optim.RAdam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
    "radam_decoupled": lambda p: optim.RAdam(p, lr=0.02, weight_decay=0.1, decoupled_weight_decay=True),
    "adamax": lambda p: optim.Adamax(p),
    "adamax_decay": lambda p: optim.Adamax(p, lr=0.02, betas=(0.8, 0.9), eps=1e-6, weight_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p),
    "rmsprop_decay": lambda p: optim.RMSprop(p, lr=0.005, alpha=0.9, eps=1e-6, weight_decay=0.1),
    "rmsprop_momentum": lambda p: optim.RMSprop(p, lr=0.005, momentum=0.8),
    "rmsprop_centred": lambda p: optim.RMSprop(p, lr=0.005, centered=True),
    "rmsprop_centred_momentum": lambda p: optim.RMSprop(p, lr=0.005, centered=True, momentum=0.8, weight_decay=0.1),
    "adagrad": lambda p: optim.Adagrad(p),
    "adagrad_decay": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.01, weight_decay=0.1, initial_accumulator_value=0.5, eps=1e-6),
    "adadelta": lambda p: optim.Adadelta(p),
    "adadelta_decay": lambda p: optim.Adadelta(p, lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.1),
    # The second parameter has its own settings; from step 50 on every rate is halved.
    "groups_adamw": lambda p: optim.AdamW([{"params": p[:1]}, {"params": p[1:], "lr": 0.005, "weight_decay": 0.3}], lr=0.02),
    "groups_rmsprop": lambda p: optim.RMSprop([{"params": p[:1]}, {"params": p[1:], "lr": 0.04, "weight_decay": 0.3}], lr=0.01),
}


def run(name, make):
    parameters = [torch.tensor(values, requires_grad=True) for values in ([0.5, -1.0, 2.0], [1.5, 0.0, -0.25])]
    optimiser = make(parameters)
    for t in range(100):
        if name.startswith("groups") and t == 50:
            for group in optimiser.param_groups:
                group["lr"] *= 0.5
        for k, parameter in enumerate(parameters):
            wave = torch.tensor([math.sin(1 + t + 2 * k + 3 * i) for i in range(3)])
            parameter.grad = wave + 0.1 * parameter.detach()
        optimiser.step()
    return [x for parameter in parameters for x in parameter.tolist()]


lines = [f"# torch {torch.__version__}, make_optimisers.py"]
for kind, dtype in [("f64", torch.float64), ("f32", torch.float32)]:
    # The default type too: NAdam keeps its product of momenta in it.
    torch.set_default_dtype(dtype)
    lines += [" ".join([name, kind, *map(repr, run(name, make))]) for name, make in CASES.items()]
pathlib.Path(__file__).with_name("optimisers.txt").write_text("\n".join(lines) + "\n")
