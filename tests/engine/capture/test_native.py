"""Recorded steps done by the native kernels, compared with the same steps done by PyTorch's."""

import math
import os
import subprocess
import sys
import threading

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

import latih as keras
from latih import layers, random
from latih.data.batches import Batch
from latih.engine.capture import captured, native
from latih.engine.capture.dataflow import made_by
from latih.engine.capture.native import library, softmax
from latih.engine.capture.native.fused import Fused
from latih.engine.capture.recorder import Operation, Recorder, memory_of, plain

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(not native.available(), reason=str(native.why_not())),
]

few = settings(max_examples=15, deadline=None)


def plans(entries, returned):
    """Return the plan with native kernels, the one without, and the names of the kernels."""
    names = []
    fused = native.fused

    def spy(given, wanted):
        made = fused(given, wanted)
        names.extend(one.function for one in made if isinstance(one, Fused))
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "fused", spy)
        with_kernels = captured.plan_of(entries, returned)
        patch.setattr(native, "fused", lambda given, wanted: list(given))
        without = captured.plan_of(entries, returned)
    return with_kernels, without, names


def both(entries, returned):
    """Run both plans from the same state; return what each left, and the names of the kernels."""
    with_kernels, without, names = plans(entries, returned)
    made = made_by(entries)
    outside = {
        (one.data_ptr(), one.shape): one
        for entry in entries
        if isinstance(entry, Operation)
        for one in entry.changed
        if memory_of(one) not in made
    }
    watched = [*outside.values(), *returned]
    before = [one.clone() for one in outside.values()]
    left = []
    for plan in (without, with_kernels):
        for one, value in zip(outside.values(), before, strict=True):
            one.copy_(value)
        plan.run()
        left.append([one.clone() for one in watched])
    return *left, names


def recorded(function):
    """Record a function that returns tensors."""
    with Recorder() as recorder:
        returned = function()
    assert recorder.obstacle is None
    return recorder.entries, [plain(one) for one in returned]


def compare(function, expected_names, rtol=1e-6, atol=1e-7):
    entries, returned = recorded(function)
    expected, got, names = both(entries, returned)
    assert names == expected_names
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol, equal_nan=True)
    return got


def recorded_step(model, x, y, training=True):
    """Return what a step of a compiled model recorded on a batch."""
    model.make_train_step()
    model.train(training)
    step = model.make_train_step() if training else model.make_test_step()
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        plan_of = captured.plan_of
        patch.setattr(captured, "plan_of", lambda *given: (seen.append(given), plan_of(*given))[1])
        with torch.set_grad_enabled(training):
            step(Batch(x, [y], [None], len(x)))
    ((entries, returned, *_),) = seen
    return entries, returned


def compiled(*stack, shape, classes=10, metrics=("accuracy",)):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [keras.Input(shape), *stack, layers.Dense(classes, activation="softmax")]
    )
    model.compile("sgd", loss="sparse_categorical_crossentropy", metrics=list(metrics))
    x = torch.randn(8, *shape)
    model.fit(x, torch.randint(classes, (8,)), verbose=0)
    return model


def compare_step(model, x, y, expected_names, training=True, atol=2e-6):
    expected, got, names = both(*recorded_step(model, x, y, training))
    assert names == expected_names
    for one, other in zip(got, expected, strict=True):
        size = other.nan_to_num(0, 0, 0).abs().max().item()
        torch.testing.assert_close(one, other, rtol=1e-6, atol=atol * size, equal_nan=True)
    return got


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("metrics", [(), ("accuracy",)])
@pytest.mark.parametrize("examples", [1, 2, 31, 32, 33])
@pytest.mark.parametrize("classes", [2, 10, 17, 130])
def test_head(training, metrics, examples, classes):
    model = compiled(shape=(6,), classes=classes, metrics=metrics)
    x, y = torch.randn(examples, 6) * 5, torch.randint(classes, (examples,))
    names = ["add_bias", "head", "column_sums"] if training else ["add_bias", "score"]
    if examples == 1:  # PyTorch leaves out factors of 1, so it is another run of operations
        own = ["softmax"] if classes <= softmax.MOST_CLASSES else []
        names = ["add_bias", *own, *names[2:]]
    compare_step(model, x, y, names, training)


