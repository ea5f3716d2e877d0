"""What all optimizers share: the learning rate, clipping, decay, the order of an update."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from latih.arguments import number, whole
from latih.errors import InputError, NotReadyError, near_matches
from latih.optimizers import clipping
from latih.optimizers.flat import FlatParameters
from latih.optimizers.schedules import SCHEDULES, LearningRateSchedule
from latih.registry import Configured, constructor_arguments, serialize, to_snake_case

Rate = float | LearningRateSchedule | Callable[[], Any]


class Optimizer(Configured):
    """The base of optimizers: define :meth:`update` on flat buffers.

    The order of one update is Keras's: clip, decay the weights, move them, count. The decay is
    decoupled for every optimizer, SGD too: ``w ← w - w · weight_decay · learning_rate``, and never
    enters the gradient (torch's ``weight_decay``, but for AdamW's, does).

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: the rate of decay; None for none.
        clipnorm: the norm allowed to each weight's gradient; None for no limit.
        clipvalue: the size allowed to each number of the gradient; None for no limit.
        global_clipnorm: the norm allowed to all gradients together; None for no limit.
        name: what the optimizer is called.
    """

    keras_module = "keras.optimizers"
    not_described = frozenset(("learning_rate",))  # the attribute is a tensor of the rate by now
    neutral_config = {
        "use_ema": False,
        "ema_momentum": 0.99,
        "ema_overwrite_frequency": None,
        "loss_scale_factor": None,
        "gradient_accumulation_steps": None,
    }

    slot_groups: Sequence[Sequence[str]] = ()
    """The names of what is remembered for each weight, grouped as Keras's files interleave them."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        self._refuse_unknown(unknown)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = [argument for argument, limit in limits.items() if limit is not None]
        if len(given) > 1:
            raise InputError(
                f"{type(self).__name__} takes one way to clip",
                expected="one of `clipnorm`, `clipvalue`, `global_clipnorm`",
                got=" and ".join(given),
            )
        owner = type(self).__name__
        for argument in given:
            number(limits[argument], argument, owner, above=0)
        if weight_decay is not None:
            number(weight_decay, "weight_decay", owner, least=0)
        self.name = name or to_snake_case(type(self).__name__)
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue = clipnorm, clipvalue
        self.global_clipnorm = global_clipnorm
        self._rate = self._read_rate(learning_rate)
        self._iterations = 0
        self._undecayed: list[torch.Tensor] = []
        self.flat: FlatParameters | None = None
        self.slots: dict[str, torch.Tensor] = {}

    def _refuse_unknown(self, unknown: Mapping[str, Any]) -> None:
        for argument, value in unknown.items():
            neutral = argument in self.neutral_config
            if neutral and value == self.neutral_config[argument]:
                continue
            known = constructor_arguments(type(self))
            raise InputError(
                f"{type(self).__name__} has no argument `{argument}`",
                fix="It comes with a later release."
                if neutral
                else near_matches(argument, [n for n in known if n != "unknown"]),
            )

    # The learning rate

    def _read_rate(self, rate: Any) -> Rate:
        if isinstance(rate, Mapping):
            return SCHEDULES.deserialize(rate)
        if isinstance(rate, LearningRateSchedule):
            return rate
        if callable(rate) and not hasattr(rate, "item"):
            function: Callable[[], Any] = rate
            return function
        return number(rate, "learning_rate", type(self).__name__, least=0)

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update, as a tensor; set it to a number or a schedule."""
        return torch.tensor(self.current_rate(), dtype=torch.float32)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if isinstance(self._rate, LearningRateSchedule) and not isinstance(
            rate, LearningRateSchedule
        ):
            raise InputError(
                "the learning rate follows a schedule and cannot be set beside it",
                expected="a schedule",
                got=repr(rate),
                fix="Compile the optimizer with a number, or drop the callback that sets the rate.",
            )
        self._rate = self._read_rate(rate)

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """The schedule that the learning rate follows, if it does."""
        return self._rate if isinstance(self._rate, LearningRateSchedule) else None

    def current_rate(self) -> float:
        """Return the rate of the next update as a number."""
        rate = self._rate
        if isinstance(rate, float):
            return rate
        if isinstance(rate, LearningRateSchedule):
            return float(rate(self._iterations))
        return float(rate())  # pyright: ignore[reportCallIssue] - an int is callable to no one

    @property
    def iterations(self) -> torch.Tensor:
        """How many updates were done, as a tensor."""
        return torch.tensor(self._iterations)

    # The weights

    def build(self, variables: Sequence[torch.Tensor]) -> None:
        """Take these weights; what is remembered of one that was there before is kept.

        Args:
            variables: the trainable weights, in the order in which gradients will come.
        """
        if self.flat is not None and self.flat.holds(variables):
            return
        remembered = dict(self._remembered())
        self.flat = FlatParameters(variables)
        self.slots = {
            name: torch.full_like(self.flat.values, self.slot_start(name))
            for group in self.slot_groups
            for name in group
        }
        for name, slot in self.slots.items():
            for variable, view in zip(variables, self.flat.views(slot), strict=True):
                old = remembered.get((name, id(variable)))
                if old is not None and old.shape == view.shape:
                    view.copy_(old)

    def _remembered(self) -> Iterator[tuple[tuple[str, int], torch.Tensor]]:
        if self.flat is not None:
            for name, slot in self.slots.items():
                for variable, view in zip(self.flat.parameters, self.flat.views(slot), strict=True):
                    yield (name, id(variable)), view

    def slot_start(self, name: str) -> float:
        """Return the number with which a slot starts."""
        del name
        return 0.0

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[torch.Tensor] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Spare some weights the decay, biases and normalisations for example.

        Args:
            var_list: the weights themselves.
            var_names: not to be had: a weight of Latih has no name of its own.

        Raises:
            InputError: ``var_names`` is given.
        """
        if var_names:
            raise InputError(
                "exclude_from_weight_decay() takes weights, not names",
                expected="var_list=[layer.bias, ...]",
                got=f"var_names={list(var_names)!r}",
            )
        self._undecayed = list(var_list or ())

    # One update

    def apply(
        self,
        grads: Sequence[torch.Tensor | None],
        trainable_variables: Sequence[torch.Tensor] | None = None,
    ) -> None:
        """Do one update.

        Args:
            grads: the gradients; None for a weight that had none.
            trainable_variables: the weights, in the same order; may be left out once built.

        Raises:
            NotReadyError: no weights were given yet.
            InputError: no weight has a gradient, or the numbers differ.
        """
        if trainable_variables is not None:
            self.build(list(trainable_variables))
        if self.flat is None:
            raise NotReadyError(
                "the optimizer has no weights yet",
                expected="build(variables), or apply(grads, variables)",
                got="gradients alone",
            )
        if len(grads) != len(self.flat.parameters) or all(g is None for g in grads):
            raise InputError(
                "the gradients do not fit the weights",
                expected=f"{len(self.flat.parameters)} gradients, not all None",
                got=f"{len(grads)}, {sum(g is None for g in grads)} of them None",
                fix="Check that the loss depends on the trainable weights.",
            )
        with torch.no_grad():
            self.flat.gather(grads)
            self._clip(self.flat)
            rate = self.current_rate()
            if self.weight_decay:
                self._decay(self.flat, self.weight_decay * rate)
            self.update(self.flat.values, self.flat.gradients, rate)
        self._iterations += 1

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[torch.Tensor | None, torch.Tensor]]
    ) -> None:
        """Do one update from pairs of gradient and weight."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place.

        Args:
            values: all weights, in one buffer; ``self.slots`` holds buffers of the same size.
            gradients: all gradients, clipped.
            rate: the learning rate.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update(...)")

    def _clip(self, flat: FlatParameters) -> None:
        if self.clipnorm is not None:
            clipping.by_norm(flat.views(flat.gradients), self.clipnorm)
        elif self.global_clipnorm is not None:
            clipping.by_global_norm(flat.gradients, self.global_clipnorm)
        elif self.clipvalue is not None:
            clipping.by_value(flat.gradients, self.clipvalue)

    def _decay(self, flat: FlatParameters, fraction: float) -> None:
        if not self._undecayed:
            flat.values.mul_(1.0 - fraction)
            return
        for parameter, view in zip(flat.parameters, flat.views(flat.values), strict=True):
            if not any(parameter is spared for spared in self._undecayed):
                view.mul_(1.0 - fraction)

    # What goes into files

    @property
    def counters(self) -> int:
        """How many of :attr:`variables` come before the slots: updates done, learning rate."""
        return 1 if self.schedule is not None else 2

    @property
    def variables(self) -> list[torch.Tensor]:
        """The state, in the order of Keras's files: updates done, learning rate, slots."""
        return [torch.tensor(self._iterations, dtype=torch.int32), *self._stored_after_iterations()]

    def _stored_after_iterations(self) -> Iterator[torch.Tensor]:
        if self.schedule is None:
            yield self.learning_rate
        if self.flat is None:
            return
        for group in self.slot_groups:
            together = [self.flat.views(self.slots[name]) for name in group if name in self.slots]
            for of_one_weight in zip(*together, strict=True):
                yield from of_one_weight

    def load_variables(self, arrays: Sequence[torch.Tensor]) -> None:
        """Take the state that :attr:`variables` gave, or its counters alone.

        Raises:
            InputError: there is more or less of it, or a shape differs: nothing is skipped.
        """
        own = self.variables
        if len(arrays) not in (len(own), self.counters) or any(
            o.shape != a.shape for o, a in zip(own, arrays, strict=False)
        ):
            raise InputError(
                f"the state of {self.name!r} does not fit",
                expected=f"{len(own)} arrays shaped as the optimizer's",
                got=f"{len(arrays)}, or other shapes",
                fix="Load with compile=False to go without it.",
            )
        iterations = whole(arrays[0].item(), "iterations", self.name, least=0)
        if self.schedule is None:
            stored = arrays[1].to(torch.float32)
            # The state holds the rate in single precision; the one that was asked for is finer.
            if not torch.equal(stored, self.learning_rate.to(stored.device)):
                self._rate = self._read_rate(stored.item())
        self._iterations = iterations
        with torch.no_grad():
            for slot, array in zip(
                own[self.counters : len(arrays)], arrays[self.counters :], strict=True
            ):
                slot.copy_(array)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {"learning_rate": serialize(self._rate), **super().get_config()}
