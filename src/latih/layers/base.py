"""A layer: weights and what they do to a batch. A PyTorch module that speaks Keras."""

import inspect
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import is_lazy

from latih import constraints, initializers, registry, regularizers
from latih.dtype_policies import DTypePolicy, dtype_policy
from latih.dtypes import torch_dtype
from latih.errors import InputError, near_matches
from latih.layers import budget
from latih.layers.autocast import Call, no_call, under_way
from latih.layers.names import checked_name
from latih.layers.tracking import (
    TrackedDict,
    TrackedList,
    holds_modules_or_may,
    tracked,
)
from latih.metrics import Metric
from latih.registry import Configured, auto_name, to_snake_case
from latih.regularizers import Regularizer
from latih.structures import flatten, inside, is_nested, map_structure
from latih.symbolic import Node, SymbolicTensor, holds_symbolic
from latih.tensors import Shape, as_tensor, is_shape, map_shapes, shape_of, unhalved
from latih.variables import Variable

KEPT = "_layers"
"""What the name of an attribute gets where PyTorch keeps the layers that are in its list."""

NOT_TRACKED = ("added_losses", "calls", "_weights", "_modules", "_in_order")
"""Lists of a layer that never hold layers inside it."""


@dataclass(frozen=True)
class Weight:
    """What is known of one weight beside its numbers."""

    attribute: str
    trainable: bool
    autocast: bool = True
    """Whether calls of a layer of a mixed policy see it in the type that they calculate in."""


