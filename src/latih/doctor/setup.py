"""How a model is made and trained, as data: what a remedy changes."""

import copy
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import isfunction
from typing import Any

import torch

from latih import registry
from latih.doctor.fact_records import Facts
from latih.doctor.layer_configs import LayerConfigs
from latih.engine.run_state import optimizers_of
from latih.errors import InputError
from latih.layers import Layer
from latih.optimizers import OPTIMIZERS
from latih.registry import to_snake_case


@dataclass(frozen=True)
class Setup:
    """A model's config, what it is compiled with, and how it is fitted.

    Args:
        layers: the config of a stack or a graph of layers; None where code says what a call does,
            or a config cannot be told: there only what follows can be changed.
        optimizer: as data, with the learning rate that was given.
        loss: as it was given to ``compile()``.
        loss_weights: the same.
        metrics: the same.
        weighted_metrics: the same.
        epochs: how long to train.
        batch_size: None for what ``fit()`` takes by default, or the data decide.
        shuffle: whether each epoch has an order of its own.
        class_weight: how much each class counts.
        patience: after how many epochs without a better validation loss to stop and go back to the
            best weights; None for never.
    """

    layers: Mapping[str, Any] | None
    optimizer: Mapping[str, Any]
    loss: Any = None
    loss_weights: Any = None
    metrics: Any = None
    weighted_metrics: Any = None
    epochs: int = 1
    batch_size: int | None = None
    shuffle: bool = True
    class_weight: Mapping[int, float] | None = None
    patience: int | None = None

    @classmethod
    def of(cls, model: Any, **fit: Any) -> "Setup":
        """Return how a compiled model is made.

        Args:
            model: the model.
            fit: how it is fitted: ``epochs``, ``batch_size``, ``shuffle``, ``class_weight``.

        Raises:
            NotReadyError: it is not compiled.
            InputError: its optimizer has groups.
        """
        objective, optimizer = model.compiled("treat()")
        require_no_groups(model)
        given = objective.given
        described = registry.serialize(optimizer)
        rate = registry.serialize(optimizer.given_rate())
        return cls(
            layers=_layers_of(model),
            optimizer={**described, "config": {**described["config"], "learning_rate": rate}},
            loss=given.loss,
            loss_weights=given.loss_weights,
            metrics=given.metrics,
            weighted_metrics=given.weighted_metrics,
            **fit,
        )

    # Reading

    @property
    def learning_rate(self) -> float | None:
        """The learning rate; None if it follows a schedule."""
        rate = self.optimizer["config"].get("learning_rate")
        return float(rate) if isinstance(rate, int | float) else None

    @property
    def optimizer_name(self) -> str:
        """The optimizer's class in snake case."""
        return to_snake_case(self.optimizer["class_name"])

    def loss_of(self, place: int, name: str) -> Any:
        """Return the loss of one output, as it was given."""
        if isinstance(self.loss, Mapping) and "class_name" not in self.loss:
            return self.loss.get(name)
        return self.loss[place] if isinstance(self.loss, list | tuple) else self.loss

    # Changing

    def with_layers(self, configs: LayerConfigs) -> "Setup":
        """Return it with other layers."""
        return replace(self, layers=configs.config)

    def with_optimizer(self, **config: Any) -> "Setup":
        """Return it with other arguments of its optimizer."""
        changed = {**self.optimizer["config"], **config}
        return replace(self, optimizer={**self.optimizer, "config": changed})

    # Making

    def make(self, like: Any) -> Any:
        """Return a compiled model, with new weights where it has a config.

        Args:
            like: the model that it was the setup of, whose classes are known.

        Raises:
            InputError: the layers do not fit each other.
        """
        if self.layers is None:
            model = copy.deepcopy(like)
        else:
            with registry.custom_object_scope(_things_of_users(like)):
                model = type(like).from_config(copy.deepcopy(dict(self.layers)))
        model.compile(
            optimizer=self._make_optimizer(like.optimizer),
            loss=copy.deepcopy(self.loss),
            loss_weights=copy.deepcopy(self.loss_weights),
            metrics=copy.deepcopy(self.metrics),
            weighted_metrics=copy.deepcopy(self.weighted_metrics),
            jit_compile=like.objective.capture,
        )
        return model

    def _make_optimizer(self, like: Any) -> Any:
        config = copy.deepcopy(self.optimizer["config"])
        if self.optimizer["class_name"] == type(like).__name__:
            return type(like).from_config(config)
        return OPTIMIZERS.deserialize({**self.optimizer, "config": config})


@dataclass(frozen=True)
class Case:
    """What a remedy may look at beside the setup.

    Args:
        facts: what is known of the data; of the layers a remedy reads the setup.
        inputs: some rows of each input, in the order of the model's; none if nobody knows.
        targets: some rows of the targets of each output.
        gradient_norms: of all gradients together, as they were seen.
        steps: an epoch, at the batch size of the setup; None if nobody knows.
        reads_arrays: whether the data are arrays, which can be read in other batches.
        find_rate: finds the learning rate for a setup; None if its curve does not say.
        find_severed: finds the names of the layers behind which no gradient comes.
    """

    facts: Facts = field(default_factory=Facts)
    inputs: Sequence[torch.Tensor] = ()
    targets: Sequence[torch.Tensor | None] = ()
    gradient_norms: Sequence[float] = ()
    steps: int | None = None
    reads_arrays: bool = True
    find_rate: Callable[[Setup], float | None] = lambda setup: None
    find_severed: Callable[[], Collection[str]] = tuple

    @property
    def typical_norm(self) -> float | None:
        """The 90th percentile of the gradient norms that were seen; None if none was."""
        norms = sorted(norm for norm in self.gradient_norms if math.isfinite(norm) and norm > 0)
        return norms[min(len(norms) - 1, int(0.9 * len(norms)))] if norms else None


def require_no_groups(model: Any) -> None:
    """Refuse a model whose optimizer has groups: in another model they would hold no weight.

    Raises:
        InputError: it has.
    """
    found = [len(one.groups) for one in optimizers_of(model).values() if one.groups]
    if found:
        raise refused_groups(f"{sum(found)} of them, by set_groups()")


def refused_groups(got: str) -> InputError:
    """Return what says that rates of groups and a treatment do not go together.

    Args:
        got: where the groups are.
    """
    return InputError(
        "a treatment makes new layers, and groups of the old ones would be lost",
        expected="an optimizer that moves all layers alike",
        got=got,
        fix='Write doctor="watch" and mend by hand, or treat first and set the groups then.',
    )


def _layers_of(model: Any) -> Mapping[str, Any] | None:
    if not hasattr(model, "get_config"):
        return None
    try:
        config = model.get_config()
    except (InputError, NotImplementedError, TypeError, AttributeError):
        return None  # a lambda among the arguments, or a class that cannot say them
    return config if isinstance(config.get("layers"), list) else None


def _things_of_users(model: Any) -> dict[str, Any]:
    """Return the classes of layers, and the functions in them, that are the user's own.

    No table has them.
    """
    layers = [module for module in model.modules() if isinstance(module, Layer)]
    found = [type(layer) for layer in layers]
    found += [one for layer in layers for one in vars(layer).values() if isfunction(one)]
    return {one.__name__: one for one in found if not one.__module__.startswith("latih.")}