@few
@given(st.integers(1, 40), st.integers(1, 20), st.sampled_from([1e-3, 1.0, 200.0]))
def test_softmax(examples, classes, width):
    x = torch.randn(examples, classes) * width
    name = ["softmax"] if classes <= softmax.MOST_CLASSES else []
    (made,) = compare(lambda: [torch.softmax(x, -1)], name, rtol=2e-5, atol=1e-7)
    exact = torch.softmax(x.double(), -1)
    torch.testing.assert_close(made.double(), exact, rtol=2e-5, atol=1e-7)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_softmax_lets_what_is_not_finite_through(value):
    x = torch.randn(9, 10)
    x[4, 2] = value
    x[6] = value
    compare(lambda: [torch.softmax(x, -1)], ["softmax"], rtol=2e-5)


def test_a_batch_whose_address_a_kernel_knows_is_copied():
    model = keras.Sequential([keras.Input((300,)), layers.LeakyReLU(0.1), layers.Dense(3)])
    for _ in range(2):
        x = torch.randn(128, 300)
        with torch.no_grad():
            wanted = torch.cat([model(x[:64]), model(x[64:])])
        got = torch.from_numpy(model.predict(x, batch_size=64, verbose=0))
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


@few
@given(st.integers(1, 20), st.sampled_from([300, 784, 1001]), st.integers(1, 40))
def test_where_a_batch_lies_does_not_change_what_is_predicted(before, features, units):
    model = keras.Sequential(
        [keras.Input((features,)), layers.Dense(units, "relu"), layers.Dense(4, "softmax")]
    )
    memory = torch.randn(before + 256 * features)
    x = memory[before:].view(256, features)
    predicted = [model.predict(one, batch_size=128, verbose=0) for one in (x, x.clone())]
    assert (predicted[0] == predicted[1]).all()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_head_lets_what_is_not_finite_through(value):
    model = compiled(shape=(6,))
    x, y = torch.randn(9, 6), torch.randint(10, (9,))
    x[4, 2] = value
    compare_step(model, x, y, ["add_bias", "head", "column_sums"])


def test_certain_and_hopeless_examples_have_no_gradient():
    model = compiled(shape=(6,))
    model.get_layer(index=-1).kernel.data.mul_(1e3)
    x, y = torch.randn(50, 6), torch.randint(10, (50,))
    compare_step(model, x, y, ["add_bias", "head", "column_sums"])


def test_another_metric_reads_the_predictions():
    model = compiled(
        shape=(6,), metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(3)]
    )
    x, y = torch.randn(20, 6), torch.randint(10, (20,))
    compare_step(model, x, y, ["add_bias", "head", "column_sums"])


@pytest.mark.parametrize("label", [-1, 10])
def test_a_label_out_of_range_is_refused_as_pytorch_does(label):
    model = compiled(shape=(6,))
    entries, returned = recorded_step(model, torch.randn(4, 6), torch.zeros(4).long())
    with_kernels, without, _ = plans(entries, returned)
    labels = next(
        one
        for entry in entries
        if isinstance(entry, Operation)
        for one in entry.read
        if one.dtype == torch.int64 and memory_of(one) not in made_by(entries)
    )
    labels.flatten()[2] = label
    messages = []
    for plan in (without, with_kernels):
        with pytest.raises(RuntimeError) as caught:
            plan.run()
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


ACTIVATIONS = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 0.8),
    "selu": F.selu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@few
