"""The policy of types: in which one layers calculate, and in which they keep their weights."""

from collections.abc import Mapping
from typing import Any, Self

from latih.errors import InputError

COMPUTE_DTYPES = {"float32": "float32", "mixed_bfloat16": "bfloat16"}
"""The policies, each with the type that layers calculate in; weights are float32 in all."""


class DTypePolicy:
    """In which type a layer calculates, and in which it keeps its weights.

    ``"mixed_bfloat16"`` halves what passes through the memory, and on chips with units for
    bfloat16 multiplies matrices several times as fast. bfloat16 has the range of float32, so that
    no loss needs scaling, and 8 bits of precision: enough for sums of products, too few for the
    small steps of weights, which therefore stay in float32, as do their gradients, the statistics
    of normalisations, losses, penalties and metrics.

    Args:
        name: ``"float32"`` or ``"mixed_bfloat16"``; None for the policy that is set.

    Raises:
        InputError: it is another one.

    Example:
        >>> policy = DTypePolicy("mixed_bfloat16")
        >>> policy.compute_dtype, policy.variable_dtype
        ('bfloat16', 'float32')

    Reference:
        Micikevicius et al. 2018, "Mixed Precision Training", section 3.1; Kalamkar et al. 2019,
        "A Study of BFLOAT16 for Deep Learning Training", section 3.
    """

    def __init__(self, name: str | None = None) -> None:
        name = _policy.name if name is None else name
        if not isinstance(name, str) or name not in COMPUTE_DTYPES:
            raise InputError(
                f"the policy {name!r} for `dtype` is not to be had",
                expected=" or ".join(map(repr, COMPUTE_DTYPES)),
                got=repr(name),
                fix="Leave it out for the one that is set.",
            )
        self.name = name

    @property
    def compute_dtype(self) -> str:
        """The type that layers calculate in."""
        return COMPUTE_DTYPES[self.name]

    @property
    def variable_dtype(self) -> str:
        """The type that weights are kept in."""
        return "float32"

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


_policy = DTypePolicy("float32")
_was_set = False


def dtype_policy() -> DTypePolicy:
    """Return the policy that layers follow when they are not told.

    Example:
        >>> dtype_policy().name
        'float32'
    """
    return _policy


def set_dtype_policy(policy: Any) -> None:
    """Set the policy that layers follow when they are not told, from now on.

    Layers that exist keep theirs.

    Args:
        policy: ``"float32"`` or ``"mixed_bfloat16"``, or a :class:`DTypePolicy`.

    Raises:
        InputError: it is another one.

    Example:
        >>> set_dtype_policy("mixed_bfloat16")
        >>> dtype_policy()
        <DTypePolicy "mixed_bfloat16">
        >>> set_dtype_policy("float32")
    """
    global _policy, _was_set
    if not isinstance(policy, str | DTypePolicy):
        raise InputError(
            "`policy` of set_dtype_policy is not to be had",
            expected="the name of a policy, or a DTypePolicy",
            got=repr(policy),
        )
    _policy, _was_set = get(policy), True


def dtype_policy_was_set() -> bool:
    """Say whether anybody has chosen the policy, by :func:`set_dtype_policy`."""
    return _was_set


def get(identifier: Any) -> DTypePolicy:
    """Return the policy that a layer's ``dtype`` means.

    Args:
        identifier: None for the one that is set; a name, a policy, what :func:`serialize` gave, or
            a number type of torch or NumPy.

    Raises:
        InputError: there is no such policy.

    Example:
        >>> get({"class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}})
        <DTypePolicy "mixed_bfloat16">
    """
    if identifier is None:
        return _policy
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    if not isinstance(identifier, str):
        # torch.float32 is called "torch.float32", and the class numpy.float32 just "float32".
        named = getattr(identifier, "__name__", None) or str(identifier)
        identifier = named.removeprefix("torch.")
    return DTypePolicy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return a policy as Keras's files describe it.

    Args:
        dtype_policy: the policy.

    Example:
        >>> serialize(DTypePolicy("float32"))["config"]
        {'name': 'float32'}
    """
    return {
        "module": "keras",
        "class_name": "DTypePolicy",
        "config": dtype_policy.get_config(),
        "registered_name": None,
    }


def deserialize(config: Mapping[str, Any], custom_objects: Any = None) -> DTypePolicy:
    """Make the policy again that :func:`serialize` described.

    Args:
        config: the description.
        custom_objects: taken for Keras's sake: there are no policies of the user's own.

    Raises:
        InputError: it describes none of Latih's policies.
    """
    del custom_objects
    described = config.get("config")
    name = described.get("name") if isinstance(described, Mapping) else None
    if name is None or config.get("class_name") not in ("DTypePolicy", "FloatDTypePolicy"):
        name = f"{config.get('class_name')}({name or ''})"  # of no policy that there is
    return DTypePolicy(name)
