"""A model: what can be trained, looked into, saved and read back."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from latih import archive, registry
from latih.errors import FileFormatError, InputError, NotReadyError, near_matches
from latih.layers import Layer
from latih.models import summary
from latih.models.trainable import Trainable
from latih.optimizers import OPTIMIZERS


class Model(Trainable):
    """The base of models; :class:`~latih.models.Sequential` is one.

    Args:
        kwargs: arguments of :class:`~latih.layers.Layer`.
    """

    keras_module = "keras"

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
                "output_shape": [str(size) for size in row.output_shape],
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
        path = _checked_path(filepath, ".keras", overwrite)
        if not self.built:
            raise NotReadyError(
                f"the model {self.name!r} cannot be saved",
                expected="a built model",
                got="one without weights",
                fix="Give its first layer an input shape, or train it first.",
            )
        archive.write_model(self, path)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Save the weights alone.

        Args:
            filepath: where; ends in ``.weights.h5``.
            overwrite: whether a file that stands there may be replaced.
        """
        archive.write_weights_file(self, _checked_path(filepath, ".weights.h5", overwrite))

    def load_weights(self, filepath: str | os.PathLike[str]) -> None:
        """Load the weights that :meth:`save_weights` saved; all of them, or none is changed.

        Args:
            filepath: a ``.weights.h5`` file.

        Raises:
            FileFormatError: it is none, or another model's.
        """
        archive.read_weights_file(self, filepath)

    def describe(self) -> dict[str, Any]:
        """Return what the model is, and how it was compiled, as data that JSON can hold."""
        return {**registry.serialize(self), "compile_config": self.get_compile_config()}

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return how the model was compiled, as data that JSON can hold."""
        if self.objective is None:
            return None
        return {
            "optimizer": registry.serialize(self.optimizer),
            "loss": registry.serialize(self.objective.given_loss),
            "loss_weights": None,
            "metrics": registry.serialize(self.objective.given_metrics) or None,
            "weighted_metrics": registry.serialize(self.objective.given_weighted_metrics) or None,
        }

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as :meth:`get_compile_config` says."""
        if not isinstance(config, Mapping):
            raise FileFormatError("the compile_config is no mapping", got=type(config).__name__)
        self.compile(
            optimizer=OPTIMIZERS.deserialize(config.get("optimizer")),
            loss=config.get("loss"),
            loss_weights=config.get("loss_weights"),
            metrics=config.get("metrics"),
            weighted_metrics=config.get("weighted_metrics"),
        )


def _checked_path(filepath: str | os.PathLike[str], ending: str, overwrite: bool) -> Path:
    path = Path(filepath)
    if not path.name.endswith(ending):
        raise InputError(
            "`filepath` has the wrong ending",
            expected=f"a name that ends in {ending!r}",
            got=repr(str(filepath)),
            fix=f"Write {path.stem + ending!r}.",
        )
    if path.exists() and not overwrite:
        raise InputError(f"{str(filepath)!r} is there already", fix="Give overwrite=True.")
    return path