@given(rows=st.integers(1, 40), columns=st.integers(1, 70), large=st.sampled_from([1e-6, 1, 60]))
def test_activations(name, rows, columns, large):
    x = (torch.randn(rows, columns) * large).requires_grad_()
    # PyTorch's gradient of ELU at NaN is NaN in some places of a tensor, and not in others.
    first = 1.0 if name in ("elu", "selu") else math.nan
    x.data.flatten()[:4] = torch.tensor([first, math.inf, -math.inf, -0.0])[: x.numel()]
    upstream = torch.randn(rows, columns)

    def step():
        y = ACTIVATIONS[name](x)
        return y, torch.autograd.grad(y, x, upstream)[0]

    compare(step, ["activate", "activate_backward"], rtol=5e-7, atol=0)


@pytest.mark.parametrize("function", [torch.sigmoid, torch.tanh])
def test_gradients_of_sigmoid_and_tanh(function):
    x, upstream = torch.randn(9, 21, requires_grad=True), torch.randn(9, 21)
    x.data[0, :3] = torch.tensor([math.nan, math.inf, -math.inf])

    def step():
        y = function(x)
        return y, torch.autograd.grad(y, x, upstream)[0]

    compare(step, ["activate_backward"])


@few
@given(rows=st.integers(1, 300), columns=st.integers(1, 600), has_relu=st.booleans())
def test_biases_and_their_gradients(rows, columns, has_relu):
    x, upstream = torch.randn(rows, 3), torch.randn(rows, columns)
    kernel, bias = torch.randn(3, columns), torch.randn(columns, requires_grad=True)

    def step():
        y = torch.addmm(bias, x, kernel)
        y = F.relu(y) if has_relu else y
        return y, torch.autograd.grad(y, bias, upstream)[0]

    if has_relu:
        compare(step, ["add_bias", "activate_backward", "column_sums"], atol=2e-5)
    else:
        compare(step, ["add_bias", "column_sums"], atol=2e-5)


def test_a_bias_whose_product_is_read_elsewhere():
    x, kernel, bias = torch.randn(5, 3), torch.randn(3, 4), torch.randn(4)

    def step():
        y = torch.addmm(bias, x, kernel)
        return F.relu(y), y

    compare(step, ["add_bias", "activate"])


def batch_norm(shape, large=1.0, has_relu=False, of_inputs=True):
    """Return a function that normalises in training and takes gradients, as the layer does."""
    layer = layers.BatchNormalization()
    x = torch.randn(*shape) * large + 3
    layer(x)
    layer.gamma.data.normal_()
    layer.beta.data.normal_()
    x.requires_grad_(of_inputs)
    upstream = torch.randn(shape)

    def step():
        y = layer(x, training=True)
        y = F.relu(y) if has_relu else y
        wanted = [layer.gamma, layer.beta, *([x] if of_inputs else [])]
        return y, *torch.autograd.grad(y, wanted, upstream)

    return step


@few
@given(
    rows=st.integers(2, 200),
    columns=st.one_of(st.integers(1, 40), st.integers(500, 1100)),
    has_relu=st.booleans(),
    of_inputs=st.booleans(),
)
def test_batch_normalization_of_rows(rows, columns, has_relu, of_inputs):
    step = batch_norm((rows, columns), 2.0, has_relu, of_inputs)
    compare(step, ["normalize", "normalize_backward"], rtol=1e-5, atol=1e-5)


@few
@given(
    shape=st.tuples(*[st.integers(1, 12)] * 3, st.integers(2, 40)),
    has_relu=st.booleans(),
    of_inputs=st.booleans(),
)
def test_batch_normalization_of_images(shape, has_relu, of_inputs):
    step = batch_norm((shape[0] + 1, *shape[1:]), 2.0, has_relu, of_inputs)
    entries, returned = recorded(step)
    expected, got, names = both(entries, returned)
    # An axis of one element leaves open in which order the elements lie.
    assert names == ["normalize", "normalize_backward"] or 1 in shape
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * other.abs().max().item())