class Layer(nn.Module, Configured):
    """The base of layers: define ``build`` (make the weights) and ``call`` (use them).

    A layer is a :class:`torch.nn.Module`, so that ``state_dict``, ``to``, hooks and whatever else
    PyTorch offers work on it. It starts in inference mode, as Keras has it; ``training=True`` in a
    call holds for that call, :meth:`~torch.nn.Module.train` until it is changed.

    Inputs that are no whole numbers come to ``call`` in the type that the layer calculates in, and
    while it runs the layer's weights are seen in that type, too: ``self.kernel`` is a copy that
    gradients go through if the policy is a mixed one, and else the weight itself.

    Args:
        name: what the layer is called; by default its class in snake case, with a number.
        trainable: whether training may change the weights.
        dtype: in which type it calculates, and in which it keeps its weights: ``"float32"``,
            ``"mixed_bfloat16"`` or a :class:`~latih.DTypePolicy`; None for the policy that
            :func:`latih.config.set_dtype_policy` set.
        autocast: whether inputs and weights come in the type that the layer calculates in; if not,
            they come as they are, and ``call`` sees to it.
        activity_regularizer: a penalty on the outputs, divided by the batch's length.
        input_shape: the shape of one example; makes the layer the first of a ``Sequential``.
        input_dim: the same for examples with one axis.
        batch_size: how many examples come at once; None for any.

    Example:
        >>> class Doubled(Layer):
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> Doubled()(torch.ones(2))
        tensor([2., 2.])
    """

    keras_module = "keras.layers"
    not_described = frozenset(
        (
            *("name", "trainable", "dtype", "activity_regularizer"),  # base_config() has them
            "autocast",  # Keras does not write it: a class says by itself that it wants none
            *("input_shape", "input_dim", "batch_size"),  # the build config has them
        )
    )

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        activity_regularizer: Any = None,
        input_shape: Sequence[int | None] | None = None,
        input_dim: int | None = None,
        batch_size: int | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            wrong = next(iter(unknown))
            known = [n for n in registry.constructor_arguments(type(self)) if n != "unknown"]
            raise InputError(
                f"{type(self).__name__} has no argument `{wrong}`", fix=near_matches(wrong, known)
            )
        policy = dtype_policy.get(dtype)
        super().__init__()
        self.training = False
        self._autocast = autocast
        self.dtype_policy = policy
        self.name = checked_name(name, type(self).__name__) or auto_name(type(self).__name__)
        budget.admit_layer(self.name)
        self.built = False
        self.is_read = False
        """Whether its weights came from a file: who tries things begins with them."""
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.added_losses: list[torch.Tensor] = []
        """What :meth:`add_loss` and activity regularizers added in the last outermost call."""
        self.calls: list[Node] = []
        """The calls on symbolic tensors, of which models of the functional kind are made."""
        self._trainable = trainable
        self._weights: dict[str, Weight] = {}
        self._build_shape: Any = None
        given = (input_dim,) if input_shape is None and input_dim is not None else input_shape
        self.batch_input_shape: Shape | None = None if given is None else (batch_size, *given)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _building(vars(cls)["build"])  # type: ignore[method-assign]
        if "call" in vars(cls):
            parameters = inspect.signature(vars(cls)["call"]).parameters
            cls._call_takes_training = "training" in parameters

    _call_takes_training = False

    # In which type it calculates

    _casts_inputs = True
    _casts_weights = False

    @property
    def dtype_policy(self) -> DTypePolicy:
        """In which type the layer calculates, and in which it keeps its weights."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, policy: Any) -> None:
        self._dtype_policy = dtype_policy.get(policy)
        self.calculate_in(torch_dtype(self.compute_dtype))

    @property
    def compute_dtype(self) -> str:
        """The type that the layer calculates in, and that its outputs have."""
        return self._dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The type that the layer keeps its weights in."""
        return self._dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The type that the layer keeps its weights in."""
        return self.variable_dtype

    @property
    def input_dtype(self) -> str:
        """The type that inputs are cast to."""
        return self.compute_dtype

    @property
    def autocast(self) -> bool:
        """Whether inputs and weights come in the type that the layer calculates in."""
        return self._autocast

    @autocast.setter
    def autocast(self, value: bool) -> None:
        self._autocast = bool(value)
        self.calculate_in(self._compute_type)

    def calculate_in(self, kind: torch.dtype) -> None:
        """Calculate in a type from now on, whatever the policy says.

        Args:
            kind: the type.
        """
        self._compute_type = kind
        self._casts_weights = self._autocast and kind is torch.bfloat16
        # Inputs of this type need no look; None for none at all.
        self._input_type = kind if self._autocast and self._casts_inputs else None

    @property
    def is_mixed(self) -> bool:
        """Whether the layer calculates in another type than that of its weights."""
        return self._compute_type is torch.bfloat16 and self.compute_dtype != self.variable_dtype

    def leave_inputs_to_layers(self) -> None:
        """Cast no inputs: those inside do so themselves, as a model's do that is made of layers."""
        self._casts_inputs = False
        self.calculate_in(self._compute_type)

    def _cast(self, value: Any) -> Any:
        """Return a floating tensor in the type that inputs are cast to, anything else as it is."""
        kind = self._input_type
        if kind is None or not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        return value.to(kind)

    def __getattr__(self, name: str) -> Any:
        """Return a weight, or a layer inside: what PyTorch keeps in dictionaries of its own."""
        # PyTorch's own function, with one question more: see autocast.py.
        own = self.__dict__
        try:
            kept = own["_parameters"]
            if name in kept:
                return self._seen(name, kept[name]) if self._casts_weights else kept[name]
            kept = own["_buffers"]
            if name in kept:
                return self._seen(name, kept[name]) if self._casts_weights else kept[name]
            kept = own["_modules"]
            if name in kept:
                return kept[name]
        except KeyError:
            pass  # its constructor has not run yet
        return super().__getattr__(name)  # which says that there is none

    def _seen(self, name: str, kept: torch.Tensor | None) -> torch.Tensor | None:
        """Return a weight as a call that is under way sees it."""
        call = under_way.get()
        if call is None or kept is None or not kept.is_floating_point():
            return kept
        known = self._weights.get(name)
        is_buffer = name in self._buffers
        if known is not None:
            asked = known.autocast
        elif isinstance(kept, Variable):
            asked, is_buffer = kept.autocast, not kept.requires_grad
        else:
            asked = not is_buffer  # PyTorch's own buffers are no weights, which alone are cast
        return call.cast(kept, self._compute_type, is_buffer) if asked else kept

    def kept_weight(self, attribute: str) -> Any:
        """Return a weight itself, even while a call is under way that sees it in another type.

        Args:
            attribute: the attribute that it is kept as.
        """
        for kept in (self._parameters, self._buffers):
            if attribute in kept:
                return kept[attribute]
        return getattr(self, attribute)  # a wrapper may show a weight of the layer inside it

    # Making the weights

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape; a layer without weights need not define it."""
        self._build_shape = input_shape
        self.built = True

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> torch.Tensor:
        """Make a weight; keep it as an attribute of the layer under ``name``.

        Args:
            shape: its shape.
            initializer: a name or an object; by default Glorot's for matrices, zeros else.
            dtype: taken for Keras's sake; only ``"float32"``, in which weights are always kept.
            trainable: whether gradients change it; if not, it is a buffer that ``call`` may change.
            autocast: whether calls of a layer of a mixed policy see it in the type that they
                calculate in.
            regularizer: a penalty on it.
            constraint: where it is put back after each update.
            name: the attribute's name; by default ``weight_0``, ``weight_1``, ...

        Returns:
            The parameter or buffer.
        """
        registry.require_float32(dtype, type(self).__name__)
        attribute = name or f"weight_{len(self._weights)}"
        number = len(self._weights)
        while not attribute.isidentifier() or getattr(self, attribute, None) is not None:
            # The name is only a label: what the user assigns the weight to becomes its attribute.
            attribute, number = f"weight_{number}", number + 1
        if vars(self).get(attribute, self) is None:
            delattr(self, attribute)  # a None that held the place
        budget.spend(shape, attribute, self.name)
        if initializer is None:
            initializer = "glorot_uniform" if len(shape) > 1 else "zeros"
        values = initializers.get(initializer)(tuple(shape)).to(_device_of(self))
        told = name or attribute
        variable = Variable(
            values,
            trainable=trainable and self._trainable,
            autocast=autocast,
            name=told,
            path=f"{self.name}/{told}",
        )
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._weights[attribute] = Weight(attribute, trainable, autocast)
        if trainable:
            self.register_parameter(attribute, variable)
        else:
            self.register_buffer(attribute, variable)
        return variable

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a weight is kept under the name that it is assigned to."""
        if isinstance(value, torch.Tensor):
            for weight in vars(self).get("_weights", {}).values():
                if self.kept_weight(weight.attribute) is value:
                    if weight.attribute != name:
                        self._rename(weight, name)
                    return
        if isinstance(vars(self).get(name), TrackedList | TrackedDict | tuple):
            vars(self).pop(name)  # with the layers that it held
            self._modules.pop(name + KEPT, None)
        if isinstance(value, list | dict | tuple) and name not in NOT_TRACKED:
            # An empty one may be filled later: code for Keras does so.
            held: Any = tracked(value, self, name)
            if holds_modules_or_may(held):
                self._modules.pop(name, None)
                vars(self)[name] = held
                self.track(name)
                return
        given: Any = value
        super().__setattr__(name, given)
        if isinstance(value, nn.Module):
            self._keep_order()

    def track(self, attribute: str) -> None:
        """Take the layers in a list or dict, an attribute of this one, for layers inside it."""
        # PyTorch reaches a module by the name that it is kept under, and under the attribute's own
        # it would find the list.
        modules = list(inside(vars(self).get(attribute, ()), nn.Module))
        if modules:
            self._modules[attribute + KEPT] = nn.ModuleList(modules)
        else:
            self._modules.pop(attribute + KEPT, None)
        self._keep_order()

    def _keep_order(self) -> None:
        # Keras's order is that in which the layers came, be it into lists that take turns.
        self._in_order: list[Layer] = self.layers

    def _rename(self, weight: Weight, attribute: str) -> None:
        kept = self._parameters if weight.trainable else self._buffers
        values = kept.pop(weight.attribute)
        vars(self).pop(attribute, None)
        kept[attribute] = values  # type: ignore[assignment]
        renamed = replace(weight, attribute=attribute)
        self._weights = {
            known.attribute: known
            for known in (renamed if one is weight else one for one in self._weights.values())
        }

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Self:
        # PyTorch puts new tensors in the place of buffers when a module goes elsewhere, where it
        # keeps parameters: a weight that is not trained must stay the variable that it is.
        kept = {name: b for name, b in self._buffers.items() if isinstance(b, Variable)}
        super()._apply(fn, recurse)
        # After double() and its kin the layer calculates in the type that its weights now have,
        # and after float() in its policy's again; going to a device leaves every type.
        one, *other = {fn(torch.zeros((), dtype=d)).dtype for d in (torch.float32, torch.float64)}
        if not other:
            own = torch_dtype(self.compute_dtype)
            self.calculate_in(own if one is torch.float32 else one)
        for name, variable in kept.items():
            moved = self._buffers[name]
            assert moved is not None
            variable.data = moved.detach()
            self._buffers[name] = variable
        return self

    # Using them

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of a batch; take ``training`` as an argument if it matters."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def forward(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Build the layer at the first call, and run :meth:`call` in the mode asked for.

        A call on symbolic tensors is recorded instead, and gives symbolic tensors.
        """
        if args or kwargs or not isinstance(inputs, torch.Tensor):
            if holds_symbolic(inputs, *args, kwargs):
                return self._record(inputs, args, kwargs, training)
            inputs = self._tensors(inputs)
            if args or kwargs:
                args, kwargs = map_structure(self._cast, (args, kwargs))
        elif inputs.dtype is not self._input_type is not None:
            inputs = self._cast(inputs)
        if training is not None and training != self.training:
            with mode(self, training):
                return self.forward(inputs, *args, **kwargs)
        if not self.built:
            self.build(map_structure(shape_of, inputs))
        if self._call_takes_training:
            kwargs["training"] = self.training
        call = under_way.get()
        if call is None:
            return self._outermost_call(inputs, args, kwargs)
        try:
            outputs = self.call(inputs, *args, **kwargs)
        except RuntimeError as error:
            raise self._explained(error, inputs) from error
        if self.activity_regularizer is not None:
            call.losses.extend(self._activity_penalties(outputs))
        return outputs

    def _tensors(self, inputs: Any) -> Any:
        """Return tensors in the type that inputs are cast to, in the structure that they came."""
        if isinstance(inputs, Mapping):
            return {name: self._tensors(value) for name, value in inputs.items()}
        several = isinstance(inputs, list | tuple)
        if several and any(getattr(value, "shape", ()) for value in inputs):
            return [self._tensors(value) for value in inputs]
        tensor = as_tensor(inputs)
        return tensor if tensor.dtype is self._input_type else self._cast(tensor)

    def _activity_penalties(self, outputs: Any) -> Iterator[torch.Tensor]:
        for output in flatten(outputs):
            # A sum in a half precision loses what is added late.
            yield self.activity_regularizer(unhalved(output)) / output.shape[0]

    def _outermost_call(self, inputs: Any, args: Any, kwargs: Any) -> Any:
        # The losses that this layer and those inside it add are collected where a call begins, so
        # that a layer that is used twice adds twice, and the next call begins anew.
        collected: list[torch.Tensor] = []
        vars(self)["added_losses"] = collected  # around __setattr__, which would cost more
        token = under_way.set(Call(collected))
        try:
            outputs = self.call(inputs, *args, **kwargs)
        except RuntimeError as error:
            raise self._explained(error, inputs) from error
        finally:
            under_way.reset(token)
        if self.activity_regularizer is not None:
            collected.extend(self._activity_penalties(outputs))
        return outputs

    def _explained(self, error: RuntimeError, inputs: Any) -> Exception:
        """Return torch's error, or where the shape is why, one that says so."""
        if self._casts_weights and "dtype" in str(error):
            return InputError(
                f"the layer {self.name!r} cannot calculate in {self.compute_dtype}",
                expected="all tensors of one type",
                got=f"others: {error}",
                fix="What call() reads of itself is cast if it is a weight and an attribute: cast "
                "others by ops.cast(x, self.compute_dtype), or make the layer with "
                'dtype="float32".',
            )
        shapes = map_structure(shape_of, inputs)
        if self._build_shape is None or fits(self._build_shape, shapes):
            return error
        return InputError(
            f"the layer {self.name!r} cannot take its inputs",
            expected=f"the shape that it was built for, {self._build_shape}",
            got=f"{shapes}",
            fix=f"torch says: {error}",
        )

    def settle(self) -> None:
        """Read from the weights what calls would read in Python; nothing, for most layers.

        It is asked before a step is recorded: one that reads numbers in Python cannot be.
        """

    def add_loss(self, loss: Any) -> None:
        """Add to what training makes small; for use in :meth:`call`.

        Args:
            loss: a scalar tensor, or a list of them.

        Example:
            >>> class Sparse(Layer):
            ...     def call(self, inputs):
            ...         self.add_loss(0.5 * inputs.abs().sum())
            ...         return inputs
            >>> layer = Sparse()
            >>> _ = layer(torch.ones(4))
            >>> layer.losses
            [tensor(2.)]
        """
        call = under_way.get()
        target = self.added_losses if call is None else call.losses
        target.extend(as_tensor(one) for one in flatten(loss))

    # Being part of a graph

    def _record(self, inputs: Any, args: Any, kwargs: Any, training: bool | None) -> Any:
        shapes = map_structure(_symbolic_shape, inputs)
        budget.admit_call(self.name)
        if not self.built:
            self._build_for(shapes)
        overridden = type(self).compute_output_shape is not Layer.compute_output_shape
        if overridden and not holds_symbolic(*args, kwargs):
            outputs = map_shapes(
                lambda shape: SymbolicTensor(shape, self.compute_dtype, self.name),
                self.compute_output_shape(shapes),
            )
        else:
            outputs = self._probed((inputs, *args), kwargs)
        if training is not None:
            kwargs = {**kwargs, "training": training}
        self.calls.append(Node(self, (inputs, *args), kwargs, outputs))
        return outputs

    def _build_for(self, shapes: Any) -> None:
        try:
            self.build(shapes)
        except TypeError as error:
            if is_shape(shapes):
                raise
            raise InputError(
                f"{self.name!r} cannot be built for several tensors",
                expected="one tensor",
                got=f"{shapes}",
                fix="Join them before, by Concatenate() or Add().",
            ) from error

    def _probed(self, args: Any, kwargs: Any) -> Any:
        """Return symbolic tensors such as come out of a call on zeros."""
        first = self._run_on_zeros(args, kwargs, unknown=(2, 32))
        second = self._run_on_zeros(args, kwargs, unknown=(3, 33))
        sizes = iter(flatten(second))

        def symbolic(output: torch.Tensor) -> SymbolicTensor:
            # What differs between the two is what the unknown sizes decide.
            shape = tuple(
                a if a == b else None for a, b in zip(output.shape, next(sizes).shape, strict=True)
            )
            return SymbolicTensor(shape, str(output.dtype).removeprefix("torch."), self.name)

        return map_structure(symbolic, first)

    def _run_on_zeros(self, args: Any, kwargs: Any, unknown: tuple[int, int]) -> Any:
        device = _device_of(self)

        def zeros(leaf: Any) -> Any:
            if not isinstance(leaf, SymbolicTensor):
                return leaf
            # Two examples at least, since some layers cannot take the statistics of one.
            sizes = [
                unknown[min(axis, 1)] if size is None else size
                for axis, size in enumerate(leaf.shape)
            ]
            budget.allow_probe(sizes, self.name)
            return torch.zeros(sizes, dtype=getattr(torch, leaf.dtype), device=device)

        # A try must leave no trace: neither in weights that a call changes, nor among the losses.
        before = [(kept, kept.detach().clone()) for kept in changed_by_calls(self)]
        token = under_way.set(Call([]))
        try:
            with mode(self, False), torch.no_grad():
                return self(*map_structure(zeros, args), **map_structure(zeros, kwargs))
        finally:
            under_way.reset(token)
            with torch.no_grad():
                for buffer, values in before:
                    buffer.copy_(values)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs; by default as zeros come out.

        Args:
            input_shape: a shape, or a list or dict of them where the layer takes several tensors.
        """
        inputs = map_shapes(lambda shape: SymbolicTensor(shape, "float32", "x"), input_shape)
        return map_structure(lambda tensor: tensor.shape, self._probed((inputs,), {}))

    @property
    def input(self) -> Any:
        """The symbolic tensors that the layer was first called on."""
        return self._first_call().args[0]

    @property
    def output(self) -> Any:
        """The symbolic tensors that its first call gave."""
        return self._first_call().structure

    def _first_call(self) -> Node:
        if not self.calls:
            raise InputError(
                f"the layer {self.name!r} is no part of a model yet",
                expected="a layer called on an Input, or on what other layers made of one",
                got="one that was never called so",
            )
        return self.calls[0]

    # What it holds

    @property
    def trainable(self) -> bool:
        """Whether training may change the weights of this layer and of those inside it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for layer in self.modules():
            if isinstance(layer, Layer):
                layer.freeze_own(bool(value))

    def freeze_own(self, value: bool) -> None:
        """Say whether training may change this layer's own weights; not those inside it.

        Args:
            value: whether it may.
        """
        self._trainable = value
        for weight in self._weights.values():
            if weight.trainable:
                self.kept_weight(weight.attribute).requires_grad_(value)

    @property
    def layers(self) -> list["Layer"]:
        """The layers directly inside this one."""
        inside = {id(layer): layer for layer in _inner(self)}
        known = [layer for layer in vars(self).get("_in_order", ()) if id(layer) in inside]
        for layer in known:
            del inside[id(layer)]
        return [*known, *inside.values()]

    def keeps_statistics(self) -> bool:
        """Say whether training changes what no gradient does, as batch normalisation."""
        return False

    def own_weights(self) -> list[Weight]:
        """Return what is known of this layer's own weights, trainable ones first."""
        return sorted(self._weights.values(), key=lambda weight: not weight.trainable)

    def saved_children(self) -> Iterator[tuple[str, "Layer"]]:
        """Yield the layers inside this one, under the names that they have in Keras's files."""
        kept = self.saved_attributes()
        for attribute in sorted(kept, key=lambda name: (name.startswith("_"), name)):
            value = kept[attribute]
            if isinstance(value, Layer):
                yield attribute, value
            else:
                for name, layer in numbered_by_class(value):
                    yield f"{attribute}/{name}", layer

    def saved_attributes(self) -> dict[str, Any]:
        """Return the attributes that hold layers: each a layer, or some of them, nested."""
        kept: dict[str, Any] = {}
        for attribute, module in self._modules.items():
            if isinstance(module, Layer):
                kept[attribute] = module
            elif module is not None:
                # A container of PyTorch's stands for the layers in it.
                own = attribute.removesuffix(KEPT)
                kept[own] = vars(self).get(own, list(_inner(module)))
        return kept

    def every_layer(self) -> Iterator["Layer"]:
        """Yield this layer and those inside it, each once, in Keras's order."""
        seen: set[int] = set()
        waiting: list[Layer] = [self]
        while waiting:
            layer = waiting.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                yield layer
                waiting.extend(reversed(layer.layers))

    def _located_weights(self) -> Iterator[tuple["Layer", Weight]]:
        # Keras's order: a layer's own weights, then those inside it.
        seen: set[int] = set()
        for layer in self.every_layer():
            for weight in layer.own_weights():
                tensor = layer.kept_weight(weight.attribute)
                if id(tensor) not in seen:  # a wrapper may show a weight of the layer inside it
                    seen.add(id(tensor))
                    yield layer, weight

    def _located_trainable_weights(self) -> Iterator[tuple["Layer", Weight]]:
        # As in Keras: a frozen layer has none, and else it matters what each weight says itself.
        if self._trainable:
            for layer, weight in self._located_weights():
                if weight.trainable and layer.kept_weight(weight.attribute).requires_grad:
                    yield layer, weight

    @property
    def weights(self) -> list[torch.Tensor]:
        """All weights, in Keras's order."""
        return [layer.kept_weight(w.attribute) for layer, w in self._located_weights()]

    variables = weights

    @property
    def trainable_weights(self) -> list[torch.Tensor]:
        """The weights that training changes."""
        return [layer.kept_weight(w.attribute) for layer, w in self._located_trainable_weights()]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[torch.Tensor]:
        """The weights that training leaves: frozen ones and running statistics."""
        changed = {id(weight) for weight in self.trainable_weights}
        return [weight for weight in self.weights if id(weight) not in changed]

    non_trainable_variables = non_trainable_weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that are attributes of this layer and of those inside it."""
        kept = (value for layer in self.every_layer() for value in vars(layer).values())
        found = (
            metric
            for value in kept
            for metric in (flatten(value) if is_nested(value) else [value])
            if isinstance(metric, Metric)
        )
        return list({id(metric): metric for metric in found}.values())

    def penalties(self) -> Iterator[tuple[Regularizer, torch.Tensor]]:
        """Yield each trainable weight that has a regularizer, with it."""
        for weight in self.trainable_weights:
            regularizer = getattr(weight, "regularizer", None)
            if regularizer is not None:
                yield regularizer, weight

    @property
    def losses(self) -> list[torch.Tensor]:
        """The penalties on weights as they are now, and what the last call added."""
        on_weights = (regularizer(weight) for regularizer, weight in self.penalties())
        return [*on_weights, *self.added_losses]

    def count_params(self) -> int:
        """Return how many numbers the weights hold."""
        return sum(weight.numel() for weight in self.weights)

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights, in Keras's order and layout."""
        return [weight.detach().cpu().numpy().copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all weights.

        Args:
            weights: arrays as :meth:`get_weights` gives them.

        Raises:
            InputError: their number or a shape is another.
        """
        located = list(self._located_weights())
        if len(weights) != len(located):
            raise InputError(
                f"set_weights() of {self.name!r} was given another number of arrays",
                expected=f"{len(located)} arrays",
                got=str(len(weights)),
                fix="Build the model first, and take the arrays from get_weights().",
            )
        arrays = [as_tensor(value) for value in weights]
        for (layer, weight), array in zip(located, arrays, strict=True):
            own = layer.kept_weight(weight.attribute)
            if own.shape != array.shape:
                raise InputError(
                    f"set_weights() cannot fill `{weight.attribute}` of {layer.name!r}",
                    expected=f"shape {tuple(own.shape)}",
                    got=f"shape {tuple(array.shape)}",
                )
        with torch.no_grad():
            for (layer, weight), array in zip(located, arrays, strict=True):
                layer.kept_weight(weight.attribute).copy_(array)

    # What goes into files

    def base_config(self) -> dict[str, Any]:
        """Return the arguments that every layer has, as data that JSON can hold."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policy.serialize(self._dtype_policy),
        }
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = registry.serialize(self.activity_regularizer)
        return config

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {**self.base_config(), **super().get_config()}

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shape that the layer was built for, or None."""
        if self._build_shape is None:
            return None
        return {"input_shape": map_shapes(list, self._build_shape)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the layer again from :meth:`get_config`'s data, with new weights."""
        return cls(**cls._without_neutral(config))

    def again(self) -> Self:
        """Return a layer of the same class and arguments, with new weights."""
        return type(self).from_config(self.get_config())

    def extra_repr(self) -> str:
        """Return what PyTorch prints of the module."""
        return f"name={self.name!r}"


