"""Deep nets pretrained layer by layer, each as an autoencoder of what the one below makes."""

import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from latih.arguments import number
from latih.callbacks import History
from latih.data import is_stream
from latih.errors import InputError
from latih.layers import Input, Layer
from latih.models import Sequential
from latih.pretraining.autoencoder import Autoencoder, DenoisingAutoencoder, as_model
from latih.pretraining.mirror import activation_before, stack_of

BATCH_OF_FEATURES = 1024


@dataclass(frozen=True)
class Stack:
    """What :func:`greedy` made.

    Args:
        encoder: the pretrained net.
        stages: the autoencoder of each stage, from the bottom.
        histories: the record of each stage's run.
    """

    encoder: Any
    stages: Sequence[Autoencoder]
    histories: Sequence[History]

    def unroll(self, reconstruction_loss: Any = "mse") -> Autoencoder:
        """Return the whole as one deep autoencoder, with the decoders that the stages learnt.

        Raises:
            InputError: the stages have tied weights, which have no decoder of their own.
        """
        if any(stage.tied for stage in self.stages):
            raise InputError(
                "stages with tied weights cannot be unrolled",
                expected="greedy(..., tied=False)",
                fix="Make Autoencoder(stack.encoder, tied=True): the weights are shared anyway.",
            )
        down = [layer for stage in reversed(self.stages) for layer in stage.decoder.layers]
        code = self.stages[-1].encoder.output_shape
        decoder = Sequential([Input(code[1:]), *down])
        net = Autoencoder(self.encoder, decoder, reconstruction_loss=reconstruction_loss)
        net.build(self.stages[0].input_shape)
        return net


def greedy(
    encoder: Any,
    x: Any,
    *,
    noise: float = 0.0,
    kind: str = "masking",
    tied: bool = False,
    reconstruction_loss: Any = "mse",
    output_activation: Any = None,
    optimizer: Any = "adam",
    epochs: int = 10,
    batch_size: int = 128,
    run_dir: str | os.PathLike[str] | None = None,
    **kwargs: Any,
) -> Stack:
    """Pretrain a net layer by layer: each learns to give back what the layers below make.

    A stage is a layer with weights and those without that follow it. Deep nets that would not
    train from the start, with saturating activations or few labels, begin near something useful.

    Args:
        encoder: a ``Sequential`` or a list of layers; its own weights are trained.
        x: the examples, as an array or a tensor.
        noise: above 0 each stage is a :class:`~latih.pretraining.DenoisingAutoencoder` of so much.
        kind: the kind of noise.
        tied: whether each stage's decoder uses its encoder's kernels, turned round.
        reconstruction_loss: how a stage compares.
        output_activation: of the lowest stage's decoder, ``"sigmoid"`` for values of 0..1.
        optimizer: its name, or one of which each stage has a copy.
        epochs: how many for each stage.
        batch_size: how many examples a step takes.
        run_dir: a directory in which each stage has its run, ``stage-1`` and so on.
        kwargs: what ``fit`` of any model takes beside these, ``validation_data`` aside.

    Returns:
        The net, and the autoencoders by which it was trained.

    Raises:
        InputError: the encoder is no stack, or has no layers with weights; the data are iterated;
            or validation data are given.

    Example:
        >>> from latih.layers import Dense
        >>> net = [Dense(6, activation="relu"), Dense(3, activation="relu")]
        >>> stack = greedy(net, np.eye(8), noise=0.2, epochs=2, verbose=0)
        >>> len(stack.stages), stack.encoder.output_shape
        (2, (None, 3))

    Reference:
        Bengio et al. 2007, "Greedy Layer-Wise Training of Deep Networks"; Vincent et al. 2010,
        "Stacked Denoising Autoencoders", section 3.5.
    """
    number(noise, "noise", "greedy()", least=0)
    if "validation_data" in kwargs:
        raise InputError(
            "greedy() takes no `validation_data`",
            expected="validation_split=0.1, say",
            got="validation_data",
            fix="Each stage learns from features of the one below, and can hold some back.",
        )
    if is_stream(x):
        raise InputError(
            "greedy() takes the examples as one array",
            expected="an array or a tensor",
            got=f"a {type(x).__name__}",
            fix="Each stage learns from the features of the one below, which are held in memory.",
        )
    net = as_model(encoder, "encoder")
    if not isinstance(net, Sequential):
        raise InputError(
            "`encoder` of greedy() cannot be taken apart",
            expected="a Sequential or a list of layers",
            got=f"a {type(net).__name__}",
            fix="Pretrain it in one go, as Autoencoder(encoder).",
        )
    if not net.built:
        net.build((None, *np.shape(x)[1:]))
    parts = stages_of(net)
    features = x
    below: list[Layer] = []
    made: list[Autoencoder] = []
    histories: list[History] = []
    for place, layers in enumerate(parts):
        own = Sequential([Input(tuple(np.shape(features)[1:])), *layers])
        # What comes back from above the first stage is features, of whatever range.
        last = activation_before(below, None) if below else output_activation
        settings = {"reconstruction_loss": reconstruction_loss, "output_activation": last}
        stage = (
            DenoisingAutoencoder(own, noise=noise, kind=kind, tied=tied, **settings)
            if noise
            else Autoencoder(own, tied=tied, **settings)
        )
        stage.compile(deepcopy(optimizer))
        directory = None if run_dir is None else Path(run_dir) / f"stage-{place + 1}"
        histories.append(
            stage.fit(features, batch_size=batch_size, epochs=epochs, run_dir=directory, **kwargs)
        )
        made.append(stage)
        below += layers
        if place + 1 < len(parts):
            features = own.predict(features, BATCH_OF_FEATURES, verbose=0)
    return Stack(net, made, histories)


def stages_of(encoder: Any) -> list[list[Layer]]:
    """Return the layers of a net in stages, each with one layer that has weights to train.

    Raises:
        InputError: none has.

    Example:
        >>> from latih.layers import Dense, Flatten, ReLU
        >>> net = Sequential([Flatten(input_shape=[2, 2]), Dense(3), ReLU(), Dense(2)])
        >>> [len(stage) for stage in stages_of(net)]
        [3, 1]
    """
    stages: list[list[Layer]] = []
    begun: list[Layer] = []
    for layer in stack_of(encoder):
        if _learns(layer) and any(_learns(one) for one in begun):
            stages.append(begun)
            begun = []
        begun.append(layer)
    if not any(_learns(one) for one in begun):
        raise InputError(
            "there is nothing to pretrain",
            expected="a stack of layers with weights, such as Dense(100)",
            got=", ".join(type(one).__name__ for one in begun) or "no layer",
        )
    return [*stages, begun]


def _learns(layer: Layer) -> bool:
    # A kernel, and not the scale and the centre of a normalisation.
    return any(weight.ndim > 1 for weight in layer.trainable_weights)
