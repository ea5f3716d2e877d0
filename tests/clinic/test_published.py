"""Published cases become the programs that they describe: worked by hand, and beside real Keras."""

import keras
import numpy as np
import pytest
import shapes
import torch
from case_data import data_of
from data import one_hot
from labels import CODES, LABELS, all_codes, codes_of, refused_as
from losses import ascended, cross_entropy_on_clipped_outputs, loss_of
from published import model_of, program_of
from twins import twin_of
from words import UnknownWord, activation_of, initializer_of, optimizer_of

from latih import layers
from latih.errors import InputError

HE_UNIFORM = {
    "name": "VarianceScaling",
    "scale": 2.0,
    "mode": "fan_in",
    "distribution": "uniform",
    "alias": "he_uniform",
}


def case(**more):
    dense = {"layer": "dense", "units": 5, "activation": "sigmoid", "kernel_init": HE_UNIFORM}
    return {
        "id": "one",
        "role": "faulty",
        "task": "binary",
        "input_shape": [2],
        "dataset": {"name": "at_circle"},
        "architecture": [dense, dense, {**dense, "units": 1}],
        "optimizer": {"name": "adam", "lr": 0.01, "l2": 1e-4},
        "loss": "binary_crossentropy",
        "batch_size": 100,
        "epochs": 3,
        "known_faults": ["vanishing_gradient"],
        "healthy_twin": {"hidden activation": "relu", "optimizer.lr": 0.5},
        **more,
    }


def images(**more):
    layer = {"layer": "conv2d", "filters": 2, "kernel": 3, "padding": "same", "activation": "relu"}
    return case(
        **{
            "task": "multiclass",
            "input_shape": [28, 28, 1],
            "architecture": [
                layer,
                {"layer": "maxpool2d", "size": 2},
                {"layer": "flatten"},
                {"layer": "dense", "units": 10, "activation": "softmax"},
            ],
            "loss": "categorical_crossentropy",
            **more,
            "dataset": {"name": "mnist", "n_train": 50, "n_test": 20, **more.get("dataset", {})},
        }
    )


# The numbers below are what scikit-learn 1.9 gives for the same arguments.


def test_circles_are_those_of_scikit_learn():
    x, y = shapes.circles(1000, noise=0.1, seed=1)
    first = [[0.92787748, -0.04521731], [-0.54303182, -0.75444674], [0.9246533, -0.71492522]]
    np.testing.assert_allclose(x[:3], first, atol=1e-8)
    assert (y[:8].tolist(), int(y[:700].sum())) == ([1, 1, 0, 0, 0, 1, 0, 1], 349)
    assert x.sum() == pytest.approx(2.387845912963023)


def test_blobs_are_those_of_scikit_learn():
    x, y = shapes.blobs(1000, 3, 2, deviation=2.0, seed=2)
    first = [[0.48719811, -0.43160548], [-1.48958879, -3.47915742], [-2.06250444, -7.73300419]]
    np.testing.assert_allclose(x[:3], first, atol=1e-8)
    assert (y[:8].tolist(), int(y[:700].sum())) == ([2, 2, 2, 0, 1, 0, 1, 1], 714)
    assert x.sum() == pytest.approx(-5456.281100421177)


def test_a_program_is_what_the_case_says():
    program = program_of(case())
    model, data = program.prepared(0)
    assert (program.batch_size, program.epochs, program.codes) == (100, 3, ("vanishing-gradient",))
    assert data.x.shape == (700, 2) and data.y.shape == (700, 1) and len(data.x_val) == 300
    assert [layer.units for layer in model.layers] == [5, 5, 1]
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert all(float(layer.kernel_regularizer.l2) == pytest.approx(1e-4) for layer in model.layers)
    limit = np.sqrt(6 / 5)  # He's: sqrt(6 / fan in)
    largest = float(model.layers[1].kernel.detach().abs().max())
    assert 0.6 * limit < largest <= limit


def test_a_program_is_the_same_for_the_same_seed():
    (one, data), (other, again) = (program_of(images()).prepared(3) for _ in range(2))
    for mine, yours in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)
    np.testing.assert_array_equal(data.x, again.x)


def test_the_penalty_is_that_of_keras():
    model = model_of(case(), (2,))
    theirs = keras.regularizers.L2(1e-4)
    kernels = [layer.kernel.detach() for layer in model.layers]
    wanted = sum(float(theirs(kernel)) for kernel in kernels)
    assert sum(float(one.detach()) for one in model.losses) == pytest.approx(wanted, rel=1e-5)


def test_twins_change_what_they_name():
    twin = twin_of(case(), {})
    assert [layer["activation"] for layer in twin["architecture"]] == ["relu", "relu", "sigmoid"]
    assert twin["optimizer"] == {"name": "adam", "lr": 0.5, "l2": 1e-4}
    assert program_of(twin).codes == ()
    assert twin_of(case(healthy_twin={}), {}) is None
    base = {**case(), "id": "base"}
    assert twin_of(case(healthy_twin={"base": "base"}), {"base": base})["id"] == "one~twin"
    normed = twin_of(case(healthy_twin={"batchnorm": True}), {})["architecture"]
    assert [layer["layer"] for layer in normed] == ["dense", "batchnorm"] * 2 + ["dense"]


