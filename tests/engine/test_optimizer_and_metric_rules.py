"""What training does for optimizers with averages and scaled losses, and for metrics of classes."""

from typing import Any

import keras
import numpy as np
import pytest

import latih
from latih.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

_draw = np.random.default_rng(4)
X = _draw.normal(size=(12, 3)).astype("float32")
LABELS = np.arange(12) % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
START = [_draw.normal(size=(3, 3)).astype("float32"), np.zeros(3, "float32")]


def net(k: Any, loss: str = "categorical_crossentropy", **compiled: Any) -> Any:
    model = k.Sequential([k.Input((3,)), k.layers.Dense(3, "softmax")])
    model.compile(loss=loss, **compiled)
    model.set_weights(START)
    return model


@pytest.mark.parametrize(
    "arguments",
    [
        {"use_ema": True, "ema_momentum": 0.7},
        {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 2},
        {"loss_scale_factor": 16.0},
        {"gradient_accumulation_steps": 3},
    ],
)
def test_fit_leaves_the_weights_that_keras_leaves(arguments: dict[str, Any]) -> None:
    trained = []
    for library in (latih, keras):
        model = net(library, optimizer=library.optimizers.SGD(0.1, **arguments))
        model.fit(X, ONE_HOT, epochs=3, batch_size=4, shuffle=False, verbose=0)
        trained.append(model.get_weights())
    for one, other in zip(*trained, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("fails", [False, True])
def test_averages_take_the_weights_place_only_at_a_normal_end(fails: bool) -> None:
    class Stops(latih.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if fails:
                raise RuntimeError("the cat pulled the plug")

    ends = []
    for average in (False, True):
        model = net(latih, optimizer=latih.optimizers.SGD(0.1, use_ema=average))
        if fails:
            with pytest.raises(RuntimeError, match="cat"):
                model.fit(X, ONE_HOT, batch_size=4, verbose=0, shuffle=False, callbacks=[Stops()])
        else:
            model.fit(X, ONE_HOT, batch_size=4, verbose=0, shuffle=False, callbacks=[Stops()])
        ends.append(model.get_weights()[0])
    assert np.array_equal(*ends) == fails


@pytest.mark.parametrize("name", ["crossentropy", "ce", "CE"])
@pytest.mark.parametrize(
    ("loss", "targets"),
    [("categorical_crossentropy", ONE_HOT), ("sparse_categorical_crossentropy", LABELS)],
)
def test_crossentropy_becomes_the_kind_that_fits(name: str, loss: str, targets: Any) -> None:
    model = net(latih, loss, metrics=[name])
    scores = model.evaluate(X, targets, verbose=0, return_dict=True)
    assert scores[name] == pytest.approx(scores["loss"])


def test_crossentropy_of_one_output_is_binary() -> None:
    model = latih.Sequential([latih.Input((3,)), latih.layers.Dense(1, "sigmoid")])
    model.compile(loss="binary_crossentropy", metrics=["crossentropy"])
    scores = model.evaluate(X, LABELS > 0, verbose=0, return_dict=True)
    assert scores["crossentropy"] == pytest.approx(scores["loss"])


def test_a_metric_of_each_class_is_a_list_in_the_logs(tmp_path: Any, capsys: Any) -> None:
    model = net(latih, metrics=[latih.metrics.F1Score()])
    run = tmp_path / "run"
    history = model.fit(X, ONE_HOT, validation_data=(X, ONE_HOT), verbose=2, run_dir=run).history
    assert [len(history[name][0]) for name in ("f1_score", "val_f1_score")] == [3, 3]
    scores = model.evaluate(X, ONE_HOT, verbose=0, return_dict=True)
    assert scores["f1_score"] == pytest.approx(history["val_f1_score"][0])
    told = ", ".join(f"{one:.4f}" for one in history["f1_score"][0])
    assert f" f1_score: [{told}]" in " ".join(capsys.readouterr().out.split())
    assert (run / "report.html").is_file()


def test_a_metric_of_each_class_cannot_be_watched() -> None:
    model = net(latih, metrics=[latih.metrics.F1Score()])
    with pytest.raises(InputError, match="'f1_score', which is several numbers"):
        model.fit(
            X, ONE_HOT, verbose=0, callbacks=[latih.callbacks.EarlyStopping("f1_score", mode="max")]
        )


@pytest.mark.parametrize(
    ("loss", "targets", "told"),
    [
        ("binary_focal_crossentropy", ONE_HOT * 2, "as binary_focal_crossentropy takes them"),
        ("dice", ONE_HOT - 1, "as dice takes them"),
        (latih.losses.Tversky(), ONE_HOT * 2, "as tversky takes them"),
        ("categorical_focal_crossentropy", LABELS, "takes one-hot rows"),
        (latih.losses.CategoricalHinge(), LABELS, "takes one-hot rows"),
        ("categorical_generalized_cross_entropy", LABELS + 1, "labels out of range"),
        *(
            (loss, ONE_HOT[:, :2], "does not fit the model's outputs")
            for loss in ("mape", "msle", "log_cosh", "cosine_similarity", "poisson", "hinge")
        ),
        (latih.losses.SquaredHinge(), ONE_HOT[:, :2], "does not fit the model's outputs"),
        (latih.losses.KLDivergence(), ONE_HOT[:, :2], "does not fit the model's outputs"),
    ],
)
def test_targets_are_judged_for_every_loss(loss: Any, targets: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        net(latih, loss).fit(X, targets, verbose=0)


def test_one_output_for_class_numbers_names_the_loss_that_was_given() -> None:
    model = latih.Sequential([latih.Input((3,)), latih.layers.Dense(1, "sigmoid")])
    model.compile(loss=latih.losses.CategoricalGeneralizedCrossEntropy())
    with pytest.raises(InputError, match="by categorical_generalized_cross_entropy"):
        model.fit(X, LABELS, verbose=0)
