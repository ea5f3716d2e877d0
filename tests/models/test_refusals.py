"""Bad input is refused before the first step, in a sentence that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas
import pytest
import torch

import latih as keras
from latih.errors import (
    FileFormatError,
    InputError,
    LatihError,
    NotReadyError,
    UnknownNameError,
    UnwritableError,
)

_draw = np.random.default_rng(0)
X = _draw.normal(size=(12, 4)).astype("float32")
LABELS = np.arange(12) % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
NAN_X = X.copy()
NAN_X[3, 2], NAN_X[5, 1] = np.nan, np.inf
NAN_Y = LABELS.astype("float64")
NAN_Y[7] = np.nan

SPARSE = "sparse_categorical_crossentropy"


def net(loss: Any = SPARSE, outputs: int = 3, optimizer: Any = "sgd") -> Any:
    model = keras.Sequential(
        [
            keras.Input([4]),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(outputs, activation="sigmoid" if outputs == 1 else "softmax"),
        ],
        name="small",
    )
    model.compile(optimizer, loss=loss, metrics=["accuracy"])
    return model


class Listener(keras.callbacks.Callback):
    """Hears whatever happens in training, and adds nothing to the logs."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def on_train_begin(self, logs: Any = None) -> None:
        self.heard.append("train begin")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.heard.append("epoch begin")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.heard.append("batch begin")


def refused(model: Any, kind: type[LatihError], says: tuple[str, ...], **asked: Any) -> None:
    """Ask for a fit, and see it refused with nothing done and nobody told."""
    listener = Listener()
    before = model.get_weights()
    arguments = {"x": X, "y": LABELS, "verbose": 0, **asked}
    callbacks = arguments.pop("callbacks", [])
    with pytest.raises(kind) as caught:
        model.fit(**arguments, callbacks=[listener, *callbacks])
    for part in says:
        assert part in str(caught.value)
    assert listener.heard == []
    assert int(model.optimizer.iterations) == 0
    for was, stays in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(stays, was)


class Case(NamedTuple):
    says: tuple[str, ...]
    asked: dict[str, Any] = {}
    loss: Any = SPARSE
    outputs: int = 3
    kind: type[LatihError] = InputError


