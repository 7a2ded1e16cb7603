"""Writes losses.txt: values and gradients of PyTorch's losses in f64, for tests/losses.rs.

First the inputs by name, each a line: name, shape joined by x, numbers. Then for each case a line with its name and the values, and one for each
input with a gradient: the case, a prime and the input's name. Losses of each element or row are added up with the weights 1, 1/2, 1/3, … so that
every gradient has its own number.
"""
import pathlib
import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(20151202)

INPUTS = {
    "scores": 2 * torch.randn(5, 4),
    "sharp": torch.tensor([[1e5, 0.0, -1e5, 3.0], [-1e5, 1e5, 1e5, 0.0], [700.0, -700.0, 710.0, 0.0], [1e-9, 0.0, 0.0, 2e-9], [0.0, 40.0, -40.0, 40.0]]),
    "soft": torch.softmax(torch.randn(5, 4), 1),
    "x": 2 * torch.randn(3, 4),
    "t": torch.randn(3, 4),
    "p": torch.sigmoid(torch.randn(3, 4)),
    "q": torch.tensor([[0.0, 1.0, 0.5, 0.25], [1.0, 0.75, 0.0, 1.0], [0.125, 0.0, 1.0, 0.375]]),
    "ends": torch.tensor([[0.0, 1.0, 1.0, 0.0], [1e-13, 1.0 - 1e-13, 0.5, 1e-200], [0.999, 0.001, 1.0, 0.0]]),
    "variance": torch.rand(3, 4) + 0.1,
    "thin": torch.tensor([[0.0, 1e-7, 1.0, 2.0], [0.5, 1e-300, 3.0, 4.0], [1e-5, 0.25, 1e-6, 2e-6]]),
    "row_variance": torch.rand(3, 1) + 0.1,
    "a": torch.randn(4, 3),
    "b": torch.randn(4, 3),
    "c": torch.randn(4, 3),
    "keys": torch.randn(6, 3),
}
LABELS = torch.tensor([2, 0, 3, 1, 2])
SOME = torch.tensor([2, -100, 3, -100, 0])
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.25])
HARD = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
SIGNS = 2 * HARD - 1
PAIRS = torch.tensor([1.0, -1.0, -1.0, 1.0])


def cosines(a, b):
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T


def focal(x, gamma, alpha):
    """The formula of torchvision.ops.sigmoid_focal_loss."""
    p = torch.sigmoid(x)
    ce = F.binary_cross_entropy_with_logits(x, HARD, reduction="none")
    loss = ce * (1 - (p * HARD + (1 - p) * (1 - HARD))) ** gamma
    return loss if alpha is None else (alpha * HARD + (1 - alpha) * (1 - HARD)) * loss


def focal_classes(x, gamma, labels):
    logs = F.log_softmax(x, 1).gather(1, labels[:, None])[:, 0]
    return -((1 - logs.exp()) ** gamma) * logs


def symmetric(a, b):
    s, labels = cosines(a, b) / 0.3, torch.arange(4)
    return (F.cross_entropy(s, labels) + F.cross_entropy(s.T, labels)) / 2


def among(a, b, keys):
    s = torch.cat([(F.normalize(a, dim=1) * F.normalize(b, dim=1)).sum(1, keepdim=True), cosines(a, keys)], 1)
    return F.cross_entropy(s / 0.2, torch.zeros(4, dtype=torch.int64))


CASES = {}


def case(name, inputs, f):
    CASES[name] = (inputs.split(), f)


