"""What TensorBoard does where something is missing; what it writes is in the parity tests."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import latih
from latih.callbacks import LambdaCallback, TensorBoard
from latih.errors import LatihWarning, MissingExtraError, UnwritableError

X, Y = np.eye(6, dtype="float32"), np.arange(6) % 3


def net(activation: Any = "softmax") -> Any:
    model = latih.Sequential([latih.Input((6,)), latih.layers.Dense(3, activation)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_what_to_install_is_said_at_once(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard.writer", None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"latih\[tensorboard\]\""):
        TensorBoard()


def test_a_place_that_cannot_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = net()
    with pytest.raises(UnwritableError, match="file"):
        model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path / "file")])
    assert model.optimizer.updates == 0


def test_a_model_that_no_file_can_describe_is_trained_without_its_graph(tmp_path: Path) -> None:
    model = net(lambda x: x.softmax(-1))
    with pytest.warns(LatihWarning, match="no graph"):
        model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    assert model.optimizer.updates == 1


def test_ctrl_c_takes_no_epoch_away_and_nan_does_not_end_the_run(tmp_path: Path) -> None:
    model = net()

    def spoil(epoch: int, logs: Any) -> None:
        model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
        if epoch == 2:
            raise KeyboardInterrupt

    board = TensorBoard(tmp_path, histogram_freq=1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, 6, 9, 0, [board, LambdaCallback(on_epoch_end=spoil)])
    read = EventAccumulator(str(tmp_path / "train"))
    read.Reload()
    assert [event.step for event in read.Scalars("epoch_loss")] == [0, 1, 2]
