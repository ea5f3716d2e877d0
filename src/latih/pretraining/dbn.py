"""A deep belief net: RBMs one above the other, each learning from what the one below makes."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latih.arguments import whole
from latih.callbacks import History
from latih.callbacks.progress import Verbose
from latih.data import is_stream
from latih.errors import InputError, NotReadyError
from latih.layers import Dense, Dropout, Input, Layer, Reshape
from latih.models import Sequential
from latih.pretraining.autoencoder import Autoencoder
from latih.pretraining.rbm import RBM
from latih.run_directory import RunDirectory

BATCH_OF_FEATURES = 1024
"""How many examples go through a trained machine at once."""


class DBN:
    """A deep belief net: a stack of RBMs, trained greedily from the bottom.

    Each machine models what the features of the one below look like, which raises a lower bound of
    the likelihood of the examples. What was learnt is then the start of a net for classes
    (:meth:`to_model`) or of a deep autoencoder (:meth:`unroll`), trained on as any model.

    Args:
        units: the hidden units of each machine, from the bottom; in the place of a number may stand
            an :class:`RBM` with settings of its own.
        visible: the visible units of the lowest: ``"bernoulli"`` or ``"gaussian"``.
        top: the hidden units of the uppermost: ``"bernoulli"``, or ``"gaussian"`` for a code of
            numbers.
        settings: further arguments of each :class:`RBM`; ``reconstruction`` is ``"mean"`` if it is
            not given.

    Raises:
        InputError: there are no units, or an argument cannot be used.

    Example:
        >>> net = DBN([6, 3], seed=1)
        >>> histories = net.fit(np.eye(8), epochs=2, batch_size=4, verbose=0)
        >>> net.to_model(5).output_shape, net.unroll().predict(np.eye(8), verbose=0).shape
        ((None, 5), (8, 8))

    Reference:
        Hinton, Osindero & Teh 2006, "A Fast Learning Algorithm for Deep Belief Nets", section 4.
    """

    def __init__(
        self,
        units: Sequence[int | RBM],
        visible: str = "bernoulli",
        top: str = "bernoulli",
        **settings: Any,
    ) -> None:
        if not isinstance(units, list | tuple) or not units:
            raise InputError(
                "`units` of DBN cannot be used",
                expected="a list of the hidden units of each machine, as [500, 500, 2000]",
                got=repr(units),
            )
        if not settings.get("persistent"):
            settings.setdefault("reconstruction", "mean")
        last = len(units) - 1
        self.rbms = [
            one
            if isinstance(one, RBM)
            else RBM(
                one,
                visible=visible if place == 0 else "bernoulli",
                hidden=top if place == last else "bernoulli",
                **settings,
            )
            for place, one in enumerate(units)
        ]
        """The machines, from the bottom."""

    def fit(
        self,
        x: Any,
        epochs: int | Sequence[int] = 10,
        batch_size: int = 100,
        *,
        run_dir: str | os.PathLike[str] | None = None,
        **kwargs: Any,
    ) -> list[History]:
        """Train one machine after the other.

        Args:
            x: the examples, as an array or a tensor.
            epochs: how many for each machine; a list gives each its own.
            batch_size: how many examples a step takes.
            run_dir: a directory in which each machine has its run, ``rbm-1`` and so on. The same
                call goes on where it was broken off.
            kwargs: what ``fit`` of any model takes beside these, ``validation_data`` aside.

        Returns:
            The record of each machine's run.

        Raises:
            InputError: the data are iterated, or do not fit; or as many epochs are not given as
                there are machines.
        """
        if is_stream(x) or "validation_data" in kwargs or "validation_split" in kwargs:
            raise InputError(
                "a DBN is trained on one array",
                expected="fit(x, epochs, ...)",
                got="data that are iterated" if is_stream(x) else "validation data",
                fix="Each machine learns from the features of the one below, which are held in "
                "memory. Call fit() of the machines in `rbms` for more.",
            )
        histories: list[History] = []
        features = x
        for place, (machine, count) in enumerate(
            zip(self.rbms, self._epochs_of_each(epochs), strict=True)
        ):
            own = None if run_dir is None else RunDirectory(Path(run_dir)).machine(place + 1)
            histories.append(
                machine.fit(features, batch_size=batch_size, epochs=count, run_dir=own, **kwargs)
            )
            if machine is not self.rbms[-1]:
                features = machine.encoder.predict(features, BATCH_OF_FEATURES, verbose=0)
        return histories

    def _epochs_of_each(self, epochs: int | Sequence[int]) -> list[int]:
        given = list(epochs) if isinstance(epochs, list | tuple) else [epochs] * len(self.rbms)
        if len(given) != len(self.rbms):
            raise InputError(
                "`epochs` of fit() does not fit the net",
                expected=f"a number, or a list of {len(self.rbms)}",
                got=repr(epochs),
            )
        return [whole(one, "epochs", "fit()", least=1) for one in given]

    @property
    def encoder(self) -> Sequential:
        """A net of what the machines learnt: one ``Dense`` each, with their weights, copied."""
        layers = [layer for one in self._trained() for layer in one.encoder.layers]
        return Sequential([Input(self._shape), *layers])

    def to_model(self, classes: int, *, dropout: float = 0.0, activation: Any = None) -> Sequential:
        """Return a net for classes that begins where the machines ended; to compile and fit.

        Args:
            classes: how many there are, >= 1.
            dropout: the fraction of each layer's features that is dropped in training.
            activation: of the outputs; None for softmax.

        Shapes:
            in: ``(n, ...)``; out: ``(n, classes)``.
        """
        count = whole(classes, "classes", "to_model()", least=1)
        layers: list[Layer] = []
        for layer in self.encoder.layers:
            layers.append(layer)
            if dropout and isinstance(layer, Dense):
                layers.append(Dropout(dropout))
        return Sequential([Input(self._shape), *layers, Dense(count, activation or "softmax")])

    def unroll(self, reconstruction_loss: Any = "mse") -> Autoencoder:
        """Return a deep autoencoder: up through the machines, and down by the same weights.

        The two halves share their weights only at the start, and are then trained on apart.

        Args:
            reconstruction_loss: how outputs and examples are compared.

        Reference:
            Hinton & Salakhutdinov 2006, figure 1.
        """
        down: list[Any] = [Input((self.rbms[-1].units,))]
        for machine in reversed(self._trained()):
            activation = "sigmoid" if machine.visible == "bernoulli" else None
            size = int(machine.visible_bias.shape[0])
            dense = Dense(size, activation)
            dense.build((None, machine.units))
            kernel = machine.kernel.detach().cpu().numpy()
            dense.set_weights([kernel.T.copy(), machine.visible_bias.detach().cpu().numpy()])
            down.append(dense)
        if len(self._shape) > 1:
            down.append(Reshape(self._shape))
        net = Autoencoder(self.encoder, Sequential(down), reconstruction_loss=reconstruction_loss)
        net.build((None, *self._shape))
        return net

    def predict(
        self, x: Any, batch_size: int = BATCH_OF_FEATURES, verbose: Verbose = 0
    ) -> np.ndarray:
        """Return the features that the uppermost machine makes of examples."""
        return self.encoder.predict(x, batch_size, verbose=verbose)

    def _trained(self) -> list[RBM]:
        if not all(machine.built for machine in self.rbms):
            raise NotReadyError(
                "the machines of this DBN have no weights yet",
                expected="a trained net",
                fix="Call fit(x) first.",
            )
        return self.rbms

    @property
    def _shape(self) -> tuple[int, ...]:
        self._trained()
        shape: Any = self.rbms[0].input_shape
        return tuple(shape[1:])
