"""Adam on gradients in bfloat16: to the bit as on float32, and only where nobody else looks."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from keeping import Taking

import latih as keras
from latih import layers, optimizers
from latih.engine.capture import native
from latih.engine.capture.native import adam, cast, library
from latih.optimizers.groups import Group
from latih.optimizers.short import Pace
from latih.structures import is_same

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not native.available(), reason=str(native.why_not())),
]

few = settings(max_examples=40, deadline=None)
NOT_USUAL = [0.0, -0.0, 1e-40, -1e-42, 1e-30, 3e38, -3e38, torch.inf, -torch.inf, torch.nan]


@pytest.fixture(autouse=True)
def _can_be_had() -> None:
    if not adam.same_bits(torch.get_num_threads()):
        pytest.skip("PyTorch's kernel for this processor rounds in another way")


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def numbers(count: int, seed: int, strange: int) -> list[torch.Tensor]:
    """Weights, gradients, means and squares, of which some are not usual."""
    dice = torch.Generator().manual_seed(seed)
    weights, gradients, means, squares = torch.randn(4, count, generator=dice)
    sizes = 10.0 ** torch.randint(-12, 4, (count,), generator=dice)
    gradients, means = gradients * sizes, means * sizes
    # Where the old mean and the new part all but cancel out, each order of rounding is another.
    means[1::5] = -gradients[1::5].bfloat16().float() / 9
    squares = (squares * sizes).square()
    for numbers in (weights, gradients, means, squares):
        places = torch.randint(0, count, (strange,), generator=dice)
        kinds = torch.randint(0, len(NOT_USUAL), (strange,), generator=dice)
        numbers[places] = torch.tensor(NOT_USUAL)[kinds]
    return [weights, gradients.bfloat16(), means, squares]


def assert_same_bits(one: torch.Tensor, other: torch.Tensor) -> None:
    kind = torch.int16 if one.dtype == torch.bfloat16 else torch.int32
    nan = one.isnan()
    assert torch.equal(nan, other.isnan())
    assert torch.equal(one.view(kind)[~nan], other.view(kind)[~nan])


def in_turns(gradients: torch.Tensor, turns: Sequence[int]) -> list[tuple[int, torch.Tensor]]:
    """Part gradients at some places, and have every other part in float32."""
    ends = sorted({0, len(gradients), *(turn % len(gradients) for turn in turns)})
    parts = [(start, gradients[start:end]) for start, end in itertools.pairwise(ends)]
    return [
        (start, part.float() if number % 2 else part) for number, (start, part) in enumerate(parts)
    ]


def check(
    given: list[torch.Tensor], pace: Pace, turns: Sequence[int] | None = None, updates: int = 3
) -> None:
    weights, gradients, *slots = given
    usual = [one.clone() for one in (weights, *slots)]
    around = torch.full((len(weights) + 2,), 7.0, dtype=torch.bfloat16)
    copy = around[1:-1]
    runs = [(0, gradients)] if turns is None else in_turns(gradients, turns)
    for _ in range(updates):
        adam.update(weights, runs, slots, copy, pace)
        adam.by_pytorch(usual, gradients.float(), pace)
        for one, other in zip((weights, *slots), usual, strict=True):
            assert_same_bits(one, other)
        assert_same_bits(copy, usual[0].bfloat16())
        pace = pace._replace(step=pace.step + 1)
    assert around[0] == around[-1] == 7


@few
@given(
    count=st.one_of(st.integers(1, 3000), st.integers(60_000, 140_000)),
    seed=st.integers(0, 1000),
    strange=st.sampled_from([0, 50]),
    threads=st.integers(1, 3),
    beta_1=st.sampled_from([0.9, 0.0, 0.5, 0.99]),
    beta_2=st.sampled_from([0.999, 0.0, 0.9]),
    epsilon=st.sampled_from([1e-7, 0.0, 1e-3]),
    step=st.sampled_from([1, 2, 1000, 10**7]),
    turns=st.none() | st.lists(st.integers(0, 140_000), max_size=5),
)
def test_any_numbers(count, seed, strange, threads, beta_1, beta_2, epsilon, step, turns):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        check(numbers(count, seed, strange), Pace(0.01, beta_1, beta_2, epsilon, step), turns)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("flushing", [False, True])
def test_denormal_numbers_on_one_thread(flushing, threads):
    threads(1)
    was = adam.flushes()
    if not torch.set_flush_denormal(flushing):
        pytest.skip("this processor does not flush denormal numbers")
    try:
        assert adam.same_bits(1)
        given = numbers(5000, 1, 0)
        for one in given:
            one.mul_(1e-38)
        check(given, Pace(1e-3, 0.9, 0.999, 1e-30, 1))
    finally:
        torch.set_flush_denormal(was)


def test_threads_that_flush_where_the_first_does_not_are_noticed(threads):
    """PyTorch's other threads were started before, and flush for ever; the kernel's do not."""
    threads(2)
    was = adam.flushes()
    assert adam.same_bits(2)
    if not (was and torch.set_flush_denormal(False)):
        pytest.skip("this processor does not flush denormal numbers")
    try:
        assert not adam.same_bits(2)
    finally:
        torch.set_flush_denormal(was)


def test_without_a_copy():
    weights, gradients, *slots = numbers(3000, 2, 10)
    other = [weights.clone(), *(one.clone() for one in slots)]
    pace = Pace(0.01, 0.9, 0.999, 1e-7, 1)
    runs = [(0, gradients)]
    adam.update(weights, runs, slots, None, pace)
    adam.update(other[0], runs, other[1:], torch.empty_like(gradients), pace)
    for one, two in zip((weights, *slots), other, strict=True):
        assert_same_bits(one, two)


@pytest.mark.parametrize("wrong", ["mean", "square", "weight"])
def test_another_order_of_rounding_is_noticed(monkeypatch, wrong):
    def otherwise(weights, runs, slots, copy, pace):
        g = torch.cat([run.float() for _, run in runs])
        means, squares = [one.clone() for one in slots]
        exactly(weights, runs, slots, copy, pace)
        if wrong == "mean":
            slots[0].copy_(means.mul_(pace.beta_1).add_(g * (1 - pace.beta_1)))
        elif wrong == "square":
            slots[1].copy_(squares.mul_(pace.beta_2).add_(g.square() * (1 - pace.beta_2)))
        else:
            weights[6] = torch.nextafter(weights[6], torch.tensor(9.0))

    exactly = adam.update
    threads, flushes = torch.get_num_threads(), adam.flushes()
    assert adam.is_same_as_pytorch.__wrapped__(threads, flushes)
    monkeypatch.setattr(adam, "update", otherwise)
    assert not adam.is_same_as_pytorch.__wrapped__(threads, flushes)


# In a training


X = np.random.default_rng(1).normal(size=(100, 20)).astype("float32")
Y = np.random.default_rng(2).integers(0, 5, 100)
LOSS = "sparse_categorical_crossentropy"


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    """Let small nets do what large ones do; count what is done."""
    counts = {"updates": 0, "casts of weights": 0}
    monkeypatch.setattr(cast, "LEAST", 1)
    policy = keras.config.dtype_policy()
    bind, update = library.bind, adam.update

    def counting(*given):
        counts["updates"] += 1
        update(*given)

    def watched(name, elements, arguments):
        call = bind(name, elements, arguments)

        def counting_casts():
            counts["casts of weights"] += 1
            call()

        return counting_casts if name == "shorten" and elements > 2000 else call

    monkeypatch.setattr(adam, "update", counting)
    monkeypatch.setattr(library, "bind", watched)
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield counts
    keras.config.set_dtype_policy(policy)


def model_of(*more: Any) -> Any:
    inside = [layers.Dense(48, "relu"), *(make() for make in more), layers.Dense(40, "relu")]
    return keras.Sequential([keras.Input((20,)), *inside, layers.Dense(5, "softmax")])


def fitted(optimizer: Any, way: Any, *more: Any, listeners: Any = (), **given: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = model_of(*more)
    model.compile(optimizer(), LOSS, metrics=["accuracy"], **way)
    model.fit(X, Y, 32, **{"epochs": 3, "verbose": 0, "callbacks": list(listeners), **given})
    return model


def left_of(model: Any) -> list[Any]:
    held = [*model.get_weights(), *(one.numpy() for one in model.optimizer.variables)]
    return [*held, model.optimizer.flat.gradients.numpy(), model.history.history]


EAGER: dict[str, Any] = {"run_eagerly": True}


def compared(optimizer: Callable[[], Any], *more: Any, **given: Any) -> Any:
    """Train by the usual way and by kernels; all that is left of it must be the same bits."""
    listeners = given.pop("listeners", lambda: ())
    usual = fitted(optimizer, EAGER, *more, listeners=listeners(), **given)
    model = fitted(optimizer, {}, *more, listeners=listeners(), **given)
    assert model.explain_step().startswith("A step is replayed")
    assert is_same(left_of(model), left_of(usual))
    return model


TAKEN = {
    "Adam": lambda: optimizers.Adam(1e-2),
    "AdamW": lambda: optimizers.AdamW(1e-2, weight_decay=0.1),
    "a schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(1e-2, 9)),
    "averages": lambda: optimizers.Adam(1e-2, use_ema=True),
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_training_is_the_same_to_the_bit(name, counted):
    compared(TAKEN[name])
    # Three batches of 32 and one of 4 an epoch; weights are cast by each record's proof, and when
    # an epoch begins.
    assert counted["updates"] == 12
    assert counted["casts of weights"] <= 5


class Doubling(optimizers.Adam):
    def update(self, values, gradients, rate):
        super().update(values, 2 * gradients, rate)


def by_groups() -> Any:
    class Grouped(optimizers.Adam):
        def build(self, variables, names=None):
            self.set_groups([Group([variables[0]], 0.1)])
            super().build(variables, names)

    return Grouped(1e-2)


NOT_TAKEN = {
    "clipped by value": lambda: optimizers.Adam(1e-2, clipvalue=1e-3),
    "clipped by norm": lambda: optimizers.Adam(1e-2, clipnorm=0.1),
    "clipped together": lambda: optimizers.Adam(1e-2, global_clipnorm=0.1),
    "accumulated": lambda: optimizers.Adam(1e-2, gradient_accumulation_steps=2),
    "scaled": lambda: optimizers.Adam(1e-2, loss_scale_factor=8.0),
    "the largest": lambda: optimizers.Adam(1e-2, amsgrad=True),
    "an update of its own": lambda: Doubling(1e-2),
    "by groups": by_groups,
    "another": lambda: optimizers.SGD(0.1, momentum=0.9),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_others_read_gradients_in_float32(name, counted):
    compared(NOT_TAKEN[name])
    assert counted["updates"] == 0


def test_a_penalty_leaves_gradients_in_float32(counted):
    compared(TAKEN["Adam"], lambda: layers.Dense(48, kernel_regularizer="l2"))
    assert counted["updates"] == 0


def test_weights_in_float32_among_the_others(counted):
    compared(TAKEN["Adam"], lambda: layers.Dense(48, dtype="float32"))
    assert counted["updates"] == 0


def test_a_head_in_float32_is_moved_with_the_others(counted, monkeypatch):
    def trained():
        keras.utils.set_random_seed(3)
        inside = [layers.Dense(48, "relu"), layers.Dense(5, "softmax", dtype="float32")]
        model = keras.Sequential([keras.Input((20,)), *inside])
        model.compile(optimizers.Adam(1e-2), LOSS)
        model.fit(X, Y, 32, epochs=3, verbose=0)
        return left_of(model)

    left = trained()
    assert counted["updates"] == 12
    # Here native kernels of the head round in their own way: they are in both.
    monkeypatch.setattr(optimizers.Adam, "reads_short", False)
    assert is_same(left, trained())
    assert counted["updates"] == 12


def test_who_watches_sees_gradients_in_float32(counted):
    seen: list[list[float]] = []

    class Watching(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.watcher = note if batch % 2 else None

        def on_train_end(self, logs=None):
            self.model.optimizer.watcher = None

    def note(optimizer, moves):
        assert moves
        assert optimizer.flat.gradients.dtype == torch.float32
        seen[-1].append(float(optimizer.flat.gradients.norm()))

    def listeners():
        seen.append([])
        return [Watching()]

    compared(TAKEN["Adam"], listeners=listeners)
    assert seen[0] == seen[1]
    assert len(seen[0]) == counted["updates"] == 6


def test_a_doctor_who_looks_now_and_then_disturbs_nothing(counted):
    """Where he reads the gradients PyTorch's kernel moves the weights, which counts no writing."""
    left: list[Any] = []
    for listeners in ([], [keras.callbacks.Doctor(share=1.0)]):
        counted["updates"] = 0
        left.append(left_of(fitted(TAKEN["Adam"], {}, listeners=listeners)))
    assert is_same(*left)
    assert 0 < counted["updates"] < 12


