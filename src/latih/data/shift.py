"""Whether the rows that are held back are of another kind than the rest.

``validation_split`` takes the last rows, as Keras does. Where a file is sorted by its label they
are all of one class, and what validation then says is worth nothing.
"""

import math

import torch

# A difference must be both more than chance makes and large enough to matter: of a million rows
# chance makes differences that nobody minds, of ten rows large ones that mean nothing.
CHANCE = 1e-4  # how often a split at random may look so
LEAST = 0.1  # the total variation, or the Kolmogorov-Smirnov distance, that matters
LEAST_EXPECTED = 5.0  # examples in a cell, below which chi-squared is no law of it (Cochran 1954)
MOST_CLASSES = 65_536
MOST_COLUMNS = 16  # of a regression; wider targets are images or the like, and are not judged
MOST_ROWS = 100_000  # that are sorted


def label_shift(first: torch.Tensor, last: torch.Tensor) -> str:
    """Say whether the targets that are held back are distributed otherwise than the rest.

    Classes are compared by chi-squared and by the total variation of their shares; quantities by
    the Kolmogorov-Smirnov distance of each column. Targets of other shapes are not judged.

    Args:
        first: the targets that are trained on.
        last: those that are held back.

    Shapes:
        both: ``(n,)`` or ``(n, 1)``, class numbers or quantities; ``(n, K)``, one-hot rows or
        quantities.

    Returns:
        A sentence that says which class is missing or too frequent and how to mend it; empty where
        chance would do.

    Reference:
        Cochran 1954, "Some methods for strengthening the common chi-squared tests"; Smirnov 1948,
        "Table for estimating the goodness of fit of empirical distributions".

    Example:
        >>> labels = torch.arange(3).repeat_interleave(50)
        >>> label_shift(labels[:100], labels[100:])
        'the rows that validation_split holds back (the last) are of other classes than the rest:
        class 2 makes up 100% of them and is missing in the rest. Shuffle the rows first, or give
        validation_data.'
        >>> label_shift(labels[::2], labels[1::2])
        ''
    """
    told = ""
    first, last = _squeezed(first), _squeezed(last)
    if first.ndim == 2 and _one_hot(first) and _one_hot(last):
        columns = first.shape[1]
        told = _class_shift(first.argmax(1), last.argmax(1), 0, columns)
    elif first.ndim == 1 and (classes := _class_range(first, last)) is not None:
        told = _class_shift(first.long(), last.long(), *classes)
    elif first.ndim == 1 or (first.ndim == 2 and first.is_floating_point()):
        told = _quantity_shift(first, last)
    if not told:
        return ""
    return (
        f"the rows that validation_split holds back (the last) are of {told}. "
        "Shuffle the rows first, or give validation_data."
    )


def _squeezed(targets: torch.Tensor) -> torch.Tensor:
    return targets[:, 0] if targets.shape[1:] == (1,) else targets


def _one_hot(targets: torch.Tensor) -> bool:
    ones = targets == 1
    return bool(((targets == 0) | ones).all()) and bool((ones.sum(dim=1) == 1).all())


def _class_range(first: torch.Tensor, last: torch.Tensor) -> tuple[int, int] | None:
    """Return the lowest class and how many there may be; None where the numbers are quantities."""
    for targets in (first, last):
        if targets.is_floating_point() and not torch.equal(targets, targets.round()):
            return None
    lowest = int(min(first.min(), last.min()))
    classes = int(max(first.max(), last.max())) - lowest + 1
    # Whole numbers of which hardly two are alike count or measure something: years, prices.
    if classes > MOST_CLASSES or classes * LEAST_EXPECTED > max(len(first), 50):
        return None
    return lowest, classes


def _class_shift(first: torch.Tensor, last: torch.Tensor, lowest: int, classes: int) -> str:
    counts = torch.stack(
        [torch.bincount(labels - lowest, minlength=classes) for labels in (first, last)]
    ).double()
    shares = counts / counts.sum(dim=1, keepdim=True)
    unseen = _chance_of_absence(counts) < CHANCE / classes
    if unseen.any():
        most = int(torch.where(unseen, (shares[1] - shares[0]).abs(), 0.0).argmax())
    elif _differ(counts):
        most = int((shares[1] - shares[0]).argmax())
    else:
        return ""
    before, now = shares[0, most].item(), shares[1, most].item()
    of_rest = f"{before:.0%} of the rest" if before else "is missing in the rest"
    told = (
        f"is missing among them and makes up {of_rest}"
        if not now
        else f"makes up {now:.0%} of them and {of_rest}"
    )
    return f"other classes than the rest: class {most + lowest} {told}"


def _chance_of_absence(counts: torch.Tensor) -> torch.Tensor:
    """Return for each class how often chance leaves one side without it; 1 where both have it."""
    totals = counts.sum(dim=0)
    # Each example of a class that one side lacks has fallen to the other side.
    other = counts.sum(dim=1).flip(0) / counts.sum()
    chances = other[:, None] ** totals
    return torch.where(counts == 0, chances, 1.0).amin(dim=0)


def _differ(counts: torch.Tensor) -> bool:
    """Say whether two rows of counts are of two distributions (chi-squared, homogeneity)."""
    total = counts.sum()
    expected = counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / total
    rare = expected.amin(dim=0) < LEAST_EXPECTED
    if rare.any():  # all rare classes count as one
        counts = torch.cat([counts[:, ~rare], counts[:, rare].sum(dim=1, keepdim=True)], dim=1)
        expected = counts.sum(dim=1, keepdim=True) * counts.sum(dim=0) / total
    freedom = counts.shape[1] - 1
    if freedom < 1:
        return False
    shares = counts / counts.sum(dim=1, keepdim=True)
    if (shares[0] - shares[1]).abs().sum().item() / 2 < LEAST:
        return False
    statistic = ((counts - expected).square() / expected).sum()
    chance = torch.special.gammaincc(torch.tensor(freedom / 2).to(statistic), statistic / 2)
    return chance.item() < CHANCE


def _quantity_shift(first: torch.Tensor, last: torch.Tensor) -> str:
    first, last = (targets.reshape(len(targets), -1) for targets in (first, last))
    columns = first.shape[1]
    if columns > MOST_COLUMNS:
        return ""
    # Every k-th of very many rows says as much, and sorts faster.
    first, last = (rows[:: -(-len(rows) // MOST_ROWS)].double() for rows in (first, last))
    size = len(first) * len(last) / (len(first) + len(last))
    for column in range(columns):
        one, other = first[:, column].sort().values, last[:, column].sort().values
        distance = _largest_gap(one, other)
        if distance >= LEAST and _chance_of_gap(distance, size) < CHANCE / columns:
            which = f" in column {column}" if columns > 1 else ""
            return (
                f"other size than the rest: their median{which} is {other.median().item():.3g}, "
                f"that of the rest {one.median().item():.3g}"
            )
    return ""


def _largest_gap(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the Kolmogorov-Smirnov distance of two sorted samples."""
    values = torch.cat([one, other])
    shares = [
        torch.searchsorted(sample, values, right=True).double() / len(sample)
        for sample in (one, other)
    ]
    return (shares[0] - shares[1]).abs().max().item()


def _chance_of_gap(distance: float, size: float) -> float:
    """Return how often chance makes a gap as large (Kolmogorov's series)."""
    scaled = distance * distance * size
    terms = ((-1) ** (k - 1) * math.exp(-2 * k * k * scaled) for k in range(1, 101))
    return min(1.0, 2 * sum(terms))
