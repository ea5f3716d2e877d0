"""What all optimizers share: the order of an update, and the order of their state in files."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch

from latih.arguments import number, whole
from latih.errors import InputError, LatihWarning, NotReadyError, near_matches
from latih.optimizers import accumulation, clipping, ema, slots
from latih.optimizers import rate as rates
from latih.optimizers.decay import WeightDecay
from latih.optimizers.flat import FlatParameters
from latih.optimizers.groups import Division, Group, divide
from latih.optimizers.run_state import RunState
from latih.optimizers.schedules import LearningRateSchedule
from latih.optimizers.short import ShortGradients
from latih.optimizers.state_names import AVERAGE, SUMS, StateNames, setting
from latih.registry import Configured, auto_name, constructor_arguments, serialize

OF_KERAS_2 = {
    "lr": "Write learning_rate=.",
    "decay": "Give learning_rate=InverseTimeDecay(rate, decay_steps=1, decay_rate=decay), or "
    "weight_decay= to make the weights smaller.",
}
"""What became of arguments that older scripts give."""


class Optimizer(RunState, StateNames, Configured):
    """The base of optimizers: define :meth:`update` on flat buffers.

    The order of one update is Keras's: clip, decay the weights, move them, average them, count. The
    decay is decoupled for every optimizer, SGD too: ``w ← w - w · weight_decay · learning_rate``,
    and never enters the gradient (torch's ``weight_decay``, but for AdamW's, does). A weight
    without a gradient is left as it is, and so is what is remembered of it.

    With ``gradient_accumulation_steps=k`` each call is a micro-step: the gradients of k calls are
    averaged, and the last one of them clips, decays and moves. A schedule is asked with the number
    of micro-steps, :attr:`iterations` counts whole updates, and the moving average of the weights
    goes on at every micro-step.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: the rate of decay, >= 0; None for none.
        clipnorm: the norm allowed to each weight's gradient, > 0; None for no limit.
        clipvalue: the size allowed to each number of the gradient, > 0; None for no limit.
        global_clipnorm: the norm allowed to all gradients together, > 0; None for no limit.
        use_ema: whether to keep a moving average of the weights, which takes their place when
            training ends.
        ema_momentum: the weight of the old average, 0..1.
        ema_overwrite_frequency: after how many updates each the average takes the weights' place
            during training, too; None for never.
        loss_scale_factor: by what :meth:`scale_loss` multiplies the loss and every gradient is
            divided, > 0; None for 1.
        gradient_accumulation_steps: how many calls make one update, >= 2; None for one.
        name: what the optimizer is called; by default its class in snake case, with a number.

    Raises:
        InputError: an argument is out of range or unknown, or there are two ways to clip.

    Example:
        >>> class Sign(Optimizer):
        ...     def update(self, values, gradients, rate):
        ...         values.sub_(gradients.sign(), alpha=rate)
        >>> weight = torch.tensor([1.0])
        >>> Sign(0.25).apply([torch.tensor([3.0])], [weight])
        >>> weight
        tensor([0.7500])
    """

    keras_module = "keras.optimizers"
    not_described = frozenset(("learning_rate",))  # the attribute is a tensor of the rate by now

    slot_groups: Sequence[Sequence[str]] = ()
    """The names of what is remembered for each weight, grouped as Keras's files interleave them."""

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        self._refuse_unknown(unknown)
        owner = type(self).__name__
        self.name = name or auto_name(type(self).__name__)
        self.weight_decay = (
            None if weight_decay is None else number(weight_decay, "weight_decay", owner, least=0)
        )
        self.clipnorm = self._limit("clipnorm", clipnorm)
        self.clipvalue = self._limit("clipvalue", clipvalue)
        self.global_clipnorm = self._limit("global_clipnorm", global_clipnorm)
        self._refuse_two_ways_to_clip()
        self.use_ema = bool(use_ema)
        self.ema_momentum = number(ema_momentum, "ema_momentum", owner, least=0, most=1)
        self.ema_overwrite_frequency = (
            None
            if ema_overwrite_frequency is None
            else whole(ema_overwrite_frequency, "ema_overwrite_frequency", owner, least=1)
        )
        self.loss_scale_factor = self._limit("loss_scale_factor", loss_scale_factor)
        self.gradient_accumulation_steps = (
            None
            if gradient_accumulation_steps is None
            else whole(gradient_accumulation_steps, "gradient_accumulation_steps", owner, least=2)
        )
        self._rate = rates.read(learning_rate, self)
        self._given_rate: rates.Rate | None = None
        self._micro_steps = 0
        self._decay = WeightDecay()
        self._names: Sequence[str] | None = None
        self.groups: Sequence[Group] = ()
        self._division: Division | None = None
        self._bounded = self._told_of_missing = False
        self.watcher: Callable[[Optimizer, bool], None] | None = None
        """What is told when gradients lie in their buffer, as the loss gave them: nothing is
        clipped yet, and nothing moved. The second argument says whether the weights move now, or
        a micro-step of an update ends."""
        self.flat: FlatParameters | None = None
        self.slots: dict[str, torch.Tensor] = {}
        self.scalars: dict[str, float] = {}
        """Numbers that are remembered once and not for each weight; they end the state in files."""

    def _limit(self, argument: str, value: Any) -> float | None:
        return None if value is None else number(value, argument, type(self).__name__, above=0)

    def _refuse_unknown(self, unknown: Mapping[str, Any]) -> None:
        for argument in unknown:
            known = constructor_arguments(type(self))
            raise InputError(
                f"{type(self).__name__} has no argument `{argument}`",
                fix=OF_KERAS_2.get(argument)
                or near_matches(argument, [name for name in known if name != "unknown"]),
            )

    def _refuse_two_ways_to_clip(self) -> None:
        ways = ("clipnorm", "clipvalue", "global_clipnorm")
        given = [argument for argument in ways if getattr(self, argument) is not None]
        if len(given) > 1:
            raise InputError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be given to "
                f"{type(self).__name__}",
                got=" and ".join(given),
            )

    # The learning rate, and time

    @property
    def learning_rate(self) -> Any:
        """The rate of the next update; set it, or assign to it, to change it.

        It can be set to a number or a schedule. One that follows a schedule is a plain tensor.
        """
        rate = self.current_rate()
        if self.counters == 1:
            return torch.tensor(rate, dtype=torch.float32)
        return setting("learning_rate", rate, "float32", self._set_rate)

    @learning_rate.setter
    def learning_rate(self, rate: Any) -> None:
        if self.schedule is not None and not isinstance(rate, LearningRateSchedule):
            raise InputError(
                "the learning rate follows a schedule and cannot be set beside it",
                expected="a schedule",
                got=repr(rate),
                fix="Compile the optimizer with a number, or drop the callback that sets the rate.",
            )
        self._set_rate(rate)

    def _set_rate(self, rate: Any) -> None:
        self._rate = rates.read(rate, self)

    @property
    def schedule(self) -> LearningRateSchedule | None:
        """The schedule that the learning rate follows, if it does."""
        return self._rate if isinstance(self._rate, LearningRateSchedule) else None

    def current_rate(self) -> float:
        """Return the rate of the next update as a number."""
        return rates.after(self._rate, self._micro_steps)

    def given_rate(self) -> rates.Rate:
        """Return the rate as it was when this was first asked.

        Asked before training begins, it is what the user gave, to the constructor or by assigning
        it; what callbacks make of it during a run does not change it.
        """
        given = self._given_rate = self._rate if self._given_rate is None else self._given_rate
        return given

    @property
    def updates(self) -> int:
        """How many updates were done, as a number."""
        return self._micro_steps // (self.gradient_accumulation_steps or 1)

    @property
    def iterations(self) -> torch.Tensor:
        """How many updates were done; assign to it to pretend that it were another number."""
        return setting("iteration", self.updates, "int64", self._set_updates)

    def _set_updates(self, updates: int) -> None:
        self._micro_steps = updates * (self.gradient_accumulation_steps or 1)

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss to take gradients of: ``loss_scale_factor`` times the true one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # The weights

    @property
    def built(self) -> bool:
        """Whether the optimizer has its weights."""
        return self.flat is not None

    def build(self, variables: Sequence[torch.Tensor], names: Sequence[str] | None = None) -> None:
        """Take these weights; what is remembered of one that was there before is kept.

        Args:
            variables: the trainable weights, in the order in which gradients will come.
            names: what they are called, such as ``"kernel"`` and ``"bias"``, for
                :meth:`exclude_from_weight_decay`; by default the paths of variables.

        Raises:
            InputError: there are no weights, or they are of several types; or the groups do not fit
                them.
        """
        given = [getattr(variable, "path", "") for variable in variables]
        given = (given if all(given) else None) if names is None else list(names)
        if self.flat is not None and self.flat.holds(variables):
            self._names = given or self._names
            return
        self._division = divide(self.groups, variables)
        self._names = given
        old_flat, old_slots = self.flat, self.slots
        self.flat = FlatParameters(variables)
        self._bounded = any(getattr(one, "constraint", None) is not None for one in variables)
        starts = {name: self.slot_start(name) for group in self.slot_groups for name in group}
        self.slots = slots.make(self.flat, self._all_groups(), starts)
        if old_flat is not None:
            new = slots.carry_over(self.flat, self.slots, old_flat, old_slots)
            if self.use_ema:
                averages = list(self.flat.views(self.slots[AVERAGE]))
                for place in new:
                    averages[place].copy_(self._late_start(AVERAGE, variables[place]))

    def _all_groups(self) -> Iterator[Sequence[str]]:
        if self.use_ema:
            yield (AVERAGE,)
        if self.gradient_accumulation_steps:
            yield (SUMS,)
        yield from self.slot_groups

    def slot_start(self, name: str) -> float:
        """Return the number with which a slot starts."""
        del name
        return 0.0

    @property
    def at_rest(self) -> frozenset[int]:
        """The places of the weights that groups leave as they are: their gradients are not asked.

        There are none where nothing would be left.
        """
        return frozenset() if self._division is None else self._division.at_rest

    def exclude_from_weight_decay(
        self,
        var_list: Iterable[torch.Tensor] | None = None,
        var_names: Iterable[str] | None = None,
    ) -> None:
        """Spare some weights the decay, biases and normalisations for example.

        A second call forgets what the first one said.

        Args:
            var_list: the weights themselves.
            var_names: regular expressions; a weight in whose name one is found is spared. The names
                are those that :meth:`build` was given.
        """
        self._decay = WeightDecay(var_list, var_names)

    @property
    def decay(self) -> WeightDecay:
        """What knows which weights :meth:`exclude_from_weight_decay` spared."""
        return self._decay

    def set_groups(self, groups: Iterable[Group]) -> None:
        """Let some weights learn faster or slower than the rest.

        A second call forgets what the first one said; an empty list makes all weights alike again.
        Gradients are clipped over all groups together that move. Groups are no part of what files
        hold: set them again for a model that was loaded.

        Args:
            groups: the groups; a weight that is in none has the factor 1.

        Raises:
            InputError: a weight is in two groups, or is none that the optimizer moves; what it does
                not have yet is looked at when it is built.

        Example:
            >>> from latih.optimizers import SGD
            >>> base, head = torch.tensor([1.0]), torch.tensor([1.0])
            >>> optimizer = SGD(0.5)
            >>> optimizer.set_groups([Group([base], learning_rate=0.1)])
            >>> optimizer.apply([torch.ones(1), torch.ones(1)], [base, head])
            >>> base, head
            (tensor([0.9500]), tensor([0.5000]))
        """
        chosen = tuple(groups)
        for group in chosen:
            if not isinstance(group, Group):
                raise InputError(
                    "set_groups() takes groups",
                    expected="objects such as Group(layers, learning_rate=0.1)",
                    got=repr(group),
                )
        if self.flat is not None:
            self._division = divide(chosen, self.flat.parameters)
        self.groups = chosen

    def finalize_variable_values(self, var_list: Sequence[torch.Tensor]) -> None:
        """Put the averages in the weights' place, with ``use_ema``; else do nothing.

        Args:
            var_list: the weights that the optimizer was built with, in their order.

        Raises:
            InputError: these are not as many as the optimizer has.
        """
        if not self.use_ema or self.flat is None or not self._micro_steps:
            return
        if len(var_list) != len(self.flat.parameters):
            raise InputError(
                "the averages do not fit the weights",
                expected=f"the {len(self.flat.parameters)} weights that the optimizer moved",
                got=str(len(var_list)),
            )
        with torch.no_grad():
            averages = self.flat.views(self.slots[AVERAGE])
            for variable, average in zip(var_list, averages, strict=True):
                variable.copy_(average)

    # One update

    def apply(
        self,
        grads: Sequence[torch.Tensor | None],
        trainable_variables: Sequence[torch.Tensor] | None = None,
    ) -> None:
        """Do one update, or one micro-step of it: :meth:`collect`, then :meth:`move`.

        Args:
            grads: the gradients; None for a weight that had none.
            trainable_variables: the weights, in the same order; may be left out once built. Some of
                those that the optimizer was built with will do: the others are left as they are.

        Raises:
            NotReadyError: no weights were given yet.
            InputError: no weight has a gradient, or the numbers differ.
        """
        self.move(self.collect(grads, trainable_variables))

    def collect(
        self,
        grads: Sequence[torch.Tensor | None],
        trainable_variables: Sequence[torch.Tensor] | None = None,
    ) -> list[int]:
        """Put the gradients into their buffer, and return the places of those that are missing.

        Args:
            grads: as :meth:`apply` takes them.
            trainable_variables: the same.

        Raises:
            NotReadyError: no weights were given yet.
            InputError: no weight has a gradient, or the numbers differ.
        """
        without = sum(gradient is None for gradient in grads)
        if trainable_variables is not None:
            grads = self._built_for(list(trainable_variables), grads)
        flat = self.flat
        if flat is None:
            raise _not_built()
        missing = [place for place, gradient in enumerate(grads) if gradient is None]
        if len(grads) != len(flat.parameters) or len(missing) == len(grads):
            none = "No gradients provided for any variable: they"
            raise InputError(
                f"{none if len(missing) == len(grads) else 'the gradients'} do not fit the weights",
                expected=f"{len(flat.parameters)} gradients, not all None",
                got=f"{len(grads)}, {len(missing)} of them None",
                fix="Check that the loss depends on the trainable weights.",
            )
        if without and not self._told_of_missing:
            self._tell_of_missing(without)
        rest = self.at_rest
        if rest:  # it is not moved anyway
            grads = [None if place in rest else gradient for place, gradient in enumerate(grads)]
            missing = [place for place in missing if place not in rest]
        with torch.no_grad():
            flat.gather(grads)
        return missing

    def move(self, missing: Sequence[int] = ()) -> None:
        """Do one update, or one micro-step, with the gradients that lie in their buffer.

        Args:
            missing: the places of the weights that have no gradient.

        Raises:
            NotReadyError: no weights were given yet.
        """
        flat = self.flat
        if flat is None:
            raise _not_built()
        with torch.no_grad():
            if self.loss_scale_factor is not None:
                flat.gradients.div_(self.loss_scale_factor)
            steps = self.gradient_accumulation_steps
            moves = steps is None or accumulation.take(
                flat.gradients, self.slots[SUMS], self._micro_steps, steps
            )
            if self.watcher is not None:
                self.watcher(self, moves)
            if moves:
                if missing:
                    self._move_all_but(missing, flat)
                else:
                    self._move(flat)
            if self.use_ema:
                ema.follow(self.slots[AVERAGE], flat.values, self.ema_momentum, self.updates)
                if ema.overwrites(self.updates, self.ema_overwrite_frequency):
                    flat.values.copy_(self.slots[AVERAGE])
            if self._bounded:
                self._bound(flat, missing)
        self._micro_steps += 1

    def apply_gradients(
        self, grads_and_vars: Iterable[tuple[torch.Tensor | None, torch.Tensor]]
    ) -> torch.Tensor:
        """Do one update from pairs of gradient and weight; return how many calls there were."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return torch.tensor(self._micro_steps)

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        """Move the weights, in place.

        Args:
            values: all weights, in one buffer; ``self.slots`` holds buffers of the same size.
            gradients: all gradients, clipped.
            rate: the learning rate.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update(...)")

    def update_from_short(self, gradients: ShortGradients, rate: float) -> bool:
        """Move the weights by gradients in a shorter type, where they lie.

        Args:
            gradients: all gradients, as the loss gave them.
            rate: the learning rate.

        Returns:
            Whether it was done; if not, :meth:`update` does it.
        """
        del gradients, rate
        return False

    @property
    def reads_short(self) -> bool:
        """Whether an update needs no other gradients than :meth:`update_from_short` takes."""
        return False

    def _built_for(
        self, variables: Sequence[torch.Tensor], grads: Sequence[torch.Tensor | None]
    ) -> Sequence[torch.Tensor | None]:
        """Take the weights if they are new; return the gradients of all that there are."""
        if self.flat is not None and len(grads) == len(variables) < len(self.flat.parameters):
            spread = self.flat.spread(variables, grads)
            if spread is not None:
                return spread
        self.build(variables)
        return grads

    def _move(self, flat: FlatParameters) -> None:
        if self._clips:
            self._clip(flat, flat.gradients)
        rate = self.current_rate()
        if self._division is not None:
            self._move_by_groups(self._division, flat, rate)
            return
        if self.weight_decay:
            self._decay.apply(flat, self.weight_decay * rate, self._names)
        if flat.short is None or not self.update_from_short(flat.short, rate):
            self.update(flat.values, flat.gradients, rate)

    def _move_by_groups(self, division: Division, flat: FlatParameters, rate: float) -> None:
        decays = division.decays(self.weight_decay, rate)
        if any(decays):
            self._decay.apply_each(flat, decays, self._names)
        whole, scalars = self.slots, self.scalars
        try:
            for run in division.runs:
                self.slots = {name: slot[run.part] for name, slot in whole.items()}
                self.scalars = dict(scalars)  # each run starts from what was before this update
                self.update(flat.values[run.part], flat.gradients[run.part], rate * run.factor)
        finally:
            self.slots = whole

    def _bound(self, flat: FlatParameters, missing: Sequence[int]) -> None:
        for place, parameter in enumerate(flat.parameters):
            constraint = getattr(parameter, "constraint", None)
            if constraint is not None and place not in missing:
                parameter.copy_(constraint(parameter))

    def _tell_of_missing(self, without: int) -> None:
        self._told_of_missing = True
        warnings.warn(
            f"{without} of the weights have no gradient and stay as they are: the loss does not "
            "depend on them",
            LatihWarning,
            stacklevel=3,
        )

    @property
    def _clips(self) -> bool:
        return (self.clipnorm, self.clipvalue, self.global_clipnorm) != (None, None, None)

    def _clip(self, flat: FlatParameters, gradients: torch.Tensor) -> None:
        if self.clipnorm is not None:
            clipping.by_norm(flat.views(gradients), self.clipnorm)
        elif self.global_clipnorm is not None:
            clipping.by_global_norm(gradients, self.global_clipnorm)
        elif self.clipvalue is not None:
            clipping.by_value(gradients, self.clipvalue)

    def _move_all_but(self, missing: Sequence[int], flat: FlatParameters) -> None:
        remembered = [self.slots[name] for group in self.slot_groups for name in group]
        gradients = list(flat.views(flat.gradients))
        for place in missing:
            gradients[place].zero_()  # what earlier micro-steps added up counts for nothing
        with flat.untouched(missing, [flat.values, *remembered]):
            self._move(flat)

    # What goes into files

    @property
    def counters(self) -> int:
        """How many of :attr:`variables` come before the slots: calls done, learning rate."""
        return 2 if isinstance(self._rate, float) else 1

    @property
    def variables(self) -> list[torch.Tensor]:
        """The state, in the order of Keras's files.

        Calls done; the learning rate if it is a number; then for each weight its average, its sum
        of gradients and the slots; then what is remembered once.
        """
        return self.variables_for(() if self.flat is None else self.flat.parameters)

    def variables_for(self, weights: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the state as a file holds it beside a model with these trainable weights.

        Who froze or freed layers since the optimizer took its weights has others now. What is
        remembered of those that are still there goes with them; of the others it is as they would
        begin.

        Args:
            weights: the trainable weights, in their order in the model.

        Example:
            >>> from latih.optimizers import SGD
            >>> one, two = torch.zeros(1), torch.zeros(2)
            >>> optimizer = SGD(momentum=0.9)
            >>> optimizer.build([one])
            >>> [list(part.shape) for part in optimizer.variables_for([one, two])]
            [[], [], [1], [2]]
        """
        head = [torch.tensor(self._micro_steps, dtype=torch.int32)]
        if self.counters == 2:
            head.append(self.learning_rate)
        if self.flat is None:
            return head
        kind = self.flat.values.dtype
        once = (torch.tensor(number, dtype=kind) for number in self.scalars.values())
        return [*head, *self._remembered(self.flat, weights), *once]

    def _remembered(
        self, flat: FlatParameters, weights: Sequence[torch.Tensor]
    ) -> Iterator[torch.Tensor]:
        groups = self._all_groups()
        return slots.in_file_order(weights, flat, self.slots, groups, self._late_start)

    def _late_start(self, slot: str, weight: torch.Tensor) -> torch.Tensor:
        """Return what a slot begins with for a weight that joins when others have moved."""
        if slot == AVERAGE:  # that of a weight that joins late starts where the weight is
            return weight.detach()
        return torch.full_like(weight, self.slot_start(slot), requires_grad=False)

    def load_variables(self, arrays: Sequence[torch.Tensor]) -> None:
        """Take the state that :attr:`variables` gave, or its counters alone.

        Raises:
            InputError: there is more or less of it, a shape differs, or a counter cannot be: then
                nothing is changed.
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
        micro_steps = whole(arrays[0].item(), "iterations", self.name, least=0)
        if self.counters == 2:
            stored = arrays[1].to(torch.float32)
            # The state holds the rate in single precision; the one that was asked for is finer.
            if not torch.equal(stored, self.learning_rate.to(stored.device)):
                self._rate = rates.read(stored.item(), self)
        self._micro_steps = micro_steps
        if self.flat is None or len(arrays) == self.counters:
            return
        rest = iter(arrays[self.counters :])
        with torch.no_grad():
            for view in self._remembered(self.flat, self.flat.parameters):
                view.copy_(next(rest))
        self.scalars = {name: float(next(rest).item()) for name in self.scalars}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {"learning_rate": serialize(self._rate), **super().get_config()}


def _not_built() -> NotReadyError:
    return NotReadyError(
        "the optimizer has no weights yet",
        expected="build(variables), or apply(grads, variables)",
        got="gradients alone",
    )