def frozen_batch_norm(shape, activation, with_gradients=True, scale=2.0, policy="float32"):
    kind = torch.float32 if policy == "float32" else torch.bfloat16
    x = (torch.randn(shape) * 3).to(kind)
    layer = layers.BatchNormalization(dtype=policy)
    layer(x)
    for weight in (layer.gamma, layer.beta, layer.moving_mean):
        weight.data.normal_()
    layer.moving_variance.data.uniform_(0.1, scale)
    x.requires_grad_(with_gradients)
    upstream = torch.randn(shape).to(kind)

    def step():
        y = activation(layer(x, training=False))
        wanted = [layer.gamma, layer.beta, x]
        return y, *(torch.autograd.grad(y, wanted, upstream) if with_gradients else ())

    return step


def as_it_is(x):
    return x


@few
@given(
    shape=st.one_of(
        st.tuples(st.integers(2, 200), st.one_of(st.integers(2, 40), st.integers(500, 1100))),
        st.tuples(*[st.integers(2, 12)] * 3, st.integers(2, 40)),
    ),
    activation=st.sampled_from([F.relu, F.relu6]),
)
def test_batch_normalization_by_statistics_that_stay(shape, activation):
    names = ["normalize_frozen", "normalize_frozen_backward"]
    step = frozen_batch_norm(shape, activation)
    compare(step, names, rtol=1e-5, atol=1e-4)
    with torch.no_grad():
        compare(frozen_batch_norm(shape, activation, False), names[:1], rtol=1e-5, atol=1e-5)
    compare(frozen_batch_norm(shape, as_it_is), names[1:], rtol=1e-5, atol=1e-4)


@few
@given(
    shape=st.one_of(
        st.tuples(st.integers(2, 200), st.one_of(st.integers(2, 40), st.integers(500, 1100))),
        st.tuples(*[st.integers(2, 12)] * 3, st.integers(2, 40)),
    ),
    activation=st.sampled_from([F.relu, F.relu6]),
)
def test_batch_normalization_by_statistics_that_stay_in_bfloat16(shape, activation):
    names = ["normalize_frozen_short", "normalize_frozen_short_backward"]
    # PyTorch's sums may round once more: a number may be its neighbour, one of 256 between powers.
    given = {"policy": "mixed_bfloat16"}
    near = {"rtol": 2.0**-7, "atol": 1e-3}
    compare(frozen_batch_norm(shape, activation, **given), names, **near)
    with torch.no_grad():
        compare(frozen_batch_norm(shape, activation, False, **given), names[:1], **near)
    compare(frozen_batch_norm(shape, as_it_is, **given), names[1:], **near)


def test_frozen_batch_normalization_whose_shift_changes_before_its_gradients_is_left_alone():
    layer = layers.BatchNormalization()
    x = torch.randn(10, 5)
    layer(x)
    x.requires_grad_()

    def step():
        y = F.relu6(layer(x, training=False))
        with torch.no_grad():
            layer.beta.add_(1.0)
        return y, *torch.autograd.grad(y, [x, layer.gamma], torch.ones(10, 5))

    entries, returned = recorded(step)
    expected, got, names = both(entries, returned)
    assert "normalize_frozen" not in names
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_frozen_batch_normalization_that_is_read_before_its_activation_is_left_alone():
    layer = layers.BatchNormalization()
    x = torch.randn(10, 5)
    layer(x)

    def step():
        before = layer(x, training=False)
        return before, F.relu6(before)

    with torch.no_grad():
        compare(step, [])


# PyTorch's gradient of a ReLU6 at NaN is that of one side or the other, by its place.
@pytest.mark.parametrize(
    ("value", "activation"),
    [
        *((value, F.relu) for value in (math.nan, math.inf, -math.inf)),
        *((value, F.relu6) for value in (math.inf, -math.inf)),
    ],
)
def test_frozen_batch_normalization_lets_what_is_not_finite_through(value, activation):
    layer = layers.BatchNormalization()
    x = torch.randn(10, 5)
    layer(x)
    x[3, 2] = value
    x.requires_grad_()
    upstream = torch.randn(10, 5)

    def step():
        y = activation(layer(x, training=False))
        return y, *torch.autograd.grad(y, [x, layer.gamma, layer.beta], upstream)

    compare(step, ["normalize_frozen", "normalize_frozen_backward"], rtol=1e-5, atol=1e-5)


