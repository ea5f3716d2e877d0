"""What CSVLogger and TensorBoard write of a run, against what Keras's write of the same run."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.graph import keras_util

import latih

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

names = st.sampled_from(["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "f1"])
values = st.one_of(
    st.floats(-1e6, 1e6, allow_subnormal=False),
    st.integers(-9, 9),
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=1, max_size=3),
)
runs = st.lists(st.dictionaries(names, values, min_size=1), min_size=1, max_size=4)


@settings(max_examples=40)
@given(first=runs, second=runs, append=st.booleans(), separator=st.sampled_from([",", ";", "\t"]))
def test_csv_logger_writes_keras_bytes(
    tmp_path_factory: Any, first: Any, second: Any, append: bool, separator: str
) -> None:
    written = []
    for k in (latih, keras):
        path = tmp_path_factory.mktemp(k.__name__) / "log.csv"
        for run in (first, second):
            logger = k.callbacks.CSVLogger(path, separator, append)
            logger.on_train_begin({})
            for epoch, logs in enumerate(run):
                logger.on_epoch_end(epoch, logs)
            logger.on_train_end({})
        written.append(path.read_bytes())
    assert written[0] == written[1]


DICE = np.random.default_rng(0)
X = DICE.normal(size=(48, 5)).astype("float32")
Y = DICE.integers(0, 3, 48)


class Recorder:
    """Stands for ``tensorflow.summary``, which Keras's callback writes by: keeps what is written.

    TensorFlow itself is not installed; which tags, steps and values it is given is Keras's doing.
    """

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str, int], Any] = {}
        self.where: list[str] = []
        self.records = [True]

    def create_file_writer(self, folder: str) -> Any:
        recorder = self

        class Writer:
            @contextlib.contextmanager
            def as_default(self, step: int | None = None) -> Iterator[None]:
                recorder.where.append(Path(folder).name)
                yield
                recorder.where.pop()

            def flush(self) -> None: ...
            def close(self) -> None: ...

        return Writer()

    @contextlib.contextmanager
    def record_if(self, asked: Any) -> Iterator[None]:
        self.records.append(asked())
        yield
        self.records.pop()

    def scalar(self, tag: str, value: Any, step: Any) -> None:
        # Keras forgets to record epochs whatever the step; see the test below.
        if self.where and (self.records[-1] or not tag.startswith("batch_")):
            self.seen[self.where[-1], tag, int(step)] = float(value)

    def histogram(self, tag: str, weight: Any, step: int) -> None:
        value = np.asarray(keras.ops.convert_to_numpy(weight), "float64")
        self.seen[self.where[-1], tag, step] = (value.size, value.sum(), (value**2).sum())

    def image(self, tag: str, images: np.ndarray, step: int) -> None:
        self.seen[self.where[-1], tag, step] = images


def events(folder: Path) -> dict[tuple[str, str, int], Any]:
    found: dict[tuple[str, str, int], Any] = {}
    for part in sorted(path for path in folder.iterdir() if path.is_dir()):
        read = EventAccumulator(str(part), {"scalars": 0, "histograms": 0, "images": 0})
        read.Reload()
        for tag in read.Tags()["scalars"]:
            for event in read.Scalars(tag):
                found[part.name, tag, event.step] = event.value
        for tag in read.Tags()["histograms"]:
            for event in read.Histograms(tag):
                told = event.histogram_value
                found[part.name, tag, event.step] = (told.num, told.sum, told.sum_squares)
        for tag in read.Tags()["images"]:
            for event in read.Images(tag):
                found[part.name, tag, event.step] = (event.height, event.width)
    return found


def twins() -> list[tuple[Any, Any]]:
    keras.utils.set_random_seed(0)
    made: list[tuple[Any, Any]] = []
    for k in (keras, latih):
        inner = k.Sequential([k.layers.Dense(4, "relu", name="a")], name="inner")
        model = k.Sequential(
            [
                k.Input((5,)),
                k.layers.Dense(8, "relu", name="first"),
                inner,
                k.layers.BatchNormalization(name="norm"),
                k.layers.Dense(3, "softmax", name="last"),
            ],
            name="net",
        )
        model.compile(
            k.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
        )
        made.append((k, model))
    made[1][1].set_weights(made[0][1].get_weights())
    return made


@pytest.mark.parametrize("update_freq", ["epoch", "batch", 2, 3])
@pytest.mark.parametrize("images", [False, True])
def test_tensorboard_writes_keras_tags_steps_and_values(
    tmp_path: Path, update_freq: Any, images: bool
) -> None:
    recorder = Recorder()
    for k, model in twins():
        board = k.callbacks.TensorBoard(
            tmp_path / k.__name__,
            histogram_freq=2,
            write_graph=False,
            write_images=images,
            update_freq=update_freq,
        )
        if k is keras:
            board._summary_module = recorder
        reduce = k.callbacks.ReduceLROnPlateau(patience=0, factor=0.5, min_delta=9.0)
        model.fit(
            *(X, Y, 16, 3, 0), callbacks=[reduce, board], validation_data=(X, Y), shuffle=False
        )
        model.evaluate(X, Y, verbose=0, callbacks=[board])
    wanted, got = recorder.seen, events(tmp_path / "latih")
    assert set(got) == set(wanted)
    assert len({where for where, _, _ in got}) == 2
    for key, value in wanted.items():
        if isinstance(value, np.ndarray):
            assert got[key] == value.shape[1:3]
        else:
            np.testing.assert_allclose(got[key], value, rtol=2e-4, atol=1e-5, err_msg=str(key))


def test_epochs_are_written_whatever_the_step() -> None:
    """Keras leaves ``record_if`` of the last step in force, and loses epochs; Latih does not."""
    recorder = Recorder()
    _, model = twins()[0]
    board = keras.callbacks.TensorBoard("unused", write_graph=False, update_freq=2)
    board._summary_module = recorder
    recorder.scalar = lambda tag, value, step: recorder.seen.update(  # type: ignore[method-assign]
        {("", tag, int(step)): recorder.records[-1]}
    )
    model.fit(X, Y, 16, 1, 0, [board], shuffle=False)
    assert recorder.seen["", "epoch_loss", 0] is False


def test_the_graph_is_one_that_tensorboard_draws(tmp_path: Path) -> None:
    model = latih.Sequential([latih.Input((5,)), latih.layers.Dense(3, name="only")], name="net")
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0, callbacks=[latih.callbacks.TensorBoard(tmp_path)])
    read = EventAccumulator(str(tmp_path / "train"), {"tensors": 0})
    read.Reload()
    assert read.SummaryMetadata("keras").plugin_data.plugin_name == "graph_keras_model"
    (event,) = read.Tensors("keras")
    graph = keras_util.keras_model_to_graph_def(json.loads(event.tensor_proto.string_val[0]))
    assert [node.name for node in graph.node][1:] == ["net/only"]


def test_the_speed_is_written_when_asked_for(tmp_path: Path) -> None:
    _, model = twins()[1]
    board = latih.callbacks.TensorBoard(
        tmp_path, write_graph=False, write_steps_per_second=True, update_freq=2
    )
    model.fit(X, Y, 16, 2, 0, [board])
    written = events(tmp_path)
    speeds = {tag: [] for tag in ("epoch_steps_per_second", "batch_steps_per_second")}
    for (_, tag, step), value in written.items():
        if tag in speeds:
            speeds[tag].append(step)
            assert value > 0
    assert speeds == {"epoch_steps_per_second": [0, 1], "batch_steps_per_second": [2, 4, 6]}
