"""A model: what can be trained, looked into, saved and read back."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from torch import nn

from latih import archive, losses, metrics, registry
from latih.arguments import one_of
from latih.errors import (
    FileFormatError,
    InputError,
    NotReadyError,
    UnknownNameError,
    near_matches,
)
from latih.layers import LAYERS, Layer
from latih.layers.base import numbered_by_class
from latih.models import graph_config, summary
from latih.models.graph import Graph
from latih.models.trainable import Trainable
from latih.optimizers import OPTIMIZERS
from latih.registry import auto_name
from latih.structures import flatten
from latih.tensors import map_shapes

FUNCTIONAL, FUNCTIONAL_MODULE = "Functional", "keras.src.models.functional"
"""What Keras's files call a model that is a graph."""

SAFETENSORS = ".safetensors"
WEIGHTS_ENDINGS = (".weights.h5", SAFETENSORS)

GRAPH_KEYS = ("layers", "input_layers", "output_layers")


class Model(Trainable):
    """What is trained: the calls between inputs and outputs, or a class with a ``call`` of its own.

    There are three ways to one: :class:`~latih.models.Sequential` for layers one after the other;
    ``Model(inputs, outputs)`` with what ``Input`` and layers called on it return, for any graph of
    layers; and a subclass that keeps layers as attributes and says in :meth:`call` what they do.

    Args:
        inputs: a symbolic tensor, or a list or dict of them.
        outputs: the same; each must follow from the inputs.
        kwargs: arguments of :class:`~latih.layers.Layer`, such as ``name``.

    Shapes:
        in and out: those of the symbolic tensors, or what :meth:`call` takes and gives.

    Raises:
        InputError: an output does not follow from the inputs, or two layers have one name.

    Example:
        >>> from latih.layers import Add, Dense, Input
        >>> x = Input((4,))
        >>> skip = Add()([x, Dense(4, activation="relu")(x)])
        >>> model = Model(x, Dense(1)(skip))
        >>> model.input_shape, model.output_shape
        ((None, 4), (None, 1))
    """

    keras_module = "keras"
    not_described = Layer.not_described | {"inputs", "outputs"}

    def __init__(self, inputs: Any = None, outputs: Any = None, **kwargs: Any) -> None:
        if inputs is not None and kwargs.get("name") is None and type(self) is Model:
            kwargs["name"] = auto_name(FUNCTIONAL)
        super().__init__(**kwargs)
        self.graph: Graph | None = None
        if inputs is None and outputs is None:
            return
        self.graph = Graph.between(inputs, outputs, self.name)
        self.leave_inputs_to_layers()
        self.stack = nn.ModuleList(self.graph.layers)
        shapes = [tensor.shape for tensor in self.graph.input_tensors]
        Layer.build(self, shapes[0] if len(shapes) == 1 else shapes)  # type: ignore[arg-type]
        if not self._trainable:
            self.trainable = False

    def build(self, input_shape: Any) -> None:
        """Make the weights of the layers inside, by a call on zeros of this shape."""
        if self.graph is not None or not self.has_call:
            return
        self.built = True  # the layers inside build themselves, in the call
        try:
            self.compute_output_shape(map_shapes(tuple, input_shape))
        except BaseException:
            self.built = False
            raise

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs of a batch."""
        if self.graph is None:
            return super().call(inputs, *args, **kwargs)
        return self.graph.run(self.graph.taken(inputs))

    @property
    def has_call(self) -> bool:
        """Whether it is said what a call does; a step of the user's own may need none."""
        return self.graph is not None or type(self).call is not Model.call

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs, or a list or dict of shapes."""
        if self.graph is None:
            return super().compute_output_shape(input_shape)
        return self.graph.output_shapes(input_shape)

    # What it is made of

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside, from the inputs on."""
        return super().layers if self.graph is None else self.graph.layers

    @property
    def is_symbolic(self) -> bool:
        """Whether it is known, without data, what the inputs and outputs are."""
        return self.graph is not None

    @property
    def input(self) -> Any:
        """The symbolic tensors that it begins with."""
        return super().input if self.graph is None else self.graph.inputs

    @property
    def output(self) -> Any:
        """The symbolic tensors that it ends with."""
        return super().output if self.graph is None else self.graph.outputs

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called; none where a class says itself what it takes."""
        return [tensor.name for tensor in self.inputs] if self.is_symbolic else []

    @property
    def inputs(self) -> list[Any]:
        """The symbolic tensors that it begins with, as a list."""
        return flatten(self.input)

    @property
    def outputs(self) -> list[Any]:
        """The symbolic tensors that it ends with, as a list."""
        return flatten(self.output)

    def saved_children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers under the names that they have in Keras's files."""
        if self.graph is None:
            yield from super().saved_children()
        else:
            for name, layer in numbered_by_class(self.graph.layers):
                yield f"layers/{name}", layer

    def saved_attributes(self) -> dict[str, Any]:
        """Return the attributes that hold layers; Keras takes the list of all for one of them."""
        return {**super().saved_attributes(), "layers": self.layers}

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, or the graph, as data that JSON can hold."""
        if self.graph is None:
            return super().get_config()
        return {
            "name": self.name,
            "trainable": self.trainable,
            **graph_config.describe(self.graph),
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Make the model again from :meth:`get_config`'s data, with new weights.

        Args:
            config: the data.
            custom_objects: names in it and the user's classes or functions that they mean.
        """
        if "input_layers" not in config:
            return super().from_config(config)
        described = {key: value for key, value in config.items() if key not in GRAPH_KEYS}
        reading = registry.reading(f"the description of the model {config.get('name')!r}")
        with registry.custom_object_scope(custom_objects or {}), reading:
            return cls(*graph_config.rebuild(config, LAYERS.deserialize), **described)

    def keras_identity(self) -> dict[str, Any]:
        """Return what Keras's files call the class."""
        if type(self) is not Model:
            return super().keras_identity()
        return {
            "module": FUNCTIONAL_MODULE,
            "class_name": FUNCTIONAL,
            "registered_name": FUNCTIONAL,
        }

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shape that it was built for; a graph says it itself."""
        return super().get_build_config() if self.graph is None else {"input_shape": None}

    # What it shows

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its place.

        Args:
            name: the layer's name.
            index: its place, counted from 0.

        Raises:
            InputError: there is none; the sentence has the names that look like it.
        """
        layers = self.layers
        if index is not None:
            if -len(layers) <= index < len(layers):
                return layers[index]
            raise InputError(
                f"the model {self.name!r} has no layer {index}",
                expected=f"0..{len(layers) - 1}",
                got=str(index),
            )
        for layer in layers:
            if layer.name == name:
                return layer
        raise InputError(
            f"the model {self.name!r} has no layer {name!r}",
            fix=near_matches(str(name), [layer.name for layer in layers]),
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their outputs' shapes and how many weights they have.

        Args:
            line_length: the width of the table; by default the terminal's.
            positions: taken for Keras's sake.
            print_fn: what prints the text; by default the standard output.
            expand_nested: whether models inside are opened.
            show_trainable: whether to say which layers are trained.
            layer_range: taken for Keras's sake.
        """
        del positions, layer_range
        summary.print_summary(
            self,
            width=line_length,
            print_function=print_fn,
            expand_nested=expand_nested,
            show_trainable=show_trainable,
        )

    def table(self) -> dict[str, Any]:
        """Return what :meth:`summary` prints as data: the numbers of weights, and the layers."""
        layers = [
            {
                "name": row.name,
                "type": row.type,
                "output_shape": _told(row.output_shape),
                "parameters": row.parameters,
                "trainable": row.trainable,
            }
            for row in summary.rows(self)
        ]
        return {"name": self.name, **summary.counts(self), "layers": layers}

    # Files

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Save the whole model: what it is, its weights, and how it was compiled.

        Args:
            filepath: where; ends in ``.keras``. Keras reads the file too.
            overwrite: whether a file that stands there may be replaced.

        Raises:
            InputError: another ending, or a file that may not be replaced.
            NotReadyError: the model has no weights yet.
            UnwritableError: the directory cannot be written.
        """
        path = _checked_path(filepath, (".keras",), overwrite)
        self._require_built()
        archive.write_model(self, path)

    def _require_built(self) -> None:
        if not self.built:
            raise NotReadyError(
                f"the model {self.name!r} cannot be saved",
                expected="a built model",
                got="one without weights",
                fix="Give its first layer an input shape, or train it first.",
            )

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Save the weights alone.

        Args:
            filepath: where; ends in ``.weights.h5``, which Keras reads too, or ``.safetensors``.
            overwrite: whether a file that stands there may be replaced.
        """
        path = _checked_path(filepath, WEIGHTS_ENDINGS, overwrite)
        self._require_built()
        if path.name.endswith(SAFETENSORS):
            archive.write_safetensors(self, path)
        else:
            archive.write_weights_file(self, path)

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Load the weights that :meth:`save_weights` saved; all of them, or none is changed.

        Args:
            filepath: a ``.weights.h5`` or ``.safetensors`` file.

        Raises:
            FileFormatError: it is none, or another model's.
        """
        if Path(filepath).name.endswith(SAFETENSORS):
            archive.read_safetensors(self, filepath)
        else:
            archive.read_weights_file(self, filepath)

    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "onnx",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """Write the model as a graph that other programs run, in inference mode.

        Args:
            filepath: where; ends in ``.onnx``.
            format: only ``"onnx"``.
            verbose: taken for Keras's sake.
            input_signature: taken for Keras's sake; only None, since the model knows its inputs.
            kwargs: ``input_names``, ``output_names``, ``opset``.

        Raises:
            MissingExtraError: the packages of the extra ``export`` are not installed.
            NotReadyError: the model is not built.
            InputError: another ending or format, or the model cannot be written as a graph.
        """
        del verbose
        one_of(format, "format", "export()", ("onnx",))
        if input_signature is not None:
            raise InputError(
                "`input_signature` of export() is not to be had",
                expected="None",
                fix="Leave it out.",
            )
        archive.export(self, _checked_path(filepath, (".onnx",), True), **kwargs)

    def describe(self) -> dict[str, Any]:
        """Return what the model is, and how it was compiled, as data that JSON can hold."""
        return {**registry.serialize(self), "compile_config": self.get_compile_config()}

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return how the model was compiled, as data that JSON can hold."""
        if self.objective is None:
            return None
        given = self.objective.given
        return {
            "optimizer": registry.serialize(self.optimizer),
            "loss": registry.serialize(given.loss),
            "loss_weights": registry.serialize(given.loss_weights),
            "metrics": registry.serialize(given.metrics) or None,
            "weighted_metrics": registry.serialize(given.weighted_metrics) or None,
        }

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as :meth:`get_compile_config` says."""
        if not isinstance(config, Mapping):
            raise FileFormatError("the compile_config is no mapping", got=type(config).__name__)
        try:
            self.compile(
                optimizer=OPTIMIZERS.deserialize(config.get("optimizer")),
                loss=_made(config.get("loss"), losses.get),
                loss_weights=config.get("loss_weights"),
                metrics=_made(config.get("metrics"), metrics.get),
                weighted_metrics=_made(config.get("weighted_metrics"), metrics.get),
            )
        except UnknownNameError as error:
            raise UnknownNameError(
                error.what,
                fix="If it is one of your own, register it by "
                "@keras.saving.register_keras_serializable(), give it in custom_objects=, or load "
                f"with compile=False. {error.fix}",
            ) from error


def _made(described: Any, get: Callable[[Any], Any]) -> Any:
    """Return lists and dicts of names and descriptions with objects in the descriptions' places."""
    if isinstance(described, Mapping):
        if "class_name" in described or not described:
            return get(described)
        return {name: _made(one, get) for name, one in described.items()}
    if isinstance(described, list | tuple):
        return [_made(one, get) for one in described]
    return described


def _told(shape: Any) -> list[str]:
    """Return a shape as the page of a run shows it."""
    return [] if shape is None else [str(size) for size in shape]


def _checked_path(
    filepath: str | os.PathLike[str], endings: tuple[str, ...], overwrite: bool
) -> Path:
    path = Path(filepath)
    if not path.name.endswith(endings):
        raise InputError(
            "`filepath` has the wrong ending",
            expected=f"a name that ends in {' or '.join(map(repr, endings))}",
            got=repr(str(filepath)),
            fix=f"Write {path.stem + endings[0]!r}.",
        )
    if path.exists() and not overwrite:
        raise InputError(f"{str(filepath)!r} is there already", fix="Give overwrite=True.")
    return path