def test_batch_statistics_are_as_exact_as_in_double_precision():
    """Far from zero, where a sum of squares would lose all digits."""
    layer = layers.BatchNormalization(momentum=0.0)
    x = torch.randn(5000, 48) + 1000
    layer(x)
    entries, returned = recorded(lambda: (layer(x, training=True),))
    _, got, names = both(entries, returned)
    assert names == ["normalize"]
    exact = (x.double() - x.double().mean(0)) / (x.double().var(0, correction=0) + 1e-3).sqrt()
    torch.testing.assert_close(got[-1].double(), exact, rtol=0, atol=2e-4)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_batch_normalization_lets_what_is_not_finite_through(value):
    layer = layers.BatchNormalization()
    x = torch.randn(10, 5)
    layer(x)
    x[3, 2] = value
    compare(lambda: (layer(x, training=True),), ["normalize"])


@few
@given(
    shape=st.one_of(
        st.tuples(st.integers(1, 50), st.integers(1, 50)),
        st.tuples(*[st.integers(1, 9)] * 3),
        st.tuples(*[st.integers(1, 5)] * 4),
    ),
    rate=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**31),
)
def test_dropout_to_the_bit(shape, rate, seed):
    x, upstream = torch.randn(shape, requires_grad=True), torch.randn(shape)
    x.data.flatten()[0] = math.nan
    key = random.SeedGenerator(seed).next_key()

    def step():
        y = x * random.keep_mask(x, rate, key, 1 / (1 - rate))
        return y, torch.autograd.grad(y, x, upstream)[0]

    compare(step, ["drop_out", "multiply"], rtol=0, atol=0)


