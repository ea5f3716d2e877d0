"""A replay reads a large batch where it lies; its numbers are those of the model called on it."""

import gc
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import latih as keras
from latih import layers
from latih.data.batches import Batch
from latih.engine.capture.captured import Captured
from latih.engine.capture.memory import LEAST_SHARED, Entrance, Place

SIZE, FEATURES = 64, 300
"""More than is copied: 75 KiB a batch."""
assert SIZE * FEATURES * 4 >= LEAST_SHARED

_draw = np.random.default_rng(5)


def drawn(*shape: int) -> Any:
    return _draw.normal(size=shape).astype(np.float32)


def net(*inside: Any, **way: Any) -> Any:
    keras.utils.set_random_seed(1)
    stack = inside or (layers.Dense(20, "relu"), layers.Dense(5, "softmax"))
    model = keras.Sequential([keras.Input((FEATURES,)), *stack])
    model.compile("sgd", "mse", **way)
    return model


def called_on(model: Any, *arrays: Any) -> Any:
    """Return what the model makes of each batch, called as PyTorch calls it."""
    model.eval()
    tensors = [torch.as_tensor(np.ascontiguousarray(one)) for one in arrays]
    tensors = [one.float() if one.dtype == torch.float64 else one for one in tensors]
    parts = zip(*(one.split(SIZE) for one in tensors), strict=True)
    with torch.no_grad():
        made = [model(list(part) if len(part) > 1 else part[0]) for part in parts]
    return torch.cat(made).numpy()


def predict(model: Any, x: Any) -> Any:
    """Predict so often that every shape is replayed, and what is replayed has read other data."""
    model.predict(x, batch_size=SIZE, verbose=0)
    return model.predict(x, batch_size=SIZE, verbose=0)