DATA = {
    "x and y of different length": Case(
        ("`x` and `y` differ in length", "got 12 in `x`, 9 in `y`", "split and filtered alike"),
        {"y": LABELS[:9]},
    ),
    "sample_weight of another length": Case(
        ("`sample_weight` differ in length", "11 in `sample_weight`"),
        {"sample_weight": np.ones(11)},
    ),
    "too few features": Case(
        (
            "the shape of `x` does not fit the first layer of 'small'",
            "expected examples of shape (n, 4), got examples of shape (n, 3)",
            "Reshape x",
        ),
        {"x": X[:, :3]},
    ),
    "too many axes": Case(
        ("expected examples of shape (n, 4), got examples of shape (n, 2, 2)",),
        {"x": X.reshape(12, 2, 2)},
    ),
    "no axis of examples": Case(
        ("`x` is a single number", "whose first axis is the examples'", "5.0"), {"x": 5.0}
    ),
    "NaN and infinity in x": Case(
        ("`x` holds NaN or infinity", "2 of 48", "the first nan at index (3, 2)", "Fill or drop"),
        {"x": NAN_X},
    ),
    "NaN in y": Case(("`y` holds NaN or infinity", "1 of 12", "nan at index (7,)"), {"y": NAN_Y}),
    "NaN in sample_weight": Case(
        ("`sample_weight` holds NaN or infinity", "12 of 12"),
        {"sample_weight": np.full(12, np.nan)},
    ),
    "minus infinity in a tensor": Case(
        ("`x` holds NaN or infinity", "1 of 48, the first -inf at index (0, 0)"),
        {"x": torch.tensor(X).index_put((torch.tensor(0), torch.tensor(0)), torch.tensor(-np.inf))},
    ),
    "labels counted from 1": Case(
        (
            "`y` holds labels out of range",
            "expected 0..2, as the model has 3 outputs",
            "labels from 1 to 3",
            "Number the classes from 0",
        ),
        {"y": LABELS + 1},
    ),
    "a label of -1": Case(("labels from -1 to 1", "expected 0..2"), {"y": LABELS - 1}),
    "fractions for labels": Case(
        ("`y` holds fractions", "got 0.5", "For a regression use loss='mse'"), {"y": LABELS + 0.5}
    ),
    "one-hot rows for the sparse loss": Case(
        ("as one-hot labels are", "got shape (12, 3)", "loss='categorical_crossentropy'"),
        {"y": ONE_HOT},
    ),
    "class numbers for the one-hot loss": Case(
        (
            "`y` holds class numbers, and the loss takes one-hot rows",
            "expected y of shape (n, 3), got shape (12,)",
            "loss='sparse_categorical_crossentropy'",
            "to_categorical(y)",
        ),
        loss="categorical_crossentropy",
    ),
    "class numbers in a column for the one-hot loss": Case(
        ("`y` holds class numbers", "got shape (12, 1)"),
        {"y": LABELS[:, None]},
        loss=keras.losses.CategoricalCrossentropy(),
    ),
    "one-hot rows of another width": Case(
        ("another number of classes than the model has outputs", "got shape (12, 4)"),
        {"y": np.eye(4)[LABELS]},
        loss="categorical_crossentropy",
    ),
    "three classes for a yes or no": Case(
        (
            "`y` holds labels out of range",
            "expected 0 or 1, as binary_crossentropy takes them",
            "labels from 0 to 2",
            "for more than two use sparse_categorical_crossentropy",
        ),
        loss="binary_crossentropy",
        outputs=1,
    ),
    "-1 and 1 for a yes or no": Case(
        ("labels from -1 to 1", "Label the classes 0 and 1"),
        {"y": np.where(LABELS > 0, 1, -1)},
        loss=keras.losses.BinaryCrossentropy(),
        outputs=1,
    ),
    "one output for class numbers": Case(
        ("a model with one output cannot tell classes apart", "binary_crossentropy"),
        {"y": (LABELS > 0).astype(int)},
        outputs=1,
    ),
    "targets of another width for a regression": Case(
        ("`y` does not fit the model's outputs", "expected y of shape (n, 1), got shape (12, 3)"),
        {"y": ONE_HOT},
        loss="mse",
        outputs=1,
    ),
    "no examples": Case(
        ("`x` is empty", "at least one example", "shape (0, 4)", "read, sliced or filtered"),
        {"x": X[:0], "y": LABELS[:0]},
    ),
    "an empty list": Case(("`x` is empty", "got shape (0,)"), {"x": [], "y": []}),
    "y left out": Case(
        ("`y` is missing", "targets, one for each example", "for an autoencoder give x as y too"),
        {"y": None},
    ),
    "x left out": Case(("`x`", "expected", "None"), {"x": None}),
    "text in an array": Case(
        ("`x` holds text or objects", "expected numbers", "'red'", "Encode text as numbers first"),
        {"x": np.array([["red", "1", "2", "3"]] * 12)},
    ),
    "text for labels": Case(("`y` holds text or objects", "'cat'"), {"y": ["cat"] * 12}),
    "a text column in a data frame": Case(
        (
            "`x` holds text in the column 'colour'",
            "expected numbers, got 'red'",
            "or leave the column out",
        ),
        {"x": pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "colour": ["red"] * 12, "d": 1})},
    ),
    "text in a data frame's series": Case(
        ("`y` holds text", "'cat'"), {"y": pandas.Series(["cat"] * 12)}
    ),
    "ragged lists": Case(
        ("`x` is ragged", "expected examples of one shape", "Pad or crop"),
        {"x": [[1.0, 2.0, 3.0, 4.0], [1.0, 2.0]], "y": [0, 1]},
    ),
    "complex numbers": Case(("`x` holds complex numbers",), {"x": X.astype("complex64")}),
    "dates": Case(
        ("`x`", "expected numbers, got datetime64[D]"),
        {"x": np.array(["2026-01-01"] * 12, "datetime64[D]")},
    ),
    "a model without a loss": Case(
        ("has no loss", "Compile it with a loss"), loss=None, kind=NotReadyError
    ),
}


