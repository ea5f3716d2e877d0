"""A function of ``latih.ops`` as a layer of a graph: what ``x + y`` and ``ops.mean(x)`` become.

The table is closed, as that of layers is, and knows under which names Keras's files have them.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch

from latih import ops
from latih.errors import InputError, UnknownNameError, near_matches
from latih.layers.base import Layer
from latih.registry import auto_name, serialize
from latih.structures import flatten, map_structure
from latih.symbolic import SymbolicTensor

FAMILIES = {
    "numpy": """
        abs absolute add all amax amin any arccos arccosh arcsin arcsinh arctan arctan2
        arctanh argmax argmin argsort broadcast_to ceil clip concatenate cos cosh
        count_nonzero cross cumprod cumsum diag diagonal divide divide_no_nan dot equal exp
        exp2 expand_dims expm1 flip floor floor_divide get_item greater greater_equal hstack
        hypot isfinite isinf isnan less less_equal log log10 log1p log2 logaddexp
        logical_and logical_not logical_or logical_xor matmul max maximum mean median min
        minimum mod moveaxis multiply nan_to_num negative not_equal ones_like outer power
        prod ravel reciprocal repeat reshape roll round sign sin sinh sort split sqrt square
        squeeze stack std subtract sum swapaxes take take_along_axis tan tanh tensordot tile
        trace transpose tril triu true_divide var vstack where zeros_like
    """.split(),
    "nn": """
        celu elu gelu glu hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid log_softmax
        normalize one_hot relu relu6 selu sigmoid silu softmax softplus softsign
    """.split(),
    "math": "erf erfinv logsumexp rsqrt top_k".split(),
    "linalg": "det inv norm".split(),
    "core": "cast stop_gradient".split(),
}
"""The functions, by the modules in which Keras has them."""

MODULES = {name: f"keras.src.ops.{family}" for family, names in FAMILIES.items() for name in names}

FILE_MODULES = frozenset(MODULES.values())
BY_CLASS = {name.replace("_", ""): name for name in MODULES}

# Their own selves, and not what records a call of them.
FUNCTIONS = {name: inspect.unwrap(getattr(ops, name)) for name in MODULES}

OPERANDS = ("x", "x1", "x2", "xs", "condition", "indices", "key", "variable")
"""The arguments that may be tensors; the others belong to the layer's own."""


LARGEST_NUMBER_OF_PARTS = 1_000


class Operation(Layer):
    """A function of tensors as a layer.

    It is made by calling a function of ``latih.ops`` on symbolic tensors, or by arithmetic on them.

    Args:
        function: the function's name.
        arguments: those of its arguments that are no tensors.
        name: what the layer is called.
        kwargs: arguments of :class:`~latih.layers.Layer`.

    Shapes:
        in and out: the function's.

    Raises:
        UnknownNameError: it is not in the table.

    Example:
        >>> from latih.layers import Input
        >>> (2.0 * Input((3,)) + 1.0).shape
        (None, 3)
    """

    def __init__(
        self,
        function: str,
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name or auto_name(function), **kwargs)
        self.autocast = False  # as in Keras, a function takes tensors of any type as they are
        if function not in MODULES:
            raise UnknownNameError(
                f"unknown operation {function!r}", fix=near_matches(function, MODULES)
            )
        self.function = function
        self.arguments = dict(arguments or {})
        self._function = FUNCTIONS[function]

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the function makes of tensors."""
        return self._function(*args, **self.arguments, **kwargs)

    def _probed(self, args: Any, kwargs: Any) -> Any:
        sections = self.arguments.get("indices_or_sections")
        if isinstance(sections, int) and sections > LARGEST_NUMBER_OF_PARTS:
            raise InputError(
                f"{self.name!r} makes too many parts",
                expected=f"at most {LARGEST_NUMBER_OF_PARTS}",
                got=f"{sections}",
            )
        args, kwargs = map_structure(_without_numbers, [list(args), kwargs])
        # On torch's device without memory: a file may ask for a thousand million tiles.
        try:
            with torch.device("meta"):
                return super()._probed(args, kwargs)
        except RuntimeError as error:
            shapes = [leaf.shape for leaf in flatten(args) if isinstance(leaf, SymbolicTensor)]
            raise InputError(
                f"{self.function}() cannot take these tensors",
                expected="shapes that fit each other and its arguments",
                got=", ".join(map(str, shapes)),
                fix=f"torch says: {error}",
            ) from error

    def again(self) -> Self:
        """Return an operation of the same function and arguments."""
        return type(self)(self.function, self.arguments, name=self.name)

    def keras_identity(self) -> dict[str, Any]:
        """Return what Keras's files call the operation."""
        called = "".join(part.capitalize() for part in self.function.split("_"))
        return {
            "module": MODULES[self.function],
            "class_name": called,
            "registered_name": called,
        }

    def get_config(self) -> dict[str, Any]:
        """Return the operation's arguments as data that JSON can hold."""
        return {"name": self.name, **serialize(self.arguments)}

    def get_build_config(self) -> None:
        """Return nothing: there are no weights."""

    @classmethod
    def of_keras(cls, described: Mapping[str, Any]) -> Self:
        """Make the layer of what a file says of an operation.

        Raises:
            UnknownNameError: it is not in the table.
        """
        called = str(described.get("class_name"))
        function = BY_CLASS.get(called.lower())
        if function is None:
            raise UnknownNameError(f"unknown operation {called!r}")
        config = dict(described.get("config") or {})
        name = config.pop("name", None)
        known = inspect.signature(FUNCTIONS[function]).parameters
        return cls(function, {k: v for k, v in config.items() if k in known}, name=name)


def _without_numbers(leaf: Any) -> Any:
    """Return a constant as a tensor of which only the shape is known."""
    if isinstance(leaf, np.ndarray | torch.Tensor):
        return torch.as_tensor(leaf).to("meta")
    return leaf


def is_operation(described: Any) -> bool:
    """Say whether a description in a file is of an operation and not of a layer."""
    return isinstance(described, Mapping) and described.get("module") in FILE_MODULES


def operate(function: str, *args: Any, **kwargs: Any) -> Any:
    """Return what a new layer makes of symbolic tensors.

    Args:
        function: the name of a function of ``latih.ops``.
        args: its arguments.
        kwargs: the same, by name.

    Raises:
        InputError: the function cannot be part of a model.
    """
    if function not in MODULES:
        raise InputError(
            f"{function}() cannot be part of a model",
            expected="one of the functions of latih.ops that Operation knows",
            got="a symbolic tensor",
            fix="Write a Layer whose call() does it.",
        )
    parameters = inspect.signature(FUNCTIONS[function]).bind(*args, **kwargs).arguments
    operands = {name: value for name, value in parameters.items() if name in OPERANDS}
    others = {name: value for name, value in parameters.items() if name not in OPERANDS}
    return Operation(function, others)(*operands.values())


SymbolicTensor.operate = staticmethod(operate)