for reduction in ["mean", "sum", "none"]:
    r = {"reduction": reduction}
    case(f"ce_{reduction}", "scores", lambda x, r=r: F.cross_entropy(x, LABELS, **r))
    case(f"ce_weights_{reduction}", "scores", lambda x, r=r: F.cross_entropy(x, LABELS, WEIGHTS, **r))
    case(f"ce_all_{reduction}", "scores", lambda x, r=r: F.cross_entropy(x, SOME, WEIGHTS, label_smoothing=0.1, **r))
    case(f"ce_soft_{reduction}", "scores soft", lambda x, t, r=r: F.cross_entropy(x, t, **r))
    case(f"ce_soft_all_{reduction}", "scores soft", lambda x, t, r=r: F.cross_entropy(x, t, WEIGHTS, label_smoothing=0.2, **r))
    case(f"nll_{reduction}", "scores", lambda x, r=r: F.nll_loss(x, SOME, WEIGHTS, **r))
    case(f"bce_{reduction}", "p q", lambda p, t, r=r: F.binary_cross_entropy(p, t, **r))
    case(f"bce_logits_{reduction}", "x q", lambda x, t, r=r: F.binary_cross_entropy_with_logits(x, t, **r))
    case(f"bce_logits_weight_{reduction}", "x q", lambda x, t, r=r: F.binary_cross_entropy_with_logits(x, t, pos_weight=WEIGHTS, **r))
    case(f"mse_{reduction}", "x t", lambda x, t, r=r: F.mse_loss(x, t, **r))
    case(f"l1_{reduction}", "x t", lambda x, t, r=r: F.l1_loss(x, t, **r))
    case(f"smooth_l1_{reduction}", "x t", lambda x, t, r=r: F.smooth_l1_loss(x, t, beta=0.7, **r))
    case(f"huber_{reduction}", "x t", lambda x, t, r=r: F.huber_loss(x, t, delta=0.7, **r))
    case(f"gaussian_{reduction}", "x variance t", lambda x, v, t, r=r: F.gaussian_nll_loss(x, t, v, **r))
    case(f"cosine_{reduction}", "a b", lambda a, b, r=r: F.cosine_embedding_loss(a, b, PAIRS, margin=-0.2, **r))
    case(f"triplet_{reduction}", "a b c", lambda a, b, c, r=r: F.triplet_margin_loss(a, b, c, margin=0.9, **r))
    case(f"multi_margin_{reduction}", "scores", lambda x, r=r: F.multi_margin_loss(x, LABELS, margin=1.5, weight=WEIGHTS, **r))
case("ce_sharp", "sharp", lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1))
case("ce_sharp_weights", "sharp", lambda x: F.cross_entropy(x, LABELS, WEIGHTS))
case("ce_smooth", "scores", lambda x: F.cross_entropy(x, LABELS, WEIGHTS, label_smoothing=1.0))
case("bce_ends", "ends", lambda p: F.binary_cross_entropy(p, HARD, reduction="none"))
case("focal", "x", lambda x: focal(x, 2.0, 0.25).mean())
case("focal_half", "x", lambda x: focal(x, 0.5, None))
case("focal_0", "x", lambda x: F.binary_cross_entropy_with_logits(x, HARD))
case("focal_classes", "scores", lambda x: focal_classes(x, 2.0, LABELS).mean())
case("focal_classes_some", "scores", lambda x: focal_classes(x[[0, 2, 4]], 1.5, SOME[[0, 2, 4]]).mean())
case("smooth_l1_0", "x t", lambda x, t: F.smooth_l1_loss(x, t, beta=0.0))
case("gaussian_full", "x row_variance t", lambda x, v, t: F.gaussian_nll_loss(x, t, v, full=True))
case("gaussian_thin", "x thin t", lambda x, v, t: F.gaussian_nll_loss(x, t, v, eps=1e-3))
case("kl", "scores soft", lambda x, t: F.kl_div(x, t, reduction="batchmean"))
case("kl_sum", "scores soft", lambda x, t: F.kl_div(x, t, reduction="sum"))
case("kl_none", "scores soft", lambda x, t: F.kl_div(x, t, reduction="none").sum(1))
case("kl_log", "scores soft", lambda x, t: F.kl_div(x, t.log(), reduction="batchmean", log_target=True))
case("triplet_swap", "a b c", lambda a, b, c: F.triplet_margin_loss(a, b, c, swap=True, eps=1e-3))
case("hinge", "x", lambda x: (1 - SIGNS * x).clamp_min(0).mean())
case("hinge_squared", "x", lambda x: ((0.5 - SIGNS * x).clamp_min(0) ** 2).sum())
case("multi_margin_squared", "scores", lambda x: F.multi_margin_loss(x, LABELS, p=2))
case("info_nce", "a b", lambda a, b: F.cross_entropy(cosines(a, b) / 0.3, torch.arange(4)))
case("info_nce_products", "a b", lambda a, b: F.cross_entropy(a @ b.T / 0.3, torch.arange(4), reduction="none"))
case("info_nce_symmetric", "a b", symmetric)
case("info_nce_among", "a b keys", among)


def line(*parts):
    return " ".join(str(part) for part in parts)


def numbers(x):
    return map(repr, x.flatten().tolist())


lines = [f"# torch {torch.__version__}, make_losses.py"]
lines += [line(name, "x".join(map(str, x.shape)), *numbers(x)) for name, x in INPUTS.items()]
for name, (inputs, f) in CASES.items():
    given = [INPUTS[i].clone().requires_grad_() for i in inputs]
    y = f(*given)
    (y.flatten() / torch.arange(1, y.numel() + 1)).sum().backward()
    lines.append(line(name, *numbers(y)))
    lines += [line(f"{name}'{i}", *numbers(x.grad)) for i, x in zip(inputs, given)]
pathlib.Path(__file__).with_name("losses.txt").write_text("\n".join(lines) + "\n")
print(len(CASES), "cases")
