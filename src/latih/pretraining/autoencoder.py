"""Nets that give back what they were given, through a narrow place or in spite of noise."""

from typing import Any

import torch

from latih import losses, random
from latih.arguments import number, one_of, whole
from latih.engine.output_objective import as_loss
from latih.errors import InputError
from latih.layers import LAYERS, Layer
from latih.models import Model, Sequential
from latih.pretraining.mirror import TiedDecoder, mirrored, require_led_back
from latih.pretraining.unlabelled import Unlabelled
from latih.registry import serialize
from latih.tensors import Shape


class Autoencoder(Unlabelled):
    """An encoder and a decoder that learn together to give examples back.

    What passes through the code in the middle, and must be enough to make the example again, is
    what the examples have in common: features for another net, where labels are few. With linear
    layers and squared errors the code spans the space of the first principal components.

    ``loss(x, decoder(encoder(x)))``, the mean over the batch.

    Args:
        encoder: any layer, model or list of layers; the examples' shape follows from the first
            batch where it does not say it.
        decoder: the same; None for the encoder's mirror image.
        tied: whether the decoder uses the encoder's kernels, turned round; then ``decoder`` is
            None, and the encoder a stack of ``Dense``.
        reconstruction_loss: how outputs and examples are compared: a name, or a loss.
        output_activation: that of a decoder made here; ``"sigmoid"`` for values of 0..1.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: encoder and decoder do not fit each other, or both ``decoder`` and ``tied``.

    Example:
        >>> from latih.layers import Dense
        >>> net = Autoencoder(Dense(2, activation="tanh"))
        >>> history = net.fit(torch.eye(4), epochs=2, verbose=0)
        >>> net.predict(torch.eye(4), verbose=0).shape, net.encoder.output_shape
        ((4, 4), (None, 2))

    Reference:
        Hinton & Salakhutdinov 2006, "Reducing the Dimensionality of Data with Neural Networks".
    """

    not_described = Unlabelled.not_described | {"decoder"}

    def __init__(
        self,
        encoder: Any,
        decoder: Any = None,
        tied: bool = False,
        reconstruction_loss: Any = "mse",
        output_activation: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.tied = one_of(tied, "tied", type(self).__name__, (True, False))
        if tied and decoder is not None:
            raise InputError(
                f"{type(self).__name__} is given a decoder, and told to tie one",
                expected="decoder=None with tied=True",
                got=f"decoder={decoder!r}",
            )
        self.output_activation = output_activation
        self._compare_by(reconstruction_loss)
        self.encoder = as_model(encoder, "encoder")
        self._decoder_is_given = decoder is not None
        self.decoder: Any = as_model(decoder, "decoder") if decoder is not None else None

    def take_loss(self, loss: Any) -> None:
        """Take the loss of ``compile()`` for that of the reconstruction."""
        self._compare_by(loss)

    def _compare_by(self, loss: Any) -> None:
        self.reconstruction_loss = losses.get(loss)
        self._compare: Any = as_loss(self.reconstruction_loss)
        if self._compare is None:
            raise InputError(
                f"{type(self).__name__} needs a loss", expected='a name such as "mse"', got="None"
            )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        build_model(self.encoder, input_shape)
        code = self.encoder.compute_output_shape(input_shape)
        if self.tied:
            self.decoder = TiedDecoder(self.encoder, self.output_activation)
        elif self.decoder is None:
            self.decoder = mirrored(self.encoder, input_shape, self.output_activation)
        build_model(self.decoder, code)
        if not self.tied:
            require_led_back(self.decoder.compute_output_shape(code), input_shape)

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the reconstruction of a batch, and add its loss."""
        seen = self.disturbed(inputs) if training else inputs
        outputs = self.decoder(self.encoder(seen))
        self.add_loss(self._compare(inputs, outputs))
        return outputs

    def disturbed(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return what the encoder sees of a batch in training: here, all of it."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        # A decoder that was not given is made again.
        given = self.decoder if self._decoder_is_given else None
        return {**super().get_config(), "decoder": serialize(given)}


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that sees a disturbed example and must give back the clean one.

    It cannot copy, however wide it is: to undo the noise it must know what examples look like.

    Args:
        encoder: as in :class:`Autoencoder`.
        decoder: the same.
        noise: how much: the fraction of values that are lost, 0..1, or the deviation, >= 0.
        kind: ``"masking"``: values become 0; ``"salt_and_pepper"``: 0 or 1, by equal chance;
            ``"gaussian"``: normal noise is added.
        tied: as in :class:`Autoencoder`.
        reconstruction_loss: the same.
        output_activation: the same.
        seed: what the noise follows from; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: ``(n, ...)``.

    Raises:
        InputError: an argument outside its range, or encoder and decoder do not fit.

    Example:
        >>> from latih.layers import Dense
        >>> net = DenoisingAutoencoder(Dense(8, activation="relu"), noise=0.25, tied=True)
        >>> history = net.fit(torch.eye(4), epochs=2, verbose=0)
        >>> len(net.weights)
        3

    Reference:
        Vincent et al. 2010, "Stacked Denoising Autoencoders", sections 3 and 4.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any = None,
        noise: float = 0.3,
        kind: str = "masking",
        tied: bool = False,
        reconstruction_loss: Any = "mse",
        output_activation: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, tied, reconstruction_loss, output_activation, **kwargs)
        owner = type(self).__name__
        self.kind = one_of(kind, "kind", owner, tuple(DISTURBANCES))
        most = {} if kind == "gaussian" else {"most": 1}
        self.noise = number(noise, "noise", owner, least=0, **most)
        self.seed = None if seed is None else whole(seed, "seed", owner)
        self.seed_generator = random.SeedGenerator(self.seed)
        self._disturb = DISTURBANCES[kind]

    def disturbed(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return a batch with noise."""
        return self._disturb(inputs, self.noise, self.seed_generator)


def _masked(x: torch.Tensor, rate: float, dice: random.SeedGenerator) -> torch.Tensor:
    return x * random.keep_mask(x, rate, dice.next_key(x.device))


def _salted(x: torch.Tensor, rate: float, dice: random.SeedGenerator) -> torch.Tensor:
    drawn = random.uniform(x.numel(), dice.next_key(x.device)).view(x.shape)
    # Below half the rate black, from there to the rate white.
    return torch.where(drawn < rate, (drawn >= rate / 2).to(x.dtype), x)


def _shaken(x: torch.Tensor, deviation: float, dice: random.SeedGenerator) -> torch.Tensor:
    return x.add(random.standard_normal(x, dice.next_key(x.device)), alpha=deviation)


DISTURBANCES = {"masking": _masked, "salt_and_pepper": _salted, "gaussian": _shaken}


def as_model(given: Any, argument: str) -> Any:
    """Return a model of what a user gives for one: a model, a layer, a list, or a file's data.

    Raises:
        InputError: it is none of these.

    Example:
        >>> from latih.layers import Dense
        >>> type(as_model([Dense(3), Dense(2)], "encoder")).__name__
        'Sequential'
    """
    made = LAYERS.deserialize(given) if isinstance(given, dict) else given
    if isinstance(made, Model):
        return made
    if isinstance(made, list | tuple):
        return Sequential(made)
    if isinstance(made, Layer):
        return Sequential([made])
    raise InputError(
        f"`{argument}` is neither a model nor a layer",
        expected="a model, a layer such as Dense(30), or a list of layers",
        got=repr(given),
    )


def build_model(model: Any, input_shape: Shape) -> None:
    """Make the weights of a model inside another, where it has none yet."""
    if not model.built:
        model.build(input_shape)
