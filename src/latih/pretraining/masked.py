"""Nets that fill in what they were not shown."""

from typing import Any

import torch

from latih import random
from latih.arguments import number, whole
from latih.errors import InputError
from latih.pretraining.autoencoder import Autoencoder
from latih.tensors import Shape


class MaskedAutoencoder(Autoencoder):
    """An autoencoder that sees a part of each example and is judged by the rest.

    Of images, squares are hidden, too large to be guessed from the pixels next to them; of a table,
    columns. Where something is hidden stands a value that is learnt. The loss is the mean squared
    error there, and nowhere else: what was seen need not be given back. It is reckoned with masks
    in an evaluation too; predictions see everything.

    ``Σ m (x - y)² / Σ m`` with m = 1 where x was hidden.

    Args:
        encoder: as in :class:`~latih.pretraining.Autoencoder`; any net, as what is hidden keeps
            its place.
        decoder: the same.
        masked: the fraction that is hidden, between 0 and 1: each square or column by itself, by
            this chance.
        patch: the sides of the squares, in pixels, >= 1.
        output_activation: of a decoder made here; ``"sigmoid"`` for values of 0..1.
        seed: what the masks follow from; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, d)``, ``(n, height, width)`` or ``(n, height, width, channels)``.

    Raises:
        InputError: an argument outside its range, examples of another rank, or encoder and decoder
            do not fit.

    Example:
        >>> from latih.layers import Dense, Flatten
        >>> net = MaskedAutoencoder([Flatten(), Dense(8, activation="relu")], masked=0.5, patch=2)
        >>> history = net.fit(torch.rand(16, 6, 6), epochs=2, verbose=0)
        >>> net.encoder.output_shape
        (None, 8)

    Reference:
        He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", section 3 (the loss);
        Xie et al. 2022, "SimMIM", section 3.2 (what is hidden keeps its place).
    """

    not_described = Autoencoder.not_described | {"reconstruction_loss"}

    def __init__(
        self,
        encoder: Any,
        decoder: Any = None,
        masked: float = 0.6,
        patch: int = 4,
        output_activation: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        if "reconstruction_loss" in kwargs:
            self.take_loss(kwargs["reconstruction_loss"])
        super().__init__(encoder, decoder, output_activation=output_activation, **kwargs)
        self.masked = number(masked, "masked", "MaskedAutoencoder", above=0, below=1)
        self.patch = whole(patch, "patch", "MaskedAutoencoder", least=1)
        self.seed = None if seed is None else whole(seed, "seed", "MaskedAutoencoder")
        self.seed_generator = random.SeedGenerator(self.seed)

    def take_loss(self, loss: Any) -> None:
        """Refuse a loss: it is the mean squared error of what was hidden."""
        super(Autoencoder, self).take_loss(loss)

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        if len(input_shape) not in (2, 3, 4):
            raise InputError(
                f"{self.name!r} cannot hide parts of such examples",
                expected="rows (n, d) or images (n, height, width) or (n, height, width, channels)",
                got=f"shape {input_shape}",
            )
        sides = input_shape[1:3] if len(input_shape) > 2 else ()
        if sides and None not in sides and self.patch >= max(int(side or 0) for side in sides):
            raise InputError(
                "`patch` of MaskedAutoencoder is too large",
                expected="squares smaller than the images, so that a part of each is seen",
                got=f"{self.patch}, for images of {sides[0]} x {sides[1]}",
                fix="Give a smaller one.",
            )
        super().build(input_shape)
        values = tuple(input_shape)[-1] if len(input_shape) != 3 else 1
        self.placeholder = self.add_weight((int(values or 1),), "zeros", name="placeholder")

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the reconstruction of a batch, and add the loss of what was hidden."""
        is_hidden = self._mask(inputs)
        outputs = self.decoder(self.encoder(torch.where(is_hidden, self.placeholder, inputs)))
        errors = (inputs - outputs).float().square() * is_hidden
        hidden = is_hidden.expand_as(errors).sum().clamp(min=1)
        self.add_loss(errors.sum() / hidden)
        return outputs if training else self.decoder(self.encoder(inputs))

    def _mask(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return where a batch is hidden: the shape of the batch, or one that spreads to it."""
        key = self.seed_generator.next_key(inputs.device)
        if inputs.ndim == 2:
            return random.keep_mask(inputs, self.masked, key) == 0
        count, height, width = inputs.shape[:3]
        rows, columns = -(-height // self.patch), -(-width // self.patch)
        kept = random.keep_mask(inputs.new_empty((count, rows, columns)), self.masked, key)
        grown = kept.repeat_interleave(self.patch, 1).repeat_interleave(self.patch, 2)
        is_hidden = grown[:, :height, :width] == 0
        return is_hidden if inputs.ndim == 3 else is_hidden[..., None]
