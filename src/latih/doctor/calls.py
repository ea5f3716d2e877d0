"""The calls of one pass through a model: what took which tensors, and gave which.

Modules are heard by hooks, and functions of torch as torch is asked for them: a net may apply its
activations by either.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Literal
from weakref import ref

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from latih.doctor import kinds
from latih.doctor.kinds import ACTIVATION_OF_FUNCTION, UNKNOWN
from latih.doctor.undisturbed import undisturbed
from latih.structures import flatten

Role = Literal["kernel", "activation", "range", "linear", "other"]
"""What is done to numbers: multiplied by weights; bent; left in their range; scaled or added; or
who knows what."""

KEEP_RANGE = frozenset(
    (
        *("Flatten", "Unflatten", "Reshape", "Permute", "Identity", "InputLayer", "Concatenate"),
        *("ZeroPadding2D", "UpSampling2D", "Upsample", "Average", *kinds.DROPOUTS),
        *("GaussianNoise",),
    )
)
"""Classes after which numbers lie where they lay, beside all that pool."""

LINEAR = frozenset(("Add", "Subtract", "Rescaling", *kinds.NORMALIZATIONS))
"""Classes after which what was linear still is."""

FUNCTIONS_THAT_KEEP_RANGE = frozenset(
    """
    view view_as reshape reshape_as flatten unflatten ravel permute transpose swapaxes swapdims
    movedim moveaxis squeeze unsqueeze expand expand_as contiguous clone to float double type cpu
    detach cat concat concatenate stack hstack vstack chunk split tensor_split unbind __getitem__
    select narrow index_select gather __get__ flip roll repeat tile pad mean dropout dropout1d
    dropout2d alpha_dropout max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool2d interpolate upsample boolean_dispatch max_pool2d_with_indices amax
    """.split()
)
LINEAR_FUNCTIONS = frozenset(
    """
    add sub rsub subtract neg negative sum mul multiply div divide true_divide __add__ __radd__
    __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__ __itruediv__ __neg__
    matmul __matmul__ mm addmm bmm baddbmm linear einsum tensordot conv1d conv2d conv3d
    conv_transpose1d conv_transpose2d conv_transpose3d batch_norm layer_norm group_norm
    instance_norm normalize
    """.split()
)
ADDITIVE = frozenset(
    """
    add sub subtract __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ cat concat concatenate
    stack hstack vstack
    """.split()
)
"""Functions that are linear in several tensors at once; a product of two is not."""


@dataclass
class Node:
    """A call of a module or a function.

    Args:
        role: what it does to numbers.
        activation: what bends them: None for nothing; ``"?"`` if nobody knows.
        takes: the numbers of the tensors that it takes, as far as they come from the inputs.
        gives: the numbers of those that come out.
        module: what is called, if it is no function.
        is_table: whether it looks rows up.
    """

    role: Role
    activation: str | None
    takes: Sequence[int]
    gives: Sequence[int] = ()
    module: nn.Module | None = None
    is_table: bool = False


@dataclass
class _Frame:
    """A call of a module that is under way."""

    takes: Sequence[int]
    nodes: list[Node] = field(default_factory=list[Node])


class Pass(TorchFunctionMode):
    """One pass of a batch through a model, whose calls are written down.

    Each tensor has a number, a new one each time that it is made or changed in place.

    Args:
        model: a built model, or any module; it is left as it was.
        inputs: a tensor, or a list or dict of them.

    Example:
        >>> once = Pass(nn.Sequential(nn.Linear(3, 4), nn.ReLU()), torch.ones(2, 3))
        >>> _ = once.run()
        >>> [(node.role, node.takes, node.gives) for node in once.nodes]
        [('kernel', [1], [3]), ('activation', [3], [5])]
    """

    def __init__(self, model: nn.Module, inputs: Any) -> None:
        super().__init__()
        self.model, self._given = model, inputs
        # A tensor that was forgotten gives its address to another: so a weak reference, too.
        self._numbers: dict[int, tuple[ref[torch.Tensor], int]] = {}
        self._count = 0
        self.inputs = [self.number(one) for one in flatten(inputs)]
        self._frames = [_Frame(self.inputs)]

    @property
    def nodes(self) -> list[Node]:
        """The calls, in the order in which they ended."""
        return self._frames[0].nodes

    def run(self) -> tuple[torch.Tensor, ...]:
        """Do it, and return what the model made of the batch."""
        with ExitStack() as stack:
            stack.enter_context(undisturbed(self.model))
            for module in _calculating(self.model):
                begins = module.register_forward_pre_hook(self._begin, with_kwargs=True)
                stack.callback(begins.remove)
                ends = module.register_forward_hook(self._end)
                stack.callback(ends.remove)
            stack.enter_context(self)
            outputs = self.model(self._given)
        return tuple(_tensors(outputs))

    # The numbers of tensors

    def number(self, tensor: torch.Tensor) -> int:
        """Give a tensor the next number; the same one changed in place gets another."""
        self._count += 1
        self._numbers[id(tensor)] = ref(tensor), self._count
        return self._count

    def known(self, structure: Any) -> list[int]:
        """Return the numbers of the tensors that came from the inputs."""
        numbers = (self._number_of(tensor) for tensor in _tensors(structure))
        return list(dict.fromkeys(number for number in numbers if number is not None))

    def _number_of(self, tensor: torch.Tensor) -> int | None:
        known = self._numbers.get(id(tensor))
        return None if known is None or known[0]() is not tensor else known[1]

    # The calls

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        takes = self.known([list(args), kwargs or {}])
        outputs = func(*args, **(kwargs or {}))
        made = list(_tensors(outputs)) if takes else []
        if made:
            name = getattr(func, "__name__", "")
            role, activation = _role_of_function(name, len(takes))
            gives = [self.number(one) for one in made]
            self._frames[-1].nodes.append(Node(role, activation, takes, gives))
        return outputs

    def _begin(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        del module
        self._frames.append(_Frame(self.known([list(args), kwargs])))

    def _end(self, module: nn.Module, args: Any, outputs: Any) -> None:
        del args
        frame = self._frames.pop()
        node = _node_of(module, frame)
        if node is None:  # what is inside it calculates, or nothing
            self._frames[-1].nodes += frame.nodes
        else:
            node.gives = [self.number(one) for one in _tensors(outputs)]
            self._frames[-1].nodes.append(node)


def _calculating(model: nn.Module) -> Iterator[nn.Module]:
    """Yield the modules whose calls are part of the way; those that make a weight are not."""
    for path, module in model.named_modules():
        if "parametrizations" not in path.split("."):
            yield module


def _tensors(structure: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in flatten(structure) if isinstance(leaf, torch.Tensor))


def _role_of_function(name: str, tensors: int) -> tuple[Role, str | None]:
    bare = name if name.startswith("__") else name.rstrip("_")
    if bare in ACTIVATION_OF_FUNCTION and bare != "linear":
        return "activation", ACTIVATION_OF_FUNCTION[bare]
    if tensors > 1 and bare not in ADDITIVE:
        return "other", UNKNOWN
    if bare in FUNCTIONS_THAT_KEEP_RANGE:
        return "range", None
    return ("linear", None) if bare in LINEAR_FUNCTIONS else ("other", UNKNOWN)


def _node_of(module: nn.Module, frame: _Frame) -> Node | None:
    """Return a call as one node, or None where those inside say more."""
    kind = kinds.class_of(module)
    activation = kinds.activation_of(module)
    kernel = kinds.kernel_of(module)
    if kernel is not None:
        if any(node.role == "kernel" for node in frame.nodes):
            return None
        if not kind and activation is None:
            activation = _bend_in(frame.nodes)
        return Node("kernel", activation, frame.takes, (), module, kernel.is_table)
    if kind in kinds.ACTIVATION_OF_CLASS or kind == "Activation":
        return Node("activation" if activation else "range", activation, frame.takes, (), module)
    if kind in KEEP_RANGE or "Pool" in kind:
        return Node("range", None, frame.takes, (), module)
    if kind in LINEAR or kinds.is_normalization(module):
        return Node("linear", None, frame.takes, (), module)
    return None


def _bend_in(nodes: Iterable[Node]) -> str | None:
    """Return the activation among the calls that a layer of the user's makes."""
    found = {node.activation for node in nodes if node.role in ("activation", "other")}
    return found.pop() if len(found) == 1 else UNKNOWN if found else None
