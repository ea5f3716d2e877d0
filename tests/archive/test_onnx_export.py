"""ONNX graphs: what another program computes from them is what the model computes."""

import importlib.util
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import latih
from latih.archive import export
from latih.errors import InputError, MissingExtraError, NotReadyError

layers = latih.layers


def run(path: Path, *inputs: torch.Tensor) -> list[Any]:
    def compute() -> list[Any]:
        session = onnxruntime.InferenceSession(path)
        names = [one.name for one in session.get_inputs()]
        return session.run(None, {n: x.numpy() for n, x in zip(names, inputs, strict=True)})

    # onnxruntime lets the thread that it runs in calculate with denormals again.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(compute).result()


def moved_off_its_start(model: Any) -> None:
    """Give every weight other numbers, so that none can be mistaken for another's start."""
    dice = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in model.weights:
            weight.add_(torch.rand(weight.shape, generator=dice) / 4)


def contract_rows() -> dict[str, Any]:
    """Return the layers that the contract test makes, a row for each kind there is."""
    path = Path(__file__).parents[1] / "contracts" / "test_layers.py"
    spec = importlib.util.spec_from_file_location("contract_of_layers", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CASES


def rows() -> Iterator[tuple[str, Any, tuple[int, ...]]]:
    for name, (make, shapes, *_) in contract_rows().items():
        shape = shapes[-1]
        if isinstance(shape, tuple) and all(isinstance(size, int) for size in shape):
            yield name, make, shape[1:]


ROWS = {name: (make, shape) for name, make, shape in rows()}


class SideBySide(latih.Model):
    """A layer of each kind, each with an input and an output of its own: one graph for all."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = torch.nn.ModuleList([make() for make, _ in ROWS.values()])

    def call(self, inputs: Any) -> Any:
        return [layer(one) for layer, one in zip(self.inside, inputs, strict=True)]


def test_another_program_computes_the_same_for_every_kind_of_layer(tmp_path: Path) -> None:
    assert len(ROWS) > 10
    model = SideBySide()
    model([torch.rand(2, *shape) for _, shape in ROWS.values()])
    moved_off_its_start(model)
    names = list(ROWS)
    export(model, tmp_path / "m.onnx", input_names=names, output_names=[f"{n}_out" for n in names])
    onnx.checker.check_model(tmp_path / "m.onnx")
    for examples in (1, 5):
        inputs = [torch.rand(examples, *shape) for _, shape in ROWS.values()]
        outputs = run(tmp_path / "m.onnx", *inputs)
        for name, got, wanted in zip(names, outputs, model(inputs), strict=True):
            if name == "MCDropout":  # draws anew each time; a graph keeps the mask it was made with
                continue
            np.testing.assert_allclose(
                got, wanted.detach(), rtol=1e-4, atol=1e-5, err_msg=name, strict=True
            )


def test_torch_export_takes_a_model_with_an_open_batch() -> None:
    model = latih.Sequential(
        [
            latih.Input([6]),
            layers.Dense(5, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
        ]
    )
    batch = torch.export.Dim("batch")
    program = torch.export.export(model, (torch.zeros(2, 6),), dynamic_shapes=({0: batch},))
    x = torch.randn(7, 6)
    torch.testing.assert_close(program.module()(x), model(x))


class TwoWays(latih.Model):
    """Two inputs, two outputs, and no order of names that could be guessed."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.deep = layers.Dense(3), layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        left, right = inputs
        return [self.wide(left) + right, self.deep(right)]


def test_several_inputs_and_outputs_have_names(tmp_path: Path) -> None:
    model, left, right = TwoWays(), torch.randn(4, 5), torch.randn(4, 3)
    wanted = model([left, right])
    path = tmp_path / "m.onnx"
    export(model, path, input_names=["left", "right"], output_names=["sum", "deep"])
    session = onnxruntime.InferenceSession(path)
    assert [(one.name, one.shape[1:]) for one in session.get_inputs()] == [
        ("left", [5]),
        ("right", [3]),
    ]
    assert [one.name for one in session.get_outputs()] == ["sum", "deep"]
    got = session.run(["deep", "sum"], {"right": right.numpy(), "left": left.numpy()})
    np.testing.assert_allclose(got[0], wanted[1].detach(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], wanted[0].detach(), rtol=1e-5, atol=1e-6)


def test_a_size_that_is_open_stays_open(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input([None, 4]), layers.Dense(3)])
    export(model, tmp_path / "m.onnx")
    for length in (1, 9):
        x = torch.randn(2, length, 4)
        (outputs,) = run(tmp_path / "m.onnx", x)
        np.testing.assert_allclose(outputs, model(x).detach(), rtol=1e-5, atol=1e-6)


def test_the_model_stays_as_it_was(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input([4]), layers.Dropout(0.5), layers.Dense(2)])
    model.train()
    before = model.get_weights()
    export(model, tmp_path / "m.onnx")
    assert model.training and all(layer.training for layer in model.layers)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_what_cannot_be_exported_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.onnx"
    with pytest.raises(NotReadyError, match="not built"):
        export(latih.Sequential([layers.Dense(2)]), path)
    model = latih.Sequential([latih.Input([4]), layers.Dense(2)])
    for names in (["a", "b"], []):
        with pytest.raises(InputError, match="input_names"):
            export(model, path, input_names=names)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "onnx" else find(n))
    with pytest.raises(MissingExtraError, match=r"pip install 'latih\[export\]'"):
        export(model, path)
    assert not path.exists()


def test_a_graph_with_merges_and_arithmetic_runs_in_another_program(tmp_path: Path) -> None:
    left, right = latih.Input((4,), name="left"), latih.Input((4,), name="right")
    kinds = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum)
    merged = [kind()([left, right]) for kind in (*kinds, layers.Minimum, layers.Concatenate)]
    joined = layers.Concatenate()([*merged, layers.Dot(1)([left, right])])
    skip = latih.ops.relu(2.0 * left - right[:, :1]) + 1.0
    model = latih.Model([left, right], [layers.Dense(3)(joined), skip])
    model.export(tmp_path / "graph.onnx")
    one, other = torch.randn(7, 4), torch.randn(7, 4)
    for got, wanted in zip(
        run(tmp_path / "graph.onnx", one, other), model([one, other]), strict=True
    ):
        np.testing.assert_allclose(got, wanted.detach(), rtol=1e-5, atol=1e-5)
