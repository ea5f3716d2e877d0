"""Numbers that lie on a device, read all at once: each reading alone would wait for it."""

from collections.abc import Mapping, Sequence

import torch


class Readings:
    """Small tensors by name, which become lists of numbers together.

    Example:
        >>> readings = Readings()
        >>> readings.put("mean", torch.tensor(2.0))
        >>> readings.put("norms", torch.tensor([3.0, 4.0]))
        >>> readings.read()
        {'mean': [2.0], 'norms': [3.0, 4.0]}
    """

    def __init__(self) -> None:
        self._tensors: dict[str, torch.Tensor] = {}

    def put(self, name: str, numbers: torch.Tensor | Sequence[torch.Tensor]) -> None:
        """Take numbers, or scalars in a list, under a name."""
        if not isinstance(numbers, torch.Tensor):
            numbers = torch.stack([one.reshape(()) for one in numbers]) if numbers else _NONE
        self._tensors[name] = numbers.detach().reshape(-1)

    def read(self) -> Mapping[str, Sequence[float]]:
        """Return the numbers; this waits for the device, once."""
        if not self._tensors:
            return {}
        device = next((one.device for one in self._tensors.values() if one.numel()), _NONE.device)
        joined = [one.to(device, torch.float64) for one in self._tensors.values()]
        numbers: list[float] = torch.cat(joined).tolist()
        read: dict[str, Sequence[float]] = {}
        start = 0
        for name, tensor in self._tensors.items():
            read[name] = numbers[start : start + tensor.numel()]
            start += tensor.numel()
        return read


_NONE = torch.empty(0)
