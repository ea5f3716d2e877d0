"""Deep belief nets: greedy training, and the two nets that come of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

import latih as keras
from latih.errors import InputError, NotReadyError
from latih.pretraining import DBN, RBM

X = np.random.default_rng(0).random((80, 5, 4)).round().astype("float32")


def trained(**arguments: Any) -> DBN:
    keras.utils.set_random_seed(3)
    net = DBN([9, 6, 3], **arguments)
    net.fit(X, epochs=[3, 2, 1], batch_size=16, verbose=0)
    return net


def up(net: DBN, x: np.ndarray) -> np.ndarray:
    for machine in net.rbms:
        kernel, _, bias = machine.get_weights()[:3]
        total = x.reshape(len(x), -1) @ kernel + bias
        x = total if machine.hidden == "gaussian" else expit(total)
    return x


@pytest.mark.parametrize("top", ["bernoulli", "gaussian"])
def test_the_nets_that_come_of_it_begin_where_it_ended(top: str) -> None:
    net = trained(top=top)
    code = up(net, X)
    np.testing.assert_allclose(net.predict(X), code, atol=1e-5)
    np.testing.assert_allclose(net.encoder.predict(X, verbose=0), code, atol=1e-5)
    down = code
    for machine in reversed(net.rbms):
        kernel, bias, _ = machine.get_weights()[:3]
        down = expit(down @ kernel.T + bias)
    deep = net.unroll()
    np.testing.assert_allclose(deep.predict(X, verbose=0), down.reshape(X.shape), atol=1e-5)
    before = deep.evaluate(X, verbose=0)
    assert before == pytest.approx(np.square(down.reshape(X.shape) - X).mean(), rel=1e-4)
    deep.fit(X, epochs=30, verbose=0)
    assert deep.evaluate(X, verbose=0) < before
    # The nets have weights of their own.
    np.testing.assert_allclose(net.predict(X), code, atol=1e-5)


def test_a_net_for_classes() -> None:
    net = trained()
    model = net.to_model(4, dropout=0.2)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Flatten", *["Dense", "Dropout"] * 3, "Dense"]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, np.arange(80) % 4, epochs=1, verbose=0)
    assert model.predict(X, verbose=0).sum(1) == pytest.approx(1, abs=1e-5)


def test_each_machine_learns_from_the_one_below() -> None:
    net = trained()
    keras.utils.set_random_seed(3)
    again = DBN([9, 6, 3])
    again.rbms[0].fit(X, epochs=3, batch_size=16, verbose=0)
    features = again.rbms[0].encoder.predict(X, verbose=0)
    again.rbms[1].fit(features, epochs=2, batch_size=16, verbose=0)
    for one, other in zip(net.rbms[1].get_weights(), again.rbms[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_run_goes_on_with_the_machine_that_it_had_come_to(
    tmp_path: Path, without_curves: None
) -> None:
    def fit(run_dir: Path | None, *callbacks: Any) -> DBN:
        keras.utils.set_random_seed(3)
        net = DBN([9, 6, 3])
        net.fit(X, [3, 2, 1], 16, verbose=0, run_dir=run_dir, callbacks=callbacks)
        return net

    seen: list[int] = []

    def interrupt(epoch: int, logs: Any) -> None:
        seen.append(epoch)
        if len(seen) == 4:  # the first epoch of the second machine
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(tmp_path, keras.callbacks.LambdaCallback(on_epoch_end=interrupt))
    assert not (tmp_path / "rbm-3").exists()
    again, whole = fit(tmp_path), fit(None)
    for one, other in zip(again.rbms, whole.rbms, strict=True):
        for mine, its in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, its)


def test_machines_may_have_settings_of_their_own() -> None:
    net = DBN([RBM(5, visible="gaussian"), 3], k=2)
    assert net.rbms[0].k == 1 and net.rbms[1].k == 2
    assert net.rbms[1].reconstruction == "mean" and net.rbms[0].reconstruction == "sample"
    assert DBN([3], persistent=True).rbms[0].reconstruction == "sample"


def test_what_cannot_be_is_refused() -> None:
    for units in ([], 5, [0]):
        with pytest.raises(InputError, match="units"):
            DBN(units)
    with pytest.raises(InputError, match="list of 2"):
        DBN([3, 2]).fit(X, epochs=[1], verbose=0)
    with pytest.raises(InputError, match="one array"):
        DBN([3]).fit(iter([X]), verbose=0)
    with pytest.raises(InputError, match="validation data"):
        DBN([3]).fit(X, validation_data=X, verbose=0)
    with pytest.raises(NotReadyError, match="no weights"):
        DBN([3]).to_model(2)
