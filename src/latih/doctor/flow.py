"""How a batch flows through a model: which modules calculate, and what becomes of their outputs.

A list of modules does not say it: a net of torch's applies its activations as functions, and a
graph has branches. So one batch is sent through, and who takes what from whom is written down.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from latih.layers import Layer
from latih.registry import to_snake_case
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


@dataclass(frozen=True)
class Part:
    """A module that calculates by itself.

    Args:
        name: what it is called; of two of one name the second goes by its place in the model.
        module: itself.
        activation: what bends its sums: its own, or the one that is applied to its outputs before
            they are multiplied again. None if nothing does; ``"?"`` if nobody knows.
        is_output: whether it makes one of the model's outputs, or is only followed by the
            activation that does.
    """

    name: str
    module: nn.Module
    activation: str | None = None
    is_output: bool = False


@dataclass(frozen=True)
class Flow:
    """What one batch showed.

    Args:
        parts: in the order in which they are called.
        outputs: what the model made of the batch.
        activations: what each output came out of: ``"softmax"`` and so on; None for sums.
        are_scaled: of each input, whether it is scaled or looked up before it is multiplied.
    """

    parts: tuple[Part, ...]
    outputs: tuple[torch.Tensor, ...] = ()
    activations: tuple[str | None, ...] = ()
    are_scaled: tuple[bool, ...] = ()


def flow_of(model: nn.Module, inputs: Any) -> Flow:
    """Send a batch through a model, and say which way it went.

    Args:
        model: a built model, or any module; it is left as it was.
        inputs: a tensor, or a list or dict of them.

    Example:
        >>> net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1), nn.Sigmoid())
        >>> flow = flow_of(net, torch.ones(2, 3))
        >>> [(type(part.module).__name__, part.activation) for part in flow.parts]
        [('Linear', 'relu'), ('ReLU', 'relu'), ('Linear', 'sigmoid'), ('Sigmoid', 'sigmoid')]
        >>> flow.activations
        ('sigmoid',)
    """
    watcher = _Watcher(model, inputs)
    outputs = watcher.run()
    return _Reading(watcher, outputs).flow()


@dataclass
class _Node:
    """A call of a module or a function: which tensors it took, by their numbers, and which gave."""

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
    nodes: list[_Node] = field(default_factory=list[_Node])


class _Watcher(TorchFunctionMode):
    """Writes down the calls of one pass."""

    def __init__(self, model: nn.Module, inputs: Any) -> None:
        super().__init__()
        self.model, self._given = model, inputs
        # A tensor that was forgotten gives its address to another: so a weak reference, too.
        self._numbers: dict[int, tuple[ref[torch.Tensor], int]] = {}
        self._count = 0
        self.inputs = [self.number(one) for one in flatten(inputs)]
        self._frames = [_Frame(self.inputs)]

    @property
    def nodes(self) -> list[_Node]:
        return self._frames[0].nodes

    def run(self) -> tuple[torch.Tensor, ...]:
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
            self._frames[-1].nodes.append(_Node(role, activation, takes, gives))
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


def _node_of(module: nn.Module, frame: _Frame) -> _Node | None:
    """Return a call as one node, or None where those inside say more."""
    kind = kinds.class_of(module)
    activation = kinds.activation_of(module)
    kernel = kinds.kernel_of(module)
    if kernel is not None:
        if any(node.role == "kernel" for node in frame.nodes):
            return None
        if not kind and activation is None:
            activation = _bend_in(frame.nodes)
        return _Node("kernel", activation, frame.takes, (), module, kernel.is_table)
    if kind in kinds.ACTIVATION_OF_CLASS or kind == "Activation":
        return _Node("activation" if activation else "range", activation, frame.takes, (), module)
    if kind in KEEP_RANGE or "Pool" in kind:
        return _Node("range", None, frame.takes, (), module)
    if kind in LINEAR or kinds.is_normalization(module):
        return _Node("linear", None, frame.takes, (), module)
    return None


def _bend_in(nodes: Iterable[_Node]) -> str | None:
    """Return the activation among the calls that a layer of the user's makes."""
    found = {node.activation for node in nodes if node.role in ("activation", "other")}
    return found.pop() if len(found) == 1 else UNKNOWN if found else None


