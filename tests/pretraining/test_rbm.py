"""RBMs small enough to know everything about: each state is counted."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logsumexp

import latih as keras
from latih.errors import InputError, NotReadyError
from latih.pretraining import RBM

Array = np.ndarray
VISIBLE, HIDDEN = 4, 3


def states(count: int) -> Array:
    return np.array(list(itertools.product((0.0, 1.0), repeat=count)), np.float32)


V, H = states(VISIBLE), states(HIDDEN)


def machine(seed: int = 0, scale: float = 0.7, **arguments: Any) -> RBM:
    """An RBM with weights that matter, in double precision."""
    made = RBM(HIDDEN, seed=1, **arguments)
    made.build((None, VISIBLE))
    draw = np.random.default_rng(seed)
    weights = [draw.normal(size=w.shape) * scale for w in made.get_weights()]
    made.set_weights([np.asarray(w, np.float32) for w in weights])
    return made.double()


def parameters(made: RBM) -> tuple[Array, Array, Array]:
    kernel, visible, hidden = (w.astype(np.float64) for w in made.get_weights()[:3])
    return kernel, visible, hidden


def joint_energy(made: RBM) -> Array:
    """The energy of every pair of states, written out anew."""
    kernel, a, b = parameters(made)
    return -(V @ a)[:, None] - (H @ b)[None] - V @ kernel @ H.T


def log_likelihood(theta: Array, x: Array) -> float:
    kernel, a, b = np.split(theta, [VISIBLE * HIDDEN, VISIBLE * HIDDEN + VISIBLE])
    kernel = kernel.reshape(VISIBLE, HIDDEN)

    def log_weight(v: Array) -> Array:
        return logsumexp((v @ a)[:, None] + (H @ b)[None] + v @ kernel @ H.T, axis=1)

    return float(log_weight(x).mean() - logsumexp(log_weight(V)))


def update_of(made: RBM, x: Array) -> list[Array]:
    """The gradient that a step of training takes, by its place among the weights."""
    made(torch.tensor(x, dtype=torch.float64), training=True)
    weights = [made.kernel, made.visible_bias, made.hidden_bias]
    return [g.numpy() for g in torch.autograd.grad(made.losses[0], weights)]


def expected_update(made: RBM, x: Array, chance: Array) -> list[Array]:
    """The gradient of mean F(x) - E F(v'), with v' from these chances, by their closed forms."""
    kernel, _, b = parameters(made)
    up = expit(x @ kernel + b)
    away = expit(V @ kernel + b)
    return [
        chance @ (V[:, :, None] * away[:, None]).reshape(len(V), -1)
        - (x.T @ up / len(x)).reshape(-1),
        chance @ V - x.mean(0),
        chance @ away - up.mean(0),
    ]


def after_a_gibbs_step(made: RBM, start: Array) -> Array:
    """The chances of all visible states after one step from given chances, by counting."""
    energy = joint_energy(made)
    hidden_given = np.exp(-energy - logsumexp(-energy, axis=1, keepdims=True))
    visible_given = np.exp(-energy - logsumexp(-energy, axis=0, keepdims=True))
    return start @ hidden_given @ visible_given.T


@settings(max_examples=10)
@given(st.integers(0, 99), st.floats(0.1, 2))
def test_energies_and_conditionals_are_those_of_the_joint_distribution(
    seed: int, scale: float
) -> None:
    made = machine(seed, scale)
    energy = joint_energy(made)
    pairs = [(v, h) for v in V for h in H]
    found = made.energy(np.array([v for v, _ in pairs]), np.array([h for _, h in pairs]))
    np.testing.assert_allclose(found.detach().reshape(energy.shape), energy, atol=1e-9)
    np.testing.assert_allclose(made.free_energy(V).detach(), -logsumexp(-energy, axis=1), atol=1e-9)
    joint = np.exp(-energy - logsumexp(-energy))
    np.testing.assert_allclose(
        made.hidden_given(V).detach(), joint @ H / joint.sum(1, keepdims=True), atol=1e-9
    )
    np.testing.assert_allclose(
        made.visible_given(H).detach(), joint.T @ V / joint.sum(0)[:, None], atol=1e-9
    )


def test_the_exact_gradient_of_the_likelihood_is_a_difference_of_free_energies() -> None:
    made = machine(3)
    x = V[[1, 5, 5, 14]]
    theta = np.concatenate([w.reshape(-1) for w in parameters(made)])
    step = 1e-5
    numerical = np.array(
        [
            (log_likelihood(theta + d, x) - log_likelihood(theta - d, x)) / (2 * step)
            for d in step * np.eye(len(theta))
        ]
    )
    chance = torch.softmax(-made.free_energy(V).detach(), 0)
    loss = made.free_energy(x).mean() - (chance * made.free_energy(V)).sum()
    found = torch.autograd.grad(loss, [made.kernel, made.visible_bias, made.hidden_bias])
    found = -np.concatenate([g.reshape(-1).numpy() for g in found])
    np.testing.assert_allclose(found, numerical, atol=1e-8)


@pytest.mark.parametrize("k", [1, 3])
def test_contrastive_divergence_is_right_in_the_mean(k: int) -> None:
    made = machine(4, k=k)
    x = V[[2, 7, 7, 9, 13]]
    chance = np.mean([np.all(V == row, axis=1) for row in x], axis=0)
    for _ in range(k):
        chance = after_a_gibbs_step(made, chance)
    wanted = np.concatenate([g.reshape(-1) for g in expected_update(made, x, chance)])
    many = np.tile(x, (40_000, 1))
    found = np.concatenate([g.reshape(-1) for g in update_of(made, many)])
    np.testing.assert_allclose(found, wanted, atol=0.006)
    assert np.abs(wanted).max() > 0.05


def test_many_steps_reach_the_gradient_of_the_likelihood() -> None:
    made = machine(5, scale=0.5, k=25)
    x = V[[0, 3, 12]]
    energy = joint_energy(made)
    truth = expected_update(made, x, np.exp(-energy - logsumexp(-energy)).sum(1))
    found = update_of(made, np.tile(x, (60_000, 1)))
    for one, other in zip(found, truth, strict=True):
        np.testing.assert_allclose(one.reshape(-1), other.reshape(-1), atol=0.006)


def test_means_in_the_place_of_samples_are_what_is_made_of_hidden_samples() -> None:
    made = machine(6, reconstruction="mean")
    kernel, a, b = parameters(made)
    x = V[[6]]
    chance = np.prod(np.where(H == 1, p := expit(x @ kernel + b), 1 - p), axis=1)
    back = expit(H @ kernel.T + a)
    away = expit(back @ kernel + b)
    wanted = np.einsum("s,sv,sh->vh", chance, back, away) - x.T @ expit(x @ kernel + b)
    found = update_of(made, np.tile(x, (100_000, 1)))[0]
    np.testing.assert_allclose(found, wanted, atol=0.006)


def test_persistent_chains_go_on_and_find_the_model_itself() -> None:
    made = machine(7, scale=0.5, persistent=True, chains=50_000, k=2)
    x = V[[1, 4]]
    chance = np.zeros(len(V))
    chance[0] = 1  # the chains begin with all units off
    for _ in range(3):
        chance = after_a_gibbs_step(made, after_a_gibbs_step(made, chance))
        found = update_of(made, x)
        wanted = expected_update(made, x, chance)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one.reshape(-1), other.reshape(-1), atol=0.012)


def test_gaussian_visible_units_have_the_density_of_a_mixture() -> None:
    made = machine(8, visible="gaussian")
    kernel, a, b = parameters(made)
    x = np.random.default_rng(0).normal(size=(5, VISIBLE))
    # Given h, v is normal around a + W h: the energies of all h, summed.
    energy = 0.5 * ((x - a) ** 2).sum(1)[:, None] - (H @ b)[None] - x @ kernel @ H.T
    np.testing.assert_allclose(made.free_energy(x).detach(), -logsumexp(-energy, axis=1), rtol=1e-6)
    np.testing.assert_allclose(made.visible_given(H).detach(), a + H @ kernel.T, atol=1e-6)
    drawn = made.gibbs(np.tile(x[:1], (100_000, 1))).numpy()
    chance = np.exp(-energy[0] - logsumexp(-energy[0]))
    means = a + H @ kernel.T
    np.testing.assert_allclose(drawn.mean(0), chance @ means, atol=0.02)
    spread = chance @ means**2 - (chance @ means) ** 2 + 1
    np.testing.assert_allclose(drawn.var(0), spread, atol=0.05)


def test_gaussian_hidden_units_are_integrated_out() -> None:
    made = machine(9, hidden="gaussian")
    kernel, a, b = parameters(made)
    # On a grid of each hidden unit by itself: given v they are independent.
    grid = np.linspace(-12, 12, 4001)
    total = np.zeros(len(V))
    for unit in range(HIDDEN):
        met = (V @ kernel[:, unit])[:, None] * grid - 0.5 * (grid - b[unit]) ** 2
        total += logsumexp(met, axis=1) + np.log(grid[1] - grid[0]) - 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(made.free_energy(V).detach(), -(V @ a) - total, atol=1e-6)


def test_decay_and_sparsity_add_their_gradients() -> None:
    x = V[[3, 6, 8]]
    plain, decayed = machine(2), machine(2, weight_decay=0.3)
    first = update_of(plain, x)
    np.testing.assert_allclose(
        update_of(decayed, x)[0] - first[0], 0.3 * parameters(plain)[0], atol=1e-9
    )
    sparse = machine(2, sparsity=2.0, sparsity_target=0.1)
    kernel, _, b = parameters(plain)
    hidden = expit(x @ kernel + b)
    q = hidden.mean(0)
    by_mean = 2.0 * ((1 - 0.1) / (1 - q) - 0.1 / q)
    wanted = (by_mean * hidden * (1 - hidden)).mean(0)
    np.testing.assert_allclose(update_of(sparse, x)[2] - first[2], wanted, atol=1e-6)


def test_it_learns_a_distribution_exactly_enough() -> None:
    """Bars and nothing else: the likelihood comes near the entropy of the data."""
    bars = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]], np.float32)
    x = np.tile(bars, (50, 1))
    made = RBM(HIDDEN, persistent=True, learning_rate=0.1, momentum=0.7, k=2, seed=3)
    made.fit(x, batch_size=50, epochs=250, verbose=0)
    theta = np.concatenate([w.reshape(-1) for w in parameters(made)])
    assert log_likelihood(theta, bars) > -np.log(4) - 0.4
    assert log_likelihood(theta * 0, bars) == pytest.approx(-np.log(16))


def test_scikit_learn_agrees_on_features_and_free_energies() -> None:
    neural_network = pytest.importorskip("sklearn.neural_network")
    digits = pytest.importorskip("sklearn.datasets").load_digits().data / 16
    theirs = neural_network.BernoulliRBM(20, learning_rate=0.05, n_iter=5, random_state=0)
    theirs.fit(digits)
    ours = RBM(20)
    ours.build((None, 64))
    ours.set_weights(
        [
            w.astype("float32")
            for w in (theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
        ]
    )
    np.testing.assert_allclose(
        ours.encoder.predict(digits, verbose=0), theirs.transform(digits), atol=1e-5
    )
    np.testing.assert_allclose(
        ours.free_energy(digits).detach(), theirs._free_energy(digits), rtol=1e-5, atol=1e-4
    )


def test_it_learns_digits_as_scikit_learn_does() -> None:
    neural_network = pytest.importorskip("sklearn.neural_network")
    digits = pytest.importorskip("sklearn.datasets").load_digits().data / 16
    theirs = neural_network.BernoulliRBM(
        30, learning_rate=0.05, batch_size=50, n_iter=15, random_state=0
    ).fit(digits)
    keras.utils.set_random_seed(0)
    ours = RBM(30, persistent=True, chains=50, learning_rate=0.05, momentum=0.0)
    ours.fit(digits, batch_size=50, epochs=15, verbose=0)
    found = theirs.score_samples(digits).mean()
    theirs.components_, theirs.intercept_visible_, theirs.intercept_hidden_ = (
        w.astype(np.float64) for w in (ours.get_weights()[0].T, *ours.get_weights()[1:3])
    )
    assert theirs.score_samples(digits).mean() > found - 2  # of about -22; untrained, -40


def test_biases_may_begin_with_the_means() -> None:
    x = np.random.default_rng(0).random((500, 6)).round().astype("float32")
    made = RBM(3)
    made.adapt(x)
    np.testing.assert_allclose(expit(made.get_weights()[1]), x.mean(0), atol=1e-5)
    gaussian = RBM(3, visible="gaussian")
    gaussian.adapt(5 * x)
    np.testing.assert_allclose(gaussian.get_weights()[1], 5 * x.mean(0), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"units": 0}, "units"),
        ({"units": 3, "visible": "binary"}, "'bernoulli', 'gaussian'"),
        ({"units": 3, "visible": "gaussian", "hidden": "gaussian"}, "Gaussian units alone"),
        ({"units": 3, "k": 0}, "`k`"),
        ({"units": 3, "momentum": 1.5}, "momentum"),
        ({"units": 3, "learning_rate": 0}, "learning_rate"),
        ({"units": 3, "sparsity_target": 1}, "sparsity_target"),
        ({"units": 3, "persistent": True, "reconstruction": "mean"}, "must be sampled"),
        ({"units": 3, "hidden": "gaussian", "sparsity": 1}, "on or off"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        RBM(**arguments)


def test_wrong_examples_are_refused_before_the_first_step() -> None:
    with pytest.raises(InputError, match=r"0\.\.255"):
        RBM(3).fit(np.array([[0.0, 255]]), verbose=0)
    with pytest.raises(InputError, match=r"got 0\.\.255\. Divide the bytes of images by 255\."):
        RBM(3).fit(np.array([[0, 255]], np.uint8), verbose=0)
    with pytest.raises(InputError, match="validation x"):
        RBM(3).fit(V, validation_data=V - 1, verbose=0)
    with pytest.raises(InputError, match=r"got -2\.\.1\. .*gaussian") as said:
        RBM(3).fit(np.array([[-2.0, 1]]), verbose=0)
    assert "255" not in str(said.value)
    for wrong, name in ((np.nan, "NaN"), (np.inf, "Inf")):
        x = np.ones((4, 3))
        x[1:3, 2] = wrong
        said_so = rf"holds {name}.*got {name} 2 times, first at \[1, 2\]"
        with pytest.raises(InputError, match=said_so) as said:
            RBM(3).fit(x, verbose=0)
        assert "255" not in str(said.value)
    with pytest.raises(InputError, match="no targets"):
        RBM(3).fit(V, np.zeros(len(V)), verbose=0)
    with pytest.raises(InputError, match="takes no loss"):
        RBM(3).compile("sgd", loss="mse")
    with pytest.raises(NotReadyError, match="no weights"):
        RBM(3).encoder  # noqa: B018


def test_a_machine_of_many_visible_units_learns_slower() -> None:
    # The sum over the visible units grows with how many there are; the step shall not.
    machine = RBM(4)
    rates = [float(machine.default_optimizer(d).learning_rate) for d in (784, 1000, 12288)]
    assert rates == pytest.approx([0.05, 0.05, 0.05 * 1000 / 12288])
    asked = RBM(4, learning_rate=0.2).default_optimizer(12288)
    assert float(asked.learning_rate) == pytest.approx(0.2)
    machine.fit(np.random.default_rng(0).random((6, 40, 50)), epochs=1, verbose=0)
    assert float(machine.optimizer.learning_rate) == pytest.approx(0.025)