@pytest.mark.parametrize("case", DATA.values(), ids=DATA)
def test_data_that_do_not_fit_are_refused(case: Case) -> None:
    refused(net(case.loss, case.outputs), case.kind, case.says, **case.asked)


ARGUMENTS = {
    "an array for validation_data": Case(
        ("`validation_data` cannot be used", "expected (x, y) or (x, y, sample_weight)", "ndarray"),
        {"validation_data": X},
    ),
    "x alone for validation_data": Case(("`validation y` is missing",), {"validation_data": (X,)}),
    "a name for validation_data": Case(("got a str",), {"validation_data": "test"}),
    "validation_data that differ in length": Case(
        ("`validation x` and `validation y` differ in length",),
        {"validation_data": (X[:5], LABELS)},
    ),
    "validation_data that do not fit the model": Case(
        ("got examples of shape (n, 2)",), {"validation_data": (X[:, :2], LABELS)}
    ),
    "validation labels out of range": Case(
        ("labels out of range", "labels from 3 to 5"), {"validation_data": (X, LABELS + 3)}
    ),
    "NaN in validation_data": Case(
        ("`validation x` holds NaN or infinity", "(3, 2)"), {"validation_data": (NAN_X, LABELS)}
    ),
    "no validation_data in the tuple": Case(
        ("`validation x` is empty",), {"validation_data": (X[:0], LABELS[:0])}
    ),
    "validation_split of all": Case(
        ("`validation_split` of fit() cannot be used", "> 0 and < 1, got 1.0"),
        {"validation_split": 1.0},
    ),
    "a negative validation_split": Case(("got -0.1",), {"validation_split": -0.1}),
    "validation_split that leaves none to learn from": Case(
        ("`validation_split` leaves nothing on one side", "0 and 12 of 12", "validation_data"),
        {"validation_split": 0.99},
    ),
    "validation_split as text": Case(("`validation_split`", "'0.2'"), {"validation_split": "0.2"}),
    "batch_size 0": Case(
        ("`batch_size` ", "cannot be used: expected a whole number >= 1, got 0."), {"batch_size": 0}
    ),
    "batch_size -3": Case(("`batch_size` ", "-3"), {"batch_size": -3}),
    "half a batch": Case(("`batch_size` ", "2.5"), {"batch_size": 2.5}),
    "batch_size True": Case(("`batch_size` ", "True"), {"batch_size": True}),
    "batch_size as digits": Case(("`batch_size` ", "'32'"), {"batch_size": "32"}),
    "batch_size as a word": Case(("`batch_size` ", "'all'"), {"batch_size": "all"}),
    "batch_size as a list": Case(("`batch_size` ", "[3]"), {"batch_size": [3]}),
    "verbose 3": Case(
        ("`verbose` cannot be used: expected 0, 1, 2 or 'auto', got 3.",), {"verbose": 3}
    ),
    "verbose as a word": Case(("`verbose` cannot be used", "'loud'"), {"verbose": "loud"}),
    "epochs 2.5": Case(("`epochs`", "2.5"), {"epochs": 2.5}),
    "epochs as digits": Case(("`epochs`", "'3'"), {"epochs": "3"}),
    "epochs None": Case(("`epochs`", "None"), {"epochs": None}),
    "a negative number of epochs": Case(("`epochs`", "-1"), {"epochs": -1}),
    "steps_per_epoch 0": Case(("`steps_per_epoch`", "0"), {"steps_per_epoch": 0}),
    "steps_per_epoch 2.5": Case(("`steps_per_epoch`", "2.5"), {"steps_per_epoch": 2.5}),
    "validation_freq 0": Case(
        ("`validation_freq`", "0"), {"validation_freq": 0, "validation_data": (X, LABELS)}
    ),
    "class_weight by names": Case(
        ("`class_weight` cannot be used", "class numbers as keys", "'a'"),
        {"class_weight": {"a": 1.0}},
    ),
    "class_weight as a list": Case(("`class_weight`", "list"), {"class_weight": [1.0, 2.0, 3.0]}),
    "a callback's class": Case(("callbacks",), {"callbacks": [keras.callbacks.EarlyStopping]}),
    "a callback's name": Case(("callbacks",), {"callbacks": ["early stopping"]}),
}