@contextmanager
def mode(module: nn.Module, training: bool) -> Generator[None]:
    """Put a module and all inside it into training or inference mode for the block."""
    before = [(inner, inner.training) for inner in module.modules()]
    module.train(training)
    try:
        yield
    finally:
        for inner, was in before:
            inner.training = was


@contextmanager
def unmixed(module: nn.Module) -> Generator[None]:
    """Let layers of a mixed policy calculate in the type of their weights for the block."""
    mixed = [one for one in module.modules() if isinstance(one, Layer) and one.is_mixed]
    for layer in mixed:
        layer.calculate_in(torch.float32)
    try:
        yield
    finally:
        for layer in mixed:
            layer.calculate_in(torch.bfloat16)


def changed_by_calls(module: nn.Module) -> Iterator[torch.Tensor]:
    """Yield the tensors of a module that a call may change: buffers, and variables not trained."""
    # One that waits for its shape holds nothing yet.
    yield from (buffer for buffer in module.buffers() if not is_lazy(buffer))
    for layer in module.modules():
        if isinstance(layer, Layer):
            # A variable that was not made by add_weight() is a parameter whatever it says.
            known = {weight.attribute for weight in layer.own_weights()}
            for name, own in layer.named_parameters(recurse=False):
                if name not in known and not own.requires_grad:
                    yield own