@pytest.fixture
def in_place(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What came of each attempt to read a batch where it lies."""
    came: list[bool] = []
    takes = Entrance.takes

    def watched(entrance: Entrance, given: torch.Tensor) -> bool:
        came.append(takes(entrance, given))
        return came[-1]

    monkeypatch.setattr(Entrance, "takes", watched)
    return came


WHOLE = drawn(5 * SIZE + 7, FEATURES)
WIDE = drawn(len(WHOLE), 2 * FEATURES)

ARRAYS = {
    "in its order": WHOLE,
    "from a later row on": WHOLE[3:],
    "a fitting number of rows": WHOLE[: 4 * SIZE],
    "at an odd address": np.frombuffer(b"1234" + WHOLE.tobytes(), np.float32, offset=4).reshape(
        WHOLE.shape
    ),
    "read-only": np.frombuffer(WHOLE.tobytes(), np.float32).reshape(WHOLE.shape),
    "each second column": WIDE[:, ::2],
    "some of the columns": WIDE[:, :FEATURES],
    "column by column": np.asfortranarray(WHOLE),
    "backwards": WHOLE[::-1],
    "float64": WHOLE.astype(np.float64),
    "bytes": _draw.integers(0, 255, WHOLE.shape, dtype=np.uint8),
    "int32": _draw.integers(-9, 9, WHOLE.shape, dtype=np.int32),
}


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize("name", ARRAYS)
def test_predictions_are_those_of_the_model(name: str) -> None:
    model = net()
    assert np.array_equal(predict(model, ARRAYS[name]), called_on(model, ARRAYS[name]))


@pytest.mark.parametrize("name", ["in its order", "from a later row on", "at an odd address"])
def test_rows_in_their_order_are_read_where_they_lie(name: str, in_place: list[bool]) -> None:
    predict(net(), ARRAYS[name])
    assert in_place
    assert all(in_place)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Rescaling(0.5, offset=1.0),
        layers.Activation("tanh"),
        layers.BatchNormalization(),
        layers.Reshape((20, 15)),
        layers.Flatten(),
        layers.Normalization(mean=0.5, variance=2.0),
        layers.Reshape((10, 10, 3)),
    ],
    ids=lambda one: type(one).__name__,
)
def test_first_layers(layer: Any) -> None:
    after = [layers.Conv2D(4, 3)] if getattr(layer, "target_shape", ()) == (10, 10, 3) else []
    model = net(layer, *after, layers.Flatten(), layers.Dense(3))
    assert np.array_equal(predict(model, WHOLE), called_on(model, WHOLE))


def test_what_is_written_into_the_array_is_seen(in_place: list[bool]) -> None:
    model, x = net(), WHOLE.copy()
    before = predict(model, x)
    x *= -1
    after = predict(model, x)
    assert np.array_equal(after, called_on(model, x))
    assert not np.array_equal(after, before)
    assert all(in_place)


def test_several_inputs() -> None:
    small, large, whole = (keras.Input((2,)), keras.Input((FEATURES,)), keras.Input((FEATURES,)))
    joined = layers.Concatenate()([small, layers.Dense(4)(large), layers.Dense(4)(whole)])
    model = keras.Model([small, large, whole], layers.Dense(3)(joined))
    arrays = [drawn(len(WHOLE), 2), WHOLE, np.ascontiguousarray(WHOLE[::-1])]
    assert np.array_equal(predict(model, arrays), called_on(model, *arrays))
    # Twice the same array, which is then one memory for two inputs.
    arrays = [arrays[0], WHOLE, WHOLE]
    assert np.array_equal(predict(model, arrays), called_on(model, *arrays))


def test_evaluations_are_those_of_the_model(in_place: list[bool]) -> None:
    model, y = net(), drawn(len(WHOLE), 5)
    for _ in range(2):
        loss = model.evaluate(WHOLE, y, batch_size=SIZE, verbose=0)
    assert loss == pytest.approx(np.mean((called_on(model, WHOLE) - y) ** 2), rel=1e-6)
    assert in_place
    assert all(in_place)


class Doubled(nn.Module):
    """Writes over what it is given."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.mul_(2.0).sum(dim=1, keepdim=True)


def test_what_a_model_writes_over_is_not_the_users(in_place: list[bool]) -> None:
    function = Captured(lambda batch: Doubled()(batch.inputs), Allowed())
    given = torch.from_numpy(WHOLE[:SIZE].copy())
    function.expect(Batch(given, [], [], SIZE))
    for _ in range(3):
        with torch.no_grad():
            made = function(Batch(given, [], [], SIZE))
        assert np.array_equal(given, WHOLE[:SIZE])
        assert np.array_equal(made, (given * 2).sum(dim=1, keepdim=True))
    assert in_place == []


class Allowed:
    """Lets everything be recorded."""

    def obstacle(self) -> None:
        return None

    def settle(self) -> None:
        pass

    def settings(self) -> Any:
        return self

    def hold(self) -> bool:
        return True


def test_what_only_passes_through_is_not_overwritten() -> None:
    model = keras.Sequential([keras.Input((FEATURES,)), layers.Reshape((20, 15))])
    assert np.array_equal(predict(model, WHOLE), WHOLE.reshape(-1, 20, 15))


def test_a_view_of_other_numbers_than_lie_there_is_copied() -> None:
    function = Captured(lambda batch: batch.inputs.exp(), Allowed())
    x = torch.from_numpy(WHOLE[:SIZE])
    negated = torch._neg_view(x)
    with torch.no_grad():
        for given in (x, x, negated):
            made = function(Batch(given, [], [], SIZE))
    assert torch.equal(made, (-x).exp())


def test_a_batch_in_another_order_is_copied(in_place: list[bool]) -> None:
    function = Captured(lambda batch: batch.inputs.exp(), Allowed())
    columns = torch.from_numpy(drawn(FEATURES, SIZE)).T
    with torch.no_grad():
        for given in (torch.from_numpy(WHOLE[:SIZE]), torch.from_numpy(WHOLE[-SIZE:]), columns):
            made = function(Batch(given, [], [], SIZE))
    assert torch.equal(made, columns.exp())
    assert in_place[-1] is False


def test_an_array_is_not_held_after_its_pass() -> None:
    model = net()
    predict(model, WHOLE)
    x = WHOLE.copy()
    predict(model, x)
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None


def test_a_replay_that_fails_reads_its_own_memory_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = net()
    wanted = predict(model, WHOLE)
    (replay,) = (
        one for one in model.make_predict_step().captured.replays.values() if one.batch.size == SIZE
    )

    def broken() -> None:
        raise RuntimeError("no memory")

    with monkeypatch.context() as patch:
        patch.setattr(replay.plan, "calls", (broken,))
        with pytest.raises(RuntimeError, match="no memory"):
            model.predict(WHOLE, batch_size=SIZE, verbose=0)
    read = [
        one for one in replay.plan.memory if one.untyped_storage().nbytes() == SIZE * FEATURES * 4
    ]
    assert read
    assert {one.data_ptr() for one in read} == {replay.tensors[0].data_ptr()}
    assert np.array_equal(predict(model, WHOLE), wanted)


def test_what_was_recorded_is_replayed_by_later_predictions_of_a_model_never_trained() -> None:
    model = net()
    predict(model, WHOLE)
    before = dict(model.make_predict_step().captured.replays)
    predict(model, WHOLE)
    assert before
    assert model.make_predict_step().captured.replays == before


def test_small_batches_are_copied(in_place: list[bool]) -> None:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    predict(model, drawn(200, 4))
    assert in_place == []


def test_its_own_batch_is_read_as_it_is() -> None:
    function = Captured(lambda batch: batch.inputs.exp(), Allowed())
    with torch.no_grad():
        function(Batch(torch.from_numpy(WHOLE[:SIZE]), [], [], SIZE))
        function(Batch(torch.from_numpy(WHOLE[SIZE : 2 * SIZE]), [], [], SIZE))
        (replay,) = function.replays.values()
        replay.batch.inputs.copy_(torch.from_numpy(WHOLE[3 : 3 + SIZE]))
        made = function(replay.batch)
    assert np.array_equal(made, torch.from_numpy(WHOLE[3 : 3 + SIZE]).exp())


def test_who_is_interrupted_while_views_turn_leaves_none_of_them_turned(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = keras.Input([600])
    parts = [layers.Dense(2)(inputs), layers.Dense(2)(inputs)]
    model = keras.Model(inputs, layers.Concatenate()(parts))
    x = drawn(64, 600)
    for _ in range(2):  # the second is replayed
        expected = model.predict(x, batch_size=64, verbose=0)
    turn_to, turned = Place.turn_to, []

    def interrupted(place: Place, *where: Any) -> None:
        turned.append(place)
        if len(turned) == 2:
            raise KeyboardInterrupt
        turn_to(place, *where)

    monkeypatch.setattr(Place, "turn_to", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.predict(100 * x, batch_size=64, verbose=0)
    monkeypatch.setattr(Place, "turn_to", turn_to)
    assert len(turned) >= 2
    apart = np.repeat(x, 2, axis=1)[:, ::2]  # which is copied
    np.testing.assert_array_equal(model.predict(apart, batch_size=64, verbose=0), expected)
