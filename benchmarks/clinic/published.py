"""Published cases as programs: ``Program`` from a case of the schema of ``cases.json``."""

import contextlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from case_data import COLOUR_TRAINING, data_of
from labels import HEALTHY, NAMELESS, all_codes, codes_of
from losses import ascended, loss_of
from program import Program
from words import layer_of, optimizer_of, plain

import latih as keras
from latih.errors import LatihError

Case = Mapping[str, Any]
USUAL_BATCH, USUAL_EPOCHS = 32, 10


def read(path: Path) -> list[Case]:
    """Return the cases of a file."""
    return json.loads(path.read_text(encoding="utf-8"))["cases"]


def program_of(case: Case) -> Program:
    """Return the program that a case describes.

    Raises:
        UnknownWord: it says something that nobody knows.
    """
    faults = [label for label in case.get("known_faults") or () if label != HEALTHY]
    _look_up_words(case)
    return Program(
        name=case["id"],
        make_data=lambda seed: data_of(case, seed),
        make_model=lambda data: model_of(case, data.x.shape[1:]),
        make_optimizer=lambda: optimizer_of(case.get("optimizer") or "adam"),
        make_loss=lambda: _loss(case),
        batch_size=_whole(case.get("batch_size"), USUAL_BATCH),
        epochs=_whole(case.get("epochs"), USUAL_EPOCHS),
        fit={"shuffle": False} if "missing_shuffle" in faults else {},
        codes=all_codes(faults) or ((NAMELESS,) if faults else ()),
        labels={label: codes_of(label) for label in faults if codes_of(label)},
        origin=case.get("origin_kind") or "unknown",
        confidence=case.get("confidence") or "unknown",
        enough=case.get("enough"),
        sick_below=_sick_below(case),
        remarks=tuple(_remarks(case)),
    )


def _sick_below(case: Case) -> float | None:
    found = re.search(r"final accuracy < (\d+)\s?%", str(case.get("notes") or ""))
    return int(found[1]) / 100 if found else None


def _look_up_words(case: Case) -> None:
    """Let a word that nobody knows show itself; what Latih refuses is for the run to say."""
    shape = [int(size or 8) for size in case.get("input_shape") or [8]]
    for look_up in (
        lambda: optimizer_of(case.get("optimizer") or "adam"),
        lambda: loss_of(case.get("loss") or "mse"),
        lambda: model_of(case, shape),
    ):
        with contextlib.suppress(LatihError):
            look_up()


def _whole(told: Any, usual: int) -> int:
    return int(told) if isinstance(told, int | float) and told >= 1 else usual


def model_of(case: Case, shape: Any) -> Any:
    """Return the model of a case, not compiled.

    Args:
        case: the case.
        shape: of an example; the case's own may leave a size open.
    """
    optimizer = case.get("optimizer")
    l2 = float((optimizer.get("l2") if isinstance(optimizer, Mapping) else 0) or 0)
    described = list(case["architecture"])
    if _is_over_the_batch(case):
        described[-1] = {**described[-1], "activation": softmax_over_the_batch}
    made = [layer for one in described if (layer := layer_of(one, l2)) is not None]
    shape = tuple(int(size) for size in shape or ())
    flat = made and isinstance(made[0], keras.layers.Dense) and len(shape) > 1
    return keras.Sequential(
        [keras.Input(shape), *([keras.layers.Flatten()] if flat else []), *made]
    )


def softmax_over_the_batch(scores: torch.Tensor) -> torch.Tensor:
    """Softmax along the wrong axis: each class sums to 1 over the examples."""
    return torch.softmax(scores, dim=0)


def _is_over_the_batch(case: Case) -> bool:
    return bool(re.search(r"axis (?:=\s*)?0|over (?:the )?batch", str(case.get("notes") or "")))


def broadcast_mse(y_true: torch.Tensor, y_pred: torch.Tensor) -> torch.Tensor:
    """Squared differences of each target to each prediction: [N] beside [N, 1]."""
    return (y_true.reshape(1, -1) - y_pred.reshape(-1, 1)).square().mean(dim=1)


def _loss(case: Case) -> Any:
    faults = set(case.get("known_faults") or ())
    if "target_shape_broadcast" in faults:
        return broadcast_mse
    loss = loss_of(case.get("loss") or "mse")
    text = str(case.get("notes") or "").lower()
    return ascended(loss) if "gradient_ascent" in faults or "gradients negated" in text else loss


def _remarks(case: Case) -> list[str]:
    told = case.get("dataset") or {}
    found = []
    if told.get("stand_in"):
        found.append(f"data: {told['stand_in']}")
    elif "at_" not in str(told.get("name")):
        found.append(f"data made by what the case says of {told.get('name')!r}")
    if "cifar" in plain(told.get("name")) and not told.get("n_train"):
        found.append(f"{COLOUR_TRAINING:,} rows to train on")
    if "features_shuffled_alone" in (case.get("known_faults") or ()):
        found.append("features permuted once, not each epoch")
    return found
