"""A model as an ONNX graph, for whatever runs nets without Python."""

import importlib.util
import os
import tempfile
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from logging import WARNING, Logger, getLogger
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latih.errors import InputError, MissingExtraError, NotReadyError
from latih.files import write_atomically
from latih.layers import Layer
from latih.layers.base import mode, unmixed
from latih.tensors import Shape

NEEDED = ("onnx", "onnxscript")

# Two examples: of one the exporter would take the length for a constant.
EXAMPLES = 2

# What a size of None inside an example becomes where a size is needed; it stays open in the graph.
OPEN_SIZE = 8

# One message of protobuf, and so one file, holds no more.
LARGEST_GRAPH = 2**31 - 2**20


class _Positional(nn.Module):
    """A model whose inputs come one by one, as an ONNX graph has them."""

    def __init__(self, model: nn.Module, shapes: Any) -> None:
        super().__init__()
        self.model, self.shapes = model, shapes

    def forward(self, *inputs: torch.Tensor) -> Any:
        if isinstance(self.shapes, Mapping):
            outputs = self.model(dict(zip(self.shapes, inputs, strict=True)))
        else:
            outputs = self.model(inputs[0] if _is_shape(self.shapes) else list(inputs))
        return tuple(outputs.values()) if isinstance(outputs, Mapping) else outputs


def export(
    model: Layer,
    path: str | os.PathLike[str],
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset: int | None = None,
) -> None:
    """Write a model as an ONNX graph, in inference mode; whole or not at all.

    The length of the batch stays open, as does every size of the inputs that is None.

    Args:
        model: a built model.
        path: where; ends in ``.onnx``.
        input_names: what the graph's inputs are called; by default ``model.input_names``, or the
            keys of the inputs, or ``"input"``, ``"input_1"``, ...
        output_names: the same of its outputs.
        opset: the release of ONNX's operators; by default PyTorch's choice.

    Raises:
        MissingExtraError: the packages of the extra ``export`` are not installed.
        NotReadyError: the model is not built.
        InputError: the model does what cannot be written as a graph, or names do not fit.
        UnwritableError: the place cannot be written.
    """
    _require_packages()
    shapes: Any = getattr(model, "input_shape", None)
    if shapes is None:
        shapes = (model.get_build_config() or {}).get("input_shape")
    if shapes is None:
        raise NotReadyError(
            f"the model {model.name!r} cannot be exported",
            expected="a model whose input shape is known",
            got="one that is not built",
            fix="Put an Input(shape) first, or call it on a batch.",
        )
    size = sum(weight.numel() * weight.element_size() for weight in model.weights)
    if size > LARGEST_GRAPH:
        raise InputError(
            f"the model {model.name!r} is too large for one ONNX file",
            expected=f"at most {LARGEST_GRAPH} bytes of weights",
            got=str(size),
            fix="Save the weights as safetensors instead.",
        )
    examples = [_example(shape, model) for shape in _shapes_one_by_one(shapes)]
    inputs = _names(input_names, getattr(model, "input_names", None), shapes, len(examples))
    positional = _Positional(model, shapes)
    # In float32, whatever the policy: few that run such graphs have kernels for bfloat16.
    with mode(positional, False), unmixed(positional), torch.no_grad(), _exporter_hushed():
        outputs = _output_names(output_names, model, positional(*examples))
        try:
            program = torch.onnx.export(
                positional,
                tuple(examples),
                dynamo=True,
                verbose=False,
                input_names=inputs,
                output_names=outputs,
                opset_version=opset,
                dynamic_shapes=(tuple(_open_axes(s) for s in _shapes_one_by_one(shapes)),),
            )
        except Exception as error:  # the exporter's errors have no common root
            raise InputError(
                f"the model {model.name!r} cannot be written as an ONNX graph",
                expected="layers made of PyTorch's operations alone",
                got=f"{type(error).__name__}: {str(error).strip().splitlines()[0]}",
                fix="Look for Python that depends on the numbers in the call() of your own layers.",
            ) from error
        assert program is not None
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "model.onnx"
            program.save(whole, external_data=False)
            content = whole.read_bytes()
    with write_atomically(path) as target:
        target.write(content)


def _require_packages() -> None:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            "export() needs packages that are not installed",
            expected=" and ".join(NEEDED),
            got=f"no {' and no '.join(missing)}",
            fix="Install them with: pip install 'latih[export]'",
        )


# What goes in


def _is_shape(shapes: Any) -> bool:
    return isinstance(shapes, Sequence) and all(
        size is None or isinstance(size, int) for size in shapes
    )


def _shapes_one_by_one(shapes: Any) -> list[Shape]:
    if _is_shape(shapes):
        return [tuple(shapes)]
    several = shapes.values() if isinstance(shapes, Mapping) else shapes
    return [tuple(shape) for shape in several]


def _example(shape: Shape, model: Layer) -> torch.Tensor:
    device = next((weight.device for weight in model.weights), torch.device("cpu"))
    sizes = [OPEN_SIZE if size is None else size for size in shape[1:]]
    return torch.zeros([shape[0] or EXAMPLES, *sizes], device=device)


def _open_axes(shape: Shape) -> dict[int, Any]:
    return {
        axis: torch.export.Dim.DYNAMIC if axis else torch.export.Dim("batch")
        for axis, size in enumerate(shape)
        if size is None
    }


# What they are called


def _names(
    asked: Sequence[str] | None,
    own: Sequence[str] | None,
    structure: Any,
    count: int,
    kind: str = "input",
) -> list[str]:
    if asked is None and own and len(own) == count:
        asked = own
    if asked is None and isinstance(structure, Mapping):
        asked = list(structure)
    if asked is None:
        return [kind if number == 0 else f"{kind}_{number}" for number in range(count)]
    names = [str(name) for name in asked]
    if len(names) != count or len(set(names)) != count:
        raise InputError(
            f"`{kind}_names` of export() do not fit the model",
            expected=f"{count} names, each its own",
            got=repr(names),
        )
    return names


def _output_names(asked: Sequence[str] | None, model: Layer, outputs: Any) -> list[str]:
    count = len(outputs) if isinstance(outputs, tuple | list) else 1
    return _names(asked, getattr(model, "output_names", None), None, count, "output")


@contextmanager
def _exporter_hushed() -> Generator[None]:
    # It tells of its own deprecations and of packages that it would like; our users can do nothing.
    logger: Logger = getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(max(level, WARNING + 1))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
