"""Which hooks a callback hears, in which order: as real Keras calls them."""

from typing import Any

import keras
import numpy as np
import pytest

import latih
from latih.engine.events import CallbackList, LazyLogs

# Keras 3.15's own __array__ lacks an argument that NumPy 2 asks for.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_draw = np.random.default_rng(4)
X = _draw.normal(size=(10, 3)).astype("float32")
Y = _draw.normal(size=(10, 1)).astype("float32")

HOOKS = [hook for hook in vars(latih.callbacks.Callback) if hook.startswith("on_")]
OLDER = ("on_batch_begin", "on_batch_end")


def listener(k: Any, heard: list[Any], act: Any = None) -> Any:
    """A callback of either library that keeps each hook with its number and its logs' names."""

    def hear(hook: str) -> Any:
        def method(self: Any, *given: Any, **named: Any) -> None:
            # Keras gives the logs by name, Latih by place; some hooks have a number before them.
            *number, logs = [*given, *named.values()]
            heard.append((hook, *number, sorted(logs or {})))
            if act is not None:
                act(self.model, hook, *number)

        return method

    methods = {hook: hear(hook) for hook in HOOKS if hook not in OLDER}
    return type("Listener", (k.callbacks.Callback,), methods)()


def net(k: Any) -> Any:
    model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
    model.compile(optimizer=k.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    return model


def stop_at(wanted_hook: str, wanted_number: int) -> Any:
    def act(model: Any, hook: str, *number: int) -> None:
        if (hook, number) == (wanted_hook, (wanted_number,)):
            model.stop_training = True

    return act


RUNS: dict[str, dict[str, Any]] = {
    "two epochs": {"epochs": 2},
    "with validation": {"epochs": 2, "validation_data": (X, Y)},
    "with a part held back": {"epochs": 1, "validation_split": 0.3},
    "starting later": {"epochs": 4, "initial_epoch": 2},
    "nothing left to do": {"epochs": 2, "initial_epoch": 2},
    "fewer steps": {"epochs": 2, "steps_per_epoch": 1},
    "validation every other epoch": {
        "epochs": 4,
        "validation_data": (X, Y),
        "validation_freq": 2,
    },
    "validation in fewer steps": {
        "epochs": 1,
        "validation_data": (X, Y),
        "validation_batch_size": 2,
        "validation_steps": 3,
    },
}
STOPS: dict[str, tuple[str, int]] = {
    "at the end of an epoch": ("on_epoch_end", 1),
    "at the beginning of an epoch": ("on_epoch_begin", 1),
    "at the end of a step": ("on_train_batch_end", 1),
    "at the beginning of a step": ("on_train_batch_begin", 0),
}


def heard_in_fit(k: Any, act: Any = None, **asked: Any) -> list[Any]:
    heard: list[Any] = []
    given = {"batch_size": 4, "verbose": 0, "callbacks": [listener(k, heard, act)], **asked}
    net(k).fit(X, Y, **given)
    return heard


@pytest.mark.parametrize("asked", RUNS.values(), ids=RUNS)
def test_fit_calls_the_hooks_that_keras_calls(asked: dict[str, Any]) -> None:
    got = heard_in_fit(latih, **asked)
    assert got == heard_in_fit(keras, **asked)
    assert got[0][0] == "on_train_begin" and got[-1][0] == "on_train_end"


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
@pytest.mark.parametrize("validated", [False, True])
def test_a_run_stops_where_keras_stops_it(stop: tuple[str, int], validated: bool) -> None:
    asked = {"epochs": 5, "validation_data": (X, Y)} if validated else {"epochs": 5}
    got = heard_in_fit(latih, stop_at(*stop), **asked)
    assert got == heard_in_fit(keras, stop_at(*stop), **asked)
    assert ("on_epoch_begin", 4, []) not in got


def test_evaluate_and_predict_call_the_hooks_that_keras_calls() -> None:
    for asked in (
        lambda model, given: model.evaluate(X, Y, **given),
        lambda model, given: model.predict(X, **given),
    ):
        heard: dict[str, list[Any]] = {"keras": [], "latih": []}
        for k in (keras, latih):
            callbacks = [listener(k, heard[k.__name__])]
            given = {"batch_size": 4, "verbose": 0, "callbacks": callbacks}
            asked(net(k), given)
        assert heard["latih"] == heard["keras"]
        assert len(heard["latih"]) == 8


def test_the_logs_of_a_step_are_the_epochs_means_so_far() -> None:
    logs: dict[str, list[dict[str, float]]] = {}
    models = {"keras": net(keras), "latih": net(latih)}
    models["latih"].set_weights(models["keras"].get_weights())
    for name, model in models.items():
        kept = logs.setdefault(name, [])
        k = keras if name == "keras" else latih
        callback = k.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, kept=kept: kept.append(
                {key: float(value) for key, value in logs.items()}
            )
        )
        model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[callback])
    assert len(logs["latih"]) == 6
    for got, wanted in zip(logs["latih"], logs["keras"], strict=True):
        assert got == pytest.approx(wanted, rel=1e-5)


