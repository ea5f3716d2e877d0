"""Statistics of batch normalisation such as training leaves; those of a fresh module do nothing."""

from typing import Any

import torch
from torch import nn


def trained(module: nn.Module, seed: int = 0) -> Any:
    """Return a module in inference mode with statistics such as training leaves."""
    generator = torch.Generator().manual_seed(seed)
    for buffered in module.modules():
        if isinstance(buffered, nn.BatchNorm2d):
            assert buffered.running_mean is not None and buffered.running_var is not None
            buffered.running_mean.normal_(0, 0.3, generator=generator)
            buffered.running_var.uniform_(0.5, 1.5, generator=generator)
            with torch.no_grad():
                buffered.weight.uniform_(0.7, 1.3, generator=generator)
                buffered.bias.normal_(0, 0.2, generator=generator)
    return module.eval()
