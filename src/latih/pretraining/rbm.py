"""A restricted Boltzmann machine: two layers that learn which states are likely."""

from typing import Any

import numpy as np
import torch

from latih import initializers, random
from latih.arguments import number, one_of, whole
from latih.errors import InputError, NotReadyError
from latih.layers import Dense, Flatten, Input
from latih.models import Sequential
from latih.optimizers import SGD, Optimizer
from latih.pretraining.unit_kinds import UNIT_KINDS
from latih.pretraining.unlabelled import Unlabelled, require_between
from latih.tensors import Shape, as_tensor

RATE_OF_BINARY, RATE_OF_GAUSSIAN = 0.05, 0.001
MANY_VISIBLE = 1000
"""With more visible units the rate is lower: what each of them adds to a hidden one adds up, and a
step that is too large turns that on, or off, for every example."""


class RBM(Unlabelled):
    """A restricted Boltzmann machine: features for which examples are likely, and all else is not.

    Visible units v (the examples) and hidden ones h (the features) have the energy

    ``E(v, h) = -a·v - b·h - vᵀ W h``

    and the probability ``exp(-E) / Z``. Gaussian visible units have ``½|v - a|²`` in the place of
    ``-a·v``, and Gaussian hidden ones ``½|h - b|²`` in that of ``-b·h``: standardise the data. No
    unit touches another of its layer, so ``p(h=1|v) = sigmoid(b + vW)`` and
    ``p(v=1|h) = sigmoid(a + W h)``.

    Learning lowers the free energy ``F(v) = -log Σₕ exp(-E(v, h))`` of examples and raises that of
    what the machine itself makes of them, v' after k steps of Gibbs sampling: the gradient of
    ``mean F(v) - mean F(v')`` with v' held fast is contrastive divergence's, ``⟨v'h'⟩ - ⟨vh⟩``. It
    is the gradient of no function, so what the logs call ``loss`` is the mean squared error of the
    reconstruction after one step. Overfitting shows in the free energy: that of examples that were
    never learnt from rises above that of the others (:meth:`free_energy`).

    ``fit`` compiles by itself, as the arguments say; ``compile(optimizer)`` takes any other.

    Args:
        units: how many hidden units, >= 1.
        visible: ``"bernoulli"``, for values of 0..1, which are taken for probabilities; or
            ``"gaussian"``, for standardised values.
        hidden: ``"bernoulli"``, or ``"gaussian"`` for features that are numbers, as in the middle
            of an autoencoder. Not both Gaussian.
        k: steps of Gibbs sampling between v and v', >= 1.
        persistent: whether the steps go on from where the last update left the chains (PCD), and
            not from the examples (CD). Closer to the likelihood; takes a small learning rate.
        chains: how many persistent chains there are, >= 1.
        reconstruction: what visible units become in a step: ``"sample"``, or ``"mean"`` for their
            means, which is quieter, and usual where features are wanted rather than samples.
        learning_rate: of SGD, > 0; None for 0.05, or 0.001 if any units are Gaussian, divided by
            d / 1000 where there are more than 1,000 visible units.
        momentum: of SGD, 0..1.
        weight_decay: λ of the penalty ``½ λ Σ W²``, >= 0.
        sparsity: the price of ``Σⱼ KL(p, qⱼ)`` with qⱼ the mean of the batch of ``p(hⱼ=1|v)``,
            >= 0; for Bernoulli hidden units.
        sparsity_target: p, how often a hidden unit shall be on, between 0 and 1.
        kernel_initializer: how W starts; None for a normal distribution of deviation 0.01.
        seed: what all draws follow from; None takes the next of the process's one seed.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in: ``(n, ...)``, flattened to ``(n, d)``; out: ``(n, units)``, the means of the hidden
        units; W: ``(d, units)``; a: ``(d,)``; b: ``(units,)``.

    Raises:
        InputError: an argument outside its range, or all units Gaussian.

    Example:
        >>> stripes = np.repeat(np.eye(4), 4, axis=1).repeat(8, axis=0)
        >>> machine = RBM(8, learning_rate=0.1, seed=1)
        >>> history = machine.fit(stripes, batch_size=8, epochs=60, verbose=0)
        >>> history.history["loss"][-1] < 0.5 * history.history["loss"][0]
        True
        >>> machine.encoder.predict(stripes, verbose=0).shape
        (32, 8)

    Reference:
        Hinton 2002, "Training Products of Experts by Minimizing Contrastive Divergence", equation
        6; Tieleman 2008 (persistent chains); Hinton 2012, "A Practical Guide to Training RBMs".
    """

    def __init__(
        self,
        units: int,
        visible: str = "bernoulli",
        hidden: str = "bernoulli",
        k: int = 1,
        persistent: bool = False,
        chains: int = 100,
        reconstruction: str = "sample",
        learning_rate: float | None = None,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        sparsity: float = 0.0,
        sparsity_target: float = 0.05,
        kernel_initializer: Any = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = whole(units, "units", "RBM", least=1)
        self.visible = one_of(visible, "visible", "RBM", tuple(UNIT_KINDS))
        self.hidden = one_of(hidden, "hidden", "RBM", tuple(UNIT_KINDS))
        self.k = whole(k, "k", "RBM", least=1)
        self.persistent = one_of(persistent, "persistent", "RBM", (True, False))
        self.chains = whole(chains, "chains", "RBM", least=1)
        self.reconstruction = one_of(reconstruction, "reconstruction", "RBM", ("sample", "mean"))
        if learning_rate is not None:
            learning_rate = number(learning_rate, "learning_rate", "RBM", above=0)
        self.learning_rate = learning_rate
        self.momentum = number(momentum, "momentum", "RBM", least=0, most=1)
        self.weight_decay = number(weight_decay, "weight_decay", "RBM", least=0)
        self.sparsity = number(sparsity, "sparsity", "RBM", least=0)
        self.sparsity_target = number(sparsity_target, "sparsity_target", "RBM", above=0, below=1)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.seed = None if seed is None else whole(seed, "seed", "RBM")
        self.seed_generator = random.SeedGenerator(self.seed)
        self._refuse_what_does_not_go_together()
        self._visible_kind, self._hidden_kind = UNIT_KINDS[visible], UNIT_KINDS[hidden]

    def _refuse_what_does_not_go_together(self) -> None:
        if self.visible == self.hidden == "gaussian":
            raise InputError(
                "an RBM cannot have Gaussian units alone",
                expected="binary ones on one side",
                got='visible="gaussian", hidden="gaussian"',
                fix="With large weights such a machine has no distribution; for numbers on both "
                "sides use an Autoencoder without activations.",
            )
        if self.persistent and self.reconstruction == "mean":
            raise InputError(
                "persistent chains must be sampled",
                expected='reconstruction="sample"',
                got='reconstruction="mean"',
            )
        if self.sparsity and self.hidden == "gaussian":
            raise InputError(
                "`sparsity` is for hidden units that are on or off",
                expected='hidden="bernoulli"',
                got='hidden="gaussian"',
            )

    def build(self, input_shape: Shape) -> None:
        """Make the weights for inputs of this shape."""
        sizes = input_shape[1:]
        if not sizes or None in sizes:
            raise InputError(
                f"{self.name!r} cannot be built",
                expected="examples of a known size",
                got=f"shape {input_shape}",
            )
        count = int(np.prod([int(size or 0) for size in sizes]))
        starts = self.kernel_initializer or initializers.RandomNormal(stddev=0.01)
        self.kernel = self.add_weight((count, self.units), starts, name="kernel")
        self.visible_bias = self.add_weight((count,), "zeros", name="visible_bias")
        self.hidden_bias = self.add_weight((self.units,), "zeros", name="hidden_bias")
        if self.persistent:
            self.chain_states = self.add_weight(
                (self.chains, count), "zeros", trainable=False, autocast=False, name="chain_states"
            )

    def default_optimizer(self, values: int | None = None) -> Optimizer:
        """Return SGD with the rate and the momentum of the constructor.

        Args:
            values: how many visible units there are; None if that is not known.
        """
        binary = self._visible_kind.is_binary and self._hidden_kind.is_binary
        usual = RATE_OF_BINARY if binary else RATE_OF_GAUSSIAN
        usual /= max(1.0, (values or 0) / MANY_VISIBLE)
        return SGD(self.learning_rate or usual, momentum=self.momentum)

    def check_examples(self, x: Any, called: str) -> None:
        """Refuse values that are no probabilities, if the visible units are binary."""
        if self._visible_kind.is_binary:
            require_between(x, 0, 1, called, "RBM")

    # What the machine believes

    def energy(self, visible: Any, hidden: Any) -> torch.Tensor:
        """Return ``E(v, h)`` of pairs of states.

        Shapes:
            visible: ``(n, ...)``; hidden: ``(n, units)``; returns: ``(n,)``.
        """
        states, hidden = self._visible_states(visible), self._on_device(hidden)
        met = ((states @ self.kernel) * hidden).sum(1)
        own = self._visible_kind.energy(states, self.visible_bias)
        return own + self._hidden_kind.energy(hidden, self.hidden_bias) - met

    def free_energy(self, visible: Any) -> torch.Tensor:
        """Return ``F(v) = -log Σₕ exp(-E(v, h))``; with Gaussian hidden units a constant aside.

        Shapes:
            visible: ``(n, ...)``; returns: ``(n,)``.
        """
        states = self._visible_states(visible)
        return self._free_energy(states, self._into_hidden(states))

    def hidden_given(self, visible: Any) -> torch.Tensor:
        """Return the means of hidden units, ``p(h=1|v)`` if they are binary.

        Shapes:
            visible: ``(n, ...)``; returns: ``(n, units)``.
        """
        return self._hidden_kind.mean(self._into_hidden(self._visible_states(visible)))

    def visible_given(self, hidden: Any) -> torch.Tensor:
        """Return the means of visible units, ``p(v=1|h)`` if they are binary.

        Shapes:
            hidden: ``(n, units)``; returns: ``(n, d)``.
        """
        return self._visible_kind.mean(self._into_visible(self._on_device(hidden)))

    def gibbs(self, visible: Any, steps: int = 1) -> torch.Tensor:
        """Return states that steps of Gibbs sampling lead to: what the machine dreams.

        Shapes:
            visible: ``(n, ...)``; returns: ``(n, d)``.
        """
        with torch.no_grad():
            states = self._visible_states(visible)
            for _ in range(whole(steps, "steps", "gibbs()", least=0)):
                means = self._means_after(self._into_hidden(states))
                states = self._visible_kind.sample(means, self.seed_generator)
            return states

    # Learning

    def call(self, inputs: torch.Tensor, training: bool = False) -> torch.Tensor:
        """Return the means of the hidden units, and add the loss."""
        states = inputs if inputs.ndim == 2 else inputs.flatten(1)
        total = self._into_hidden(states)
        hidden = self._hidden_kind.mean(total)
        if not training:
            means = self._visible_kind.mean(self._into_visible(hidden))
            self.add_loss((states - means).float().square().mean())
            return hidden
        with torch.no_grad():
            made, means = self._negative_phase(total.detach(), hidden.detach())
            error = (states - means).float().square().mean()
        surrogate = (
            self._free_energy(states, total).mean()
            - self._free_energy(made, self._into_hidden(made)).mean()
        )
        if self.weight_decay:
            surrogate = surrogate + 0.5 * self.weight_decay * self.kernel.square().sum()
        if self.sparsity:
            surrogate = surrogate + self.sparsity * self._divergence_from_target(hidden)
        # The value of the one, with the gradient of the other.
        self.add_loss(error + (surrogate - surrogate.detach()))
        return hidden

    def _negative_phase(
        self, total: torch.Tensor, hidden: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return visible states that the machine makes, and the means of a reconstruction."""
        if self.persistent:
            states = self.chain_states
            for _ in range(self.k):
                means = self._means_after(self._into_hidden(states))
                states = self._visible_kind.sample(means, self.seed_generator)
            self.chain_states.copy_(states)
            return states, self._visible_kind.mean(self._into_visible(hidden))
        first = means = self._means_after(total)
        states = self._reconstructed(means)
        for _ in range(self.k - 1):
            means = self._means_after(self._into_hidden(states))
            states = self._reconstructed(means)
        return states, first

    def _means_after(self, total: torch.Tensor) -> torch.Tensor:
        """Return the visible means after hidden states were drawn for these total inputs."""
        kind = self._hidden_kind
        drawn = kind.sample(kind.mean(total), self.seed_generator)
        return self._visible_kind.mean(self._into_visible(drawn))

    def _reconstructed(self, means: torch.Tensor) -> torch.Tensor:
        if self.reconstruction == "mean":
            return means
        return self._visible_kind.sample(means, self.seed_generator)

    def _divergence_from_target(self, hidden: torch.Tensor) -> torch.Tensor:
        p = self.sparsity_target
        q = hidden.mean(0).clamp(1e-6, 1 - 1e-6)
        return (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()).sum()

    def _free_energy(self, states: torch.Tensor, total: torch.Tensor) -> torch.Tensor:
        own = self._visible_kind.energy(states, self.visible_bias)
        return own + self._hidden_kind.summed_out(total, self.hidden_bias)

    def _into_hidden(self, visible: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.hidden_bias, visible, self.kernel)

    def _into_visible(self, hidden: torch.Tensor) -> torch.Tensor:
        return torch.addmm(self.visible_bias, hidden, self.kernel.T)

    def _visible_states(self, visible: Any) -> torch.Tensor:
        if not self.built:
            self.build(tuple(np.shape(visible)))
        states = self._on_device(visible)
        return states if states.ndim == 2 else states.flatten(1)

    def _on_device(self, values: Any) -> torch.Tensor:
        self._require_weights()
        return as_tensor(values).to(self.kernel.device, self.kernel.dtype)

    def _require_weights(self) -> None:
        if not self.built:
            raise NotReadyError(
                f"the machine {self.name!r} has no weights yet",
                expected="one that was built",
                fix="Call fit(x), or build((None, d)), first.",
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs."""
        return (input_shape[0], self.units)

    # What comes of it

    def adapt(self, x: Any) -> None:
        """Let the visible biases begin where they explain the means of the data by themselves.

        Hidden units then need not learn what is on in every example: ``log(p / (1 - p))`` with p
        the mean of a binary unit, the mean itself of a Gaussian one.

        Args:
            x: examples.

        Reference:
            Hinton 2012, "A Practical Guide to Training RBMs", section 8.1.
        """
        self.check_examples(x, "x")
        means = self._visible_states(x).mean(0)
        if self._visible_kind.is_binary:
            floor = 1 / (len(x) + 2)  # a unit that was never on may be, for all we know
            means = means.clamp(floor, 1 - floor).logit()
        with torch.no_grad():
            self.visible_bias.copy_(means)

    @property
    def encoder(self) -> Sequential:
        """A net of the features' means: ``Dense`` with these weights, copied."""
        self._require_weights()
        shape = tuple(self._build_shape[1:])
        dense = Dense(self.units, "sigmoid" if self._hidden_kind.is_binary else None)
        net = Sequential([Input(shape), *([Flatten()] if len(shape) > 1 else []), dense])
        dense.set_weights([w.detach().cpu().numpy() for w in (self.kernel, self.hidden_bias)])
        return net
