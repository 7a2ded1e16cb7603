"""Writes schedules.txt: learning rates of torch.optim.lr_scheduler, for src/schedule/tests.rs.

One line a case: its name, then the rate of each step from 0. The schedulers are stepped; where they have a closed form too, that is
written (their recursions lose digits near 0), after a check that both agree. `plateau` lines hold the rate after each observation;
`metric` lines hold what was observed.
"""
import math
import pathlib
import warnings
import torch
from torch.optim import lr_scheduler as lr

warnings.filterwarnings("ignore")


def optimiser(rate):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate, momentum=0.9)


def sequence(o, parts, milestones):
    return lr.SequentialLR(o, [part(o) for part in parts], milestones)


LINE = lambda start, steps: lambda o: lr.LinearLR(o, start, 1.0, steps)
CASES = {
    "step": (300, 0.5, lambda o: lr.StepLR(o, 30, 0.7)),
    "multi_step": (300, 0.3, lambda o: lr.MultiStepLR(o, [20, 150, 80, 80], 0.2)),
    "exponential": (300, 0.1, lambda o: lr.ExponentialLR(o, 0.97)),
    "linear": (200, 0.8, lambda o: lr.LinearLR(o, 1 / 3, 0.125, 120)),
    "polynomial": (200, 0.9, lambda o: lr.PolynomialLR(o, 150, 2.5)),
    "cosine": (350, 0.1, lambda o: lr.CosineAnnealingLR(o, 100, 0.001)),
    "restarts": (300, 0.2, lambda o: lr.CosineAnnealingWarmRestarts(o, 40, 1, 0.01)),
    "restarts_growing": (400, 0.2, lambda o: lr.CosineAnnealingWarmRestarts(o, 10, 3, 0.0)),
    "one_cycle": (200, 0.1, lambda o: lr.OneCycleLR(o, 0.5, 200)),
    "one_cycle_linear": (150, 0.1, lambda o: lr.OneCycleLR(o, 0.5, 150, pct_start=0.41, base_momentum=0.7, max_momentum=0.9, anneal_strategy="linear", div_factor=10.0, final_div_factor=7.0)),
    "one_cycle_three": (210, 0.1, lambda o: lr.OneCycleLR(o, 0.3, 210, pct_start=0.4, three_phase=True)),
    "one_cycle_no_rise": (30, 0.1, lambda o: lr.OneCycleLR(o, 0.3, 30, pct_start=0.0)),
    "sequence": (300, 0.4, lambda o: sequence(o, [lambda o: lr.ConstantLR(o, 0.5, 10**6), lambda o: lr.ExponentialLR(o, 0.9), lambda o: lr.CosineAnnealingLR(o, 80, 0.01)], [50, 120])),
    "warm_up": (250, 0.4, lambda o: sequence(o, [LINE(0.01, 25), lambda o: lr.StepLR(o, 60, 0.1)], [25])),
}
METRIC = [math.exp(-0.05 * t) + 0.3 * math.sin(t * t) / (1 + t) for t in range(120)] + [math.nan, 0.01, 0.009, math.inf] + [0.02] * 60
PLATEAUS = {
    "plateau": dict(),
    "plateau_quick": dict(factor=0.5, patience=2, cooldown=3, threshold=0.01, threshold_mode="abs", min_lr=0.001),
    "plateau_highest": dict(mode="max", factor=0.3, patience=4, threshold=0.05),
    "plateau_highest_abs": dict(mode="max", factor=0.9, patience=0, threshold=0.1, threshold_mode="abs", eps=0.01),
}


def rates(steps, rate, make):
    o = optimiser(rate)
    scheduler = make(o)
    closed = getattr(scheduler, "_get_closed_form_lr", None)
    out = []
    for _ in range(steps):
        now = o.param_groups[0]["lr"]
        if closed:
            exact = closed()[0]
            assert abs(now - exact) <= 1e-9 * rate, (now, exact)
            now = exact
        out.append(now)
        o.step()
        if len(out) < steps:
            scheduler.step()
    return out


def momenta(steps, rate, make):
    """What one-cycle does to the momentum of SGD, which is β₁ of Adam."""
    o = optimiser(rate)
    scheduler = make(o)
    out = []
    for _ in range(steps):
        out.append(o.param_groups[0]["momentum"])
        o.step()
        if len(out) < steps:
            scheduler.step()
    return out


def plateau(options):
    o = optimiser(0.2)
    scheduler = lr.ReduceLROnPlateau(o, **options)
    out = []
    for metric in METRIC:
        scheduler.step(metric)
        out.append(o.param_groups[0]["lr"])
    return out


lines = [f"# torch {torch.__version__}, make_schedules.py"]
lines += [" ".join([name, *map(repr, rates(*case))]) for name, case in CASES.items()]
lines += [" ".join([f"{name}_momentum", *map(repr, momenta(*case))]) for name, case in CASES.items() if name.startswith("one_cycle")]
lines += [" ".join(["metric", *map(repr, METRIC)])]
lines += [" ".join([name, *map(repr, plateau(options))]) for name, options in PLATEAUS.items()]
pathlib.Path(__file__).with_name("schedules.txt").write_text("\n".join(lines) + "\n")
