"""Ctrl-C, SIGTERM and errors in the midst of training: the best weights are back, no file cut."""

import os
import select
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih as keras
from latih.run_directory import RunDirectory

DEADLINE = 60.0

_draw = np.random.default_rng(2)
X = _draw.normal(size=(64, 6)).astype("float32")
LABELS = (X[:, 0] > 0).astype("int64")

# Trains without end; each epoch writes a line, so that the test knows when it may send the signal.
SCRIPT = """
import sys
import numpy as np
import latih as keras

dice = np.random.default_rng(0)
x = dice.normal(size=(2000, 20)).astype("float32")
y = (x[:, 0] + dice.normal(size=2000) > 0).astype("int64")
x_new = dice.normal(size=(500, 20)).astype("float32")
y_new = (x_new[:, 0] > 0).astype("int64")
model = keras.Sequential([
    keras.Input([20]),
    keras.layers.Dense(50, activation="relu"),
    keras.layers.Dense(2, activation="softmax"),
])
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
callbacks = [
    keras.callbacks.ModelCheckpoint("my_model.keras", save_best_only=True),
    keras.callbacks.EarlyStopping(patience=10**6, restore_best_weights=True),
]
if sys.argv[1:]:
    import os
    class Impatient(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            os.kill(os.getpid(), int(sys.argv[1]))  # the second one, while the run is put in order
    callbacks.insert(0, Impatient())
try:
    model.fit(x, y, validation_data=(x_new, y_new), epochs=10**6, verbose=2, callbacks=callbacks,
              run_dir="run")
finally:
    model.save("after.keras")
    print("after:", model.stop_reason, flush=True)
"""


def start(command: list[str], directory: Path, **asked: Any) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    return subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **asked,
    )


def wait_for_epoch(process: "subprocess.Popen[str]", number: int) -> list[str]:
    """Read what the process says until it tells of that epoch."""
    assert process.stdout is not None
    end, said = time.monotonic() + DEADLINE, [""]
    while f"Epoch {number}/" not in said[-1]:
        left = max(end - time.monotonic(), 0.0)
        ready, _, _ = select.select([process.stdout], [], [], left)
        line = process.stdout.readline() if ready else ""
        if not line:
            process.kill()
            pytest.fail(f"no epoch {number}: {said} {process.communicate()}")
        said.append(line)
    return said


def interrupted(
    command: list[str], directory: Path, epoch: int, by: signal.Signals = signal.SIGINT
) -> tuple[int, str, str]:
    process = start(command, directory)
    said = wait_for_epoch(process, epoch)
    process.send_signal(by)
    out, err = process.communicate(timeout=DEADLINE)
    return process.returncode, "".join(said) + out, err


