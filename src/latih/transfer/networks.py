"""A pretrained base between what makes images fit it and a new head, as one model."""

import copy
import os
import shlex
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from latih import applications, ops
from latih.errors import InputError, LatihWarning, UnknownNameError
from latih.layers import (
    Concatenate,
    Dense,
    Input,
    Layer,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    Reshape,
    Resizing,
)
from latih.models import Model, load_model
from latih.pretraining import DBN, Stack
from latih.pretraining.unlabelled import Unlabelled
from latih.run_directory import RunDirectory
from latih.transfer.heads import ends, head_of, names_classes, pool, with_head
from latih.transfer.options import FEW

LEAST_SIZE, LEAST_SIZE_OF_FEW = 96, 160
"""Smaller images are enlarged to this: the networks halve an image five times, and know things in
the size that they had in larger images. Few images are worth the time of more pixels."""

WEIGHTS_ALONE = (".pth", ".pt", ".bin", ".safetensors")
LEAST_SIDE = 32
"""Below this nothing would be left of the shorter side of a long image."""


@dataclass(frozen=True)
class Network:
    """A base with a new head, and the same without it.

    Args:
        model: from what comes, such as images, to probabilities.
        features: from what comes to what the head takes; its layers are the model's.
        head: the last layer.
    """

    model: Model
    features: Model
    head: Dense


@dataclass(frozen=True)
class Base:
    """What was learned before.

    Args:
        model: gives features; a copy, the user's own is not changed.
        preparation: the layers that make of images 0..255 what it takes.
        size: the height and width that it takes; None for any.
    """

    model: Model
    preparation: tuple[Layer, ...] = ()
    size: tuple[int, int] | None = None


def find_base(given: Any, x_shape: Sequence[int], image_size: int | None) -> Base:
    """Return the base that is meant.

    Args:
        given: a model; the name of an application; a ``.keras`` file; or a run directory. A last
            layer that names classes is taken off; of what learned without labels the encoder is
            meant.
        x_shape: the shape of the examples, the first axis counting them.
        image_size: the height and width of the images that an application is to see; None for
            their own, enlarged to 96, or to 160 if they are few, but at most to the size that it
            was trained on.

    Raises:
        UnknownNameError: a name that is none of these.
        InputError: something else, or the examples do not fit it.
    """
    found = known_base(given)
    if isinstance(found, applications.Application):
        return _application(found, str(given), x_shape, image_size)
    if isinstance(found, Path):
        return _own_model(load_model(found, compile=False), x_shape, image_size)
    return _own_model(copy.deepcopy(found), x_shape, image_size)


def known_base(given: Any) -> applications.Application | Path | Layer:
    """Return what a base is, or where it lies, without reading or building anything.

    Args:
        given: as in :func:`find_base`.

    Raises:
        UnknownNameError: a name that is none.
        InputError: something else, weights alone, or a pretraining that did not end.
    """
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        return _file(path) if path.exists() else _named(str(given))
    if isinstance(given, DBN | Stack):
        given = given.encoder
    if not isinstance(given, Layer):
        raise InputError(
            "`base` cannot be used",
            expected="a model, the name of an application, or a run directory",
            got=f"a {type(given).__name__}",
        )
    return given


def _file(path: Path) -> Path:
    """Return the file of a model, or that of a run: its encoder, if it learned without labels.

    Raises:
        InputError: it holds weights alone, or the run is a pretraining that did not end.
    """
    if path.suffix in WEIGHTS_ALONE:
        raise InputError(
            f"`base` {str(path)!r} holds weights alone, and no model",
            expected="a .keras file, a run directory, or the name of an application",
            got=f"a {path.suffix} file",
            fix="Build the model in a script, as applications.ResNet18(weights=...) or with "
            "load_torch_weights(model, path), and write it with model.save('base.keras').",
        )
    if not path.is_dir():
        return path
    run = RunDirectory.open(path)
    if run.encoder_file.is_file():
        return run.encoder_file
    recipe = run.read_settings().get("recipe")
    if isinstance(recipe, dict) and recipe.get("name") == "pretraining":
        raise InputError(
            f"the pretraining in {str(path)!r} did not end",
            expected=f"a run with {run.encoder_file.name}, which is written in the end",
            got="one without",
            fix=f"Let it go on: `latih resume {shlex.quote(str(path))}`, with the data after it if "
            "they were a file.",
        )
    return run.best_file


