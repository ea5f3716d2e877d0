"""A run that is really killed goes on with the right epoch, and ends as if nothing had happened."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import latih
from latih.callbacks import BackupAndRestore, EarlyStopping, LambdaCallback
from latih.errors import FileFormatError, InputError, LatihWarning, UnwritableError

SCRIPT = textwrap.dedent(
    """
    import json, os, sys
    import numpy as np
    import latih

    folder, die_at_epoch, die_at_batch, save_freq = sys.argv[1:]
    dice = np.random.default_rng(0)
    x, y = dice.normal(size=(40, 4)).astype("float32"), dice.integers(0, 3, 40)
    latih.utils.set_random_seed(7)
    model = latih.Sequential(
        [latih.Input((4,)), latih.layers.Dense(6, "relu"), latih.layers.BatchNormalization(),
         latih.layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")

    class Die(latih.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch
        def on_train_batch_begin(self, batch, logs=None):
            if (self.epoch, batch) == (int(die_at_epoch), int(die_at_batch)):
                os._exit(9)

    backup = latih.callbacks.BackupAndRestore(
        folder, save_freq=save_freq if save_freq == "epoch" else int(save_freq))
    history = model.fit(x, y, 8, 6, 0, callbacks=[backup, Die()])
    print(json.dumps({
        "epochs": history.epoch, "loss": history.history["loss"],
        "updates": model.optimizer.updates,
        "weights": [w.tolist() for w in model.get_weights()]}))
    """
)


def run_script(*arguments: Any) -> tuple[int, Any]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode in (0, 9), done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else None


@pytest.mark.parametrize("save_freq", ["epoch", 3])
def test_a_killed_run_ends_as_one_that_was_not(save_freq: Any, tmp_path: Path) -> None:
    _, whole = run_script(tmp_path / "whole", -1, -1, save_freq)
    assert run_script(tmp_path / "b", 2, 3, save_freq) == (9, None)
    assert run_script(tmp_path / "b", 4, 1, save_freq) == (9, None)
    assert {path.name for path in (tmp_path / "b").iterdir() if path.is_dir()} != set()
    _, resumed = run_script(tmp_path / "b", -1, -1, save_freq)
    assert resumed == whole
    assert not (tmp_path / "b").exists()


# Within one process

DICE = np.random.default_rng(0)
X, Y = DICE.normal(size=(40, 4)).astype("float32"), DICE.integers(0, 3, 40)


def net(k: Any = latih, units: int = 3) -> Any:
    model = k.Sequential([k.Input((4,)), k.layers.Dense(units, "softmax")])
    model.compile(k.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def breaking_off_at(epoch: int, k: Any = latih) -> Any:
    def break_off(now: int, logs: Any) -> None:
        if now == epoch:
            raise RuntimeError("breaking off")

    return k.callbacks.LambdaCallback(on_epoch_begin=break_off)


def broken_off(model: Any, epoch: int, *callbacks: Any, k: Any = latih, **more: Any) -> None:
    with pytest.raises(RuntimeError, match="breaking off"):
        model.fit(X, Y, 8, 6, 0, [*callbacks, breaking_off_at(epoch, k)], **more)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_end_is_that_of_keras(tmp_path: Path) -> None:
    seen = []
    first = net(keras).get_weights()
    for k in (keras, latih):
        folder = tmp_path / k.__name__
        model, again = net(k), net(k)
        model.set_weights(first)
        broken_off(model, 3, k.callbacks.BackupAndRestore(folder), k=k, shuffle=False)
        backup = k.callbacks.BackupAndRestore(folder)
        history = again.fit(X, Y, 8, 6, 0, [backup], shuffle=False)
        seen.append((history, again.get_weights(), folder.exists()))
    (wanted, their_weights, _), (got, our_weights, left) = seen
    # Keras forgets the epochs before the crash.
    assert (wanted.epoch, got.epoch) == ([3, 4, 5], list(range(6)))
    theirs = np.float64(wanted.history["loss"])
    np.testing.assert_allclose(got.history["loss"][3:], theirs, rtol=1e-4)
    for ours, theirs in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    assert not left


def test_ctrl_c_keeps_the_backup_and_early_stopping_removes_it(tmp_path: Path) -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(
            *(X, Y, 8, 6, 0),
            [
                BackupAndRestore(tmp_path / "b"),
                LambdaCallback(on_epoch_end=interrupt),
                EarlyStopping("loss", min_delta=9.0, patience=3),
            ],
        )
    assert list((tmp_path / "b").glob("0*"))
    stop = EarlyStopping("loss", min_delta=9.0, patience=3)
    listening = LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    history = model.fit(X, Y, 8, 6, 0, [BackupAndRestore(tmp_path / "b"), listening, stop])
    assert history.epoch == [0, 1, 2, 3]
    assert not (tmp_path / "b").exists()
    # Keras keeps the epoch in the model, and a later fit without the callback does nothing.
    assert model.fit(X, Y, 8, 2, 0).epoch == [0, 1]


def test_what_it_did_not_write_is_left(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    (tmp_path / "000099").mkdir()
    (tmp_path / "000099" / "notes.txt").write_text("mine")
    net().fit(X, Y, 8, 4, 0, [BackupAndRestore(tmp_path, double_checkpoint=True)], resume=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000099", "thesis.txt"]
    assert (tmp_path / "000099" / "notes.txt").read_text() == "mine"


def damage(folder: Path) -> str:
    newest = max(folder.glob("0*"))
    tensors = newest / "tensors.safetensors"
    content = bytearray(tensors.read_bytes())
    content[len(content) // 2] ^= 0xFF
    tensors.write_bytes(content)
    return newest.name


def test_a_damaged_backup_falls_back_to_the_one_before(tmp_path: Path) -> None:
    whole = net()
    first = whole.get_weights()
    wanted = whole.fit(X, Y, 8, 6, 0, shuffle=False).history
    broken = net()
    broken.set_weights(first)
    broken_off(broken, 3, BackupAndRestore(tmp_path, double_checkpoint=True), shuffle=False)
    name = damage(tmp_path)
    backup = BackupAndRestore(tmp_path, double_checkpoint=True)
    with pytest.warns(LatihWarning, match=rf"{name}.*damaged"):
        history = net().fit(X, Y, 8, 6, 0, [backup], shuffle=False)
    assert history.history == wanted
    assert not tmp_path.exists()


def test_one_of_an_earlier_release_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "latest.backup").write_bytes(b"PK")
    with pytest.raises(FileFormatError, match=r"earlier release.*Remove it"):
        net().fit(X, Y, 8, 6, 0, [BackupAndRestore(tmp_path)])


def test_what_cannot_be_restored_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    broken_off(net(), 3, BackupAndRestore(tmp_path))
    damage(tmp_path)
    model = net()
    before = model.get_weights()
    with pytest.raises(FileFormatError, match="damaged, and no whole one is left"):
        model.fit(X, Y, 8, 6, 0, [BackupAndRestore(tmp_path)])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert model.optimizer.updates == 0


def test_another_model_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    broken_off(net(units=5), 3, BackupAndRestore(tmp_path))
    model = net()
    before = model.get_weights()
    with pytest.raises(InputError, match="units"):
        model.fit(X, Y, 8, 6, 0, [BackupAndRestore(tmp_path)])
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))
    assert model.optimizer.updates == 0


def test_a_place_that_cannot_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = net()
    with pytest.raises(UnwritableError, match="file"):
        model.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "file")])
    assert model.optimizer.updates == 0
