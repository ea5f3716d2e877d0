"""What is known of the data: the inputs, the targets, and the rows that are held back."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch

from latih.data.batches import Batch
from latih.doctor import targets as of_targets
from latih.doctor.fact_records import InputFacts, OutputFacts
from latih.doctor.rows import inputs_of, is_mapped, spread, take
from latih.losses import Loss

MOST_ROWS = 4096
MOST_NUMBERS = 1 << 20
"""So many numbers of an input are looked at; of large examples fewer rows, but at least"""

LEAST_ROWS = 64
"""these."""

MOST_TARGETS = 1 << 22
"""So many numbers of targets are looked at."""

LEAST_SPREAD = 0.4
"""A feature whose mean absolute deviation is a smaller part of its standard deviation hardly ever
changes: of the yes-or-no features those with fewer than 4% of yes. Normal ones have 0.8."""

QUANTILES = 21
MOST_SORTED = 1 << 16
"""So many targets of a regression say how all of them lie."""

STANDARD_ERRORS = 4.0
"""So much of a difference between means is put down to chance: there are many features."""

MOST_KURTOSIS = 25.0
"""Of a feature that is elsewhere in fewer than 4% of the rows: a few more of these are no shift."""

LEAST_DEVIATION = 0.01
"""As a part of that of the features together, the deviation by which a distance is measured at
least: where a pixel is all but constant, a trace of noise is far away."""

FEW_FEATURES = 3
LEAST_DISTINCT = 0.5
"""Where of whole numbers fewer rows are different, twins say nothing."""

LEAST_TWINS = 3
"""So many of the rows held back must have a twin among those trained on, to be no chance."""

MOST_COLUMNS = 128
MOST_COMPARED = 256
"""So many columns say who may be a twin, and so many pairs are compared in all of them."""


def rows_to_look_at(batch: Batch) -> torch.Tensor:
    """Return the numbers of the rows that say enough of the inputs."""
    largest = max((one[:1].numel() for one in inputs_of(batch)), default=1)
    return spread(batch.size, max(LEAST_ROWS, min(MOST_ROWS, MOST_NUMBERS // max(1, largest))))


def input_facts(name: str, inputs: torch.Tensor, is_scaled: bool = False) -> InputFacts:
    """Return what is known of one input.

    A feature is a number in the last axis: a column of a table, a channel of an image.

    Args:
        name: what it is called.
        inputs: some rows.
        is_scaled: whether the model itself scales it first.

    Shapes:
        inputs: ``(n, ...)``.

    Example:
        >>> facts = input_facts("x", torch.tensor([[0.0, 100.0], [2.0, 300.0]]))
        >>> facts.deviation_ratio, facts.largest_mean, facts.is_whole
        (100.0, 2.0, True)
    """
    shape = tuple(inputs.shape[1:])
    rows = inputs.reshape(-1, inputs.shape[-1] if inputs.ndim > 1 else 1).float()
    finite = is_finite(rows)
    if not finite:
        sound = rows[rows.isfinite().all(dim=1)]
        rows = sound if len(sound) else rows.nan_to_num(0.0, 0.0, 0.0)
    means, variances, centred = _moments(rows)
    deviations = variances.sqrt()
    changes = deviations > 1e-6 * means.abs()
    absolute = centred.abs_().mean(dim=0)
    common = changes & (absolute > LEAST_SPREAD * deviations)
    least, most = torch.aminmax(rows)
    # Of all numbers together, by those of the features: a pass less.
    mean = means.double().mean()
    deviation = (variances.double() + (means.double() - mean).square()).mean().sqrt()
    ratio, largest = 1.0, 0.0
    if common.any():
        ratio = (deviations.max() / deviations[common].min()).item()
        largest = (means.abs() / deviations)[common].max().item()
    return InputFacts(
        name=name,
        shape=shape,
        finite=finite,
        least=least.item(),
        most=most.item(),
        largest_mean=largest,
        deviation_ratio=ratio,
        deviation=deviation.item(),
        mean=mean.item(),
        constant=1.0 - changes.float().mean().item(),
        is_whole=_are_whole(rows),
        is_scaled=is_scaled,
    )


def _moments(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return each column's mean and variance, and the rows less the means."""
    # Several times as fast as torch.var_mean() along the first axis.
    means = rows.mean(dim=0)
    centred = rows - means
    return means, centred.square().mean(dim=0), centred


def _are_whole(rows: torch.Tensor) -> bool:
    # Most that are not show it at once.
    return all(bool((part == part.round()).all()) for part in (rows[:16], rows))


def is_finite(values: torch.Tensor) -> bool:
    """Say whether all numbers are finite, in one pass and without a second array.

    Example:
        >>> is_finite(torch.tensor([0.0, math.nan])), is_finite(torch.tensor([1, 2]))
        (False, True)
    """
    if not values.is_floating_point() or values.numel() == 0:
        return True
    # A sum carries NaN and infinity, and is the fastest to ask for; but it may be too large itself.
    if math.isfinite(values.sum().item()):
        return True
    least, most = torch.aminmax(values)
    return math.isfinite(least.item()) and math.isfinite(most.item())