def test_words_have_many_forms():
    assert type(initializer_of("he_normal(truncated)")).__name__ == "HeNormal"
    assert initializer_of("uniform").maxval == 0.05
    assert initializer_of({"name": "RandomNormal", "std": 0.1}).stddev == 0.1
    assert activation_of("ReLU").__name__ == "relu"
    assert activation_of("none") is None
    decayed = optimizer_of({"name": "SGD", "lr": 0.1, "decay": 0.5, "momentum": None})
    assert float(decayed.learning_rate) == pytest.approx(0.1)
    assert optimizer_of({"name": "adam", "eps": 1e-16}).epsilon == 1e-16


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"architecture": [{"layer": "lstm", "units": 3}]}, "layer 'lstm'"),
        ({"optimizer": {"name": "shampoo"}}, "optimizer 'shampoo'"),
        ({"loss": "regret"}, "loss 'regret'"),
    ],
)
def test_an_unknown_word_is_named(more, named):
    with pytest.raises(UnknownWord, match=named):
        program_of(case(**more))


def test_the_wrong_losses_are_as_wrong_as_published():
    outputs, targets = torch.tensor([[0.7, -2.0, 0.3]]), torch.tensor([[1.0, 0.0, 0.0]])
    value = cross_entropy_on_clipped_outputs(targets, outputs)
    torch.testing.assert_close(value, -torch.log(torch.tensor([0.7])))
    worst = cross_entropy_on_clipped_outputs(targets.roll(1), outputs)
    torch.testing.assert_close(worst, torch.tensor([32 * np.log(10)], dtype=torch.float32))
    assert loss_of("mse_sum").reduction == "sum"
    assert loss_of("softmax_ce_with_logits_on_probabilities").from_logits is True


def test_an_ascended_loss_has_its_value_and_the_other_gradient():
    outputs = torch.tensor([[0.5]], requires_grad=True)
    targets = torch.tensor([[2.0]])
    loss = ascended(loss_of("mse"))(targets, outputs)
    assert loss.item() == pytest.approx(2.25)
    loss.backward()
    assert outputs.grad.item() == pytest.approx(3.0)  # of (y - p)² it is -3


def test_softmax_over_the_batch_sums_over_examples():
    model = model_of(images(notes="softmax taken over axis 0 (batch)"), (28, 28, 1))
    outputs = model(torch.rand(4, 28, 28, 1))
    torch.testing.assert_close(outputs.sum(dim=0), torch.ones(10))


# Data


def test_images_are_scaled_as_told():
    for told, most in ({"scaled": "/255"}, 1), ({"scaled": "none (0..255)"}, 255):
        data = data_of(images(dataset=told), 0)
        assert data.x.shape == (50, 28, 28, 1) and data.x.max() == pytest.approx(most, rel=0.02)
        assert data.y.shape == (50, 10)


def test_features_alone_are_permuted():
    whole = data_of(images(), 0)
    mixed = data_of(images(known_faults=["features_shuffled_alone"]), 0)
    np.testing.assert_array_equal(mixed.y, whole.y)
    np.testing.assert_allclose(mixed.x.sum(axis=0), whole.x.sum(axis=0), rtol=1e-4)
    assert not np.array_equal(mixed.x, whole.x)


def test_classes_are_made_rare():
    told = {"corruption": "decreasing share of some classes", "n_train": 2000}
    counts = data_of(images(dataset=told), 0).y.sum(axis=0)
    assert counts.max() > 50 * counts.min() and counts.min() >= 2


def test_cars_are_scaled_twice_where_told():
    def cars(**told):
        return data_of(
            case(
                task="regression",
                input_shape=[9],
                dataset={"name": "auto_mpg", **told},
                loss="mse",
            ),
            0,
        )

    once, twice = cars(), cars(scaled="divided twice by the range (tiny values)")
    assert once.x.shape == (314, 9) and once.x.min() == 0 and once.x.max() == 1
    assert 0 < np.median(twice.x[:, 3]) < 1e-3
    assert cars(scaled="features min-max, target = 10*MPG raw").y.min() >= 90
    assert cars(scaled="target scaled to [-1,1]").y.min() < 0


@pytest.mark.parametrize(
    ("label", "check"),
    [
        ("unnormalised_inputs", lambda data: np.ptp(data.x.std(axis=0)) > 1),
        ("over_normalised_inputs", lambda data: np.abs(data.x).max() < 0.05),
        ("degenerate_labels", lambda data: len(np.unique(data.y)) == 1),
        ("label_range", lambda data: 0 < data.y.max() < 0.01),
        ("train_test_scale_mismatch", lambda data: np.abs(data.x_val).max() > 50),
        ("validation_leak", lambda data: np.array_equal(data.x_val[0], data.x[0])),
    ],
)
def test_faults_of_data_are_planted_by_name(label, check):
    assert check(data_of(case(known_faults=[label]), 0))


