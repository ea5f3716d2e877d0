"""Groups of weights move as under optimizers of their own, one for each group."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import latih
from latih import optimizers
from latih.errors import InputError, LatihWarning
from latih.optimizers import OPTIMIZERS, Group, Optimizer, schedules

MAKE: dict[str, Callable[..., Optimizer]] = {
    cls.__name__: cls
    for cls in OPTIMIZERS.classes
    if cls.__name__ not in ("SGD", "RMSprop", "Adam")
} | {
    "SGD": lambda **more: optimizers.SGD(momentum=0.9, nesterov=True, **more),
    "SGD without momentum": lambda **more: optimizers.SGD(**more),
    "RMSprop": lambda **more: optimizers.RMSprop(momentum=0.5, centered=True, **more),
    "Adam": lambda **more: optimizers.Adam(amsgrad=True, **more),
}
each = pytest.mark.parametrize("name", MAKE)
SHAPES = [(3, 5), (5,), (5, 7), (7,), (7, 2), (2,)]
SLOW, FAST = (0, 1, 4), (2, 3, 5)  # not neighbours all: several runs of each
STEPS = 20


def weights() -> list[torch.Tensor]:
    dice = np.random.default_rng(3)
    return [torch.from_numpy(dice.normal(size=shape).astype("float32")) for shape in SHAPES]


def gradients(step: int) -> list[torch.Tensor]:
    dice = np.random.default_rng(100 + step)
    return [torch.from_numpy(dice.normal(size=shape).astype("float32")) for shape in SHAPES]


def chosen(things: list[Any], places: tuple[int, ...]) -> list[Any]:
    return [things[place] for place in places]


def rate(scale: float, kind: str) -> Any:
    return 0.01 * scale if kind == "number" else schedules.CosineDecay(0.01 * scale, 15)


def assert_close(ours: list[torch.Tensor], wanted: list[torch.Tensor]) -> None:
    for one, other in zip(ours, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


@each
@pytest.mark.parametrize("kind", ["number", "schedule"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weight_decay": 0.1},
        {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3},
        {"gradient_accumulation_steps": 3, "clipvalue": 0.5},
        {"clipnorm": 0.7},
    ],
    ids=lambda settings: " ".join(settings) or "plain",
)
def test_groups_move_as_under_two_optimizers(name: str, kind: str, settings: Any) -> None:
    together, apart = weights(), weights()
    one = MAKE[name](learning_rate=rate(1.0, kind), **settings)
    one.set_groups([Group(chosen(together, SLOW), learning_rate=0.25)])
    slow = MAKE[name](learning_rate=rate(0.25, kind), **settings)
    fast = MAKE[name](learning_rate=rate(1.0, kind), **settings)
    for step in range(STEPS):
        one.apply(gradients(step), together)
        slow.apply(chosen(gradients(step), SLOW), chosen(apart, SLOW))
        fast.apply(chosen(gradients(step), FAST), chosen(apart, FAST))
    assert_close(together, apart)
    assert one.scalars == fast.scalars
    one.finalize_variable_values(together)
    slow.finalize_variable_values(chosen(apart, SLOW))
    fast.finalize_variable_values(chosen(apart, FAST))
    assert_close(together, apart)


@each
def test_each_group_may_decay_at_a_rate_of_its_own(name: str) -> None:
    together, apart = weights(), weights()
    one = MAKE[name](learning_rate=0.01, weight_decay=0.2)
    one.set_groups(
        [Group(chosen(together, SLOW), 0.25, weight_decay=0.5), Group([together[5]], 1.0, 0.0)]
    )
    slow = MAKE[name](learning_rate=0.0025, weight_decay=0.5)
    fast = MAKE[name](learning_rate=0.01, weight_decay=0.2)
    spared = MAKE[name](learning_rate=0.01, weight_decay=0.0)
    for optimizer in (one, slow, fast):
        optimizer.exclude_from_weight_decay([together[1], apart[1], together[3], apart[3]])
    for step in range(STEPS):
        one.apply(gradients(step), together)
        slow.apply(chosen(gradients(step), SLOW), chosen(apart, SLOW))
        fast.apply(chosen(gradients(step), (2, 3)), chosen(apart, (2, 3)))
        spared.apply([gradients(step)[5]], [apart[5]])
    assert_close(together, apart)


@each
def test_gradients_are_clipped_over_all_groups(name: str) -> None:
    together, apart = weights(), weights()
    one = MAKE[name](learning_rate=0.01, global_clipnorm=1.5)
    one.set_groups([Group(chosen(together, SLOW), learning_rate=0.25)])
    slow, fast = MAKE[name](learning_rate=0.0025), MAKE[name](learning_rate=0.01)
    for step in range(STEPS):
        one.apply(gradients(step), together)
        clipped = gradients(step)
        holders = [torch.zeros_like(g).requires_grad_() for g in clipped]
        for holder, gradient in zip(holders, clipped, strict=True):
            holder.grad = gradient
        torch.nn.utils.clip_grad_norm_(holders, 1.5)  # torch adds 1e-6 to the norm
        slow.apply(chosen(clipped, SLOW), chosen(apart, SLOW))
        fast.apply(chosen(clipped, FAST), chosen(apart, FAST))
    for ours, wanted in zip(together, apart, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-5, atol=1e-6)


def test_what_rests_does_not_count_where_gradients_are_clipped() -> None:
    together, apart = weights(), weights()
    one, rest = (optimizers.SGD(0.01, global_clipnorm=0.5) for _ in range(2))
    one.set_groups([Group(chosen(together, SLOW), learning_rate=0.0)])
    for step in range(STEPS):
        one.apply(gradients(step), together)
        rest.apply(chosen(gradients(step), FAST), chosen(apart, FAST))
    assert_close(together, apart)
    before = [weight.clone() for weight in together]
    with pytest.warns(LatihWarning, match="have no gradient"):  # but of those that rest
        one.apply([g if p in SLOW else None for p, g in enumerate(gradients(0))], together)
    assert all(map(torch.equal, together, before))


@pytest.mark.filterwarnings("ignore:.*have no gradient")
@each
def test_a_factor_of_nought_leaves_weights_and_what_is_remembered_of_them(name: str) -> None:
    together, apart = weights(), weights()
    one, rest = (MAKE[name](learning_rate=0.01, weight_decay=0.1) for _ in range(2))
    one.build(together)
    one.apply(gradients(0))
    rest.build(apart)
    rest.apply(gradients(0))
    one.set_groups([Group(chosen(together, SLOW), learning_rate=0.0)])
    for step in range(1, STEPS):
        one.apply(gradients(step), together)
        rest.apply([g if p in FAST else None for p, g in enumerate(gradients(step))])
    for place in SLOW:
        assert torch.equal(together[place], apart[place])
    assert_close(together, [w.clone() for w in apart])
    for ours, wanted in zip(one.variables, rest.variables, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-6, atol=1e-8)
    one.set_groups([Group(together, learning_rate=0.0)])
    before = [weight.clone() for weight in together]
    one.apply(gradients(0))
    assert all(torch.equal(a, b) for a, b in zip(together, before, strict=True))


@each
def test_the_state_has_the_same_order_and_goes_on(name: str) -> None:
    whole, parts = weights(), weights()
    one, half, rest = (MAKE[name](learning_rate=0.01, use_ema=True) for _ in range(3))
    one.set_groups([Group(chosen(whole, SLOW), 0.25)])
    half.set_groups([Group(chosen(parts, SLOW), 0.25)])
    for step in range(4):
        one.apply(gradients(step), whole)
    for step in range(2):
        half.apply(gradients(step), parts)
    rest.build(parts)
    rest.load_variables(half.variables)
    rest.set_groups([Group(chosen(parts, SLOW), 0.25)])
    for step in range(2, 4):
        rest.apply(gradients(step), parts)
    plain = MAKE[name](learning_rate=0.01, use_ema=True)
    plain.build(weights())
    assert [v.shape for v in plain.variables] == [v.shape for v in rest.variables]
    for ours, wanted in zip([*parts, *rest.variables], [*whole, *one.variables], strict=True):
        assert torch.equal(ours, wanted)


class Counting(Optimizer):
    """Counts how many kernels an update takes."""

    def update(self, values: torch.Tensor, gradients: torch.Tensor, rate: float) -> None:
        self.sizes = [*getattr(self, "sizes", []), len(values)]
        values.sub_(gradients, alpha=rate)


def test_one_kernel_moves_what_is_moved_alike() -> None:
    variables = weights()
    sizes = [variable.numel() for variable in variables]
    for groups, wanted in (
        ([Group(variables[:2]), Group(variables[4:])], [sum(sizes)]),
        ([Group(variables[:2], 0.5), Group(variables[2:4], 0.5)], [sum(sizes[:4]), sum(sizes[4:])]),
        ([Group(variables[2:3], 0.0)], [sum(sizes[:2]), sum(sizes[3:])]),
        ([], [sum(sizes)]),
    ):
        optimizer = Counting(0.1)
        optimizer.set_groups(groups)
        optimizer.apply(gradients(0), variables)
        assert optimizer.sizes == wanted


def net() -> Any:
    model = latih.Sequential(
        [
            latih.Input((4,)),
            latih.layers.Dense(6, "relu"),
            latih.layers.BatchNormalization(),
            latih.layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


X = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 32)


def test_layers_are_groups_too_and_may_be_frozen_and_freed() -> None:
    model = net()
    base, head = model.layers[:2], model.layers[2]
    model.optimizer.set_groups([Group(base, learning_rate=0.0)])
    base[0].trainable = False
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    base[0].trainable = True
    model.fit(X, Y, verbose=0)  # the layer joins the optimizer again, and is still in its group
    after = dict(zip((id(w) for w in model.weights), model.get_weights(), strict=True))
    for weight, old in zip(model.weights, before, strict=True):
        same = np.array_equal(after[id(weight)], old)
        moves = any(weight is own for own in head.weights) or not weight.requires_grad
        assert same != moves


def test_what_no_optimizer_of_this_model_moves_is_refused() -> None:
    model, other = net(), net()
    model.optimizer.build(model.trainable_weights)
    for foreign in (
        [torch.zeros(3)],
        other.layers[:1],
        other.trainable_weights[:1],
    ):
        with pytest.raises(InputError, match="does not move"):
            model.optimizer.set_groups([Group(foreign, 0.5)])
    assert model.optimizer.groups == ()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.optimizer.set_groups([Group(other.layers, 0.5)])  # it has no weights to compare with yet
    with pytest.raises(InputError, match="does not move"):
        model.fit(X, Y, verbose=0)
    assert not model.optimizer.built


def test_a_weight_in_two_groups_is_refused() -> None:
    one, two = torch.zeros(1), torch.zeros(2)
    optimizer = optimizers.SGD()
    optimizer.build([one, two])
    with pytest.raises(InputError, match=r"two groups.*0\.5 and 0\.25"):
        optimizer.set_groups([Group([one], 0.5), Group([two, one], 0.25)])
    optimizer.set_groups([Group([one, one], 0.5)])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"weights": 3}, "weights"),
        ({"weights": "abc"}, "weights"),
        ({"weights": [None]}, "weights"),
        ({"weights": [], "learning_rate": -1.0}, "learning_rate"),
        ({"weights": [], "learning_rate": "x"}, "learning_rate"),
        ({"weights": [], "weight_decay": -1.0}, "weight_decay"),
    ],
)
def test_bad_arguments_are_refused_by_their_name(arguments: Any, named: str) -> None:
    with pytest.raises(InputError, match=f"`{named}`"):
        Group(**arguments)
