"""What is borrowed to try things on: a copy of a model, and data read as if nobody had."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from latih.data import is_stream
from latih.data.own_generators import OwnGenerators
from latih.errors import InputError


class Borrowed:
    """Data that each run reads from the same beginning, and whose generators stay where they are.

    Args:
        x: what the user gave.
        steps: how many batches a run reads; of a generator, which is read once only, so many are
            kept.
        asked: what needs it, for sentences.
        others: further data that are read, by what they are called.

    Raises:
        InputError: a generator gave nothing.

    Example:
        >>> data = Borrowed(iter([1, 2, 3]), 2, "lr_find()")
        >>> list(itertools.islice(data.read(), 3))
        [1, 2, 1]
    """

    def __init__(
        self, x: Any, steps: int, asked: str, others: Mapping[str, Any] | None = None
    ) -> None:
        self._x = x
        self._read: list[Any] | None = None
        if isinstance(x, Iterator):
            self._read = list(itertools.islice(x, steps))
            if not self._read:
                raise InputError(
                    f"{asked} got no batch", expected="a generator of batches", got="an empty one"
                )
        roots = {"x": None if self._read is not None else x, **(others or {})}
        self._generators = OwnGenerators({k: v for k, v in roots.items() if is_stream(v)})

    def read(self) -> Any:
        """Return the data for one run."""
        return self._x if self._read is None else itertools.cycle(self._read)

    def drawing(self) -> Any:
        """Let the block draw from the data's own generators as if it had not."""
        return self._generators.drawing_from(self._generators.state_dict())


def copy_of(model: Any) -> Any:
    """Return a copy of a model, with its optimizer, that can be trained in its place.

    Raises:
        InputError: it cannot be copied.
    """
    try:
        return copy.deepcopy(model)
    except (TypeError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"the model {model.name!r} cannot be copied, and only a copy may be tried",
            expected="attributes that copy.deepcopy() takes",
            got=str(error),
            fix="Keep files, locks and threads outside the model.",
        ) from error