def output_facts(
    name: str,
    targets: torch.Tensor | None,
    loss: Loss | None = None,
    width: int = 1,
    *,
    is_in_order: bool = False,
) -> tuple[OutputFacts, of_targets.Asked | None]:
    """Return what is known of one output by its targets, and what these ask for.

    Args:
        name: what it is called.
        targets: of all examples, or of some; None for none.
        loss: the compiled loss.
        width: how many numbers stand in the last axis of the outputs.
        is_in_order: whether the targets stand in the order in which they are trained on.

    Shapes:
        targets: ``(n, ...)``.
    """
    loss_name = of_targets.loss_name(loss)
    facts = OutputFacts(
        name,
        width=width,
        loss=loss_name,
        from_logits=of_targets.takes_logits(loss),
        reduction=None if loss is None else loss.reduction,
    )
    if targets is None or targets.numel() == 0:
        return facts, None
    facts = replace(facts, target_shape=tuple(targets.shape[1:]))
    finite = is_finite(targets)
    if not finite:
        sound = targets.reshape(len(targets), -1).isfinite().all(dim=1)
        targets = targets[sound] if bool(sound.any()) else targets.nan_to_num(0.0, 0.0, 0.0)
    targets = of_targets.counted(targets, loss)
    if targets.numel() == 0:
        return replace(facts, finite=finite), None
    question = of_targets.asked(targets, width, loss_name)
    columns = targets.reshape(len(targets), -1).double()
    least, most = torch.aminmax(columns)
    facts = replace(
        facts,
        task=question.task,
        classes=_classes(question),
        finite=finite,
        least=least.item(),
        most=most.item(),
        deviation=columns.var(dim=0, correction=0).mean().sqrt().item(),
        mean=columns.mean().item(),
        counts=question.counts,
        is_whole=_are_whole(columns),
        quantiles=quantiles(columns) if question.task == "regression" else (),
        trivial_score=_trivial_score(question, len(targets)),
    )
    if is_in_order and question.task != "multi-label":
        order = of_targets.surprise_of_order(targets, question.labels)
        facts = replace(facts, order=order)
    return facts, question