def test_data_that_nobody_has_are_made_in_their_shape():
    told = {"name": "somebody's survey", "n_train": 60, "n_test": 30, "n_classes": 3}
    layer = {"layer": "dense", "units": 3, "activation": "softmax"}
    made = data_of(case(task="multiclass", input_shape=[7], dataset=told, architecture=[layer]), 0)
    assert made.x.shape == (60, 7) and made.y.shape == (60, 3) and made.x_val.shape == (30, 7)
    curve = data_of(
        case(task="regression", input_shape=[1], dataset={"recipe": "y = x^2 for x in -3..3"}), 0
    )
    np.testing.assert_allclose(curve.y, curve.x**2, rtol=1e-5)
    assert -3 <= curve.x.min() < -2 and 2 < curve.x.max() <= 3


# Labels


def test_each_label_means_codes_of_the_doctor():
    assert all(set(codes) <= set(CODES) and codes for codes in LABELS.values())
    assert codes_of("dying_relu") == ("dying-relu",) == codes_of("dying-relu")
    assert codes_of("something else") == ()
    assert all_codes(["lr_too_high", "diverging_loss"])[0] == "learning-rate-too-high"


def test_refusals_name_what_the_codes_name():
    assert refused_as("`y` holds labels out of range: expected 0..9") == ("label-range",)
    assert refused_as("`x` holds NaN or infinity") == ("nan-or-inf",)
    assert refused_as("the shape of `x` does not fit the first layer") == ()


def test_layers_take_their_arguments():
    model = model_of(
        images(
            architecture=[
                {"layer": "conv2d", "filters": 3, "kernel": [5, 5], "stride": 2},
                {"layer": "BatchNormalization"},
                {"layer": "leaky_relu", "alpha": 0.1},
                {"layer": "globalaveragepooling2d"},
                {"layer": "dropout", "rate": 0.25},
                {"layer": "dense", "units": 1, "use_bias": False},
            ]
        ),
        (28, 28, 1),
    )
    assert [type(one) for one in model.layers] == [
        layers.Conv2D,
        layers.BatchNormalization,
        layers.LeakyReLU,
        layers.GlobalAveragePooling2D,
        layers.Dropout,
        layers.Dense,
    ]
    assert model.layers[0].output.shape[1:3] == (12, 12)
    assert model.layers[-1].bias is None


def test_one_hot_is_that_of_keras():
    labels = np.array([2, 0, 1])
    np.testing.assert_array_equal(one_hot(labels, 3), keras.utils.to_categorical(labels, 3))


def test_a_rate_that_cannot_be_is_refused_by_the_run_and_not_left_out():
    program = program_of(case(optimizer={"name": "sgd", "lr": -0.1}, known_faults=["lr_invalid"]))
    with pytest.raises(InputError) as refused:
        program.prepared(0)
    assert {*refused_as(str(refused.value))} & {*program.codes}


def test_labels_of_several_kinds_and_images_of_themselves():
    layer = {"layer": "dense", "units": 4, "activation": "sigmoid"}
    more = {"input_shape": [4], "dataset": {}, "architecture": [layer]}
    tagged = data_of(case(task="multilabel", **more), 0)
    assert tagged.y.shape == (800, 4) and set(np.unique(tagged.y)) == {0.0, 1.0}
    assert tagged.y.sum(axis=1).max() > 1
    itself = data_of(case(task="autoencoder", loss="mse", **more), 0)
    np.testing.assert_allclose(itself.y, itself.x, rtol=1e-6)


def test_a_label_that_nobody_knows_leaves_the_program_sick():
    assert program_of(case(known_faults=["evil_eye"])).codes == ("?",)
    assert program_of(case(known_faults=["healthy"])).codes == ()


def test_a_run_may_be_well_by_its_authors_own_words():
    notes = "use several seeds; ground truth per run = final accuracy < 20%"
    assert program_of(case(notes=notes)).sick_below == 0.2


def test_a_recipe_of_scikit_learn_may_have_other_numbers():
    recipe = "sklearn make_blobs(n_samples=90, centers=2, n_features=4, random_state=7); raw"
    told = {"name": "heaps", "recipe": recipe, "n_test": 30}
    x, y = shapes.blobs(90, 2, 4, deviation=2.0, seed=7)
    data = data_of(case(input_shape=[4], dataset=told), 0)
    np.testing.assert_allclose(data.x, x[:60], rtol=1e-6)
    np.testing.assert_array_equal(data.y[:, 0], y[:60])


def test_a_recipe_that_does_not_fit_the_net_is_replaced():
    told = {"name": "mnist-like survey", "n_train": 40}
    assert data_of(case(input_shape=[5], dataset=told), 0).x.shape == (40, 5)
