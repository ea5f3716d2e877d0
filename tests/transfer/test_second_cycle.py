"""Once an epoch is chosen all is done anew with everything; what that wrecks is taken back."""

from typing import Any

import numpy as np
import pytest
import torch
from small_net import IMAGES, KINDS, base, tuned

import latih
from latih import layers, random, transfer
from latih.data.strata import stratified_split
from latih.transfer.best_epoch import BestEpoch
from latih.transfer.probing import fit_head
from latih.transfer.scores import judge
from latih.transfer.whole_net import train_whole


def test_without_validation_data_the_net_learns_from_everything_in_the_end() -> None:
    names = np.array(["ant", "bee", "cow"])[KINDS]
    given: Any = {"epochs": 2, "seed": 5, "verbose": 0}
    done = transfer.fine_tune(base(), IMAGES, names, **given)
    assert done.class_names == ("ant", "bee", "cow")
    assert "val_balanced_accuracy" in done.history.history
    assert int(done.scores.confusion.sum()) == 8 + 5 + 2
    kept = transfer.fine_tune(base(), IMAGES, np.eye(3)[KINDS], refit=False, **given)
    assert kept.score == done.score
    assert not all(map(np.array_equal, kept.model.get_weights(), done.model.get_weights()))


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Gather of how many features each head was fitted, and what it became."""
    seen: list[Any] = []

    def spied(head: Any, features: Any, *rest: Any) -> None:
        fit_head(head, features, *rest)
        seen.append((len(features), head.get_weights()))

    monkeypatch.setattr("latih.transfer.phases.fit_head", spied)
    return seen


def test_the_second_cycle_begins_anew_with_everything(
    fitted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []
    stayed: list[bool] = []
    starts: list[torch.Tensor] = []

    class Look(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch < 2:  # one group wakes at the start, and another one after an epoch
                inside = self.model.get_layer("small").get_weights()
                stayed.append(all(map(np.array_equal, inside, base().get_weights())))

    def spied(network: Any, training: Any, validation: Any, *rest: Any) -> Any:
        epochs, options, callbacks, keeping = rest
        features, head = network.features.get_weights(), network.head.get_weights()
        begun.append((len(training.x), features, head))
        pulled = network.features.get_layer("small").get_layer("high").kernel
        starts.append(pulled.regularizer.start.clone())
        listeners = [*callbacks, Look()]
        return train_whole(network, training, validation, epochs, options, listeners, keeping)

    monkeypatch.setattr("latih.transfer.phases.train_whole", spied)
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02, "unfreeze_every": 1}
    done = transfer.fine_tune(base(), IMAGES, KINDS, pull=0.01, epochs=8, **given)
    assert done.best_epoch and done.second_cycle_kept
    assert [count for count, _, _ in begun] == [61, 76]
    assert stayed == [True, False] * 2
    for _, features, _ in begun:
        assert all(map(np.array_equal, features, base().get_weights()))
    assert [count for count, _ in fitted] == [4 * 61, 4 * 76]  # of four views each
    for (_, _, head), (_, fit) in zip(begun, fitted, strict=True):
        parts = [np.median(one / other) for one, other in zip(head, fit, strict=True)]
        assert 0.1 < parts[0] < 1 and parts[1] == pytest.approx(parts[0], rel=1e-4)
    kernel = base().get_layer("high").kernel
    assert len(starts) == 2 and all(torch.equal(start, kernel) for start in starts)
    pulled = done.model.get_layer("small").get_layer("high").kernel
    assert pulled.regularizer is None and not torch.equal(pulled, kernel)


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_where_the_first_cycle_was_worth_nothing_the_probe_learns_from_everything(
    fitted: list[Any],
) -> None:
    given: Any = {"epochs": 3, "learning_rate": 50.0, "seed": 5, "verbose": 0}
    done = transfer.fine_tune(base(), IMAGES, KINDS, **given)
    assert done.best_epoch == 0 and not done.second_history.epoch
    count, head = fitted[-1]
    assert count == 4 * 76
    wanted = [*base().get_weights(), *head]
    assert all(map(np.array_equal, done.model.get_weights(), wanted))


def test_a_first_cycle_that_is_below_the_probe_by_chance_does_not_keep_from_the_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        BestEpoch, "keeps_promise", lambda self, logs, errors=0.0: errors > 0
    )  # no epoch is as good as the probe, and the last is near
    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02}
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=8, **given)
    assert done.best_epoch == 0 and done.score == done.probe_score
    assert len(done.second_history.epoch) == 8 and done.second_cycle_kept


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_a_second_cycle_that_wrecks_the_net_is_taken_back() -> None:
    x = np.random.default_rng(4).normal(size=(60, 6)).astype("float32")
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int)
    net = latih.Sequential([layers.Dense(8, "relu", input_shape=[6]), layers.Dense(8, "relu")])
    given: Any = {"epochs": 8, "learning_rate": 3.0, "warmup": 0.9, "verbose": 0}
    taken_back = 0
    for seed in range(3):
        done = transfer.fine_tune(net, x, y, seed=seed, **given)
        taken_back += bool(done.second_history.epoch) and not done.second_cycle_kept
        _, held = stratified_split(y, 0.2, random.mix(seed, 1))
        after = judge(y[held], done.model.predict(x[held], verbose=0))
        assert after.no_worse_than(done.probe_scores)
    assert taken_back


def test_whether_the_second_cycle_was_kept_is_told(
    request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    given: Any = {"epochs": 4, "seed": 5, "learning_rate": 0.02}
    assert transfer.fine_tune(base(), IMAGES, KINDS, verbose=0, **given).second_cycle_kept
    assert not tuned(epochs=4).second_cycle_kept  # there was none
    kept = transfer.fine_tune(base(), IMAGES, KINDS, verbose=0, refit=False, **given)

    request.getfixturevalue("wrecked_second_cycles")
    done = transfer.fine_tune(base(), IMAGES, KINDS, verbose=2, **given)
    assert not done.second_cycle_kept and len(done.second_history.epoch) == 4
    assert "is taken back" in capsys.readouterr().out
    assert all(map(np.array_equal, done.model.get_weights(), kept.model.get_weights()))


def test_a_second_cycle_has_as_many_epochs_as_the_first_came_to() -> None:
    class Stop(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 3

    given: Any = {"seed": 5, "verbose": 0, "learning_rate": 0.02, "callbacks": Stop()}
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=8, **given)
    assert len(done.history.epoch) == len(done.second_history.epoch) == 4


def test_a_probe_that_knows_everything_and_is_worse_is_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heads: list[Any] = []

    def fit(head: Any, features: Any, targets: Any, weights: Any) -> None:
        fit_head(head, features, targets, weights)
        if heads:  # the second time
            head.set_weights([-one for one in head.get_weights()])
        heads.append(head.get_weights())

    monkeypatch.setattr("latih.transfer.phases.fit_head", fit)
    done = transfer.fine_tune(base(), IMAGES, KINDS, epochs=0, seed=5, verbose=0)
    assert len(heads) == 2
    kept = done.model.get_layer("head").get_weights()
    assert all(map(np.array_equal, kept, heads[0]))
