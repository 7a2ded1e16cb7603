"""Loads IN, a file of `to_pytorch`, into PyTorch's twin of the network (strictly), and saves what it holds to OUT.

Prints the output for the inputs [1, -2, 0.5] and [-3, 1.25, 4]. OUT gets its numbers doubled, as f64 for even tensors and f16 for odd ones.
"""

import sys

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, sys.argv[3])
from make_reference import Net  # noqa: E402

net = Net()
net.load_state_dict(load_file(sys.argv[1]))
x = torch.tensor([[1.0, -2.0, 0.5], [-3.0, 1.25, 4.0]])
print(*net(x).flatten().tolist())
kinds = [torch.float64, torch.float16]
state = net.state_dict()
save_file({name: (2 * state[name]).to(kinds[i % 2]) for i, name in enumerate(state)}, sys.argv[2])
