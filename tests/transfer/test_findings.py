"""What goes wrong in fine-tuning: each fault is made, and found; the healthy twin is left alone."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_net import tuned as tuned_small_net

import latih
from latih import layers, transfer
from latih.errors import LatihWarning
from latih.run_directory import RunDirectory
from latih.transfer.findings import findings_of, worst_of, write_findings
from latih.transfer.modes import Gap, gap_of_modes
from latih.transfer.signs import Signs
from latih.transfer.spread import spread_of

DICE = np.random.default_rng(6)
KINDS = np.repeat([0, 1], 24)
IMAGES = DICE.integers(0, 120, (len(KINDS), 12, 12, 3)).astype("uint8")
IMAGES[KINDS == 1, :, 6:, 0] += 90
HEALTHY = Signs({"low": 0.01, "high": 0.2}, 3, 10, ("norm", 1.3), 0.0)


def base(scaled: bool) -> Any:
    """Return a small net that was trained to tell other images, with or without its scaling."""
    latih.utils.set_random_seed(2)
    known = DICE.integers(0, 256, (64, 12, 12, 3)).astype("float32")
    x, y = known / 127.5 - 1.0, known.mean((1, 2, 3)) > 127.5
    inputs = latih.Input((12, 12, 3))
    scaling = [layers.Rescaling(1 / 127.5, -1.0)] if scaled else []
    net = [
        *scaling,
        layers.Conv2D(8, 3, strides=2, use_bias=False, name="conv"),
        layers.BatchNormalization(momentum=0.5, name="norm"),
        layers.ReLU(),
        layers.Conv2D(8, 3, name="last"),
        layers.GlobalAveragePooling2D(),
    ]
    outputs = inputs
    for layer in net:
        outputs = layer(outputs)
    made = latih.Model(inputs, outputs)
    whole = latih.Sequential([made, layers.Dense(1)])
    whole.compile("adam", "mse")
    whole.fit(known if scaled else x, y.astype("float32"), epochs=3, verbose=0)
    return made


def tuned(given: Any, **more: Any) -> Any:
    options = {"epochs": 3, "seed": 1, "verbose": 0, "augmentation": None, **more}
    return transfer.fine_tune(given, IMAGES, KINDS, **options)


def codes(signs: Signs) -> list[tuple[str, str]]:
    return [(one.code, one.severity) for one in findings_of(signs)]


def changed(**more: Any) -> Signs:
    return Signs(**{**vars(HEALTHY), **more})


def test_a_healthy_fine_tuning_is_not_accused() -> None:
    assert codes(HEALTHY) == []
    done = tuned(base(scaled=True), learning_rate=1e-3)
    assert done.best_epoch and done.findings == ()
    assert (done.signs.best_epoch, done.signs.epochs) == (done.best_epoch, 3)
    assert set(done.signs.drift) == set(done.drift)
    assert 0.3 < done.signs.spread[1] < 3


def test_a_rate_that_wrecks_the_base_is_found_by_the_drift() -> None:
    with pytest.warns(LatihWarning, match=r"the base lost what it knew.*`FineTuned.findings`"):
        done = tuned(base(scaled=True), learning_rate=5.0)
    assert done.best_epoch == 0
    assert set(done.drift.values()) == {0.0}  # the probe came back; the signs are from before
    (found,) = done.findings
    assert (found.code, found.severity) == ("learning-rate-too-high", "fault")
    assert found.layer in done.signs.drift and found.layer != "head"
    assert "lower-learning-rate" in found.remedies


@pytest.mark.usefixtures("without_curves")
def test_what_a_doctor_found_in_training_stays_beside_it(tmp_path: Path) -> None:
    with pytest.warns(LatihWarning, match="not prepared as those"):
        tuned(base(scaled=False), callbacks=[latih.callbacks.Doctor()], run_dir=tmp_path / "run")
    codes = [one["code"] for one in RunDirectory(tmp_path / "run").findings.read()]
    assert codes.count("unnormalised-inputs") == 1
    again = findings_of(changed(leaked=0.2))
    write_findings(RunDirectory(tmp_path / "run"), again)
    found = [one["code"] for one in RunDirectory(tmp_path / "run").findings.read()]
    assert found == [*codes, "train-validation-mismatch"]


class NeverBegun(latih.callbacks.Callback):
    """Fails the test at the first step."""

    def on_train_begin(self, logs: Any = None) -> None:
        """Raise."""
        raise AssertionError


def test_what_can_be_seen_before_the_first_step_is_told_before_it() -> None:
    told = "not prepared as those that the base was trained on"
    with pytest.warns(LatihWarning, match=told), pytest.raises(AssertionError):
        tuned(base(scaled=False), callbacks=[NeverBegun()])
    held = (IMAGES[[0, 1, 30, 31]], KINDS[[0, 1, 30, 31]])
    with pytest.warns(LatihWarning, match="copies of some"), pytest.raises(AssertionError):
        tuned(base(scaled=True), validation_data=held, callbacks=[NeverBegun()])


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"best_epoch": 0, "drift": {"low": 0.9}}, [("learning-rate-too-high", "fault")]),
        ({"best_epoch": 0, "drift": {"low": math.nan}}, [("learning-rate-too-high", "fault")]),
        # Far, and better for it; or no better, and hardly moved; or of one epoch.
        ({"best_epoch": 5, "drift": {"low": 0.9}}, []),
        ({"best_epoch": 0}, []),
        ({"best_epoch": 0, "drift": {"low": 0.9}, "second_cycle_kept": True}, []),
        ({"best_epoch": 0, "drift": {"low": 0.9}, "epochs": 1}, []),
        ({"spread": ("norm", 255.0)}, [("unnormalised-inputs", "fault")]),
        ({"spread": ("norm", 0.01)}, [("unnormalised-inputs", "fault")]),
        ({"spread": ("norm", 0.3)}, []),
        ({"spread": None}, []),
        ({"leaked": 0.2}, [("train-validation-mismatch", "fault")]),
        ({"leaked": 0.005}, []),
        ({"gap": Gap("norm", 1.6, 1.0, 2.0)}, [("train-validation-mismatch", "fault")]),
        ({"gap": Gap("norm", 1.4, 1.0, 1.0)}, []),  # not so many times
        ({"gap": Gap("norm", 0.016, 0.01, 2.0)}, []),  # not so much
    ],
    ids=str,
)
def test_each_sign_has_its_threshold(more: dict[str, Any], found: list[Any]) -> None:
    assert codes(changed(**more)) == found


def test_images_that_are_not_scaled_as_the_base_expects_are_found() -> None:
    name, wide = spread_of(base(scaled=False), IMAGES) or ("", 0.0)
    assert name == "norm" and wide > 50
    assert codes(changed(spread=(name, wide))) == [("unnormalised-inputs", "fault")]
    name, wide = spread_of(base(scaled=True), IMAGES) or ("", 0.0)
    assert 0.3 < wide < 3
    # A closed form: the same images as in training, at any other scale.
    net = latih.Sequential([layers.BatchNormalization(epsilon=1e-9, input_shape=[2])])
    rows = DICE.normal(3.0, 2.0, (64, 2)).astype("float32")
    with torch.no_grad():
        net.layers[0].moving_mean.copy_(torch.from_numpy(rows.mean(0)))
        net.layers[0].moving_variance.copy_(torch.from_numpy(rows.var(0)))
    assert spread_of(net, rows) == (net.layers[0].name, pytest.approx(1.0, rel=1e-4))
    around = rows.mean(0) + 40 * (rows - rows.mean(0))
    assert spread_of(net, around) == (net.layers[0].name, pytest.approx(40.0, rel=1e-4))
    by_class = np.concatenate([np.tile(rows.mean(0), (64, 1)), np.tile(rows, (4, 1))])
    name, wide = spread_of(net, by_class) or ("", 0.0)  # the first class is all alike
    assert 0.7 < wide < 1.3
    constant = rows.mean(0) + 0.01 * (rows - rows.mean(0))
    assert spread_of(net, constant) == (net.layers[0].name, pytest.approx(0.01, rel=1e-3))


def test_where_no_statistics_tell_nothing_is_said() -> None:
    plain = latih.Sequential([layers.Dense(2, input_shape=[2])])
    assert spread_of(plain, np.ones((3, 2), "float32")) is None
    new = latih.Sequential([layers.BatchNormalization(input_shape=[2])])
    assert spread_of(new, np.ones((3, 2), "float32")) is None


def test_to_look_changes_nothing() -> None:
    net = base(scaled=True)
    before, wanted = net.get_weights(), net.predict(IMAGES, verbose=0)
    spread_of(net, IMAGES)
    assert all(map(np.array_equal, net.get_weights(), before))
    np.testing.assert_array_equal(net.predict(IMAGES, verbose=0), wanted)
    assert not any(layer._forward_pre_hooks for layer in net.every_layer())


def test_of_several_fine_tunings_the_worst_of_each_thing_is_told_and_the_worst_first() -> None:
    norm = ("norm", 90.0)
    several = [Signs({}, 1, 3, norm, 0.02), Signs({}, 1, 3, None, 0.35), Signs({}, 1, 3, norm, 0.1)]
    found = worst_of(several)
    assert [one.code for one in found] == ["unnormalised-inputs", "train-validation-mismatch"]
    assert found[1].evidence[0].value == 0.35


def test_what_a_net_does_alone_is_compared_with_what_it_does_in_batches() -> None:
    inputs = latih.Input((3,))
    x = layers.Dropout(0.5)(layers.BatchNormalization(name="norm")(inputs))  # dropout stays off
    net = latih.Model(inputs, layers.Dense(2, "softmax", name="head")(x))
    rows = DICE.normal(5.0, 2.0, (32, 3)).astype("float32")
    kinds = (rows[:, 0] > 5).astype(int)
    before = net.get_weights()
    found = gap_of_modes(net, rows, kinds, batch_size=32)
    assert found is not None and found.layer == "norm"
    norm = torch.nn.BatchNorm1d(3, eps=1e-3)
    head = torch.nn.Linear(3, 2)
    with torch.no_grad():
        head.weight.copy_(net.get_layer("head").kernel.T)
        head.bias.copy_(net.get_layer("head").bias)
        for training, loss in ((False, found.alone), (True, found.in_batches)):
            norm.train(training)
            wanted = torch.nn.functional.cross_entropy(
                head(norm(torch.from_numpy(rows))), torch.from_numpy(kinds)
            )
            assert loss == pytest.approx(float(wanted), rel=1e-4)
    assert found.of_chance == pytest.approx(np.log(2))
    assert all(map(np.array_equal, net.get_weights(), before))
    assert (
        gap_of_modes(latih.Sequential([layers.Dense(2, input_shape=[3])]), rows, kinds, 8) is None
    )


@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
@pytest.mark.parametrize("learns", [True, False])
def test_batch_normalisations_that_learned_from_few_batches_are_found(learns: bool) -> None:
    given: Any = {"epochs": 12, "batch_size": 19, "learning_rate": 0.02}
    done = tuned_small_net(batch_norm=learns, **given)
    assert codes(done.signs) == [("train-validation-mismatch", "fault")] * learns
    assert [one.layer for one in done.findings] == ["low_norm"] * learns


@pytest.mark.usefixtures("without_curves")
@pytest.mark.filterwarnings("ignore:.*`FineTuned.findings`")
def test_what_is_no_longer_found_is_no_longer_written(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / "run")
    run.path.mkdir()
    of_doctor = {"code": "overfitting", "moment": "running", "at_step": 40}
    at_the_end = {"code": "underfitting", "moment": "end", "at_step": 90}
    run.findings.start([of_doctor, at_the_end])
    write_findings(run, findings_of(changed(leaked=0.2)))
    write_findings(run, findings_of(changed(spread=("norm", 255.0))))
    codes_written = [one["code"] for one in run.findings.read()]
    assert codes_written == ["overfitting", "underfitting", "unnormalised-inputs"]
    write_findings(run, [])
    assert run.findings.read() == [of_doctor, at_the_end]