def test_the_older_names_of_the_batch_hooks_are_heard() -> None:
    heard: dict[str, list[Any]] = {"keras": [], "latih": []}
    for k in (keras, latih):

        class Old(k.callbacks.Callback):
            def on_batch_begin(self, batch: int, logs: Any = None) -> None:
                self.kept.append(("begin", batch))

            def on_batch_end(self, batch: int, logs: Any = None) -> None:
                self.kept.append(("end", batch, sorted(logs)))

        callback = Old()
        callback.kept = heard[k.__name__]
        net(k).fit(X, Y, batch_size=4, verbose=0, callbacks=[callback])
    assert heard["latih"] == heard["keras"]
    assert len(heard["latih"]) == 6


def test_a_callback_that_has_both_names_of_a_hook_hears_one() -> None:
    heard: dict[str, list[str]] = {"keras": [], "latih": []}
    for k in (keras, latih):

        class Both(k.callbacks.Callback):
            def on_batch_end(self, batch: int, logs: Any = None) -> None:
                self.kept.append("older")

            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.kept.append("newer")

        callback = Both()
        callback.kept = heard[k.__name__]
        net(k).fit(X, Y, batch_size=4, verbose=0, callbacks=[callback])
    assert heard["latih"] == heard["keras"]


def test_a_single_callback_needs_no_list() -> None:
    for k in (keras, latih):
        heard: list[Any] = []
        net(k).fit(X, Y, verbose=0, callbacks=listener(k, heard))
        assert heard


def test_callbacks_are_called_in_their_order() -> None:
    heard: list[str] = []
    callbacks = [
        latih.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, name=name: heard.append(f"{name}{epoch}")
        )
        for name in "abc"
    ]
    net(latih).fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
    assert heard == ["a0", "b0", "c0", "a1", "b1", "c1"]


def test_what_one_callback_logs_the_next_one_and_the_history_hear() -> None:
    heard: list[float] = []

    class Adds(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            logs["twice"] = 2 * epoch

    reads = latih.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: heard.append(logs["twice"])
    )
    history = net(latih).fit(X, Y, epochs=3, verbose=0, callbacks=[Adds(), reads])
    assert heard == [0, 2, 4]
    assert history.history["twice"] == [0, 2, 4]


def test_a_callback_knows_its_model_and_the_run() -> None:
    class Knows(latih.callbacks.Callback):
        def __init__(self) -> None:  # and forgets to call its base
            self.known: Any = None

        def on_train_begin(self, logs: Any = None) -> None:
            self.known = (self.model, self.params["epochs"], self.params["steps"])

    callback, model = Knows(), net(latih)
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0, callbacks=[callback])
    assert callback.known == (model, 2, 3)


def test_without_batch_hooks_no_step_calls_a_callback() -> None:
    called: list[str] = []

    class Counting(CallbackList):
        def call(self, hook: str, *arguments: Any) -> None:
            called.append(hook)
            super().call(hook, *arguments)

        def call_all(self, hook: str, *arguments: Any) -> None:
            called.append(hook)
            super().call_all(hook, *arguments)

    from latih.models import trainable

    patch = pytest.MonkeyPatch()
    patch.setattr(trainable, "CallbackList", Counting)
    try:
        history = latih.callbacks.History()
        net(latih).fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[history])
        epochs_only, called[:] = list(called), []
        per_step = latih.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
        net(latih).fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[per_step])
    finally:
        patch.undo()
    assert epochs_only == [
        "on_train_begin",
        "on_epoch_begin",
        "on_test_begin",
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ]
    assert "on_train_batch_end" in called and "on_test_batch_end" not in called


def test_logs_that_nobody_reads_are_not_worked_out() -> None:
    computed: list[int] = []

    def compute() -> dict[str, float]:
        computed.append(1)
        return {"loss": 0.5, "mae": 0.25}

    logs = LazyLogs(compute)
    assert computed == []
    assert logs["loss"] == 0.5 and dict(logs) == {"loss": 0.5, "mae": 0.25}
    assert computed == [1]
    logs["mine"] = 3
    del logs["mae"]
    assert list(logs) == ["loss", "mine"] and len(logs) == 2
    assert repr(logs) == "{'loss': 0.5, 'mine': 3}"
    assert computed == [1]


def test_steps_logs_stay_what_they_were_when_they_were_read() -> None:
    kept: list[Any] = []
    keep = latih.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: kept.append((logs, logs["loss"]))
    )
    net(latih).fit(X, Y, batch_size=2, verbose=0, callbacks=[keep])
    assert [logs["loss"] for logs, _ in kept] == [loss for _, loss in kept]
    assert len({loss for _, loss in kept}) == 5


def test_the_reason_of_the_end_is_told() -> None:
    model = net(latih)
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.stop_reason == "all epochs done"
    stops = latih.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True)
    )
    assert len(model.fit(X, Y, epochs=9, verbose=0, callbacks=[stops]).epoch) == 1
    assert model.stop_reason == "a callback asked for it"
    model.fit(X, Y, epochs=1, verbose=0)
    assert model.stop_reason == "all epochs done"


def test_validation_happens_in_the_epochs_that_keras_names() -> None:
    asked = {"epochs": 4, "validation_data": (X, Y), "validation_freq": [1, 3]}
    assert heard_in_fit(latih, **asked) == heard_in_fit(keras, **asked)