def assert_same(got: Any, wanted: Any) -> None:
    for one, other in zip(got.get_weights(), wanted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def assert_run_is_whole(
    directory: Path, best: float, stopped: str = "interrupted by Ctrl-C", has_page: bool = True
) -> None:
    run = RunDirectory.open(directory)
    settings = tomllib.loads(run.settings_file.read_text(encoding="utf-8"))
    assert settings["run"]["stopped"] == stopped
    log = run.log.read()
    assert [line["epoch"] for line in log] == list(range(1, settings["run"]["epochs_done"] + 1))
    assert min(line["val_loss"] for line in log) == best
    assert_same(keras.models.load_model(run.final_file), keras.models.load_model(run.best_file))
    if has_page:
        assert run.report_file.read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert [p.name for p in directory.iterdir() if p.name.startswith(".")] == []


def best_logged(directory: Path) -> float:
    return min(line["val_loss"] for line in RunDirectory.open(directory).log.read())


@pytest.mark.parametrize("how", [[], ["2"]], ids=["one Ctrl-C", "another while it ends"])
def test_ctrl_c_in_a_script_leaves_the_best_weights_and_whole_files(
    how: list[str], tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    code, out, err = interrupted([sys.executable, "script.py", *how], tmp_path, epoch=4)
    # Python's own code for an unhandled KeyboardInterrupt: the signal's.
    assert code == -signal.SIGINT, err
    assert "after: interrupted by Ctrl-C" in out
    assert err.rstrip().endswith("KeyboardInterrupt")
    after = keras.models.load_model(tmp_path / "after.keras")
    assert_same(after, keras.models.load_model(tmp_path / "my_model.keras"))
    assert_same(after, keras.models.load_model(tmp_path / "run" / "final.keras"))
    assert_run_is_whole(tmp_path / "run", best_logged(tmp_path / "run"))


@pytest.mark.parametrize("how", [[], ["2"], ["15"]], ids=["one", "then Ctrl-C", "then another"])
def test_sigterm_in_a_script_leaves_the_best_weights_and_whole_files(
    how: list[str], tmp_path: Path
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, "script.py", *how]
    code, out, err = interrupted(command, tmp_path, epoch=4, by=signal.SIGTERM)
    assert (code, err) == (143, "")
    assert "after: ended by SIGTERM" in out
    after = keras.models.load_model(tmp_path / "after.keras")
    assert_same(after, keras.models.load_model(tmp_path / "my_model.keras"))
    assert_same(after, keras.models.load_model(tmp_path / "run" / "final.keras"))
    assert_run_is_whole(tmp_path / "run", best_logged(tmp_path / "run"), "ended by SIGTERM")


def test_sigterm_while_ctrl_c_is_obeyed_ends_the_program(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    code, out, _ = interrupted([sys.executable, "script.py", "15"], tmp_path, epoch=2)
    assert code == 143
    assert "after: interrupted by Ctrl-C" in out
    assert_run_is_whole(tmp_path / "run", best_logged(tmp_path / "run"))


def test_sigterm_on_the_command_line_ends_with_143(tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "latih", "train", "--epochs", "100000", "--patience", "100000"),
        *("--hidden", "20", "--run-dir", "run"),
    ]
    code, out, err = interrupted(command, tmp_path, epoch=2, by=signal.SIGTERM)
    assert (code, err) == (143, "latih: ended by SIGTERM\n")
    assert "What was learnt so far is in run; `latih resume run` goes on." in out
    best = best_logged(tmp_path / "run")
    assert_run_is_whole(tmp_path / "run", best, "ended by SIGTERM", has_page=False)


# Two processes read the data: what `timeout`, systemd and SLURM send, they get too.
SCRIPT_WITH_READERS = """
import torch
import latih as keras

class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return 64
    def __getitem__(self, row):
        return torch.full([3], float(row)), torch.tensor([float(row)])

model = keras.Sequential([keras.Input([3]), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(1e-3), loss="mse")
best = keras.callbacks.EarlyStopping("loss", patience=10**6, restore_best_weights=True)
loader = torch.utils.data.DataLoader(Rows(), batch_size=4, num_workers=2)
try:
    model.fit(loader, epochs=10**6, verbose=2, callbacks=[best])
finally:
    whole = all((a == b).all() for a, b in zip(model.get_weights(), best.best_weights))
    print("after:", model.stop_reason, whole, flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_of_processes_waits_for_the_step(
    number: signal.Signals, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", SCRIPT_WITH_READERS]
    process = start(command, tmp_path, start_new_session=True)
    said = wait_for_epoch(process, 3)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=DEADLINE)
    told = {signal.SIGINT: "interrupted by Ctrl-C", signal.SIGTERM: "ended by SIGTERM"}[number]
    assert f"after: {told} True" in "".join(said) + out, err
    assert process.returncode == {signal.SIGINT: -2, signal.SIGTERM: 143}[number], err


def test_ctrl_c_on_the_command_line_ends_with_130_and_a_page(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "latih",
        *("train", "--epochs", "100000", "--patience", "100000", "--hidden", "20"),
        *("--run-dir", "run"),
    ]
    code, out, err = interrupted(command, tmp_path, epoch=2)
    assert code == 130, err
    assert err == ""
    assert "What was learnt so far is in run; `latih resume run` goes on." in out
    assert_run_is_whole(tmp_path / "run", best_logged(tmp_path / "run"))
    evaluation = RunDirectory.open(tmp_path / "run").evaluation.read()
    assert evaluation["scores"]["accuracy"] > 0.5
    assert np.sum(evaluation["confusion"]) == 1000


def net() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input([6]),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", loss="sparse_categorical_crossentropy")
    return model


class Raising(keras.callbacks.Callback):
    """Raises at a hook, in the third epoch if the hook has one."""

    def __init__(self, hook: str, error: BaseException) -> None:
        super().__init__()
        self.error = error
        self.epoch = 0
        setattr(self, hook, self._raise)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.epoch = epoch

    def _raise(self, *given: Any) -> None:
        if self.epoch >= 2 or len(given) == 1:
            raise self.error


ERRORS = [KeyboardInterrupt(), RuntimeError("the callback's own"), SystemExit(3)]
MIDWAY = ["on_train_batch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end"]


@pytest.mark.parametrize("hook", MIDWAY)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_callback_raises_comes_out_after_the_best_weights_are_back(
    hook: str, error: BaseException, tmp_path: Path
) -> None:
    model = net()
    seen: list[Any] = []
    stopping = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    listener = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights())
    )
    with pytest.raises(type(error)) as caught:
        model.fit(
            X,
            LABELS,
            epochs=9,
            verbose=0,
            validation_data=(X, LABELS),
            callbacks=[listener, stopping, Raising(hook, error)],
            run_dir=tmp_path / "run",
        )
    assert caught.value is error
    assert len(seen) == (3 if hook == "on_epoch_end" else 2)
    for one, other in zip(model.get_weights(), seen[stopping.best_epoch], strict=True):
        np.testing.assert_array_equal(one, other)
    settings = RunDirectory.open(tmp_path / "run").read_settings()
    told = {"KeyboardInterrupt": "interrupted by Ctrl-C"}
    kind = type(error).__name__
    assert settings["run"]["stopped"] == told.get(kind, f"{kind}: {error}")
    assert_same(keras.models.load_model(tmp_path / "run" / "final.keras"), model)
    assert not model.training


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_callback_raises_at_the_beginning_comes_out_as_it_is(
    error: BaseException, tmp_path: Path
) -> None:
    with pytest.raises(type(error)) as caught:
        net().fit(
            X,
            LABELS,
            verbose=0,
            callbacks=[Raising("on_train_begin", error)],
            run_dir=tmp_path / "run",
        )
    assert caught.value is error


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_what_a_callback_raises_at_the_end_keeps_no_other_from_ending(
    error: BaseException, tmp_path: Path
) -> None:
    model = net()
    stopping = keras.callbacks.EarlyStopping("loss", restore_best_weights=True, mode="max")
    with pytest.raises(type(error)) as caught:
        model.fit(
            X,
            LABELS,
            epochs=2,
            verbose=0,
            callbacks=[Raising("on_train_end", error), stopping],
            run_dir=tmp_path / "run",
        )
    assert caught.value is error
    # The first epoch has the larger loss: with mode="max" it is the best, and is put back.
    assert stopping.best_epoch == 0 and stopping.best_weights is not None
    for one, other in zip(model.get_weights(), stopping.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)
    assert_same(keras.models.load_model(tmp_path / "run" / "final.keras"), model)


def test_ctrl_c_waits_for_the_end_of_the_step() -> None:
    heard: list[str] = []

    class Signals(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            heard.append(f"begin {batch}")
            if batch == 1:
                os.kill(os.getpid(), signal.SIGINT)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            heard.append(f"end {batch}")

    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABELS, batch_size=16, verbose=0, callbacks=[Signals()])
    assert heard == ["begin 0", "end 0", "begin 1", "end 1"]
    assert int(model.optimizer.iterations) == 2
    assert model.stop_reason == "interrupted by Ctrl-C"


def test_a_second_ctrl_c_does_not_wait() -> None:
    heard: list[str] = []

    class Signals(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            for number in range(2):
                os.kill(os.getpid(), signal.SIGINT)
                heard.append(f"after {number}")

    model = net()
    before = model.get_weights()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABELS, batch_size=16, verbose=0, callbacks=[Signals()])
    assert heard == ["after 0"]
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ctrl_c_while_the_best_weights_are_put_back_does_not_keep_them_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = net()
    stopping = keras.callbacks.EarlyStopping("loss", restore_best_weights=True, mode="max")
    restore = model.set_weights

    def impatient(weights: list[np.ndarray]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        restore(weights)

    monkeypatch.setattr(model, "set_weights", impatient)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, LABELS, epochs=3, verbose=0, callbacks=[stopping])
    assert stopping.best_epoch == 0 and stopping.best_weights is not None
    for one, other in zip(model.get_weights(), stopping.best_weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_handler_of_before_is_back_however_a_run_ends() -> None:
    default = signal.getsignal(signal.SIGINT)
    net().fit(X, LABELS, verbose=0)
    assert signal.getsignal(signal.SIGINT) is default
    with pytest.raises(KeyboardInterrupt):
        net().fit(X, LABELS, verbose=0, callbacks=[Raising("on_train_begin", KeyboardInterrupt())])
    assert signal.getsignal(signal.SIGINT) is default


def test_a_handler_of_the_users_own_stays() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        sender = keras.callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: os.kill(os.getpid(), signal.SIGINT)
        )
        net().fit(X, LABELS, epochs=2, verbose=0, callbacks=[sender])
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT, signal.SIGINT]
