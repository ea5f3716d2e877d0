"""What evaluate, predict and the on_batch calls give: Keras's numbers, or those worked by hand."""

import math
from typing import Any

import keras
import numpy as np
import pytest

import latih

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_draw = np.random.default_rng(6)
X = _draw.normal(size=(11, 4)).astype("float32")
LABELS = _draw.integers(0, 3, 11)
WEIGHTS = _draw.uniform(0, 2, 11).astype("float32")


def net(k: Any) -> Any:
    model = k.Sequential(
        [
            k.Input((4,)),
            k.layers.Dense(5, activation="relu"),
            k.layers.Dropout(0.5),
            k.layers.BatchNormalization(),
            k.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        k.optimizers.SGD(0.1),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["sparse_categorical_crossentropy"],
    )
    return model


@pytest.fixture
def twins() -> tuple[Any, Any]:
    theirs, ours = net(keras), net(latih)
    ours.set_weights(theirs.get_weights())
    return theirs, ours


ASKED: dict[str, Any] = {
    "evaluate": lambda m: m.evaluate(X, LABELS, batch_size=4, verbose=0),
    "evaluate with weights": lambda m: m.evaluate(
        X, LABELS, batch_size=4, sample_weight=WEIGHTS, verbose=0
    ),
    "evaluate some steps": lambda m: m.evaluate(X, LABELS, batch_size=4, steps=2, verbose=0),
    "test_on_batch": lambda m: m.test_on_batch(X, LABELS),
    "test_on_batch with weights": lambda m: m.test_on_batch(X, LABELS, sample_weight=WEIGHTS),
    "predict": lambda m: m.predict(X, batch_size=4, verbose=0),
    "predict_on_batch": lambda m: m.predict_on_batch(X),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_the_numbers_are_keras_numbers(ask: Any, twins: tuple[Any, Any]) -> None:
    theirs, ours = twins
    wanted, got = np.asarray(ask(theirs), float), np.asarray(ask(ours), float)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("asked", ["evaluate", "test_on_batch"])
def test_the_names_come_on_request(asked: str, twins: tuple[Any, Any]) -> None:
    quiet = {"verbose": 0} if asked == "evaluate" else {}
    theirs, ours = (getattr(model, asked)(X, LABELS, return_dict=True, **quiet) for model in twins)
    assert ours == pytest.approx({name: float(v) for name, v in theirs.items()}, rel=1e-5)
    assert list(ours.values()) == getattr(twins[1], asked)(X, LABELS, **quiet)


def test_train_on_batch_does_one_step_of_keras() -> None:
    models = []
    for k in (keras, latih):
        model = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    for weights in (None, WEIGHTS):
        given = {"sample_weight": weights}
        wanted = [float(v) for v in theirs.train_on_batch(X, LABELS, **given)]
        assert ours.train_on_batch(X, LABELS, **given) == pytest.approx(wanted, rel=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_step_on_a_batch_leaves_the_model_in_inference_mode() -> None:
    model = net(latih)
    model.train_on_batch(X, LABELS)
    assert not model.training
    first, second = model.predict(X, verbose=0), model.predict(X, verbose=0)
    np.testing.assert_array_equal(first, second)


def test_a_loss_worked_by_hand() -> None:
    model = latih.Sequential([latih.Input([1]), latih.layers.Dense(1)])
    model.compile("sgd", loss="mse", metrics=["mae"])
    model.set_weights([np.array([[2.0]]), np.array([1.0])])
    # 2x + 1 of 0, 1, 2 is 1, 3, 5; the errors against 1, 1, 1 are 0, 2, 4.
    x, y = [[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0]
    assert model.predict(x, verbose=0).tolist() == [[1.0], [3.0], [5.0]]
    assert model.evaluate(x, y, verbose=0) == pytest.approx([20 / 3, 2.0])
    # A last batch of one counts as one example, and not as a batch.
    assert model.evaluate(x, y, batch_size=2, verbose=0) == pytest.approx([20 / 3, 2.0])
    # d/dw of the mean square: 2/3 (0*0 + 2*1 + 4*2); d/db: 2/3 (0 + 2 + 4); the rate is 0.01.
    model.train_on_batch(x, y)
    kernel, bias = model.get_weights()
    assert float(kernel[0, 0]) == pytest.approx(2 - 0.01 * 20 / 3)
    assert float(bias[0]) == pytest.approx(1 - 0.01 * 4)


def test_a_model_of_even_odds_has_the_loss_of_guessing() -> None:
    model = net(latih)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    loss = model.evaluate(X, LABELS, verbose=0)[0]
    assert loss == pytest.approx(math.log(3), rel=1e-6)


def test_a_model_without_metrics_gives_its_loss_alone() -> None:
    model = latih.Sequential([latih.Input([4]), latih.layers.Dense(1)])
    model.compile("sgd", loss="mse")
    assert isinstance(model.evaluate(X, X[:, 0], verbose=0), float)
    assert isinstance(model.train_on_batch(X, X[:, 0]), float)
    assert isinstance(model.test_on_batch(X, X[:, 0]), float)


def test_predictions_end_after_the_steps_that_were_asked_for() -> None:
    assert net(latih).predict(X, batch_size=4, steps=2, verbose=0).shape == (8, 3)


def test_evaluation_changes_no_weight_and_no_statistic() -> None:
    model = net(latih)
    model.fit(X, LABELS, verbose=0)
    before = model.get_weights()
    model.evaluate(X, LABELS, verbose=0)
    model.predict(X, verbose=0)
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_fitting_twice_goes_on_as_keras_goes_on() -> None:
    models = []
    for k in (keras, latih):
        model = k.Sequential([k.Input((4,)), k.layers.Dense(3, activation="softmax")])
        model.compile("adam", loss="sparse_categorical_crossentropy")
        models.append(model)
    theirs, ours = models
    ours.set_weights(theirs.get_weights())
    for _ in range(2):
        for model in models:
            model.fit(X, LABELS, epochs=2, batch_size=4, shuffle=False, verbose=0)
    assert int(ours.optimizer.iterations) == int(theirs.optimizer.iterations) == 12
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    # Another run of the same length from the start would be elsewhere: Adam's memory counts.
    once = models[1].get_weights()
    ours.compile("adam", loss="sparse_categorical_crossentropy")
    assert int(ours.optimizer.iterations) == 0
    ours.fit(X, LABELS, epochs=1, verbose=0)
    assert not np.array_equal(once[0], ours.get_weights()[0])


def test_compiling_again_changes_loss_and_optimizer_and_keeps_the_weights() -> None:
    model = net(latih)
    model.fit(X, LABELS, verbose=0)
    before = model.get_weights()
    model.compile("adam", loss="categorical_crossentropy", metrics=["accuracy"])
    for one, other in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)
    history = model.fit(X, np.eye(3)[LABELS], verbose=0)
    assert sorted(history.history) == ["accuracy", "loss"]
    assert type(model.optimizer).__name__ == "Adam"


def test_an_optimizer_that_is_given_to_a_second_model_leaves_the_first_alone() -> None:
    optimizer = latih.optimizers.Adam()
    one, other = net(latih), net(latih)
    for model in (one, other):
        model.compile(optimizer, loss="sparse_categorical_crossentropy")
    one.fit(X, LABELS, verbose=0)
    kept = one.get_weights()
    other.fit(X, LABELS, epochs=2, verbose=0)
    for was, stays in zip(kept, one.get_weights(), strict=True):
        np.testing.assert_array_equal(was, stays)


def test_the_number_of_the_last_epoch_counts_those_before() -> None:
    history = net(latih).fit(X, LABELS, initial_epoch=2, epochs=5, verbose=0)
    assert history.epoch == [2, 3, 4]
    assert len(history.history["loss"]) == 3