def numbered_by_class(layers: Any) -> Iterator[tuple[str, Layer]]:
    """Yield layers under ``dense``, ``dense_1``, ...: their class, counted, whatever their names.

    Lists and dicts among them count as ``container``, before the names of the layers inside.

    Example:
        >>> [name for name, _ in numbered_by_class([Layer(), {"a": [Layer()]}, Layer()])]
        ['layer', 'container/container/layer', 'layer_1']
    """
    seen: Counter[str] = Counter()
    for part in layers.values() if isinstance(layers, Mapping) else layers:
        if isinstance(part, Layer):
            kind = to_snake_case(part.keras_identity()["class_name"])
        elif isinstance(part, list | tuple | dict):
            kind = "container"
        else:
            continue
        name = f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1
        if isinstance(part, Layer):
            yield name, part
        else:
            yield from ((f"{name}/{within}", layer) for within, layer in numbered_by_class(part))


def fits(built: Any, given: Any) -> bool:
    """Say whether a shape, or each of several, is one that a layer was built for.

    Example:
        >>> fits((None, 3), (5, 3)), fits((None, 3), (5, 4)), fits((None, 3), (5, 1, 3))
        (True, False, False)
    """
    if isinstance(built, Mapping):
        return built.keys() == given.keys() and all(fits(built[key], given[key]) for key in built)
    if not is_shape(built):
        return len(built) == len(given) and all(map(fits, built, given))
    return len(built) == len(given) and all(
        want is None or want == have for want, have in zip(built[1:], given[1:], strict=True)
    )


def _building(build: Callable[..., None]) -> Callable[..., None]:
    def build_and_mark(self: Layer, input_shape: Shape) -> None:
        with no_call():
            build(self, input_shape)
        Layer.build(self, input_shape)

    build_and_mark.__doc__ = build.__doc__
    return build_and_mark


def _inner(module: nn.Module) -> Iterator[Layer]:
    # A container of PyTorch's between a layer and those inside it is looked through.
    for child in module.children():
        if isinstance(child, Layer):
            yield child
        else:
            yield from _inner(child)


def _device_of(layer: nn.Module) -> torch.device:
    return next((w.device for w in layer.parameters()), torch.get_default_device())


def _symbolic_shape(leaf: Any) -> Shape:
    return leaf.shape if isinstance(leaf, SymbolicTensor) else tuple(as_tensor(leaf).shape)
