"""What an optimizer holds, under the names that Keras's code uses when it looks inside."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from latih.errors import NotReadyError
from latih.optimizers.flat import FlatParameters
from latih.variables import Variable

AVERAGE, SUMS = "average", "gradient_accumulator"
"""The slots of the moving average of the weights and of the gradients added up."""


class Setting(Variable):
    """A number of an optimizer as a variable: assigned to, it tells the optimizer.

    Example:
        >>> heard = []
        >>> setting("learning_rate", 0.5, "float32", heard.append).assign(0.25)
        tensor(0.2500)
        >>> heard
        [0.25]
    """

    tell: Callable[[Any], None]

    def assign(self, value: Any) -> torch.Tensor:
        """Put another number in the place of this one, in the optimizer too."""
        given = super().assign(value)
        self.tell(given.item())
        return given

    def __deepcopy__(self, memo: dict[int, Any]) -> Variable:  # type: ignore[override]
        """Return the number alone: a copy speaks for no optimizer."""
        return Variable(self, trainable=False, name=self.name, path=self.path)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Say how the number alone is made again."""
        return self.__deepcopy__({}).__reduce_ex__(protocol)


def setting(name: str, value: float, dtype: str, tell: Callable[[Any], None]) -> Setting:
    """Return a number of an optimizer as a variable.

    Args:
        name: what it is called.
        value: the number.
        dtype: its type.
        tell: what is called with a number that is assigned.
    """
    made = Setting(value, dtype=dtype, trainable=False, name=name)
    made.tell = tell
    return made


class StateNames:
    """The part of an optimizer that answers to Keras's own names."""

    flat: FlatParameters | None
    slots: dict[str, torch.Tensor]
    variables: Any
    _micro_steps: int

    def load_variables(self, arrays: Sequence[torch.Tensor]) -> None:
        """Take a state; the optimizer itself says how."""
        raise NotImplementedError

    def _clip(self, flat: FlatParameters, gradients: torch.Tensor) -> None:
        raise NotImplementedError

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Take the state that ``variables`` of an optimizer of the same kind gave.

        Args:
            weights: arrays or tensors, in the order of ``variables``.

        Raises:
            NotReadyError: the optimizer has no weights yet.
            InputError: there is more or less of it, or a shape differs.
        """
        if self.flat is None:
            raise NotReadyError(
                "You are calling set_weights() of an optimizer that is not built",
                expected="build(variables) first",
                got="no weights",
            )
        self.load_variables([torch.as_tensor(weight) for weight in weights])

    @property
    def _iterations(self) -> torch.Tensor:
        return torch.tensor(self._micro_steps)

    @property
    def _model_variables_moving_average(self) -> list[torch.Tensor]:
        return self._slot_views(AVERAGE)

    @property
    def _accumulated_gradients(self) -> list[torch.Tensor]:
        return self._slot_views(SUMS)

    def _slot_views(self, name: str) -> list[torch.Tensor]:
        if self.flat is None or name not in self.slots:
            return []
        return list(self.flat.views(self.slots[name]))

    def _clip_gradients(self, grads: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        clipped = FlatParameters([torch.as_tensor(gradient).clone() for gradient in grads])
        self._clip(clipped, clipped.values)
        return list(clipped.views(clipped.values))