@pytest.mark.parametrize("examples", [2, 5, 32, 100])
def test_whole_steps(examples):
    model = compiled(
        layers.BatchNormalization(),
        layers.Dense(17, activation="relu"),
        layers.Dense(33, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("elu"),
        layers.Dropout(0.3),
        shape=(21,),
    )
    x, y = torch.randn(examples, 21), torch.randint(10, (examples,))
    names = ["normalize", "add_bias", "normalize", "activate", "drop_out", "add_bias", "head"]
    names += ["column_sums", "multiply", "activate_backward", "normalize_backward"]
    names += ["activate_backward", "column_sums", "normalize_backward"]
    compare_step(model, x, y, names)


@few
@given(
    images=st.integers(2, 5),
    height=st.integers(2, 9),
    width=st.integers(2, 9),
    channels=st.integers(2, 40),
    has_relu=st.booleans(),
    is_training=st.booleans(),
    ties=st.booleans(),
)
def test_max_pooling(images, height, width, channels, has_relu, is_training, ties):
    layer = layers.MaxPooling2D()
    x = torch.randn(images, height, width, channels)
    x = x.round() if ties else x
    x.flatten()[:3] = torch.tensor([math.nan, math.inf, -math.inf])
    x.requires_grad_(is_training)
    upstream = torch.randn(images, height // 2, width // 2, channels)

    def step():
        y = layer(F.relu(x) if has_relu else x)
        return (y, torch.autograd.grad(y, x, upstream)[0]) if is_training else (y,)

    entries, returned = recorded(step)
    expected, got, names = both(entries, returned)
    # Where one pooled pixel is left along an axis, it is open in which order the elements lie.
    assert names == ["pool", "pool_backward"][: 1 + is_training] or min(height, width) < 4
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0, equal_nan=True)


def test_other_pooling_stays():
    x = torch.randn(2, 9, 9, 3)
    for layer in (layers.MaxPooling2D(3), layers.MaxPooling2D(2, strides=1)):
        layer(x)
        compare(lambda layer=layer: (layer(x),), [])


@pytest.mark.parametrize("images", [13, 150])
def test_steps_with_images(images):
    """The gradients of many images are large: PyTorch makes their memory anew in each step."""
    model = compiled(
        layers.Conv2D(5, 3),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(7, 2),
        layers.BatchNormalization(),
        layers.Activation("relu"),
        layers.Flatten(),
        shape=(11, 12, 2),
    )
    x, y = torch.randn(images, 11, 12, 2), torch.randint(10, (images,))
    names = ["normalize", "pool", "normalize", "add_bias", "head", "column_sums"]
    names += ["normalize_backward", "pool_backward", "normalize_backward"]
    # PyTorch adds the pixels of all images one after the other, and loses digits.
    compare_step(model, x, y, names, atol=2e-5)


@pytest.mark.parametrize("kind", ["float64", "strided", "broadcast"])
def test_what_is_not_known_stays(kind):
    x = torch.randn(6, 4)
    y = {
        "float64": lambda: F.elu(x.double()),
        "strided": lambda: F.elu(x[:, ::2]),
        "broadcast": lambda: x * x[:1],
    }[kind]
    compare(lambda: (y(),), [])


def test_nothing_moves_over_what_it_uses():
    """The mask is multiplied later, when the inputs have been changed."""
    x, key = torch.randn(6, 4), random.SeedGenerator(1).next_key()

    def step():
        mask = random.keep_mask(x, 0.5, key, 2.0)
        kept = mask.sum()
        x.mul_(0.5)
        kept = kept + x.sum()
        return x * mask, kept

    compare(step, ["multiply"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_large_work_is_split_over_threads(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        # Without ReLU: of so many numbers one is so near 0 that rounding puts it on either side.
        step = batch_norm((20_001, 33), 2.0)
        compare(step, ["normalize", "normalize_backward"], rtol=1e-5, atol=1e-3)
        x = torch.randn(701, 397) * 5
        compare(
            lambda: (F.elu(x), x * x.neg(), x.sum(0, keepdim=True)),
            ["activate", "multiply", "column_sums"],
            atol=1e-3,
        )
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    "step",
    [batch_norm((20_001, 33), 2.0, True), frozen_batch_norm((20_001, 33), F.relu6)],
    ids=["batch statistics", "kept statistics"],
)
def test_results_do_not_depend_on_threads(step):
    entries, returned = recorded(step)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(both(entries, returned)[1][-4:])
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for one in results for a, b in zip(one, results[0], strict=True))


def test_threads_flush_small_numbers_as_the_calling_one_does():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        x = torch.full((1 << 17,), 1e-30).view(-1, 2)
        entries, returned = recorded(lambda: (x * x.clone().mul_(1e-10),))
        _, got, names = both(entries, returned)
    finally:
        torch.set_num_threads(before)
    assert names == ["multiply"]
    assert not got[-1].any()


def test_a_call_refuses_arguments():
    x = torch.zeros(4)
    call = library.bind("multiply", 4, [x, x, 4, x])
    with pytest.raises(TypeError, match="takes no arguments"):
        call(1)
    with pytest.raises(TypeError, match="multiply takes 4 arguments, not 1"):
        library.bind("multiply", 4, [x])
    with pytest.raises(ValueError, match="there is no kernel other"):
        library.bind("other", 4, [x])
    with pytest.raises(TypeError):
        library.bind("multiply", 4, [x, x, "4", x])


def test_other_threads_of_python_run_in_long_calls():
    x = torch.zeros(1 << 22)
    call = library.bind("multiply", x.numel(), [x, x, x.numel(), x])
    counted, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            counted[0] += 1

    other = threading.Thread(target=count)
    other.start()
    for _ in range(10):
        call()
    stop.set()
    other.join()
    assert counted[0] > 0


def test_it_can_be_switched_off():
    code = "from latih.engine.capture import native; print(native.available(), native.why_not())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LATIH_NATIVE": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False LATIH_NATIVE=0 is set in the environment\n"
