"""How well two views of the same examples agree, and how well others are told apart."""

import torch
import torch.nn.functional as F

from latih.arguments import number
from latih.errors import InputError


def simclr_loss(
    first: torch.Tensor, second: torch.Tensor, temperature: float = 0.5
) -> torch.Tensor:
    """Return how hard it is to find each view's partner among all views of the batch.

    ``-log( exp(s(i,j)/τ) / Σ_{k≠i} exp(s(i,k)/τ) )``, s the cosine, averaged over all 2n views i,
    each with its partner j.

    Args:
        first: embeddings of the first views.
        second: those of the second, in the same order.
        temperature: τ > 0; small weighs the hardest negatives most.

    Shapes:
        first and second: ``(n, d)``; returns: ``()``.

    Raises:
        InputError: the two have other shapes, or τ is not above 0.

    Example:
        >>> views = torch.eye(2)
        >>> round(simclr_loss(views, views, temperature=1.0).item(), 4)  # log(e + 2) - 1
        0.5514

    Reference:
        Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations",
        equation 1.
    """
    _require_alike(first, second)
    tau = number(temperature, "temperature", "simclr_loss()", above=0)
    count = first.shape[0]
    views = F.normalize(torch.cat([first, second]), dim=1)
    similar = views @ views.T / tau
    itself = torch.eye(2 * count, dtype=torch.bool, device=views.device)
    partner = torch.arange(2 * count, device=views.device).roll(count)
    return F.cross_entropy(similar.masked_fill(itself, -torch.inf), partner)


def vicreg_loss(
    first: torch.Tensor,
    second: torch.Tensor,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> torch.Tensor:
    """Return how far two views are apart, with what keeps all from becoming one.

    ``λ s(Z, Z') + μ (v(Z) + v(Z')) / 2 + κ (c(Z) + c(Z'))`` with s the mean squared difference,
    ``v = mean_j max(0, 1 - √(Var(z_j) + 0.0001))`` and c the sum of the squared covariances of
    different components, divided by d. There are no negatives, so small batches will do.

    Args:
        first: embeddings of the first views.
        second: those of the second, in the same order.
        invariance: λ >= 0.
        variance: μ >= 0.
        covariance: κ >= 0.

    Shapes:
        first and second: ``(n, d)``, n >= 2; returns: ``()``.

    Raises:
        InputError: the two have other shapes, or a weight is below 0.

    Example:
        >>> views = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [1.0, -1.0], [-1.0, -1.0]])
        >>> vicreg_loss(views, views).item()  # deviations of one, and no covariance
        0.0

    Reference:
        Bardes, Ponce & LeCun 2022, "VICReg", equations 1 to 6, with the weights of its programs.
    """
    _require_alike(first, second)
    for weight, name in ((invariance, "invariance"), (variance, "variance")):
        number(weight, name, "vicreg_loss()", least=0)
    number(covariance, "covariance", "vicreg_loss()", least=0)
    apart = (first - second).square().mean()
    narrow = (_narrowness(first) + _narrowness(second)) / 2
    return invariance * apart + variance * narrow + covariance * (_echo(first) + _echo(second))


def _narrowness(views: torch.Tensor) -> torch.Tensor:
    variances = (views - views.mean(0)).square().sum(0) / max(len(views) - 1, 1)
    return F.relu(1 - (variances + 1e-4).sqrt()).mean()


def _echo(views: torch.Tensor) -> torch.Tensor:
    """Return the squared covariances of different components, summed and divided by d."""
    count, width = views.shape
    centred = views - views.mean(0)
    covariances = centred.T @ centred / max(count - 1, 1)
    return (covariances.square().sum() - covariances.diagonal().square().sum()) / width


def _require_alike(first: torch.Tensor, second: torch.Tensor) -> None:
    if first.shape != second.shape or first.ndim != 2:
        raise InputError(
            "two views of the same examples are compared",
            expected="two tensors of one shape, (n, d)",
            got=f"{tuple(first.shape)} and {tuple(second.shape)}",
        )
