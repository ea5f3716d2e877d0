"""In what two runs differ, said as their user knows it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any

from latih.data.fingerprint import is_fingerprint
from latih.engine.changes import changed, changes, shown
from latih.errors import InputError

MOST = 10
"""So many differences are named, and the rest counted."""

CALLED = {
    "loss": "the loss",
    "loss_weights": "loss_weights",
    "metrics": "the metrics",
    "weighted_metrics": "the weighted metrics",
}
"""What compile() was given."""

ARGUMENTS = (
    *("batch_size", "shuffle", "class_weight"),
    *("steps_per_epoch", "validation_freq", "validation_steps"),
)
"""What fit() was given, as it calls it."""

ARRAYS = {"inputs": "x", "targets": "y", "weights": "sample_weight", "tensors": "tensors"}
"""What fit(), or a TensorDataset, calls the parts of the data."""


def refuse(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuse to go on with a run that was begun with something else.

    Args:
        before: what decided the run, as :func:`~latih.models.asked.asked` returned it.
        now: the same of the run that shall go on.
        where: the directory of the run.

    Raises:
        InputError: they differ; the sentence says in what.
    """
    refuse_found(differences(before, now), where)


def refuse_found(found: Sequence[str], where: str) -> None:
    """Refuse to go on with a run that was begun with something else, if anything was.

    Args:
        found: in what it differs, a sentence for each difference.
        where: the directory of the run.

    Raises:
        InputError: there are such.
    """
    if found:
        raise InputError(
            f"the run in {where!r} cannot be gone on with: it was begun with something else",
            got="; ".join(shortened(found)),
            fix="Undo the change, choose another directory, or go on all the same with "
            "resume='force', or --force.",
        )


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return in what two runs differ, a sentence for each difference.

    Args:
        before: what decided one run, as :func:`~latih.models.asked.asked` returned it.
        now: the same of the other.

    Example:
        >>> differences({"batch_size": 32}, {"batch_size": 64})
        ['batch_size: 32 -> 64']
    """
    b, n = before.get, now.get
    found = list(_layers(b("model"), n("model"), "the model"))
    found = found or list(_weights(b("weights") or [], n("weights") or []))
    found += _optimizers(b("optimizer"), n("optimizer"))
    for key, called in CALLED.items():
        found += changes(b(key), n(key), called)
    weighed_alike = b("class_weight") == n("class_weight")
    found += _data(b("data"), n("data"), "the training", weighed_alike)
    found += _data(b("validation"), n("validation"), "the validation", True)
    found += _arguments(before, now)
    found += _callbacks(b("callbacks") or [], n("callbacks") or [])
    if b("callbacks") == n("callbacks"):
        for name, old, new in zip(
            n("callbacks") or [],
            b("callbacks_settings") or [],
            n("callbacks_settings") or [],
            strict=False,
        ):
            found += changes(old, new, f"callbacks: {name}")
    return found


def shortened(found: Sequence[str]) -> list[str]:
    """Return the first of many sentences, and how many more there are.

    Example:
        >>> shortened([str(number) for number in range(13)])[-2:]
        ['9', 'and 3 more']
    """
    more = len(found) - MOST
    return [*found[:MOST], f"and {more} more"] if more > 0 else list(found)


# The model


def _layers(before: Any, now: Any, where: str) -> Iterator[str]:
    """Yield in what two layers differ, then those inside them, then how these are connected."""
    if before == now:
        return
    if not (before and now) or before["class_name"] != now["class_name"]:
        yield changed(where, shown(before), shown(now))
        return
    found = list(changes(before.get("config"), now.get("config"), where))
    old, new = before.get("layers") or [], now.get("layers") or []
    within = "the" if where == "the model" else f"{where}, its"
    for i, j in _aligned(old, new):
        if i is None or j is None:
            place, layer, told = (j, new, "is new") if i is None else (i, old, "is missing")
            assert place is not None
            found.append(f"{_called(within, place, layer[place])} {told}")
        elif old[i]["class_name"] != new[j]["class_name"]:
            found.append(changed(f"{within} layer {i + 1}", shown(old[i]), shown(new[j])))
        else:
            found += _layers(old[i], new[j], _called(within, j, new[j]))
    if not found:
        found += changes(before.get("input_shape"), now.get("input_shape"), where, "input shape")
        found += _connections(before.get("calls"), now.get("calls"), new, within)
    yield from found


def _called(within: str, place: int, layer: Mapping[str, Any]) -> str:
    return f"{within} layer {place + 1} ({layer['class_name']})"


def _aligned(
    old: Sequence[Any], new: Sequence[Any], exactly: bool = True
) -> Iterator[tuple[int | None, int | None]]:
    """Yield the places of what stands for one another; None where something is new or missing.

    What is the same in every point is paired first, then what is of one class.
    """
    one, other = ([_key(layer, exactly) for layer in layers] for layers in (old, new))
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "replace" and exactly:
            for left, right in _aligned(old[i:i_end], new[j:j_end], exactly=False):
                yield None if left is None else i + left, None if right is None else j + right
        else:
            yield from zip_longest(range(i, i_end), range(j, j_end))


def _key(layer: Mapping[str, Any], exactly: bool) -> str:
    return json.dumps(layer, sort_keys=True) if exactly else layer["class_name"]


def _connections(before: Any, now: Any, layers: Sequence[Any], within: str) -> Iterator[str]:
    if before == now:
        return
    if before is None or now is None:
        yield f"{within} layers are connected in another way"
        return
    for place, (old, new) in enumerate(zip(before["calls"], now["calls"], strict=True)):
        if old != new:
            yield f"{_called(within, place, layers[place])}: called on other inputs"
    for end in ("inputs", "outputs"):
        if before[end] != now[end]:
            yield f"{within} {end} are those of other layers"


def _weights(before: Sequence[Any], now: Sequence[Any]) -> Iterator[str]:
    if len(before) != len(now):
        yield f"the weights: {len(before)} -> {len(now)} arrays"
        return
    pairs = list(zip(before, now, strict=True))
    for place, ((old, _), (new, _)) in enumerate(pairs):
        yield from changes(old, new, f"the weight {place + 1}", "shape")
    for was, told in ((True, "trained -> frozen"), (False, "frozen -> trained")):
        count = sum(old == was and new != was for (_, old), (_, new) in pairs)
        if count:
            yield f"{count} of the {len(now)} weights: {told}"


# How it is compiled and called


def _arguments(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in ARGUMENTS:
        yield from changes(before.get(key), now.get(key), key)
    if before.get("validation") and now.get("validation"):
        old, new = before.get("validation_batch_size"), now.get("validation_batch_size")
        # By default it follows the other, of which it is said already.
        if (old, new) != (before.get("batch_size"), now.get("batch_size")):
            yield from changes(old, new, "validation_batch_size")


def _optimizers(before: Any, now: Any) -> Iterator[str]:
    where = "the optimizer"
    if not (before and now) or before["class_name"] != now["class_name"]:
        if before != now:
            yield changed(where, shown(before), shown(now))
        return
    yield from changes(before["learning_rate"], now["learning_rate"], "the learning rate")
    yield from changes(before["config"], now["config"], where)
    yield from changes(before["groups"], now["groups"], where, "groups")


def _callbacks(before: Sequence[str], now: Sequence[str]) -> Iterator[str]:
    if sorted(before) == sorted(now):
        if before != now:
            yield f"callbacks: {', '.join(before)} -> {', '.join(now)}"
        return
    added = list(now)
    for name in before:
        if name in added:
            added.remove(name)
        else:
            yield f"callbacks: {name} is missing"
    for name in added:
        yield f"callbacks: {name} is new"


# The data


def _data(before: Any, now: Any, which: str, weighed_alike: bool) -> Iterator[str]:
    where = f"{which} examples"
    if before == now:
        return
    if before is None or now is None:
        yield f"{where} are {'new' if before is None else 'missing'}"
        return
    if before["source"] != now["source"]:
        yield changed(f"{which} data", before["source"], now["source"])
        return
    old, new = before["examples"], now["examples"]
    if old != new or before["source"] != "arrays":
        # Of other rows there are other hashes, and of what is only iterated mostly none.
        yield from _sizes(before, now, where)
    for part, called in ARRAYS.items():
        if part == "weights" and not weighed_alike:
            continue  # those of the classes are in them
        one, other = (dict(_arrays(run.get(part), called)) for run in (before, now))
        for name in dict.fromkeys([*one, *other]):
            yield from _array(one.get(name), other.get(name), f"{where} {name}", old == new)


def _sizes(before: Mapping[str, Any], now: Mapping[str, Any], where: str) -> Iterator[str]:
    old, new = before["examples"], now["examples"]
    if old != new:
        yield f"{where}: {_rows(old)} -> {_rows(new)} rows"
    elif before.get("batch_size") == now.get("batch_size"):
        yield from changes(before.get("steps"), now.get("steps"), where, "steps")


def _rows(count: int | None) -> str:
    return "an unknown number of" if count is None else f"{count:,}"


def _arrays(structure: Any, called: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield fingerprints with what the user calls the arrays."""
    if is_fingerprint(structure):
        yield called, structure
    elif isinstance(structure, Mapping):
        for key, part in structure.items():
            yield from _arrays(part, f"{called}[{key!r}]")
    elif isinstance(structure, list):
        for place, part in enumerate(structure):
            yield from _arrays(part, called if len(structure) == 1 else f"{called}[{place}]")


def _array(before: Any, now: Any, where: str, as_many: bool) -> Iterator[str]:
    if before is None or now is None:
        yield f"{where} {'is new' if before is None else 'is missing'}"
        return
    shapes = before["shape"][1:], now["shape"][1:]
    if shapes[0] != shapes[1]:
        yield f"{where}: shape {_shape(shapes[0])} -> {_shape(shapes[1])}"
    elif before["dtype"] != now["dtype"]:
        yield f"{where}: {before['dtype']} -> {now['dtype']}"
    elif as_many and before != now:
        yield f"{where}: other values (their fingerprints differ)"


def _shape(of_one: Sequence[int]) -> str:
    return str((None, *of_one)).replace("None", "n")
