"""Any module of PyTorch as a model: trained, frozen, watched and kept as Latih's own are."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, Self

import torch
from torch import nn

from latih.applications.torch_parts import TorchPart, parts_of
from latih.arguments import one_of
from latih.errors import FileFormatError, InputError, UnknownNameError, near_matches
from latih.layers import LAYERS, Layer
from latih.layers.base import fits
from latih.models import Model
from latih.registry import Table
from latih.structures import flatten, map_structure
from latih.symbolic import SymbolicTensor
from latih.tensors import map_shapes, shape_of

DATA_FORMATS = ("channels_last", "channels_first")

IMAGE_AXES = 4
"""Examples, height, width, channels: what has other axes is handed on as it is."""

MODULES: Table[Any] = Table("module of PyTorch", object)
"""Empty: a file never makes a module, which only the user's own names can mean."""


class TorchModel(Model):
    """A module of PyTorch in Keras's language; :func:`from_torch` tells of the arguments.

    Args:
        module: the module.
        input_shape: the shape of one example, or a list or dict of shapes.
        data_format: how images come.
        output: which of several outputs is the model's.
        input_dtype: the type that inputs are cast to.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Example:
        >>> model = TorchModel(nn.Linear(3, 2), (3,))
        >>> model.output_shape, model.count_params()
        ((None, 2), 8)
    """

    def __init__(
        self,
        module: nn.Module,
        input_shape: Any,
        *,
        data_format: str = "channels_last",
        output: str | int | None = None,
        input_dtype: str = "float32",
        **kwargs: Any,
    ) -> None:
        if not isinstance(module, nn.Module) or isinstance(module, Layer):
            raise InputError(
                "`module` of from_torch() cannot be used",
                expected="a torch.nn.Module that is no layer of Latih",
                got=f"the class {module.__name__}"
                if isinstance(module, type)
                else f"a {type(module).__name__}",
                fix="Make one: Net().",
            )
        super().__init__(**kwargs)
        self.leave_inputs_to_layers()
        self.data_format: str = one_of(data_format, "data_format", "from_torch()", DATA_FORMATS)
        self.output_key = output
        self.input_dtype_asked: str = one_of(
            input_dtype, "input_dtype", "from_torch()", ("float32", "int64", "int32", "uint8")
        )
        self._input_kind = getattr(torch, self.input_dtype_asked)
        self.module = module
        self.train(False)  # as every layer starts
        self.build(map_shapes(lambda shape: (None, *shape), input_shape))

    def build(self, input_shape: Any) -> None:
        """Call the module once on zeros of this shape, and take its parts down."""
        if self.built:
            return
        Layer.build(self, map_shapes(tuple, input_shape))
        try:
            self.compute_output_shape(input_shape)  # modules that wait for a shape get theirs now
            self._take_parts()
        except BaseException:
            self.built = False
            raise

    def _take_parts(self) -> None:
        known: dict[int, Layer] = {}
        parts = [part for _, part in parts_of(self.module, known)]
        own = TorchPart(self.module, type(self.module).__name__, known, alone=True)
        # Around PyTorch's list of modules, where the module itself stands.
        vars(self)["_parts"] = [own, *parts] if own.own_weights() else parts
        if not self._trainable:
            self.trainable = False

    # What it is made of

    @property
    def layers(self) -> list[Layer]:
        """The modules directly inside the module; its own weights, if it has some, come first."""
        return list(vars(self).get("_parts", ()))

    def freeze_own(self, value: bool) -> None:
        """Say whether training may change what the module holds."""
        super().freeze_own(value)
        for part in self.layers:
            part.trainable = value
        self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Put the module into training or inference mode; what is frozen keeps its statistics."""
        super().train(mode)
        for part in self.every_layer() if mode else ():
            if isinstance(part, TorchPart) and part.keeps_statistics() and not part.trainable:
                vars(part)["of"].training = False
        return self

    def saved_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the parts under the names that they have in files."""
        for part in self.layers:
            yield f"module/{part.name}", part

    def _located_parts(self) -> Iterator[tuple[str, Layer]]:
        """Yield all parts, those inside others too, with the way to each."""
        waiting = [(part.name, part) for part in reversed(self.layers)]
        while waiting:
            path, part = waiting.pop()
            yield path, part
            waiting.extend((f"{path}/{one.name}", one) for one in reversed(part.layers))

    def again(self) -> Self:
        """Return the same of a copy of the module, with its weights: nothing can make it anew."""
        return self._around(deepcopy(self.module), self.get_config())

    # What it does

    def call(self, inputs: Any) -> Any:
        """Return what the module makes of a batch."""
        shapes = map_structure(shape_of, inputs)
        if not fits(self._build_shape, shapes):
            raise InputError(
                f"the model {self.name!r} cannot take its inputs",
                expected=f"shape {self._build_shape}",
                got=f"shape {shapes}",
            )
        given = map_structure(self._taken, inputs)
        if self._compute_type is torch.bfloat16:
            # The module's weights stay what they are: PyTorch's own way to mix types does the rest.
            with torch.autocast(self.device.type, torch.bfloat16):
                outputs = self._called(given)
        else:
            outputs = self._called(given)
        return map_structure(self._given_back, self._chosen(outputs))

    def _called(self, given: Any) -> Any:
        if isinstance(given, Mapping):
            return self.module(**given)
        if isinstance(given, list | tuple):
            return self.module(*given)
        return self.module(given)

    def _taken(self, part: torch.Tensor) -> torch.Tensor:
        kind = self._input_kind
        if kind.is_floating_point:
            part = part if part.is_floating_point() else part.to(self._compute_type)
        elif part.dtype is not kind:
            part = part.to(kind)
        if part.ndim == IMAGE_AXES and self.data_format == "channels_last":
            return part.permute(0, 3, 1, 2)
        return part

    def _given_back(self, part: torch.Tensor) -> torch.Tensor:
        if part.ndim == IMAGE_AXES and self.data_format == "channels_last":
            return part.permute(0, 2, 3, 1)
        return part

    def _chosen(self, outputs: Any) -> Any:
        """Return the tensors of what a module gave that are the model's outputs."""
        key = self.output_key
        if key is None:
            if isinstance(outputs, Mapping):
                tensors = [k for k, v in outputs.items() if isinstance(v, torch.Tensor)]
                key = "logits" if "logits" in tensors else tensors[0] if len(tensors) == 1 else None
                if key is None:
                    raise self._ambiguous(outputs, ", ".join(map(repr, tensors)))
                return outputs[key]
            if not all(isinstance(part, torch.Tensor) for part in flatten(outputs)):
                raise self._ambiguous(outputs, f"a {type(outputs).__name__}")
            return outputs
        try:
            found = outputs[key]
        except (KeyError, IndexError, TypeError):
            found = getattr(outputs, key, None) if isinstance(key, str) else None
        if not isinstance(found, torch.Tensor):
            names = list(outputs) if isinstance(outputs, Mapping) else []
            raise InputError(
                "`output` of from_torch() is not among what the module gives",
                expected="the key, the name or the place of a tensor",
                got=repr(key),
                fix=near_matches(str(key), names) if names else "Call the module to see.",
            )
        return found

    def _ambiguous(self, outputs: Any, got: str) -> InputError:
        return InputError(
            f"the module {type(self.module).__name__} gives more than tensors, or several",
            expected="`output`, which says which of them is the model's",
            got=got or f"a {type(outputs).__name__}",
            fix="Write from_torch(module, input_shape, output=...) with its key or its place.",
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, as zeros come out."""
        inputs = map_shapes(
            lambda shape: SymbolicTensor(shape, self.input_dtype_asked, "x"), input_shape
        )
        try:
            found = self._probed((inputs,), {})
        except InputError:
            raise
        except Exception as error:  # a module may raise anything of inputs that it cannot take
            raise self._cannot_take(input_shape, error) from error
        return map_structure(lambda tensor: tensor.shape, found)

    def _cannot_take(self, input_shape: Any, error: Exception) -> InputError:
        return InputError(
            f"the module {type(self.module).__name__} cannot take zeros of the input shape",
            expected="the shape of one example as you hold it: (height, width, channels) for "
            f"images with data_format={self.data_format!r}"
            if self.data_format == "channels_last"
            else "the shape of one example, as the module takes it",
            got=f"shape {input_shape}, and {type(error).__name__}: {error}",
            fix='Check `input_shape`, `data_format` and, for whole numbers, input_dtype="int64".',
        )

    # Files

    def get_config(self) -> dict[str, Any]:
        """Return how the module is called, and its class's name, which a file must not make."""
        return {
            **self.base_config(),
            "module_class": type(self.module).__name__,
            "input_shape": map_shapes(lambda shape: list(shape[1:]), self._build_shape),
            "data_format": self.data_format,
            "output": self.output_key,
            "input_dtype": self.input_dtype_asked,
            "frozen": [path for path, part in self._located_parts() if not part.trainable],
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Put a module that the user gives under its class's name in the place of the old one.

        Args:
            config: what :meth:`get_config` gave.
            custom_objects: not used: names are looked up where ``load_model`` put them.

        Raises:
            FileFormatError: the user gives none.
        """
        del custom_objects
        name = str(config.get("module_class"))
        try:
            given = MODULES.find(name)
        except UnknownNameError:
            raise FileFormatError(
                f"the file holds the weights of a module of PyTorch, {name!r}, and not its code",
                expected="such a module from you: a file never makes one",
                got="none",
                fix=f"Write load_model(path, custom_objects={{{name!r}: module}}).",
            ) from None
        module = given if isinstance(given, nn.Module) else given()
        return cls._around(module, config)

    @classmethod
    def _around(cls, module: nn.Module, config: Mapping[str, Any]) -> Self:
        apart = ("module_class", "input_shape", "frozen")
        settings = {key: value for key, value in config.items() if key not in apart}
        model = cls(module, map_shapes(tuple, config["input_shape"]), **settings)
        frozen = set(config["frozen"])
        for path, part in model._located_parts():
            if part.trainable is (path in frozen):  # else as the module has it, weight by weight
                part.freeze_own(path not in frozen)
        return model

    def get_build_config(self) -> None:
        """Return nothing: the shape stands in the config."""


def from_torch(
    module: nn.Module,
    input_shape: Any,
    *,
    data_format: str = "channels_last",
    output: str | int | None = None,
    input_dtype: str = "float32",
    name: str | None = None,
) -> TorchModel:
    """Return any module of PyTorch as a model: with fit, summary, freezing, the doctor, snapshots.

    The module is not copied: its own weights are trained. It starts in inference mode, as layers
    do. The modules inside it are the model's ``layers``, under their names, and those inside them
    theirs; ``trainable = False`` freezes one, and where it normalises by batches its statistics,
    too.

    ``model.save("m.keras")`` keeps the weights and the settings. The code of a module cannot be
    kept as data, so that it is given again to read the file:
    ``load_model("m.keras", custom_objects={"Net": Net()})``.

    Args:
        module: the module.
        input_shape: the shape of one example as you hold it, ``(height, width, channels)`` for
            images; a list of shapes for a module of several arguments, a dict of them for named
            ones.
        data_format: ``"channels_last"``: images come as ``(n, height, width, channels)``, go to the
            module as PyTorch wants them, without a copy, and so come back; ``"channels_first"``:
            nothing is turned.
        output: where the module gives a dict (Hugging Face's do) or a tuple, the key or the place
            of what is the model's output; None for the only one, or for ``"logits"``.
        input_dtype: ``"float32"``; or ``"int64"`` for a module that takes numbers of words.
        name: what the model is called.

    Shapes:
        in: ``(n, *input_shape)``; out: what the module gives.

    Returns:
        The model, not compiled.

    Raises:
        InputError: it is no module, cannot take zeros of the shape, or gives what is ambiguous.

    Example:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2))
        >>> model = from_torch(net, (8, 8, 3))
        >>> model.output_shape, [layer.name for layer in model.layers]
        ((None, 2), ['0', '1', '2', '3'])
        >>> model.compile("adam", "mse")
        >>> history = model.fit(torch.zeros(4, 8, 8, 3), torch.zeros(4, 2), verbose=0)
    """
    return TorchModel(
        module,
        input_shape,
        data_format=data_format,
        output=output,
        input_dtype=input_dtype,
        name=name,
    )


# A model is a layer: it stands in their table, so that files find it.
LAYERS.include(TorchModel)
