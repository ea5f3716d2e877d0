"""Models of every kind cross over: saved by Latih and read by Keras, and the reverse.

Keras runs by itself, once for each of two releases: the one that is installed, and 3.10.0, which
``make test`` lays beside it. Each writes all its models and reads all of Latih's.
"""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import crossing_models
import keras
import numpy as np
import pytest
from crossing_case import CASES, described

import latih

KERAS_3_10 = Path(sys.prefix) / "keras-3.10"
RELEASES = {"newest": None, "3.10": KERAS_3_10}

each_release = pytest.mark.parametrize(
    "release",
    [
        "newest",
        pytest.param(
            "3.10",
            marks=pytest.mark.skipif(
                not (KERAS_3_10 / "keras").is_dir(),
                reason="Keras 3.10 is not there: `make test` installs it into .venv/keras-3.10",
            ),
        ),
    ],
)
each_case = pytest.mark.parametrize("name", CASES)


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which everybody has written all models, and read them all."""
    folder = tmp_path_factory.mktemp("crossing")
    crossing_models.write_all(latih, folder / "latih")
    here = [name for name, place in RELEASES.items() if place is None or place.is_dir()]
    running = [(name, _start_keras(name, folder)) for name in here]
    for name, process in running:
        _, said = process.communicate(timeout=540)
        assert process.returncode == 0, f"Keras {name}: {said}"
        crossing_models.read_all(latih, folder / name, "latih")
    return folder


def _start_keras(release: str, folder: Path) -> subprocess.Popen[str]:
    place = RELEASES[release]
    script = Path(crossing_models.__file__)
    return subprocess.Popen(
        [sys.executable, str(script), "keras", release, str(folder)],
        env={**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": str(place or "")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _known_to_differ(request: pytest.FixtureRequest, name: str, release: str) -> None:
    if release == "3.10" and CASES[name].otherwise:
        reason = f"in Keras 3.10 {CASES[name].otherwise}"
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def _result(path: Path) -> dict[str, Any]:
    error = path.with_suffix(".error")
    assert not error.exists(), error.read_text()
    return json.loads(path.read_text())


def _assert_crossed(folder: Path, name: str, reader: str) -> None:
    wanted = _result(folder / f"{name}.written.json")
    got = _result(folder / f"{name}.{reader}.json")
    for key in ("predictions", "predictions of the weights"):
        assert len(got[key]) == len(wanted["predictions"])
        for one, other in zip(got[key], wanted["predictions"], strict=True):
            scale = np.abs(other).max()
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * scale, err_msg=key)
    assert sorted(got["losses"]) == sorted(wanted["losses"])
    for what, losses in wanted["losses"].items():
        np.testing.assert_allclose(got["losses"][what], losses, rtol=1e-4, err_msg=what)


@each_release
@each_case
def test_keras_reads_what_latih_saved(
    request: pytest.FixtureRequest, crossed: Path, name: str, release: str
) -> None:
    _known_to_differ(request, name, release)
    _assert_crossed(crossed / "latih", name, release)


@each_release
@each_case
def test_latih_reads_what_keras_saved(
    request: pytest.FixtureRequest, crossed: Path, name: str, release: str
) -> None:
    _known_to_differ(request, name, release)
    _assert_crossed(crossed / release, name, "latih")


def test_the_models_are_many_and_hold_every_layer(crossed: Path) -> None:
    assert len(CASES) >= 40
    found: set[str] = set()

    def gather(data: Any) -> None:
        if isinstance(data, dict):
            found.add(str(data.get("class_name")))
        for part in data.values() if isinstance(data, dict) else data:
            if isinstance(part, dict | list):
                gather(part)

    for name in CASES:
        gather(described(crossed / "latih" / f"{name}.keras"))
    assert {cls.__name__ for cls in latih.layers.LAYERS.classes} <= found


# What only Keras writes, and what it means.
SAYS_NOTHING: dict[str, Any] = {
    "training": (False, True),  # what call() has for a default, where nobody said it
    "mask": (None, [None, None]),  # no mask
    "activity_regularizer": (None,),  # of a class of the user's without a constructor
    "autocast": (True,),  # the same; there is one type
    "quantization_config": (None,),  # not quantised
    "renorm": (False,),  # not renormalised, and so these do not matter:
    "renorm_clipping": (None,),
    "renorm_momentum": (0.99,),
    "synchronized": (False,),  # statistics of one device
    "rms_scaling": (False,),  # another layer's since 3.9
    "input_axes": (None,),  # which axes of a kernel are counted: the usual ones
    "output_axes": (None,),
    "crop_to_aspect_ratio": (False,),  # images are stretched, and so these do not matter:
    "pad_to_aspect_ratio": (False,),
    "fill_mode": ("constant",),
    "fill_value": (0.0,),
}
# What is not compared: where a shared object lay in memory; shapes, which Latih says of every layer
# and Keras of those with weights; what the compile state is (its losses are compared).
NOT_COMPARED = ("shared_object_id", "build_config", "compile_config")


def _differences(own: Any, other: Any, where: str) -> list[str]:
    """Return how the description that Latih has written differs from that of Keras."""
    if isinstance(other, dict) and other.get("class_name") == "DTypePolicy":
        other = other["config"]["name"]
        own = own["config"]["name"]
    if isinstance(own, dict) and own.get("class_name") == "DTypePolicy" and other == "float32":
        own = own["config"]["name"]  # SpatialDropout2D has the name alone
    if isinstance(own, dict) and isinstance(other, dict):
        where = str(own.get("class_name", where))
        told = [f"{where} has {key} in Latih alone" for key in own.keys() - other.keys()]
        for key in other.keys() - own.keys():
            if other[key] not in SAYS_NOTHING.get(key, ()):
                told.append(f"{where} has {key}={other[key]} in Keras alone")
        return told + [
            difference
            for key in own.keys() & other.keys()
            for difference in _differences(own[key], other[key], f"{where}.{key}")
        ]
    if where.endswith(".axis") and isinstance(other, list) and other == [own]:
        return []  # LayerNormalization and Normalization list their axes
    if isinstance(own, list) and isinstance(other, list) and len(own) == len(other):
        pairs = zip(own, other, strict=True)
        return [told for one, two in pairs for told in _differences(one, two, where)]
    if isinstance(own, float) and isinstance(other, float):
        own, other = np.float32(own), np.float32(other)
    if isinstance(own, str) and own.startswith("functional") and isinstance(other, str):
        # A Sequential of Keras holds a graph, which takes one of the names.
        other = re.sub(r"^functional(_\d+)?$", own, other)
    return [] if own == other else [f"{where}: {own} in Latih, {other} in Keras"]


def _without(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without(value) for key, value in data.items() if key not in NOT_COMPARED}
    return [_without(value) for value in data] if isinstance(data, list) else data


# One has layers of the user's in Keras; for the other Keras takes the first batch's length down.
DESCRIBED_OTHERWISE = {"of_latihs_own", "built_by_data"}


@pytest.mark.parametrize("name", sorted(CASES.keys() - DESCRIBED_OTHERWISE))
def test_the_same_code_is_described_as_keras_describes_it(crossed: Path, name: str) -> None:
    own, of_keras = (
        _without(described(crossed / writer / f"{name}.keras")) for writer in ("latih", "newest")
    )
    assert _differences(own, of_keras, "") == []


def _drawn_graph(k: Any, seed: int) -> Any:
    dice = random.Random(seed)
    inputs = [k.Input((2,), name=f"in{number}") for number in range(dice.randint(1, 3))]
    tensors, callable_again = list(inputs), []
    for number in range(dice.randint(3, 12)):
        kind = dice.choice(("again", "merge", "model", "dense", "dense"))
        if kind == "merge":
            merged = dice.choices(tensors, k=dice.randint(2, 3))
            tensors.append(k.layers.Add(name=f"add{number}")(merged))
            continue
        if kind == "model":
            x = k.Input((2,))
            callable_again.append(k.Model(x, k.layers.Dense(2)(x), name=f"model{number}"))
        elif kind == "dense" or not callable_again:
            callable_again.append(k.layers.Dense(2, name=f"dense{number}"))
        called = dice.choice(callable_again) if kind == "again" else callable_again[-1]
        tensors.append(called(dice.choice(tensors)))
    return k.Model(inputs, dice.sample(tensors[len(inputs) :], k=dice.randint(1, 3)))


@pytest.mark.parametrize("seed", range(30))
def test_the_layers_and_calls_of_any_graph_come_in_keras_order(seed: int) -> None:
    """Files go by that order: of two Dense layers one is `dense` there, the other `dense_1`."""

    def ordered(model: Any) -> Any:
        config = _without(json.loads(json.dumps(model.get_config())))
        parts = ("layers", "input_layers", "output_layers")
        return [layer.name for layer in model.layers], {part: config[part] for part in parts}

    for k in (latih, keras):
        k.utils.clear_session(free_memory=False)
    (own_names, own), (names, of_keras) = (ordered(_drawn_graph(k, seed)) for k in (latih, keras))
    assert own_names == names
    assert _differences(own, of_keras, "") == []


def test_the_state_of_the_optimizer_matters_to_the_losses(crossed: Path) -> None:
    """What the tests above compare would differ if an optimizer began anew."""
    for name in ("chain", "siamese", "layers_in_lists"):
        model = latih.models.load_model(crossed / "latih" / f"{name}.keras", compile=False)
        case = CASES[name]
        fresh = case.compiled(latih)
        model.compile(fresh.optimizer, fresh.loss)
        wanted = _result(crossed / "latih" / f"{name}.written.json")["losses"]["loss"]
        assert not np.allclose(case.train(model)["loss"], wanted, rtol=1e-3)
