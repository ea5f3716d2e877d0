"""The cycle of a whole run against torch's OneCycleLR."""

from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih.callbacks import LambdaCallback, OneCycle
from latih.errors import InputError

DICE = np.random.default_rng(0)
X, Y = DICE.normal(size=(40, 5)).astype("float32"), DICE.integers(0, 3, 40)


def net(optimizer: Any) -> Any:
    model = latih.Sequential([latih.Input((5,)), latih.layers.Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def watched(optimizer: Any, attribute: str, cycle: OneCycle, **more: Any) -> list[Any]:
    model, seen = net(optimizer), []
    look = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            (optimizer.current_rate(), getattr(optimizer, attribute))
        )
    )
    history = model.fit(X, Y, 16, verbose=0, callbacks=[cycle, look], **more)
    assert history.history["learning_rate"] == [rate for rate, _ in seen[2::3]]
    return seen


def torchs(steps: int, attribute: str, **more: Any) -> list[Any]:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer: Any = (
        torch.optim.SGD([weight], 0.1, momentum=0.9)
        if attribute == "momentum"
        else torch.optim.Adam([weight], 0.1)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=steps, **more)
    seen = []
    for step in range(steps):
        (group,) = optimizer.param_groups
        momentum = group["momentum"] if attribute == "momentum" else group["betas"][0]
        seen.append((group["lr"], momentum))
        optimizer.step()
        if step < steps - 1:
            schedule.step()
    return seen


@pytest.mark.parametrize("attribute", ["momentum", "beta_1"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({}, {}),
        ({"warmup_fraction": 0.5, "annealing": "linear"}, {"pct_start": 0.5, "anneal": "linear"}),
        ({"start_divisor": 10, "end_divisor": 100}, {"div_factor": 10, "final_div_factor": 100}),
        ({"momentum": (0.5, 0.9)}, {"base_momentum": 0.5, "max_momentum": 0.9}),
    ],
)
def test_rate_and_momentum_go_as_torchs(attribute: str, ours: Any, theirs: Any) -> None:
    theirs = {"anneal_strategy" if k == "anneal" else k: v for k, v in theirs.items()}
    made = latih.optimizers
    optimizer = made.SGD(0.1, momentum=0.7) if attribute == "momentum" else made.Adam(beta_1=0.7)
    seen = watched(optimizer, attribute, OneCycle(0.4, **ours), epochs=5)
    np.testing.assert_allclose(seen, torchs(15, attribute, **theirs), rtol=1e-6)
    assert getattr(optimizer, attribute) == 0.7  # its own again


def test_a_run_that_begins_later_has_a_cycle_of_its_own_length() -> None:
    seen = watched(
        latih.optimizers.SGD(momentum=0.9), "momentum", OneCycle(0.4), epochs=7, initial_epoch=3
    )
    np.testing.assert_allclose(seen, torchs(12, "momentum"), rtol=1e-6)
    assert [rate for rate, _ in seen] == OneCycle(0.4).rates(12)


@pytest.mark.parametrize("made", [latih.optimizers.SGD, latih.optimizers.Adagrad])
def test_an_optimizer_without_momentum_gets_none(made: Any) -> None:
    optimizer = made(0.1)
    before = getattr(optimizer, "momentum", None)
    net(optimizer).fit(X, Y, 16, 2, 0, [OneCycle(0.4)])
    assert getattr(optimizer, "momentum", None) == before
    momentum = latih.optimizers.SGD(0.1, momentum=0.8)
    seen = watched(momentum, "momentum", OneCycle(0.4, momentum=None), epochs=2)
    assert {m for _, m in seen} == {0.8}


def test_a_run_that_goes_on_after_a_kill_is_at_the_same_place_of_the_cycle(tmp_path: Any) -> None:
    def break_off(epoch: int, logs: Any) -> None:
        if epoch == 3:
            raise RuntimeError("breaking off")

    made = latih.optimizers.SGD
    whole = watched(made(momentum=0.9), "momentum", OneCycle(0.4), epochs=5)
    breaking = LambdaCallback(on_epoch_begin=break_off)
    with pytest.raises(RuntimeError):
        net(made(momentum=0.9)).fit(
            X, Y, 16, 5, 0, [latih.callbacks.BackupAndRestore(tmp_path), OneCycle(0.4), breaking]
        )
    model, seen = net(made(momentum=0.9)), []
    look = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(
            (model.optimizer.current_rate(), model.optimizer.momentum)
        )
    )
    model.fit(X, Y, 16, 5, 0, [latih.callbacks.BackupAndRestore(tmp_path), OneCycle(0.4), look])
    assert seen and seen == whole[-len(seen) :]


def test_a_run_of_one_step_has_no_room_for_a_cycle() -> None:
    with pytest.raises(InputError, match="two steps"):
        net("sgd").fit(X, Y, 40, 1, 0, [OneCycle(0.4)])