def _named(name: str) -> applications.Application:
    try:
        return applications.find(name)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"`base` {name!r} is neither an application nor a file or directory", fix=error.fix
        ) from error


def _application(
    found: applications.Application, name: str, x_shape: Sequence[int], image_size: int | None
) -> Base:
    if len(x_shape) == 3:
        x_shape = (*x_shape, 1)  # grey images, as most files hold them
    if len(x_shape) != 4 or x_shape[3] not in (1, 3):
        raise InputError(
            f"`x` does not fit the base {name!r}",
            expected="images, of the shape (n, height, width, 3)",
            got=f"shape {tuple(x_shape)}",
        )
    size = x_shape[1:3] if image_size is None else (image_size, image_size)
    if image_size is None:
        # One scale for both sides, so that nothing is stretched but what would be too narrow.
        least = LEAST_SIZE_OF_FEW if x_shape[0] <= FEW else LEAST_SIZE
        scale = min(max(1.0, least / min(size)), found.default_size / max(size))
        size = tuple(max(LEAST_SIDE, round(side * scale)) for side in size)
    height, width = size
    model = found.build(
        include_top=False, pooling="avg", weights="imagenet", input_shape=(height, width, 3)
    )
    return Base(model, tuple(found.preprocessing()), (height, width))


def _own_model(model: Layer, x_shape: Sequence[int], image_size: int | None) -> Base:
    if isinstance(model, Unlabelled):
        model = model.encoder
    if not isinstance(model, Model):
        inputs = Input(tuple(x_shape[1:]))
        return Base(Model(inputs, model(inputs)))
    if not model.built:
        model.build((None, *x_shape[1:]))
    if isinstance(model, applications.TorchModel):
        _warn_of_linear_end(model)
    if model.is_symbolic and names_classes(model):
        model = Model(*ends(model, head_of(model)))
    wanted = model.input_shape
    if isinstance(wanted, tuple) and len(wanted) == 4 and len(x_shape) == 3:
        x_shape = (*x_shape, 1)
    if isinstance(wanted, tuple) and len(wanted) == len(x_shape) == 4:
        height, width = (
            own or image_size or given for own, given in zip(wanted[1:3], x_shape[1:3], strict=True)
        )
        if wanted[3] in (x_shape[3], None) or {wanted[3], x_shape[3]} == {3, 1}:
            return Base(model, (), (int(height), int(width)))
    elif isinstance(wanted, tuple) and len(wanted) == len(x_shape):
        if all(own in (None, given) for own, given in zip(wanted[1:], x_shape[1:], strict=True)):
            return Base(model)
    raise InputError(
        f"`x` does not fit the base {model.name!r}",
        expected=f"examples of the shape {wanted}",
        got=f"shape {tuple(x_shape)}",
    )


def _warn_of_linear_end(model: applications.TorchModel) -> None:
    """Tell of a last linear layer: a module of PyTorch's mostly ends in the logits of classes.

    What it does with its layers is known to its own code alone, so that none can be taken off.
    """
    knowing = [
        (name, part)
        for name, part in model.module.named_modules()
        if any(True for _ in part.parameters(recurse=False))
    ]
    name, last = knowing[-1] if knowing else ("", None)
    if isinstance(last, nn.Linear) and name and model.output_shape == (None, last.out_features):
        warnings.warn(
            f"the base {model.name!r} ends in the linear layer {name!r}, of {last.out_features} "
            "outputs: if these are logits of classes, the new head knows nothing else of what the "
            "net sees. Put torch.nn.Identity() in its place before from_torch().",
            LatihWarning,
            stacklevel=6,
        )


