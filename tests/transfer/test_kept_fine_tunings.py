"""A fine-tuning that is written down: killed, gone on with, given more epochs."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_net import IMAGES, KINDS, Killed, base, tuned

import latih
from latih import transfer
from latih.callbacks import OneCycle
from latih.errors import InputError, LatihWarning
from latih.run_directory import RunDirectory
from latih.transfer.keeping import Keeping
from latih.transfer.whole_net import train_whole


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize("rate", [None, 0.02])
def test_a_fine_tuning_that_is_given_more_epochs_has_them_in_both_cycles(
    rate: float | None, tmp_path: Path
) -> None:
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": rate}
    given |= {"run_dir": tmp_path / "run", "snapshot_every": "epoch"}
    transfer.fine_tune(base(), IMAGES, KINDS, epochs=3, **given)
    second = RunDirectory(tmp_path / "run").second_cycle
    assert len(second.log.read()) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LatihWarning)
        longer = transfer.fine_tune(base(), IMAGES, KINDS, epochs=6, **given)
    assert len(longer.history.epoch) == 6
    assert len(second.log.read()) == len(longer.second_history.epoch) == 6


@pytest.mark.usefixtures("without_curves")
def test_a_run_is_written_down_and_is_a_base_itself(tmp_path: Path) -> None:
    done = tuned(run_dir=tmp_path / "run", epochs=2)
    run = RunDirectory.open(tmp_path / "run")
    assert run.report_file.is_file() and len(run.log.read()) >= 2
    loaded = latih.models.load_model(run.best_file)
    np.testing.assert_array_equal(
        loaded.predict(IMAGES, verbose=0), done.model.predict(IMAGES, verbose=0)
    )
    for given in (tmp_path / "run", os.fspath(run.best_file)):
        again = transfer.fine_tune(given, IMAGES, KINDS % 2, epochs=1, seed=1, verbose=0)
        assert again.model.output_shape == (None, 2)
    base(seed=3).save(run.path / "encoder.keras")
    again = transfer.fine_tune(run.path, IMAGES, KINDS % 2, epochs=0, seed=1, verbose=0)
    inside = next(layer for layer in again.model.layers if layer.name == "small")
    assert all(map(np.array_equal, inside.get_weights(), base(seed=3).get_weights()))


@pytest.mark.usefixtures("without_curves")
def test_a_killed_run_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    given: Any = {"epochs": 8, "learning_rate": 0.02}
    whole = tuned(**given)
    with pytest.raises(KeyboardInterrupt):
        tuned(**given, run_dir=tmp_path / "run", callbacks=[Killed(2)])
    done = tuned(**given, run_dir=tmp_path / "run", callbacks=[Killed(99)])
    assert done.best_epoch == whole.best_epoch
    for ours, theirs in zip(done.model.get_weights(), whole.model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("asked", "wanted"), [(True, "auto"), ("auto", "auto"), ("force", "force"), (False, False)]
)
def test_a_second_cycle_may_have_to_begin_where_the_first_must_go_on(
    asked: Any, wanted: Any, tmp_path: Path
) -> None:
    assert Keeping(0, RunDirectory(tmp_path), asked).second().resume == wanted


@pytest.mark.usefixtures("without_curves")
@pytest.mark.parametrize("change", [{"pull": 0.1}, {"views": 2}, {"base": base(seed=2)}])
def test_a_run_that_began_with_another_base_or_pull_or_views_is_not_gone_on_with(
    change: dict[str, Any], tmp_path: Path
) -> None:
    given: Any = {"base": base(), "epochs": 4, "seed": 5, "verbose": 0}
    given |= {"snapshot_every": "epoch", "run_dir": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        transfer.fine_tune(x=IMAGES, y=KINDS, callbacks=[Killed(2)], **given)
    (name,) = change
    with pytest.raises(InputError, match=rf"cannot be gone on with.*Beginning: {name} "):
        transfer.fine_tune(x=IMAGES, y=KINDS, callbacks=[Killed(9)], **{**given, **change})


@pytest.mark.usefixtures("without_curves")
def test_a_second_cycle_that_is_killed_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = {"epochs": 6, "seed": 5, "verbose": 0, "learning_rate": 0.02}
    whole = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert whole.best_epoch and len(whole.second_history.epoch) == 6
    given |= {"run_dir": tmp_path / "run", "snapshot_every": "epoch"}

    def killed_in_the_second(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        epochs, options, callbacks, keeping = rest
        listeners = [*callbacks, *([] if validation else [Killed(3)])]
        return train_whole(network, training, validation, epochs, options, listeners, keeping)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("latih.transfer.phases.train_whole", killed_in_the_second)
        transfer.fine_tune(base(), IMAGES, KINDS, **given)
    second = RunDirectory.open(tmp_path / "run").second_cycle
    assert len(second.log.read()) == 3 and second.report_file.is_file()
    begun: list[int] = []
    original = OneCycle.on_epoch_begin

    def spied(self: OneCycle, epoch: int, logs: Any = None) -> None:
        if self.params["epochs"] == 6:  # and not the probe's
            begun.append(epoch)
        original(self, epoch, logs)

    monkeypatch.setattr(OneCycle, "on_epoch_begin", spied)
    done = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert begun == [3, 4, 5]  # no epoch of the first cycle, and of the second what was left
    assert done.history.history == whole.history.history
    assert done.second_history.history["loss"] == whole.second_history.history["loss"]
    assert all(map(np.array_equal, done.model.get_weights(), whole.model.get_weights()))
    assert len(second.log.read()) == 6
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "once more from the beginning, with the held-back examples too; that net is kept" in page


@pytest.mark.usefixtures("without_curves")
def test_a_run_keeps_its_seed_the_names_of_its_classes_and_what_was_found(tmp_path: Path) -> None:
    names = np.array(["ant", "bee", "cow"])[KINDS]
    run = RunDirectory(tmp_path / "run")
    given: Any = {"epochs": 3, "verbose": 0, "snapshot_every": "epoch", "run_dir": run.path}
    with pytest.raises(KeyboardInterrupt):
        transfer.fine_tune(base(), IMAGES, names, callbacks=[Killed(2)], **given)
    seed = run.read_settings()["run"]["seed"]
    # No seed is given, and the same rows are held back: else it would be refused as another run.
    done = transfer.fine_tune(base(), IMAGES, names, callbacks=[Killed(9)], **given)
    whole = transfer.fine_tune(base(), IMAGES, names, epochs=3, verbose=0, seed=seed)
    assert all(map(np.array_equal, done.model.get_weights(), whole.model.get_weights()))
    assert run.read_settings()["data"]["classes"] == ["ant", "bee", "cow"]
    assert run.findings.read() == []
    with pytest.warns(LatihWarning, match="lost what it knew"):
        tuned(learning_rate=50.0, run_dir=tmp_path / "wrecked")
    (found,) = RunDirectory(tmp_path / "wrecked").findings.read()
    assert found["code"] == "learning-rate-too-high"
    assert found["code"] in RunDirectory(tmp_path / "wrecked").report_file.read_text("utf-8")


@pytest.mark.usefixtures("without_curves")
def test_the_probe_alone_is_written_down_too(tmp_path: Path) -> None:
    done = tuned(epochs=0, run_dir=tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    assert run.log.read() == []
    loaded = latih.models.load_model(run.best_file)
    np.testing.assert_array_equal(
        loaded.predict(IMAGES, verbose=0), done.model.predict(IMAGES, verbose=0)
    )
    with pytest.raises(InputError, match="holds a run already"):
        tuned(epochs=0, run_dir=tmp_path / "run")


def test_another_seed_is_named_and_not_called_other_data(tmp_path: Path) -> None:
    given: Any = {"epochs": 1, "verbose": 0, "run_dir": tmp_path / "run"}
    first = transfer.fine_tune(base(), IMAGES, KINDS, seed=5, **given)
    with pytest.raises(InputError, match="seed: 5 -> 6"):
        transfer.fine_tune(base(), IMAGES, KINDS, seed=6, **given)
    again = transfer.fine_tune(base(), IMAGES, KINDS, **given)  # of the run's own seed
    assert all(map(np.array_equal, again.model.get_weights(), first.model.get_weights()))
