"""The bar on a terminal and the lines in a file tell the same, and the terminal is left whole."""

import io
import re
import sys
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

import latih as keras
from latih.callbacks.progress import ProgbarLogger

_draw = np.random.default_rng(6)
X = _draw.normal(size=(32, 4)).astype("float32")
LABELS = _draw.integers(0, 2, 32)
EPOCHS, STEPS = 3, 4

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
NUMBER = r"\d+\.\d{4}"
TIME = r"\d+:\d\d:\d\d"
BAR = re.compile(
    rf"Epoch (\d+)/{EPOCHS} .*? (\d+)/{STEPS} +loss: ({NUMBER})  accuracy: ({NUMBER})"
    rf"  learning_rate: (\S+)  left: ({TIME})"
)
LINE = re.compile(
    rf"^Epoch (\d+)/{EPOCHS} - \d+\.\ds - loss: ({NUMBER}) - accuracy: ({NUMBER})"
    rf" - val_loss: ({NUMBER}) - val_accuracy: ({NUMBER}) - learning_rate: (\S+)"
    rf"(?: - left: ({TIME}))?\s*$",
    re.MULTILINE,
)


@pytest.fixture(autouse=True)
def a_plain_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latih.callbacks.progress.SECONDS_BETWEEN_DRAWS", 0)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def logger(terminal: bool) -> tuple[ProgbarLogger, io.StringIO]:
    file = io.StringIO()
    console = Console(
        force_terminal=terminal or None, file=file, width=200, highlight=False, soft_wrap=True
    )
    return ProgbarLogger(console=console), file


class Trap(keras.layers.Layer):
    """Raises in the second batch after it is set."""

    left: int | None = None

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.left is not None and len(inputs) == 8:  # two examples only look at the shapes
            self.left -= 1
            if not self.left:
                raise RuntimeError("in the middle")
        return inputs


def net(*between: Any) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input([4]), *between, keras.layers.Dense(2, activation="softmax")]
    )
    model.compile(
        keras.optimizers.Adam(0.0025), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def trained(terminal: bool) -> tuple[Any, str]:
    bar, file = logger(terminal)
    record = net().fit(
        *(X, LABELS, 8, EPOCHS, 0, [bar]),
        validation_data=(X, LABELS),
        validation_batch_size=4,  # twice as many steps as those of training
    )
    return record.history, file.getvalue()


def test_the_bar_shows_epoch_loss_metrics_rate_and_time_left() -> None:
    history, written = trained(terminal=True)
    assert "\x1b[" in written
    # An epoch's last bar is drawn once more when it is taken away.
    drawn = list(dict.fromkeys(BAR.findall(CONTROL.sub("", written))))
    assert [(int(epoch), int(step)) for epoch, step, *_ in drawn] == [
        (epoch, step) for epoch in (1, 2, 3) for step in (1, 2, 3, 4)
    ]
    assert {rate for *_, rate, _ in drawn} == {"0.0025"}
    # With the last step the means are the epoch's.
    full = [(loss, accuracy) for _, step, loss, accuracy, *_ in drawn if step == str(STEPS)]
    assert full == [
        (f"{loss:.4f}", f"{accuracy:.4f}")
        for loss, accuracy in zip(history["loss"], history["accuracy"], strict=True)
    ]
    assert drawn[-1][-1] == "0:00:00"


def test_the_bar_never_goes_backwards() -> None:
    _, written = trained(terminal=True)
    steps: dict[str, list[int]] = {}
    for epoch, step, of in re.findall(
        rf"Epoch (\d+)/{EPOCHS} [^\n]*? (\d+)/(\d+)", CONTROL.sub("", written)
    ):
        assert int(of) == STEPS
        steps.setdefault(epoch, []).append(int(step))
    assert list(steps) == ["1", "2", "3"]
    for seen in steps.values():
        assert seen == sorted(seen)
        assert seen[-1] == STEPS


def test_the_lines_hold_the_same_with_a_terminal_and_without() -> None:
    (history, live), (again, plain) = trained(terminal=True), trained(terminal=False)
    assert history == again
    live = CONTROL.sub("\n", live)
    for written in (live, plain):
        lines = LINE.findall(written)
        assert [line[:-1] for line in lines] == [
            (
                str(epoch + 1),
                *(f"{history[name][epoch]:.4f}" for name in ("loss", "accuracy")),
                *(f"{history[name][epoch]:.4f}" for name in ("val_loss", "val_accuracy")),
                "0.0025",
            )
            for epoch in range(EPOCHS)
        ]
        assert [bool(line[-1]) for line in lines] == [True, True, False]
    assert len(plain.splitlines()) == EPOCHS


def test_a_file_gets_no_control_characters() -> None:
    bar, file = logger(terminal=False)
    model = net()
    model.fit(X, LABELS, 8, 2, 0, [bar], validation_split=0.25)
    model.evaluate(X, LABELS, verbose=0, callbacks=[bar])
    model.predict(X, verbose=0, callbacks=[bar])
    written = file.getvalue()
    assert [one for one in written if one != "\n" and not one.isprintable()] == []
    assert [line.split(" - ")[0] for line in written.splitlines()] == [
        *("Epoch 1/2", "Epoch 2/2", "Evaluate")
    ]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
@pytest.mark.parametrize("what", ["fit", "evaluate", "predict"])
def test_an_error_leaves_the_standard_output_as_it_was(what: str, terminal: bool) -> None:
    trap = Trap()
    model = net(trap)
    bar, file = logger(terminal)
    out, err = sys.stdout, sys.stderr
    seen: list[Any] = []
    spy = keras.callbacks.LambdaCallback()
    for hook in ("train", "test", "predict"):
        setattr(spy, f"on_{hook}_batch_end", lambda *given: seen.append(sys.stdout))
    given = (X,) if what == "predict" else (X, LABELS)
    trap.left = 2
    try:
        with pytest.raises(RuntimeError, match="in the middle"):
            getattr(model, what)(*given, batch_size=8, verbose=0, callbacks=[bar, spy])
        assert sys.stdout is out and sys.stderr is err
    finally:
        sys.stdout, sys.stderr = out, err
    # While the bar stood, what others print was led above it.
    assert [one is out for one in seen] == [not terminal]
    if terminal:
        # The cursor, hidden while the bar stood, is back.
        written = file.getvalue()
        assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
    trap.left = None
    getattr(model, what)(*given, batch_size=8, verbose=0, callbacks=[bar])
    assert sys.stdout is out