@pytest.mark.parametrize("case", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_that_cannot_be_used_are_refused(case: Case) -> None:
    refused(net(), case.kind, case.says, **case.asked)


WATCHERS: dict[str, Callable[..., Any]] = {
    "EarlyStopping": keras.callbacks.EarlyStopping,
    "ReduceLROnPlateau": keras.callbacks.ReduceLROnPlateau,
    "ModelCheckpoint": lambda **given: keras.callbacks.ModelCheckpoint(
        "best.keras", save_best_only=True, **given
    ),
}
VALIDATED = {"validation_data": (X, LABELS)}
WATCHED = {
    "val_loss without validation": (
        "val_loss",
        {},
        ("'val_loss', which this run will not log", "validation_data or validation_split"),
    ),
    "val_accuracy without validation": (
        "val_accuracy",
        {},
        ("'val_accuracy', which this run will not log", "validation_data or validation_split"),
    ),
    "a letter left out": ("acuracy", {}, ("got 'acuracy'", "Did you mean 'accuracy'?")),
    "another's short name": (
        "val_acc",
        VALIDATED,
        ("expected one of accuracy, ", "val_accuracy, val_loss", "Did you mean 'val_accuracy'?"),
    ),
    "nothing like it": ("f1", {}, ("got 'f1'", "The names there are: accuracy, ")),
}


@pytest.mark.parametrize("watcher", WATCHERS)
@pytest.mark.parametrize(("monitor", "asked", "says"), WATCHED.values(), ids=WATCHED)
def test_a_monitor_that_will_not_exist_is_refused_with_the_nearest_names(
    watcher: str,
    monitor: str,
    asked: dict[str, Any],
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    callback = WATCHERS[watcher](monitor=monitor)
    refused(net(), InputError, (f"{watcher} watches", *says), callbacks=[callback], **asked)


def test_a_monitor_that_another_callback_logs_is_not_refused() -> None:
    class Adds(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["mine"] = 1.0 - epoch

    stopping = keras.callbacks.EarlyStopping(monitor="mine", mode="min")
    history = net().fit(X, LABELS, epochs=2, verbose=0, callbacks=[Adds(), stopping])
    assert history.history["mine"] == [1.0, 0.0]
    assert stopping.best == 0.0


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.ReduceLROnPlateau("loss"),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_a_rate_that_follows_a_schedule_is_changed_by_no_callback(callback: Any) -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    refused(
        net(optimizer=keras.optimizers.SGD(schedule)),
        InputError,
        (
            f"{type(callback).__name__} cannot change a learning rate that follows a schedule",
            "learning_rate=ExponentialDecay(...)",
            "compile the optimizer with a number",
        ),
        callbacks=[callback],
    )


def test_a_scheduler_that_is_no_function_is_refused() -> None:
    with pytest.raises(InputError, match="schedule"):
        refused(net(), InputError, (), callbacks=[keras.callbacks.LearningRateScheduler(0.1)])


UNKNOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "activation": (
        lambda: keras.layers.Dense(3, activation="reul"),
        "unknown activation 'reul'. Did you mean 'relu'",
    ),
    "initializer": (
        lambda: keras.layers.Dense(3, kernel_initializer="he_norml"),
        "unknown initializer 'he_norml'. Did you mean 'he_normal'",
    ),
    "optimizer": (lambda: net(optimizer="adm"), "unknown optimizer 'adm'. Did you mean 'Adam'"),
    "loss": (
        lambda: net("sparse_categorical_crossentropi"),
        "unknown loss 'sparse_categorical_crossentropi'. Did you mean "
        "'sparse_categorical_crossentropy'",
    ),
    "metric": (
        lambda: keras.Sequential().compile("sgd", loss="mse", metrics=["acuracy"]),
        "unknown metric 'acuracy'. Did you mean 'Accuracy'",
    ),
    "regularizer": (
        lambda: keras.layers.Dense(3, kernel_regularizer="l22"),
        "unknown regularizer 'l22'. Did you mean ",
    ),
}


@pytest.mark.parametrize(("ask", "says"), UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_name_is_refused_with_those_that_look_like_it(
    ask: Callable[[], Any], says: str
) -> None:
    with pytest.raises(UnknownNameError) as caught:
        ask()
    assert str(caught.value).startswith(says)


MISNAMED: dict[str, tuple[Callable[[], Any], str]] = {
    "a layer's argument": (
        lambda: keras.layers.Dense(3, activaton="relu"),
        "Dense has no argument `activaton`. Did you mean 'activation'?",
    ),
    "an optimizer's": (
        lambda: keras.optimizers.Adam(learnin_rate=0.1),
        "Adam has no argument `learnin_rate`. Did you mean 'learning_rate'?",
    ),
    "compile's": (
        lambda: keras.Sequential().compile(optimiser="adam"),
        "compile() has no argument `optimiser`. Did you mean 'optimizer'?",
    ),
    "metrics without brackets": (
        lambda: keras.Sequential().compile("adam", "mse", metrics="mae"),
        "expected a list, such as ['accuracy'], got 'mae'. Write metrics=['mae'].",
    ),
    "a hook's": (
        lambda: keras.callbacks.LambdaCallback(on_epoch_ends=print),
        "there is no hook `on_epoch_ends`. Did you mean 'on_epoch_end'",
    ),
}


@pytest.mark.parametrize(("ask", "says"), MISNAMED.values(), ids=MISNAMED)
def test_an_argument_misnamed_is_refused_with_the_right_one(
    ask: Callable[[], Any], says: str
) -> None:
    with pytest.raises(InputError) as caught:
        ask()
    assert says in str(caught.value)


@pytest.mark.parametrize("asked", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_a_model_that_is_not_compiled_says_so(asked: str) -> None:
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)], name="raw")
    with pytest.raises(NotReadyError) as caught:
        getattr(model, asked)(X, LABELS)
    assert "the model 'raw' is not compiled: expected compile() before" in str(caught.value)
    assert "Call model.compile(optimizer='adam', loss=...) first." in str(caught.value)


def test_prediction_needs_no_compilation() -> None:
    model = keras.Sequential([keras.Input([4]), keras.layers.Dense(3)])
    assert model.predict(X, verbose=0).shape == (12, 3)


@pytest.mark.parametrize("asked", ["evaluate", "train_on_batch", "test_on_batch"])
def test_every_way_in_refuses_what_fit_refuses(asked: str) -> None:
    model = net()
    before = model.get_weights()
    for x, y, says in (
        (X[:, :3], LABELS, "does not fit the first layer"),
        (X, LABELS + 1, "labels out of range"),
        (NAN_X, LABELS, "NaN or infinity"),
        (X, LABELS[:4], "differ in length"),
        (X, None, "`y` is missing"),
        (None, LABELS, "`x`"),
    ):
        with pytest.raises(InputError, match=says):
            getattr(model, asked)(x, y)
    for was, stays in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(stays, was)


@pytest.mark.parametrize("asked", ["predict", "predict_on_batch"])
def test_prediction_refuses_what_does_not_fit(asked: str) -> None:
    model = net()
    for x, says in (
        (X[:, :3], "does not fit the first layer"),
        (NAN_X, "NaN or infinity"),
        ([["a"] * 4], "text or objects"),
        ([], "empty"),
        (None, "`x`"),
    ):
        with pytest.raises(InputError, match=says):
            getattr(model, asked)(x)


@pytest.fixture
def under_a_file(tmp_path: Path) -> Path:
    """A place that not even root can write: below a regular file."""
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file" / "below"


def test_a_checkpoint_that_cannot_be_written_is_refused(under_a_file: Path) -> None:
    callback = keras.callbacks.ModelCheckpoint(under_a_file / "m.keras")
    refused(
        net(),
        UnwritableError,
        ("cannot write to the directory", "m.keras", "Choose another directory"),
        callbacks=[callback],
    )


def test_a_run_directory_that_cannot_be_written_is_refused(under_a_file: Path) -> None:
    says = ("cannot write to the directory", "asked for by 'run_dir'", "Choose another directory")
    refused(net(), UnwritableError, says, run_dir=under_a_file)
    refused(net(), UnwritableError, says, run_dir="/proc/latih")


def test_a_checkpoint_whose_name_asks_for_what_is_not_logged_is_refused(tmp_path: Path) -> None:
    callback = keras.callbacks.ModelCheckpoint(tmp_path / "m-{val_acc:.2f}.keras")
    refused(net(), InputError, ("`filepath`", "val_acc"), callbacks=[callback])


@pytest.mark.parametrize("name", ["m-{}.keras", "m-{epoch:zz}.keras", "m-{epoch.keras"])
def test_a_checkpoint_whose_name_cannot_be_formatted_is_refused(name: str, tmp_path: Path) -> None:
    callback = keras.callbacks.ModelCheckpoint(tmp_path / name)
    refused(net(), InputError, ("`filepath`",), callbacks=[callback])


def test_a_checkpoint_in_the_place_of_a_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.keras").mkdir()
    callback = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")
    refused(net(), LatihError, ("m.keras",), callbacks=[callback])


@pytest.mark.parametrize("name", ["m.h5", "m", "m.keras.zip"])
def test_a_checkpoint_of_another_ending_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="wrong ending"):
        keras.callbacks.ModelCheckpoint(name)


