"""What lies around a record: other threads, settings of the process, the data's own code."""

import threading
from typing import Any

import numpy as np
import pytest
import torch
from small_training import X, Y, model_of, train
from torch.utils.data import Dataset

import latih as keras
from latih import config, layers, random
from latih.engine.capture import captured
from latih.engine.capture.recorder import Recorder


def test_threads_that_predict_by_one_model_do_not_disturb_each_other() -> None:
    model = model_of(layers.Dense(256, "relu"), layers.Dense(256, "relu"))
    model.compile("sgd", "mse")
    inputs = [np.random.default_rng(seed).normal(size=(640, 4)) for seed in range(3)]
    wanted = [model.predict(one, verbose=0) for one in inputs]
    wrong: list[int] = []

    def predict(number: int) -> None:
        for _ in range(5):
            if not np.array_equal(model.predict(inputs[number], verbose=0), wanted[number]):
                wrong.append(number)

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_draws_of_another_thread_are_no_part_of_a_record() -> None:
    dice, stop = random.SeedGenerator(1), threading.Event()

    def draw() -> None:
        while not stop.is_set():
            dice.next_key()

    other = threading.Thread(target=draw)
    other.start()
    try:
        with Recorder() as recorder:
            random.SeedGenerator(2).next_key()
            for _ in range(200):
                torch.zeros(3).add(1)
    finally:
        stop.set()
        other.join()
    assert recorder.obstacle is None
    assert sum(isinstance(entry, random.Draw) for entry in recorder.entries) == 1


class Examples(Dataset):  # pyright: ignore[reportMissingTypeArgument]
    """Changes a layer while a pass is read."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, index: int) -> Any:
        self.layer.negative_slope = 0.01 * index
        return X[index], Y[index]


def test_what_the_data_change_is_recorded_anew(assert_replay_changes_nothing: Any) -> None:
    def with_data(**way: Any) -> Any:
        layer = layers.LeakyReLU(0.3)
        model = model_of(layers.Dense(5), layer)
        return train(model, way, x=Examples(layer), y=None, shuffle=False)

    assert_replay_changes_nothing(with_data)


def test_a_setting_of_the_process_is_recorded_anew(assert_replay_changes_nothing: Any) -> None:
    def with_epsilon(**way: Any) -> Any:
        model = model_of(layers.Dense(3, "relu"), layers.Softmax())
        labels = np.arange(len(X)) % 2
        before = config.epsilon()
        losses = []
        try:
            for epsilon in (before, 0.3):
                config.set_epsilon(epsilon)
                train(model, way, y=labels, loss="sparse_categorical_crossentropy")
                losses.append(model.history.history["loss"])
        finally:
            config.set_epsilon(before)
        return model, losses

    assert_replay_changes_nothing(with_epsilon)


class Difference(keras.Model):
    """Takes from the first input the one that is there besides."""

    def call(self, inputs: Any) -> Any:
        return inputs["a"] - (inputs["b"] if "b" in inputs else 3 * inputs["c"])


def test_inputs_of_other_names_are_another_record() -> None:
    model = Difference()
    one, other = np.ones((8, 1), "float32"), np.full((8, 1), 2, "float32")
    for _ in range(3):
        assert (model.predict({"a": one, "b": other}, batch_size=4, verbose=0) == -1).all()
        assert (model.predict({"a": one, "c": other}, batch_size=4, verbose=0) == -5).all()


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support")
def test_tensors_that_are_no_arrays_are_done_by_the_usual_way(
    assert_replay_changes_nothing: Any,
) -> None:
    class Sparse(layers.Layer):
        def call(self, x: Any) -> Any:
            return torch.sparse.mm(x.detach().to_sparse(), torch.eye(4)) + x

    class Complex(layers.Layer):
        def call(self, x: Any) -> Any:
            return (x * 1j).imag

    told = assert_replay_changes_nothing(lambda **way: train(model_of(Sparse()), way))
    assert "no arrays of numbers" in told
    assert_replay_changes_nothing(lambda **way: train(model_of(Complex()), way))


def test_train_on_batch_records_once(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded: list[Any] = []

    class Counted(Recorder):
        def __init__(self, *heard: Any) -> None:
            super().__init__(*heard)
            recorded.append(self)

    monkeypatch.setattr(captured, "Recorder", Counted)
    model = model_of(layers.Dense(3, "relu"), layers.BatchNormalization(), layers.Dropout(0.5))
    model.compile("sgd", "mse")
    for _ in range(20):
        model.train_on_batch(X, Y)
    assert len(recorded) == 1


def test_the_oldest_record_makes_room_for_another_shape(
    assert_replay_changes_nothing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captured, "MOST_SHAPES", 2)

    def with_sizes(**way: Any) -> Any:
        model = model_of(layers.Dense(3, "relu"))
        model.compile("sgd", "mse", **way)
        for size in (4, 5, 6, 4, 5, 6, 6, 4) * 2:
            model.train_on_batch(X[:size], Y[:size])
        return model

    assert_replay_changes_nothing(with_sizes)
