"""The loops that a careful, and a hasty, engineer writes in plain PyTorch."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from plain_network import Lite0, prepared
from torch import nn


def flipped_and_turned(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror half of the images and turn all by up to 15 degrees."""
    count = len(images)
    angle = (torch.rand(count, generator=generator) * 2 - 1) * math.radians(15)
    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    zero, cosine, sine = torch.zeros(count), angle.cos(), angle.sin()
    rows = [
        torch.stack(r, 1) for r in ((cosine * mirror, -sine, zero), (sine * mirror, cosine, zero))
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def probe(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, classes: int) -> np.ndarray:
    """Return the predictions of a logistic regression on frozen features."""
    net = Lite0(classes).eval()
    with torch.no_grad():
        train, test = (
            torch.cat([net.features(prepared(part)) for part in torch.from_numpy(a).split(64)])
            for a in (x, x_test)
        )
    mean, scale = train.mean(0), train.std(0) + 1e-6
    train, test = (train - mean) / scale, (test - mean) / scale
    layer, targets = nn.Linear(train.shape[1], classes), torch.from_numpy(y)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        # scikit-learn's C = 1.
        found = F.cross_entropy(layer(train), targets, reduction="sum")
        found = found + 0.5 * layer.weight.square().sum()
        found.backward()
        return found

    optimizer.step(loss)
    return layer(test).argmax(1).numpy()


def train(
    x: np.ndarray,
    y: np.ndarray,
    x_test: np.ndarray,
    classes: int,
    *,
    seed: int,
    careful: bool = True,
    pretrained: bool = True,
    batch_norm_frozen: bool = True,
    epochs: int = 20,
    batch_size: int = 32,
    base_rate: float = 3e-4,
    head_rate: float = 3e-3,
) -> np.ndarray:
    """Return the predictions of the whole net, trained.

    Careful: AdamW at two rates, one cycle, batch normalisation frozen, label smoothing, flips and
    turns. Else: Adam at 0.001 for all weights, as it comes. Fresh weights need batch normalisation
    that learns, and soon: at the published momentum of 0.01 its statistics would be a quarter of
    the first ones still after these few steps, and every image be given one class.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    net = Lite0(classes, pretrained).to(memory_format=torch.channels_last).train()
    for module in net.modules() if not pretrained else ():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1
    targets, images = torch.from_numpy(y), torch.from_numpy(x)
    steps = epochs * math.ceil(len(x) / batch_size)
    schedule = None
    if careful:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d) and batch_norm_frozen:
                module.eval()
        head = set(net.head.parameters())
        base = [p for p in net.parameters() if p not in head]
        optimizer = torch.optim.AdamW(
            [{"params": base, "lr": base_rate}, {"params": list(head), "lr": head_rate}],
            weight_decay=0.01,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, [base_rate, head_rate], total_steps=steps
        )
    else:
        optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x), generator=generator).split(batch_size):
            batch = prepared(images[rows])
            if careful:
                batch = flipped_and_turned(batch, generator)
            loss = F.cross_entropy(
                net(batch), targets[rows], label_smoothing=0.1 if careful else 0.0
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if schedule is not None:
                schedule.step()
    net.eval()
    with torch.no_grad():
        parts = [net(prepared(part)).argmax(1) for part in torch.from_numpy(x_test).split(64)]
    return torch.cat(parts).numpy()
