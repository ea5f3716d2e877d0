"""What a layer adds up before its nonlinearity, heard while the model is called.

A layer with an activation keeps it as an attribute, and that is listened to. A layer that is itself
a nonlinearity is given the sums. And what ``call`` or ``forward`` does by a function of PyTorch, as
in ``F.relu(self.dense(x))``, is heard as PyTorch is asked for it: it is the nonlinearity of the
layer that was called last.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd  # pyright: ignore[reportPrivateUsage]
from torch.overrides import TorchFunctionMode

from latih.doctor.fact_records import LayerFacts
from latih.doctor.flow import way_to
from latih.doctor.kinds import ACTIVATION_OF_FUNCTION, activation_of
from latih.layers import Layer
from latih.structures import flatten

Heard = Callable[[str, str | None, torch.Tensor, int], None]
"""Takes a layer's name, its nonlinearity, the sums, and the axis of its units."""


class Sensors:
    """The layers of a model that are listened to.

    Args:
        model: the model.
        layers: what is known of those to listen to.

    Example:
        >>> from latih.layers import Dense
        >>> from latih.models import Sequential
        >>> model = Sequential([Dense(1, "relu", kernel_initializer="ones", input_shape=[1])])
        >>> name = model.layers[0].name
        >>> sensors = Sensors(model, [LayerFacts(name, "Dense", "relu", fan_in=1)])
        >>> with sensors.hear(lambda name, kind, sums, axis: print(kind, sums.tolist())):
        ...     _ = model(torch.tensor([[-2.0]]))
        relu [[-2.0]]
    """

    def __init__(self, model: nn.Module, layers: Iterable[LayerFacts]) -> None:
        modules = named(model)
        self.layers = {one.name: one for one in layers if one.name in modules}
        self.modules = {name: modules[name] for name in self.layers}

    @contextmanager
    def hear(self, heard: Heard) -> Generator[None]:
        """Tell a function of all sums of the block, which calls the model."""
        with ExitStack() as ending:
            ear = _Ear(heard)
            for name, module in self.modules.items():
                ending.enter_context(ear.at(module, self.layers[name]))
            ending.enter_context(ear)
            yield


def named(model: nn.Module) -> Mapping[str, nn.Module]:
    """Return the layers and modules of a model by what they are called, and by where they are."""
    modules = {path: module for path, module in model.named_modules() if path}
    found = {way_to({"": model, **modules}, path): module for path, module in modules.items()}
    for path, module in modules.items():
        name = module.name if isinstance(module, Layer) else path.replace(".", "/")
        found.setdefault(name, module)
    return found


class _Ear(TorchFunctionMode):
    """Hears layers and functions, and tells of what stands before a nonlinearity.

    Args:
        heard: what is told.
    """

    def __init__(self, heard: Heard) -> None:
        super().__init__()
        self._heard = heard
        self._axis = -1
        # The layer without an activation that is called now, or was last, and what it gave.
        self._open: LayerFacts | None = None
        self._sums: torch.Tensor | None = None
        self._is_within = False

    @contextmanager
    def at(self, module: nn.Module, layer: LayerFacts) -> Generator[None]:
        """Listen to a module in the block."""
        own = activation_of(module)
        with ExitStack() as ending:
            if own is None:
                enter, leave = self._begin_open, self._end_open
                ending.callback(module.register_forward_hook(_told(leave, layer)).remove)
            elif layer.fan_in:
                enter = self._begin
                ending.enter_context(self._at_activation(module, layer))
            else:
                enter = self._tell_inputs
            hook = module.register_forward_pre_hook(_told(enter, layer))
            ending.callback(hook.remove)
            yield

    @contextmanager
    def _at_activation(self, module: nn.Module, layer: LayerFacts) -> Generator[None]:
        held = vars(module)
        inner, activation = dict(module.named_children()).get("activation"), held.get("activation")
        if inner is not None:
            hook = inner.register_forward_pre_hook(lambda _, inputs: self._tell(layer, inputs[0]))
            try:
                yield
            finally:
                hook.remove()
            return

        def told(sums: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self._tell(layer, sums)
            assert activation is not None
            return activation(sums, *args, **kwargs)

        # Around the ways of PyTorch and of layers to set an attribute, which look at it.
        if activation is not None:
            held["activation"] = told
        try:
            yield
        finally:
            if activation is not None:
                held["activation"] = activation

    def _begin(self, module: nn.Module, layer: LayerFacts, *call: Any) -> None:
        self._settle()
        if layer.fan_in:
            self._axis = _axis_of(module)

    def _tell_inputs(self, module: nn.Module, layer: LayerFacts, *call: Any) -> None:
        self._begin(module, layer)
        given = _first_tensor(call[0])
        if given is not None:
            self._tell(layer, given)

    def _begin_open(self, module: nn.Module, layer: LayerFacts, *call: Any) -> None:
        self._begin(module, layer)
        self._open, self._is_within = layer, True

    def _end_open(self, module: nn.Module, layer: LayerFacts, *call: Any) -> None:
        self._is_within = False
        if self._open is layer:  # or it has been told, by a function within
            # Maybe a function of PyTorch comes yet, which would be its nonlinearity.
            self._sums = _first_tensor(call[1])

    def _settle(self) -> None:
        layer, sums = self._open, self._sums
        self._open = self._sums = None
        if layer is not None and sums is not None:
            self._heard(layer.name, None, sums, self._axis)

    def _tell(self, layer: LayerFacts, sums: torch.Tensor) -> None:
        self._heard(layer.name, layer.activation, sums, self._axis)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self._open is not None and args and self._may_bend(args[0]):
            name = ACTIVATION_OF_FUNCTION.get(getattr(func, "__name__", "").rstrip("_"))
            if name not in (None, "linear"):
                layer, self._open, self._sums = self._open, None, None
                self._heard(layer.name, name, args[0], self._axis)
        return func(*args, **(kwargs or {}))

    def _may_bend(self, given: Any) -> bool:
        """Say whether these may be the sums of the open layer, pooled at most."""
        if self._is_within or self._sums is None or not isinstance(given, torch.Tensor):
            return self._is_within and isinstance(given, torch.Tensor)
        sums, axis = self._sums, self._axis if self._sums.ndim > 2 else -1
        return given.ndim == sums.ndim > 0 and given.shape[axis] == sums.shape[axis]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._settle()


def _told(hear: Callable[..., None], layer: LayerFacts) -> Callable[..., None]:
    return lambda module, *call: hear(module, layer, *call)


def _first_tensor(structure: Any) -> torch.Tensor | None:
    return next((one for one in flatten(structure) if isinstance(one, torch.Tensor)), None)


def _axis_of(module: nn.Module) -> int:
    """Return the axis of the units in the outputs of a layer with a kernel."""
    own = getattr(module, "_channel_axis", None)
    return own if isinstance(own, int) else 1 if isinstance(module, _ConvNd) else -1
