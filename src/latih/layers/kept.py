"""What the layers of a model keep as attributes, in lists and mappings too."""

from typing import Any, TypeVar

from torch import nn

from latih.structures import inside

T = TypeVar("T")
# What PyTorch keeps in a module is found by its own names.
OF_PYTORCH = frozenset(vars(nn.Module()))


def kept_by_layers(model: nn.Module, kind: type[T]) -> dict[str, T]:
    """Return the objects of a kind by where they are; one that stands at several places once.

    Example:
        >>> module = nn.Module()
        >>> module.sizes = {"first": 3, "rest": [4, 5]}
        >>> kept_by_layers(nn.Sequential(module), int)
        {'0.sizes': 3, '0.sizes[1]': 4, '0.sizes[2]': 5}
    """
    found: dict[str, T] = {}
    seen: set[int] = set()
    for path, module in model.named_modules():
        attributes: dict[str, Any] = vars(module)
        for name, value in attributes.items():
            if name in OF_PYTORCH:
                continue
            for number, one in enumerate(inside(value, kind)):
                if id(one) not in seen:
                    seen.add(id(one))
                    place = f"{path}.{name}" if path else name
                    found[f"{place}[{number}]" if number else place] = one
    return found
