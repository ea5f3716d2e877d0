"""Many weights in one memory, so that one kernel updates them all."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch

from latih.errors import InputError
from latih.optimizers.short import ShortGradients


class FlatParameters:
    """The weights of a model as views of one buffer, beside one of the same size for gradients.

    A net of twenty layers has forty weights, and calling a kernel costs more than most of them
    are worth: through one buffer, an Adam step of 266k numbers in 42 weights took 236 µs instead of
    590.

    Args:
        parameters: the weights; their ``data`` is moved into the buffer, they stay what they are.

    Example:
        >>> weights = [torch.ones(2, 2), torch.zeros(3)]
        >>> flat = FlatParameters(weights)
        >>> _ = flat.values.add_(1)
        >>> weights[1]
        tensor([1., 1., 1.])
    """

    def __init__(self, parameters: Sequence[torch.Tensor]) -> None:
        kinds = {(p.dtype, p.device) for p in parameters}
        if not kinds:
            raise InputError(
                "there is nothing to train",
                expected="at least one trainable weight",
                got="none: every weight is frozen, or there is none",
                fix="To train, leave some weight trainable: layer.trainable = True.",
            )
        if len(kinds) != 1:
            raise InputError(
                "an optimizer takes weights of one type on one device",
                expected="weights that are all alike",
                got=", ".join(f"{dtype} on {device}" for dtype, device in kinds),
                fix="Move the whole model with .to().",
            )
        self.parameters = list(parameters)
        self.values = torch.cat([p.detach().reshape(-1) for p in self.parameters])
        self._gradients = torch.zeros_like(self.values)
        self.short: ShortGradients | None = None
        """The gradients, where they lie elsewhere in a shorter type; None where nowhere else."""
        for parameter, view in zip(self.parameters, self.views(self.values), strict=True):
            parameter.data = view

    @property
    def gradients(self) -> torch.Tensor:
        """The gradients, in the weights' type: who asks for them may change them."""
        if self.short is not None:
            short, self.short = self.short, None
            short.lengthen(self._gradients)
        return self._gradients

    @property
    def gathered(self) -> torch.Tensor:
        """Where :meth:`gather` copies gradients to, whatever lies there."""
        return self._gradients

    def views(self, buffer: torch.Tensor) -> Iterator[torch.Tensor]:
        """Yield the part of a buffer that belongs to each weight, in its shape."""
        offset = 0
        for parameter in self.parameters:
            yield buffer[offset : offset + parameter.numel()].view(parameter.shape)
            offset += parameter.numel()

    def holds(self, parameters: Sequence[torch.Tensor]) -> bool:
        """Say whether these are the weights of the buffer, and still its views.

        ``model.to(device)`` and a load that replaces tensors break the bond.
        """
        return len(parameters) == len(self.parameters) and all(
            given is own and own.data_ptr() == view.data_ptr() and own.shape == view.shape
            for given, own, view in zip(
                parameters, self.parameters, self.views(self.values), strict=True
            )
        )

    def spread(
        self, parameters: Sequence[torch.Tensor], gradients: Sequence[torch.Tensor | None]
    ) -> list[torch.Tensor | None] | None:
        """Return the gradients of some of the weights as those of all, None for each other one.

        Returns:
            None if one of them is not in the buffer, or the weights are no longer its views.
        """
        places = {id(own): place for place, own in enumerate(self.parameters)}
        if not all(id(given) in places for given in parameters) or not self.holds(self.parameters):
            return None
        whole: list[torch.Tensor | None] = [None] * len(self.parameters)
        for given, gradient in zip(parameters, gradients, strict=True):
            whole[places[id(given)]] = gradient
        return whole

    def gather(self, gradients: Sequence[torch.Tensor | None]) -> None:
        """Copy the gradients, in the weights' order, into their buffer; None counts as zeros."""
        whole = [
            (p.new_zeros(p.shape) if g is None else g).reshape(-1)
            for p, g in zip(self.parameters, gradients, strict=True)
        ]
        torch.cat(whole, out=self._gradients)
        self.short = None

    @contextmanager
    def untouched(self, places: Sequence[int], buffers: Iterable[torch.Tensor]) -> Generator[None]:
        """Put some weights' parts of some buffers back, in the end, to what they were before."""
        parts = [
            part
            for buffer in buffers
            for place, part in enumerate(self.views(buffer))
            if place in places
        ]
        before = [part.clone() for part in parts]
        yield
        for part, old in zip(parts, before, strict=True):
            part.copy_(old)