def quantiles(values: torch.Tensor) -> tuple[float, ...]:
    """Return what lies at evenly spaced places from the least of the numbers to the most.

    Args:
        values: any numbers; of very many some are looked at.

    Example:
        >>> quantiles(torch.arange(101.0))[:3]
        (0.0, 5.0, 10.0)
    """
    flat = values.reshape(-1)
    some = flat[:: -(-len(flat) // MOST_SORTED)].sort().values
    places = torch.linspace(0, len(some) - 1, QUANTILES).round().long()
    return tuple(some[places].tolist())


def _classes(question: of_targets.Asked) -> int:
    if question.task == "multi-label":
        return len(question.counts)
    return sum(count > 0 for count in question.counts)


def _trivial_score(question: of_targets.Asked, examples: int) -> float:
    if question.task == "regression":
        return 0.0
    if question.task == "multi-label":
        shares = [count / examples for count in question.counts]
        return sum(max(share, 1 - share) for share in shares) / len(shares)
    return max(question.counts) / sum(question.counts)


def fewer_targets(targets: torch.Tensor) -> torch.Tensor:
    """Return targets, or the rows of very many or very long ones that say enough.

    Shapes:
        targets: ``(n, ...)``; returns: ``(m, ...)``, all of them where there are few.
    """
    each = max(1, targets[:1].numel())
    if targets.numel() <= MOST_TARGETS:
        return targets
    return targets.index_select(0, spread(len(targets), max(LEAST_ROWS, MOST_TARGETS // each)))


# What is held back


def duplicates(trained: Batch, held: Batch) -> float:
    """Return the share of the rows held back that are among those trained on.

    At most :data:`MOST_ROWS` of each side are compared, and what was not looked at is reckoned to
    be like the rest. Where there are so few different rows that chance makes twins, it is 0, and
    where there is a pair or two, as Iris has, which a split may part; and of
    files that are mapped into memory, where each row would be read from the disk.

    Args:
        trained: what is trained on, all of it.
        held: what is held back, or some of it.
    """
    if is_mapped(trained) or is_mapped(held):
        return 0.0
    one, other = spread(trained.size, MOST_ROWS), spread(held.size, MOST_ROWS)
    ours, theirs = _hashes(trained, one), _hashes(held, other)
    first = [part[:LEAST_ROWS].float() for part in inputs_of(trained)]
    features = sum(part[:1].numel() for part in first)
    if all(_are_whole(part) for part in first) and (
        features <= FEW_FEATURES or len(ours.unique()) < LEAST_DISTINCT * len(ours)
    ):
        return 0.0
    ours, places = ours.sort()
    nearest = torch.searchsorted(ours, theirs).clamp(max=len(ours) - 1)
    alike = (ours[nearest] == theirs).nonzero().flatten()
    if not len(alike):
        return 0.0
    # Few columns were read: who is alike in these may differ in others.
    some = alike[spread(len(alike), MOST_COMPARED)]
    pairs = zip(
        inputs_of(take(trained, one[places[nearest[some]]])),
        inputs_of(take(held, other[some])),
        strict=True,
    )
    same = torch.ones(len(some), dtype=torch.bool)
    for a, b in pairs:
        same &= (a == b).reshape(len(some), -1).all(dim=1).cpu()
    found = len(alike) / len(other) * same.float().mean().item()
    found = min(1.0, found * trained.size / len(one))
    return found if found * held.size >= LEAST_TWINS else 0.0


def own_duplicates(trained: Batch) -> float:
    """Return the share of the rows trained on that equal another, by the columns that are read.

    Where rows repeat by nature, as in a table of few columns, so do those held back.

    Args:
        trained: what is trained on, all of it.
    """
    some = spread(trained.size, MOST_ROWS)
    hashes = _hashes(trained, some)
    counts = hashes.unique(return_counts=True)[1]
    share = counts[counts > 1].sum().item() / len(hashes)
    return min(1.0, share * trained.size / len(hashes))


def _hashes(batch: Batch, rows: torch.Tensor) -> torch.Tensor:
    """Return a whole number for each row: the same for rows that are alike in some columns."""
    columns: list[torch.Tensor] = []
    for part in inputs_of(batch):
        flat = part.reshape(len(part), -1)
        chosen = spread(flat.shape[1], MOST_COLUMNS).to(part.device)
        columns.append(flat[rows.to(part.device)[:, None], chosen].float().cpu())
    bits = (torch.cat(columns, dim=1) + 0.0).view(torch.int32)  # no -0.0
    dice = torch.Generator().manual_seed(bits.shape[1])
    factors = torch.randint(-(2**31), 2**31, (bits.shape[1],), dtype=torch.int32, generator=dice)
    return (bits * (factors | 1)).sum(dim=1, dtype=torch.int64)


def shift(trained: torch.Tensor, held: torch.Tensor) -> float:
    """Return how far a feature lies elsewhere, or more widely, in the rows held back.

    It is told of the feature whose mean or deviation is farthest, in its standard deviations in
    training, less what chance makes. Features that hardly ever change are left out.

    Args:
        trained: some rows that are trained on.
        held: some rows that are held back.

    Shapes:
        both: ``(n, ...)``.

    Example:
        >>> x = torch.linspace(0, 1, 500).reshape(-1, 1)
        >>> shift(x[::2], x[1::2]), shift(x, 255 * x) > 100
        (0.0, True)
    """
    if min(len(trained), len(held)) < 2:
        return 0.0
    one, other = (_moments_with_errors(part) for part in (trained, held))
    deviation = one.variance.sqrt()
    errors = (one.variance / len(trained) + other.variance / len(held)).sqrt()
    far = (one.mean - other.mean).abs() - STANDARD_ERRORS * errors
    errors = (one.error.square() + other.error.square()).sqrt()
    wide = (deviation - other.variance.sqrt()).abs() - STANDARD_ERRORS * errors
    least = LEAST_DEVIATION * one.variance.mean().sqrt()
    most = torch.maximum(far, wide) / deviation.clamp(min=least)
    changes = (deviation > 1e-6 * one.mean.abs()) & (one.kurtosis < MOST_KURTOSIS)
    known = most[changes & most.isfinite()]
    return known.max().clamp(min=0).item() if len(known) else 0.0


@dataclass(frozen=True)
class _Moments:
    """Of each feature: mean, variance, kurtosis, and how far its deviation may be wrong."""

    mean: torch.Tensor
    variance: torch.Tensor
    kurtosis: torch.Tensor
    error: torch.Tensor


def _moments_with_errors(values: torch.Tensor) -> _Moments:
    rows = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1).float()
    mean, variance, centred = _moments(rows)
    fourth = centred.square_().square_().mean(dim=0)
    # The numbers of one image are no independent draws: it is the images that count.
    of_variance = ((fourth - variance.square()).clamp(min=0) / len(values)).sqrt()
    smallest = torch.finfo(torch.float32).tiny
    kurtosis = fourth / variance.square().clamp(min=smallest)
    error = of_variance / (2 * variance.sqrt()).clamp(min=smallest)
    return _Moments(mean, variance, kurtosis, error)


def names_of_inputs(model: Any, inputs: Any, count: int) -> list[str]:
    """Return what the inputs are called, in their order.

    Args:
        model: the model.
        inputs: as it takes them.
        count: how many there are.
    """
    if isinstance(inputs, dict):
        return sorted(map(str, inputs))
    if getattr(model, "is_symbolic", False) and len(model.input_names) == count:
        return list(model.input_names)
    return [f"input_{number}" for number in range(count)]
