"""Groups move as reckoned by hand; waiting ones not at all; the pull is a closed form."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small_net import Killed

import latih
from latih import callbacks, layers, transfer
from latih.errors import InputError, LatihWarning
from latih.layers.depth import by_depth, in_depth
from latih.optimizers import SGD

X = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(24, 2)).astype("float32")


def model() -> Any:
    latih.utils.set_random_seed(3)
    inside = latih.Sequential(
        [
            layers.Dense(5, "tanh", input_shape=[4], name="a"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(5, "tanh", name="b"),
        ]
    )
    return latih.Sequential([inside, layers.Dense(5, "tanh", name="c"), layers.Dense(2, name="d")])


def called(divided: Any) -> list[list[str]]:
    return [[layer.name for layer in group] for group in divided]


def test_groups_go_from_the_inputs_to_the_head() -> None:
    assert called(transfer.groups(model())) == [["a", "norm"], ["b"], ["c"], ["d"]]
    assert called(transfer.groups(model(), 3)) == [["a", "norm", "b"], ["c"], ["d"]]
    assert called(transfer.groups(model(), 2)) == [["a", "norm", "b", "c"], ["d"]]
    assert called(transfer.groups(model(), 1)) == [["a", "norm", "b", "c", "d"]]
    every = {id(w) for group in transfer.groups(model()) for layer in group for w in layer.weights}
    assert len(every) == len(model().weights)


def test_there_are_no_more_groups_than_kernels() -> None:
    assert len(transfer.groups(model(), 9)) == 4
    with pytest.raises(InputError, match="`count`"):
        by_depth(model(), 0)
    with pytest.raises(InputError, match="no weights"):
        by_depth(latih.Sequential([layers.Flatten(input_shape=[2])]))


def test_a_layer_that_is_used_twice_is_in_one_group() -> None:
    inputs, shared = latih.Input((4,)), layers.Dense(4, name="shared")
    twice = latih.Model(inputs, layers.Dense(1, name="head")(shared(shared(inputs))))
    assert [layer.name for layer in in_depth(twice)][1:] == ["shared", "head"]


@pytest.mark.parametrize("factor", [2.6, 1.0])
def test_each_group_moves_as_reckoned_by_hand(factor: float) -> None:
    net = transfer.freeze(model(), until=0)
    divided = transfer.groups(net)
    rate = 0.1
    optimizer = SGD(rate)
    optimizer.set_groups(transfer.rates_by_depth(divided, factor))
    net.compile(optimizer, loss="mse")
    loss = (net(torch.from_numpy(X), training=True) - torch.from_numpy(Y)).square().mean()
    before = [weight.detach().clone() for weight in net.trainable_weights]
    gradients = torch.autograd.grad(loss, net.trainable_weights)
    net.fit(X, Y, batch_size=24, epochs=1, shuffle=False, verbose=0)
    depth = {
        id(weight): 3 - place
        for place, group in enumerate(divided)
        for layer in group
        for weight in layer.weights
    }
    for weight, old, gradient in zip(net.trainable_weights, before, gradients, strict=True):
        wanted = old - rate / factor ** depth[id(weight)] * gradient
        torch.testing.assert_close(weight.detach(), wanted, rtol=1e-5, atol=1e-7)


def test_layer_wise_decay_is_a_group_a_layer() -> None:
    rates = transfer.rates_by_depth(transfer.groups(model()), factor=1 / 0.9, top=0.5)
    wanted = [0.5 * 0.9**power for power in (3, 2, 1, 0)]
    np.testing.assert_allclose([group.learning_rate for group in rates], wanted)
    with pytest.raises(InputError, match="`factor`"):
        transfer.rates_by_depth([], 0.5)


def test_the_pull_is_towards_the_start() -> None:
    net = model()
    transfer.pull_to_start(net.layers[:1], 0.25)
    head = net.layers[-1]
    start = [weight.detach().clone() for weight in net.layers[0].trainable_weights]
    with torch.no_grad():
        for weight in net.trainable_weights:
            weight.add_(torch.randn(weight.shape))
    total = sum(net.losses)
    moved = net.layers[0].trainable_weights
    for weight, old, gradient in zip(moved, start, torch.autograd.grad(total, moved), strict=True):
        torch.testing.assert_close(gradient, 2 * 0.25 * (weight - old).detach())
    assert not any(weight is pulled for weight in head.weights for _, pulled in net.penalties())
    transfer.pull_to_start(net.layers[:1], 0)
    assert not net.losses


def test_a_model_may_be_pulled_as_a_whole() -> None:
    net = model()
    transfer.pull_to_start(net, 0.1)
    pulled = [isinstance(w.regularizer, transfer.PullToStart) for w in net.trainable_weights]
    assert pulled and all(pulled)


def test_the_penalties_that_a_pull_displaced_come_back() -> None:
    net = latih.Sequential([layers.Dense(3, kernel_regularizer="l2", input_shape=[4])])
    own = net.layers[0].kernel.regularizer
    for strength in (0.1, 0.2):
        transfer.pull_to_start(net.layers, strength)
        assert isinstance(net.layers[0].kernel.regularizer, transfer.PullToStart)
    transfer.pull_to_start(net.layers, 0)
    assert net.layers[0].kernel.regularizer is own and net.layers[0].bias.regularizer is None


def test_a_strong_pull_keeps_weights_where_they_were() -> None:
    def distance(strength: float) -> float:
        net = model()
        transfer.pull_to_start(net.layers[:1], strength)
        start = net.layers[0].get_weights()
        net.compile(SGD(0.05), loss="mse")
        net.fit(X, Y, epochs=60, verbose=0)
        moved = zip(net.layers[0].get_weights()[:2], start[:2], strict=True)
        return sum(float(np.square(new - old).sum()) for new, old in moved)

    assert distance(3.0) < 0.1 * distance(0.0)


# Gradual unfreezing


def unfrozen(epochs: int, **fitting: Any) -> tuple[Any, list[list[bool]]]:
    net = model()
    transfer.unfreeze(transfer.freeze(net), batch_norm=False)
    net.compile(SGD(0.1, momentum=0.9), loss="mse")
    divided = transfer.groups(net)
    moved: list[list[bool]] = []
    before = [[layer.get_weights() for layer in group] for group in divided]

    def look(epoch: int, logs: Any) -> None:
        del epoch, logs
        now = [[layer.get_weights() for layer in group] for group in divided]
        moved.append(
            [
                any(
                    not np.array_equal(a, b)
                    for one, two in zip(new, old, strict=True)
                    for a, b in zip(one, two, strict=True)
                )
                for new, old in zip(now, before, strict=True)
            ]
        )

    own = fitting.pop("callbacks", [])
    net.fit(
        X,
        Y,
        epochs=epochs,
        verbose=0,
        callbacks=[
            callbacks.GradualUnfreezing(every=2, factor=2.0),
            callbacks.LambdaCallback(on_epoch_end=look),
            *own,
        ],
        **fitting,
    )
    return net, moved


def test_groups_wake_from_the_head_down() -> None:
    _, moved = unfrozen(8)
    assert [sum(one) for one in moved] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert moved[0] == [False, False, False, True]


def test_the_way_back_ends_at_what_is_awake() -> None:
    net = model()
    net.compile(SGD(0.1), loss="mse")
    kernels: list[int] = []

    def count(epoch: int, logs: Any) -> None:
        del epoch, logs
        found = re.search(r"(\d+) kernels for batches of 8", net.explain_step())
        assert found
        kernels.append(int(found[1]))

    look = callbacks.LambdaCallback(on_epoch_end=count)
    net.fit(
        X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[callbacks.GradualUnfreezing(), look]
    )
    assert kernels == sorted(set(kernels))


def test_a_head_that_is_awake_alone_learns_as_over_frozen_layers() -> None:
    def plain() -> Any:
        latih.utils.set_random_seed(3)
        return latih.Sequential(
            [layers.Dense(units, "tanh", input_shape=[4]) for units in (5, 6)] + [layers.Dense(2)]
        )

    waiting, frozen = plain(), transfer.freeze(plain(), until=-1)

    def trained(net: Any, *more: Any) -> None:
        net.compile(SGD(0.1, momentum=0.9, global_clipnorm=0.2), loss="mse")
        net.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, callbacks=[*more])

    with pytest.warns(LatihWarning, match="leaves 2 of 3 groups asleep: within 3 epochs"):
        trained(waiting, callbacks.GradualUnfreezing(every=9))
    trained(frozen)
    for ours, wanted in zip(waiting.get_weights(), frozen.get_weights(), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("epoch", [1, 2, 5])
@pytest.mark.usefixtures("without_curves")
@pytest.mark.filterwarnings("ignore:GradualUnfreezing leaves")
def test_a_killed_run_wakes_the_same_groups(epoch: int, tmp_path: Path) -> None:
    whole, _ = unfrozen(6)
    with pytest.raises(KeyboardInterrupt):
        unfrozen(6, run_dir=tmp_path / "run", callbacks=[Killed(epoch)])
    resumed, _ = unfrozen(6, run_dir=tmp_path / "run", callbacks=[Killed(99)])
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:GradualUnfreezing leaves")
def test_groups_may_be_given_or_counted() -> None:
    net = model()
    net.compile("sgd", loss="mse")
    for given, wanted in ((2, 2), (transfer.groups(net, 3), 3), (None, 4)):
        callback = callbacks.GradualUnfreezing(given)
        net.fit(X, Y, verbose=0, callbacks=[callback])
        rates = [group.learning_rate for group in net.optimizer.groups]
        assert rates == [0.0] * (wanted - 1) + [1.0]
    with pytest.raises(InputError, match="`every`"):
        callbacks.GradualUnfreezing(every=0)