def test_a_refused_run_leaves_its_directory_free_for_the_next(tmp_path: Path) -> None:
    refused(net(), InputError, ("labels out of range",), y=LABELS + 1, run_dir=tmp_path / "run")
    net().fit(X, LABELS, verbose=0, run_dir=tmp_path / "run")
    assert (tmp_path / "run" / "final.keras").is_file()


def test_a_file_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    for name, content in (("text.keras", b"not a model"), ("empty.keras", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=r"is not a \.keras file that can be read"):
            keras.models.load_model(tmp_path / name)
    with pytest.raises(FileFormatError, match="there is no file"):
        keras.models.load_model(tmp_path / "none.keras")
    with pytest.raises(FileFormatError, match="a directory"):
        keras.models.load_model(tmp_path)


LAYERS: dict[str, Callable[[], Any]] = {
    "`rate` of Dropout": lambda: keras.layers.Dropout(1.5),
    "Sequential takes layers": lambda: keras.Sequential([keras.layers.Dense]),
    "`units` of Dense": lambda: keras.layers.Dense(0),
    "`factor` of ReduceLROnPlateau": lambda: keras.callbacks.ReduceLROnPlateau(factor=1.0),
    "`mode` of EarlyStopping": lambda: keras.callbacks.EarlyStopping(mode="up"),
    "`save_freq` of ModelCheckpoint": lambda: keras.callbacks.ModelCheckpoint(
        "m.keras", save_freq=0
    ),
    "`learning_rate` of SGD": lambda: keras.optimizers.SGD(-0.1),
    "`seed` of set_random_seed": lambda: keras.utils.set_random_seed(-1),
}


@pytest.mark.parametrize(("says", "ask"), LAYERS.items(), ids=LAYERS)
def test_an_argument_out_of_range_is_named(says: str, ask: Callable[[], Any]) -> None:
    with pytest.raises(InputError) as caught:
        ask()
    assert says in str(caught.value)
    assert "expected" in str(caught.value)
