"""The table of a run that breaks off, and of one that cannot be written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import latih
from latih.callbacks import CSVLogger, LambdaCallback
from latih.errors import UnwritableError

DICE = np.random.default_rng(0)
X, Y = DICE.normal(size=(40, 4)).astype("float32"), DICE.integers(0, 3, 40)


def net() -> Any:
    model = latih.Sequential([latih.Input((4,)), latih.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_ctrl_c_takes_no_epoch_away(tmp_path: Path) -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *(X, Y, 8, 9, 0),
            [CSVLogger(tmp_path / "log.csv"), LambdaCallback(on_epoch_end=interrupt)],
        )
    lines = (tmp_path / "log.csv").read_text().splitlines()
    assert lines[0] == "epoch,accuracy,loss,val_accuracy,val_loss"
    losses = [float(line.split(",")[2]) for line in lines[1:]]
    assert losses[:2] == model.history.history["loss"]
    assert len(losses) == 3


def test_validation_every_other_epoch_has_its_columns_from_the_first(tmp_path: Path) -> None:
    history = net().fit(
        *(X, Y, 8, 4, 0),
        [CSVLogger(tmp_path / "log.csv", ";")],
        validation_data=(X, Y),
        validation_freq=2,
    )
    rows = [line.split(";") for line in (tmp_path / "log.csv").read_text().splitlines()]
    column = [row[rows[0].index("val_loss")] for row in rows[1:]]
    assert column[::2] == ["NA", "NA"]
    assert list(map(float, column[1::2])) == history.history["val_loss"]


@pytest.mark.parametrize("where", ["file/log.csv", "folder"])
def test_a_place_that_cannot_be_written_is_refused_before_the_first_step(
    tmp_path: Path, where: str
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    model = net()
    with pytest.raises(UnwritableError):
        model.fit(X, Y, verbose=0, callbacks=[CSVLogger(tmp_path / where)])
    assert model.optimizer.updates == 0
