"""Nets that know two views of one example from those of others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from latih.arguments import number, one_of, whole
from latih.callbacks import History
from latih.errors import InputError
from latih.layers import (
    BatchNormalization,
    Dense,
    Dropout,
    GlobalAveragePooling2D,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
    ReLU,
    Reshape,
)
from latih.models import Sequential
from latih.pretraining.autoencoder import as_model, build_model
from latih.pretraining.contrastive_losses import simclr_loss, vicreg_loss
from latih.pretraining.unlabelled import Unlabelled
from latih.tensors import Shape

TEMPERATURE = 0.5


class Contrastive(Unlabelled):
    """An encoder that gives two views of one example like features, and others other ones.

    Each example is changed twice by chance (turned, moved, ...); what stays the same through that
    is what it is. The encoder's features go through a projection, in which the views are compared;
    the projection is thrown away after training, as it forgets what the changes change.

    One example alone has no others to be told from, and no variance: it is refused, and so is
    ``batch_size=1``. Where the last batch of an epoch has one, its loss is 0, without a gradient.

    Args:
        encoder: any layer, model or list of layers.
        augmentation: layers that change examples by chance, a model or a list; None for flips,
            small turns, moves and zooms of images, and the loss of values in rows.
        method: ``"simclr"``, which tells partners from all others of the batch, so that large
            batches help; or ``"vicreg"``, which needs no others.
        projection: units of the projection's layers, at least one, each >= 1.
        temperature: of SimCLR, > 0; None for 0.5.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, ...)``, n >= 2 in training; out: the encoder's.

    Raises:
        InputError: an argument outside its range, or a temperature for VICReg.

    Example:
        >>> from latih.layers import Dense, Flatten
        >>> net = Contrastive([Flatten(), Dense(8, activation="relu")], projection=(8,))
        >>> history = net.fit(torch.rand(16, 6, 6), batch_size=8, epochs=2, verbose=0)
        >>> net.encoder.output_shape
        (None, 8)

    Reference:
        Chen et al. 2020, "A Simple Framework for Contrastive Learning of Visual Representations";
        Bardes, Ponce & LeCun 2022, "VICReg".
    """

    def __init__(
        self,
        encoder: Any,
        augmentation: Any = None,
        method: str = "simclr",
        projection: Sequence[int] = (128, 64),
        temperature: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.method = one_of(method, "method", "Contrastive", ("simclr", "vicreg"))
        if temperature is not None:
            temperature = number(temperature, "temperature", "Contrastive", above=0)
            if method != "simclr":
                raise InputError(
                    "`temperature` is SimCLR's",
                    expected='method="simclr"',
                    got=f"method={method!r}",
                )
        self.temperature = temperature
        if not isinstance(projection, list | tuple) or not projection:
            raise InputError(
                "`projection` of Contrastive cannot be used",
                expected="units of one layer or more, as (128, 64)",
                got=repr(projection),
            )
        self.projection = tuple(whole(u, "projection", "Contrastive", least=1) for u in projection)
        self.encoder = as_model(encoder, "encoder")
        self._augmentation_is_given = augmentation is not None
        self.augmentation: Any = (
            as_model(augmentation, "augmentation") if augmentation is not None else None
        )
        self.head = Sequential(name="projection")

    def check_examples(self, x: Any, called: str) -> None:
        """Refuse one example alone."""
        if np.shape(x)[:1] == (1,):
            raise _alone(f"`{called}`", "one example", "Give more of them.")

    def fit(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Any = None, y: Any = None, batch_size: int | None = None, *args: Any, **kwargs: Any
    ) -> History:
        """Learn from examples without labels; all else as in :meth:`latih.Model.fit`.

        Args:
            x: the examples, or data that are iterated.
            y: nothing.
            batch_size: how many examples are compared with each other, >= 2; None for 32.
            args: as in ``Model.fit``.
            kwargs: the same.

        Returns:
            The record of the run.

        Raises:
            InputError: batches of one are asked for; or the examples do not fit the model.
        """
        if (getattr(x, "batch_size", None) if batch_size is None else batch_size) == 1:
            raise _alone("a batch", "batch_size=1", "Large batches help: try 128.")
        return super().fit(x, y, batch_size, *args, **kwargs)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        build_model(self.encoder, input_shape)
        if self.augmentation is None:
            self.augmentation = Sequential(usual_augmentation(input_shape), name="augmentation")
        build_model(self.augmentation, input_shape)
        features = self.encoder.compute_output_shape(input_shape)
        if len(features) == 4:
            self.head.add(GlobalAveragePooling2D())
        for units in self.projection[:-1]:
            self.head.add(Dense(units, use_bias=False))
            self.head.add(BatchNormalization())
            self.head.add(ReLU())
        self.head.add(Dense(self.projection[-1]))
        build_model(self.head, features)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the encoder's features of a batch, and add the loss of two views of it."""
        # An evaluation needs views as well: without any change all views would agree.
        views = [self.augmentation(inputs, training=True) for _ in range(2)]
        features = self.encoder(torch.cat(views))
        first, second = self.head(features).float().chunk(2)  # the loss in full precision
        if len(first) < 2:
            self.add_loss(0.0 * first.sum())
        elif self.method == "vicreg":
            self.add_loss(vicreg_loss(first, second))
        else:
            self.add_loss(simclr_loss(first, second, self.temperature or TEMPERATURE))
        return features[: inputs.shape[0]] if training else self.encoder(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        build_model(self.encoder, input_shape)
        return self.encoder.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        config = super().get_config()
        if not self._augmentation_is_given:
            config["augmentation"] = None  # it is made again
        return config


def _alone(what: str, got: str, fix: str) -> InputError:
    return InputError(
        f"{what} of Contrastive holds nothing to tell an example from",
        expected="two examples or more",
        got=got,
        fix=fix,
    )


def usual_augmentation(input_shape: Shape) -> list[Any]:
    """Return layers that change examples of a shape by chance.

    Raises:
        InputError: nothing is known that suits such examples.

    Example:
        >>> [type(layer).__name__ for layer in usual_augmentation((None, 8))]
        ['Dropout']
    """
    if len(input_shape) == 2:
        return [Dropout(0.3)]
    images = [
        RandomFlip("horizontal"),
        RandomRotation(0.04, fill_mode="nearest"),
        RandomTranslation(0.1, 0.1, fill_mode="nearest"),
        RandomZoom((-0.25, 0.1), fill_mode="nearest"),
    ]
    if len(input_shape) == 4:
        return images
    if len(input_shape) == 3:  # grey images without an axis for it
        sides = tuple(int(size or 0) for size in input_shape[1:])
        return [Reshape((*sides, 1)), *images, Reshape(sides)]
    raise InputError(
        "there is no usual way to change such examples",
        expected="rows or images",
        got=f"shape {input_shape}",
        fix="Give `augmentation`.",
    )