class _Reading:
    """What follows from the calls that were written down."""

    def __init__(self, watcher: _Watcher, outputs: tuple[torch.Tensor, ...]) -> None:
        self._watcher, self._outputs = watcher, outputs
        self._nodes = watcher.nodes
        self._takers: dict[int, list[int]] = {}
        self._makers: dict[int, int] = {}
        for place, node in enumerate(self._nodes):
            for number in node.takes:
                self._takers.setdefault(number, []).append(place)
            for number in node.gives:
                self._makers[number] = place
        self._last = watcher.known(list(outputs))
        self._makes_outputs: set[int] = set()

    def flow(self) -> Flow:
        activations = tuple(self._activation_before(number) for number in self._last)
        are_scaled = tuple(self._is_scaled(number) for number in self._watcher.inputs)
        return Flow(tuple(self._parts()), self._outputs, activations, are_scaled)

    def _parts(self) -> Iterator[Part]:
        told: list[tuple[_Node, int]] = []
        met: set[int] = set()
        for place, node in enumerate(self._nodes):
            if node.module is not None and id(node.module) not in met and _is_told(node):
                met.add(id(node.module))
                told.append((node, place))
        modules = [node.module for node, _ in told if node.module is not None]
        names = names_of(self._watcher.model, modules)
        for name, module, (node, place) in zip(names, modules, told, strict=True):
            activation = node.activation
            if node.role == "kernel" and activation is None:
                activation = self._activation_after(place)
            yield Part(name, module, activation, place in self._makes_outputs)

    def _activation_after(self, place: int) -> str | None:
        """Return what bends the outputs of a call before they are multiplied again."""
        seen: set[int] = set()
        waiting, ends = list(self._nodes[place].gives), False
        unknown = False
        while waiting:
            number = waiting.pop(0)
            if number in seen:
                continue
            seen.add(number)
            ends |= number in self._last
            for taker in self._takers.get(number, ()):
                node = self._nodes[taker]
                if node.role == "activation":
                    return node.activation
                ends |= node.role == "kernel"
                unknown |= node.role == "other"
                if node.role in ("range", "linear"):
                    waiting += node.gives
        return None if ends and not unknown else UNKNOWN

    def _activation_before(self, number: int) -> str | None:
        """Return what a tensor came out of, and note which calls made it."""
        found: set[str | None] = set()
        seen: set[tuple[int, bool, bool]] = set()
        waiting = [(number, False, False)]
        while waiting:
            number, scaled, bent = asked = waiting.pop()
            place = self._makers.get(number)
            if place is None or asked in seen:
                if place is None and not bent:
                    found.add(None)
                continue
            seen.add(asked)
            node = self._nodes[place]
            if node.role in ("kernel", "activation") and not (bent and node.activation):
                self._makes_outputs.add(place)
            if node.role in ("kernel", "activation", "other") and not bent:
                found.add(UNKNOWN if scaled and node.activation else node.activation)
            if node.role == "activation" and not bent:
                waiting += [(before, scaled, True) for before in node.takes]
            elif node.role in ("range", "linear"):
                scaled = scaled or node.role == "linear"
                waiting += [(before, scaled, bent) for before in node.takes]
        return found.pop() if len(found) == 1 else UNKNOWN if found else None

    def _is_scaled(self, number: int) -> bool:
        waiting, seen = [number], set[int]()
        while waiting:
            number = waiting.pop()
            for taker in self._takers.get(number, ()):
                node = self._nodes[taker]
                if node.role == "kernel" and not node.is_table:
                    return False
                if node.role == "range" and taker not in seen:
                    seen.add(taker)
                    waiting += node.gives
        return True


def _is_told(node: _Node) -> bool:
    """Say whether a call is one of a layer that is told of: those that only reshape are not."""
    module = node.module
    if module is None:
        return False
    return (
        node.role in ("kernel", "activation")
        or kinds.is_normalization(module)
        or kinds.class_of(module) in (*kinds.DROPOUTS, "Rescaling")
    )


def names_of(model: nn.Module, modules: Sequence[nn.Module]) -> list[str]:
    """Return a name for each of some modules of a model, each another.

    A layer's is its own, a module's of torch the way to it; of layers of one name those around them
    are told too.

    Args:
        model: the model.
        modules: each once.
    """
    paths = {id(module): path for path, module in model.named_modules()}
    given = dict(model.named_modules())
    names: list[str] = []
    for module in modules:
        path = paths.get(id(module), "").replace(".", "/")
        own = module.name if isinstance(module, Layer) else path
        names.append(own or to_snake_case(type(module).__name__))
    count = Counter(names)
    return [
        name if count[name] == 1 else way_to(given, paths.get(id(module), "")) or name
        for name, module in zip(names, modules, strict=True)
    ]


def way_to(modules: Mapping[str, nn.Module], path: str) -> str:
    """Return the names of the layers on the way to a module."""
    steps = path.split(".")
    told: list[str] = []
    for length, step in enumerate(steps, 1):
        module = modules[".".join(steps[:length])] if path else None
        if isinstance(module, Layer):
            told.append(module.name)
        elif not isinstance(module, nn.ModuleList):
            told.append(step)
    return "/".join(told)
