"""The policy of types: one in this release, under the names that Keras's code asks for."""

from collections.abc import Mapping
from typing import Any, Self

from latih.errors import InputError


class DTypePolicy:
    """In which type a layer calculates, and in which it keeps its weights.

    Args:
        name: ``"float32"``, the only policy of this release; None for it.

    Raises:
        InputError: it is another one.

    Example:
        >>> DTypePolicy("float32").compute_dtype
        'float32'
    """

    def __init__(self, name: str | None = None) -> None:
        if name not in (None, "float32"):
            raise InputError(
                f"the dtype policy {name!r} is not to be had",
                expected="'float32', the only one of this release",
                got=repr(name),
                fix="Leave it out.",
            )
        self.name = "float32"

    @property
    def compute_dtype(self) -> str:
        """The type that layers calculate in."""
        return self.name

    @property
    def variable_dtype(self) -> str:
        """The type that weights are kept in."""
        return self.name

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as data that JSON can hold."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make the policy again from :meth:`get_config`'s data."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


def dtype_policy() -> DTypePolicy:
    """Return the policy that layers follow when they are not told.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    return DTypePolicy()


def set_dtype_policy(policy: Any) -> None:
    """Set the policy that layers follow when they are not told; there is one to choose.

    Args:
        policy: ``"float32"``, or the policy of that name.

    Raises:
        InputError: it is another one.
    """
    DTypePolicy(getattr(policy, "name", policy))