def connect(
    base: Base,
    x_shape: Sequence[int],
    classes: int,
    *,
    augmentation: Sequence[Layer],
    dropout: float,
    batch_norm_learns: bool,
) -> Network:
    """Return one model from what comes to the probabilities of classes.

    Args:
        base: what was learned before.
        x_shape: the shape of the examples, the first axis counting them.
        classes: how many there are.
        augmentation: layers that change images in training; they act before the base's own
            preparation, on pixels 0..255.
        dropout: the fraction of features dropped before the head.
        batch_norm_learns: whether the batch normalisations of the base go by their batches; else by
            their statistics, which stay.
    """
    inputs = x = Input(tuple(x_shape[1:]), name="inputs")
    if base.size is not None:
        if len(x_shape) == 3:
            x_shape = (*x_shape, 1)
            x = Reshape(x_shape[1:], name="one_channel")(x)
        channels = base.model.input_shape[-1]
        if channels == 3 and x_shape[-1] == 1:
            x = Concatenate(name="grey_to_colour")([x, x, x])
        if channels == 1 and x_shape[-1] == 3:
            x = ops.mean(x, axis=-1, keepdims=True)
        if base.size != tuple(x_shape[1:3]):
            x = Resizing(*base.size, antialias=True, name="resizing")(x)
    for layer in (*augmentation, *base.preparation):
        x = layer(x)
    # Called for inference: dropout in it is off, and batch normalisations stay as they are.
    made = base.model(x) if batch_norm_learns else base.model(x, training=False)
    features = pool(made)
    outputs = with_head(features, classes, dropout, "softmax")
    model = Model(inputs, outputs, name=f"fine_tuned_{base.model.name}")
    head = head_of(model)
    assert head is not None
    return Network(model, Model(inputs, features), head)


def augmentation_of(asked: Any, x: np.ndarray, takes_images: bool, seed: int) -> list[Layer]:
    """Return the layers that change images in training.

    Args:
        asked: ``"light"``, ``"strong"``, None, a layer or a list of layers, which are copied: the
            user's go on drawing from where they were; ``"auto"`` is light for images of three
            channels and None for anything else.
        x: the examples.
        takes_images: whether the base does: then examples of three axes are grey images.
        seed: what they draw from.

    Raises:
        InputError: it is none of these, or the examples are no images.
    """
    if asked == "auto":
        asked = "light" if x.ndim == 4 and x.shape[3] == 3 else None
    if asked is None or asked is False:
        return []
    listed = [asked] if isinstance(asked, Layer) else asked
    if isinstance(listed, list | tuple) and all(isinstance(layer, Layer) for layer in listed):
        return [copy.deepcopy(layer) for layer in listed]
    if asked not in ("light", "strong"):
        raise InputError(
            "`augmentation` of fine_tune() cannot be used",
            expected="'auto', 'light', 'strong', None, or layers such as RandomFlip()",
            got=repr(asked),
        )
    if not (x.ndim == 4 or (x.ndim == 3 and takes_images)):
        raise InputError(
            "`augmentation` of fine_tune() needs images",
            expected="`x` of the shape (n, height, width, channels)",
            got=f"shape {x.shape}",
            fix="Leave it out.",
        )
    kept: dict[str, Any] = {"fill_mode": "nearest"}
    if asked == "light":
        # No more: each further change reads between the pixels once more, and blurs.
        return [
            RandomFlip("horizontal", seed=seed),
            RandomRotation(0.04, **kept, seed=seed + 1),
        ]
    return [
        RandomFlip("horizontal_and_vertical", seed=seed),
        RandomRotation(0.1, **kept, seed=seed + 1),
        RandomZoom((-0.2, 0.1), **kept, seed=seed + 2),
        RandomTranslation(0.1, 0.1, **kept, seed=seed + 3),
    ]


def require_raw_images(x: np.ndarray, name: str) -> None:
    """Refuse images that were scaled before: the base's own scaling is part of the model.

    Raises:
        InputError: all values lie in 0..1, or some are negative or above 255.
    """
    if x.dtype == np.uint8 or not x.size:
        return
    lowest, highest = float(x.min()), float(x.max())
    if lowest < 0 or highest > 255 or 0 < highest <= 1:
        raise InputError(
            f"`x` does not fit the base {name!r}, which scales images itself",
            expected="images as they come, 0 to 255",
            got=f"values from {lowest:g} to {highest:g}",
            fix="Do not scale them before.",
        )