def test_a_step_that_the_kernel_leaves_to_pytorch_leaves_no_old_weights(counted, monkeypatch):
    """As when the number of threads changes, in the middle of the second epoch."""
    usual = left_of(fitted(TAKEN["Adam"], {}))
    same_bits, left_out = adam.same_bits, []

    def but_once(threads):
        if counted["updates"] == 5 and not left_out:
            left_out.append(threads)
            return False
        return same_bits(threads)

    monkeypatch.setattr(adam, "same_bits", but_once)
    counted["updates"] = 0
    assert is_same(usual, left_of(fitted(TAKEN["Adam"], {})))
    assert left_out and counted["updates"] == 11


def test_who_begins_to_clip_within_a_training(counted):
    class Clipping(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.clipvalue = 1e-3 if batch % 2 else None

    compared(TAKEN["Adam"], listeners=lambda: [Clipping()])
    assert counted["updates"] == 6


WRITES = {
    "set": lambda model: model.layers[0].set_weights([np.full((20, 48), 0.01), np.zeros(48)]),
    "assigned": lambda model: model.layers[0].kernel.assign(model.layers[0].kernel * 2),
    "in PyTorch": lambda model: model.layers[0].kernel.data.mul_(2),
    "in NumPy": lambda model: np.negative(
        model.layers[0].kernel.detach().numpy(), model.layers[0].kernel.detach().numpy()
    ),
    "in the buffer": lambda model: model.optimizer.flat.values.data.mul_(0.5),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("hook", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_end"])
def test_what_a_callback_writes_into_weights_is_read(name, hook):
    def listeners():
        return [keras.callbacks.LambdaCallback(**{hook: lambda *_: WRITES[name](listener.model)})]

    def listening():
        nonlocal listener
        (listener,) = own = listeners()
        return own

    listener: Any = None
    compared(TAKEN["Adam"], listeners=listening)


def test_what_latih_writes_into_weights_within_an_epoch_is_read(counted):
    compared(
        lambda: optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=2),
        lambda: layers.Dense(48, "relu", kernel_constraint=keras.constraints.MaxNorm(0.5)),
    )
    assert counted["updates"] == 12
    assert counted["casts of weights"] >= 12


@pytest.mark.parametrize("write", ["in NumPy", "in PyTorch"])
def test_batches_one_by_one(write):
    def trained(way):
        keras.utils.set_random_seed(3)
        model = model_of()
        model.compile(optimizers.Adam(1e-2), LOSS, **way)
        losses = []
        for number in range(6):
            losses.append(model.train_on_batch(X[:32], Y[:32]))
            if number % 2:
                WRITES[write](model)
        return [*model.get_weights(), losses, model.optimizer.flat.gradients.numpy()]

    assert is_same(trained(EAGER), trained({}))


def test_a_run_goes_on_from_any_step_to_the_same_bits(counted):
    def run(state=None):
        keeper = Taking(state)
        return fitted(TAKEN["AdamW"], {}, listeners=[keeper], epochs=4), keeper

    model, keeper = run()
    assert counted["updates"] == 16
    for state in keeper.taken[1:-3:3]:
        other, resumed = run(state)
        assert is_same(other.get_weights(), model.get_weights())
        assert is_same(resumed.last["optimizers"], keeper.last["optimizers"])


def test_gradients_outlive_the_record(counted, monkeypatch):
    monkeypatch.setattr("latih.engine.step.MOST_KEPT_BYTES", 0)
    model = compared(TAKEN["Adam"])
    assert counted["updates"] == 12
    step = model.make_train_step()
    assert not step.captured.replays and not step.captured.short.memories
    assert model.optimizer.flat.short is None


def test_a_replay_that_fails_leaves_the_gradients_of_the_record(counted, monkeypatch):
    monkeypatch.setattr("latih.engine.capture.proof._is_near", lambda *_: False)
    usual = fitted(TAKEN["Adam"], EAGER)
    model = fitted(TAKEN["Adam"], {})
    assert "other numbers" in model.explain_step()
    assert is_same(left_of(model), left_of(usual))


def test_small_nets_stay_with_pytorch(counted, monkeypatch):
    monkeypatch.setattr(cast, "LEAST", 1 << 20)
    compared(TAKEN["Adam"])
    assert counted["updates"] == 0
